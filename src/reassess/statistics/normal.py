"""The standard normal distribution: quantiles of intervals, p-values of statistics."""

import math
from statistics import NormalDist

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
