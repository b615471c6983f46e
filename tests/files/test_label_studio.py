"""Votes out and in again: Label Studio's JSON, the dense archive, long tables written in parts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from reassess.errors import DataError, FileError
from reassess.files import read_votes, write_votes
from reassess.files.dense_votes import write_dense_votes
from reassess.files.label_studio import CONFIGURATION, read_label_studio, write_label_studio
from reassess.files.vote_tables import write_crowd_kit, write_long
from reassess.records import Classes, Votes

from .test_votes import some_votes, triples, votes_of

TASK = {
    "id": 7,
    "data": {"image": "/data/local-files/?d=cat/1%202.jpg", "label": 3},
    "annotations": [
        {"completed_by": 4, "result": [
            {"from_name": "answer", "type": "choices", "value": {"choices": ["Maybe"]}},
            {"from_name": "comment", "type": "textarea", "value": {"text": ["dark"]}},
        ]},
        {"completed_by": {"id": 5, "email": "ann@example.org"}, "result": [
            {"from_name": "answer", "type": "choices", "value": {"choices": ["yes"]}},
        ]},
        {"completed_by": 6, "was_cancelled": True, "result": []},
    ],
}  # fmt: skip


def parts_of(votes: Votes, n_parts: int = 3) -> list[dict[str, Any]]:
    """Columns as a store gives them: the votes of a question together and in one part."""
    pairs = votes.questions.pairs
    assert pairs is not None
    order = np.argsort(votes.question, kind="stable")
    rows = [one for one in np.array_split(np.arange(len(pairs)), n_parts) if len(one)]
    found = []
    for some in rows:
        mine = order[np.isin(votes.question[order], some)]
        question = votes.question[mine]
        found.append({
            "image": pairs.image_ids[pairs.image[question]],
            "label": pairs.label[question],
            "rater": votes.rater_ids[votes.rater[mine]],
            "answer": votes.answer[mine],
            "given_at": np.array(["2026-01-02T03:04:05.678", "NaT"], "M8[ms]")[question % 2],
            "seconds": np.where(question % 2, np.nan, 1.5),
        })  # fmt: skip
    return found


@given(drawn=some_votes())
def test_export_then_import_is_the_identity(
    drawn: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    votes = votes_of(drawn)
    folder = tmp_path_factory.mktemp("votes")
    n_votes = write_label_studio(parts_of(votes), folder / "v.json")
    assert n_votes == len(votes)
    assert triples(read_label_studio(folder / "v.json")) == triples(votes)
    for write, suffix in (
        (write_long, ".csv"),
        (write_long, ".parquet"),
        (write_crowd_kit, ".tsv"),
        (write_crowd_kit, ".pq"),
    ):
        path = folder / f"{write.__name__}{suffix}"
        assert write(parts_of(votes), path) == len(votes)
        assert triples(read_votes(path)) == triples(votes)


@given(drawn=some_votes(repeats=True))
def test_a_dense_archive_counts_votes(drawn: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    votes = votes_of(drawn)
    path = tmp_path_factory.mktemp("votes") / "v.npz"
    assert write_dense_votes(parts_of(votes), path) == len(votes)
    assert triples(read_votes(path)) == triples(votes)


def test_what_is_known_of_a_vote_stands_beside_it(tmp_path: Path) -> None:
    part = {
        "image": np.array(["a b.jpg", "a b.jpg", "c.jpg"]), "label": np.array([1, 1, 0]),
        "rater": np.array(["ann", "bob", "ann"]), "answer": np.array([2, 0, 1]),
        "given_at": np.array(["2026-01-02T03:04:05.678", "NaT", "NaT"], "M8[ms]"),
        "seconds": np.array([1.5, np.nan, np.nan]),
    }  # fmt: skip
    write_long([part], tmp_path / "v.csv")
    assert (tmp_path / "v.csv").read_text() == (
        "image,label,rater,answer,given_at,seconds\n"
        "a b.jpg,1,ann,yes,2026-01-02T03:04:05.678Z,1.5\na b.jpg,1,bob,no,,\nc.jpg,0,ann,maybe,,\n"
    )
    write_crowd_kit([part], tmp_path / "k.csv")
    lines = (tmp_path / "k.csv").read_text().splitlines()
    assert lines[:2] == ["task,worker,label", "a b.jpg:1,ann,yes"]
    classes = Classes.from_names(["cat", "dog"])
    write_label_studio([part], tmp_path / "v.json", classes=classes)
    first, second = json.loads((tmp_path / "v.json").read_text())
    assert first["data"] == {
        "image": "/data/local-files/?d=a%20b.jpg", "image_id": "a b.jpg", "label": 1,
        "class": "dog",
    }  # fmt: skip
    ann, bob = first["annotations"]
    assert (ann["created_at"], ann["lead_time"]) == ("2026-01-02T03:04:05.678Z", 1.5)
    assert bob["created_at"] == ""  # not missing: their converter sorts by it
    assert "lead_time" not in bob
    assert [one["completed_by"] for one in (ann, bob)] == [{"email": "ann"}, {"email": "bob"}]
    assert len(second["annotations"]) == 1
    assert ann["result"][0]["value"] == {"choices": ["yes"]}
    assert all(f'<Choice value="{one}"/>' in CONFIGURATION for one in ("no", "maybe", "yes"))


def test_an_export_of_label_studio_is_read(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    other = {"data": {"image": "plain.jpg", "label": "dog"}, "annotations": TASK["annotations"]}
    path.write_text(json.dumps([TASK, {"id": 8, "data": {}, "annotations": []}]))
    assert dict(triples(read_label_studio(path))) == {
        ("cat/1 2.jpg:3", "4", "maybe"): 1, ("cat/1 2.jpg:3", "ann@example.org", "yes"): 1,
    }  # fmt: skip
    path.write_text(json.dumps([other]))
    classes = Classes.from_names(["cat", "dog"])
    assert {q for q, _, _ in triples(read_label_studio(path, classes=classes))} == {"plain.jpg:1"}


def changed(**parts: Any) -> Any:
    return {**TASK, **parts}


def annotated(**parts: Any) -> Any:
    return changed(annotations=[{**TASK["annotations"][1], **parts}])  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        ("{", FileError, "not JSON"),
        ("[" * 100_000, FileError, "not JSON"),
        ('{"a": 1}', FileError, "no list of tasks"),
        ("[1]", FileError, "no list of tasks"),
        ("[]", DataError, "0 votes"),
        ([changed(annotations={})], FileError, "task[0]: its annotations"),
        ([changed(data=None)], DataError, "no 'label'"),
        ([changed(data={"image": "a"})], DataError, "no 'label'"),
        ([changed(data={"label": 1})], DataError, "no 'image_id'"),
        ([changed(data={"label": -1, "image": "a"})], DataError, "class index"),
        ([annotated(completed_by=None)], DataError, "completed_by is None"),
        ([annotated(completed_by=True)], DataError, "completed_by is True"),
        ([annotated(result=[])], DataError, "the choice 'answer' is []"),
        ([annotated(result=3)], DataError, "annotation[0]: the choice"),
        ([annotated(result=[{"from_name": "answer", "value": {"choices": ["cat"]}}])],
         DataError, "'cat'"),
        ([annotated(result=[{"from_name": "answer", "value": {"choices": ["no", "yes"]}}])],
         DataError, "'no', 'yes'"),
        ([annotated(result=[{"from_name": "answer", "value": {"choices": 3}}])],
         DataError, "the choice 'answer'"),
    ],
)  # fmt: skip
def test_what_is_no_vote_is_refused(
    content: Any, kind: type[Exception], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "export.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(kind) as caught:
        read_label_studio(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_nothing_is_written_of_nothing(tmp_path: Path) -> None:
    for write in (write_long, write_label_studio):
        with pytest.raises(DataError, match="0 votes"):
            write([], tmp_path / "v.csv")
    assert list(tmp_path.iterdir()) == []


def test_label_studios_own_converter_makes_a_table_that_is_read_again(tmp_path: Path) -> None:
    """Votes with and without a time on one question, by the configuration beside the tasks."""
    converter = pytest.importorskip("label_studio_sdk.converter.converter")
    votes = Votes.from_columns(
        image=["a.jpg", "a.jpg", "b.jpg"], label=np.array([0, 0, 1]), rater=["ann", "bob", "ann"],
        answer=np.array([2, 0, 1]),
        given_at=np.array(["2026-01-02T03:04:05", "NaT", "NaT"], "M8[ms]"),
    )  # fmt: skip
    write_votes(votes, tmp_path / "v.json")
    (tmp_path / "out").mkdir()
    config = (tmp_path / "v.config.xml").read_text()
    assert config == CONFIGURATION
    made = converter.Converter(config=config, project_dir=None)
    made.convert_to_csv(str(tmp_path / "v.json"), str(tmp_path / "out"), is_dir=False, sep=",")
    read = read_votes(tmp_path / "out" / "result.csv")
    assert triples(read) == triples(votes)
