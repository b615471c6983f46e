"""Images of TensorFlow Datasets, as it prepares them: a folder of TFRecords with their features.

The folder of a version (``cifar10/3.0.2``) holds ``features.json``, ``dataset_info.json``, the
names of classes (``label.labels.txt``) and for each split shards
``cifar10-test.tfrecord-00000-of-00001``, whose records are examples of named features. Read are
the image, its label and its id; the bytes of an image are read when they are asked for. Without
TensorFlow: a record is a length, its check, and the message.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reassess.errors import FileError, preview
from reassess.files.access import check_readable, read_json
from reassess.files.columns import IMAGE_BESIDE_BYTES, LABEL
from reassess.files.text_tables import read_lines

FEATURES, _ABOUT = "features.json", "dataset_info.json"
_SHARD = re.compile(r"(?P<split>.+\.tfrecord)-(?P<n>\d{5})-of-(?P<of>\d{5})")
_AGAIN = "Prepare the data set again (tfds.builder(NAME).download_and_prepare())"


@dataclass(frozen=True, slots=True)
class TfdsImages:
    """What a split holds.

    Attributes:
        places: file, offset and size of each image.
        ids: the id of each; the number of the record where there is none.
        labels: the class of each as a text; None where there is none.
        class_names: the names of the classes; None where they are not stated.
    """

    places: list[tuple[Path, int, int]]
    ids: list[str]
    labels: tuple[str, ...] | None
    class_names: tuple[str, ...] | None


def tfds_shards(path: Path) -> list[Path] | None:
    """The shards that a path means; None where it is nothing of TensorFlow Datasets.

    Args:
        path: the folder of a version, a shard, or the common begin of a split's shards, such as
            ``cifar10/3.0.2/cifar10-test.tfrecord``.

    Raises:
        FileError: the folder holds several splits, or shards are missing.
    """
    if path.is_dir():
        if not (path / FEATURES).is_file():
            return None
        splits = _splits(path)
        if len(splits) != 1:
            names = sorted(splits)
            raise FileError(
                f"{path}: it holds {len(names)} splits, {preview(names, 6)}, but one must be read. "
                f"Name it: {path / names[0] if names else path}"
            )
        return _whole(path, *splits.popitem())
    named = _SHARD.fullmatch(path.name)
    split = path.name if named is None else named["split"]
    if not split.endswith(".tfrecord") or (path.suffix == ".tfrecord" and path.is_file()):
        return None
    found = _splits(path.parent).get(split) if path.parent.is_dir() else None
    return None if found is None else _whole(path.parent, split, found)


def _splits(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for one in sorted(folder.iterdir()):
        named = _SHARD.fullmatch(one.name)
        if named is not None:
            found.setdefault(named["split"], []).append(one)
    if not found and any(".array_record" in one.name for one in folder.iterdir()):
        raise FileError(
            f"{folder}: its shards are array_record files, but must be TFRecords. Prepare it "
            "again with file_format='tfrecord'."
        )
    return found


def _whole(folder: Path, split: str, shards: list[Path]) -> list[Path]:
    """The shards of a split, if all are there.

    Raises:
        FileError: one is missing.
    """
    n = int(shards[0].name[-5:])
    if len(shards) != n:
        raise FileError(
            f"{folder / split}: {len(shards):,} shards are there, but must be {n:,}. {_AGAIN}."
        )
    return shards


def read_tfds(shards: list[Path]) -> TfdsImages:
    """The images of a split.

    Raises:
        FileError: a file is missing, unfinished or corrupt, or no feature is the image.
    """
    folder = shards[0].parent
    image, label, image_id = _features(folder)
    found = TfdsImages([], [], None, _class_names(folder, label))
    labels: list[str] = []
    for path in shards:
        for offset, record in _records(path):
            values = dict(_example(record, path))
            if image not in values or (label is not None and label not in values):
                raise FileError(f"{path}: record {len(found.ids)} lacks {image!r} or its label.")
            start, end = _one(values[image], 1, record, path)
            found.places.append((path, offset + start, end - start))
            if label is not None:
                labels.append(str(_integer(record, *values[label], path)))
            if image_id is None:
                found.ids.append(str(len(found.ids)))
            else:
                start, end = _one(values[image_id], 1, record, path)
                found.ids.append(record[start:end].decode("utf-8", "replace"))
    _check_count(folder, shards, len(found.ids))
    return TfdsImages(found.places, found.ids, tuple(labels) if label else None, found.class_names)


def _features(folder: Path) -> tuple[str, str | None, str | None]:
    """The names of the features that are the image, the label and the id.

    Raises:
        FileError: none is an image, or two could be one of them.
    """
    path = folder / FEATURES
    about = read_json(path)
    try:
        kinds = {
            name: str(one["pythonClassName"]).rpartition(".")[2]
            for name, one in about["featuresDict"]["features"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{path}: it does not list features by name. {_AGAIN}.") from error
    images = [name for name, kind in kinds.items() if kind == "Image"]
    classes = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    classes = LABEL.candidates(classes) if len(classes) > 1 else classes
    for what, names in (("image", images), ("label", classes)):
        if len(names) > 1 or (what == "image" and not names):
            raise FileError(
                f"{path}: {preview(names) if names else 'no feature'} could be the {what}, but one "
                "must be. Export the images to a folder."
            )
    texts = [name for name, kind in kinds.items() if kind == "Text"]
    ids = IMAGE_BESIDE_BYTES.candidates(texts)
    return images[0], classes[0] if classes else None, ids[0] if ids else None


def _class_names(folder: Path, label: str | None) -> tuple[str, ...] | None:
    path = folder / f"{label}.labels.txt"
    return tuple(read_lines(path)) if label is not None and path.is_file() else None


def _check_count(folder: Path, shards: list[Path], n: int) -> None:
    """Refuse a split that holds another number of records than it states.

    Raises:
        FileError: it does.
    """
    path = folder / _ABOUT
    about: Any = read_json(path) if path.is_file() else {}
    named = _SHARD.fullmatch(shards[0].name)
    split = "" if named is None else named["split"].removesuffix(".tfrecord").rpartition("-")[2]
    for one in about.get("splits") or [] if isinstance(about, dict) else []:
        if one.get("name") == split and one.get("shardLengths"):
            stated = sum(map(int, one["shardLengths"]))
            if stated != n:
                raise FileError(
                    f"{shards[0]}: the split {split!r} holds {n:,} records, but {_ABOUT} states "
                    f"{stated:,}. {_AGAIN}."
                )


def _records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Where each record of a file begins, and its bytes.

    Raises:
        FileError: the file is unfinished, or no TFRecord.
    """
    check_readable(path)
    with path.open("rb") as file:
        while head := file.read(12):
            if len(head) < 12 or _masked_crc(head[:8]) != struct.unpack("<I", head[8:])[0]:
                raise FileError(f"{path}: it is unfinished, corrupt or no TFRecord. {_AGAIN}.")
            (size,) = struct.unpack("<Q", head[:8])
            offset, record = file.tell(), file.read(size)
            if len(record) < size or len(file.read(4)) < 4:
                raise FileError(f"{path}: its last record is unfinished. {_AGAIN}.")
            yield offset, record


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)  # noqa: PLW2901 -- the register
        table.append(byte)
    return table


_CRC = _crc_table()


def _masked_crc(content: bytes) -> int:
    """CRC-32C as TFRecords have it, rotated and shifted."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _example(record: bytes, path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """The features of an example: the name of each, and where its message lies."""
    for number, start, end in _fields(record, 0, len(record), path):
        if number != 1:
            continue
        for entry, first, last in _fields(record, start, end, path):
            if entry != 1:
                continue
            parts = {n: (a, b) for n, a, b in _fields(record, first, last, path)}
            if 1 in parts and 2 in parts:
                yield record[slice(*parts[1])].decode("utf-8", "replace"), parts[2]


def _one(place: tuple[int, int], kind: int, record: bytes, path: Path) -> tuple[int, int]:
    """Where the only value of a feature lies, in its list of the kind.

    Raises:
        FileError: there are several, or none.
    """
    found = [
        (a, b)
        for number, start, end in _fields(record, *place, path)
        if number == kind
        for n, a, b in _fields(record, start, end, path)
        if n == 1
    ]
    if len(found) != 1:
        raise FileError(f"{path}: a record has {len(found)} values where one must be. {_AGAIN}.")
    return found[0]


def _integer(record: bytes, start: int, end: int, path: Path) -> int:
    """The only number of a feature's list of 64-bit integers."""
    first, last = _one((start, end), 3, record, path)
    value, stop = _varint(record, first, path)
    if stop != last:
        raise FileError(f"{path}: a record has several labels, but must have one.")
    return value - (1 << 64) if value >> 63 else value


def _fields(record: bytes, start: int, end: int, path: Path) -> Iterator[tuple[int, int, int]]:
    """The fields of a message: number, and where the value lies.

    Raises:
        FileError: the bytes are no message.
    """
    while start < end:
        key, start = _varint(record, start, path)
        number, wire = key >> 3, key & 7
        if wire == 2:
            size, start = _varint(record, start, path)
        elif wire == 0:
            size = _varint(record, start, path)[1] - start
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
        else:
            size = end  # no such wire type: beyond the end
        if start + size > end:
            raise FileError(f"{path}: a record is no example of TensorFlow's. {_AGAIN}.")
        yield number, start, start + size
        start += size


def _varint(record: bytes, start: int, path: Path) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = shift = 0
    while start < len(record) and shift < 70:
        byte = record[start]
        value |= (byte & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if byte < 0x80:
            return value, start
    raise FileError(f"{path}: a record is no example of TensorFlow's. {_AGAIN}.")
