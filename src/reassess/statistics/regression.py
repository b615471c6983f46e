"""Straight lines through points, and logistic regression fast enough for every resample."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

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


_FURTHEST = 700.0
"""Log-odds of about the smallest probability that is a normal float."""


def sigmoid(log_odds: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Probability of log-odds, without overflow."""
    probability: Float[np.ndarray, "*n"] = 1 / (1 + np.exp(-np.maximum(log_odds, -_FURTHEST)))
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
    weights = None if weight is None else weight[None]
    found: Float[np.ndarray, "p"] = logistic_regressions(
        x[None], y, weights, start=start, ridge=ridge, max_iterations=max_iterations
    )[0]
    return found


def logistic_regressions(
    x: Float[np.ndarray, "b n p"],
    y: Bool[np.ndarray, "n"],
    weight: Float[np.ndarray, "b n"] | None = None,
    *,
    start: Float[np.ndarray, "p"] | None = None,
    ridge: float = RIDGE,
    max_iterations: int = 50,
) -> Float[np.ndarray, "b p"]:
    """Coefficients of many regressions of one y, with other features and weights each.

    Args:
        x: features of each; column 0 must be ones and is not penalised.
        y: what is explained.
        weight: of each row in each; None weighs all the same.
        start: coefficients to start all from; None starts from 0.
        ridge: added to the curvature of each slope.
        max_iterations: where to stop at the latest.
    """
    n_regressions, n_rows, n_features = x.shape
    w = np.ones((n_regressions, n_rows)) if weight is None else weight
    penalty = np.full(n_features, ridge)
    penalty[0] = 1e-9  # keeps the constant finite where all y are the same
    sign = np.where(y, 1.0, -1.0)

    def loss(rows: Int[np.ndarray, "k"], b: Float[np.ndarray, "k p"]) -> Float[np.ndarray, "k"]:
        odds = (x[rows] @ b[:, :, None])[:, :, 0]
        odds *= -sign
        # ln(1 + exp): what is lost below 1e-16 of a row decides no step.
        of_rows = np.log(1 + np.exp(-np.abs(odds))) + np.maximum(odds, 0.0)
        of_rows = (w[rows] * of_rows).sum(axis=1)
        total: Float[np.ndarray, "k"] = of_rows + 0.5 * (b * b) @ penalty
        return total

    found = np.zeros((n_regressions, n_features))
    if start is not None:
        found += start
    left = np.arange(n_regressions)
    least = loss(left, found)
    for _ in range(max_iterations):
        step = _newton_step(x[left], y, w[left], found[left], penalty)
        size, gained = np.ones(len(left)), np.full(len(left), -np.inf)
        # A full step may overshoot; halved, it goes downhill, as the loss is convex.
        trying = np.arange(len(left))
        while len(trying):
            rows = left[trying]
            trial = found[rows] + size[trying, None] * step[trying]
            gained[trying] = least[rows] - loss(rows, trial)
            trying = trying[(gained[trying] <= 0) & (size[trying] > 1e-6)]
            size[trying] /= 2
        better = gained > 0
        rows = left[better]
        found[rows] += size[better, None] * step[better]
        least[rows] -= gained[better]
        left = rows[gained[better] >= 1e-6 * (1 + least[rows])]
        if len(left) == 0:
            break
    return found


def _newton_step(
    x: Float[np.ndarray, "k n p"],
    y: Bool[np.ndarray, "n"],
    weight: Float[np.ndarray, "k n"],
    found: Float[np.ndarray, "k p"],
    penalty: Float[np.ndarray, "p"],
) -> Float[np.ndarray, "k p"]:
    """Newton's step of each regression from the coefficients found so far."""
    p = sigmoid((x @ found[:, :, None])[:, :, 0])
    turned = x.transpose(0, 2, 1)
    curvature = (turned * (weight * p * (1 - p))[:, None]) @ x + np.diag(penalty)
    gradient = (turned @ (weight * (y - p))[:, :, None])[:, :, 0] - penalty * found
    step: Float[np.ndarray, "k p"] = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
    return step
