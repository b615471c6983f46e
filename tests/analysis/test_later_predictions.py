from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.analysis import later_prediction
from reassess.errors import OptionError
from reassess.records import Predictions


def test_by_hand(small_case: Any) -> None:
    """b: top 1 right, second 0 right; e: top 2 right, second 0 wrong, third 1 right."""
    predictions, labels, _ = small_case
    second = later_prediction(predictions, labels, 2)
    assert (second.n_correct, second.n_scored, second.value) == (1, 2, 0.5)
    third = later_prediction(predictions, labels, 3)
    assert (third.n_correct, third.n_scored, third.value) == (1, 1, 1.0)


def test_undefined_where_the_first_is_never_right(small_case: Any) -> None:
    _, labels, benchmark = small_case
    ids = benchmark.image_ids
    wrong = Predictions("wrong", ids, benchmark.original[:, None] * 0 + [8, 9])
    found = later_prediction(wrong, labels, 2)
    assert found.value is None
    assert found.n_scored == 0


@given(seed=st.integers(0, 2**32 - 1), rank=st.integers(2, 3))
def test_against_sets(make_case: Callable[[int], Any], seed: int, rank: int) -> None:
    predictions, labels, _ = make_case(seed)
    sets = dict(zip(labels.image_ids.tolist(), labels.lists(), strict=True))
    rows = zip(predictions.image_ids.tolist(), predictions.ranked_classes.tolist(), strict=True)
    scored = [(i, c) for i, c in rows if len(sets[i]) >= rank and c[0] in sets[i]]
    found = later_prediction(predictions, labels, rank)
    assert found.n_scored == len(scored)
    assert found.n_correct == sum(c[rank - 1] in sets[i] for i, c in scored)


@pytest.mark.parametrize("rank", [1, 4])
def test_refuses_ranks_out_of_range(small_case: Any, rank: int) -> None:
    predictions, labels, _ = small_case
    with pytest.raises(OptionError, match=rf"rank is {rank}, but must be in \[2, 3\]"):
        later_prediction(predictions, labels, rank)
