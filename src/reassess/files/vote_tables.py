"""Long tables of votes written in parts, as they come out of a store, in bounded memory.

A part is a mapping of columns of equal length; ``answer`` holds codes, times are UTC. `long`
is what `reassess.files.votes` reads back, with ``given_at``, ``seconds`` and whatever further
columns a part has; `crowd_kit` turns a part into crowd-kit's ``task, worker, label``.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from reassess.errors import DataError, MissingExtraError
from reassess.files.atomic import write_atomically
from reassess.files.tables import is_parquet
from reassess.records import ANSWERS

Part = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
"""Some votes: ``image, label, rater, answer`` and, where known, ``given_at`` and ``seconds``."""


def long(part: Part) -> Part:
    """A part with the names of its answers, as people and `read_votes` read it."""
    return dict(part) | {"answer": np.array(ANSWERS)[part["answer"]]}


def crowd_kit(part: Part) -> Part:
    """A part in crowd-kit's words: the task is ``<image>:<class index>``, the label the answer."""
    task = np.strings.add(np.strings.add(part["image"], ":"), part["label"].astype(str))
    return {
        "task": task, "worker": part["rater"], "label": np.array(ANSWERS)[part["answer"]],
    }  # fmt: skip


def write_parts(parts: Iterable[Part], path: str | Path) -> int:
    """How many rows were written, CSV or parquet by the extension, one part at a time.

    Raises:
        FileError: the file cannot be written.
        DataError: there is no row.
        MissingExtraError: parquet is wanted and pyarrow is not installed.
    """
    path = Path(path)
    n_rows = 0
    with (
        write_atomically(path) as beside,
        (_parquet if is_parquet(path) else _csv)(beside) as rows,
    ):
        for part in parts:
            rows.write(part)
            n_rows += len(next(iter(part.values())))
        if n_rows == 0:
            raise DataError(
                f"{path}: there are 0 votes to write, but there must be at least one. Ask raters "
                "first."
            )
    return n_rows


@runtime_checkable
class _Rows(Protocol):
    def write(self, part: Part) -> None:
        """Write the rows of a part, below a header if it is the first."""


class _CsvRows:
    def __init__(self, file: Any, delimiter: str) -> None:
        self._writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        self._has_header = False

    def write(self, part: Part) -> None:
        if not self._has_header:
            self._writer.writerow(part)
            self._has_header = True
        self._writer.writerows(zip(*(_cells(column) for column in part.values()), strict=True))


class _ParquetRows:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, part: Part) -> None:
        import pyarrow as pa
        import pyarrow.parquet

        table = pa.table(dict(part))
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(
                self._path, table.schema, compression="zstd"
            )
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def _csv(path: Path) -> Iterator[_Rows]:
    with path.open("w", newline="", encoding="utf-8") as file:
        yield _CsvRows(file, "\t" if path.suffix.lower() == ".tsv" else ",")


@contextmanager
def _parquet(path: Path) -> Iterator[_Rows]:
    try:
        import pyarrow.parquet  # noqa: F401 -- only whether it is there
    except ImportError as error:
        raise MissingExtraError("pyarrow", "study", "reading and writing parquet") from error
    rows = _ParquetRows(path)
    try:
        yield rows
    finally:
        rows.close()


def _cells(column: np.ndarray[Any, np.dtype[Any]]) -> list[Any]:
    """The cells of a column; empty where a time or a duration is unknown."""
    if column.dtype.kind == "M":
        texts = np.datetime_as_string(column, unit="ms", timezone="UTC")
        return ["" if text == "NaT" else text for text in texts.tolist()]
    if column.dtype.kind == "f":
        return ["" if cell != cell else cell for cell in column.tolist()]  # noqa: PLR0124 -- NaN
    return list(column.tolist())
