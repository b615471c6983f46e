"""Bootstrap draws and the intervals that they give. Letters: B resamples, S strata."""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt


def stratified_bootstrap(
    correct: Bool[np.ndarray, "n"],
    stratum: Int[np.ndarray, "n"],
    n_resamples: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "B"]:
    """Proportions right in resamples drawn with replacement inside each stratum.

    A resample of a stratum with c right of m holds Binomial(m, c / m) right ones, so that
    the draws are made from the counts and cost B x S, not B x n.

    Args:
        correct: whether each image is right.
        stratum: stratum of each image, such as its original class.
        n_resamples: B.
        rng: where randomness comes from.
    """
    size = np.bincount(stratum)
    n_correct = np.bincount(stratum, weights=correct)
    used = size > 0
    share = n_correct[used] / size[used]
    draws = rng.binomial(size[used], share, size=(n_resamples, int(used.sum())))
    proportions: Float[np.ndarray, "B"] = draws.sum(axis=1) / len(correct)
    return proportions


def percentile_interval(
    draws: Float[np.ndarray, "B"], confidence: float = 0.95
) -> tuple[float, float]:
    """The central interval that holds this share of the draws."""
    low, high = np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


def bootstrap_counts(n: int, n_resamples: int, rng: np.random.Generator) -> UInt[np.ndarray, "B n"]:
    """How often each of n things is drawn, when n are drawn with replacement, B times."""
    counts = np.empty((n_resamples, n), np.uint16)
    for row in counts:
        row[:] = np.bincount(rng.integers(n, size=n), minlength=n)
    return counts


def half_sample(n: int, rng: np.random.Generator) -> UInt[np.ndarray, "bytes"]:
    """A random half of n things, one bit each, the lowest bit of a byte first.

    Fay's way of drawing again gives one half the weight 1 + e and the other 1 - e, with e below
    1; what comes of it deviates e times as far as in a bootstrap. Nothing is dropped, so that
    what hangs on few things, such as five votes, still moves smoothly.

    Source: D. Judkins (1990), "Fay's Method for Variance Estimation", Journal of Official
    Statistics 6:223-239.
    """
    return rng.integers(256, size=(n + 7) // 8, dtype=np.uint8)
