"""Where each block of the documentation is run: asked of whatever runs them, else in one list.

Code, settings, scripts and data are run or read as a whole; of a console, each line has its place.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.journeys import every_page, run
from tests.journeys.installing import documented
from tests.journeys.pages import Script, Typed, commands, typed_in_shells
from tests.peers.pages import NEEDED as BY_PEERS

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"

RUN_NOWHERE = {
    ("ARCHITECTURE", "predictions → proposals → questions → votes"): "a drawing",
    ("rating-store", "images ◀── tasks ◀── questions ◀── slots ──▶ votes"): "a drawing",
}
"""By page and how the block begins: why nothing runs it."""

READ = {
    "python": "tests/test_docs.py runs it, or tests/peers/test_page.py",
    "toml": "tests/test_docs.py parses it",
    "json": "tests/test_docs.py parses it",
    "nginx": "tests/web/test_server.py serves a site behind it",
    "zsh": "tests/test_docs.py has the shell read it",
    "fish": "tests/test_docs.py has the shell read it",
}
"""Kinds of blocks that have one place, whatever the page."""

READ_ON = {
    ("csv", "saving-predictions"): "tests/journeys/every_page.py types a command that takes it",
    ("bash", "terminal"): "tests/test_docs.py has the shell read it",
    ("bash", "cluster"): "tests/journeys/cluster_page.py submits it",
    ("text", "cli"): "scripts/write_cli_reference.py --check compares it, in tests/test_docs.py",
    ("text", "ARCHITECTURE"): "tests/test_house.py holds it to the layers that are checked",
}
"""Kinds of blocks of one page; the first of ARCHITECTURE.md is in the list above."""

TESTED = {"reassess reproduce imagenet": "tests/test_reproduce.py computes all of it"}
"""Lines that have a test of their own."""


def name(page: Path) -> str:
    """A page as the lists call it: its path below docs/, or below the root, without its ending."""
    base = ROOT / "docs" if page.is_relative_to(ROOT / "docs") else ROOT
    return page.relative_to(base).with_suffix("").as_posix()


def run_nowhere(page: Path) -> Iterator[str]:
    """What of a page has no place: how the block begins, or the line."""
    page_name = name(page)
    scripts = [one.text for one in _steps(page_name) if isinstance(one, Script)]
    for kind, text in re.findall(
        r"^```([^\n]*)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        first = text.splitlines()[0]
        is_listed = any(page_name == of and first.startswith(how) for of, how in RUN_NOWHERE)
        is_run = (
            kind in {*READ, "console"}  # lines of consoles: below
            or kind.startswith("{")
            or (kind == "bash" and text in scripts)
            or (kind == "text" and page_name in BY_PEERS)  # what the code above it prints
            or (kind, page_name) in READ_ON
        )
        if is_listed or not is_run:
            yield first
    placed = set(_typed(page))
    for step in typed_in_shells(page):
        if isinstance(step, Typed) and _bare(step.line) not in placed:
            yield step.line


def _steps(page_name: str) -> list[Typed | Script]:
    """What every_page.py types of a page, with all that it needs at hand."""
    return list(every_page.typed(page_name)) if page_name in every_page.PAGES else []


def _typed(page: Path) -> Iterator[str]:
    """The lines of a page's consoles that something types, without comments."""
    page_name = name(page)
    yield from TESTED
    yield from map(_bare, documented())
    yield from re.findall(r"run: (make [a-z-]+)$", WORKFLOW.read_text("utf-8"), re.MULTILINE)
    for journey in run.JOURNEYS.values():
        if journey.page == page:
            yield from (_bare(one.line) for one in journey.steps(page) if isinstance(one, Typed))
    yield from (_bare(one.line) for one in _steps(page_name) if isinstance(one, Typed))
    if page_name in {"tutorial", "README"}:  # tests/test_docs.py
        yield from (_bare(one.line) for one in commands(page))
    if page_name == "cluster":  # tests/journeys/cluster_page.py
        yield from (_bare(one.line) for one in typed_in_shells(page) if isinstance(one, Typed))


def _bare(line: str) -> str:
    return line.partition("  #")[0].strip()
