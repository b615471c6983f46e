"""What a point gained on one accuracy is worth in another at the top, beside what it was below.

Where the slope changes (p < 0.05) the ratio, slope above over slope below, is that at the place
of the change, of which either side must hold `LEAST_BESIDE` models. Where no change shows, no
place is estimated: the ratio is that at the median model. A ratio from 0.8 to 1.25 counts as the
same, and to *hold* must be proven by two one-sided tests; what is not proven is open.

======== ==================================================================================
holds    the 90 % interval of the ratio lies within 0.8 to 1.25
less     the slope changes, and all of the ratio's interval lies below 0.8
nothing  so, and below 0.25
more     the slope changes, and all of the ratio's interval lies above 1.25
open     what is left
======== ==================================================================================

In points and in probits alike, and then together: a curve that is straight in one of them holds,
and less or more is only what both say, as the other scale would explain it away.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from reassess.analysis.model_sample import (
    LEAST_GROUPS,
    Interval,
    ModelSample,
    Scale,
    from_probits,
)
from reassess.errors import OptionError
from reassess.registry import checks_choices
from reassess.statistics.hinge import fit_hinge
from reassess.statistics.intervals import defined_interval
from reassess.statistics.segmented import (
    BrokenLine,
    BrokenLineDraws,
    breakpoints,
    broken_line_draws,
    broken_line_p_value,
    fit_broken_line,
)

Gain = Literal["holds", "more", "less", "nothing", "open"]

LEAST_MODELS = 8
"""Below this many models there is no breakpoint, no order of the top and no verdict."""

LEAST_BESIDE = 5
"""Fewer models on one side of a breakpoint do not tell the slope there."""

SIGNIFICANT = 0.05
"""There is a bend where its p-value is below this."""

EQUIVALENT = (0.8, 1.25)
"""A slope above that is from 0.8 to 1.25 times the slope below is worth the same."""

NOTHING = 0.25
"""A slope above that is surely less than a quarter of the slope below is worth nothing."""


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Two lines that meet where the data say, and whether they are one.

    Attributes:
        value: the accuracy x at which they meet.
        interval: of it; None where there are too few groups, as for the other intervals.
        slope_below: slope below it, in the scale of the fit.
        slope_below_interval: of that slope.
        slope_above: slope above it.
        slope_above_interval: of that slope.
        ratio: slope above over slope below; None where the latter is 0.
        ratio_interval: of the ratio.
        p_value: probability of so strong a bend if one straight line were true.
        preferred: breakpoints of the line that BIC prefers, with up to three; more than one
            means that the bend is gradual, and none that one line does.
    """

    value: float
    interval: Interval | None
    slope_below: float
    slope_below_interval: Interval | None
    slope_above: float
    slope_above_interval: Interval | None
    ratio: float | None
    ratio_interval: Interval | None
    p_value: float
    preferred: tuple[float, ...]


@checks_choices
@dataclass(frozen=True, slots=True)
class GainEstimate:
    """What a point gained is worth above some accuracy, beside what it is worth below.

    Attributes:
        scale: of both accuracies.
        place: how the accuracy was chosen: where the slope changes most, or the median model.
        at: that accuracy.
        n_below: models below it.
        n_above: models from it on.
        ratio: slope above over slope below; None where the latter is not surely above 0.
        interval: of the ratio; None where it has none.
        equivalence_interval: the same at 90 %, as two one-sided tests at 5 % need it.
        p_value: probability of so strong a bend if one straight line were true.
        gain: what follows.
    """

    scale: Scale
    place: Literal["bend", "median"]
    at: float
    n_below: int
    n_above: int
    ratio: float | None
    interval: Interval | None
    equivalence_interval: Interval | None
    p_value: float
    gain: Gain


def bend_and_gain(
    sample: ModelSample, rng: np.random.Generator
) -> tuple[Breakpoint, GainEstimate] | str:
    """Where the slope changes and what that comes to; or why there is no such place."""
    if len(sample) < LEAST_MODELS:
        return f"A breakpoint needs {LEAST_MODELS} models, and here are {len(sample)}."
    try:
        found = fit_broken_line(sample.x, sample.y)
    except OptionError as error:
        return f"No breakpoint: {error}"
    if not np.isfinite(found.breakpoint):
        return "No breakpoint: the models have nearly the same accuracy."
    draws = broken_line_draws(sample.x, sample.y, sample.weights, redrawn=sample.redrawn)
    bend = _breakpoint(sample, found, draws, rng)
    if bend.p_value < SIGNIFICANT:
        return bend, _gain_at_bend(sample, found, draws, bend)
    return bend, _gain_at_median(sample, bend.p_value)


@checks_choices
def joint_gain(points: Gain, probits: Gain | None) -> Gain:
    """What both scales together say; None where there are no probits."""
    both = {points, points if probits is None else probits}
    if "holds" in both:
        return "holds"
    if both <= {"less", "nothing"}:
        return "less" if "less" in both else "nothing"
    return "more" if both == {"more"} else "open"


def _breakpoint(
    sample: ModelSample, found: BrokenLine, draws: BrokenLineDraws, rng: np.random.Generator
) -> Breakpoint:
    n_groups = sample.n_groups()
    of_place = sample.interval(draws.breakpoint, n_groups)
    p_value = broken_line_p_value(sample.x, sample.y, sample.group, len(sample.weights), rng)
    return Breakpoint(
        value=_accuracy(sample, found.breakpoint),
        interval=None
        if of_place is None
        else (_accuracy(sample, of_place[0]), _accuracy(sample, of_place[1])),
        slope_below=found.lower,
        slope_below_interval=sample.interval(draws.lower, n_groups),
        slope_above=found.upper,
        slope_above_interval=sample.interval(draws.upper, n_groups),
        ratio=found.upper / found.lower if found.lower else None,
        ratio_interval=sample.interval(_ratios(draws), n_groups),
        p_value=p_value,
        preferred=tuple(_accuracy(sample, one) for one in breakpoints(sample.x, sample.y)),
    )


def _gain_at_bend(
    sample: ModelSample, found: BrokenLine, draws: BrokenLineDraws, bend: Breakpoint
) -> GainEstimate:
    n_above = int((sample.x >= found.breakpoint).sum())
    n_below, below, wide = len(sample) - n_above, bend.slope_below_interval, bend.ratio_interval
    narrow = None
    if wide is not None:
        narrow = defined_interval(_ratios(draws), sample.one_sided)
    # Beside a slope that is not surely above 0 no other is worth so many times as much.
    rises = found.lower > 0 if below is None else below[0] > 0
    known = rises and below is not None and min(n_below, n_above) >= LEAST_BESIDE
    return GainEstimate(
        scale=sample.scale,
        place="bend",
        at=bend.value,
        n_below=n_below,
        n_above=n_above,
        ratio=bend.ratio if rises else None,
        interval=wide if rises else None,
        equivalence_interval=narrow if rises else None,
        p_value=bend.p_value,
        gain=_judged(wide, narrow) if known else "open",
    )


def _gain_at_median(sample: ModelSample, p_value: float) -> GainEstimate:
    at = float(np.median(sample.x))
    n_above = int((sample.x >= at).sum())
    hinge = None
    if sample.n_groups() >= LEAST_GROUPS:
        hinge = fit_hinge(sample.x, sample.y, sample.group, at, sample.redrawn)
    narrow = wide = None
    if hinge is not None and hinge.lower > 0:
        narrow = hinge.ratio_interval(sample.one_sided)
        wide = hinge.ratio_interval(sample.confidence)
    return GainEstimate(
        scale=sample.scale,
        place="median",
        at=_accuracy(sample, at),
        n_below=len(sample) - n_above,
        n_above=n_above,
        ratio=hinge.ratio if hinge is not None and wide is not None else None,
        interval=wide,
        equivalence_interval=narrow,
        p_value=p_value,
        gain="holds" if _is_equivalent(narrow) else "open",
    )


def _judged(wide: Interval | None, narrow: Interval | None) -> Gain:
    """What a ratio with these intervals comes to, where the slope changes."""
    if wide is None:
        return "open"
    if _is_equivalent(narrow):
        return "holds"
    if wide[1] < EQUIVALENT[0]:
        return "nothing" if wide[1] < NOTHING else "less"
    return "more" if wide[0] > EQUIVALENT[1] else "open"


def _is_equivalent(interval: Interval | None) -> bool:
    return interval is not None and interval[0] >= EQUIVALENT[0] and interval[1] <= EQUIVALENT[1]


def _ratios(draws: BrokenLineDraws) -> Float[np.ndarray, "B"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: Float[np.ndarray, "B"] = draws.upper / draws.lower
    return ratios


def _accuracy(sample: ModelSample, x: float) -> float:
    """An x in the scale of the sample as an accuracy."""
    return x if sample.scale == "points" else float(from_probits(np.array([x]))[0])
