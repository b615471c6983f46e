"""The paper's findings about one study, each computed where its inputs are there.

Figures 1, 4 and 5 are computed here; Figures 3 and 6 and Table 1 in `agreement` and
`multilabel`. `find` calls them all, one model after the other, so that predictions may be read
lazily. Decides nothing: what cannot be computed from the inputs is None or an empty tuple. Does not
draw: `reassess.report` does. Letters: K classes, M models.

Source: Beyer, Hénaff, Kolesnikov, Zhai, van den Oord (2020), "Are we done with ImageNet?",
arXiv 2006.07159. The caption of its Figure 4 speaks of regressing ImageNet accuracy onto ReaL
accuracy; its slopes are those of ReaL accuracy on ImageNet accuracy, as here.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from reassess.analysis.agreement import Agreement, agreement
from reassess.analysis.multilabel import (
    BiasedClasses,
    LabelCounts,
    LabelKinds,
    MultiLabelShare,
    compare_on_biased_classes,
    label_counts,
    label_kinds,
    model_class_accuracies,
    multi_label_share,
    unbiased_oracle,
)
from reassess.analysis.standings import audited_original_labels, original_labels_accuracy
from reassess.errors import OptionError
from reassess.records import (
    Accuracy,
    AuditedAccuracy,
    Benchmark,
    Gold,
    LabelSets,
    ModelScore,
    Posterior,
    Predictions,
    Votes,
)
from reassess.scoring import original_accuracy, original_classes, predicted_rows, real_accuracy
from reassess.statistics import Line, ordinary_least_squares, wilson_interval
from reassess.statistics.intervals import student_p_value

_LATER_RANKS = (2, 3)
"""The second and third predictions, as in Figure 5."""


_LEAST_MODELS = 4
"""Below this many models a half of the regression would hold a single point."""


@dataclass(frozen=True, slots=True)
class Preference:
    """How often a model's top prediction was preferred over the original label.

    Attributes:
        model: the model's name.
        n_model: images where the prediction is among the labels and the original is not.
        n_original: images where the original is among the labels and the prediction is not.
        interval: Wilson's interval of the share preferred; (0, 1) where it is undefined.
        confidence: of the interval.
    """

    model: str
    n_model: int
    n_original: int
    interval: tuple[float, float]
    confidence: float

    @property
    def value(self) -> float | None:
        """Share preferred, in [0, 1]; None where the two never differ in truth."""
        n = self.n_model + self.n_original
        return self.n_model / n if n else None


def preference(
    predictions: Predictions, labels: LabelSets, benchmark: Benchmark, confidence: float = 0.95
) -> Preference:
    """Share of images on which the prediction holds, of those where it or the original does.

    Images where both hold, neither does, or no label does, are left out.

    Args:
        predictions: a model's predictions for any of the images.
        labels: the reassessed labels.
        benchmark: the original labels.
        confidence: of the interval, in (0, 1).

    Raises:
        AlignmentError: a predicted image is not in the label sets or in the benchmark.
        DataError: the benchmark has no original labels.
        OptionError: the confidence does not lie between 0 and 1.

    Source: Figure 1.
    """
    rows = predicted_rows(predictions, labels)
    model_holds = labels.contains(rows, predictions.top)
    original_holds = labels.contains(rows, original_classes(labels, benchmark)[rows])
    n_model = int((model_holds & ~original_holds).sum())
    n_original = int((original_holds & ~model_holds).sum())
    interval = wilson_interval(n_model, n_model + n_original, confidence)
    return Preference(predictions.model, n_model, n_original, interval, confidence)


@dataclass(frozen=True, slots=True)
class LaterPrediction:
    """How often a model's N-th prediction is right where its first one is.

    Attributes:
        model: the model's name.
        rank: N, 2 for the second prediction.
        n_correct: images of ``n_scored`` whose N-th prediction is among their labels.
        n_scored: images with at least N labels whose first prediction is one of them.
    """

    model: str
    rank: int
    n_correct: int
    n_scored: int

    @property
    def value(self) -> float | None:
        """The share right, in [0, 1]; None where no image could be scored."""
        return self.n_correct / self.n_scored if self.n_scored else None


def later_prediction(predictions: Predictions, labels: LabelSets, rank: int) -> LaterPrediction:
    """Accuracy of the N-th prediction, over images with N labels whose first is right.

    Nothing is asked of the predictions between the first and the N-th.

    Args:
        predictions: a model's ranked predictions for any of the images.
        labels: the reassessed labels.
        rank: N, from 2 to the number of predictions an image.

    Raises:
        OptionError: the rank is below 2, or above the number of predictions an image.
        AlignmentError: a predicted image is not in the label sets.

    Source: Figure 5.
    """
    n_ranks = predictions.ranked_classes.shape[1]
    if not 2 <= rank <= n_ranks:
        raise OptionError(
            f"predictions {predictions.model!r}: the rank is {rank}, but must be in "
            f"[2, {n_ranks}], the number of predictions an image. Give predictions with more "
            "columns, or another rank."
        )
    rows = predicted_rows(predictions, labels)
    first_right = labels.contains(rows, predictions.top)
    scored = first_right & (labels.sizes[rows] >= rank)
    right = labels.contains(rows[scored], predictions.ranked_classes[scored, rank - 1])
    return LaterPrediction(predictions.model, rank, int(right.sum()), int(scored.sum()))


@dataclass(frozen=True, slots=True)
class ProgressLines:
    """ReaL accuracy on original accuracy, for weaker and for stronger models.

    Attributes:
        lower: the line through the models of lower original accuracy.
        upper: the line through the others.
        split: the lowest original accuracy among the others, in [0, 1].
        z: difference of the slopes, lower minus upper, in its standard errors; None where a
            half has fewer than 3 models or neither slope has an error.
        p_value: two-sided, under Student's t with Welch's degrees of freedom (rounded down);
            None where z is.
    """

    lower: Line
    upper: Line
    split: float
    z: float | None
    p_value: float | None


def progress_lines(
    original: Float[np.ndarray, "M"], real: Float[np.ndarray, "M"], split: float | None = None
) -> ProgressLines:
    """Two lines of ReaL on original accuracy, and whether their slopes differ.

    Args:
        original: accuracy of each model under the original labels, in [0, 1].
        real: ReaL accuracy of each model, in [0, 1].
        split: models below this original accuracy are the lower ones; None halves the models
            by original accuracy, and the upper half takes the middle one.

    Raises:
        OptionError: an accuracy is outside [0, 1], or a half has fewer than 2 models of
            different original accuracy.

    Source: Figure 4; z = (b1 - b2) / sqrt(se1^2 + se2^2). The paper holds z against a normal,
        which few models do not bear: of six, a fifth of straight lines would seem bent. With
        its 22 it makes no difference. Degrees of freedom: B. Welch (1947), Biometrika 34:28-35.
    """
    for name, accuracy in (("original", original), ("ReaL", real)):
        outside = ~((accuracy >= 0) & (accuracy <= 1))
        if outside.any():
            row = int(np.argmax(outside))
            raise OptionError(
                f"{name} accuracy[{row}] is {float(accuracy[row])}, but must be a fraction in "
                f"[0, 1]; {int(outside.sum()):,} of {len(accuracy):,} are outside. Divide "
                "percentages by 100."
            )
    order = np.lexsort((real, original))
    x, y = original[order], real[order]
    n_lower = len(x) // 2 if split is None else int(np.searchsorted(x, split))
    lower = _half(x[:n_lower], y[:n_lower], "lower")
    upper = _half(x[n_lower:], y[n_lower:], "upper")
    z = slope_difference(lower, upper)
    p_value = None if z is None else student_p_value(z, _welch_df(lower, upper))
    return ProgressLines(lower, upper, float(x[n_lower]), z, p_value)


def slope_difference(a: Line, b: Line) -> float | None:
    """Slope of a minus slope of b, in standard errors; None where there is no error."""
    if a.slope_error is None or b.slope_error is None:
        return None
    error = math.hypot(a.slope_error, b.slope_error)
    return (a.slope - b.slope) / error if error > 0 else None


def _welch_df(a: Line, b: Line) -> int:
    """Degrees of freedom of the difference of two slopes that have errors."""
    of_a, of_b = (one.slope_error or 0.0 for one in (a, b))
    share = of_a**2 / (of_a**2 + of_b**2)
    df = 1 / (share**2 / (a.n_points - 2) + (1 - share) ** 2 / (b.n_points - 2))
    return max(1, int(df))


def _half(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], which: str) -> Line:
    if len(np.unique(x)) < 2:
        raise OptionError(
            f"the {which} half holds {len(x)} models with {len(np.unique(x))} different original "
            "accuracies, but must hold at least 2. Give more models, or another split."
        )
    return ordinary_least_squares(x, y)


@dataclass(frozen=True, slots=True)
class Findings:
    """What one study found.

    Attributes:
        counts: images by how many labels they have.
        share: images with several labels.
        kinds: images by what became of their original label; None where it is unknown.
        original: ReaL accuracy of the original labels themselves; None likewise.
        audited_original: the same as an audit has it; None without one.
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
    audited_original: AuditedAccuracy | None
    preferences: tuple[Preference, ...]
    later: tuple[LaterPrediction, ...]
    progress: ProgressLines | None
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
            accuracies.append((original_accuracy(one, benchmark, subset=True), real.value))
    if scores is not None:
        accuracies = [(s.original, s.real_value) for s in scores if s.original is not None]
    return Findings(
        counts=label_counts(labels),
        share=multi_label_share(labels),
        kinds=label_kinds(labels, benchmark) if knows_original else None,
        original=original_labels_accuracy(labels, benchmark),
        audited_original=audited_original_labels(labels, benchmark),
        preferences=tuple(preferences),
        later=tuple(later),
        progress=_progress(accuracies),
        biased=None
        if oracle is None
        else compare_on_biased_classes(oracle, by_class, labels, benchmark, leave_out),
        agreement=(
            None if gold is None else agreement(labels, benchmark, posterior, gold, gold_votes)
        ),
    )


def _progress(accuracies: Sequence[tuple[Accuracy, float | None]]) -> ProgressLines | None:
    """The two lines through (original, ReaL) accuracies; None where there are none to draw."""
    known = [
        (original.value, real)
        for original, real in accuracies
        if original.value is not None and real is not None
    ]
    if len(known) < _LEAST_MODELS:
        return None
    original, real = np.array(known).T
    try:
        return progress_lines(original, real)
    except OptionError:  # a half whose models share one original accuracy has no line
        return None
