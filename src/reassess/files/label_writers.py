"""What writes reassessed labels in each format of `reassess.files.labels`."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from reassess.errors import AlignmentError
from reassess.files import parquet
from reassess.files.access import write_atomically
from reassess.files.audits import audit_as_dict
from reassess.files.streamed_json import ListOfIds, ListsByImage, write_json
from reassess.records import Classes, LabelSets, file_number_order

FORMAT = "reassess labels 1"


def write_native(labels: LabelSets, path: Path) -> None:
    """As one JSON object that holds everything."""
    write_json({"format": FORMAT, "labels": _lists_by_image(labels)} | _about(labels), path)


def write_real_json(labels: LabelSets, path: Path) -> None:
    """As the published bare list, and what it cannot hold beside it."""
    try:
        rows = file_number_order(labels.image_ids)
    except AlignmentError:
        rows = np.arange(len(labels))
    ordered = labels.take(rows)
    sha256 = write_json(replace(_lists_by_image(ordered), ids=None), path)
    _write_beside(sha256, _about(ordered) | {"image_ids": ListOfIds(ordered.image_ids)}, path)


def write_by_file(labels: LabelSets, path: Path) -> None:
    """As a JSON object of the labels of each file name, and its classes beside it."""
    sha256 = write_json(_lists_by_image(labels), path)
    _write_beside(sha256, stated_classes(labels.classes), path)


def write_parquet(
    labels: LabelSets,
    path: Path,
    more: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """As one row an image; what is said of all labels is in the file's metadata.

    Args:
        labels: the labels.
        path: the file.
        more: further columns, which are not read again.
        metadata: further texts of the file's metadata, by name.
    """
    order = np.lexsort((labels.indices, labels.image))
    columns: dict[str, Any] = {"image": labels.image_ids}
    for name, values in {
        "labels": labels.indices.astype(np.int64),
        **_probabilities(labels),
    }.items():
        columns[name] = parquet.list_column(values[order], labels.indptr)
    if labels.rated is not None:
        columns["rated"] = labels.rated
    if labels.asked is not None:
        n_asked = np.bincount(labels.asked.image, minlength=len(labels))
        ends = np.concatenate([[0], np.cumsum(n_asked)])
        columns["asked"] = parquet.list_column(labels.asked.label.astype(np.int64), ends)
    about = _about(labels, with_images=False)
    with write_atomically(path) as beside:
        columns |= more or {}
        parquet.write_parquet(beside, columns, {"reassess": json.dumps(about), **(metadata or {})})


def meta_file(path: Path) -> Path:
    """The file beside a published list that holds what the list cannot."""
    return path.with_name(path.stem + ".meta.json")


def stated_classes(classes: Classes | None) -> dict[str, list[str]]:
    """The classes as files state them, in the order of their indices: ids, and names if others."""
    if classes is None:
        return {}
    names = {} if classes.names == classes.ids else {"class_names": list(classes.names)}
    return {"class_ids": list(classes.ids)} | names


def names_in_file(labels: LabelSets) -> list[str]:
    """What each class is called in a file that names classes by words."""
    if labels.classes is None:
        n_classes = labels.n_classes or int(labels.indices.max(initial=-1)) + 1
        return [str(n) for n in range(n_classes)]
    return distinct_names(labels.classes)


def distinct_names(classes: Classes) -> list[str]:
    """A word for each class: their names; their ids where two have one name."""
    names = [name.strip() for name in classes.names]
    return names if len(set(names)) == len(names) else list(classes.ids)


def _about(labels: LabelSets, *, with_images: bool = True) -> dict[str, Any]:
    """What is known of labels; where columns say it of each image, not that again."""
    point = labels.operating_point
    unrated = None
    if labels.rated is not None and with_images:
        unrated = ListOfIds(labels.image_ids[~labels.rated])
    return (
        {
            "name": labels.name,
            "n_classes": labels.n_classes,
            "operating_point": None if point is None else dataclasses.asdict(point),
            "votes_sha256": labels.votes_sha256,
            "models": None if labels.models is None else list(labels.models),
            "unrated": unrated,
            "asked": _asked_by_image(labels) if with_images else None,
            "audit": None if labels.audit is None else audit_as_dict(labels.audit),
        }
        | ({"context": list(labels.context)} if labels.context else {})
        | stated_classes(labels.classes)
        | (_probabilities_by_image(labels) if with_images else dict.fromkeys(_IN_COLUMNS))
    )


def write_meta(text: str, about: dict[str, Any], path: Path) -> None:
    """Write what a bare file cannot hold beside it, with the hash of what it is about.

    Nothing to say leaves no file; one of earlier labels says by its hash that it is not theirs.
    """
    _write_beside(hashlib.sha256(text.encode()).hexdigest(), about, path)


def _write_beside(sha256: str, about: dict[str, Any], path: Path) -> None:
    if about:
        write_json({"format": FORMAT, "labels_sha256": sha256} | about, meta_file(path))


def _lists_by_image(labels: LabelSets) -> ListsByImage:
    order = np.lexsort((labels.indices, labels.image))
    return ListsByImage(labels.image_ids, labels.indices[order], labels.indptr)


def _asked_by_image(labels: LabelSets) -> ListsByImage | None:
    """The classes that raters were asked about, of each image with any."""
    if labels.asked is None:
        return None
    image, begins = np.unique(labels.asked.image, return_index=True)
    ends = np.append(begins, len(labels.asked.image))
    return ListsByImage(labels.image_ids[image], labels.asked.label, ends)


def _probabilities(labels: LabelSets) -> dict[str, Float[np.ndarray, "L"]]:
    """What is known of P(present) of each label: raw, and as gold has it."""
    known = {"posterior": labels.posterior, "calibrated": labels.calibrated}
    return {name: values for name, values in known.items() if values is not None}


_IN_COLUMNS = ("posterior", "calibrated")


def _probabilities_by_image(labels: LabelSets) -> dict[str, ListsByImage]:
    order = np.lexsort((labels.indices, labels.image))
    return {
        name: ListsByImage(labels.image_ids, values[order], labels.indptr)
        for name, values in _probabilities(labels).items()
    }
