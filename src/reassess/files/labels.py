"""Reassessed labels in files: `LABEL_FORMATS`, each with its reader and its writer.

native      a JSON object with ``labels`` {image id: [classes]}, ``operating_point``,
            ``votes_sha256``, ``unrated`` and more
real-json   the published form: a bare list of lists in the order of the file numbers; what
            it cannot hold stands in ``<stem>.meta.json`` beside it
by-file     a JSON object {file name: [classes]}
parquet     columns ``image``, ``labels``, ``posterior``, ``rated``, ``asked``
checks      read only: workers' checks of suspected label errors (`reassess.files.other_labels`)
coco        COCO's JSON, whose annotations say which categories are in an image
cvat        CVAT's XML "for images", whose tags are classes of an image
label-studio  Label Studio's tasks, whose choices are the classes of an image
hugging-face  a folder with parquet, Hugging Face's card and Croissant

A file says by its ending and its content which format it has; one that says none of them is
refused. `reassess.files.label_readers` reads those that are ours. The lists in the published
``real.json`` are unsorted: compare them as sets.

A table of label sets looks like one of original labels, which are sets of one: `read_labels` takes
both (by `reassess.files.other_labels`), and a note says so. A JSON list of records is read as such
a table (`reassess.files.label_records`).
"""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from reassess.errors import FileError
from reassess.files.access import check_readable, read_json
from reassess.files.coco import is_coco, read_coco, write_coco
from reassess.files.cvat import read_cvat, write_cvat
from reassess.files.dataset_folder import labels_file, write_dataset
from reassess.files.frames import Frame
from reassess.files.label_formats import (
    LABEL_FORMATS,
    LabelFile,
    LabelFormat,
    classes_stated_in,
)
from reassess.files.label_readers import (
    parquet_about,
    read_bare_list,
    read_by_file,
    read_checks,
    read_native,
    read_sets_parquet,
    read_table_of_sets,
    sets_from_columns,
    stands_beside,
)
from reassess.files.label_records import check_objects, is_label_records, labels_by_image
from reassess.files.label_studio_labels import (
    is_label_studio,
    read_label_studio_labels,
    write_label_studio_labels,
)
from reassess.files.label_writers import (
    FORMAT,
    write_by_file,
    write_native,
    write_parquet,
    write_real_json,
)
from reassess.files.other_labels import is_label_checks
from reassess.files.parquet import is_parquet
from reassess.files.signatures import describe_json
from reassess.files.tables import TABLES, read_table
from reassess.records import Classes, LabelSets


def read_labels(
    path: str | PathLike[str] | Frame,
    *,
    classes: Classes | None = None,
    image_ids: Shaped[np.ndarray, "N"] | None = None,
    name: str | None = None,
) -> LabelSets:
    """Label sets from a file of any of `LABEL_FORMATS`, or from a frame.

    Args:
        path: the file, or a data set's folder; or a frame with a column of lists, or with a row
            for each label.
        classes: where the classes are known: labels are checked against them, and may be
            written as class ids or names.
        image_ids: the benchmark's images, to tell what the lists of a bare list are about:
            the i-th list is the image with the i-th file number. Without them, and without
            the ``.meta.json`` beside it, a bare list is read as the published one, whose
            list i is ``ILSVRC2012_val_{i+1:08d}.JPEG``.
        name: how to call them; the file's stem by default.

    Raises:
        FileError: the file is missing, corrupt or of no known format, or another version of
            reassess wrote it.
        DataError: a label is no class, or every set is empty.
        AlignmentError: a bare list is not as long as the benchmark.
    """
    if not isinstance(path, str | PathLike):
        table = read_table(path)
        source = LabelFile(table.path, None, name or "labels", classes, image_ids)
        return sets_from_columns(table, {}, source)
    path = labels_file(Path(path))
    check_readable(path)
    if path.suffix.lower() in {".npy", ".npz"}:
        raise FileError(
            f"{path}: it is a file of NumPy arrays, but labels must be JSON or a table, which say "
            "which image each label is of. Write a table image,label."
        )
    if path.suffix.lower() in TABLES and not is_parquet(path):
        return read_table_of_sets(read_table(path), classes, name or path.stem)
    for one in LABEL_FORMATS.values():
        if one.ending not in {"", ".json", ".parquet"} and path.suffix.lower() == one.ending:
            return one.read(LabelFile(path, None, name or path.stem, classes, image_ids))
    value = None if is_parquet(path) else read_json(path)
    foreign = None if is_coco(value) else describe_json(value)
    if foreign is not None:
        raise FileError(f"{path}: {foreign} (image,label).")
    if is_label_records(value):
        value = labels_by_image(value, path)
    if not is_label_studio(value):
        check_objects(value, path)
    source = LabelFile(path, value, name or path.stem, classes, image_ids)
    if is_parquet(path):
        return LABEL_FORMATS["parquet"].read(source)
    _refuse_other_files(value, path)
    for one in LABEL_FORMATS.values():
        if one.matches(value):
            return one.read(source)
    raise FileError(
        f"{path}: it holds {_described(value)}, but must hold a list of lists, an object "
        "{file name: [classes]}, or what `reassess label` writes. Give a file of labels."
    )


def classes_in_labels(path: str | PathLike[str]) -> Classes | None:
    """The classes that a file of labels numbers, as it states them; None where it states none.

    Raises:
        FileError: the file is missing or corrupt, or its classes are not what was written.
    """
    path = labels_file(Path(path))
    check_readable(path)
    if is_parquet(path):
        return classes_stated_in(parquet_about(path), path)
    value = read_json(path)
    if _is_native(value):
        return classes_stated_in(value, path)
    return classes_stated_in(stands_beside(path), path)


def _refuse_other_files(value: Any, path: Path) -> None:
    """Refuse what reassess wrote as something else, or in another version."""
    stated = value.get("format") if isinstance(value, dict) else None
    if isinstance(stated, str) and (stated != FORMAT or "labels" not in value):
        what = stated if stated != FORMAT else "what stands beside a bare list of labels"
        raise FileError(
            f"{path}: it is {what!r}, but must be {FORMAT!r}. Give the file of labels, or use the "
            "version of reassess that wrote it."
        )


def _described(value: Any) -> str:
    if isinstance(value, dict):
        key, held = next(iter(value.items()), ("", None))
        return f"an object with {key!r}: {str(held)[:40]!r}" if value else "an empty object"
    return (
        f"a list of {type(value[0]).__name__}"
        if value and isinstance(value, list)
        else (f"{type(value).__name__}")
    )


def _is_bare_list(value: Any) -> bool:
    return isinstance(value, list) and not is_label_checks(value) and not is_label_studio(value)


def _is_checks(value: Any) -> bool:
    return is_label_checks(value) and not is_label_studio(value)


def _is_native(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("labels"), dict)


def _is_by_file(value: Any) -> bool:
    return isinstance(value, dict) and not _is_native(value) and not is_coco(value)


def _never(value: Any) -> bool:  # noqa: ARG001 -- told by its ending
    return False


_ALL_BUT_LABELS = frozenset(
    {
        "name",
        "posterior",
        "calibrated",
        "rated",
        "n_classes",
        "operating_point",
        "votes_sha256",
        "models",
        "asked",
        "audit",
        "context",
    }
)
"""What a format that holds labels alone has no place for."""

for _format in (
    LabelFormat(
        "native",
        ".json",
        "JSON with all that is known of the labels",
        _is_native,
        read_native,
        write_native,
    ),
    LabelFormat(
        "real-json",
        ".json",
        "a bare list by file number, as published, with .meta.json beside it",
        _is_bare_list,
        read_bare_list,
        write_real_json,
    ),
    LabelFormat(
        "checks",
        ".json",
        "workers' checks of suspected label errors",
        _is_checks,
        read_checks,
        None,
    ),
    LabelFormat(
        "by-file",
        ".json",
        "JSON {file name: [classes]}",
        _is_by_file,
        read_by_file,
        write_by_file,
        _ALL_BUT_LABELS,
    ),
    LabelFormat(
        "parquet",
        ".parquet",
        "columns image, labels, posterior, rated, asked",
        _never,
        read_sets_parquet,
        write_parquet,
    ),
    LabelFormat(
        "coco",
        ".json",
        "COCO's JSON: an annotation a label, classes as categories",
        is_coco,
        read_coco,
        write_coco,
        frozenset(
            {
                "name",
                "calibrated",
                "rated",
                "operating_point",
                "votes_sha256",
                "models",
                "asked",
                "audit",
                "context",
            }
        ),
    ),
    LabelFormat(
        "cvat",
        ".xml",
        "tags of images in CVAT's XML",
        _never,
        read_cvat,
        write_cvat,
        _ALL_BUT_LABELS,
    ),
    LabelFormat(
        "label-studio",
        ".json",
        "Label Studio's tasks, an annotation each, with the labelling configuration beside",
        is_label_studio,
        read_label_studio_labels,
        write_label_studio_labels,
        _ALL_BUT_LABELS,
    ),
    LabelFormat(
        "hugging-face",
        "",
        "a folder: Hugging Face's data set (parquet, card) with Croissant",
        _never,
        read_sets_parquet,
        write_dataset,
        is_folder=True,
    ),
):
    LABEL_FORMATS.register(_format)
