"""Words and codes in a column of answers, as the answers that they mean.

On questions about an image and a class the answers are no, maybe and yes. Other words and codes
for them are declared: ``nein,vielleicht,ja`` lists them in this order (two are no and yes, and
codes count from 0), ``ja=yes,nein=no`` says it one by one. On other questions any words are
answers, in the order in which they are declared, or sorted.

Words are compared without case and blanks around them, and in Unicode's form NFC.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import DataError, preview
from reassess.files.declared_answers import (
    CODE,
    OURS,
    DeclaredAnswers,
    ours_in_order,
    plain_word,
    suggested_answers,
)
from reassess.notes import note
from reassess.records import ANSWERS, factorize

_MOST_WORDS = 200
"""Of more words than these none is compared with all others."""

_WHERE = " (to aggregate, ranks, label or votes import; in Python answers=)"
"""Where answers can be declared."""

_RARE = 100
"""A word is taken for a misspelt one where the near one is so many times as frequent."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A column of answers.

    Attributes:
        names: names of the answers, in the order of their codes.
        code: the answer of each row.
    """

    names: tuple[str, ...]
    code: Int[np.ndarray, "n"]


def read_answers(
    texts: Sequence[str],
    declared: DeclaredAnswers | None,
    where: str,
    *,
    about_pairs: bool,
    must_be_ours: bool = False,
    rows: Bool[np.ndarray, "n"] | None = None,
    n_rows: Int[np.ndarray, "n"] | None = None,
    place: Callable[[int], str],
) -> Answers:
    """The answers in a column.

    Args:
        texts: its cells.
        declared: what the words or codes mean; None where nobody said it.
        where: what holds the column, for messages.
        about_pairs: whether the questions are about an image and a class.
        must_be_ours: whether, undeclared, only no, maybe and yes are answers.
        rows: the rows that count; None where all do.
        n_rows: how many rows each cell stands for; None for one.
        place: names a row in messages, by its number from 0.

    Raises:
        DataError: a cell is no answer, or what it means is not certain.
    """
    raw, code = factorize(texts)
    column = _Column.of(raw.tolist(), code, rows, n_rows, where, place)
    if declared is None:
        found = _undeclared(column, must_be_ours=must_be_ours)
    elif isinstance(declared, Mapping):
        found = _mapped(column, {plain_word(word): name for word, name in declared.items()})
    else:
        found = _listed(column, tuple(declared), about_pairs=about_pairs)
    names, of_word = found
    return Answers(names, of_word[column.word][code])


@dataclass(frozen=True, slots=True)
class _Column:
    """The distinct words of a column; cells that differ by case or blanks only are one word.

    Attributes:
        words: as they are compared.
        shown: each as it first stands in the file.
        count: in how many rows each stands.
        row: the first of them, from 0.
        word: the word of each distinct cell.
        where: what holds the column.
        place: names a row in messages.
    """

    words: list[str]
    shown: list[str]
    count: list[int]
    row: list[int]
    word: Int[np.ndarray, "c"]
    where: str
    place: Callable[[int], str]

    @classmethod
    def of(
        cls,
        raw: list[str],
        code: Int[np.ndarray, "n"],
        rows: Bool[np.ndarray, "n"] | None,
        n_rows: Int[np.ndarray, "n"] | None,
        where: str,
        place: Callable[[int], str],
    ) -> "_Column":
        """The words of distinct cells, which are numbered as they first appear."""
        counted = code if rows is None else code[rows]
        weight = n_rows if n_rows is None or rows is None else n_rows[rows]
        count = np.bincount(counted, weights=weight, minlength=len(raw)).astype(np.int64)
        _, first = np.unique(code, return_index=True)
        if rows is not None:
            at = np.flatnonzero(rows)
            used, of_first = np.unique(counted, return_index=True)
            first[used] = at[of_first]
        words: dict[str, int] = {}
        word = np.array([words.setdefault(plain_word(cell), len(words)) for cell in raw])
        _, as_first = np.unique(word, return_index=True)
        total = np.bincount(word, weights=count).astype(int)
        row = np.full(len(words), np.iinfo(np.int64).max)
        np.minimum.at(row, word, np.where(count > 0, first, np.iinfo(np.int64).max))
        shown = [raw[cell].strip() for cell in as_first.tolist()]
        return cls(list(words), shown, total.tolist(), row.tolist(), word, where, place)

    def at(self, word: int) -> str:
        """Where a word stands first, and how it is written there, for messages."""
        return f"{self.where}: {self.place(self.row[word])} is {self.shown[word][:40]!r}"

    @property
    def used(self) -> list[int]:
        """The words that stand in a row that counts, the most frequent first."""
        found = [number for number, n in enumerate(self.count) if n]
        return sorted(found, key=lambda number: (-self.count[number], self.shown[number]))

    @property
    def n_rows(self) -> int:
        """How many rows count."""
        return sum(self.count)

    def found(self) -> str:
        """The answers with their numbers of rows, for messages."""
        some = [f"{self.shown[n][:40]!r} ({self.count[n]:,})" for n in self.used[:8]]
        more = len(self.used) - len(some)
        return ", ".join(some) + (f" and {more:,} more" if more else "")

    def refuse(self, wrong: Sequence[int], known: Sequence[str], remedy: str) -> DataError:
        """The error for words that are no answers: first row, extent, near word, remedy."""
        first = min(wrong, key=lambda number: self.row[number])
        n = sum(self.count[number] for number in wrong)
        near = difflib.get_close_matches(self.words[first], [plain_word(k) for k in known], 1, 0.6)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        words = preview(self.shown[word] for word in wrong)
        return DataError(
            f"{self.at(first)}, but an answer must be one of {', '.join(known)}; {n:,} of "
            f"{self.n_rows:,} rows {'is' if n == 1 else 'are'} none: {words}.{hint} {remedy}"
        )


_Found = tuple[tuple[str, ...], Int[np.ndarray, "w"]]
"""Names of the answers, and the code of each word."""


def _undeclared(column: _Column, *, must_be_ours: bool) -> _Found:
    """Our own answers, or where any words may be answers, these."""
    used = column.used
    ours = [number for number in used if column.words[number] in ANSWERS]
    if len(ours) == len(used):
        return ANSWERS, _codes(column, {name: code for code, name in enumerate(ANSWERS)})
    others = [number for number in used if number not in ours]
    if must_be_ours:
        raise _not_ours(column, ours, others)
    _refuse_misspelt(column)
    _refuse_signs_of_no_answer(column)
    texts = [column.shown[number] for number in used]
    if len(texts) < 2:
        raise DataError(
            f"{column.where}: every answer is {texts[0]!r}; with one answer nothing can be "
            "learned. Name all answers that could have been given (--answers no,maybe,yes)."
        )
    integers = all(CODE.fullmatch(column.words[number]) for number in used)
    used.sort(key=lambda n: (int(column.words[n]) if integers else 0, column.shown[n]))
    place = {column.words[number]: code for code, number in enumerate(used)}
    return tuple(column.shown[number] for number in used), _codes(column, place)


def _not_ours(column: _Column, ours: list[int], others: list[int]) -> DataError:
    """The refusal of answers that are not no, maybe and yes: a typo, or other words for them."""
    n_ours = sum(column.count[number] for number in ours)
    words = sorted({column.words[number] for number in others})
    if 2 * n_ours >= column.n_rows:
        meaning = suggested_answers(words, near=True)
        remedy = f"Fix the cell, or say what it means: --answers {meaning}."
        return column.refuse(others, ANSWERS, remedy)
    first = min(others, key=lambda number: column.row[number])
    start = (
        f"{column.at(first)}, but on questions about an image and a class an answer must be "
        f"one of no, maybe, yes; the answers are {column.found()}. "
    )
    for low in (0, 1):
        codes = [str(low + code) for code in range(len(ANSWERS))]
        if set(words) <= set(codes) and not ours and (low or "0" in words):
            typed = [f"{code}={name}" for code, name in zip(codes, ANSWERS, strict=True)]
            two = f" or --answers {codes[0]}=no,{codes[1]}=yes" if codes[2] not in words else ""
            codes_are = f"Say what the codes mean{_WHERE}: --answers {','.join(typed)}{two}."
            return DataError(start + codes_are)
    listed = "; or list them in the order no, maybe, yes (--answers A,B,C)"
    return DataError(
        f"{start}Say what each means{_WHERE}: --answers {suggested_answers(words)}"
        f"{listed if len(words) in {2, 3} and not ours else ''}."
    )


def _refuse_misspelt(column: _Column) -> None:
    """Refuse a rare word that is one letter away from a frequent one.

    Raises:
        DataError: there is one, with its row.
    """
    used = [number for number in column.used if len(column.words[number]) > 2]
    for number in used if len(used) < _MOST_WORDS else ():
        word = column.words[number]
        if CODE.fullmatch(word):
            continue
        for other in used:
            often, near = column.count[other], column.words[other]
            if often >= _RARE * column.count[number] and _is_near(word, near):
                raise column.refuse(
                    [number],
                    [column.shown[n] for n in column.used if n != number],
                    "Fix the cell; if it is an answer of its own, name all answers (--answers "
                    "A,B,…).",
                )


def _refuse_signs_of_no_answer(column: _Column) -> None:
    """Refuse a sign among words, or -1 among indices from 0, which often stand for no answer.

    Raises:
        DataError: there is one, with its row.
    """
    words = {number: column.words[number] for number in column.used}
    signs = [number for number, word in words.items() if not any(map(str.isalnum, word))]
    indices = {word for word in words.values() if re.fullmatch(r"-?\d+", word)}
    if len(indices) == len(words) and {"-1", "0"} <= indices and min(map(int, indices)) == -1:
        signs = [number for number, word in words.items() if word == "-1"]
    if signs and len(signs) < len(words):
        first = min(signs, key=lambda number: column.row[number])
        n = sum(column.count[number] for number in signs)
        listed = ",".join(column.shown[number] for number in column.used)
        raise DataError(
            f"{column.at(first)}, which may stand for no answer or be one, but must be one of "
            f"both; {n:,} of {column.n_rows:,} rows {'is' if n == 1 else 'are'} so. Leave these "
            f"cells empty or out; if it is an answer, name all: --answers={listed[:60]}"
        )


def _listed(column: _Column, names: tuple[str, ...], *, about_pairs: bool) -> _Found:
    """Words or codes as declared in order."""
    places = ours_in_order(names, column.where) if about_pairs else None
    answers = names if places is None else ANSWERS
    of_name = list(range(len(names))) if places is None else places
    known = {plain_word(name): code for name, code in zip(names, of_name, strict=True)}
    if answers == ANSWERS:
        known = {name: code for code, name in enumerate(ANSWERS)} | known
    others = [number for number in column.used if column.words[number] not in known]
    are_codes = all(CODE.fullmatch(column.words[number]) for number in others)
    if are_codes and len(others) == len(column.used):
        low = _first_code(column, others, names, about_pairs=about_pairs)
        known = {str(low + i): code for i, code in enumerate(of_name)}
    wrong = [number for number in column.used if column.words[number] not in known]
    if wrong:
        remedy = "Fix the cells, or name all answers (--answers A,B,…)."
        raise column.refuse(wrong, names, remedy)
    return answers, _codes(column, known)


def _first_code(
    column: _Column, codes: list[int], names: tuple[str, ...], *, about_pairs: bool
) -> int:
    """Whether codes count from 0 or from 1.

    Raises:
        DataError: both can be, on questions about pairs.
    """
    values = [int(column.words[number]) for number in codes]
    if min(values) < 1 or max(values) > len(names):
        return 0
    shown = ", ".join(str(value) for value in sorted(values))
    if max(values) == len(names):
        read = ", ".join(f"{value} is {names[value - 1]}" for value in sorted(values))
        note(f"{column.where}: the codes were counted from 1: {read}.")
        return 1
    if about_pairs:
        typed = [",".join(f"{low + i}={name}" for i, name in enumerate(ANSWERS)) for low in (0, 1)]
        first = min(codes, key=lambda number: column.row[number])
        raise DataError(
            f"{column.at(first)}, and all answers are {shown}, but it must be certain whether "
            f"codes count from 0 or from 1. Say what they mean: --answers {typed[0]} or --answers "
            f"{typed[1]}."
        )
    note(f"{column.where}: the codes {shown} were counted from 0.")
    return 0


def _mapped(column: _Column, declared: Mapping[str, str]) -> _Found:
    """Words as declared one by one; our own words mean themselves."""
    known = {name: code for code, name in enumerate(ANSWERS)}
    known |= {word: ANSWERS.index(plain_word(name)) for word, name in declared.items()}
    words = {column.words[number] for number in column.used}
    if {"0", "2"} <= words <= {"0", "1", "2"} and not words & known.keys():
        note(f"{column.where}: the codes 0, 1, 2 were read as no, maybe, yes.")
        known |= {"0": 0, "1": 1, "2": 2}
    wrong = [number for number in column.used if column.words[number] not in known]
    if wrong:
        typed = [f"{word}={name}" for word, name in declared.items() if declared != OURS]
        typed.append(suggested_answers([column.words[n] for n in wrong]))
        remedy = f"Say what it means: --answers {','.join(typed)}."
        raise column.refuse(wrong, list(known), remedy)
    return ANSWERS, _codes(column, known)


def _codes(column: _Column, known: Mapping[str, int]) -> Int[np.ndarray, "w"]:
    """The code of each word; 0 for those that stand in rows that do not count."""
    return np.array([known.get(word, 0) for word in column.words], np.int64)


def _is_near(word: str, other: str) -> bool:
    """Whether one letter is put in, left out or wrong, or two neighbours are swapped."""
    if word == other or min(len(word), len(other)) < 3 or abs(len(word) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(word), len(other)) - start and word[-1 - end] == other[-1 - end]:
        end += 1
    one, two = word[start : len(word) - end], other[start : len(other) - end]
    return max(len(one), len(two)) == 1 or (len(one) == len(two) == 2 and one == two[::-1])
