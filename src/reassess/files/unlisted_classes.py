"""Classes of a column of words where no classes are known: the words themselves, or indices.

What may be something else than a class is refused: names among integers, several labels in a
cell, lone signs among names.
"""

import re
import unicodedata
from collections import Counter

from reassess.errors import DataError
from reassess.files.word_columns import INTEGER, ClassWords, WordColumn
from reassess.notes import note
from reassess.records import Classes, LabelsAre
from reassess.records.benchmark import MOST_CLASSES, alike_text, how_words_differ
from reassess.registry import checks_choices

_NUMBER = re.compile(r"[+-]?(\d[\d,_]*\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf", re.ASCII)
_LIST = re.compile(r"\[.*\]|\{.*\}|\d+([\s;|]+\d+)+", re.ASCII | re.DOTALL)
_SIGNS = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sk", "Zs"})
"""Unicode's categories of punctuation and signs."""


@checks_choices
def classes_of_words(
    column: WordColumn, labels_are: LabelsAre | None, *, folders: bool
) -> ClassWords:
    """Words as classes where no classes are known: all are integers, or none.

    Args:
        column: the words.
        labels_are: what integers are, where somebody says it; as ids they are names.
        folders: whether the words are names of class folders, which may be signs.

    Raises:
        DataError: a word may be something else than a class.
    """
    words = column.words
    if not column.all_integers:
        _refuse_several(column)
    integers = [n for n, word in enumerate(words) if INTEGER.fullmatch(word)]
    numbers = [n for n, word in enumerate(words) if _NUMBER.fullmatch(word)]
    if labels_are is None and numbers and len(integers) < len(words):
        others = sorted(set(range(len(words))) - set(integers))
        _refuse_mixture(column, integers, others)
    if labels_are is None and not folders and not integers:
        _refuse_signs(column)
    if labels_are == "id" or (labels_are is None and not integers):
        _note_alike(column)
        classes = Classes.from_names(sorted(set(words)), labels_are=labels_are)
        return ClassWords(column.as_ids(classes)[column.code], classes, "id")
    indices = column.as_indices(MOST_CLASSES)
    column.refuse_no_index(indices, MOST_CLASSES)
    return ClassWords(indices[column.code], None, "index")


def _refuse_signs(column: WordColumn) -> None:
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


def _note_alike(column: WordColumn) -> None:
    """Note names that look alike: they are two classes."""
    first: dict[str, str] = {}
    for word in column.words:
        other = first.setdefault(alike_text(word), word)
        if other != word:
            note(
                f"{column.where}: {other!r} and {word!r} differ by {how_words_differ(word, other)} "
                "only, and were read as two classes. If they are one, write them the same way."
            )
            return


def _is_sign(word: str) -> bool:
    """Whether a word has neither a letter nor a digit, nor a picture, as emoji are."""
    return all(unicodedata.category(one) in _SIGNS for one in word)


def _refuse_several(column: WordColumn) -> None:
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


def _refuse_mixture(column: WordColumn, integers: list[int], others: list[int]) -> None:
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
