"""Accuracies and differences as an audit has them: levels and intervals.

An audit is a stratified random sample of what would not have been asked about: of the skipped
images, whose original label stands unchecked, and of a new model's predictions that no question is
about, which count as wrong; where the model disputes a skipped image, that image is asked about as
a whole. What the labels say without it foretells what raters say of the sample; both the number of
right images and the number of images with a label are corrected by how far the two differ
(`reassess.statistics.sampling`, prediction-powered inference), as raters may find that no label
fits a skipped image. Images count as a sample of all such images.

Letters: n images, P pairs of the audit, d of them drawn.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import DataError
from reassess.records import (
    Audit,
    AuditedAccuracy,
    AuditedDifference,
    LabelSets,
    Pairs,
    Predictions,
    checks_records,
    find_keys,
    pair_keys,
)
from reassess.scoring.accuracy import on_shared_images
from reassess.statistics import normal_p_value, z_critical
from reassess.statistics.sampling import Foretold, Ratio, Sample, prediction_powered_ratio


@checks_records
def audited_accuracy(predictions: Predictions, labels: LabelSets) -> AuditedAccuracy | None:
    """ReaL accuracy of a model as the labels' audit has it; None where it judges nothing.

    Args:
        predictions: the model's.
        labels: labels with an audit.

    Raises:
        AlignmentError: images do not match.
        DataError: the labels have no audit, or classes do not match.
    """
    classes, shared = on_shared_images(predictions, labels, subset=True)
    return accuracy_of_top(classes[:, 0], shared)


@checks_records
def audited_difference(
    a: Predictions, b: Predictions, labels: LabelSets, *, confidence: float = 0.95
) -> AuditedDifference | None:
    """Accuracy of a less that of b as the labels' audit has it; None where it judges nothing.

    Args:
        a: the first model's predictions.
        b: the second's, for the same images.
        labels: labels with an audit.
        confidence: of the interval.

    Raises:
        AlignmentError: images do not match.
        DataError: the labels have no audit, or classes do not match.
    """
    classes, shared = on_shared_images(a, labels, subset=True)
    other = b.reindex(a.image_ids)
    return difference_of_tops(classes[:, 0], other.top, shared, confidence)


def accuracy_of_top(top: Int[np.ndarray, "n"], labels: LabelSets) -> AuditedAccuracy | None:
    """As `audited_accuracy`, of the top predictions for the images of the labels, in their order.

    Raises:
        DataError: the labels have no audit.
    """
    known = AuditColumns.of(labels)
    found = known.ratio(known.right(top))
    if found is None:
        return None
    value = min(max(found.value, 0.0), 1.0)
    # Away from 0 and 1, where a proportion would have no variance of its own.
    inner = (value * found.denominator + 2) / (found.denominator + 4)
    variance = inner * (1 - inner)
    audit = known.audit
    skipped = audit.of_kind("skipped")
    own = ~skipped & (top[audit.pairs.image] == audit.pairs.label)
    return AuditedAccuracy(
        value=value,
        n_scored=found.denominator,
        n_effective=variance / (variance / found.denominator + found.variance),
        n_skipped=int((audit.drawn & skipped).sum()),
        n_unasked=int((audit.drawn & own).sum()),
    )


def difference_of_tops(
    a: Int[np.ndarray, "n"], b: Int[np.ndarray, "n"], labels: LabelSets, confidence: float = 0.95
) -> AuditedDifference | None:
    """As `audited_difference`, of top predictions for the images of the labels, in their order.

    Raises:
        DataError: the labels have no audit.
    """
    known = AuditColumns.of(labels)
    right_a, right_b = known.right(a), known.right(b)
    less = right_a.less(right_b)
    # The two models' difference is open where they differ; else both are right or neither is.
    whole = ~known.audit.of_kind("unasked")
    image = known.audit.pairs.image
    less = replace(less, is_open=less.is_open & (~whole | (a[image] != b[image])))
    found = known.ratio(less)
    of_a, of_b = known.ratio(right_a), known.ratio(right_b)
    either = known.ratio(known.absolute(less))
    if found is None or of_a is None or of_b is None or either is None:
        return None
    n_either = max(either.value, abs(found.value))
    by_images = max(n_either - found.value**2, 0.0) / found.denominator
    half = z_critical(confidence) * math.sqrt(by_images + found.variance)
    # Under the hypothesis the difference is 0, as McNemar counts it.
    spread = math.sqrt(n_either / found.denominator + found.variance)
    return AuditedDifference(
        value=found.value,
        low=max(found.value - half, -1.0),
        high=min(found.value + half, 1.0),
        p_value=normal_p_value(found.value / spread) if spread else 1.0,
        accuracy_a=min(max(of_a.value, 0.0), 1.0),
        accuracy_b=min(max(of_b.value, 0.0), 1.0),
    )


@dataclass(frozen=True, slots=True)
class _Right:
    """Whether a model is right: as foretold of each image, and as the drawn pairs show it.

    Attributes:
        foretold: of each image.
        seen: of each drawn pair.
        is_open: of each pair of the audit whether it can change that.
    """

    foretold: Float[np.ndarray, "n"]
    seen: Float[np.ndarray, "d"]
    is_open: Bool[np.ndarray, "P"]

    def less(self, other: "_Right") -> "_Right":
        """What this model has right and another has not, less what only the other has."""
        is_open = self.is_open | other.is_open
        return _Right(self.foretold - other.foretold, self.seen - other.seen, is_open)


@dataclass(frozen=True)
class AuditColumns:
    """What labels with an audit say of images and of the pairs that were drawn.

    Attributes:
        audit: the samples.
        labels: the label sets.
        first: the same as they would be without the audit: its images keep their original label,
            and its pairs are absent.
        rated: the labels less those that were found by asking about unasked predictions.
    """

    audit: Audit
    labels: LabelSets
    first: LabelSets
    rated: LabelSets

    @classmethod
    def of(cls, labels: LabelSets) -> "AuditColumns":
        """The columns of labels.

        Raises:
            DataError: the labels have no audit.
        """
        audit = labels.audit
        if audit is None:
            raise DataError(f"{labels.name}: there is no audit, but must be one. Draw it first.")
        unasked = audit.of_kind("unasked")
        rated = _without(labels, audit.pairs.take(unasked))
        whole = replace(audit.pairs.take(~unasked), label=audit.kept[~unasked])
        return cls(audit, labels, _with_originals(rated, whole), rated)

    def right(self, top: Int[np.ndarray, "n"]) -> _Right:
        """Whether a model is right, whose top predictions these are."""
        image, label = self.audit.pairs.image, self.audit.pairs.label
        unasked, drawn = self.audit.of_kind("unasked"), self.audit.drawn
        says = top[image]
        found = self.labels.contains(image, label) & (says == label)
        seen = np.where(unasked, found, self.rated.contains(image, says))
        return _Right(
            self.first.contains(np.arange(len(top)), top).astype(float),
            seen[drawn].astype(float),
            ~unasked | (says == label),
        )

    def absolute(self, less: _Right) -> _Right:
        """The images that exactly one of two models has right, of their difference."""
        drawn = self.audit.drawn
        before = less.foretold[self.audit.pairs.image[drawn]]
        # An unasked prediction adds to what its image is otherwise.
        by_pair = np.abs(before + less.seen) - np.abs(before)
        seen = np.where(self.audit.of_kind("unasked")[drawn], by_pair, np.abs(less.seen))
        return _Right(np.abs(less.foretold), seen, less.is_open)

    def ratio(self, right: _Right) -> Ratio | None:
        """The number of images that are right, of those with a label."""
        audit = self.audit
        sample = Sample(audit.stratum[audit.drawn], audit.n_population)
        return prediction_powered_ratio(self._foretold(right), self._labelled, sample)

    @cached_property
    def _labelled(self) -> Foretold:
        """Whether an image has a label."""
        image, label = self.audit.pairs.image, self.audit.pairs.label
        unasked, drawn = self.audit.of_kind("unasked"), self.audit.drawn
        before, after = self.first.sizes > 0, self.rated.sizes > 0
        new = self.labels.contains(image, label) & ~after[image]
        seen = np.where(unasked, new, after[image])
        is_open = ~unasked | ~after[image]
        return self._foretold(_Right(before.astype(float), seen[drawn].astype(float), is_open))

    def _foretold(self, right: _Right) -> Foretold:
        """A quantity of images, of which unasked predictions are foretold to change nothing."""
        audit, n = self.audit, len(self.audit.strata)
        foretold = right.foretold[audit.pairs.image] * ~audit.of_kind("unasked")
        total = np.bincount(audit.stratum, foretold, n)
        return Foretold(
            right.seen,
            foretold[audit.drawn],
            total,
            np.bincount(audit.stratum, right.is_open, n),
            float(right.foretold.sum() - total.sum()),
        )


def _without(labels: LabelSets, pairs: Pairs) -> LabelSets:
    """The labels less these pairs."""
    n_classes = 1 + max(int(labels.indices.max(initial=0)), int(pairs.label.max(initial=0)))
    keys = pair_keys(labels.image, labels.indices, n_classes)
    return _of_pairs(labels, find_keys(keys, pairs.keys(n_classes)) < 0)


def _of_pairs(labels: LabelSets, kept: Bool[np.ndarray, "L"]) -> LabelSets:
    image = labels.image[kept]
    counts = np.bincount(image, minlength=len(labels))
    return replace(
        labels, indices=labels.indices[kept], indptr=np.concatenate([[0], np.cumsum(counts)]),
        posterior=None, calibrated=None,
    )  # fmt: skip


def _with_originals(labels: LabelSets, pairs: Pairs) -> LabelSets:
    """The labels with the one of each pair instead of those of its image."""
    touched = np.zeros(len(labels), dtype=bool)
    touched[pairs.image] = True
    kept = _of_pairs(labels, ~touched[labels.image])
    image = np.concatenate([kept.image, pairs.image])
    label = np.concatenate([kept.indices, pairs.label])
    order = np.argsort(image, kind="stable")
    counts = np.bincount(image, minlength=len(labels))
    return replace(kept, indices=label[order], indptr=np.concatenate([[0], np.cumsum(counts)]))
