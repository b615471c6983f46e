"""Columns of CSV and parquet files, by the parts that they play (`reassess.files.columns`).

CSV comes through Python's own reader (wide blocks of numbers through NumPy's), parquet
through pyarrow. Two columns that could play one part must say the same.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from reassess.errors import FileError, MissingExtraError, preview
from reassess.files.access import check_readable, write_atomically
from reassess.files.columns import Part
from reassess.notes import columns_read

_BAD_PARQUET = (OSError, LookupError, NotImplementedError, TypeError, ValueError)
"""What pyarrow raises on unfinished, corrupt or foreign bytes.

Its `ArrowNotImplementedError`, for encodings that corrupt bytes seem to name, is Python's.
"""


@dataclass(frozen=True)
class ColumnFile:
    """A file of columns that are read when they are asked for.

    Attributes:
        path: the file.
        header: its column names, in order.
    """

    path: Path
    header: tuple[str, ...]
    _used: set[str] = field(default_factory=set, repr=False, compare=False)

    def candidates(self, part: Part | Sequence[str]) -> list[str]:
        """The columns that could play a part, in the order of its names; no cell is compared.

        Raises:
            FileError: two columns have this name, but for case and blanks.
        """
        found = _as_part(part).candidates(self.header)
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
                f"{named(self.header)}. Name the column so."
            )
        return found

    def use(self, part: str, *columns: str) -> None:
        """Record columns as read, and as what."""
        self._used.update(columns)
        columns_read(str(self.path), {part: columns}, self.header)

    def _check_same(self, part: Part, first: str, second: str) -> None:
        """Refuse two columns for one part, unless they say the same in every row."""
        one, two = (
            ["" if cell is None else str(cell).strip() for cell in self._read(name)]
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
                f"but differ: row {row + 2} has {one[row][:40]!r} and {two[row][:40]!r}; "
                f"{len(differ):,} of {len(one):,} rows differ. Keep the column that is meant; drop "
                "the other, or rename it."
            )

    def cells(self, name: str) -> list[Any]:
        """A column as it is: strings from CSV, whatever is stored from parquet.

        Raises:
            FileError: the file is corrupt.
        """
        if name not in self._used:
            self.use(name.strip().lower(), name)
        return self._read(name)

    def _read(self, name: str) -> list[Any]:
        if is_parquet(self.path):
            column = _read_parquet(self.path, [name]).column(0)
            try:
                values: list[Any] = column.to_pylist()
            except _BAD_PARQUET as error:
                raise _no_parquet(self.path, error) from error
            return values
        place = self.header.index(name)
        return [row[place] for _, row in _csv_rows(self.path, len(self.header))]

    def texts(self, name: str) -> list[str]:
        """A column as strings, one a row.

        Raises:
            FileError: a cell is empty, or NaN, which is how pandas stores an empty one.
        """
        cells = self.cells(name)
        values = ["" if cell is None or cell != cell else str(cell) for cell in cells]  # noqa: PLR0124
        if "" in values:
            raise FileError(
                f"{self.path}: row {values.index('') + 2}, column {name!r} is empty, but must have "
                f"a value; {values.count(''):,} cells are empty. Fill them or leave the rows out."
            )
        return values

    def block(self, name: str) -> np.ndarray[Any, np.dtype[Any]] | None:
        """A parquet column of equally long lists of numbers as one array; None for others."""
        if not is_parquet(self.path):
            return None
        import pyarrow.compute as pc
        from pyarrow import types

        column = _read_parquet(self.path, [name]).column(0).combine_chunks()
        kind = column.type
        if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
            return None
        values = pc.list_flatten(column)
        is_number = types.is_floating(values.type) or types.is_integer(values.type)
        lengths = np.unique(pc.list_value_length(column).to_numpy(zero_copy_only=False))
        if not is_number or column.null_count or values.null_count or len(lengths) != 1:
            return None
        flat: np.ndarray[Any, np.dtype[Any]] = values.to_numpy(zero_copy_only=False)
        return flat.reshape(len(column), int(lengths[0]))

    def numbers(self, names: Sequence[str]) -> Float[np.ndarray, "n m"]:
        """Several columns of numbers as one array; in double precision, or ties would arise.

        Raises:
            FileError: a cell is not a number.
        """
        if is_parquet(self.path):
            table = _read_parquet(self.path, list(names))
            try:
                columns = [table.column(name).to_numpy().astype(np.float64) for name in names]
            except (TypeError, ValueError) as error:
                raise FileError(f"{self.path}: a cell is not a number ({error}).") from error
            return np.stack(columns, axis=1)
        wanted = [self.header.index(name) for name in names]
        try:
            return np.loadtxt(
                self.path,
                dtype=np.float64,
                delimiter=_delimiter(self.path),
                quotechar='"',
                comments=None,
                skiprows=1,
                usecols=wanted,
                ndmin=2,
                encoding="utf-8-sig",
            )
        except ValueError as error:
            raise FileError(f"{self.path}: a cell is not a number ({error}).") from error


def named(columns: Sequence[str]) -> str:
    """Column names for a message, shortened: the header of a foreign file may be all of it."""
    return preview([name if len(name) < 40 else name[:37] + "…" for name in columns], 8)


def _as_part(part: Part | Sequence[str]) -> Part:
    return part if isinstance(part, Part) else Part(part[0], tuple(part))


def _repeated(path: Path, columns: Sequence[str]) -> FileError:
    return FileError(f"{path}: a column name appears twice: {named(columns)}. Rename one.")


def read_table(path: Path) -> ColumnFile:
    """The header of a CSV, TSV or parquet file, ready to read columns from.

    Raises:
        FileError: the file is missing, unreadable, or has no header or no row.
    """
    check_readable(path)
    if path.suffix.lower() in {".json", ".npy", ".npz"}:
        raise FileError(f"{path}: it is not a table, but must be one: .csv, .tsv or .parquet.")
    if is_parquet(path):
        try:
            table = ColumnFile(path, tuple(_parquet().read_schema(path).names))
            n_rows = _parquet().read_metadata(path).num_rows
        except _BAD_PARQUET as error:
            raise _no_parquet(path, error) from error
    else:
        rows = _csv_rows(path, None)
        first = next(rows, None)
        table = ColumnFile(path, tuple(name.strip() for name in first[1]) if first else ())
        n_rows = sum(1 for _ in zip(rows, range(1), strict=False))
    if not table.header or n_rows == 0:
        raise FileError(f"{path}: there are 0 rows, but there must be at least one below a header.")
    twice = [name for name in table.header if table.header.count(name) > 1]
    if twice:
        raise _repeated(path, twice)
    return table


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


def write_parquet(path: Path, columns: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    """Write columns of equal length as parquet, with texts in the file's metadata."""
    parquet = _parquet()
    import pyarrow as pa

    table = pa.table(dict(columns)).replace_schema_metadata(dict(metadata))
    parquet.write_table(table, path, compression="zstd")


def parquet_metadata(path: Path) -> dict[str, str]:
    """The texts that `write_parquet` put into the file's metadata.

    Raises:
        FileError: the file is corrupt.
    """
    try:
        stored = _parquet().read_schema(path).metadata or {}
    except _BAD_PARQUET as error:
        raise _no_parquet(path, error) from error
    return {
        key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for key, value in stored.items()
    }


def is_parquet(path: Path) -> bool:
    """Whether the extension says parquet."""
    return path.suffix.lower() in {".parquet", ".pq"}


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _csv_rows(path: Path, n_columns: int | None) -> Iterator[tuple[int, list[str]]]:
    """Numbered rows of a CSV file, the header (row 1) left out where ``n_columns`` is known."""
    csv.field_size_limit(2**31 - 1)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, delimiter=_delimiter(path), strict=True)
            for number, row in enumerate(rows, start=1):
                if number == 1 and not row:
                    raise FileError(f"{path}: row 1 is blank, but must name the columns.")
                if not row or (number == 1 and n_columns is not None):
                    continue
                if n_columns is not None and len(row) != n_columns:
                    raise FileError(
                        f"{path}: row {number} has {len(row)} columns, but must have {n_columns} "
                        "as the header has. Quote cells that contain commas."
                    )
                yield number, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path}: it is not CSV text in UTF-8 ({error}).") from error


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "study", "reading and writing parquet") from error
    return pyarrow.parquet


def _read_parquet(path: Path, names: list[str]) -> Any:
    try:
        return _parquet().read_table(path, columns=names)
    except _BAD_PARQUET as error:
        raise _no_parquet(path, error) from error


def _no_parquet(path: Path, error: Exception) -> FileError:
    reason = " ".join(str(error).split())[:160]
    return FileError(
        f"{path}: the file is unfinished, corrupt or not parquet ({reason}). Write it again."
    )
