"""What a rater's confusion is drawn to where their votes are few.

``uniform``  one pseudo-vote (or another number) for each answer: the paper's
``pooled``   the confusion of all raters together, counted again in every iteration. It weighs as
             much as raters resemble each other: for absent and present the concentration that
             their counts have (empirical Bayes). Where the answers are the truths, the counts of
             one rater are too thin for that, and it weighs two votes.

A crowd of many raters with few votes each is where the two differ: with one pseudo-vote a cell
whoever voted three times is taken to know nothing, and with the pooled confusion to be like the
others.

Letters: R raters, T states, A answers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from reassess.aggregation.coding import smoothed_confusion
from reassess.errors import OptionError
from reassess.registry import checks_choices
from reassess.statistics import dirichlet_concentration, followed_concentrations

ConfusionPrior = Literal["pooled", "uniform"]

PSEUDOCOUNT = 1.0
"""The uniform prior's votes a cell, where no other number is asked for."""

POOLED_STRENGTH = 2.0
"""Votes that the pooled confusion weighs as much as where the answers are the truths. On the 17
sets of the truth-inference benchmark strengths fitted to the raters label worse there (.822 to .828
of the tasks rightly, against .837)."""

ENOUGH_GOLD = 20
"""Gold answers of each truth that a rater needs for a confusion matrix of their own. On the ten
two-answer sets of the truth-inference benchmark calibration with 20 labels more tasks rightly than
Dawid and Skene's model at every share of votes covered; with 5 or 10 it labels fewer rightly where
less than 60% are (`benchmarks/gold_choice.py`)."""


@checks_choices
def checked_pseudocount(confusion_prior: ConfusionPrior, pseudocount: float | None) -> float:
    """The pseudo-votes of a cell under the uniform prior; `PSEUDOCOUNT` where None is given.

    Raises:
        OptionError: the pseudocount is negative, or is given under the pooled prior, where it
            means nothing.
    """
    if pseudocount is None:
        return PSEUDOCOUNT
    if confusion_prior != "uniform":
        raise OptionError(
            f"pseudocount is {pseudocount:g}, but goes with the uniform prior only: under the "
            f"{confusion_prior} one the raters decide its weight. Leave it out, or name the prior "
            "(--confusion-prior uniform)."
        )
    if not 0 <= pseudocount < np.inf:
        raise OptionError(f"pseudocount is {pseudocount:g}, but must be 0 or more, and finite.")
    return pseudocount


def pooled_confusion(counts: Float[np.ndarray, "R T A"]) -> Float[np.ndarray, "T A"]:
    """P(answer | truth) of all raters together, one pseudo-vote in each cell."""
    total = 1 + counts.sum(axis=0)
    pooled: Float[np.ndarray, "T A"] = total / total.sum(axis=1, keepdims=True)
    return pooled


@dataclass
class UniformPrior:
    """The uniform prior of a fit in progress: the same pseudo-votes whatever the counts.

    Attributes:
        added: to every cell.
        strength: none; the pooled prior has one.
    """

    added: Float[np.ndarray, "T A"]
    strength: Float[np.ndarray, "T"] | None = None

    def pseudo_votes(self, counts: Float[np.ndarray, "R T A"]) -> Float[np.ndarray, "T A"]:
        """What is added to the counts of every rater."""
        del counts
        return self.added


@dataclass(slots=True)
class PooledPrior:
    """The pooled prior of a fit in progress: pseudo-votes of the raters' counts as they stand.

    Attributes:
        strength: how many votes the pooled confusion weighs as much as, for each truth; None
            before the first counts are seen.
        is_fitted: whether the strength is fitted to the raters' counts; else it stays.
    """

    strength: Float[np.ndarray, "T"] | None = None
    is_fitted: bool = True

    def pseudo_votes(self, counts: Float[np.ndarray, "R T A"]) -> Float[np.ndarray, "T A"]:
        """What is added to the counts of every rater."""
        pooled = pooled_confusion(counts)
        if self.is_fitted or self.strength is None:
            self.strength = fitted_strength(counts, pooled, self.strength)
        added: Float[np.ndarray, "T A"] = self.strength[:, None] * pooled
        return added


def fitted_strength(
    counts: Float[np.ndarray, "R T A"],
    pooled: Float[np.ndarray, "T A"],
    near: Float[np.ndarray, "T"] | None = None,
) -> Float[np.ndarray, "T"]:
    """How many votes the pooled confusion weighs as much as, for each truth, by empirical Bayes.

    Args:
        counts: expected answers of each rater for each truth.
        pooled: P(answer | truth) of all raters.
        near: the strength for counts that were almost these, to start from.
    """
    if near is not None:
        return followed_concentrations(counts, pooled, near)
    return np.array([dirichlet_concentration(counts[:, t], mean) for t, mean in enumerate(pooled)])


@checks_choices
def confusion_on_gold(
    counts: Float[np.ndarray, "R T A"],
    confusion_prior: ConfusionPrior,
    pseudocount: float,
    has_enough: Bool[np.ndarray, "R T"] | None = None,
) -> Float[np.ndarray, "R T A"]:
    """Confusion of each rater from their answers to gold questions.

    Under the uniform prior a rater without any gets the mean of the others' matrices. Under the
    pooled one so does whoever has fewer than `ENOUGH_GOLD` of a truth, as far as theirs are few:
    that row is drawn to the mean of the others', in which nobody counts for more than
    `ENOUGH_GOLD` answers. Rows with more are the same under both.

    Args:
        counts: gold answers of each rater.
        confusion_prior: what rows are drawn to.
        pseudocount: added to each count of the rows that stand alone.
        has_enough: which rows stand alone under the pooled prior; None for those with
            `ENOUGH_GOLD` answers.

    Source: the uniform prior is the paper's, section 3.3.
    """
    tested = counts.sum(axis=(1, 2)) > 0
    matrices = smoothed_confusion(counts, pseudocount)
    if confusion_prior == "uniform":
        matrices[~tested] = matrices[tested].mean(axis=0)
        return matrices
    n = counts.sum(axis=2, keepdims=True)
    alone = (n[:, :, 0] >= ENOUGH_GOLD if has_enough is None else has_enough)[:, :, None]
    share = np.divide(counts, n, out=np.zeros_like(counts), where=n > 0)
    target = (np.minimum(n, ENOUGH_GOLD) * np.where(alone, matrices, share)).sum(axis=0)
    # A pseudo-vote where a cell may be empty, and where nobody answered.
    target += ~(alone | (n == 0)).all(axis=0) | (n == 0).all(axis=0)
    target /= target.sum(axis=1, keepdims=True)
    strength = fitted_strength(counts, target)[:, None]
    drawn: Float[np.ndarray, "R T A"] = (counts + strength * target) / (n + strength)
    return np.where(alone, matrices, drawn)
