"""Ranks, and the intervals that hold them. Letters: M models, B draws.

A bootstrap of ranks themselves does not hold the true rank as often as it says where models
are close. Ranks are therefore counted from differences: a model is better than those that it
is surely better than, and worse than those that are surely better than it.

Source: M. Mogstad, J. Romano, A. Shaikh, D. Wilhelm (2024), "Inference for Ranks with
Applications to Mobility across Neighbourhoods and Academic Achievement across Countries",
Review of Economic Studies 91:476-518.
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
