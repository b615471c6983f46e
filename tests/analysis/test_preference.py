from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.analysis import preference
from reassess.errors import AlignmentError, DataError
from reassess.records import Benchmark, LabelSets, Predictions
from reassess.statistics import wilson_interval


def test_by_hand(small_case: Any) -> None:
    """a and b: both hold; c: only the model; d: none; e: both; f: neither."""
    predictions, labels, benchmark = small_case
    found = preference(predictions, labels, benchmark)
    assert (found.n_model, found.n_original, found.value) == (1, 0, 1.0)
    assert found.interval == wilson_interval(1, 1)


def test_a_model_that_predicts_the_original_is_undefined(small_case: Any) -> None:
    _, labels, benchmark = small_case
    copy = Predictions("copy", benchmark.image_ids, benchmark.original[:, None])
    found = preference(copy, labels, benchmark)
    assert found.value is None
    assert found.interval == (0.0, 1.0)


@given(seed=st.integers(0, 2**32 - 1))
def test_against_sets(make_case: Callable[[int], Any], seed: int) -> None:
    predictions, labels, benchmark = make_case(seed)
    sets = dict(zip(labels.image_ids.tolist(), labels.lists(), strict=True))
    original = dict(zip(benchmark.image_ids.tolist(), benchmark.original.tolist(), strict=True))
    top = dict(zip(predictions.image_ids.tolist(), predictions.top.tolist(), strict=True))
    n_model = sum(top[i] in sets[i] and original[i] not in sets[i] for i in top)
    n_original = sum(top[i] not in sets[i] and original[i] in sets[i] for i in top)
    found = preference(predictions, labels, benchmark)
    assert (found.n_model, found.n_original) == (n_model, n_original)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_label_sets_does_not_matter(
    make_case: Callable[[int], Any], seed: int
) -> None:
    predictions, labels, benchmark = make_case(seed)
    mixed = labels.take(np.random.default_rng(seed).permutation(len(labels)))
    assert preference(predictions, mixed, benchmark) == preference(predictions, labels, benchmark)


def test_refuses_unknown_images_and_unknown_originals(small_case: Any) -> None:
    predictions, labels, benchmark = small_case
    stranger = Predictions("m", np.array(["a", "zz"]), np.array([[0], [1]]))
    with pytest.raises(AlignmentError, match=r"predictions 'm': image id\[1\] is 'zz'"):
        preference(stranger, labels, benchmark)
    with pytest.raises(DataError, match="original labels are unknown"):
        preference(predictions, labels, Benchmark("b", benchmark.image_ids))
    more = LabelSets.from_lists("more", np.array(["a", "more"]), [[0], [1]])
    with pytest.raises(AlignmentError, match="'more'"):
        preference(Predictions("m", np.array(["a"]), np.array([[0]])), more, benchmark)
