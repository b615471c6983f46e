"""What a benchmark ships: original labels, classes, hierarchy, and lists of image ids.

``labels.csv``     ``image,label``: if every label is a non-negative integer it is the class
                   index, else a class id or name
``classes.csv``    ``index,id,name,synonyms,definition``
``hierarchy.csv``  ``child,parent``
"""

import json
import re
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import DataError, FileError, preview
from reassess.files.access import as_strings, check_readable, prefix_errors_with, read_npy
from reassess.files.columns import IMAGE, LABEL
from reassess.files.tables import ColumnFile, read_table
from reassess.records import Benchmark, Classes
from reassess.records.benchmark import MOST_CLASSES

_INTEGER = re.compile(r"\s*[+-]?\d+(\.0*)?\s*")


def read_benchmark(
    labels: str | Path,
    *,
    classes: str | Path | Classes | None = None,
    hierarchy: str | Path | None = None,
    name: str | None = None,
) -> Benchmark:
    """A benchmark from its original labels.

    Args:
        labels: CSV or parquet with the columns ``image`` and ``label``.
        classes: the classes or their file; without them, labels that are no integers are sorted to
            make the classes, and integers leave the number of classes open.
        hierarchy: is-a edges.
        name: how to call the benchmark; the file's stem by default.

    Raises:
        FileError: a file is missing or malformed.
        DataError: an image appears twice or a label is no class.
    """
    path = Path(labels)
    table = read_table(path)
    image_ids = table.texts(table.require(IMAGE))
    column = table.require(LABEL)
    texts = table.texts(column)
    known = read_classes(classes) if isinstance(classes, str | Path) else classes
    if known is None and not _all_integers(texts):
        known = Classes.from_names(sorted(set(texts)))
    original = class_indices(texts, known, f"{path}: column {column!r}")
    with prefix_errors_with(path):
        return Benchmark(
            name=name or path.stem,
            image_ids=unique_ids(image_ids, path),
            original=original,
            classes=known,
            hierarchy=() if hierarchy is None else read_hierarchy(hierarchy),
        )


def unique_ids(image_ids: list[str], path: Path) -> Shaped[np.ndarray, "N"]:
    """Image ids as an array.

    Raises:
        DataError: an id appears twice, with its first two rows.
    """
    first: dict[str, int] = {}
    for row, image_id in enumerate(image_ids, start=2):
        if first.setdefault(image_id, row) != row:
            raise DataError(
                f"{path}: row {row}: image {image_id!r} is there already in row {first[image_id]}, "
                "but must be there once. Leave one row for each image."
            )
    return np.array(image_ids)


def _all_integers(texts: list[str]) -> bool:
    return all(_INTEGER.fullmatch(text) for text in texts)


def class_indices(
    texts: list[str], classes: Classes | None, where: str, *, first_row: int = 2
) -> Int[np.ndarray, "n"]:
    """Class indices from a column of labels.

    If every text is an integer it is the class index (compared as a number); else each is a
    class id or name. Messages count rows from ``first_row``: in a table the header is row 1.

    Raises:
        DataError: an index is negative or not below K, or a text names no class.
    """
    if _all_integers(texts):
        n_classes = MOST_CLASSES if classes is None else len(classes)
        indices = [_integer(text) for text in texts]
        outside = [row for row, index in enumerate(indices) if not 0 <= index < n_classes]
        if outside:
            raise DataError(
                f"{where}: row {outside[0] + first_row} is {texts[outside[0]][:40].strip()}, but a "
                f"class index must be in [0, {n_classes:,}); {len(outside):,} of {len(texts):,} "
                "rows are outside. Check the classes file (--classes)."
            )
        return np.array(indices, dtype=np.int64)
    if classes is None:
        row = next(i for i, text in enumerate(texts) if not _INTEGER.fullmatch(text))
        raise DataError(
            f"{where}: row {row + first_row} is {texts[row]!r}, which is not a class index, and no "
            "classes are known. Give the classes (--classes FILE)."
        )
    index_of = classes.index_of
    unknown = [text for text in dict.fromkeys(texts) if text not in index_of]
    if unknown:
        row = texts.index(unknown[0]) + first_row
        raise DataError(
            f"{where}: row {row} is {unknown[0]!r}, but must be the id or the unique name of one "
            f"of the {len(classes):,} classes; unknown: {preview(unknown)}. Check the classes file "
            "(--classes)."
        )
    return np.array([index_of[text] for text in texts], dtype=np.int64)


def _integer(text: str) -> int:
    """The integer that `_INTEGER` matched; more digits than any class has count as one beyond."""
    digits = text.partition(".")[0].strip()
    return int(digits) if len(digits) < 40 else MOST_CLASSES


def read_classes(path: str | Path) -> Classes:
    """Classes from a table ``index,id,name,synonyms,definition``; ``id`` or ``name`` suffices.

    Raises:
        FileError: neither column is there, or the indices are not 0 to K - 1.
    """
    path = Path(path)
    table = read_table(path)
    ids = table.find(("id", "wnid", "class_id", "class"))
    names = table.find(("name", "class_name"))
    if ids is None and names is None:
        table.require(("id", "name"))
    columns = {
        "ids": table.texts(ids or names or ""),
        "names": table.texts(names or ids or ""),
        "synonyms": _optional(table, ("synonyms",)),
        "definitions": _optional(table, ("definition", "definitions")),
    }
    index = table.find(("index",))
    if index is not None:
        order = class_indices(table.texts(index), None, f"{path}: column 'index'").tolist()
        if sorted(order) != list(range(len(order))):
            raise FileError(
                f"{path}: column 'index' must hold every number from 0 to {len(order) - 1} once."
            )
        rows = sorted(range(len(order)), key=order.__getitem__)
        columns = {key: [column[row] for row in rows] for key, column in columns.items()}
    with prefix_errors_with(path):
        return Classes(**{key: tuple(column) for key, column in columns.items()})


def _optional(table: ColumnFile, aliases: tuple[str, ...]) -> list[str]:
    name = table.find(aliases)
    if name is not None:
        return ["" if cell is None else str(cell) for cell in table.cells(name)]
    return [""] * len(table.cells(table.header[0]))


def read_hierarchy(path: str | Path) -> tuple[tuple[str, str], ...]:
    """Is-a edges from a table ``child,parent``.

    Raises:
        FileError: a column is missing or a cell is empty.
    """
    table = read_table(Path(path))
    children = table.texts(table.require(("child",)))
    parents = table.texts(table.require(("parent",)))
    return tuple(zip(children, parents, strict=True))


def read_ids(path: str | Path) -> Shaped[np.ndarray, "n"]:
    """Image ids from a text file (one a line), a JSON list, a `.npy` file or a table.

    Raises:
        FileError: the file is missing, empty or of another form.
    """
    path = Path(path)
    check_readable(path)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return as_strings(read_npy(path), str(path))
    if suffix in {".csv", ".tsv", ".parquet", ".pq"}:
        table = read_table(path)
        return np.array(table.texts(table.require(IMAGE)))
    try:
        text = path.read_text(encoding="utf-8-sig")
        ids = json.loads(text) if suffix == ".json" else text.removesuffix("\n").split("\n")
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FileError(f"{path}: it is not UTF-8 text or not JSON ({error}).") from error
    if not isinstance(ids, list) or not ids:
        raise FileError(f"{path}: it must hold one image id a line (or a JSON list of ids).")
    wrong = [row for row, item in enumerate(ids, 1) if not isinstance(item, str) or not item]
    if wrong:
        raise FileError(
            f"{path}: line {wrong[0]} is {str(ids[wrong[0] - 1])[:40]!r}, but must be an image id; "
            f"{len(wrong):,} of {len(ids):,} are none."
        )
    return np.array(ids)
