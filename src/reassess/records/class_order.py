"""Whether predictions number the classes as the benchmark does.

Nothing in a bare array says which class a column stands for. Predictions in another order
(sorted names for WordNet ids, say) hit the original labels no more often than chance, but
would hit them often if their classes were renamed. That is what is looked for.
"""

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError
from reassess.records.benchmark import Benchmark

_MOST_CELLS = 2**24


def check_class_order(top: Int[np.ndarray, "N"], benchmark: Benchmark, source: str) -> None:
    """Refuse predictions that fit the original labels only when their classes are renamed.

    The renaming is learned on every other image and tried on the rest, so that predictions
    without any relation to the labels pass, as they should: they are only bad.

    Args:
        top: the top prediction of each image of the benchmark.
        benchmark: the images with their original labels.
        source: what carries the predictions, for the message.

    Raises:
        DataError: renamed, the classes fit at least twice as often, on three images in ten
            or more and by more than three standard errors.
    """
    original = benchmark.original
    if original is None:
        return
    n_classes = 1 + int(max(top.max(), original.max()))
    if n_classes**2 > max(_MOST_CELLS, 64 * len(top)):
        return
    n_renamed = sum(_hits_renamed(top, original, n_classes, half) for half in (0, 1))
    n_named = int((top == original).sum())
    n_images = len(top)
    margin = 3 * (n_renamed + n_named) ** 0.5
    if n_renamed < 0.3 * n_images or n_renamed < 2 * n_named or n_renamed - n_named <= margin:
        return
    raise DataError(
        f"{source}: the top prediction is the original label on {n_named:,} of {n_images:,} "
        f"images, but would be on {n_renamed:,} if the classes were renamed: they stand in another "
        f"order than those of {benchmark.name}. Write the columns in the order of its classes "
        "(--classes FILE says which)."
    )


def _hits_renamed(
    top: Int[np.ndarray, "N"], original: Int[np.ndarray, "N"], n_classes: int, half: int
) -> int:
    """Hits on one half when each class has the name that fits it best on the other half."""
    learn, judge = slice(half, None, 2), slice(1 - half, None, 2)
    cell = top[learn].astype(np.int64) * n_classes + original[learn]
    together = np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)
    name = np.where(together.any(axis=1), together.argmax(axis=1), -1)
    return int((name[top[judge]] == original[judge]).sum())
