"""Reassessed labels in files.

native      a JSON object with ``labels`` {image id: [classes]}, ``operating_point``,
            ``votes_sha256``, ``unrated`` and more
real-json   the published form: a bare list of lists in the order of the file numbers; what
            it cannot hold stands in ``<stem>.meta.json`` beside it
by-file     a JSON object {file name: [classes]}
parquet     columns ``image``, ``labels``, ``posterior``, ``rated``
checks      read only: workers' checks of suspected label errors (`reassess.files.label_checks`)

The lists in the published ``real.json`` are unsorted: compare them as sets.
"""

import dataclasses
import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Shaped

from reassess.errors import AlignmentError, DataError, FileError
from reassess.files.arrays import check_readable, prefix_errors_with
from reassess.files.atomic import sha256_of, write_atomically
from reassess.files.json_files import read_json
from reassess.files.label_checks import is_label_checks, label_checks
from reassess.files.tables import is_parquet, parquet_metadata, read_table, write_parquet
from reassess.records import Classes, LabelSets, OperatingPoint, file_number_order
from reassess.records.benchmark import MOST_CLASSES

LabelFormat = Literal["native", "real-json", "by-file", "parquet"]
FORMAT = "reassess labels 1"
IMAGENET_NAME = "ILSVRC2012_val_{:08d}.JPEG"


def write_labels(labels: LabelSets, path: str | Path, form: LabelFormat = "native") -> None:
    """Write reassessed labels in one of the forms above.

    Raises:
        FileError: the file cannot be written.
    """
    path = Path(path)
    if form == "parquet":
        _write_parquet(labels, path)
        return
    lists = labels.lists()
    names = labels.image_ids.tolist()
    if form == "by-file":
        _write_json(dict(zip(names, lists, strict=True)), path)
    elif form == "native":
        about = _about(labels)
        if labels.posterior is not None:
            about["posterior"] = dict(zip(names, _posteriors(labels), strict=True))
        by_image = dict(zip(names, lists, strict=True))
        _write_json({"format": FORMAT, "labels": by_image} | about, path)
    else:
        try:
            rows = file_number_order(labels.image_ids).tolist()
        except AlignmentError:
            rows = list(range(len(names)))
        text = _write_json([lists[row] for row in rows], path)
        about = {"format": FORMAT, "labels_sha256": hashlib.sha256(text.encode()).hexdigest()}
        about |= _about(labels) | {"image_ids": [names[row] for row in rows]}
        _write_json(about, _meta_path(path))


def _about(labels: LabelSets) -> dict[str, Any]:
    point = labels.operating_point
    unrated = None
    if labels.rated is not None:
        unrated = labels.image_ids[~labels.rated].tolist()
    return {
        "name": labels.name,
        "n_classes": labels.n_classes,
        "operating_point": None if point is None else dataclasses.asdict(point),
        "votes_sha256": labels.votes_sha256,
        "models": None if labels.models is None else list(labels.models),
        "unrated": unrated,
    }


def _posteriors(labels: LabelSets) -> list[list[float]]:
    """One list an image, in the order of `LabelSets.lists`."""
    assert labels.posterior is not None  # noqa: S101 -- the caller asked; this tells mypy
    order = np.lexsort((labels.indices, labels.image))
    flat = labels.posterior[order].tolist()
    ends = labels.indptr.tolist()
    return [flat[a:b] for a, b in pairwise(ends)]


def _write_json(value: object, path: Path) -> str:
    text = json.dumps(value, ensure_ascii=False) + "\n"
    with write_atomically(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return text


def _meta_path(path: Path) -> Path:
    return path.with_name(path.stem + ".meta.json")


def _write_parquet(labels: LabelSets, path: Path) -> None:
    columns: dict[str, Any] = {"image": labels.image_ids, "labels": labels.lists()}
    if labels.posterior is not None:
        columns["posterior"] = _posteriors(labels)
    if labels.rated is not None:
        columns["rated"] = labels.rated
    about = _about(labels) | {"unrated": None}
    with write_atomically(path) as beside:
        write_parquet(beside, columns, {"reassess": json.dumps(about)})


def read_labels(
    path: str | Path,
    *,
    classes: Classes | None = None,
    image_ids: Shaped[np.ndarray, "N"] | None = None,
    name: str | None = None,
) -> LabelSets:
    """Label sets from any of the forms above.

    Args:
        path: the file.
        classes: where the classes are known: labels are checked against them, and may be
            written as class ids or names.
        image_ids: the benchmark's images, to tell what the lists of a bare list are about:
            the i-th list is the image with the i-th file number. Without them, and without
            the ``.meta.json`` beside it, a bare list is read as the published one, whose
            list i is ``ILSVRC2012_val_{i+1:08d}.JPEG``.
        name: how to call them; the file's stem by default.

    Raises:
        FileError: the file is missing, corrupt or of no known form.
        DataError: a label is no class, or every set is empty.
        AlignmentError: a bare list is not as long as the benchmark.
    """
    path = Path(path)
    check_readable(path)
    name = name or path.stem
    if is_parquet(path):
        return _read_parquet(path, name, classes)
    value = read_json(path)
    if is_label_checks(value):
        found = label_checks(value, path).label_sets(name)
        return found if classes is None else replace(found, n_classes=len(classes))
    if isinstance(value, list):
        about, ids = _bare_list(path, len(value), image_ids)
        return _label_sets(path, ids, value, name, classes, about)
    if isinstance(value, dict) and isinstance(value.get("labels"), dict):
        about = value
        by_image = value["labels"]
    elif isinstance(value, dict):
        about, by_image = {}, value
    else:
        raise FileError(
            f"{path}: it holds {type(value).__name__}, but must hold a list of lists, an object "
            "{file name: [classes]}, or what `reassess label` writes."
        )
    ids = np.array(list(by_image), dtype=str)
    return _label_sets(path, ids, list(by_image.values()), name, classes, about)


def _bare_list(path: Path, n: int, image_ids: Any) -> tuple[dict[str, Any], Any]:
    """What stands beside a bare list, and the image of each of its lists."""
    meta = _meta_path(path)
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


def _label_sets(
    path: Path,
    ids: Any,
    lists: list[Any],
    name: str,
    classes: Classes | None,
    about: dict[str, Any],
) -> LabelSets:
    if not lists:
        raise DataError(f"{path}: there are 0 label sets, but there must be at least one.")
    checked = [_indices(labels, i, path, classes) for i, labels in enumerate(lists)]
    try:
        unrated = about.get("unrated")
        rated = None if unrated is None else ~np.isin(ids, np.array(unrated, dtype=str))
        posterior = None
        if isinstance(about.get("posterior"), dict):
            by_image = [about["posterior"].get(image_id) or [] for image_id in ids.tolist()]
            _check_lengths(path, ids, checked, by_image)
            posterior = np.array([p for values in by_image for p in values], dtype=np.float64)
        point = about.get("operating_point")
        with prefix_errors_with(path):
            return LabelSets.from_lists(
                about.get("name") or name,
                ids,
                checked,
                posterior=posterior,
                rated=rated,
                n_classes=len(classes) if classes is not None else about.get("n_classes"),
                operating_point=None if point is None else OperatingPoint(**point),
                votes_sha256=about.get("votes_sha256"),
            ).refuse_empty()
    except (TypeError, ValueError) as error:
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


def _read_parquet(path: Path, name: str, classes: Classes | None) -> LabelSets:
    table = read_table(path)
    ids = np.array(table.texts(table.require(("image", "filename", "file"))))
    lists = [
        [] if labels is None else labels
        for labels in table.cells(table.require(("labels", "label")))
    ]
    try:
        about = json.loads(parquet_metadata(path).get("reassess", "{}"))
    except ValueError as error:
        raise FileError(f"{path}: its metadata is not JSON ({error}). Write it again.") from error
    if table.find(("posterior",)):
        values = table.cells("posterior")
        about["posterior"] = dict(zip(ids.tolist(), values, strict=True))
    if table.find(("rated",)):
        about["unrated"] = ids[~np.array(table.cells("rated"), dtype=bool)].tolist()
    return _label_sets(path, ids, lists, name, classes, about)
