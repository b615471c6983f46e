"""Original labels, classes, hierarchy and lists of ids."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reassess.errors import DataError, FileError
from reassess.files import read_benchmark, read_classes, read_hierarchy, read_ids
from reassess.notes import collect_notes
from reassess.study import new_study, read_study_benchmark

from .tool_exports import coco, cvat, save

CLASSES = """index,id,name,synonyms,definition
1,n1,dog,"hound, cur",barks
0,n0,cat,,
2,n2,dog,,
"""


@pytest.mark.parametrize(
    ("labels", "with_classes", "expected", "n_classes"),
    [
        (["2", "10", "9"], False, [2, 10, 9], None),
        (["2.0", " 1", "0."], False, [2, 1, 0], None),
        (["2.0", "01", "+0"], True, [2, 1, 0], 3),
        (["dog", "cat", "dog"], False, [1, 0, 1], 2),
        (["n2", "cat", "n1"], True, [2, 0, 1], 3),
        (["été", "a b", "a.."], False, [2, 0, 1], 3),
    ],
)
def test_labels_are_numbers_or_names(
    labels: list[str],
    with_classes: bool,
    expected: list[int],
    n_classes: int | None,
    tmp_path: Path,
) -> None:
    (tmp_path / "c.csv").write_text(CLASSES)
    text = "image,label\n" + "".join(f"{i}.jpg,{label}\n" for i, label in enumerate(labels))
    (tmp_path / "l.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    (tmp_path / "l.tsv").write_text(text.replace(",", "\t"))
    pq.write_table(
        pa.table({"Label": labels, "filename": ["0.jpg", "1.jpg", "2.jpg"]}), tmp_path / "l.parquet"
    )
    for name in ("l.csv", "l.tsv", "l.parquet"):
        classes = tmp_path / "c.csv" if with_classes else None
        with collect_notes():
            benchmark = read_benchmark(tmp_path / name, classes=classes)
        assert benchmark.image_ids.tolist() == ["0.jpg", "1.jpg", "2.jpg"]
        assert benchmark.original is not None
        assert benchmark.original.tolist() == expected
        assert benchmark.n_classes == n_classes


@pytest.mark.parametrize("dtype", [pa.int8(), pa.uint64(), pa.float32()])
def test_labels_in_parquet_may_be_numbers(dtype: pa.DataType, tmp_path: Path) -> None:
    table = pa.table({"image": ["a", "b"], "label": pa.array([3, 11], dtype)})
    pq.write_table(table, tmp_path / "l.parquet")
    original = read_benchmark(tmp_path / "l.parquet").original
    assert original is not None
    assert original.tolist() == [3, 11]


def test_classes_are_in_the_order_of_their_index(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(CLASSES)
    classes = read_classes(tmp_path / "c.csv")
    assert classes.ids == ("n0", "n1", "n2")
    assert classes.synonyms[1] == "hound, cur"
    assert classes.index_of == {"cat": 0, "n0": 0, "n1": 1, "n2": 2}, "two dogs are in doubt"
    (tmp_path / "l.csv").write_text("image,label\na,dog\n")
    with pytest.raises(DataError, match=r"row 2 is 'dog'.*unique name"):
        read_benchmark(tmp_path / "l.csv", classes=tmp_path / "c.csv")


def test_hierarchy(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("parent,child\nanimal,cat\nanimal,dog\n")
    assert read_hierarchy(tmp_path / "h.csv") == (("cat", "animal"), ("dog", "animal"))


def test_ids_in_every_form(tmp_path: Path) -> None:
    ids = ["cat/a b.jpg", "../été=1:2.jpg", "images/#1.jpg"]
    (tmp_path / "i.txt").write_bytes(("\ufeff" + "\r\n".join(ids) + "\r\n").encode())
    (tmp_path / "i.json").write_text(json.dumps(ids))
    (tmp_path / "i.csv").write_text("colour,image\n" + "".join(f"red,{i}\n" for i in ids))
    pq.write_table(pa.table({"image": ids}), tmp_path / "i.parquet")
    np.save(tmp_path / "i.npy", np.array(ids))
    np.save(tmp_path / "b.npy", np.strings.encode(np.array(ids), "utf-8"))
    for name in ("i.txt", "i.json", "i.csv", "i.parquet", "i.npy", "b.npy"):
        assert read_ids(tmp_path / name).tolist() == ids, name


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("i.txt", "a.jpg\nb c.jpg\n", ["a.jpg", "b c.jpg"]),
        ("i.txt", "a;b.jpg\nc.jpg\n", ["a;b.jpg", "c.jpg"]),
        ("i.txt", "a.jpg \n\tb.jpg\n", ["a.jpg", "b.jpg"]),
        ("i.txt", "image\tlabel\na.jpg\t0\n", ["a.jpg"]),
        ("i.txt", "label,file_name\n0,a.jpg\n", ["a.jpg"]),
        ("i.csv", "image;label\na.jpg;0\n", ["a.jpg"]),
        ("i.json", '["a.jpg", "cafe\\u0301.jpg"]', ["a.jpg", "café.jpg"]),
    ],
)
def test_lists_of_ids_are_read_from_texts_and_tables(
    name: str, content: str, read: list[str], tmp_path: Path
) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        if name.endswith(".json") and encoding == "utf-16":
            continue
        (tmp_path / name).write_text(content, encoding=encoding)
        with collect_notes():
            assert read_ids(tmp_path / name).tolist() == read


def test_a_list_of_ids_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "i.txt"
    path.write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(FileError, match="gzip"):
        read_ids(path)
    path.write_bytes("château.jpg\n".encode("latin-1"))
    with pytest.raises(FileError, match=r"line 1 has the byte 0xe2.*'château.jpg'.*UTF-8"):
        read_ids(path)


@pytest.mark.parametrize("tool", ["coco", "cvat"])
def test_what_annotation_tools_export_are_original_labels_of_a_study(tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sets = {"a/1.jpg": ["car"], "a/2.jpg": ["bus"], "b/3.jpg": ["car"]}
    write = {"coco": coco, "cvat": cvat}[tool]
    path = save({"coco": "f.json", "cvat": "f.xml"}[tool], write(sets, ["car", "bus"]))
    with collect_notes() as notes:
        study = new_study("s", labels=path)
        known = read_study_benchmark(study)
    assert any("no classes are known" in text for text in notes.texts)
    assert known.image_ids.tolist() == list(sets)
    assert [known.classes.ids[one] for one in known.original] == ["car", "bus", "car"]
    save(path.name, write(sets | {"c.jpg": ["car", "bus"]}, ["car", "bus"]))
    with collect_notes(), pytest.raises(DataError, match=r"'c.jpg' has 2 classes, .*1 of 4"):
        read_benchmark(path)
