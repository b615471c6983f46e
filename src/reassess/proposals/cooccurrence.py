"""Which classes co-occur: rates learned from truth, and the pairs that they suggest.

Every rate of a pair leaves out two folds of images: that of its own image, and the one whose
probabilities are being predicted, so that no number that a model learns from or predicts with
has seen what it is to predict. Rates are shrunk towards a class's own rate. Only pairs of
classes that occur together take memory, never classes times classes.

Learns no probabilities: `learned` does. Letters: N images, P pairs, G groups, F folds, A
anchors (the classes that stand for an image: its original label and what models favour).
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from reassess.proposals.known_truth import Truth
from reassess.proposals.model_votes import ModelVotes
from reassess.proposals.vote_features import VoteFeatures
from reassess.records import find_keys

FEWEST_SEEN = 2
"""How often a class must have been valid beside an original label to be suggested."""

LEAST_SHARE = 0.01
"""In what share of the images with an original label a class must be valid to be suggested."""

_PRIOR = 5.0
"""Pseudocount: so many pairs at the class's own rate are added to the counted ones."""

_CLASS_PRIOR = 20.0
"""The same for a class's own rate, added at a rate that is typical of all classes."""


class FoldSums:
    """Weights and weighted truths summed by group and fold, and read without some folds.

    Args:
        group: the group of each entry.
        fold: its fold; -1 leaves the entry out of every sum.
        weight: its weight.
        value: what is summed beside the weight.
        n_folds: F.
    """

    def __init__(
        self,
        group: Int[np.ndarray, "n"],
        fold: Int[np.ndarray, "n"],
        weight: Float[np.ndarray, "n"],
        value: Float[np.ndarray, "n"],
        n_folds: int,
    ) -> None:
        n_groups = int(group.max(initial=-1)) + 1
        inside = fold >= 0
        cell = group[inside].astype(np.int64) * n_folds + fold[inside]
        shape = (n_groups, n_folds)
        sums = [
            np.bincount(cell, weights=one[inside], minlength=n_groups * n_folds).reshape(shape)
            for one in (weight, value)
        ]
        self._sums = np.stack(sums)

    def without(
        self,
        group: Int[np.ndarray, "n"],
        own: Int[np.ndarray, "n"],
        held_out: int | None = None,
    ) -> Float[np.ndarray, "2 n"]:
        """Sums of weight and value in each group over all folds but two.

        Args:
            group: the group of each entry.
            own: the fold of each entry, left out of its sum; -1 for none.
            held_out: the fold left out of every sum; None for none.
        """
        total = self._sums.sum(axis=2)
        if held_out is not None:
            total = total - self._sums[:, :, held_out]
        other = (own >= 0) & (own != held_out)
        sums = total[:, group] - np.where(other, self._sums[:, group, own], 0.0)
        kept: Float[np.ndarray, "2 n"] = np.maximum(sums, 0.0)
        return kept


def _rate(
    sums: Float[np.ndarray, "2 n"], prior: Float[np.ndarray, "n"] | float, strength: float
) -> Float[np.ndarray, "n"]:
    rate: Float[np.ndarray, "n"] = (sums[1] + strength * prior) / (sums[0] + strength)
    return rate


class CooccurrenceRates:
    """How often classes are valid, by themselves and beside the anchors of an image.

    Args:
        model_votes: the pool.
        votes: its features, for the anchors.
        truth: what is known.
    """

    def __init__(self, model_votes: ModelVotes, votes: VoteFeatures, truth: Truth) -> None:
        self._truth = truth
        self._label = model_votes.pairs.label
        self._image = model_votes.pairs.image
        self._original = model_votes.original
        self._first = votes.anchors[self._image, 0]
        self._favourite = votes.anchors[self._image, 1]
        self._weight = votes.anchor_weight
        # Pairs that co-occurrence added are not counted: the fold held out may have suggested them.
        counted = truth.known & (model_votes.listed | self._original)
        known, other = counted.astype(float), counted & ~self._original
        n_classes = model_votes.n_classes

        self._by_class = self._sums(self._label, known)
        self._beside = self._sums(self._label, other.astype(float))
        self._of_original = self._sums(self._first, (truth.known & self._original).astype(float))
        # Extra labels of images with this original label, over those images.
        self._extra = self._sums(self._first, known, truth.valid * ~self._original)
        is_favourite = truth.known & (self._label == self._favourite)
        self._of_favourite = self._sums(self._favourite, is_favourite.astype(float))

        anchors = votes.anchors[self._image]
        key = np.where(anchors < 0, -1, anchors.astype(np.int64) * n_classes) + (
            self._label[:, None] * (anchors >= 0)
        )
        _, inverse = np.unique(key, return_inverse=True)
        self._group = inverse.reshape(key.shape)
        n_anchors = anchors.shape[1]
        weight = np.where(anchors < 0, 0.0, votes.anchor_weight[self._image]) * known[:, None]
        self._any = FoldSums(
            self._group.ravel(),
            np.repeat(truth.fold, n_anchors),
            weight.ravel().astype(float),
            (weight * truth.valid[:, None]).ravel().astype(float),
            truth.n_folds,
        )
        self._at = [self._sums(self._group[:, a], known) for a in range(3)]

    def _sums(
        self,
        group: Int[np.ndarray, "P"],
        weight: Float[np.ndarray, "P"],
        value: Float[np.ndarray, "P"] | None = None,
    ) -> FoldSums:
        truth = self._truth
        value = weight * truth.valid if value is None else value
        return FoldSums(group, truth.fold, weight, value, truth.n_folds)

    def features(self, rows: Int[np.ndarray, "n"], held_out: int) -> Float32[np.ndarray, "n F"]:
        """The rates of some pairs, without their images' folds and the one held out.

        Args:
            rows: the pairs, as rows of the pool.
            held_out: the fold to be predicted.
        """
        own, label = self._truth.fold[rows], self._label[rows]
        first, favourite = self._first[rows], self._favourite[rows]
        by_class = _rate(self._by_class.without(label, own, held_out), 0.03, _CLASS_PRIOR)
        of_original = self._of_original.without(first, own, held_out)
        extra = self._extra.without(first, own, held_out)[1] / (of_original[0] + 1)
        columns = [
            by_class,
            _rate(self._beside.without(label, own, held_out), 0.02, _CLASS_PRIOR),
            _rate(of_original, 0.8, 1.0),
            extra,
            _rate(self._of_favourite.without(favourite, own, held_out), 0.8, 1.0),
        ]
        for place, sums in enumerate(self._at):
            found = sums.without(self._group[rows, place], own, held_out)
            columns += [_rate(found, by_class, _PRIOR), np.log1p(found[0])]
        return np.stack([*columns, *self._blended(rows, held_out, by_class)], axis=1).astype(
            np.float32
        )

    def _blended(
        self, rows: Int[np.ndarray, "n"], held_out: int, by_class: Float[np.ndarray, "n"]
    ) -> list[Float[np.ndarray, "n"]]:
        """Rates beside each anchor, wherever among an image's anchors that class stood."""
        own, weight = self._truth.fold[rows], self._weight[self._image[rows]]
        rates = np.empty(weight.shape)
        for place in range(weight.shape[1]):
            found = self._any.without(self._group[rows, place], own, held_out)
            rates[:, place] = _rate(found, by_class, 2.0)
        return [
            (rates * weight).sum(axis=1),
            rates.max(axis=1),
            1 - np.prod(1 - rates * weight, axis=1),
            *rates[:, :4].T,
        ]


class Cooccurrence:
    """The classes that are valid beside an original label, over all known images with it.

    Unlike `CooccurrenceRates` it counts what lies outside the pool too.

    Args:
        model_votes: the pool.
        key: the known pairs, as in `ModelVotes.key`.
        valid: P(valid) of each.
        fold: the fold of each image; -1 where nothing is known.
        n_folds: F.
    """

    def __init__(
        self,
        model_votes: ModelVotes,
        key: Int[np.ndarray, "Q"],
        valid: Float[np.ndarray, "Q"],
        fold: Int[np.ndarray, "N"],
        n_folds: int,
    ) -> None:
        self._original, self._n_classes, self._fold = (
            model_votes.original_label,
            model_votes.n_classes,
            fold,
        )
        image, label = np.divmod(key[valid > 0], self._n_classes)
        valid = valid[valid > 0]
        both = self._original[image] * np.int64(self._n_classes) + label
        self._groups, group = np.unique(both, return_inverse=True)
        self._total = np.bincount(group, weights=valid, minlength=len(self._groups))
        self._seen = FoldSums(group, fold[image], valid, valid, n_folds)
        there = (fold >= 0).astype(float)
        self._images = FoldSums(self._original, fold, there, there, n_folds)

    def missing_from(self, model_votes: ModelVotes) -> Int[np.ndarray, "n"]:
        """Keys of pairs outside a pool that other folds suggest, each image's own left out."""
        original, n_classes = self._original, np.int64(self._n_classes)
        by_original = np.argsort(original, kind="stable")
        first = np.searchsorted(original[by_original], np.arange(n_classes + 1))
        anchor, suggested = np.divmod(self._groups, n_classes)
        often = np.flatnonzero((self._total >= FEWEST_SEEN) & (anchor != suggested))
        size = (first[anchor + 1] - first[anchor])[often]
        group = np.repeat(often, size)
        step = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        image = by_original[first[anchor[group]] + step]
        key = image * n_classes + suggested[group]
        return np.setdiff1d(key[self.suggests(key)], model_votes.key)

    def suggests(
        self, key: Int[np.ndarray, "n"], held_out: int | None = None
    ) -> Bool[np.ndarray, "n"]:
        """Whether other folds than the image's own, and one held out, suggest a pair."""
        n_seen, _ = self._counts(key, held_out)
        image = key // self._n_classes
        # Whoever is suggested without a fold must be suggested with it.
        n_images = self._images.without(self._original[image], self._fold[image])[0]
        often: Bool[np.ndarray, "n"] = (n_seen >= FEWEST_SEEN) & (n_seen >= LEAST_SHARE * n_images)
        return often

    def share(self, key: Int[np.ndarray, "n"], held_out: int) -> Float[np.ndarray, "n"]:
        """Of the images with a pair's original label, the share that the class is valid in."""
        n_seen, n_images = self._counts(key, held_out)
        share: Float[np.ndarray, "n"] = n_seen / (n_images + 1)
        return share

    def _counts(
        self, key: Int[np.ndarray, "n"], held_out: int | None
    ) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
        image, label = np.divmod(key, self._n_classes)
        both = self._original[image] * np.int64(self._n_classes) + label
        group = find_keys(both, self._groups)
        own = self._fold[image]
        n_seen = np.where(group >= 0, self._seen.without(group, own, held_out)[0], 0.0)
        return n_seen, self._images.without(self._original[image], own, held_out)[0]
