"""Long tables of votes read through Arrow: in batches, as numbers, without a Python object a row.

Texts are numbered batch by batch (`reassess.files.interning`); what a word means is asked once for
each distinct one, by the same functions that read small tables. A table in which anything is
unusual - a cell that is empty or has blanks around it, a word that could be two things, two columns
for one part - is left to `reassess.files.vote_tables`, which names the row. So there is one meaning
of every table, and one wording of every refusal.

Letters: V votes, Q questions, R raters.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError, FileError
from reassess.files.answers import read_answers
from reassess.files.cells import EMPTY_WORDS
from reassess.files.class_columns import numbered_class_column
from reassess.files.columns import (
    ANSWER,
    CLASS_ID,
    CLASS_INDEX,
    IMAGE,
    LABEL,
    RATER,
    TASK,
)
from reassess.files.counted import COUNTED
from reassess.files.declared_answers import DeclaredAnswers
from reassess.files.interning import NOT_ASCII, ODD, Pairs, Texts, occurring, replace
from reassess.files.json_tables import JsonTable
from reassess.files.tables import ColumnFile
from reassess.files.vote_codes import RowsByQuestion, VoteCodes
from reassess.files.vote_rows import VoteRows, note_ends, plain_ids
from reassess.notes import collect_notes
from reassess.records import Classes, Questions, Votes
from reassess.records import Pairs as QuestionPairs
from reassess.records.benchmark import MOST_CLASSES, plain_text

SMALLEST = 50_000
"""Rows from which a table is read so: below, compiling and importing take longer than reading."""

_LONGEST_EMPTY = max(map(len, EMPTY_WORDS))


class _UnusualError(Exception):
    """Something in the table is for the reader that looks at every cell."""


@dataclass(slots=True)
class _Read:
    """What the batches of a table hold.

    Attributes:
        questions: distinct images with a class.
        codes: rater and answer of each row.
        image: the images.
        rater: the raters.
        answer: the answers.
        words: of each column of classes its words; None for integers.
        classes: distinct rows of the columns of classes, where there are two or more.
    """

    questions: RowsByQuestion
    codes: VoteCodes
    image: Texts
    rater: Texts = field(default_factory=Texts)
    answer: Texts = field(default_factory=Texts)
    words: list[Texts | None] = field(default_factory=list)
    classes: Pairs = field(default_factory=Pairs)

    @classmethod
    def of_rows(cls, most: int, scratch: IO[bytes]) -> "_Read":
        """Room for so many rows."""
        return cls(RowsByQuestion(most, scratch), VoteCodes(most), Texts(most))


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a long table by what they are."""

    image: str
    classes: tuple[str, ...]
    rater: str
    answer: str

    @property
    def names(self) -> list[str]:
        """All of them, classes last."""
        return [self.image, self.rater, self.answer, *self.classes]


def read_arrow_votes(
    table: ColumnFile, classes: Classes | None, answers: DeclaredAnswers | None
) -> Votes | None:
    """Votes from a large long table; None where it is to be read cell by cell.

    Raises:
        DataError: there is no vote, or a rater gives two answers to one question.
    """
    columns = _columns_of(table)
    batches = None if columns is None else table.batches(columns.names, SMALLEST)
    if columns is None or batches is None:
        return None
    with tempfile.TemporaryFile() as scratch:
        read = _Read.of_rows(batches.most, scratch)
        try:
            _read(batches.arrays, columns, read)
            return _votes(table, columns, read, classes, answers)
        except (_UnusualError, FileError):
            return None


def _columns_of(table: ColumnFile) -> _Columns | None:
    """The columns of a table in which each part is played by one; None where that is not so."""
    found = [table.candidates(part) for part in (IMAGE, RATER, ANSWER)]
    named = [table.candidates(part) for part in (LABEL, CLASS_ID, CLASS_INDEX)]
    others = [table.candidates(part) for part in (TASK, COUNTED, ("given_at",), ("seconds",))]
    if any(others) or any(len(one) != 1 for one in found) or any(len(one) > 1 for one in named):
        return None
    of_classes = tuple(one[0] for one in named if one)
    if not of_classes or len(of_classes) > 2:
        return None
    image, rater, answer = (one[0] for one in found)
    return _Columns(image, of_classes, rater, answer)


def _read(batches: Iterator[Sequence[Any]], columns: _Columns, read: _Read) -> None:
    """Number all rows.

    Raises:
        _UnusualError: a cell is empty, or a column of another type than is known here.
        FileError: the file is corrupt.
    """
    for image, rater, answer, *of_classes in batches:
        number = _numbers(of_classes, read)
        read.questions.add(_of_texts(image, read.image), number)
        by, given = _of_texts(rater, read.rater), _of_texts(answer, read.answer)
        read.codes.add(by, read.rater.n, given, read.answer.n)
        texts = (read.image, read.rater, read.answer, *read.words)
        if any(one is not None and one.kinds & ODD for one in texts):
            raise _UnusualError
    if not len(read.codes) or len(columns.classes) != len(read.words):
        raise _UnusualError


def _numbers(of_classes: Sequence[Any], read: _Read) -> Int[np.ndarray, "n"]:
    """One number a row for what its columns of classes hold."""
    first = not read.words
    numbers = []
    for place, column in enumerate(of_classes):
        if first:
            read.words.append(None if _are_integers(column) else Texts())
        words = read.words[place]
        numbers.append(_of_integers(column) if words is None else _of_texts(column, words))
    return numbers[0] if len(numbers) == 1 else read.classes.number(numbers[0], numbers[1])


def _are_integers(column: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(column.type))


def _of_integers(column: Any) -> Int[np.ndarray, "n"]:
    """A column of integers that may be class indices, as it is.

    Raises:
        _UnusualError: a cell is empty, or is none.
    """
    if column.null_count:
        raise _UnusualError
    values: Int[np.ndarray, "n"] = column.to_numpy(zero_copy_only=False)
    if len(values) and not 0 <= int(values.min()) <= int(values.max()) < MOST_CLASSES:
        raise _UnusualError
    return values.astype(np.int32, copy=False)


def _of_texts(column: Any, texts: Texts) -> Int[np.ndarray, "n"]:
    """The number of each row's text.

    Raises:
        _UnusualError: a cell is empty, or is no text.
    """
    import pyarrow as pa
    from pyarrow import types

    if types.is_integer(column.type):
        column = column.cast(pa.string())
    words = column.dictionary if types.is_dictionary(column.type) else column
    is_large = types.is_large_string(words.type)
    if column.null_count or words.null_count or not (is_large or types.is_string(words.type)):
        raise _UnusualError
    _, offsets, data = words.buffers()
    ends = np.frombuffer(offsets, np.int64 if is_large else np.int32)
    ends = ends[words.offset : words.offset + len(words) + 1]
    content = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    code = (
        np.arange(len(column), dtype=np.int32)
        if words is column
        else column.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    )
    return texts.number(code, ends, content)


def _votes(
    table: ColumnFile,
    columns: _Columns,
    read: _Read,
    classes: Classes | None,
    answers: DeclaredAnswers | None,
) -> Votes:
    """The votes, each word asked for what it means.

    Raises:
        _UnusualError: a word is for the reader that names its row.
        DataError: a rater gives two answers to one question.
    """
    source = str(table.path)
    _check_usual(read.image)
    raters, words = _plain_words(read.rater), _plain_words(read.answer)
    names = {name.strip().lower() for name in table.header}
    if all(names & {text.lower() for text in some} for some in (raters, words)):
        raise _UnusualError  # a second table may begin in the middle
    for part, column in ((ANSWER, columns.answer), (IMAGE, columns.image), (RATER, columns.rater)):
        table.use(part.name, column)
    label, class_ids = _labels(table, columns, read, classes)
    try:
        meaning = read_answers(
            words, answers, f"{source}: column {columns.answer!r}",
            about_pairs=True, must_be_ours=True, place=table.place,
        )  # fmt: skip
    except DataError as error:
        raise _UnusualError from error
    note_ends(read.image, source)
    image = read.questions.pairs.ones[: read.questions.pairs.n]
    questions = Questions.from_pairs(
        QuestionPairs.of_distinct(read.image.as_bytes(), image, label, class_ids)
    )
    rater_ids, of_rater = plain_ids(raters, "rater", source, np.arange(len(raters)))
    indptr, n_answers = read.questions.ends(), len(meaning.names)
    code, repeats = read.codes.settle(read.questions, indptr, of_rater, meaning.code, n_answers)
    if not repeats:
        return Votes.from_grouped(
            questions=questions, rater_ids=rater_ids, answers=meaning.names, indptr=indptr,
            code=code,
        )  # fmt: skip
    if len(rater_ids) < len(raters):
        raise _UnusualError
    question, code = read.questions.in_their_order(indptr, code)
    rater, answer = np.divmod(code.astype(np.int32), n_answers)
    rows = VoteRows(
        source, questions, question, raters, rater, answer, meaning.names, None, None, None,
        table.place,
    )  # fmt: skip
    return rows.each_once(rater_ids, rater)


def _check_usual(texts: Texts) -> None:
    """Refuse texts that stand for empty cells, or are not in Unicode's form NFC.

    Raises:
        _UnusualError: there is one.
    """
    short = np.flatnonzero(texts.lengths <= _LONGEST_EMPTY)
    letters = np.array(sorted({ord(word[0]) for word in EMPTY_WORDS if word}), np.uint8)
    suspects = short[np.isin(texts.first_bytes()[short], letters)]
    if EMPTY_WORDS & set(texts.some(suspects)):
        raise _UnusualError
    if texts.kinds & NOT_ASCII and any(plain_text(one) != one for one in texts.not_ascii()):
        raise _UnusualError


def _plain_words(texts: Texts) -> list[str]:
    """The distinct words of a column.

    Raises:
        _UnusualError: one is not written as it is compared, or stands for an empty cell.
    """
    words = texts.all_as_list()
    if any(word in EMPTY_WORDS or plain_text(word) != word for word in words):
        raise _UnusualError
    return words


def _labels(
    table: ColumnFile, columns: _Columns, read: _Read, classes: Classes | None
) -> tuple[Int[np.ndarray, "Q"], tuple[str, ...] | None]:
    """The class of each question, and the ids of the classes, where they are known.

    Raises:
        _UnusualError: a word is for the reader that names its row.
    """
    number = read.questions.pairs.others[: read.questions.pairs.n]
    used = occurring(number)
    pairs = read.classes
    of_columns = [used] if len(read.words) == 1 else [pairs.ones[used], pairs.others[used]]
    distinct: dict[str, list[Any]] = {}
    for column, words, rows in zip(columns.classes, read.words, of_columns, strict=True):
        texts = None if words is None else words.all_as_list()
        distinct[column] = [str(i) if texts is None else texts[i] for i in rows.tolist()]
    small = ColumnFile(table.path, tuple(distinct), JsonTable(table.path, distinct))
    with collect_notes() as notes:
        try:
            found, class_ids = numbered_class_column(small, classes)
        except (DataError, FileError) as error:
            raise _UnusualError from error
    if notes.texts or len(np.unique(found)) < len(found):
        raise _UnusualError
    for entry in notes.columns:
        for part, column in entry.used.items():
            table.use(part, column)
    label = np.zeros(int(used[-1]) + 1, np.int32)
    label[used] = found
    replace(number, label)
    return number, class_ids
