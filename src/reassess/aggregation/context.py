"""What votes say and what a context says, combined on gold.

A context is a probability of each question that no vote enters, such as what is learned from
models' predictions (`reassess.pipeline.context`). The log-odds are

    logit P = a + b · (log-odds of the votes) + c · (log-odds of the context),

with a, b and c fitted on gold; a b or c below 1 says that the source is over-confident. Each gold
question also gets what would be said of it without the gold of its fold of images, so that gold can
judge the result. Letters: Q questions, G gold questions, T states.

Source: J. Platt (1999), for one source; D. H. Wolpert (1992), Neural Networks 5:241-259 (stacking).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import DataError
from reassess.records import Gold, Posterior, positions
from reassess.statistics import logistic_regression

N_FOLDS = 10
"""Parts of the gold images of which each is judged by the rest."""

FEWEST_IMAGES = 20
"""Gold images below which three coefficients are not worth fitting."""

_LARGEST = 30.0
"""Log-odds of the votes beyond this are as good as certain, and would decide the fit alone."""

_LEAST = 1e-6
"""A context is never surer than this."""


@dataclass(frozen=True, slots=True)
class ContextFit:
    """How much votes and context count.

    Attributes:
        constant: a.
        votes: b, of the log-odds of the votes.
        context: c, of the log-odds of the context.
        n_gold: gold questions that they were fitted on.
        n_gold_images: their images.
        log_loss: mean log-loss on gold, cross-fitted by image.
        log_loss_of_votes: the same without the context, its log-odds rescaled alike.
    """

    constant: float
    votes: float
    context: float
    n_gold: int
    n_gold_images: int
    log_loss: float
    log_loss_of_votes: float

    def start(
        self, log_odds: Float[np.ndarray, "Q"], context: Float[np.ndarray, "Q"]
    ) -> Float[np.ndarray, "Q"]:
        """Log-odds of votes and context together, of questions that have no vote yet.

        Each vote moves them by `votes` times what it moves those of the votes alone.

        Args:
            log_odds: of each question before any vote, by the votes' model.
            context: P(present) of each question without any vote.
        """
        found: Float[np.ndarray, "Q"] = (
            self.constant + self.votes * log_odds + self.context * bounded_log_odds(context)
        )
        return found


def combine_context(
    posterior: Posterior,
    context: Float[np.ndarray, "Q"],
    models: Sequence[str],
    gold: Gold,
    *,
    min_expert_yes: int | None = None,
) -> tuple[Posterior, ContextFit]:
    """The posterior of votes and context together, and how much each counts.

    Args:
        posterior: of the votes alone, with the states absent and present.
        context: P(present) of each question without any vote.
        models: the models whose predictions the context rests on; the result names them.
        gold: questions whose truth experts fixed, of 20 images or more.
        min_expert_yes: how many experts must say yes; None for more than half.

    Raises:
        DataError: the states are others, the context does not fit or is already there, or gold
            is too little or holds one truth only.
    """
    if posterior.context:
        raise DataError("posterior: it has a context already, but must be that of votes alone.")
    if len(context) != len(posterior.questions) or not ((context >= 0) & (context <= 1)).all():
        raise DataError(
            f"context: there are {len(context):,} probabilities, but must be "
            f"{len(posterior.questions):,} in [0, 1], one a question."
        )
    row = gold.questions.rows_in(posterior.questions, source="gold")
    truth, image = gold.truth(min_expert_yes), _image_of(gold)
    known = row >= 0
    _check_gold(truth[known], image[known])
    evidence, surroundings = _log_odds_of_votes(posterior), bounded_log_odds(context)
    votes_unseen = _unseen(posterior, gold, evidence, row)
    ones = np.ones(len(row))
    features = np.column_stack([ones, votes_unseen, surroundings[np.maximum(row, 0)]])
    fold = np.unique(image, return_inverse=True)[1] % N_FOLDS
    both = _cross_fitted(features, truth, fold, known)
    alone = _cross_fitted(features[:, :2], truth, fold, known)
    a, b, c = logistic_regression(features[known], truth[known]).tolist()
    log_odds = a + b * evidence + c * surroundings
    combined = replace(
        posterior,
        log_probability=_log_probability(log_odds),
        used_gold=True,
        gold_ids=gold.questions.ids,
        gold_sha256=gold.votes.sha256,
        held_out=np.where(known[:, None], _log_probability(both), np.nan),
        calibrated=None,
        context=tuple(sorted(models)),
    )
    fit = ContextFit(
        constant=a,
        votes=b,
        context=c,
        n_gold=int(known.sum()),
        n_gold_images=len(np.unique(image[known])),
        log_loss=_loss(both[known], truth[known]),
        log_loss_of_votes=_loss(alone[known], truth[known]),
    )
    return combined, fit


def _image_of(gold: Gold) -> Int[np.ndarray, "G"]:
    """A number for the image of each gold question."""
    pairs = gold.questions.require_pairs("gold")
    return pairs.image


def _check_gold(truth: Bool[np.ndarray, "G"], image: Int[np.ndarray, "G"]) -> None:
    n_images = len(np.unique(image))
    if n_images < FEWEST_IMAGES or truth.all() or not truth.any():
        raise DataError(
            f"gold: {len(truth):,} questions of {n_images:,} images have votes and "
            f"{int(truth.sum()):,} of them hold, but a context needs gold of both kinds on "
            f"{FEWEST_IMAGES} images or more, to know how far to trust it. Have experts answer "
            "more, or aggregate without --context."
        )


def _log_odds_of_votes(posterior: Posterior) -> Float[np.ndarray, "Q"]:
    posterior.present  # noqa: B018 -- refuses other states, with the remedy
    both = posterior.log_probability
    with np.errstate(invalid="ignore"):
        odds: Float[np.ndarray, "Q"] = np.clip(both[:, 1] - both[:, 0], -_LARGEST, _LARGEST)
    return odds


def _unseen(
    posterior: Posterior,
    gold: Gold,
    evidence: Float[np.ndarray, "Q"],
    row: Int[np.ndarray, "G"],
) -> Float[np.ndarray, "G"]:
    """Log-odds of the votes of each gold question, as they are without its own gold."""
    found: Float[np.ndarray, "G"] = evidence[np.maximum(row, 0)]
    if posterior.held_out is None or posterior.gold_ids is None:
        return found
    place = positions(gold.questions.ids, posterior.gold_ids, source="gold")
    apart = posterior.held_out[np.maximum(place, 0)]
    unseen = np.clip(apart[:, 1] - apart[:, 0], -_LARGEST, _LARGEST)
    return np.where((place >= 0) & np.isfinite(unseen), unseen, found)


def _cross_fitted(
    features: Float[np.ndarray, "G p"],
    truth: Bool[np.ndarray, "G"],
    fold: Int[np.ndarray, "G"],
    known: Bool[np.ndarray, "G"],
) -> Float[np.ndarray, "G"]:
    """Log-odds of each question, fitted on the other folds."""
    odds = np.zeros(len(truth))
    for held_out in np.unique(fold[known]):
        train = known & (fold != held_out)
        inside = fold == held_out
        if truth[train].all() or not truth[train].any():
            odds[inside] = features[inside, 1]
            continue
        odds[inside] = features[inside] @ logistic_regression(features[train], truth[train])
    return odds


def bounded_log_odds(probability: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Log-odds of probabilities of a context, which is never surer than one in a million."""
    kept = np.clip(probability, _LEAST, 1 - _LEAST)
    odds: Float[np.ndarray, "n"] = np.log(kept) - np.log1p(-kept)
    return odds


def _log_probability(log_odds: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n T"]:
    """Of the states absent and present."""
    columns = (-np.logaddexp(0.0, log_odds), -np.logaddexp(0.0, -log_odds))
    both: Float[np.ndarray, "n T"] = np.stack(columns, axis=1)
    return both


def _loss(log_odds: Float[np.ndarray, "n"], truth: Bool[np.ndarray, "n"]) -> float:
    return float(np.logaddexp(0.0, np.where(truth, -log_odds, log_odds)).mean())
