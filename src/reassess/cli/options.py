"""Options that several commands share, and the types of their values."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from reassess.cli.outputs import OutputFile
from reassess.records import LabelsAre, ScoreType

if TYPE_CHECKING:
    from reassess.files.declared_answers import DeclaredAnswers

Command = TypeVar("Command", bound=Callable[..., Any])


class _Option(click.Option):
    """An option that is also taken under its names of earlier versions, which help leaves out."""

    def __init__(self, *arguments: Any, old: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.old_on = [one for one in old if not one.startswith("/")]
        self.old_off = [one.removeprefix("/") for one in old if one.startswith("/")]

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser take the earlier names, too."""
        shown = self.opts, self.secondary_opts
        self.opts = [*self.opts, *self.old_on]
        self.secondary_opts = [*self.secondary_opts, *self.old_off]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts, self.secondary_opts = shown


def without_old_names(error: click.NoSuchOption) -> click.NoSuchOption:
    """The same refusal of an option, with none but present names among those that come near."""
    if error.ctx is None:
        return error
    present: dict[str, str] = {}
    for one in error.ctx.command.get_params(error.ctx):
        if isinstance(one, _Option):
            present |= dict.fromkeys(one.old_on, one.opts[-1])
            present |= dict.fromkeys(one.old_off, (one.secondary_opts or one.opts)[-1])
        present |= {name: name for name in (*one.opts, *one.secondary_opts)}
    typed = error.option_name
    # What begins with what was typed comes before what only resembles it.
    longer = sorted((name for name in present if name.startswith(typed)), key=len)[:2]
    near = [present[name] for name in longer or get_close_matches(typed, present)]
    message = f"No such option {error.option_name!r}."
    if near:
        message += f" Did you mean {' or '.join(dict.fromkeys(near))}?"
    return click.NoSuchOption(error.option_name, message, ctx=error.ctx)


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
        return tuple(self.entries())

    def entries(self) -> Mapping[str, Any]:
        """What is registered now, by name."""
        registry = self._registry
        return registry if isinstance(registry, Mapping) else registry()


class RegistryOption(click.Option):
    """An option of a `RegistryChoice`, whose help says what every registered name means.

    It is read again whenever help is shown: ``{names}`` in the help is where it stands.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._template = self.help or "{names}."

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option and what each of its words means."""
        entries = cast("RegistryChoice", self.type).entries().values()
        names = "; ".join(f"{one.name}: {one.summary}" for one in entries)
        self.help = self._template.replace("{names}", names)
        return super().get_help_record(ctx)


class RowOrderOption(LiteralChoice):
    """The two orders that a file without ids can be in."""

    def __init__(self) -> None:
        super().__init__(_row_order)


def _row_order() -> object:
    from reassess.files import RowOrder

    return RowOrder


def _read_integers_as(
    ctx: click.Context, _: click.Parameter, value: LabelsAre | None
) -> LabelsAre | None:
    """Read integers in this way until the command ends."""
    if value is not None:
        from reassess.files.class_words import integers_are

        ctx.with_resource(integers_are(value))
    return value


def labels_are_option(command: Command) -> Command:
    """``--labels-are``: how integers that name classes are read in all files of the command."""
    return click.option(
        "--labels-are",
        type=LiteralChoice(LabelsAre),
        expose_value=False,
        callback=_read_integers_as,
        help="Whether integers in files of labels, votes and gold are class ids or class indices.  "
        "[default: as the file shows; refused where it could be both]",
    )(command)


def labels_option(command: Command, *, required: bool = True) -> Command:
    """``--labels``, ``--original-labels`` and ``--classes``: what predictions are judged by."""
    for decorate in (
        labels_are_option,
        click.option(
            "--model-classes",
            metavar="NAME|FILE|STUDY",
            help="Classes of the models, where they are others: each counts as the class with its "
            "id or name, or the one in the table's column 'to'; others are passed over.",
        ),
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
            "label` wrote, a real.json, {file: [classes]}, or a table image,label.",
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


def _declared(_: click.Context, __: click.Parameter, text: str | None) -> "DeclaredAnswers | None":
    from reassess.files.declared_answers import declared_answers

    return declared_answers(text)


answers_option = click.option(
    "--answers",
    callback=_declared,
    metavar="A,B,C|A=no,…",
    help="What other words or codes than no, maybe, yes mean: nein,vielleicht,ja lists them in "
    "this order (codes count from 0); ja=yes,nein=no says it one by one.",
)
"""What the answers in files of votes and gold mean."""


def output_option(what: str) -> Callable[[Command], Command]:
    """``-o FILE`` of a table, in the format that the file's suffix asks for.

    Args:
        what: the table holds; the object of "Write".
    """
    # The suffixes of `reassess.report.table.RENDERERS`, which help must not import; a test
    # holds the two together.
    suffixes = ".csv, .tsv, .json, .md, .tex, .html or .txt"
    return click.option(
        "-o", "--output", type=OutputFile(), metavar="FILE",
        help=f"Write {what} to FILE: {suffixes}.",
    )  # fmt: skip
