"""What other tools write and could be misread: read rightly, noted, or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from reassess.errors import DataError, FileError
from reassess.files import read_labels, read_votes
from reassess.notes import collect_notes
from reassess.records import Classes

from .tool_exports import coco, cvat, save

CLASSES = Classes.from_names(["cat", "fire truck", "crane, bird"])


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (['"[0, 2]"', "[1]", "[]"], [[0, 2], [1], []]),
        (["[0 2]", "[1]", "[]"], [[0, 2], [1], []]),
        (['"[\'cat\', \'fire truck\', ""crane, bird""]"', "['cat']", "[]"], [[0, 1, 2], [0], []]),
    ],
)
def test_lists_as_python_and_numpy_print_them(
    cells: list[str], read: list[list[int]], tmp_path: Path
) -> None:
    rows = "".join(f"{n}.jpg,{cell},{n == 2}\n" for n, cell in enumerate([*cells, "[0]"][:3]))
    path = tmp_path / "l.csv"
    path.write_text("image_id,correct_multi_labels,is_problematic\n" + rows)
    with collect_notes():
        assert read_labels(path, classes=CLASSES).lists() == read[:2]
    path.write_text(path.read_text().replace("False", "0").replace("True", "0"))
    with collect_notes():
        assert read_labels(path, classes=CLASSES).lists() == read


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("answers.json", {"w1": {"a.jpg:0": 2, "b.jpg:0": 1}}, "worker 'a.jpg:0', which is an im"),
        (
            "answers.json",
            {"0": {"w1": -1, "w2": 1}, "1": {"w1": 0}},
            "is '-1', which may stand",
        ),
        ("w.csv", "task,r1,r2\n1,yes,-\n2,no,yes\n", "row 2 is '-', which may stand for no answer"),
        ("w.csv", "task,r1,r2\n1,1,-1\n2,0,1\n3,-1,2\n", "2 of 6 rows are so"),
    ],
)
def test_what_may_be_no_answer_is_refused(
    name: str, content: Any, says: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with collect_notes(), pytest.raises((DataError, FileError)) as caught:
        read_votes(path)
    assert says in str(caught.value)
    if "--answers=" in str(caught.value):
        words = str(caught.value).rpartition("--answers=")[2].split(",")
        with collect_notes():
            assert set(read_votes(path, answers=words).answers) == set(words)


def test_a_rater_with_an_answer_of_their_own_is_one(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("task,r1,r2,r3\n1,yes,no,\n2,,maybe,yes\n")
    with collect_notes():
        assert len(read_votes(path)) == 4


def test_what_is_left_out_of_exports_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sets = {"a.jpg": ["cat"], "b.jpg": ["fire truck"]}
    with collect_notes() as notes:
        labels = read_labels(save("c.json", coco(sets, list(CLASSES.names), score=0.04)),
                             classes=CLASSES)  # fmt: skip
    assert labels.posterior is None
    assert "2 of 2 annotations have a score, from 0.04 to 0.04" in " ".join(notes.texts)
    text = cvat(sets, list(CLASSES.names)).replace(
        "></tag>", '><attribute name="present">no</attribute></tag>'
    )
    with collect_notes() as notes:
        read_labels(save("c.xml", text), classes=CLASSES)
    assert "the attributes 'present' of tags were left out" in " ".join(notes.texts)
    bare = coco(sets, list(CLASSES.names))
    del bare["categories"]
    with pytest.raises(FileError, match="without its categories"):
        read_labels(save("c.json", bare), classes=CLASSES)
