"""Straight lines through points."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reassess.errors import OptionError


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line fitted by ordinary least squares.

    Attributes:
        slope: rise of y per unit of x.
        intercept: y at x = 0.
        slope_error: standard error of the slope; NaN-free, None for fewer than 3 points.
        n_points: points fitted.
    """

    slope: float
    intercept: float
    slope_error: float | None
    n_points: int


def ordinary_least_squares(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"]) -> Line:
    """The line y = intercept + slope x with the least squared residuals.

    Raises:
        OptionError: there are fewer than two different x.
    """
    if len(x) < 2 or float(np.ptp(x)) == 0.0:
        raise OptionError(
            f"a line needs at least 2 points with different x, but there are {len(x)} points "
            f"with {len(np.unique(x))} different x."
        )
    dx, dy = x - x.mean(), y - y.mean()
    sxx = float(dx @ dx)
    slope = float(dx @ dy) / sxx
    residual = dy - slope * dx
    error = None
    if len(x) > 2:
        error = math.sqrt(float(residual @ residual) / (len(x) - 2) / sxx)
    return Line(slope, float(y.mean() - slope * x.mean()), error, len(x))
