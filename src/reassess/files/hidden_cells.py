"""Rows and columns that an Excel workbook does not show, by hand or by a filter.

They are cells as all others are, and calamine reads them; nobody who looks at the sheet sees them.
The XML of a sheet is searched for its few elements of rows and columns, piece by piece, and never
expanded.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import join, normpath

_PIECE = 1 << 20
_TAG = re.compile(rb"<(?:\w+:)?(row|col)\b([^>]*)>")
_SHEET = re.compile(r"<(?:\w+:)?sheet\b([^>]*)>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b([^>]*)>")
_ATTRIBUTE = re.compile(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True, slots=True)
class HiddenCells:
    """What a sheet does not show.

    Attributes:
        rows: the numbers of its hidden rows, counted from 1, rising.
        columns: the places of its hidden columns, counted from 0, rising.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]


def hidden_cells(path: Path, place: int) -> HiddenCells:
    """The rows and columns that a sheet of a workbook does not show.

    Args:
        path: a workbook that was read.
        place: the sheet's place among all sheets, hidden ones included.
    """
    rows: list[int] = []
    columns: list[int] = []
    with zipfile.ZipFile(path) as archive:
        member = _member(archive, place)
        if member is None:
            return HiddenCells((), ())
        last = 0
        for kind, text in _tags(archive, member):
            about = _attributes(text)
            is_hidden = about.get("hidden") in {"1", "true"}
            if kind == "row":
                last = int(about.get("r", last + 1))
                rows += [last] if is_hidden else []
            elif is_hidden:
                columns += range(int(about["min"]) - 1, int(about["max"]))
    return HiddenCells(tuple(rows), tuple(columns))


def _member(archive: zipfile.ZipFile, place: int) -> str | None:
    """The part of the archive that holds a sheet; None where it is not where Excel puts it."""
    names = {name.lower(): name for name in archive.namelist()}
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names.keys():
        return None
    book = archive.read(names["xl/workbook.xml"]).decode("utf-8", "replace")
    links = archive.read(names["xl/_rels/workbook.xml.rels"]).decode("utf-8", "replace")
    sheets = [_attributes(found[1]) for found in _SHEET.finditer(book)]
    if place >= len(sheets):
        return None
    wanted = next((v for k, v in sheets[place].items() if k.rpartition(":")[2] == "id"), None)
    for found in _RELATION.finditer(links):
        about = _attributes(found[1])
        if about.get("Id") == wanted:
            return names.get(normpath(join("xl", about.get("Target", ""))).lstrip("/").lower())
    return None


def _tags(archive: zipfile.ZipFile, member: str) -> Iterator[tuple[str, str]]:
    """The rows and columns of a sheet's XML: which, and its attributes."""
    rest = b""
    with archive.open(member) as file:
        while piece := file.read(_PIECE):
            whole, begin, cut = (rest + piece).rpartition(b"<")
            rest = begin + cut
            for found in _TAG.finditer(whole):
                yield found[1].decode(), found[2].decode("utf-8", "replace")
    for found in _TAG.finditer(rest):
        yield found[1].decode(), found[2].decode("utf-8", "replace")


def _attributes(text: str) -> dict[str, str]:
    return {name: double or single for name, double, single in _ATTRIBUTE.findall(text)}
