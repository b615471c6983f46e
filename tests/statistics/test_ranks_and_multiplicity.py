"""Corrections, ranks, logistic regression and bootstrap weights against statsmodels and SciPy."""

import gc

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reassess.errors import OptionError
from reassess.statistics import (
    benjamini_hochberg,
    bootstrap_counts,
    descending_ranks,
    half_sample,
    holm,
    logistic_regression,
    rank_intervals,
)

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40).map(np.array)


@pytest.fixture(scope="module")
def nothing_to_collect():
    """statsmodels collects garbage in every call, which visits all that other tests left."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_to_collect")
@given(p=p_values)
def test_corrections_are_those_of_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    expected = multipletests(p, method="fdr_bh")[1]
    assert benjamini_hochberg(p) == pytest.approx(expected, abs=1e-12)
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p), abs=1e-12)


def test_correcting_nothing_gives_nothing():
    none = np.array([])
    assert (len(holm(none)), len(benjamini_hochberg(none))) == (0, 0)


@given(values=st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_ranks_are_scipys(values):
    value = np.array(values, float)
    assert descending_ranks(value).tolist() == stats.rankdata(-value, "min").tolist()


def test_rank_intervals_by_hand():
    """The critical value is about 2: 0.5 apart is decided at an error of 0.1, 0.1 is not."""
    value = np.array([0.0, 0.5, 0.6])
    deviation = np.random.default_rng(0).normal(0, 0.1 / np.sqrt(2), (4_000, 3))
    best, worst = rank_intervals(value, deviation)
    assert best.tolist() == [3, 1, 1]
    assert worst.tolist() == [3, 2, 2]
    best, worst = rank_intervals(value, 100 * deviation)
    assert (best.tolist(), worst.tolist()) == ([1] * 3, [3] * 3)


def test_differences_that_never_move_are_certain_and_equal_models_share_ranks():
    best, worst = rank_intervals(np.array([0.7, 0.9, 0.7]), np.zeros((10, 3)))
    assert best.tolist() == [2, 1, 2]
    assert worst.tolist() == [3, 1, 3]
    assert rank_intervals(np.array([0.5]), np.zeros((10, 1)))[1].tolist() == [1]
    with pytest.raises(OptionError, match="confidence is 95"):
        rank_intervals(np.array([0.5]), np.zeros((10, 1)), 95.0)


def test_rank_intervals_hold_the_true_ranks_where_models_are_close():
    """Where ranks are drawn again instead, intervals of close models hold far too seldom."""
    rng = np.random.default_rng(3)
    truth = np.linspace(0, 0.5, 6)
    inside, by_ranks = [], []
    for _ in range(150):
        value = truth + rng.normal(0, 0.4, 6)
        deviation = rng.normal(0, 0.4, (200, 6))
        best, worst = rank_intervals(value, deviation)
        rank = descending_ranks(truth)
        inside.append((best <= rank) & (rank <= worst))
        drawn = np.stack([descending_ranks(row) for row in value + deviation])
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        by_ranks.append((low <= rank) & (rank <= high))
    assert np.mean(inside) >= 0.95
    assert np.mean(by_ranks) < np.mean(inside)


@given(seed=st.integers(0, 2**32 - 1))
def test_logistic_regression_is_statsmodels(seed):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(300), rng.normal(size=300), rng.random(300)])
    y = rng.random(300) < 1 / (1 + np.exp(-x @ [-0.5, 1.2, 0.7]))
    weight = rng.integers(0, 4, 300)
    fitted = sm.GLM(y.astype(float), x, sm.families.Binomial(), freq_weights=weight).fit()
    ours = logistic_regression(x, y, weight.astype(float), ridge=0.0)
    assert ours == pytest.approx(fitted.params, abs=1e-3)
    started = logistic_regression(x, y, weight.astype(float), ridge=0.0, start=ours + 3)
    assert started == pytest.approx(ours, abs=1e-3)


def test_logistic_regression_stays_finite_where_features_separate():
    x = np.column_stack([np.ones(20), np.linspace(-1, 1, 20)])
    constant, slope = logistic_regression(x, x[:, 1] > 0)
    assert abs(constant) < 1
    assert 5 < slope < 50


def test_bootstrap_weights_are_counts_and_halves():
    rng = np.random.default_rng(0)
    counts = bootstrap_counts(500, 200, rng)
    assert (counts.sum(axis=1) == 500).all()
    assert counts.var(axis=1).mean() == pytest.approx(1.0, abs=0.05)
    bits = np.unpackbits(half_sample(10_001, rng), bitorder="little")
    assert len(bits) >= 10_001
    assert bits.mean() == pytest.approx(0.5, abs=0.03)
