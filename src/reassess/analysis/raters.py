"""What votes reveal of raters: their confusions, their effect on labels, drift and repeats.

A rater is always held against what the *other* raters answered, so that no one's votes confirm
themselves. Agreement among raters, and with gold, is `reassess.analysis.agreement`. Letters: V
votes, Q questions, R raters, A answers, T states, G halves of raters, v pairs of a rater and a
question.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.analysis.agreement import VoteAgreement, vote_agreement
from reassess.analysis.experts import ExpertsBesideCrowd, experts_beside_crowd
from reassess.errors import DataError, OptionError
from reassess.records import ANSWERS, Gold, Posterior, Votes, positions
from reassess.statistics import dirichlet_concentration, z_critical

_LEAST_NORMAL = 1e-300
"""A posterior of 0 counts as this, so that its logarithm can be added to."""

_SMALLEST = 1e-12
"""Probabilities are kept from 0, so that no logarithm is infinite."""

STATES = ("absent", "present")

FEWEST_FOR_DRIFT = 20
"""Votes of a rater below which their drift is left open: the means of two halves of ten votes
differ by chance by more than 0.1."""


def rater_question_pairs(votes: Votes) -> tuple[Int[np.ndarray, "v"], Int[np.ndarray, "v"]]:
    """Rater and question of each pair of these that has votes, however many."""
    key = np.unique(votes.rater_and_question())
    rater, question = np.divmod(key, len(votes.questions))
    return rater, question


def with_others(votes: Votes) -> Bool[np.ndarray, "V"]:
    """Whether another rater voted on the question of each vote too."""
    _, question = rater_question_pairs(votes)
    n_voters = np.bincount(question, minlength=len(votes.questions))
    shared: Bool[np.ndarray, "V"] = n_voters[votes.question] > 1
    return shared


def question_rows(votes: Votes, posterior: Posterior) -> Int[np.ndarray, "Q"]:
    """Row of the posterior for each question.

    Raises:
        DataError: a question is not in the posterior.
    """
    row = votes.questions.rows_in(posterior.questions, source="votes")
    if (row < 0).any():
        raise DataError(
            f"votes: question {votes.questions.take(row < 0).first_id!r} is not in the posterior; "
            f"{int((row < 0).sum()):,} of {len(row):,} are not. Give the posterior of these votes."
        )
    return row


def without_own(votes: Votes, posterior: Posterior) -> Float[np.ndarray, "V T"]:
    """Log-posterior of each vote's question with all votes of that rater on it taken out.

    Raises:
        DataError: the posterior is not of these votes, or has no confusion.
    """
    if posterior.confusion is None:
        raise DataError(
            f"posterior: the method {posterior.method!r} knows no confusion of raters, but must. "
            "Aggregate with --method dawid-skene or calibrated."
        )
    of_rater = positions(votes.rater_ids, posterior.rater_ids, source="votes")
    if (of_rater < 0).any():
        raise DataError(
            f"votes: rater {str(votes.rater_ids[of_rater < 0][0])!r} is not in the posterior. "
            "Give the posterior of these votes."
        )
    row = question_rows(votes, posterior)
    log_confusion = np.log(np.maximum(posterior.confusion, _SMALLEST))
    given = log_confusion[of_rater[votes.rater], :, votes.answer]
    _, own = np.unique(votes.rater_and_question(), return_inverse=True)
    summed = np.stack([np.bincount(own, weights=column) for column in given.T], axis=1)
    log = (
        np.maximum(posterior.log_probability, np.log(_LEAST_NORMAL))[row][votes.question]
        - summed[own]
    )
    log -= log.max(axis=1, keepdims=True)
    normalised: Float[np.ndarray, "V T"] = log - np.log(np.exp(log).sum(axis=1, keepdims=True))
    return normalised


@dataclass(frozen=True, slots=True)
class RaterDrifts:
    """How each rater's agreement with the others changed from the first half to the second.

    Attributes:
        rater_ids: the R raters.
        n: votes with a known time on questions that another rater voted on too.
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
        DataError: the times of the votes are not known, the answers or states are others, or
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
    low, high = np.maximum(change - reach, -1.0), np.minimum(change + reach, 1.0)
    return RaterDrifts(votes.rater_ids, n, change, low, high)


def rater_repeats(votes: Votes) -> RaterRepeats | None:
    """How far each rater agrees with themselves; None where nobody answered a question twice.

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


@dataclass(frozen=True, slots=True)
class RaterConfusions:
    """Each rater's confusion, drawn towards that of all raters where there are few votes.

    Attributes:
        rater_ids: the R raters.
        states: names of the T states.
        answers: names of the A answers.
        confusion: ``confusion[r, t, a]`` = P(rater r answers a | truth t); NaN for a rater who
            shares no question with another.
        pooled: the same for all raters together.
        n: expected number of votes of each rater on questions of each truth, of those that
            another rater voted on too.
        strength: how many votes the pooled confusion weighs as much as, for each truth.
    """

    rater_ids: Shaped[np.ndarray, "R"]
    states: tuple[str, ...]
    answers: tuple[str, ...]
    confusion: Float[np.ndarray, "R T A"]
    pooled: Float[np.ndarray, "T A"]
    n: Float[np.ndarray, "R T"]
    strength: Float[np.ndarray, "T"]


@dataclass(frozen=True, slots=True)
class RaterEffects:
    """What would be decided otherwise without each rater.

    Attributes:
        rater_ids: the R raters.
        n_questions: questions that each voted on.
        n_flipped: of them, decided otherwise without the rater's votes.
        n_images: images whose labels would change.
        n_alone: questions that no other rater voted on.
    """

    rater_ids: Shaped[np.ndarray, "R"]
    n_questions: Int[np.ndarray, "R"]
    n_flipped: Int[np.ndarray, "R"]
    n_images: Int[np.ndarray, "R"]
    n_alone: Int[np.ndarray, "R"]


@dataclass(frozen=True, slots=True)
class RaterFindings:
    """What the votes alone say about raters; the records of each rater are parallel.

    Attributes:
        agreement: of all raters.
        confusions: each rater's.
        effects: what would be decided otherwise without each.
        drifts: how each changed; None where no times are known.
        repeats: how far each agrees with themselves; None where nobody was asked twice.
        experts: one expert against the others and the raters beside; None without such gold.
    """

    agreement: VoteAgreement
    confusions: RaterConfusions
    effects: RaterEffects
    drifts: RaterDrifts | None
    repeats: RaterRepeats | None
    experts: ExpertsBesideCrowd | None


def rater_findings(
    votes: Votes,
    posterior: Posterior,
    threshold: float,
    *,
    gold: Gold | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> RaterFindings:
    """Everything that the votes say about raters.

    Args:
        votes: the votes.
        posterior: fitted to them, by a method that knows raters' confusion.
        threshold: a label is kept where its posterior is at least this.
        gold: what experts say, to hold each of them and the raters together against the others.
        n_resamples: bootstrap draws of images, for the intervals of agreement.
        rng: where randomness comes from.

    Raises:
        DataError: the posterior is not of these votes, or knows no confusion.
        OptionError: the threshold is not inside (0, 1), or the resamples are negative.
    """
    return RaterFindings(
        agreement=vote_agreement(votes, n_resamples=n_resamples, rng=rng),
        confusions=rater_confusions(votes, posterior),
        effects=leave_one_out(votes, posterior, threshold),
        drifts=None if votes.given_at is None else rater_drifts(votes, posterior),
        repeats=rater_repeats(votes),
        experts=None
        if gold is None
        else experts_beside_crowd(
            gold, posterior, threshold, votes=votes, n_resamples=n_resamples, rng=rng
        ),
    )


def rater_confusions(votes: Votes, posterior: Posterior) -> RaterConfusions:
    """Each rater's confusion against what the *other* raters say, shrunk to all raters'.

    The truth of a question is taken from the posterior with the rater's own votes taken out,
    so that no one confirms themselves; votes on questions that no other rater voted on are left
    out. Each row is the mean of a Dirichlet posterior whose prior is the pooled confusion; how
    strongly it draws is fitted to the raters' spread (empirical Bayes).

    Raises:
        DataError: the posterior is not of these votes, or has no confusion.

    Source: A. Dawid and A. Skene (1979); the Dirichlet-multinomial likelihood of J. Mosimann
        (1962), Biometrika 49:65-82, maximised over its concentration.
    """
    without = np.where(with_others(votes)[:, None], without_own(votes, posterior), -np.inf)
    n_raters, n_states, n_answers = len(votes.rater_ids), len(posterior.states), len(votes.answers)
    cell = votes.rater.astype(np.int64) * n_answers + votes.answer
    counts = np.stack(
        [
            np.bincount(cell, weights=share, minlength=n_raters * n_answers)
            for share in np.exp(without).T
        ],
        axis=1,
    ).reshape(n_raters, n_answers, n_states)
    counts = counts.transpose(0, 2, 1)
    total = counts.sum(axis=0)
    pooled = (total + _SMALLEST) / (total + _SMALLEST).sum(axis=1, keepdims=True)
    strength = np.array([dirichlet_concentration(counts[:, t], pooled[t]) for t in range(n_states)])
    prior = strength[:, None] * pooled
    n = counts.sum(axis=2)
    return RaterConfusions(
        rater_ids=votes.rater_ids,
        states=posterior.states,
        answers=votes.answers,
        confusion=np.where(
            n.sum(axis=1)[:, None, None] > 0, (counts + prior) / (n + strength)[:, :, None], np.nan
        ),
        pooled=pooled,
        n=n,
        strength=strength,
    )


def leave_one_out(votes: Votes, posterior: Posterior, threshold: float) -> RaterEffects:
    """What would be decided otherwise if a rater had not voted.

    Confusions and prior stay as fitted: the rater's votes are taken out of each question, so
    that all raters cost one pass over the votes.

    Args:
        votes: the votes.
        posterior: fitted to them, with the states absent and present.
        threshold: a label is kept where its posterior is at least this.

    Raises:
        OptionError: the threshold is not inside (0, 1).
        DataError: the posterior is not of these votes, has no confusion, or other states.
    """
    if not 0 < threshold < 1:
        raise OptionError(f"the threshold is {threshold}, but must lie inside (0, 1). Give 0.8.")
    row = question_rows(votes, posterior)
    kept = (posterior.present >= threshold)[row][votes.question]
    flipped = (np.exp(without_own(votes, posterior)[:, 1]) >= threshold) != kept
    n_raters, n_questions = len(votes.rater_ids), len(votes.questions)
    rater, question = rater_question_pairs(votes)
    n_voters = np.bincount(question, minlength=n_questions)
    changed = np.unique(
        votes.rater[flipped].astype(np.int64) * n_questions + votes.question[flipped]
    )
    by, about = np.divmod(changed, n_questions)
    pairs = votes.questions.pairs
    image = about if pairs is None else pairs.image[about]
    images = np.unique(by * n_questions + image) // n_questions
    return RaterEffects(
        rater_ids=votes.rater_ids,
        n_questions=np.bincount(rater, minlength=n_raters),
        n_flipped=np.bincount(by, minlength=n_raters),
        n_images=np.bincount(images, minlength=n_raters),
        n_alone=np.bincount(rater[n_voters[question] == 1], minlength=n_raters),
    )
