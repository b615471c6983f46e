"""Dawid and Skene's model with its confusion drawn, not fitted, and what questions are then.

A Gibbs sampler, started from the fit: truths are drawn given confusion and prevalence, these given
the truths. Each rater's row of confusion has the Dirichlet prior of the fit (the confusion of all
raters, as strong as the raters are alike, or the same pseudo-votes in every cell), so that raters
with few votes are as uncertain as they are. Two states, absent and present. Letters: Q questions,
R raters, T states, A answers.

Source: Albert and Chib (1993), "Bayesian analysis of binary and polychotomous response data";
Carpenter (2008), "Multilevel Bayesian models of categorical data annotation".
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from reassess.aggregation.calibration import gold_counts
from reassess.aggregation.coding import SMALLEST, Coded, weighted_sums
from reassess.aggregation.priors import (
    PSEUDOCOUNT,
    ConfusionPrior,
    fitted_strength,
    pooled_confusion,
)
from reassess.errors import DataError
from reassess.records import Gold, Posterior, Votes, positions
from reassess.registry import checks_choices
from reassess.statistics import sigmoid

BURN_IN = 20
"""Draws that are left out: the sampler begins at the fit, and needs few."""


@checks_choices
def draw_log_odds(
    votes: Votes,
    posterior: Posterior,
    *,
    confusion_prior: ConfusionPrior = "pooled",
    pseudocount: float | None = None,
    rng: np.random.Generator,
) -> Iterator[Float[np.ndarray, "Q"]]:
    """Draws, without end, of each question's log-odds of presence given its votes.

    Args:
        votes: the votes that the posterior was fitted to.
        posterior: where the sampler begins, with the states absent and present.
        confusion_prior: what raters with few votes are drawn to, as when it was fitted.
        pseudocount: of the uniform prior; 1 where None is given.
        rng: where randomness comes from.

    Raises:
        DataError: the posterior is not of these votes, or has other states.
    """
    coded = Coded.from_votes(votes)
    present = posterior.probability[_rows(votes, posterior), 1]
    added = PSEUDOCOUNT if pseudocount is None else pseudocount
    drawn = 0
    while True:
        truth = rng.random(len(present)) < present
        counts = coded.counts(np.column_stack([~truth, truth]).astype(np.float64))
        prior = _prior(counts, confusion_prior, added)
        share = rng.beta(truth.sum() + added, len(truth) - truth.sum() + added)
        odds = np.log(share / (1 - share)) + _evidence(coded, _dirichlet(counts + prior, rng))
        present = sigmoid(odds)
        drawn += 1
        if drawn > BURN_IN:
            yield odds


@checks_choices
def draw_log_odds_on_gold(
    votes: Votes,
    posterior: Posterior,
    gold: Gold,
    *,
    gold_votes: Votes | None = None,
    min_expert_yes: int | None = None,
    confusion_prior: ConfusionPrior = "pooled",
    pseudocount: float | None = None,
    rng: np.random.Generator,
) -> Iterator[Float[np.ndarray, "Q"]]:
    """The same for a posterior whose confusion was counted on gold: independent draws, without end.

    What raters without votes add to the evidence, as the original label, stays as it is.

    Args:
        votes: the votes that were weighed.
        posterior: with the states absent and present.
        gold: the questions whose truth experts fixed.
        gold_votes: the raters' answers to gold where they were given apart.
        min_expert_yes: how many experts must say yes; None for more than half.
        confusion_prior: what raters with little gold are drawn to, as when it was made.
        pseudocount: of the uniform prior; 1 where None is given.
        rng: where randomness comes from.

    Raises:
        DataError: the posterior is not of these votes, or has no confusion.
    """
    row = _rows(votes, posterior)
    if posterior.confusion is None:
        raise DataError("posterior: it has no confusion. Aggregate the votes again.")
    coded, counted = Coded.from_votes(votes), votes if gold_votes is None else gold_votes
    holds = gold.truth(min_expert_yes)
    place = positions(votes.rater_ids, counted.rater_ids, source="votes")
    counts = gold_counts(counted, gold, holds)[place] * (place >= 0)[:, None, None]
    prior = _prior(counts, confusion_prior, PSEUDOCOUNT if pseudocount is None else pseudocount)
    of_rater = positions(votes.rater_ids, posterior.rater_ids, source="votes")
    log = posterior.log_probability[row]
    rest = log[:, 1] - log[:, 0] - _evidence(coded, posterior.confusion[of_rater])
    n, n_present = len(holds), int(holds.sum())
    rest = rest - np.log(n_present / (n - n_present))
    while True:
        share = rng.beta(n_present, n - n_present)
        drawn = _evidence(coded, _dirichlet(counts + prior, rng))
        yield rest + np.log(share / (1 - share)) + drawn


def _rows(votes: Votes, posterior: Posterior) -> Int[np.ndarray, "Q"]:
    """The row in a posterior of each question of the votes.

    Raises:
        DataError: it is not of these votes, or has other states.
    """
    row = votes.questions.rows_in(posterior.questions, source="votes")
    if (row < 0).any() or len(posterior.states) != 2:
        raise DataError(
            "posterior: it must be of the questions of the votes, with the states absent and "
            "present. Aggregate the votes again: reassess aggregate."
        )
    return row


def _prior(
    counts: Float[np.ndarray, "R T A"], confusion_prior: ConfusionPrior, added: float
) -> Float[np.ndarray, "T A"] | float:
    """The pseudo-votes of each cell."""
    if confusion_prior == "uniform":
        return added
    pooled = pooled_confusion(counts)
    strength: Float[np.ndarray, "T"] = fitted_strength(counts, pooled)
    pseudo_votes: Float[np.ndarray, "T A"] = strength[:, None] * pooled
    return pseudo_votes


def _dirichlet(
    counts: Float[np.ndarray, "R T A"], rng: np.random.Generator
) -> Float[np.ndarray, "R T A"]:
    """A draw for each row."""
    gamma = np.maximum(rng.standard_gamma(counts), SMALLEST)
    drawn: Float[np.ndarray, "R T A"] = gamma / gamma.sum(axis=2, keepdims=True)
    return drawn


def _evidence(coded: Coded, confusion: Float[np.ndarray, "R T A"]) -> Float[np.ndarray, "Q"]:
    """What the votes on each question say for presence."""
    log = np.log(np.maximum(confusion, SMALLEST))
    table = np.ascontiguousarray((log[:, 1] - log[:, 0]).reshape(-1, 1))
    out = np.empty((coded.n_questions, 1))
    bits = np.zeros((0, 0), np.uint8)
    weighted_sums()(coded.indptr, coded.code, bits, 1.0, 1.0, table, out)
    return out[:, 0]
