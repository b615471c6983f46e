"""Which columns of a table name classes, and what they name together.

``label`` (or another name of it) holds ids, names or indices, ``class_id`` ids, ``class_index``
indices. Where a table has several they must name the same class in every row. How a word is read
is for `reassess.files.class_words`.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError, FileError
from reassess.files.class_words import class_indices, read_class_words
from reassess.files.columns import ANSWER, CLASS_ID, CLASS_INDEX, LABEL, RATER
from reassess.files.large_columns import distinct_words, word_cells
from reassess.files.parquet import parquet_metadata
from reassess.files.tables import ColumnFile
from reassess.files.word_columns import INTEGER, ClassWords, as_integer
from reassess.notes import note
from reassess.records import ANSWERS, Classes, LabelsAre, factorize
from reassess.records.benchmark import plain_text
from reassess.registry import checks_choices


def unknown_words(table: ColumnFile, classes: Classes) -> list[str]:
    """The words in a table's column of labels that name none of the classes, sorted."""
    words = {plain_text(text) for text in table.texts(table.require(LABEL))}
    return sorted(words - classes.index_of.keys())


def refuse_questions(table: ColumnFile) -> None:
    """Refuse votes, questions and proposals where labels must be: what they name may be absent.

    Raises:
        FileError: the table is one of them.
    """
    answers = table.candidates(ANSWER)
    if answers:
        words = {word.lower() for word in table.texts(answers[0], may_be_empty=True) if word}
        if table.candidates(RATER) or (words and words <= set(ANSWERS)):
            raise FileError(
                f"{table.path}: the column {answers[0]!r} holds answers about the classes, as "
                "votes and gold do, but there must be labels. Make them of votes: reassess "
                "aggregate, then reassess label."
            )
    lists = [name for name in table.header if name.startswith("model:")]
    if (lists and "original" in table.header) or _is_of_questions(table.path):
        raise FileError(
            f"{table.path}: it holds what raters are asked about (proposals or tasks of a study), "
            "but there must be labels. Give those of the study: its folder, or labels.json in it."
        )


def _is_of_questions(path: Path) -> bool:
    """Whether a parquet file says that a study wrote it as questions."""
    if path.suffix.lower() not in {".parquet", ".pq"} or not path.is_file():
        return False
    stated = parquet_metadata(path).get("reassess", "")
    return stated.startswith("{") and not {"inputs", "review_of"}.isdisjoint(json.loads(stated))


def numbered_class_column(
    table: ColumnFile, classes: Classes | None
) -> tuple[Int[np.ndarray, "n"], tuple[str, ...] | None]:
    """Class indices of the rows of a table, and the ids of the classes; see `read_class_column`.

    Without known classes there must be indices; ids beside them are taken along, with empty texts
    for classes that do not occur.

    Raises:
        FileError: there is no such column, or a cell is empty.
        DataError: a word is no class or could be two, or two columns contradict each other.
    """
    if classes is not None:
        return read_class_column(table, classes).label, classes.ids
    column = table.find(LABEL) or table.find(CLASS_INDEX)
    ids = table.find(CLASS_ID)
    if column is None or ids is None:
        column = column or ids or table.require(LABEL)
        stated: LabelsAre | None = "index" if column == table.find(CLASS_INDEX) else None
        where = f"{table.path}: column {column!r}"
        texts = table.texts(column)
        rows = table.row_numbers(len(texts))
        return class_indices(texts, None, where, labels_are=stated, rows=rows), None
    # Beside ids it can hold nothing but indices, whatever is said of other columns.
    texts = table.texts(column)
    label = class_indices(
        texts, None, f"{table.path}: column {column!r}", labels_are="index",
        rows=table.row_numbers(len(texts)),
    )  # fmt: skip
    where = f"{table.path}: column {ids!r}"
    return label, ids_of_indices(label, table.texts(ids), where, table.place)


def ids_of_indices(
    label: Int[np.ndarray, "n"], texts: list[str], where: str, place: Callable[[int], str]
) -> tuple[str, ...]:
    """The id of each class index, empty for those that do not occur.

    Args:
        label: the class index of each row.
        texts: its class id.
        where: what holds the ids, for messages.
        place: names a row in messages, by its number from 0.

    Raises:
        DataError: an index has two ids, or an id two indices.
    """
    words, code = factorize([plain_text(text) for text in texts])
    indices, first = np.unique(label, return_index=True)
    found = np.full(int(indices[-1]) + 1, -1)
    found[indices] = code[first]
    differ = np.flatnonzero(found[label] != code)
    if len(differ) or len(indices) != len(words):
        row = int(differ[0]) if len(differ) else 0
        raise DataError(
            f"{where}: {place(row)} is {texts[row]!r}, but class {int(label[row])} must have one "
            "id, and an id one class, in all rows. Fix the rows, or drop one of the columns."
        )
    return tuple("" if one < 0 else str(words[one]) for one in found.tolist())


@checks_choices
def read_class_column(
    table: ColumnFile, classes: Classes | None, *, labels_are: LabelsAre | None = None
) -> ClassWords:
    """The classes that the rows of a table name, from all of its columns that do.

    Those are ``label`` (or another name of it), ``class_id`` and ``class_index``. Where there are
    several, they must name the same classes; indices beside ids may be those of another order, in
    which case the ids hold.

    Args:
        table: the table.
        classes: what ids and names are looked up in, where they are known.
        labels_are: how integers in the column of labels are read; None leaves it to the words.

    Raises:
        FileError: there is no such column, or a cell is empty.
        DataError: a word is no class or could be two, or two columns contradict each other.
    """
    named = [table.find(part) for part in (LABEL, CLASS_ID, CLASS_INDEX)]
    columns = [one for one in named if one is not None]
    if not columns:
        columns = [table.require(LABEL)]
    stated: dict[str | None, LabelsAre] = {named[1]: "id", named[2]: "index"}
    known = () if classes is None else classes.index_of
    texts = [word_cells(table, column, known) for column in columns]
    if len(columns) == 1:
        return _one_column(table, columns[0], texts[0], classes, stated.get(columns[0], labels_are))
    if classes is None:
        return _classes_of_columns(table, columns, texts)
    if labels_are is None and columns[0] not in stated:
        labels_are = _told_by(table, columns[:2], texts[:2], classes, stated[columns[1]])
    main = _one_column(table, columns[0], texts[0], classes, stated.get(columns[0], labels_are))
    for column, words in zip(columns[1:], texts[1:], strict=True):
        main = _agreeing(table, (columns[0], column), words, main, stated[column])
    return main


def _told_by(
    table: ColumnFile,
    columns: list[str],
    texts: list[Sequence[str]],
    classes: Classes,
    beside_are: LabelsAre,
) -> LabelsAre | None:
    """How a column of labels reads so that it names what the one beside it does; None if unknown.

    Votes that we export have ``label``, an index, beside ``class_id``, which may be integers, too.
    """
    if not all(
        INTEGER.fullmatch(plain_text(text)) for text in distinct_words(texts[0])[0].tolist()
    ):
        return None
    where = f"{table.path}: column"
    readings: tuple[LabelsAre, ...] = ("id", "index")
    with suppress(DataError):
        beside = read_class_words(
            texts[1], classes, f"{where} {columns[1]!r}", labels_are=beside_are
        )
        for reading in readings:
            with suppress(DataError):
                found = read_class_words(
                    texts[0], classes, f"{where} {columns[0]!r}", labels_are=reading
                )
                if np.array_equal(found.label, beside.label):
                    return reading
    return None


def _one_column(
    table: ColumnFile,
    column: str,
    texts: Sequence[str],
    classes: Classes | None,
    labels_are: LabelsAre | None,
) -> ClassWords:
    """A column read as it is called, unless it is called after ids and holds none."""
    where = f"{table.path}: column {column!r}"
    if labels_are == "id" and column == table.find(CLASS_ID):
        words = {plain_text(text) for text in distinct_words(texts)[0].tolist()}
        integers = all(INTEGER.fullmatch(word) for word in words)
        if integers and (classes is None or not words & classes.index_of.keys()):
            note(
                f"{where} holds integers that are ids of no known class, and was read as class "
                "indices. Give the classes if they are ids (--classes FILE)."
            )
            labels_are = "index"
    rows = table.row_numbers(len(texts))
    return read_class_words(texts, classes, where, labels_are=labels_are, rows=rows)


def _agreeing(
    table: ColumnFile,
    columns: tuple[str, str],
    texts: Sequence[str],
    main: ClassWords,
    labels_are: LabelsAre,
) -> ClassWords:
    """What a column and a further one name together.

    Raises:
        DataError: they contradict each other in a row.
    """
    where = f"{table.path}: column {columns[1]!r}"
    try:
        rows = table.row_numbers(len(texts))
        other = read_class_words(texts, main.classes, where, labels_are=labels_are, rows=rows)
    except DataError:
        if main.read_as == "index" or not _is_renumbering(main.label, distinct_words(texts)[1]):
            raise
        note(f"{where} names no classes that are known; {columns[0]!r} was read.")
        return main
    differ = np.flatnonzero(main.label != other.label)
    if len(differ) == 0:
        return main
    if main.read_as != other.read_as and _is_renumbering(main.label, other.label):
        by_id, indices = (other, 0) if other.read_as == "id" else (main, 1)
        note(
            f"{where} and {columns[0]!r} number the classes in different orders: the class ids "
            f"were read, and the indices in {columns[indices]!r} left out."
        )
        return by_id
    row = int(differ[0])
    raise DataError(
        f"{where}: {table.place(row)} is {texts[row][:40]!r}, which is another class than "
        f"{columns[0]!r} names there; {len(differ):,} of {len(texts):,} rows differ. Keep the "
        "column that is meant; drop the other, or rename it."
    )


def _is_renumbering(one: Int[np.ndarray, "n"], other: Int[np.ndarray, "n"]) -> bool:
    """Whether two columns tell the same rows apart, under other numbers."""
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other))


def _classes_of_columns(
    table: ColumnFile, columns: list[str], texts: list[Sequence[str]]
) -> ClassWords:
    """Names and their numbers side by side: the numbers are the order of the classes.

    Raises:
        DataError: the columns contradict each other, or leave the order open.
    """
    plain = [[plain_text(text) for text in column] for column in texts]
    integers = [{one for one in set(column) if INTEGER.fullmatch(one)} for column in plain]
    kinds = [len(some) == len(set(column)) for some, column in zip(integers, plain, strict=True)]
    where = f"{table.path}: columns {columns[0]!r} and {columns[1]!r}"
    # Integers among names may be indices, too, or ids of which the other column holds some.
    if len(columns) > 2 or sum(kinds) != 1 or all(integers):
        raise DataError(
            f"{where} both name classes, but without known classes there must be one such column, "
            "or names and their indices. Drop the others, or give the classes (--classes FILE)."
        )
    numbers, names = kinds.index(True), kinds.index(False)
    number = np.array([as_integer(word) for word in plain[numbers]], dtype=np.int64)
    words, code = factorize(plain[names])
    if not _is_renumbering(number, code):
        raise DataError(
            f"{where} name classes and their indices, but not one to one: a name has two indices, "
            "or an index two names. Keep the column that is meant, or give the classes (--classes "
            "FILE)."
        )
    _, first = np.unique(code, return_index=True)
    order = np.argsort(number[first])
    least, ordered = int(number.min()), [str(word) for word in words[order]]
    complete = least + len(ordered) == int(number.max()) + 1
    if not complete or least not in {0, 1} or (least == 1 and ordered != sorted(ordered)):
        raise DataError(
            f"{where} name {len(ordered):,} classes with indices from {least} to "
            f"{int(number.max())}, but must name every class from 0 on, or leave their order open. "
            "Give the classes (--classes FILE), or drop one of the columns."
        )
    if ordered != sorted(ordered):
        note(
            f"{where}: the classes stand in the order of their numbers, which is not that of their "
            "names."
        )
    classes = Classes.from_names(ordered)
    return ClassWords(number - least, classes, "id")
