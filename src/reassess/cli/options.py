"""What several commands share: their options, and how names and files become records."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import click
import numpy as np
from jaxtyping import Shaped

from reassess.errors import OptionError, preview
from reassess.records import (
    Benchmark,
    Classes,
    Gold,
    LabelSets,
    Predictions,
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


class _NearChoice(click.Choice[str]):
    """A choice whose refusal names the words that come near."""

    case_sensitive = True

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """Click's message, with the near words."""
        from reassess.registry import near_names

        near = near_names(value, self.choices)
        message = super().get_invalid_choice_message(value, ctx)
        return f"{message} Did you mean {near}?" if near else message


class LiteralChoice(_NearChoice):
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


class RegistryChoice(_NearChoice):
    """One of the names of a registry, which is read anew for each command line and help text.

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
            "--classes", metavar="FILE", help="Classes: index,id,name,synonyms,definition."
        ),
        option(
            "--original-labels",
            old=("--original",),
            metavar="NAME|FILE",
            help="Original labels: 'imagenet' or a table image,label.",
        ),
        click.option(
            "--labels",
            required=required,
            metavar="NAME|FILE",
            help="Reassessed labels: 'imagenet-real', or a file that `reassess label` wrote, a "
            "real.json, {file: [classes]}, or parquet.",
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
            help="What the scores are, where a file does not say.",
        ),
        option(
            "--subset",
            old=("--images",),
            metavar="FILE",
            help="Score these images only: one id a line, or a table.",
        ),
        click.option(
            "--ids", metavar="FILE", help="The image id of each row: one a line, JSON, .npy, table."
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


@dataclass(frozen=True)
class Rows:
    """How rows of predictions find their images.

    Attributes:
        order: the stated order of the rows, or None.
        ids: the id of each row, or None.
        images: the images to score, or None for all.
        scale: what the scores are, or None.
    """

    order: Any
    ids: Shaped[np.ndarray, "n"] | None
    images: Shaped[np.ndarray, "m"] | None
    scale: ScoreType | None

    @classmethod
    def from_options(
        cls, order: str | None, ids: str | None, images: str | None, scale: Any
    ) -> "Rows":
        """Read the files that the options name."""
        from reassess.files import read_ids

        if order is not None and ids is not None:
            raise OptionError(
                "--order and --ids both state which image a row is about, but must not both be "
                "given. Leave one out."
            )
        return cls(
            order,
            None if ids is None else read_ids(ids),
            None if images is None else read_ids(images),
            scale,
        )


@dataclass(frozen=True)
class Judge:
    """Labels on a benchmark, and the images of it that are to be scored.

    Attributes:
        labels: label sets of exactly the images to score.
        benchmark: all images of the benchmark, with original labels where they are known.
        images: ids of the images to score, as the benchmark writes them.
    """

    labels: LabelSets
    benchmark: Benchmark
    images: Shaped[np.ndarray, "m"]

    def read(self, source: str, rows: Rows, top: int) -> list[Predictions]:
        """The predictions of a source for the images to score."""
        from reassess.catalog import Catalog, knows
        from reassess.files import read_predictions
        from reassess.files.arrays import exists, prefix_errors_with

        name, source, chosen = split_source(source)
        if knows(source, "predictions") and not exists(Path(source)):
            found = Catalog.default().predictions(source, self.benchmark)
        else:
            found = read_predictions(
                source,
                self.benchmark,
                order=rows.order,
                ids=rows.ids,
                scale=rows.scale,
                top=top,
                ignore_unknown=rows.images is not None,
            )
        if chosen is not None:
            models = [one.model for one in found]
            found = [one for one in found if one.model == chosen]
            if not found:
                raise OptionError(
                    f"{source!r} has no model {chosen!r}, but must have it; it has "
                    f"{preview(models, 40)}."
                )
        if name is not None and len(found) == 1:
            found = [replace(found[0], model=name)]
        with prefix_errors_with(Path(source)):
            return [one.reindex(self.images) for one in found]


def split_source(source: str) -> tuple[str | None, str, str | None]:
    """``NAME=FILE#MODEL`` as its three parts; name and model are None where they are not there."""
    name, source = _named(source)
    file, chosen = _chosen(source)
    return name, file, chosen


def _named(source: str) -> tuple[str | None, str]:
    """``NAME=FILE`` as its two parts; a plain path has no name, even one with ``=`` in it."""
    from reassess.files.arrays import exists
    from reassess.files.prediction_forms import two_files

    name, equals, rest = source.partition("=")
    paths = two_files(source) or (Path(source),)
    if equals and name and "/" not in name and not exists(paths[0]):
        return name, rest
    return None, source


def _chosen(source: str) -> tuple[str, str | None]:
    """``FILE#MODEL`` as its two parts; a path that exists is a path, even with ``#`` in it."""
    from reassess.files.arrays import exists

    file, sign, model = source.rpartition("#")
    return (file, model) if sign and not exists(Path(source)) else (source, None)


def read_judge(labels: str, original: str | None, classes: str | None, rows: Rows) -> Judge:
    """Labels and benchmark from what ``--labels``, ``--original-labels`` and ``--classes`` name.

    Without ``--original-labels`` the images are those that the labels name and only ReaL accuracy
    can be told; labels of the catalogue bring their benchmark with them.
    """
    from reassess.catalog import Catalog, knows
    from reassess.files import read_classes, read_labels
    from reassess.files.arrays import exists, prefix_errors_with
    from reassess.records import align

    benchmark: Benchmark | None
    if knows(labels, "labels") and not exists(Path(labels)):
        catalog = Catalog.default()
        sets = catalog.labels(labels)
        benchmark = catalog.benchmark("imagenet")
        if original is not None:
            benchmark = read_original(original, classes)
    else:
        known = None if classes is None else read_classes(classes)
        benchmark = None if original is None else read_original(original, classes)
        sets = read_labels(
            labels,
            classes=known if benchmark is None else benchmark.classes,
            image_ids=None if benchmark is None else benchmark.image_ids,
        )
        if benchmark is None:
            benchmark = Benchmark(sets.name, sets.image_ids, None, known)
    with prefix_errors_with(Path(labels)):
        sets = sets.align_to(benchmark)
    if rows.images is not None:
        chosen = align(
            rows.images, sets.image_ids, source="--subset", target_name=f"labels {sets.name}"
        )
        sets = sets.take(np.sort(chosen))
    elif len(sets) < len(benchmark.image_ids):
        click.echo(
            f"{sets.name} has {len(sets):,} of the {len(benchmark.image_ids):,} images of "
            f"{benchmark.name}: these are scored.",
            err=True,
        )
    return Judge(sets, benchmark, sets.image_ids)


def read_original(original: str, classes: str | None) -> Benchmark:
    """A benchmark from a name of the catalogue or a table of original labels."""
    from reassess.catalog import Catalog, knows
    from reassess.files import read_benchmark
    from reassess.files.arrays import exists

    if knows(original, "benchmark") and not exists(Path(original)):
        return Catalog.default().benchmark(original)
    return read_benchmark(original, classes=classes)


def read_votes_named(source: str, classes: Classes | None, answers: str | None) -> Votes:
    """Votes from a name of the catalogue or a file."""
    from reassess.catalog import Catalog, knows
    from reassess.files import read_votes
    from reassess.files.arrays import exists

    if knows(source, "votes") and not exists(Path(source)):
        return Catalog.default().votes(source)
    named = None if answers is None else [name.strip() for name in answers.split(",")]
    if named is not None and ("" in named or len(set(named)) < max(2, len(named))):
        raise OptionError(
            f"--answers is {answers!r}, but must be two or more different names, as no,maybe,yes."
        )
    return read_votes(source, classes=classes, answers=named)


def read_gold_named(source: str, classes: Classes | None) -> Gold:
    """Gold from a name of the catalogue or a file."""
    from reassess.catalog import Catalog, knows
    from reassess.files import read_gold
    from reassess.files.arrays import exists

    if knows(source, "gold") and not exists(Path(source)):
        return Catalog.default().gold(source)
    return read_gold(source, classes=classes)


def known_classes(classes: str | None, benchmark: Benchmark | None) -> Classes | None:
    """The classes that ``--classes`` names, else those of the original labels."""
    from reassess.files import read_classes

    if classes is not None:
        return read_classes(classes)
    return None if benchmark is None else benchmark.classes


def warn_of_unasked_gold(gold: Gold, questions: Questions, where: str) -> None:
    """Say on stderr how many gold questions are not among those that raters were asked."""
    from reassess.records import positions

    missing = positions(gold.questions.ids, questions.ids, source="gold") < 0
    if missing.any() and not missing.all():
        click.echo(
            f"Note: {int(missing.sum()):,} of {len(missing):,} gold questions, such as "
            f"{preview(gold.questions.ids[missing], 1)}, are not among {where} and do not count.",
            err=True,
        )


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
        task = bar.add_task(title, total=total)
        n_begun = 0

        def step(
            what: str,
            *,
            done: int | None = None,
            total: int | None = None,
            advance: bool = True,
        ) -> None:
            nonlocal n_begun
            n_begun += advance
            bar.update(
                task,
                description=f"{title}: {what}",
                completed=max(0, n_begun - 1) if done is None else done,
                total=total,
            )

        yield step


def counting(step: Step, total: int) -> Callable[[int], None]:
    """What moves the bar of a step to a number that is done."""
    begun = 0

    def reached(done: int) -> None:
        nonlocal begun
        for _ in range(done - begun):
            step(f"{done:,} of {total:,}")
        begun = done

    return reached


def sources_of(predictions: Sequence[str]) -> list[str]:
    """Sources as given, without scores that are read with their classes."""
    from reassess.files.prediction_forms import without_siblings

    return without_siblings(predictions)


def rows_of(columns: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    """Columns of equal length as one mapping a row."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def print_json(value: object) -> None:
    """Write a value to stdout as indented JSON."""
    import json

    click.echo(json.dumps(value, indent=1, ensure_ascii=False))
