"""What a model says of the best classes of each image, on disk: short lists, read in blocks.

Letters: N images, n rows that are meant, m rows of the file, k classes of a list, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Int64, Integer, Shaped

from reassess.errors import DataError
from reassess.records.row_blocks import row_blocks

_BLOCK_CELLS = 2**19
"""Cells of a block: what is computed of them takes some 20 MB."""


@dataclass(frozen=True, slots=True)
class ListBlock:
    """The lists of some images.

    Attributes:
        start: the number of the first among those that are meant.
        classes: class indices, best first.
        logits: their logits.
        log_sum: of each row the logarithm of the sum of exponentials of all K logits.
    """

    start: int
    classes: Int64[np.ndarray, "b k"]
    logits: Float32[np.ndarray, "b k"]
    log_sum: Float32[np.ndarray, "b"]

    def __len__(self) -> int:
        return len(self.log_sum)


@dataclass(frozen=True, slots=True)
class ShortLists:
    """One model's k best classes of each image with their probabilities, as its file has them.

    Whoever makes one has looked at its values; whoever reads it takes `blocks`, as it may be
    larger than memory.

    Attributes:
        model: the model's name.
        image_ids: the N images of the benchmark, strings.
        image: for each row its image's index in ``image_ids``, distinct.
        ranked_classes: classes, best first, memory-mapped where the file allows it.
        log_softmax: their logits less ``log_sum``, likewise.
        log_sum: logarithm of the sum of exponentials of all K logits of a row.
        n_classes: K.
        kept: the rows that are meant, rising, where there are others too; None for all.
        numbers: the class index that each number in ``ranked_classes`` stands for; None for itself.

    Raises:
        DataError: shapes differ.
    """

    model: str
    image_ids: Shaped[np.ndarray, "N"]
    image: Int[np.ndarray, "n"]
    ranked_classes: Integer[np.ndarray, "m k"]
    log_softmax: Float[np.ndarray, "m k"]
    log_sum: Float[np.ndarray, "m"]
    n_classes: int
    kept: Int[np.ndarray, "n"] | None = None
    numbers: Int[np.ndarray, "K"] | None = None

    def __post_init__(self) -> None:
        n_rows = len(self.log_sum if self.kept is None else self.kept)
        if self.ranked_classes.shape != self.log_softmax.shape or len(self.image) != n_rows:
            raise DataError(
                f"predictions {self.model!r}: short lists have the shapes "
                f"{self.ranked_classes.shape} and {self.log_softmax.shape}, but must have one row "
                f"for each of {len(self.image):,} images."
            )

    @property
    def depth(self) -> int:
        """How many classes of each image there are."""
        return int(self.ranked_classes.shape[1])

    def blocks(self, depth: int | None = None) -> Iterator[ListBlock]:
        """All rows that are meant, some at a time.

        Args:
            depth: how many of the best classes to read; None for all.

        Raises:
            DataError: the file became shorter.
        """
        n_rows, step, start = len(self.log_sum), max(1, _BLOCK_CELLS // self.depth), 0
        bounds = [(at, min(at + step, n_rows)) for at in range(0, n_rows, step)]
        classes = row_blocks(self.ranked_classes, bounds, self.model)
        below = row_blocks(self.log_softmax, bounds, self.model)
        for (first, last), some, values in zip(bounds, classes, below, strict=True):
            rows: slice | Int[np.ndarray, "b"] = slice(None)
            if self.kept is not None:
                ends = np.searchsorted(self.kept, [first, last])
                rows = self.kept[ends[0] : ends[1]] - first
            log_sum = self.log_sum[first:last][rows].astype(np.float32)
            numbers = some[rows, :depth].astype(np.int64)
            logits = values[rows, :depth].astype(np.float32) + log_sum[:, None]
            if self.numbers is not None:
                numbers = self.numbers[numbers]
            yield ListBlock(start, numbers, logits, log_sum)
            start += len(log_sum)
