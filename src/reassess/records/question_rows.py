"""Where the questions of one record stand in another, without the ids of millions of questions.

The id of a question about a pair is ``<image id>:<class index>``. Two of them are equal where image
and class are; only those that equal none and could still name one (`reassess.records.near_ids`)
become texts, which are compared as all ids are (`reassess.records.alignment`).
"""

import numpy as np
from jaxtyping import Int

from reassess.records.alignment import refuse_twice, rows_of_unlike
from reassess.records.id_hashes import rows_of_equal_texts
from reassess.records.near_ids import near_ids
from reassess.records.pairs import Pairs, find_keys, pair_keys


def rows_of_pairs(one: Pairs, other: Pairs, *, source: str) -> Int[np.ndarray, "q"] | None:
    """What `positions` gives for the canonical ids of pairs; None where hashes cannot tell.

    Args:
        one: the pairs to look up.
        other: those that exist.
        source: what carries the former, for messages.

    Raises:
        AlignmentError: an id fits several, or two ids name the same pair.
    """
    texts, target = one.image_texts, other.image_texts
    if np.array_equal(texts.ends, target.ends) and np.array_equal(texts.content, target.content):
        image = np.arange(len(texts))
        if np.array_equal(one.image, other.image) and np.array_equal(one.label, other.label):
            return np.arange(len(one))
    else:
        found = rows_of_equal_texts(texts, target)
        if found is None:
            return None
        image = found
    rows = np.full(len(one), -1)
    of_image = np.zeros(other.n_images, np.bool_)
    of_image[image[image >= 0]] = True
    among = np.flatnonzero(of_image[other.image])
    known = np.flatnonzero(image[one.image] >= 0)
    n_classes = max(one.n_classes, other.n_classes)
    keys = pair_keys(other.image[among], other.label[among], n_classes)
    place = find_keys(pair_keys(image[one.image[known]], one.label[known], n_classes), keys)
    rows[known] = np.where(place >= 0, among[place] if len(among) else -1, -1)
    left = np.flatnonzero(rows < 0)
    if len(left):
        near = near_ids(
            texts, target,
            asked=(one.image[left], one.label[left]), among=(other.image, other.label),
        )  # fmt: skip
        left, among = left[near.asked], near.target
    if len(left):
        place = rows_of_unlike(one.ids_of(left), other.ids_of(among), n_ids=len(one), source=source)
        rows[left] = np.where(place >= 0, among[place], -1)
    refuse_twice(rows, lambda row: other.ids_of(np.array([row]))[0], source=source)
    return rows
