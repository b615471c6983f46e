"""timm's published tables of results: accuracies of models on several test sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError, FileError
from reassess.files.tables import read_table

METRICS = {
    "results-imagenet": "original",
    "results-imagenet-real": "real",
    "results-imagenetv2-matched-frequency": "v2",
    "results-imagenet-a": "a",
    "results-imagenet-r": "r",
    "results-sketch": "sketch",
}
"""File stem to the name of the test set."""


@dataclass(frozen=True, slots=True)
class Results:
    """Accuracies of entries, each a model at an image size.

    Attributes:
        model: the model of each entry, strings.
        img_size: the side of its images in pixels.
        accuracy: top-1 accuracy in [0, 1] of each entry by test set; NaN where an entry is
            not in the test set's table.
    """

    model: Shaped[np.ndarray, "M"]
    img_size: Int[np.ndarray, "M"]
    accuracy: dict[str, Float[np.ndarray, "M"]]

    def __len__(self) -> int:
        return len(self.model)


def results_in(source: str | Path) -> list[Path]:
    """The tables that a folder holds, or the one table that is named.

    Raises:
        FileError: there is none of the known names in the folder.
    """
    source = Path(source)
    if not source.is_dir():
        return [source]
    found = [path for stem in METRICS for path in (source / f"{stem}.csv",) if path.is_file()]
    if not found:
        raise FileError(
            f"{source}: the folder holds no table of results, but must hold one of "
            f"{', '.join(f'{stem}.csv' for stem in METRICS)}."
        )
    return found


def read_results(paths: Sequence[str | Path]) -> Results:
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
    table = read_table(path)
    names = table.texts(table.require(("model",)))
    sizes = _numbers(path, "img_size", table.texts(table.require(("img_size",))))
    top1 = _numbers(path, "top1", table.texts(table.require(("top1",))), most=100.0)
    found: dict[tuple[str, int], float] = {}
    for key, value in zip(zip(names, map(int, sizes), strict=True), top1, strict=True):
        if key in found:
            raise DataError(f"{path}: the entry {key} appears twice. Leave one row of it.")
        found[key] = value / 100
    return found


def _numbers(path: Path, column: str, texts: list[str], most: float = np.inf) -> list[float]:
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
                f"{path}: row {row + 2}, column {column!r} is {text!r}, but must be a number{end}."
            )
        numbers.append(number)
    return numbers
