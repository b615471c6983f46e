"""What every command has: ``--verbose``, ``--quiet``, ``--log``, words that a shell completes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click

from reassess.cli.output import LOG, QUIET, VERBOSE
from reassess.cli.outputs import may_be_path

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

WORDS = "reassess.words"
"""Where the context keeps the words of the command line."""

_KINDS = {
    "ambiguous_labels": ("labels",),
    "benchmark": ("benchmark",),
    "context": ("predictions",),
    "gold": ("gold",),
    "gold_votes": ("votes",),
    "labels": ("labels",),
    "models": ("predictions",),
    "original_labels": ("benchmark",),
    "predictions": ("predictions",),
    "results": ("results",),
    "sources": ("labels", "checks"),
    "votes": ("votes",),
    "a": ("predictions",),
    "b": ("predictions",),
}
"""What kind of published data a parameter may name."""

_OUTSIDE = {
    "gold": {"models"},
    "mistakes": {"models"},
    "remove": {"models"},
    "add": {"predictions"},
}
"""Parameters of these names that take no published data."""


class _LogFile(click.ParamType[str]):
    """A file to which ``--log`` may append."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The path, after a look at what is there."""
        from reassess.cli.command_log import check_log

        del param, ctx
        check_log(value)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Let the shell complete it."""
        from click.shell_completion import CompletionItem

        del ctx, param
        return [CompletionItem(incomplete, type="file")]


class _Place(click.types.StringParamType):
    """Text that may be the path of a file or the name of published data."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """The names that begin so; files are completed by the shell."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(incomplete, type="file")]
        kinds = _KINDS.get(param.name or "", ())
        if kinds and param.name not in _OUTSIDE.get(ctx.command.name or "", ()):
            from reassess.catalog.entries import ENTRIES

            names = [one for one in ENTRIES if one.is_any(cast("Any", kinds))]
            found += [
                CompletionItem(one.name, help=one.about)
                for one in names
                if one.name.startswith(incomplete)
            ]
        return found


def complete_places(command: click.Command) -> None:
    """Let a shell complete files and published names in a command and in those of a group."""
    if isinstance(command, click.Group):
        for inside in command.commands.values():
            complete_places(inside)
    for one in command.params:
        if may_be_path(one):
            one.type = _Place()


def add_options_of_all(command: click.Command) -> None:
    """Give a command, and each that a group holds, the options that all have; once."""
    if isinstance(command, click.Group):
        for inside in command.commands.values():
            add_options_of_all(inside)
    elif all(one.name != "verbose" for one in command.params):
        command.params += [
            click.Option(
                ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_remember,
                help="Print which columns of which files were read, and as what.",
            ),
            click.Option(
                ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_remember,
                is_eager=True, help="Print neither progress nor notes.",
            ),
            click.Option(
                ["--log"], type=_LogFile(), metavar="FILE", expose_value=False,
                callback=_remember, is_eager=True,
                help="Append a line of JSON on what the command did, without secrets, to FILE.",
            ),
        ]  # fmt: skip


_KEYS = {"verbose": VERBOSE, "quiet": QUIET, "log": LOG}


def _remember(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    ctx.meta[_KEYS[parameter.name or ""]] = value
    if ctx.meta.get(VERBOSE) and ctx.meta.get(QUIET):
        raise click.UsageError("--verbose and --quiet exclude each other; leave one out.", ctx)


@contextmanager
def log_command(ctx: click.Context) -> Iterator[None]:
    """Append to the file of ``--log``, if one is given, how the command inside ended."""
    began, error = time.time(), None
    try:
        yield
    except BaseException as found:
        error = found
        raise
    finally:
        if ctx.meta.get(LOG) is not None:
            from reassess.cli.command_log import append_entry

            append_entry(ctx, ctx.meta.get(WORDS, []), began, error)
