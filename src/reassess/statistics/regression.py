"""Straight lines through points, and logistic regression fast enough for every resample."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

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


RIDGE = 1e-2
"""Weight of a normal prior on each slope: what keeps slopes finite where features separate."""


def sigmoid(log_odds: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Probability of log-odds, without overflow."""
    probability: Float[np.ndarray, "*n"] = 0.5 * (1 + np.tanh(0.5 * log_odds))
    return probability


def logistic_regression(
    x: Float[np.ndarray, "n p"],
    y: Bool[np.ndarray, "n"],
    weight: Float[np.ndarray, "n"] | None = None,
    *,
    start: Float[np.ndarray, "p"] | None = None,
    ridge: float = RIDGE,
    max_iterations: int = 50,
) -> Float[np.ndarray, "p"]:
    """Coefficients of ln(P(y) / P(not y)) = x b, by Newton's method with halved steps.

    Args:
        x: features; column 0 must be ones and is not penalised.
        y: what is explained.
        weight: of each row; None weighs all the same.
        start: coefficients to start from; None starts from 0.
        ridge: added to the curvature of each slope.
        max_iterations: where to stop at the latest.

    Source: J. Platt (1999), "Probabilistic Outputs for Support Vector Machines", for one feature.
    """
    n_features = x.shape[1]
    w = np.ones(len(x)) if weight is None else weight
    penalty = np.full(n_features, ridge)
    penalty[0] = 1e-9  # keeps the constant finite where all y are the same
    sign = np.where(y, 1.0, -1.0)

    def loss(b: Float[np.ndarray, "p"]) -> float:
        return float(w @ np.logaddexp(0.0, -sign * (x @ b)) + 0.5 * penalty @ (b * b))

    found = np.zeros(n_features) if start is None else start.copy()
    least = loss(found)
    for _ in range(max_iterations):
        p = sigmoid(x @ found)
        curvature = (x * (w * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, x.T @ (w * (y - p)) - penalty * found)
        size, gained = 1.0, -np.inf
        # A full step may overshoot; halved, it goes downhill, as the loss is convex.
        while size > 1e-6 and gained <= 0:
            gained = least - loss(found + size * step)
            size /= 2
        if gained <= 0:
            break
        found = found + 2 * size * step
        least -= gained
        if gained < 1e-6 * (1 + least):
            break
    return found
