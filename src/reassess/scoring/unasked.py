"""What nobody was asked about: unknown, not absent.

A prediction counts as wrong that is no label of its image. Where no question was about it either,
raters never said so. How many of a model's predictions are of that kind, and between what they
leave its accuracy, and its difference to another model's, is here. What an audit drew from
(`reassess.scoring.audited`) is sampled and does not count as unasked.

Letters: n images, k best predictions of an image, M models.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.records import LabelSets, UnaskedDifference, UnaskedPredictions, find_keys, pair_keys
from reassess.scoring.accuracy import correct


def is_unasked(classes: Int[np.ndarray, "n k"], labels: LabelSets) -> Bool[np.ndarray, "n k"]:
    """Whether each prediction is no label, was not asked about, and was not sampled.

    Args:
        classes: predicted classes of the images of ``labels``, in their order.
        labels: labels that say what was asked.
    """
    assert labels.asked is not None  # noqa: S101 -- callers look
    image = np.arange(len(labels))
    known = labels.contains(image, classes)
    pairs = [labels.asked]
    if labels.audit is not None:
        pairs.append(labels.audit.pairs.take(~labels.audit.of_kind("skipped")))
    n_classes = 1 + max(
        int(classes.max(initial=0)), *(int(one.label.max(initial=0)) for one in pairs)
    )
    wanted = pair_keys(image[:, None], classes, n_classes)
    for one in pairs:
        known |= find_keys(wanted, one.keys(n_classes)) >= 0
    return ~known


def is_unchecked(labels: LabelSets) -> Bool[np.ndarray, "n"]:
    """Whether each image keeps an original label that raters did not check, nor an audit drew from.

    None is where the labels do not say which images were rated.
    """
    if labels.rated is None:
        return np.zeros(len(labels), dtype=bool)
    unchecked = ~labels.rated
    if labels.audit is not None:
        unchecked[labels.audit.pairs.image[labels.audit.is_whole]] = False
    return unchecked


def unasked_predictions(
    classes: Int[np.ndarray, "n k"], labels: LabelSets, value: float | None
) -> UnaskedPredictions | None:
    """A model's top predictions that nobody was asked about, and the bounds that they leave.

    None where the labels do not say what was asked, or nothing is judged.

    Args:
        classes: predicted classes of the images of ``labels``, in their order, best first.
        labels: the label sets.
        value: the model's accuracy with none of them right.
    """
    if labels.asked is None or value is None:
        return None
    unasked = is_unasked(classes[:, :1], labels)[:, 0]
    empty = labels.sizes == 0
    n_scored = int((~empty).sum())
    n_new, n_more = int((unasked & empty).sum()), int((unasked & ~empty).sum())
    right = correct(classes[:, :1], labels)
    unchecked = int((right & is_unchecked(labels)).sum())
    high = (value * n_scored + n_more + n_new) / (n_scored + n_new)
    high = min(max(high, value), 1.0)  # rounding can leave it below the value
    return UnaskedPredictions(n_more + n_new, unchecked, value, high)


def unasked_difference(
    classes_a: Int[np.ndarray, "n k"],
    classes_b: Int[np.ndarray, "n k"],
    labels: LabelSets,
    value: float | None,
) -> UnaskedDifference | None:
    """What such predictions of two models leave open between them.

    None where the labels do not say what was asked, or nothing is judged.

    Args:
        classes_a: the k best classes of the first model for the images of ``labels``.
        classes_b: those of the second.
        labels: the label sets.
        value: accuracy of the first less that of the second with none of them right.
    """
    if labels.asked is None or value is None:
        return None
    n_scored = int((labels.sizes > 0).sum())
    open_a, open_b = is_unasked(classes_a, labels), is_unasked(classes_b, labels)
    high = _most(classes_a, classes_b, open_a, labels, value * n_scored)
    low = -_most(classes_b, classes_a, open_b, labels, -value * n_scored)
    differ = correct(classes_a, labels) != correct(classes_b, labels)
    return UnaskedDifference(
        int(open_a.any(axis=1).sum()),
        int(open_b.any(axis=1).sum()),
        max(low, -1.0),
        min(high, 1.0),
        int((differ & is_unchecked(labels)).sum()),
    )


@dataclass(frozen=True, slots=True)
class UnaskedModels:
    """What top predictions that nobody was asked about leave open between many models.

    Attributes:
        n: such predictions of each model, which count as wrong.
        low: accuracy of each where none of them is in the image.
        high: accuracy where all of them are.
        difference_low: accuracy of a less that of b where all of a's are absent and all of b's are
            present; a prediction that both make is one.
        difference_high: the difference the other way round.
    """

    n: Int[np.ndarray, "M"]
    low: Float[np.ndarray, "M"]
    high: Float[np.ndarray, "M"]
    difference_low: Float[np.ndarray, "M M"]
    difference_high: Float[np.ndarray, "M M"]

    def is_open(self, a: int, b: int) -> bool:
        """Whether they alone decide which of two models is better."""
        return bool(self.difference_low[a, b] < 0 < self.difference_high[a, b])


def unasked_models(
    tops: Int[np.ndarray, "n M"],
    labels: LabelSets,
    accuracy: Float[np.ndarray, "M"],
    difference: Float[np.ndarray, "M M"],
) -> UnaskedModels | None:
    """The bounds of many models, and of each pair: those of `unasked_difference`, all at once.

    None where the labels do not say what was asked, or nothing is judged.

    Args:
        tops: each model's top prediction for the images of ``labels``, in their order.
        labels: the label sets.
        accuracy: of each model with none of them right.
        difference: accuracy of a less that of b, likewise.
    """
    empty = labels.sizes == 0
    n_scored = int((~empty).sum())
    if labels.asked is None or n_scored == 0:
        return None
    unasked = is_unasked(tops, labels)
    n_new = (unasked & empty[:, None]).sum(axis=0)
    n = unasked.sum(axis=0)
    high = np.clip((accuracy * n_scored + n) / (n_scored + n_new), accuracy, 1.0)
    gains, more = np.zeros((2, len(n), len(n)), dtype=np.int64)
    for model, of_model in enumerate(unasked.T):
        rows = np.flatnonzero(of_model)
        differ = tops[rows] != tops[rows, model][:, None]
        gains[model] = differ.sum(axis=0)
        more[model] = (differ & empty[rows][:, None]).sum(axis=0)
    most = np.minimum((difference * n_scored + gains) / (n_scored + more), 1.0)
    return UnaskedModels(n, accuracy, high, -most.T, most)


def _most(
    own: Int[np.ndarray, "n k"],
    others: Int[np.ndarray, "n k"],
    unasked: Bool[np.ndarray, "n k"],
    labels: LabelSets,
    lead: float,
) -> float:
    """The largest lead that a model can have: its unasked predictions hold, the other's do not.

    Args:
        own: its predictions.
        others: those of the other model.
        unasked: which of its own nobody was asked about.
        labels: the label sets.
        lead: images by which it leads with none of them right.
    """
    shared = (own[:, :, None] == others[:, None, :]).any(axis=2)
    right, other_right = correct(own, labels), correct(others, labels)
    # Where the other is right already, a class that both name helps it no further.
    gains = ~right & (unasked & (~shared | other_right[:, None])).any(axis=1)
    empty = labels.sizes == 0
    return (lead + int(gains.sum())) / (int((~empty).sum()) + int((gains & empty).sum()))
