"""One pass of expectation maximisation over a shard of questions, compiled.

The pass is fused: for each question it weighs the states, adds the weights to the expected
counts of its (rater, answer) codes and goes on, so that nothing of size V x T is ever
written. Truths are weighed relative to truth 0, whose counts are the totals less the rest:
one row less to read and to write, and no logarithm a question.

Two kernels with one result. `scaled` multiplies ratios; its caller makes sure that no
product of one question leaves the range of a float. `logs` adds logarithms and holds for any
number of votes. A kernel is compiled once for each number of states and cached on disk.

Two more, `sums` and `counts`, are that pass in two halves for two states, with a weight for each
vote: the smaller or the larger of two, by one bit. `reassess.aggregation.reweighting` fits with
them again and again.

Does not decide anything: `reassess.aggregation.em` does. Letters: C codes, U = T - 1.
"""

import functools
from collections.abc import Callable
from typing import Any, no_type_check

import numpy as np

from reassess.errors import MissingExtraError

Kernel = Callable[..., float]


@functools.cache
def scaled(n_relative: int) -> Kernel:
    """The kernel that multiplies, for ``n_relative`` truths beside truth 0."""
    return _compile(_scaled, n_relative)


@functools.cache
def logs(n_relative: int) -> Kernel:
    """The kernel that adds logarithms, for ``n_relative`` truths beside truth 0."""
    return _compile(_logs, n_relative)


@functools.cache
def sums() -> Kernel:
    """The kernel that adds up a table over the votes of each question."""
    return _jit(_sums)


@functools.cache
def counts() -> Kernel:
    """The kernel that counts the codes of votes, weighted by question and by vote."""
    return _jit(_counts)


def _compile(maker: Callable[[int], Any], n_relative: int) -> Kernel:
    return _jit(maker(n_relative))


def _jit(function: Callable[..., Any]) -> Kernel:
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
def _counts(indptr, code, bits, low, high, share, out):
    """Add to out [C] the share of each vote's question, times high or low by the vote's bit."""
    for question in range(len(share)):
        more = share[question] * high
        less = share[question] * low
        for vote in range(np.uint64(indptr[question]), np.uint64(indptr[question + 1])):
            if bits[vote >> np.uint64(3)] >> (vote & np.uint64(7)) & 1:
                out[code[vote]] += more
            else:
                out[code[vote]] += less
