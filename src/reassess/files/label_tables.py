"""Label sets in tables that others wrote: CSV, one row an image and label, or one an image.

Columns ``image`` and ``label`` (a class index, id or name; an image may have several rows), or
``image`` and ``labels`` (class indices or ids with blanks between). An image whose only cell is
empty, or ``none``, has no label. A table of original labels looks the same, so that
`reassess.files.read_labels`, whose labels judge models, does not take such tables for
reassessed ones; what only compares label sets does.
"""

from pathlib import Path

import numpy as np

from reassess.errors import DataError
from reassess.files.arrays import prefix_errors_with
from reassess.files.benchmarks import IMAGE
from reassess.files.tables import read_table
from reassess.records import Classes, LabelSets
from reassess.records.benchmark import MOST_CLASSES

NO_LABEL = ("", "none")


def read_label_table(path: str | Path, *, classes: Classes | None, name: str) -> LabelSets:
    """Label sets from such a table, images in the order of their first row.

    Args:
        path: the file.
        classes: what ids and names are looked up in; None takes indices only.
        name: what to call them.

    Raises:
        FileError: the file is missing, is no table, or lacks a column.
        DataError: a label is no class, or an image has it twice.
    """
    path = Path(path)
    table = read_table(path)
    rows = table.texts(table.require(IMAGE))
    column = table.require(("label", "labels", "class"))
    whole = column.strip().lower() != "labels"
    found: dict[str, list[int]] = {}
    for row, (image_id, cell) in enumerate(zip(rows, table.cells(column), strict=True)):
        text = str(cell).strip()
        names = [] if text in NO_LABEL else [text] if whole else text.split()
        held = found.setdefault(image_id, [])
        held += [_index(name, classes, f"{path}: row {row + 2}") for name in names]
    ids = np.array(list(found), dtype=str)
    n_classes = None if classes is None else len(classes)
    with prefix_errors_with(path):
        return LabelSets.from_lists(name, ids, list(found.values()), n_classes=n_classes)


def _index(name: str, classes: Classes | None, where: str) -> int:
    """A class by its id, its name or, where it is neither, its index."""
    if classes is not None and name in classes.index_of:
        return classes.index_of[name]
    if name.isascii() and name.isdigit() and len(name) < 9 and int(name) < MOST_CLASSES:
        return int(name)
    known = "an index" if classes is None else f"an index, or a class such as {classes.ids[0]!r}"
    raise DataError(
        f"{where} has the label {name[:40]!r}, but must have {known}. Name the classes (--classes "
        "FILE)."
    )
