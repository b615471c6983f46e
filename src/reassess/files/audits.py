"""An audit as JSON: every stratum with its seeds, its inclusion probability, and its pairs.

The same form stands alone, as a study's ``audit.json``, and under ``audit`` in a file of labels::

    {"format": "reassess audit 1", "strata": [
      {"kind": "skipped", "model": null, "seeds": [7], "n_population": 25111, "n_drawn": 150,
       "inclusion_probability": 0.00597,
       "drawn": {"image": [IMAGE, …], "label": [CLASS, …], "kept": [CLASS, …]}, "left": {…}}],
     "distractors": {"image": [IMAGE, …], "label": [CLASS, …]}}
"""

import json
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import FileError
from reassess.files.access import check_readable, prefix_errors_with, read_json, write_atomically
from reassess.records import Audit, AuditStratum, Classes, Pairs, factorize

FORMAT = "reassess audit 1"


def write_audit(audit: Audit, path: str | PathLike[str]) -> None:
    """Write an audit.

    Raises:
        FileError: the file cannot be written.
    """
    stated = {} if audit.pairs.class_ids is None else {"class_ids": list(audit.pairs.class_ids)}
    with write_atomically(path) as beside:
        text = json.dumps(audit_as_dict(audit) | stated, ensure_ascii=False)
        beside.write_text(text + "\n", encoding="utf-8")


def read_audit(
    path: str | PathLike[str], image_ids: Shaped[np.ndarray, "N"], *, classes: Classes | None = None
) -> Audit:
    """An audit from a file.

    Args:
        path: the file.
        image_ids: all images, whose rows its pairs name.
        classes: the classes, by whose numbers it is read; None leaves the file's.

    Raises:
        FileError: the file is missing, corrupt or something else.
        DataError: its pairs do not fit together.
        AlignmentError: an image is none of these.
    """
    path = Path(path)
    check_readable(path)
    value = read_json(path)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise FileError(
            f"{path}: it is not an audit, or of another version, but must be {FORMAT!r}. Give the "
            "file that `reassess audit` wrote."
        )
    ids = value.get("class_ids")
    with prefix_errors_with(path):
        found = audit_from_dict(
            value, image_ids, path, class_ids=None if ids is None else tuple(ids)
        )
        return found.numbered_by(classes)


def audit_as_dict(audit: Audit) -> dict[str, Any]:
    """An audit, ready for JSON."""
    ids = audit.pairs.image_ids
    strata = []
    for place, one in enumerate(audit.strata):
        inside = audit.stratum == place
        n, n_drawn = int(inside.sum()), int((inside & audit.drawn).sum())
        columns = {
            name: {
                "image": ids[audit.pairs.image[rows]].tolist(),
                "label": audit.pairs.label[rows].tolist(),
                "kept": audit.kept[rows].tolist(),
            }
            for name, rows in (("drawn", inside & audit.drawn), ("left", inside & ~audit.drawn))
        }
        strata.append({
            "kind": one.kind, "model": one.model, "seeds": list(one.seeds), "n_population": n,
            "n_drawn": n_drawn, "inclusion_probability": n_drawn / n, **columns,
        })  # fmt: skip
    found: dict[str, Any] = {"format": FORMAT, "strata": strata}
    if audit.distractors is not None:
        beside = audit.distractors
        found["distractors"] = {
            "image": beside.image_ids[beside.image].tolist(), "label": beside.label.tolist()
        }  # fmt: skip
    return found


def audit_from_dict(
    value: Any,
    image_ids: Shaped[np.ndarray, "N"],
    path: Path,
    *,
    class_ids: tuple[str, ...] | None = None,
) -> Audit:
    """The audit that `audit_as_dict` wrote.

    Raises:
        FileError: it is not what was written.
        DataError: its pairs do not fit together.
        AlignmentError: an image is none of these.
    """
    try:
        strata = tuple(
            AuditStratum(one["kind"], one["model"], tuple(map(int, one["seeds"])))
            for one in value["strata"]
        )
        parts = [
            (place, name == "drawn", *(one[name][column] for column in ("image", "label", "kept")))
            for place, one in enumerate(value["strata"])
            for name in ("drawn", "left")
        ]
        beside = value.get("distractors") or {"image": [], "label": []}
        named = [*chain.from_iterable(part[2] for part in parts), *beside["image"]]
        label, kept = (_joined([part[column] for part in parts]) for column in (3, 4))
        which = _joined([beside["label"]])
        sizes = np.array([len(part[2]) for part in parts], np.int64)
        ids, place = factorize(named)
        same = all(len(part[2]) == len(part[3]) == len(part[4]) for part in parts)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FileError(
            f"{path}: the audit is not what was written ({error}). Draw it again."
        ) from error
    if not same or len(which) != len(beside["image"]):
        raise FileError(f"{path}: the columns of the audit differ in length. Draw it again.")
    image, beside_image = place[: len(label)], place[len(label) :]
    stratum = np.repeat([part[0] for part in parts], sizes).astype(np.int64)
    drawn = np.repeat([part[1] for part in parts], sizes).astype(bool)
    distractors = Pairs(ids, beside_image, which, class_ids) if len(which) else None
    pairs = Pairs(ids, image, label, class_ids)
    found = Audit(strata, pairs, stratum, kept, drawn, distractors)
    return found.aligned_to(image_ids)


def _joined(columns: list[list[int]]) -> Int[np.ndarray, "n"]:
    """Lists of integers one after the other."""
    return np.concatenate([np.empty(0, np.int64), *(np.array(one, np.int64) for one in columns)])
