"""Ids of millions of images compared by hashes of 8 bytes, without a Python object for any of them.

Whatever two hashes say, the ids themselves decide.
"""

from typing import Any

import numpy as np
from jaxtyping import Int, Shaped, UInt8, UInt64

from reassess.records.arrays import TextBytes, cut_by_width

LARGE = 1 << 15
"""Ids from which this takes less time and memory than a dictionary."""

_ROWS = 1 << 16
_ODD = 0x9E3779B97F4A7C15
_BITS = (1 << 64) - 1
_MIX = np.uint64(0xFF51AFD7ED558CCD)


def hash_ids(ids: Shaped[np.ndarray, "N"]) -> UInt64[np.ndarray, "N"]:
    """A hash of each id, the same however wide the array's cells are."""
    found = np.zeros(len(ids), np.uint64)
    length = np.strings.str_len(ids) if ids.dtype.kind == "T" else None
    for rows in cut_by_width(len(ids), length):
        _hash(_words(ids[rows]), found[rows])
    return found


def hash_texts(
    texts: TextBytes, begins: Int[np.ndarray, "N"] | None = None
) -> UInt64[np.ndarray, "N"]:
    """The hash that `hash_ids` gives each text.

    Args:
        texts: the texts.
        begins: where in their bytes what is hashed of each begins; None for all of it.
    """
    begins = texts.ends[:-1] if begins is None else begins
    return hash_parts(texts.content, begins, texts.ends[1:])


def hash_parts(
    content: UInt8[np.ndarray, "bytes"], begins: Int[np.ndarray, "n"], ends: Int[np.ndarray, "n"]
) -> UInt64[np.ndarray, "n"]:
    """The hash that `hash_ids` gives each part of some bytes."""
    found, length = np.zeros(len(begins), np.uint64), ends - begins
    for rows in cut_by_width(len(begins), length):
        _hash(_padded(content, begins[rows], length[rows]), found[rows])
    return found


def _hash(words: UInt64[np.ndarray, "b w"], total: UInt64[np.ndarray, "b"]) -> None:
    """Add up the hash of each row, in place."""
    factor = _ODD
    for column in words.T:
        word = column ^ (column >> np.uint64(29))  # zeros behind an id add nothing
        word *= _MIX
        word ^= word >> np.uint64(32)
        total += word * np.uint64(factor)
        factor = (factor * _ODD & _BITS) | 1
    total ^= total >> np.uint64(33)


def _padded(
    content: UInt8[np.ndarray, "bytes"], begins: Int[np.ndarray, "b"], length: Int[np.ndarray, "b"]
) -> UInt64[np.ndarray, "b w"]:
    """Texts of their own lengths as rows of one width, 8 bytes at a time, with zeros behind."""
    width = 8 * max(1, -(-int(length.max(initial=0)) // 8))
    padded = np.zeros((len(length), width), np.uint8)
    inside = np.arange(width) < length[:, None]
    if (begins[1:] == (begins + length)[:-1]).all():
        padded[inside] = content[int(begins[0]) : int(begins[-1] + length[-1])]
    else:
        padded[inside] = content[(begins[:, None] + np.arange(width))[inside]]
    return padded.view(np.uint64)


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
    rows = _rows_of_hashes(hash_ids(ids), hash_ids(target))
    if rows is None:
        return None
    for start in range(0, len(ids), _ROWS):
        part = rows[start : start + _ROWS]
        part[ids[start : start + _ROWS] != target[part]] = -1
    return rows


def rows_of_equal_texts(texts: TextBytes, target: TextBytes) -> Int[np.ndarray, "n"] | None:
    """What `rows_of_equals` gives for these texts."""
    rows = _rows_of_hashes(hash_texts(texts), hash_texts(target))
    if rows is None or not len(target):
        return rows
    begins, length = texts.ends[:-1], np.diff(texts.ends)
    at, there = target.ends[:-1][rows], np.diff(target.ends)[rows]
    rows[length != there] = -1
    for some in cut_by_width(len(texts), length):
        some_rows, width = rows[some], length[some]
        known = np.flatnonzero(some_rows >= 0)
        if not len(known):
            continue
        one, other = (
            _padded(content, start[some][known], width[known])
            for content, start in ((texts.content, begins), (target.content, at))
        )
        some_rows[known[(one != other).any(axis=1)]] = -1
    return rows


def _rows_of_hashes(
    wanted: UInt64[np.ndarray, "n"], hashes: UInt64[np.ndarray, "N"]
) -> Int[np.ndarray, "n"] | None:
    """The place of each hash among others, -1 where it is none; None where two of those are one."""
    if not len(hashes):
        return np.full(len(wanted), -1)
    order = np.argsort(hashes)
    hashes = hashes[order]
    if (hashes[1:] == hashes[:-1]).any():
        return None
    place = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
    return np.where(hashes[place] == wanted, order[place], -1)
