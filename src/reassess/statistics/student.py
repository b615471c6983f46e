"""Student's t distribution: quantiles and p-values, where there are few observations."""

import math

import numpy as np
from jaxtyping import Float

from reassess.errors import OptionError
from reassess.statistics.normal import normal_quantile


def student_quantile(level: float, n_free: int) -> float:
    """Half-width in standard errors of a two-sided interval of this level.

    Args:
        level: between 0 and 1.
        n_free: degrees of freedom.

    Raises:
        OptionError: the level does not lie between 0 and 1, or nothing is free.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4, inverted by bisection.
    """
    low = normal_quantile(level)
    _check_free(n_free)
    high = 2 * low + 1
    while _within(high, n_free) < level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, n_free) < level else (low, middle)
    return high


def student_p_value(t: float, n_free: int) -> float:
    """Two-sided p-value of a Student statistic; 0 where it is below rounding.

    Args:
        t: a statistic, in its standard errors.
        n_free: degrees of freedom.

    Raises:
        OptionError: nothing is free.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    _check_free(n_free)
    return max(0.0, 1 - _within(abs(t), n_free))


def mean_interval(
    values: Float[np.ndarray, "n"], level: float = 0.95
) -> tuple[float, float, float] | None:
    """Mean of repetitions and the ends of its interval; None where there is one only."""
    n = len(values)
    if n < 2:
        return None
    mean = float(values.mean())
    half = student_quantile(level, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def _check_free(n_free: int) -> None:
    if n_free < 1:
        raise OptionError(f"there are {n_free} degrees of freedom, but must be at least 1.")


def _within(t: float, n_free: int) -> float:
    """P(|T| <= t) with n degrees of freedom."""
    angle = math.atan(t / math.sqrt(n_free))
    cosine, sine = math.cos(angle), math.sin(angle)
    if n_free % 2:
        total, term = 0.0, cosine
        for k in range(1, (n_free - 1) // 2 + 1):
            total += term
            term *= cosine * cosine * (2 * k) / (2 * k + 1)
        return 2 / math.pi * (angle + sine * total)
    total, term = 0.0, 1.0
    for k in range(n_free // 2):
        total += term
        term *= cosine * cosine * (2 * k + 1) / (2 * k + 2)
    return sine * total
