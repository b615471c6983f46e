"""One way in: the same images with labels, however they lie, for a study, training and cleaning."""

import io
import json
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from reassess.cli import main
from reassess.errors import DataError, FileError, OptionError
from reassess.files.images import expand_braces, open_images
from reassess.files.keep_list import read_predicted_labels
from reassess.files.labelled_images import labels_of_images
from reassess.files.model_outputs import OutOfFold
from reassess.notes import collect_notes
from reassess.study import images_folder, new_study, read_study_benchmark
from reassess.study.images import ImageFolder

CLASSES = ["ant", "bee", "cat"]
N = 9
LABEL = [n % 3 for n in range(N)]


def content(n: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), (20 * n, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def flat(folder: Path) -> None:
    folder.mkdir()
    for n in range(N):
        (folder / f"{n}.png").write_bytes(content(n))


def class_folders(folder: Path) -> Path:
    for n, label in enumerate(LABEL):
        (folder / CLASSES[label]).mkdir(parents=True, exist_ok=True)
        (folder / CLASSES[label] / f"{n}.png").write_bytes(content(n))
    return folder


def metadata_csv(folder: Path) -> Path:
    flat(folder)
    rows = "".join(f"{n}.png,{CLASSES[k]},caption\n" for n, k in enumerate(LABEL))
    (folder / "metadata.csv").write_text("file_name,label,text\n" + rows)
    return folder


def metadata_jsonl(folder: Path) -> Path:
    flat(folder)
    lines = [
        json.dumps({"file_name": f"{n}.png", "label": CLASSES[k]}) for n, k in enumerate(LABEL)
    ]
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def val_txt(folder: Path) -> Path:
    flat(folder)
    (folder / "val.txt").write_text("".join(f"{n}.png {k}\n" for n, k in enumerate(LABEL)))
    return folder


def hugging_face(folder: Path) -> Path:
    folder.mkdir()
    features = {"label": {"names": CLASSES, "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    for part in range(2):
        rows = [n for n in range(N) if n % 2 == part]
        images = [{"bytes": content(n), "path": f"{n}.png"} for n in rows]
        table = pa.table({"image": images, "label": [LABEL[n] for n in rows]})
        about = {"huggingface": json.dumps({"info": {"features": features}})}
        pq.write_table(
            table.replace_schema_metadata(about), folder / f"train-0000{part}-of-00002.parquet"
        )
    return folder


def shards(folder: Path) -> Path:
    folder.mkdir()
    for part in range(3):
        with tarfile.open(folder / f"train-{part:03d}.tar", "w") as shard:
            for n in range(part, N, 3):
                for ending, data in (("png", content(n)), ("cls", str(LABEL[n]).encode())):
                    member = tarfile.TarInfo(f"{n}.{ending}")
                    member.size = len(data)
                    shard.addfile(member, io.BytesIO(data))
    return folder / "train-{000..002}.tar"


def saved_to_disk(folder: Path) -> Path:
    """As `datasets.Dataset.save_to_disk` leaves it, in two Arrow files."""
    folder.mkdir()
    features = {"image": {"_type": "Image"}, "label": {"names": CLASSES, "_type": "ClassLabel"}}
    names = [f"data-0000{part}-of-00002.arrow" for part in range(2)]
    for part, name in enumerate(names):
        rows = [n for n in range(N) if n % 2 == part]
        images = [{"bytes": content(n), "path": f"{n}.png"} for n in rows]
        table = pa.table({"image": images, "label": [LABEL[n] for n in rows]})
        about = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(about)
        with (
            pa.OSFile(str(folder / name), "wb") as file,
            pa.ipc.new_stream(file, table.schema) as w,
        ):
            w.write_table(table)
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    state = {"_data_files": [{"filename": name} for name in names], "_split": "train"}
    (folder / "state.json").write_text(json.dumps(state))
    return folder


def varint(n: int) -> bytes:
    head = bytes([(n & 0x7F) | (0x80 if n > 0x7F else 0)])
    return head + (varint(n >> 7) if n > 0x7F else b"")


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def crc32c(data: bytes) -> int:
    """Bit by bit, masked as TFRecords have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def record(features: dict[str, bytes]) -> bytes:
    """An example as TensorFlow Datasets writes it."""
    entries = [field(1, field(1, name.encode()) + field(2, one)) for name, one in features.items()]
    message = field(1, b"".join(entries))
    size = struct.pack("<Q", len(message))
    return size + struct.pack("<I", crc32c(size)) + message + struct.pack("<I", crc32c(message))


def tfds(folder: Path) -> Path:
    folder.mkdir()
    names = {"image": "image_feature.Image", "label": "class_label_feature.ClassLabel",
             "file_name": "text_feature.Text"}  # fmt: skip
    features = {name: {"pythonClassName": f"tfds.core.features.{one}"} for name, one in
                names.items()}  # fmt: skip
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    splits = [{"name": "test", "shardLengths": ["4", "5"]}]
    (folder / "dataset_info.json").write_text(json.dumps({"splits": splits}))
    (folder / "label.labels.txt").write_text("\n".join(CLASSES) + "\n")
    for part, rows in enumerate((range(4), range(4, N))):
        (folder / f"pets-test.tfrecord-0000{part}-of-00002").write_bytes(b"".join(
            record({
                "file_name": field(1, field(1, f"{n}.png".encode())),
                "image": field(1, field(1, content(n))),
                "label": field(3, field(1, varint(LABEL[n]))),
            })
            for n in rows
        ))  # fmt: skip
    return folder / "pets-test.tfrecord"


FORMS: dict[str, tuple[Callable[[Path], Path], bool]] = {
    "class folders": (class_folders, True), "metadata.csv": (metadata_csv, True),
    "metadata.jsonl": (metadata_jsonl, True), "val.txt": (val_txt, False),
    "Hugging Face": (hugging_face, True), "shards": (shards, False),
    "saved to disk": (saved_to_disk, True), "TensorFlow Datasets": (tfds, True),
}  # fmt: skip
"""How images lie, and whether their labels have names."""


@pytest.mark.parametrize("form", FORMS)
def test_the_same_images_say_the_same_to_everybody(form: str, tmp_path: Path) -> None:
    make, has_names = FORMS[form]
    source = make(tmp_path / "photos")
    with collect_notes():
        files = open_images(source)
        sets, classes = labels_of_images(files)
        study = new_study(tmp_path / "study", images=source)
        benchmark = read_study_benchmark(study)
    numbers = [int(Path(one).stem) for one in sets.image_ids.tolist()]
    assert sorted(numbers) == list(range(N))
    assert [LABEL[n] for n in numbers] == sets.indices.tolist()
    assert (classes is not None and list(classes.names) == CLASSES) == has_names
    assert benchmark.original is not None
    in_study = {int(Path(one).stem): k for one, k in zip(benchmark.image_ids.tolist(),
                benchmark.original.tolist(), strict=True)}  # fmt: skip
    assert in_study == dict(enumerate(LABEL))
    folder = images_folder(study)
    assert isinstance(folder, Path)
    found = ImageFolder(folder, benchmark.image_ids.tolist())
    for one in benchmark.image_ids.tolist():
        path = found(one)
        assert path is not None
        assert path.read_bytes() == content(int(Path(one).stem))
    predicted = OutOfFold(sets.image_ids, np.eye(3)[sets.indices] * 0.8 + 0.1, np.zeros(N, int))
    with collect_notes():
        given = read_predicted_labels(predicted, source, None)
    assert given.label.tolist() == sets.indices.tolist()


def test_clean_takes_a_study_and_sets_of_several_labels(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "photos")
    study, oof = tmp_path / "pets", tmp_path / "oof.npz"
    run = CliRunner().invoke(main, ["new", str(study), "--images", str(folder)])
    assert run.exit_code == 0, run.output
    assert "9 images, 3 classes" in run.output
    ids = [f"{CLASSES[k]}/{n}.png" for n, k in enumerate(LABEL)]
    top = [*LABEL[:-1], 0]  # the last image is predicted as an ant, and is a cat
    np.savez(oof, ids=ids, probabilities=np.eye(3)[top] * 0.8 + 0.1)
    sets = {one: [k] for one, k in zip(ids, LABEL, strict=True)} | {ids[-1]: [2, 0]}
    (tmp_path / "sets.json").write_text(json.dumps(sets))
    for labels, n_kept in ((study, 8), (folder, 8), (tmp_path / "sets.json", 9)):
        out = tmp_path / f"{labels.name}.txt"
        run = CliRunner().invoke(main, ["clean", str(oof), "--labels", str(labels), "-o", str(out)])
        assert run.exit_code == 0, run.output
        assert len(out.read_text().splitlines()) == n_kept


def test_what_begins_no_study_is_refused(tmp_path: Path) -> None:
    flat(tmp_path / "bare")
    with pytest.raises(DataError, match=r"it has no labels: .* Give them \(--labels FILE\)"):
        new_study(tmp_path / "s", images=tmp_path / "bare")
    with pytest.raises(OptionError, match="there are no labels"):
        new_study(tmp_path / "s")
    two = metadata_csv(tmp_path / "two")
    (two / "val.txt").write_text("0.png 1\n")
    with pytest.raises(FileError, match=r"'metadata.csv', 'val.txt' could each be the labels"):
        new_study(tmp_path / "s", images=two)
    with pytest.raises(FileError, match=r"'.*train-003.tar' is not there; 1 of 4 files"):
        open_images(str(shards(tmp_path / "tars")).replace("002", "003"))
    assert not (tmp_path / "s").exists()
    assert expand_braces("a{8..11}.{x,y}") == [
        f"a{n}.{e}" for n in range(8, 12) for e in "xy"
    ]  # fmt: skip


def test_saved_data_sets_that_say_two_things_are_refused(tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    saved_to_disk(both / "train")
    (both / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(FileError, match=r"it holds 2 splits, 'train', 'test', .*both/train"):
        open_images(both)
    assert len(open_images(both / "train")) == N
    state = {"_data_files": [{"filename": "d.arrow"}], "_indices_data_files": ["i.arrow"]}
    (both / "train" / "state.json").write_text(json.dumps(state))
    with pytest.raises(FileError, match="chosen by a file of indices"):
        open_images(both / "train")

    prepared = tfds(tmp_path / "pets").parent
    first = prepared / "pets-test.tfrecord-00000-of-00002"
    assert len(open_images(prepared)) == len(open_images(first)) == N
    whole = first.read_bytes()
    for content_, says in (
        (whole[:-3], "its last record is unfinished"),
        (whole[:9] + b"x" + whole[10:], "corrupt or no TFRecord"),
        (whole + whole, "holds 13 records, but dataset_info.json states 9"),
    ):
        first.write_bytes(content_)
        with pytest.raises(FileError, match=says):
            open_images(prepared)
    first.write_bytes(whole)
    (prepared / "pets-train.tfrecord-00000-of-00001").write_bytes(whole)
    with pytest.raises(FileError, match=r"it holds 2 splits, .*pets/pets-test\.tfrecord"):
        open_images(prepared)
    first.unlink()
    with pytest.raises(FileError, match="1 shards are there, but must be 2"):
        open_images(prepared / "pets-test.tfrecord")
