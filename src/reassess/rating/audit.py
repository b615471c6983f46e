"""The store's invariants, counted again from scratch: for tests, and for owners who doubt.

Reads only. What the database holds itself (keys, checks) is asked of SQLite too, which
checks its file's structure by ``PRAGMA integrity_check``.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, and_, func, or_, select, text

from reassess.rating.counts import slot_counts, task_counts
from reassess.rating.schema import (
    OPEN,
    enrolments,
    join_addresses,
    questions,
    raters,
    slots,
    tasks,
)
from reassess.rating.schema import leases as lease_table
from reassess.rating.store import Store, study_row


def audit(store: Store) -> tuple[str, ...]:
    """Every counter and invariant that does not hold, as sentences; empty where all do.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        k = study_row(connection).settings.votes_per_question
        return (
            *_structure(connection),
            *_questions(connection, k),
            *_tasks(connection, k),
            *_leased(connection),
            *_raters(connection),
            *_addresses(connection),
        )


def _structure(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return
    for pragma in ("integrity_check", "foreign_key_check"):
        for row in connection.execute(text(f"PRAGMA {pragma}")):
            if row[0] != "ok":
                yield f"SQLite's {pragma}: {tuple(row)}."


def _questions(connection: Connection, k: int) -> Iterator[str]:
    counted = slot_counts(questions.c.id >= 0)
    names = ("n_taken", "n_no", "n_maybe", "n_yes")
    differs = or_(*(questions.c[n] != func.coalesce(counted.c[n], 0) for n in names))
    found = select(questions.c.id).select_from(
        questions.outerjoin(counted, counted.c.question == questions.c.id)
    )
    for number in connection.execute(found.where(differs)).scalars():
        yield f"question {number}: its counts are not those of its slots."
    for number in connection.execute(
        select(questions.c.id).where(questions.c.n_taken > k)
    ).scalars():
        yield f"question {number}: it has more than {k} slots."
    has_room = and_(tasks.c.use == 0, questions.c.is_settled.is_(False), questions.c.n_taken < k)
    for number in connection.execute(
        select(questions.c.id).join(tasks).where(questions.c.is_open != has_room)
    ).scalars():
        yield f"question {number}: whether it is open is wrong."


def _tasks(connection: Connection, k: int) -> Iterator[str]:
    counted = task_counts(k)
    names = ("n_open", "n_done", "n_votes", "n_contested", "level")
    differs = or_(*(tasks.c[name] != counted.c[name] for name in names))
    found = select(tasks.c.id).join(counted, counted.c.task == tasks.c.id).where(differs)
    for number in connection.execute(found).scalars():
        yield f"task {number}: its counters are not those of its questions."


def _leased(connection: Connection) -> Iterator[str]:
    """A slot without a vote must belong to a task that is out."""
    out = select(lease_table.c.rater, lease_table.c.questions).where(lease_table.c.state == OPEN)
    held = {(row.rater, n) for row in connection.execute(out) for n in row.questions}
    leased = select(slots.c.question, slots.c.rater).where(slots.c.version.is_(None))
    for question, rater in connection.execute(leased):
        if (rater, question) not in held:
            yield f"question {question}: rater {rater} has a slot but neither lease nor vote."


def _raters(connection: Connection) -> Iterator[str]:
    counted = (
        select(slots.c.rater, func.count().label("n"))
        .where(slots.c.version.is_not(None))
        .group_by(slots.c.rater)
        .subquery()
    )
    found = (
        select(raters.c.name)
        .outerjoin(counted, counted.c.rater == raters.c.id)
        .where(raters.c.n_counted != func.coalesce(counted.c.n, 0))
    )
    for name in connection.execute(found).scalars():
        yield f"rater {name!r}: the number of counted votes is wrong."


def _addresses(connection: Connection) -> Iterator[str]:
    """Whoever was erased with their votes stays counted."""
    enrolled = (
        select(func.count()).where(enrolments.c.address == join_addresses.c.id).scalar_subquery()
    )
    found = select(join_addresses.c.id).where(join_addresses.c.n_people < enrolled)
    for number in connection.execute(found).scalars():
        yield f"join address {number}: more people have enrolled by it than it counts."
