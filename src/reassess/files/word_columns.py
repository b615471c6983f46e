"""The distinct words of a column that names classes, and what they are as ids and as indices.

Which of the two holds is for `reassess.files.class_words`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from reassess.errors import ClassError, DataError, preview
from reassess.files.cells import stands_for_empty
from reassess.notes import note
from reassess.records import Classes, LabelsAre
from reassess.records.benchmark import MOST_CLASSES
from reassess.registry import checks_choices

INTEGER = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
"""A word that is an integer, also with a fraction of zeros as pandas writes it."""


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


def as_integer(word: str) -> int:
    """The integer that `INTEGER` matched; more digits than any class has count as one beyond."""
    digits = word.partition(".")[0]
    return int(digits) if len(digits) < 40 else MOST_CLASSES


def _by_number(index_of: Mapping[str, int]) -> dict[int, int]:
    """Class index by the number that an id or name is, where it is that of one class."""
    found: dict[int, int] = {}
    for word, index in index_of.items():
        if INTEGER.fullmatch(word):
            number = as_integer(word)
            found[number] = index if found.get(number, index) == index else -1
    return found


@dataclass(frozen=True, slots=True)
class WordColumn:
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
        by_number = _by_number(index_of) if -1 in found else {}
        if by_number:
            # "3.0", as pandas writes an integer of a column with gaps, is the id "3"; and so is
            # "3" the id "003", of which a spreadsheet drops the zeros.
            found = [
                index if index >= 0 or not INTEGER.fullmatch(word)
                else by_number.get(as_integer(word), -1)
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

    def refuse_empty_among_ids(self, classes: Classes) -> None:
        """Refuse the name of a class that stands for an empty cell elsewhere, among ids only.

        Raises:
            DataError: naming the first.
        """
        ids = set(classes.ids)
        doubtful = [
            number
            for number, word in enumerate(self.words)
            if stands_for_empty(word) and word not in ids and word in classes.index_of
        ]
        others = [word for number, word in enumerate(self.words) if number not in doubtful]
        if doubtful and others and all(one in ids or INTEGER.fullmatch(one) for one in others):
            index = classes.index_of[self.words[doubtful[0]]]
            raise DataError(
                f"{self.row(doubtful[0])}, which is the name of class {index} and may stand for an "
                f"empty cell, as all other words are ids or indices; so are "
                f"{self.n_rows(doubtful):,} of {len(self.code):,} rows. Write the id "
                f"({classes.ids[index]!r}), or leave these rows out."
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
