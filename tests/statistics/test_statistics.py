"""Intervals, tests and regression against SciPy, and by their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reassess.errors import OptionError
from reassess.statistics import (
    mcnemar_exact,
    normal_p_value,
    ordinary_least_squares,
    paired_difference_interval,
    percentile_interval,
    stratified_bootstrap,
    wilson_interval,
)

counts = st.integers(0, 400)


@given(n_scored=st.integers(1, 5_000), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_wilson_is_scipys(n_scored, share, confidence):
    n_correct = round(share * n_scored)
    expected = stats.binomtest(n_correct, n_scored).proportion_ci(confidence, method="wilson")
    assert wilson_interval(n_correct, n_scored, confidence) == pytest.approx(
        (expected.low, expected.high), abs=1e-9
    )


def test_wilson_knows_nothing_of_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(OptionError, match="confidence is 95"):
        wilson_interval(1, 2, 95.0)


@given(a=counts, b=counts)
def test_mcnemar_is_the_binomial_test(a, b):
    expected = stats.binomtest(a, a + b, 0.5).pvalue if a + b else 1.0
    assert mcnemar_exact(a, b) == pytest.approx(expected, rel=1e-9)
    assert mcnemar_exact(a, b) == mcnemar_exact(b, a)


def test_mcnemar_survives_large_counts():
    """2 ** -40,000 is zero in floats; its logarithm is not."""
    assert 0 <= mcnemar_exact(15_000, 25_000) < 1e-300
    assert mcnemar_exact(20_000, 20_100) == pytest.approx(
        stats.binomtest(20_000, 40_100, 0.5).pvalue, rel=1e-6
    )


def test_paired_difference_as_newcombe_printed_it():
    """Newcombe (1998), the first row of his examples, method 10."""
    assert paired_difference_interval(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=1e-4)


@given(both=counts, a=counts, b=counts, neither=counts)
def test_paired_difference_holds_the_difference_and_mirrors(both, a, b, neither):
    low, high = paired_difference_interval(both, a, b, neither)
    n = both + a + b + neither
    if n:
        assert low - 1e-12 <= (a - b) / n <= high + 1e-12
    mirrored = paired_difference_interval(both, b, a, neither)
    assert (-mirrored[1], -mirrored[0]) == pytest.approx((low, high))


def test_paired_difference_covers():
    """95 % intervals hold the true difference in 93 to 97.5 % of 1,200 studies."""
    rng = np.random.default_rng(0)
    share = np.array([0.70, 0.08, 0.04, 0.18])
    draws = rng.multinomial(500, share, size=1_200)
    inside = [
        low <= 0.04 <= high
        for low, high in (paired_difference_interval(*d) for d in draws.tolist())
    ]
    assert 0.93 <= np.mean(inside) <= 0.975


def test_stratified_bootstrap_keeps_the_strata():
    """The spread is that inside the strata: none where a stratum is all right or all wrong."""
    stratum = np.repeat([0, 1, 2], 200)
    correct = np.repeat([True, False, True], 200)
    correct[400:500] = False
    draws = stratified_bootstrap(correct, stratum, 4_000, np.random.default_rng(0))
    assert draws.mean() == pytest.approx(correct.mean(), abs=0.002)
    assert draws.std() == pytest.approx(np.sqrt(200 * 0.25) / 600, rel=0.05)
    low, high = percentile_interval(draws)
    assert low < correct.mean() < high


def test_bootstrap_is_the_one_that_draws_images():
    rng = np.random.default_rng(1)
    stratum = rng.integers(0, 4, 300)
    correct = rng.random(300) < 0.3 + 0.15 * stratum
    rows = [np.flatnonzero(stratum == s) for s in range(4)]
    by_image = [
        np.concatenate([correct[rng.choice(r, len(r))] for r in rows]).mean() for _ in range(4_000)
    ]
    draws = stratified_bootstrap(correct, stratum, 4_000, rng)
    assert draws.mean() == pytest.approx(np.mean(by_image), abs=0.003)
    assert draws.std() == pytest.approx(np.std(by_image), rel=0.06)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 40))
def test_regression_is_scipys(seed, n):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), rng.normal(size=n)
    line, expected = ordinary_least_squares(x, y), stats.linregress(x, y)
    assert (line.slope, line.intercept) == pytest.approx((expected.slope, expected.intercept))
    assert line.slope_error == pytest.approx(expected.stderr)


def test_a_line_needs_two_points():
    assert ordinary_least_squares(np.array([0.0, 1.0]), np.array([1.0, 3.0])).slope_error is None
    with pytest.raises(OptionError, match="1 different x"):
        ordinary_least_squares(np.array([2.0, 2.0]), np.array([1.0, 3.0]))


@given(z=st.floats(-30, 30))
def test_normal_p_value_is_scipys(z):
    assert normal_p_value(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9, abs=1e-300)
