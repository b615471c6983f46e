"""One model's ranked classes for the images of a benchmark."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import AlignmentError, DataError, preview
from reassess.records.benchmark import check_classes
from reassess.records.images import positions
from reassess.registry import checks_choices

ScoreType = Literal["logit", "probability"]


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
                f"{len(image_ids):,} are. Predict them, or name the images to score "
                "(--subset FILE)."
            )
        if image_ids is self.image_ids:
            return self
        scores = None if self.scores is None else self.scores[row]
        return replace(
            self, image_ids=image_ids, ranked_classes=self.ranked_classes[row], scores=scores
        )
