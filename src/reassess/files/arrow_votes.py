"""Long tables of votes read through Arrow: in batches, as numbers, without a Python object a row.

Texts are numbered batch by batch (`reassess.files.interning`); what a word means is asked once for
each distinct one, by the same functions that read small tables. A table in which anything is
unusual - a cell that is empty, a word that could be two things, two columns for one part that
differ - is left to `reassess.files.vote_tables`, which names the row. So there is one meaning
of every table, and one wording of every refusal.

Letters: V votes, Q questions, R raters.
"""

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt

from reassess.errors import DataError, FileError
from reassess.files.answers import read_answers
from reassess.files.arrow_columns import (
    Beside,
    Changes,
    Counted,
    Double,
    Durations,
    Times,
    UnusualError,
    are_integer_cells,
    class_indices_of,
    numbers_of_texts,
)
from reassess.files.arrow_tasks import TaskNames, are_integers
from reassess.files.cells import EMPTY_WORDS
from reassess.files.class_columns import ids_of_indices, numbered_class_column
from reassess.files.columns import (
    ANSWER,
    CLASS_ID,
    IMAGE,
    LABEL,
    RATER,
    TASK,
)
from reassess.files.counted import COUNTED, note_left_out
from reassess.files.declared_answers import DeclaredAnswers
from reassess.files.interning import Pairs, Texts, occurrences, occurring, replace
from reassess.files.json_tables import JsonTable
from reassess.files.tables import ColumnFile
from reassess.files.vote_codes import RowsByQuestion, VoteCodes
from reassess.files.vote_columns import PARTS, VoteColumns, vote_columns
from reassess.files.vote_questions import note_beside, note_left_aside
from reassess.files.vote_rows import VoteRows, note_ends, plain_ids
from reassess.notes import collect_notes
from reassess.records import Classes, Questions, Votes
from reassess.records import Pairs as QuestionPairs
from reassess.records.benchmark import plain_text

SMALLEST = 50_000
"""Rows from which a table is read so: below, compiling and importing take longer than reading."""

_MANY = 10_000_000
"""Votes from which Arrow's pool is emptied after reading: below, the next file fills it again."""

_LONGEST_EMPTY = max(map(len, EMPTY_WORDS))


@dataclass(slots=True)
class _Read:
    """What the batches of a table hold.

    Attributes:
        questions: distinct images with a class.
        codes: rater and answer of each row.
        image: the images; tasks, where these are the questions.
        given_at: when each vote was given, as far as a column says so.
        seconds: how long it took, likewise.
        counted: whether it counts, likewise.
        doubles: second columns of the image, the rater or the answer.
        beside: columns beside those that name the questions.
        n_answers: in how many rows that count each answer stands.
        rater: the raters.
        answer: the answers.
        words: of each column of classes its words; None for integers.
        changes: what was taken off cells of the rater, the answer, a class and the image or task.
        classes: distinct rows of the columns of classes, where there are two or more.
    """

    questions: RowsByQuestion
    codes: VoteCodes
    image: Texts
    given_at: Times
    seconds: Durations
    counted: Counted
    doubles: list[Double]
    beside: list[Beside]
    n_answers: Int[np.ndarray, "a"]
    rater: Texts = field(default_factory=Texts)
    answer: Texts = field(default_factory=Texts)
    words: list[Texts | None] = field(default_factory=list)
    changes: tuple[Changes, ...] = field(default_factory=lambda: tuple(Changes() for _ in range(4)))
    classes: Pairs = field(default_factory=Pairs)

    @classmethod
    def of_rows(cls, most: int, columns: VoteColumns, scratch: IO[bytes]) -> "_Read":
        """Room for so many rows."""
        return cls(
            RowsByQuestion(most, scratch), VoteCodes(most), Texts(most),
            Times(0 if columns.given_at is None else most),
            Durations(0 if columns.seconds is None else most),
            Counted(0 if columns.counted is None else most),
            [
                Double(is_path=bool(columns.classes) and PARTS[part].is_path)
                for part, _ in columns.doubles
            ],
            [Beside() for _ in columns.beside], np.zeros(0, np.int64),
        )  # fmt: skip

    @property
    def of_parts(self) -> tuple[Texts, Texts, Texts]:
        """The texts of image, rater and answer."""
        return self.image, self.rater, self.answer


def read_arrow_votes(
    table: ColumnFile, classes: Classes | None, answers: DeclaredAnswers | None
) -> Votes | None:
    """Votes from a large long table; None where it is to be read cell by cell.

    Raises:
        DataError: there is no vote, or a rater gives two answers to one question.
    """
    columns = vote_columns(table)
    batches = None if columns is None else table.batches(columns.names, SMALLEST)
    if columns is None or batches is None:
        return None
    import pyarrow as pa

    with tempfile.TemporaryFile() as scratch:
        read = _Read.of_rows(batches.most, columns, scratch)
        try:
            _read(batches.arrays, columns, read)
            if len(read.codes) >= _MANY:
                _give_back_what_batches_took()
            return _votes(table, columns, read, classes, answers)
        except (UnusualError, FileError, pa.ArrowException):  # a type that Arrow does not take
            return None


def _give_back_what_batches_took() -> None:
    """Let Arrow's pool return what it keeps for further batches: some 150 MB after 1e8 votes."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def _read(batches: Iterator[Sequence[Any]], columns: VoteColumns, read: _Read) -> None:
    """Number all rows.

    Raises:
        UnusualError: a cell is empty, or a column of another type than is known here.
        FileError: the file is corrupt.
    """
    of_rater, of_answer, of_class, _ = read.changes
    for column, image in _with_images(batches, columns, read):
        label = _numbers([column[name] for name in columns.classes], read, len(image), of_class)
        question = read.questions.add(image, label)
        rater = numbers_of_texts(column[columns.rater], read.rater, of_rater)
        answer = numbers_of_texts(column[columns.answer], read.answer, of_answer)
        read.codes.add(rater, read.rater.n, answer, read.answer.n)
        for (part, name), double in zip(columns.doubles, read.doubles, strict=True):
            first = column[(columns.image, columns.rater, columns.answer)[part]]
            double.add(column[name], first, (image, rater, answer)[part])
        for name, beside in zip(columns.beside, read.beside, strict=True):
            beside.add(column[name], question, read.questions.pairs.n, answer)
        if columns.given_at is not None:
            read.given_at.add(column[columns.given_at])
        if columns.seconds is not None:
            read.seconds.add(column[columns.seconds])
        counted = answer
        if columns.counted is not None:
            counted = answer[read.counted.add(column[columns.counted])]
        n_before, read.n_answers = read.n_answers, occurrences(counted, read.answer.n)
        read.n_answers[: len(n_before)] += n_before
    if not len(read.codes) or len(columns.classes) != len(read.words):
        raise UnusualError
    for (part, _), double in zip(columns.doubles, read.doubles, strict=True):
        double.check(read.of_parts[part])


def _with_images(
    batches: Iterator[Sequence[Any]], columns: VoteColumns, read: _Read
) -> Iterator[tuple[dict[str, Any], Int[np.ndarray, "n"]]]:
    """The columns of each batch by their names, and the numbers of its images.

    Where images are in no order, looking them up takes as long as all else: so a thread does it for
    a batch while the one before is worked on.

    Raises:
        UnusualError: a cell is unusual.
    """
    of_image = read.changes[-1]

    def numbers(column: dict[str, Any]) -> Int[np.ndarray, "n"]:
        return numbers_of_texts(column[columns.image], read.image, of_image)

    before = None
    with ThreadPoolExecutor(1) as ahead:
        for batch in batches:
            column = dict(zip(columns.names, batch, strict=True))
            if read.questions.are_grouped:
                yield column, numbers(column)
                continue
            coming = column, ahead.submit(lambda one: numbers(one).copy(), column)
            if before is not None:
                yield before[0], before[1].result()
            before = coming
        if before is not None:
            yield before[0], before[1].result()


def _numbers(
    of_classes: Sequence[Any], read: _Read, n_rows: int, changes: Changes
) -> Int[np.ndarray, "n"]:
    """One number a row for what its columns of classes hold; 0 where there are none."""
    if not of_classes:
        return np.zeros(n_rows, np.int32)
    first = not read.words
    numbers = []
    for place, column in enumerate(of_classes):
        if first:
            read.words.append(None if are_integer_cells(column) else Texts())
        words = read.words[place]
        numbers.append(
            class_indices_of(column) if words is None else numbers_of_texts(column, words, changes)
        )
    return numbers[0] if len(numbers) == 1 else read.classes.number(numbers[0], numbers[1])


@dataclass(frozen=True, slots=True)
class _ImageNames:
    """What images with a class name.

    Attributes:
        images: the distinct images.
        image: the image of each question.
        label: its class index.
        class_ids: ids of the classes, where they are known.
    """

    images: Texts
    image: Int[np.ndarray, "Q"]
    label: Int[np.ndarray, "Q"]
    class_ids: tuple[str, ...] | None

    def questions(self) -> Questions:
        """The questions; texts of images are given up."""
        images = self.images.as_bytes()
        return Questions.from_pairs(
            QuestionPairs.of_distinct(images, self.image, self.label, self.class_ids)
        )


def _names_of(
    table: ColumnFile, columns: VoteColumns, read: _Read, classes: Classes | None
) -> TaskNames | _ImageNames:
    """What the questions are.

    Raises:
        UnusualError: a word is for the reader that names its row.
    """
    if not columns.classes:
        names = TaskNames.of(read.image)
        return dataclasses.replace(names, class_ids=_class_ids_beside(table, columns, read, names))
    pairs = read.questions.pairs
    label, class_ids = _labels(table, columns, read, classes)
    return _ImageNames(read.image, pairs.ones[: pairs.n], label, class_ids)


def _class_ids_beside(
    table: ColumnFile, columns: VoteColumns, read: _Read, names: TaskNames
) -> tuple[str, ...] | None:
    """The ids of the classes of tasks that are pairs, where a column beside holds them.

    Raises:
        UnusualError: a class has two ids, or an id is for the reader that names its row.
    """
    if columns.class_id is None:
        return None
    table.use(CLASS_ID.name, columns.class_id)
    if names.images is None:
        return None
    column = read.beside[columns.beside.index(columns.class_id)]
    if not column.is_one_a_question:
        raise UnusualError
    ids, number = _plain_words(column.texts), column.of_questions(len(names.label))
    both = np.unique(names.label.astype(np.int64) * len(ids) + number)
    label, number = np.divmod(both, len(ids))
    try:
        texts = [ids[one] for one in number.tolist()]
        return ids_of_indices(label, texts, str(table.path), table.place)
    except DataError as error:
        raise UnusualError from error


def _votes(
    table: ColumnFile,
    columns: VoteColumns,
    read: _Read,
    classes: Classes | None,
    answers: DeclaredAnswers | None,
) -> Votes:
    """The votes, each word asked for what it means.

    Raises:
        UnusualError: a word is for the reader that names its row.
        DataError: a rater gives two answers to one question.
    """
    source = str(table.path)
    _check_usual(read.image)
    _note_changes(table, columns, read)
    raters, words = _plain_words(read.rater), _plain_words(read.answer)
    names = {name.strip().lower() for name in table.header}
    if all(names & {text.lower() for text in some} for some in (raters, words)):
        raise UnusualError  # a second table may begin in the middle
    counts = _use(table, columns, read)
    asks = _names_of(table, columns, read, classes)
    try:
        meaning = read_answers(
            words, answers, f"{source}: column {columns.answer!r}",
            about_pairs=asks.images is not None, must_be_ours=bool(columns.classes),
            place=table.place, rows=None if counts is None else read.n_answers > 0,
            n_rows=read.n_answers,
        )  # fmt: skip
    except DataError as error:
        raise UnusualError from error
    given_at = read.given_at.known(f"{source}: column {columns.given_at!r}", counts)
    if asks.images is not None:
        note_ends(asks.images, source)
    rater_ids, of_rater = plain_ids(raters, "rater", source, np.arange(len(raters)))
    asked = _Asked.of(read, asks.questions(), counts)
    voted = np.unique(of_rater[read.codes.raters_of(asked.votes)]) if counts is not None else None
    if voted is not None:
        rater_ids = rater_ids[voted]
        of_rater = np.minimum(np.searchsorted(voted, of_rater), len(voted) - 1)
    code, repeats = read.codes.settle(
        asked.votes, asked.indptr, of_rater, meaning.code, len(meaning.names)
    )
    if not repeats:
        return Votes.from_grouped(
            questions=asked.questions, rater_ids=rater_ids, answers=meaning.names,
            indptr=asked.indptr, code=code, given_at=asked.of_votes(given_at),
            seconds=asked.of_votes(read.seconds.known()),
        )  # fmt: skip
    if counts is not None or len(rater_ids) < len(raters):
        raise UnusualError
    question, code = read.questions.in_their_order(asked.indptr, code)
    rater, answer = np.divmod(code.astype(np.int32), len(meaning.names))
    rows = VoteRows(
        source, asked.questions, question, raters, rater, answer, meaning.names,
        given_at, read.seconds.known(), None, table.place,
    )  # fmt: skip
    return rows.each_once(rater_ids, rater)


def _note_changes(table: ColumnFile, columns: VoteColumns, read: _Read) -> None:
    """Note what was taken off cells.

    Raises:
        UnusualError: something was, and a part has two columns or some rows may not count: then
            notes on others come between.
    """
    if not any(read.changes):
        return
    several = columns.doubles or columns.beside or columns.counted or len(columns.classes) > 1
    if several:
        raise UnusualError
    names = (columns.rater, columns.answer, *(columns.classes or ("",)), columns.image)
    for name, changes in zip(names, read.changes, strict=True):
        changes.note(table.path, name, len(read.codes))


def _use(table: ColumnFile, columns: VoteColumns, read: _Read) -> Bool[np.ndarray, "V"] | None:
    """Record the columns as read, with what is noted of them; the rows that count, if not all do.

    Raises:
        UnusualError: no row counts.
    """
    if columns.classes:
        parts = ((ANSWER, columns.answer), (IMAGE, columns.image))
    else:
        answer = ANSWER if table.candidates(ANSWER) else LABEL
        parts = ((TASK, columns.image), (answer, columns.answer))
    for part, name in parts:
        table.use(part.name, name)
    if not columns.classes:
        _use_beside_tasks(table, columns, read)
    elif columns.beside:
        if not all(one.is_one_a_question for one in read.beside):
            raise UnusualError
        for name in (columns.image, columns.classes[0], *columns.beside):
            table.use(name.strip().lower(), name)
        note_left_aside(table, (columns.image, columns.classes[0]), columns.beside)
    table.use(RATER.name, columns.rater)
    for beside in (columns.given_at, columns.seconds):
        if beside is not None:
            table.use(beside.strip().lower(), beside)
    counts = None
    if columns.counted is not None:
        table.use(COUNTED.name, columns.counted)
        counts = read.counted.known()
        n_left = 0 if counts is None else int((~counts).sum())
        note_left_out(table, columns.counted, n_left, len(read.codes))
    return counts


def _use_beside_tasks(table: ColumnFile, columns: VoteColumns, read: _Read) -> None:
    """Record what stands beside tasks, and note that it was left aside.

    Raises:
        UnusualError: it may name the questions.
    """
    number_rows = read.image.n == len(read.codes) and are_integers(read.image.so_far())
    images = table.candidates(IMAGE)
    for name, beside in zip(columns.beside, read.beside, strict=True):
        if name == columns.class_id and not table.candidates(ANSWER):
            continue  # it is read with the classes of the tasks, and not held against them
        table.use(name.strip().lower(), name)
        if beside.repeats(read.answer):
            continue
        is_finer = number_rows and name in images and beside.texts.n < read.image.n
        if is_finer or not beside.is_one_a_question:
            raise UnusualError
        note_beside(table, columns.image, name)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The questions that have votes, and these votes by question.

    Attributes:
        questions: the questions.
        votes: rater and answer of each vote, as `VoteCodes` holds them.
        indptr: where those of each question end.
        rows: the rows by question.
        ends: where the rows of each question end, those that do not count included.
        counts: which of the rows count, by question; None where all do.
    """

    questions: Questions
    votes: UInt[np.ndarray, "V"]
    indptr: Int[np.ndarray, "ends"]
    rows: RowsByQuestion
    ends: Int[np.ndarray, "all_ends"]
    counts: Bool[np.ndarray, "n"] | None

    @classmethod
    def of(
        cls, read: _Read, questions: Questions, counts: Bool[np.ndarray, "n"] | None
    ) -> "_Asked":
        """What was read, without the rows that do not count."""
        rows, ends = read.questions, read.questions.ends()
        votes = read.codes.grouped(rows, ends)
        if counts is None:
            return cls(questions, votes, ends, rows, ends, None)
        counts = rows.grouped(ends, counts)
        n_votes = np.add.reduceat(counts, ends[:-1], dtype=ends.dtype)
        asked = np.flatnonzero(n_votes)
        indptr = np.append(ends[:1], np.cumsum(n_votes[asked], dtype=ends.dtype))
        return cls(questions.take(asked), votes[counts], indptr, rows, ends, counts)

    def of_votes(self, values: Shaped[np.ndarray, "n"] | None) -> Shaped[np.ndarray, "V"] | None:
        """Values of the rows, in the order of the votes; None where all are empty."""
        if values is None or not len(values):
            return None
        grouped = self.rows.grouped(self.ends, values)
        found = grouped if self.counts is None else grouped[self.counts]
        return None if np.isnan(found).all() else found


def _check_usual(texts: Texts) -> None:
    """Refuse texts that stand for empty cells.

    Raises:
        UnusualError: there is one.
    """
    short = np.flatnonzero(texts.lengths <= _LONGEST_EMPTY)
    letters = np.array(sorted({ord(word[0]) for word in EMPTY_WORDS if word}), np.uint8)
    suspects = short[np.isin(texts.first_bytes()[short], letters)]
    if EMPTY_WORDS & set(texts.some(suspects)):
        raise UnusualError


def _plain_words(texts: Texts) -> list[str]:
    """The distinct words of a column.

    Raises:
        UnusualError: one is not written as it is compared, or stands for an empty cell.
    """
    words = texts.all_as_list()
    if any(word in EMPTY_WORDS or plain_text(word) != word for word in words):
        raise UnusualError
    return words


def _labels(
    table: ColumnFile, columns: VoteColumns, read: _Read, classes: Classes | None
) -> tuple[Int[np.ndarray, "Q"], tuple[str, ...] | None]:
    """The class of each question, and the ids of the classes, where they are known.

    Raises:
        UnusualError: a word is for the reader that names its row.
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
            raise UnusualError from error
    if notes.texts or len(np.unique(found)) < len(found):
        raise UnusualError
    for entry in notes.columns:
        for part, column in entry.used.items():
            table.use(part, column)
    label = np.zeros(int(used[-1]) + 1, np.int32)
    label[used] = found
    replace(number, label)
    return number, class_ids
