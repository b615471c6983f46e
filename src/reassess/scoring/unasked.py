"""What nobody was asked about: unknown, not absent.

A prediction counts as wrong that is no label of its image. Where no question was about it either,
raters never said so. How many of a model's predictions are of that kind, and between what they
leave its accuracy, and its difference to another model's, is here. What an audit drew from
(`reassess.scoring.audited`) is sampled and does not count as unasked.

Letters: n images, k best predictions of an image.
"""

import numpy as np
from jaxtyping import Bool, Int

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
