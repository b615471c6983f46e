"""All findings of one study, each computed where its inputs are there.

Calls the other modules of `reassess.analysis`, one model after the other, so that
predictions may be read lazily. Decides nothing itself: what cannot be asked of the inputs
is None or an empty tuple. Does not draw: `reassess.report` does. Letters: K classes,
B biased classes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from reassess.analysis.agreement import (
    AgreementPoint,
    expert_points,
    labels_point,
    original_point,
    rater_points,
)
from reassess.analysis.alignment import original_classes
from reassess.analysis.later_predictions import LaterPrediction, later_prediction
from reassess.analysis.multilabel import (
    LabelCounts,
    LabelKinds,
    MultiLabelShare,
    label_counts,
    label_kinds,
    multi_label_share,
)
from reassess.analysis.oracle import (
    ClassAccuracies,
    CoOccurrence,
    OracleComparison,
    biased_classes,
    co_occurrence,
    model_class_accuracies,
    oracle_comparison,
    unbiased_oracle,
)
from reassess.analysis.preference import Preference, preference
from reassess.analysis.progress import Progress, progress
from reassess.errors import OptionError
from reassess.labels import PrecisionRecall, precision_recall
from reassess.records import (
    Accuracy,
    Benchmark,
    Gold,
    LabelSets,
    ModelScore,
    Posterior,
    Predictions,
    Votes,
    positions,
)
from reassess.scoring import original_accuracy, real_accuracy

_LATER_RANKS = (2, 3)
_LEAST_MODELS = 4
"""Below this many models a half of the regression would hold a single point."""

_SHOWN_CLASSES = 20


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything that is held against gold (Figure 3).

    Attributes:
        curve: precision and recall over the thresholds of the posterior; None without one.
        labels: the reassessed labels.
        original: the original labels; None where they are unknown.
        raters: each rater, where raters answered gold questions.
        experts: each expert against the majority of the experts.
        n_gold: gold questions.
    """

    curve: PrecisionRecall | None
    labels: AgreementPoint
    original: AgreementPoint | None
    raters: tuple[AgreementPoint, ...]
    experts: tuple[AgreementPoint, ...]
    n_gold: int


@dataclass(frozen=True, slots=True)
class BiasedClasses:
    """Classes that occur together with others, and how models do on them (Figure 6, Table 1).

    Attributes:
        oracle: the unbiased oracle on every class.
        label: the B classes on which it is below 0.9; at least one.
        models: each model that predicted an image of every class.
        comparisons: each model beside the oracle, in the order of ``models``.
        examples: what else is in the images of the classes where the oracle scores least.
    """

    oracle: ClassAccuracies
    label: Int[np.ndarray, "B"]
    models: tuple[ClassAccuracies, ...]
    comparisons: tuple[OracleComparison, ...]
    examples: tuple[CoOccurrence, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What one study found.

    Attributes:
        counts: images by how many labels they have.
        share: images with several labels.
        kinds: images by what became of their original label; None where it is unknown.
        original: ReaL accuracy of the original labels themselves; None likewise.
        preferences: model or original label, one a model; empty likewise.
        later: second and third predictions, of the models that rank so many.
        progress: the two lines; None without original labels or below 4 models, or where a
            half has models of one original accuracy only.
        biased: classes that occur together; None without original labels or such classes.
        agreement: what is held against gold; None without gold.
    """

    counts: LabelCounts
    share: MultiLabelShare
    kinds: LabelKinds | None
    original: Accuracy | None
    preferences: tuple[Preference, ...]
    later: tuple[LaterPrediction, ...]
    progress: Progress | None
    biased: BiasedClasses | None
    agreement: Agreement | None


def find(
    labels: LabelSets,
    benchmark: Benchmark,
    predictions: Iterable[Predictions],
    *,
    posterior: Posterior | None = None,
    gold: Gold | None = None,
    gold_votes: Votes | None = None,
    scores: Sequence[ModelScore] | None = None,
    leave_out: Bool[np.ndarray, "K"] | None = None,
) -> Findings:
    """Everything that the inputs allow to be found.

    Args:
        labels: the reassessed labels.
        benchmark: its original labels are compared with where it has any.
        predictions: one record a model, read once.
        posterior: draws the curve over thresholds; needs gold.
        gold: questions whose truth experts fixed.
        gold_votes: the raters' answers to gold questions.
        scores: the models' accuracies, where they were computed before.
        leave_out: classes not to look for co-occurring ones in; the paper leaves out animals.

    Raises:
        AlignmentError: images or questions do not match.
        DataError: gold is not about images and classes.
    """
    knows_original = benchmark.original is not None
    oracle = unbiased_oracle(labels, benchmark) if knows_original else None
    preferences, later, by_class, accuracies = [], [], [], []
    for one in predictions:
        ranks = [rank for rank in _LATER_RANKS if rank <= one.ranked_classes.shape[1]]
        later += [later_prediction(one, labels, rank) for rank in ranks]
        if not knows_original:
            continue
        preferences.append(preference(one, labels, benchmark))
        by_class.append(model_class_accuracies(one, labels, benchmark))
        if scores is None:
            real = real_accuracy(one, labels, subset=True)
            accuracies.append((original_accuracy(one, benchmark, subset=True), real))
    if scores is not None:
        accuracies = [(s.original, s.real) for s in scores if s.original is not None]
    return Findings(
        counts=label_counts(labels),
        share=multi_label_share(labels),
        kinds=label_kinds(labels, benchmark) if knows_original else None,
        original=_accuracy_of_original(labels, benchmark) if knows_original else None,
        preferences=tuple(preferences),
        later=tuple(later),
        progress=_progress(accuracies),
        biased=None if oracle is None else _biased(oracle, by_class, labels, benchmark, leave_out),
        agreement=(
            None if gold is None else _agreement(labels, benchmark, posterior, gold, gold_votes)
        ),
    )


def _accuracy_of_original(labels: LabelSets, benchmark: Benchmark) -> Accuracy:
    """The original labels scored as a model is."""
    every = np.arange(len(labels))
    right = labels.contains(every, original_classes(labels, benchmark))
    n_scored = int((labels.sizes > 0).sum())
    return Accuracy(int(right.sum()), n_scored, len(labels) - n_scored)


def _progress(accuracies: Sequence[tuple[Accuracy, Accuracy]]) -> Progress | None:
    """The two lines through (original, ReaL) accuracies; None where there are none to draw."""
    known = [
        (original.value, real.value)
        for original, real in accuracies
        if original.value is not None and real.value is not None
    ]
    if len(known) < _LEAST_MODELS:
        return None
    original, real = np.array(known).T
    try:
        return progress(original, real)
    except OptionError:  # a half whose models share one original accuracy has no line
        return None


def _biased(
    oracle: ClassAccuracies,
    models: Sequence[ClassAccuracies],
    labels: LabelSets,
    benchmark: Benchmark,
    leave_out: Bool[np.ndarray, "K"] | None,
) -> BiasedClasses | None:
    label = biased_classes(oracle, leave_out=leave_out)
    if len(label) == 0:
        return None
    complete = tuple(one for one in models if np.isin(label, one.label).all())
    worst = label[np.argsort(oracle.of(label), kind="stable")][:_SHOWN_CLASSES]
    return BiasedClasses(
        oracle=oracle,
        label=label,
        models=complete,
        comparisons=tuple(oracle_comparison(one, oracle, label) for one in complete),
        examples=tuple(co_occurrence(labels, benchmark, one) for one in worst.tolist()),
    )


def _agreement(
    labels: LabelSets,
    benchmark: Benchmark,
    posterior: Posterior | None,
    gold: Gold,
    gold_votes: Votes | None,
) -> Agreement:
    return Agreement(
        curve=_curve(posterior, gold),
        labels=labels_point(labels, gold),
        original=None if benchmark.original is None else original_point(gold, benchmark),
        raters=() if gold_votes is None else rater_points(gold_votes, gold),
        experts=expert_points(gold),
        n_gold=len(gold.questions),
    )


def _curve(posterior: Posterior | None, gold: Gold) -> PrecisionRecall | None:
    """The curve over thresholds; None where raters were asked about no gold question that holds."""
    if posterior is None:
        return None
    asked = positions(gold.questions.ids, posterior.questions.ids, source="gold") >= 0
    return precision_recall(posterior, gold) if gold.truth()[asked].any() else None
