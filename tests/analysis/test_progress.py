import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from reassess.analysis import progress_lines
from reassess.errors import OptionError


def test_by_hand_two_exact_lines() -> None:
    original = np.array([0.8, 0.5, 0.9, 0.6, 0.7, 1.0])
    real = np.array([0.85, 0.6, 0.9, 0.7, 0.8, 0.95])
    found = progress_lines(original, real)
    assert found.lower.slope == pytest.approx(1.0)
    assert found.upper.slope == pytest.approx(0.5)
    assert found.split == 0.8
    assert (found.lower.n_points, found.upper.n_points) == (3, 3)


def test_the_middle_model_of_an_odd_number_is_in_the_upper_half() -> None:
    original = np.linspace(0.1, 0.5, 5)
    found = progress_lines(original, original)
    assert (found.lower.n_points, found.upper.n_points) == (2, 3)


def test_a_model_at_the_split_is_in_the_upper_half() -> None:
    original = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    found = progress_lines(original, original, split=0.3)
    assert (found.lower.n_points, found.upper.n_points, found.split) == (2, 3, 0.3)


def test_lines_through_two_points_have_no_test() -> None:
    original = np.array([0.1, 0.2, 0.3, 0.4])
    found = progress_lines(original, original**2)
    assert found.z is None
    assert found.p_value is None


def test_against_scipy() -> None:
    rng = np.random.default_rng(0)
    original = np.sort(rng.uniform(0.5, 0.9, 25))
    real = 0.3 + 0.6 * original + rng.normal(0, 0.01, 25)
    found = progress_lines(original[::-1], real[::-1])
    a = scipy.stats.linregress(original[:12], real[:12])
    b = scipy.stats.linregress(original[12:], real[12:])
    z = (a.slope - b.slope) / math.sqrt(a.stderr**2 + b.stderr**2)
    assert found.z == pytest.approx(z)
    of_a, of_b = a.stderr**2, b.stderr**2
    df = math.floor((of_a + of_b) ** 2 / (of_a**2 / 10 + of_b**2 / 11))
    assert found.p_value == pytest.approx(2 * scipy.stats.t.sf(abs(z), df))


@pytest.mark.parametrize("n_models", [6, 8, 12, 22])
def test_few_models_on_one_line_seldom_seem_to_bend(n_models: int) -> None:
    """Held against a normal, three models a half would at 5 % call a fifth of them bent."""
    rng = np.random.default_rng(n_models)
    n_bent = 0
    for _ in range(400):
        original = rng.uniform(0.5, 0.85, n_models)
        real = 0.1 + 0.9 * original + rng.normal(0, 0.005, n_models)
        p_value = progress_lines(original, real).p_value
        assert p_value is not None
        n_bent += p_value < 0.05
    assert n_bent <= 32


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_models_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    original = rng.integers(0, 100, 20) / 100
    real = rng.random(20)
    mixed = rng.permutation(20)
    ordered = np.sort(original)
    assume(ordered[0] < ordered[9] and ordered[10] < ordered[19])
    assert progress_lines(original, real) == progress_lines(original[mixed], real[mixed])


@pytest.mark.parametrize(
    ("original", "split", "message"),
    [
        ([76.1, 80.0, 81.0, 82.0], None, r"original accuracy\[0\] is 76.1"),
        ([0.1, 0.2, 0.3, np.nan], None, r"original accuracy\[3\] is nan"),
        ([0.5, 0.5, 0.6, 0.7], None, "lower half holds 2 models with 1 different"),
        ([0.5, 0.6, 0.7, 0.8], 0.9, "upper half holds 0 models"),
    ],
)
def test_refuses(original: list[float], split: float | None, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        progress_lines(np.array(original), np.full(4, 0.5), split)
