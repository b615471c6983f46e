"""Votes as (rater, answer) codes in rows of questions, and the tables over those codes.

Letters: Q questions, R raters, V votes, A answers, T states, C = R * A codes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt

from reassess.records import Votes

SMALLEST = float(np.finfo(np.float64).tiny)
"""Stands for a probability of zero where its logarithm is needed."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Votes in compressed rows of questions.

    Attributes:
        indptr: the votes of question q are ``code[indptr[q]:indptr[q + 1]]``.
        code: ``rater * A + answer`` of each vote, in the smallest integers that hold it: the
            published votes take one byte each.
        n_raters: R.
        n_answers: A.
    """

    indptr: Int[np.ndarray, "ends"]
    code: UInt[np.ndarray, "V"]
    n_raters: int
    n_answers: int

    @classmethod
    def from_votes(cls, votes: Votes) -> "Coded":
        """Code votes; they need not be in the order of the questions."""
        question, rater, answer = votes.question, votes.rater, votes.answer
        if (np.diff(question) < 0).any():
            order = np.argsort(question, kind="stable")
            question, rater, answer = question[order], rater[order], answer[order]
        n_answers = len(votes.answers)
        n_codes = len(votes.rater_ids) * n_answers
        small = np.min_scalar_type(n_codes - 1)
        code = (rater.astype(np.uint32) * np.uint32(n_answers) + answer.astype(np.uint32)).astype(
            small
        )
        per_question = np.bincount(question, minlength=len(votes.questions))
        indptr = np.concatenate([[0], np.cumsum(per_question)]).astype(np.int64)
        return cls(indptr, code, len(votes.rater_ids), n_answers)

    @property
    def n_codes(self) -> int:
        """C, the number of (rater, answer) codes."""
        return self.n_raters * self.n_answers

    @property
    def n_questions(self) -> int:
        """Q."""
        return len(self.indptr) - 1

    def counts(self, weight: Float[np.ndarray, "Q T"]) -> Float[np.ndarray, "R T A"]:
        """Expected answers of each rater, given P(truth) of each question."""
        per_vote = np.repeat(np.arange(self.n_questions), np.diff(self.indptr))
        columns = [
            np.bincount(self.code, weights=weight[per_vote, t], minlength=self.n_codes)
            for t in range(weight.shape[1])
        ]
        by_code = np.stack(columns).reshape(len(columns), self.n_raters, self.n_answers)
        return np.ascontiguousarray(by_code.transpose(1, 0, 2))


def smoothed_confusion(
    counts: Float[np.ndarray, "R T A"], pseudocount: float
) -> Float[np.ndarray, "R T A"]:
    """P(answer | truth) from counts, ``pseudocount`` added to each: (c + s) / (n + s A).

    With s > 0 it is the posterior mode under a Dirichlet(s + 1) prior on each row. Where a
    rater has no answers for a truth and s = 0, every answer is taken to be equally likely.
    """
    n_answers = counts.shape[2]
    raised = counts + pseudocount
    total = raised.sum(axis=2, keepdims=True)
    uniform = np.full_like(raised, 1 / n_answers)
    confusion: Float[np.ndarray, "R T A"] = np.divide(raised, total, out=uniform, where=total > 0)
    return confusion


def by_code(confusion: Float[np.ndarray, "R T A"]) -> Float[np.ndarray, "T C"]:
    """A confusion matrix as one row of codes a truth."""
    n_raters, n_states, n_answers = confusion.shape
    table = confusion.transpose(1, 0, 2).reshape(n_states, n_raters * n_answers)
    return np.ascontiguousarray(table)


def log_joint(
    coded: Coded, confusion: Float[np.ndarray, "R T A"], prior: Float[np.ndarray, "T"]
) -> Float[np.ndarray, "Q T"]:
    """Logarithm of P(truth, votes) of each question: ln prior + the sum of ln P(answer | truth).

    Source: Dawid and Skene (1979), equation 2.5, in logarithms.
    """
    table = np.log(np.maximum(by_code(confusion), SMALLEST))
    joint = np.empty((coded.n_questions, len(table)))
    for t, row in enumerate(table):
        joint[:, t] = np.add.reduceat(row[coded.code], coded.indptr[:-1])
    joint += np.log(np.maximum(prior, SMALLEST))
    return joint


def log_normalised(joint: Float[np.ndarray, "Q T"]) -> Float[np.ndarray, "Q T"]:
    """Rows less the logarithm of the sum of their exponentials; exact near 0 and 1."""
    order = np.argmax(joint, axis=1)[:, None]
    shifted = joint - np.take_along_axis(joint, order, axis=1)
    rest = np.exp(shifted)
    np.put_along_axis(rest, order, 0.0, axis=1)
    normalised: Float[np.ndarray, "Q T"] = shifted - np.log1p(rest.sum(axis=1, keepdims=True))
    return normalised
