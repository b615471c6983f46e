"""Parquet files as tables, and written: the home of pyarrow's parquet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import FileError, MissingExtraError
from reassess.files.signatures import describe
from reassess.files.text_tables import check_numbers

_BAD_PARQUET = (OSError, LookupError, NotImplementedError, TypeError, ValueError)
"""What pyarrow raises on unfinished, corrupt or foreign bytes.

Its `ArrowNotImplementedError`, for encodings that corrupt bytes seem to name, is Python's.
"""

_ROWS_A_BATCH = 1 << 18
_ROWS_A_GROUP = 1 << 20
"""Rows that are written at once; as many as pyarrow puts into a group of rows itself."""

_REPEATS = 4
"""How often a text must occur in the first batch for a column to be read by a dictionary."""


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """A parquet file, whose columns are read when they are asked for.

    Attributes:
        path: the file.
        schema: pyarrow's schema of it.
        n_rows: how many rows it has.
        first_row: the number of the first of them, as where a header stands above.
    """

    path: Path
    schema: Any
    n_rows: int
    first_row: int = 2

    @property
    def header(self) -> tuple[str, ...]:
        """Its column names, in order."""
        return tuple(self.schema.names)

    @property
    def left_out(self) -> tuple[int, ...]:
        """No row is left out."""
        return ()

    def column(self, name: str) -> list[Any]:
        """A column's cells, as Python has them.

        Raises:
            FileError: the file is corrupt.
        """
        column = _read(self.path, [name]).column(0)
        try:
            values: list[Any] = column.to_pylist()
        except _BAD_PARQUET as error:
            raise _no_parquet(self.path, error) from error
        return values

    def batches(self, names: Sequence[str]) -> Iterator[list[Any]]:
        """Some columns as Arrow's arrays, batch by batch; texts that repeat by a dictionary.

        Raises:
            FileError: the file is corrupt.
        """
        from pyarrow import types

        texts = [
            name
            for name in names
            if types.is_string(self.schema.field(name).type)
            or types.is_large_string(self.schema.field(name).type)
        ]
        try:
            batches = self._batches(names, texts)
            first = next(batches, [])
            # Arrow numbers texts also where the file gave its dictionary up, which takes a third of
            # the time of handing them out where they repeat, and four times as long where they
            # do not, as images do in a table that is not sorted.
            repeating = [
                name
                for name, column in zip(names, first, strict=False)
                if name in texts and _REPEATS * len(column.dictionary) <= len(column)
            ]
            if first and repeating == texts:
                yield first
            else:
                batches = self._batches(names, repeating)
            yield from batches
        except _BAD_PARQUET as error:
            raise _no_parquet(self.path, error) from error

    def _batches(self, names: Sequence[str], by_dictionary: list[str]) -> Iterator[list[Any]]:
        # A mapped file would count as memory of the process, page by page.
        with _parquet().ParquetFile(
            self.path, read_dictionary=by_dictionary, memory_map=False
        ) as file:
            for batch in file.iter_batches(_ROWS_A_BATCH, columns=list(names)):
                yield [batch.column(name) for name in names]

    def is_empty(self) -> bool:
        """Whether there is no row."""
        return self.n_rows == 0

    def holds_images(self, name: str) -> bool:
        """Whether cells are structures or bytes, as encoded images are, and no texts."""
        from pyarrow import types

        kind = self.schema.field(name).type
        return bool(types.is_struct(kind) or types.is_binary(kind) or types.is_large_binary(kind))

    def block(self, name: str) -> np.ndarray[Any, np.dtype[Any]] | None:
        """A column of equally long lists of numbers as one array; None for others."""
        import pyarrow.compute as pc
        from pyarrow import types

        column = _read(self.path, [name]).column(0).combine_chunks()
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

    def lists(
        self, name: str
    ) -> tuple[np.ndarray[Any, np.dtype[Any]], Int[np.ndarray, "ends"]] | None:
        """A column of lists of numbers, one list after the other, and where each ends.

        None for another column, and where a list or a number is missing.

        Raises:
            FileError: the file is corrupt.
        """
        import pyarrow.compute as pc
        from pyarrow import types

        kind = self.schema.field(name).type
        if not (types.is_list(kind) or types.is_large_list(kind)):
            return None
        column = _read(self.path, [name]).column(0)
        values = pc.list_flatten(column)
        is_number = types.is_floating(values.type) or types.is_integer(values.type)
        if not is_number or column.null_count or values.null_count:
            return None
        ends = np.zeros(len(column) + 1, np.int64)
        np.cumsum(pc.list_value_length(column).to_numpy(), out=ends[1:])
        return values.to_numpy(), ends

    def times(self, name: str) -> Shaped[np.ndarray, "n"] | None:
        """A column of timestamps in UTC as ``datetime64[ms]``, NaT where empty; None for others.

        A timestamp without a time zone is taken to be in UTC.
        """
        import pyarrow as pa
        from pyarrow import types

        if not types.is_timestamp(self.schema.field(name).type):
            return None
        column = _read(self.path, [name]).column(0)
        times: Shaped[np.ndarray, "n"] = column.cast(
            pa.timestamp("ms", tz=column.type.tz), safe=False
        ).to_numpy()
        return times

    def numbers(self, names: Sequence[str]) -> Float[np.ndarray, "n m"]:
        """Several columns as one array.

        Raises:
            FileError: a cell is not a number, with its row.
        """
        table = _read(self.path, list(names))
        for name in names:
            if not _is_numeric(table.schema.field(name).type):
                check_numbers(table.column(name).to_pylist(), self.path, name)
        try:
            columns = [table.column(name).to_numpy().astype(np.float64) for name in names]
        except (TypeError, ValueError) as error:
            raise FileError(f"{self.path}: a cell is not a number ({error}).") from error
        return np.stack(columns, axis=1)


def _is_numeric(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def is_parquet(path: Path) -> bool:
    """Whether the extension says parquet."""
    return path.suffix.lower() in {".parquet", ".pq"}


def read_parquet(path: Path) -> ParquetTable:
    """The schema of a parquet file, ready to read columns from.

    Raises:
        FileError: the file is unfinished, corrupt or something else.
    """
    try:
        return ParquetTable(
            path, _parquet().read_schema(path), _parquet().read_metadata(path).num_rows
        )
    except _BAD_PARQUET as error:
        raise _no_parquet(path, error) from error


def n_rows_of(path: Path) -> int:
    """How many rows a parquet file has, read from its last bytes.

    Raises:
        FileError: the file is unfinished, corrupt or something else.
    """
    return read_parquet(path).n_rows


@dataclass(frozen=True, slots=True)
class Taken:
    """A column of cells that repeat, which are taken some at a time as they are written.

    Attributes:
        cells: the distinct ones.
        row: which of them each row holds.
    """

    cells: np.ndarray[Any, np.dtype[Any]]
    row: Int[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, rows: slice) -> np.ndarray[Any, np.dtype[Any]]:
        taken: np.ndarray[Any, np.dtype[Any]] = self.cells[self.row[rows]]
        return taken


def write_parquet(path: Path, columns: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    """Write columns of equal length as parquet, with texts in the file's metadata."""
    parquet = _parquet()
    import pyarrow as pa

    n_rows = max((len(one) for one in columns.values()), default=0)
    starts = range(0, max(n_rows, 1), _ROWS_A_GROUP)

    def group(start: int) -> Any:
        rows = slice(start, start + _ROWS_A_GROUP)
        some = {name: column[rows] for name, column in columns.items()}
        return pa.table(some).replace_schema_metadata(dict(metadata))

    first = group(0)
    with parquet.ParquetWriter(path, first.schema, compression="zstd") as writer:
        for start in starts:
            writer.write_table(group(start) if start else first)


def list_column(values: np.ndarray[Any, np.dtype[Any]], ends: Int[np.ndarray, "ends"]) -> Any:
    """A column of lists, from their numbers one list after the other and where each ends."""
    import pyarrow as pa

    return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(values))


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


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "study", "reading and writing parquet") from error
    return pyarrow.parquet


def _read(path: Path, names: list[str]) -> Any:
    try:
        return _parquet().read_table(path, columns=names)
    except _BAD_PARQUET as error:
        raise _no_parquet(path, error) from error


def _no_parquet(path: Path, error: Exception) -> FileError:
    foreign = describe(path)
    if foreign is not None and "parquet" not in foreign:
        return FileError(f"{path}: it is called parquet, but {foreign}")
    reason = " ".join(str(error).split())[:160]
    return FileError(
        f"{path}: the file is unfinished, corrupt or not parquet ({reason}). Write it again."
    )
