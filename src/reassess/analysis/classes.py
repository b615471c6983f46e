"""Classes that are hard to tell apart, and classes whose labels changed most.

Two classes belong together for three reasons that are kept apart: people find both on the
same images (votes), models take one for the other where people see only one (confusions,
counted safely where images have several labels), and their names say so. Draws no gallery
and renames no class. Letters: K classes, P pairs of classes, C classes with an image.

Source: Beyer et al. (2020), section 4.2, names such pairs by example; the rules here are ours
and are stated with `PairKind`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import OptionError
from reassess.records import Benchmark, Classes, Hierarchy, LabelSets, Predictions
from reassess.scoring import original_classes, predicted_rows
from reassess.statistics import wilson_bounds

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PairKind = Literal["inseparable", "implies", "overlap", "confused", "named alike"]
"""Why two classes are listed; the first that holds.

`inseparable`  each is on more than half of the images that hold the other: synonyms, or two
               things that are always seen together, which votes alone cannot tell apart
`implies`      the first is on few images without the second, but not the other way round
`overlap`      both are on the same images far more often than chance would have it
`confused`     models take one for the other on images that hold only one of them
`named alike`  they share a name, and neither votes nor models say more

"More than half" and "more often" mean the lower end of a 95 % Wilson interval.
"""

PAIR_KINDS: tuple[PairKind, ...] = get_args(PairKind)

_HALF = 0.5
_OFTEN = 0.05
"""A pair overlaps, or is confused, where this share of the images of the rarer class does."""

_FEWEST = 3
"""Images on which both classes, or one taken for the other, must have been seen."""


@dataclass(frozen=True, slots=True)
class ClassPairs:
    """Pairs of classes that are hard to tell apart, strongest evidence first within a kind.

    Attributes:
        a: the first class of each pair; for `implies` the one that implies the other.
        b: the second class.
        kind: code into `PAIR_KINDS`.
        n_a: images that hold a.
        n_b: images that hold b.
        n_both: images that hold both.
        low_b_given_a: lower end of the interval of the share of a's images that hold b.
        low_a_given_b: the same the other way round.
        a_as_b: share of (model, image) on which b was the top prediction, among images that
            hold a and not b; NaN without such images or models.
        b_as_a: the same the other way round.
        distance: steps between them in the hierarchy, -1 without one.
        share_a_name: whether one of their names and synonyms is the same.
    """

    a: Int[np.ndarray, "P"]
    b: Int[np.ndarray, "P"]
    kind: Int[np.ndarray, "P"]
    n_a: Int[np.ndarray, "P"]
    n_b: Int[np.ndarray, "P"]
    n_both: Int[np.ndarray, "P"]
    low_b_given_a: Float[np.ndarray, "P"]
    low_a_given_b: Float[np.ndarray, "P"]
    a_as_b: Float[np.ndarray, "P"]
    b_as_a: Float[np.ndarray, "P"]
    distance: Int[np.ndarray, "P"]
    share_a_name: Bool[np.ndarray, "P"]

    def __len__(self) -> int:
        return len(self.a)

    def take(self, rows: Int[np.ndarray, "p"] | Bool[np.ndarray, "P"]) -> "ClassPairs":
        """The same evidence for these pairs, in this order."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class ChangedClasses:
    """Original classes by what became of their labels, those that lost most first.

    Attributes:
        label: the C classes that are some image's original label.
        n_images: images with that original label.
        n_kept: of them, whose reassessed labels hold it.
        n_replaced: whose labels hold others only.
        n_empty: which have no label any more.
        n_several: whose labels hold it and others.
        low_lost: lower end of the 95 % Wilson interval of the share that lost it.
    """

    label: Int[np.ndarray, "C"]
    n_images: Int[np.ndarray, "C"]
    n_kept: Int[np.ndarray, "C"]
    n_replaced: Int[np.ndarray, "C"]
    n_empty: Int[np.ndarray, "C"]
    n_several: Int[np.ndarray, "C"]
    low_lost: Float[np.ndarray, "C"]

    def __len__(self) -> int:
        return len(self.label)


def class_pairs(
    labels: LabelSets,
    predictions: Iterable[Predictions] = (),
    *,
    classes: Classes | None = None,
    hierarchy: Hierarchy | None = None,
) -> ClassPairs:
    """Pairs of classes that are hard to tell apart by votes, models or names.

    Args:
        labels: the reassessed labels, from the votes.
        predictions: the models, read once; without any nothing is `confused`.
        classes: their names and synonyms; without them nothing is `named alike`.
        hierarchy: gives the distance.

    Raises:
        OptionError: neither labels, models nor classes say how many classes there are.
        AlignmentError: a predicted image is not in the label sets.
    """
    n_classes = _n_classes(labels, classes)
    holds = _membership(labels, n_classes)
    both = (holds.T @ holds).tocoo()
    taken, n_models = _confusions(labels, predictions, n_classes)
    wrong, named = taken.tocoo(), _pairs_named_alike(classes)
    key = np.unique(
        np.concatenate(
            [
                _keys(both.row, both.col, n_classes),
                _keys(wrong.row, wrong.col, n_classes),
                _keys(named[:, 0], named[:, 1], n_classes),
            ]
        )
    )
    a, b = np.divmod(key, n_classes)
    n_images = np.bincount(labels.indices, minlength=n_classes)
    n_both = _cells(both.tocsr(), a, b).astype(np.int64)
    only_a, only_b = n_images[a] - n_both, n_images[b] - n_both
    evidence = ClassPairs(
        a=a, b=b, kind=np.full(len(a), -1), n_a=n_images[a], n_b=n_images[b], n_both=n_both,
        low_b_given_a=wilson_bounds(n_both, n_images[a])[0],
        low_a_given_b=wilson_bounds(n_both, n_images[b])[0],
        a_as_b=_share(_cells(taken, a, b), only_a * n_models),
        b_as_a=_share(_cells(taken, b, a), only_b * n_models),
        distance=np.full(len(a), -1) if hierarchy is None else hierarchy.distance(a, b),
        share_a_name=np.isin(key, _keys(named[:, 0], named[:, 1], n_classes)),
    )  # fmt: skip
    return _sorted_by_evidence(_with_kinds(evidence, len(labels)))


def changed_classes(labels: LabelSets, benchmark: Benchmark) -> ChangedClasses:
    """What became of the labels of each original class.

    Raises:
        DataError: the benchmark has no original labels.
        AlignmentError: an image of the label sets is not in the benchmark.
    """
    original = original_classes(labels, benchmark)
    kept = labels.contains(np.arange(len(labels)), original)
    size, n_classes = labels.sizes, int(original.max()) + 1

    def count(which: Bool[np.ndarray, "N"]) -> Int[np.ndarray, "K"]:
        counts: Int[np.ndarray, "K"] = np.bincount(original[which], minlength=n_classes)
        return counts

    n_images = count(np.ones(len(labels), np.bool_))
    n_kept = count(kept)
    low_lost = wilson_bounds(n_images - n_kept, n_images)[0]
    label = np.flatnonzero(n_images)
    label = label[np.lexsort((label, -low_lost[label]))]
    return ChangedClasses(
        label=label,
        n_images=n_images[label],
        n_kept=n_kept[label],
        n_replaced=count(~kept & (size > 0))[label],
        n_empty=count(size == 0)[label],
        n_several=count(kept & (size > 1))[label],
        low_lost=low_lost[label],
    )


def images_with_several(labels: LabelSets, at_most: int = 100) -> Shaped[np.ndarray, "n"]:
    """Ids of images with at least two labels, those with most first."""
    order = np.argsort(-labels.sizes, kind="stable")
    return labels.image_ids[order[labels.sizes[order] >= 2]][:at_most]


def images_without(labels: LabelSets, at_most: int = 100) -> Shaped[np.ndarray, "n"]:
    """Ids of images that raters saw and for which no label fits."""
    empty = labels.sizes == 0
    if labels.rated is not None:
        empty &= labels.rated
    ids: Shaped[np.ndarray, "n"] = labels.image_ids[empty][:at_most]
    return ids


def _n_classes(labels: LabelSets, classes: Classes | None) -> int:
    if classes is not None:
        return len(classes)
    if labels.n_classes is None:
        raise OptionError(
            f"{labels.name}: the number of classes is unknown, but must be known. Give the classes."
        )
    return labels.n_classes


def _membership(labels: LabelSets, n_classes: int) -> "csr_array":
    """Which image holds which class, as a sparse matrix of ones."""
    from scipy.sparse import csr_array

    ones = np.ones(len(labels.indices), np.int64)
    shape = (len(labels), n_classes)
    holds: csr_array = csr_array((ones, labels.indices, labels.indptr), shape=shape)
    return holds


def _confusions(
    labels: LabelSets, predictions: Iterable[Predictions], n_classes: int
) -> tuple["csr_array", int]:
    """How often each class was taken for each class that its image does not hold."""
    from scipy.sparse import coo_array

    total = coo_array((n_classes, n_classes), dtype=np.int64).tocsr()
    n_models = 0
    for one in predictions:
        n_models += 1
        row = predicted_rows(one, labels)
        wrong = ~labels.contains(row, one.top) & (labels.sizes[row] > 0)
        held = labels.take(row[wrong])
        predicted = np.repeat(one.top[wrong], held.sizes)
        ones = np.ones(len(predicted), np.int64)
        total = total + coo_array((ones, (held.indices, predicted)), total.shape).tocsr()
    return total, n_models


def _pairs_named_alike(classes: Classes | None) -> Int[np.ndarray, "n 2"]:
    """Pairs of classes that share a name or a synonym, the lower index first."""
    if classes is None:
        return np.zeros((0, 2), np.int64)
    bearers: dict[str, set[int]] = {}
    for index, (name, synonyms) in enumerate(zip(classes.names, classes.synonyms, strict=True)):
        for text in (name, *re.split("[;,]", synonyms)):
            word = text.strip().lower()
            if word:
                bearers.setdefault(word, set()).add(index)
    found = {
        (one, other)
        for group in bearers.values()
        for one in group
        for other in group
        if one < other
    }
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def _keys(
    one: Int[np.ndarray, "m"], other: Int[np.ndarray, "m"], n_classes: int
) -> Int[np.ndarray, "n"]:
    """Unordered pairs of different classes as one number each."""
    low, high = np.minimum(one, other).astype(np.int64), np.maximum(one, other)
    keys: Int[np.ndarray, "n"] = (low * n_classes + high)[low != high]
    return keys


def _cells(
    matrix: "csr_array", row: Int[np.ndarray, "P"], column: Int[np.ndarray, "P"]
) -> Float[np.ndarray, "P"]:
    if len(row) == 0:
        return np.zeros(0)
    cells: Float[np.ndarray, "P"] = np.asarray(matrix[row, column], np.float64).reshape(-1)
    return cells


def _share(n: Float[np.ndarray, "P"], of: Int[np.ndarray, "P"]) -> Float[np.ndarray, "P"]:
    share: Float[np.ndarray, "P"] = np.divide(n, of, out=np.full(len(n), np.nan), where=of > 0)
    return share


def _with_kinds(pairs: ClassPairs, n_images: int) -> ClassPairs:
    """The pairs that a rule names, each under the first that does; `implies` from a to b."""
    b_in_a, a_in_b = pairs.low_b_given_a, pairs.low_a_given_b
    rarer, other = np.minimum(pairs.n_a, pairs.n_b), np.maximum(pairs.n_a, pairs.n_b)
    seen = pairs.n_both >= _FEWEST
    by_chance = other / max(n_images, 1)
    often = wilson_bounds(pairs.n_both, rarer)[0] > np.maximum(_OFTEN, 2 * by_chance)
    n_taken = np.stack(
        [
            np.nan_to_num(pairs.a_as_b) * (pairs.n_a - pairs.n_both),
            np.nan_to_num(pairs.b_as_a) * (pairs.n_b - pairs.n_both),
        ]
    )
    n_only = np.stack([pairs.n_a - pairs.n_both, pairs.n_b - pairs.n_both])
    low_taken = wilson_bounds(n_taken, n_only)[0].max(axis=0)
    rules = [
        seen & (b_in_a > _HALF) & (a_in_b > _HALF),
        seen & ((b_in_a > _HALF) | (a_in_b > _HALF)),
        seen & often,
        (n_taken.max(axis=0) >= _FEWEST) & (low_taken > _OFTEN),
        pairs.share_a_name,
    ]
    kind = np.select(rules, range(len(PAIR_KINDS)), default=-1)
    turned = (kind == PAIR_KINDS.index("implies")) & (a_in_b > b_in_a)
    found = replace(_turned(pairs, turned), kind=kind)
    return found.take(kind >= 0)


def _turned(pairs: ClassPairs, turned: Bool[np.ndarray, "P"]) -> ClassPairs:
    """The same pairs with a and b exchanged where ``turned``."""
    exchanged = {}
    for one, other in (
        ("a", "b"), ("n_a", "n_b"), ("low_b_given_a", "low_a_given_b"), ("a_as_b", "b_as_a"),
    ):  # fmt: skip
        first, second = getattr(pairs, one), getattr(pairs, other)
        exchanged[one] = np.where(turned, second, first)
        exchanged[other] = np.where(turned, first, second)
    return replace(pairs, **exchanged)


def _sorted_by_evidence(pairs: ClassPairs) -> ClassPairs:
    """By kind, then strongest first: the weaker share for inseparable ones, else the stronger."""
    shares = np.stack([pairs.low_b_given_a, pairs.low_a_given_b])
    mutual = np.where(pairs.kind == 0, shares.min(axis=0), shares.max(axis=0))
    taken = np.nan_to_num(np.fmax(pairs.a_as_b, pairs.b_as_a))
    strength = np.where(pairs.kind == PAIR_KINDS.index("confused"), taken, mutual)
    return pairs.take(np.lexsort((pairs.b, pairs.a, -strength, pairs.kind)))
