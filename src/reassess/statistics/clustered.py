"""Proportions whose items come in clusters, such as questions in images.

Items of one cluster may be right or wrong together, so that n of them tell less than n independent
ones. An interval counts as many as the clusters' spread leaves; a guarantee as many as there would
be if all items of a cluster were alike.

Letters: n items, C clusters, k thresholds.

Source: L. Kish (1965), "Survey Sampling", section 8.2 (effective size); E. Korn and B. Graubard
(1998), Survey Methodology 24:193-201 (intervals from an effective size); A. Angelopoulos,
S. Bates, E. Candès, M. Jordan, L. Lei (2021), "Learn then Test", arXiv 2110.01052, section 4
(fixed-sequence testing with several starts).
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.statistics.intervals import wilson_bounds

STARTS = 4
"""Sequences that are begun, each with its share of the error that is allowed: one that begins where
few items are kept stops at the first wrong one."""

GROWTH_OF_STARTS, GROWTH_OF_STEPS = 1.6, 1.1
"""How many times as many items the next start keeps, and the next threshold that is tested."""


def clustered_interval(
    holds: Bool[np.ndarray, "n"], cluster: Int[np.ndarray, "n"], confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the share of items that hold, clusters drawn again; (0, 1) without items.

    Wilson's interval of as many independent items as would vary like these: the variance of the
    ratio over clusters (delta method). Where all items are alike, or one cluster is all there is,
    nothing varies, and items of a cluster count as if they were one (`effective_size`).

    Args:
        holds: whether each item holds.
        cluster: the cluster of each item, any integers.
        confidence: of the interval.
    """
    if len(holds) == 0:
        return 0.0, 1.0
    share = float(holds.mean())
    _, place = np.unique(cluster, return_inverse=True)
    size = np.bincount(place)
    residual = np.bincount(place, weights=holds - share)
    n_clusters = len(size)
    variance = 0.0
    if n_clusters > 1:
        variance = float(residual @ residual) * n_clusters / (n_clusters - 1) / len(holds) ** 2
    least = float(len(holds) ** 2 / (size @ size))
    n = least if variance == 0 else min(share * (1 - share) / variance, float(len(holds)))
    low, high = wilson_bounds(np.array([share * n]), np.array([n]), confidence)
    return min(float(low[0]), share), max(float(high[0]), share)


def effective_size(cluster: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Of the first 1, 2, … n items, how many they are worth if those of a cluster are alike.

    Kish's (Σ m)² / Σ m², m the items of each cluster; never above their number, never below the
    share that the largest cluster leaves.
    """
    order = np.argsort(cluster, kind="stable")
    ordered = cluster[order]
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    before = np.empty(len(cluster), np.int64)
    before[order] = np.arange(len(cluster)) - np.repeat(first, np.diff(first, append=len(cluster)))
    n = np.arange(1, len(cluster) + 1)
    size: Float[np.ndarray, "n"] = n * n / np.cumsum(2 * before + 1)
    return size


def surely_below(
    share_wrong: Float[np.ndarray, "k"],
    n_effective: Float[np.ndarray, "k"],
    limit: float,
    confidence: float,
) -> int | None:
    """The last of nested sets whose share of wrong items is surely at most the limit.

    The sets are ordered from the strictest to the widest before their items are looked at. Each
    start tests one set after the other, by the exact binomial test, until one is not rejected;
    with probability ``confidence`` no set that is returned has a greater share.

    Args:
        share_wrong: the share of wrong items in each set.
        n_effective: how many independent items each set is worth.
        limit: the greatest share that is allowed.
        confidence: of the statement.

    Returns:
        The place of the set, or None where no set is surely below.
    """
    error = (1 - confidence) / STARTS
    if not 0 < limit < 1:
        return None
    fewest = math.log(error) / math.log1p(-limit)  # so many without a wrong one are just enough
    found = None
    for start in range(STARTS):
        place = _first_reaching(n_effective, fewest * GROWTH_OF_STARTS**start)
        while place is not None:
            n, wrong = float(n_effective[place]), float(share_wrong[place])
            if _at_most(wrong * n, n, limit) > error:
                break
            found = place if found is None else max(found, place)
            following = _first_reaching(n_effective, n * GROWTH_OF_STEPS)
            place = following if following is not None and following > place else None
    return found


def _first_reaching(n_effective: Float[np.ndarray, "k"], n: float) -> int | None:
    reached = n_effective >= n
    return int(np.argmax(reached)) if reached.any() else None


def _at_most(n_wrong: float, n: float, rate: float) -> float:
    """P(at most so many of n are wrong) at this rate; between whole numbers a smooth curve."""
    from scipy.special import betainc

    return 1.0 if n_wrong >= n else float(betainc(n - n_wrong, n_wrong + 1, 1 - rate))
