"""The log of commands that ``--log FILE`` appends to: one line of JSON a command, no secrets.

An entry holds when and where the command ran, its line, how it ended, and what it printed on
stderr. Passwords, tokens and keys are left out of all of it, and of `reassess erase` the person.
What somebody did on the rating site stands in the study's own audit log (`reassess log`).
"""

import json
import os
import re
import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from reassess.cli.output import LOG, MESSAGES
from reassess.errors import FileError, OptionError, ReassessError

_HIDDEN = "***"
_KEY = "reassess"
"""An entry begins with this key, and so a log is known from other files."""

_SECRET_OPTION = re.compile(r"--[\w-]*(?:password|secret|token|key|code)[\w-]*", re.IGNORECASE)
_SECRETS = (
    # The password of an address: postgresql://user:password@host
    (re.compile(r"(\w[\w+.-]*://[^\s/:@]*):[^\s/]*@"), rf"\1:{_HIDDEN}@"),
    # What signs an address, and what opens a connection: ?X-Amz-Signature=…, password=…
    (
        re.compile(
            r"([\w-]*(?:password|passwd|pwd|secret|token|key|signature|sig|credential)[\w-]*=)"
            r"(?:'[^']*'|\"[^\"]*\"|[^\s&'\"]+)",
            re.IGNORECASE,
        ),
        rf"\1{_HIDDEN}",
    ),
    # One-time links: https://host/invite/token
    (re.compile(r"(/(?:invite|join)/)[^\s/?#'\"]+"), rf"\1{_HIDDEN}"),
)


def without_secrets(text: str) -> str:
    """A text without passwords, tokens, keys and one-time links."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def check_log(path: str) -> None:
    """Refuse a file that is no log of commands, or that cannot be written.

    Raises:
        OptionError: it is another file, which a log must not be appended to.
        FileError: it is a folder, is read-only, or the like.
    """
    from reassess.files.places import destination

    target = destination(path).target
    if not target.exists():
        return
    if not target.is_file():
        raise OptionError(f"--log is {path!r}, but must be a plain file. Choose another name.")
    try:
        with target.open("rb") as file:
            first = file.readline(1_000_000)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from error
    if first and not first.startswith(f'{{"{_KEY}": '.encode()):
        raise OptionError(
            f"--log is {path!r}, which holds something else, but must be a log of commands or a "
            "new file. Choose another name."
        )


def append_entry(
    ctx: click.Context, words: Sequence[str], began: float, error: BaseException | None
) -> None:
    """Append what a command did to the file of ``--log``.

    Args:
        ctx: of the command line, with what it printed.
        words: of the command line, without the program's name.
        began: when it began, in seconds since 1970.
        error: what ended it; None where it ran to its end.
    """
    from reassess import __version__

    path = str(ctx.meta[LOG])
    erased = [word for word in words[1:] if not word.startswith("-")][1:]
    erased = [word for word in erased if word] if words[:1] == ["erase"] else []

    def shown(text: str) -> str:
        for word in erased:
            text = text.replace(word, _HIDDEN)
        return without_secrets(text)

    entry: dict[str, object] = {
        _KEY: __version__,
        "at": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
        "line": shlex.join(["reassess", *map(shown, _hide_values(words))]),
        "folder": shown(str(Path.cwd())),
        "seconds": round(time.time() - began, 3),
        "status": _status(error),
        "messages": [shown(text) for text in ctx.meta.get(MESSAGES, [])],
    }
    if error is not None and entry["status"] != 0 and not isinstance(error, click.exceptions.Exit):
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        entry["error"] = shown(text or type(error).__name__)
    line = json.dumps(entry, ensure_ascii=False) + "\n"
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        # One write of a file opened for appending: lines of commands that run at once stay whole.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, line.encode("utf-8", "replace"))
        finally:
            os.close(descriptor)
    except OSError as failure:
        click.echo(f"Warning: {path}: cannot be appended to ({failure.strerror}).", err=True)


def _hide_values(words: Sequence[str]) -> list[str]:
    """The words, without the values of options that hold a secret."""
    found = []
    for place, word in enumerate(words):
        option, sign, _ = word.partition("=")
        if sign and _SECRET_OPTION.fullmatch(option):
            found.append(f"{option}={_HIDDEN}")
        elif place and _SECRET_OPTION.fullmatch(words[place - 1]):
            found.append(_HIDDEN)
        else:
            found.append(word)
    return found


def _status(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, ReassessError):
        return 2
    if isinstance(error, click.exceptions.Exit | click.ClickException):
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 130 if isinstance(error, KeyboardInterrupt) else 1
