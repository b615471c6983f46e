"""What several commands share: their options, and how names and files become records."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import click

from reassess.records import (
    Benchmark,
    Classes,
    Gold,
    Questions,
    ScoreType,
    Votes,
)

if TYPE_CHECKING:
    from rich.console import Console

Command = TypeVar("Command", bound=Callable[..., Any])


class _Option(click.Option):
    """An option that is also taken under its names of earlier versions, which help leaves out."""

    def __init__(self, *arguments: Any, old: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._old_on = [one for one in old if not one.startswith("/")]
        self._old_off = [one.removeprefix("/") for one in old if one.startswith("/")]

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser take the earlier names, too."""
        shown = self.opts, self.secondary_opts
        self.opts = [*self.opts, *self._old_on]
        self.secondary_opts = [*self.secondary_opts, *self._old_off]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts, self.secondary_opts = shown


def option(*arguments: Any, old: Sequence[str] = (), **more: Any) -> Callable[[Command], Command]:
    """``click.option`` whose names of earlier versions keep working, hidden from help.

    Args:
        arguments: the names, as click takes them.
        old: names of earlier versions, as ``("--level",)``; ``/--fresh`` switches a flag off.
        more: whatever click takes.
    """
    return click.option(*arguments, cls=_Option, old=old, **more)


class WordChoice(click.Choice[str]):
    """A choice whose refusal names the words that come near."""

    case_sensitive = True

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """Click's message, with the near words."""
        from reassess.registry import near_names

        near = near_names(value, self.choices)
        message = super().get_invalid_choice_message(value, ctx)
        return f"{message} Did you mean {near}?" if near else message


class LiteralChoice(WordChoice):
    """One of the words of a ``Literal``.

    Args:
        literal: the type; or a function without arguments that imports and returns it, where
            its home is heavy.
    """

    def __init__(self, literal: object) -> None:
        self._literal = literal

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The words, in the order of the type."""
        from reassess.registry import literal_choices

        literal = self._literal() if isinstance(self._literal, FunctionType) else self._literal
        words = literal_choices(literal)
        if words is None:
            raise TypeError(f"{literal} is no Literal")
        return tuple(str(word) for word in words if word is not None)


class RegistryChoice(WordChoice):
    """One of the names of a registry, which is read again for each command line and help text.

    So whatever is registered after the command was imported is offered, too.

    Args:
        registry: the `reassess.registry.Registry`, or any mapping whose keys are names; or a
            function without arguments that imports and returns it, where its home is heavy.
    """

    def __init__(self, registry: Mapping[str, Any] | Callable[[], Mapping[str, Any]]) -> None:
        self._registry = registry

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names that are registered now, in the order of their registration."""
        registry = self._registry
        return tuple(registry if isinstance(registry, Mapping) else registry())


class RowOrderOption(LiteralChoice):
    """The two orders that a file without ids can be in."""

    def __init__(self) -> None:
        super().__init__(_row_order)


def _row_order() -> object:
    from reassess.files import RowOrder

    return RowOrder


def labels_option(command: Command, *, required: bool = True) -> Command:
    """``--labels``, ``--original-labels`` and ``--classes``: what predictions are judged by."""
    for decorate in (
        click.option(
            "--classes",
            metavar="FILE",
            help="Table of the classes: index,id,name,synonyms,definition.",
        ),
        option(
            "--original-labels",
            old=("--original",),
            metavar="NAME|FILE|STUDY",
            help="Original labels: 'imagenet', a table image,label, or those of a study.",
        ),
        click.option(
            "--labels",
            required=required,
            metavar="NAME|FILE|STUDY",
            help="Reassessed labels: 'imagenet-real', those of a study, or a file: what `reassess "
            "label` wrote, a real.json, {file: [classes]}, or parquet.",
        ),
    ):
        command = decorate(command)
    return command


def rows_options(command: Command) -> Command:
    """Options that state which image a row of predictions is about."""
    for decorate in (
        click.option(
            "--scale",
            type=LiteralChoice(ScoreType),
            help="Type of the scores, where a file does not say.",
        ),
        option(
            "--subset",
            old=("--images",),
            metavar="FILE",
            help="File with the ids of the images to score: one a line, or a table.",
        ),
        click.option(
            "--ids",
            metavar="FILE",
            help="File with the image id of each row: one a line, JSON, .npy, or a table.",
        ),
        click.option(
            "--order",
            type=RowOrderOption(),
            help="Order of the rows of files without ids. file-number: by the number in the file "
            "name; imagefolder: by class folder, then file. Ids in a file win.",
        ),
    ):
        command = decorate(command)
    return command


def note(text: str) -> None:
    """Write a note to stderr: how commands hear of what `reassess.sources` has to say."""
    click.echo(f"Note: {text}", err=True)


def answer_names(text: str | None) -> list[str] | None:
    """The names that ``--answers A,B,…`` lists."""
    return None if text is None else [name.strip() for name in text.split(",")]


def read_original(original: str, classes: str | None) -> Benchmark:
    """A benchmark from a name of the catalogue or a table of original labels."""
    from reassess.sources import benchmark

    return benchmark(original, classes=classes, notify=note)


def read_votes_named(source: str, classes: Classes | None, answers: str | None) -> Votes:
    """Votes from a name of the catalogue or a file."""
    from reassess.sources import votes

    return votes(source, classes=classes, answers=answer_names(answers), notify=note)


def read_gold_named(source: str, classes: Classes | None) -> Gold:
    """Gold from a name of the catalogue or a file."""
    from reassess.sources import gold

    return gold(source, classes=classes, notify=note)


def known_classes(classes: str | None, benchmark: Benchmark | None) -> Classes | None:
    """The classes that ``--classes`` names, else those of the original labels."""
    from reassess.sources import class_table

    return class_table(classes, benchmark)


def warn_of_unasked_gold(gold: Gold, questions: Questions, where: str) -> None:
    """Say on stderr how many gold questions are not among those that raters were asked."""
    from reassess.sources import note_unasked_gold

    note_unasked_gold(gold, questions, where, notify=note)


def console() -> "Console":
    """A console on stdout, wide enough for whole names where stdout is no terminal."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=200)


@runtime_checkable
class Step(Protocol):
    """Says what is being done, and moves the bar on."""

    def __call__(
        self,
        what: str,
        *,
        done: int | None = None,
        total: int | None = None,
        advance: bool = True,
    ) -> None:
        """Begin the next step, or tell more of this one; with ``done``, say how far it is."""


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Step]:
    """A progress bar on stderr, shown where that is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24)]
    if total is not None:
        columns.append(MofNCompleteColumn())
    console = Console(stderr=True)
    bar = Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task, n_steps = bar.add_task(title, total=total), total
        n_begun = 0

        def step(
            what: str,
            *,
            done: int | None = None,
            total: int | None = None,
            advance: bool = True,
        ) -> None:
            nonlocal n_begun
            n_begun += advance and done is None
            bar.update(
                task,
                description=f"{title}: {what}",
                completed=max(0, n_begun - 1) if done is None else done,
                total=n_steps if total is None else total,
            )

        yield step


def output_option(what: str) -> Callable[[Command], Command]:
    """``-o FILE`` of a table, in the format that the file's suffix asks for.

    Args:
        what: the table holds; the object of "Write".
    """
    # The suffixes of `reassess.report.table.RENDERERS`, which help must not import; a test
    # holds the two together.
    suffixes = ".csv, .tsv, .json, .md, .tex, .html or .txt"
    return click.option("-o", "--output", metavar="FILE", help=f"Write {what} to FILE: {suffixes}.")


def rows_of(columns: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    """Columns of equal length as one mapping a row."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def print_json(value: object) -> None:
    """Write a value to stdout as indented JSON."""
    import json

    click.echo(json.dumps(value, indent=1, ensure_ascii=False))
