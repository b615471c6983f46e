"""The inner loops of scanning full scores, compiled; imported where they are first needed.

NumPy's exponential alone takes several times as long as reading the file. These kernels read a row
from memory once, and then from the cache: its largest score, where that is, the logarithm of its
sum of exponentials, and the few scores above the row's threshold. What keeps the loops in vectors:
a maximum that need not care about NaN (which are counted), unsigned places, and sums that may be
reordered while the exponential may not, as its rounding would cancel.

A row's log-sum of exponentials is off by 2e-6 at most, as partial sums of 256 terms are added
in double precision. What is near a threshold is ranked again in double precision by
`reassess.proposals.top_lists`, so that no rounding here decides anything.

Letters: b rows of a block, K classes.
"""

import platform
from typing import Any, no_type_check

import numba
import numpy as np
from llvmlite import binding, ir
from numba.core import config, types
from numba.extending import intrinsic

PART = 32
"""Scores of which is asked at once whether one is large enough to be looked at."""

CHUNK = 256
"""Exponentials that are added in single precision."""

_LOG2_E = np.float32(1.4426950408889634)
_INFINITY = np.float32(np.inf)
_LEAST = np.float32(-87)
"""Where e to the power is next to nothing, and still a normal number."""

_ROUND = np.float32(1.5 * 2**23 + 127)
"""Added to a small number it rounds it to an integer, and leaves in the lowest bits the exponent of
two to the power of it."""

_P0 = np.float32(1.000000072)
_P1 = np.float32(0.6931469671)
_P2 = np.float32(0.2402211972)
_P3 = np.float32(0.05550713273)
_P4 = np.float32(0.009675541334)
_P5 = np.float32(0.001327647199)
"""The polynomial nearest to 2^f for f in [-0.5, 0.5], by its largest relative error: 7.5e-8."""

_SUMS = {"reassoc", "contract", "nsz", "arcp"}


def _compiled(function: Any, **options: Any) -> Any:
    return numba.njit(nogil=True, cache=True, error_model="numpy", **options)(function)


@intrinsic
@no_type_check
def _float_of_bits(typing_context, bits):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
@no_type_check
def _bits_of_float(typing_context, value):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
@no_type_check
def _larger(typing_context, one, other):
    # What comes of NaN is not defined, so that vectors do it.
    def generate(context, builder, signature, arguments):
        flags = ("nnan", "nsz")
        is_larger = builder.fcmp_ordered(">", arguments[0], arguments[1], flags=flags)
        return builder.select(is_larger, arguments[0], arguments[1], flags=flags)

    return types.float32(types.float32, types.float32), generate


@intrinsic
@no_type_check
def _float_of_half(typing_context, bits):
    def generate(context, builder, signature, arguments):
        half = builder.bitcast(arguments[0], ir.HalfType())
        return builder.fpext(half, ir.FloatType())

    return types.float32(types.uint16), generate


@intrinsic
@no_type_check
def _at_least(typing_context, values, start, least):
    # A bit for each of 32 scores: whether it is that large.
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        vector, lane = ir.VectorType(ir.FloatType(), PART), ir.IntType(32)
        place = builder.gep(array.data, [arguments[1]])
        scores = builder.load(builder.bitcast(place, vector.as_pointer()), align=4, typ=vector)
        empty = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(empty, arguments[2], ir.Constant(lane, 0))
        all_lanes = ir.Constant(ir.VectorType(lane, PART), [0] * PART)
        each = builder.shuffle_vector(one, empty, all_lanes)
        return builder.bitcast(builder.fcmp_ordered(">=", scores, each), lane)

    return types.uint32(values, types.uint64, types.float32), generate


@intrinsic
@no_type_check
def _lowest_bit(typing_context, mask):
    def generate(context, builder, signature, arguments):
        place = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.zext(place, ir.IntType(64))

    return types.uint64(types.uint32), generate


@no_type_check
def _exponential(d):
    # e to the power of a number that is not positive; NaN of NaN.
    d = _LEAST if d < _LEAST else d
    rounded = d * _LOG2_E + _ROUND
    f = d * _LOG2_E - (rounded - _ROUND)
    p = ((((_P5 * f + _P4) * f + _P3) * f + _P2) * f + _P1) * f + _P0
    return p * _float_of_bits(_bits_of_float(rounded) << np.int32(23))


_exponential = _compiled(_exponential, fastmath={"contract"})


@no_type_check
def _sum_of_exponentials(values, start, stop, best):
    total = np.float32(0.0)
    for j in range(start, stop):
        total += _exponential(values[j] - best)
    return total


_sum_of_exponentials = _compiled(_sum_of_exponentials, fastmath=_SUMS)


@no_type_check
def _count_nan(values):
    n = np.int32(0)
    for j in range(np.uint64(len(values))):
        n += np.int32(values[j] != values[j])
    return n


_count_nan = _compiled(_count_nan)


@no_type_check
def _largest(values):
    best = -_INFINITY
    for j in range(np.uint64(len(values))):
        best = _larger(values[j], best)
    return best


_largest = _compiled(_largest)


@no_type_check
def _log_sum(values, best):
    total, start, n_classes = 0.0, np.uint64(0), np.uint64(len(values))
    while start < n_classes:
        stop = min(start + np.uint64(CHUNK), n_classes)
        total += _sum_of_exponentials(values, start, stop, best)
        start = stop
    return np.log(total) + best


_log_sum = _compiled(_log_sum)


@no_type_check
def _find(values, best, row, least, found, n_found):
    # Where the largest score is, and the flat places of the scores of at least ``least``.
    n_classes, start = np.uint64(len(values)), np.uint64(0)
    asked, first, place = min(least, best), np.uint64(row) * np.uint64(len(values)), n_classes
    while start + np.uint64(PART) <= n_classes:
        mask = _at_least(values, start, asked)
        while mask != np.uint32(0):
            j = start + _lowest_bit(mask)
            mask &= mask - np.uint32(1)
            if values[j] == best and place == n_classes:
                place = j
            if values[j] >= least:
                found[n_found] = np.int64(first + j)
                n_found += 1
        start += np.uint64(PART)
    for j in range(start, n_classes):
        if values[j] == best and place == n_classes:
            place = j
        if values[j] >= least:
            found[n_found] = np.int64(first + j)
            n_found += 1
    return min(place, n_classes - np.uint64(1)), n_found


_find = _compiled(_find)


@no_type_check
def _scan_row(values, row, thresholds, is_logit, top, best, shift, found, n_found):
    # One row; returns how many are found by now, and whether a score is NaN.
    high, least = _largest(values), thresholds[0]
    best[row], shift[row] = high, 0.0
    if is_logit:
        log_sum = _log_sum(values, high)
        is_wrong = np.isnan(log_sum)
        slack = thresholds[2] + 1e-6 * abs(log_sum)
        least = min(least, thresholds[1] + log_sum - slack)
        shift[row] = log_sum
    else:
        is_wrong = _count_nan(values) > 0
    top[row], n_found = _find(values, high, row, np.float32(least), found, n_found)
    return n_found, is_wrong


_scan_row = _compiled(_scan_row)


@no_type_check
def _scan_singles(block, thresholds, is_logit, top, best, shift, found):
    n_rows = len(block)
    n_found, n_wrong = 0, 0
    for row in range(n_rows):
        n_found, is_wrong = _scan_row(
            block[row], row, thresholds, is_logit, top, best, shift, found, n_found
        )
        n_wrong += is_wrong
    return n_found, n_wrong


scan_singles = _compiled(_scan_singles)
"""Scan a block of float32 without copying it.

Arguments: block [b, K] float32, thresholds [3] float64: the least score, the least log-probability
and the margin below it; whether the scores are logits (else there are no log-probabilities);
top [b] int64 and best [b] float32, the place and the value of each row's largest score, and
shift [b] float64, its log-sum of exponentials, all three written; found [b * K] int64 for flat
places. Returns how many scores are above either threshold, and how many rows have a NaN.
"""


@no_type_check
def _scan_halves(halves, values, thresholds, is_logit, top, best, shift, found):
    n_rows, n_classes = halves.shape
    n_found, n_wrong = 0, 0
    for row in range(n_rows):
        for j in range(np.uint64(n_classes)):
            values[j] = _float_of_half(halves[row, j])
        n_found, is_wrong = _scan_row(
            values, row, thresholds, is_logit, top, best, shift, found, n_found
        )
        n_wrong += is_wrong
    return n_found, n_wrong


scan_halves = _compiled(_scan_halves)
"""The same for a block of float16, by its bits as uint16, with a row [K] float32 to widen it in."""


def converts_halves() -> bool:
    """Whether this processor widens float16 itself; else NumPy must before the scan."""
    named: Any = config
    if named.CPU_NAME or named.CPU_FEATURES:
        return False  # compiled for another processor than this
    if platform.machine().lower() in {"aarch64", "arm64"}:
        return True
    return bool(binding.get_host_cpu_features().get("f16c"))
