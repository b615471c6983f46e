"""Confidence sequences: intervals that hold at every look at once, however often one looks.

For counts the order of arrival does not matter: the likelihood of the data is held against its
mean over a prior, which by Ville's inequality exceeds 1/α with probability α at most, ever. So a
rate (Beta prior), a rate of a finite population drawn without replacement (the same), and a
difference of two paired rates (Dirichlet prior). For bounded values in order: betting. A sequence
is wider than an interval for one look of the same confidence; that is the price.

Source: H. Robbins (1970), Annals of Mathematical Statistics 41:1397-1409 (mixtures); S. R. Howard
et al. (2021), Annals of Statistics 49:1055-1080; I. Waudby-Smith and A. Ramdas (2020), NeurIPS,
arXiv 2006.04347 (without replacement, by the ratio of prior and posterior); I. Waudby-Smith and A.
Ramdas (2024), JRSS B 86:1-27, section 4.2 (hedged capital, predictable plug-in bets).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reassess.errors import DataError, OptionError

_PRIOR = 0.5
"""Jeffreys' prior of each share: narrow for rates near 0 and 1, as error rates are."""

_N_HALVINGS = 40

_N_GRID = 1001
"""Means that betting tries: steps of a thousandth."""

_LARGEST_BET = 0.5
"""Of what a bet can lose, so that capital never falls to 0."""


@dataclass(frozen=True, slots=True)
class AnytimeEstimate:
    """An estimate with an interval that holds at every look.

    Attributes:
        value: the estimate so far.
        low: lower end.
        high: upper end.
        n: what it rests on.
        confidence: of the whole sequence of intervals.
    """

    value: float
    low: float
    high: float
    n: int
    confidence: float


def rate_sequence(n_yes: int, n: int, *, confidence: float = 0.95) -> AnytimeEstimate:
    """A rate from independent yes and no, after any number of them.

    Args:
        n_yes: how many were yes.
        n: how many there were.
        confidence: of the whole sequence.

    Raises:
        OptionError: nothing was counted, the counts do not fit, or the confidence is no share.
    """
    _check(n_yes, n, confidence)
    least = _log_mixture((n_yes, n - n_yes)) + math.log(1 - confidence)
    share = n_yes / n

    def inside(p: float) -> bool:
        return _log_likelihood((n_yes, n - n_yes), (p, 1 - p)) > least

    return AnytimeEstimate(share, _end(inside, share, 0.0), _end(inside, share, 1.0), n, confidence)


def finite_rate_sequence(
    n_yes: int, n: int, n_population: int, *, confidence: float = 0.95
) -> AnytimeEstimate:
    """A rate of a finite population from random draws without replacement.

    Args:
        n_yes: how many draws were yes.
        n: how many there were.
        n_population: how many there are to draw from.
        confidence: of the whole sequence.

    Raises:
        OptionError: as in `rate_sequence`, or more were drawn than there are.
    """
    _check(n_yes, n, confidence)
    if n > n_population:
        raise OptionError(
            f"the number drawn is {n:,}, but must be at most the population, {n_population:,}."
        )
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n_population + 1)))])
    total = np.arange(n_yes, n_population - (n - n_yes) + 1)
    others = n_population - total
    # Probability of this very sequence of draws if so many of the population are yes.
    log_likelihood = (
        log_factorial[total] - log_factorial[total - n_yes]
        + log_factorial[others] - log_factorial[others - (n - n_yes)]
        - log_factorial[n_population] + log_factorial[n_population - n]
    )  # fmt: skip
    least = _log_mixture((n_yes, n - n_yes)) + math.log(1 - confidence)
    kept = total[log_likelihood > least] / n_population
    # The share drawn is a share of other wholes than the population, and can lie beyond all kept.
    share = n_yes / n
    low, high = min(float(kept[0]), share), max(float(kept[-1]), share)
    return AnytimeEstimate(share, low, high, n, confidence)


def difference_sequence(
    n_only_a: int, n_only_b: int, n: int, *, confidence: float = 0.95
) -> AnytimeEstimate:
    """The rate of a less that of b, both on the same independent things.

    Args:
        n_only_a: on how many a holds and b does not.
        n_only_b: the other way round.
        n: how many things there were.
        confidence: of the whole sequence.

    Raises:
        OptionError: as in `rate_sequence`.
    """
    _check(n_only_a + n_only_b, n, confidence)
    counts = (n_only_a, n_only_b, n - n_only_a - n_only_b)
    least = _log_mixture(counts) + math.log(1 - confidence)
    difference = (n_only_a - n_only_b) / n

    def inside(d: float) -> bool:
        b = _likeliest_b(counts, d)
        return _log_likelihood(counts, (b + d, b, 1 - 2 * b - d)) > least

    return AnytimeEstimate(
        difference,
        _end(inside, difference, -1.0),
        _end(inside, difference, 1.0),
        n,
        confidence,
    )


def mean_sequence(values: Float[np.ndarray, "n"], *, confidence: float = 0.95) -> AnytimeEstimate:
    """The mean of values in [0, 1] that arrive in this order, each with this mean given the past.

    Args:
        values: in the order in which they came.
        confidence: of the whole sequence; the ends are the tightest so far.

    Raises:
        OptionError: there is no value, or one is outside [0, 1].
        DataError: no mean fits all values in this order.
    """
    _check(0, len(values), confidence)
    if not ((values >= 0) & (values <= 1)).all():
        raise OptionError("a value is outside [0, 1], but must be in it. Scale the values.")
    n, grid = len(values), np.linspace(0, 1, _N_GRID)
    t = np.arange(1, n + 1)
    # Mean and variance before each value, started from one value of a half with a spread.
    mean = (0.5 + np.cumsum(values)) / (t + 1)
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    bet = np.sqrt(2 * math.log(2 / (1 - confidence)) / (before * t * np.log(t + 1)))
    kept = np.ones(len(grid), dtype=bool)
    up, down = np.zeros(len(grid)), np.zeros(len(grid))
    least = math.log(2 / (1 - confidence))
    with np.errstate(divide="ignore"):
        most_up, most_down = _LARGEST_BET / grid, _LARGEST_BET / (1 - grid)
    for value, size in zip(values.tolist(), bet.tolist(), strict=True):
        up += np.log1p(np.minimum(size, most_up) * (value - grid))
        down += np.log1p(-np.minimum(size, most_down) * (value - grid))
        kept &= np.maximum(up, down) < least
    if not len(found := grid[kept]):
        raise DataError(
            f"no mean fits {n:,} values in this order, but one must: it changed while they came. "
            "Shuffle them, if their order means nothing."
        )
    step = 1 / (len(grid) - 1)
    low, high = max(0.0, float(found[0]) - step), min(1.0, float(found[-1]) + step)
    value = float(values.mean())
    return AnytimeEstimate(value, min(low, value), max(high, value), n, confidence)


def _check(n_yes: int, n: int, confidence: float) -> None:
    if not 0 < confidence < 1:
        raise OptionError(
            f"the confidence is {confidence}, but must lie between 0 and 1, as 0.95 does."
        )
    if n < 1:
        raise OptionError(f"the number of results is {n}, but must be at least 1.")
    if not 0 <= n_yes <= n:
        raise OptionError(f"the count is {n_yes:,}, but must lie between 0 and {n:,}.")


def _log_mixture(counts: tuple[int, ...]) -> float:
    """Log of the mean likelihood of a sequence with these counts under the prior."""
    found = math.lgamma(_PRIOR * len(counts)) - math.lgamma(sum(counts) + _PRIOR * len(counts))
    return found + sum(math.lgamma(k + _PRIOR) - math.lgamma(_PRIOR) for k in counts)


def _log_likelihood(counts: tuple[int, ...], shares: tuple[float, ...]) -> float:
    if any(k and p <= 0 for k, p in zip(counts, shares, strict=True)):
        return -math.inf
    return sum(k * math.log(p) for k, p in zip(counts, shares, strict=True) if k)


def _end(inside: Callable[[float], bool], within: float, outer: float) -> float:
    """Where an interval around a value ends towards an outer one, which may be inside, too."""
    if inside(outer):
        return outer
    for _ in range(_N_HALVINGS):
        middle = (within + outer) / 2
        within, outer = (middle, outer) if inside(middle) else (within, middle)
    return outer


def _likeliest_b(counts: tuple[int, int, int], d: float) -> float:
    """The likeliest share of only b where that of only a is larger by d."""
    only_a, only_b, others = counts
    # Where the likelihood's slope is 0: a quadratic in b.
    linear = (1 - d) * (only_a + only_b) - 2 * d * (only_b + others)
    n = only_a + only_b + others
    root = math.sqrt(max(0.0, linear**2 + 8 * n * only_b * d * (1 - d)))
    return min(max((linear + root) / (4 * n), 0.0, -d), (1 - d) / 2)
