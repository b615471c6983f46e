"""Resamples of things that come in groups, and what they give.

Things of one group, such as the models of a family, are drawn together or not at all: their
interval is as wide as so many groups allow, not so many things. Letters: n things, B resamples.

Source: A. C. Davison, D. V. Hinkley (1997), "Bootstrap Methods and their Application",
section 3.8 (groups drawn with replacement, whole).
"""

import numpy as np
from jaxtyping import Float, Int

from reassess.statistics.resampling import percentile_interval

_LEAST_DEFINED = 0.95
"""An interval needs this share of resamples in which the quantity is defined."""


def group_weights(
    groups: Int[np.ndarray, "n"], n_resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, "B n"]:
    """How often each thing is in each resample of as many groups as there are.

    Args:
        groups: the group of each thing, from 0, none left out.
        n_resamples: B.
        rng: where randomness comes from.
    """
    n_groups = int(groups.max()) + 1
    drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples)
    weights: Float[np.ndarray, "B n"] = drawn[:, groups].astype(np.float64)
    return weights


def weighted_slopes(
    x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], weights: Float[np.ndarray, "B n"]
) -> Float[np.ndarray, "B"]:
    """Slope of the least squares line in each resample; NaN where all x are the same."""
    u, v = x - x.mean(), y - y.mean()
    n, su, sv = weights.sum(axis=1), weights @ u, weights @ v
    with np.errstate(divide="ignore", invalid="ignore"):
        suu = weights @ (u * u) - su * su / n
        suv = weights @ (u * v) - su * sv / n
        slopes: Float[np.ndarray, "B"] = np.where(suu > 1e-12, suv / suu, np.nan)
    return slopes


def defined_interval(
    draws: Float[np.ndarray, "B"], confidence: float = 0.95
) -> tuple[float, float] | None:
    """The percentile interval of the draws that are defined; None where too few are."""
    known = draws[np.isfinite(draws)]
    if len(known) < max(2, _LEAST_DEFINED * len(draws)):
        return None
    return percentile_interval(known, confidence)
