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
from reassess.statistics.sampling import (
    Foretold,
    Ratio,
    Sample,
    departure_reach,
    prediction_powered_ratio,
)


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
    audit = known.audit
    own = audit.of_kind("unasked") & (top[audit.pairs.image] == audit.pairs.label)
    return AuditedAccuracy(
        value=min(max(found.value, 0.0), 1.0),
        n_scored=found.denominator,
        departures=found.departures,
        n_skipped=int((audit.drawn & audit.is_whole).sum()),
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
    of_a, of_b = known.ratio(right_a), known.ratio(right_b)
    image = known.audit.pairs.image
    if of_a is None or of_b is None:
        return None
    return known.difference(right_a, right_b, (of_a, of_b), a[image] != b[image], confidence)


@dataclass(frozen=True, slots=True)
class ModelColumns:
    """Whether a model is right: as foretold of each image, and as the drawn pairs show it.

    Attributes:
        foretold: of each image.
        seen: of each drawn pair.
        can_fall: of each pair of the audit whether asking about it can make that less.
        can_rise: whether it can make it more.
    """

    foretold: Float[np.ndarray, "n"]
    seen: Float[np.ndarray, "d"]
    can_fall: Bool[np.ndarray, "P"]
    can_rise: Bool[np.ndarray, "P"]

    def less(self, other: "ModelColumns", differ: Bool[np.ndarray, "P"]) -> "ModelColumns":
        """What this model has right and another has not, less what only the other has.

        Args:
            other: the other model.
            differ: of each pair of the audit whether the models predict different classes there;
                where they do not, both are right or neither is.
        """
        return ModelColumns(
            self.foretold - other.foretold,
            self.seen - other.seen,
            differ & (self.can_fall | other.can_rise),
            differ & (self.can_rise | other.can_fall),
        )


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

    def right(self, top: Int[np.ndarray, "n"]) -> ModelColumns:
        """Whether a model is right, whose top predictions these are."""
        image, label = self.audit.pairs.image, self.audit.pairs.label
        unasked, drawn = self.audit.of_kind("unasked"), self.audit.drawn
        says = top[image]
        found = self.labels.contains(image, label) & (says == label)
        seen = np.where(unasked, found, self.rated.contains(image, says))
        foretold = self.first.contains(np.arange(len(top)), top)
        # An unasked prediction that holds gives its image a label, where it has none.
        gains = unasked & ~(says == label) & (self.rated.sizes == 0)[image]
        return ModelColumns(
            foretold.astype(float),
            seen[drawn].astype(float),
            ~unasked & foretold[image] | gains,
            np.where(unasked, says == label, ~foretold[image]),
        )

    def absolute(self, less: ModelColumns) -> ModelColumns:
        """The images that exactly one of two models has right, of their difference."""
        drawn = self.audit.drawn
        before = less.foretold[self.audit.pairs.image[drawn]]
        # An unasked prediction adds to what its image is otherwise.
        by_pair = np.abs(before + less.seen) - np.abs(before)
        seen = np.where(self.audit.of_kind("unasked")[drawn], by_pair, np.abs(less.seen))
        return replace(less, foretold=np.abs(less.foretold), seen=seen)

    def ratio(self, right: ModelColumns) -> Ratio | None:
        """The number of images that are right, of those with a label."""
        n = len(self.audit.strata)
        return prediction_powered_ratio(
            self._foretold(right.foretold, right.seen),
            self._labelled,
            self.sample,
            np.bincount(self.audit.stratum, right.can_fall, n),
            np.bincount(self.audit.stratum, right.can_rise, n),
        )

    def difference(
        self,
        a: "ModelColumns",
        b: "ModelColumns",
        ratios: tuple[Ratio, Ratio],
        differ: Bool[np.ndarray, "P"],
        confidence: float,
    ) -> AuditedDifference | None:
        """Accuracy of one model less that of another; None where it judges nothing.

        Args:
            a: the first model.
            b: the second.
            ratios: their accuracies.
            differ: of each pair of the audit whether they predict different classes there.
            confidence: of the interval.
        """
        less = a.less(b, differ)
        found, either = self.ratio(less), self.ratio(self.absolute(less))
        if found is None or either is None:
            return None
        value = ratios[0].value - ratios[1].value
        n_either = max(either.value, abs(value))
        by_images = max(n_either - value**2, 0.0) / found.denominator
        z = z_critical(confidence)
        below, above = departure_reach(found.departures, confidence)
        # Under the hypothesis the difference is 0, as McNemar counts it.
        towards_0 = (below if value > 0 else above) / z
        spread = math.sqrt(n_either / found.denominator + towards_0**2)
        return AuditedDifference(
            value=value,
            low=max(value - math.hypot(z * math.sqrt(by_images), below), -1.0),
            high=min(value + math.hypot(z * math.sqrt(by_images), above), 1.0),
            p_value=normal_p_value(value / spread) if spread else 1.0,
            accuracy_a=min(max(ratios[0].value, 0.0), 1.0),
            accuracy_b=min(max(ratios[1].value, 0.0), 1.0),
        )

    @property
    def sample(self) -> Sample:
        """Where the drawn pairs come from."""
        return Sample(self.audit.stratum[self.audit.drawn], self.audit.n_population)

    @cached_property
    def _labelled(self) -> Foretold:
        """Whether an image has a label."""
        image, label = self.audit.pairs.image, self.audit.pairs.label
        unasked, drawn = self.audit.of_kind("unasked"), self.audit.drawn
        before, after = self.first.sizes > 0, self.rated.sizes > 0
        new = self.labels.contains(image, label) & ~after[image]
        seen = np.where(unasked, new, after[image])
        return self._foretold(before.astype(float), seen[drawn].astype(float))

    def _foretold(
        self, of_images: Float[np.ndarray, "n"], seen: Float[np.ndarray, "d"]
    ) -> Foretold:
        """A quantity of images, of which unasked predictions are foretold to change nothing."""
        audit, n = self.audit, len(self.audit.strata)
        foretold = of_images[audit.pairs.image] * audit.is_whole
        total = np.bincount(audit.stratum, foretold, n)
        certain = float(of_images.sum() - total.sum())
        return Foretold(seen, foretold[audit.drawn], total, certain)


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
