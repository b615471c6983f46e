"""Where the models of a study stand: against the original labels, and against each other.

Predictions are known, so that everything is paired, image by image: exact McNemar tests, held
together by Holm. Says nothing of the labels' own uncertainty: `reassess.analysis.uncertainty`
does. Letters: M models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reassess.analysis.alignment import original_classes
from reassess.records import Accuracy, Benchmark, Comparison, LabelSets, Predictions
from reassess.scoring import compare, real_accuracy
from reassess.statistics import wilson_interval
from reassess.statistics.multiplicity import holm

Interval = tuple[float, float]

ORIGINAL = "original labels"
"""What the original labels are called where they are scored like a model."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference of two ReaL accuracies, one of a family of tests.

    Attributes:
        value: accuracy of the first less that of the second.
        interval: of the difference, for itself.
        p_value: exact McNemar test.
        p_adjusted: the same, adjusted over its family (Holm).
        decided: whether ``p_adjusted`` is below one less the level.
    """

    value: float
    interval: Interval
    p_value: float
    p_adjusted: float
    decided: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What one model scores, and whether it is above the original labels.

    Attributes:
        model: its name.
        original: under the original labels; None where they are unknown.
        real: under the reassessed labels.
        interval: Wilson's, of ``real``: other images.
        above: ``real`` less the original labels' own score; None where they are unknown.
    """

    model: str
    original: Accuracy | None
    real: Accuracy
    interval: Interval
    above: Difference | None


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
    difference: Difference


def standings(
    predictions: Sequence[Predictions],
    labels: LabelSets,
    benchmark: Benchmark,
    *,
    confidence: float = 0.95,
) -> tuple[tuple[Standing, ...], tuple[Neighbours, ...]]:
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
    shown.sort(key=lambda one: (-(real_accuracy(one, labels).value or 0.0), one.model))
    own, as_labels = _original(labels, benchmark)
    above: list[Difference | None] = [None] * len(shown)
    if own is not None:
        above = list(
            _differences([compare(one, own, labels, confidence=confidence) for one in shown])
        )
    models = []
    for one, difference in zip(shown, above, strict=True):
        real = real_accuracy(one, labels)
        models.append(
            Standing(
                model=one.model,
                original=None if as_labels is None else real_accuracy(one, as_labels),
                real=real,
                interval=wilson_interval(real.n_correct, real.n_scored, confidence),
                above=difference,
            )
        )
    pairs = [compare(a, b, labels, confidence=confidence) for a, b in pairwise(shown)]
    neighbours = (
        Neighbours(pair.model_a, pair.model_b, difference)
        for pair, difference in zip(pairs, _differences(pairs), strict=True)
    )
    return tuple(models), tuple(neighbours)


def original_accuracy_of(labels: LabelSets, benchmark: Benchmark) -> Accuracy | None:
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


def _differences(pairs: Sequence[Comparison]) -> list[Difference]:
    """One family of tests, in its order."""
    adjusted = holm(np.array([pair.p_value for pair in pairs], dtype=np.float64))
    return [
        Difference(
            value=pair.difference or 0.0,
            interval=(pair.low, pair.high),
            p_value=pair.p_value,
            p_adjusted=p,
            decided=p < 1 - pair.confidence,
        )
        for pair, p in zip(pairs, adjusted.tolist(), strict=True)
    ]
