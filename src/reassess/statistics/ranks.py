"""Ranks: which are still possible, and how alike two orders are.

A bootstrap of ranks themselves does not hold the true rank as often as it says where models are
close, so ranks are counted from differences: a model is better than those that it is surely
better than, and worse than those that are surely better than it. What a resample leaves undefined
is NaN.

Letters: n things, M models, B resamples.

Source: M. Mogstad, J. Romano, A. Shaikh, D. Wilhelm (2024), "Inference for Ranks with Applications
to Mobility across Neighbourhoods and Academic Achievement across Countries", Review of Economic
Studies 91:476-518; M. G. Kendall (1945), Biometrika 33:239-251 (tau-b, with ties); C. Spearman
(1904), American Journal of Psychology 15:72-101.
"""

import numpy as np
from jaxtyping import Float, Int

from reassess.errors import OptionError


def descending_ranks(value: Float[np.ndarray, "M"]) -> Int[np.ndarray, "M"]:
    """Rank of each value, the largest first, from 1; equal values share the best rank."""
    ordered = np.sort(-value)
    return np.searchsorted(ordered, -value, side="left") + 1


def rank_intervals(
    value: Float[np.ndarray, "M"], deviation: Float[np.ndarray, "B M"], confidence: float = 0.95
) -> tuple[Int[np.ndarray, "M"], Int[np.ndarray, "M"]]:
    """Best and worst rank of each model that the draws leave possible, at a level for each.

    A model's differences from all others are held at once by one critical value, the quantile
    of the largest studentised deviation over the draws. Models with the same true value may
    hold any of the ranks that they share.

    Args:
        value: estimated value of each model, the larger the better.
        deviation: how far each draw lies from the estimate (or from the mean of the draws).
        confidence: of the interval of each model.

    Raises:
        OptionError: the confidence does not lie between 0 and 1.

    Source: Mogstad, Romano, Shaikh and Wilhelm (2024), section 3.1, marginal confidence sets.
    """
    if not 0 < confidence < 1:
        raise OptionError(
            f"the confidence is {confidence}, but must lie between 0 and 1, as 0.95 does."
        )
    n_models = len(value)
    best, worst = np.ones(n_models, np.int64), np.full(n_models, n_models)
    for j in range(n_models):
        others = np.arange(n_models) != j
        apart = deviation[:, others] - deviation[:, [j]]
        error = apart.std(axis=0)
        moves = error > 0
        critical = 0.0
        if moves.any():
            critical = float(
                np.quantile(np.abs(apart[:, moves] / error[moves]).max(axis=1), confidence)
            )
        difference = value[others] - value[j]
        best[j] += int((difference > critical * error).sum())
        worst[j] -= int((difference < -critical * error).sum())
    return best, worst


def kendall_tau_b(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"] | Float[np.ndarray, "B n"],
    weights: Float[np.ndarray, "B n"],
) -> Float[np.ndarray, "B"]:
    """Kendall's tau-b: pairs in the same order less pairs in the other, over pairs not tied.

    Args:
        x: one quantity.
        y: the other, the same in all resamples or one row a resample.
        weights: how often each thing is in each resample; one row of ones for all as they are.
    """
    by_x, by_y = (
        np.sign(one[..., :, None] - one[..., None, :]).astype(np.float32) for one in (x, y)
    )
    w = weights.astype(np.float32)
    agreed, of_x, of_y = (
        np.einsum("bi,bi->b", (w[:, None] @ pairs)[:, 0] if pairs.ndim == 3 else w @ pairs, w,
                  dtype=np.float64)
        for pairs in (by_x * by_y, np.abs(by_x), np.abs(by_y))
    )  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        tau: Float[np.ndarray, "B"] = agreed / np.sqrt(of_x * of_y)
    return tau


def spearman_rho(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"] | Float[np.ndarray, "B n"],
    weights: Float[np.ndarray, "B n"],
) -> Float[np.ndarray, "B"]:
    """Spearman's rho: the correlation of ranks, things that are tied sharing their mean rank.

    Args:
        x: one quantity.
        y: the other, as in `kendall_tau_b`.
        weights: likewise.
    """
    n = weights.sum(axis=1, keepdims=True)
    a, b = (_middle_ranks(one, weights) - (n + 1) / 2 for one in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        rho: Float[np.ndarray, "B"] = (weights * a * b).sum(axis=1) / np.sqrt(
            (weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1)
        )
    return rho


def _middle_ranks(
    x: Float[np.ndarray, "n"] | Float[np.ndarray, "B n"], weights: Float[np.ndarray, "B n"]
) -> Float[np.ndarray, "B n"]:
    """Mean rank of each thing, from 1, in each resample."""
    if x.ndim == 2:
        before = 0.5 * (1 + np.sign(x[:, :, None] - x[:, None, :]))  # 1 before, 0.5 tied
        rank: Float[np.ndarray, "B n"] = (before @ weights[:, :, None])[:, :, 0] + 0.5
        return rank
    order = np.argsort(x, kind="stable")
    _, first, value = np.unique(x[order], return_index=True, return_inverse=True)
    held = np.add.reduceat(weights[:, order], first, axis=1)
    middle = np.cumsum(held, axis=1) - held + (held + 1) / 2
    ranks = np.empty(weights.shape)
    ranks[:, order] = middle[:, value]
    return ranks
