"""Reassessed labels: every form holds what was written, whatever the ids and their order."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import AlignmentError, DataError, FileError, OptionError
from reassess.files import LABEL_FORMATS, read_labels, write_labels
from reassess.files.other_labels import read_label_table
from reassess.notes import NoteWarning, collect_notes
from reassess.records import Benchmark, Classes, LabelSets, OperatingPoint

POINT = OperatingPoint("recall-at-precision", 0.75, 0.9, 0.91, 0.83, 40)


@st.composite
def label_sets(draw: st.DrawFn) -> tuple[list[str], list[list[int]], dict[str, Any]]:
    """Sets on images whose names are odd and whose numbers run against their order."""
    folders = draw(
        st.lists(st.sampled_from(["cat", "..", "a b", "été", "val"]), min_size=1, max_size=6)
    )
    ids = [f"{folder}/img_{99 - n:03d}.jpg" for n, folder in enumerate(folders)]
    one_set = st.lists(st.integers(0, 30), max_size=4, unique=True)
    sets = draw(st.lists(one_set, min_size=len(ids), max_size=len(ids)).filter(any))
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        n_labels = sum(map(len, sets))
        more = {
            "posterior": np.array(draw(st.lists(st.floats(0, 1), min_size=n_labels,
                                                max_size=n_labels))),
            "rated": np.array(draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))),
            "n_classes": 31, "operating_point": POINT, "votes_sha256": "ab" * 32,
        }  # fmt: skip
    return ids, sets, more


def by_image(labels: LabelSets) -> dict[str, Any]:
    """Labels, with their posterior where it is known, and whether rated, by image."""
    shown: dict[str, Any] = {}
    ends = zip(labels.indptr[:-1].tolist(), labels.indptr[1:].tolist(), strict=True)
    for row, (image_id, (a, b)) in enumerate(zip(labels.image_ids.tolist(), ends, strict=True)):
        known: Any = [None] * (b - a)
        if labels.posterior is not None:
            known = labels.posterior[a:b].tolist()
        pairs = sorted(zip(labels.indices[a:b].tolist(), known, strict=True))
        rated = None if labels.rated is None else bool(labels.rated[row])
        shown[image_id] = (pairs, rated)
    return shown


WRITTEN = [name for name, one in LABEL_FORMATS.items() if one.write is not None]


@given(drawn=label_sets(), form=st.sampled_from(WRITTEN))
def test_export_then_import_is_the_identity(
    drawn: Any, form: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ids, sets, more = drawn
    labels = LabelSets.from_lists("ours", np.array(ids), sets, **more)
    into, folder = LABEL_FORMATS[form], tmp_path_factory.mktemp("l")
    write_labels(labels, folder / f"l{into.ending}", form)
    with collect_notes():
        read = read_labels(folder / f"l{into.ending}")
    labels = replace(labels, **dict.fromkeys(into.lost & {"posterior", "rated"}))
    assert by_image(read) == by_image(labels)
    for name in {"name", "n_classes", "operating_point", "votes_sha256"} - into.lost:
        assert getattr(read, name) == getattr(labels, name)


def test_the_native_file_says_how_the_labels_came_about(tmp_path: Path) -> None:
    labels = LabelSets.from_lists(
        "ours", np.array(["b 2", "a:1"]), [[3, 1], []],
        rated=np.array([True, False]), operating_point=POINT, votes_sha256="ab",
    )  # fmt: skip
    write_labels(labels, tmp_path / "l.json")
    stored = json.loads((tmp_path / "l.json").read_text())
    assert stored["labels"] == {"b 2": [1, 3], "a:1": []}
    assert stored["unrated"] == ["a:1"]
    assert stored["votes_sha256"] == "ab"
    assert stored["operating_point"]["threshold"] == 0.75
    assert stored["operating_point"]["rule"] == "recall-at-precision"


def test_real_json_is_a_bare_list_by_file_number(tmp_path: Path) -> None:
    ids = np.array(["z/img_3.jpg", "y/img_12.jpg", "x/img_1.jpg"])
    labels = LabelSets.from_lists("ours", ids, [[3], [12, 2], []], votes_sha256="ab")
    path = tmp_path / "real.json"
    write_labels(labels, path, "real-json")
    assert json.loads(path.read_text()) == [[], [3], [2, 12]]
    meta = json.loads((tmp_path / "real.meta.json").read_text())
    assert meta["labels_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_labels(path).image_ids.tolist() == ["x/img_1.jpg", "z/img_3.jpg", "y/img_12.jpg"]
    assert read_labels(path).votes_sha256 == "ab"

    (tmp_path / "real.meta.json").unlink()
    bare = read_labels(path, image_ids=ids)
    assert by_image(bare) == by_image(LabelSets.from_lists("x", ids, [[3], [12, 2], []]))
    published = read_labels(path)
    assert published.image_ids[1] == "ILSVRC2012_val_00000002.JPEG", "numbers begin at 1"
    assert published.lists()[1] == [3]


def test_a_meta_file_of_other_labels_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "real.json"
    ids = np.array(["img_1.jpg", "img_2.jpg"])
    write_labels(
        LabelSets.from_lists("ours", ids, [[0], [1]], votes_sha256="ab"), path, "real-json"
    )
    path.write_text("[[5], []]")
    read = read_labels(path, image_ids=ids)
    assert read.votes_sha256 is None
    assert read.lists() == [[5], []]


def test_labels_may_be_names_where_classes_are_known(tmp_path: Path) -> None:
    path = tmp_path / "l.json"
    path.write_text('\ufeff{"a": ["dog", "n0"], "b": [], "c": [1]}', encoding="utf-8")
    classes = Classes(("n0", "n1"), ("cat", "dog"), ("", ""), ("", ""))
    assert read_labels(path, classes=classes).lists() == [[0, 1], [], [1]]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("json", r"'json', but must be one of 'native', 'real-json'.*Did you mean 'real-json'"),
        ("checks", r"'checks', which is only read, but must be one of 'native'"),
        ("parquet", r"must end in \.parquet for the format parquet"),
    ],
)
def test_a_format_that_cannot_be_written_is_refused(form: str, says: str, tmp_path: Path) -> None:
    labels = LabelSets.from_lists("l", np.array(["a"]), [[3]])
    with pytest.raises(OptionError, match=says):
        write_labels(labels, tmp_path / "l.json", form)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"format": "reassess mistake review 1"}', "'reassess mistake review 1', but must be"),
        ('{"format": "reassess labels 2", "labels": {"a": [1]}}', "use the version of reassess"),
        ('{"format": "reassess labels 1", "image_ids": ["a"]}', "stands beside a bare list"),
        ('"a"', "holds str, but must hold"),
    ],
)
def test_a_file_is_never_read_under_another_formats_meaning(
    text: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "l.json"
    path.write_text(text)
    with pytest.raises(FileError, match=says):
        read_labels(path)


def test_labels_come_under_the_benchmarks_ids_and_order() -> None:
    benchmark = Benchmark("b", np.array(["x/img_1.jpg", "y/img_2.jpg", "z/img_3.jpg"]))
    labels = LabelSets.from_lists("l", np.array(["img_3.jpg", "img_1.jpg"]), [[3], [1, 2]])
    on = labels.align_to(benchmark)
    assert on.image_ids.tolist() == ["x/img_1.jpg", "z/img_3.jpg"]
    assert on.lists() == [[1, 2], [3]]
    with pytest.raises(AlignmentError, match=r"'img_9\.jpg'"):
        LabelSets.from_lists("l", np.array(["img_9.jpg"]), [[3]]).align_to(benchmark)


CLASSES = Classes.from_names(["tabby cat", "dog", "eel"])


@pytest.mark.parametrize(
    "rows",
    [
        "image,label\na/1.jpg,tabby cat\nb.jpg,1\na/1.jpg,2\nc.jpg,\n",
        "filename,labels\na/1.jpg,0 2\nb.jpg,dog\nc.jpg,none\n",
        "image\tlabels\na/1.jpg\teel 0\nb.jpg\t1\nc.jpg\t\n",
        'id,original_label,proposed_labels\na/1.jpg,0,"0, 2, 0"\nb.jpg,0,1\nc.jpg,0,\n',
        "image;labels\na/1.jpg;tabby cat, 2\nb.jpg;dog\nc.jpg;\n",
        "image,labels\na/1.jpg,2|tabby cat\nb.jpg,dog\nc.jpg,\n",
    ],
)
def test_tables_that_others_wrote(rows: str, tmp_path: Path) -> None:
    path = tmp_path / ("t.tsv" if "\t" in rows else "t.csv")
    path.write_text(rows)
    with collect_notes():
        found = read_label_table(path, classes=CLASSES, name="t")
    assert found.image_ids.tolist() == ["a/1.jpg", "b.jpg", "c.jpg"]
    assert found.lists() == [[0, 2], [1], []]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("image,label\na,cow\n", r"row 2 is 'cow', but must be the id or the unique name"),
        ("image,label\na,0\na,0\n", "has the label 0 twice"),
        ('image,labels\na,"0,1"\nb,0;1\n', "',' and ';' in its cells"),
        ("image,labels,is_problematic\na,0,perhaps\n", "row 2 is 'perhaps', but must be true"),
        ("image,label\na,3\n", "row 2 is 3, but a class index must be in"),
        ("image,kind\na,3\n", "the column 'label'"),
    ],
)
def test_refuses_tables_that_say_nothing(rows: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(rows)
    with pytest.raises(DataError, match=says) as raised:
        read_label_table(path, classes=CLASSES, name="t")
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("l.csv", "image,label\na,0\nb,1\na,2\n", "read as a table.*2 images, 3 labels"),
        ("l.csv", "image;labels\na;0 2\nb;1\n", "read as a table"),
        ("l.tsv", "file_name\tlabel\na\t2\nb\t1\na\t0\n", "read as a table"),
        ("l.json", '[{"image": "a", "labels": [0, 2]}, {"image": "b", "labels": [1]}]', "records"),
        ("l.json", json.dumps([{"file": f, "label": int(k)} for f, k in ("a0", "b1", "a2")]),
         r"records.*\(2\)"),
    ],
)  # fmt: skip
def test_sets_are_read_from_tables_and_records(
    name: str, text: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with collect_notes() as notes:
        read = read_labels(tmp_path / name)
    assert {one: set(held) for one, held in zip(read.image_ids, read.lists(), strict=True)} == {
        "a": {0, 2}, "b": {1},
    }  # fmt: skip
    assert any(re.search(says, text) for text in notes.texts)


def test_a_table_of_single_labels_is_noted_as_original_labels_look_the_same(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("image,label\na,0\nb,1\n")
    pq.write_table(pa.table({"image": ["a", "b"], "label": [0, 1]}), tmp_path / "l.parquet")
    for path in sorted(tmp_path.iterdir()):
        with pytest.warns(NoteWarning, match="each with one label, as original labels have"):
            assert read_labels(path).indices.tolist() == [0, 1]


def test_undecided_images_of_published_tables_are_not_without_a_label(tmp_path: Path) -> None:
    """Rows of Kisel et al.'s tables of Tsipras et al. and of Northcutt et al."""
    rows = ["325,322,True,", '442,"497, 442",True,', "246,,True,", "107,,True,"]
    ids = [f"ILSVRC2012_val_{n:08d}.JPEG" for n in (47683, 33061, 47250, 48269)]
    lines = [f"{i},{c},{row}" for i, c, row in zip(ids, "BMZX", rows, strict=True)]
    head = "id,category,original_label,proposed_labels,manually_validated,cl_label"
    (tmp_path / "t.csv").write_text("\n".join([head, *lines, ""]))
    with collect_notes() as notes:
        found = read_labels(tmp_path / "t.csv")
    assert found.image_ids.tolist() == ids[:3]
    assert [set(one) for one in found.lists()] == [{322}, {442, 497}, set()]
    assert any("1 of 4 images are undecided, of the category 'X'" in one for one in notes.texts)


def test_imagenets_reassessments_by_others(published: Any) -> None:
    """As tabulated by Kisel et al., and as Multilabelfy keeps them; counts of the reproduction."""
    known = published.benchmark("imagenet").classes
    folder = published.folder
    with collect_notes() as notes:
        shankar = read_labels(
            folder / "reassessments" / "shankar_multilabel_flaws.csv", classes=known
        )
        flaws = read_labels(folder / "reassessments" / "flaws_clean_validation.csv", classes=known)
        v2 = read_labels(folder / "imagenetv2" / "imagenetv2_mf_multilabelfy.json", classes=known)
    assert (len(shankar), len(flaws), len(v2)) == (18_692, 36_415, 10_000)
    assert round(float((v2.sizes > 1).mean()), 4) == 0.4788
    assert int((v2.sizes == 0).sum()) == 129
    told = " ".join(notes.texts)
    assert "1,308 of 20,000 images are problematic" in told
    assert "integers written as texts, such as '370'" in told


def test_digit_strings_that_are_ids_as_well_as_indices_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.json"
    path.write_text('{"a.jpg": ["1"], "b.jpg": ["2", "0"]}')
    with pytest.raises(DataError, match="ambiguous: it is the id"):
        read_labels(path, classes=Classes.from_names(["2", "0", "1"]))
