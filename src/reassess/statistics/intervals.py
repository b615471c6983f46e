"""Intervals and tests of means and proportions, and p-values of many tests.

Normal and Student's t; Wilson's interval, Newcombe's of a paired difference, McNemar's exact
test; Holm's and Benjamini and Hochberg's corrections. What resampling gives is
`reassess.statistics.bootstrap`.
"""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Int

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
