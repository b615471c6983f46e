"""Votes that got no place: gold beyond k, tests of newcomers, late answers. They wait for one.

Such a vote is kept, and its rater is not asked again. As soon as a place of its question is free
(votes were excluded, a task came back, k was raised), the vote takes it and counts. So no question
lacks a vote that was given. Only raters who have qualified, and whose votes are not excluded, have
votes that count; practice and repetitions never do.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, select, update

from reassess.rating.schema import FOR_RATING, PRACTICE, questions, raters, slots, tasks, votes
from reassess.rating.state import TaskState, load_task
from reassess.rating.store import Store, study_row

TASKS_AT_ONCE = 2_000

_HAS_PLACE = exists().where(
    slots.c.question == votes.c.question, slots.c.rater == votes.c.rater
)  # fmt: skip
_WAITING = (
    select(votes.c.question, votes.c.rater, votes.c.version, votes.c.answer, questions.c.task)
    .select_from(
        questions.join(tasks, tasks.c.id == questions.c.task)
        .join(votes, votes.c.question == questions.c.id)
        .join(raters, raters.c.id == votes.c.rater)
    )
    .where(
        tasks.c.use == FOR_RATING,
        votes.c.round == 0,
        votes.c.purpose != PRACTICE,
        raters.c.stage == "rating",
        raters.c.aside_at.is_(None),
        ~_HAS_PLACE,
    )
    .order_by(func.coalesce(votes.c.given_at, 0), votes.c.version)
)
_OF_QUESTIONS = _WAITING.where(questions.c.id.in_(bindparam("questions", expanding=True)))
_OF_TASKS = _WAITING.where(
    questions.c.task >= bindparam("low"),
    questions.c.task < bindparam("high"),
    questions.c.n_taken < bindparam("k"),
)
_COUNTED = (
    update(raters)
    .where(raters.c.id == bindparam("r"))
    .values(n_counted=raters.c.n_counted + bindparam("n_more"))
)


@dataclass(frozen=True, slots=True)
class SurplusVote:
    """The latest version of a rater's answer, which no place holds.

    Attributes:
        question: its question.
        rater: who gave it.
        version: the latest.
        answer: 0 no, 1 maybe, 2 yes.
        task: the task of the question.
    """

    question: int
    rater: int
    version: int
    answer: int
    task: int


def fill_freed(connection: Connection, state: TaskState, numbers: Collection[int]) -> None:
    """Let waiting votes take what was freed of these questions of a locked task, not saved yet."""
    found = _waiting(connection, _OF_QUESTIONS, {"questions": list(numbers)})
    counted = _place(state, found)
    if counted:
        state.delete_freed(connection)
        _count(connection, counted)


def fill_places(store: Store) -> int:
    """How many waiting votes took places that were free, some thousand tasks at a time.

    To be called after places became free by other ways than a task's end.

    Raises:
        StoreError: the database cannot be written.
    """
    with store.database.read() as connection:
        last = connection.execute(select(func.max(tasks.c.id))).scalar()
    starts = range(0, 0 if last is None else last + 1, TASKS_AT_ONCE)
    return sum(fill_places_of(store, low, low + TASKS_AT_ONCE) for low in starts)


def fill_places_of(store: Store, low: int, high: int) -> int:
    """The same for the tasks in [low, high).

    Raises:
        StoreError: the database cannot be written.
    """
    return store.database.write(partial(_fill, store, low, high))


def _fill(store: Store, low: int, high: int, connection: Connection) -> int:
    k = study_row(connection).settings.votes_per_question
    found = _waiting(connection, _OF_TASKS, {"low": low, "high": high, "k": k})
    return count_surplus(store, connection, found)


def count_surplus(store: Store, connection: Connection, given: Iterable[SurplusVote]) -> int:
    """How many of these votes took a place, in their order."""
    by_task: dict[int, list[SurplusVote]] = defaultdict(list)
    for vote in given:
        by_task[vote.task].append(vote)
    counted: Counter[int] = Counter()
    for task in sorted(by_task):
        state = load_task(connection, task)
        counted += _place(state, by_task[task])
        state.save(store, connection)
    _count(connection, counted)
    return counted.total()


def _waiting(
    connection: Connection, wanted: Select[*tuple[Any, ...]], values: dict[str, Any]
) -> list[SurplusVote]:
    """The latest version of each, in the order in which they were given first."""
    rows = connection.execute(wanted, values)
    return list({(row.question, row.rater): SurplusVote(*row) for row in rows}.values())


def _place(state: TaskState, given: Sequence[SurplusVote]) -> Counter[int]:
    """How many votes of each rater took a place of a locked task."""
    counted: Counter[int] = Counter()
    for vote in given:
        question = state.questions[vote.question]
        if question.place_of(vote.rater) is None and state.take(vote.question, vote.rater):
            state.count(vote.question, vote.rater, vote.version, vote.answer)
            counted[vote.rater] += 1
    return counted


def _count(connection: Connection, counted: Counter[int]) -> None:
    for number in sorted(counted):
        connection.execute(_COUNTED, {"r": number, "n_more": counted[number]})
