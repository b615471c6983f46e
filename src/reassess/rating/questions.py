"""Questions into the store, in bulk and at any time: old ones and their votes stay as they are.

A study lives: questions added later form tasks of their own, also where their image has
older tasks. Chunks are committed one by one, so that raters need not wait for a load, and a
load that was cut off is finished by running it again. Which questions make a task is decided
elsewhere or, by default, by cutting an image's questions evenly.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Int, Shaped
from sqlalchemy import Column, Connection, func, select, text

from reassess.errors import DataError, preview
from reassess.rating.database import in_lists, insert_columns, numbers_by_name
from reassess.rating.records import QUESTIONS_PER_TASK
from reassess.rating.schema import FOR_RATING, images, questions, tasks
from reassess.rating.state import levels
from reassess.rating.store import Store, StudyRow, study_row
from reassess.rating.task_choice import places
from reassess.records import Pairs, Questions, Tasks

_AT_ONCE = 20_000
_LOCK = 0x6C6F6164


@dataclass(frozen=True, slots=True)
class QuestionTable:
    """Questions as the store numbers them.

    Attributes:
        question: number of each question, rising.
        task: number of the task it is asked in.
        image: row of its image in ``image_ids``.
        label: index of the class that it asks about.
        image_ids: the images that occur, strings.
        is_rated: whether raters are asked it: neither for practice alone nor retired.
    """

    question: Int[np.ndarray, "Q"]
    task: Int[np.ndarray, "Q"]
    image: Int[np.ndarray, "Q"]
    label: Int[np.ndarray, "Q"]
    image_ids: Shaped[np.ndarray, "N"]
    is_rated: Bool[np.ndarray, "Q"]

    @property
    def pairs(self) -> Pairs:
        """The image and class of each question."""
        return Pairs(self.image_ids, self.image, self.label)


def add_questions(store: Store, questions: Tasks | Questions) -> int:
    """How many questions were new; those that the store has already are left alone.

    Args:
        store: the study.
        questions: bundled into tasks of at most eight; or not bundled, and then each image's
            questions are cut evenly.

    Raises:
        DataError: questions have no pairs, or a task has too many.
        StoreError: the database cannot be written.
    """
    bundled = questions if isinstance(questions, Tasks) else Tasks(questions, _cut(questions))
    largest = int(bundled.sizes.max()) if len(bundled.task) else 0
    if largest > QUESTIONS_PER_TASK:
        task = int(np.argmax(bundled.sizes))
        raise DataError(
            f"tasks: task {task} has {largest} questions, but must have at most "
            f"{QUESTIONS_PER_TASK}, one page. Split it."
        )
    order = np.argsort(bundled.task, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(bundled.task[order])) + 1, len(order))
    n_new, start = 0, 0
    while start < len(order):
        end = int(ends[min(int(np.searchsorted(ends, start + _AT_ONCE)), len(ends) - 1)])
        rows = order[start:end]
        n_new += store.database.write(partial(_add, store, bundled, rows))
        start = end
    if n_new:
        store.database.analyze("study", "images", "tasks", "questions")
    return n_new


def question_table(store: Store) -> QuestionTable:
    """Every question with its number in the store, for rules and joins.

    Raises:
        StoreError: the database cannot be read.
    """
    found = select(
        questions.c.id, questions.c.task, questions.c.image, questions.c.label, tasks.c.use
    ).join(tasks, tasks.c.id == questions.c.task)
    with store.database.read() as connection:
        n = connection.execute(select(func.count()).select_from(questions)).scalar_one()
        columns = np.empty((5, n), np.int64)
        rows = connection.execution_options(yield_per=50_000).execute(
            found.order_by(questions.c.id)
        )
        start = 0
        for part in rows.partitions():
            block = np.array([tuple(row) for row in part], np.int64).T
            columns[:, start : start + block.shape[1]] = block
            start += block.shape[1]
        named = connection.execute(select(images.c.id, images.c.name).order_by(images.c.id)).all()
    image = np.searchsorted(np.array([row.id for row in named], np.int64), columns[2])
    names = np.array([row.name for row in named], np.str_)
    is_rated = columns[4] == FOR_RATING
    return QuestionTable(columns[0], columns[1], image, columns[3], names, is_rated)


def question_numbers(connection: Connection, asked: Questions) -> Int[np.ndarray, "Q"]:
    """The number of each question in the store.

    Raises:
        DataError: there are no pairs, or one is not in the store.
    """
    pairs = asked.require_pairs()
    names: list[str] = pairs.image_ids.tolist()
    image = numbers_by_name(connection, images, names)
    there: dict[tuple[int, int], int] = {}
    for part in in_lists(list(image.values())):
        found = select(questions.c.image, questions.c.label, questions.c.id)
        for row in connection.execute(found.where(questions.c.image.in_(part))):
            there[row.image, row.label] = row.id
    wanted = [
        (image.get(names[i], -1), label)
        for i, label in zip(pairs.image.tolist(), pairs.label.tolist(), strict=True)
    ]
    missing = [row for row, pair in enumerate(wanted) if pair not in there]
    if missing:
        raise DataError(
            f"questions: {preview(asked.ids[missing])} is not in the study; {len(missing):,} of "
            f"{len(asked):,} are not. Leave them out (reassess votes import --only-asked)."
        )
    return np.array([there[pair] for pair in wanted], np.int64)


def _cut(asked: Questions) -> Int[np.ndarray, "Q"]:
    """A task for each question: those of an image, in their order, in equal parts."""
    image = asked.require_pairs().image
    order = np.argsort(image, kind="stable")
    _, first, count = np.unique(image[order], return_index=True, return_counts=True)
    n_tasks = -(-count // QUESTIONS_PER_TASK)
    rank = np.arange(len(order)) - np.repeat(first, count)
    part = rank * np.repeat(n_tasks, count) // np.maximum(np.repeat(count, count), 1)
    task = np.empty(len(order), np.int64)
    task[order] = np.repeat(np.cumsum(n_tasks) - n_tasks, count) + part
    return task


def _add(store: Store, bundled: Tasks, rows: Int[np.ndarray, "q"], connection: Connection) -> int:
    """Add the new ones of some whole tasks, which stand together in ``rows``."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    pairs = bundled.pairs
    used, local = np.unique(pairs.image[rows], return_inverse=True)
    number = _image_numbers(connection, pairs.image_ids[used])[local]
    is_new = _is_new(connection, number, pairs.label[rows])
    rows, number = rows[is_new], number[is_new]
    if len(rows) == 0:
        return 0
    _insert(store, connection, bundled, rows, number)
    return len(rows)


def _insert(
    store: Store,
    connection: Connection,
    bundled: Tasks,
    rows: Int[np.ndarray, "q"],
    image: Int[np.ndarray, "q"],
) -> None:
    """Insert questions that are new, and the tasks that they form."""
    study = study_row(connection)
    first_task = _next_number(connection, tasks.c.id)
    first_question = _next_number(connection, questions.c.id)
    _, begin, part, size = np.unique(
        bundled.task[rows], return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(part, kind="stable")
    asked = np.arange(first_question, first_question + len(rows))
    settled, level = _assess(store, study, asked)
    part, label = part[order], bundled.pairs.label[rows][order]
    n_open = np.bincount(part, weights=~settled).astype(np.int64)
    top = np.zeros(len(begin), np.int64)
    np.maximum.at(top, part, np.where(settled, 0, level))
    made = np.arange(first_task, first_task + len(begin))
    insert_columns(
        connection,
        tasks,
        {
            "id": made.tolist(),
            "image": image[begin].tolist(),
            "shuffle": places(made).tolist(),
            "n_questions": size.tolist(),
            "n_open": n_open.tolist(),
            "n_done": (size - n_open).tolist(),
            "level": top.tolist(),
        },
    )
    insert_columns(
        connection,
        questions,
        {
            "id": asked.tolist(),
            "task": (first_task + part).tolist(),
            "image": image[order].tolist(),
            "label": label.tolist(),
            "is_settled": settled.tolist(),
            "is_open": (~settled).tolist(),
            "level": level.tolist(),
        },
    )


def _image_numbers(
    connection: Connection, image_ids: Shaped[np.ndarray, "n"]
) -> Int[np.ndarray, "n"]:
    """The number of each image in the store, which is made where it is new."""
    names: list[str] = image_ids.tolist()
    known = numbers_by_name(connection, images, names)
    missing = [name for name in names if name not in known]
    first = _next_number(connection, images.c.id)
    made = list(range(first, first + len(missing)))
    insert_columns(connection, images, {"id": made, "name": missing})
    known.update(zip(missing, made, strict=True))
    return np.array([known[name] for name in names], np.int64)


def _is_new(
    connection: Connection, image: Int[np.ndarray, "q"], label: Int[np.ndarray, "q"]
) -> Bool[np.ndarray, "q"]:
    """Which (image, class) pairs the store does not ask about yet."""
    there: set[tuple[int, int]] = set()
    for part in in_lists(np.unique(image).tolist()):
        found = select(questions.c.image, questions.c.label).where(questions.c.image.in_(part))
        there.update(tuple(row) for row in connection.execute(found))
    wanted = zip(image.tolist(), label.tolist(), strict=True)
    return np.array([pair not in there for pair in wanted], np.bool_)


def _assess(
    store: Store, study: StudyRow, asked: Int[np.ndarray, "q"]
) -> tuple[Bool[np.ndarray, "q"], Int[np.ndarray, "q"]]:
    """What the rule says about questions before their first vote."""
    nothing = np.zeros(0, np.int64)
    left = np.full(len(asked), study.settings.votes_per_question)
    said = store.rule.assess(asked, nothing, np.zeros(0, np.str_), nothing, left)
    return said.settled, np.array(levels(said.urgency), np.int64)


def _next_number(connection: Connection, column: Column[int]) -> int:
    return int(connection.execute(select(func.coalesce(func.max(column), 0))).scalar_one()) + 1
