"""Erasing a person from a store: their name, what they wrote, and where asked their votes.

The only place where what is append-only is changed. Everything happens in one transaction, with
the triggers lifted inside it; the audit log says that it happened, and no more.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, select, text, update

from reassess.rating.access import check_owner_left
from reassess.rating.counts import recount
from reassess.rating.identity import random_id
from reassess.rating.leases import release_all_of
from reassess.rating.people import rater as person
from reassess.rating.schema import (
    activity,
    audit_log,
    consents,
    enrolments,
    expert_votes,
    invitations,
    leases,
    raters,
    sessions,
    slots,
    submissions,
    votes,
)
from reassess.rating.store import Store, log, study_row
from reassess.rating.surplus import fill_places

_KEPT_SHUT = (votes, submissions, expert_votes, audit_log)
_COUNTERS = ("n_screens", "n_answers", "n_counted", "n_timed", "n_fast", "milliseconds",
             "n_compared", "n_agreed")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of a person.

    Attributes:
        name: what the store calls them now.
        n_votes: votes of theirs that were deleted.
    """

    name: str
    n_votes: int


def erase_person(
    store: Store, rater: int, *, with_votes: bool = False, leaves_owner: bool = True
) -> Erased:
    """Take a person's name and texts out of the store, and where asked every answer of theirs.

    Their access ends, and what a platform called them is gone. Without ``with_votes`` their
    answers stay, under a name that tells nothing, and with them when they agreed to what, and a
    keyed hash by which the platform's id cannot enrol again.
    Nobody should rate meanwhile: processes that are running remember names.

    Args:
        store: the study.
        rater: the person's number.
        with_votes: whether votes, experts' answers, times of work and consent are deleted too;
            what gold says stays.
        leaves_owner: refuse to erase the last owner who may act.

    Raises:
        RaterError: the person is unknown.
        OptionError: they are the last owner who may act, and one must be left.
        StoreError: the database cannot be written.
    """
    one, name = person(store, rater), f"erased-{secrets.token_hex(4)}"
    store.database.write(lambda c: release_all_of(store, c, rater))

    def act(connection: Connection) -> int:
        if leaves_owner:
            check_owner_left(connection, one)
        with _opened(connection):
            _erase_texts(connection, rater, one.name, name)
            n_votes = _erase_answers(store, connection, rater) if with_votes else 0
        now = store.now()
        connection.execute(
            update(raters)
            .where(raters.c.id == rater)
            .values(name=name, password_hash=None, epoch=random_id(), removed_at=now)
        )
        connection.execute(delete(invitations).where(invitations.c.rater == rater))
        connection.execute(delete(sessions).where(sessions.c.rater == rater))
        if with_votes:
            connection.execute(delete(consents).where(consents.c.rater == rater))
            connection.execute(delete(enrolments).where(enrolments.c.rater == rater))
        log(connection, now, None, "erase", {"rater": name, "votes": with_votes})
        return n_votes

    n_votes = store.database.rebuild(act)
    store.names.clear()
    fill_places(store)
    store.database.vacuum()
    return Erased(name, n_votes)


def _erase_texts(connection: Connection, rater: int, was: str, name: str) -> None:
    """What they wrote, their ids, and what the audit log says with their name in it."""
    connection.execute(
        update(enrolments)
        .where(enrolments.c.rater == rater)
        .values(platform_id=None, platform_study=None, platform_session=None, completion_code="")
    )
    theirs = select(leases.c.id).where(leases.c.rater == rater)
    connection.execute(
        update(submissions).where(submissions.c.lease.in_(theirs)).values(something_else=None)
    )
    connection.execute(update(expert_votes).where(expert_votes.c.expert == rater).values(note=""))
    found = connection.execute(select(audit_log.c.id, audit_log.c.actor, audit_log.c.detail)).all()
    for row in found:
        detail = dict(row.detail)
        if row.actor == rater:
            detail |= {key: "" for key in ("note", "reason") if key in detail}
        if detail.get("rater") == was:
            detail |= {"rater": name} | {key: "" for key in ("reason",) if key in detail}
        if was in json.dumps(detail, ensure_ascii=False) and detail.get("rater") != name:
            detail = {key: "" if was in str(value) else value for key, value in detail.items()}
        if detail != row.detail:
            connection.execute(
                update(audit_log).where(audit_log.c.id == row.id).values(detail=detail)
            )


def _erase_answers(store: Store, connection: Connection, rater: int) -> int:
    """How many votes were deleted; every counter is made again."""
    del store
    theirs = select(leases.c.id).where(leases.c.rater == rater)
    connection.execute(delete(slots).where(slots.c.rater == rater))
    n_votes = connection.execute(delete(votes).where(votes.c.rater == rater)).rowcount
    connection.execute(delete(submissions).where(submissions.c.lease.in_(theirs)))
    connection.execute(delete(leases).where(leases.c.rater == rater))
    connection.execute(delete(activity).where(activity.c.rater == rater))
    connection.execute(delete(expert_votes).where(expert_votes.c.expert == rater))
    connection.execute(
        update(raters).where(raters.c.id == rater).values(dict.fromkeys(_COUNTERS, 0))
    )
    recount(connection, study_row(connection).settings.votes_per_question)
    return n_votes


@contextmanager
def _opened(connection: Connection) -> Iterator[None]:
    """Let the block change what triggers keep from being changed."""
    if connection.dialect.name == "postgresql":
        for table in _KEPT_SHUT:
            connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER append_only"))
        yield
        for table in _KEPT_SHUT:
            connection.execute(text(f"ALTER TABLE {table.name} ENABLE TRIGGER append_only"))
        return
    kept = _triggers(connection, _KEPT_SHUT)
    for name in kept:
        connection.execute(text(f'DROP TRIGGER "{name}"'))
    yield
    for made in kept.values():
        connection.exec_driver_sql(made)


def _triggers(connection: Connection, tables: tuple[Table, ...]) -> dict[str, str]:
    """SQLite's triggers of some tables: what makes each, by name."""
    rows = connection.execute(
        text("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
    )
    names = {table.name for table in tables}
    return {row.name: row.sql for row in rows if row.tbl_name in names}
