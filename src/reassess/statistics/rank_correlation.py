"""Whether two quantities put things in the same order, for many resamples at once.

Letters: n things, B resamples, given by how often each thing is in each. What a resample
leaves undefined is NaN.

Source: M. G. Kendall (1945), Biometrika 33:239-251 (tau-b, with ties); C. Spearman (1904),
American Journal of Psychology 15:72-101.
"""

import numpy as np
from jaxtyping import Float


def kendall_tau_b(
    x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], weights: Float[np.ndarray, "B n"]
) -> Float[np.ndarray, "B"]:
    """Kendall's tau-b: pairs in the same order less pairs in the other, over pairs not tied.

    Args:
        x: one quantity.
        y: the other.
        weights: how often each thing is in each resample; one row of ones for all as they are.
    """
    by_x, by_y = (np.sign(one[:, None] - one[None, :]).astype(np.float32) for one in (x, y))
    w = weights.astype(np.float32)
    agreed, of_x, of_y = (
        np.einsum("bi,bi->b", w @ pairs, w, dtype=np.float64)
        for pairs in (by_x * by_y, np.abs(by_x), np.abs(by_y))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        tau: Float[np.ndarray, "B"] = agreed / np.sqrt(of_x * of_y)
    return tau


def spearman_rho(
    x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], weights: Float[np.ndarray, "B n"]
) -> Float[np.ndarray, "B"]:
    """Spearman's rho: the correlation of ranks, things that are tied sharing their mean rank.

    Args:
        x: one quantity.
        y: the other.
        weights: as in `kendall_tau_b`.
    """
    n = weights.sum(axis=1, keepdims=True)
    a, b = (_middle_ranks(one, weights) - (n + 1) / 2 for one in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        rho: Float[np.ndarray, "B"] = (weights * a * b).sum(axis=1) / np.sqrt(
            (weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1)
        )
    return rho


def _middle_ranks(
    x: Float[np.ndarray, "n"], weights: Float[np.ndarray, "B n"]
) -> Float[np.ndarray, "B n"]:
    """Mean rank of each thing, from 1, in each resample."""
    order = np.argsort(x, kind="stable")
    _, first, value = np.unique(x[order], return_index=True, return_inverse=True)
    held = np.add.reduceat(weights[:, order], first, axis=1)
    middle = np.cumsum(held, axis=1) - held + (held + 1) / 2
    ranks = np.empty(weights.shape)
    ranks[:, order] = middle[:, value]
    return ranks
