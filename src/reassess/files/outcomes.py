"""Outcomes of yes and no in a table, one row a thing that was checked, in order of arrival."""

from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from reassess.errors import FileError
from reassess.files.cells import stands_for_empty
from reassess.files.tables import named, read_table

_YES = frozenset({"1", "1.0", "yes", "true", "y", "t"})
_NO = frozenset({"0", "0.0", "no", "false", "n", "f"})


def read_outcomes(
    path: str | PathLike[str], columns: tuple[str, ...]
) -> tuple[Bool[np.ndarray, "n"], ...]:
    """Columns of outcomes; rows where one of them is empty are left out of all.

    Args:
        path: a table: CSV, TSV, parquet or Excel.
        columns: their names; a model's name means its column ``NAME:right``, as `reassess score
            --per-image` writes it.

    Raises:
        FileError: the file is malformed, a column is missing, or a cell is neither yes nor no.
    """
    path = Path(path)
    table = read_table(path)
    texts = []
    for wanted in columns:
        found = [name for name in (wanted, f"{wanted}:right") if name in table.header]
        if not found:
            raise FileError(
                f"{path}: the column {wanted!r} is missing; the columns are {named(table.header)}. "
                "Name one of them."
            )
        texts.append((found[0], table.texts(found[0], may_be_empty=True)))
    known = [
        row
        for row, cells in enumerate(zip(*(column for _, column in texts), strict=True))
        if not any(stands_for_empty(cell) for cell in cells)
    ]
    outcomes = []
    for name, column in texts:
        said = [column[row].lower() for row in known]
        for row, word in zip(known, said, strict=True):
            if word not in _YES | _NO:
                raise FileError(
                    f"{path}: {table.place(row)}, column {name!r} is {column[row][:40]!r}, but "
                    "must be 1 or 0 (or yes or no)."
                )
        outcomes.append(np.array([word in _YES for word in said], dtype=bool))
    return tuple(outcomes)
