"""What the commands of training share: images of a study or of data, options, progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.training import Form, LabelledImages, Recipe

Command = TypeVar("Command", bound=Callable[..., Any])


def data_options(command: Command) -> Command:
    """Which labels the images have, and what becomes of the images."""
    for decorate in (
        click.option("--skip-unreadable", is_flag=True,
                     help="Leave out images that cannot be decoded, and name them."),
        click.option("--side", type=click.IntRange(8), metavar="PIXELS",
                     help="Images become squares of this side.  [default: 32, or timm's]"),
        click.option("--classes", metavar="FILE",
                     help="Classes in their order: index,id,name,synonyms,definition."),
        click.option("--labels", metavar="FILE",
                     help="A table image,label, or label sets of `reassess label`.  [default: the "
                     "study's; labels.csv in the folder; class folders, a column, .cls]"),
    ):  # fmt: skip
        command = decorate(command)
    return command


def learning_options(*, epochs: int | None) -> Callable[[Command], Command]:
    """How a model learns; where the epochs are None, the command asks for them itself."""

    def decorate_all(command: Command) -> Command:
        options = [
            click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0,
                         show_default=True, help="Of weights, order and variation."),
            device_option,
            click.option("--precision", type=click.Choice(["float32", "bfloat16"]),
                         default="float32", show_default=True,
                         help="Of the activations; weights are float32."),
            click.option("--learning-rate", type=float, metavar="RATE",
                         help="The highest, for batches of 128; in proportion for others.  "
                         "[default: 0.2]"),
            click.option("--batch-size", type=click.IntRange(1), metavar="N",
                         help="Images a step.  [default: 64]"),
            click.option("--model", default="resnet-8", show_default=True, metavar="NAME",
                         help="resnet-8, resnet-20, resnet-18, or timm:NAME."),
        ]  # fmt: skip
        if epochs is not None:
            options.append(
                click.option("--epochs", type=click.IntRange(1), default=epochs, metavar="E",
                             show_default=True, help="Passes over the images.")
            )  # fmt: skip
        for decorate in options:
            command = decorate(command)
        return command

    return decorate_all


device_option = click.option(
    "--device", default="auto", show_default=True, metavar="NAME",
    help="auto (a GPU where there is one), cpu, cuda, cuda:N.",
)  # fmt: skip


def is_study(source: str) -> bool:
    """Whether a source is a study's folder."""
    return (Path(source) / "study.toml").is_file()


def read_images(
    source: str, options: dict[str, Any], form: "Form", *, kept: Any = None, quiet: bool = False
) -> "LabelledImages":
    """The images and labels of a study or of data, decoded; what is left out is said."""
    from reassess.training import open_labelled

    def note(text: str, kind: str = "Note") -> None:
        if not quiet:
            click.echo(f"{kind}: {text}.", err=True)

    images: str | Path = source
    labels, classes = options["labels"], options["classes"]
    if is_study(source):
        from reassess.study import open_study
        from reassess.study.training import labels_in_use

        if classes is not None:
            raise OptionError("a study has classes of its own: leave --classes out.")
        found = labels_in_use(open_study(source))
        images, classes = found.images, found.classes
        if labels is None:
            labels = found.labels
            note(found.about)
    with counting("Decoding", quiet=quiet) as count:
        return open_labelled(
            images,
            labels=labels,
            classes=classes,
            kept=kept,
            form=form,
            skip_unreadable=options["skip_unreadable"],
            on_note=note,
            on_warning=lambda text: note(text, "Warning"),
            on_images=count,
        )


def recipe_of(options: dict[str, Any], **more: Any) -> "Recipe":
    """The recipe that options ask for; what is None or not asked keeps its default."""
    from dataclasses import fields

    from reassess.training import Recipe

    names = {one.name for one in fields(Recipe)}
    asked = {k: v for k, v in (options | more).items() if k in names and v is not None}
    return Recipe(**asked)


@contextmanager
def counting(title: str, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """A count on stderr, shown where that is a terminal."""
    with _bar(quiet=quiet) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def steps(title: str, *, quiet: bool = False) -> Iterator[Callable[[int, int, float | None], None]]:
    """A bar of training steps with the loss, on stderr where that is a terminal."""
    with _bar(quiet=quiet) as bar:
        task = bar.add_task(title, total=None)

        def step(done: int, n_steps: int, loss: float | None) -> None:
            shown = "" if loss is None else f", loss {loss:.4f}"
            bar.update(task, description=f"{title}{shown}", completed=done, total=n_steps)

        yield step


def _bar(*, quiet: bool) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
        MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), console=console,
        transient=True, disable=quiet or not console.is_terminal,
    )  # fmt: skip
