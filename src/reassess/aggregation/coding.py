"""Votes as (rater, answer) codes in rows of questions, tables over those codes, compiled passes.

A pass of expectation maximisation over a shard of questions is fused: for each question it
weighs the states, adds the weights to the expected counts of its (rater, answer) codes and goes
on, so that nothing of size V x T is ever written. States are weighed relative to state 0, whose
counts are the totals less the rest: one row less to read and to write, and no logarithm a
question.

Two kernels with one result. `scaled` multiplies ratios; its caller makes sure that no
product of one question leaves the range of a float. `logs` adds logarithms and holds for any
number of votes. A kernel is compiled when it is first asked for, once for each number of states,
and cached on disk.

Two more are for two states, with a weight for each vote: the smaller or the larger of two, by one
bit. `sums` adds up a table over the votes of each question; `refit` makes some steps of expectation
maximisation. `reassess.aggregation.reweighting` fits with them again and again.

Does not decide anything: `reassess.aggregation.em` does.
Letters: Q questions, R raters, V votes, A answers, T states, C = R * A codes, U = T - 1.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Float, Int, UInt

from reassess.errors import MissingExtraError
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
    counts: Float[np.ndarray, "R T A"], added: float | Float[np.ndarray, "T A"]
) -> Float[np.ndarray, "R T A"]:
    """P(answer | truth) from counts with pseudo-votes: (c + s) / the sum over answers.

    With s > 0 it is the posterior mode under a Dirichlet(s + 1) prior on each row. Where a
    rater has no answers for a truth and s = 0, every answer is taken to be equally likely.

    Args:
        counts: answers of each rater for each truth.
        added: s, the same for every cell or one for each truth and answer.
    """
    n_answers = counts.shape[2]
    raised = counts + added
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


Kernel = Callable[..., float]


@functools.cache
def scaled(n_relative: int) -> Kernel:
    """The kernel that multiplies, for ``n_relative`` truths beside truth 0."""
    return compiled(_scaled(n_relative))


@functools.cache
def logs(n_relative: int) -> Kernel:
    """The kernel that adds logarithms, for ``n_relative`` truths beside truth 0."""
    return compiled(_logs(n_relative))


@functools.cache
def sums() -> Kernel:
    """The kernel that adds up a table over the votes of each question."""
    return compiled(_sums)


@functools.cache
def refit() -> Kernel:
    """The kernel that makes steps of expectation maximisation under weights, for two states."""
    return compiled(_refit)


def compiled(function: Callable[..., Any]) -> Kernel:
    """A kernel compiled when it is first called, and cached on disk.

    Raises:
        MissingExtraError: numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise MissingExtraError("numba", "study", "fitting Dawid and Skene's model") from error
    kernel: Kernel = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return kernel


@no_type_check
def _scaled(n_relative):
    @no_type_check
    def scaled_pass(start, stop, indptr, code, ratio, prior, counts, mass):
        """Add to counts [U, C] and mass [U]; return the sum of ln(1 + odds)."""
        weight = np.empty(n_relative)
        product = 1.0
        log_sum = 0.0
        for question in range(start, stop):
            first = np.uint64(indptr[question])
            last = np.uint64(indptr[question + 1])
            total = 1.0
            for t in range(n_relative):
                w = prior[t]
                for vote in range(first, last):
                    w *= ratio[t, code[vote]]
                weight[t] = w
                total += w
            product *= total
            if product > 1e150:
                log_sum += np.log(product)
                product = 1.0
            share = 1.0 / total
            for t in range(n_relative):
                w = weight[t] * share
                mass[t] += w
                for vote in range(first, last):
                    counts[t, code[vote]] += w
        return log_sum + np.log(product)

    return scaled_pass


@no_type_check
def _logs(n_relative):
    @no_type_check
    def logs_pass(start, stop, indptr, code, log_ratio, log_prior, counts, mass):
        """Add to counts [U, C] and mass [U]; return the sum of ln(1 + odds)."""
        weight = np.empty(n_relative)
        log_sum = 0.0
        for question in range(start, stop):
            first = np.uint64(indptr[question])
            last = np.uint64(indptr[question + 1])
            peak = 0.0
            for t in range(n_relative):
                w = log_prior[t]
                for vote in range(first, last):
                    w += log_ratio[t, code[vote]]
                weight[t] = w
                peak = max(peak, w)
            total = np.exp(-peak)
            for t in range(n_relative):
                weight[t] = np.exp(weight[t] - peak)
                total += weight[t]
            log_sum += peak + np.log(total)
            for t in range(n_relative):
                w = weight[t] / total
                mass[t] += w
                for vote in range(first, last):
                    counts[t, code[vote]] += w
        return log_sum

    return logs_pass


@no_type_check
def _sums(indptr, code, bits, low, high, out):
    """Write into out [Q] the sum over votes of high or low [C], by the vote's bit."""
    for question in range(len(out)):
        total = 0.0
        for vote in range(np.uint64(indptr[question]), np.uint64(indptr[question + 1])):
            if bits[vote >> np.uint64(3)] >> (vote & np.uint64(7)) & 1:
                total += high[code[vote]]
            else:
                total += low[code[vote]]
        out[question] = total


@no_type_check
def _refit(
    indptr, code, bits, less, more, by_code, weight, strength, pseudocount, smallest, steps, odds
):
    """Change odds [Q], the log-odds of presence, by steps of expectation maximisation.

    Args:
        indptr: rows of questions.
        code: of each vote.
        bits: one a vote, which of the next two it counts.
        less: how much a vote without its bit counts.
        more: how much one with its bit counts.
        by_code: weight [R, A] of each code where evidence is added up.
        weight: weight [Q] of each question where confusion and prior are fitted.
        strength: votes [2] that the pooled confusion weighs as much as; negative for none.
        pseudocount: added to each cell where there is none, and to both states.
        smallest: stands for a probability of 0.
        steps: how many.
        odds: what is changed.
    """
    n_raters, n_answers = by_code.shape
    n_questions = len(odds)
    total = np.zeros(n_raters * n_answers)
    mass_of_all = 0.0
    for question in range(n_questions):
        mass_of_all += weight[question]
        for vote in range(np.uint64(indptr[question]), np.uint64(indptr[question + 1])):
            bit = bits[vote >> np.uint64(3)] >> (vote & np.uint64(7)) & 1
            total[code[vote]] += weight[question] * (more if bit else less)
    counts = np.empty((2, n_raters, n_answers))
    present = np.empty(n_raters * n_answers)
    for _ in range(steps):
        present[:] = 0.0
        mass = 0.0
        for question in range(n_questions):
            share = weight[question] / (1.0 + np.exp(-odds[question]))
            mass += share
            for vote in range(np.uint64(indptr[question]), np.uint64(indptr[question + 1])):
                bit = bits[vote >> np.uint64(3)] >> (vote & np.uint64(7)) & 1
                present[code[vote]] += share * (more if bit else less)
        counts[0] = np.maximum(total - present, 0.0).reshape(n_raters, n_answers)
        counts[1] = present.reshape(n_raters, n_answers)
        for t in range(2):
            added = np.full(n_answers, pseudocount)
            if strength[t] >= 0:
                pooled = 1.0 + counts[t].sum(axis=0)
                added = strength[t] * pooled / pooled.sum()
            for rater in range(n_raters):
                row = counts[t, rater] + added
                if row.sum() > 0:
                    counts[t, rater] = row / row.sum()
                else:
                    counts[t, rater] = 1.0 / n_answers
        confusion = np.log(np.maximum(counts, smallest))
        table = ((confusion[1] - confusion[0]) * by_code).reshape(n_raters * n_answers)
        mass += pseudocount
        prior = np.log(mass / (mass_of_all + 2 * pseudocount - mass))
        for question in range(n_questions):
            evidence = 0.0
            for vote in range(np.uint64(indptr[question]), np.uint64(indptr[question + 1])):
                bit = bits[vote >> np.uint64(3)] >> (vote & np.uint64(7)) & 1
                evidence += table[code[vote]] * (more if bit else less)
            odds[question] = prior + evidence
