"""Posteriors that gold has drawn to what they are worth, beside the raw ones.

Votes on one question err together, so that posteriors are over-confident. Gold tells by how much.
Of two curves the one is taken that foretells the gold of other images better; what it gains is
stated as cross-fitted. Labels are decided by the raw posterior: the threshold means what it meant.

Letters: Q questions, G gold questions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from reassess.labels.curve import GoldSample, unseen_sample
from reassess.records import Gold, Posterior
from reassess.statistics.calibration import (
    Curve,
    expected_calibration_error,
    isotonic_curve,
    log_loss,
    platt_curve,
)

_QUESTIONS_AT_ONCE = 1 << 18

FEWEST = 10
"""Gold questions of each truth, and images, below which gold says too little for a curve."""

_CURVES: dict[str, Callable[[Float[np.ndarray, "n"], Bool[np.ndarray, "n"]], Curve]] = {
    "platt": platt_curve,
    "isotonic": isotonic_curve,
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """How posteriors were drawn to gold, and what it gains on images that did not take part.

    Attributes:
        curve: "platt" (logistic) or "isotonic".
        n_gold: gold questions that it rests on.
        error: expected calibration error of the raw posteriors on gold, in [0, 1].
        calibrated_error: the same after calibration, cross-fitted by image.
        log_loss: of the raw posteriors on gold.
        calibrated_log_loss: after calibration, cross-fitted by image.
    """

    curve: str
    n_gold: int
    error: float
    calibrated_error: float
    log_loss: float
    calibrated_log_loss: float


def calibrate(
    posterior: Posterior, gold: Gold, min_expert_yes: int | None = None
) -> tuple[Posterior, Calibration | None]:
    """The posterior with calibrated probabilities beside its own, and how they came about.

    Unchanged, and None, where the states are others than absent and present, where gold entered the
    posterior unrecorded, or where it holds fewer than `FEWEST` of a truth or images.

    Args:
        posterior: of all questions.
        gold: the questions whose truth experts fixed.
        min_expert_yes: how many experts must say yes; None for more than half.
    """
    asked = gold.questions.rows_in(posterior.questions, source="gold") >= 0
    truth = gold.truth(min_expert_yes)[asked]
    few = min(int(truth.sum()), int((~truth).sum())) < FEWEST
    if posterior.states != ("absent", "present") or few:
        return posterior, None
    sample = unseen_sample(posterior, gold, min_expert_yes)
    if sample is None or len(np.unique(sample.image)) < FEWEST:
        return posterior, None
    log_odds = _log_odds(sample.present)
    fitted = {name: _cross_fitted(log_odds, sample, make) for name, make in _CURVES.items()}
    losses = {name: log_loss(found, sample.truth) for name, found in fitted.items()}
    best = min(losses, key=lambda name: losses[name])
    curve = _CURVES[best](log_odds, sample.truth)
    found = Calibration(
        curve=best,
        n_gold=len(sample.truth),
        error=expected_calibration_error(sample.present, sample.truth),
        calibrated_error=expected_calibration_error(fitted[best], sample.truth),
        log_loss=log_loss(sample.present, sample.truth),
        calibrated_log_loss=losses[best],
    )
    calibrated = posterior.present
    for start in range(0, len(calibrated), _QUESTIONS_AT_ONCE):
        some = calibrated[start : start + _QUESTIONS_AT_ONCE]
        some[:] = np.clip(curve(_log_odds(some)), 0.0, 1.0)
    return replace(posterior, calibrated=calibrated), found


def _log_odds(present: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    kept = np.clip(present, 1e-12, 1 - 1e-12)
    odds: Float[np.ndarray, "n"] = np.log(kept) - np.log1p(-kept)
    return odds


def _cross_fitted(
    log_odds: Float[np.ndarray, "G"],
    sample: GoldSample,
    make: Callable[[Float[np.ndarray, "n"], Bool[np.ndarray, "n"]], Curve],
) -> Float[np.ndarray, "G"]:
    """Probabilities of each part of the gold images by the curve of the others."""
    probability = np.empty(len(log_odds))
    for fold in np.unique(sample.fold):
        inside = sample.fold == fold
        rest = sample.truth[~inside]
        if rest.all() or not rest.any():
            probability[inside] = sample.present[inside]
            continue
        probability[inside] = make(log_odds[~inside], rest)(log_odds[inside])
    return probability
