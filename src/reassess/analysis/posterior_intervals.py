"""An interval of the posterior of each question: how sure P(present) itself is.

A posterior rests on the raters' confusion and on how common presence is, and both are estimated.
They are drawn again, given the votes or the answers to gold
(`reassess.aggregation.confusion_draws`). The votes on a question stay as they are. An interval is
that of the log-odds, whose error is nearly normal, so that it lies in [0, 1]. It is conditional on
the model: that raters answer independently given the truth, and alike on all images. What one vote
more would say is not in it. It reaches to the posterior where that, a mode, lies beyond the draws.

Letters: Q questions, G gold questions, b resamples.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Float

from reassess.aggregation import ConfusionPrior
from reassess.aggregation.confusion_draws import draw_log_odds, draw_log_odds_on_gold
from reassess.errors import OptionError
from reassess.progress import Progress, null_progress
from reassess.records import Gold, Posterior, Questions, Votes
from reassess.statistics import check_resamples, sigmoid, z_critical


@dataclass(frozen=True, slots=True)
class PosteriorIntervals:
    """P(present) of each question, with its interval, in the order of the votes' questions.

    Attributes:
        questions: the questions.
        probability: the posterior.
        low: lower end.
        high: upper end.
        confidence: of each interval, by itself.
        n_resamples: how many draws they rest on.
    """

    questions: Questions
    probability: Float[np.ndarray, "Q"]
    low: Float[np.ndarray, "Q"]
    high: Float[np.ndarray, "Q"]
    confidence: float
    n_resamples: int


def posterior_intervals(
    votes: Votes,
    posterior: Posterior,
    *,
    gold: Gold | None = None,
    gold_votes: Votes | None = None,
    min_expert_yes: int | None = None,
    pseudocount: float | None = None,
    n_resamples: int = 200,
    confidence: float = 0.95,
    rng: np.random.Generator,
    progress: Progress = null_progress,
) -> PosteriorIntervals:
    """The interval of each question's posterior.

    Args:
        votes: the votes that the posterior was made of.
        posterior: with the states absent and present.
        gold: what a calibrated posterior was counted on.
        gold_votes: the raters' answers to gold where they were given apart.
        min_expert_yes: how many experts must say yes; None for more than half.
        pseudocount: of the uniform prior, as when the posterior was made; 1 where None is given.
        n_resamples: how many draws of the confusion.
        confidence: of each interval.
        rng: where randomness comes from.
        progress: called with the number of draws done.

    Raises:
        OptionError: the method estimates nothing about raters, or cannot be repeated; or the
            confidence or the number of resamples is out of range.
        DataError: the posterior is not of these votes, or its states are others.
    """
    check_resamples(n_resamples, confidence)
    _check_method(posterior, gold)
    prior: ConfusionPrior = "pooled" if posterior.confusion_prior == "pooled" else "uniform"
    if gold is None or posterior.method != "calibrated":
        drawn = draw_log_odds(
            votes, posterior, confusion_prior=prior, pseudocount=pseudocount, rng=rng
        )
    else:
        drawn = draw_log_odds_on_gold(
            votes, posterior, gold, gold_votes=gold_votes, min_expert_yes=min_expert_yes,
            confusion_prior=prior, pseudocount=pseudocount, rng=rng,
        )  # fmt: skip
    row = votes.questions.rows_in(posterior.questions, source="votes")
    log = posterior.log_probability[row]
    fitted = log[:, 1] - log[:, 0]
    total, squares = np.zeros(len(row)), np.zeros(len(row))
    for done, odds in enumerate(islice(drawn, n_resamples), start=1):
        total += odds - fitted
        squares += (odds - fitted) ** 2
        progress("draws", done=done, total=n_resamples)
    mean = total / n_resamples
    reach = z_critical(confidence) * np.sqrt(np.maximum(squares / n_resamples - mean**2, 0.0))
    low, high = np.minimum(mean - reach, 0.0), np.maximum(mean + reach, 0.0)
    return PosteriorIntervals(
        votes.questions, sigmoid(fitted), sigmoid(fitted + low), sigmoid(fitted + high),
        confidence, n_resamples,
    )  # fmt: skip


def _check_method(posterior: Posterior, gold: Gold | None) -> None:
    """Refuse posteriors whose parameters cannot be drawn again.

    Raises:
        OptionError: the method estimates nothing of raters, has no such way, or gold is missing.
    """
    if posterior.method == "calibrated" and gold is not None:
        return
    if posterior.method == "dawid-skene" and not posterior.used_gold:
        return
    why = {
        "majority": "which estimates nothing of raters",
        "calibrated": "but the gold that it was counted on is missing (--gold)",
        "dawid-skene": "whose fit held gold fixed",
    }.get(posterior.method, "whose parameters cannot be drawn again")
    raise OptionError(
        f"the aggregation method is {posterior.method!r}, {why}, so that its posterior has no "
        "interval. Aggregate by calibrated with gold, or by dawid-skene with --gold-mode hold-out."
    )
