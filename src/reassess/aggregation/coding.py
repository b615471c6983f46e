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

Two more work under several sets of weights at once, where a vote counts the smaller or the larger
of two by one bit. `weighted_sums` adds up tables over the votes of each question, `weighted_counts`
adds the weights of questions to the codes of their votes. `reassess.aggregation.reweighting` fits
with them again and again.

Does not decide anything: `reassess.aggregation.em` does.
Letters: Q questions, R raters, V votes, A answers, T states, C = R * A codes, U = T - 1, b sets
of weights.
"""

import functools
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int, UInt

from reassess.compiled import Kernel, compiled
from reassess.records import Votes

SMALLEST = float(np.finfo(np.float64).tiny)
"""Stands for a probability of zero where its logarithm is needed."""


_VOTES_AT_ONCE = 1 << 20
"""NumPy counts integers of 8 bytes, to which it copies smaller ones."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a fit starts from.

    Attributes:
        counts: expected answers of each rater for each truth.
        mass: expected number of questions of each truth.
        totals: how often each code occurs.
    """

    counts: Float[np.ndarray, "R T A"]
    mass: Float[np.ndarray, "T"]
    totals: Float[np.ndarray, "C"]


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
        indptr, code = votes.grouped()
        return cls(indptr, code, len(votes.rater_ids), len(votes.answers))

    @property
    def n_codes(self) -> int:
        """C, the number of (rater, answer) codes."""
        return self.n_raters * self.n_answers

    @property
    def n_questions(self) -> int:
        """Q."""
        return len(self.indptr) - 1

    @property
    def most_votes(self) -> int:
        """Votes on the question that has most."""
        most = 0
        for start in range(0, self.n_questions, _VOTES_AT_ONCE):
            most = max(most, int(np.diff(self.indptr[start : start + _VOTES_AT_ONCE + 1]).max()))
        return most

    def shares(self, of_answer: Float[np.ndarray, "A T"]) -> Float[np.ndarray, "Q T"]:
        """The mean over the votes of each question of what their answers say of each state."""
        shares = np.empty((self.n_questions, of_answer.shape[1]))
        _kernel_of_shares()(self.indptr, self.code, self.n_answers, of_answer, shares)
        return shares

    def totals(self) -> Float[np.ndarray, "C"]:
        """How often each code occurs."""
        totals = np.zeros(self.n_codes)
        for start in range(0, len(self.code), _VOTES_AT_ONCE):
            part = self.code[start : start + _VOTES_AT_ONCE]
            totals += np.bincount(part, minlength=self.n_codes)
        return totals

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
    first = int(coded.indptr[0])  # the votes may be a part of all
    code = coded.code[first : coded.indptr[-1]]
    for t, row in enumerate(table):
        joint[:, t] = np.add.reduceat(row[code], coded.indptr[:-1] - first)
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


_PURPOSE = "fitting Dawid and Skene's model"


@functools.cache
def scaled(n_relative: int) -> Kernel:
    """The kernel that multiplies, for ``n_relative`` truths beside truth 0."""
    return compiled(_scaled(n_relative), _PURPOSE)


@functools.cache
def logs(n_relative: int) -> Kernel:
    """The kernel that adds logarithms, for ``n_relative`` truths beside truth 0."""
    return compiled(_logs(n_relative), _PURPOSE)


def weighted_sums() -> Kernel:
    """The kernel that adds up tables over the votes of each question, under several weights."""
    return compiled(_weighted_sums, _PURPOSE)


def _kernel_of_shares() -> Kernel:
    return compiled(_shares, _PURPOSE)


def tallies() -> Kernel:
    """The kernel that counts codes, in all and by the shares of the votes on their questions."""
    return compiled(_tallies, _PURPOSE)


def log_posteriors() -> Kernel:
    """The kernel of `log_joint` and `log_normalised` in one pass over the votes."""
    return compiled(_log_posterior, _PURPOSE)


def weighted_counts() -> Kernel:
    """The kernel that counts votes by code, under several weights of their questions."""
    return compiled(_weighted_counts, _PURPOSE)


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
def _shares(indptr, code, n_answers, of_answer, out):
    """Write into out [Q, T] the mean of of_answer [A, T] over the votes of each question."""
    given = np.empty(n_answers)
    for question in range(len(out)):
        first, last = np.uint64(indptr[question]), np.uint64(indptr[question + 1])
        given[:] = 0.0
        for vote in range(first, last):
            given[code[vote] % n_answers] += 1.0
        for t in range(out.shape[1]):
            total = 0.0
            for answer in range(n_answers):
                total += given[answer] * of_answer[answer, t]
            out[question, t] = total / (last - first)


@no_type_check
def _tallies(start, stop, indptr, code, of_code, counts, totals, mass):
    """Add to counts [U, C], totals [C] and mass [U] what `_shares` would weigh them by.

    What a code says of the states but state 0 is of_code [U, C]. Counts of no codes [U, 0] are left
    alone.
    """
    has_counts = counts.shape[1] > 0
    for question in range(np.uint64(start), np.uint64(stop)):
        first, last = np.uint64(indptr[question]), np.uint64(indptr[question + np.uint64(1)])
        for t in range(len(of_code)):
            total = 0.0
            for vote in range(first, last):
                total += of_code[t, code[vote]]
            share = total / (last - first)
            mass[t] += share
            if has_counts:
                for vote in range(first, last):
                    counts[t, code[vote]] += share
        for vote in range(first, last):
            totals[code[vote]] += 1.0


@no_type_check
def _log_posterior(start, stop, indptr, code, table, log_prior, out):
    """Write into rows of out [Q, T] the log-posterior under a table [T, C]; exact near 0 and 1."""
    n_states = len(table)
    for question in range(np.uint64(start), np.uint64(stop)):
        first, last = np.uint64(indptr[question]), np.uint64(indptr[question + np.uint64(1)])
        best = 0
        for t in range(n_states):
            total = 0.0
            for vote in range(first, last):
                total += table[t, code[vote]]
            out[question, t] = total + log_prior[t]
            if out[question, t] > out[question, best]:
                best = t
        peak = out[question, best]
        rest = 0.0
        for t in range(n_states):
            out[question, t] -= peak
            if t != best:
                rest += np.exp(out[question, t])
        rest = np.log1p(rest)
        for t in range(n_states):
            out[question, t] -= rest


@no_type_check
def _weighted_sums(indptr, code, bits, less, more, table, out):
    """Write into out [Q, b] the sum of a table [C, b] over the votes of each question.

    Resamples are the last axis, so that a vote is looked up once for all of them and the loop over
    them runs in vector registers. A vote counts less or more, by its bits [V, b]; without any it
    counts 1.
    """
    n = table.shape[1]
    has_bits = len(bits) > 0
    apart = more - less
    for question in range(len(out)):
        for k in range(n):
            out[question, k] = 0.0
        for vote in range(np.uint64(indptr[question]), np.uint64(indptr[question + 1])):
            one = code[vote]
            if has_bits:
                for k in range(n):
                    out[question, k] += table[one, k] * (less + apart * bits[vote, k])
            else:
                for k in range(n):
                    out[question, k] += table[one, k]


@no_type_check
def _weighted_counts(indptr, code, bits, less, more, weight, counts):
    """Add to counts [C, b] the weight [Q, b] of each vote's question.

    Other arguments as of `_weighted_sums`.
    """
    n = weight.shape[1]
    has_bits = len(bits) > 0
    apart = more - less
    for question in range(len(weight)):
        for vote in range(np.uint64(indptr[question]), np.uint64(indptr[question + 1])):
            one = code[vote]
            if has_bits:
                for k in range(n):
                    counts[one, k] += weight[question, k] * (less + apart * bits[vote, k])
            else:
                for k in range(n):
                    counts[one, k] += weight[question, k]
