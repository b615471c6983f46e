"""Frames with a column a class: their columns in the order of the classes.

Arrays have no names: their columns are the classes 0 to K − 1. A frame's columns may be named by
classes, as of scikit-learn's ``classes_``, which are sorted; then the names say which class each
is. Letters: n rows, K classes.
"""

import re
from typing import Any

import numpy as np

from reassess.errors import DataError, preview
from reassess.notes import note
from reassess.records.arrays import Array, as_array
from reassess.records.benchmark import Classes, plain_text

_BY_POSITION = re.compile(r"(column_)?(\d+)")
"""What pandas, polars and whoever has no names call the columns of an array."""


def in_class_order(values: Any, classes: Classes | None, what: str) -> Array:
    """Values of every class as an array, columns in the order of the classes.

    Args:
        values: one column a class, in any form that `as_array` takes.
        classes: what names of columns are found in; without, names are noted and not looked at.
        what: what the values are, for messages.

    Raises:
        DataError: columns are named by other classes or not in the order of their numbers.
    """
    array, names = as_array(values, what), _column_names(values)
    if names is None or array.ndim != 2 or array.shape[1] != len(names):
        return array
    known = {} if classes is None else classes.index_of
    if not all(one in known for one in names) and _are_numbers(names, what):
        return array
    if classes is None:
        note(
            f"{what}: the columns {preview(names)} were taken as the classes 0 to {len(names) - 1} "
            "as they stand. Give classes= to find them by their names."
        )
        return array
    at = [known.get(one, -1) for one in names]
    if sorted(at) != list(range(len(classes))):
        strange = [one for one, place in zip(names, at, strict=True) if place < 0] or names
        raise DataError(
            f"{what}: the columns {preview(strange)} are not the {len(classes):,} classes, such as "
            f"{classes.ids[0]!r}, but each must be one. Name the columns by the classes."
        )
    return array if at == sorted(at) else array[:, np.argsort(at)]


def _column_names(values: Any) -> list[str] | None:
    """The names of a frame's columns; None for anything else."""
    names = getattr(values, "columns", None)
    if isinstance(values, dict) or names is None or callable(names):
        return None
    if hasattr(values, "column_names"):  # pyarrow's
        names = values.column_names
    return [plain_text(str(one)) for one in names]


def _are_numbers(names: list[str], what: str) -> bool:
    """Whether the names number the classes.

    Raises:
        DataError: they do, in another order than the columns stand in.
    """
    found = [_BY_POSITION.fullmatch(one) for one in names]
    numbers = [int(one[2]) for one in found if one is not None]
    if sorted(numbers) != list(range(len(names))):
        return False
    place = next((at for at, number in enumerate(numbers) if at != number), None)
    if place is not None:
        raise DataError(
            f"{what}: column {place} of the frame is {names[place]!r} by its name, but columns "
            "must stand in the order of the classes. Bring them into it, or rename them."
        )
    return True
