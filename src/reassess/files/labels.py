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

A file says by its ending and its content which format it has; one that says none of them is
refused. The lists in the published ``real.json`` are unsorted: compare them as sets.

A table of label sets looks like one of original labels, which are sets of one: `read_labels` takes
both (by `reassess.files.other_labels`), and a note says so. A JSON list of records is read as such
a table (`reassess.files.label_records`).
"""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from reassess.errors import AlignmentError, DataError, FileError
from reassess.files.access import (
    check_readable,
    prefix_errors_with,
    read_json,
    sha256_of,
)
from reassess.files.audits import audit_from_dict
from reassess.files.class_words import class_indices
from reassess.files.coco import is_coco, read_coco, write_coco
from reassess.files.columns import IMAGE, LABELS
from reassess.files.cvat import read_cvat, write_cvat
from reassess.files.frames import Frame
from reassess.files.label_formats import (
    LABEL_FORMATS,
    LabelFile,
    LabelFormat,
    classes_stated_in,
)
from reassess.files.label_records import check_objects, is_label_records, labels_by_image
from reassess.files.label_writers import (
    FORMAT,
    meta_file,
    write_by_file,
    write_native,
    write_parquet,
    write_real_json,
)
from reassess.files.other_labels import is_label_checks, label_checks, label_sets_of
from reassess.files.parquet import is_parquet, parquet_metadata
from reassess.files.signatures import describe_json
from reassess.files.tables import TABLES, ColumnFile, read_table
from reassess.files.word_columns import INTEGER
from reassess.notes import note
from reassess.records import Classes, LabelSets, OperatingPoint, Pairs, file_number_order
from reassess.records.benchmark import MOST_CLASSES

IMAGENET_NAME = "ILSVRC2012_val_{:08d}.JPEG"


def _asked(by_image: Any, ids: Shaped[np.ndarray, "N"]) -> Pairs | None:
    """What `_asked_by_image` wrote, as pairs of these images."""
    if by_image is None:
        return None
    lists = [by_image.get(image) or [] for image in ids.tolist()]
    sizes = [len(one) for one in lists]
    label = np.array([label for one in lists for label in one], dtype=np.int64)
    return Pairs(ids, np.repeat(np.arange(len(ids)), sizes), label)


def read_labels(
    path: str | Path | Frame,
    *,
    classes: Classes | None = None,
    image_ids: Shaped[np.ndarray, "N"] | None = None,
    name: str | None = None,
) -> LabelSets:
    """Label sets from a file of any of `LABEL_FORMATS`, or from a frame.

    Args:
        path: the file; or a frame with a column of lists, or with a row for each label.
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
    if not isinstance(path, str | Path):
        table = read_table(path)
        source = LabelFile(table.path, None, name or "labels", classes, image_ids)
        return _from_columns(table, {}, source)
    path = Path(path)
    check_readable(path)
    if path.suffix.lower() in {".npy", ".npz"}:
        raise FileError(
            f"{path}: it is a file of NumPy arrays, but labels must be JSON or a table, which say "
            "which image each label is of. Write a table image,label."
        )
    if path.suffix.lower() in TABLES and not is_parquet(path):
        return _read_table(read_table(path), classes, name or path.stem)
    for one in LABEL_FORMATS.values():
        if one.ending not in {".json", ".parquet"} and path.suffix.lower() == one.ending:
            return one.read(LabelFile(path, None, name or path.stem, classes, image_ids))
    value = None if is_parquet(path) else read_json(path)
    foreign = None if is_coco(value) else describe_json(value)
    if foreign is not None:
        raise FileError(f"{path}: {foreign} (image,label).")
    if is_label_records(value):
        value = labels_by_image(value, path)
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


def _read_table(table: ColumnFile, classes: Classes | None, name: str) -> LabelSets:
    """Label sets from a table, with a note, as a table of original labels looks the same."""
    path = table.path
    sets = label_sets_of(table, classes=classes, name=name)
    n_images = f"{len(sets):,} image{'s' if len(sets) != 1 else ''}"
    alike = "each with one label, as original labels have"
    held = alike if (sets.sizes == 1).all() else f"{len(sets.indices):,} labels"
    note(f"{path}: read as a table of labels, rows of one image as one set: {n_images}, {held}.")
    return sets


def classes_in_labels(path: str | Path) -> Classes | None:
    """The classes that a file of labels numbers, as it states them; None where it states none.

    Raises:
        FileError: the file is missing or corrupt, or its classes are not what was written.
    """
    path = Path(path)
    check_readable(path)
    if is_parquet(path):
        return classes_stated_in(_parquet_about(path), path)
    value = read_json(path)
    if _is_native(value):
        return classes_stated_in(value, path)
    return classes_stated_in(_stands_beside(path), path)


def _parquet_about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(parquet_metadata(path).get("reassess", "{}"))
    except ValueError as error:
        raise FileError(f"{path}: its metadata is not JSON ({error}). Write it again.") from error
    return about if isinstance(about, dict) else {}


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
    return isinstance(value, list) and not is_label_checks(value)


def _is_native(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("labels"), dict)


def _is_by_file(value: Any) -> bool:
    return isinstance(value, dict) and not _is_native(value) and not is_coco(value)


def _read_checks(source: LabelFile) -> LabelSets:
    found = label_checks(source.value, source.path).label_sets(source.name)
    if source.classes is None:
        return found
    return replace(found, n_classes=len(source.classes))


def _read_bare_list(source: LabelFile) -> LabelSets:
    about, ids = _bare_list(source.path, len(source.value), source.image_ids)
    return _label_sets(source, ids, source.value, about)


def _read_native(source: LabelFile) -> LabelSets:
    by_image = source.value["labels"]
    return _label_sets(
        source, np.array(list(by_image), dtype=str), list(by_image.values()), source.value
    )


def _read_by_file(source: LabelFile) -> LabelSets:
    ids = np.array(list(source.value), dtype=str)
    about = _stands_beside(source.path)
    stated = {key: value for key, value in about.items() if key in {"class_ids", "class_names"}}
    return _label_sets(source, ids, list(source.value.values()), stated)


def _stands_beside(path: Path) -> dict[str, Any]:
    """What the ``.meta.json`` beside bare labels says of them; empty where none is about them."""
    meta = meta_file(path)
    about: Any = read_json(meta) if meta.is_file() else None
    if not isinstance(about, dict) or about.get("labels_sha256") != sha256_of(path):
        return {}
    return about


def _bare_list(path: Path, n: int, image_ids: Any) -> tuple[dict[str, Any], Any]:
    """What stands beside a bare list, and the image of each of its lists."""
    meta = meta_file(path)
    if meta.is_file():
        about = read_json(meta)
        ids = about.get("image_ids") if isinstance(about, dict) else None
        if not isinstance(ids, list) or not all(isinstance(image_id, str) for image_id in ids):
            raise FileError(
                f"{meta}: 'image_ids' is not the list of ids that was written. Remove the file, or "
                "decide the labels again."
            )
        if about.get("labels_sha256") == sha256_of(path):
            return about, np.array(ids, dtype=str)
    if image_ids is None:
        return {}, np.array([IMAGENET_NAME.format(i + 1) for i in range(n)])
    if len(image_ids) != n:
        raise AlignmentError(
            f"{path}: the list holds {n:,} label sets, but must hold {len(image_ids):,}, one for "
            "each image of the benchmark. Give labels with file names instead."
        )
    return {}, image_ids[file_number_order(image_ids)]


def _label_sets(source: LabelFile, ids: Any, lists: list[Any], about: dict[str, Any]) -> LabelSets:
    path, classes = source.path, source.classes
    if not lists:
        raise DataError(f"{path}: there are 0 label sets, but there must be at least one.")
    stated = classes_stated_in(about, path)
    # Words are looked up in the classes of the file, if it names them: its integers are theirs.
    own = stated or classes
    lists = _digits_as_indices(lists, path, own)
    checked = lists
    if not _are_indices(lists):
        checked = [_indices(labels, i, path, own) for i, labels in enumerate(lists)]
    try:
        unrated = about.get("unrated")
        rated = None if unrated is None else ~np.isin(ids, np.array(unrated, dtype=str))
        probabilities = {}
        for name in ("posterior", "calibrated"):
            if isinstance(about.get(name), dict):
                by_image = [about[name].get(image_id) or [] for image_id in ids.tolist()]
                _check_lengths(path, ids, checked, by_image)
                flat = [p for values in by_image for p in values]
                probabilities[name] = np.array(flat, dtype=np.float64)
        point, audit = about.get("operating_point"), about.get("audit")
        with prefix_errors_with(path):
            return (
                LabelSets.from_lists(
                    about.get("name") or source.name,
                    ids,
                    checked,
                    **probabilities,
                    rated=rated,
                    n_classes=len(own) if own is not None else about.get("n_classes"),
                    operating_point=None if point is None else OperatingPoint(**point),
                    votes_sha256=about.get("votes_sha256"),
                    models=None if about.get("models") is None else tuple(about["models"]),
                    classes=own,
                    asked=_asked(about.get("asked"), ids),
                    audit=None if audit is None else audit_from_dict(audit, ids, path),
                    context=tuple(about.get("context") or ()),
                )
                .refuse_empty()
                .numbered_by(classes)
            )
    except (AttributeError, TypeError, ValueError) as error:
        raise FileError(
            f"{path}: what stands beside the labels is not what was written ({error})."
        ) from error


def _check_lengths(path: Path, ids: Any, lists: list[list[int]], posterior: list[Any]) -> None:
    for image_id, labels, values in zip(ids.tolist(), lists, posterior, strict=True):
        if len(values) != len(labels):
            raise DataError(
                f"{path}: the posterior of image {image_id!r} has {len(values):,} values, but must "
                f"have {len(labels):,}, one for each of its labels. Decide the labels again."
            )


def _digits_as_indices(lists: list[Any], path: Path, classes: Classes | None) -> list[Any]:
    """The lists, with texts that are all integers, as ``["370"]``, read as classes.

    Raises:
        DataError: they are ids of some classes and indices of others.
    """
    flat = [word for one in lists if isinstance(one, list) for word in one]
    if not flat or not all(isinstance(word, str) and INTEGER.fullmatch(word) for word in flat):
        return lists
    sizes = [len(one) for one in lists]
    rows = np.repeat(np.arange(len(lists)), sizes)
    found = class_indices(flat, classes, f"{path}: labels", rows=rows)
    note(f"{path}: labels are integers written as texts, such as {flat[0]!r}; read as classes.")
    return [part.tolist() for part in np.split(found, np.cumsum(sizes)[:-1])]


def _are_indices(lists: list[Any]) -> bool:
    """Whether all are lists of class indices already, as they nearly always are."""
    if set(map(type, lists)) != {list}:
        return False
    flat = list(chain.from_iterable(lists))
    return set(map(type, flat)) <= {int} and 0 <= min(flat, default=0) <= max(flat, default=0) < (
        MOST_CLASSES
    )


def _indices(labels: Any, row: int, path: Path, classes: Classes | None) -> list[int]:
    """One image's labels as class indices."""
    if isinstance(labels, list):
        if all(type(label) is int for label in labels):
            beyond = [label for label in labels if not 0 <= label < MOST_CLASSES]
            if not beyond:
                return labels
            labels = beyond
        if classes is not None and all(isinstance(label, str) for label in labels):
            unknown = [label for label in labels if label not in classes.index_of]
            if not unknown:
                return [classes.index_of[label] for label in labels]
            labels = unknown
    raise DataError(
        f"{path}: label set [{row}] is {str(labels)[:60]}, but must be a list of class indices (or "
        "of class ids or names, with --classes FILE)."
    )


def _read_parquet(source: LabelFile) -> LabelSets:
    return _from_columns(read_table(source.path), _parquet_about(source.path), source)


def _from_columns(table: ColumnFile, about: dict[str, Any], source: LabelFile) -> LabelSets:
    """Label sets from a column of lists, or from a row for each label."""
    cells = table.cells(table.require(LABELS))
    if not any(isinstance(cell, list) for cell in cells):
        return _read_table(table, source.classes, source.name)
    ids = np.array(table.texts(table.require(IMAGE)))
    lists = [[] if labels is None else labels for labels in cells]
    for name in ("posterior", "calibrated", "asked"):
        if table.find((name,)):
            about[name] = dict(zip(ids.tolist(), table.cells(name), strict=True))
    if table.find(("rated",)):
        about["unrated"] = ids[~np.array(table.cells("rated"), dtype=bool)].tolist()
    return _label_sets(source, ids, lists, about)


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
        _read_native,
        write_native,
    ),
    LabelFormat(
        "real-json",
        ".json",
        "a bare list by file number, as published, with .meta.json beside it",
        _is_bare_list,
        _read_bare_list,
        write_real_json,
    ),
    LabelFormat(
        "checks",
        ".json",
        "workers' checks of suspected label errors",
        is_label_checks,
        _read_checks,
        None,
    ),
    LabelFormat(
        "by-file",
        ".json",
        "JSON {file name: [classes]}",
        _is_by_file,
        _read_by_file,
        write_by_file,
        _ALL_BUT_LABELS,
    ),
    LabelFormat(
        "parquet",
        ".parquet",
        "columns image, labels, posterior, rated, asked",
        _never,
        _read_parquet,
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
):
    LABEL_FORMATS.register(_format)
