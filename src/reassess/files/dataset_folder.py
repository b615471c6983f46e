"""Labels as a data set of Hugging Face: a folder with parquet, a card, and Croissant beside.

``data/labels.parquet``  one row an image, with the features that Hugging Face reads; the rest of
                         what is known of the labels stands in the file's metadata, so that
                         `reassess.files.read_labels` reads the same labels again
``README.md``            the card
``croissant.json``       Croissant 1.1 with the Responsible-AI fields

A release of a study has the same table and texts (`reassess.release`), with more beside them.
"""

import dataclasses
import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.errors import FileError
from reassess.files.access import write_atomically
from reassess.files.dataset_documents import (
    CARD,
    CROISSANT,
    LABELS_TABLE,
    About,
    DatasetFacts,
    card,
    croissant_text,
)
from reassess.files.label_writers import distinct_names, write_parquet
from reassess.files.places import new_folder
from reassess.files.tables import read_table
from reassess.records import Classes, LabelSets


def labels_file(path: Path) -> Path:
    """The file of labels that a path means: the table in the folder of a data set, else itself.

    Raises:
        FileError: it is a folder of something else.
    """
    if not path.is_dir():
        return path
    if not is_dataset_folder(path):
        raise FileError(
            f"{path}: it is a folder without {LABELS_TABLE}, but labels must be a file, or a data "
            "set that `reassess label --format hugging-face` wrote. Check the path."
        )
    return path / LABELS_TABLE


def is_dataset_folder(path: Path) -> bool:
    """Whether a folder holds labels as `write_dataset` leaves them."""
    return (path / LABELS_TABLE).is_file()


def write_dataset(labels: LabelSets, folder: Path) -> None:
    """Write labels into a new folder, whole or not at all.

    Raises:
        FileError: the folder holds something already, or cannot be written.
    """
    about = About(labels.name, "1.0.0", datetime.now(UTC).strftime("%Y-%m-%d"), version("reassess"))
    facts = _facts(labels)
    with new_folder(folder) as place:
        (place / LABELS_TABLE).parent.mkdir(parents=True)
        write_labels_table(labels, place / LABELS_TABLE, classes=labels.classes)
        columns = list(read_table(place / LABELS_TABLE).header)
        texts = {
            CARD: card(about, facts, columns),
            CROISSANT: croissant_text(place, [LABELS_TABLE], {LABELS_TABLE: columns}, about, facts),
        }
        for name, text in texts.items():
            with write_atomically(place / name) as beside:
                beside.write_text(text, encoding="utf-8")


def _facts(labels: LabelSets) -> DatasetFacts:
    point = labels.operating_point
    return DatasetFacts(
        numbers=numbers_of_labels(labels),
        operating_point=None if point is None else dataclasses.asdict(point),
        method=None,
        models=labels.models or (),
        scores={"models": []},
        from_votes=labels.votes_sha256 is not None,
        is_release=False,
    )


def numbers_of_labels(
    labels: LabelSets, original: Int[np.ndarray, "N"] | None = None
) -> dict[str, int]:
    """Counts of images and labels, by name.

    Args:
        labels: the labels.
        original: the original label of each image, where it is known.
    """
    numbers = {
        "images": len(labels),
        "images with a label": int((labels.sizes > 0).sum()),
        "images with several labels": int((labels.sizes > 1).sum()),
        "labels": len(labels.indices),
    }
    if original is not None:
        kept = labels.contains(np.arange(len(labels)), original)
        numbers["images that keep their original label"] = int(kept.sum())
    if labels.rated is not None:
        numbers["images put to raters"] = int(labels.rated.sum())
    return numbers


def write_labels_table(
    labels: LabelSets,
    path: Path,
    *,
    classes: Classes | None,
    original: Int[np.ndarray, "N"] | None = None,
) -> None:
    """The labels as Hugging Face's data sets have them, which `read_labels` reads, too.

    Args:
        labels: the labels.
        path: the file.
        classes: the classes, whose ids and names are written.
        original: the original label of each image, where it is known.

    Raises:
        FileError: the file cannot be written.
    """
    more: dict[str, Any] = {}
    features: dict[str, Any] = {"image": _value("string")}
    if classes is not None:
        ids = np.array(classes.ids)
        more["label_names"] = [ids[one].tolist() for one in labels.lists()]
    if original is not None:
        more["original"] = original.astype(np.int64)
    kind = _value("int64") if classes is None else {
        "names": distinct_names(classes), "_type": "ClassLabel"  # Hugging Face refuses repeats
    }  # fmt: skip
    features |= {"labels": _list(kind)} | _features(labels, kind) | {
        name: kind if name == "original" else _list(_value("string")) for name in more
    }  # fmt: skip
    write_parquet(labels, path, more, {"huggingface": json.dumps({"info": {"features": features}})})


def _features(labels: LabelSets, kind: dict[str, Any]) -> dict[str, Any]:
    known = {
        "posterior": (labels.posterior, _list(_value("float64"))),
        "calibrated": (labels.calibrated, _list(_value("float64"))),
        "rated": (labels.rated, _value("bool")),
        "asked": (labels.asked, _list(kind)),
    }
    return {name: feature for name, (values, feature) in known.items() if values is not None}


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "_type": "Value"}


def _list(feature: dict[str, Any]) -> dict[str, Any]:
    return {"feature": feature, "_type": "List"}
