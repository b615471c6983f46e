"""The smallest difference that a paired test finds: simulated, and where there is none."""

import numpy as np
import pytest
from scipy import stats

from reassess.errors import OptionError
from reassess.statistics.power import detectable_difference


@pytest.mark.parametrize(("n", "disagreement", "power"), [
    (1000, 0.1, 0.8), (50_000, 0.05, 0.8), (5000, 0.2, 0.9), (2000, 0.1, 0.5),
])  # fmt: skip
def test_the_test_finds_it_as_often_as_it_says(n, disagreement, power):
    difference = detectable_difference(n, disagreement, power=power)
    assert difference is not None
    rng = np.random.default_rng(0)
    up = (disagreement + difference) / 2
    draws = rng.multinomial(n, [up, disagreement - up, 1 - disagreement], 4000)
    more, fewer = draws[:, 0], draws[:, 1]
    p_value = np.minimum(1, 2 * stats.binom.sf(np.maximum(more, fewer) - 1, more + fewer, 0.5))
    found = float((p_value < 0.05).mean())
    assert power - 0.05 < found < power + 0.02  # the exact test is the more cautious one


def test_more_images_show_smaller_differences_and_few_show_none():
    shown = [detectable_difference(n, 0.1) for n in (100, 1000, 10_000)]
    assert sorted(shown, reverse=True) == shown
    assert detectable_difference(20, 0.05) is None
    for arguments in ((0, 0.1), (10, 0.0), (10, 1.5)):
        with pytest.raises(OptionError, match="must be"):
            detectable_difference(*arguments)
    with pytest.raises(OptionError, match="power"):
        detectable_difference(10, 0.1, power=1.0)
