"""Estimates from a stratified sample drawn without replacement: shares, differences and ratios.

An element of stratum h stands for N_h / n_h elements (Horvitz and Thompson's weight). A share
is the ratio of two such totals, so that a group's share lies in [0, 1] though the sample did
not fix how many of the group are drawn. Letters: n elements drawn, S strata.

Source: D. G. Horvitz and D. J. Thompson (1952), JASA 47:663-685; W. G. Cochran (1977),
Sampling Techniques, chapters 5 and 6; E. L. Korn and B. I. Graubard (1998), Survey Methodology
24:193-201 (interval of a share with the effective size of the sample); A. N. Angelopoulos et al.
(2023), Science 382:669-674, and A. N. Angelopoulos, J. C. Duchi, T. Zrnic (2023), arXiv 2311.01453
(prediction-powered inference, and its strength); A. Fisch et al. (2024), arXiv 2406.04291 (the same
in strata); G. Y. Zou, A. Donner (2008), Statistics in Medicine 27:1693-1702 (intervals of sums).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.statistics.intervals import mcnemar_exact, normal_p_value, wilson_bounds, z_critical

_TRUST = 30.0
"""Drawn elements that are seen as foretold and that every stratum is given, when it is asked how
much of the foretelling to use. The slope through one or two elements that tell fits them exactly,
and an interval by it would have no width."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with the ends of its interval."""

    value: float
    low: float
    high: float

    def times(self, n: int) -> "Estimate":
        """A share as a count of n."""
        return Estimate(self.value * n, self.low * n, self.high * n)


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the elements of a stratified sample come from.

    Attributes:
        stratum: of each element drawn.
        n_population: elements of each stratum, drawn or not.
    """

    stratum: Int[np.ndarray, "n"]
    n_population: Int[np.ndarray, "S"]

    @property
    def n_drawn(self) -> Int[np.ndarray, "S"]:
        """Elements drawn from each stratum."""
        return np.bincount(self.stratum, minlength=len(self.n_population))

    @property
    def n_unseen(self) -> int:
        """Elements of the strata that nothing was drawn from."""
        return int(self.n_population[self.n_drawn == 0].sum())

    @property
    def weight(self) -> Float[np.ndarray, "n"]:
        """How many elements each element drawn stands for."""
        weight: Float[np.ndarray, "n"] = (self.n_population / np.maximum(self.n_drawn, 1))[
            self.stratum
        ]
        return weight

    def variance(self, value: Float[np.ndarray, "n"]) -> float:
        """Estimated variance of the weighted total of a value over such samples.

        A stratum of which one element of several was drawn has no spread of its own; it is
        given that of the whole sample.

        Args:
            value: of each element drawn.
        """
        n, total = self.n_drawn, self.n_population.astype(np.float64)
        size = np.maximum(n, 1)
        mean = np.bincount(self.stratum, value, minlength=len(n)) / size
        square = np.bincount(self.stratum, value**2, minlength=len(n)) / size
        spread = np.maximum(square - mean**2, 0.0) * size / np.maximum(n - 1, 1)
        spread[n == 1] = float(np.mean(value**2)) if len(value) else 0.0
        return float((total * np.maximum(total - n, 0.0) * spread / size).sum())


def stratified_share(
    holds: Bool[np.ndarray, "n"],
    group: Bool[np.ndarray, "n"],
    n_group: int,
    sample: Sample,
    confidence: float = 0.95,
) -> Estimate | None:
    """Share of a group of the population on which something holds, with its interval.

    The interval is Wilson's for as many independent draws as would vary as much, and never
    more than were made of the group (over the share of it that was not drawn). Of strata that
    nothing was drawn from nothing is supposed: the share is that of the others, and its interval
    reaches from where it holds on none of their elements to where it holds on all of them. None
    where nothing of the group was drawn.

    Args:
        holds: whether it holds for each element drawn.
        group: whether each element drawn is of the group.
        n_group: elements of the group in the population.
        sample: where the elements come from.
        confidence: of the interval.
    """
    if not group.any():
        return None
    weight = sample.weight * group
    size = float(weight.sum())
    share = float((weight * holds).sum()) / size
    n_drawn = int(group.sum())
    if n_drawn >= n_group:
        return Estimate(share, share, share)
    n_effective = n_drawn / (1 - n_drawn / n_group)
    variance = sample.variance(group * (holds - share)) / size**2
    if variance > 0:
        n_effective = min(n_effective, share * (1 - share) / variance)
    n = np.array([n_effective])
    low, high = (float(end[0]) for end in wilson_bounds(share * n, n, confidence))
    unseen = min(sample.n_unseen / n_group, 1.0)
    low, high = low * (1 - unseen), high * (1 - unseen) + unseen
    return Estimate(share, min(share, low), max(share, high))


@dataclass(frozen=True, slots=True)
class Foretold:
    """A quantity that is foretold of all elements of a population and seen on those drawn.

    Attributes:
        seen: of each element drawn.
        foretold: of each element drawn.
        n_foretold: total of what is foretold over all elements of each stratum.
        certain: total over what lies outside the strata, which needs no sample.
    """

    seen: Float[np.ndarray, "n"]
    foretold: Float[np.ndarray, "n"]
    n_foretold: Float[np.ndarray, "S"]
    certain: float = 0.0

    def strength(self, sample: Sample) -> Float[np.ndarray, "S"]:
        """How much of the foretelling to use in each stratum: what minimises the variance.

        The slope of what is seen on what is foretold, in [0, 1], drawn to 1 as by 30 elements
        that are seen as foretold; 1 where all that was drawn is foretold the same.
        """
        n = np.maximum(sample.n_drawn, 1)
        mean = [
            (np.bincount(sample.stratum, column, minlength=len(n)) / n)[sample.stratum]
            for column in (self.seen, self.foretold)
        ]
        apart = self.foretold - mean[1]
        both = np.bincount(sample.stratum, apart * (self.seen - mean[0]), minlength=len(n))
        own = np.bincount(sample.stratum, apart**2, minlength=len(n))
        strength: Float[np.ndarray, "S"] = np.clip((both + _TRUST) / (own + _TRUST), 0.0, 1.0)
        return strength

    def residual(self, sample: Sample) -> Float[np.ndarray, "n"]:
        """What is seen of each element beyond the part of the foretelling that is used."""
        residual: Float[np.ndarray, "n"] = (
            self.seen - self.strength(sample)[sample.stratum] * self.foretold
        )
        return residual

    def total(self, sample: Sample) -> float:
        """The prediction-powered total: Σ_h N_h [mean(seen - λ foretold)] + λ foretold total.

        Of strata that nothing was drawn from the foretold total is taken.
        """
        strength = np.where(sample.n_drawn > 0, self.strength(sample), 1.0)
        foretold = float((strength * self.n_foretold).sum())
        return self.certain + foretold + float((sample.weight * self.residual(sample)).sum())


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two prediction-powered totals.

    Attributes:
        value: the ratio.
        denominator: the estimated denominator.
        residual: of each element drawn, by the delta method: what its stratum's mean adds to the
            ratio, times the denominator.
        departures: how often, and by how much, elements drawn lower and raise the ratio (see
            `departure_reach`).
    """

    value: float
    denominator: float
    residual: Float[np.ndarray, "n"]
    departures: Float[np.ndarray, "2 5 S"]


def prediction_powered_ratio(
    numerator: Foretold,
    denominator: Foretold,
    sample: Sample,
    can_fall: Float[np.ndarray, "S"],
    can_rise: Float[np.ndarray, "S"],
) -> Ratio | None:
    """The ratio of two totals, each estimated by itself; the delta method gives its error.

    None where the denominator is not above 0.

    Args:
        numerator: what is counted; values lie in [-1, 1].
        denominator: of what.
        sample: where the elements come from.
        can_fall: elements of each stratum that can turn out to lower the ratio.
        can_rise: elements that can raise it.
    """
    below = denominator.total(sample)
    if below <= 0:
        return None
    value = numerator.total(sample) / below
    residual = numerator.residual(sample) - value * denominator.residual(sample)
    departs = numerator.seen - numerator.foretold
    departs = departs - value * (denominator.seen - denominator.foretold)
    n, n_strata = sample.n_drawn, len(sample.n_population)
    unseen = np.sqrt(np.maximum(1 - n / np.maximum(sample.n_population, 1), 0.0))
    used = np.sqrt(_share_of_variance(residual, departs, sample))
    factor = unseen * used * (n > 0)
    weight = sample.n_population * factor / below
    parts = []
    for part, can in ((np.maximum(-departs, 0), can_fall), (np.maximum(departs, 0), can_rise)):
        total = np.bincount(sample.stratum, part, n_strata)
        square = np.bincount(sample.stratum, part**2, n_strata)
        size = (square + 1) / (total + 1)  # 1 where none departs: it might be the largest there is
        share = can / np.maximum(sample.n_population, 1)
        found = total / size / np.maximum(n, 1)
        # What cannot depart ends the interval as it is; the factor shortens the rest of the way.
        share = found + (share - found) / np.where(factor > 0, factor, 1.0)
        parts.append([weight, total, size, n.astype(np.float64), share])
    return Ratio(value, below, residual, np.array(parts))


def _share_of_variance(
    residual: Float[np.ndarray, "n"], departs: Float[np.ndarray, "n"], sample: Sample
) -> Float[np.ndarray, "S"]:
    """How much of the departures' variance is left where the foretelling is used in part."""
    n = np.maximum(sample.n_drawn, 1)
    spread = []
    for value in (residual, departs):
        mean = np.bincount(sample.stratum, value, minlength=len(n)) / n
        spread.append(np.bincount(sample.stratum, (value - mean[sample.stratum]) ** 2, len(n)))
    share = np.divide(spread[0], spread[1], out=np.ones(len(n)), where=spread[1] > 0)
    return np.minimum(share, 1.0)


def departure_reach(
    departures: Float[np.ndarray, "2 5 S"], confidence: float = 0.95
) -> tuple[float, float]:
    """How far below and above its estimate a ratio can lie, as far as its sample tells.

    Departures are rare, and where none was drawn some may be: Wilson's interval of their share in
    each stratum and direction reaches further up than down. The distances of its ends add up in
    squares.

    Args:
        departures: for what lowers and what raises the ratio one row each of: weight of a stratum
            (times a factor: the square root of the share that was not drawn, and of what the
            foretelling leaves of the variance), sum over the elements drawn, usual size of one
            departure, number of elements drawn, share of the stratum that can depart so, as far
            from the share found as the factor makes up for.
        confidence: of the ends.

    Source: G. Y. Zou, A. Donner (2008), Statistics in Medicine 27:1693-1702 (variance estimates
    recovered from the ends of intervals).
    """
    less, more = [], []
    for weight, total, size, n, share in departures:
        at_least_one = np.maximum(n, 1)
        found = np.minimum(total / size / at_least_one, 1.0)
        low, high = wilson_bounds(found * at_least_one, at_least_one, confidence)
        high = np.minimum(high, np.maximum(share, found))
        less.append(float(((weight * size * np.maximum(found - low, 0)) ** 2).sum()))
        more.append(float(((weight * size * np.maximum(high - found, 0)) ** 2).sum()))
    return math.sqrt(more[0] + less[1]), math.sqrt(less[0] + more[1])


def audited_interval(
    value: float, n_items: float, departures: Float[np.ndarray, "2 5 S"], confidence: float = 0.95
) -> tuple[float, float]:
    """Ends of the interval of a share of items, from the items and from a sample of them.

    Args:
        value: the share, in [0, 1].
        n_items: how many items it is of, a sample of all such items.
        departures: what the sample tells, as of `departure_reach`.
        confidence: of the interval.
    """
    n = np.array([n_items])
    low, high = (float(end[0]) for end in wilson_bounds(value * n, n, confidence))
    below, above = departure_reach(departures, confidence)
    return (
        max(value - math.hypot(value - min(low, value), below), 0.0),
        min(value + math.hypot(max(high, value) - value, above), 1.0),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one count exceeds another, with its interval and two-sided p-value."""

    value: float
    low: float
    high: float
    p_value: float


def stratified_difference(
    a: Bool[np.ndarray, "n"],
    b: Bool[np.ndarray, "n"],
    sample: Sample,
    n_items: int,
    confidence: float = 0.95,
) -> Difference | None:
    """Count of a less count of b, both on the same items, as if the items were drawn again.

    The variance has two parts: that of the sample of elements, and that of the items as a
    sample of all such items, which is McNemar's: what only one of the two has, less the squared
    difference over the number of items. Where every element was drawn the first is 0, and the
    p-value is McNemar's exact one. None where nothing was drawn from some stratum.

    Args:
        a: whether the first has the element.
        b: whether the second has it; elements that both have say nothing.
        sample: where the elements come from.
        n_items: items on which both were counted.
        confidence: of the interval.
    """
    if sample.n_unseen:
        return None
    sign = a.astype(np.float64) - b
    weight = sample.weight
    value, n_either = float((weight * sign).sum()), float((weight * np.abs(sign)).sum())
    by_sample = sample.variance(sign)
    spread = math.sqrt(by_sample + max(0.0, n_either - value**2 / n_items))
    if spread == 0:
        return Difference(value, value, value, 1.0)
    if (sample.n_drawn == sample.n_population).all():
        p_value = mcnemar_exact(int((sign > 0).sum()), int((sign < 0).sum()))
    else:
        # What only one has, as McNemar counts it: the difference under the hypothesis is 0.
        p_value = normal_p_value(value / math.sqrt(by_sample + n_either))
    half = z_critical(confidence) * spread
    return Difference(value, value - half, value + half, p_value)
