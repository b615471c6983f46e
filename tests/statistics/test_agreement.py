"""Agreement of raters: published figures, independent oracles, and what is undefined."""

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.inter_rater import fleiss_kappa as fleiss_of_statsmodels

from reassess.statistics.agreement import fleiss_kappa, krippendorff_alpha

# K. Krippendorff (2011), "Computing Krippendorff's alpha-reliability", section C: four
# observers, twelve units, five values.
OBSERVERS = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]
# The worked example of the Wikipedia article on the coefficient: 14 raters, 5 categories.
SUBJECTS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_alpha_is_the_published_one():
    rows = [row.split() for row in OBSERVERS]
    counts = np.array(
        [[sum(row[u] == str(v) for row in rows) for v in range(1, 6)] for u in range(12)]
    )
    found = {
        distance: krippendorff_alpha(
            counts, distance=distance, n_resamples=0, rng=np.random.default_rng(0)
        ).value
        for distance in ("nominal", "ordinal", "interval")
    }
    assert found == pytest.approx({"nominal": 0.743, "ordinal": 0.815, "interval": 0.849}, abs=6e-4)


def test_kappa_is_the_published_one():
    one = fleiss_kappa(np.array(SUBJECTS), n_resamples=0, rng=np.random.default_rng(0))
    assert one.value == pytest.approx(0.210, abs=6e-4)


@given(
    arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(2, 4)), elements=st.integers(0, 4))
)
def test_coefficients_are_those_of_other_packages_or_undefined(counts):
    pairs = counts[counts.sum(axis=1) >= 2]
    defined = (pairs.sum(axis=0) > 0).sum() >= 2
    alphas = {
        distance: krippendorff_alpha(
            counts, distance=distance, n_resamples=0, rng=np.random.default_rng(0)
        )
        for distance in ("nominal", "ordinal", "interval")
    }
    if not defined:
        assert all(one.value is None and one.reason for one in alphas.values())
        return
    values = np.arange(counts.shape[1])
    for distance, one in alphas.items():
        expected = krippendorff.alpha(
            value_counts=counts, value_domain=values, level_of_measurement=distance
        )
        assert one.value == pytest.approx(expected, abs=1e-9)
    same = pairs.sum(axis=1) == pairs.sum(axis=1)[0]
    assume(same.all())
    assert fleiss_kappa(pairs, n_resamples=0, rng=np.random.default_rng(0)).value == pytest.approx(
        fleiss_of_statsmodels(pairs), abs=1e-9
    )


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([[1, 0], [0, 1]], "none of 2 questions has two votes"),
        ([[3, 0], [2, 0]], "all 5 votes give the same answer"),
    ],
)
def test_what_the_votes_do_not_determine_is_undefined_with_the_reason(counts, reason):
    counts = np.array(counts)
    one = krippendorff_alpha(counts, rng=np.random.default_rng(0))
    assert (one.value, one.low, one.high) == (None, None, None)
    assert reason in one.reason


def test_kappa_needs_the_same_number_of_votes_for_each_question():
    one = fleiss_kappa(np.array([[3, 0], [1, 1]]), rng=np.random.default_rng(0))
    assert one.value is None
    assert "between 2 and 3 votes" in one.reason


def test_an_interval_needs_resamples_in_which_answers_differ():
    counts = np.array([[2, 1]] + [[3, 0]] * 2)
    one = krippendorff_alpha(counts, n_resamples=200, rng=np.random.default_rng(1))
    assert one.value is not None
    assert one.low is None
    assert "hold one answer only" in one.reason


def test_intervals_widen_where_questions_of_an_image_go_together():
    """Ten copies of each question are no new evidence once they are drawn together."""
    rng = np.random.default_rng(2)
    base = rng.multinomial(4, [0.5, 0.2, 0.3], size=80)
    base[::2] = np.eye(3, dtype=int)[rng.integers(3, size=40)] * 4
    copied, group = np.repeat(base, 10, axis=0), np.repeat(np.arange(80), 10)

    def width(counts, groups=None):
        one = krippendorff_alpha(counts, groups=groups, rng=np.random.default_rng(3))
        return one.high - one.low

    assert width(copied, group) == pytest.approx(width(base), rel=0.1)
    assert width(copied) < 0.5 * width(base)


def test_95_percent_intervals_hold_the_alpha_of_the_population():
    rng = np.random.default_rng(4)
    patterns = rng.multinomial(5, [0.3, 0.2, 0.5], size=30)
    patterns[:15] = np.eye(3, dtype=int)[rng.integers(3, size=15)] * 5
    truth = krippendorff_alpha(patterns, n_resamples=0, rng=rng).value
    hits = 0
    for _ in range(200):
        drawn = patterns[rng.integers(30, size=300)]
        one = krippendorff_alpha(drawn, n_resamples=200, rng=rng)
        hits += one.low <= truth <= one.high
    assert 0.90 <= hits / 200 <= 0.985
