"""What the other raters say about the question of each vote, and whether there are any.

So that nobody's votes confirm themselves. Letters: V votes, T states, v pairs of a rater and
a question.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import DataError
from reassess.records import Posterior, Votes, positions

_SMALLEST = 1e-12


def who_voted_on_what(votes: Votes) -> tuple[Int[np.ndarray, "v"], Int[np.ndarray, "v"]]:
    """Rater and question of each pair of these that has votes, however many."""
    key = np.unique(votes.rater_and_question())
    rater, question = np.divmod(key, len(votes.questions))
    return rater, question


def with_others(votes: Votes) -> Bool[np.ndarray, "V"]:
    """Whether somebody else voted on the question of each vote too."""
    _, question = who_voted_on_what(votes)
    n_voters = np.bincount(question, minlength=len(votes.questions))
    shared: Bool[np.ndarray, "V"] = n_voters[votes.question] > 1
    return shared


def question_rows(votes: Votes, posterior: Posterior) -> Int[np.ndarray, "Q"]:
    """Row of the posterior for each question.

    Raises:
        DataError: a question is not in the posterior.
    """
    row = positions(votes.questions.ids, posterior.questions.ids, source="votes")
    if (row < 0).any():
        raise DataError(
            f"votes: question {str(votes.questions.ids[row < 0][0])!r} is not in the posterior; "
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
    said = np.log(np.maximum(posterior.confusion, _SMALLEST))
    given = said[of_rater[votes.rater], :, votes.answer]
    _, own = np.unique(votes.rater_and_question(), return_inverse=True)
    summed = np.stack([np.bincount(own, weights=column) for column in given.T], axis=1)
    log = np.maximum(posterior.log_probability, np.log(1e-300))[row][votes.question] - summed[own]
    log -= log.max(axis=1, keepdims=True)
    normalised: Float[np.ndarray, "V T"] = log - np.log(np.exp(log).sum(axis=1, keepdims=True))
    return normalised
