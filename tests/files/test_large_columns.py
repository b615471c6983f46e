"""Large tables are read by columns: with the bound at one row, all says what small tables say."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from reassess.errors import DataError, FileError
from reassess.files import (
    large_columns,
    parquet,
    read_benchmark,
    read_labels,
    streamed_json,
    write_labels,
)
from reassess.files.artefacts import read_proposals, read_tasks, write_proposals, write_tasks
from reassess.files.large_columns import WordCells, image_id_cells, word_cells
from reassess.files.tables import read_table
from reassess.notes import collect_notes
from reassess.records import (
    Benchmark,
    Classes,
    LabelSets,
    OperatingPoint,
    Pairs,
    Proposals,
    Questions,
    Tasks,
    alignment,
    positions,
)
from reassess.records.id_hashes import hash_ids, repeated_ids, rows_of_equals

CLASSES = Classes.from_names(["cat", "dog", "eel"])
IDS = np.array([f"{i % 3}/img_{i}.jpg" for i in range(40)])


def write(path: Path, images: list[str], labels: list[object]) -> Path:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    table = pa.table({"image": images, "label": labels})
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (IDS, [i % 3 for i in range(40)]),
        (IDS, [("eel", "cat", "dog")[i % 3] for i in range(40)]),
        ([" x.jpg", *IDS[1:]], [0] * 40),  # left to the reader of cells, as what follows is
        (["é.jpg", *IDS[1:]], ["dog "] * 40),
        ([IDS[1], *IDS[1:]], [0] * 40),
        (["NA", *IDS[1:]], [0] * 40),
        (IDS, ["cat"] * 39 + ["cow"]),
        (IDS, [0] * 39 + [3]),
        (IDS, ["NaN"] * 40),
    ],
)
def test_original_labels_of_large_tables_are_those_of_small_ones(
    tmp_path: Path, monkeypatch, ending, images, labels
):
    path = write(tmp_path / f"labels{ending}", list(images), labels)

    def read() -> tuple[object, ...]:
        with collect_notes() as notes:
            try:
                found = read_benchmark(path, classes=CLASSES)
            except (DataError, FileError) as error:
                return type(error), str(error)
        return found.image_ids.tolist(), found.original.tolist(), notes.texts

    small = read()
    monkeypatch.setattr(large_columns, "SMALLEST", 4)
    assert read() == small
    table = read_table(path)
    if labels[0] == 0 and images is IDS:
        assert image_id_cells(table, "image").tolist() == IDS.tolist()
        assert isinstance(word_cells(table, "label"), WordCells)


def made_labels() -> LabelSets:
    sizes = np.arange(40) % 4 % 3
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    indices = np.array([one for n in sizes.tolist() for one in [2, 0][:n]])
    return LabelSets(
        "made", IDS, indptr, indices, posterior=np.linspace(0.5, 1, len(indices)),
        rated=sizes != 1, n_classes=3, operating_point=OperatingPoint("threshold", 0.5),
        classes=CLASSES, calibrated=np.linspace(0, 1, len(indices)),
        asked=Pairs(IDS, np.array([3, 3, 7]), np.array([0, 2, 1])),
    )  # fmt: skip


def test_label_sets_of_large_tables_are_those_of_small_ones(tmp_path: Path, monkeypatch):
    labels, path = made_labels(), tmp_path / "labels.parquet"
    write_labels(labels, path)
    small = read_labels(path)
    assert small.lists() == labels.lists()
    np.testing.assert_array_equal(small.asked.keys(), labels.asked.keys())
    monkeypatch.setattr(large_columns, "SMALLEST", 4)
    monkeypatch.setattr(LabelSets, "from_lists", None)
    large = read_labels(path)
    for field in fields(LabelSets):
        one, two = getattr(small, field.name), getattr(large, field.name)
        if isinstance(one, Pairs):
            one, two = one.keys(), two.keys()
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, two)
        else:
            assert one == two, field.name


@pytest.mark.parametrize("form", ["native", "real-json", "by-file"])
def test_labels_written_some_at_a_time_are_the_json_of_all(tmp_path: Path, monkeypatch, form):
    labels = made_labels()
    write_labels(labels, tmp_path / "once.json", form)
    monkeypatch.setattr(streamed_json, "_AT_ONCE", 3)
    write_labels(labels, tmp_path / "parts.json", form)
    text = (tmp_path / "parts.json").read_text()
    assert text == (tmp_path / "once.json").read_text()
    assert text == json.dumps(json.loads(text), ensure_ascii=False) + "\n"
    found = read_labels(tmp_path / "parts.json", image_ids=IDS)
    assert found.align_to(Benchmark("all", IDS)).lists() == labels.lists()


def test_proposals_and_tasks_of_large_studies_are_those_of_small_ones(tmp_path: Path, monkeypatch):
    image = np.repeat(np.arange(0, 40, 2), 2)
    pairs = Pairs(IDS, image, np.tile([0, 2], 20))
    every = np.arange(40) % 3 == 0
    proposals = Proposals(
        pairs, ("a", "b"), np.stack([every, ~every], axis=1), every, np.arange(40) % 4 == 0,
        top=~every,
    )  # fmt: skip
    tasks = Tasks(Questions.from_pairs(pairs), image // 2)
    for rows in (10**6, 7):
        monkeypatch.setattr(parquet, "_ROWS_A_GROUP", rows)
        monkeypatch.setattr(large_columns, "SMALLEST", rows)
        write_proposals(proposals, tmp_path / "proposals.parquet", {})
        write_tasks(tasks, tmp_path / "tasks.parquet", {})
        read = read_proposals(tmp_path / "proposals.parquet", Benchmark("all", IDS))
        for name in ("proposed", "original", "top"):
            np.testing.assert_array_equal(getattr(read, name), getattr(proposals, name))
        assert read.rated[image].tolist() == proposals.rated[image].tolist()
        again = read_tasks(tmp_path / "tasks.parquet")
        assert again.pairs.ids().tolist() == pairs.ids().tolist()
        assert again.task.tolist() == (image // 2).tolist()


def test_ids_in_another_order_than_those_known_are_read(tmp_path: Path) -> None:
    """Known ids of millions of images have cells of their own length."""
    path = write(tmp_path / "labels.parquet", [*IDS[:20], *IDS[:19:-1]], [0] * 40)
    known = IDS.astype(np.dtypes.StringDType())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_columns, "SMALLEST", 4)
        table = read_table(path)
        for ids in (known, known[::-1], IDS, IDS[::-1]):
            found = image_id_cells(table, "image", ids)
            assert found is not None
            assert found.tolist() == [*IDS[:20], *IDS[:19:-1]]


def test_ids_are_found_by_hashes_as_by_themselves(monkeypatch):
    rng = np.random.default_rng(0)
    ids = np.array(["", "é", "日本", *(f"{n:x}." * (1 + n % 5) for n in range(1000))])
    for other in (ids.astype("U80"), ids.astype(np.dtypes.StringDType())):
        np.testing.assert_array_equal(hash_ids(other), hash_ids(ids))
        order = rng.permutation(len(ids))
        np.testing.assert_array_equal(rows_of_equals(other[order], ids), order)
    assert len(np.unique(hash_ids(ids))) == len(ids)
    assert repeated_ids(np.append(ids, ids[5:7])).tolist() == sorted(ids[5:7].tolist())
    assert len(repeated_ids(ids)) == len(repeated_ids(ids[:0])) == 0
    known = ids[3:]
    mixed = np.append(known[::-1], ["folder/" + known[4] + "9", "unknown"])
    expected = positions(mixed, known, source="made")
    monkeypatch.setattr(alignment, "LARGE", 1)
    np.testing.assert_array_equal(positions(mixed, known, source="made"), expected)
    np.testing.assert_array_equal(positions(known[::-1], known, source="made")[::-1],
                                  np.arange(len(known)))  # fmt: skip
