"""Words that name classes, in cells, folders and JSON, as class indices: the one resolver.

A word is a class index, or the id or the unique name of one of the classes. Which of them, is
decided for all words of a column together, never cell by cell:

- the name of a class folder is an id or a name, never an index;
- where the classes are known, a column that can be read as ids and as indices, and not to the
  same end, is refused unless somebody says which it is (``labels_are``, or a column that is
  called ``class_id`` or ``class_index``); where it can be read one way only, that way is taken;
- where they are not known, a column is all integers, which are indices, or has none among its
  words, which are then names.

Which columns of a table hold such words is for `reassess.files.class_columns`.

Words are compared without blanks around them and in Unicode's form NFC. ``NaN``, ``NA``,
``null`` and ``none`` are empty cells unless a class has that name; where all other words are ids or
indices, such a name is refused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError
from reassess.files.large_columns import distinct_words
from reassess.files.unlisted_classes import classes_of_words
from reassess.files.word_columns import ClassWords, WordColumn
from reassess.notes import note
from reassess.records import Classes, LabelsAre
from reassess.records.benchmark import plain_text
from reassess.registry import checks_choices

_SAY = "Say which they are: --labels-are id, or --labels-are index"
_STATED: ContextVar[LabelsAre | None] = ContextVar("how integers are read", default=None)


@contextmanager
@checks_choices
def integers_are(reading: LabelsAre | None) -> Iterator[None]:
    """Within, read integers among class words as ids or as indices; None leaves it to the files.

    What a reader is told by an argument goes before it, and what ``Classes.labels_are`` says
    comes after it. Columns that do not hold integers only are not concerned.
    """
    token = _STATED.set(reading)
    try:
        yield
    finally:
        _STATED.reset(token)


@checks_choices
def class_indices(
    texts: Sequence[str],
    classes: Classes | None,
    where: str,
    *,
    labels_are: LabelsAre | None = None,
    folders: bool = False,
    first_row: int = 2,
    rows: Int[np.ndarray, "n"] | None = None,
    mixed: bool = False,
) -> Int[np.ndarray, "n"]:
    """Class indices of words; names need known classes.

    Args:
        texts: the words.
        classes: what ids and names are looked up in; None takes indices only.
        where: what holds the words, for messages.
        labels_are: how the words are read; None leaves it to `integers_are`, else to what
            ``classes`` say, else to the words.
        folders: whether the words are names of class folders.
        first_row: the number of the first word's row: 2 in a table, whose header is row 1.
        rows: the number of each word's row, where a row may hold several words or none.
        mixed: whether indices may stand among names, where no integer is an id.

    Raises:
        DataError: a word is no class, or the words can be read in two ways.
    """
    found = read_class_words(
        texts, classes, where,
        labels_are=labels_are, folders=folders, first_row=first_row, rows=rows, mixed=mixed,
    )  # fmt: skip
    if classes is None and found.classes is not None:
        row = first_row if rows is None else rows[0]
        raise _unknown_classes(f"{where}: row {row} is {texts[0]!r}")
    return found.label


def _unknown_classes(row: str) -> DataError:
    return DataError(
        f"{row}, which is not a class index, and no classes are known. Give the classes (--classes "
        "FILE)."
    )


@checks_choices
def read_class_words(
    texts: Sequence[str],
    classes: Classes | None,
    where: str,
    *,
    labels_are: LabelsAre | None = None,
    folders: bool = False,
    first_row: int = 2,
    rows: Int[np.ndarray, "n"] | None = None,
    mixed: bool = False,
) -> ClassWords:
    """Words as classes; names make classes, sorted, where none are known.

    Args:
        texts: the words.
        classes: what ids and names are looked up in, where they are known.
        where: what holds the words, for messages.
        labels_are: how the words are read; None leaves it to `integers_are`, else to what
            ``classes`` say, else to the words.
        folders: whether the words are names of class folders.
        first_row: the number of the first word's row.
        rows: the number of each word's row, where a row may hold several words or none.
        mixed: whether indices may stand among names, where no integer is an id.

    Raises:
        DataError: a word is no class, or the words can be read in two ways.
    """
    if len(texts) == 0:
        return ClassWords(np.zeros(0, np.int64), classes, "index")
    raw, code = distinct_words(texts)
    words = [plain_text(word) for word in raw.tolist()]
    if rows is None:
        rows = np.arange(first_row, first_row + len(texts))
    column = WordColumn(where, tuple(words), code, rows)
    column.note_other_spelling(raw.tolist())
    if labels_are is None and column.all_integers:
        labels_are = _STATED.get() or (None if classes is None else classes.labels_are)
    stated = labels_are == "id"
    if folders:
        labels_are = "id"
    column.refuse_empty(classes)
    if classes is None:
        return classes_of_words(column, labels_are, folders=folders)
    if not folders:
        column.refuse_empty_among_ids(classes)
    ids, indices = column.as_ids(classes), column.as_indices(len(classes))
    one_way = ((ids < 0) | (indices < 0)).all() and (ids >= 0).any() and (indices >= 0).any()
    if mixed and labels_are is None and one_way:
        # No integer is an id, so that each word has one reading.
        ids, labels_are = np.where(ids < 0, indices, ids), "id"
    if labels_are is None:
        labels_are = _only_reading(column, classes, ids, indices)
    if labels_are == "id":
        column.refuse_unknown(ids, classes, but_ids=stated)
    else:
        column.refuse_no_index(indices, len(classes))
    return ClassWords((ids if labels_are == "id" else indices)[code], classes, labels_are)


def _only_reading(
    column: WordColumn, classes: Classes, ids: Int[np.ndarray, "w"], indices: Int[np.ndarray, "w"]
) -> LabelsAre:
    """How the words are read where nobody says it: as ids or as indices, if one way only is open.

    Raises:
        DataError: both are open, and differ; or neither is.
    """
    fits_ids, fits_indices = bool((ids >= 0).all()), bool((indices >= 0).all())
    if fits_ids and fits_indices:
        other = np.flatnonzero(ids != indices)
        if len(other):
            first = int(other[0])
            as_id, as_index = int(ids[first]), int(indices[first])
            raise DataError(
                f"{column.row(first)}, which is ambiguous: it is the id (or name) of class {as_id} "
                f"and the index of another, {classes.ids[as_index]!r}; "
                f"{column.n_rows(other.tolist()):,} of {len(column.code):,} rows can be read both "
                f"ways. {_SAY} (or call the column class_id or class_index)."
            )
        return "index"
    if fits_ids:
        first = int(np.argmin(indices))
        if column.all_integers:
            note(
                f"{column.row(first)}, which is the id of a class and no index: the integers were "
                f"read as class ids. {_SAY}."
            )
        return "id"
    if fits_indices:
        if (ids >= 0).any():
            first = int(np.argmin(ids))
            note(
                f"{column.row(first)}, which is the index of a class and no id: the integers were "
                f"read as indices, though others are ids, too. {_SAY}."
            )
        return "index"
    if column.all_integers and (ids >= 0).any():
        first, last = int(np.argmin(ids)), int(np.argmin(indices))
        raise DataError(
            f"{column.row(first)}, which is no id of the {len(classes):,} classes, and "
            f"{column.row(last).removeprefix(column.where + ': ')}, which is no index, but all "
            "must be ids or all indices. Check the classes file (--classes)."
        )
    # Neither fits: by what most rows are, so that the refusal names the odd ones.
    n_ids, n_indices = (column.n_rows(np.flatnonzero(one >= 0).tolist()) for one in (ids, indices))
    return "index" if column.all_integers or n_indices > n_ids else "id"
