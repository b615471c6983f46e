"""Whether two of millions of image ids may be one image, before any of them is looked at alone.

Ids that differ by case, blanks or backslashes only, and ids that are the end of another, are noted
(`reassess.files.vote_rows`). In most tables none can be: no letter stands in both cases at one
place, and all ids are in as many folders.
"""

from typing import no_type_check

import numpy as np

from reassess.files.interning import NOT_ASCII, Texts, kernel
from reassess.records.arrays import TextBytes
from reassess.records.benchmark import alike_text
from reassess.records.id_hashes import hash_parts, hash_texts

_BLANK, _LAST_ASCII = ord(" "), 126
_UPPER, _LOWER = slice(ord("A"), ord("Z") + 1), slice(ord("a"), ord("z") + 1)
_AS_LOWER = np.arange(256, dtype=np.uint8)
_AS_LOWER[_UPPER] = _AS_LOWER[_LOWER]
_AS_LOWER[ord("\\")] = ord("/")

_PLACES = 256
"""Places in an id that are told apart; further ones are taken together with these."""


def may_look_alike(texts: Texts) -> bool:
    """Whether two distinct ids could differ by case, blanks or backslashes only."""
    ids = texts.so_far()
    content = ids.content
    seen = np.zeros((_PLACES, 256), np.bool_)
    has_blanks = kernel(_bytes_by_place)(content, ids.ends, seen)
    odd = np.zeros(0, np.int64)
    if has_blanks:
        odd = np.flatnonzero((content[1:] == _BLANK) & (content[:-1] == _BLANK))
    if texts.kinds & NOT_ASCII:
        odd = np.concatenate([odd, np.flatnonzero(content > _LAST_ASCII)])
    if not len(odd):
        upper, lower = seen[:, _UPPER], seen[:, _LOWER]
        slashes = seen[:, ord("/")] & seen[:, ord("\\")]
        if not (upper & lower).any() and not slashes.any():
            return False
    alike = _AS_LOWER[content]
    hashes = hash_texts(TextBytes(alike, ids.ends))
    if len(odd):
        rows = np.unique(np.searchsorted(ids.ends, odd, side="right") - 1)
        plain = [alike_text(one.replace("\\", "/")) for one in ids.some(rows)]
        hashes[rows] = hash_texts(TextBytes.of(np.array(plain, np.dtypes.StringDType())))
    hashes.sort()
    return bool((hashes[1:] == hashes[:-1]).any())


def may_end_alike(texts: Texts) -> bool:
    """Whether an id could be the end of another, at a ``/``."""
    if texts.depths[0] == texts.depths[1]:
        return False
    ids = texts.so_far()
    slashes = np.flatnonzero(ids.content == ord("/"))
    ends = ids.ends[np.searchsorted(ids.ends, slashes, side="right")]
    of_ends = hash_parts(ids.content, slashes + 1, ends)
    return bool(np.isin(of_ends, hash_texts(ids)).any())


@no_type_check
def _bytes_by_place(content, ends, seen):
    """Mark the bytes that occur at each place of the texts; whether a blank follows a blank."""
    blanks, before = False, np.uint8(0)
    for text in range(len(ends) - 1):
        first, last = np.uint64(ends[text]), np.uint64(ends[text + 1])
        for at in range(first, last):
            byte = content[at]
            seen[(at - first) % np.uint64(_PLACES), byte] = True
            blanks |= (byte == _BLANK) & (before == _BLANK)
            before = byte
    return blanks
