"""What raters' votes say about the raters: agreement, confusion, and what hangs on one of them.

Needs no gold; agreement with experts is `reassess.analysis.agreement`. Does not fit anything:
it starts from a posterior that was. Whether a rater stays the same is `consistency`'s business.
Letters: Q questions, V votes, R raters, T states, A answers.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.analysis.consistency import RaterDrifts, RaterRepeats, rater_drifts, rater_repeats
from reassess.analysis.other_raters import (
    question_rows,
    who_voted_on_what,
    with_others,
    without_own,
)
from reassess.errors import OptionError
from reassess.records import ANSWERS, Posterior, Votes
from reassess.statistics.agreement import Coefficient, fleiss_kappa, krippendorff_alpha

_WEAKEST, _STRONGEST = 1e-1, 1e6
_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class VoteAgreement:
    """How far the raters of a study agree beyond chance.

    Attributes:
        nominal: Krippendorff's alpha, all disagreements alike.
        ordinal: Krippendorff's alpha with the answers in their order; None for answers other
            than no, maybe and yes.
        fleiss: Fleiss' kappa.
        n_questions: questions.
        n_votes: votes.
    """

    nominal: Coefficient
    ordinal: Coefficient | None
    fleiss: Coefficient
    n_questions: int
    n_votes: int


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
            somebody else voted on too.
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
        n_alone: questions that nobody else voted on.
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
        repeats: how far each agrees with himself; None where nobody was asked twice.
    """

    agreement: VoteAgreement
    confusions: RaterConfusions
    effects: RaterEffects
    drifts: RaterDrifts | None
    repeats: RaterRepeats | None


def rater_findings(
    votes: Votes,
    posterior: Posterior,
    threshold: float,
    *,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> RaterFindings:
    """Everything that the votes say about raters.

    Args:
        votes: the votes.
        posterior: fitted to them, by a method that knows raters' confusion.
        threshold: a label is kept where its posterior is at least this.
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
    )


def vote_agreement(
    votes: Votes, *, n_resamples: int = 1000, confidence: float = 0.95, rng: np.random.Generator
) -> VoteAgreement:
    """How far raters agree; the bootstrap draws images where questions are about images.

    Raises:
        OptionError: the confidence is not inside (0, 1), or the resamples are negative.
    """
    counts = votes.counts()
    pairs = votes.questions.pairs
    groups = None if pairs is None else pairs.image

    def alpha(distance: str) -> Coefficient:
        return krippendorff_alpha(
            counts,
            distance="ordinal" if distance == "ordinal" else "nominal",
            groups=groups,
            n_resamples=n_resamples,
            confidence=confidence,
            rng=rng,
        )

    return VoteAgreement(
        nominal=alpha("nominal"),
        ordinal=alpha("ordinal") if votes.answers == ANSWERS else None,
        fleiss=fleiss_kappa(
            counts, groups=groups, n_resamples=n_resamples, confidence=confidence, rng=rng
        ),
        n_questions=len(votes.questions),
        n_votes=len(votes),
    )


def rater_confusions(votes: Votes, posterior: Posterior) -> RaterConfusions:
    """Each rater's confusion against what the *other* raters say, shrunk to all raters'.

    The truth of a question is taken from the posterior with the rater's own votes taken out,
    so that nobody confirms themselves; votes on questions that nobody else voted on say nothing
    and are left out. Each row is the mean of a Dirichlet posterior whose prior
    is the pooled confusion; how strongly it draws is fitted to the raters' spread (empirical
    Bayes).

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
    strength = np.array([_strength(counts[:, t], pooled[t]) for t in range(n_states)])
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
    rater, question = who_voted_on_what(votes)
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


def _strength(counts: Float[np.ndarray, "R A"], pooled: Float[np.ndarray, "A"]) -> float:
    """The concentration under which raters' answers spread as they do, by maximum likelihood."""
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    n = counts.sum(axis=1)

    def loss(log_strength: float) -> float:
        k = np.exp(log_strength)
        of_answers = gammaln(counts + k * pooled) - gammaln(k * pooled)
        return -float((gammaln(k) - gammaln(n + k)).sum() + of_answers.sum())

    found = minimize_scalar(loss, bounds=(np.log(_WEAKEST), np.log(_STRONGEST)), method="bounded")
    return float(np.exp(found.x))
