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
``null`` and ``none`` are empty cells unless a class has that name.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from reassess.errors import ClassError, DataError, preview
from reassess.files.cells import stands_for_empty
from reassess.notes import note
from reassess.records import Classes, LabelsAre, factorize
from reassess.records.benchmark import MOST_CLASSES, plain_text
from reassess.registry import checks_choices

INTEGER = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
"""A word that is an integer, also with a fraction of zeros as pandas writes it."""

_NUMBER = re.compile(r"[+-]?(\d[\d,_]*\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf", re.ASCII)
_LIST = re.compile(r"\[.*\]|\{.*\}|\d+([\s;|]+\d+)+", re.ASCII | re.DOTALL)
_SIGNS = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sk", "Zs"})
"""Unicode's categories of punctuation and signs."""

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
@dataclass(frozen=True, slots=True)
class ClassWords:
    """A column of words as classes.

    Attributes:
        label: class index of each word.
        classes: the classes; those that the names make where none were known, None where there
            are indices only.
        read_as: how the words were read; "id" stands for names, too.
    """

    label: Int[np.ndarray, "n"]
    classes: Classes | None
    read_as: LabelsAre


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
    raw, code = factorize(texts)
    words = [plain_text(word) for word in raw.tolist()]
    if rows is None:
        rows = np.arange(first_row, first_row + len(texts))
    column = _Column(where, tuple(words), code, rows)
    column.note_other_spelling(raw.tolist())
    if labels_are is None and column.all_integers:
        labels_are = _STATED.get() or (None if classes is None else classes.labels_are)
    stated = labels_are == "id"
    if folders:
        labels_are = "id"
    column.refuse_empty(classes)
    if classes is None:
        return _without_classes(column, labels_are, folders=folders)
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


@dataclass(frozen=True, slots=True)
class _Column:
    """The distinct words of a column, and which of them stands in each row."""

    where: str
    words: tuple[str, ...]
    code: Int[np.ndarray, "n"]
    rows: Int[np.ndarray, "n"]

    @property
    def all_integers(self) -> bool:
        """Whether every word is an integer."""
        return all(INTEGER.fullmatch(word) for word in self.words)

    def row(self, word: int) -> str:
        """Where a word stands first, for messages: row and cell."""
        number = int(self.rows[np.argmax(self.code == word)])
        text = self.words[word][:40]
        return f"{self.where}: row {number} is {text if INTEGER.fullmatch(text) else repr(text)}"

    def n_rows(self, words: Sequence[int]) -> int:
        """In how many rows one of some words stands."""
        return int(np.isin(self.code, words).sum())

    def extent(self, words: Sequence[int]) -> str:
        """How many rows hold one of some words, as a clause for messages."""
        n = self.n_rows(words)
        return f"{n:,} of {len(self.code):,} rows {'is' if n == 1 else 'are'} none"

    def note_other_spelling(self, raw: Sequence[str]) -> None:
        """Note words that differ from others by blanks or by Unicode form only."""
        if len(set(self.words)) == len(self.words):
            return
        other = [a for a, b in zip(raw, self.words, strict=True) if a != b and b in raw]
        note(
            f"{self.where}: {preview(other)} differs from another class by blanks around it or by "
            "its Unicode form only, and was read as that class."
        )

    def as_ids(self, classes: Classes) -> Int[np.ndarray, "w"]:
        """The class of each word as an id or a name; -1 where it is none."""
        index_of = classes.index_of
        found = [index_of.get(word, -1) for word in self.words]
        if -1 in found and any(INTEGER.fullmatch(one) for one in index_of):
            # "3.0", as pandas writes an integer of a column with gaps, is the id "3".
            found = [
                index if index >= 0 or not INTEGER.fullmatch(word)
                else index_of.get(str(as_integer(word)), -1)
                for index, word in zip(found, self.words, strict=True)
            ]  # fmt: skip
        return np.array(found, dtype=np.int64)

    def as_indices(self, n_classes: int) -> Int[np.ndarray, "w"]:
        """The class of each word as an index; -1 where it is none."""
        numbers = [as_integer(word) if INTEGER.fullmatch(word) else -1 for word in self.words]
        return np.array([n if 0 <= n < n_classes else -1 for n in numbers], dtype=np.int64)

    def refuse_empty(self, classes: Classes | None) -> None:
        """Refuse words that stand for an empty cell and name no class.

        Raises:
            DataError: naming the first.
        """
        known = {} if classes is None else classes.index_of
        empty = [
            number
            for number, word in enumerate(self.words)
            if stands_for_empty(word) and word not in known
        ]
        if empty:
            raise DataError(
                f"{self.row(empty[0])}, which stands for an empty cell, but must be a class; "
                f"{self.n_rows(empty):,} of {len(self.code):,} rows are empty. Leave these rows "
                "out, or give classes with one of this name (--classes FILE)."
            )

    def refuse_unknown(self, ids: Int[np.ndarray, "w"], classes: Classes, *, but_ids: bool) -> None:
        """Refuse words that are neither the id nor the unique name of a class.

        Of words that name two classes, ids pass where somebody says that they are ids.

        Raises:
            ClassError: a word names no class.
            DataError: a word names two.
        """
        twice = [
            number
            for number, word in enumerate(self.words)
            if word in classes.ambiguous and not (but_ids and word in classes.ids)
        ]
        if twice:
            raise DataError(
                f"{self.row(twice[0])}, but must be the id or the unique name of a class: it is "
                "the name of several, or the name of one and the id of another; so are "
                f"{self.n_rows(twice):,} of {len(self.code):,} rows. Write the ids, and give each "
                "class a name of its own (--classes)."
            )
        unknown = np.flatnonzero(ids < 0).tolist()
        if unknown:
            raise ClassError(
                f"{self.row(unknown[0])}, but must be the id or the unique name of one of the "
                f"{len(classes):,} classes (such as {classes.ids[0]!r}); "
                f"{self.extent(unknown)}: {preview(self.words[n] for n in unknown)}. Check the "
                "classes file (--classes)."
            )

    def refuse_no_index(self, indices: Int[np.ndarray, "w"], n_classes: int) -> None:
        """Refuse words that are no index in [0, K).

        Raises:
            DataError: naming the first.
        """
        wrong = np.flatnonzero(indices < 0).tolist()
        if not wrong:
            return
        numbers = [as_integer(word) for word in self.words if INTEGER.fullmatch(word)]
        remedy = "Check the classes file (--classes)."
        if -1 in numbers:
            wrong.sort(key=lambda n: not re.fullmatch(r"-0*1(\.0*)?", self.words[n]))
            remedy = "If -1 stands for 'no label', leave these rows out."
        elif numbers and min(numbers) == 1 and max(numbers) == n_classes:
            remedy = "The labels count from 1: subtract 1, or name the classes (--classes FILE)."
        raise DataError(
            f"{self.row(wrong[0])}, but a class index must be in [0, {n_classes:,}); "
            f"{self.n_rows(wrong):,} of {len(self.code):,} rows are outside. {remedy}"
        )


def _only_reading(
    column: _Column, classes: Classes, ids: Int[np.ndarray, "w"], indices: Int[np.ndarray, "w"]
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
    return "index" if column.all_integers else "id"


def _without_classes(column: _Column, labels_are: LabelsAre | None, *, folders: bool) -> ClassWords:
    """Words where no classes are known: all integers, or none."""
    words = column.words
    _refuse_several(column)
    integers = [n for n, word in enumerate(words) if INTEGER.fullmatch(word)]
    numbers = [n for n, word in enumerate(words) if _NUMBER.fullmatch(word)]
    if labels_are is None and numbers and len(integers) < len(words):
        others = sorted(set(range(len(words))) - set(integers))
        _refuse_mixture(column, integers, others)
    if labels_are is None and not folders:
        _refuse_signs(column)
    if labels_are == "id" or (labels_are is None and not integers):
        _note_case(column)
        classes = Classes.from_names(sorted(set(words)), labels_are=labels_are)
        return ClassWords(column.as_ids(classes)[column.code], classes, "id")
    indices = column.as_indices(MOST_CLASSES)
    column.refuse_no_index(indices, MOST_CLASSES)
    return ClassWords(indices[column.code], None, "index")


def _refuse_signs(column: _Column) -> None:
    """Refuse a lone sign among names, such as ``?``: people write it where they know no label.

    Raises:
        DataError: some words are signs only, and others are not; the first is named.
    """
    signs = [n for n, word in enumerate(column.words) if _is_sign(word)]
    if signs and len(signs) < len(column.words):
        raise DataError(
            f"{column.row(signs[0])}, which names no class as far as can be told, but must be a "
            f"class: without known classes a sign is no name; {column.n_rows(signs):,} of "
            f"{len(column.code):,} rows hold such signs. Leave these rows out; if it is a class, "
            "give the classes (--classes FILE) or say --labels-are id."
        )


def _note_case(column: _Column) -> None:
    """Note names that differ by upper and lower case only: they are two classes."""
    first: dict[str, str] = {}
    for word in column.words:
        other = first.setdefault(word.casefold(), word)
        if other != word:
            note(
                f"{column.where}: {other!r} and {word!r} differ by upper and lower case only, and "
                "were read as two classes. If they are one, write them the same way."
            )
            return


def _is_sign(word: str) -> bool:
    """Whether a word has neither a letter nor a digit, nor a picture, as emoji are."""
    return all(unicodedata.category(one) in _SIGNS for one in word)


def _refuse_several(column: _Column) -> None:
    """Refuse cells that hold several labels: their text would be a class of its own.

    Raises:
        DataError: a cell is a list, or its parts at ``;``, ``|`` or ``,`` are labels elsewhere.
    """
    alone = set(column.words)
    by_sign = {sign: [_parts(word, sign) for word in column.words] for sign in ";|,"}
    count = {sign: Counter(part for parts in by_sign[sign] for part in set(parts)) for sign in ";|"}
    several = []
    for number, word in enumerate(column.words):
        parts = {sign: by_sign[sign][number] for sign in ";|,"}
        recur = any(
            len(parts[sign]) > 1 and any(count[sign][part] > 1 for part in parts[sign])
            for sign in ";|"
        )
        apart = len(parts[","]) > 1 and alone.issuperset(parts[","])
        if _LIST.fullmatch(word) or recur or apart:
            several.append(number)
    if several:
        raise DataError(
            f"{column.row(several[0])}, which holds several labels, but must hold one: an image "
            f"has one original label; {column.n_rows(several):,} of {len(column.code):,} rows hold "
            "several. Leave one, or give the table as label sets (--labels) instead; if it is one "
            "class, give the classes (--classes FILE)."
        )


def _parts(word: str, sign: str) -> list[str]:
    return [part for one in word.split(sign) if (part := one.strip())]


def _refuse_mixture(column: _Column, integers: list[int], others: list[int]) -> None:
    """Refuse names among integers, integers among names, and numbers that are no integers.

    Raises:
        DataError: always; the message names the first row of the rarer kind.
    """
    n_integers, n_rows = column.n_rows(integers), len(column.code)
    if n_integers * 2 >= n_rows:
        odd, must = others, "an integer"
        extent = f"{n_integers:,} of {n_rows:,} rows are integers, {n_rows - n_integers:,} are not"
    else:
        odd = [n for n in range(len(column.words)) if _NUMBER.fullmatch(column.words[n])]
        must = "a class index or a name"
        extent = f"{column.n_rows(odd):,} of {n_rows:,} rows are such numbers"
    raise DataError(
        f"{column.row(odd[0])}, but must be {must}: without known classes a column is all integers "
        f"or all names; {extent}. Fix the cell or leave the row out; if it is a class, give the "
        "classes (--classes FILE) or say --labels-are id."
    )


def as_integer(word: str) -> int:
    """The integer that `INTEGER` matched; more digits than any class has count as one beyond."""
    digits = word.partition(".")[0]
    return int(digits) if len(digits) < 40 else MOST_CLASSES
