"""Scores and ranks under other operating points: the same questions, decided at other thresholds.

Labels of images that were not rated stay. Letters: n images, M models, t thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from reassess.analysis.soft_labels import SoftLabels
from reassess.errors import OptionError
from reassess.records import LabelSets, Posterior, Predictions
from reassess.statistics import descending_ranks

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """ReaL accuracy and rank of each model at several operating points.

    Attributes:
        models: the M models.
        thresholds: labels are kept where their posterior is at least this.
        accuracy: ReaL accuracy at each threshold.
        rank: rank at each threshold, from 1; equal models share a rank.
        n_labels: labels of rated images that are kept.
        n_unlabelled: predicted images that are left without a label.
    """

    models: tuple[str, ...]
    thresholds: tuple[float, ...]
    accuracy: Float[np.ndarray, "t M"]
    rank: Int[np.ndarray, "t M"]
    n_labels: tuple[int, ...]
    n_unlabelled: tuple[int, ...]


def sensitivity(
    predictions: Sequence[Predictions],
    labels: LabelSets,
    posterior: Posterior,
    thresholds: Sequence[float] | None = None,
) -> Sensitivity | None:
    """ReaL accuracies and ranks at several thresholds; None where no image keeps a label.

    Args:
        predictions: one record a model, all of the same images.
        labels: the label sets as decided; those of images that were not rated stay.
        posterior: with the states absent and present.
        thresholds: in (0, 1]; None takes those of `THRESHOLDS` and the labels' own at which some
            image keeps a label.

    Raises:
        OptionError: a threshold that was named is not in (0, 1], or leaves every image without a
            label.
        DataError: predictions, labels and posterior do not fit together.
        AlignmentError: the models predicted different images, or labels are missing.
    """
    # What an audit asked about is decided as all the rest is.
    soft = SoftLabels.of(predictions, replace(labels, audit=None), posterior.questions)
    weight = np.ones(len(soft.rated))
    kept_at, accuracies, n_labels, n_unlabelled = [], [], [], []
    for threshold in _usual(labels) if thresholds is None else thresholds:
        if not 0 < threshold <= 1:
            raise OptionError(f"the threshold is {threshold}, but must be above 0 and at most 1.")
        kept = (posterior.present >= threshold).astype(float)
        any_kept = np.maximum.reduceat(kept[soft.order], soft.starts)
        unlabelled = int((any_kept == 0).sum())
        unlabelled += int((soft.table.n_labels[~soft.rated] == 0).sum())
        if unlabelled == len(weight) and thresholds is None:
            continue
        if unlabelled == len(weight):
            raise OptionError(f"at the threshold {threshold} no image keeps a label. Ask for less.")
        rows = soft.correct(kept, weight) / (len(weight) - unlabelled)
        kept_at.append(threshold)
        accuracies.append(soft.accuracies(rows[None])[0])
        n_labels.append(int(kept[soft.order].sum()))
        n_unlabelled.append(unlabelled)
    if not kept_at:
        return None
    accuracy = np.stack(accuracies)
    return Sensitivity(
        models=soft.table.models,
        thresholds=tuple(kept_at),
        accuracy=accuracy,
        rank=np.stack([descending_ranks(row) for row in accuracy]),
        n_labels=tuple(n_labels),
        n_unlabelled=tuple(n_unlabelled),
    )


def _usual(labels: LabelSets) -> list[float]:
    """`THRESHOLDS` and that of the labels themselves, ascending."""
    point = labels.operating_point
    return sorted({*THRESHOLDS, *(() if point is None else (point.threshold,))})
