"""Which of millions of ids could name the same without being equal, before any is looked at alone.

Ids name the same where one is the end of the other at a ``/``, or is spelt otherwise
(`reassess.records.alignment`). In both cases their last parts are spelt the same once what never
tells images apart is left out, so that hashes of these parts leave few ids to be compared.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt64

from reassess.records.arrays import TextBytes
from reassess.records.benchmark import plain_text
from reassess.records.id_hashes import hash_texts

_MIX = np.uint64(0x9E3779B97F4A7C15)
_SLASH, _BACKSLASH, _BLANK, _LAST_ASCII = ord("/"), ord("\\"), ord(" "), 126


@dataclass(frozen=True, slots=True)
class NearIds:
    """What is left to be compared.

    Attributes:
        asked: ids that could name one of the others without being equal, ascending.
        target: the others that one of them could name, ascending.
    """

    asked: Int[np.ndarray, "n"]
    target: Int[np.ndarray, "m"]


def near_ids(
    texts: TextBytes,
    target: TextBytes,
    *,
    asked: tuple[Int[np.ndarray, "a"], Int[np.ndarray, "a"]] | None = None,
    among: tuple[Int[np.ndarray, "b"], Int[np.ndarray, "b"]] | None = None,
) -> NearIds:
    """Which ids could name which of the others, though they equal none of them.

    Args:
        texts: the ids, or the images that they begin with.
        target: the others, likewise.
        asked: where an id is an image and a class, the image's row in ``texts`` and the class of
            each; None where ids are the texts.
        among: the same of the others.
    """
    if not any(_has_unlike(one) for one in (texts, target)):
        return NearIds(np.zeros(0, np.int64), np.zeros(0, np.int64))
    one, other = _last_parts(texts), _last_parts(target)
    if asked is None or among is None:
        rows = np.flatnonzero(np.isin(other, one))
        return NearIds(np.flatnonzero(np.isin(one, other[rows])), rows)
    image, label = asked
    is_near = np.isin(other, one[np.unique(image)])
    rows = np.flatnonzero(is_near[among[0]])
    wanted = _with_class(one[image], label)
    there = _with_class(other[among[0][rows]], among[1][rows])
    rows = rows[np.isin(there, wanted)]
    return NearIds(np.flatnonzero(np.isin(wanted, there)), rows)


def _with_class(
    parts: UInt64[np.ndarray, "n"], label: Int[np.ndarray, "n"]
) -> UInt64[np.ndarray, "n"]:
    both: UInt64[np.ndarray, "n"] = parts + label.astype(np.uint64) * _MIX
    return both


def _has_unlike(texts: TextBytes) -> bool:
    """Whether a text is in a folder, or not spelt as texts are compared."""
    return bool((texts.content == _SLASH).any()) or len(_odd(texts)) > 0


def _odd(texts: TextBytes) -> Int[np.ndarray, "n"]:
    """The texts that may not be spelt as texts are compared."""
    content, begins, ends = texts.content, texts.ends[:-1], texts.ends[1:]
    inside = np.flatnonzero((content > _LAST_ASCII) | (content == _BACKSLASH))
    of_inside = np.searchsorted(ends, inside, side="right")
    filled = np.flatnonzero(ends > begins)
    at_ends = (content[begins[filled]] <= _BLANK) | (content[ends[filled] - 1] <= _BLANK)
    return np.unique(np.concatenate([of_inside, filled[at_ends]]))


def _last_parts(texts: TextBytes) -> UInt64[np.ndarray, "N"]:
    """A hash of what follows the last ``/`` of each text, as texts are compared."""
    begins, ends = texts.ends[:-1], texts.ends[1:]
    slashes = np.flatnonzero(texts.content == _SLASH)
    if len(slashes):
        last = np.searchsorted(slashes, ends) - 1
        begins = np.maximum(begins, np.where(last >= 0, slashes[last] + 1, 0))
    hashes = hash_texts(texts, begins)
    odd = _odd(texts)
    if len(odd):
        parts = [plain_id(one).rpartition("/")[2] for one in texts.some(odd)]
        hashes[odd] = hash_texts(TextBytes.of(np.array(parts, np.dtypes.StringDType())))
    return hashes


def plain_id(name: str) -> str:
    """An id without what never tells two images apart."""
    plain = plain_text(name).replace("\\", "/")
    while plain.startswith("./"):
        plain = plain[2:]
    return plain
