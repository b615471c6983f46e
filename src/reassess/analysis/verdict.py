"""The verdict: is the metric still a proxy, and what has passed the original labels?

Joins the findings that answer it, and judges them by stated rules. Words for it, and
percentages, are `reassess.report`'s; `reassess.analysis.verdict_json` has every number.

A metric is a proxy for another where it still orders the best models as the other does
(*order*) and a point gained on it is still worth as much as it was (*gain*):

======  =======================================================================
order   kept: Kendall's tau inside the top is at least 0.5 (three of four pairs of models in
        the same order), all of its interval; lost: all of its interval is below; else open
gain    what `reassess.analysis.gain` proves, in points and in probits together: holds, more,
        less, nothing, else open
answer  no: gain nothing; or order lost, and gain less than half (all of the interval, in both
        scales); or order lost among all models, and their tau's interval reaches 0; weaker:
        else order lost, or gain less; yes: gain holds or more, and tau inside the top is 0.5
        at least; open: what is left
======  =======================================================================

So *no* rests on what is proven, never on an interval that says nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Shaped

from reassess.analysis.family_lines import FamilyLines, family_lines
from reassess.analysis.gain import Gain, GainEstimate, joint_gain
from reassess.analysis.image_draws import draw_images
from reassess.analysis.model_sample import LEAST_GROUPS, Interval
from reassess.analysis.multilabel import LabelKinds, label_kinds
from reassess.analysis.proxy import Proxy, model_families, proxy
from reassess.analysis.standings import (
    ModelVsOriginal,
    Neighbours,
    OriginalLabelsScore,
    audited_original_labels,
    level_interval,
    original_labels_accuracy,
    original_labels_score,
    standings,
)
from reassess.analysis.uncertainty import UncertainScores
from reassess.errors import OptionError
from reassess.files.results import Results
from reassess.records import Accuracy, Benchmark, LabelSets, Predictions
from reassess.registry import checks_choices

Answer = Literal["yes", "weaker", "no", "open"]
Order = Literal["kept", "lost", "open"]
ClusterBy = Literal["family", "none"]

KEPT_TAU = 0.5
"""Three of four pairs of models in the same order."""

HALF = 0.5
"""A slope above that is surely less than half of that below, and a lost order, are no proxy."""

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
        gain: whether a point gained is still worth as much, in points and probits together.
        order_all: whether all models are put in the same order.
    """

    answer: Answer
    order: Order
    gain: Gain
    order_all: Order = "open"


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
        models: the entries that have both, in the order of the proxy's residuals.
        by_size: whether an entry is a model at an image size, as in timm's tables.
        families: lines within families of models.
    """

    n_entries: int
    n_left_out: int
    cluster_by: ClusterBy
    proxy: Proxy
    original_labels: OriginalLabelsScore | None
    judgement: Judgement
    confidence: float
    models: tuple[str, ...] = ()
    by_size: bool = True
    families: FamilyLines = field(default_factory=lambda: FamilyLines((), None))


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
    top = found.top
    order = _order(None if top is None else top.tau_interval)
    order_all = _order(None if top is None else top.tau_all_interval)
    points, probits = found.gain, found.probit_gain
    gain: Gain = "open"
    if points is not None:
        gain = joint_gain(points.gain, None if probits is None else probits.gain)
    halved = gain == "less" and all(_is_below_half(one) for one in (points, probits))
    answer: Answer = "open"
    unrelated = order_all == "lost" and top is not None and _reaches_0(top.tau_all_interval)
    if gain == "nothing" or (order == "lost" and halved) or unrelated:
        answer = "no"
    elif gain == "less" or order == "lost":
        answer = "weaker"
    elif gain in {"holds", "more"} and top is not None and (top.tau or 0.0) >= KEPT_TAU:
        answer = "yes"
    return Judgement(answer, order, gain, order_all)


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
    found = replace(found, of_timm=results.img_size is not None)
    above = None
    if y == "real" and original_labels is not None:
        named = models.tolist()
        if results.img_size is not None:
            sizes = results.img_size[both].tolist()
            named = [f"{model} at {size}" for model, size in zip(named, sizes, strict=True)]
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
        models=tuple(models.tolist()),
        by_size=results.img_size is not None,
        families=family_lines(
            results.accuracy[x][both],
            results.accuracy[y][both],
            model_families(models),
            confidence=confidence,
        ),
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
        (one.model, one.original.value, one.value)
        for one in models
        if one.has_both and one.original is not None
    ]
    found = None
    if len(known) > 1:
        names, x, y = (np.array(column) for column in zip(*known, strict=True))
        groups = _GROUPS[cluster_by](names)
        by_name = {one.model: one for one in predictions}
        # So few models have no interval, whatever the images are.
        redrawn = None
        if len(known) >= LEAST_GROUPS:
            chosen = [by_name[name] for name in names.tolist()]
            redrawn = draw_images(chosen, labels, benchmark, n_resamples, rng)
        found = proxy(
            x,
            y,
            groups=groups,
            images=redrawn,
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
    audited = audited_original_labels(labels, benchmark)
    differences = [one.above for one in models if one.above is not None]
    return OriginalLabelsScore(
        real=own,
        interval=level_interval(own, audited, confidence),
        n_models=len(models),
        n_above=sum(one.value > 0 for one in differences),
        n_surely_above=sum(one.value > 0 and one.decided for one in differences),
        best=models[0].value if models else None,
        best_model=models[0].model if models else None,
        audited=audited,
    )


def _order(interval: Interval | None) -> Order:
    """Whether an order with this interval of tau is kept."""
    if interval is None:
        return "open"
    if interval[0] >= KEPT_TAU:
        return "kept"
    return "lost" if interval[1] < KEPT_TAU else "open"


def _reaches_0(interval: Interval | None) -> bool:
    return interval is not None and interval[0] <= 0


def _is_below_half(found: GainEstimate | None) -> bool:
    """Whether all of the ratio's interval is below `HALF`; what is not there does not object."""
    return found is None or (found.interval is not None and found.interval[1] < HALF)
