"""Multi-label metrics: predicted sets of classes against label sets.

A model predicts a set by a rule: its k best classes, or those that score at least a threshold.
Images without a label are left out, as everywhere. ReaL accuracy asks less: whether the best class
is among the labels (`reassess.scoring.accuracy`).

Letters: n images, K classes, L labels.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import DataError, OptionError, preview
from reassess.records import LabelSets, MultilabelMetrics, Predictions, checks_records
from reassess.scoring.accuracy import check_k, on_shared_images

_BEST = re.compile(r"top-(\d{1,6})")


@dataclass(frozen=True, slots=True)
class SetRule:
    """By what rule a model predicts a set of classes for an image.

    Attributes:
        k: its so many best classes; None where a threshold decides.
        threshold: the classes that score at least this; None where k decides.

    Raises:
        OptionError: both are given, or none.
    """

    k: int | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if (self.k is None) == (self.threshold is None):
            raise OptionError(
                "k and threshold both say which classes are predicted: give one of them, not "
                f"{'both' if self.k is not None else 'none'}."
            )

    @classmethod
    def read(cls, text: str) -> "SetRule":
        """The rule of a text: ``top-2``, or the least score as ``0.5``.

        Raises:
            OptionError: it is neither.
        """
        best = _BEST.fullmatch(text.strip().lower())
        if best is not None:
            return cls(k=int(best[1]))
        try:
            threshold = float(text)
        except ValueError:
            threshold = math.nan
        if not math.isfinite(threshold):
            raise OptionError(
                f"the rule of predicted sets is {text!r}, but must be top-K, as top-2, or the "
                "least score of a class that is predicted, as 0.5."
            )
        return cls(threshold=threshold)


@checks_records
def multilabel_metrics(
    predictions: Predictions,
    labels: LabelSets,
    *,
    k: int | None = None,
    threshold: float | None = None,
    subset: bool = False,
) -> MultilabelMetrics:
    """Precision, recall, F1, mean average precision and subset accuracy of predicted sets.

    Args:
        predictions: one model's. Average precision needs a score of every class of every image.
        labels: reassessed labels; images without one are left out.
        k: predict so many best classes of each image; 1 where there is no threshold.
        threshold: predict the classes that score at least this, on the scale of the scores; an
            image may get no class.
        subset: whether labelled images without a prediction may be left out.

    Raises:
        OptionError: k and a threshold are both given, or k is beyond what is ranked.
        AlignmentError: images do not match.
        DataError: classes do not match, there are no scores to hold against a threshold, or a list
            ends above it.
    """
    rule = SetRule(1 if k is None and threshold is None else k, threshold)
    if rule.k is not None:
        check_k(rule.k, predictions)
    ranked, shared = on_shared_images(predictions, labels, subset=subset)
    scored = np.flatnonzero(shared.sizes > 0)
    scores = predictions.scores
    chosen = np.zeros(ranked.shape, dtype=bool)
    if threshold is None:
        chosen[:, : rule.k] = True
    else:
        chosen = _above(predictions, scores, threshold)
    n_classes = labels.n_classes or predictions.n_classes or 1 + int(ranked.max(initial=0))
    n_classes = max(n_classes, 1 + int(shared.indices.max(initial=0)))
    of, chosen = shared.take(scored), chosen[scored]
    most = int(chosen.sum(axis=1).max(initial=0))  # chosen are always the best ones
    best, chosen = ranked[scored][:, :most], chosen[:, :most]
    is_right = _in_labels(best, of, n_classes) & chosen
    n_right = is_right.sum(axis=1)
    return MultilabelMetrics(
        model=predictions.model,
        rule=f"top-{rule.k}" if threshold is None else f"score >= {threshold:g}",
        n_right=np.bincount(best[is_right], minlength=n_classes),
        n_predicted=np.bincount(best[chosen], minlength=n_classes),
        n_labelled=np.bincount(of.indices, minlength=n_classes),
        n_exact=int(((n_right == of.sizes) & (n_right == chosen.sum(axis=1))).sum()),
        n_scored=len(scored),
        n_unlabelled=len(shared) - len(scored),
        average_precision=None
        if scores is None or ranked.shape[1] < n_classes
        else _average_precision(ranked[scored], scores[scored], of, n_classes),
    )


def _above(
    predictions: Predictions, scores: Float[np.ndarray, "n k"] | None, threshold: float
) -> Bool[np.ndarray, "n k"]:
    """Which ranked classes score at least the threshold.

    Raises:
        DataError: there are no scores, or a list ends above the threshold.
    """
    source = f"predictions {predictions.model!r}"
    if scores is None:
        raise DataError(
            f"{source}: they rank classes without scores, but must have scores to hold against the "
            f"threshold {threshold:g}. Predict the k best classes (top-K), or give scores."
        )
    chosen: Bool[np.ndarray, "n k"] = scores >= threshold
    k = scores.shape[1]
    cut = chosen.all(axis=1)
    if cut.any() and k < (predictions.n_classes or k + 1):
        rows = predictions.image_ids[np.flatnonzero(cut)]
        raise DataError(
            f"{source}: all {k} classes that are ranked for image {preview(rows)} score at least "
            f"{threshold:g}, so that others may too; {int(cut.sum()):,} images are so. Give the "
            "scores of all classes, or a higher threshold."
        )
    return chosen


def _in_labels(
    ranked: Int[np.ndarray, "n k"], labels: LabelSets, n_classes: int
) -> Bool[np.ndarray, "n k"]:
    """Whether each ranked class is a label of its image."""
    row = np.arange(len(labels))[:, None] * n_classes
    held: Bool[np.ndarray, "n k"] = np.isin(row + ranked, labels.image * n_classes + labels.indices)
    return held


def _average_precision(
    ranked: Int[np.ndarray, "n K"],
    scores: Float[np.ndarray, "n K"],
    labels: LabelSets,
    n_classes: int,
) -> Float[np.ndarray, "K"]:
    """Average precision of each class over the images; NaN for a class that no image has.

    The mean over the images that have the class of the precision at their score; images of one
    score count together.
    """
    by_class = np.empty((n_classes, len(scores)), scores.dtype)
    by_class[ranked.T, np.arange(len(scores))] = scores.T
    order = np.argsort(labels.indices, kind="stable")
    start = np.searchsorted(labels.indices[order], np.arange(n_classes + 1))
    found = np.full(n_classes, np.nan)
    for label in np.flatnonzero(np.diff(start)).tolist():  # a sort of n scores each
        images = labels.image[order[start[label] : start[label + 1]]]
        of_labelled = np.sort(by_class[label, images])
        n_labelled = len(images) - np.searchsorted(of_labelled, of_labelled, side="left")
        every = np.sort(by_class[label])
        n_above = len(every) - np.searchsorted(every, of_labelled, side="left")
        found[label] = float((n_labelled / n_above).mean())
    return found
