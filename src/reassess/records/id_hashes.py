"""Ids of millions of images compared by hashes of 8 bytes, without a Python object for any of them.

Whatever two hashes say, the ids themselves decide.
"""

from typing import Any

import numpy as np
from jaxtyping import Int, Shaped, UInt64

LARGE = 1 << 15
"""Ids from which this takes less time and memory than a dictionary."""

_ROWS = 1 << 16
_ODD = 0x9E3779B97F4A7C15
_BITS = (1 << 64) - 1
_MIX = np.uint64(0xFF51AFD7ED558CCD)


def hash_ids(ids: Shaped[np.ndarray, "N"]) -> UInt64[np.ndarray, "N"]:
    """A hash of each id, the same however wide the array's cells are."""
    found = np.zeros(len(ids), np.uint64)
    for start in range(0, len(ids), _ROWS):
        words = _words(ids[start : start + _ROWS])
        total, factor = found[start : start + _ROWS], _ODD
        for column in words.T:
            word = column ^ (column >> np.uint64(29))  # zeros behind an id add nothing
            word *= _MIX
            word ^= word >> np.uint64(32)
            total += word * np.uint64(factor)
            factor = (factor * _ODD & _BITS) | 1
        total ^= total >> np.uint64(33)
    return found


def _words(ids: Shaped[np.ndarray, "b"]) -> UInt64[np.ndarray, "b w"]:
    """The bytes of some ids in UTF-8, 8 at a time."""
    width = max(1, int(np.strings.str_len(ids).max(initial=1)))
    try:
        cells: Any = ids.astype(f"S{-(-width // 8) * 8}")
    except UnicodeEncodeError:
        cells = np.strings.encode(ids.astype(f"U{width}"), "utf-8")
        cells = cells.astype(f"S{-(-cells.itemsize // 8) * 8}")
    words: UInt64[np.ndarray, "b w"] = cells.view(np.uint64).reshape(len(ids), -1)
    return words


def repeated_ids(ids: Shaped[np.ndarray, "N"]) -> Shaped[np.ndarray, "r"]:
    """The ids that appear more than once, sorted."""
    hashes = hash_ids(ids)
    rising = np.sort(hashes)
    twice = rising[1:][rising[1:] == rising[:-1]]
    if not len(twice):
        return ids[:0]
    values, counts = np.unique(ids[np.isin(hashes, twice)], return_counts=True)
    return values[counts > 1]


def rows_of_equals(
    ids: Shaped[np.ndarray, "n"], target: Shaped[np.ndarray, "N"]
) -> Int[np.ndarray, "n"] | None:
    """The row of ``target`` that equals each id, -1 where none does; None where hashes cannot tell.

    Args:
        ids: ids to look up.
        target: distinct ids.
    """
    hashes = hash_ids(target)
    order = np.argsort(hashes)
    hashes = hashes[order]
    if (hashes[1:] == hashes[:-1]).any():
        return None
    wanted = hash_ids(ids)
    place = np.minimum(np.searchsorted(hashes, wanted), len(target) - 1)
    rows = np.where(hashes[place] == wanted, order[place], -1)
    for start in range(0, len(ids), _ROWS):
        part = rows[start : start + _ROWS]
        part[ids[start : start + _ROWS] != target[part]] = -1
    return rows
