"""What a reader types from a page: its blocks of code, and the commands of its consoles."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANYTHING = "…"
"""What stands in a page for output that it leaves out, or that differs from run to run."""
WIDTH = "88"
"""Columns of the terminal whose output the pages show."""


_NUMBER = re.compile(r"(?:\\< )?[+−]?\d[\d,.]*")


def _trimmed(line: str) -> str:
    return line.strip()


def _without_numbers(line: str) -> str:
    return " ".join(_NUMBER.sub("0", line).split())


@dataclass(frozen=True, slots=True)
class Typed:
    """A line that is typed.

    Attributes:
        line: the command.
        shown: the lines that the page shows of its output.
    """

    line: str
    shown: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The command, without comments."""
        return shlex.split(self.line, comments=True)

    def lacks(self, output: str, *, any_number: bool = False) -> str | None:
        """The first line that is shown, but not printed after those before it.

        Args:
            output: what was printed.
            any_number: take one number for another, as training gives others on other processors.
        """
        printed = iter(map(_without_numbers if any_number else _trimmed, output.splitlines()))
        for line in self.shown:
            shown = _without_numbers(line) if any_number else _trimmed(line)
            pattern = re.compile(".*".join(map(re.escape, shown.split(ANYTHING))))
            if shown not in {"", ANYTHING} and not any(map(pattern.fullmatch, printed)):
                return line
        return None


@dataclass(frozen=True, slots=True)
class Code:
    """Blocks of Python that follow one another, which a reader runs as one script."""

    text: str


def session(page: Path) -> Iterator[Typed | Code]:
    """What is typed and run on a page, in its order."""
    code: list[str] = []
    for kind, text in _BLOCK.findall(page.read_text("utf-8")):
        if kind == "python":
            code.append(text)
        elif kind == "console":
            if code:
                yield Code("\n".join(code))
                code = []
            yield from _typed(text)
    if code:
        yield Code("\n".join(code))


def _typed(console: str) -> Iterator[Typed]:
    """The commands of a console, each with the lines below it."""
    line, shown = "", list[str]()
    for one in console.replace("\\\n", " ").splitlines():
        if one.startswith("$ "):
            if line:
                yield Typed(line, tuple(shown))
            line, shown = one[2:], []
        elif not one.lstrip().startswith("# "):  # the rest of a comment
            shown.append(one)
    if line:
        yield Typed(line, tuple(shown))


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of a language, in their order."""
    return [text for kind, text in _BLOCK.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path) -> list[Typed]:
    """The commands of a page's consoles that call ``reassess``."""
    return [
        one for one in session(page) if isinstance(one, Typed) and one.line.startswith("reassess ")
    ]


STANDS_FOR = {
    "$SLURM_ARRAY_TASK_ID": "1",
    "$SLURM_ARRAY_TASK_COUNT": "64",
    "ssh node$i ": "",
    "$i": "1",
    "$head": "host",
    " &": "",
}
"""What a shell makes of a word."""


def typed_on(page: Path) -> list[Typed]:
    """The lines of a page's consoles and scripts that call ``reassess``."""
    found = []
    for kind, text in _BLOCK.findall(page.read_text("utf-8")):
        if kind == "console":
            found += list(_typed(text))
        elif kind == "bash":
            found += [Typed(one.strip()) for one in text.replace("\\\n", " ").splitlines()]
    plain = (Typed(_as_a_shell_has_it(one.line), one.shown) for one in found)
    return [one for one in plain if re.match(r"reassess [a-z]", one.line)]


@dataclass(frozen=True, slots=True)
class Script:
    """A block that a shell reads as a whole."""

    text: str

    @property
    def line(self) -> str:
        """The first line that is no comment, to call it by."""
        return next(one for one in self.text.splitlines() if one and not one.startswith("#"))


def typed_in_shells(page: Path) -> Iterator[Typed | Script]:
    """Everything that a reader of a page types: the lines of its consoles, and its scripts."""
    for kind, text in _BLOCK.findall(page.read_text("utf-8")):
        if kind == "console":
            yield from _typed(text)
        elif kind == "bash":
            yield Script(text)


_INLINE = re.compile(r"`(reassess\s[a-z][^`]*)`")


def mentioned_on(page: Path) -> list[Typed]:
    """The commands that a page names in its text, but those that it shortens."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    lines = (" ".join(one.split()) for one in _INLINE.findall(text))
    return [Typed(one) for one in lines if ANYTHING not in one]


def _as_a_shell_has_it(line: str) -> str:
    for word, value in STANDS_FOR.items():
        line = line.replace(word, value)
    return line.rstrip("'")
