"""The inner loops of scanning full scores, compiled.

NumPy's exponential alone takes several times as long as reading the file. `scan_logits` takes
the polynomial of degree three of a 256th of the exponent to the power of 256 (relative error
below 1e-4 where it matters: above e to the -12), and finds the few scores above a row's
threshold while the row is in the cache; `candidates` only does the latter. Both are cached on
disk. What is near a threshold is ranked again in double precision by
`reassess.proposals.top_lists`, so that their rounding decides nothing.

Letters: b rows of a block, K classes.
"""

import functools
from collections.abc import Callable
from typing import Any, no_type_check

import numpy as np

from reassess.errors import MissingExtraError

_REORDERED_SUMS = {"reassoc", "contract", "nsz", "arcp"}


@functools.cache
def scan_logits() -> Callable[..., int]:
    """The kernel that fills ``shift[b]`` with each row's log sum of exponentials, and finds.

    Arguments: block [b, K] float32 without NaN, best [b] its row maxima, shift [b] float64, the
    least logit, the least log-probability and the margin below it, found [b * K] int64 for flat
    indices. Returns how many scores are above either threshold.
    """
    return _compile(_scan_logits, fastmath=_REORDERED_SUMS)


@functools.cache
def candidates() -> Callable[..., int]:
    """The kernel that writes flat indices of scores of at least ``least[b]``; returns how many.

    Arguments: block [b, K], best [b], least [b], found [b * K] int64.
    """
    return _compile(_candidates)


def _compile(kernel: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    try:
        import numba
    except ImportError as error:
        raise MissingExtraError("numba", "study", "scanning full scores") from error
    compiled: Callable[..., Any] = numba.njit(
        nogil=True, cache=True, error_model="numpy", **options
    )(kernel)
    return compiled


@no_type_check
def _scan_logits(block, best, shift, least_logit, least_log_probability, margin, found):
    n_rows, n_classes = block.shape
    n_found = 0
    for row in range(n_rows):
        total = np.float32(0.0)
        for j in range(n_classes):
            z = max((block[row, j] - best[row]) * np.float32(1 / 256), np.float32(-0.3))
            p = z * (z * (z * np.float32(1 / 6) + np.float32(0.5)) + np.float32(1.0))
            p += np.float32(1.0)
            p *= p
            p *= p
            p *= p
            p *= p
            p *= p
            p *= p
            p *= p
            p *= p
            total += p
        shift[row] = np.log(np.float64(total)) + best[row]
        slack = margin + 1e-6 * abs(shift[row])
        least = np.float32(min(least_logit, least_log_probability + shift[row] - slack))
        if best[row] < least:
            continue
        for start in range(0, n_classes, 64):
            stop = min(start + 64, n_classes)
            n_hits = np.int32(0)
            for j in range(start, stop):
                n_hits += np.int32(block[row, j] >= least)
            if n_hits == 0:
                continue
            for j in range(start, stop):
                if block[row, j] >= least:
                    found[n_found] = row * n_classes + j
                    n_found += 1
    return n_found


@no_type_check
def _candidates(block, best, least, found):
    n_rows, n_classes = block.shape
    n_found = 0
    for row in range(n_rows):
        if best[row] < least[row]:
            continue
        for j in range(n_classes):
            if block[row, j] >= least[row]:
                found[n_found] = row * n_classes + j
                n_found += 1
    return n_found
