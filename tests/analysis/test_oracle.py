from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.analysis import (
    biased_classes,
    co_occurrence,
    model_class_accuracies,
    oracle_comparison,
    unbiased_oracle,
)
from reassess.errors import OptionError
from reassess.records import Benchmark, LabelSets, Predictions


def test_by_hand(small_case: Any) -> None:
    """Class 0: a (one label) and b (two); class 3: e (three); no other original holds."""
    predictions, labels, benchmark = small_case
    oracle = unbiased_oracle(labels, benchmark)
    assert oracle.label.tolist() == [0, 3]
    assert oracle.n_images.tolist() == [2, 1]
    assert oracle.accuracy.tolist() == pytest.approx([3 / 4, 1 / 3])
    model = model_class_accuracies(predictions, labels, benchmark)
    assert model.label.tolist() == [0, 3]
    assert model.accuracy.tolist() == [0.5, 0.0]
    assert biased_classes(oracle, 0.9).tolist() == [0, 3]
    assert biased_classes(oracle, 0.75).tolist() == [3]
    assert biased_classes(oracle, 0.9, np.array([True, False, False, False])).tolist() == [3]
    found = oracle_comparison(model, oracle, np.array([0, 3]))
    assert (found.n_classes, found.n_above, found.mean) == (2, 0, 0.25)
    assert found.oracle_mean == pytest.approx((3 / 4 + 1 / 3) / 2)


def test_co_occurring_classes_by_hand(small_case: Any) -> None:
    _, labels, benchmark = small_case
    found = co_occurrence(labels, benchmark, 3)
    assert (found.n_images, found.other.tolist(), found.share.tolist()) == (1, [1, 2], [1, 1])
    found = co_occurrence(labels, benchmark, 0)
    assert (found.n_images, found.other.tolist(), found.share.tolist()) == (2, [1], [0.5])


def test_equal_accuracies_are_not_above_whatever_rounding_does() -> None:
    """1/2 + 3/6 is a little less than 1 as floats; the model is right on 1 of 4."""
    ids = np.array(list("abcd"))
    labels = LabelSets.from_lists("real", ids, [list(range(n)) for n in (2, 6, 6, 6)])
    benchmark = Benchmark("b", ids, np.zeros(4, int))
    top = np.array([0, 1, 1, 1])[:, None]
    model = model_class_accuracies(Predictions("m", ids, top), labels, benchmark)
    oracle = unbiased_oracle(labels, benchmark)
    assert oracle.accuracy[0] < model.accuracy[0]
    assert oracle_comparison(model, oracle, np.array([0])).n_above == 0
    assert biased_classes(oracle, 1 / 4).tolist() == []


@given(seed=st.integers(0, 2**32 - 1))
def test_against_sets(make_case: Callable[[int], Any], seed: int) -> None:
    predictions, labels, benchmark = make_case(seed)
    original = dict(zip(benchmark.image_ids.tolist(), benchmark.original.tolist(), strict=True))
    sets = dict(zip(labels.image_ids.tolist(), labels.lists(), strict=True))
    top = dict(zip(predictions.image_ids.tolist(), predictions.top.tolist(), strict=True))
    oracle = unbiased_oracle(labels, benchmark)
    counted = [i for i in sets if original[i] in sets[i]]
    assert oracle.label.tolist() == sorted({original[i] for i in counted})
    for label, n, accuracy in zip(oracle.label, oracle.n_images, oracle.accuracy, strict=True):
        of_class = [i for i in counted if original[i] == label]
        assert n == len(of_class)
        assert accuracy == pytest.approx(np.mean([1 / len(sets[i]) for i in of_class]))
        beside = co_occurrence(labels, benchmark, int(label))
        for other, share in zip(beside.other.tolist(), beside.share, strict=True):
            assert share == pytest.approx(np.mean([other in sets[i] for i in of_class]))
        assert len(beside.other) == len({c for i in of_class for c in sets[i]}) - 1
        assert (np.diff(beside.share) <= 0).all()
    model = model_class_accuracies(predictions, labels, benchmark)
    right = sum(top[i] == original[i] for i in top if original[i] in sets[i])
    assert (model.n_images * model.accuracy).sum() == pytest.approx(right)


def test_refuses(small_case: Any) -> None:
    _, labels, benchmark = small_case
    oracle = unbiased_oracle(labels, benchmark)
    with pytest.raises(OptionError, match="class 2 is the original label of no image"):
        co_occurrence(labels, benchmark, 2)
    with pytest.raises(OptionError, match="0 classes to compare"):
        oracle_comparison(oracle, oracle, np.array([], int))
    with pytest.raises(OptionError, match="class 1 has no image"):
        oracle_comparison(oracle, oracle, np.array([0, 1]))
    with pytest.raises(OptionError, match="class 9 has no image"):
        oracle.of(np.array([9]))
    with pytest.raises(OptionError, match="mask of classes to leave out has 3 entries"):
        biased_classes(oracle, 0.9, np.zeros(3, bool))
