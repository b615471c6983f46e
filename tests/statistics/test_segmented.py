"""A line that bends: against statsmodels and SciPy, and on points that lie exactly on it."""

import numpy as np
import pytest
import scipy.optimize
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import OptionError
from reassess.statistics.segmented import (
    breakpoints,
    broken_line_draws,
    broken_line_p_value,
    fit_broken_line,
)


def bent(x, at, lower, upper):
    return 0.2 + lower * x + (upper - lower) * np.maximum(x - at, 0)


def noisy(seed, n=80, at=0.75, lower=1.0, upper=0.5, noise=0.01):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 0.9, n)
    return x, bent(x, at, lower, upper) + rng.normal(0, noise, n)


def fitted(x, y, at):
    return sm.OLS(y, np.column_stack([np.ones_like(x), x, np.maximum(x - at, 0)])).fit()


def test_exact_lines_are_found() -> None:
    x = np.linspace(0, 1, 41)
    found = fit_broken_line(x[::-1], bent(x, 0.4, 1.0, 0.25)[::-1])
    assert found.breakpoint == pytest.approx(0.4, abs=1e-9)
    assert (found.lower, found.upper) == pytest.approx((1.0, 0.25))


@pytest.mark.parametrize("seed", range(5))
def test_against_statsmodels_and_scipy(seed: int) -> None:
    """No breakpoint is better by more than the grid is wide; the rest is least squares at it."""
    x, y = noisy(seed)
    found = fit_broken_line(x, y)
    at = fitted(x, y, found.breakpoint)
    assert (found.lower, found.upper) == pytest.approx(
        (at.params[1], at.params[1] + at.params[2]), rel=1e-6
    )
    line = sm.OLS(y, sm.add_constant(x)).fit()
    assert found.f == pytest.approx((line.ssr - at.ssr) / (at.ssr / (len(x) - 4)), rel=1e-6)
    inside = np.sort(x)[[3, -4]]
    best = min(
        scipy.optimize.minimize_scalar(
            lambda t: fitted(x, y, t).ssr, bounds=ends, method="bounded"
        ).fun
        for ends in zip(np.linspace(*inside, 12)[:-1], np.linspace(*inside, 12)[1:], strict=True)
    )
    assert at.ssr <= best * (1 + 1e-4)


@given(st.integers(0, 2**32 - 1))
def test_a_weight_is_a_number_of_copies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = noisy(seed, n=30)
    weights = rng.integers(0, 3, (3, 30))
    draws = broken_line_draws(x, y, weights.astype(float), trim=0.05)
    assert len(draws.breakpoint) == 3
    for row, at, lower, upper in zip(
        weights, draws.breakpoint, draws.lower, draws.upper, strict=True
    ):
        one = fitted(np.repeat(x, row), np.repeat(y, row), at)
        assert (lower, upper) == pytest.approx((one.params[1], one.params[1:].sum()), rel=1e-4)


def test_moving_and_stretching_moves_and_stretches_the_breakpoint() -> None:
    x, y = noisy(3)
    found, moved = fit_broken_line(x, y), fit_broken_line(2 * x + 5, 3 * y - 1)
    assert moved.breakpoint == pytest.approx(2 * found.breakpoint + 5)
    assert moved.upper == pytest.approx(1.5 * found.upper)
    assert moved.f == pytest.approx(found.f)


def test_a_straight_line_is_rarely_called_bent_and_a_bend_is() -> None:
    """At a level of 5 %, of 200 straight lines about 10 are: groups share x and noise, unevenly."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 4)
    n_called = 0
    for _ in range(200):
        x = np.repeat(rng.uniform(0.5, 0.9, 20), 4) + rng.normal(0, 0.005, 80)
        shared = np.repeat(rng.normal(0, 0.01, 20), 4)
        y = 0.1 + 0.9 * x + (shared + rng.normal(0, 0.003, 80)) * (1 + (x > 0.8))
        n_called += broken_line_p_value(x, y, groups, 99, rng) < 0.05
    assert n_called <= 20
    x, y = noisy(1)
    assert broken_line_p_value(x, y, np.arange(len(x)), 199, rng) == pytest.approx(1 / 200)


@pytest.mark.parametrize(("ends", "n"), [([], 0), ([0.7], 1), ([0.6, 0.8], 2)])
def test_bic_finds_how_many_breakpoints_there_are(ends: list[float], n: int) -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(0.5, 0.9, 300)
    y = x - sum(0.4 * np.maximum(x - t, 0) for t in ends) + rng.normal(0, 0.003, 300)
    assert breakpoints(x, y) == pytest.approx(tuple(ends), abs=0.02)
    assert len(breakpoints(x, y)) == n


@pytest.mark.parametrize("x", [[0.1, 0.2, 0.3, 0.4, 0.5], [0.5] * 20, [0.1] * 10 + [0.2] * 10])
def test_refuses_what_leaves_no_room_for_a_breakpoint(x: list[float]) -> None:
    with pytest.raises(OptionError, match="points with different x on either side"):
        fit_broken_line(np.array(x), np.array(x))


def test_resamples_of_one_point_have_no_lines_and_no_warning():
    x = np.linspace(0.1, 0.8, 8)
    draws = broken_line_draws(x, x**2, np.vstack([8.0 * np.eye(8), np.ones((1, 8))]))
    assert np.isnan(draws.breakpoint[:-1]).all()
    assert np.isnan(draws.upper[:-1]).all()
    assert np.isfinite([draws.breakpoint[-1], draws.lower[-1], draws.upper[-1]]).all()
