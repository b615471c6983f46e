"""Where models stand: against the original labels, and against each other.

Scored like a model, the original labels have a ReaL accuracy too: the reference line. A model
above it is right where they are wrong more often than the other way round: no gain in original
accuracy can show that, and the original labels can no longer rank such models. It is no upper
bound: that is 1.

In a study predictions are known, so that everything is paired, image by image: exact McNemar
tests, corrected together by Holm. Does not cover the labels' own uncertainty:
`reassess.analysis.uncertainty` does. Letters: M models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from reassess.records import (
    Accuracy,
    AuditedAccuracy,
    Benchmark,
    Comparison,
    LabelSets,
    Predictions,
)
from reassess.scoring import audited_accuracy, compare, original_classes, real_accuracy
from reassess.statistics import wilson_bounds, wilson_interval
from reassess.statistics.intervals import holm

Interval = tuple[float, float]

ORIGINAL = "original labels"
"""What the original labels are called where they are scored like a model."""


@dataclass(frozen=True, slots=True)
class OriginalLabelsScore:
    """The original labels' ReaL accuracy beside the models'.

    Attributes:
        real: ReaL accuracy of the original labels.
        interval: Wilson's, of it.
        n_models: models that have a score.
        n_above: models with a higher score.
        n_surely_above: models that are above whatever images were drawn: the lower end of
            their own interval is, or, in a study, an exact paired test shows it.
        best: the highest score of a model; None without models.
        best_model: whose it is.
        audited: ``real`` as an audit has it; None without one.
    """

    real: Accuracy
    interval: Interval
    n_models: int
    n_above: int
    n_surely_above: int
    best: float | None
    best_model: str | None
    audited: AuditedAccuracy | None = None

    @property
    def value(self) -> float:
        """The original labels' ReaL accuracy in [0, 1]; NaN where nothing could be judged."""
        if self.audited is not None:
            return self.audited.value
        return float("nan") if self.real.value is None else self.real.value

    @property
    def lead(self) -> float | None:
        """Their accuracy less the best model's; negative where the best model is above."""
        return None if self.best is None else self.value - self.best

    @property
    def share_above(self) -> float | None:
        """Share of the models that are above."""
        return self.n_above / self.n_models if self.n_models else None


def original_labels_score(
    original_labels: Accuracy,
    real: Float[np.ndarray, "M"],
    models: list[str],
    *,
    confidence: float = 0.95,
) -> OriginalLabelsScore:
    """The original labels beside models of which only the ReaL accuracy is known.

    The models are taken to be judged on as many images as the original labels are. Both are
    measured on the same images, so that comparing a model's interval with the original labels'
    accuracy as if that were exact is cautious where their mistakes go together.

    Args:
        original_labels: ReaL accuracy of the original labels.
        real: ReaL accuracy of each model, in [0, 1].
        models: what each is called.
        confidence: of the intervals.
    """
    n = original_labels.n_scored
    low, _ = wilson_bounds(real * n, np.full(len(real), float(n)), confidence)
    value = np.nan if original_labels.value is None else original_labels.value
    best = int(np.argmax(real)) if len(real) else None
    return OriginalLabelsScore(
        real=original_labels,
        interval=wilson_interval(original_labels.n_correct, n, confidence),
        n_models=len(real),
        n_above=int((real > value).sum()),
        n_surely_above=int((low > value).sum()),
        best=None if best is None else float(real[best]),
        best_model=None if best is None else models[best],
    )


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A paired difference of two ReaL accuracies, one of a family of tests.

    Attributes:
        value: accuracy of the first less that of the second.
        interval: of the difference, for itself.
        p_value: exact McNemar test, or that of an audited difference.
        p_adjusted: the same, adjusted over its family (Holm).
        decided: whether ``p_adjusted`` is below one less the confidence, and what nobody was asked
            about does not leave open which of the two is better.
    """

    value: float
    interval: Interval
    p_value: float
    p_adjusted: float
    decided: bool


@dataclass(frozen=True, slots=True)
class ModelVsOriginal:
    """What one model scores, and whether it is above the original labels.

    Attributes:
        model: its name.
        original: under the original labels; None where they are unknown.
        real: under the reassessed labels.
        interval: of ``value``: other images, and another audit.
        above: ``value`` less the original labels' ReaL accuracy; None where they are unknown.
        audited: ``real`` as an audit has it; None without one.
    """

    model: str
    original: Accuracy | None
    real: Accuracy
    interval: Interval
    above: PairedDifference | None
    audited: AuditedAccuracy | None = None

    @property
    def value(self) -> float | None:
        """ReaL accuracy: as an audit has it, else as counted; None where nothing was judged."""
        return self.real.value if self.audited is None else self.audited.value

    @property
    def has_both(self) -> bool:
        """Whether both accuracies are defined."""
        original = None if self.original is None else self.original.value
        return original is not None and self.real.value is not None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two models that follow each other in the order of ReaL accuracy.

    Attributes:
        better: the one with the higher accuracy.
        worse: the other.
        difference: of ``better`` and ``worse``.
    """

    better: str
    worse: str
    difference: PairedDifference


def standings(
    predictions: Sequence[Predictions],
    labels: LabelSets,
    benchmark: Benchmark,
    *,
    confidence: float = 0.95,
) -> tuple[tuple[ModelVsOriginal, ...], tuple[Neighbours, ...]]:
    """Every model, best ReaL accuracy first, and every two that follow each other.

    Args:
        predictions: one record a model, all of the same images; names are unique.
        labels: the reassessed labels.
        benchmark: its original labels are scored where it has any.
        confidence: of the intervals and of the tests.

    Raises:
        AlignmentError: images do not match.
    """
    shown = [one.reindex(labels.image_ids) for one in predictions]
    levels = {one.model: _level(one, labels) for one in shown}
    shown.sort(key=lambda one: (-_value(*levels[one.model]), one.model))
    own, as_labels = _original(labels, benchmark)
    above: list[PairedDifference | None] = [None] * len(shown)
    if own is not None:
        above = list(
            _differences([compare(one, own, labels, confidence=confidence) for one in shown])
        )
    models = []
    for one, difference in zip(shown, above, strict=True):
        real, audited = levels[one.model]
        models.append(
            ModelVsOriginal(
                model=one.model,
                original=None if as_labels is None else real_accuracy(one, as_labels),
                real=real,
                interval=level_interval(real, audited, confidence),
                above=difference,
                audited=audited,
            )
        )
    pairs = [compare(a, b, labels, confidence=confidence) for a, b in pairwise(shown)]
    neighbours = (
        Neighbours(pair.model_a, pair.model_b, difference)
        for pair, difference in zip(pairs, _differences(pairs), strict=True)
    )
    return tuple(models), tuple(neighbours)


def original_labels_accuracy(labels: LabelSets, benchmark: Benchmark) -> Accuracy | None:
    """ReaL accuracy of the original labels, scored as a model is; None where they are unknown.

    Raises:
        AlignmentError: an image of the label sets is no image of the benchmark.
    """
    own, _ = _original(labels, benchmark)
    return None if own is None else real_accuracy(own, labels)


def _original(
    labels: LabelSets, benchmark: Benchmark
) -> tuple[Predictions | None, LabelSets | None]:
    """The original labels as a model and as labels, on the images of the label sets."""
    if benchmark.original is None:
        return None, None
    ids, classes = labels.image_ids, original_classes(labels, benchmark)
    sets = LabelSets(benchmark.name, ids, np.arange(len(ids) + 1), classes)
    return Predictions(ORIGINAL, ids, classes[:, None]), sets


def audited_original_labels(labels: LabelSets, benchmark: Benchmark) -> AuditedAccuracy | None:
    """The same as the labels' audit has it; None where they have none.

    Raises:
        AlignmentError: an image of the label sets is no image of the benchmark.
    """
    own, _ = _original(labels, benchmark)
    return None if own is None else _level(own, labels)[1]


def level_interval(
    real: Accuracy, audited: AuditedAccuracy | None, confidence: float
) -> tuple[float, float]:
    """The interval of a ReaL accuracy: of an audit's where there is one, else Wilson's."""
    if audited is not None:
        return audited.interval(confidence)
    return wilson_interval(real.n_correct, real.n_scored, confidence)


def _level(one: Predictions, labels: LabelSets) -> tuple[Accuracy, AuditedAccuracy | None]:
    """ReaL accuracy as counted, and as an audit has it."""
    return real_accuracy(one, labels), None if labels.audit is None else audited_accuracy(
        one, labels
    )


def _value(real: Accuracy, audited: AuditedAccuracy | None) -> float:
    return (real.value or 0.0) if audited is None else audited.value


def _differences(pairs: Sequence[Comparison]) -> list[PairedDifference]:
    """One family of tests, in its order; of audited differences where there is an audit."""
    found = [pair.audited or pair for pair in pairs]
    adjusted = holm(np.array([one.p_value for one in found], dtype=np.float64))
    return [
        PairedDifference(
            value=(pair.difference or 0.0) if pair.audited is None else pair.audited.value,
            interval=(one.low, one.high),
            p_value=one.p_value,
            p_adjusted=p,
            decided=p < 1 - pair.confidence and not (pair.unasked and pair.unasked.is_open),
        )
        for pair, one, p in zip(pairs, found, adjusted.tolist(), strict=True)
    ]
