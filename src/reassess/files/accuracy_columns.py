"""Two accuracies of many models, from any tables: which columns is for the caller to say.

Reads what `reassess score` writes, as JSON or as a table, and any other table or JSON file with
one row a model. ``real`` and ``original`` mean ``real_value`` and ``original_value`` there. A
column is of fractions where all lie in [0, 1], and of percent where it says so or some are above
1; one that could be either is refused. Several files are joined by the model's name.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from reassess.errors import DataError, FileError, OptionError, preview
from reassess.files.access import read_json
from reassess.files.cells import stands_for_empty
from reassess.files.columns import Part
from reassess.files.results import Results
from reassess.files.tables import named, read_table
from reassess.notes import columns_read, note

MODEL = Part("model", ("model", "model_name", "name", "architecture", "arch", "network"), ("id",))

_ERROR = re.compile(r"(^|[^a-z])(err|errors?|error_rate|loss|wer)([^a-z]|$)", re.IGNORECASE)

_GAP = 10.0
"""As in `reassess.files.results`: percent of many models lie close together."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """One file: its models and its other columns, with cells as they are."""

    path: Path
    models: list[str]
    columns: dict[str, list[Any]]
    number: Callable[[int], int]

    def column(self, wanted: str) -> str | None:
        """The column that a name means: its own, without case, or with ``_value`` after it.

        Raises:
            FileError: two columns of other case have this name.
        """
        if wanted in self.columns:
            return wanted
        for name in (wanted, f"{wanted}_value"):
            found = [one for one in self.columns if one.strip().lower() == name.lower()]
            if len(found) > 1:
                raise FileError(
                    f"{self.path}: the columns {found[0]!r} and {found[1]!r} are both called "
                    f"{wanted!r}, but one must be. Write the one that is meant as it is."
                )
            if found:
                return found[0]
        return None


def read_accuracy_columns(
    paths: Sequence[str | PathLike[str]], columns: tuple[str, str]
) -> Results:
    """Two accuracies of each model.

    Args:
        paths: files with one row a model.
        columns: the two columns; ``FILE:COLUMN``, with the file's name without ending, where
            several files have one of this name.

    Raises:
        FileError: a file is missing or malformed, a cell is no accuracy, or a column is of errors.
        OptionError: a column is in none of the files, or in several.
        DataError: files cannot be joined, as a model appears twice in one.
    """
    tables = [_read(Path(path)) for path in paths]
    if len(tables) > 1:
        for table in tables:
            _check_unique(table)
    models = list(dict.fromkeys(model for table in tables for model in table.models))
    place = {model: row for row, model in enumerate(models)}
    if len(tables) == 1:
        models = tables[0].models  # rows are entries there, even where two have one name
    accuracy = {}
    for wanted in columns:
        table, column = _find(tables, wanted)
        columns_read(str(table.path), {wanted: column}, tuple(table.columns))
        values = _accuracies(table, column)
        if len(tables) == 1:
            accuracy[wanted] = values
        else:
            accuracy[wanted] = np.full(len(models), np.nan)
            accuracy[wanted][[place[model] for model in table.models]] = values
    _refuse_strangers(tables)
    return Results(np.array(models), None, accuracy)


def _refuse_strangers(tables: Sequence[_Rows]) -> None:
    """Refuse files of which no two have a model in common.

    Raises:
        DataError: they have not.
    """
    shared = set(tables[0].models).intersection(*(table.models for table in tables))
    if len(tables) == 2 and not shared:
        one, other = tables
        raise DataError(
            f"{one.path} and {other.path} have no model in common, such as {one.models[0]!r} and "
            f"{other.models[0]!r}, but must call models alike to be joined. Rename them in one."
        )


def _find(tables: Sequence[_Rows], wanted: str) -> tuple[_Rows, str]:
    """The table and the column that a name means."""
    found = [(one, column) for one in tables for column in [one.column(wanted)] if column]
    if not found:
        stem, colon, name = wanted.partition(":")
        named_so = [one for one in tables if stem in {one.path.stem, one.path.name}]
        found = [(one, column) for one in named_so for column in [one.column(name)] if column]
        if not found or not colon:
            known = [column for one in tables for column in one.columns]
            raise OptionError(
                f"there is no column {wanted!r}, but --x and --y must name columns; the columns "
                f"are {named(known)}. Name one of them."
            )
    if len(found) > 1:
        first = found[0][0].path.stem
        raise OptionError(
            f"the column {wanted!r} is in {preview([str(one.path) for one, _ in found])}, but must "
            f"be in one file. Write which, as {first}:{wanted}."
        )
    return found[0]


def _check_unique(table: _Rows) -> None:
    twice = [model for model in dict.fromkeys(table.models) if table.models.count(model) > 1]
    if twice:
        raise DataError(
            f"{table.path}: the model {twice[0]!r} appears more than once, but must be unique in "
            "files that are joined. Leave one row of it."
        )


def _read(path: Path) -> _Rows:
    if path.suffix.lower() == ".json":
        return _read_json(path)
    table = read_table(path)
    model = table.find(MODEL)
    columns = {name: table.cells_unread(name) for name in table.header if name and name != model}
    n_rows = len(next(iter(columns.values()), []))
    names = [table.place(row) for row in range(n_rows)] if model is None else table.texts(model)
    return _Rows(path, names, columns, table.number)


def _read_json(path: Path) -> _Rows:
    """What `reassess score --json` writes, a list of records, or an object of records by model."""
    found = read_json(path)
    if isinstance(found, dict):
        found = found.get("models", found)
    if isinstance(found, dict):
        found = [{"model": model, **one} for model, one in found.items() if isinstance(one, dict)]
    rows = [_flat(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    if not rows:
        raise FileError(
            f"{path}: it holds no models, but must hold a list of them: what `reassess score "
            "--json` writes, or [{model: …, x: …, y: …}, …]."
        )
    names = list(dict.fromkeys(name for row in rows for name in row))
    model = MODEL.candidates(names)
    columns = {name: [row.get(name) for row in rows] for name in names if name not in model[:1]}
    if model:
        models = [str(row.get(model[0])) for row in rows]
    else:
        models = [f"row {row + 1}" for row in range(len(rows))]
    return _Rows(path, models, columns, lambda row: row + 1)


def _flat(record: dict[str, Any], before: str = "") -> dict[str, Any]:
    """A record whose objects are columns of their own: ``real_value``, as in tables of scores."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        flat |= _flat(value, f"{before}{name}_") if isinstance(value, dict) else {
            f"{before}{name}": value
        }  # fmt: skip
    return flat


def _accuracies(table: _Rows, column: str) -> Float[np.ndarray, "M"]:
    """A column as fractions; NaN where a cell is empty."""
    if _ERROR.search(column):
        raise FileError(
            f"{table.path}: the column {column!r} holds errors by its name, but must hold "
            "accuracies. Write 1 less the error, or 100 less it in percent."
        )
    values, in_percent = np.full(len(table.models), np.nan), "%" in column
    for row, cell in enumerate(table.columns[column]):
        text = "" if cell is None else str(cell).strip()
        if stands_for_empty(text):
            continue
        in_percent |= text.endswith("%")
        try:
            values[row] = float(text.removesuffix("%"))
        except ValueError:
            values[row] = np.inf
        if not 0 <= values[row] <= 100:
            raise FileError(
                f"{table.path}: row {table.number(row)}, column {column!r} is {text[:40]!r}, "
                "but must be an accuracy: a fraction in [0, 1], or percent in [0, 100]."
            )
    known = values[np.isfinite(values)]
    if not known.size:
        raise FileError(f"{table.path}: the column {column!r} is empty, but must hold accuracies.")
    if not in_percent and known.max() <= 1:
        return values
    _refuse_mixed(table, column, values, in_percent)
    note(f"{table.path}: the column {column!r} was read as percent.")
    return values / 100


def _refuse_mixed(
    table: _Rows, column: str, values: Float[np.ndarray, "M"], in_percent: bool
) -> None:
    """Refuse a column of percent of which some, far below the rest, look like fractions."""
    low, high = values[(values > 0) & (values <= 1)], values[values > 1]
    if in_percent or not low.size or high.min() <= _GAP * low.max():
        return
    row = int(np.flatnonzero(values == low.max())[0])
    raise FileError(
        f"{table.path}: row {table.number(row)}, column {column!r} is {values[row]:g}, which "
        f"may be percent or a fraction, but must be what the others are; {low.size:,} of "
        f"{int(np.isfinite(values).sum()):,} rows are 1 or less, and the other {high.size:,} are "
        f"{high.min():g} and more. Multiply fractions by 100; if these are percent, put % into "
        "the column's name."
    )
