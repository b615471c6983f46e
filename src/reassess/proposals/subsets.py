"""Subsets of models, and what each finds and proposes: all of them, or those worth counting.

`every_subset` counts all of them. Of the questions that are not always proposed, let z[S] and
e[S] be how many are listed by none and by exactly one member of S. They start as the number of
questions with exactly that set of listing models (z) and as 0 (e), and each model i in turn
changes what its bit means, from "lists the question" to "is in S":

    without i in S   z ← z[0] + z[1]     e ← e[0] + e[1]
    with i in S      z ← z[0]            e ← e[0] + z[1]

so that all 2^M subsets cost 4 M 2^M additions, however many questions there are. `greedy_subsets`
adds one model at a time, then exchanges, adds and removes one.

Both give the preferred subset for each number of questions found; which of these is taken,
`model_selection` decides. Letters: q pooled gold questions, M models, C subsets.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.progress import Progress

_WIDTH = 16
"""Subsets at the wanted recall that the greedy search goes on from: several, as the best of all
need not be a neighbour of the best so far."""

_N_LEVELS = 33
"""Levels of recall at which the curve is filled in, besides the wanted one."""

Kept = tuple[int, int, tuple[int, ...]]
"""A subset as (proposals, number of models, models): the smaller one is preferred."""


def preference(found: int, kept: Kept) -> tuple[Fraction, int]:
    """Higher precision first, then fewer proposals; equal found and proposed are one entry."""
    return Fraction(found, kept[0]), -kept[0]


def front(best: dict[int, Kept]) -> list[int]:
    """The numbers found that nothing finding as much beats in proposals, rising."""
    unbeaten: list[int] = []
    fewest = math.inf
    for found in sorted(best, reverse=True):
        if best[found][0] < fewest and found > 0:
            fewest = best[found][0]
            unbeaten.append(found)
    return unbeaten[::-1]


def every_subset(
    listed: Bool[np.ndarray, "q M"],
    positive: Bool[np.ndarray, "q"],
    base: tuple[int, int],
    progress: Progress,
) -> dict[int, Kept]:
    """For each number found by some subset the preferred subset, of all subsets.

    Args:
        listed: whether a model's list holds a question that is not always proposed.
        positive: whether the class is in the image.
        base: how many positive questions, and how many of all, are always proposed.
        progress: shown each step.
    """
    n_models = listed.shape[1]
    # The first model has the highest bit, so that of equal subsets the larger one comes first.
    code = listed @ (1 << np.arange(n_models)[::-1])
    n_subsets = 1 << n_models
    every = np.bincount(code, minlength=n_subsets)
    n_found, n_proposals = (
        count + n - _with_few(weight, n_models, progress)
        for count, n, weight in (
            (base[0], int(positive.sum()), np.bincount(code[positive], minlength=n_subsets)),
            (base[1], len(listed), every),
        )
    )
    subset = np.arange(n_subsets)
    n_members = np.bitwise_count(subset).astype(np.int64)
    last = n_subsets - 1
    key = ((n_proposals * (n_models + 1) + n_members) << n_models) | (last - subset)
    least = np.full(int(n_found.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, n_found, key)
    best: dict[int, Kept] = {}
    for found in np.flatnonzero(least < np.iinfo(np.int64).max).tolist():
        rank, rest = divmod(int(least[found]), n_subsets)
        members = tuple(i for i in range(n_models) if (last - rest) >> (n_models - 1 - i) & 1)
        best[found] = (rank // (n_models + 1), len(members), members)
    progress(f"{n_subsets:,} subsets of {n_models} models counted")
    return best


def _with_few(
    weight: Int[np.ndarray, "C"], n_models: int, progress: Progress
) -> Int[np.ndarray, "C"]:
    """For each subset, by its bits, the questions that fewer than two members list.

    Args:
        weight: for each set of models, how many questions have exactly it as listing models.
        n_models: M, of which there are 2^M sets.
        progress: shown each model.
    """
    none = weight.astype(np.int64)
    one = np.zeros_like(none)
    for i in range(n_models):
        z, e = none.reshape(-1, 2, 1 << i), one.reshape(-1, 2, 1 << i)
        e_without = e[:, 0] + e[:, 1]
        np.add(e[:, 0], z[:, 1], out=e[:, 1])
        e[:, 0] = e_without
        z_without = z[:, 0] + z[:, 1]
        z[:, 1] = z[:, 0]
        z[:, 0] = z_without
        progress("counting subsets", done=i + 1, total=n_models)
    fewer: Int[np.ndarray, "C"] = none + one
    return fewer


@dataclass(frozen=True, slots=True)
class _Lists:
    """Distinct rows of lists of at least two models, and how many questions have each.

    ``weights`` holds two rows: of the positive questions, and of all. Counts are held as
    floats for the sake of fast matrix products; they are whole and far below 2^53.
    """

    listed: Float[np.ndarray, "q M"]
    weights: Float[np.ndarray, "2 q"]
    base: tuple[int, int]


def greedy_subsets(
    listed: Bool[np.ndarray, "q M"],
    positive: Bool[np.ndarray, "q"],
    base: tuple[int, int],
    needed: int,
    progress: Progress,
) -> dict[int, Kept]:
    """For each number found by a subset that the search met, the preferred of those.

    Arguments as of `every_subset`, and how many positive questions are needed. First one model
    after the other is added until the recall is reached. Then every exchange,
    addition and removal of one model is counted from the `_WIDTH` best subsets that reach the
    recall, and from the cheapest at each of `_N_LEVELS` levels of recall, until all of these
    have been expanded.
    """
    lists = _compressed(listed, positive, base)
    n_models = listed.shape[1]
    best: dict[int, Kept] = {base[0]: (base[1], 0, ())}
    state = np.zeros(n_models, dtype=bool)
    while _tally(lists, state)[0] < needed:
        state = _grown(lists, state)
        _keep(best, *_tally(lists, state), state)
        progress(_line("adding", lists, state))
    every = np.ones(n_models, dtype=bool)
    reachable, n_most = _tally(lists, every)
    _keep(best, reachable, n_most, every)
    levels = np.linspace(base[0], reachable, _N_LEVELS).tolist()
    left: set[tuple[int, ...]] = set()
    while promising := _promising(best, needed, levels) - left:
        for members in sorted(promising):
            _expand(lists, members, best)
        left |= promising
        found = max((f for f in best if f >= needed), key=lambda f: preference(f, best[f]))
        n_proposals, n_members, _ = best[found]
        progress(f"exchanging: {n_members} models find {found:,} with {n_proposals:,} proposals")
    return best


def _promising(best: dict[int, Kept], needed: int, levels: list[float]) -> set[tuple[int, ...]]:
    """The subsets to expand: the best at the recall, the cheapest at each level."""
    reaching = sorted((f for f in best if f >= needed), key=lambda f: preference(f, best[f]))
    curve = front(best)
    cheapest = [curve[min(bisect_left(curve, level), len(curve) - 1)] for level in levels]
    return {best[found][2] for found in (*reaching[-_WIDTH:], *cheapest)}


def _line(what: str, lists: _Lists, state: Bool[np.ndarray, "M"]) -> str:
    found, n_proposals = _tally(lists, state)
    return f"{what}: {int(state.sum())} models find {found:,} with {n_proposals:,} proposals"


def _compressed(
    listed: Bool[np.ndarray, "q M"], positive: Bool[np.ndarray, "q"], base: tuple[int, int]
) -> _Lists:
    matters = listed.sum(axis=1) >= 2
    rows, row = np.unique(np.packbits(listed[matters], axis=1), axis=0, return_inverse=True)
    row = row.ravel()
    of_rows = np.unpackbits(rows, axis=1, count=listed.shape[1]).astype(np.float64)
    counts = [
        np.bincount(row[chosen], minlength=len(rows)).astype(np.float64)
        for chosen in (positive[matters], np.ones(len(row), dtype=bool))
    ]
    return _Lists(of_rows, np.stack(counts), base)


def _tally(lists: _Lists, state: Bool[np.ndarray, "M"]) -> tuple[int, int]:
    """How many positive questions, and how many of all, a subset proposes."""
    pooled = lists.listed @ state >= 2
    found, n_proposals = lists.weights[:, pooled].sum(axis=1)
    return lists.base[0] + int(found), lists.base[1] + int(n_proposals)


def _after_moves(lists: _Lists, state: Bool[np.ndarray, "M"]) -> Int[np.ndarray, "2 m m"]:
    """What is found and proposed after removing i and adding j; the last index stands for none.

    Lost are the questions that exactly two list, i one of them; gained those that j lists and
    exactly one of the remaining does: before, one that is not i, or two of which i is one.
    """
    n_models = len(state)
    n_listing = lists.listed @ state
    after = np.empty((2, n_models + 1, n_models + 1))
    for kind, weight in enumerate(lists.weights):
        ones, twos = ((lists.listed[n_listing == n], weight[n_listing == n, None]) for n in (1, 2))
        added, lost = (ones[0] * ones[1]).sum(axis=0), (twos[0] * twos[1]).sum(axis=0)
        both = twos[0].T @ (twos[0] * twos[1]) - ones[0].T @ (ones[0] * ones[1])
        gained = np.zeros((n_models + 1, n_models + 1))
        gained[:n_models, :n_models] = added + both
        gained[n_models, :n_models] = added
        after[kind] = _tally(lists, state)[kind] + gained - np.append(lost, 0.0)[:, None]
    return np.rint(after).astype(np.int64)


def _grown(lists: _Lists, state: Bool[np.ndarray, "M"]) -> Bool[np.ndarray, "M"]:
    """The subset with one model more (two at first): the most found for each proposal added."""
    grown = state.copy()
    if not state.any():
        together = lists.listed.T @ (lists.listed * lists.weights[0][:, None])
        np.fill_diagonal(together, -1)
        grown[list(np.unravel_index(int(together.argmax()), together.shape))] = True
        return grown
    n_found, n_proposals = _after_moves(lists, state)[:, -1, :-1]
    found, proposed = _tally(lists, state)

    def worth(j: int) -> tuple[Fraction, int]:
        new, cost = int(n_found[j]) - found, int(n_proposals[j]) - proposed
        return Fraction(new, max(cost, 1)), -cost

    grown[max(np.flatnonzero(~state).tolist(), key=worth)] = True
    return grown


def _expand(lists: _Lists, members: tuple[int, ...], best: dict[int, Kept]) -> None:
    """Keep the best of what one exchange, addition or removal makes of a subset."""
    state = np.zeros(lists.listed.shape[1], dtype=bool)
    state[list(members)] = True
    removed, added = np.nonzero(np.outer(np.append(state, True), np.append(~state, True)))
    n_found, n_proposals = _after_moves(lists, state)[:, removed, added]
    size = len(members) - (removed < len(state)) + (added < len(state))
    order = np.lexsort((size, n_proposals, n_found))
    for move in order[np.unique(n_found[order], return_index=True)[1]].tolist():
        moved = np.append(state, False)
        moved[removed[move]], moved[added[move]] = False, True
        _keep(best, int(n_found[move]), int(n_proposals[move]), moved[:-1])


def _keep(
    best: dict[int, Kept], found: int, n_proposals: int, state: Bool[np.ndarray, "M"]
) -> None:
    members = tuple(np.flatnonzero(state).tolist())
    kept = (n_proposals, len(members), members)
    best[found] = min(best.get(found, kept), kept)
