"""Four readers, each from a bare environment to their result, by the blocks of the docs alone.

    python tests/journeys/run.py [--here] [JOURNEY ...]

The built wheel is installed into an empty environment, with what a journey's page says to install
and nothing else; a journey that needs more comes later and adds it. Then the page's blocks run one
after the other in an empty folder, as printed. Every command must end well and print what the page
shows of its output, and the journey's result must be there. ``--here`` takes the environment that
runs this script. A journey over published data is skipped, by name, without REASSESS_DATA.

==========  =============================================================================
owner       docs/tutorial.md: from labels and predictions to a report, labels and a comparison
researcher  README.md: from published accuracies to a verdict and a report
trainer     docs/training.md: from a folder of images to a model on the images that are kept
builder     docs/python.md: from logits in memory to an answer, a figure and a study
==========  =============================================================================
"""

import argparse
import os
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
from tests.journeys.pages import WIDTH, Code, Typed, session  # noqa: E402

PUBLISHED = ("imagenet", "timm-results", "real.json")
"""Words of a command that needs published data."""
LONG = ("reassess reproduce imagenet",)
"""What has tests of its own, which compute all of it."""
TYPED = ("reassess ", "grep ", "cat ", "wc ")
"""How the commands begin that are run; to install and to make is not the journey's."""


@dataclass(frozen=True)
class Journey:
    """A reader's way.

    Attributes:
        page: that they follow.
        extras: what they install, in brackets.
        steps: makes the commands and code of it, in their order.
        results: files that are there in the end.
        output: what the last command prints, in part.
        published: whether it is about published data.
        beside: packages that the page says to install beside it.
        any_number: whether the numbers that the page shows differ by processor.
    """

    page: Path
    extras: str
    steps: "Callable[[Path], Iterator[Typed | Code]]"
    results: tuple[str, ...]
    output: str
    published: bool = False
    beside: tuple[str, ...] = ()
    any_number: bool = False


def is_about_published(step: Typed | Code) -> bool:
    """Whether a step needs published data."""
    return isinstance(step, Typed) and any(word in step.line for word in PUBLISHED)


def _own_data(page: Path) -> Iterator[Typed | Code]:
    """A page's commands and its code, but what is on published data."""
    for step in session(page):
        if isinstance(step, Code) or (step.line.startswith(TYPED) and not is_about_published(step)):
            yield step


def _published(page: Path) -> Iterator[Typed | Code]:
    """A page's commands on published data, and what lists it."""
    for step in session(page):
        if isinstance(step, Typed) and step.line.startswith(TYPED):
            is_about = is_about_published(step) or step.line == "reassess datasets"
            if is_about and step.line not in LONG:
                yield step


JOURNEYS = {
    "owner": Journey(
        ROOT / "docs" / "tutorial.md", "all", _own_data,
        ("demo/report.html", "digits/study.toml", "curve.svg", "labels.json"), " correct",
    ),
    "researcher": Journey(
        ROOT / "README.md", "all", _published, ("imagenet.html",), "proxy", published=True,
    ),
    "trainer": Journey(
        ROOT / "docs" / "training.md", "all,train", _own_data,
        ("model.safetensors", "preds.npz", "keep.txt", "removed.csv", "table.md"), "",
        any_number=True,
    ),
    "builder": Journey(
        ROOT / "docs" / "python.md", "all,train", _own_data,
        ("accuracies.svg", "pets/tasks.parquet"), "Cost(", beside=("pandas",),
    ),
}  # fmt: skip
"""By what they install: whoever needs more comes later."""


def surroundings(python: Path) -> dict[str, str]:
    """The environment variables of a reader's shell.

    Compiled modules are kept, or every command would compile all that it imports again. Threads
    wait without spinning: where other work runs, spinning threads of PyTorch wait for each other.
    """
    kept = {
        name: value for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    }  # fmt: skip
    if python == Path(sys.executable):
        kept["PYTHONPATH"] = str(ROOT / "src")
    path = f"{python.parent}{os.pathsep}{kept['PATH']}"
    return kept | {"PATH": path, "COLUMNS": WIDTH, "OMP_WAIT_POLICY": "passive"}


def walk(name: str, journey: Journey, python: Path) -> list[str]:
    """What went wrong on the way, a line each."""
    output = ""
    with tempfile.TemporaryDirectory() as folder:
        n_steps = 0
        for step in journey.steps(journey.page):
            start = time.monotonic()
            command = (
                ["python", "-W", "error", "-c", step.text]
                if isinstance(step, Code)
                else ["bash", "-c", step.line]
            )
            run = subprocess.run(
                command, cwd=folder, env=surroundings(python), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=3600, check=False,
            )  # fmt: skip
            n_steps += 1
            shown = f"{page_name(journey)}: code" if isinstance(step, Code) else step.line
            print(f"{name}: {shown} ({time.monotonic() - start:.0f} s)", flush=True)
            output = run.stdout
            if run.returncode != 0:
                return [f"{shown}: exit status {run.returncode}", *output.splitlines()[-12:]]
            lacking = None
            if isinstance(step, Typed):
                lacking = step.lacks(output, any_number=journey.any_number)
            if lacking is not None:
                return [f"{shown}: does not print {lacking!r}, but", *output.splitlines()]
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


def add(folder: Path, wheel: Path, journey: Journey) -> Path:
    """The Python of the environment, with the wheel and what the journey's page adds, pinned."""
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
            began = time.monotonic()
            python = Path(sys.executable)
            if wheel is not None:
                python = add(Path(folder) / "environment", wheel, journey)
                print(f"{name}: [{journey.extras}] installed ({time.monotonic() - began:.0f} s)")
            faults = walk(name, journey, python)
            arrived = f"arrived after {(time.monotonic() - began) / 60:.1f} minutes"
            print(f"{name}: {'FAILED' if faults else arrived}", *faults, sep="\n  ")
            went_well = went_well and not faults
    print(f"{(time.monotonic() - start) / 60:.1f} minutes")
    return int(not went_well)


if __name__ == "__main__":
    sys.exit(main())
