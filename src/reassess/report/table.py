"""A table as data, and what it is rendered as: terminal, HTML, CSV, JSON, Markdown, LaTeX.

A `Table` holds columns of raw values: fractions in [0, 1], counts, words, None where nothing is
defined. How a value is written hangs on its column's unit and is decided in
`reassess.report.formatting`; how a table is set, by one small function a format, registered in
`RENDERERS`. Two kinds of format differ in what they show. Those for machines (CSV, JSON) hold
every exported column under its key, unrounded. Those for people hold the columns that have a
heading; what belongs to a value, such as the ends of its interval, stands beside it in its cell.

Knows no table: `score_tables`, `label_tables` and `mistake_tables` make them.
"""

import csv
import html
import io
import json
import math
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from reassess.errors import DataError, OptionError
from reassess.files import write_atomically
from reassess.registry import Registry, checks_choices
from reassess.report import formatting as fmt

if TYPE_CHECKING:
    from reassess.report.console_table import OnConsole

Value: TypeAlias = str | int | float | bool | None
Columns: TypeAlias = "list[tuple[Column, Iterable[Any]]]"
"""Columns, each with its values: what tables are put together of."""

_N_ON_SIGHT = 100
"""Rows of a page's table that are shown before its reader asks for all."""

_WIDE = 200
"""Characters of a line of a text file: wide enough that no table of ours wraps."""


@checks_choices
@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        key: its name in CSV and JSON, once in a table.
        heading: what stands above it; empty for a column that only machines read.
        unit: what its values are, and so how people read them.
        digits: after the decimal point; of ``significant``, in all.
        note: what the heading means.
        aside: what stands beside the value in its cell, fainter: a template with keys of this
            table, as ``{low}–{high}``; left out where one of them is undefined.
        exported: whether CSV and JSON hold it.
    """

    key: str
    heading: str = ""
    unit: fmt.Unit = "text"
    digits: int = 1
    note: str = ""
    aside: str = ""
    exported: bool = True

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers, which are set flush right."""
        return self.unit not in {"text", "state", "check"}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, their values, and what they are about.

    Attributes:
        name: anchor on a page; lower case and hyphens.
        title: what it holds, without a full stop.
        columns: in order; the first with a heading names the row.
        data: the values of each column, by its key.
        notes: sentences that belong below it.
        about: what a row is about, ``model``, ``class`` or something else: what the reader of a
            page looks for in all tables at once.
        has_total: whether its last row sums up the others.

    Raises:
        DataError: keys repeat, a column has no values or another number of them, or an aside
            names a key that is not there.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    data: Mapping[str, Sequence[Value]] = field(repr=False)
    notes: tuple[str, ...] = ()
    about: str = ""
    has_total: bool = False

    def __post_init__(self) -> None:
        keys = [column.key for column in self.columns]
        if len(set(keys)) != len(keys) or set(keys) != set(self.data):
            raise DataError(
                f"table {self.name!r}: the columns are {keys} and the data has {list(self.data)}, "
                "but each column must have one key and its values."
            )
        if len({len(values) for values in self.data.values()}) > 1:
            lengths = {key: len(values) for key, values in self.data.items()}
            raise DataError(
                f"table {self.name!r}: columns must be equally long, but are {lengths}."
            )
        asked = {key for column in self.columns for key in _keys_in(column.aside)}
        if asked - set(keys):
            raise DataError(
                f"table {self.name!r}: asides name {sorted(asked - set(keys))}, but must name "
                f"columns among {keys}."
            )

    @classmethod
    def from_columns(
        cls, name: str, title: str, columns: Iterable[tuple[Column, Iterable[Any]]], **more: Any
    ) -> "Table":
        """A table of columns, each with its values: arrays, or lists with None for undefined.

        Args:
            name: see `Table`.
            title: likewise.
            columns: each column and its values; NaN becomes None.
            more: the other attributes.
        """
        given = list(columns)
        data = {column.key: _plain(values) for column, values in given}
        return cls(name, title, tuple(column for column, _ in given), data, **more)

    def __len__(self) -> int:
        return len(next(iter(self.data.values()), ()))

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns that people read."""
        return tuple(column for column in self.columns if column.heading)

    @property
    def exported(self) -> dict[str, Sequence[Value]]:
        """What machines read: values by key."""
        return {column.key: self.data[column.key] for column in self.columns if column.exported}

    @property
    def caption(self) -> str:
        """Title and notes, as sentences."""
        return " ".join((f"{self.title}.", *self.notes))

    def records(self) -> list[dict[str, Value]]:
        """One dictionary a row, of what machines read."""
        columns = self.exported
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def take(self, rows: Iterable[int]) -> "Table":
        """The same table with some of its rows, in the order that is given."""
        chosen = list(rows)
        data = {key: [values[row] for row in chosen] for key, values in self.data.items()}
        return replace(self, data=data)

    def head(self, n: int) -> "Table":
        """Its first rows, with a note on how many more there are."""
        if len(self) <= n:
            return self
        rest = f"… {len(self) - n:,} more"
        return replace(self.take(range(n)), notes=(*self.notes, rest))

    def cell(self, column: Column, row: int) -> tuple[str, str]:
        """A cell as people read it: the value, and what stands beside it."""
        value = fmt.cell(self.data[column.key][row], column.unit, column.digits)
        return value, self._aside(column, row)

    def _aside(self, column: Column, row: int) -> str:
        keys = _keys_in(column.aside)
        if not keys or any(self.data[key][row] is None for key in keys):
            return ""
        own = {one.key: one for one in self.columns}
        texts = {key: fmt.cell(self.data[key][row], own[key].unit, own[key].digits) for key in keys}
        is_interval = column.aside == "–".join(f"{{{key}}}" for key in keys)
        if is_interval and len(set(texts.values())) == 1:
            return texts[keys[0]]
        return column.aside.format_map(texts)


@dataclass(frozen=True, slots=True)
class Renderer:
    """One way to write a table.

    Attributes:
        name: what people ask for.
        render: the function.
        suffixes: of files that are written so.
        summary: what it is for, as a line of help.
    """

    name: str
    render: Callable[[Table], str]
    suffixes: tuple[str, ...]
    summary: str


def render(table: Table, form: str) -> str:
    """A table in one of the formats of `RENDERERS`.

    Raises:
        OptionError: there is no such format.
    """
    return RENDERERS[form].render(table)


def format_of(path: str | PathLike[str]) -> str:
    """The format that a file's suffix asks for.

    Raises:
        OptionError: no format has this suffix.
    """
    suffix = Path(path).suffix.lower()
    for one in RENDERERS.values():
        if suffix in one.suffixes:
            return one.name
    known = ", ".join(suffix for one in RENDERERS.values() for suffix in one.suffixes)
    raise OptionError(
        f"the file is {str(path)!r}, but must end in one of {known}, which says what is written. "
        "Rename it."
    )


def write_rendered(table: Table, path: str | PathLike[str], form: str | None = None) -> None:
    """Write a table to a file.

    Args:
        table: what to write.
        path: where to.
        form: one of the formats; None takes that which the file's suffix asks for.

    Raises:
        OptionError: there is no such format, or none has this suffix.
        FileError: the file cannot be written.
    """
    text = render(table, format_of(path) if form is None else form)
    with write_atomically(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="")


def to_rich(table: Table) -> "OnConsole":
    """The table for a console of Rich."""
    from reassess.report.console_table import OnConsole

    return OnConsole(table)


def _terminal(table: Table) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=_WIDE, color_system=None)
    with console.capture() as captured:
        console.print(to_rich(table))
    lines = captured.get().splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def html_table(table: Table) -> str:
    """The table as an element that a page's script can sort, sift and fold; without its caption."""
    name, about = html.escape(table.name), html.escape(table.about)
    lines = [f'<table id="{name}" aria-labelledby="caption-{name}" data-of="{about}">']
    lines.append("<thead><tr>")
    for column in table.shown:
        flush = ' class="n"' if column.numeric else ""
        note = f' title="{html.escape(column.note)}"' if column.note else ""
        lines.append(f'<th scope="col"{flush}{note}>{html.escape(column.heading)}</th>')
    lines += ["</tr></thead>", "<tbody>"]
    for row in range(len(table)):
        cells = [
            _html_cell(table, column, row, "td" if place else 'th scope="row"')
            for place, column in enumerate(table.shown)
        ]
        later = ' class="later"' if row >= _N_ON_SIGHT else ""
        lines.append(f"<tr{later}>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"])


def _html_cell(table: Table, column: Column, row: int, tag: str) -> str:
    value, aside = table.cell(column, row)
    raw = table.data[column.key][row]
    flush = ' class="n"' if column.numeric else ""
    sort = "" if raw is None else f' data-sort="{html.escape(_sort_key(raw))}"'
    small = f" <small>{html.escape(aside)}</small>" if aside else ""
    return f"<{tag}{flush}{sort}>{html.escape(value)}{small}</{tag[:2]}>"


def _sort_key(value: str | int | float | bool) -> str:
    """What a row is sorted by, in as few characters as keep the order."""
    if isinstance(value, str):
        return value.lower()
    return f"{value:.7g}" if isinstance(value, float) else str(int(value))


def _html(table: Table) -> str:
    name = html.escape(table.name)
    caption = html.escape(table.caption)
    return f'<p class="caption" id="caption-{name}">{caption}</p>\n{html_table(table)}\n'


def _csv(table: Table, delimiter: str = ",") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    columns = table.exported
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _tsv(table: Table) -> str:
    return _csv(table, "\t")


def _json(table: Table) -> str:
    return json.dumps(table.records(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _markdown(table: Table) -> str:
    rows = [[_in_markdown(column.heading) for column in table.shown]]
    rows.append(["--:" if column.numeric else ":--" for column in table.shown])
    rows += [
        [_in_markdown(_flat(*table.cell(column, row))) for column in table.shown]
        for row in range(len(table))
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows) + "\n"


def _latex(table: Table) -> str:
    """A ``tabular`` with the rules of the package booktabs."""
    ends = " \\\\"
    header = " & ".join(_in_latex(column.heading) for column in table.shown) + ends
    rows = [
        " & ".join(_in_latex(_flat(*table.cell(column, row))) for column in table.shown) + ends
        for row in range(len(table))
    ]
    if table.has_total:
        rows.insert(-1, "\\midrule")
    places = "".join("r" if column.numeric else "l" for column in table.shown)
    begin = f"\\begin{{tabular}}{{{places}}}"
    lines = ["% \\usepackage{booktabs}", begin, "\\toprule", header, "\\midrule", *rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


RENDERERS: Registry[Renderer] = Registry(
    "table format",
    (
        Renderer("csv", _csv, (".csv",), "every column, unrounded"),
        Renderer("tsv", _tsv, (".tsv",), "the same with tabs"),
        Renderer("json", _json, (".json",), "one object a row, unrounded"),
        Renderer("markdown", _markdown, (".md",), "for a README or an issue"),
        Renderer("latex", _latex, (".tex",), "for a paper; needs booktabs"),
        Renderer("html", _html, (".html",), "for a page"),
        Renderer("terminal", _terminal, (".txt",), "as a terminal shows it"),
    ),
)
"""Every format of a table; a new one is one function and one registration."""

_MARKDOWN = re.compile(r"[\\`*\[\]<>|~$&#!]|(?<![^\W_])_|_(?![^\W_])")
"""What begins a construct of Markdown; a ``_`` inside a word begins none."""

_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "–": "--", "−": "$-$", "≥": r"$\geq$", "…": r"\dots{}", "✓": "yes", "✗": "no",
    **{one: f"\\{one}" for one in "&%$#_{}"},
}  # fmt: skip


def _in_markdown(text: str) -> str:
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", _one_line(text))


def _in_latex(text: str) -> str:
    return "".join(_LATEX.get(one, one) for one in _one_line(text))


def _one_line(text: str) -> str:
    """Text that cannot end the line it stands in."""
    return " ".join(text.split())


def _flat(value: str, aside: str) -> str:
    return f"{value} ({aside})" if aside else value


def _keys_in(template: str) -> list[str]:
    return [key for _, key, _, _ in string.Formatter().parse(template) if key]


def _plain(values: Iterable[Any]) -> list[Value]:
    """Values as Python's own: None for NaN, which neither CSV nor JSON knows, and no −0.0."""
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    plain = [one.item() if isinstance(one, np.generic) else one for one in listed]
    return [_number(one) if isinstance(one, float) else one for one in plain]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value + 0.0
