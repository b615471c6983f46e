"""The lists of one model that the paper's rule pools: its largest scores over the whole set.

From scans of full scores (`reassess.proposals.scans`), whose pairs too near the threshold for
single precision are ranked again in double precision; or from ranked classes with their scores.

Letters: N images, n rows or pairs, K classes.

Source: the paper, section 3.1 and appendix A.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from reassess.notes import note
from reassess.proposals.scans import (
    BLOCK_CELLS,
    MARGIN,
    ListedPairs,
    Scan,
    exact_log_sum,
    joined,
    nth_largest,
)
from reassess.records import Predictions, ScoreMatrix, pair_keys
from reassess.records.benchmark import MOST_CLASSES

_TIE = 1e-12
"""Log-probabilities in double precision as near as this are ties: rows with the same scores in
another order of classes differ by the rounding of their sums, about 1e-14."""

TIE_OF_SHORT_LISTS = 4e-6
"""The same for short lists, whose logits and log-sums of exponentials are of single precision."""


@dataclass(frozen=True, slots=True)
class TopLists:
    """What the rule takes of one model.

    Attributes:
        model: the model's name.
        top: the top prediction of each of the N images, -1 where the model has none.
        listed: keys of the pairs of its lists, rising, each once; see `list_keys`.
    """

    model: str
    top: Int[np.ndarray, "N"]
    listed: Int[np.ndarray, "n"]


def list_keys(image: Int[np.ndarray, "n"], label: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """One number a pair, rising by image and then by class, the same for all models."""
    return pair_keys(image, label, MOST_CLASSES)


def distinct(key: Int[np.ndarray, "n"]) -> Int[np.ndarray, "m"]:
    """Keys in rising order, each once; by sorting, which is faster here than hashing."""
    rising = np.sort(key, kind="stable")  # which finds that lists are runs of rising keys
    return rising[np.append(True, rising[1:] != rising[:-1])] if len(rising) else rising


def lists_from_scans(source: ScoreMatrix, scans: list[Scan], n_listed: int) -> TopLists:
    """A model's shortlist from the scans of all its shards, in their order."""
    top = np.full(len(source.image_ids), -1, np.int64)
    top[source.image] = np.concatenate([one.top for one in scans])
    listed = []
    for kind in scans[0].lists:
        pairs = joined([one.lists[kind] for one in scans])
        if kind == "probability" and source.score_type == "logit":
            pairs = _ranked_exactly(source, pairs, n_listed)
        else:
            pairs = pairs.take(pairs.score >= nth_largest(pairs.score, n_listed))
        listed.append(list_keys(pairs.image, pairs.label))
    return TopLists(source.model, top, distinct(np.concatenate(listed)))


def lists_from_ranked(
    one: Predictions, image: Int[np.ndarray, "n"], n_images: int, n_listed: int
) -> TopLists:
    """A model's shortlist from its ranked classes: a list of the scores that they have.

    Short lists, which know the log-sum of exponentials of all logits, give both lists, as full
    scores do. Where a list holds the last class that an image kept, full scores may have had
    further ones: a note says on how many images.

    Args:
        one: the model's predictions.
        image: index of the image of each row.
        n_images: N.
        n_listed: how many pairs to take; all where there are fewer.
    """
    top = np.full(n_images, -1, np.int64)
    top[image] = one.top
    if one.scores is None:
        return TopLists(one.model, top, np.empty(0, np.int64))
    listed = one.scores >= nth_largest(one.scores.ravel(), n_listed)
    if one.log_sum is not None:
        _note_what_is_cut_off(one, listed, "logits")
        below = one.scores - one.log_sum[:, None]
        probable = below >= nth_largest(below.ravel(), n_listed) - TIE_OF_SHORT_LISTS
        _note_what_is_cut_off(one, probable, "probabilities")
        listed |= probable
    row, column = np.nonzero(listed)
    return TopLists(
        one.model, top, distinct(list_keys(image[row], one.ranked_classes[row, column]))
    )


def _note_what_is_cut_off(one: Predictions, listed: Bool[np.ndarray, "n k"], kind: str) -> None:
    n_ends = int(listed[:, -1].sum())
    note_cut_off(one.model, listed.shape, one.n_classes, n_ends, kind)


def note_cut_off(
    model: str, shape: tuple[int, ...], n_classes: int | None, n_ends: int, kind: str
) -> None:
    """Say on how many images a list takes the last class that was kept of more.

    Args:
        model: whose list it is.
        shape: how many images there are, and how many classes are kept of each.
        n_classes: K where it is known.
        n_ends: on how many images the list takes the last class.
        kind: what the list ranks by.
    """
    n_images, n_kept = shape
    if n_ends and (n_classes is None or n_kept < n_classes):
        note(
            f"predictions {model!r}: the list of the largest {kind} takes all {n_kept:,} "
            f"classes that are kept of {n_ends:,} of {n_images:,} images, and may need more: "
            "full scores could list others there. Keep more classes (reassess predict --keep N)."
        )


def _ranked_exactly(source: ScoreMatrix, pairs: ListedPairs, n_listed: int) -> ListedPairs:
    """The largest log-probabilities, those near the threshold ranked in double precision."""
    threshold = nth_largest(pairs.score, n_listed)
    if threshold == -np.inf:
        return pairs
    near = np.flatnonzero(np.abs(pairs.score - threshold) <= MARGIN)
    above = pairs.score > threshold + MARGIN
    n_wanted = min(n_listed, len(pairs.score)) - int(above.sum())
    row_of = np.full(len(source.image_ids), -1, np.int64)
    row_of[source.image] = np.arange(len(source.image))
    rows, which = np.unique(row_of[pairs.image[near]], return_inverse=True)
    exact = pairs.score[near].copy()
    step = max(1, BLOCK_CELLS // source.n_classes)
    for start in range(0, len(rows), step):
        block = source.rows(rows[start : start + step]).astype(np.float64)
        shift = exact_log_sum(block)
        mine = np.flatnonzero((which >= start) & (which < start + step))
        local = which[mine] - start
        exact[mine] = block[local, pairs.label[near[mine]]] - shift[local]
    above[near[exact >= nth_largest(exact, n_wanted) - _TIE]] = True
    return pairs.take(above)
