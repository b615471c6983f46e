"""JSON tables: records, records by image, columns, pandas' "split", one record a line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from reassess.errors import DataError, FileError, preview
from reassess.files.access import check_readable, read_json
from reassess.files.columns import IMAGE
from reassess.files.signatures import describe_json

JSON_TABLES = frozenset({".json", ".jsonl", ".ndjson"})
"""Endings of such files."""

_KEYED = "filename"
"""What the keys of records by image are read as."""


@dataclass(frozen=True)
class JsonTable:
    """The columns of a JSON file.

    Attributes:
        path: the file.
        columns: the cells of each column.
        first_row: the number of the first row, for messages.
        rows: the number of each row, where they were taken from a table; None for ``first_row``
            and on.
    """

    path: Path
    columns: dict[str, list[Any]]
    first_row: int = 1
    rows: tuple[int, ...] | None = None

    @property
    def header(self) -> tuple[str, ...]:
        """Its column names, in order."""
        return tuple(self.columns)

    @property
    def left_out(self) -> tuple[int, ...]:
        """No row is left out."""
        return ()

    def column(self, name: str) -> list[Any]:
        """A column's cells."""
        return self.columns[name]

    def is_empty(self) -> bool:
        """Whether there is no row."""
        return not any(self.columns.values())

    def holds_images(self, name: str) -> bool:
        """Whether cells are objects, as encoded images are, and no texts."""
        return any(isinstance(cell, dict) for cell in self.columns[name][:1])

    def block(self, name: str) -> np.ndarray[Any, np.dtype[Any]] | None:
        """A column of equally long lists of numbers as one array; None for others."""
        cells = self.columns[name]
        if not all(isinstance(cell, list) for cell in cells) or len(set(map(len, cells))) != 1:
            return None
        if not all(type(item) in {int, float} for cell in cells for item in cell):
            return None
        return np.array(cells)

    def numbers(self, names: Sequence[str]) -> Float[np.ndarray, "n m"]:
        """Several columns as one array.

        Raises:
            FileError: a cell is not a number, with its row.
        """
        for name in names:
            for row, cell in enumerate(self.columns[name], start=self.first_row):
                if isinstance(cell, bool) or not isinstance(cell, int | float):
                    raise FileError(
                        f"{self.path}: row {row}, column {name!r} is {str(cell)[:40]!r}, but must "
                        "be a number."
                    )
        return np.array([self.columns[name] for name in names], dtype=np.float64).T


_PRINTED = "--result\n"
"""What timm's scripts print before the JSON of their results."""


def is_json(path: Path) -> bool:
    """Whether a file holds JSON by its first character, whatever its name says.

    Raises:
        FileError: it is missing or unreadable.
    """
    check_readable(path)
    with path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        return head[:1] in {b"{", b"["} or head.startswith(_PRINTED.encode())


def first_record(path: Path) -> dict[str, Any]:
    """The first object of a JSON list; empty where the file holds something else.

    Raises:
        FileError: the file is missing or unreadable.
    """
    check_readable(path)
    text = path.read_text(encoding="utf-8-sig", errors="replace").lstrip()
    if not text.startswith("["):
        return {}
    try:
        value, _ = json.JSONDecoder().raw_decode(text[1:].lstrip())
    except (ValueError, RecursionError):
        return {}  # whoever reads on says so
    return value if isinstance(value, dict) else {}


def read_json_table(path: Path) -> JsonTable:
    """The columns of a JSON file.

    Raises:
        FileError: it is no JSON, or no table.
        DataError: an object has a name twice.
    """
    value = _read_value(path)
    foreign = describe_json(value)
    if foreign is not None:
        raise FileError(f"{path}: {foreign} (filename,index,prob).")
    if isinstance(value, dict) and isinstance(value.get("data"), list) and "columns" in value:
        return _from_rows(path, value["columns"], value["data"])
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return _from_records(path, value)
    if isinstance(value, dict) and value and all(isinstance(v, dict) for v in value.values()):
        if IMAGE.candidates(tuple(value)):  # columns of cells by row
            rows = list(next(iter(value.values())))
            cells = {name: [column.get(row) for row in rows] for name, column in value.items()}
            return JsonTable(path, cells)
        return _from_records(path, [{_KEYED: key, **record} for key, record in value.items()])
    if isinstance(value, dict) and IMAGE.candidates(tuple(value)):
        lists = [len(column) for column in value.values() if isinstance(column, list)]
        if len(lists) == len(value) and len(set(lists)) == 1:
            return JsonTable(path, value)
        return _from_records(path, [value])  # one line of records
    raise FileError(
        f"{path}: it holds no table of predictions, but must be a list of records with a file name "
        "each, records by file name, or pandas' form 'split', as timm's inference.py writes them."
    )


def _read_value(path: Path) -> Any:
    """The value of a JSON file; a list where there is one record a line."""
    text = path.read_text(encoding="utf-8-sig", errors="strict")
    if text.startswith(_PRINTED):
        try:
            return json.loads(text.removeprefix(_PRINTED))
        except ValueError as error:
            raise FileError(
                f"{path}: what was printed is not JSON ({error}). Take the file that timm writes."
            ) from error
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines[:2]):
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise FileError(f"{path}: a line is not JSON ({error}).") from error
    return read_json(path)


def _from_rows(path: Path, header: Any, rows: list[Any]) -> JsonTable:
    """Columns from pandas' form "split"."""
    width = len(header) if isinstance(header, list) else -1
    wrong = [n for n, row in enumerate(rows, 1) if not isinstance(row, list) or len(row) != width]
    if width < 1 or wrong:
        raise FileError(
            f"{path}: row {wrong[0] if wrong else 1} does not have a cell for each of its columns."
        )
    return JsonTable(path, {str(h): [row[n] for row in rows] for n, h in enumerate(header)})


def _from_records(path: Path, records: list[dict[str, Any]]) -> JsonTable:
    header = list(records[0])
    for number, record in enumerate(records, start=1):
        if record.keys() != records[0].keys():
            raise DataError(
                f"{path}: record {number} has the names {preview(list(record))}, but must have "
                f"{preview(header)} as the first has."
            )
    return JsonTable(path, {name: [record[name] for record in records] for name in header})
