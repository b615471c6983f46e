"""Cutting images' questions into parts, so that similar ones stay together.

The value of a partition: each question counts the mean similarity to the others of its part,
each part costs ``part_cost``, and a small term prefers parts of equal size. A mean, not a
sum, because a sum would cut eleven equals into 8 and 3, for the sake of the pairs in the 8.

The search: put the questions in a row, each next the one nearest to any before it; cut the
row where that is worth most (exactly, by dynamic programming); then move a question or let
two change places, the best such change first, as long as the value rises. Done twice, from
the most and from the least typical question; the better partition counts.

All images with the same number of questions are cut at once. Similarities must be multiples
of a power of two (`EXACT`), so that sums are exact and the result does not depend on what
else is cut in the same call. Does not know where similarities come from: see `tasks`.

Letters: b images, n questions of each, k parts.
"""

import numpy as np
from jaxtyping import Float, Int

EXACT = 2.0**-20
"""Similarities are multiples of this."""

_BALANCE = 2.0**-12
"""Weight of equal sizes: it only decides between partitions of nearly equal similarity, and is a
power of two, so that sums stay exact."""

_LEAST_GAIN = 1e-9
"""What a change must gain: divisions by a part's size round, and an endless exchange of two equal
partitions must not begin."""

_MOST_CHANGES = 100
"""Changes of an image's partition, so that the search ends."""


def partition(
    similarity: Float[np.ndarray, "b n n"], *, fewest: int, most: int, part_cost: float
) -> Int[np.ndarray, "b n"]:
    """The part of each question of each image.

    Args:
        similarity: symmetric, in [0, 1], 0 on the diagonal, in multiples of `EXACT`.
        fewest: questions in the smallest part, at most ``(most + 1) // 2``; then every n of
            ``fewest`` or more can be cut.
        most: questions in the largest part.
        part_cost: what one more part must add to the value.
    """
    typical = similarity.sum(axis=2)
    found = []
    for first in (typical.argmax(axis=1), typical.argmin(axis=1)):
        order = _row(similarity, first)
        part = _cut(similarity, order, fewest, most, part_cost)
        part = _change(similarity, part, fewest, most)
        found.append((part, _value(similarity, part, most, part_cost)))
    (near, its_value), (far, other_value) = found
    return np.where((other_value > its_value)[:, None], far, near)


def _row(
    similarity: Float[np.ndarray, "b n n"], first: Int[np.ndarray, "b"]
) -> Int[np.ndarray, "b n"]:
    """The questions in a row: after the first always the one nearest to any before it.

    In a tree this row is a walk that leaves no branch before it is done with it.
    """
    image = np.arange(len(similarity))
    order = np.empty(similarity.shape[:2], dtype=np.int64)
    order[:, 0] = first
    nearest = similarity[image, first]
    nearest[image, first] = -np.inf
    for place in range(1, similarity.shape[1]):
        nearer = nearest.argmax(axis=1)
        order[:, place] = nearer
        left = nearest > -np.inf
        nearest = np.where(left, np.maximum(nearest, similarity[image, nearer]), -np.inf)
        nearest[image, nearer] = -np.inf
    return order


def _cut(
    similarity: Float[np.ndarray, "b n n"],
    order: Int[np.ndarray, "b n"],
    fewest: int,
    most: int,
    part_cost: float,
) -> Int[np.ndarray, "b n"]:
    """The partition of the highest value among those that cut the row."""
    n_images, n = order.shape
    in_row = np.take_along_axis(similarity, order[:, :, None], axis=1)
    in_row = np.take_along_axis(in_row, order[:, None, :], axis=2)
    total = np.zeros((n + 1, n + 1, n_images))
    total[1:, 1:] = in_row.transpose(1, 2, 0).cumsum(axis=0).cumsum(axis=1)
    best = np.full((n + 1, n_images), -np.inf)
    best[0] = 0
    last = np.zeros((n + 1, n_images), dtype=np.int64)
    for end in range(fewest, n + 1):
        for size in range(fewest, min(most, end) + 1):
            start = end - size
            within = total[end, end] - 2 * total[start, end] + total[start, start]
            value = best[start] + within / max(size - 1, 1) - _cost(size, most, part_cost)
            better = value > best[end]
            best[end] = np.where(better, value, best[end])
            last[end] = np.where(better, size, last[end])
    return _parts_of_row(last, order)


def _parts_of_row(
    last: Int[np.ndarray, "m b"], order: Int[np.ndarray, "b n"]
) -> Int[np.ndarray, "b n"]:
    """Follow the cuts back from the end of the row; parts are numbered from there.

    Args:
        last: for each prefix of the row the size of its last part.
        order: the row.
    """
    n_images, n = order.shape
    image, place = np.arange(n_images), np.arange(n)
    end = np.full(n_images, n)
    part_in_row = np.zeros((n_images, n), dtype=np.int64)
    while end.any():
        end = end - last[end, image]
        part_in_row += place < end[:, None]
    part = np.empty_like(part_in_row)
    np.put_along_axis(part, order, part_in_row, axis=1)
    return part


def _cost(size: int, most: int, part_cost: float) -> float:
    return part_cost + _BALANCE * (size / most) ** 2


def _value(
    similarity: Float[np.ndarray, "b n n"],
    part: Int[np.ndarray, "b n"],
    most: int,
    part_cost: float,
) -> Float[np.ndarray, "b"]:
    member = _member(part)
    size = member.sum(axis=1)
    within = ((similarity @ member) * member).sum(axis=1)
    value = within / np.maximum(size - 1, 1) - _BALANCE * (size / most) ** 2
    summed: Float[np.ndarray, "b"] = value.sum(axis=1) - part_cost * (size > 0).sum(axis=1)
    return summed


def _member(part: Int[np.ndarray, "b n"]) -> Float[np.ndarray, "b n k"]:
    """1 where a question is in a part, else 0."""
    member: Float[np.ndarray, "b n k"] = (part[:, :, None] == np.arange(part.max() + 1)) * 1.0
    return member


def _change(
    similarity: Float[np.ndarray, "b n n"],
    part: Int[np.ndarray, "b n"],
    fewest: int,
    most: int,
) -> Int[np.ndarray, "b n"]:
    """The partition after moves and exchanges, the best first, while the value rises."""
    part = part.copy()
    rising = np.arange(len(part))
    for _ in range(_MOST_CHANGES):
        if len(rising) == 0:
            break
        now, near = part[rising], similarity[rising]
        member = _member(now)
        size = member.sum(axis=1)
        to_part = near @ member
        swap = _gain_of_swaps(near, now, size, to_part).reshape(len(now), -1)
        move = _gain_of_moves(now, member, size, to_part, fewest, most).reshape(len(now), -1)
        gains = swap.max(axis=1), move.max(axis=1)
        rises = np.maximum(*gains) > _LEAST_GAIN
        swaps = rises & (gains[0] >= gains[1])
        one, other = np.divmod(swap[swaps].argmax(axis=1), now.shape[1])
        where = rising[swaps]
        part[where, one], part[where, other] = part[where, other], part[where, one]
        moves = rises & ~swaps
        one, target = np.divmod(move[moves].argmax(axis=1), member.shape[2])
        part[rising[moves], one] = target
        rising = rising[rises]
    return part


def _gain_of_swaps(
    similarity: Float[np.ndarray, "b n n"],
    part: Int[np.ndarray, "b n"],
    size: Float[np.ndarray, "b k"],
    to_part: Float[np.ndarray, "b n k"],
) -> Float[np.ndarray, "b n n"]:
    """What the value gains if two questions change places; -inf within a part."""
    own = np.take_along_axis(to_part, part[:, :, None], axis=2)
    n = part.shape[1]
    to_others = np.take_along_axis(to_part, np.repeat(part[:, None, :], n, axis=1), axis=2)
    mates = np.take_along_axis(np.maximum(size - 1, 1), part, axis=1)
    # [i, j]: what the part of j gains if i comes for j.
    comes = (to_others - similarity - own.transpose(0, 2, 1)) / mates[:, None, :]
    gain: Float[np.ndarray, "b n n"] = 2 * (comes + comes.transpose(0, 2, 1))
    gain[part[:, :, None] == part[:, None, :]] = -np.inf
    return gain


def _gain_of_moves(
    part: Int[np.ndarray, "b n"],
    member: Float[np.ndarray, "b n k"],
    size: Float[np.ndarray, "b k"],
    to_part: Float[np.ndarray, "b n k"],
    fewest: int,
    most: int,
) -> Float[np.ndarray, "b n k"]:
    """What the value gains if a question moves to a part; -inf where a size forbids it."""
    within = (to_part * member).sum(axis=1)
    value = within / np.maximum(size - 1, 1)
    balance = _BALANCE / most**2
    grown = (within[:, None, :] + 2 * to_part) / np.maximum(size, 1)[:, None, :]
    comes = grown - (value + balance * (2 * size + 1))[:, None, :]
    shrunk = (within[:, None, :] - 2 * to_part) / np.maximum(size - 2, 1)[:, None, :]
    leaves = shrunk - (value - balance * (2 * size - 1))[:, None, :]
    gain: Float[np.ndarray, "b n k"] = comes + np.take_along_axis(leaves, part[:, :, None], axis=2)
    allowed = ((size > 0) & (size < most))[:, None, :] & (member == 0)
    allowed &= np.take_along_axis(size > fewest, part, axis=1)[:, :, None]
    gain[~allowed] = -np.inf
    return gain
