"""The labels of images: of a file that is named, of one beside the images, or the images' own.

One way for whatever takes images with labels, so that the same folder means the same to each:

given       a table ``image,label``, label sets, or a list ``PATH LABEL`` without a header, as
            ``val.txt``
beside      ``labels.csv`` in the folder; else Hugging Face's ``metadata.csv`` or
            ``metadata.jsonl``, or such a list
own         class folders; a column of parquet or Arrow, with Hugging Face's names of its
            classes; ``.cls``; the label of TensorFlow Datasets

Letters: N images, K classes.
"""

from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import DataError, FileError, preview
from reassess.files.benchmarks import read_benchmark, read_classes
from reassess.files.class_words import read_class_words
from reassess.files.columns import CLASS_ID, CLASS_INDEX, IMAGE_BYTES, LABEL
from reassess.files.dataset_folder import is_dataset_folder
from reassess.files.images import ImageFiles
from reassess.files.labels import read_labels
from reassess.files.parquet import is_parquet
from reassess.files.tables import read_table
from reassess.files.tfds import tfds_shards
from reassess.notes import collect_notes, note
from reassess.records import Classes, LabelSets

_FIRST = "labels.csv"
_BESIDE = ("metadata.csv", "metadata.jsonl", "val.txt", "train.txt", "test.txt", "labels.txt")


def labels_beside(source: str | PathLike[str]) -> Path | None:
    """The file of labels in a folder of images; None where there is none.

    Raises:
        FileError: two files could be it.
    """
    folder = Path(source)
    if (folder / _FIRST).is_file():
        return folder / _FIRST
    found = [folder / name for name in _BESIDE if (folder / name).is_file()]
    found = [path for path in found if _has_labels(path)]
    if len(found) > 1:
        raise FileError(
            f"{folder}: {preview(path.name for path in found)} could each be the labels, but one "
            "must be. Name it (--labels FILE)."
        )
    return found[0] if found else None


def _has_labels(path: Path) -> bool:
    """Whether a table has a column of labels; metadata may hold captions or boxes alone."""
    with collect_notes():  # it is read again where it is taken
        table = read_table(path)
    return any(table.candidates(part) for part in (LABEL, CLASS_ID, CLASS_INDEX))


def labels_of_images(
    files: ImageFiles,
    labels: str | PathLike[str] | LabelSets | None = None,
    classes: str | PathLike[str] | Classes | None = None,
) -> tuple[LabelSets, Classes | None]:
    """Label sets with K, and the classes where they are known.

    Args:
        files: the images.
        labels: label sets with K, or their file; None takes those beside the images, or their own.
        classes: the classes or their file, which fix K and their order.

    Raises:
        FileError: a file is missing or malformed, or two could be the labels.
        DataError: there are no labels, or one is no class.
    """
    known = read_classes(classes) if isinstance(classes, str | PathLike) else classes
    if isinstance(labels, LabelSets):
        return labels, known
    if labels is None:
        labels = labels_beside(files.source)
        if labels is not None:
            note(f"labels are those of {labels}.")
    if labels is not None:
        return labels_in_file(Path(labels), known, files)
    if files.labels is None:
        raise DataError(
            f"{files.source}: it has no labels: no class folders, no column 'label', no .cls, no "
            "labels.csv, metadata.csv or val.txt. Give them (--labels FILE)."
        )
    if known is None and files.class_names is not None:
        known = Classes.from_names(list(files.class_names), labels_are="index")
    what = "class folders" if files.in_folders else "label"
    found = read_class_words(
        files.labels, known, f"{files.source}: {what}", folders=files.in_folders, first_row=1
    )
    return _sets_of_one(files.source, files.image_ids, found.label, found.classes)


def labels_in_file(
    path: Path, classes: Classes | None, files: ImageFiles | None = None
) -> tuple[LabelSets, Classes | None]:
    """Label sets with K from a table or a list of one label an image, or a file of label sets.

    Args:
        path: the file.
        classes: the classes, where they are known.
        files: the images, which tell what a bare list of label sets is about.

    Raises:
        FileError: it is missing or malformed.
        DataError: a label is no class.
    """
    if _holds_sets(path):
        ids = None if files is None else files.image_ids
        sets = read_labels(path, classes=classes, image_ids=ids)
        n_classes = sets.n_classes or int(sets.indices.max()) + 1
        return replace(sets, n_classes=n_classes), sets.classes
    read = read_benchmark(path, classes=classes)
    assert read.original is not None  # noqa: S101 -- read_benchmark reads labels; this tells mypy
    return _sets_of_one(read.name, read.image_ids, read.original, read.classes)


def _sets_of_one(
    name: str,
    ids: Shaped[np.ndarray, "N"],
    label: Int[np.ndarray, "N"],
    classes: Classes | None,
) -> tuple[LabelSets, Classes | None]:
    n_classes = int(label.max()) + 1 if classes is None else len(classes)
    return LabelSets(name, ids, np.arange(len(ids) + 1), label, n_classes=n_classes), classes


def are_images(path: Path) -> bool:
    """Whether a path means images, whose labels are beside or in them, and no file of labels."""
    if path.is_dir():
        return not is_dataset_folder(path)
    if path.suffix.lower() == ".tar" or "{" in path.name:
        return True
    return _holds_images(path) if is_parquet(path) else tfds_shards(path) is not None


def _holds_images(path: Path) -> bool:
    """Whether a parquet file holds encoded images."""
    if not path.is_file():
        return False
    table = read_table(path)
    return any(table.holds_images(name) for name in IMAGE_BYTES.candidates(table.header))


def _holds_sets(path: Path) -> bool:
    """Whether a file of labels holds a set for each image, not one label."""
    if path.is_dir():
        return is_dataset_folder(path)
    if is_parquet(path):
        return read_table(path).find(("labels",)) is not None
    return path.suffix.lower() == ".json"
