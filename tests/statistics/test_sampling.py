"""Estimates from a stratified sample: over every sample that could be drawn, and by SciPy."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from reassess.statistics.sampling import (
    Foretold,
    Sample,
    departure_reach,
    prediction_powered_ratio,
    stratified_difference,
    stratified_share,
)

STRATUM = np.array([0, 0, 0, 0, 0, 1, 1, 1])
VALUE = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 2.0, 5.0])
SIZE = np.array([5, 3])


def every_sample():
    """Every way to draw three of the first stratum and two of the second."""
    for first, second in product(combinations(range(5), 3), combinations(range(5, 8), 2)):
        yield np.array([*first, *second])


def test_totals_and_their_variance_are_right_on_average_over_all_samples():
    totals, variances = [], []
    for drawn in every_sample():
        sample = Sample(STRATUM[drawn], SIZE)
        totals.append(float((sample.weight * VALUE[drawn]).sum()))
        variances.append(sample.variance(VALUE[drawn]))
    assert np.mean(totals) == pytest.approx(VALUE.sum())
    assert np.mean(variances) == pytest.approx(np.var(totals))


def test_what_was_drawn_whole_is_known():
    sample = Sample(STRATUM, SIZE)
    group = np.array([1, 1, 1, 0, 0, 1, 0, 0], bool)
    found = stratified_share(VALUE > 0, group, 4, sample)
    assert found is not None
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)
    assert found.times(8).high == 2


def test_of_a_stratum_left_out_a_share_supposes_nothing_and_a_difference_is_undefined():
    """Three of five hold, three were never seen: the low end is Wilson's of 3 / (1 - 3/8) draws
    for the five, and 0 for the three."""
    sample = Sample(STRATUM[:3], SIZE)
    holds, everything = np.ones(3, bool), np.ones(3, bool)
    found = stratified_share(holds, everything, 8, sample)
    assert found is not None
    low = 4.8 / (4.8 + norm.ppf(0.975) ** 2) * 5 / 8
    assert (found.value, found.low, found.high) == pytest.approx((1.0, low, 1.0))
    none = stratified_share(~holds, everything, 8, sample)
    assert none is not None
    assert (none.value, none.low, none.high) == pytest.approx((0.0, 0.0, 1 - low))
    assert stratified_difference(holds, ~holds, sample, 100) is None


def test_a_group_of_which_nothing_was_drawn_is_undefined():
    whole = Sample(STRATUM, SIZE)
    assert stratified_share(VALUE > 0, np.zeros(8, bool), 3, whole) is None


def test_one_stratum_is_wilsons_interval_with_the_share_not_drawn():
    """A simple random sample of 40 of 10 million is as good as one with replacement."""
    holds = np.arange(40) < 12
    sample = Sample(np.zeros(40, int), np.array([10_000_000]))
    found = stratified_share(holds, np.ones(40, bool), 10_000_000, sample)
    peer = binomtest(12, 40).proportion_ci(method="wilson")
    assert found is not None
    # the variance is estimated with n - 1
    assert (found.value, found.low, found.high) == pytest.approx(
        (0.3, peer.low, peer.high), abs=3e-3
    )


def test_all_or_nothing_still_has_an_interval():
    sample = Sample(np.zeros(10, int), np.array([100]))
    found = stratified_share(np.zeros(10, bool), np.ones(10, bool), 100, sample)
    assert found is not None
    assert found.low == found.value == 0
    # of 100, 10 are known: 10 / (1 - 0.1) draws, or a narrower interval than of 10
    peer = binomtest(0, 10).proportion_ci(method="wilson").high
    assert 0.9 * peer < found.high < 0.95 * peer


def test_a_difference_with_everything_drawn_is_mcnemars_test():
    a = np.array([1] * 14 + [0] * 5 + [1] * 30, bool)
    b = np.array([0] * 14 + [1] * 5 + [1] * 30, bool)
    found = stratified_difference(a, b, Sample(np.zeros(49, int), np.array([49])), 200)
    assert found is not None
    assert found.value == 9
    assert found.p_value == pytest.approx(binomtest(5, 19).pvalue)
    assert found.high - found.low == pytest.approx(2 * 1.959964 * np.sqrt(19 - 81 / 200), rel=1e-6)
    same = stratified_difference(b, b, Sample(np.zeros(49, int), np.array([49])), 200)
    assert same is not None
    assert (same.value, same.p_value) == (0, 1)


def test_a_stratum_of_which_one_was_drawn_borrows_the_spread_of_the_sample():
    alone = Sample(np.array([0, 0, 1]), np.array([4, 6]))
    assert alone.variance(np.array([1.0, 0.0, 1.0])) == pytest.approx(
        4 * 2 * 0.5 / 2 + 6 * 5 * 2 / 3
    )


@pytest.mark.parametrize("share_departing", [0.3, 0.7, 1.0])
def test_the_few_elements_that_tell_do_not_make_an_interval_without_width(share_departing: float):
    """Of 258 elements 21 are foretold to count, of 40 drawn three or so: a slope fits them all."""
    rng, n_told = np.random.default_rng(1), 21
    foretold = (np.arange(258) < n_told).astype(float)
    seen = foretold * (np.arange(258) >= round(share_departing * n_told))
    held = 0
    for _ in range(300):
        drawn = rng.choice(258, 40, replace=False)
        sample = Sample(np.zeros(40, np.int64), np.array([258]))
        found = prediction_powered_ratio(
            Foretold(seen[drawn], foretold[drawn], np.array([21.0])),
            Foretold(np.ones(40), np.ones(40), np.array([258.0])),
            sample, np.array([21.0]), np.array([0.0]),
        )  # fmt: skip
        assert found is not None
        below, above = departure_reach(found.departures)
        low, high = found.value - below - 1e-9, found.value + above + 1e-9
        held += low <= seen.sum() / 258 <= high
    assert held >= 0.9 * 300
