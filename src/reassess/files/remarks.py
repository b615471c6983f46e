"""Pairs that raters named in their own words: a table ``image,label``, as `votes export` writes it.

Rows without a label are passed over: they are remarks that name no class.
"""

from os import PathLike
from pathlib import Path

import numpy as np

from reassess.files.cells import stands_for_empty
from reassess.files.class_words import class_indices
from reassess.files.columns import IMAGE, LABEL
from reassess.files.tables import read_table
from reassess.records import Classes, Pairs, factorize


def read_remarks(path: str | PathLike[str], *, classes: Classes | None = None) -> Pairs:
    """The pairs that a table of remarks names, each once.

    Args:
        path: a table with the columns ``image`` and ``label``; whatever else it holds is not read.
        classes: what the labels are looked up in; None takes indices only.

    Raises:
        FileError: the file is missing, malformed or lacks a column.
        DataError: a label is no class.
    """
    table = read_table(Path(path))
    images = table.texts(table.require(IMAGE))
    column = table.require(LABEL)
    known = () if classes is None else classes.index_of
    words = table.texts(column, known=known, may_be_empty=True)
    rows = [
        row for row, word in enumerate(words)
        if word in known or not stands_for_empty(word)
    ]  # fmt: skip
    if not rows:
        return Pairs.empty(np.array(sorted(set(images))))
    label = class_indices(
        [words[row] for row in rows], classes, f"{path}: column {column!r}",
        rows=np.array(rows, np.int64) + 2,
    )  # fmt: skip
    image_ids, image = factorize([images[row] for row in rows])
    once = np.unique(np.stack([image, label]), axis=1)
    return Pairs(image_ids, once[0], once[1])
