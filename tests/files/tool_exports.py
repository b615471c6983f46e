"""What annotation tools export, written by hand after their documentation."""

import json
from pathlib import Path
from typing import Any

Sets = dict[str, list[str]]
"""The classes of each image, by name."""


def coco(sets: Sets, classes: list[str], **more: Any) -> dict[str, Any]:
    """COCO's object, whose categories are numbered from 1 and not in order.

    Args:
        sets: the classes of each image.
        classes: all classes.
        more: what each annotation has beside its category, as a box.
    """
    number = {name: n for n, name in enumerate(classes, start=1)}
    images = {name: 100 - n for n, name in enumerate(sets)}
    pairs = [(name, label) for name, labels in sets.items() for label in labels]
    return {
        "info": {"year": 2026},
        "images": [
            {"id": n, "file_name": name, "width": 32, "height": 32} for name, n in images.items()
        ],
        "annotations": [
            {"id": n, "image_id": images[name], "category_id": number[label], **more}
            for n, (name, label) in enumerate(pairs)
        ],
        "categories": [
            {"id": n, "name": name, "supercategory": "thing"}
            for name, n in reversed(number.items())
        ],
    }


def cvat(sets: Sets, classes: list[str], inside: str = "", head: str = "") -> str:
    """CVAT's "for images 1.1".

    Args:
        sets: the classes of each image.
        classes: the labels of the task.
        inside: further elements of each image.
        head: what stands before the first element.
    """
    labels = "".join(f"<label><name>{name}</name><type>tag</type></label>" for name in classes)
    images = "".join(
        f'<image id="{n}" name="{name}" width="32" height="32">{inside}'
        + "".join(f'<tag label="{one}" source="manual"></tag>' for one in held)
        + "</image>"
        for n, (name, held) in enumerate(sets.items())
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{head}<annotations><version>1.1</version><meta>'
        f"<job><labels>{labels}</labels></job></meta>{images}</annotations>"
    )


def save(name: str, value: Any) -> Path:
    """A file of a text, or of a value as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def mturk(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    """The columns of a batch's results; what a row does not say is filled in."""
    usual = {
        "HITId": "3X0", "HITTypeId": "3T", "Title": "Is it there?", "AssignmentId": "3A",
        "WorkerId": "A1", "AssignmentStatus": "Approved",
        "AcceptTime": "Mon Sep 23 09:17:00 PDT 2019", "SubmitTime": "Mon Sep 23 09:17:18 PDT 2019",
        "WorkTimeInSeconds": "18", "LifetimeApprovalRate": "100% (2/2)",
    }  # fmt: skip
    names = dict.fromkeys(name for row in rows for name in (usual | row))
    return {name: [(usual | row).get(name, "") for row in rows] for name in names}
