"""Is one accuracy still a proxy for another? Slopes, a breakpoint, and the order at the top.

Takes two accuracies of many models, whoever measured them. Models that share a family are
alike: every interval is a bootstrap over groups of models, and says what it rests on. What so
few models cannot tell is None, with the reason. Letters: n models.

Source: the split in halves, Beyer et al. (2020), Figure 4; the breakpoint,
`reassess.statistics.segmented`; docs/verdict.md says which rules follow.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Shaped

from reassess.analysis.findings import ProgressLines, progress_lines
from reassess.analysis.gain import LEAST_MODELS, Breakpoint, GainEstimate, bend_and_gain
from reassess.analysis.model_sample import LEAST_GROUPS, ImageDraws, Interval, ModelSample
from reassess.analysis.robustness import EffectiveRobustness, effective_robustness
from reassess.errors import OptionError
from reassess.statistics.intervals import (
    check_resamples,
    group_weights,
    weighted_slopes,
)
from reassess.statistics.ranks import kendall_tau_b, spearman_rho
from reassess.statistics.regression import ordinary_least_squares
from reassess.statistics.segmented import fit_broken_line

_LEAST_ON_A_LINE = 3
"""A line through two points has no error."""

_MANY_MODELS = 60
"""From this many models on the ranges of x are six, of about ten models or more each."""

_EDGES = (0.70, 0.80, 0.84, 0.86, 0.88)
"""Lower ends of ranges of ImageNet's original accuracy: finer where models crowd."""


@dataclass(frozen=True, slots=True)
class RangeSlope:
    """The line through the models of one range of x.

    Attributes:
        low: models from this x on; None where the range has no lower end.
        high: models below this x; None where it has no upper end.
        n_models: models in the range.
        n_groups: groups, such as families, that they belong to.
        slope: rise of y per unit of x; None where it is undefined.
        interval: of the slope; None where there are too few groups.
        reason: why slope or interval is None; None where both are there.
    """

    low: float | None
    high: float | None
    n_models: int
    n_groups: int
    slope: float | None
    interval: Interval | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class TopOrder:
    """Whether x and y order the models of the highest x alike.

    Attributes:
        share: the share of models that is the top.
        n_models: models in the top.
        n_groups: groups that they belong to.
        least: the lowest x among them.
        tau: Kendall's tau-b inside the top; None where all are tied, as for rho.
        tau_interval: of tau; None where there are too few groups, as for rho.
        rho: Spearman's rho inside the top.
        rho_interval: of rho.
        tau_all: Kendall's tau-b over all models.
        tau_all_interval: of it; None where there are too few groups.
        rho_all: Spearman's rho over all models.
    """

    share: float
    n_models: int
    n_groups: int
    least: float
    tau: float | None
    tau_interval: Interval | None
    rho: float | None
    rho_interval: Interval | None
    tau_all: float | None
    tau_all_interval: Interval | None
    rho_all: float | None


@dataclass(frozen=True, slots=True)
class Proxy:
    """How y follows x over many models.

    Attributes:
        x: what the first accuracy is called.
        y: what the second is called.
        n_models: models with both.
        n_groups: groups that were drawn together for intervals; ``n_models`` where each model
            was drawn for itself.
        slopes: one a range of x, ascending.
        halves: the paper's split; None where a half has no line.
        breakpoint: None below `LEAST_MODELS` models, or where all x are nearly the same.
        top: None below `LEAST_MODELS` models.
        missing: why breakpoint or top is None, one sentence each.
        gain: what a point gained at the top is worth, in points; None where breakpoint is.
        probit_breakpoint: the breakpoint in probits; None where an accuracy is 0 or 1, or where
            breakpoint is.
        probit_gain: the gain in probits; None likewise.
        robustness: how far models lie off the line in probits; None where it has no such line.
        images_redrawn: whether intervals draw images beside models.
        of_timm: whether the accuracies are of timm's tables, whose names are those of test sets.
    """

    x: str
    y: str
    n_models: int
    n_groups: int
    slopes: tuple[RangeSlope, ...]
    halves: ProgressLines | None
    breakpoint: Breakpoint | None
    top: TopOrder | None
    missing: tuple[str, ...] = ()
    gain: GainEstimate | None = None
    probit_breakpoint: Breakpoint | None = None
    probit_gain: GainEstimate | None = None
    robustness: EffectiveRobustness | None = None
    images_redrawn: bool = False
    of_timm: bool = False


def model_family(model: str) -> str:
    """The family of a model: its name up to the first ``_`` or ``.``, without a size.

    ``vit_base_patch16_224`` is of ``vit``, ``resnet152`` of ``resnet``, ``dpn68b`` of ``dpn``; a
    single figure is a version, so ``convnextv2_tiny`` is of ``convnextv2``.
    """
    first = re.split(r"[_.]", model, maxsplit=1)[0].lower()
    return re.sub(r"-?\d{2,}[a-z]?$", "", first) or first or model


def model_families(models: Shaped[np.ndarray, "n"]) -> Shaped[np.ndarray, "n"]:
    """The family of each model."""
    return np.array([model_family(name) for name in models.tolist()])


def proxy(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    *,
    names: tuple[str, str] = ("original", "real"),
    groups: Shaped[np.ndarray, "n"] | None = None,
    images: ImageDraws | None = None,
    bins: Sequence[float] | None = None,
    top_share: float = 0.1,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> Proxy:
    """How far y follows x, and whether it still does among the models of highest x.

    Args:
        x: one accuracy of each model, in [0, 1].
        y: another.
        names: what the two are called.
        groups: what is drawn together, such as the family of each model; None draws models.
        images: both accuracies when images are drawn again, one row a resample; None leaves
            images as they are.
        bins: where the ranges of x begin, ascending; None takes those of `default_bins`.
        top_share: share of the models with the highest x that is called the top.
        n_resamples: B.
        confidence: of the intervals.
        rng: where randomness comes from.

    Raises:
        OptionError: an accuracy is outside [0, 1], the top share is outside (0, 1], bins do not
            ascend or there are fewer than two models.
    """
    check_resamples(n_resamples, confidence)
    _check(x, y, names, top_share)
    known = np.arange(len(x)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sample = ModelSample(x, y, known, group_weights(known, n_resamples, rng), confidence)
    if images is not None:
        sample = sample.move(images, _slope_at(sample))
    used = default_bins(x, names[0]) if bins is None else _ascending(bins)
    bent = bend_and_gain(sample, rng)
    order, no_order = _top(sample, top_share)
    in_probits = sample.in_probits()
    probit = None if in_probits is None else bend_and_gain(in_probits, rng)
    reasons = (bent if isinstance(bent, str) else None, no_order)
    return Proxy(
        x=names[0],
        y=names[1],
        n_models=len(x),
        n_groups=int(known.max()) + 1,
        slopes=_slopes(sample, used),
        halves=_halves(x, y),
        breakpoint=None if isinstance(bent, str) else bent[0],
        top=order,
        missing=tuple(reason for reason in reasons if reason),
        gain=None if isinstance(bent, str) else bent[1],
        probit_breakpoint=None if probit is None or isinstance(probit, str) else probit[0],
        probit_gain=None if probit is None or isinstance(probit, str) else probit[1],
        robustness=None
        if in_probits is None or order is None
        else effective_robustness(in_probits, order.n_models),
        images_redrawn=images is not None,
    )


def default_bins(x: Float[np.ndarray, "n"], name: str) -> tuple[float, ...]:
    """Where ranges of x begin by default: fixed for many models and the original labels.

    Six ranges of original accuracy from 60 models on, where each holds enough for a line, as on
    ImageNet; for another accuracy six of equal numbers of models; two halves below 60 models.
    """
    counts = np.bincount(np.searchsorted(_EDGES, x, side="right"), minlength=len(_EDGES) + 1)
    if len(x) >= _MANY_MODELS and name == "original" and counts.min() >= _LEAST_ON_A_LINE:
        return _EDGES
    n_ranges = 6 if len(x) >= _MANY_MODELS else 2
    ends = np.sort(x)[[round(len(x) * i / n_ranges) for i in range(1, n_ranges)]]
    return tuple(np.unique(ends).tolist())


def _check(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    names: tuple[str, str],
    top_share: float,
) -> None:
    if not 0 < top_share <= 1:
        raise OptionError(f"the top share is {top_share:g}, but must be in (0, 1].")
    if len(x) < 2:
        raise OptionError(
            f"the number of models with both {names[0]} and {names[1]} accuracy is {len(x)}, but "
            "must be at least 2. Add models."
        )
    for name, accuracy in zip(names, (x, y), strict=True):
        outside = ~((accuracy >= 0) & (accuracy <= 1))
        if outside.any():
            row = int(np.argmax(outside))
            raise OptionError(
                f"{name} accuracy[{row}] is {float(accuracy[row])}, but must be a fraction in "
                f"[0, 1]; {int(outside.sum()):,} of {len(accuracy):,} are outside."
            )


def _ascending(bins: Sequence[float]) -> tuple[float, ...]:
    """The bins, if they ascend inside (0, 1)."""
    if any(not 0 < edge < 1 for edge in bins) or sorted(set(bins)) != list(bins):
        raise OptionError(
            f"the bins begin at {', '.join(f'{edge:g}' for edge in bins)}, but must ascend and lie "
            "between 0 and 1, as 0.7,0.8,0.88 do."
        )
    return tuple(bins)


def _slopes(sample: ModelSample, bins: Sequence[float]) -> tuple[RangeSlope, ...]:
    ends = [None, *bins, None]
    return tuple(_slope(sample, low, high) for low, high in pairwise(ends))


def _slope(sample: ModelSample, low: float | None, high: float | None) -> RangeSlope:
    x, y = sample.x, sample.y
    rows = (x >= (-np.inf if low is None else low)) & (x < (np.inf if high is None else high))
    n_models, n_groups = int(rows.sum()), sample.n_groups(rows)
    if n_models < _LEAST_ON_A_LINE or np.ptp(x[rows]) == 0:
        reason = f"a line needs 3 models of different accuracy, and here are {n_models}"
        return RangeSlope(low, high, n_models, n_groups, None, None, reason)
    whole = weighted_slopes(x[rows], y[rows], np.ones((1, n_models)))
    draws = weighted_slopes(x[rows], sample.y_draws(rows), sample.weights[:, rows])
    interval = sample.interval(draws, n_groups)
    few = f"an interval needs {LEAST_GROUPS} groups of models, and here are {n_groups}"
    why = few if interval is None else None
    return RangeSlope(low, high, n_models, n_groups, float(whole[0]), interval, why)


def _halves(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"]) -> ProgressLines | None:
    try:
        return progress_lines(x, y)
    except OptionError:  # a half whose models share one accuracy has no line
        return None


def _slope_at(sample: ModelSample) -> Float[np.ndarray, "n"]:
    """Slope of the curve at each model: of two lines where there are enough models, else of one."""
    x, y = sample.x, sample.y
    try:
        if len(x) >= LEAST_MODELS:
            found = fit_broken_line(x, y)
            if np.isfinite(found.breakpoint):
                return np.where(x < found.breakpoint, found.lower, found.upper)
        return np.full(len(x), ordinary_least_squares(x, y).slope)
    except OptionError:  # the models have nearly the same accuracy
        return np.ones(len(x))


def _top(sample: ModelSample, share: float) -> tuple[TopOrder | None, str | None]:
    """The order inside the top, or why there is none."""
    x, y = sample.x, sample.y
    n_top = round(share * len(x))
    if len(x) < LEAST_MODELS:
        return None, f"The order of the top needs {LEAST_MODELS} models, and here are {len(x)}."
    n_top = max(n_top, min(LEAST_MODELS, len(x)))
    rows = np.argsort(-x, kind="stable")[:n_top]
    n_groups = sample.n_groups(rows)
    one, every = np.ones((1, n_top)), np.ones((1, len(x)))
    rho = spearman_rho(x[rows], sample.y_draws(rows), sample.weights[:, rows])
    all_groups = sample.n_groups()
    return TopOrder(
        share=share,
        n_models=n_top,
        n_groups=n_groups,
        least=float(x[rows[-1]]),
        tau=_known(kendall_tau_b(x[rows], y[rows], one)),
        tau_interval=sample.interval(sample.tau_draws(rows), n_groups),
        rho=_known(spearman_rho(x[rows], y[rows], one)),
        rho_interval=sample.interval(rho, n_groups),
        tau_all=_known(kendall_tau_b(x, y, every)),
        tau_all_interval=sample.interval(sample.tau_draws(np.arange(len(x))), all_groups),
        rho_all=_known(spearman_rho(x, y, every)),
    ), None


def _known(values: Float[np.ndarray, "1"]) -> float | None:
    return float(values[0]) if np.isfinite(values[0]) else None
