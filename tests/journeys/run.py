"""Four readers, each from a bare environment to their result, by the blocks of the docs alone.

    python tests/journeys/run.py [--here] [JOURNEY ...]

An environment of its own is made for each journey, with what its page says to install, from the
built wheel; then the page's blocks run one after the other in an empty folder, as printed. Every
command must end well, and the journey's result must be there. ``--here`` takes the environment that
runs this script. A journey over published data is skipped, by name, without REASSESS_DATA.

==========  =============================================================================
owner       docs/tutorial.md: from labels and predictions to a report, labels and a comparison
builder     docs/python.md: from logits in memory to an answer, a figure and a study
trainer     docs/training.md: from a folder of images to a model on the images that are kept
researcher  README.md: from published accuracies to a verdict and a report
==========  =============================================================================
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bare_environments import build_wheel, install  # noqa: E402
from tests.journeys.pages import blocks, commands  # noqa: E402

PUBLISHED = ("imagenet", "timm-results", "real.json")
"""Words of a command that needs published data."""
LONG = {"reassess reproduce imagenet"}
"""What has tests of its own, which compute all of it."""


@dataclass(frozen=True)
class Journey:
    """A reader's way.

    Attributes:
        page: that they follow.
        extras: what they install, in brackets.
        steps: makes the commands and code of it, in their order.
        results: files that are there in the end.
        output: what the last command prints, in part.
        prepare: makes what the reader has before they begin.
        published: whether it is about published data.
        beside: packages that the page says to install beside it.
    """

    page: Path
    extras: str
    steps: "Callable[[Path], Iterator[list[str]]]"
    results: tuple[str, ...]
    output: str
    prepare: Callable[[Path], None] = lambda _: None
    published: bool = False
    beside: tuple[str, ...] = ()


def _own_data(page: Path) -> Iterator[list[str]]:
    """A page's commands, but those on published data; then its code, as one script."""
    for command in commands(page):
        if not any(word in " ".join(command) for word in PUBLISHED):
            yield command
    code = "\n".join(blocks(page, "python"))
    if code:
        yield ["python", "-W", "error", "-c", code]


def _of_text(page: Path) -> Iterator[list[str]]:
    """The commands that a page's text blocks list, but those that download weights."""
    for command in commands(page, "text", prompt=""):
        if "--pretrained" not in command:
            yield command


def _published(page: Path) -> Iterator[list[str]]:
    """A page's commands on published data, and what lists it."""
    for command in commands(page):
        line = " ".join(command)
        is_about = line == "reassess datasets" or any(word in line for word in PUBLISHED)
        if is_about and line not in LONG:
            yield command


def _photos(folder: Path) -> None:
    """Twenty-four pictures in folders of three classes, of a colour each; two lie wrong."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    names = ("ant", "bee", "cat")
    rows = ["image,label"]
    for n in range(24):
        pixels = rng.integers(0, 90, (24, 24, 3))
        pixels[:, :, n % 3] += 120
        label = names[(n + (n in {7, 20})) % 3]
        path = folder / "photos" / label / f"{n:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        rows.append(f"{label}/{path.name},{label}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


JOURNEYS = {
    "owner": Journey(
        ROOT / "docs" / "tutorial.md", "all", _own_data,
        ("demo/report.html", "digits/study.toml", "curve.svg", "labels.json"), " correct",
    ),
    "builder": Journey(
        ROOT / "docs" / "python.md", "all,train", _own_data,
        ("accuracies.svg", "pets/tasks.parquet"), "Cost(", beside=("pandas",),
    ),
    "trainer": Journey(
        ROOT / "docs" / "training.md", "train,study", _of_text,
        ("model.safetensors", "preds.npz", "keep.txt", "removed.csv", "table.md"), "", _photos,
    ),
    "researcher": Journey(
        ROOT / "README.md", "all", _published, ("imagenet.html",), "proxy", published=True,
    ),
}  # fmt: skip


def walk(name: str, journey: Journey, python: Path) -> list[str]:
    """What went wrong on the way, a line each."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if python != Path(sys.executable):
        environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
    else:
        environment |= {"PYTHONPATH": str(ROOT / "src"),
                        "PATH": f"{python.parent}{os.pathsep}{environment['PATH']}"}  # fmt: skip
    output = ""
    with tempfile.TemporaryDirectory() as folder:
        journey.prepare(Path(folder))
        n_steps = 0
        for command in journey.steps(journey.page):
            start = time.monotonic()
            run = subprocess.run(command, cwd=folder, env=environment, capture_output=True,
                                 text=True, timeout=3600, check=False)  # fmt: skip
            n_steps += 1
            shown = shlex.join(command) if len(command[-1]) < 200 else f"{page_name(journey)}: code"
            print(f"{name}: {shown} ({time.monotonic() - start:.0f} s)", flush=True)
            if run.returncode != 0:
                return [f"{shown}: exit status {run.returncode}", *run.stderr.splitlines()[-12:]]
            output = run.stdout
        if n_steps == 0:
            return [f"{page_name(journey)} has no block to run"]
        missing = [one for one in journey.results if not (Path(folder) / one).is_file()]
    faults = [f"{one} is not there in the end" for one in missing]
    return faults + (
        [f"the last output has no {journey.output!r}"] * (journey.output not in output)
    )


def page_name(journey: Journey) -> str:
    """The page as it is called from the root."""
    return journey.page.relative_to(ROOT).as_posix()


def bare(folder: Path, wheel: Path, journey: Journey) -> Path:
    """The Python of a new environment with the wheel and what the journey's page adds, pinned."""
    pins = str(ROOT / "constraints.txt")
    installed = install(folder, wheel, journey.extras, "-c", pins, *journey.beside)
    if installed.returncode != 0:
        raise SystemExit(f"reassess[{journey.extras}] cannot be installed\n{installed.stderr}")
    return folder / "bin" / "python"


def main() -> int:
    """Walk the journeys; 1 where one fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("journeys", nargs="*", metavar="JOURNEY", help=", ".join(JOURNEYS))
    parser.add_argument("--here", action="store_true", help="in this environment")
    options = parser.parse_args()
    unknown = set(options.journeys) - set(JOURNEYS)
    if unknown:
        parser.error(f"there is no journey {sorted(unknown)[0]!r}, but {', '.join(JOURNEYS)}")
    went_well = True
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        wheel = None if options.here else build_wheel(Path(folder))
        for name, journey in JOURNEYS.items():
            if options.journeys and name not in options.journeys:
                continue
            if journey.published and not os.environ.get("REASSESS_DATA"):
                print(f"{name}: skipped, it is about published data (REASSESS_DATA is not set)")
                continue
            python = Path(sys.executable)
            with tempfile.TemporaryDirectory() as environment:
                if wheel is not None:
                    python = bare(Path(environment), wheel, journey)
                faults = walk(name, journey, python)
            print(f"{name}: {'FAILED' if faults else 'arrived'}", *faults, sep="\n  ")
            went_well = went_well and not faults
    print(f"{(time.monotonic() - start) / 60:.1f} minutes")
    return int(not went_well)


if __name__ == "__main__":
    sys.exit(main())
