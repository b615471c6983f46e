"""Intervals and tests: by formula, and by resampling.

By formula: normal and Student's t; Wilson's interval, Newcombe's of a paired difference,
McNemar's exact test; Holm's and Benjamini and Hochberg's corrections.

By resampling: bootstrap draws, and the intervals and slopes that they give; ranks are
`reassess.statistics.ranks`'. Items of one group, such as the models of a family, are drawn together
or not at all: their interval is as wide as that number of groups allows. What a resample leaves
undefined is NaN.

Letters: n items, B resamples, S strata.

Source: A. C. Davison, D. V. Hinkley (1997), "Bootstrap Methods and their Application", section
3.8 (groups drawn with replacement, whole).
"""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float, Int, UInt

from reassess.errors import OptionError


def z_critical(confidence: float) -> float:
    """Half-width in standard errors of a two-sided normal interval of this confidence.

    Raises:
        OptionError: the confidence does not lie between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise OptionError(
            f"the confidence is {confidence}, but must lie between 0 and 1, as 0.95 does."
        )
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def normal_p_value(z: float) -> float:
    """Two-sided p-value of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2))


def t_critical(confidence: float, df: int) -> float:
    """Half-width in standard errors of a two-sided interval of this confidence.

    Args:
        confidence: between 0 and 1.
        df: degrees of freedom.

    Raises:
        OptionError: the confidence does not lie between 0 and 1, or there is no degree of freedom.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4, inverted by bisection.
    """
    low = z_critical(confidence)
    _check_df(df)
    high = 2 * low + 1
    while _within(high, df) < confidence:
        high *= 2
    for _ in range(200):  # far more halvings than a float has bits
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, df) < confidence else (low, middle)
    return high


def student_p_value(t: float, df: int) -> float:
    """Two-sided p-value of a Student statistic; 0 where it is below rounding.

    Args:
        t: a statistic, in its standard errors.
        df: degrees of freedom.

    Raises:
        OptionError: there is no degree of freedom.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    _check_df(df)
    return max(0.0, 1 - _within(abs(t), df))


def mean_interval(
    values: Float[np.ndarray, "n"], confidence: float = 0.95
) -> tuple[float, float, float] | None:
    """Mean of repetitions and the ends of its interval; None where there is one only."""
    n = len(values)
    if n < 2:
        return None
    mean = float(values.mean())
    half = t_critical(confidence, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def _check_df(df: int) -> None:
    if df < 1:
        raise OptionError(f"the degrees of freedom are {df}, but must be at least 1.")


def _within(t: float, df: int) -> float:
    """P(|T| <= t) with df degrees of freedom."""
    angle = math.atan(t / math.sqrt(df))
    cosine, sine = math.cos(angle), math.sin(angle)
    if df % 2:
        total, term = 0.0, cosine
        for k in range(1, (df - 1) // 2 + 1):
            total += term
            term *= cosine * cosine * (2 * k) / (2 * k + 1)
        return 2 / math.pi * (angle + sine * total)
    total, term = 0.0, 1.0
    for k in range(df // 2):
        total += term
        term *= cosine * cosine * (2 * k + 1) / (2 * k + 2)
    return sine * total


def wilson_interval(n_correct: int, n_scored: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion; (0, 1) where nothing was scored.

    Source: E. B. Wilson (1927), JASA 22:209-212.
    """
    if n_scored == 0:
        return 0.0, 1.0
    z = z_critical(confidence)
    p = n_correct / n_scored
    shrink = 1 + z * z / n_scored
    centre = (p + z * z / (2 * n_scored)) / shrink
    half = z * math.sqrt(p * (1 - p) / n_scored + z * z / (4 * n_scored**2)) / shrink
    low = 0.0 if n_correct == 0 else max(0.0, centre - half)
    high = 1.0 if n_correct == n_scored else min(1.0, centre + half)
    return low, high


def wilson_bounds(
    n_correct: Float[np.ndarray, "*n"] | Int[np.ndarray, "*n"],
    n_scored: Float[np.ndarray, "*n"] | Int[np.ndarray, "*n"],
    confidence: float = 0.95,
) -> tuple[Float[np.ndarray, "*n"], Float[np.ndarray, "*n"]]:
    """Lower and upper ends of Wilson's intervals of many proportions; 0 and 1 where none is.

    Counts need not be whole numbers: a sum of shares is a count too.

    Source: E. B. Wilson (1927), JASA 22:209-212.
    """
    z = z_critical(confidence)
    n = np.maximum(n_scored, 1e-12)  # nothing scored: from 0 to 1, as the formula's limit is
    p = np.clip(n_correct / n, 0.0, 1.0)
    shrink = 1 + z * z / n
    centre = (p + z * z / (2 * n)) / shrink
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / shrink
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


def mcnemar_exact(n_only_a: int, n_only_b: int) -> float:
    """Two-sided exact p-value that a and b are right equally often.

    The smaller of the two discordant counts under Binomial(n, 1/2), doubled.

    Source: Q. McNemar (1947), Psychometrika 12:153-157; exact form, A. L. Edwards (1948).
    """
    n = n_only_a + n_only_b
    smaller = min(n_only_a, n_only_b)
    if n == 0 or n_only_a == n_only_b:
        return 1.0
    i = np.arange(1, smaller + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log((n - i + 1) / i))])
    log_terms = log_choose - n * math.log(2)
    peak = float(log_terms.max())
    return min(1.0, 2 * math.exp(peak) * float(np.exp(log_terms - peak).sum()))


def paired_difference_interval(
    n_both: int, n_only_a: int, n_only_b: int, n_neither: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of p_a - p_b, where both are measured on the same images.

    Source: R. G. Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10 (Wilson
    intervals joined by square-and-add, with the correlation of the pairs).
    """
    n = n_both + n_only_a + n_only_b + n_neither
    if n == 0:
        return -1.0, 1.0
    n_a, n_b = n_both + n_only_a, n_both + n_only_b
    (low_a, high_a), (low_b, high_b) = (wilson_interval(m, n, confidence) for m in (n_a, n_b))
    p_a, p_b = n_a / n, n_b / n
    margins = n_a * (n - n_a) * n_b * (n - n_b)
    excess = n_both * n_neither - n_only_a * n_only_b
    if margins == 0:
        phi = 0.0
    elif excess > 0:
        phi = max(excess - n / 2, 0) / math.sqrt(margins)
    else:
        phi = excess / math.sqrt(margins)

    def reach(da: float, db: float) -> float:
        return math.sqrt(max(0.0, da * da - 2 * phi * da * db + db * db))

    difference = p_a - p_b
    low = difference - reach(p_a - low_a, high_b - p_b)
    high = difference + reach(high_a - p_a, p_b - low_b)
    return max(-1.0, low), min(1.0, high)


def holm(p: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Adjusted p-values: those at most α reject wrongly even once with probability α.

    Holds whatever the tests have to do with each other.

    Source: S. Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (len(p) - np.arange(len(p)))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def benjamini_hochberg(p: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Adjusted p-values: of those at most α, a share of α is wrong on average.

    Proven for tests that are independent or positively dependent.

    Source: Y. Benjamini and Y. Hochberg (1995), JRSS B 57:289-300.
    """
    order = np.argsort(p, kind="stable")[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return adjusted


_FLAT = 1e-12
"""Sums of squares of accuracies below this are those of one value, but for rounding."""

_LEAST_DEFINED = 0.95
"""An interval needs this share of resamples in which the quantity is defined: with more left out,
its quantiles would be those of another distribution."""


def stratified_bootstrap(
    correct: Bool[np.ndarray, "n"],
    stratum: Int[np.ndarray, "n"],
    n_resamples: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "B"]:
    """Proportions right in resamples drawn with replacement inside each stratum.

    A resample of a stratum with c right of m holds Binomial(m, c / m) right ones, so that
    the draws are made from the counts and cost B x S, not B x n.

    Args:
        correct: whether each image is right.
        stratum: stratum of each image, such as its original class.
        n_resamples: B.
        rng: where randomness comes from.
    """
    size = np.bincount(stratum)
    n_correct = np.bincount(stratum, weights=correct)
    used = size > 0
    share = n_correct[used] / size[used]
    draws = rng.binomial(size[used], share, size=(n_resamples, int(used.sum())))
    proportions: Float[np.ndarray, "B"] = draws.sum(axis=1) / len(correct)
    return proportions


def check_resamples(n_resamples: int, confidence: float = 0.95) -> None:
    """Refuse so few resamples that no draw lies outside an interval of this confidence.

    Raises:
        OptionError: there are fewer than 2 / (1 - confidence), or the confidence is out of range.
    """
    z_critical(confidence)
    least = math.ceil(round(2 / (1 - confidence), 6))
    if n_resamples < least:
        raise OptionError(
            f"the number of resamples is {n_resamples:,}, but must be {least:,} or more for "
            f"intervals of {confidence:.6g} confidence, so that a draw lies beyond either end. Ask "
            "for 1,000 (--resamples 1000)."
        )


def percentile_interval(
    draws: Float[np.ndarray, "B"], confidence: float = 0.95, *, value: float | None = None
) -> tuple[float, float]:
    """The central interval that holds this share of the draws.

    Args:
        draws: of the quantity, in resamples.
        confidence: the share.
        value: the estimate, to which the interval reaches where the draws lie beside it, as they
            can in small samples; None for the draws alone.
    """
    low, high = np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2]).tolist()
    return (low, high) if value is None else (min(low, value), max(high, value))


def bootstrap_counts(n: int, n_resamples: int, rng: np.random.Generator) -> UInt[np.ndarray, "B n"]:
    """How often each of n things is drawn, when n are drawn with replacement, B times."""
    counts = np.empty((n_resamples, n), np.uint16)
    for row in counts:
        row[:] = np.bincount(rng.integers(n, size=n), minlength=n)
    return counts


def resampled_sums(
    counted: Bool[np.ndarray, "n cells"], n_resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, "B cells"]:
    """How often each cell is counted when n rows are drawn with replacement, B times; exact.

    Rows are multiplied some at a time: of millions no matrix of B resamples is made but the one of
    two bytes a row.
    """
    counts = bootstrap_counts(len(counted), n_resamples, rng)
    sums = np.zeros((n_resamples, counted.shape[1]))
    for start in range(0, len(counted), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        sums += counts[:, rows].astype(np.float32) @ counted[rows].astype(np.float32)
    return sums


_ROWS_AT_ONCE = 1 << 17
"""Few enough that sums of single precision are exact integers."""


def half_sample(n: int, rng: np.random.Generator) -> UInt[np.ndarray, "bytes"]:
    """A random half of n things, one bit each, the lowest bit of a byte first.

    Fay's way of drawing again gives one half the weight 1 + e and the other 1 - e, with e below
    1; what comes of it deviates e times as far as in a bootstrap. Nothing is dropped, so that
    what hangs on few things, such as five votes, still moves smoothly.

    Source: D. Judkins (1990), "Fay's Method for Variance Estimation", Journal of Official
    Statistics 6:223-239.
    """
    return rng.integers(256, size=(n + 7) // 8, dtype=np.uint8)


def group_weights(
    groups: Int[np.ndarray, "n"], n_resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, "B n"]:
    """How often each thing is in each resample of as many groups as there are.

    Args:
        groups: the group of each thing, from 0, none left out.
        n_resamples: B.
        rng: where randomness comes from.
    """
    n_groups = int(groups.max()) + 1
    drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples)
    weights: Float[np.ndarray, "B n"] = drawn[:, groups].astype(np.float64)
    return weights


def weighted_slopes(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"] | Float[np.ndarray, "B n"],
    weights: Float[np.ndarray, "B n"],
) -> Float[np.ndarray, "B"]:
    """Slope of the least squares line in each resample; NaN where all x are the same.

    Args:
        x: where the points are.
        y: what is fitted, the same in all resamples or one row a resample.
        weights: how often each point is in each resample.
    """
    u, v = x - x.mean(), np.atleast_2d(y) - y.mean()
    n, su = weights.sum(axis=1), weights @ u
    sv = np.einsum("bi,bi->b", weights, np.broadcast_to(v, weights.shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        suu = weights @ (u * u) - su * su / n
        suv = np.einsum("bi,bi->b", weights * u, np.broadcast_to(v, weights.shape)) - su * sv / n
        slopes: Float[np.ndarray, "B"] = np.where(suu > _FLAT, suv / suu, np.nan)
    return slopes


def defined_interval(
    draws: Float[np.ndarray, "B"], confidence: float = 0.95
) -> tuple[float, float] | None:
    """The percentile interval of the draws that are defined; None where too few are."""
    known = draws[np.isfinite(draws)]
    if len(known) < max(2, _LEAST_DEFINED * len(draws)):
        return None
    return percentile_interval(known, confidence)
