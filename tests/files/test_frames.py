"""Data frames are read as their CSV would be, and records come back from the frames they make."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess import (
    LabelSets,
    Predictions,
    Votes,
    read_benchmark,
    read_gold,
    read_labels,
    read_predictions,
    read_votes,
)  # fmt: skip
from reassess.errors import DataError, FileError, OptionError
from reassess.notes import collect_notes
from reassess.records import Classes

MAKERS: dict[str, Any] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy": lambda columns: pl.DataFrame(columns).lazy(),
    "pyarrow": pa.table,
    "columns": dict,
    "arrays": lambda columns: {name: np.array(cells) for name, cells in columns.items()},
}
VOTES = {
    "image": ["a.png", "a.png", "b.png", "b.png"],
    "label": [0, 0, 2, 2],
    "worker": [7, 8, 7, 8],
    "answer": ["yes", "no", "Yes", "maybe"],
}
made = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@made
def test_a_frame_is_read_as_its_file_is(make: Any, tmp_path: Any) -> None:
    path = tmp_path / "votes.csv"
    pd.DataFrame(VOTES).to_csv(path, index=False)
    found, stored = read_votes(make(VOTES)), read_votes(path)
    assert (found.questions.ids == stored.questions.ids).all()
    assert found.rater_ids.tolist() == stored.rater_ids.tolist() == ["7", "8"]
    assert found.answer.tolist() == stored.answer.tolist()
    gold = {**VOTES, "expert": VOTES["worker"]}
    del gold["worker"]
    assert read_gold(make(gold)).truth().tolist() == [False, False]

    benchmark = read_benchmark(
        make({"filename": ["a.png", "b.png"], "label": ["dog", "cat"]}),
        classes=make({"name": ["cat", "dog"]}),
    )
    assert benchmark.original is not None
    assert benchmark.original.tolist() == [1, 0]
    [one] = read_predictions(make({"image": ["b.png", "a.png"], "pred": ["dog", "cat"]}), benchmark)
    assert one.top.tolist() == [0, 1]
    with collect_notes() as notes:
        rows = make({"image": ["a.png", "a.png", "b.png"], "label": ["dog", "cat", "cat"]})
        sets = read_labels(rows, classes=benchmark.classes)
    assert sets.lists() == [[0, 1], [0]]
    assert "read as a table of labels" in notes.texts[0]


def test_what_a_frame_lacks_is_refused_as_in_a_file() -> None:
    for make in MAKERS.values():
        with pytest.raises(FileError, match=r"the column 'answer'.* is missing; the columns are"):
            read_votes(make({"image": ["a"], "worker": ["x"]}))
        with pytest.raises(FileError, match="there are 0 rows"):
            read_votes(make({"image": [], "label": [], "worker": [], "answer": []}))
    for gap in (pd.DataFrame(VOTES).assign(worker=["x", None, "y", "y"]),
                pl.DataFrame({**VOTES, "worker": ["x", None, "y", "y"]})):  # fmt: skip
        with pytest.raises(FileError, match=r"row 1, column 'worker' is empty"):
            read_votes(gap)
    with pytest.raises(FileError, match="must be a data frame of pandas, polars or pyarrow"):
        read_votes(pd.DataFrame([[1, 2]], columns=["image", "image"]))
    with pytest.raises(FileError, match="columns of equal length"):
        read_votes({"image": ["a", "b"], "answer": ["yes"]})
    with pytest.raises(DataError, match="row 3 is 'perhaps', but an answer must be one of"):
        read_votes(pd.DataFrame(VOTES).replace("maybe", "perhaps"))


def test_gaps_times_categories_and_zones_of_pandas_mean_what_they_do_in_polars() -> None:
    when = pd.to_datetime(["2026-01-01 10:00", None, "2026-01-01 12:00", None], format="mixed")
    frame = pd.DataFrame(VOTES).assign(
        given_at=when.tz_localize("Europe/Zurich"), seconds=[1.5, np.nan, 2, 3]
    )
    frame["answer"] = frame["answer"].astype("category")
    frame["label"] = frame["label"].astype("Int64")
    for found in (read_votes(frame), read_votes(pl.from_pandas(frame))):
        assert found.given_at is not None
        assert found.given_at[0] == np.datetime64("2026-01-01T09:00")
        assert np.isnat(found.given_at).tolist() == [False, True, False, True]
        assert found.seconds is not None
        assert np.isnan(found.seconds).tolist() == [False, True, False, False]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sets(st.integers(0, 4)), min_size=1, max_size=6).filter(any), st.data())
def test_records_come_back_from_the_frames_they_make(sets: list[set[int]], data: Any) -> None:
    backend = data.draw(st.sampled_from(["pandas", "polars", "pyarrow"]))
    ids = [f"{i}.jpg" for i in range(len(sets))]
    n = sum(map(len, sets))
    labels = LabelSets.from_lists(
        "labels", ids, [list(one) for one in sets], posterior=np.linspace(0.5, 1, n),
        rated=np.arange(len(ids)) % 2 == 0, n_classes=5,
        classes=Classes.from_names(list("abcde")),
    )  # fmt: skip
    back = read_labels(labels.to_frame(backend))
    assert back.lists() == labels.lists()
    assert back.posterior is not None
    assert sorted(back.posterior) == sorted(np.linspace(0.5, 1, n))
    assert back.rated is not None
    assert back.rated.tolist() == labels.rated.tolist()  # type: ignore[union-attr]
    votes = read_votes(VOTES)
    again = read_votes(votes.to_frame(backend))
    assert (again.answer == votes.answer).all()
    assert (again.rater_ids == votes.rater_ids).all()


def test_a_frame_needs_a_library_that_is_there() -> None:
    for record in (read_votes(VOTES), Predictions.from_top_k("m", ["a"], [1])):
        with pytest.raises(OptionError, match="backend is 'excel', but must be one of"):
            record.to_frame("excel")  # type: ignore[arg-type]
    assert isinstance(read_votes(VOTES), Votes)
    top2 = Predictions.from_probabilities("m", ["a", "b"], [[0.1, 0.9], [0.7, 0.3]])
    benchmark = read_benchmark({"image": ["a", "b"], "label": [0, 1]})
    [back] = read_predictions(top2.to_frame("polars"), benchmark)
    assert back.ranked_classes.tolist() == top2.ranked_classes.tolist()
    assert back.score_type == "probability"
