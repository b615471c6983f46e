"""Where each key of a TOML document stands, which `tomllib` does not tell.

For messages that name the line, and for renaming keys with everything around them untouched.
Parses nothing and refuses nothing: the document must be one that `tomllib` has read.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

Keys = tuple[str | int, ...]
"""Keys from the top; in an array of tables the number of the table follows the array's key."""

_PART = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[\w-]+)"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_PARTS = re.compile(_PART)
_HEADER = re.compile(rf"(\[\[?)[ \t]*({_KEY.pattern})[ \t]*\]\]?")
_BLANK = re.compile(r"(?:[ \t\r\n\ufeff]+|#[^\n]*)+")
_TOKEN = re.compile(
    r'"{3}(?:\\.|[^\\])*?"{3,5}'  # texts of several lines may end in two quotes of their own
    r"|'{3}.*?'{3,5}"
    r"""|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[\[{]|[\]}]|\n|[^"'#\[\]{}\n]+""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key or the header of a table stands.

    Attributes:
        line: counted from 1.
        start: of the last part of the key, as an index into the text.
        stop: behind it.
    """

    line: int
    start: int
    stop: int


def places_in(text: str) -> dict[Keys, Place]:
    """The place of each key and of each table's header; keys within a value stand for nothing."""
    starts = [0, *(one.end() for one in re.finditer("\n", text))]
    found: dict[Keys, Place] = {}
    for path, start, stop in _walk(text):
        found.setdefault(path, Place(bisect_right(starts, start), start, stop))
    return found


def _walk(text: str) -> Iterator[tuple[Keys, int, int]]:
    table: Keys = ()
    n_tables: dict[Keys, int] = {}
    at = 0
    while at < len(text):
        blank = _BLANK.match(text, at)
        if blank is not None:
            at = blank.end()
            continue
        header = _HEADER.match(text, at)
        key = _KEY.match(text, at)
        if header is not None:
            table = _numbered(_parts(header[2]), n_tables, is_array=header[1] == "[[")
            yield table, *_last_part(header, 2)
            at = header.end()
        elif key is not None:
            yield table + _parts(key[0]), *_last_part(key, 0)
            at = _behind_value(text, key.end())
        else:  # no TOML: leave the rest alone
            return


def _last_part(match: re.Match[str], group: int) -> tuple[int, int]:
    last = list(_PARTS.finditer(match[group]))[-1]
    return match.start(group) + last.start(), match.start(group) + last.end()


def _parts(key: str) -> tuple[str, ...]:
    return tuple(next(iter(tomllib.loads(f"{part} = 0"))) for part in _PARTS.findall(key))


def _numbered(parts: tuple[str, ...], n_tables: dict[Keys, int], *, is_array: bool) -> Keys:
    """The path of a header: tables below an array belong to the last of the array."""
    path: Keys = ()
    for part in parts[:-1]:
        path = (*path, part)
        if path in n_tables:
            path = (*path, n_tables[path] - 1)
    path = (*path, parts[-1])
    if is_array:
        n_tables[path] = n_tables.get(path, 0) + 1
        path = (*path, n_tables[path] - 1)
    return path


def _behind_value(text: str, at: int) -> int:
    """Where the line after a value begins: a bracket that is open keeps lines together."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        first = token[0][0]
        if first in "[{":
            depth += 1
        elif first in "]}":
            depth -= 1
        elif first == "\n" and depth <= 0:
            return token.end()
    return len(text)
