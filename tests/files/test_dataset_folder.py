"""Labels as a folder for Hugging Face, with Croissant; and from one format to another."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from reassess.errors import FileError, OptionError
from reassess.files import read_labels, write_labels
from reassess.records import Classes, LabelSets, OperatingPoint

CLASSES = Classes(("n1", "n2", "n3"), ("cat", "dog", "dog"), ("", "", ""), ("", "", ""))
LABELS = LabelSets.from_lists(
    "pets", np.array(["b/1.jpg", "a.jpg", "c.jpg"]), [[2, 0], [], [1]],
    posterior=np.array([0.9, 0.8, 1.0]), rated=np.array([True, True, False]), classes=CLASSES,
    n_classes=3, operating_point=OperatingPoint("threshold", 0.7), votes_sha256="ab" * 32,
    models=("m",),
)  # fmt: skip


def test_the_folder_holds_all_that_is_known_of_the_labels(tmp_path: Path) -> None:
    folder = tmp_path / "pets-1.0"
    write_labels(LABELS, folder, "hugging-face")
    assert sorted(str(one.relative_to(folder)) for one in folder.rglob("*.*")) == [
        "README.md", "croissant.json", "data/labels.parquet"
    ]  # fmt: skip
    read = read_labels(folder)
    assert read.name == "pets"
    assert read.lists() == LABELS.lists()
    assert read.operating_point == LABELS.operating_point
    assert read.classes is not None
    assert read.classes.names == CLASSES.names
    card = (folder / "README.md").read_text()
    assert "| images with several labels | 1 |" in card
    assert "posterior is at least 0.7" in card
    assert "votes.csv" not in card
    assert "SHA256SUMS" not in card
    with pytest.raises(FileError, match="it is there already"):
        write_labels(LABELS, folder, "hugging-face")
    with pytest.raises(OptionError, match="must be a folder for the format hugging-face"):
        write_labels(LABELS, tmp_path / "l.parquet", "hugging-face")
    with pytest.raises(FileError, match=r"without data/labels\.parquet"):
        read_labels(folder / "data")


def test_nothing_is_said_that_the_labels_do_not_say(tmp_path: Path) -> None:
    bare = LabelSets.from_lists("bare", np.array(["a", "b"]), [[2, 0], []])
    write_labels(bare, tmp_path / "bare", "hugging-face")
    card = (tmp_path / "bare" / "README.md").read_text()
    assert "do not say how they were made" in card
    assert "crowdsourced" not in card
    meta = json.loads((tmp_path / "bare" / "croissant.json").read_text())
    assert [name for name in meta if name.startswith("rai:")] == ["rai:dataLimitations"]


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # mlcroissant's own, of rdflib
def test_it_is_croissant_and_hugging_faces_features(tmp_path: Path) -> None:
    mlc = pytest.importorskip("mlcroissant")
    write_labels(LABELS, tmp_path / "l", "hugging-face")
    data = mlc.Dataset(tmp_path / "l" / "croissant.json")
    assert data.metadata.ctx.issues.errors == set()
    assert data.metadata.ctx.is_v1_1()
    assert data.metadata.data_collection
    about = pq.read_schema(tmp_path / "l" / "data" / "labels.parquet").metadata[b"huggingface"]
    names = json.loads(about)["info"]["features"]["labels"]["feature"]["names"]
    assert names == ["n1", "n2", "n3"], "two classes have one name, which `datasets` refuses"
    rows = list(data.records("labels"))
    assert [list(row["labels/labels"]) for row in rows] == LABELS.lists()
    assert [row["labels/image"].decode() for row in rows] == LABELS.image_ids.tolist()


def test_labels_are_converted_by_command(tmp_path: Path, cli: Any) -> None:
    write_labels(LABELS, tmp_path / "l.json")
    done = cli("convert", tmp_path / "l.json", "-o", tmp_path / "hf", "--format", "hugging-face")
    assert done.status == 0, done.err
    done = cli("convert", tmp_path / "hf", "-o", tmp_path / "tasks.json", "--format",
               "label-studio")  # fmt: skip
    assert done.status == 0, done.err
    assert "does not hold: models, operating point, posterior, rated, votes sha256" in done.err
    assert read_labels(tmp_path / "tasks.json").lists() == LABELS.lists()
    done = cli("convert", tmp_path / "tasks.json", "-o", tmp_path / "tasks.json")
    assert done.status == 2
    assert "must not replace an input" in done.err
    done = cli("convert", tmp_path / "l.json", "-o", tmp_path / "hf", "--format", "hugging-face")
    assert done.status == 2
    assert "it is there already" in done.err
    done = cli("convert", tmp_path / "hf" / "data", "-o", tmp_path / "x.json")
    assert done.status == 2
    assert "without study.toml" in done.err
