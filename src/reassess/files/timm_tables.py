"""Tables of predictions as timm's ``inference.py`` writes them, CSV or parquet.

A column ``filename``, and ``index``, ``label``, ``prob`` or ``logit``: each one column, one
column of lists (in CSV as NumPy prints them), or ``name_0``, ``name_1``, … Neither aligns nor
ranks: `reassess.files.predictions` does.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import FileError
from reassess.files.access import Array
from reassess.files.class_words import class_indices
from reassess.files.columns import IMAGE
from reassess.files.tables import ColumnFile, named, read_table
from reassess.records import Benchmark, ScoreType
from reassess.registry import checks_choices

_OUTPUTS: tuple[tuple[str, ScoreType | None], ...] = (
    ("prob", "probability"),
    ("logit", "logit"),
    ("score", None),
)
"""Columns of scores, and the scale that each name declares."""


@checks_choices
@dataclass(frozen=True, slots=True)
class TimmTable:
    """What such a table holds, in the order of its rows and columns.

    Attributes:
        ids: the file name of each row, strings.
        classes: class indices [N, k]; None where every class has a score.
        scores: [N, k], or [N, K] without ``classes``; None where there are none.
        scale: what the scores are; None where the name of the column does not say.
    """

    ids: Array
    classes: Array | None
    scores: Array | None
    scale: ScoreType | None


def read_timm_table(path: Path, benchmark: Benchmark) -> TimmTable:
    """Read a table of predictions.

    Raises:
        FileError: a column is missing, or a cell is not what it must be.
        DataError: a label names no class.
    """
    table = read_table(path)
    ids = np.array(table.texts(table.require(IMAGE)))
    scores, scale, classes = None, None, None
    for name, its_scale in _OUTPUTS:
        columns = _numbered(table, name)
        if columns:
            scores, scale = _numbers(table, columns), its_scale
            break
    for name in ("index", "label", "class", "prediction"):
        columns = _numbered(table, name)
        if columns:
            classes = _classes(table, columns, benchmark)
            break
    if classes is None and scores is None:
        raise FileError(
            f"{path}: neither 'index', 'label', 'prob' nor 'logit' is among the columns "
            f"{named(table.header)}. Write them with timm's inference.py --include-index."
        )
    return TimmTable(ids, classes, scores, scale)


def _numbered(table: ColumnFile, name: str) -> list[str]:
    """The column of this name, or its columns ``name_0``, ``name_1``, … in order.

    Raises:
        FileError: such numbers do not begin at 0, or one is left out.
    """
    single = table.find((name,))
    if single is not None:
        return [single]
    numbers = [re.fullmatch(rf"\s*{name}_(\d+)\s*", other.lower()) for other in table.header]
    by_number = {
        int(number[1]): column
        for number, column in zip(numbers, table.header, strict=True)
        if number
    }
    if sorted(by_number) != list(range(len(by_number))):
        raise FileError(
            f"{table.path}: the columns {named([by_number[i] for i in sorted(by_number)])} must be "
            f"numbered from 0 without a gap. Rename them {name}_0, {name}_1, …"
        )
    return [by_number[i] for i in range(len(by_number))]


_ITEM = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^\s,\[\]]+)")


def _items(cell: Any, where: str) -> list[str]:
    """The items of a list that a cell holds, as strings; a plain cell is a list of one."""
    if not isinstance(cell, str):
        return [str(item) for item in cell] if np.iterable(cell) else [str(cell)]
    if not cell.lstrip().startswith("["):
        return [cell]
    if "..." in cell:
        raise FileError(f"{where} is a shortened list. Write one column a prediction instead.")
    return ["".join(found) for found in _ITEM.findall(cell)]


def _lists(table: ColumnFile, column: str) -> list[list[str]]:
    where = f"{table.path}: column {column!r}"
    rows = [_items(cell, where) for cell in table.cells(column)]
    _check_equal([len([item for item in row if item]) for row in rows], where)
    return rows


def _check_equal(lengths: list[int], where: str) -> None:
    for number, length in enumerate(lengths, start=2):
        if length != lengths[0]:
            raise FileError(
                f"{where}: row {number} has {length} items, but must have {lengths[0]} as the "
                "first row has."
            )


def _numbers(table: ColumnFile, columns: list[str]) -> Array:
    if len(columns) > 1:
        return table.numbers(columns)
    block = table.block(columns[0])
    if block is not None:
        return block.astype(np.float64, copy=False)
    where = f"{table.path}: column {columns[0]!r}"
    cells = table.cells(columns[0])
    if all(not cell.lstrip().startswith("[") if isinstance(cell, str) else not np.iterable(cell)
           for cell in cells):  # fmt: skip
        return table.numbers(columns)
    try:
        rows = [np.array(_items(cell, where), dtype=np.float64) for cell in cells]
        _check_equal([len(row) for row in rows], where)
        return np.stack(rows)
    except ValueError as error:
        raise FileError(f"{table.path}: column {columns[0]!r}: {error}.") from error


def _classes(table: ColumnFile, columns: list[str], benchmark: Benchmark) -> Array:
    """Class indices from columns of indices, ids, names or timm's descriptions."""
    described = _by_description(benchmark)
    by_column = []
    for column in columns:
        block = table.block(column)
        if block is not None and block.dtype.kind in "iu":
            by_column.append(block)
            continue
        rows = _lists(table, column)
        flat = [described.get(item, item) for row in rows for item in row]
        where = f"{table.path}: column {column!r}"
        by_column.append(
            class_indices(flat, benchmark.classes, where).reshape(
                len(rows), len(rows[0]) if rows else 0
            )
        )
    return np.concatenate(by_column, axis=1)


def _by_description(benchmark: Benchmark) -> dict[str, str]:
    """Class ids by name and synonyms as timm writes them; ImageNet's two cranes are in doubt."""
    if benchmark.classes is None:
        return {}
    known = benchmark.classes
    texts = [
        f"{name}, {synonyms.replace('; ', ', ')}" if synonyms else name
        for name, synonyms in zip(known.names, known.synonyms, strict=True)
    ]
    count = Counter(texts)
    return {
        text: class_id for text, class_id in zip(texts, known.ids, strict=True) if count[text] == 1
    }
