"""Tables as texts: CSV and its relatives, in the dialects in which other programs write them.

Commas (tabs in ``.tsv``) are expected. Semicolons, tabs and ``|`` are read where no reading with
the expected sign makes columns; a first line ``sep=;`` and a byte order mark (UTF-8, UTF-16,
UTF-32) are followed. A note says how such a file was read. Texts without such a mark are UTF-8:
other encodings are named and refused, as a guess would change names.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from reassess.errors import FileError
from reassess.files.cells import number_fault, row_number
from reassess.files.signatures import describe
from reassess.notes import note
from reassess.records.benchmark import plain_text

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_STATED = re.compile(r'"?sep=(.)"?[,;\t]*\r?\n', re.IGNORECASE)
_JSON = re.compile(r"\s*[\[{]\s*[\[{\"\d\]}]")
_SAMPLE = 1 << 16
"""Bytes at the beginning that show how a file is written."""

_ROWS_AT_ONCE = 1 << 8
"""So few that they stay in a core's cache: thirty times as many take nearly twice as long."""

_BLOCK = 1 << 22
"""Bytes that Arrow parses at once."""

_CHECKED = 1 << 18
"""Bytes whose quotes are looked at together, as fit into the processor's cache."""

_LATIN = 0xA0
"""From here on Latin-1 and Windows-1252 have letters and signs."""

_KEPT = 16
"""So many columns are all kept when the first is read; of wider files only what is asked for."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text is written.

    Attributes:
        encoding: Python's name of it.
        delimiter: the sign between cells.
        stated: whether a first line states the delimiter, before the header.
    """

    encoding: str
    delimiter: str
    stated: bool


@dataclass
class TextTable:
    """A text of columns; what is asked for is read in passes over the file.

    Attributes:
        path: the file.
        header: its column names, in order.
        dialect: how it is written.
        header_lines: how many lines come before the first row.
    """

    path: Path
    header: tuple[str, ...]
    dialect: Dialect
    header_lines: int
    _kept: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _left_out: list[int] = field(default_factory=list, repr=False)

    @property
    def first_row(self) -> int:
        """The number of the first row below the header."""
        return 3 if self.dialect.stated else 2

    @property
    def left_out(self) -> list[int]:
        """The numbers of the rows without any content, rising, as far as they were read."""
        return self._left_out

    def column(self, name: str) -> list[Any]:
        """A column's cells.

        Raises:
            FileError: a row has more or fewer cells than the header, or is no text.
        """
        if len(self.header) > _KEPT:
            return self._columns([name])[0]
        if not self._kept:
            self._kept = dict(zip(self.header, self._columns(self.header), strict=True))
        return self._kept[name]

    def batches(self, names: Sequence[str]) -> Iterator[list[Any]] | None:
        """Some columns as Arrow's arrays of texts, batch by batch.

        Returns:
            None where Arrow may part the cells otherwise than the reader of single cells does.

        Raises:
            FileError: Arrow cannot read the file, for whatever reason.
        """
        is_usual = self.dialect.encoding == "utf-8-sig" and not self.dialect.stated
        if not is_usual or find_spec("pyarrow") is None or not self._has_plain_quotes():
            return None
        return self._arrays(names)

    def _arrays(self, names: Sequence[str]) -> Iterator[list[Any]]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        texts = pa.dictionary(pa.int32(), pa.string())  # of a few distinct ones, as most are
        columns = [f"{place}" for place in range(len(self.header))]
        wanted = [columns[self.header.index(name)] for name in names]
        try:
            with arrow_csv.open_csv(
                self.path,
                arrow_csv.ReadOptions(
                    column_names=columns, skip_rows=self.header_lines, block_size=_BLOCK
                ),
                arrow_csv.ParseOptions(delimiter=self.dialect.delimiter),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(columns, texts), include_columns=wanted
                ),
            ) as reader:
                for batch in reader:
                    yield batch.columns
        except (pa.ArrowException, OSError) as error:
            raise FileError(f"{self.path}: {error}") from error

    def _has_plain_quotes(self) -> bool:
        """Whether every quote begins or ends a cell, so that no cell holds one."""
        signs = (ord(self.dialect.delimiter), ord("\n"), ord("\r"))
        n = n_begin = n_end = 0
        last = b"\n"
        with self.path.open("rb") as file:
            while block := file.read(_CHECKED):
                whole, last = np.frombuffer(last + block, np.uint8), block[-1:]
                is_quote = whole == ord('"')
                is_sign = (whole == signs[0]) | (whole == signs[1]) | (whole == signs[2])
                n += int(np.count_nonzero(is_quote[1:]))
                n_begin += int(np.count_nonzero(is_sign[:-1] & is_quote[1:]))
                n_end += int(np.count_nonzero(is_quote[:-1] & is_sign[1:]))
        n_end += last == b'"'
        return n == n_begin + n_end and n_begin == n_end

    def is_empty(self) -> bool:
        """Whether there is no row below the header."""
        return next(self._parts(), None) is None

    def holds_images(self, name: str) -> bool:
        """No text holds images."""
        del name
        return False

    def block(self, name: str) -> None:
        """No cell of a text is an array."""
        del name

    def numbers(self, names: Sequence[str]) -> Float[np.ndarray, "n m"]:
        """Several columns as one array.

        Raises:
            FileError: a cell is not a number, with its row.
        """
        try:
            return np.loadtxt(
                self.path,
                dtype=np.float64,
                delimiter=self.dialect.delimiter,
                quotechar='"',
                comments=None,
                skiprows=self.header_lines,
                usecols=[self.header.index(name) for name in names],
                ndmin=2,
                encoding=self.dialect.encoding,
            )
        except ValueError as error:
            for name, cells in zip(names, self._columns(names), strict=True):
                check_numbers(cells, self.path, name, self.first_row, self.left_out)
            raise FileError(f"{self.path}: a cell is not a number ({error}).") from error

    def _columns(self, names: Sequence[str]) -> list[list[str]]:
        places = [self.header.index(name) for name in names]
        columns: list[list[str]] = [[] for _ in places]
        for rows in self._parts():
            for place, column in zip(places, columns, strict=True):
                column += [row[place] for row in rows]
        return columns

    def _parts(self) -> Iterator[list[list[str]]]:
        """The rows below the header, some at once; those without any content are left out."""
        width = len(self.header)
        with _rows(self.path, self.dialect) as rows:
            number = self.first_row - 1
            for _ in range(number):  # the header, and what states the delimiter
                next(rows, None)
            n_empty, left_out = 0, list[int]()
            while part := list(islice(rows, _ROWS_AT_ONCE)):
                if set(map(len, part)) != {width}:
                    self._check_widths(part, number + 1)
                filled = [row for row in part if any(row)]
                if len(filled) < len(part):
                    left_out += [n for n, row in enumerate(part, number + 1) if not any(row)]
                number += len(part)
                n_empty += sum(map(bool, part)) - len(filled)
                if filled:
                    yield filled
            self._left_out = left_out
            if n_empty:
                note(f"{self.path}: {n_empty:,} rows with empty cells only were left out.")

    def _check_widths(self, rows: list[list[str]], first: int) -> None:
        """Refuse a row that is not as wide as the header; a blank line is none."""
        for number, row in enumerate(rows, start=first):
            if row and len(row) != len(self.header):
                if self.header[0].startswith("#") and len(self.header) == 1:
                    raise FileError(
                        f"{self.path}: its first line is {self.header[0][:60]!r}, which seems a "
                        "comment, but must name the columns. Remove it."
                    )
                raise FileError(
                    f"{self.path}: row {number} has {_columns(len(row))}, but must have "
                    f"{len(self.header)} as the header has. Quote cells that contain "
                    f"{_SEPARATORS.get(self.dialect.delimiter, repr(self.dialect.delimiter))}."
                )


def check_numbers(
    cells: Sequence[Any], path: Path, column: str, first_row: int = 2,
    left_out: Sequence[int] = (),
) -> None:  # fmt: skip
    """Refuse the first cell that is not a number, and say why.

    Raises:
        FileError: a cell is not a number; with its row and how many are not.
    """
    wrong = [row for row, cell in enumerate(cells) if not _is_number(cell)]
    if wrong:
        cell, number = cells[wrong[0]], row_number(wrong[0], first_row, left_out)
        raise FileError(
            f"{path}: row {number}, column {column!r} is not a number: it is "
            f"{number_fault('' if cell is None else str(cell))}; {len(wrong):,} of {len(cells):,} "
            "cells are none."
        )


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str) and ("_" in cell or not cell.isascii()):
        return False  # Python's float takes 1_000, and digits of other scripts
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


@contextmanager
def _rows(path: Path, dialect: Dialect) -> Iterator[Any]:
    """The reader of an open file; whatever is wrong with the text is said in our words."""
    csv.field_size_limit(2**31 - 1)
    try:
        with path.open(newline="", encoding=dialect.encoding) as file:
            yield csv.reader(file, delimiter=dialect.delimiter, strict=True)
    except UnicodeError as error:
        raise encoding_error(path, dialect.encoding) from error
    except csv.Error as error:
        raise FileError(
            f"{path}: it is not a complete CSV text ({error}). Close every quote; save it again."
        ) from error


def read_text_table(path: Path) -> TextTable:
    """The header of a text of columns, and how it is written; a note where that is unusual.

    Raises:
        FileError: it is no text, in an encoding that is not known for certain, or cells could be
            parted in two ways.
    """
    dialect = find_dialect(path)
    with _rows(path, dialect) as rows:
        if dialect.stated:
            next(rows, None)
        header = next(rows, None)
        n_lines = rows.line_num
    if header == []:
        row = 2 if dialect.stated else 1
        raise FileError(f"{path}: row {row} is blank, but must name the columns.")
    names = tuple(map(plain_text, header or ()))
    return TextTable(path, names, dialect, n_lines)


def read_lines(path: Path) -> list[str]:
    """The lines of a text, which need not be a table.

    Raises:
        FileError: it is no text, or its encoding is not known for certain.
    """
    foreign = describe(path)
    if foreign is not None:
        raise FileError(f"{path}: {foreign}")
    encoding = text_encoding(path)
    try:
        return path.read_text(encoding=encoding).removesuffix("\n").split("\n")
    except UnicodeError as error:
        raise encoding_error(path, encoding) from error


def find_dialect(path: Path) -> Dialect:
    """How a text of columns is written.

    Raises:
        FileError: it is no text, its encoding is not known for certain, or cells could be parted
            in two ways.
    """
    foreign = describe(path)
    if foreign is not None:
        raise FileError(f"{path}: {foreign}")
    encoding = text_encoding(path)
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    whole = len(head) < _SAMPLE
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeError as error:
        raise encoding_error(path, encoding) from error
    if encoding != "utf-8-sig":
        note(f"{path}: read as {encoding.upper()}, as its first bytes say.")
    if _JSON.match(text):
        raise FileError(f"{path}: it is JSON, but must be a table. Name it .json, or save a table.")
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    stated = _STATED.match(text)
    if stated:
        note(f"{path}: its first line says that {_named(stated[1])} part the cells; read so.")
        return Dialect(encoding, stated[1], stated=True)
    delimiter = _delimiter(text, usual, path, whole=whole)
    if delimiter != usual:
        note(f"{path}: read with {_named(delimiter)} between the cells.")
    return Dialect(encoding, delimiter, stated=False)


def text_encoding(path: Path) -> str:
    """The encoding that the first bytes state; UTF-8 where they state none.

    Raises:
        FileError: it is UTF-16 without a mark, or no text at all.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\x00" not in head:
        return "utf-8-sig"
    if head[1:40:2].strip(b"\x00") == b"" or head[0:40:2].strip(b"\x00") == b"":
        raise FileError(
            f"{path}: it is UTF-16 without a byte order mark, but must be UTF-8. Save it as UTF-8."
        )
    raise FileError(
        f"{path}: it is not a text (it holds zero bytes), but must be a table. Export it as CSV."
    )


def _columns(n: int) -> str:
    return f"{n} column{'s' if n != 1 else ''}"


def _named(delimiter: str) -> str:
    return _SEPARATORS.get(delimiter, repr(delimiter))


def _delimiter(text: str, usual: str, path: Path, *, whole: bool) -> str:
    """The sign between cells: the usual one, unless only another makes columns.

    Raises:
        FileError: two others do.
    """
    width = {sign: _width(text, sign, whole=whole) for sign in (usual, *_SEPARATORS)}
    if width[usual][0] > 1 and width[usual][1]:
        return usual
    others = [sign for sign, (columns, _) in width.items() if sign != usual and columns > 1]
    regular = [sign for sign in others if width[sign][1]]
    if width[usual][0] > 1:
        return regular[0] if len(regular) == 1 else usual
    if len(others) > 1 and len(regular) != 1:
        raise FileError(
            f"{path}: its cells could be parted by {' or by '.join(map(_named, others))}, but must "
            "be by one sign. Save it with commas."
        )
    return (regular or others or [usual])[0]


def _width(text: str, sign: str, *, whole: bool) -> tuple[int, bool]:
    """How many columns a sign makes of the header, and whether it does of every row at hand."""
    rows = []
    try:
        rows += [len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign)]
    except csv.Error:
        return 0, False
    if not rows:
        return 0, False
    if not whole:
        rows = rows[:-1] or rows
    return rows[0], all(columns in {rows[0], 0} for columns in rows)


def encoding_error(path: Path, encoding: str) -> FileError:
    """The refusal of a text that is not in its encoding: where, and in which it seems to be."""
    if encoding != "utf-8-sig":
        return FileError(f"{path}: it is not complete {encoding.upper()}. Save it as UTF-8.")
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte, begin = line[error.start], line[max(error.start - 12, 0) : error.end + 12]
            seems = ""
            if byte >= _LATIN:
                read = begin.decode("cp1252", "replace")
                seems = f" (as Windows-1252, Latin-1, it reads {read!r})"
            return FileError(
                f"{path}: line {number} has the byte 0x{byte:02x}, which is not UTF-8{seems}, but "
                "the text must be UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8)."
            )
    return FileError(f"{path}: it is not UTF-8 text. Save it as UTF-8 (in Excel: CSV UTF-8).")
