"""Labels that no model proposed: by hand, under a known law, and hidden from published data."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.catalog import Catalog
from reassess.errors import DataError, OptionError
from reassess.proposals.missing_labels import (
    MissingLabelsMethod,
    estimate_missing_labels,
    missing_label_range,
)

SEEDS = st.integers(0, 2**32 - 1)
METHODS: tuple[MissingLabelsMethod, ...] = ("power-law", "chao2", "halves")


def catches(rng: np.random.Generator, n_labels: int, n_models: int) -> np.ndarray:
    """Labels that none of s models list with a probability that is a power of s.

    A label is missed by one model with P = exp(−t), the same for each, and t has the density
    t^(−1/2) / (2 √20) on (0, 20); so that s miss it with P = Γ(3/2) / √(20 s).
    """
    ease = 20 * rng.random(n_labels) ** 2
    return rng.random((n_labels, n_models)) > np.exp(-ease)[:, None]


def test_chao2_by_hand() -> None:
    """Four labels listed once and two twice by 3 models: 2/3 × 4×3 / (2×3) = 4/3."""
    captured = np.zeros((8, 3), dtype=bool)
    captured[:4, 0] = captured[4:6, :2] = captured[6] = True
    found = estimate_missing_labels(captured, method="chao2")
    assert found.n_listed == 7
    assert found.n_missing == pytest.approx(4 / 3)
    variance = 4 / 3 + 4 / 9 * 4 * 49 / 36 + 4 / 9 * 16 * 2 * 9 / 324
    factor = math.exp(1.959964 * math.sqrt(math.log(1 + variance / (4 / 3) ** 2)))
    assert found.interval == pytest.approx((4 / 3 / factor, 4 / 3 * factor))
    assert found.recall == pytest.approx(7 / (7 + 4 / 3))


def test_halves_and_the_curve_are_those_of_all_ways_to_draw_models() -> None:
    captured = catches(np.random.default_rng(3), 20_000, 8)
    seen = captured.any(axis=1).sum()

    def mean_found(size: int) -> float:
        drawn = combinations(range(8), size)
        return float(np.mean([captured[:, list(some)].any(axis=1).sum() for some in drawn]))

    half = mean_found(4)
    expected = (half + 1) ** 2 / (2 * half - seen + 1) - 1 - seen
    assert estimate_missing_labels(captured, method="halves").n_missing == pytest.approx(expected)
    ratio = (seen - half) / (half - mean_found(2))
    by_doubling = (seen - half) * ratio / (1 - ratio)
    assert estimate_missing_labels(captured).n_missing == pytest.approx(by_doubling, rel=0.1)


@pytest.mark.parametrize("n_models", [8, 16, 40])
def test_a_power_law_is_continued(n_models: int) -> None:
    """The labels still unseen are known; the others see less than half of them."""
    captured = catches(np.random.default_rng(0), 300_000, n_models)
    actual = 300_000 * math.gamma(1.5) / math.sqrt(20 * n_models)
    assert (~captured.any(axis=1)).sum() == pytest.approx(actual, rel=0.02)
    found = estimate_missing_labels(captured)
    assert found.n_missing == pytest.approx(actual, rel=0.06)
    assert found.interval[0] <= actual <= found.interval[1]
    for method in METHODS[1:]:
        assert estimate_missing_labels(captured, method=method).n_missing < 0.6 * actual


def test_hidden_from_the_published_labels(published: Catalog) -> None:
    """Top predictions of 21 models list 85%; only the power law says what is missing."""
    benchmark, real = published.benchmark("imagenet"), published.labels("imagenet-real")
    image = np.repeat(np.arange(len(real)), real.sizes)
    models = published.predictions("imagenet-torchvision", benchmark)
    captured = np.stack([one.top[image] == real.indices for one in models], axis=1)
    actual = int((~captured.any(axis=1)).sum())
    assert actual == 8667
    ratio = {m: estimate_missing_labels(captured, method=m).n_missing / actual for m in METHODS}
    assert 0.8 < ratio["power-law"] < 1.2
    assert ratio["halves"] < 0.03 < ratio["chao2"] < 0.3
    low, high = estimate_missing_labels(captured).interval
    assert low < actual < high
    found = missing_label_range(captured)
    assert found.low < actual < found.high
    assert [one.method for one in found.estimates] == ["halves", "chao2", "power-law"]


@pytest.mark.parametrize("law", ["alike", "beta", "power"])
def test_the_range_of_all_estimators_holds_where_single_ones_do_not(law: str) -> None:
    """Labels that are alike, and labels of any difficulty: no one estimator has both."""
    rng = np.random.default_rng(5)
    ease = {"alike": np.full(20_000, 0.3), "beta": rng.beta(2, 2, 20_000),
            "power": -np.expm1(-20 * rng.random(20_000) ** 2)}[law]  # fmt: skip
    captured = rng.random((20_000, 8)) < ease[:, None]
    actual = (~captured.any(axis=1)).sum()
    found = missing_label_range(captured)
    assert found.low <= actual <= found.high
    assert not all(one.interval[0] <= actual <= one.interval[1] for one in found.estimates)
    for one in found.estimates:
        assert found.low <= one.interval[0] <= one.n_missing <= one.interval[1] <= found.high


def test_an_estimator_that_the_models_do_not_allow_is_named() -> None:
    rng = np.random.default_rng(1)
    found = missing_label_range(rng.random((500, 3)) < 0.5)
    assert [one.method for one in found.estimates] == ["halves", "chao2"]
    assert "must be at least 4" in found.left_out["power-law"]
    with pytest.raises(OptionError, match="must be at least 2"):
        missing_label_range(np.ones((5, 1), dtype=bool))


@given(seed=SEEDS, method=st.sampled_from(METHODS))
def test_order_weights_and_rows_without_lists_do_not_matter(
    seed: int, method: MissingLabelsMethod
) -> None:
    rng = np.random.default_rng(seed)
    captured = catches(rng, 2000, 9)
    found = estimate_missing_labels(captured, method=method)
    mixed = captured[rng.permutation(2000)][:, rng.permutation(9)]
    twice = np.concatenate([captured, captured, ~captured, np.zeros((5, 9), dtype=bool)])
    weight = np.repeat([0.5, 0.0, 1.0], [4000, 2000, 5])
    listed = captured[captured.any(axis=1)]
    for other in (
        estimate_missing_labels(mixed, method=method),
        estimate_missing_labels(twice, weight, method=method),
        estimate_missing_labels(listed, method=method),
    ):
        assert other.n_listed == pytest.approx(found.n_listed)
        assert other.n_missing == pytest.approx(found.n_missing)
        assert other.interval == pytest.approx(found.interval)


@pytest.mark.parametrize("method", ["power-law", "halves"])
def test_the_interval_is_the_jackknife_over_models(method: MissingLabelsMethod) -> None:
    captured = catches(np.random.default_rng(7), 3000, 9)
    found = estimate_missing_labels(captured, method=method, confidence=0.8)
    without = [
        estimate_missing_labels(np.delete(captured, i, axis=1), method=method) for i in range(9)
    ]
    variance = 8 * np.var([one.n_listed + one.n_missing for one in without])
    factor = math.exp(1.281552 * math.sqrt(math.log(1 + variance / found.n_missing**2)))
    expected = (found.n_missing / factor, found.n_missing * factor)
    assert found.interval == pytest.approx(expected, rel=1e-5)


def test_nothing_is_missing_where_all_models_list_the_same() -> None:
    for method in METHODS:
        found = estimate_missing_labels(np.ones((30, 6), dtype=bool), method=method)
        assert (found.n_missing, found.recall) == (0.0, 1.0)


def test_refuses() -> None:
    captured = np.eye(6, dtype=bool)
    with pytest.raises(DataError, match="at a rate that must fall, but does not"):
        estimate_missing_labels(captured)
    with pytest.raises(OptionError, match=r"there are 3 models, but must be at least 4"):
        estimate_missing_labels(captured[:, :3])
    with pytest.raises(OptionError, match=r"there are 1 models, but must be at least 2"):
        estimate_missing_labels(captured[:, :1], method="chao2")
    with pytest.raises(DataError, match=r"P\(valid\)\[2\] is 1.5, but must lie in \[0, 1\]"):
        estimate_missing_labels(captured, np.array([1, 1, 1.5, 1, 1, 1]))
    with pytest.raises(DataError, match="there are 2, but must be one for each of 6"):
        estimate_missing_labels(captured, np.ones(2))
    with pytest.raises(DataError, match="0 valid labels are listed"):
        estimate_missing_labels(captured, np.zeros(6))
