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
from jaxtyping import Int, Shaped, UInt

from reassess.errors import DataError, FileError
from reassess.files.answers import Answers, read_answers
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
from reassess.files.interning import (
    NOT_ASCII,
    ODD,
    Pairs,
    Spill,
    Texts,
    count,
    grow,
    repeats,
    scatter,
)
from reassess.files.json_tables import JsonTable
from reassess.files.tables import ColumnFile
from reassess.files.vote_rows import note_ends, plain_ids
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
        scratch: a file where numbers of rows wait.
        image: the images.
        words: of each column of classes its words; None for integers.
        classes: distinct rows of the columns of classes, where there are two or more.
        questions: distinct images with a class.
        rater: the raters.
        answer: the answers.
        n_votes: of each question.
        question_of: question of each row; None as long as the rows are grouped by question.
        rater_of: rater of each row, a batch each, as are the answers.
        answer_of: answer of each row.
    """

    scratch: IO[bytes]
    image: Texts = field(default_factory=Texts)
    words: list[Texts | None] = field(default_factory=list)
    classes: list[Pairs] = field(default_factory=list)
    questions: Pairs = field(default_factory=Pairs)
    rater: Texts = field(default_factory=Texts)
    answer: Texts = field(default_factory=Texts)
    n_votes: Int[np.ndarray, "Q"] = field(default_factory=lambda: np.zeros(0, np.int32))
    question_of: Spill | None = None
    rater_of: list[Any] = field(default_factory=list)
    answer_of: list[Any] = field(default_factory=list)

    def add_questions(self, number: Int[np.ndarray, "n"]) -> None:
        """Take the questions of further rows."""
        if not self.questions.is_grouped and self.question_of is None:
            self.question_of = Spill(self.scratch)
            before = np.arange(len(self.n_votes), dtype=np.int32)
            self.question_of.add(np.repeat(before, self.n_votes))
        grow(self.n_votes, self.questions.n)
        count(number, self.n_votes)
        if self.question_of is not None:
            self.question_of.add(number)


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
        read = _Read(scratch)
        try:
            _read(batches, columns, read)
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
        read.add_questions(read.questions.number(_of_texts(image, read.image), number))
        read.rater_of.append(_small(_of_texts(rater, read.rater), read.rater.n))
        read.answer_of.append(_small(_of_texts(answer, read.answer), read.answer.n))
        if (read.image.kinds | read.rater.kinds | read.answer.kinds) & ODD:
            raise _UnusualError
    if not read.rater_of or len(columns.classes) != len(read.words):
        raise _UnusualError


def _small(number: Int[np.ndarray, "n"], n: int) -> Shaped[np.ndarray, "n"]:
    """Numbers below n in the smallest integers."""
    return number.astype(np.min_scalar_type(max(n - 1, 0)))


def _numbers(of_classes: Sequence[Any], read: _Read) -> Int[np.ndarray, "n"]:
    """One number a row for what its columns of classes hold."""
    first = not read.words
    numbers = []
    for place, column in enumerate(of_classes):
        if first:
            read.words.append(None if _are_integers(column) else Texts())
        words = read.words[place]
        numbers.append(_of_integers(column) if words is None else _of_texts(column, words))
    if len(numbers) == 1:
        return numbers[0]
    if first:
        read.classes.append(Pairs())
        read.classes[0].is_grouped = False
    return read.classes[0].number(numbers[0], numbers[1])


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
    pairs = QuestionPairs(read.image.as_array(), read.questions.one, label, class_ids)
    rater_ids, of_rater = plain_ids(raters, "rater", source, np.arange(len(raters)))
    indptr, code = _grouped(read, of_rater, meaning, len(rater_ids))
    if repeats(indptr, code, len(meaning.names), len(rater_ids)):
        raise _UnusualError
    return Votes.from_grouped(
        questions=Questions.from_pairs(pairs), rater_ids=rater_ids, answers=meaning.names,
        indptr=indptr, code=code,
    )  # fmt: skip


def _grouped(
    read: _Read, of_rater: Int[np.ndarray, "r"], meaning: Answers, n_raters: int
) -> tuple[Int[np.ndarray, "ends"], UInt[np.ndarray, "V"]]:
    """Votes by question; rater and answer of each as one code. The batches are given up."""
    n_answers = len(meaning.names)
    indptr = np.zeros(read.questions.n + 1, np.int64)
    np.cumsum(read.n_votes[: read.questions.n], out=indptr[1:])
    code = np.empty(int(indptr[-1]), np.min_scalar_type(n_raters * n_answers - 1))
    first = (of_rater * n_answers).astype(code.dtype)
    added = meaning.code.astype(code.dtype)
    place = indptr[:-1].copy() if read.question_of is not None else indptr[:0]
    questions = iter(()) if read.question_of is None else read.question_of.arrays()
    held = np.zeros(0, np.int32)
    start = 0
    for i, (rater, answer) in enumerate(zip(read.rater_of, read.answer_of, strict=True)):
        values = first[rater] + added[answer]
        read.rater_of[i] = read.answer_of[i] = None
        if read.question_of is None:
            code[start : start + len(values)] = values
        else:
            while len(held) < len(values):
                held = np.concatenate([held, next(questions)])
            scatter(held[: len(values)], values, place, code)
            held = held[len(values) :]
        start += len(values)
    return indptr, code


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
    number = read.questions.other
    used = np.flatnonzero(np.bincount(number))
    of_columns = (
        [read.classes[0].one[used], read.classes[0].other[used]] if read.classes else [used]
    )
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
    return label[number], class_ids
