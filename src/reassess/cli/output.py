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

_VERBOSE = "reassess.verbose"
"""Where the context keeps whether ``--verbose`` was given."""

_MOST_LEFT = 12
"""So many names of columns that were left are printed."""


def console() -> "Console":
    """A console on stdout, wide enough for whole names where stdout is no terminal."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=200)


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
        console=console, transient=True, disable=quiet or not console.is_terminal,
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
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def add_verbose_option(command: click.Command) -> None:
    """Give a command, and each that a group holds, the option ``--verbose``; once."""
    if isinstance(command, click.Group):
        for inside in command.commands.values():
            add_verbose_option(inside)
    elif all(one.name != "verbose" for one in command.params):
        command.params.append(
            click.Option(
                ["-v", "--verbose"],
                is_flag=True,
                expose_value=False,
                callback=_remember,
                help="Print which columns of which files were read, and as what.",
            )
        )


def _remember(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    ctx.find_root().meta[_VERBOSE] = value


def print_columns_read(ctx: click.Context, notes: "Notes") -> None:
    """Write to stderr which columns were read, where ``--verbose`` asked for it."""
    if not ctx.find_root().meta.get(_VERBOSE):
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
