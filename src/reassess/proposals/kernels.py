"""The inner loops of scanning full scores, compiled; imported where they are first needed.

NumPy's exponential alone takes several times as long as reading the file. These kernels pass over
a row once while it comes from memory: its largest score and its sum of exponentials. Another pass,
over the parts of the row that hold a score large enough, finds where the largest is, and the few
scores above the row's threshold. What keeps the loops in vectors: a maximum that need not care
about NaN (which are counted), unsigned places, and sums that may be reordered while the
exponential may not, as its rounding would cancel.

The sum needs no maximum beforehand: exponentials are divided by a power of two that the row's
first score tells, which rounds nothing. Where that is too far from the largest score they are
added again, each less the largest.

A row's log-sum of exponentials is off by 4e-6 at most, as partial sums of 256 terms are added
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
_EXCESS = float(_LOG2_E) / 1.4426950408889634 - 1
"""By how much it is too large; so is, by as much, every number whose exponential is taken."""

_LN_2 = 0.6931471805599453
_INFINITY = np.float32(np.inf)
_LEAST = np.float32(-87)
"""Where e to the power is next to nothing, and still a normal number."""

_ROUND = np.float32(1.5 * 2**23 + 127)
"""Added to a small number it rounds it to an integer, and leaves in the lowest bits the exponent of
two to the power of it. Less N, it leaves that exponent less N."""

_WHOLE = np.float32(1.5 * 2**23)
"""Added to a small number and taken off again, it rounds it to an integer."""

_MOST = np.float32(1e6)
"""Up to this a number times the logarithm is rounded to an integer exactly."""

_NEAR = 60.0
"""Powers of two by which the largest exponential may differ from what they are divided by: sums of
millions do not overflow, and what is next to nothing stays next to nothing."""

_P0 = np.float32(0.999999261446)
_P1 = np.float32(0.693121814737)
_P2 = np.float32(0.240247448279)
_P3 = np.float32(0.0559178603194)
_P4 = np.float32(0.00957010191117)
"""The polynomial nearest to 2^f for f in [-0.5, 0.5], by its largest relative error: 2.6e-6."""

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
def _product_and_sum(typing_context, one, other, added):
    # Rounded once where the processor can: a product of two uses is not fused otherwise.
    def generate(context, builder, signature, arguments):
        single = ir.FloatType()
        kind = ir.FunctionType(single, [single] * 3)
        fused = builder.module.declare_intrinsic("llvm.fmuladd", [single], kind)
        return builder.call(fused, arguments)

    return types.float32(*[types.float32] * 3), generate


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
def _exponential(x, least, rounding):
    # e to the power of a number, or of ``least`` where that is more, divided by the power of two
    # that ``rounding`` leaves out; NaN of NaN.
    x = least if x < least else x
    rounded = _product_and_sum(x, _LOG2_E, rounding)
    f = _product_and_sum(x, _LOG2_E, rounding - rounded)
    p = (((_P4 * f + _P3) * f + _P2) * f + _P1) * f + _P0
    return p * _float_of_bits(_bits_of_float(rounded) << np.int32(23))


_exponential = _compiled(_exponential, fastmath={"contract"})


@no_type_check
def _sum_and_largest(values, start, stop, least, rounding):
    total, best = np.float32(0.0), -_INFINITY
    for j in range(start, stop):
        total += _exponential(values[j], least, rounding)
        best = _larger(values[j], best)
    return total, best


_sum_and_largest = _compiled(_sum_and_largest, fastmath=_SUMS)


@no_type_check
def _sum_below(values, start, stop, best):
    total = np.float32(0.0)
    for j in range(start, stop):
        total += _exponential(values[j] - best, _LEAST, _ROUND)
    return total


_sum_below = _compiled(_sum_below, fastmath=_SUMS)


@no_type_check
def _largest(values, start, stop):
    n, best = np.int32(0), -_INFINITY
    for j in range(start, stop):
        n += np.int32(values[j] != values[j])
        best = _larger(values[j], best)
    return best, n


_largest = _compiled(_largest)


@no_type_check
def _log_sum_below(values, best):
    total, start, n_classes = 0.0, np.uint64(0), np.uint64(len(values))
    while start < n_classes:
        stop = min(start + np.uint64(CHUNK), n_classes)
        total += _sum_below(values, start, stop, best)
        start = stop
    return np.log(total) + best


_log_sum_below = _compiled(_log_sum_below)


@no_type_check
def _look_at_logits(values, peaks):
    # The largest, and the log-sum of exponentials; the largest of each chunk is kept.
    first, n_classes = values[0], np.uint64(len(values))
    power = (first * _LOG2_E + _WHOLE) - _WHOLE if abs(first) < _MOST else np.float32(0)
    rounding, least = _ROUND - power, np.float32((power - np.float32(125)) * _LN_2)
    total, best, start, chunk = 0.0, -_INFINITY, np.uint64(0), np.uint64(0)
    while start < n_classes:
        stop = min(start + np.uint64(CHUNK), n_classes)
        part, peak = _sum_and_largest(values, start, stop, least, rounding)
        peaks[chunk] = peak
        total += part
        best = max(best, peak)
        start, chunk = stop, chunk + np.uint64(1)
    if abs(best) < _MOST and abs(best * _LOG2_E - power) <= _NEAR:
        return best, np.log(total) + power * _LN_2 - best * _EXCESS
    return best, _log_sum_below(values, best)


_look_at_logits = _compiled(_look_at_logits, inline="always")


@no_type_check
def _look_at_scores(values, peaks):
    # The largest, and how many are NaN; the largest of each chunk is kept.
    n_classes, best, n_nan = np.uint64(len(values)), -_INFINITY, 0
    start, chunk = np.uint64(0), np.uint64(0)
    while start < n_classes:
        stop = min(start + np.uint64(CHUNK), n_classes)
        peak, n = _largest(values, start, stop)
        peaks[chunk] = peak
        n_nan += n
        best = max(best, peak)
        start, chunk = stop, chunk + np.uint64(1)
    return best, n_nan


_look_at_scores = _compiled(_look_at_scores)


@no_type_check
def _find(values, peaks, best, row, least, found, n_found):
    # Where the largest score is, and the flat places of the scores of at least ``least``.
    n_classes, chunk = np.uint64(len(values)), np.uint64(0)
    asked, first, place = min(least, best), np.uint64(row) * np.uint64(len(values)), n_classes
    while chunk < np.uint64(len(peaks)):
        start = chunk * np.uint64(CHUNK)
        stop = min(start + np.uint64(CHUNK), n_classes)
        chunk += np.uint64(1)
        if peaks[chunk - np.uint64(1)] < asked:
            continue
        while start + np.uint64(PART) <= stop:
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
        for j in range(start, stop):
            if values[j] == best and place == n_classes:
                place = j
            if values[j] >= least:
                found[n_found] = np.int64(first + j)
                n_found += 1
    return min(place, n_classes - np.uint64(1)), n_found


_find = _compiled(_find, inline="always")


@no_type_check
def _scan_row(values, row, thresholds, is_logit, peaks, top, best, shift, found, n_found):
    # One row; returns how many are found by now, and whether a score is NaN.
    least, shift[row] = thresholds[0], 0.0
    if is_logit:
        high, log_sum = _look_at_logits(values, peaks)
        is_wrong = np.isnan(log_sum)
        slack = thresholds[2] + 1e-6 * abs(log_sum)
        least = min(least, thresholds[1] + log_sum - slack)
        shift[row] = log_sum
    else:
        high, n_nan = _look_at_scores(values, peaks)
        is_wrong = n_nan > 0
    best[row] = high
    top[row], n_found = _find(values, peaks, high, row, np.float32(least), found, n_found)
    return n_found, is_wrong


_scan_row = _compiled(_scan_row, inline="always")


@no_type_check
def _peaks(n_classes):
    return np.empty((n_classes + CHUNK - 1) // CHUNK, np.float32)


_peaks = _compiled(_peaks)


@no_type_check
def _scan_singles(block, thresholds, is_logit, top, best, shift, found):
    n_rows, n_classes = block.shape
    n_found, n_wrong, peaks = 0, 0, _peaks(n_classes)
    for row in range(n_rows):
        n_found, is_wrong = _scan_row(
            block[row], row, thresholds, is_logit, peaks, top, best, shift, found, n_found
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
    n_found, n_wrong, peaks = 0, 0, _peaks(n_classes)
    for row in range(n_rows):
        for j in range(np.uint64(n_classes)):
            values[j] = _float_of_half(halves[row, j])
        n_found, is_wrong = _scan_row(
            values, row, thresholds, is_logit, peaks, top, best, shift, found, n_found
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
