"""The calibration of probabilities: how good it is, and how to improve it.

Letters: P pairs, B bins, F folds.

Source: J. Platt (1999), Probabilistic outputs for support vector machines; the expected
calibration error is that of M. P. Naeini et al. (2015), on bins that are fine where most pairs
lie, near 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

EDGES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1.0)
"""Where the bins of a reliability table begin and end."""

_SMALLEST = 1e-7
"""Probabilities are clipped to this distance from 0 and 1, where log-odds would be infinite."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How predicted probabilities compare with the truth of the pairs where it is known.

    Attributes:
        n_pairs: pairs in each bin, which `EDGES` bound.
        mean_probability: the mean probability in each bin; NaN where it is empty.
        share_valid: the share of its pairs that are valid; NaN where it is empty.
        brier: mean squared difference of probability and truth.
        log_loss: mean of minus the log-probability of the truth, in nats.
        expected_error: mean over pairs of the distance of their bin's mean probability and
            share of valid pairs.
        fold_brier: ``brier`` of each fold.
        fold_log_loss: ``log_loss`` of each fold.
    """

    n_pairs: Int[np.ndarray, "B"]
    mean_probability: Float[np.ndarray, "B"]
    share_valid: Float[np.ndarray, "B"]
    brier: float
    log_loss: float
    expected_error: float
    fold_brier: Float[np.ndarray, "F"]
    fold_log_loss: Float[np.ndarray, "F"]


def calibration(
    probability: Float[np.ndarray, "P"],
    valid: Float[np.ndarray, "P"],
    fold: Int[np.ndarray, "P"],
    n_folds: int,
) -> Calibration:
    """How predicted probabilities compare with the truth.

    Args:
        probability: what was predicted of each pair.
        valid: the truth of each, or its probability.
        fold: the fold of each, 0 or more.
        n_folds: F.
    """
    bin_of = np.clip(np.digitize(probability, EDGES) - 1, 0, len(EDGES) - 2)
    n_bins = len(EDGES) - 1
    n_pairs = np.bincount(bin_of, minlength=n_bins)
    total = np.bincount(bin_of, weights=probability, minlength=n_bins)
    n_valid = np.bincount(bin_of, weights=valid, minlength=n_bins)
    square = (probability - valid) ** 2
    safe = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    loss = -(valid * np.log(safe) + (1 - valid) * np.log1p(-safe))
    n_of_fold = np.bincount(fold, minlength=n_folds)
    with np.errstate(invalid="ignore"):
        return Calibration(
            n_pairs=n_pairs,
            mean_probability=total / n_pairs,
            share_valid=n_valid / n_pairs,
            brier=float(square.mean()),
            log_loss=float(loss.mean()),
            expected_error=float(np.abs(total - n_valid).sum() / len(probability)),
            fold_brier=np.bincount(fold, weights=square, minlength=n_folds) / n_of_fold,
            fold_log_loss=np.bincount(fold, weights=loss, minlength=n_folds) / n_of_fold,
        )


def fit_platt(
    probability: Float[np.ndarray, "n"], valid: Float[np.ndarray, "n"]
) -> tuple[float, float]:
    """Slope and intercept of the logistic curve from predicted log-odds to the truth."""
    from reassess.proposals.classifiers import fit_logistic

    model = fit_logistic(_log_odds(probability)[:, None], valid, strength=1e-6)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def recalibrate(
    probability: Float[np.ndarray, "n"], curve: tuple[float, float]
) -> Float[np.ndarray, "n"]:
    """Probabilities on a curve that `fit_platt` fitted."""
    slope, intercept = curve
    logit = slope * _log_odds(probability) + intercept
    calibrated: Float[np.ndarray, "n"] = 1 / (1 + np.exp(-logit))
    return calibrated


def _log_odds(probability: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    safe = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    log_odds: Float[np.ndarray, "n"] = np.log(safe) - np.log1p(-safe)
    return log_odds
