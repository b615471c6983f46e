"""Whether a rater stays the same: from his first half of votes to his second, and asked again.

Whether the others would agree is `reassess.analysis.raters`' business. Letters: V votes,
R raters, G halves of raters.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.analysis.other_raters import with_others, without_own
from reassess.errors import DataError
from reassess.records import ANSWERS, Posterior, Votes
from reassess.statistics import z_critical

STATES = ("absent", "present")
FEWEST_FOR_DRIFT = 20
"""Votes of a rater below which nothing is said about his drift."""


@dataclass(frozen=True, slots=True)
class RaterDrifts:
    """How each rater's agreement with the others changed from the first half to the second.

    Attributes:
        rater_ids: the R raters.
        n: votes with a known time on questions that somebody else voted on too.
        change: mean agreement in the later half less that in the earlier half, in [-1, 1];
            NaN below `FEWEST_FOR_DRIFT` votes.
        low: lower end of the interval of the change; NaN likewise.
        high: upper end.
    """

    rater_ids: Shaped[np.ndarray, "R"]
    n: Int[np.ndarray, "R"]
    change: Float[np.ndarray, "R"]
    low: Float[np.ndarray, "R"]
    high: Float[np.ndarray, "R"]


@dataclass(frozen=True, slots=True)
class RaterRepeats:
    """How often each rater gave the same answer when asked the same question again.

    Attributes:
        rater_ids: the R raters.
        n: answers to a question that the rater had answered before.
        n_same: of them, those that equal the first answer.
    """

    rater_ids: Shaped[np.ndarray, "R"]
    n: Int[np.ndarray, "R"]
    n_same: Int[np.ndarray, "R"]


def rater_drifts(votes: Votes, posterior: Posterior, confidence: float = 0.95) -> RaterDrifts:
    """Whether raters agree more or less with the others as they go on.

    A vote agrees as far as the others' votes say that it is right: a yes by P(present), a no
    by P(absent), a maybe by one half. The interval is that of two means (normal, unequal
    variances).

    Raises:
        DataError: the times of the votes are not known, the answers or truths are others, or
            the posterior is not of these votes.
        OptionError: the confidence does not lie between 0 and 1.
    """
    if votes.given_at is None or votes.answers != ANSWERS or posterior.states != STATES:
        raise DataError(
            "votes: drift needs answers no, maybe, yes about presence, and the time of each vote, "
            "but the votes have not. Write a column given_at (reassess votes export does)."
        )
    z = z_critical(confidence)
    known = ~np.isnat(votes.given_at) & with_others(votes)
    present = np.exp(without_own(votes, posterior)[:, 1])[known]
    answer, rater = votes.answer[known], votes.rater[known]
    agreed = np.choose(answer, [1 - present, np.full(len(present), 0.5), present])
    order = np.lexsort((votes.given_at[known], rater))
    rater, agreed = rater[order], agreed[order]
    n = np.bincount(rater, minlength=len(votes.rater_ids))
    place = np.arange(len(rater)) - np.repeat(np.cumsum(n) - n, n)
    half = rater * 2 + (place >= np.repeat(n // 2, n))
    n_half, mean, variance = _moments(half, agreed, 2 * len(n))
    change = mean[1::2] - mean[::2]
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = z * np.sqrt((variance / n_half).reshape(-1, 2).sum(axis=1))
    few = n < FEWEST_FOR_DRIFT
    change, reach = np.where(few, np.nan, change), np.where(few, np.nan, reach)
    return RaterDrifts(votes.rater_ids, n, change, change - reach, change + reach)


def rater_repeats(votes: Votes) -> RaterRepeats | None:
    """How far each rater agrees with himself; None where nobody answered a question twice.

    The first answer is the earliest, or where times are unknown the one that comes first.
    """
    asked = votes.rater_and_question()
    given_at = np.zeros(len(votes)) if votes.given_at is None else votes.given_at
    order = np.lexsort((given_at, asked))
    asked, answer, rater = asked[order], votes.answer[order], votes.rater[order]
    again = np.append(False, asked[1:] == asked[:-1])
    if not again.any():
        return None
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(asked))))
    same = again & (answer == answer[first])
    n, n_same = (
        np.bincount(rater[which], minlength=len(votes.rater_ids)) for which in (again, same)
    )
    return RaterRepeats(votes.rater_ids, n, n_same)


def _moments(
    group: Int[np.ndarray, "V"], value: Float[np.ndarray, "V"], n_groups: int
) -> tuple[Int[np.ndarray, "G"], Float[np.ndarray, "G"], Float[np.ndarray, "G"]]:
    """Count, mean and unbiased variance of each group; NaN where there are too few."""
    n = np.bincount(group, minlength=n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(group, weights=value, minlength=n_groups) / n
        spread = np.bincount(group, weights=(value - mean[group]) ** 2, minlength=n_groups)
        return n, mean, spread / (n - 1)
