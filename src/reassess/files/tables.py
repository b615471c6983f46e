"""Columns of files, by the parts that they play (`reassess.files.columns`).

How a text is written is for `reassess.files.text_tables`, parquet for `reassess.files.parquet`,
Excel's workbooks for `reassess.files.workbooks`, and what a cell says for `reassess.files.cells`.
Two columns that could play one part must say the same.
"""

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import FileError, preview
from reassess.files.access import check_readable, read_json, write_atomically
from reassess.files.cells import as_texts, row_number
from reassess.files.columns import Part
from reassess.files.frames import Frame, FrameTable, frame_table
from reassess.files.json_tables import JsonTable, read_json_table
from reassess.files.label_lists import is_label_list, read_label_list
from reassess.files.parquet import ParquetTable, is_parquet, read_parquet
from reassess.files.signatures import describe_json, is_workbook
from reassess.files.text_tables import TextTable, read_text_table
from reassess.files.wide_rows import WideRows
from reassess.files.workbooks import WORKBOOKS, WorkbookTable, read_workbook
from reassess.notes import columns_read

TABLES = frozenset({".csv", ".tsv", ".txt", ".parquet", ".pq", *WORKBOOKS})
"""Endings of files that are read as tables wherever a file may be one."""

_Source = TextTable | ParquetTable | WorkbookTable | JsonTable | FrameTable | WideRows


_DATA = re.compile(r"[+-]?\d+(\.\d*)?|\S+\.(jpe?g|png|webp|bmp|gif|tiff?)", re.IGNORECASE)
"""A number or the name of an image file, which no column is called by."""


@dataclass(frozen=True, slots=True)
class Batches:
    """Columns of a large table.

    Attributes:
        arrays: of each batch one array of Arrow's a column.
        most: how many rows there are at most.
    """

    arrays: Iterator[list[Any]]
    most: int


@dataclass(frozen=True)
class ColumnFile:
    """A file of columns that are read when they are asked for.

    Attributes:
        path: the file.
        header: its column names, in order.
    """

    path: Path
    header: tuple[str, ...]
    _source: _Source = field(repr=False, compare=False)
    _used: set[str] = field(default_factory=set, repr=False, compare=False)

    def candidates(self, part: Part | Sequence[str]) -> list[str]:
        """The columns that could play a part, in the order of its names; no cell is compared.

        Raises:
            FileError: two columns have this name, but for case and blanks.
        """
        part = _as_part(part)
        images = {name for name in self.header if part.is_path and self._source.holds_images(name)}
        found = part.candidates([name for name in self.header if name not in images])
        found = found or part.candidates(self.header)
        by_name: dict[str, list[str]] = {}
        for name in found:
            by_name.setdefault(name.strip().lower(), []).append(name)
        for names in by_name.values():
            if len(names) > 1:
                raise _repeated(self.path, names)
        return found

    def find(self, part: Part | Sequence[str]) -> str | None:
        """The column that plays a part, recorded as read; None where there is none.

        Several may be there if they say the same in every row.

        Args:
            part: what is asked for, or the names that such a column may have.

        Raises:
            FileError: two columns could play it and differ, or have one name but for case and
                blanks.
        """
        part = _as_part(part)
        found = self.candidates(part)
        if not found:
            return None
        for other in found[1:]:
            self._check_same(part, found[0], other)
        self.use(part.name, found[0])
        return found[0]

    def require(self, part: Part | Sequence[str]) -> str:
        """The column that plays a part; see `find`.

        Raises:
            FileError: there is none, or two could play it and differ.
        """
        part = _as_part(part)
        found = self.find(part)
        if found is None:
            first, *others = (*part.aliases, *part.fallbacks)
            more = f" (or {', '.join(others)})" if others else ""
            raise FileError(
                f"{self.path}: the column {first!r}{more} is missing; the columns are "
                f"{named(self.header)}. {_remedy(self.header)}"
            )
        return found

    def require_images(self, part: Part) -> str:
        """The column of a part that holds encoded images.

        Raises:
            FileError: there is none, or there are two.
        """
        named_so = part.candidates(self.header)
        found = [name for name in named_so if self._source.holds_images(name)] or named_so
        if not found:
            raise FileError(
                f"{self.path}: there is no column of {part.name}; the columns are "
                f"{named(self.header)}. Name it one of {', '.join(part.aliases)}."
            )
        if len(found) > 1:
            raise FileError(
                f"{self.path}: the columns {found[0]!r} and {found[1]!r} could both be the "
                f"{part.name}, but one must be. Drop the other, or rename it."
            )
        self.use(part.name, found[0])
        return found[0]

    def holds_images(self, name: str) -> bool:
        """Whether the cells of a column are encoded images."""
        return self._source.holds_images(name)

    def use(self, part: str, *columns: str) -> None:
        """Record columns as read, and as what."""
        self._used.update(columns)
        columns_read(str(self.path), {part: columns}, self.header)

    def _check_same(self, part: Part, first: str, second: str) -> None:
        """Refuse two columns for one part, unless they say the same in every row."""
        one, two = (
            ["" if cell is None else str(cell).strip() for cell in self._source.column(name)]
            for name in (first, second)
        )
        differ = [
            row
            for row, (a, b) in enumerate(zip(one, two, strict=True))
            if a != b and not (part.is_path and (a.endswith("/" + b) or b.endswith("/" + a)))
        ]
        if differ:
            row = differ[0]
            raise FileError(
                f"{self.path}: the columns {first!r} and {second!r} could both be the {part.name}, "
                f"but differ: row {self.number(row)} has {one[row][:40]!r} and "
                f"{two[row][:40]!r}; {len(differ):,} of {len(one):,} rows differ. Keep the column "
                "that is meant; drop the other, or rename it."
            )

    def cells(self, name: str) -> list[Any]:
        """A column as it is: strings from texts, whatever is stored from other files.

        Raises:
            FileError: the file is corrupt.
        """
        self._record(name)
        return self._source.column(name)

    def cells_unread(self, name: str) -> list[Any]:
        """A column as it is, only to compare it: it is not recorded as read.

        Raises:
            FileError: the file is corrupt.
        """
        return self._source.column(name)

    def texts(
        self, name: str, *, known: Collection[str] = (), may_be_empty: bool = False
    ) -> list[str]:
        """A column as strings, one a row, in NFC and without blanks around them.

        Args:
            name: the column.
            known: words that mean themselves, though other programs write them into empty cells
                (``NaN``, ``NA``, ``null``, …): names of classes, where one is called so.
            may_be_empty: give ``""`` for empty cells instead of refusing them.

        Raises:
            FileError: a cell is empty, or is no text: an image, a list, a date.
        """
        return as_texts(
            self.cells(name), self.path, name, self.number, known=known, may_be_empty=may_be_empty
        )

    def block(self, name: str) -> np.ndarray[Any, np.dtype[Any]] | None:
        """A parquet column of equally long lists of numbers as one array; None for others."""
        self._record(name)
        return self._source.block(name)

    def lists(
        self, name: str
    ) -> tuple[np.ndarray[Any, np.dtype[Any]], Int[np.ndarray, "ends"]] | None:
        """A parquet column of lists of numbers, flat, and where each list ends; None for others.

        Raises:
            FileError: the file is corrupt.
        """
        self._record(name)
        return self._source.lists(name) if isinstance(self._source, ParquetTable) else None

    def numbers(self, names: Sequence[str]) -> Float[np.ndarray, "n m"]:
        """Several columns of numbers as one array; in double precision, or ties would arise.

        Raises:
            FileError: a cell is not a number, with its row.
        """
        for name in names:
            self._record(name)
        assert not isinstance(self._source, WideRows)  # noqa: S101 -- votes have no such columns
        return self._source.numbers(names)

    def times(self, name: str) -> Shaped[np.ndarray, "n"] | None:
        """A column that is stored as timestamps, in UTC as ``datetime64[ms]``; None for others."""
        self._record(name)
        if isinstance(self._source, ParquetTable | FrameTable):
            return self._source.times(name)
        return None

    def batches(self, names: Sequence[str], least: int) -> Batches | None:
        """Some columns as Arrow's arrays, batch by batch; what each is read as is not recorded.

        Args:
            names: the columns.
            least: rows below which it is not worth while.

        Returns:
            None where the file is smaller, or of a kind that Arrow does not read as `cells` does.

        Raises:
            FileError: the file is corrupt.
        """
        source = self._source
        if isinstance(source, ParquetTable | FrameTable | WideRows) and source.n_rows >= least:
            found = source.batches(names)
            return None if found is None else Batches(_one_ahead(found), source.n_rows)
        if isinstance(self._source, TextTable):
            n_bytes = self.path.stat().st_size
            most = n_bytes // (2 * len(self.header))  # a cell of one letter, and what follows it
            arrays = self._source.batches(names) if most >= 4 * least else None
            return None if arrays is None else Batches(_one_ahead(arrays), most + 1)
        return None

    def place(self, row: int) -> str:
        """The name of a row below the header, by its number from 0, for messages."""
        return f"row {self.number(row)}"

    def number(self, row: int) -> int:
        """The number of a row below the header in the file, by its place from 0."""
        rows = self._source.rows if isinstance(self._source, JsonTable) else None
        if rows is not None:
            return rows[row]
        if isinstance(self._source, WideRows):
            return int(self._source.row_numbers(row + 1)[row])
        return row_number(row, self._source.first_row, self._source.left_out)

    def row_numbers(self, n_rows: int) -> Int[np.ndarray, "n"]:
        """The numbers of the first rows below the header in the file, for messages."""
        rows = self._source.rows if isinstance(self._source, JsonTable) else None
        if rows is not None:
            return np.array(rows[:n_rows], np.int64)
        if isinstance(self._source, WideRows):
            return self._source.row_numbers(n_rows)
        first, left_out = self._source.first_row, self._source.left_out
        every = np.arange(first, first + n_rows + len(left_out))
        return every[~np.isin(every, left_out)][:n_rows] if left_out else every

    def _record(self, name: str) -> None:
        if name not in self._used:
            self.use(name.strip().lower(), name)


def _one_ahead(batches: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """The same batches; while one is worked on, a thread reads the next."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def named(columns: Sequence[str]) -> str:
    """Column names for a message, shortened: the header of a foreign file may be all of it."""
    return preview([name if len(name) < 40 else name[:37] + "…" for name in columns], 8)


def _remedy(header: Sequence[str]) -> str:
    """What to do where a column is missing, by what the first row looks like."""
    if len(header) == 1 and " " in header[0]:
        return "Put commas between the cells, and name the columns in the first row."
    if any(_DATA.fullmatch(name) for name in header):
        return "The first row must name the columns: put such a line above it."
    return "Name the column so."


def _as_part(part: Part | Sequence[str]) -> Part:
    return part if isinstance(part, Part) else Part(part[0], tuple(part))


def _repeated(path: Path, columns: Sequence[str]) -> FileError:
    return FileError(f"{path}: a column name appears twice: {named(columns)}. Rename one.")


def read_table(path: Path | Frame, *, may_be_empty: bool = False) -> ColumnFile:
    """The header of a CSV, TSV, parquet or Excel file or a frame, ready to read columns from.

    Args:
        path: the file, or the frame.
        may_be_empty: whether a file may have a header and no row, as one of our own may.

    Raises:
        FileError: the file is missing, unreadable, something else, or has no header or no row.
        MissingExtraError: the package that reads it is not installed.
    """
    if not isinstance(path, Path):
        found = frame_table(path)
        return _checked(found.path, found)
    check_readable(path)
    if path.suffix.lower() in {".json", ".npy", ".npz"}:
        foreign = describe_json(read_json(path)) if path.suffix.lower() == ".json" else None
        if foreign is not None:
            raise FileError(f"{path}: {foreign} (image,label).")
        raise FileError(
            f"{path}: it is not a table, but must be one: .csv, .tsv, .parquet or .xlsx."
        )
    source: _Source
    if is_parquet(path):
        source = read_parquet(path)
    elif path.suffix.lower() in WORKBOOKS or is_workbook(path):
        source = read_workbook(path)
    elif path.suffix.lower() in {".jsonl", ".ndjson"}:
        source = read_json_table(path)
    elif is_label_list(path):
        source = read_label_list(path)
    else:
        source = read_text_table(path)
    return _checked(path, source, may_be_empty=may_be_empty)


def _checked(path: Path, source: _Source, *, may_be_empty: bool = False) -> ColumnFile:
    """A table that has rows and column names, each once.

    Raises:
        FileError: it has not.
    """
    if not source.header or (source.is_empty() and not may_be_empty):
        raise FileError(f"{path}: there are 0 rows, but there must be at least one below a header.")
    # A column without a name, such as a spreadsheet's empty ones, can play no part.
    twice = [name for name in source.header if name and source.header.count(name) > 1]
    if twice:
        raise _repeated(path, twice)
    return ColumnFile(path, source.header, source)


def write_csv(path: Path, header: Sequence[str], columns: Mapping[str, Sequence[object]]) -> None:
    """Write columns of equal length as CSV (tabs for ``.tsv``) with Unix line ends."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=_delimiter(path), lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*(columns[name] for name in header), strict=True))


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write arrays or lists of equal length as a CSV file, beside its place and renamed.

    Raises:
        FileError: the file cannot be written.
    """
    cells = {name: np.asarray(column).tolist() for name, column in columns.items()}
    with write_atomically(path) as beside:
        write_csv(beside, list(cells), cells)


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","
