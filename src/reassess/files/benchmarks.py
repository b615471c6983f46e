"""What a benchmark ships: original labels, classes, hierarchy, and lists of image ids.

``labels.csv``     ``image,label``: a class index, id or name (`reassess.files.class_words`);
                   ``class_id`` or ``class_index`` for ``label`` says which
``classes.csv``    ``index,id,name,synonyms,definition``
``hierarchy.csv``  ``child,parent``
"""

import re
from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from reassess.errors import DataError, FileError
from reassess.files.access import (
    as_strings,
    check_readable,
    prefix_errors_with,
    read_json,
    read_npy,
)
from reassess.files.cells import EMPTY_WORDS, note_changes
from reassess.files.class_columns import read_class_column, refuse_questions
from reassess.files.class_words import class_indices
from reassess.files.columns import IMAGE, Part
from reassess.files.frames import Frame
from reassess.files.large_columns import image_id_cells
from reassess.files.tables import TABLES, ColumnFile, read_table
from reassess.files.text_tables import read_lines
from reassess.notes import note
from reassess.records import Benchmark, Classes, LabelsAre
from reassess.records.benchmark import plain_text
from reassess.records.id_hashes import repeated_ids
from reassess.registry import checks_choices

_ID = Part("class id", ("id", "wnid", "class_id"), ("class", "label"))
_NAME = Part("class name", ("name", "class_name"))
_INDEX = Part("class index", ("index", "class_index"))


@checks_choices
def read_benchmark(
    labels: str | PathLike[str] | Frame,
    *,
    classes: str | PathLike[str] | Frame | Classes | None = None,
    hierarchy: str | PathLike[str] | None = None,
    name: str | None = None,
    labels_are: LabelsAre | None = None,
) -> Benchmark:
    """A benchmark from its original labels.

    Args:
        labels: CSV or parquet with the columns ``image`` and ``label``, or such a frame; or what
            annotation tools export (COCO, Label Studio, CVAT), with one class an image.
        classes: the classes, their file or a frame; without them, labels that are no integers are
            sorted to make the classes, and integers leave the number of classes open.
        hierarchy: is-a edges.
        name: how to call the benchmark; the file's stem by default.
        labels_are: whether integers among the labels are class ids or indices; None leaves it to
            the file, which is refused where it can be read both ways.

    Raises:
        FileError: a file is missing or malformed.
        DataError: an image appears twice, or a label is no class or could be two.
    """
    if isinstance(labels, str | PathLike) and is_export(Path(labels)):
        return _of_export(Path(labels), classes, hierarchy, name, labels_are)
    table = read_table(Path(labels) if isinstance(labels, str | PathLike) else labels)
    refuse_questions(table)
    path = table.path
    image = table.require(IMAGE)
    image_ids = image_id_cells(table, image)
    if image_ids is not None and len(repeated_ids(image_ids)):
        image_ids = None
    texts = table.texts(image) if image_ids is None else []
    known = classes
    if known is not None and not isinstance(known, Classes):
        known = read_classes(known)
    if known is not None and labels_are is not None:
        known = replace(known, labels_are=labels_are)
    found = read_class_column(table, known, labels_are=labels_are)
    with prefix_errors_with(path):
        return Benchmark(
            name=name or path.stem,
            image_ids=unique_ids(texts, table) if image_ids is None else image_ids,
            original=found.label,
            classes=found.classes,
            hierarchy=() if hierarchy is None else read_hierarchy(hierarchy),
        )


def is_export(path: Path) -> bool:
    """Whether a file is an annotation tool's: COCO's or Label Studio's JSON, or CVAT's XML.

    Raises:
        FileError: a JSON file is corrupt.
    """
    from reassess.files.coco import is_coco
    from reassess.files.label_studio_labels import is_label_studio

    if not path.is_file():
        return False
    suffix = path.suffix.lower()
    if suffix != ".json":
        return suffix == ".xml"
    value = read_json(path)
    return is_coco(value) or is_label_studio(value)


def _of_export(
    path: Path,
    classes: str | PathLike[str] | Frame | Classes | None,
    hierarchy: str | PathLike[str] | None,
    name: str | None,
    labels_are: LabelsAre | None,
) -> Benchmark:
    """Original labels as annotation tools export them: one class an image.

    Raises:
        DataError: an image has no class, or several.
    """
    from reassess.files.labels import read_labels

    known = classes if classes is None or isinstance(classes, Classes) else read_classes(classes)
    if known is not None and labels_are is not None:
        known = replace(known, labels_are=labels_are)
    sets = read_labels(path, classes=known)
    wrong = sets.sizes != 1
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{path}: image {str(sets.image_ids[row])!r} has {int(sets.sizes[row])} classes, but "
            f"must have 1, its original label; {int(wrong.sum()):,} of {len(sets):,} images have "
            "another number. Leave one class for each image."
        )
    return Benchmark(
        name=name or path.stem,
        image_ids=sets.image_ids,
        original=sets.indices,
        classes=sets.classes or known,
        hierarchy=() if hierarchy is None else read_hierarchy(hierarchy),
    )


def unique_ids(image_ids: list[str], table: ColumnFile) -> Shaped[np.ndarray, "N"]:
    """Image ids of a table as an array.

    Raises:
        DataError: an id appears twice, with its first two rows.
    """
    first: dict[str, int] = {}
    for row, image_id in enumerate(image_ids):
        if first.setdefault(image_id, row) != row:
            raise DataError(
                f"{table.path}: {table.place(row)}: image {image_id!r} appears already in "
                f"{table.place(first[image_id])}, but must appear once: an image has one original "
                "label. Leave one row for each image; sets of labels are read where labels are "
                "compared and scored (--labels)."
            )
    return np.array(image_ids)


def read_classes(path: str | PathLike[str] | Frame) -> Classes:
    """Classes from a table ``index,id,name,synonyms,definition``; ``id`` or ``name`` suffices.

    Without an index the classes stand in the order of the rows.

    Raises:
        FileError: neither column is there, the indices are not 0 to K - 1, or there are none and
            the ids are numbers that state another order than the rows.
        DataError: an id appears twice.
    """
    return classes_in_rows(read_table(Path(path) if isinstance(path, str | PathLike) else path))[0]


def classes_in_rows(table: ColumnFile) -> tuple[Classes, list[int]]:
    """The classes of a table as `read_classes` has them, and the row of each.

    Raises:
        FileError: the indices are not 0 to K - 1, or no column names the classes.
        DataError: an id appears twice.
    """
    path = table.path
    index = table.find(_INDEX) or _numbers_beside_ids(table)
    ids = table.find(_ID if index is None else _without(_ID, index))
    names = table.find(_NAME)
    if ids is None and names is None:
        table.require(("id", "name"))
    columns = {
        "ids": table.texts(ids or names or "", known=EMPTY_WORDS),
        "names": table.texts(names or ids or "", known=EMPTY_WORDS),
        "synonyms": _optional(table, ("synonyms",)),
        "definitions": _optional(table, ("definition", "definitions")),
    }
    rows = list(range(len(columns["ids"])))
    if index is None:
        _check_order_of_ids(columns["ids"], f"{path}: column {ids or names!r}", table.place)
    else:
        order = class_indices(
            table.texts(index), None, f"{path}: column {index!r}", labels_are="index",
            rows=table.row_numbers(len(rows)),
        ).tolist()  # fmt: skip
        if sorted(order) != list(range(len(order))):
            raise FileError(
                f"{path}: column {index!r} must hold every number from 0 to {len(order) - 1} once."
            )
        rows = sorted(range(len(order)), key=order.__getitem__)
        columns = {key: [column[row] for row in rows] for key, column in columns.items()}
    with prefix_errors_with(path):
        ids_, names_, synonyms, definitions = map(tuple, columns.values())
        return Classes(ids_, names_, synonyms, definitions), rows


def _numbers_beside_ids(table: ColumnFile) -> str | None:
    """Of several columns of ids the one that holds 0 to K - 1: it is the index of the others."""
    columns = table.candidates(_ID)
    if len(columns) < 2:
        return None
    found = []
    for column in columns:
        texts = table.texts(column)
        if all(text.isdecimal() for text in texts) and sorted(map(int, texts)) == list(
            range(len(texts))
        ):
            found.append(column)
    return found[0] if len(found) == 1 else None


def _without(part: Part, column: str) -> Part:
    """A part that a column does not play, as it plays another."""
    name = column.strip().lower()
    return replace(part, aliases=tuple(one for one in part.aliases if one != name))


def _check_order_of_ids(ids: list[str], where: str, place: Callable[[int], str]) -> None:
    """Refuse ids that are the numbers of the classes in another order than their rows.

    Numbers that are sorted as texts (1, 10, 11, 2) are names of folders, in the order in which
    torchvision's ImageFolder numbers them: the rows are the indices.

    Raises:
        FileError: the ids are 0 to K - 1, or 1 to K, and neither ascend as numbers nor as texts.
    """
    if not all(one.strip().isdecimal() for one in ids):
        return
    numbers = [int(one) for one in ids]
    ascending = sorted(numbers)
    if ascending[0] not in {0, 1} or ascending != list(
        range(ascending[0], len(ids) + ascending[0])
    ):
        return
    if numbers == ascending:
        return
    row = next(
        row for row, pair in enumerate(zip(numbers, ascending, strict=True)) if len({*pair}) > 1
    )
    if ids == sorted(ids):
        note(
            f"{where}: {place(row)} is {ids[row]}: the ids are numbers in the order of texts, "
            f"so that the index of a class is its row (0 to {len(ids) - 1}), not its id."
        )
        return
    raise FileError(
        f"{where}: {place(row)} is {ids[row]}, which could be the class of index {row} (by its "
        f"row) or of index {numbers[row] - ascending[0]} (by its number), but must be one; the ids "
        "are all numbers of classes, in another order than the rows. Add a column 'index' from 0 "
        "that says which, or sort the rows by their number."
    )


def _optional(table: ColumnFile, aliases: tuple[str, ...]) -> list[str]:
    name = table.find(aliases)
    if name is not None:
        return table.texts(name, may_be_empty=True)
    return [""] * len(table.cells(table.header[0]))


def read_hierarchy(path: str | PathLike[str]) -> tuple[tuple[str, str], ...]:
    """Is-a edges from a table ``child,parent``.

    Raises:
        FileError: a column is missing or a cell is empty.
    """
    table = read_table(Path(path))
    children = table.texts(table.require(("child",)))
    parents = table.texts(table.require(("parent",)))
    return tuple(zip(children, parents, strict=True))


def read_ids(path: str | PathLike[str]) -> Shaped[np.ndarray, "n"]:
    """Image ids from a text file (one a line), a JSON list, a `.npy` file or a table.

    Raises:
        FileError: the file is missing, empty or of another form.
    """
    path = Path(path)
    check_readable(path)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return as_strings(read_npy(path), str(path))
    if suffix in TABLES and (suffix != ".txt" or _is_table_of_ids(path)):
        table = read_table(path)
        return np.array(table.texts(table.require(IMAGE)))
    ids = read_json(path) if suffix == ".json" else read_lines(path)
    if not isinstance(ids, list) or not ids:
        raise FileError(f"{path}: it must hold one image id a line (or a JSON list of ids).")
    wrong = [row for row, item in enumerate(ids, 1) if not isinstance(item, str) or not item]
    if wrong:
        raise FileError(
            f"{path}: line {wrong[0]} is {str(ids[wrong[0] - 1])[:40]!r}, but must be an image id; "
            f"{len(wrong):,} of {len(ids):,} are none. Leave them out."
        )
    plain = list(map(plain_text, ids))
    note_changes(ids, plain, path, "ids")
    return np.array(plain)


def _is_table_of_ids(path: Path) -> bool:
    """Whether the first line of a text names columns, one of them that of the images."""
    columns = re.split(r"[,;\t|]", read_lines(path)[0])
    return len(columns) > 1 and bool(IMAGE.candidates(columns))
