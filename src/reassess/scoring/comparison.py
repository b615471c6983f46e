"""Two models on the same images: is the difference real?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from reassess.errors import AlignmentError, some
from reassess.records import LabelSets, Predictions, positions
from reassess.scoring.accuracy import check_k, hits, on_shared_images
from reassess.statistics import mcnemar_exact, paired_difference_interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two models differ on images that both predicted and that have a label.

    Attributes:
        model_a: the first model.
        model_b: the second model.
        labels: the labels that judge.
        n_both: images that both have right.
        n_neither: images that neither has right.
        only_a: ids of the images that only a has right, strings.
        only_b: ids of the images that only b has right, strings.
        low: lower end of the interval of the difference.
        high: upper end of the interval of the difference.
        p_value: exact two-sided McNemar test that both are right equally often.
        level: level of the interval.
    """

    model_a: str
    model_b: str
    labels: str
    n_both: int
    n_neither: int
    only_a: Shaped[np.ndarray, "n"]
    only_b: Shaped[np.ndarray, "m"]
    low: float
    high: float
    p_value: float
    level: float

    @property
    def n_scored(self) -> int:
        """Images that were judged."""
        return self.n_both + self.n_neither + len(self.only_a) + len(self.only_b)

    @property
    def difference(self) -> float | None:
        """Accuracy of a less accuracy of b; None where no image was judged."""
        return (len(self.only_a) - len(self.only_b)) / self.n_scored if self.n_scored else None


def compare(
    a: Predictions,
    b: Predictions,
    labels: LabelSets,
    *,
    k: int = 1,
    subset: bool = False,
    level: float = 0.95,
) -> Comparison:
    """Compare two models on the images that have a label.

    Args:
        a: the first model's predictions.
        b: the second's, for the same images.
        labels: reassessed labels, or original ones as label sets.
        k: how many of the top predictions count.
        subset: whether labelled images without predictions may be left out.
        level: level of the interval.

    Raises:
        AlignmentError: the models did not predict the same images, or labels are missing.
        OptionError: k or level is out of range.
    """
    check_k(k, a)
    check_k(k, b)
    row = positions(b.image_ids, a.image_ids, source=f"predictions {b.model!r}")
    if len(a.image_ids) != len(b.image_ids) or (row < 0).any():
        differ = b.image_ids[row < 0] if (row < 0).any() else np.setdiff1d(a.image_ids, b.image_ids)
        raise AlignmentError(
            f"predictions {a.model!r} and {b.model!r} must be about the same images, but "
            f"{some(differ)} is in one of them only. Name the images to score (--images FILE)."
        )
    classes_a, shared = on_shared_images(a, labels, subset=subset)
    classes_b = np.empty((len(row), k), dtype=b.classes.dtype)
    classes_b[row] = b.classes[:, :k]
    scored = shared.sizes > 0
    right_a, right_b = hits(classes_a[:, :k], shared), hits(classes_b, shared)
    only_a = shared.image_ids[scored & right_a & ~right_b]
    only_b = shared.image_ids[scored & right_b & ~right_a]
    n_both = int((right_a & right_b).sum())
    n_neither = int((scored & ~right_a & ~right_b).sum())
    low, high = paired_difference_interval(n_both, len(only_a), len(only_b), n_neither, level)
    return Comparison(
        model_a=a.model,
        model_b=b.model,
        labels=labels.name,
        n_both=n_both,
        n_neither=n_neither,
        only_a=only_a,
        only_b=only_b,
        low=low,
        high=high,
        p_value=mcnemar_exact(len(only_a), len(only_b)),
        level=level,
    )
