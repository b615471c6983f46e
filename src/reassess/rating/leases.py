"""Leases that exist: shown again, gone back to, returned, run out.

A lease keeps a task for one rater for a while. Whatever ends it frees the slots that it
held in the same transaction. Who gets the next one is decided in `reassess.rating.queue`.
"""

from collections.abc import Collection, Sequence
from itertools import islice

from sqlalchemy import Connection, Integer, and_, bindparam, exists, select, update

from reassess.rating.database import AnyRow
from reassess.rating.records import LeaseError, TaskLease, TaskQuestion, is_text
from reassess.rating.round_trip import Step, send
from reassess.rating.schema import (
    ANSWERED,
    BARRED_AT,
    EXPIRED,
    GOLD,
    OPEN,
    PRACTICE,
    RATING,
    REPEAT,
    RETURNED,
    UNSEEN,
    images,
    leases,
    questions,
    raters,
    tasks,
    votes,
)
from reassess.rating.state import TaskState, load_task
from reassess.rating.store import Store, moment, study_row
from reassess.rating.surplus import fill_freed

_COLUMNS = (
    leases.c.id, leases.c.rater, leases.c.ordinal, leases.c.task, leases.c.purpose,
    leases.c.state, leases.c.questions, leases.c.leased_at, leases.c.expires_at,
    leases.c.is_sweep, images.c.name, BARRED_AT,
)  # fmt: skip
LEASE = (
    select(*_COLUMNS)
    .select_from(leases.join(tasks, tasks.c.id == leases.c.task).join(images).join(raters))
    .where(leases.c.id == bindparam("lease"))
)
"""A lease, its image and its rater."""
_LABELS = (
    select(questions.c.id, questions.c.label)
    .join(leases, leases.c.task == questions.c.task)
    .where(leases.c.id == bindparam("lease"))
)
_ANSWERS = (
    select(votes.c.question, votes.c.round, votes.c.answer)
    .join(questions, questions.c.id == votes.c.question)
    .join(leases, and_(leases.c.task == questions.c.task, leases.c.rater == votes.c.rater))
    .where(leases.c.id == bindparam("lease"))
    .order_by(votes.c.version)
)
RUN_OUT = (
    select(leases.c.id, leases.c.task, leases.c.rater, leases.c.purpose, leases.c.questions)
    .where(leases.c.state == OPEN, leases.c.expires_at <= bindparam("now"))
    .order_by(leases.c.expires_at)
    .limit(bindparam("limit", type_=Integer))
)
"""Leases that have run out and hold their slots still."""
_OF_RATER = select(
    leases.c.id, leases.c.task, leases.c.rater, leases.c.purpose, leases.c.questions
).where(leases.c.state == OPEN, leases.c.rater == bindparam("rater"))  # fmt: skip
_END = (
    update(leases)
    .where(leases.c.id == bindparam("lease"), leases.c.state == OPEN)
    .values(state=bindparam("new_state"), ended_at=bindparam("now"))
)
_BEFORE = (
    select(leases.c.id)
    .where(
        leases.c.rater == bindparam("rater"),
        leases.c.ordinal < bindparam("ordinal"),
        leases.c.state.in_((ANSWERED, UNSEEN)),  # what was not seen may be seen now
        leases.c.is_sweep.is_(False),
    )
    .order_by(leases.c.ordinal.desc())
    .limit(1)
)
_KEEP = (
    update(leases)
    .where(
        leases.c.id.in_(bindparam("leases", expanding=True)), leases.c.rater == bindparam("r"),
        leases.c.state == OPEN,
    )
    .values(expires_at=bindparam("until"))
    .returning(leases.c.id)
)  # fmt: skip
RAN_OUT = select(leases.c.id, leases.c.questions, leases.c.is_sweep).where(
    leases.c.rater == bindparam("rater"), leases.c.state == EXPIRED
)
"""Leases of a rater that ran out unanswered, and were neither held again nor given up."""
_LATER = exists().where(
    leases.c.rater == bindparam("rater"), leases.c.task == bindparam("task"),
    leases.c.ordinal > bindparam("ordinal"),
)  # fmt: skip
_HOLD_AGAIN = (
    update(leases)
    .where(leases.c.id == bindparam("lease"), leases.c.state == EXPIRED)
    .values(state=OPEN, ended_at=None, expires_at=bindparam("until"))
)
_GIVE_UP = (
    update(leases)
    .where(leases.c.id == bindparam("lease"), leases.c.state == EXPIRED)
    .values(state=RETURNED)
)
_AT_ONCE = 20
_NO_END = 2**31 - 1


def leased_task(store: Store, rater: int, lease: int) -> TaskLease:
    """A task that this rater holds or held, with their answers, to go back and correct.

    Raises:
        LeaseError: there is no such task, or it is another rater's.
        StoreError: the database cannot be read.
    """
    return _task(rater, lease, store.database.fetch(*_parts(lease)))


def earlier_task(store: Store, rater: int, lease: int | None = None) -> TaskLease | None:
    """The task that this rater answered last before another (or last of all).

    Args:
        store: the study.
        rater: the rater's number.
        lease: the task to go back from; None goes back from the end.

    Raises:
        LeaseError: the task is another rater's.
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        ordinal = _NO_END if lease is None else lease_row(connection, rater, lease).ordinal
        found = connection.execute(_BEFORE, {"rater": rater, "ordinal": ordinal}).scalar()
        if found is None:
            return None
        return tasks_of(connection, rater, [found])[0]


def return_task(store: Store, rater: int, lease: int) -> None:
    """Give a task back to the queue unanswered; no matter if it ended already.

    Raises:
        LeaseError: there is no such task, or it is another rater's.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> None:
        release(store, connection, [lease_row(connection, rater, lease)], RETURNED)

    store.database.write(act)


def keep_tasks(store: Store, rater: int, numbers: Collection[int]) -> tuple[int, ...]:
    """Which of these leases the rater holds from now on, as a page that shows them asks for.

    Those that are held are prolonged. One that ran out is held again where somebody may still
    answer one of its questions; others stay as they are, and answers to them are stored all the
    same.

    Args:
        store: the study.
        rater: the rater's number.
        numbers: leases; those of others, and those that were answered, are passed over.

    Raises:
        StoreError: the database cannot be written.
    """
    asked = [number for number in numbers if abs(number) < 2**63]

    def act(connection: Connection) -> tuple[int, ...]:
        held = prolong(store, connection, rater, asked)
        ran_out = {row.id for row in ran_out_of(connection, rater)}.intersection(asked)
        held |= {one for one in sorted(ran_out) if hold_again(store, connection, rater, one)}
        return tuple(sorted(held))

    return store.database.write(act, durable=False) if asked else ()


def prolong(store: Store, connection: Connection, rater: int, numbers: Collection[int]) -> set[int]:
    """Those of these leases that the rater holds, which run from now on again."""
    until = store.now() + 1000 * study_row(connection).settings.lease_seconds
    values = {"leases": list(numbers), "r": rater, "until": until}
    return set(connection.execute(_KEEP, values).scalars())


def ran_out_of(connection: Connection, rater: int) -> Sequence[AnyRow]:
    """Leases of a rater that ran out unanswered, and were neither held again nor given up.

    With the numbers of their questions, and whether they are of a class grid.
    """
    return connection.execute(RAN_OUT, {"rater": rater}).all()


def hold_again(store: Store, connection: Connection, rater: int, lease: int) -> bool:
    """Whether a lease that ran out is the rater's again; given up where nobody may answer it.

    The same task, so that what a page shows, or a browser keeps of it, is still about it.
    """
    row = lease_row(connection, rater, lease)
    study = study_row(connection)
    state = load_task(connection, row.task)
    later = {"rater": rater, "task": row.task, "ordinal": row.ordinal}
    is_theirs = row.barred_at is None and not study.is_closed
    is_theirs = is_theirs and not connection.execute(select(_LATER), later).scalar_one()
    free = [n for n in row.questions if row.purpose != RATING or _may_answer(state, n, rater)]
    if not (is_theirs and free):
        connection.execute(_GIVE_UP, {"lease": lease})
        return False
    until = store.now() + 1000 * study.settings.lease_seconds
    if not connection.execute(_HOLD_AGAIN, {"lease": lease, "until": until}).rowcount:
        return False
    if row.purpose in (RATING, GOLD):
        for number in free:
            state.take(number, rater)
        state.save(store, connection)
    return True


def _may_answer(state: TaskState, number: int, rater: int) -> bool:
    """Whether a question waits for one more vote, and this rater gave none."""
    question = state.questions[number]
    return state.is_open(question) and question.place_of(rater) is None


def return_expired(store: Store, limit: int = 1_000) -> int:
    """How many leases had run out and went back to the queue now.

    `next_task` does this by itself a few at a time; nobody needs to call it.

    Raises:
        StoreError: the database cannot be written.
    """
    n_returned, last = 0, _AT_ONCE
    while n_returned < limit and last == _AT_ONCE:
        last = store.database.write(lambda c: release_expired(store, c, store.now()))
        n_returned += last
    return n_returned


def holds_image(store: Store, rater: int, image_id: str) -> bool:
    """Whether this rater was ever given a task of the image: who may fetch its file.

    Raises:
        StoreError: the database cannot be read.
    """
    if not is_text(image_id):
        return False
    given = select(
        exists().where(
            images.c.name == image_id,
            tasks.c.image == images.c.id,
            leases.c.task == tasks.c.id,
            leases.c.rater == rater,
        )
    )
    with store.database.read() as connection:
        return bool(connection.execute(given).scalar_one())


def release_expired(store: Store, connection: Connection, now: int) -> int:
    """How many leases that have run out were ended, a few at most, so that others can write."""
    rows = connection.execute(RUN_OUT, {"now": now, "limit": _AT_ONCE}).all()
    return release(store, connection, rows, EXPIRED)


def release_all_of(store: Store, connection: Connection, rater: int) -> int:
    """How many leases of a rater were ended."""
    return release(
        store, connection, connection.execute(_OF_RATER, {"rater": rater}).all(), RETURNED
    )


def release(store: Store, connection: Connection, rows: Sequence[AnyRow], state: int) -> int:
    """How many of these leases ran still; they are ended and their slots freed."""
    n_ended = 0
    for row in sorted(rows, key=lambda row: (row.task, row.id)):
        locked = load_task(connection, row.task)
        ended = connection.execute(
            _END, {"lease": row.id, "new_state": state, "now": store.now()}
        ).rowcount
        n_ended += ended
        if ended and row.purpose in (RATING, GOLD):
            freed = [number for number in row.questions if locked.free(number, row.rater)]
            if freed:
                fill_freed(connection, locked, freed)
            locked.save(store, connection)
    return n_ended


def lease_row(connection: Connection, rater: int, lease: int) -> AnyRow:
    """The lease and its image.

    Raises:
        LeaseError: there is no such task, or it is another rater's.
    """
    rows = send(connection, (LEASE, {"lease": lease}))[0] if abs(lease) < 2**63 else []
    return theirs(rows, rater, lease)


def theirs(rows: Sequence[AnyRow], rater: int, lease: int) -> AnyRow:
    """The row that `LEASE` found, if it is this rater's.

    Raises:
        LeaseError: there is no such task, or it is another rater's.
    """
    if not rows or rows[0].rater != rater:
        raise LeaseError(f"task {lease} is none of yours. Fetch the next one.")
    return rows[0]


def tasks_of(connection: Connection, rater: int, numbers: Collection[int]) -> tuple[TaskLease, ...]:
    """The tasks of these leases, with the rater's answers so far.

    Raises:
        LeaseError: there is no such task, or it is another rater's.
    """
    found = iter(send(connection, *(step for lease in numbers for step in _parts(lease))))
    return tuple(_task(rater, lease, list(islice(found, 3))) for lease in numbers)


def _parts(lease: int) -> list[Step]:
    """Statements that find what `_task` makes a task of."""
    number = {"lease": lease if abs(lease) < 2**63 else -1}
    return [(LEASE, number), (_LABELS, number), (_ANSWERS, number)]


def _task(rater: int, lease: int, found: Sequence[Sequence[AnyRow]]) -> TaskLease:
    row = theirs(found[0], rater, lease)
    labels = {row.id: row.label for row in found[1]}
    wanted = round_of(row.purpose)
    answers = {number: answer for number, round_, answer in found[2] if round_ == wanted}
    return TaskLease(
        row.id,
        row.name,
        tuple(TaskQuestion(n, labels[n], answers.get(n)) for n in row.questions),
        moment(row.expires_at),
        row.purpose == PRACTICE,
        row.state == ANSWERED,
        moment(row.leased_at),
    )


def round_of(purpose: int) -> int:
    """The round of votes that a task asks for: 1 for a repetition, else 0."""
    return 1 if purpose == REPEAT else 0
