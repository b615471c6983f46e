"""Student's t distribution: quantiles and p-values, where there are few observations."""

import math

import numpy as np
from jaxtyping import Float

from reassess.errors import OptionError
from reassess.statistics.normal import z_critical


def t_critical(confidence: float, df: int) -> float:
    """Half-width in standard errors of a two-sided interval of this confidence.

    Args:
        confidence: between 0 and 1.
        df: degrees of freedom.

    Raises:
        OptionError: the confidence does not lie between 0 and 1, or nothing is free.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4, inverted by bisection.
    """
    low = z_critical(confidence)
    _check_free(df)
    high = 2 * low + 1
    while _within(high, df) < confidence:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, df) < confidence else (low, middle)
    return high


def student_p_value(t: float, df: int) -> float:
    """Two-sided p-value of a Student statistic; 0 where it is below rounding.

    Args:
        t: a statistic, in its standard errors.
        df: degrees of freedom.

    Raises:
        OptionError: nothing is free.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    _check_free(df)
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


def _check_free(df: int) -> None:
    if df < 1:
        raise OptionError(f"there are {df} degrees of freedom, but must be at least 1.")


def _within(t: float, df: int) -> float:
    """P(|T| <= t) with n degrees of freedom."""
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
