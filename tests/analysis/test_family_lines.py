"""Slopes within families: against SciPy and an analysis of covariance by another way."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from reassess.analysis.family_lines import family_lines


def models(slopes, rng, n=12, noise=0.002):
    x = np.concatenate([rng.uniform(0.7, 0.85, n) for _ in slopes])
    family = np.repeat([f"f{i}" for i in range(len(slopes))], n)
    level = np.repeat(rng.uniform(-0.02, 0.02, len(slopes)), n)
    y = level + np.repeat(slopes, n) * x + rng.normal(0, noise, len(x))
    return x, y, family


def test_each_family_has_its_own_line():
    rng = np.random.default_rng(1)
    x, y, family = models([0.5, 0.9, 0.7], rng)
    x, y = np.append(x, [0.8] * 6), np.append(y, [0.8] * 6)
    family = np.append(family, [*["flat"] * 5, "single"])  # no line: one x, or too few models
    found = family_lines(x, y, family)
    assert [one.family for one in found.lines] == ["f0", "f1", "f2"]
    for one in found.lines:
        of = family == one.family
        expected = stats.linregress(x[of], y[of])
        reach = stats.t.ppf(0.975, of.sum() - 2) * expected.stderr
        assert one.slope == pytest.approx(expected.slope)
        assert one.interval == pytest.approx((expected.slope - reach, expected.slope + reach))
        assert (one.low, one.high) == (x[of].min(), x[of].max())
    assert found.p_value < 1e-6


def test_one_slope_against_one_each():
    """The F-test by two regressions, and uniform p-values where families share their slope."""
    rng = np.random.default_rng(2)
    x, y, family = models([0.6, 0.62, 0.6], rng)
    dummies = (family[:, None] == np.unique(family)).astype(float)
    rss = [
        float(((y - LinearRegression(fit_intercept=False).fit(a, y).predict(a)) ** 2).sum())
        for a in (np.c_[dummies, x], np.c_[dummies, dummies * x[:, None]])
    ]
    n, k = len(x), 3
    statistic = (rss[0] - rss[1]) / (k - 1) / (rss[1] / (n - 2 * k))
    expected = stats.f.sf(statistic, k - 1, n - 2 * k)
    assert family_lines(x, y, family).p_value == pytest.approx(expected)
    values = [family_lines(*models([0.7] * 3, rng)).p_value for _ in range(300)]
    assert stats.kstest(values, "uniform").pvalue > 0.001
    assert family_lines(*models([0.7], rng)).p_value is None
