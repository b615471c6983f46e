"""Probabilities that mean what they say: curves from scores to shares, and how far they are off.

Letters: n items.

Source: J. Platt (1999), "Probabilistic Outputs for Support Vector Machines" (the logistic curve);
B. Zadrozny, C. Elkan (2002), "Transforming Classifier Scores into Accurate Multiclass Probability
Estimates" (the isotonic one); C. Guo, G. Pleiss, Y. Sun, K. Weinberger (2017), "On Calibration of
Modern Neural Networks", equation 3 (the error).
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from reassess.statistics.regression import logistic_regression, sigmoid

Curve = Callable[[Float[np.ndarray, "m"]], Float[np.ndarray, "m"]]
"""From log-odds to probabilities in [0, 1]; never falling."""


def platt_curve(log_odds: Float[np.ndarray, "n"], truth: Bool[np.ndarray, "n"]) -> Curve:
    """The logistic curve that fits the truths best; flat where log-odds speak for the contrary."""
    x = np.column_stack([np.ones(len(log_odds)), log_odds])
    constant, slope = logistic_regression(x, truth).tolist()
    if slope < 0:
        constant, slope = float(np.log(truth.mean() / (1 - truth.mean()))), 0.0
    return lambda asked: sigmoid(constant + slope * asked)


def isotonic_curve(log_odds: Float[np.ndarray, "n"], truth: Bool[np.ndarray, "n"]) -> Curve:
    """The rising steps that fit the truths best, joined by lines; one item off 0 and 1."""
    from scipy.optimize import isotonic_regression

    place, inverse, count = np.unique(log_odds, return_inverse=True, return_counts=True)
    share = np.bincount(inverse, weights=truth) / count
    fitted = isotonic_regression(share, weights=count).x
    least = 1 / (len(truth) + 2)
    steps = np.clip(fitted, least, 1 - least)
    return lambda asked: np.interp(asked, place, steps)


def expected_calibration_error(
    probability: Float[np.ndarray, "n"], truth: Bool[np.ndarray, "n"], n_bins: int = 10
) -> float:
    """Mean distance of what is said from what happens, over bins of equal width."""
    bins = np.minimum((probability * n_bins).astype(int), n_bins - 1)
    apart = np.bincount(bins, weights=truth - probability, minlength=n_bins)
    return float(np.abs(apart).sum() / len(truth))


def log_loss(probability: Float[np.ndarray, "n"], truth: Bool[np.ndarray, "n"]) -> float:
    """Mean of -ln P(what happened), probabilities kept 1e-12 from 0 and 1."""
    right = np.where(truth, probability, 1 - probability)
    return float(-np.log(np.maximum(right, 1e-12)).mean())
