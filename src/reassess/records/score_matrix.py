"""One model's scores of every class, left on disk to be streamed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError
from reassess.records.predictions import ScoreType
from reassess.registry import checks_choices


@checks_choices
@dataclass(frozen=True, slots=True)
class ScoreMatrix:
    """One model's scores of all K classes, in the order of the rows of its file.

    Whoever reads ``scores`` takes them in blocks of rows: they may be larger than memory,
    and nothing has looked at their values yet.

    Attributes:
        model: the model's name.
        image_ids: the N images of the benchmark, strings.
        image: for each row of ``scores`` its image's index in ``image_ids``, distinct.
        scores: one column a class, memory-mapped where the file allows it.
        score_type: what the scores are; None where nobody declared it. Never guessed.

    Raises:
        DataError: shapes differ, or there is no row or column.
    """

    model: str
    image_ids: Shaped[np.ndarray, "N"]
    image: Int[np.ndarray, "n"]
    scores: Float[np.ndarray, "n K"]
    score_type: ScoreType | None = None

    def __post_init__(self) -> None:
        if self.scores.ndim != 2 or 0 in self.scores.shape or len(self.image) != len(self.scores):
            raise DataError(
                f"predictions {self.model!r}: scores have the shape {self.scores.shape}, but must "
                f"be [n, K] with one row for each of {len(self.image):,} images."
            )

    @property
    def n_classes(self) -> int:
        """K, the number of columns."""
        return int(self.scores.shape[1])

    def blocks(self, start: int, stop: int, n_rows: int) -> Iterator[Float[np.ndarray, "b K"]]:
        """Rows ``start`` to ``stop``, at most ``n_rows`` at a time, as the file stores them.

        A block is only valid until the next one is asked for: a file is read into one
        buffer, so that scores larger than memory leave no mapped pages behind.
        """
        bounds = ((at, min(at + n_rows, stop)) for at in range(start, stop, n_rows))
        file = self._file()
        if file is None:
            for first, last in bounds:
                yield self.scores[first:last]
            return
        buffer = np.empty((n_rows, self.n_classes), self.scores.dtype)
        with file:
            file.seek(self._offset(start))
            for first, last in bounds:
                block = buffer[: last - first]
                _fill(file, block.data.cast("B"), self.model)
                yield block

    def rows(self, row: Int[np.ndarray, "b"]) -> Float[np.ndarray, "b K"]:
        """Some rows as the file stores them, read without mapping what lies between."""
        file = self._file()
        if file is None:
            return np.asarray(self.scores[row])
        found = np.empty((len(row), self.n_classes), self.scores.dtype)
        with file:
            for place, one in enumerate(row.tolist()):
                file.seek(self._offset(one))
                _fill(file, found[place].data.cast("B"), self.model)
        return found

    def _file(self) -> Any:
        """The file behind memory-mapped scores, opened; None for scores in memory."""
        scores: Any = self.scores
        on_disk = isinstance(scores, np.memmap) and not isinstance(scores.base, np.ndarray)
        if not on_disk or not scores.flags.c_contiguous or scores.filename is None:
            return None
        return Path(scores.filename).open("rb", buffering=0)

    def _offset(self, row: int) -> int:
        scores: Any = self.scores
        return int(scores.offset + row * self.n_classes * scores.dtype.itemsize)


def _fill(file: Any, view: memoryview, model: str) -> None:
    """Read until a buffer is full; a raw file may give less at once."""
    n_read = 0
    while n_read < len(view):
        n = file.readinto(view[n_read:])
        if not n:
            raise DataError(
                f"predictions {model!r}: the file of scores became shorter while it was read. "
                "Write it again."
            )
        n_read += n
