"""What commands write besides files: notes and progress to stderr, tables and JSON to stdout."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from reassess.progress import Progress


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


def print_json(value: object) -> None:
    """Write a value to stdout as indented JSON."""
    import json

    click.echo(json.dumps(value, indent=1, ensure_ascii=False))
