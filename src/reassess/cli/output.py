"""What commands write besides files: notes and progress to stderr, tables and JSON to stdout."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from reassess.notes import Notes
    from reassess.progress import Progress

VERBOSE, QUIET, LOG = "reassess.verbose", "reassess.quiet", "reassess.log"
"""Where the context keeps what ``--verbose``, ``--quiet`` and ``--log`` gave."""

MESSAGES = "reassess.messages"
"""Where the context keeps what `inform` was given, whether it was printed or not."""

_MOST_LEFT = 12
"""So many names of columns that were left are printed."""


def console() -> "Console":
    """A console on stdout, wide enough for whole names where stdout is no terminal."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=200)


def is_quiet() -> bool:
    """Whether ``--quiet`` asks for neither progress nor notes."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


def inform(text: str) -> None:
    """Write what may interest people to stderr, unless they ask for quiet: notes, what was written.

    A text that begins with ``Warning:`` is printed in any case. What a command is asked for is
    printed on stdout.
    """
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta.setdefault(MESSAGES, []).append(text)
    if not is_quiet() or text.startswith("Warning:"):
        click.echo(text, err=True)


@contextmanager
def spinner(title: str) -> Iterator[None]:
    """A sign that work goes on, on stderr where that is a terminal."""
    from rich.console import Console

    if is_quiet():
        yield
        return
    with Console(stderr=True).status(title):
        yield


@contextmanager
def progress_bar(title: str, *, quiet: bool = False) -> "Iterator[Progress]":
    """A bar of what is done, with the time that is left, on stderr where that is a terminal.

    Args:
        title: what the command does, before what it is doing.
        quiet: show nothing, as the processes of a group do but for one.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
        TextColumn("{task.fields[count]}"), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=quiet or is_quiet() or not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=None, count="")

        def show(what: str, *, done: int | None = None, total: int | None = None) -> None:
            count = "" if done is None else f"{done:,}"
            if count and total is not None:
                count += f" of {total:,}"
            text = f"{title}: {what}" if what else title
            bar.update(task, description=text, completed=done or 0, total=total, count=count)

        yield show


def print_json(value: object, *, with_notes: bool = True) -> None:
    """Write a value to stdout as indented JSON.

    Args:
        value: what to write.
        with_notes: add to an object, as `read` and `notes`, which columns of which files were read
            as what, and what was noted; not where its keys are names that somebody chose.
    """
    import json

    from reassess.notes import open_notes

    notes = open_notes()
    if with_notes and isinstance(value, dict) and notes is not None:
        value = value | {
            "read": [
                {"file": one.file, "used": dict(one.used), "left": list(one.left)}
                for one in notes.columns
            ],
            "notes": list(notes.texts),
        }
    click.echo(json.dumps(_without_negative_zero(value), indent=1, ensure_ascii=False))


def _without_negative_zero(value: object) -> object:
    """The same with 0.0 for every −0.0."""
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, dict):
        return {key: _without_negative_zero(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_negative_zero(one) for one in value]
    return value


def print_columns_read(ctx: click.Context, notes: "Notes") -> None:
    """Write to stderr which columns were read, where ``--verbose`` asked for it."""
    if not ctx.find_root().meta.get(VERBOSE):
        return
    for one in notes.columns:
        used = ", ".join(
            repr(column) if part == column.strip().lower() else f"{part} from {column!r}"
            for part, column in one.used.items()
        )
        left = ", ".join(map(repr, one.left[:_MOST_LEFT]))
        more = len(one.left) - _MOST_LEFT
        left += f" and {more:,} more" if more > 0 else ""
        click.echo(f"Read: {one.file}: {used}; left: {left or 'nothing'}.", err=True)
    if not notes.columns:
        click.echo("Read: no table.", err=True)
