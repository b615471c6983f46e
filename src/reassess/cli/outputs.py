"""Outputs of commands: none may replace an input of the same command, or another output of it.

An option or argument is an output by its type, `OutputFile` or `OutputFolder`; `check_outputs`
holds all of a command's against everything else on its line before the command begins. Every
other word is an input where it names something that is there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.output import LOG
from reassess.errors import FileError, OptionError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Companions = Callable[[Path, Mapping[str, Any]], list[Path]]
"""What a command writes beside an output, from its path and the command's other values."""

_PATHS = ("FILE", "DIR", "FOLDER", "STUDY", "DATA", "CSV", "PREDICTIONS", "URL")
"""Words of a metavar whose value may be a path; the value of an argument always may."""


class OutputFile(click.ParamType[str]):
    """A file that a command writes.

    Args:
        extensions: that the name may have, where only one form is written.
        replaces: records of a study that the command writes on purpose, as ``("labels",)``.
        folders: folders of its own beside it, which the command may empty.
        files: further files beside it.
        is_folder: whether the command's other values make a new folder of it.
    """

    name = "file"

    def __init__(
        self,
        *extensions: str,
        replaces: tuple[str, ...] = (),
        folders: Companions | None = None,
        files: Companions | None = None,
        is_folder: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> None:
        self.replaces = frozenset(replaces)
        self.is_folder = is_folder or (lambda _: False)
        self._extensions = extensions
        self._folders, self._files = folders, files

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Let the shell complete it."""
        from click.shell_completion import CompletionItem

        del ctx, param
        return [CompletionItem(incomplete, type="file")]

    def outputs(self, label: str, path: Path, values: Mapping[str, Any]) -> "Iterator[Output]":
        """All that is written where this path is given."""
        folder = self.is_folder(values)
        yield Output(label, path, self.replaces, is_folder=folder, extensions=self._extensions)
        for make, is_folder in ((self._files, False), (self._folders, True)):
            for beside in make(path, values) if make is not None else ():
                yield Output(label, beside, self.replaces, is_folder=is_folder)


class OutputFolder(click.ParamType[str]):
    """A folder in which a command writes files.

    Args:
        suffixes: of the files that it writes; None where all of the folder is the command's.
    """

    name = "folder"

    def __init__(self, suffixes: tuple[str, ...] | None = None) -> None:
        self._suffixes = suffixes

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Let the shell complete it."""
        from click.shell_completion import CompletionItem

        del ctx, param
        return [CompletionItem(incomplete, type="dir")]

    def outputs(self, label: str, path: Path, values: Mapping[str, Any]) -> "Iterator[Output]":
        """All that is written where this path is given."""
        del values
        yield Output(label, path, suffixes=self._suffixes, is_folder=True)


FIGURES = OutputFolder((".png", ".svg", ".pdf", ".csv", ".tex"))


@dataclass(frozen=True, slots=True)
class Output:
    """A file or folder that a command is about to write.

    Attributes:
        label: the option, as people type it.
        path: where to.
        replaces: records of a study that it may take the place of.
        suffixes: of what is written in a folder; None for anything.
        is_folder: whether it is a folder.
        extensions: that its name may have; empty for any.
    """

    label: str
    path: Path
    replaces: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] | None = None
    is_folder: bool = False
    extensions: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse what cannot be written.

        Raises:
            OptionError: its extension says another form.
            FileError: it is a file where a folder must be, or the like.
        """
        from reassess.files.access import exists
        from reassess.files.places import check_extension, destination

        if self.extensions:
            check_extension(self.path, self.extensions)
        if not self.is_folder:
            destination(self.path)
        elif not exists(self.path):
            destination(self.path / "x")
        elif not self.path.is_dir():
            raise FileError(
                f"{self.path}: it is a file, but must be a folder ({self.label} DIR). Choose "
                "another name."
            )

    def may_write(self, path: Path) -> bool:
        """Whether a path is this file, or a file that is written in this folder."""
        from reassess.files.places import is_same_place
        from reassess.sources.input_files import InputFile

        if is_same_place(self.path, path):
            return True
        if not self.is_folder or not InputFile(path).is_inside(self.path):
            return False
        return self.suffixes is None or path.suffix.lower() in self.suffixes

    def meets(self, other: "Output") -> bool:
        """Whether the two cannot both be written."""
        from reassess.sources.input_files import InputFile

        if self.may_write(other.path) or other.may_write(self.path):
            return True
        pairs = ((self, other), (other, self))
        return any(
            not one.is_folder and InputFile(two.path).is_inside(one.path) for one, two in pairs
        )


def check_outputs_first(command: click.Command) -> None:
    """Let a command, and each that a group holds, begin with `check_outputs`; once."""
    if isinstance(command, click.Group):
        for inside in command.commands.values():
            check_outputs_first(inside)
        return
    run = command.callback
    if run is None or hasattr(run, "checks_outputs") or not any(map(_is_output, command.params)):
        return

    @wraps(run)
    def checked(*arguments: Any, **values: Any) -> Any:
        check_outputs(click.get_current_context())
        return run(*arguments, **values)

    checked.checks_outputs = True  # type: ignore[attr-defined]
    command.callback = checked


def check_outputs(ctx: click.Context) -> None:
    """Refuse outputs that would replace an input or each other, or that cannot be written.

    Raises:
        OptionError: an output is an input's file, lies in its place, or is another output's.
        FileError: an output is a folder, is read-only, or the like.
    """
    outputs = [output for one in ctx.command.params for output in _outputs(one, ctx)]
    if not outputs:
        return
    from reassess.sources.input_files import input_files

    for one in ctx.command.params:
        for given in () if _is_output(one) else _paths(one, ctx):
            for found in input_files(given):
                for output in outputs:
                    is_own = found.study is not None and found.record in output.replaces
                    if not is_own and (found.is_at(output.path) or output.may_write(found.path)):
                        raise OptionError(_refusal(output, _label(one), given, found.path))
    for output, other in combinations(outputs, 2):
        if output.meets(other):
            raise OptionError(
                f"{output.label} writes '{output.path}' and {other.label} '{other.path}', but each "
                f"must write a file of its own. Choose another name for {other.label}."
            )
    log = ctx.meta.get(LOG)
    for output in outputs:
        if log is not None and output.may_write(Path(log)):
            ctx.meta[LOG] = None  # so that the refusal is not written there
            raise OptionError(
                f"--log is {log!r}, but {output.label} writes that file. Choose another name for "
                "--log."
            )
        output.check()


def _refusal(output: Output, label: str, given: str, path: Path) -> str:
    through = "" if str(path) in given else f", and with it '{path}'"
    return (
        f"{output.label} writes '{output.path}', but must not replace an input; {label} reads "
        f"{given!r}{through}. Choose another name for {output.label}."
    )


def _is_output(one: click.Parameter) -> bool:
    return isinstance(one.type, OutputFile | OutputFolder)


def _outputs(one: click.Parameter, ctx: click.Context) -> Iterator[Output]:
    if isinstance(one.type, OutputFile | OutputFolder):
        for given in _words(one, ctx, may_be_empty=True):
            label = _label(one)
            if not given:
                raise OptionError(f"{label} is empty, but must name a file or folder.")
            is_file = isinstance(one.type, OutputFile) and not one.type.is_folder(ctx.params)
            if is_file and given.endswith("/"):
                raise FileError(
                    f"{given}: it is a folder, but must be a file ({label}). Name a file in it."
                )
            yield from one.type.outputs(label, Path(given), ctx.params)


def _paths(one: click.Parameter, ctx: click.Context) -> Iterator[str]:
    """The values of a parameter that may name files."""
    if may_be_path(one):
        yield from _words(one, ctx)


def may_be_path(one: click.Parameter) -> bool:
    """Whether a value of a parameter, which is no output, may name a file or a folder."""
    is_path = isinstance(one, click.Argument) or any(w in (one.metavar or "") for w in _PATHS)
    return is_path and isinstance(one.type, click.types.StringParamType)


def _words(
    one: click.Parameter, ctx: click.Context, *, may_be_empty: bool = False
) -> Iterator[str]:
    value = ctx.params.get(one.name or "")
    for given in value if isinstance(value, tuple) else (value,):
        if isinstance(given, str) and (given or may_be_empty):
            yield given


def _label(one: click.Parameter) -> str:
    """What people type before the value, or what help calls an argument."""
    return (
        one.opts[0]
        if isinstance(one, click.Option)
        else one.make_metavar(click.get_current_context()).strip("[].")
    )
