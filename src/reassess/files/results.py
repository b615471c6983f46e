"""timm's tables of results, as CSV or as JSON: accuracies of models on several test sets.

``top1`` is in percent. A column that may be in fractions is never guessed at: where ``top1_err``
stands beside it, the two add up to 100 or to 1, which tells; elsewhere it is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError, FileError
from reassess.files.json_tables import is_json, read_json_table
from reassess.files.tables import ColumnFile, read_table
from reassess.notes import note

METRICS = {
    "results-imagenet": "original",
    "results-imagenet-real": "real",
    "results-imagenetv2-matched-frequency": "v2",
    "results-imagenet-a": "a",
    "results-imagenet-r": "r",
    "results-sketch": "sketch",
    "results-imagenet-multilabel": "multilabel",
}
"""File stem to the name of the test set."""
_ROUNDED = 0.005
"""How far accuracy and error may be from what they add up to, as a share of it."""
_GAP = 10.0
"""Accuracies of many models lie close together, down to those of chance. Where the least above 1 is
so many times the greatest up to 1, the latter are likely fractions."""


@dataclass(frozen=True, slots=True)
class Results:
    """Accuracies of entries, each a model at an image size.

    Attributes:
        model: the model of each entry, strings.
        img_size: the side of its images in pixels; 0 where it is not known.
        accuracy: top-1 accuracy in [0, 1] of each entry by test set; NaN where an entry is
            not in the test set's table.
    """

    model: Shaped[np.ndarray, "M"]
    img_size: Int[np.ndarray, "M"] | None
    accuracy: dict[str, Float[np.ndarray, "M"]]

    def __len__(self) -> int:
        return len(self.model)


def is_timm(source: str | PathLike[str]) -> bool:
    """Whether a path is a folder of timm's tables, or one of them by its name."""
    source = Path(source)
    return source.is_dir() or source.stem in METRICS


def results_in(source: str | PathLike[str]) -> list[Path]:
    """The tables that a folder holds, or the one table that is named.

    Raises:
        FileError: there is none of the known names in the folder.
    """
    source = Path(source)
    if not source.is_dir():
        return [source]
    found = [
        path
        for stem in METRICS
        for path in (source / f"{stem}.csv", source / f"{stem}.json")
        if path.is_file()
    ]
    if not found:
        raise FileError(
            f"{source}: the folder holds no table of results, but must hold one of "
            f"{', '.join(f'{stem}.csv' for stem in METRICS)}."
        )
    return found


def read_results(paths: Sequence[str | PathLike[str]]) -> Results:
    """Join timm's tables on (model, img_size).

    Args:
        paths: files named as in timm's ``results`` folder.

    Raises:
        FileError: a file is missing, lacks a column, or a cell is not a number in its range.
        DataError: an entry appears twice in one table, a table appears twice, or a name is no known
            table.
    """
    tables: dict[str, dict[tuple[str, int], float]] = {}
    for path in map(Path, paths):
        if path.stem not in METRICS:
            raise DataError(f"{path}: the name must be one of {', '.join(METRICS)}.")
        if METRICS[path.stem] in tables:
            raise DataError(f"{path}: a table of this name appears twice. Leave one out.")
        tables[METRICS[path.stem]] = _read_table(path)
    entries = list(dict.fromkeys(key for table in tables.values() for key in table))
    return Results(
        model=np.array([model for model, _ in entries]),
        img_size=np.array([size for _, size in entries]),
        accuracy={
            metric: np.array([table.get(key, np.nan) for key in entries])
            for metric, table in tables.items()
        },
    )


def _read_table(path: Path) -> dict[tuple[str, int], float]:
    """Top-1 accuracy in [0, 1] by model and image size."""
    table = _opened(path)
    names = table.texts(table.require(("model",)))
    column = table.require(("img_size",))
    # What score writes knows no size: all of its cells are empty.
    texts = table.texts(column, may_be_empty=True)
    sizes = [0.0] * len(texts) if not any(texts) else _numbers(table, column, texts)
    column = table.require(("top1",))
    errors = table.find(("top1_err",))
    top1 = np.array(_numbers(table, column, table.texts(column), most=100.0))
    if errors is None:
        _refuse_fractions(table, column, top1)
        fraction = top1 / 100
    else:
        misses = _numbers(table, errors, table.texts(errors), most=100.0)
        fraction = top1 / _scale(table, column, errors, top1, np.array(misses))
    found: dict[tuple[str, int], float] = {}
    for key, value in zip(zip(names, map(int, sizes), strict=True), fraction.tolist(), strict=True):
        if key in found:
            raise DataError(f"{path}: the entry {key} appears twice. Leave one row of it.")
        found[key] = value
    return found


def _opened(path: Path) -> ColumnFile:
    """A table, or the list of records that timm's validate.py writes as JSON."""
    if not is_json(path):
        return read_table(path)
    found = read_json_table(path)
    columns = {name: [str(cell) for cell in cells] for name, cells in found.columns.items()}
    return ColumnFile(path, found.header, replace(found, columns=columns))


def _scale(
    table: ColumnFile,
    column: str,
    errors: str,
    top1: Float[np.ndarray, "M"],
    misses: Float[np.ndarray, "M"],
) -> float:
    """What accuracy and error add up to in every row: 100, or 1 where they are fractions."""
    for scale in (100.0, 1.0):
        if (np.abs(top1 + misses - scale) <= _ROUNDED * scale).all():
            if scale == 1:
                note(
                    f"{table.path}: {column} and {errors} add up to 1 in every row, so both were "
                    "read as fractions."
                )
            return scale
    wrong = np.abs(top1 + misses - 100) > _ROUNDED * 100
    row = int(np.flatnonzero(wrong)[0])
    raise FileError(
        f"{table.path}: {table.place(row)}, {column} is {top1[row]:g} and {errors} is "
        f"{misses[row]:g}, but they must add up to 100, as percent do, in every row; "
        f"{int(wrong.sum()):,} of {len(top1):,} rows do not. Correct them, or "
        f"leave the column {errors} out."
    )


def _refuse_fractions(table: ColumnFile, column: str, top1: Float[np.ndarray, "M"]) -> None:
    """Refuse accuracies that may be fractions: all of them, or some far below the rest."""
    low, high = top1[(top1 > 0) & (top1 <= 1)], top1[top1 > 1]
    if not low.size or (high.size and high.min() <= _GAP * low.max()):
        return
    row = int(np.flatnonzero(top1 == low.max())[0])
    rest = (
        f"the other {high.size:,} are {high.min():g} and more" if high.size else "no row is above 1"
    )
    raise FileError(
        f"{table.path}: {table.place(row)}, {column} is {top1[row]:g}, which may be percent or a "
        f"fraction, but must be in percent, from 0 to 100; {low.size:,} of {top1.size:,} rows are "
        f"1 or less, and {rest}. Multiply fractions by 100; if these are percent, add the "
        f"column top1_err (100 - {column})."
    )


def _numbers(table: ColumnFile, column: str, texts: list[str], most: float = np.inf) -> list[float]:
    """A column of numbers from 0 to ``most``."""
    numbers = []
    for row, text in enumerate(texts):
        try:
            number = float(text)
        except ValueError:
            number = np.nan
        if not 0 <= number <= most or not np.isfinite(number):
            end = "" if most == np.inf else f" in [0, {most:g}]"
            raise FileError(
                f"{table.path}: {table.place(row)}, column {column!r} is {text!r}, but must be a "
                f"number{end}."
            )
        numbers.append(number)
    return numbers
