"""`ClassMap`: what a model's classes are among those of a benchmark, where these are others.

A model of 1,000 classes is scored on a benchmark of 200 of them, or on one that merges, renames or
leaves out some. Where several classes of a model are one of the benchmark's, the best of them
stands for it; what is no class of the benchmark is passed over, and the next best comes up.

Letters: n images, k classes that are ranked.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import DataError, preview
from reassess.records.benchmark import Classes
from reassess.records.predictions import Predictions


@dataclass(frozen=True, slots=True)
class ClassMap:
    """What each class of a model is among those of a benchmark.

    Attributes:
        own: the model's classes.
        classes: the benchmark's.
        target: of each of the model's the index among the benchmark's; -1 for none.

    Raises:
        DataError: the map has another length than the model has classes, leads outside the
            benchmark's, or to none of them.
    """

    own: Classes
    classes: Classes
    target: Int[np.ndarray, "K"]

    def __post_init__(self) -> None:
        if len(self.target) != len(self.own):
            raise DataError(
                f"map of classes: it has {len(self.target):,} entries, but must have one for each "
                f"of the {len(self.own):,} classes of the model."
            )
        if not ((self.target >= -1) & (self.target < len(self.classes))).all():
            raise DataError(
                f"map of classes: it leads to class {int(self.target.max()):,}, but must lead into "
                f"[0, {len(self.classes):,}), or to -1 for none."
            )
        if not (self.target >= 0).any():
            raise DataError(
                f"map of classes: none of the {len(self.own):,} classes of the model, such as "
                f"{preview(self.own.ids)}, is one of the {len(self.classes):,} of the benchmark, "
                f"such as {preview(self.classes.ids)}. Give the same ids or names, or say in a "
                "column 'to' what each class is."
            )

    @classmethod
    def by_names(cls, own: Classes, classes: Classes) -> "ClassMap":
        """The map that takes each class to the one with its id, or else with its name.

        Raises:
            DataError: no class has one.
        """
        place = {class_id: n for n, class_id in enumerate(classes.ids)}
        target = np.array([place.get(one, -1) for one in own.ids], dtype=np.int64)
        if not (target >= 0).any():
            index_of = classes.index_of
            target = np.array([index_of.get(name, -1) for name in own.names], dtype=np.int64)
        return cls(own, classes, target)

    @property
    def n_left_out(self) -> int:
        """Classes of the model that are none of the benchmark's."""
        return int((self.target < 0).sum())

    def apply(self, predictions: Predictions, *, top: int = 5) -> Predictions:
        """The same predictions among the benchmark's classes.

        Args:
            predictions: by the model's classes. Of each image all classes should be ranked: of a
                short list few may be left.
            top: how many classes to keep; fewer where an image has fewer left.

        Raises:
            DataError: a class is none of the model's, or an image has no class left.
        """
        source = f"predictions {predictions.model!r}"
        ranked = predictions.ranked_classes
        highest = int(ranked.max())
        if highest >= len(self.own) or (predictions.n_classes or 0) > len(self.own):
            raise DataError(
                f"{source}: class {max(highest, (predictions.n_classes or 0) - 1):,} is predicted, "
                f"but must be one of the model's {len(self.own):,}. Check the model's classes."
            )
        mapped = self.target[ranked]
        kept = self._first_of_each(mapped)
        n_kept = kept.sum(axis=1)
        if (n_kept == 0).any():
            bare = n_kept == 0
            raise DataError(
                f"{source}: none of the {ranked.shape[1]:,} classes that are ranked for image "
                f"{preview(predictions.image_ids[bare])} is one of the benchmark's "
                f"{len(self.classes):,}; {int(bare.sum()):,} of {len(bare):,} images have none. "
                "Give the scores of all classes."
            )
        k = int(min(max(1, top), n_kept.min()))
        kept &= np.cumsum(kept, axis=1) <= k
        scores = predictions.scores
        return replace(
            predictions,
            ranked_classes=mapped[kept].reshape(-1, k),
            scores=None if scores is None else scores[kept].reshape(-1, k),
            n_classes=len(self.classes),
        )

    def _first_of_each(self, mapped: Int[np.ndarray, "n k"]) -> Bool[np.ndarray, "n k"]:
        """Where each of the benchmark's classes comes up first in a row."""
        kept: Bool[np.ndarray, "n k"] = mapped >= 0
        found = self.target[self.target >= 0]
        if len(np.unique(found)) == len(found):
            return kept
        row, column = np.nonzero(kept)
        _, first = np.unique(row * len(self.classes) + mapped[kept], return_index=True)
        only_first = np.zeros_like(kept)
        only_first[row[first], column[first]] = True
        return only_first
