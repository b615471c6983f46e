"""Confidence sequences hold at every look at once, and repeated tests do not."""

import numpy as np
import pytest

from reassess.errors import DataError, OptionError
from reassess.statistics import wilson_interval
from reassess.statistics.sequential import (
    difference_sequence,
    finite_rate_sequence,
    mean_sequence,
    rate_sequence,
)

LOOKS = range(80, 401, 80)
"""Somebody looks every eighty results."""


def ever_outside(truth, looks) -> bool:
    return any(not one.low <= truth <= one.high for one in looks)


def test_a_rate_holds_at_every_look_where_wilson_does_not() -> None:
    rng = np.random.default_rng(0)
    missed = wilson_missed = 0
    for _ in range(60):
        k = np.cumsum(rng.random(400) < 0.1)
        looks = [rate_sequence(int(k[n - 1]), n) for n in LOOKS]
        missed += ever_outside(0.1, looks)
        ends = [wilson_interval(int(k[n - 1]), n) for n in LOOKS]
        wilson_missed += any(not low <= 0.1 <= high for low, high in ends)
    assert missed / 60 <= 0.05
    assert wilson_missed / 60 > 0.1


def test_a_finite_population_is_known_when_all_of_it_was_drawn() -> None:
    rng, missed = np.random.default_rng(1), 0
    for _ in range(60):
        drawn = rng.permutation(np.arange(500) < 40)
        looks = [finite_rate_sequence(int(drawn[:n].sum()), n, 500) for n in LOOKS]
        missed += ever_outside(0.08, looks)
        assert looks[-1].high - looks[-1].low < 0.06
    assert missed / 60 <= 0.06
    whole = finite_rate_sequence(40, 500, 500)
    assert (whole.low, whole.high) == (0.08, 0.08)
    wide = rate_sequence(8, 100)
    narrow = finite_rate_sequence(8, 100, 150)
    assert wide.low < narrow.low <= narrow.high < wide.high


def test_a_difference_is_never_called_where_there_is_none_and_is_where_there_is_one() -> None:
    rng = np.random.default_rng(2)
    called = found = 0
    for _ in range(30):
        for gap in (0.0, 0.2):
            kind = rng.choice(3, 400, p=(0.1 + gap, 0.1, 0.8 - gap))
            looks = [
                difference_sequence(int((kind[:n] == 0).sum()), int((kind[:n] == 1).sum()), n)
                for n in LOOKS
            ]
            decided = ever_outside(0, looks)
            called, found = called + (decided and not gap), found + (decided and gap > 0)
    assert called <= 2
    assert found >= 27


def test_the_share_drawn_lies_inside_where_nearly_all_is_drawn() -> None:
    for n_yes in (1, 999):
        one = finite_rate_sequence(n_yes, 1000, 1001, confidence=0.5)
        assert one.low <= one.value <= one.high


def test_a_mean_of_bounded_values() -> None:
    rng, missed = np.random.default_rng(3), 0
    for _ in range(40):
        values = rng.beta(2, 6, 300)
        looks = [mean_sequence(values[:n]) for n in (50, 150, 300)]
        missed += ever_outside(0.25, looks)
        assert looks[0].high - looks[0].low > looks[-1].high - looks[-1].low
    assert missed <= 4
    assert looks[-1].high - looks[-1].low < 0.12
    with pytest.raises(DataError, match="no mean fits 800 values in this order"):
        mean_sequence(np.repeat([0.0, 1.0], 400))


def test_ends_are_those_of_the_definition() -> None:
    """No yes in n draws: M(p) = mixture / (1 - p)^n reaches 1 / 0.05 at the upper end."""
    from scipy.special import betaln

    one = rate_sequence(0, 60)
    mixture = betaln(0.5, 60.5) - betaln(0.5, 0.5)
    assert one.low == 0
    assert mixture - 60 * np.log1p(-one.high) == pytest.approx(np.log(20))
    both = difference_sequence(7, 3, 50)
    swapped = difference_sequence(3, 7, 50)
    assert (both.low, both.high) == pytest.approx((-swapped.high, -swapped.low))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: rate_sequence(1, 0), "number of results is 0"),
        (lambda: rate_sequence(3, 2), "the count is 3"),
        (lambda: rate_sequence(1, 2, confidence=1.0), "the confidence is 1.0"),
        (lambda: finite_rate_sequence(1, 9, 8), "number drawn is 9"),
        (lambda: mean_sequence(np.array([0.5, 1.5])), "outside"),
    ],
)
def test_refuses(call, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        call()
