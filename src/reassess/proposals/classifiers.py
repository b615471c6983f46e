"""scikit-learn's classifiers for truths that are probabilities.

A pair that is valid with probability v counts as valid with weight v and as invalid with
weight 1 − v. Letters: n pairs, F features.
"""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from reassess.errors import MissingExtraError

MOST_TREES = 120
"""Boosting iterations where there is much to learn from; a fold's time grows with them."""

_FEWEST_TREES = 30
_PAIRS_PER_TREE = 200  # few pairs get few trees, which would learn them by heart otherwise


def _doubled(
    valid: Float[np.ndarray, "n"], weight: Float[np.ndarray, "n"] | None
) -> tuple[Shaped[np.ndarray, "m"], Shaped[np.ndarray, "m"], Shaped[np.ndarray, "m"]]:
    """Rows, outcomes and weights with each uncertain row standing for both outcomes."""
    weight = np.ones(len(valid)) if weight is None else weight
    yes, no = np.flatnonzero(valid > 0), np.flatnonzero(valid < 1)
    row = np.concatenate([yes, no])
    outcome = np.arange(len(row)) < len(yes)
    weights = np.concatenate([(weight * valid)[yes], (weight * (1 - valid))[no]])
    return row, outcome, weights


def fit_logistic(
    features: Shaped[np.ndarray, "n F"],
    valid: Float[np.ndarray, "n"],
    weight: Float[np.ndarray, "n"] | None = None,
    *,
    strength: float = 1.0,
) -> Any:
    """A fitted logistic regression.

    Args:
        features: the features.
        valid: P(valid) of each row, not all 0 and not all 1.
        weight: of each row; 1 by default.
        strength: of the ridge penalty.
    """
    from sklearn.linear_model import LogisticRegression

    row, outcome, weights = _doubled(valid, weight)
    model = LogisticRegression(C=1 / strength, max_iter=1000)
    return model.fit(features[row], outcome, sample_weight=weights)


def fit_scaled_logistic(
    features: Shaped[np.ndarray, "n F"], valid: Float[np.ndarray, "n"], *, strength: float
) -> Any:
    """A fitted logistic regression on features brought to unit variance."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    return make_pipeline(scaler, fit_logistic(scaler.transform(features), valid, strength=strength))


def fit_boosting(
    features: Shaped[np.ndarray, "n F"],
    valid: Float[np.ndarray, "n"],
    weight: Float[np.ndarray, "n"],
    *,
    seed: int,
) -> Any:
    """Fitted gradient-boosted trees.

    Args:
        features: the features.
        valid: P(valid) of each row, not all 0 and not all 1.
        weight: of each row.
        seed: which features each split may look at.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    row, outcome, weights = _doubled(valid, weight)
    n_trees = min(MOST_TREES, max(_FEWEST_TREES, len(valid) // _PAIRS_PER_TREE))
    model = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=n_trees,
        max_leaf_nodes=31,
        min_samples_leaf=50,
        l2_regularization=1.0,
        max_features=0.5,
        early_stopping=False,
        random_state=seed,
    )
    return model.fit(features[row], outcome, sample_weight=weights)


def single_threaded() -> AbstractContextManager[object]:
    """A context in which scikit-learn takes one core: sums over threads depend on their number.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401 -- brings threadpoolctl
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "study", "learning proposals") from error
    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits
