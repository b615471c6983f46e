"""A table on a terminal: numbers stay whole at any width, names give way.

`OnConsole` chooses widths for the console that prints it. Where the whole table does not fit, what
all names share is left out of them and stated below, asides move under their values, and long
names are folded after ``_``, ``-``, ``/`` or a dot. Where even that is too wide, the columns are
printed in blocks, each of which begins with the names. Nothing is abbreviated.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, chop_cells
from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

    from reassess.report.table import Column, Table

_GAPS = (2, 1)
"""Characters between columns, and where these do not fit."""

_WORD = 12
"""Words up to this length are never folded; longer ones only where the table must be narrower."""

_SHARED = 3
"""What names share is left out from so many characters on."""

_BREAK = re.compile(r"(?<=[_/:\-])|(?<=\.)(?!\d)")
"""Where a long word may be folded: not inside a number."""

_STYLES = {
    "✓": "green", "✗": "bold red", "–": "dim",
    "done": "green", "stale": "yellow", "missing": "red", "waiting": "dim",
}  # fmt: skip
"""How a check or a state is coloured."""


def folded(text: str, width: int) -> list[str]:
    """Text in lines of at most so many cells, broken at spaces, then as `_BREAK` says."""
    lines = [""]
    for word in text.split():
        gap = " " if lines[-1] else ""
        if cell_len(lines[-1] + gap + word) <= width:
            lines[-1] += gap + word
            continue
        if lines[-1]:
            lines.append("")
        for piece in _pieces(word):
            if cell_len(lines[-1] + piece) <= width:
                lines[-1] += piece
            else:
                lines += chop_cells(piece, max(width, 2))
    return [line for line in lines if line] or [""]


def shared_parts(names: Sequence[str]) -> tuple[str, str]:
    """What all names begin and end with, up to a separator; empty where that is short.

    Args:
        names: as they are written; what is left of each stays distinct and is never empty.
    """
    if len(set(names)) < 2:
        return "", ""
    start = _common_start(names)
    cuts = re.finditer(r"[_/:\- ]|\.(?!\d)", start)
    start = start[: max((cut.end() for cut in cuts), default=0)]
    rests = [name[len(start) :][::-1] for name in names]
    end = _common_start(rests)[::-1]
    cut = re.search(r"[_/:\- ]|\.(?!\d)", end)
    end = "" if cut is None else end[cut.start() :]
    if any(len(rest) == len(end) for rest in rests):
        end = ""
    return (
        start if len(start) >= _SHARED and all(rests) else "",
        end if len(end) >= _SHARED else "",
    )


@dataclass(frozen=True)
class _Shown:
    """A column as it is printed.

    Attributes:
        column: what it is.
        cells: value and aside of each row.
    """

    column: "Column"
    cells: list[tuple[str, str]]

    @cached_property
    def whole(self) -> int:
        """The width at which nothing is broken."""
        lines = (f"{value} {aside}".strip() for value, aside in self.cells)
        return max(map(cell_len, (self.column.heading, *lines)))

    @cached_property
    def words(self) -> int:
        """The width at which no word and no aside is broken."""
        asides = (aside for _, aside in self.cells)
        return max(
            map(cell_len, (*self.column.heading.split(), *asides, *self._words())), default=1
        )

    @cached_property
    def least(self) -> int:
        """The width below which a number would be broken; long names may be."""
        pieces = [cell_len(one) for word in self.column.heading.split() for one in _pieces(word)]
        asides = [cell_len(word) for _, aside in self.cells for word in aside.split()]
        words = [cell_len(word) for word in self._words()]
        if not self.column.numeric:
            words = [min(word, _WORD) for word in words]
        return max((*pieces, *asides, *words), default=1)

    def _words(self) -> Iterator[str]:
        return (word for value, _ in self.cells for word in value.split())

    def cell(self, row: int, width: int, style: str) -> Text:
        """A cell in lines of this width."""
        value, aside = self.cells[row]
        if self.column.unit in {"check", "state"}:
            style = style or _STYLES.get(value, "")
        lines = folded(value, width)
        text = Text("\n".join(lines), style)
        if not aside:
            return text
        if cell_len(f"{lines[-1]} {aside}") <= width:
            return text.append(f" {aside}", "dim")
        return text.append("\n" + "\n".join(folded(aside, width)), "dim")


@dataclass(frozen=True, slots=True)
class OnConsole:
    """A table that a console of Rich prints: title, rows, notes."""

    table: "Table"

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        most = options.max_width
        columns, left_out = self._columns(most)
        yield Text(self.table.title, "italic")
        for place, block in enumerate(_blocks(columns, most)):
            if place:
                yield Text("")
            yield self._block(block, most)
        for note in (*left_out, *self.table.notes):
            yield Text(note, "dim italic")

    def _columns(self, most: int) -> tuple[list[_Shown], tuple[str, ...]]:
        """The columns, and what was left out of names so that they fit."""
        table = self.table
        columns = [
            _Shown(column, [_beside(table.cell(column, row)) for row in range(len(table))])
            for column in table.shown
        ]
        whole = sum(one.whole for one in columns) + _GAPS[0] * (len(columns) - 1)
        if not columns or columns[0].column.numeric or whole <= most:
            return columns, ()
        names = [value for value, _ in columns[0].cells]
        start, end = shared_parts(names[:-1] if table.has_total else names)
        if not start and not end:
            return columns, ()
        short = [
            (value.removeprefix(start).removesuffix(end), aside)
            for value, aside in columns[0].cells
        ]
        parts = [f"{start}… at the start"] * bool(start) + [f"…{end} at the end"] * bool(end)
        columns[0] = _Shown(columns[0].column, short)
        return columns, (f"Left out of each name: {', '.join(parts)}.",)

    def _block(self, columns: list[_Shown], most: int) -> RichTable:
        gap, widths = _widths(columns, most) or (_GAPS[-1], _forced(columns, most))
        found = RichTable(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
        for one, width in zip(columns, widths, strict=True):
            justify: Literal["left", "right"] = "right" if one.column.numeric else "left"
            heading = Text("\n".join(folded(one.column.heading, width)))
            found.add_column(heading, justify=justify, overflow="fold", width=width)
        last = len(self.table) - 1 if self.table.has_total else None
        for row in range(len(self.table)):
            style = "bold" if row == last else ""
            pairs = zip(columns, widths, strict=True)
            found.add_row(*(one.cell(row, width, style) for one, width in pairs))
        return found


def _common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    pairs = zip(first, last, strict=False)
    return first[: next((i for i, (a, b) in enumerate(pairs) if a != b), len(first))]


def _pieces(word: str) -> list[str]:
    return [one for one in _BREAK.split(word) if one]


def _beside(cell: tuple[str, str]) -> tuple[str, str]:
    value, aside = cell
    return value, f"({aside})" if aside else ""


def _widths(columns: Sequence[_Shown], most: int) -> tuple[int, list[int]] | None:
    """The gap and a width a column, those on the left widened first; None: they don't fit."""
    minima: tuple[tuple[int, Callable[[_Shown], int]], ...] = (
        (_GAPS[0], lambda one: one.words),
        (_GAPS[1], lambda one: one.words),
        (_GAPS[1], lambda one: one.least),
    )
    for gap, least in minima:
        found = [least(one) for one in columns]
        rest = most - sum(found) - gap * (len(columns) - 1)
        if rest < 0:
            continue
        for place, one in enumerate(columns):
            more = min(rest, max(one.whole - found[place], 0))
            found[place] += more
            rest -= more
        return gap, found
    return None


def _blocks(columns: list[_Shown], most: int) -> list[list[_Shown]]:
    """The columns in as many blocks as it takes, each with the first column in front."""
    if len(columns) < 2:
        return [columns]
    name, *others = columns
    blocks: list[list[_Shown]] = [[name]]
    for one in others:
        if len(blocks[-1]) > 1 and _widths([*blocks[-1], one], most) is None:
            blocks.append([name])
        blocks[-1].append(one)
    return blocks


def _forced(columns: Sequence[_Shown], most: int) -> list[int]:
    """Widths of the names and one column that do not fit: the names get what is left."""
    if len(columns) < 2:
        return [max(most, 1)] * len(columns)
    number = min(columns[1].least, max(most - _GAPS[-1] - 4, 1))
    return [max(most - _GAPS[-1] - number, 1), number]
