"""Aggregation, labels and their agreement with experts.

Letters: A answers, T true states.
"""

import math
from functools import partial

import numpy as np
from jaxtyping import Float

from reassess.analysis import (
    AgreementPoint,
    agreement_point,
    expert_points,
    label_counts,
    label_kinds,
    labels_point,
    original_point,
    rater_points,
)
from reassess.errors import DataError
from reassess.labels import precision_recall
from reassess.records import ANSWERS, align
from reassess.reproduce.inputs import THRESHOLD, Inputs
from reassess.reproduce.published import Compute, defined

_TRUTHS = ("absent", "present")
_EXPERTS = ("168", "121", "170", "115", "156")
_MAX_LABELS = 9


def largest_score_difference(inputs: Inputs) -> float:
    """Largest difference between our scores and the published ones."""
    return float(np.abs(inputs.posterior.present - inputs.published_scores).max())


def mean_confusion(inputs: Inputs) -> Float[np.ndarray, "T A"]:
    """Confusion of the mean rater: the mean over those who answered gold questions.

    Raises:
        DataError: the posterior has no confusion.
    """
    posterior, tested = inputs.posterior, inputs.gold_votes.rater_ids
    confusion = posterior.confusion
    if confusion is None:
        raise DataError("posterior: there is no confusion, but there must be.")
    mean: Float[np.ndarray, "T A"] = confusion[np.isin(posterior.rater_ids, tested)].mean(axis=0)
    return mean


def virtual_log_odds(inputs: Inputs, answer: str) -> float:
    """Log-odds of present after an answer of the original label as a rater.

    Raises:
        DataError: the posterior has no confusion.
    """
    confusion = inputs.posterior.confusion
    if confusion is None:
        raise DataError("posterior: there is no confusion, but there must be.")
    return _log_odds(confusion[-1], answer)


def _log_odds(confusion: Float[np.ndarray, "T A"], answer: str) -> float:
    absent, present = confusion[:, ANSWERS.index(answer)]
    return math.log(present / absent)


def _probability(inputs: Inputs, truth: str, answer: str) -> float:
    return float(mean_confusion(inputs)[_TRUTHS.index(truth), ANSWERS.index(answer)])


def _mean_log_odds(inputs: Inputs, answer: str) -> float:
    return _log_odds(mean_confusion(inputs), answer)


def prior_log_odds(inputs: Inputs) -> float:
    """Log-odds of present before any vote."""
    share = float(inputs.gold.truth().mean())
    return math.log(share / (1 - share))


def n_identical_sets(inputs: Inputs) -> int:
    """Images whose set of labels is the published one."""
    ours, published = inputs.labels, inputs.real
    rows = align(published.image_ids, ours.image_ids, source="published labels")
    pairs = zip(ours.take(rows).lists(), published.lists(), strict=True)
    return sum(mine == theirs for mine, theirs in pairs)


def _n_images_with(inputs: Inputs, n_labels: int) -> int:
    return label_counts(inputs.labels).n_images[n_labels]


# --- Figure 3 ----------------------------------------------------------------------------


def expert(inputs: Inputs, name: str) -> AgreementPoint:
    """An expert's agreement with the majority of the experts."""
    return next(point for point in expert_points(inputs.gold) if point.name == name)


def raters(inputs: Inputs) -> Float[np.ndarray, "R 2"]:
    """Precision and recall of each rater, a maybe counted as yes."""
    points = rater_points(inputs.gold_votes, inputs.gold, "yes")
    return np.array([(defined(point.precision), defined(point.recall)) for point in points])


def majority(inputs: Inputs, answers: str, n_votes: int) -> AgreementPoint:
    """Agreement of calling present what at least so many of the five raters say yes to."""
    counts = inputs.votes.counts()
    first = ANSWERS.index("maybe" if answers == "yes_or_maybe" else "yes")
    enough = counts[:, first:].sum(axis=1) >= n_votes
    rows = align(inputs.gold.questions.ids, inputs.votes.questions.ids, source="gold")
    return agreement_point(answers, enough[rows], inputs.gold)


def curve_end(inputs: Inputs) -> float:
    """Precision where the curve over thresholds on the score first reaches a recall of 1."""
    curve = precision_recall(inputs.posterior, inputs.gold)
    return float(curve.precision[curve.recall == 1].max())


def _expert_precision(inputs: Inputs, name: str) -> float:
    return defined(expert(inputs, name).precision)


def _expert_recall(inputs: Inputs, name: str) -> float:
    return defined(expert(inputs, name).recall)


def _majority_precision(inputs: Inputs, answers: str, n_votes: int) -> float:
    return defined(majority(inputs, answers, n_votes).precision)


def _majority_recall(inputs: Inputs, answers: str, n_votes: int) -> float:
    return defined(majority(inputs, answers, n_votes).recall)


def _precision_at_lowest_recall(inputs: Inputs) -> float:
    points = raters(inputs)
    return float(points[np.argmin(points[:, 1]), 0])


def _recall_at_lowest_precision(inputs: Inputs) -> float:
    points = raters(inputs)
    return float(points[np.argmin(points[:, 0]), 1])


_AGGREGATION: dict[str, Compute] = {
    "scores.max_abs_difference": largest_score_difference,
    "scores.kept": lambda i: int((i.posterior.present >= THRESHOLD).sum()),
    **{
        f"raters.{answer}_if_{truth}": partial(_probability, truth=truth, answer=answer)
        for truth in _TRUTHS
        for answer in ANSWERS
    },
    **{f"raters.{a}_log_odds": partial(_mean_log_odds, answer=a) for a in ANSWERS},
    **{f"original.{a}_log_odds": partial(virtual_log_odds, answer=a) for a in ("no", "yes")},
    "gold.prior_log_odds": prior_log_odds,
}

_LABELS: dict[str, Compute] = {
    "labels.identical_sets": n_identical_sets,
    "labels.count": lambda i: label_counts(i.labels).n_labels,
    "labels.images": lambda i: label_counts(i.labels).n_labelled,
    "labels.empty": lambda i: label_kinds(i.labels, i.benchmark).n_empty,
    **{
        f"labels.images_with_{n}": partial(_n_images_with, n_labels=n)
        for n in range(_MAX_LABELS + 1)
    },
    "labels.single_original": lambda i: label_kinds(i.labels, i.benchmark).n_confirmed,
    "labels.multiple": lambda i: label_kinds(i.labels, i.benchmark).n_multiple,
    "labels.single_other": lambda i: label_kinds(i.labels, i.benchmark).n_replaced,
}

_MAJORITIES = {
    f"{answers}_from_{n}": {"answers": answers, "n_votes": n}
    for answers in ("yes", "yes_or_maybe")
    for n in (2, 3)
}

_AGREEMENT: dict[str, Compute] = {
    "gold.precision": lambda i: defined(labels_point(i.labels, i.gold).precision),
    "gold.recall": lambda i: defined(labels_point(i.labels, i.gold).recall),
    "gold.original_precision": lambda i: defined(original_point(i.gold, i.benchmark).precision),
    "gold.original_recall": lambda i: defined(original_point(i.gold, i.benchmark).recall),
    "gold.original_confirmed": lambda i: original_point(i.gold, i.benchmark).n_right,
    **{f"experts.{e}.precision": partial(_expert_precision, name=e) for e in _EXPERTS},
    **{f"experts.{e}.recall": partial(_expert_recall, name=e) for e in _EXPERTS},
    "raters.lowest_precision": lambda i: float(raters(i)[:, 0].min()),
    "raters.highest_precision": lambda i: float(raters(i)[:, 0].max()),
    "raters.mean_precision": lambda i: float(raters(i)[:, 0].mean()),
    "raters.lowest_recall": lambda i: float(raters(i)[:, 1].min()),
    "raters.highest_recall": lambda i: float(raters(i)[:, 1].max()),
    "raters.mean_recall": lambda i: float(raters(i)[:, 1].mean()),
    "raters.precision_at_lowest_recall": _precision_at_lowest_recall,
    "raters.recall_at_lowest_precision": _recall_at_lowest_precision,
    "gold.curve_end": curve_end,
    **{
        f"majority.{name}.precision": partial(_majority_precision, **which)  # type: ignore[arg-type]
        for name, which in _MAJORITIES.items()
    },
    **{
        f"majority.{name}.recall": partial(_majority_recall, **which)  # type: ignore[arg-type]
        for name, which in _MAJORITIES.items()
    },
}

COMPUTATIONS = _AGGREGATION | _LABELS | _AGREEMENT
