"""Proportions in clusters: known cases, coverage against drawing clusters again, the guarantee."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from reassess.statistics import (
    clustered_interval,
    effective_size,
    surely_below,
    wilson_interval,
)


def clusters(rng, n_clusters: int, share: float, together: float):
    """Items in clusters of one to six, of which some hold or fail all together."""
    size = rng.integers(1, 7, n_clusters)
    cluster = np.repeat(np.arange(n_clusters), size)
    alike = np.repeat(rng.random(n_clusters) < together, size)
    of_cluster = np.repeat(rng.random(n_clusters) < share, size)
    return np.where(alike, of_cluster, rng.random(len(cluster)) < share), cluster


def test_items_alone_get_wilsons_interval():
    holds = np.arange(100) < 30
    low, high = clustered_interval(holds, np.arange(100))
    assert (low, high) == pytest.approx(wilson_interval(30, 100), abs=2e-3)
    # Pairs that are alike are one item each.
    low, high = clustered_interval(np.repeat(holds, 2), np.repeat(np.arange(100), 2))
    assert (low, high) == pytest.approx(wilson_interval(30, 100), abs=2e-3)


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]))
def test_the_interval_holds_the_share_inside_0_and_1(seed, share):
    rng = np.random.default_rng(seed)
    holds, cluster = clusters(rng, int(rng.integers(1, 30)), share, 0.5)
    low, high = clustered_interval(holds, cluster)
    assert 0 <= low <= holds.mean() <= high <= 1
    assert low < high
    order = rng.permutation(len(holds))
    assert clustered_interval(holds[order], -3 * cluster[order]) == pytest.approx((low, high))


@pytest.mark.parametrize("together", [0.0, 0.7])
def test_the_interval_holds_the_true_share_as_often_as_it_says(together):
    """95% of 600; that of independent items holds 83% where seven in ten clusters are alike."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(600):
        low, high = clustered_interval(*clusters(rng, 150, 0.88, together))
        held.append(low <= 0.88 <= high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)


def test_effective_size_by_hand():
    """Clusters a a b a: (1)^2/1, 2^2/4, 3^2/5, 4^2/10."""
    found = effective_size(np.array([7, 7, 3, 7]))
    assert found.tolist() == pytest.approx([1.0, 1.0, 9 / 5, 16 / 10])


def test_surely_below_by_hand():
    """73 right ones are just enough at 5% with a quarter of 10% for each start."""
    n = np.arange(1.0, 200)
    none = np.zeros(len(n))
    assert binom.cdf(0, 72, 0.05) <= 0.025
    assert surely_below(none, n, 0.05, 0.9) is not None
    assert surely_below(none[:71], n[:71], 0.05, 0.9) is None
    assert surely_below(none[:72], n[:72], 0.05, 0.9) == 71
    assert surely_below(none + 0.04, n, 0.05, 0.9) is None
    assert surely_below(none, n, 0.0, 0.9) is None
    # Wrong ones come after the first 100: somewhere behind them no more is sure.
    wrong = np.maximum(0, np.arange(len(n)) - 100) / n
    last = surely_below(wrong, n, 0.05, 0.9)
    assert 90 < last < 110
