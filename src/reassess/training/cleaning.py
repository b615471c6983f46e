"""Which training labels to trust, judged by out-of-fold predictions.

A rule names for each image a class that speaks against its label, where it finds one; a new rule
is one `CLEANING_RULES.register`:

``disagree``   what the paper did: an image whose held-out prediction differs from its label
               is removed
``confident``  confident learning: an image is removed where the model is confident of
               another class than its label, by the standard of that class

A label that is as probable as the best class is kept. Labels are never changed, images are only
left out. Arrays in, arrays out: neither PyTorch nor cleanlab is needed. ``confident`` finds what
cleanlab's ``filter_by="confident_learning"`` finds, and a test compares them; it is computed here
so that what is kept does not depend on what is installed. Letters: N images, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.records.benchmark import check_classes
from reassess.records.score_values import check_predicted
from reassess.registry import Registry

_SLACK = 1e-6
"""Probabilities as near as this are equal, as in cleanlab: rounding must not decide."""

_LEAST_THRESHOLD = 2 * _SLACK
"""The least threshold of a class, as in cleanlab: above the slack, or a class of probability 0
would be believed in."""

Suspicion = Callable[
    [Float[np.ndarray, "N K"], Int[np.ndarray, "N"]],
    tuple[Bool[np.ndarray, "N"], Int[np.ndarray, "N"]],
]
"""From probabilities and labels: whether some class speaks against an image's label, and which."""


@dataclass(frozen=True, slots=True)
class CleaningRule:
    """A rule that finds labels not to trust.

    Attributes:
        name: what people type.
        suspicion: finds the class that speaks against each label.
        summary: for the help: a noun phrase.
    """

    name: str
    suspicion: Suspicion
    summary: str


CLEANING_RULES: Registry[CleaningRule] = Registry("cleaning rule")


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What a rule keeps, and why it removes the rest.

    Attributes:
        rule: a name of `CLEANING_RULES`.
        kept: whether each image is kept.
        predicted: the class that the rule holds against the label; the top prediction where
            the image is kept.
        p_label: predicted probability of the label.
        p_predicted: predicted probability of ``predicted``.
    """

    rule: str
    kept: Bool[np.ndarray, "N"]
    predicted: Int[np.ndarray, "N"]
    p_label: Float[np.ndarray, "N"]
    p_predicted: Float[np.ndarray, "N"]


def clean(
    probabilities: Float[np.ndarray, "N K"], label: Int[np.ndarray, "N"], rule: str = "disagree"
) -> Cleaning:
    """Which images to train on, by out-of-fold predictions.

    Args:
        probabilities: of each class, by a model that did not see the image.
        label: each image's label.
        rule: a name of `CLEANING_RULES`.

    Raises:
        OptionError: there is no such rule.
        DataError: a label is no class, a probability is not a number in [0, 1], or a row was
            never predicted.

    Source: the paper, section 6; Northcutt et al. (2021), "Confident Learning".
    """
    suspicion = CLEANING_RULES[CLEANING_RULES.checked(rule, "rule")].suspicion
    check_classes(label, probabilities.shape[1], "label")
    probabilities = check_predicted(probabilities, None, "probabilities")
    rows = np.arange(len(label))
    p_label = probabilities[rows, label]
    suspected, guess = suspicion(probabilities, label)
    found = suspected & (guess != label) & (p_label + _SLACK <= probabilities.max(axis=1))
    guess = np.where(found, guess, probabilities.argmax(axis=1))
    return Cleaning(
        rule=rule,
        kept=~found,
        predicted=guess,
        p_label=p_label,
        p_predicted=probabilities[rows, guess],
    )


def confident_thresholds(
    probabilities: Float[np.ndarray, "N K"], label: Int[np.ndarray, "N"]
) -> Float[np.ndarray, "K"]:
    """Mean probability of each class over the images with that label: the bar of confidence.

    No model is confident of a class that is no image's label: its threshold is above 1.

    Source: Northcutt et al. (2021), equation 2.
    """
    n_classes = probabilities.shape[1]
    own = probabilities[np.arange(len(label)), label]
    count = np.bincount(label, minlength=n_classes)
    total = np.bincount(label, weights=own, minlength=n_classes)
    mean = np.where(count > 0, total / np.maximum(count, 1), 2.0)
    return np.maximum(mean, _LEAST_THRESHOLD)


def _top_class(
    probabilities: Float[np.ndarray, "N K"], label: Int[np.ndarray, "N"]
) -> tuple[Bool[np.ndarray, "N"], Int[np.ndarray, "N"]]:
    """The top prediction of every image."""
    return np.ones(len(label), dtype=bool), probabilities.argmax(axis=1)


def _confident_class(
    probabilities: Float[np.ndarray, "N K"], label: Int[np.ndarray, "N"]
) -> tuple[Bool[np.ndarray, "N"], Int[np.ndarray, "N"]]:
    """Whether a model is confident of any class, and of which; of several, the most probable."""
    above = probabilities >= confident_thresholds(probabilities, label) - _SLACK
    n_above = above.sum(axis=1)
    which = np.where(n_above > 1, probabilities.argmax(axis=1), above.argmax(axis=1))
    return n_above > 0, which


CLEANING_RULES.register(
    CleaningRule("disagree", _top_class, summary="the top prediction is another class")
)
CLEANING_RULES.register(
    CleaningRule("confident", _confident_class, summary="the model is confident of another class")
)
