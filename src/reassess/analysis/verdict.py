"""The verdict: is the metric still a proxy, and what has passed the original labels?

Joins the findings that answer it, and judges them by stated rules. Words for it, and
percentages, are `reassess.report`'s; `reassess.analysis.verdict_json` has every number.

A metric is a proxy for another where it still orders the best models as the other does
(*order*) and a point gained on it is still worth as much as it was (*gain*):

======  =======================================================================
order   kept: Kendall's tau inside the top is at least 0.5 (three of four pairs of models in
        the same order), all of its interval; lost: all of its interval is below; else open
gain    less: there is a bend (p < 0.05) and the slope above it is smaller than below, all of
        the interval of their ratio below 1; nothing: so, and the interval of the slope above
        reaches 0; more: a bend, and the ratio above 1; holds: no bend to be seen, and the
        ratio at least 0.5, all of its interval; else open
answer  no: order lost, or gain nothing; weaker: else gain less; yes: order kept and gain holds
        or more; else open
======  =======================================================================
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Shaped

from reassess.analysis.multilabel import LabelKinds, label_kinds
from reassess.analysis.proxy import Proxy, model_families, proxy
from reassess.analysis.standings import (
    ModelVsOriginal,
    Neighbours,
    OriginalLabelsScore,
    original_labels_accuracy,
    original_labels_score,
    standings,
)
from reassess.analysis.uncertainty import UncertainScores
from reassess.errors import OptionError
from reassess.files.results import Results
from reassess.records import Accuracy, Benchmark, LabelSets, Predictions
from reassess.registry import checks_choices
from reassess.statistics import wilson_interval

Answer = Literal["yes", "weaker", "no", "open"]
Order = Literal["kept", "lost", "open"]
Gain = Literal["holds", "more", "less", "nothing", "open"]
ClusterBy = Literal["family", "none"]

KEPT_TAU = 0.5
"""Three of four pairs of models in the same order."""

LEAST_RATIO = 0.5
"""A slope that may be worth less than half of that below does not hold."""

SIGNIFICANT = 0.05
"""There is a bend where its p-value is below this."""

_GROUPS: dict[ClusterBy, Callable[[Shaped[np.ndarray, "M"]], Shaped[np.ndarray, "M"] | None]] = {
    "family": model_families,
    "none": lambda _: None,
}
"""What is drawn together, by name: a group of each model, or None for every model alone."""


@checks_choices
@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether one accuracy is still a proxy for another, by the rules above.

    Attributes:
        answer: yes, weaker, no, or open where so few models cannot tell.
        order: whether the best models are still put in the same order.
        gain: whether a point gained is still worth as much.
    """

    answer: Answer
    order: Order
    gain: Gain


@checks_choices
@dataclass(frozen=True, slots=True)
class ResultsVerdict:
    """The verdict on published accuracies of many models.

    Attributes:
        n_entries: entries of the tables, each a model at an image size.
        n_left_out: entries that lack one of the two accuracies.
        cluster_by: what was drawn together for intervals.
        proxy: how y follows x.
        original_labels: the original labels' ReaL accuracy; None where y is not ReaL accuracy.
        judgement: what follows.
        confidence: of the intervals.
    """

    n_entries: int
    n_left_out: int
    cluster_by: ClusterBy
    proxy: Proxy
    original_labels: OriginalLabelsScore | None
    judgement: Judgement
    confidence: float


@dataclass(frozen=True, slots=True)
class StudyVerdict:
    """The verdict on one study.

    Attributes:
        name: the benchmark's.
        n_images: images with a label set, possibly empty.
        n_rated: images that were put to raters; None where that is not known.
        kinds: images by what became of their original label; None where it is unknown.
        original_labels: the original labels' ReaL accuracy; None likewise.
        models: every model, best first.
        neighbours: every two models that follow each other.
        proxy: how ReaL accuracy follows original accuracy; None below 2 models or where
            original labels are unknown.
        uncertainty: accuracies and ranks with their intervals, those from labels where votes are
            known; None where they were not drawn.
        judgement: what follows; open where there is no proxy.
        confidence: of the intervals.
    """

    name: str
    n_images: int
    n_rated: int | None
    kinds: LabelKinds | None
    original_labels: OriginalLabelsScore | None
    models: tuple[ModelVsOriginal, ...]
    neighbours: tuple[Neighbours, ...]
    proxy: Proxy | None
    uncertainty: UncertainScores | None
    judgement: Judgement
    confidence: float


def judge(found: Proxy) -> Judgement:
    """Whether y still follows x, by the rules at the head of this module."""
    order, gain = _order(found), _gain(found)
    answer: Answer = "open"
    if order == "lost" or gain == "nothing":
        answer = "no"
    elif gain == "less":
        answer = "weaker"
    elif order == "kept" and gain in {"holds", "more"}:
        answer = "yes"
    return Judgement(answer, order, gain)


@checks_choices
def results_verdict(
    results: Results,
    *,
    x: str = "original",
    y: str = "real",
    original_labels: Accuracy | None = None,
    cluster_by: ClusterBy = "family",
    bins: Sequence[float] | None = None,
    top_share: float = 0.1,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> ResultsVerdict:
    """The verdict on published accuracies.

    Args:
        results: one entry a model and image size.
        x: the accuracy that people chase.
        y: the accuracy that it should stand for.
        original_labels: ReaL accuracy of the original labels, where y is ReaL accuracy.
        cluster_by: whether entries of a family are drawn together.
        bins: as in `proxy`.
        top_share: as in `proxy`.
        n_resamples: as in `proxy`.
        confidence: of the intervals.
        rng: where randomness comes from.

    Raises:
        OptionError: an accuracy is unknown, or as in `proxy`.
    """
    for name in (x, y):
        if name not in results.accuracy:
            raise OptionError(
                f"the results have no accuracy {name!r}, but must have it; they have "
                f"{', '.join(results.accuracy)}. Name another (--x, --y), or add its table."
            )
    if x == y:
        raise OptionError(f"x and y are both {x!r}, but must be two accuracies. Name another.")
    both: Bool[np.ndarray, "M"] = ~np.isnan(results.accuracy[x]) & ~np.isnan(results.accuracy[y])
    models = results.model[both]
    found = proxy(
        results.accuracy[x][both],
        results.accuracy[y][both],
        names=(x, y),
        groups=_GROUPS[cluster_by](models),
        bins=bins,
        top_share=top_share,
        n_resamples=n_resamples,
        confidence=confidence,
        rng=rng,
    )
    above = None
    if y == "real" and original_labels is not None:
        named = [
            f"{model} at {size}"
            for model, size in zip(models.tolist(), results.img_size[both].tolist(), strict=True)
        ]
        above = original_labels_score(
            original_labels, results.accuracy[y][both], named, confidence=confidence
        )
    return ResultsVerdict(
        n_entries=len(results),
        n_left_out=int((~both).sum()),
        cluster_by=cluster_by,
        proxy=found,
        original_labels=above,
        judgement=judge(found),
        confidence=confidence,
    )


@checks_choices
def study_verdict(
    labels: LabelSets,
    benchmark: Benchmark,
    predictions: Sequence[Predictions],
    *,
    uncertainty: UncertainScores | None = None,
    cluster_by: ClusterBy = "none",
    bins: Sequence[float] | None = None,
    top_share: float = 0.1,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> StudyVerdict:
    """The verdict on one study.

    Args:
        labels: the reassessed labels.
        benchmark: its images, with original labels where they are known.
        predictions: one record a model.
        uncertainty: of the same models and labels, from `uncertain_scores`.
        cluster_by: whether models of a family are drawn together.
        bins: as in `proxy`.
        top_share: as in `proxy`.
        n_resamples: as in `proxy`.
        confidence: of the intervals.
        rng: where randomness comes from.

    Raises:
        AlignmentError: images do not match.
        OptionError: as in `proxy`.
    """
    models, neighbours = standings(predictions, labels, benchmark, confidence=confidence)
    known = [
        (one.model, one.original.value, one.real.value)
        for one in models
        if one.original is not None
        and one.original.value is not None
        and one.real.value is not None
    ]
    found = None
    if len(known) > 1:
        names, x, y = (np.array(column) for column in zip(*known, strict=True))
        groups = _GROUPS[cluster_by](names)
        found = proxy(
            x,
            y,
            groups=groups,
            bins=bins,
            top_share=top_share,
            n_resamples=n_resamples,
            confidence=confidence,
            rng=rng,
        )
    return StudyVerdict(
        name=benchmark.name,
        n_images=len(labels),
        n_rated=None if labels.rated is None else int(labels.rated.sum()),
        kinds=None if benchmark.original is None else label_kinds(labels, benchmark),
        original_labels=_study_original_labels(labels, benchmark, models, confidence),
        models=models,
        neighbours=neighbours,
        proxy=found,
        uncertainty=uncertainty,
        judgement=Judgement("open", "open", "open") if found is None else judge(found),
        confidence=confidence,
    )


def _study_original_labels(
    labels: LabelSets, benchmark: Benchmark, models: Sequence[ModelVsOriginal], confidence: float
) -> OriginalLabelsScore | None:
    """The original labels beside the models, with those that a paired test puts above."""
    own = original_labels_accuracy(labels, benchmark)
    if own is None:
        return None
    differences = [one.above for one in models if one.above is not None]
    return OriginalLabelsScore(
        real=own,
        interval=wilson_interval(own.n_correct, own.n_scored, confidence),
        n_models=len(models),
        n_above=sum(one.value > 0 for one in differences),
        n_surely_above=sum(one.value > 0 and one.decided for one in differences),
        best=models[0].real.value if models else None,
        best_model=models[0].model if models else None,
    )


def _order(found: Proxy) -> Order:
    interval = None if found.top is None else found.top.tau_interval
    if interval is None:
        return "open"
    if interval[0] >= KEPT_TAU:
        return "kept"
    return "lost" if interval[1] < KEPT_TAU else "open"


def _gain(found: Proxy) -> Gain:
    bent = found.breakpoint
    if bent is None or bent.ratio_interval is None or bent.slope_above_interval is None:
        return "open"
    low, high = bent.ratio_interval
    if bent.p_value >= SIGNIFICANT:
        return "holds" if low >= LEAST_RATIO else "open"
    if high < 1:
        return "nothing" if bent.slope_above_interval[0] <= 0 else "less"
    return "more" if low > 1 else "open"
