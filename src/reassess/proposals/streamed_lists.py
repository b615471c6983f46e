"""The lists of one model that the paper's rule pools, from short lists read in blocks.

Where each list ends is counted, not sorted: two passes count the scores by the upper and the lower
half of their bits, which in this order rise with them, and a third takes what is not below the end.
So nothing is held but counts and what is listed.

Letters: N images, k classes of a short list.
"""

import numpy as np
from jaxtyping import Float32, Int, UInt32

from reassess.proposals.top_lists import (
    TIE_OF_SHORT_LISTS,
    TopLists,
    distinct,
    list_keys,
    note_cut_off,
)
from reassess.records import ShortLists
from reassess.records.short_lists import ListBlock

_HALF = 16


def lists_from_short_lists(one: ShortLists, n_listed: int) -> TopLists:
    """A model's lists of the largest logits and probabilities, ties with the last pair kept.

    Args:
        one: the model's short lists.
        n_listed: how many pairs each list takes; all where there are fewer.
    """
    top = np.full(len(one.image_ids), -1, np.int64)
    parts, n_ends = [], np.zeros(2, np.int64)
    ends = _ends(one, n_listed)
    for block in one.blocks():
        image = one.image[block.start : block.start + len(block)]
        top[image] = block.classes[:, 0]
        listed = np.zeros(block.classes.shape, dtype=bool)
        for kind, values in enumerate(_values(block)):
            found = values >= ends[kind]
            n_ends[kind] += np.count_nonzero(found[:, -1])
            listed |= found
        row, column = np.nonzero(listed)
        parts.append(np.sort(list_keys(image[row], block.classes[row, column])))
    for name, n in zip(("logits", "probabilities"), n_ends.tolist(), strict=True):
        note_cut_off(one.model, (len(one.image), one.depth), one.n_classes, n, name)
    return TopLists(one.model, top, distinct(np.concatenate(parts)))


def _values(block: ListBlock) -> tuple[Float32[np.ndarray, "b k"], Float32[np.ndarray, "b k"]]:
    """What the two lists rank by: logits, and logarithms of probabilities."""
    return block.logits, block.logits - block.log_sum[:, None]


def _ends(one: ShortLists, n_listed: int) -> tuple[float, float]:
    """Down to which value each list goes."""
    n_left = [n_listed, n_listed]
    upper = [-1, -1]
    found = [-np.inf, -np.inf]
    for shift in (_HALF, 0):
        counts = np.zeros((2, 1 << _HALF), np.int64)
        for block in one.blocks():
            for kind, values in enumerate(_values(block)):
                counts[kind] += _counts(_rising(values), shift, upper[kind])
        for kind in range(2):
            from_above = np.cumsum(counts[kind, ::-1])
            place = int(np.searchsorted(from_above, n_left[kind]))
            if place == 1 << _HALF:  # there are fewer in all
                continue
            half = (1 << _HALF) - 1 - place
            n_left[kind] -= int(from_above[place] - counts[kind, half])
            if shift:
                upper[kind] = half
            elif upper[kind] >= 0:
                found[kind] = _value((upper[kind] << _HALF) | half)
    return found[0], found[1] - TIE_OF_SHORT_LISTS


def _counts(bits: UInt32[np.ndarray, "b k"], shift: int, upper: int) -> Int[np.ndarray, "h"]:
    """How many there are of each half: the upper one, or the lower one of those of one upper."""
    halves = bits.ravel() >> np.uint32(_HALF)
    if not shift:
        halves = bits.ravel()[halves == upper] & np.uint32((1 << _HALF) - 1)
    return np.bincount(halves, minlength=1 << _HALF)


def _rising(values: Float32[np.ndarray, "b k"]) -> UInt32[np.ndarray, "b k"]:
    """Integers that stand in the order of the numbers; both zeros are one."""
    bits = (values + np.float32(0)).view(np.uint32)
    negative = bits >> np.uint32(31) == 1
    return np.where(negative, ~bits, bits | np.uint32(1 << 31))


def _value(bits: int) -> float:
    """The number that such an integer stands for."""
    plain = bits & 0x7FFFFFFF if bits >> 31 else ~bits & 0xFFFFFFFF
    return float(np.array([plain], np.uint32).view(np.float32)[0])
