"""What reads label sets in the forms that `reassess.files.label_writers` writes, and as published.

How a file says which form it has is for `reassess.files.labels`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from reassess.errors import AlignmentError, DataError, FileError
from reassess.files.access import prefix_errors_with, read_json, sha256_of
from reassess.files.audits import audit_from_dict
from reassess.files.class_words import class_indices
from reassess.files.columns import IMAGE, LABELS
from reassess.files.label_formats import LabelFile, classes_stated_in
from reassess.files.label_writers import meta_file
from reassess.files.large_columns import image_id_cells, number_cells
from reassess.files.other_labels import label_checks, label_sets_of
from reassess.files.parquet import parquet_metadata
from reassess.files.tables import ColumnFile, read_table
from reassess.files.word_columns import INTEGER
from reassess.notes import note
from reassess.records import Classes, LabelSets, OperatingPoint, Pairs, file_number_order
from reassess.records.benchmark import MOST_CLASSES

IMAGENET_NAME = "ILSVRC2012_val_{:08d}.JPEG"


def read_checks(source: LabelFile) -> LabelSets:
    """What most workers chose.

    Raises:
        FileError: a check is not of the published form.
        DataError: an image appears twice.
    """
    found = label_checks(source.value, source.path).label_sets(source.name)
    if source.classes is None:
        return found
    return replace(found, n_classes=len(source.classes))


def read_bare_list(source: LabelFile) -> LabelSets:
    """Label sets from a bare list, with what stands beside it.

    Raises:
        AlignmentError: it is not as long as the benchmark.
        DataError: a label is no class.
        FileError: what stands beside is not what was written.
    """
    about, ids = _bare_list(source.path, len(source.value), source.image_ids)
    return label_sets(source, ids, source.value, about)


def read_native(source: LabelFile) -> LabelSets:
    """Label sets from the JSON that holds everything.

    Raises:
        DataError: a label is no class.
        FileError: it is not what was written.
    """
    by_image = source.value["labels"]
    return label_sets(
        source, np.array(list(by_image), dtype=str), list(by_image.values()), source.value
    )


def read_by_file(source: LabelFile) -> LabelSets:
    """Label sets from a JSON object of lists by image.

    Raises:
        DataError: a label is no class.
    """
    ids = np.array(list(source.value), dtype=str)
    about = stands_beside(source.path)
    stated = {key: value for key, value in about.items() if key in {"class_ids", "class_names"}}
    return label_sets(source, ids, list(source.value.values()), stated)


def read_sets_parquet(source: LabelFile) -> LabelSets:
    """Label sets from parquet, with what its metadata says of them.

    Raises:
        DataError: a label is no class.
        FileError: it is not what was written.
    """
    return sets_from_columns(read_table(source.path), parquet_about(source.path), source)


def read_table_of_sets(table: ColumnFile, classes: Classes | None, name: str) -> LabelSets:
    """Label sets from a table, with a note, as a table of original labels looks the same."""
    path = table.path
    sets = label_sets_of(table, classes=classes, name=name)
    n_images = f"{len(sets):,} image{'s' if len(sets) != 1 else ''}"
    alike = "each with one label, as original labels have"
    held = alike if (sets.sizes == 1).all() else f"{len(sets.indices):,} labels"
    note(f"{path}: read as a table of labels, rows of one image as one set: {n_images}, {held}.")
    return sets


def sets_from_columns(table: ColumnFile, about: dict[str, Any], source: LabelFile) -> LabelSets:
    """Label sets from a column of lists, or from a row for each label."""
    large = _from_large_columns(table, about, source)
    if large is not None:
        return large
    cells = table.cells(table.require(LABELS))
    if not any(isinstance(cell, list) for cell in cells):
        return read_table_of_sets(table, source.classes, source.name)
    ids = np.array(table.texts(table.require(IMAGE)))
    lists = [[] if labels is None else labels for labels in cells]
    for name in ("posterior", "calibrated", "asked"):
        if table.find((name,)):
            about[name] = dict(zip(ids.tolist(), table.cells(name), strict=True))
    if table.find(("rated",)):
        about["unrated"] = ids[~np.array(table.cells("rated"), dtype=bool)].tolist()
    return label_sets(source, ids, lists, about)


def _from_large_columns(
    table: ColumnFile, about: dict[str, Any], source: LabelFile
) -> LabelSets | None:
    """Label sets from columns of numbers; None where they are to be read cell by cell."""
    name, ids_name = table.require(LABELS), table.require(IMAGE)
    ids = image_id_cells(table, ids_name, source.image_ids)
    found = None if ids is None else table.lists(name)
    if ids is None or found is None or found[0].dtype.kind not in "iu":
        return None
    indices, indptr = found
    if not 0 <= int(indices.min(initial=0)) <= int(indices.max(initial=0)) < MOST_CLASSES:
        return None
    columns: dict[str, Any] = {}
    for one in ("posterior", "calibrated", "asked"):
        if not table.find((one,)):
            continue
        lists = table.lists(one)
        if lists is None or (one != "asked" and not np.array_equal(lists[1], indptr)):
            return None
        columns[one] = lists[0]
        if one == "asked":
            columns[one] = Pairs(ids, np.repeat(np.arange(len(ids)), np.diff(lists[1])), lists[0])
    if table.find(("rated",)):
        columns["rated"] = number_cells(table, "rated").astype(bool)
    with _beside_labels(source.path):
        return _made(source, ids, partial(LabelSets.from_rows, indptr=indptr, indices=indices),
                     about, columns)  # fmt: skip


def parquet_about(path: Path) -> dict[str, Any]:
    """What the metadata of a parquet file says of its labels; empty where it says nothing.

    Raises:
        FileError: it is no JSON.
    """
    try:
        about = json.loads(parquet_metadata(path).get("reassess", "{}"))
    except ValueError as error:
        raise FileError(f"{path}: its metadata is not JSON ({error}). Write it again.") from error
    return about if isinstance(about, dict) else {}


def stands_beside(path: Path) -> dict[str, Any]:
    """What the ``.meta.json`` beside bare labels says of them; empty where none is about them."""
    meta = meta_file(path)
    about: Any = read_json(meta) if meta.is_file() else None
    if not isinstance(about, dict) or about.get("labels_sha256") != sha256_of(path):
        return {}
    return about


def _asked(by_image: Any, ids: Shaped[np.ndarray, "N"]) -> Pairs | None:
    """What `_asked_by_image` wrote, as pairs of these images."""
    if by_image is None:
        return None
    lists = [by_image.get(image) or [] for image in ids.tolist()]
    sizes = [len(one) for one in lists]
    label = np.array([label for one in lists for label in one], dtype=np.int64)
    return Pairs(ids, np.repeat(np.arange(len(ids)), sizes), label)


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


def label_sets(source: LabelFile, ids: Any, lists: list[Any], about: dict[str, Any]) -> LabelSets:
    """Label sets from lists by image, and what is said of them.

    Args:
        source: the file.
        ids: the image of each list.
        lists: the classes of each, as the file writes them.
        about: everything else that the file says.

    Raises:
        DataError: a label is no class, or there is none.
        FileError: what is said is not what was written.
    """
    path = source.path
    if not lists:
        raise DataError(f"{path}: there are 0 label sets, but there must be at least one.")
    stated = classes_stated_in(about, path)
    # Words are looked up in the classes of the file, if it names them: its integers are theirs.
    own = stated or source.classes
    lists = _digits_as_indices(lists, path, own)
    checked = lists
    if not _are_indices(lists):
        checked = [_indices(labels, i, path, own) for i, labels in enumerate(lists)]
    columns: dict[str, Any] = {}
    with _beside_labels(path):
        if about.get("unrated") is not None:
            columns["rated"] = ~np.isin(ids, np.array(about["unrated"], dtype=str))
        for name in ("posterior", "calibrated"):
            if isinstance(about.get(name), dict):
                by_image = [about[name].get(image_id) or [] for image_id in ids.tolist()]
                _check_lengths(path, ids, checked, by_image)
                flat = [p for values in by_image for p in values]
                columns[name] = np.array(flat, dtype=np.float64)
        columns["asked"] = _asked(about.get("asked"), ids)
        return _made(source, ids, partial(LabelSets.from_lists, lists=checked), about, columns)


def _made(
    source: LabelFile,
    ids: Any,
    make: Callable[..., LabelSets],
    about: dict[str, Any],
    columns: dict[str, Any],
) -> LabelSets:
    """Label sets with all that stands beside them."""
    path, stated = source.path, classes_stated_in(about, source.path)
    own = stated or source.classes
    point, audit = about.get("operating_point"), about.get("audit")
    with prefix_errors_with(path):
        made = make(
            about.get("name") or source.name,
            ids,
            **columns,
            n_classes=len(own) if own is not None else about.get("n_classes"),
            operating_point=None if point is None else OperatingPoint(**point),
            votes_sha256=about.get("votes_sha256"),
            models=None if about.get("models") is None else tuple(about["models"]),
            classes=own,
            audit=None if audit is None else audit_from_dict(audit, ids, path),
            context=tuple(about.get("context") or ()),
        )
        return made.refuse_empty().numbered_by(source.classes)


@contextmanager
def _beside_labels(path: Path) -> Iterator[None]:
    """Refuse what stands beside labels and is not what was written.

    Raises:
        FileError: it is not.
    """
    try:
        yield
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
