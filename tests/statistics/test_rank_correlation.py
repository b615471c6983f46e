"""Rank correlation and slopes of resamples: each is SciPy's, on the things as often as drawn."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from reassess.statistics.intervals import (
    defined_interval,
    group_weights,
    weighted_slopes,
)
from reassess.statistics.ranks import kendall_tau_b, spearman_rho


@given(st.integers(0, 2**32 - 1), st.integers(4, 30))
def test_against_scipy_with_ties_and_copies(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 6, (2, n)) / 6
    weights = np.vstack([np.ones(n), rng.integers(0, 4, (2, n))])
    for row, tau, rho, slope in zip(
        weights.astype(int),
        kendall_tau_b(x, y, weights),
        spearman_rho(x, y, weights),
        weighted_slopes(x, y, weights),
        strict=True,
    ):
        a, b = np.repeat(x, row), np.repeat(y, row)
        if len(a) < 2 or np.ptp(a) == 0:
            assert np.isnan([tau, rho, slope]).all()
        elif np.ptp(b) == 0:
            assert np.isnan([tau, rho]).all()
            assert slope == pytest.approx(0, abs=1e-9)
        else:
            assert tau == pytest.approx(scipy.stats.kendalltau(a, b).statistic, abs=1e-5)
            assert rho == pytest.approx(scipy.stats.spearmanr(a, b).statistic, abs=1e-9)
            assert slope == pytest.approx(scipy.stats.linregress(a, b).slope, abs=1e-9)


def test_a_row_of_its_own_for_each_resample() -> None:
    """As one by one, ties among them."""
    rng = np.random.default_rng(0)
    x, rows = rng.integers(0, 6, 9) / 6, rng.integers(0, 6, (5, 9)) / 6
    weights = rng.integers(0, 4, (5, 9)).astype(float)
    for function in (kendall_tau_b, spearman_rho, weighted_slopes):
        alone = [function(x, y, w[None])[0] for y, w in zip(rows, weights, strict=True)]
        assert function(x, rows, weights) == pytest.approx(alone, abs=1e-6), function


def test_a_group_is_drawn_whole() -> None:
    groups = np.array([0, 1, 1, 2, 0])
    weights = group_weights(groups, 500, np.random.default_rng(0))
    assert (weights[:, 0] == weights[:, 4]).all()
    assert (weights[:, 1] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(5), abs=0.15)


def test_copies_in_a_group_add_nothing() -> None:
    """Four copies of each model are as good as one, unless they are taken as independent."""
    rng = np.random.default_rng(1)
    x = rng.uniform(size=40)
    y = x + rng.normal(0, 0.3, 40)
    x4, y4 = np.repeat(x, 4), np.repeat(y, 4)

    def width(groups, of=(x4, y4)):
        weights = group_weights(groups, 2000, np.random.default_rng(2))
        low, high = defined_interval(weighted_slopes(*of, weights))
        return high - low

    alone = width(np.arange(40), (x, y))
    assert width(np.repeat(np.arange(40), 4)) == pytest.approx(alone)
    assert width(np.arange(160)) == pytest.approx(alone / 2, rel=0.15)


def test_an_interval_needs_draws_that_are_defined() -> None:
    assert defined_interval(np.r_[np.linspace(0, 1, 99), np.nan]) == pytest.approx((0.025, 0.975))
    assert defined_interval(np.r_[np.zeros(90), np.full(10, np.nan)]) is None
