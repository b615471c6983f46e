"""What models say of the images of a benchmark: ranked classes, or every class's score.

`ScoreMatrix` stays on disk and is streamed. Whether predictions number classes and images as the
labels do is for `reassess.records.order_check`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import AlignmentError, DataError, preview
from reassess.records.alignment import how_ids_differ, positions
from reassess.records.benchmark import check_classes
from reassess.registry import checks_choices

ScoreType = Literal["logit", "probability"]

Variant = Literal["baseline", "+ sigmoid", "+ clean", "+ both"]
"""What a recipe adds to softmax cross-entropy on all images, as the paper calls it."""

Schedule = Literal["short", "long"]


@checks_choices
@dataclass(frozen=True, slots=True)
class Predictions:
    """One model's k best classes for each image, best first.

    Attributes:
        model: the model's name.
        image_ids: the n images that were predicted, strings; any subset, any order.
        ranked_classes: class indices, column 0 is the top prediction.
        scores: the scores of ``ranked_classes``, never rising along a row; None where none are
            known.
        score_type: what the scores are; None where nobody declared it. Never guessed.
        n_classes: how many classes the model scored, where the file shows it.

    Raises:
        DataError: shapes differ, there is no row or column, a class is negative or not below
            ``n_classes``, or a probability lies outside [0, 1].
    """

    model: str
    image_ids: Shaped[np.ndarray, "n"]
    ranked_classes: Int[np.ndarray, "n k"]
    scores: Float[np.ndarray, "n k"] | None = None
    score_type: ScoreType | None = None
    n_classes: int | None = None

    def __post_init__(self) -> None:
        if self.ranked_classes.ndim != 2 or 0 in self.ranked_classes.shape:
            raise DataError(
                f"predictions {self.model!r}: classes have the shape {self.ranked_classes.shape}, "
                "but must be [n, k] with at least one image and one column."
            )
        if len(self.image_ids) != len(self.ranked_classes):
            raise DataError(
                f"predictions {self.model!r}: there are {len(self.image_ids):,} image ids, but "
                f"must be one for each of {len(self.ranked_classes):,} rows."
            )
        check_classes(self.ranked_classes, self.n_classes, f"predictions {self.model!r}: class")
        if self.scores is not None and self.score_type == "probability":
            outside = (self.scores < 0) | (self.scores > 1)
            if outside.any():
                row, column = np.argwhere(outside)[0].tolist()
                raise DataError(
                    f"predictions {self.model!r}: score[{row}, {column}] is "
                    f"{self.scores[row, column]!s}, but a probability must lie in [0, 1]; "
                    f"{int(outside.sum()):,} do not. Declare what the scores are "
                    "(--scale logit)."
                )

    @property
    def top(self) -> Int[np.ndarray, "n"]:
        """Each image's top prediction."""
        return self.ranked_classes[:, 0]

    def reindex(self, image_ids: Shaped[np.ndarray, "m"]) -> "Predictions":
        """The same predictions for these images only, in this order.

        Raises:
            AlignmentError: an image was not predicted.
        """
        source = f"predictions {self.model!r}"
        row = positions(image_ids, self.image_ids, source=source)
        missing = row < 0
        if missing.any():
            raise AlignmentError(
                f"{source}: image {preview(image_ids[missing])} is missing; "
                f"{int(missing.sum()):,} of "
                f"{len(image_ids):,} are. "
                + how_ids_differ(
                    image_ids[missing],
                    self.image_ids,
                    otherwise="Predict them, or name the images to score (--subset FILE).",
                )
            )
        if image_ids is self.image_ids:
            return self
        scores = None if self.scores is None else self.scores[row]
        return replace(
            self, image_ids=image_ids, ranked_classes=self.ranked_classes[row], scores=scores
        )


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


@checks_choices
@dataclass(frozen=True, slots=True)
class RecipeRun:
    """One trained model.

    Attributes:
        variant: the objective and the images that it learned from.
        schedule: for how long.
        epochs: passes over the images that it learned from.
        seed: of its weights, the order of the images and their variation.
        n_images: how many images it learned from.
        predictions: its ranked classes of the test images.
    """

    variant: Variant
    schedule: Schedule
    epochs: int
    seed: int
    n_images: int
    predictions: Predictions
