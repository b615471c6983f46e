"""timm's published tables of results: accuracies of models on several test sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError
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


def read_results(paths: Sequence[str | Path]) -> Results:
    """Join timm's tables on (model, img_size).

    Args:
        paths: files named as in timm's ``results`` folder.

    Raises:
        FileError: a file is missing or lacks a column.
        DataError: an entry is twice in one table, or a name is no known table.
    """
    tables: dict[str, dict[tuple[str, int], float]] = {}
    for path in map(Path, paths):
        if path.stem not in METRICS:
            raise DataError(f"{path}: the name must be one of {', '.join(METRICS)}.")
        table = read_table(path)
        names = table.texts(table.require(("model",)))
        sizes = [int(size) for size in table.texts(table.require(("img_size",)))]
        top1 = [float(value) / 100 for value in table.texts(table.require(("top1",)))]
        keys = list(zip(names, sizes, strict=True))
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise DataError(f"{path}: the entry {twice} is there twice.")
        tables[METRICS[path.stem]] = dict(zip(keys, top1, strict=True))
    entries = list(dict.fromkeys(key for table in tables.values() for key in table))
    return Results(
        model=np.array([model for model, _ in entries]),
        img_size=np.array([size for _, size in entries]),
        accuracy={
            metric: np.array([table.get(key, np.nan) for key in entries])
            for metric, table in tables.items()
        },
    )
