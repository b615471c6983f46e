"""Count how often a reader who follows ``run`` and ``report`` is sent to another file.

The demo's study gets the demo's votes, loses all that ``reassess run`` makes, and is run and
reported under a profiler. Each function of the package is listed at its first call. A *change*
is a step of that list to another file; a *return* is a change to a file that stood earlier.

What counts as a function: what ``def`` makes, by file and qualified name. Code of modules and
classes, comprehensions and lambdas don't count, nor what a module calls while it is imported,
nor what numba compiles, which no profiler sees. A generator stands where its body begins.

Each command runs in a process of its own, so that no cache of an earlier one hides a call, and
is told that the machine has one core, so that all of its work is done in the main thread, which
alone is followed. The list is thus the same on every machine.
"""

import argparse
import inspect
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import reassess
from reassess import cli

PACKAGE = str(Path(reassess.__file__).parent) + os.sep
MADE = (
    "proposals.parquet",
    "unrated.csv",
    "tasks.parquet",
    "posterior.npz",
    "labels.json",
    "stages.json",
    "report.html",
    ".cache",
)
"""What ``run`` and ``report`` leave in a study."""


class Function(NamedTuple):
    """A function of the package.

    Attributes:
        file: below the package's folder.
        name: its qualified name.
    """

    file: str
    name: str


class FirstCalls:
    """A profiler that lists the functions of the package in the order of their first calls."""

    def __init__(self) -> None:
        self._seen: dict[CodeType, Function] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Take note of an event, as `sys.setprofile` tells it."""
        code = frame.f_code
        if event != "call" or code in self._seen or not _counts(code) or _is_importing(frame):
            return
        file = Path(code.co_filename.removeprefix(PACKAGE)).as_posix()
        self._seen[code] = Function(file, code.co_qualname)

    @property
    def functions(self) -> list[Function]:
        """The functions; those of one file and name, such as a property's two, stand once."""
        return list(dict.fromkeys(self._seen.values()))


def _counts(code: CodeType) -> bool:
    """Whether code is that of a function of the package."""
    is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
    return bool(is_function) and code.co_filename.startswith(PACKAGE)


def _is_importing(frame: FrameType) -> bool:
    """Whether a module of the package is being imported."""
    above = frame.f_back
    while above is not None:
        code = above.f_code
        if code.co_name == "<module>" and code.co_filename.startswith(PACKAGE):
            return True
        above = above.f_back
    return False


def invoke(*arguments: str) -> str:
    """What a command writes to stdout.

    Raises:
        RuntimeError: it failed.
    """
    said, complained = io.StringIO(), io.StringIO()
    status: str | int | None = None
    with redirect_stdout(said), redirect_stderr(complained):
        try:
            cli.main(arguments, prog_name="reassess")
        except SystemExit as end:
            status = end.code
    if status:
        raise RuntimeError(f"reassess {' '.join(arguments)}: {complained.getvalue()}")
    return said.getvalue()


def first_calls(*arguments: str) -> list[Function]:
    """The functions that a command calls, in the order of their first calls."""
    os.cpu_count = lambda: 1
    calls = FirstCalls()
    sys.setprofile(calls)
    try:
        invoke(*arguments)
    finally:
        sys.setprofile(None)
    return calls.functions


def first_calls_elsewhere(*arguments: str) -> list[Function]:
    """`first_calls` in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(first_calls, *arguments).result()


def rated_study(folder: Path) -> Path:
    """The demo's study with its votes, as it is before ``reassess run``.

    Raises:
        RuntimeError: the demo leaves something else.
    """
    invoke("demo", str(folder))
    study = folder / "study"
    shutil.copy(folder / "votes.csv", study / "votes.csv")
    for path in (study / name for name in MADE):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    done = stages(study, "done")
    if done != ["votes"]:
        raise RuntimeError(f"{study}: votes alone should be there, but done are: {done}")
    return study


def stages(study: Path, state: str) -> list[str]:
    """The study's stages that are in a state."""
    told = json.loads(invoke("status", str(study), "--json"))["stages"]
    return [one["stage"] for one in told if one["state"] == state]


def figures(functions: Sequence[Function]) -> dict[str, int]:
    """The numbers of functions, files, changes of file and returns."""
    files = [one.file for one in functions]
    n_changes = sum(before != after for before, after in pairwise(files))
    n_files = len(set(files))
    n_new = n_files - 1  # nothing changes to the first file: the list begins there
    return {
        "functions": len(functions),
        "files": n_files,
        "changes": n_changes,
        "returns": n_changes - n_new,
    }


def count(n_resamples: int) -> dict[str, list[Function]]:
    """The first calls of ``run`` and of ``report``, by the command.

    Raises:
        RuntimeError: a command fails, or ``run`` leaves a stage undone.
    """
    with tempfile.TemporaryDirectory() as folder:
        study = rated_study(Path(folder) / "demo")
        ran = first_calls_elsewhere("run", str(study), "--workers", "1")
        undone = [one for s in ("missing", "stale", "waiting") for one in stages(study, s)]
        if undone:
            raise RuntimeError(f"{study}: reassess run left undone: {undone}")
        told = first_calls_elsewhere("report", str(study), "--resamples", str(n_resamples))
    return {"run": ran, "report": told}


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--list", action="store_true", help="also print each list of functions")
    form.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--resamples", type=int, default=40, help="draws of the report (default: %(default)s)"
    )
    options = parser.parse_args()
    counted = count(options.resamples)
    if options.json:
        print(json.dumps({name: figures(functions) for name, functions in counted.items()}))
        return
    for name, functions in counted.items():
        print(f"{name}: " + ", ".join(f"{n:,} {what}" for what, n in figures(functions).items()))
        if options.list:
            print(*(f"  {one.file}:{one.name}" for one in functions), sep="\n")


if __name__ == "__main__":
    main()
