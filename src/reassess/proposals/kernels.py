"""The inner loops of scanning full scores, compiled; imported where they are first needed.

NumPy's exponential alone takes several times as long as reading the file. These kernels pass over
a row once while it comes from memory, by whole vectors (`reassess.proposals.vector_loops`): its
sum of exponentials, its largest score, and the peaks of each group of 64. Then they look only at
the groups with a peak large enough, for where the largest is and for the few scores above the
row's threshold.

The sum needs no maximum beforehand: exponentials are divided by a power of two that the row's
first score tells, which rounds nothing. Where that is too far from the largest score they are
added again, divided by the power that the largest tells.

A row's log-sum of exponentials is off by 4e-6 at most, as partial sums of 1,024 terms are added
in double precision. What is near a threshold is ranked again in double precision by
`reassess.proposals.top_lists`, so that no rounding here decides anything.

Letters: b rows of a block, K classes.
"""

import platform
from typing import Any, no_type_check

import numba
import numpy as np
from llvmlite import binding

from reassess.proposals.vector_loops import (
    GROUP,
    KNOWS_THE_PROCESSOR,
    LANES,
    LOG2_E,
    at_least,
    float_of_half,
    lowest_bit,
    nan_and_largest,
    sum_and_largest,
)

STRETCH = 16
"""Groups whose exponentials are added in single precision: 1,024 scores, 128 a lane or fewer."""

TILE = 2**15
"""Scores that are passed over, in whole rows, before what is large enough is taken from them out of
the processor's cache. No processor foresees which groups these are: branches on them, and waits
for a logarithm, would stall the sums."""

_EXCESS = float(LOG2_E) / 1.4426950408889634 - 1
"""By how much it is too large; so is, by as much, every number whose exponential is taken."""

_LN_2 = 0.6931471805599453
_LOWEST = np.float32(-np.inf)
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


def _compiled(function: Any, **options: Any) -> Any:
    return numba.njit(nogil=True, cache=True, error_model="numpy", **options)(function)


@no_type_check
def _n_rows(n_classes):
    return min(max(TILE // n_classes, 1), 64)


_n_rows = _compiled(_n_rows)


@no_type_check
def _n_peaks(n_classes):
    # Of a row, in whole masks.
    n_peaks = (n_classes // np.uint64(GROUP) + np.uint64(1)) * np.uint64(LANES)
    return (n_peaks + np.uint64(GROUP - 1)) // np.uint64(GROUP) * np.uint64(GROUP)


_n_peaks = _compiled(_n_peaks)


@no_type_check
def _power(score):
    # The power of two that is nearest to e to the power of a score.
    return (score * LOG2_E + _WHOLE) - _WHOLE if abs(score) < _MOST else np.float32(0)


_power = _compiled(_power)


@no_type_check
def _sums(values, begin, n_whole, rests, row, peaks, at, power):
    # The sum of exponentials, divided by a power of two, and the largest; the peaks are kept.
    rounding, least = _ROUND - power, np.float32((power - np.float32(125)) * _LN_2)
    total, best, first = 0.0, _LOWEST, np.uint64(0)
    while first <= n_whole:
        stop = min(first + np.uint64(STRETCH), n_whole + np.uint64(1))
        part, peak = sum_and_largest(
            values, begin, n_whole, rests, row, peaks, at, first, stop, least, rounding
        )
        total += part
        best = max(best, peak)
        first = stop
    return total, best


_sums = _compiled(_sums, inline="always")


@no_type_check
def _exact_sum(values, begin, n_classes, best):
    total = 0.0
    for j in range(begin, begin + n_classes):
        total += np.exp(np.float64(values[j]) - best)
    return total


_exact_sum = _compiled(_exact_sum)


@no_type_check
def _look_at_logits(values, begin, n_classes, n_whole, rests, row, peaks, at):
    # The largest; a sum and what to add to its logarithm for the log-sum of exponentials.
    power = _power(values[begin])
    total, best = _sums(values, begin, n_whole, rests, row, peaks, at, power)
    if not abs(best) < _MOST:
        return best, _exact_sum(values, begin, n_classes, best), np.float64(best)
    if not abs(best * LOG2_E - power) <= _NEAR:
        power = _power(best)
        total, best = _sums(values, begin, n_whole, rests, row, peaks, at, power)
    return best, total, power * _LN_2 - best * _EXCESS


_look_at_logits = _compiled(_look_at_logits, inline="always")


@no_type_check
def _look_at_scores(values, begin, n_whole, rests, row, peaks, at):
    # The largest, and NaN where there is one; the peaks are kept.
    first, stop = np.uint64(0), n_whole + np.uint64(1)
    wrong, best = nan_and_largest(values, begin, n_whole, rests, row, peaks, at, first, stop)
    return best, np.float64(wrong)


_look_at_scores = _compiled(_look_at_scores, inline="always")


@no_type_check
def _find_largest(values, begin, n_whole, rests, row, peaks, at, stop, best):
    # The first place of the largest score. Nothing branches on where it is: see `TILE`.
    first, part = ~np.uint64(0), at
    while part < stop:
        inside = lowest_bit(at_least(peaks, part, best))
        first = min(first, part - at + inside + ((inside >> np.uint64(6)) << np.uint64(40)))
        part += np.uint64(GROUP)
    group = min(first // np.uint64(LANES), n_whole)
    j = group * np.uint64(GROUP)
    if group < n_whole:
        return j + lowest_bit(at_least(values, begin + j, best))
    return j + lowest_bit(at_least(rests, row * np.uint64(GROUP), best))


_find_largest = _compiled(_find_largest, inline="always")


@no_type_check
def _keep_groups(peaks, at, stop, least, row, kept, n_kept):
    # The groups of a row with a score of at least ``least`` are put behind those of rows before.
    part, code = at, row << np.uint64(32)
    while part < stop:
        mask = at_least(peaks, part, least)
        for _ in range(GROUP // LANES):
            kept[n_kept] = code
            n_kept += mask & np.uint64((1 << LANES) - 1) != 0
            mask, code = mask >> np.uint64(LANES), code + np.uint64(1)
        part += np.uint64(GROUP)
    return n_kept


_keep_groups = _compiled(_keep_groups, inline="always")


@no_type_check
def _take(scores, start, j, n_classes, least, flat, found, n_found):
    # The flat places of a group's scores of at least ``least``, in their order.
    mask = at_least(scores, start, least)
    while mask != np.uint64(0):
        place = j + lowest_bit(mask)
        mask &= mask - np.uint64(1)
        if place < n_classes:
            found[n_found] = np.int64(flat + place)
            n_found += 1
    return n_found


_take = _compiled(_take, inline="always")


@no_type_check
def _look_at_tile(values, first_row, n_rows, n_classes, is_logit, room):
    # The largest of each row; a sum and what to add to its logarithm; the peaks are kept.
    peaks, rests, highs, sums, offsets, _ = room
    n_whole, n_peaks = n_classes // np.uint64(GROUP), _n_peaks(n_classes)
    behind = n_whole * np.uint64(GROUP)
    for row in range(n_rows):
        begin, at = (first_row + row) * n_classes, row * n_peaks
        for j in range(n_classes - behind):
            rests[row * np.uint64(GROUP) + j] = values[begin + behind + j]
        if is_logit:
            highs[row], sums[row], offsets[row] = _look_at_logits(
                values, begin, n_classes, n_whole, rests, row, peaks, at
            )
        else:
            highs[row], sums[row] = _look_at_scores(values, begin, n_whole, rests, row, peaks, at)


_look_at_tile = _compiled(_look_at_tile)


@no_type_check
def _scan_tile(
    values, in_values, first_row, n_rows, n_classes, thresholds, is_logit, room, top, best, shift,
    found, n_found,
):  # fmt: skip
    # Rows of values, and which rows they are of all; returns how many places are found by now,
    # and how many rows have a NaN.
    _look_at_tile(values, in_values, n_rows, n_classes, is_logit, room)
    peaks, rests, highs, sums, offsets, kept = room
    n_whole, n_peaks = n_classes // np.uint64(GROUP), _n_peaks(n_classes)
    n_wrong, n_kept = 0, 0
    for row in range(n_rows):
        begin, at = (in_values + row) * n_classes, row * n_peaks
        high, least, log_sum = highs[row], thresholds[0], 0.0
        if is_logit:
            log_sum = np.log(sums[row]) + offsets[row]
            least = min(least, thresholds[1] + log_sum - (thresholds[2] + 1e-6 * abs(log_sum)))
        n_wrong += np.isnan(sums[row])
        place = _find_largest(values, begin, n_whole, rests, row, peaks, at, at + n_peaks, high)
        of_all = first_row + row
        best[of_all], top[of_all] = high, min(place, n_classes - np.uint64(1))
        shift[of_all], offsets[row] = log_sum, least
        n_kept = _keep_groups(peaks, at, at + n_peaks, np.float32(least), row, kept, n_kept)
    for n in range(n_kept):
        row, group = kept[n] >> np.uint64(32), kept[n] & np.uint64(2**32 - 1)
        begin, flat = (in_values + row) * n_classes, (first_row + row) * n_classes
        j, least = group * np.uint64(GROUP), np.float32(offsets[row])
        if group < n_whole:
            n_found = _take(values, begin + j, j, n_classes, least, flat, found, n_found)
        elif group == n_whole:
            start = row * np.uint64(GROUP)
            n_found = _take(rests, start, j, n_classes, least, flat, found, n_found)
    return n_found, n_wrong


_scan_tile = _compiled(_scan_tile)


@no_type_check
def _room(n_classes):
    # For what is kept of the rows of a tile: peaks, the scores behind the last whole group, the
    # largest, sums, offsets and then thresholds, and which groups are looked at.
    n_rows, n_peaks = _n_rows(n_classes), np.int64(_n_peaks(np.uint64(n_classes)))
    n_groups = n_rows * (n_peaks // LANES) + 1
    return (
        np.full(n_rows * n_peaks, _LOWEST, np.float32),
        np.full(n_rows * GROUP, _LOWEST, np.float32),
        np.empty(n_rows, np.float32),
        np.empty(n_rows, np.float64),
        np.empty(n_rows, np.float64),
        np.empty(n_groups, np.uint64),
    )


_room = _compiled(_room)


@no_type_check
def _scan_singles(block, thresholds, is_logit, top, best, shift, found):
    n_rows, n_classes = block.shape
    n_found, n_wrong, room, step = 0, 0, _room(n_classes), _n_rows(n_classes)
    values, k = block.reshape(n_rows * n_classes), np.uint64(n_classes)
    for start in range(0, n_rows, step):
        row, n = np.uint64(start), np.uint64(min(step, n_rows - start))
        n_found, n_more = _scan_tile(
            values, row, row, n, k, thresholds, is_logit, room, top, best, shift, found, n_found
        )
        n_wrong += n_more
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
def _scan_halves(halves, thresholds, is_logit, top, best, shift, found):
    n_rows, n_classes = halves.shape
    n_found, n_wrong, room, step = 0, 0, _room(n_classes), _n_rows(n_classes)
    bits, k = halves.reshape(n_rows * n_classes), np.uint64(n_classes)
    widened = np.empty(step * n_classes, np.float32)
    for start in range(0, n_rows, step):
        row, n = np.uint64(start), np.uint64(min(step, n_rows - start))
        for j in range(n * k):
            widened[j] = float_of_half(bits[row * k + j])
        n_found, n_more = _scan_tile(
            widened, np.uint64(0), row, n, k, thresholds, is_logit, room, top, best, shift, found,
            n_found,
        )  # fmt: skip
        n_wrong += n_more
    return n_found, n_wrong


scan_halves = _compiled(_scan_halves)
"""The same for a block of float16, by its bits as uint16."""


def converts_halves() -> bool:
    """Whether this processor widens float16 itself; else NumPy must before the scan."""
    if not KNOWS_THE_PROCESSOR:
        return False
    if platform.machine().lower() in {"aarch64", "arm64"}:
        return True
    return bool(binding.get_host_cpu_features().get("f16c"))
