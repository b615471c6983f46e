"""What a model's classes are among those of a benchmark, from a table of the model's classes.

The table is one of classes (`reassess.files.benchmarks.read_classes`). Its column ``to`` says which
class of the benchmark each is: an id, a name or an index, empty for none. Without that column a
class is the one with its id, or with its name.
"""

from os import PathLike
from pathlib import Path

import numpy as np

from reassess.files.access import prefix_errors_with
from reassess.files.benchmarks import classes_in_rows
from reassess.files.class_words import class_indices
from reassess.files.columns import Part
from reassess.files.tables import read_table
from reassess.records import Classes, ClassMap

TO = Part("class of the benchmark", ("to", "maps_to", "target_class"))


def read_class_map(path: str | PathLike[str], classes: Classes) -> ClassMap:
    """The map from the classes of a table to those of a benchmark.

    Args:
        path: the table.
        classes: the benchmark's classes.

    Raises:
        FileError: the table is no table of classes.
        DataError: ``to`` names no class of the benchmark, or no class is one of the benchmark's.
    """
    path = Path(path)
    table = read_table(path)
    own, rows = classes_in_rows(table)
    column = table.find(TO)
    with prefix_errors_with(path):
        if column is None:
            return ClassMap.by_names(own, classes)
        words = np.array(table.texts(column, may_be_empty=True), dtype=str)[rows]
        named = np.flatnonzero(words != "")
        target = np.full(len(own), -1)
        target[named] = class_indices(
            words[named].tolist(),
            classes,
            f"column {column!r}",
            rows=np.array(rows, np.int64)[named] + 2,
        )
        return ClassMap(own, classes, target)
