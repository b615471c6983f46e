from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reassess.analysis import LabelKinds, label_counts, label_kinds, multi_label_share


def test_by_hand(small_case: Any) -> None:
    _, labels, benchmark = small_case
    counts = label_counts(labels)
    assert counts.n_images == (1, 3, 1, 1)
    assert (counts.n_labels, counts.n_labelled) == (8, 5)
    assert label_kinds(labels, benchmark) == LabelKinds(1, 2, 2, 1)
    share = multi_label_share(labels)
    assert (share.of_labelled, share.of_rated, share.of_rated_labelled) == (2 / 5, 2 / 5, 2 / 4)


def test_unknown_or_empty_denominators_are_undefined(small_case: Any) -> None:
    _, labels, _ = small_case
    unknown = multi_label_share(replace(labels, rated=None))
    assert (unknown.n_rated, unknown.of_rated, unknown.of_rated_labelled) == (None, None, None)
    nobody = multi_label_share(replace(labels, rated=labels.rated & False))
    assert (nobody.n_rated, nobody.of_rated, nobody.of_rated_labelled) == (0, None, None)


@given(seed=st.integers(0, 2**32 - 1))
def test_counts_and_kinds_add_up(make_case: Callable[[int], Any], seed: int) -> None:
    _, labels, benchmark = make_case(seed)
    counts = label_counts(labels)
    kinds = label_kinds(labels, benchmark)
    original = dict(zip(benchmark.image_ids.tolist(), benchmark.original.tolist(), strict=True))
    sets = dict(zip(labels.image_ids.tolist(), labels.lists(), strict=True))
    assert sum(counts.n_images) == len(labels) == sum(astuple(kinds))
    assert counts.n_labels == len(labels.indices)
    assert kinds.n_confirmed == sum(sets[i] == [original[i]] for i in sets)
    assert kinds.n_multiple == sum(counts.n_images[2:]) == multi_label_share(labels).n_multiple
    assert kinds.n_empty == counts.n_images[0]
