"""Labels as a JSON list of records, ``[{"image": …, "labels": […]}, …]``, as tables export.

Names of the fields are those of columns (`reassess.files.columns`). Several records of one image
are one set of labels, as several rows of a table are.
"""

from pathlib import Path
from typing import Any, TypeGuard

from reassess.errors import FileError, preview
from reassess.files.columns import IMAGE, LABELS
from reassess.notes import columns_read, note


def is_label_records(value: Any) -> TypeGuard[list[Any]]:
    """Whether what a JSON file holds is a list of objects that each name an image and a label."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return False
    return bool(IMAGE.candidates(tuple(value[0])) and LABELS.candidates(tuple(value[0])))


def check_objects(value: Any, path: Path) -> None:
    """Refuse a list of objects that are neither such records nor workers' checks.

    Raises:
        FileError: the first object has no field of theirs.
    """
    if isinstance(value, list) and value and isinstance(value[0], dict) and "mturk" not in value[0]:
        raise FileError(
            f"{path}: it holds a list of objects with {preview(value[0], 6)}, but labels must be "
            "objects with 'image' and 'labels', or an object {image: [labels]}. Rename the fields."
        )


def labels_by_image(value: list[Any], path: Path) -> dict[str, list[Any]]:
    """The labels of each image, as an object ``{image: [labels]}`` holds them.

    Raises:
        FileError: two fields could be the image or the label, or a record lacks one.
    """
    fields = {}
    for part in (IMAGE, LABELS):
        found = part.candidates(tuple(value[0]))
        if len(found) > 1:
            raise FileError(
                f"{path}: the fields {found[0]!r} and {found[1]!r} could both be the {part.name}, "
                "but one must be. Drop the other, or rename it."
            )
        fields[part.name] = found[0]
    columns_read(str(path), fields, tuple(value[0]))
    sets: dict[str, list[Any]] = {}
    for row, record in enumerate(value):
        whole = isinstance(record, dict) and set(fields.values()) <= record.keys()
        if not whole or not isinstance(record[fields["image"]], str):
            raise FileError(
                f"{path}: record [{row}] is {str(record)[:60]}, but must be an object with a text "
                f"{fields['image']!r} and {fields['labels']!r}. Complete it or leave it out."
            )
        labels = record[fields["labels"]]
        held = sets.setdefault(record[fields["image"]], [])
        held += labels if isinstance(labels, list) else [] if labels is None else [labels]
    note(f"{path}: read as a list of records, one set of labels an image ({len(sets):,}).")
    return sets
