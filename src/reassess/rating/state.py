"""One task as a transaction sees and changes it: its questions, slots and counted votes.

Every change of slots goes through `TaskState`: load it under the task's lock, change it in
memory, save it once. What is saved are absolute counts made from the slots themselves, never
increments. Holds no rule of the queue.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select, true

from reassess.rating.database import AnyRow
from reassess.rating.round_trip import Step, delete_rows, insert_rows, send, update_rows
from reassess.rating.schema import FOR_RATING, LEVELS, leases, questions, slots, study, tasks, votes
from reassess.rating.store import Store, names_of
from reassess.records import NoStopping


@dataclass(slots=True)
class Slot:
    """A place for a counted vote that is taken.

    Attributes:
        rater: who has it.
        version: the version of the rater's vote; None while it is only leased.
        answer: the rater's answer; None while it is only leased.
    """

    rater: int
    version: int | None = None
    answer: int | None = None


@dataclass(slots=True)
class QuestionState:
    """One question and its slots.

    Attributes:
        number: of the question.
        label: its class.
        truth: what gold says; None where it is no gold.
        is_settled: whether the rule says to stop.
        level: the step of its urgency.
        slots: those that are taken, by place.
        is_answered: whether the rater that the task was loaded for has answered it.
        is_changed: whether a counted vote came, went or changed.
    """

    number: int
    label: int
    truth: bool | None
    is_settled: bool
    level: int
    slots: dict[int, Slot] = field(default_factory=dict)
    is_answered: bool = False
    is_changed: bool = False

    def place_of(self, rater: int) -> int | None:
        """The place that a rater has; None where they have none."""
        return next((place for place, slot in self.slots.items() if slot.rater == rater), None)

    def free_place(self, k: int) -> int | None:
        """The first place that nobody has; None where all k are taken."""
        return next((place for place in range(k) if place not in self.slots), None)

    def answers(self) -> list[int]:
        """The counted answers."""
        return [slot.answer for slot in self.slots.values() if slot.answer is not None]


_own = votes.alias("own")
_is_answered = (
    select(func.max(_own.c.version) >= 0)  # an EXISTS may scan every vote of the rater
    .where(
        _own.c.question == questions.c.id,
        _own.c.rater == bindparam("rater"),
        _own.c.round == bindparam("round"),
    )
    .scalar_subquery()
)


def _load(task: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            questions.c.id, questions.c.label, questions.c.truth, questions.c.is_settled,
            questions.c.level, slots.c.slot, slots.c.rater, slots.c.version, votes.c.answer,
            tasks.c.id.label("task"), tasks.c.use, study.c.n_slots,
            _is_answered.label("is_answered"),
        )
        .select_from(
            tasks.join(study, true())
            .join(questions, questions.c.task == tasks.c.id)
            .outerjoin(slots, slots.c.question == questions.c.id)
            .outerjoin(
                votes,
                (votes.c.question == slots.c.question)
                & (votes.c.rater == slots.c.rater)
                & (votes.c.round == slots.c.round)
                & (votes.c.version == slots.c.version),
            )
        )
        .where(tasks.c.id == task)
        .order_by(questions.c.id, slots.c.slot)
    )  # fmt: skip


_TASK: ColumnElement[int] = bindparam("task", type_=tasks.c.id.type)
_LEASED = select(leases.c.task).where(leases.c.id == bindparam("lease")).scalar_subquery()
_LOAD, _LOAD_LEASED = _load(_TASK), _load(_LEASED)
_LOCK, _LOCK_LEASED = (
    select(tasks.c.id).where(tasks.c.id == one).with_for_update(key_share=True)
    for one in (_TASK, _LEASED)
)
_FREE = delete_rows(slots, "question", "slot")
_TAKE = insert_rows(slots, "question", "slot", "n_slots", "rater", "round", "version")
_COUNT = update_rows(slots, ["question", "slot"], ["version"])
_SAVE_QUESTION = update_rows(
    questions, ["id"],
    ["n_taken", "n_no", "n_maybe", "n_yes", "is_settled", "is_open", "level"],
)  # fmt: skip
_SAVE_TASK = update_rows(tasks, ["id"], ["n_open", "n_done", "n_votes", "n_contested", "level"])


@dataclass(slots=True)
class TaskState:
    """A locked task; made by `load_task`.

    Attributes:
        task: its number.
        use: what it is there for.
        k: votes a question.
        questions: its questions by number.
        taken: (question, place) of slots to insert.
        freed: (question, place) of slots to delete.
        counted: (question, place) of leased slots that have got a vote, or a later version.
    """

    task: int
    use: int
    k: int
    questions: dict[int, QuestionState]
    taken: set[tuple[int, int]] = field(default_factory=set)
    freed: set[tuple[int, int]] = field(default_factory=set)
    counted: set[tuple[int, int]] = field(default_factory=set)

    def is_open(self, question: QuestionState) -> bool:
        """Whether somebody may be asked."""
        return self.use == FOR_RATING and not question.is_settled and len(question.slots) < self.k

    def take(self, number: int, rater: int) -> bool:
        """Whether the rater has a slot of the question now; they may have had it before."""
        question = self.questions[number]
        if question.place_of(rater) is not None:
            return True
        place = question.free_place(self.k)
        if place is None or self.use != FOR_RATING:
            return False
        question.slots[place] = Slot(rater)
        self.taken.add((number, place))
        return True

    def count(self, number: int, rater: int, version: int, answer: int) -> None:
        """Let a vote count in the slot that the rater has."""
        question = self.questions[number]
        place = question.place_of(rater)
        assert place is not None  # noqa: S101 -- `take` said so
        question.slots[place] = Slot(rater, version, answer)
        question.is_changed = True
        self.counted.add((number, place))

    def free(self, number: int, rater: int, *, counted: bool = False) -> bool:
        """Whether a slot of the rater was freed: a leased one, or one with a counted vote."""
        question = self.questions[number]
        place = question.place_of(rater)
        if place is None or (question.slots[place].version is not None) != counted:
            return False
        del question.slots[place]
        question.is_changed |= counted
        self.freed.add((number, place))
        return True

    def delete_freed(self, connection: Connection) -> None:
        """Delete now what was freed and taken again: one statement cannot do both."""
        again = self.freed & self.taken
        if again:
            send(connection, (_FREE, [{"question": q, "slot": p} for q, p in sorted(again)]))
            self.freed -= again

    def save(self, store: Store, connection: Connection) -> None:
        """Write what changed; votes that slots point to must be there already."""
        steps = self.changes(store, connection)
        if steps:
            send(connection, *steps)

    def changes(self, store: Store, connection: Connection) -> list[Step]:
        """Statements that write what changed; votes that slots point to must be there before."""
        touched = {number for number, _ in self.taken | self.freed | self.counted}
        if not touched:
            return []
        self._assess(store, connection)
        steps = self._slot_changes()
        rows = [self._question_row(self.questions[number]) for number in sorted(touched)]
        steps.append((_SAVE_QUESTION, rows))
        steps.append((_SAVE_TASK, [task_row(self.task, self._tally())]))
        self.taken, self.freed, self.counted = set(), set(), set()
        return steps

    def _slot_changes(self) -> list[Step]:
        steps: list[Step] = []
        if self.freed:
            steps.append((_FREE, [{"question": q, "slot": p} for q, p in sorted(self.freed)]))
        rows = [
            {"question": q, "slot": p, "n_slots": self.k, "rater": slot.rater, "round": 0,
             "version": slot.version}
            for q, p in sorted(self.taken)
            for slot in [self.questions[q].slots[p]]
        ]  # fmt: skip
        if rows:
            steps.append((_TAKE, rows))
        changed = [
            {"question": q, "slot": p, "version": self.questions[q].slots[p].version}
            for q, p in sorted(self.counted - self.taken)
        ]
        if changed:
            steps.append((_COUNT, changed))
        return steps

    def _assess(self, store: Store, connection: Connection) -> None:
        changed = [q for q in self.questions.values() if q.is_changed]
        if not changed or isinstance(store.rule, NoStopping):
            return
        settled, level = assess(store, connection, changed, self.k)
        for question, is_settled, step in zip(changed, settled, level, strict=True):
            question.is_settled, question.level = is_settled, step

    def _question_row(self, question: QuestionState) -> dict[str, object]:
        answers = question.answers()
        return {
            "id": question.number,
            "n_taken": len(question.slots),
            "n_no": answers.count(0),
            "n_maybe": answers.count(1),
            "n_yes": answers.count(2),
            "is_settled": question.is_settled,
            "is_open": self.is_open(question),
            "level": question.level,
        }

    def _tally(self) -> Sequence[tuple[bool, bool, int, int, int]]:
        rows = []
        for question in self.questions.values():
            answers = question.answers()
            most = max(answers.count(code) for code in range(3))
            done = question.is_settled or len(answers) >= self.k
            rows.append(
                (self.is_open(question), done, question.level, len(answers), len(answers) - most)
            )
        return rows


def task_row(task: int, tally: Sequence[tuple[bool, bool, int, int, int]]) -> dict[str, int]:
    """The counters of a task from its questions' (open, done, level, votes, contested)."""
    return {
        "id": task,
        "n_open": sum(row[0] for row in tally),
        "n_done": sum(row[1] for row in tally),
        "n_votes": sum(row[3] for row in tally),
        "n_contested": sum(row[4] for row in tally),
        "level": max((row[2] for row in tally if row[0]), default=0),
    }


def levels(urgency: Float[np.ndarray, "q"]) -> list[int]:
    """The step that each urgency in [0, 1] falls into."""
    steps = np.floor(np.nan_to_num(urgency) * LEVELS)
    return [int(step) for step in np.clip(steps, 0, LEVELS - 1).tolist()]


def load_task(connection: Connection, task: int, *, rater: int = -1, round_: int = 0) -> TaskState:
    """A task with its questions and slots, locked against every other transaction.

    k is read under the lock too, so that nobody works with an old one.

    Args:
        connection: of the transaction.
        task: its number.
        rater: whose answers of ``round_`` are marked in ``is_answered``.
        round_: 0 for first answers, 1 for repetitions.
    """
    return task_state(send(connection, *locked_task(connection, task, rater, round_))[-1])


def locked_task(connection: Connection, task: int, rater: int = -1, round_: int = 0) -> list[Step]:
    """Statements that lock a task; the last loads it, for `task_state`."""
    load: Step = (_LOAD, {"task": task, "rater": rater, "round": round_})
    return [*_if_needed(connection, (_LOCK, {"task": task})), load]


def locked_task_of(connection: Connection, lease: int) -> list[Step]:
    """The same for the task of a lease."""
    load: Step = (_LOAD_LEASED, {"lease": lease, "rater": -1, "round": 0})
    return [*_if_needed(connection, (_LOCK_LEASED, {"lease": lease})), load]


def _if_needed(connection: Connection, lock: Step) -> list[Step]:
    """The lock on PostgreSQL; a transaction of SQLite has the whole database."""
    return [] if connection.dialect.name == "sqlite" else [lock]


def task_state(rows: Sequence[AnyRow]) -> TaskState:
    """The task that these rows of `locked_task` are, one a slot."""
    found: dict[int, QuestionState] = {}
    task, use, k = -1, FOR_RATING, 0
    for row in rows:
        number, label, truth, is_settled, level, place, holder, version, answer, *rest = row
        task, use, k, answered = rest
        if number not in found:
            found[number] = QuestionState(
                number, label, truth, is_settled, level, is_answered=bool(answered)
            )
        if place is not None:
            found[number].slots[place] = Slot(holder, version, answer)
    return TaskState(task, use, k, found)


def assess(
    store: Store, connection: Connection, asked: Iterable[QuestionState], k: int
) -> tuple[list[bool], list[int]]:
    """What the store's rule says about questions: whether each is settled, and its level."""
    states = list(asked)
    rows = [
        (position, slot.rater, slot.answer)
        for position, state in enumerate(states)
        for slot in state.slots.values()
        if slot.answer is not None
    ]
    said = store.rule.assess(
        np.array([state.number for state in states], np.int64),
        np.array([row[0] for row in rows], np.int64),
        np.array(names_of(store, connection, [row[1] for row in rows]), np.str_),
        np.array([row[2] for row in rows], np.int64),
        np.array([k - len(state.answers()) for state in states], np.int64),
    )
    return said.settled.tolist(), levels(said.urgency)
