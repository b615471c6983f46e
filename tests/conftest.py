"""What all tests share: how hypothesis runs, the published data, the command line, a tiny study.

The tiny study has six images of four classes. `SETS`, `ORIGINAL` and `SCORES` say what is true
of it; everything that a test expects is computed from them by a few lines of NumPy.
"""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import settings

import tests.type_checks  # noqa: F401 -- before the package is imported

# isort: split
from reassess.catalog import Catalog

pytest_plugins = ["tests.browser"]

# Workers of pytest-xdist inherit it: a thread of PyTorch's waits for the others by spinning, and
# where each worker has as many threads as there are cores, training takes several times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests leave no decoded images in the user's cache folder.
os.environ.setdefault("REASSESS_DECODED", "")

# Each worker, and each process that a test starts, would otherwise compile every module again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

settings.register_profile("reassess", deadline=None, max_examples=30)
settings.load_profile("reassess")

IDS = [
    f"{folder}/img_{n}.jpg"
    for n, folder in enumerate(["cat", "cat", "dog", "dog", "eel", "fox"], 1)
]
CLASSES = ("cat", "dog", "eel", "fox")
ORIGINAL = [0, 0, 1, 1, 2, 3]
SETS = [[0], [0, 1], [1], [], [2, 3], [3]]
SCORES = np.array(
    [
        [0.70, 0.10, 0.15, 0.05],
        [0.20, 0.60, 0.15, 0.05],
        [0.40, 0.35, 0.15, 0.10],
        [0.10, 0.80, 0.06, 0.04],
        [0.05, 0.10, 0.25, 0.60],
        [0.25, 0.30, 0.35, 0.10],
    ]
)


LONG = (
    ("web/test_server.py",),
    ("test_docs.py", "test_demo.py"),
    ("site/test_site.py",),
    ("cli/test_training_commands.py",),
    ("rating/test_queue.py",),
    ("web/test_browser.py",),
    ("report/test_page.py",),
    ("rating/test_concurrency.py",),
    ("cli/test_verdict_commands.py",),
    ("test_reproduce.py",),
    ("web/test_rating_page.py",),
    ("cli/test_rating_commands.py",),
    ("cli/test_commands.py",),
    ("proposals/test_learned.py",),
    ("web/test_intruder.py",),
    ("study/test_study.py",),
)
"""Modules that take longest, the longest first; those that share what they begin with together."""

RUNS_AGAIN = {"browser", "serve"}
"""Fixtures of a real browser and of real server processes. Where the machine is so busy that one
of them is late, a test of theirs fails for no fault of the site's: it runs once more, and the
summary names it. No other test does, as what fails there once is wrong."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long modules come first on every worker, as the last test to end decides how long all take.

    pytest-xdist hands each of its n workers one n-th of the tests, in their order, and lets those
    that are done take from the ends of the others.
    """
    for item in items:
        if RUNS_AGAIN & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.flaky(reruns=1))
    n = getattr(config, "workerinput", {}).get("workercount", 1)
    by_module = defaultdict(list)
    is_long = {f"tests/{name}" for names in LONG for name in names}
    for item in items:
        name = item.nodeid.partition("::")[0]
        by_module[name if name in is_long else ""].append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(n)]
    for place, names in enumerate(LONG):
        there_and_back = place % (2 * n)
        share = shares[min(there_and_back, 2 * n - 1 - there_and_back)]
        share += [item for name in names for item in by_module[f"tests/{name}"]]
    rest = iter(by_module[""])
    for i, share in enumerate(shares):
        size = len(items) // n + (i >= n - len(items) % n)
        share += [item for _, item in zip(range(size - len(share)), rest, strict=False)]
    items[:] = [item for share in shares for item in share] + list(rest)


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run a command; an exception that no message was made of escapes.

    pytest-xdist tells its workers how wide a terminal is; commands are to write as to a pipe.
    """
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: str | Path) -> Ran:
        from reassess.cli import main

        result = CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def published() -> Catalog:
    """The published data; tests that need it are skipped where it is not."""
    if not os.environ.get("REASSESS_DATA"):
        pytest.skip("REASSESS_DATA does not name a folder with the published data")
    return Catalog.default()


@dataclass(frozen=True)
class WholeDemo:
    """What `reassess demo` made, and what it said.

    Attributes:
        folder: where it was typed.
        result: what was made, in `folder / "demo"`.
        steps: names and details of its steps, in their order.
        ran: how the command ended.
    """

    folder: Path
    result: Any
    steps: list[tuple[str, str]]
    ran: Ran


@pytest.fixture(scope="session")
def whole_demo(tmp_path_factory: pytest.TempPathFactory) -> WholeDemo:
    """`reassess demo`, typed once for the tests of the demo and of the tutorial."""
    from reassess import demo
    from reassess.cli import main

    folder = tmp_path_factory.mktemp("whole")
    results, steps = [], []

    def run_demo(where: str, *, progress: Any, **options: Any) -> Any:
        def step(what: str, *, done: int | None = None, total: int | None = None) -> None:
            name, _, detail = what.partition(": ")
            steps.append((name, detail))
            progress(what, done=done, total=total)

        results.append(plain(where, progress=step, **options))
        return results[-1]

    plain = demo.run_demo
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(demo, "run_demo", run_demo)  # it does the same, and what it gives is kept
        ran = CliRunner().invoke(main, ["demo"], catch_exceptions=False)
    (result,) = results
    result = replace(result, folder=folder / "demo", report=folder / "demo" / "report.html")
    return WholeDemo(folder, result, steps, Ran(ran.exit_code, ran.stdout, ran.stderr))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one good file of each kind, as the working directory."""
    monkeypatch.chdir(tmp_path)
    rows = zip(IDS, ORIGINAL, strict=True)
    Path("labels.csv").write_text("image,label\n" + "".join(f"{i},{k}\n" for i, k in rows))
    Path("classes.csv").write_text(
        "index,id,name\n" + "".join(f"{k},n{k},{name}\n" for k, name in enumerate(CLASSES))
    )
    Path("real.json").write_text(json.dumps(dict(zip(IDS, SETS, strict=True))))
    ranked = np.argsort(-SCORES, axis=1, kind="stable")
    np.savez("preds.npz", classes=ranked, scores=np.take_along_axis(SCORES, ranked, 1), ids=IDS)
    pairs = [(i, k) for i, sets in zip(IDS, SETS, strict=True) for k in {0, 1, *sets}]
    held = {(i, k) for i, sets in zip(IDS, SETS, strict=True) for k in sets}
    for name, people, who in (
        ("votes.csv", "rater", ["ann", "bob", "cy", "di", "ed"]),
        ("gold.csv", "expert", ["x", "y", "z"]),
    ):
        Path(name).write_text(
            f"image,label,{people},answer\n"
            + "".join(f"{i},{k},{w},{_answer(i, k, w, held)}\n" for i, k in pairs for w in who)
        )
    return tmp_path


def _answer(image_id: str, label: int, who: str, held: set[tuple[str, int]]) -> str:
    """The truth, except that cy sees class 0 everywhere and di doubts the third image."""
    if (who, label) == ("cy", 0):
        return "yes"
    if who == "di" and image_id == IDS[2]:
        return "maybe"
    return "yes" if (image_id, label) in held else "no"
