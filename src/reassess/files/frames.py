"""Tables in memory: frames of pandas, polars and pyarrow, Hugging Face's data sets, columns.

They are read through the same parts and words as files (`reassess.files.columns`), so that a
frame means what its CSV would. narwhals is the bridge to all three; it is imported when the first
frame comes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Float, Shaped

from reassess.errors import FileError, MissingExtraError
from reassess.files.access import check_readable
from reassess.files.json_tables import JsonTable
from reassess.files.text_tables import check_numbers
from reassess.records.arrays import as_array

_CELLS_OF_NUMPY = (np.generic, np.ndarray)

_ROWS_A_BATCH = 1 << 18


class HasColumns(Protocol):
    """What data frames have in common."""

    @property
    def columns(self) -> Any:
        """Its columns, or their names."""


if TYPE_CHECKING:
    Frame = Mapping[str, Any] | HasColumns
else:  # a check at run time would compute the property, which a lazy frame warns of
    Frame = object
"""A table in memory: a frame of pandas, polars or pyarrow, or columns of equal length by name."""


def frame_name(frame: Frame) -> Path:
    """What to call a frame where messages name a file."""
    if isinstance(frame, Mapping):
        return Path("columns")
    return Path(f"{type(frame).__module__.partition('.')[0]} {type(frame).__name__}")


@dataclass(frozen=True)
class FrameTable:
    """The columns of a table in memory.

    Attributes:
        path: what messages call it.
        columns: narwhals' series by name.
        first_row: the number of the first row, as pandas and polars count.
    """

    path: Path
    columns: dict[str, Any]
    first_row: int = 0

    @property
    def header(self) -> tuple[str, ...]:
        """Its column names, in order."""
        return tuple(self.columns)

    @property
    def left_out(self) -> tuple[int, ...]:
        """No row is left out."""
        return ()

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return max(map(len, self.columns.values()), default=0)

    def batches(self, names: Sequence[str]) -> Iterator[list[Any]] | None:
        """Some columns as Arrow's arrays, batch by batch; None where Arrow does not take a cell.

        What pandas holds as objects is copied for it, before the first batch.
        """
        if find_spec("pyarrow") is None:
            return None
        import pyarrow as pa

        starts = range(0, self.n_rows, _ROWS_A_BATCH)
        try:
            columns = [
                [self.columns[name][start : start + _ROWS_A_BATCH].to_arrow() for start in starts]
                for name in names
            ]
        except (pa.ArrowException, NotImplementedError, OverflowError, TypeError, ValueError):
            return None
        if any(len({one.type for one in column}) > 1 for column in columns):
            return None  # objects of one kind here, and of another there
        return map(list, zip(*columns, strict=True))

    def column(self, name: str) -> list[Any]:
        """A column's cells as Python has them, None where they are missing."""
        series = self.columns[name]
        cells, missing = series.to_list(), series.is_null().to_list()
        if any(missing):
            cells = [None if gone else cell for cell, gone in zip(cells, missing, strict=True)]
        if all(type(cell) in {str, int, float} for cell in cells):
            return list(cells)
        return list(map(_plain_cell, cells))

    def is_empty(self) -> bool:
        """Whether there is no row."""
        return not any(len(series) for series in self.columns.values())

    def holds_images(self, name: str) -> bool:
        """Whether cells are structures or bytes, as encoded images are, and no texts."""
        cells = self.columns[name].head(1).to_list()
        return any(isinstance(cell, dict | bytes) for cell in cells)

    def block(self, name: str) -> np.ndarray[Any, np.dtype[Any]] | None:
        """A column of equally long lists of numbers as one array; None for others."""
        cells = self.column(name)
        if not cells or not all(isinstance(cell, list) for cell in cells):
            return None
        if len(set(map(len, cells))) != 1:
            return None
        found = np.array(cells)
        return found if found.ndim == 2 and found.dtype.kind in "iuf" else None

    def times(self, name: str) -> Shaped[np.ndarray, "n"] | None:
        """A column of timestamps in UTC as ``datetime64[ms]``, NaT where empty; None for others.

        A timestamp without a time zone is taken to be in UTC.
        """
        import narwhals.stable.v2 as nw

        series = self.columns[name]
        if not isinstance(series.dtype, nw.Datetime):
            return None
        if series.dtype.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        missing = series.is_null().to_numpy()
        times: Shaped[np.ndarray, "n"] = np.array(
            [None if gone else c for c, gone in zip(series.to_list(), missing, strict=True)],
            dtype="datetime64[ms]",
        )
        return times

    def numbers(self, names: Sequence[str]) -> Float[np.ndarray, "n m"]:
        """Several columns as one array.

        Raises:
            FileError: a cell is not a number, with its row.
        """
        for name in names:
            if not self.columns[name].dtype.is_numeric():
                check_numbers(self.column(name), self.path, name, self.first_row)
        return np.stack([np.asarray(self.column(n), dtype=np.float64) for n in names], axis=1)


def frame_table(frame: Frame) -> FrameTable | JsonTable:
    """The columns of a table in memory.

    Raises:
        FileError: it is no table, two columns have one name, or columns differ in length.
    """
    import narwhals.stable.v2 as nw

    path = frame_name(frame)
    try:
        if isinstance(frame, Mapping):
            return _from_mapping(frame, path)
        if hasattr(frame, "with_format"):  # a data set of Hugging Face's
            frame = frame.with_format("arrow")[:]
        index = getattr(getattr(frame, "index", None), "names", None)
        if index is not None and all(name is not None for name in index):  # of pandas
            frame = frame.reset_index()  # type: ignore[union-attr]
        table: Any = nw.from_native(frame)
        table = table.collect() if isinstance(table, nw.LazyFrame) else table
        return FrameTable(path, {str(name): table.get_column(name) for name in table.columns})
    except (TypeError, ValueError) as error:
        raise FileError(
            f"{path}: it cannot be read as a table ({' '.join(str(error).split())[:160]}), but "
            "must be a data frame of pandas, polars or pyarrow with named columns, or columns of "
            "equal length by name."
        ) from error


def read_arrow_stream(path: Path) -> tuple[FrameTable, dict[str, str]]:
    """The columns of a file of Arrow's stream form, and the texts of its metadata.

    Raises:
        FileError: it is missing, unfinished or no such file.
        MissingExtraError: pyarrow is not installed.
    """
    import narwhals.stable.v2 as nw

    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError("pyarrow", "study", "reading Arrow files") from error
    check_readable(path)
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            stored = stream.schema.metadata or {}
            table: Any = nw.from_native(stream.read_all())
    except (OSError, pa.ArrowException) as error:
        raise FileError(
            f"{path}: it is unfinished, corrupt or no stream of Arrow's ({error}). Save it again."
        ) from error
    about = {key.decode("utf-8", "replace"): v.decode("utf-8", "replace") for key, v in
             stored.items()}  # fmt: skip
    return FrameTable(path, {str(name): table.get_column(name) for name in table.columns}), about


def _from_mapping(columns: Mapping[str, Any], path: Path) -> JsonTable:
    """Columns by name: lists, arrays, tensors or series.

    Raises:
        ValueError: they differ in length.
    """
    lengths = {str(name): len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns differ in length: {lengths}")
    cells = {
        str(name): [_plain_cell(cell) for cell in as_array(column, f"{path}: {name}")]
        for name, column in columns.items()
    }
    return JsonTable(path, cells, first_row=0)


def _plain_cell(cell: Any) -> Any:
    """A cell as Python has it: no scalar of NumPy, no array, no path."""
    if isinstance(cell, _CELLS_OF_NUMPY):
        return cell.tolist()
    return cell.as_posix() if isinstance(cell, PurePath) else cell
