"""A line with a hinge: against statsmodels' least squares, and how often its interval holds."""

import numpy as np
import pytest

from reassess.errors import OptionError
from reassess.statistics.hinge import fit_hinge


def points(rng, n=30, ratio=0.7):
    x = rng.uniform(0.6, 0.9, n)
    y = 0.1 + np.minimum(x - 0.75, 0) + ratio * np.maximum(x - 0.75, 0)
    return x, y + rng.normal(0, 0.005, n)


def test_slopes_are_least_squares() -> None:
    x, y = points(np.random.default_rng(0))
    found = fit_hinge(x, y, np.arange(30), 0.75)
    design = np.column_stack([np.ones(30), np.minimum(x - 0.75, 0), np.maximum(x - 0.75, 0)])
    expected = np.linalg.lstsq(design, y, rcond=None)[0]
    assert found is not None
    assert (found.lower, found.upper) == pytest.approx(tuple(expected[1:]))


def test_the_interval_of_the_ratio_holds_it() -> None:
    """At least as often as it says: the jackknife errs on the wide side."""
    rng, held = np.random.default_rng(1), 0
    for _ in range(200):
        x, y = points(rng)
        found = fit_hinge(x, y, np.arange(30), 0.75)
        assert found is not None
        ends = found.ratio_interval(0.9)
        assert ends is not None
        held += ends[0] <= 0.7 <= ends[1]
    assert 0.85 <= held / 200 <= 0.99


def test_what_is_drawn_again_widens_and_what_cannot_be_told_is_none() -> None:
    rng = np.random.default_rng(2)
    x, y = points(rng)
    plain = fit_hinge(x, y, np.arange(30), 0.75)
    drawn = fit_hinge(x, y, np.arange(30), 0.75, y + rng.normal(0, 0.01, (200, 30)))
    assert plain is not None
    assert drawn is not None
    assert np.ptp(drawn.ratio_interval(0.9)) > np.ptp(plain.ratio_interval(0.9))
    noise = fit_hinge(x, rng.normal(0, 1, 30), np.arange(30), 0.75)
    assert noise is not None
    assert noise.ratio_interval() is None
    assert fit_hinge(x, y, (x > 0.75).astype(int), 0.75) is None
    with pytest.raises(OptionError, match="number of groups is 1"):
        fit_hinge(x, y, np.zeros(30, int), 0.75)
