"""Pairs of one record found in another: what Python's sets and dictionaries say."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.errors import AlignmentError, DataError
from reassess.notes import collect_notes
from reassess.records import Pairs, Questions, find_keys, pair_keys, positions
from reassess.records.arrays import TextBytes

pytestmark = pytest.mark.filterwarnings(
    # Types are checked at run time, and of a sequence at one random item.
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)

IMAGES = [f"folder/{name}.png" for name in "abcdef"]


@st.composite
def some_pairs(draw: st.DrawFn, highest: int) -> Pairs:
    """Pairs of some images, which come in any order, with or without images that no pair is of."""
    ids = draw(st.permutations(IMAGES))[: draw(st.integers(0, len(IMAGES)))]
    cells = [(image, label) for image in range(len(ids)) for label in range(highest + 1)]
    chosen = draw(st.lists(st.sampled_from(cells), unique=True)) if cells else []
    image, label = np.array(chosen, np.int64).reshape(-1, 2).T
    return Pairs(np.array(ids, np.str_), image, label)


def as_list(pairs: Pairs) -> list[tuple[str, int]]:
    return list(zip(pairs.image_ids[pairs.image].tolist(), pairs.label.tolist(), strict=True))


@given(one=some_pairs(2), other=st.one_of(some_pairs(2), some_pairs(5)))
def test_pairs_are_found_as_a_dictionary_finds_them(one: Pairs, other: Pairs) -> None:
    for asked, there in ((one, other), (other, one), (one, one)):
        row_of = {pair: row for row, pair in enumerate(as_list(there))}
        expected = [row_of.get(pair, -1) for pair in as_list(asked)]
        assert asked.positions_in(there).tolist() == expected
        assert asked.is_in(there).tolist() == [row >= 0 for row in expected]
        # Of questions no id is made where no image could be named in another way.
        questions, others = Questions.from_pairs(asked), Questions.from_pairs(there)
        assert questions.rows_in(others, source="votes").tolist() == expected
        named = set(asked.image_ids.tolist()) <= set(there.image_ids.tolist())
        assert ("ids" in questions.__dict__) <= (not named)


@given(pairs=some_pairs(5), data=st.data())
def test_aligned_taken_and_joined_pairs_are_the_same_pairs(
    pairs: Pairs, data: st.DataObject
) -> None:
    everything = np.array(data.draw(st.permutations(IMAGES)))
    aligned = pairs.aligned_to(everything, source="x")
    assert as_list(aligned) == as_list(pairs)
    assert aligned.image_ids is everything
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs))))
    mask = mask.astype(bool)
    kept = [pair for pair, keep in zip(as_list(pairs), mask, strict=True) if keep]
    assert as_list(pairs.take(mask)) == as_list(pairs.take(np.flatnonzero(mask))) == kept
    both = Pairs.concatenate([pairs.take(mask), Pairs.empty(pairs.image_ids), pairs.take(~mask)])
    assert sorted(as_list(both)) == sorted(as_list(pairs))
    assert both.is_in(pairs).all()


@given(pairs=some_pairs(5), extra=st.integers(0, 3))
def test_keys_are_distinct_and_rise_by_image_and_class(pairs: Pairs, extra: int) -> None:
    keys = pairs.keys(pairs.n_classes + extra)
    assert np.argsort(keys).tolist() == np.lexsort((pairs.label, pairs.image)).tolist()
    assert find_keys(keys, keys).tolist() == list(range(len(pairs)))
    columns = pair_keys(pairs.image[:, None], pairs.label[:, None], pairs.n_classes + extra)
    assert columns[:, 0].tolist() == keys.tolist()


def test_too_few_classes_for_keys_are_refused() -> None:
    """Image 0 with class 3 would share its key with image 1 and class 0."""
    pairs = Pairs(np.array(["a", "b"]), np.array([0, 1]), np.array([3, 0]))
    with pytest.raises(DataError, match="class 3 occurs, but must be below 3"):
        pairs.keys(3)


def test_an_equal_id_goes_before_one_that_ends_alike() -> None:
    one = Pairs(np.array(["x.png", "a/x.png"]), np.array([0, 1]), np.array([0, 0]))
    other = Pairs(np.array(["a/x.png"]), np.array([0]), np.array([0]))
    assert one.positions_in(other).tolist() == [-1, 0]
    assert other.positions_in(one).tolist() == [1]
    short = Pairs(np.array(["x.png"]), np.array([0]), np.array([0]))
    assert short.positions_in(other).tolist() == other.positions_in(short).tolist() == [0]
    several = Pairs(np.array(["a/x.png", "b/x.png"]), np.array([0, 1]), np.array([0, 0]))
    with pytest.raises(AlignmentError, match=r"votes: image id 'x\.png' fits 2 images"):
        short.positions_in(several, source="votes")


def test_pairs_of_different_lists_are_not_joined_nor_aligned_to_too_few() -> None:
    pairs = Pairs(np.array(["a", "b"]), np.array([0, 1]), np.array([3, 0]))
    with pytest.raises(DataError, match="list different images"):
        Pairs.concatenate([pairs, Pairs.empty(np.array(["b", "a"]))])
    with pytest.raises(AlignmentError, match=r"gold: image id\[1\] is 'b'.*image of the study"):
        pairs.aligned_to(np.array(["a"]), source="gold", target_name="the study")


def test_questions_without_pairs_are_refused_with_the_remedy() -> None:
    pairs = Pairs(np.array(["a"]), np.array([0]), np.array([3]))
    assert Questions.from_pairs(pairs).require_pairs("votes") is pairs
    with pytest.raises(DataError, match=r"votes: question\[0\] is 'why'.*columns image,label"):
        Questions(np.array(["why"]), None).require_pairs("votes")


NEAR = ("x.png", "a/x.png", "b/a/x.png", "./a/x.png", "a\\x.png", " x.png", "ü.png", "a/ü.png",
        "y.png", "c/y", "Y.PNG")  # fmt: skip


@st.composite
def near_questions(draw: st.DrawFn) -> Questions:
    ids = draw(st.lists(st.sampled_from(NEAR), min_size=1, max_size=5, unique=True))
    cells = [(image, label) for image in range(len(ids)) for label in (0, 1, 11)]
    image, label = np.array(draw(st.lists(st.sampled_from(cells), min_size=1, unique=True))).T
    texts = np.array(ids)
    held = TextBytes.of(texts) if draw(st.booleans()) else texts
    return Questions.from_pairs(Pairs.of_distinct(held, image, label))


@settings(max_examples=60, deadline=None)
@given(one=near_questions(), other=near_questions())
def test_questions_are_found_by_hashes_as_their_ids_are(one: Questions, other: Questions) -> None:
    def found(look_up: Callable[[], Any]) -> tuple[object, ...]:
        with collect_notes() as notes:
            try:
                return look_up().tolist(), notes.texts
            except AlignmentError as error:
                return (str(error),)

    by_texts = found(lambda: positions(one.ids, other.ids, source="gold"))
    assert found(lambda: one.rows_in(other, source="gold")) == by_texts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reassess.records.alignment.LARGE", 0)
        assert found(lambda: positions(one.ids, other.ids, source="gold")) == by_texts
    assert pickle.loads(pickle.dumps(one)).first_id == one.first_id  # noqa: S301 -- our own bytes


def test_long_ids_among_short_ones_are_found_in_little_memory() -> None:
    ids = [f"{number}.png" for number in range(20_000)]
    ids[7], ids[9] = "x" * 1_000_000, "x" * 999_999 + "y"
    texts = TextBytes.of(np.array(ids, np.dtypes.StringDType()))
    number = np.arange(len(ids))
    one, other = (
        Questions.from_pairs(Pairs.of_distinct(texts, rows, np.zeros(len(ids), np.int64)))
        for rows in (number, number[::-1].copy())
    )
    assert np.array_equal(one.rows_in(other, source="gold"), number[::-1])
    again = TextBytes.of(texts.as_array())
    assert np.array_equal(again.content, texts.content)
