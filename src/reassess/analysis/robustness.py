"""Effective robustness: how far models lie off the line that relates two accuracies.

The line is straight in probits, and fitted to the models below the top, so that those that are
judged do not bend it; the residual is in accuracy. Letters: n models, B resamples.

Source: R. Taori, A. Dave, V. Shankar, N. Carlini, B. Recht, L. Schmidt (2020), "Measuring
Robustness to Natural Distribution Shifts in Image Classification", arXiv 2007.00644, section 2.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reassess.analysis.model_sample import Interval, ModelSample, from_probits

_LEAST_BELOW = 3
"""A line through two points has no error."""


@dataclass(frozen=True, slots=True)
class EffectiveRobustness:
    """y of each model less what the line in probits says.

    Attributes:
        n_fitted: models that the line is fitted to: those below the top.
        slope: of the line, in probits.
        intercept: of the line, in probits.
        residual: of each model, in accuracy; positive above the line.
        top: mean residual of the top.
        top_interval: of it; None where there are too few groups.
    """

    n_fitted: int
    slope: float
    intercept: float
    residual: tuple[float, ...]
    top: float
    top_interval: Interval | None


def effective_robustness(sample: ModelSample, n_top: int) -> EffectiveRobustness | None:
    """How far models lie off the line through those below the top; None where there is no line.

    Args:
        sample: the models, in probits.
        n_top: models of highest x that are not fitted.
    """
    order = np.argsort(-sample.x, kind="stable")
    top, below = order[:n_top], order[n_top:]
    if len(below) < _LEAST_BELOW or np.ptp(sample.x[below]) == 0:
        return None
    one = np.ones((1, len(below)))
    slope, intercept = _lines(sample.x[below], sample.y[below], one)
    y = from_probits(sample.y)
    residual = y - from_probits(intercept + slope * sample.x)
    moved = sample.y_draws(below)
    slopes, intercepts = _lines(sample.x[below], moved, sample.weights[:, below])
    y_top = from_probits(sample.y_draws(top))
    off = y_top - from_probits(intercepts[:, None] + slopes[:, None] * sample.x[top])
    weights = sample.weights[:, top]
    with np.errstate(divide="ignore", invalid="ignore"):
        means = (weights * off).sum(axis=1) / weights.sum(axis=1)
    return EffectiveRobustness(
        n_fitted=len(below),
        slope=float(slope[0]),
        intercept=float(intercept[0]),
        residual=tuple(residual.tolist()),
        top=float(residual[top].mean()),
        top_interval=sample.interval(means, min(sample.n_groups(top), sample.n_groups(below))),
    )


def _lines(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"] | Float[np.ndarray, "B n"],
    weights: Float[np.ndarray, "b n"],
) -> tuple[Float[np.ndarray, "b"], Float[np.ndarray, "b"]]:
    """Slope and intercept in each resample; NaN where all x are the same."""
    v = np.broadcast_to(y, weights.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = weights.sum(axis=1)
        mean_x, mean_y = weights @ x / n, (weights * v).sum(axis=1) / n
        u = x - mean_x[:, None]
        spread = (weights * u * u).sum(axis=1)
        slope = np.where(spread > 0, (weights * u * v).sum(axis=1) / spread, np.nan)
        return slope, mean_y - slope * mean_x
