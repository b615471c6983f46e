"""On which devices a person is signed in, and ending one of their sessions.

A row is written when somebody signs in. Of what their cookie holds only a hash is kept, and of the
browser what it and its system are called. A cookie without a row, of a session that began before
there were any, holds until the person's epoch changes: that ends all of their sessions.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from reassess.errors import OptionError
from reassess.rating.people import rater_record
from reassess.rating.records import Rater
from reassess.rating.schema import raters, sessions
from reassess.rating.store import Store, check_actor, log, moment

SESSION_SECONDS = 30 * 86_400
"""How long a session holds."""

_IN_SESSION = (
    select(raters, sessions.c.ended_at)
    .select_from(
        raters.outerjoin(
            sessions, and_(sessions.c.rater == raters.c.id, sessions.c.mark == bindparam("mark"))
        )
    )
    .where(raters.c.id == bindparam("rater"))
)

_HANDLE = 12
_LONGEST_DEVICE = 100


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One device on which a person is signed in.

    Attributes:
        handle: what names it; no cookie can be made from it.
        rater: the person's name.
        number: their number.
        device: browser and system, as the browser calls itself; empty where it says nothing.
        started_at: when they signed in.
    """

    handle: str
    rater: str
    number: int
    device: str
    started_at: datetime


def begin_session(store: Store, person: Rater, nonce: str, device: str = "") -> None:
    """Note that a person signed in on a device.

    Args:
        store: the study.
        person: who.
        nonce: the random text of their cookie.
        device: what the browser and its system are called.

    Raises:
        StoreError: the database cannot be written.
    """
    now = store.now()
    row = {
        "mark": _mark(nonce), "rater": person.number, "epoch": person.epoch,
        "device": device[:_LONGEST_DEVICE], "started_at": now,
    }  # fmt: skip
    old = (sessions.c.rater == person.number) & (
        sessions.c.started_at < now - 1000 * SESSION_SECONDS
    )

    def act(connection: Connection) -> None:
        connection.execute(delete(sessions).where(old))
        connection.execute(insert(sessions).values(row))

    store.database.write(act)


def person_of_session(store: Store, number: int, epoch: str, nonce: str) -> Rater | None:
    """Whom a cookie signs in; None where their sessions, or this one, ended.

    Args:
        store: the study.
        number: the person's number, as the cookie says.
        epoch: their epoch, likewise.
        nonce: the random text of the cookie.

    Raises:
        StoreError: the database cannot be read.
    """
    found = store.database.fetch((_IN_SESSION, {"rater": number, "mark": _mark(nonce)}))[0]
    if not found or found[0].ended_at is not None:
        return None
    person = rater_record(found[0])
    return None if person.is_removed or person.epoch != epoch else person


def open_sessions(store: Store, rater: int | None = None) -> tuple[OpenSession, ...]:
    """The devices on which people are signed in, or one person is, the newest first.

    Raises:
        StoreError: the database cannot be read.
    """
    found = (
        select(sessions, raters.c.name)
        .join(raters, raters.c.id == sessions.c.rater)
        .where(
            sessions.c.ended_at.is_(None),
            sessions.c.epoch == raters.c.epoch,
            raters.c.removed_at.is_(None),
            sessions.c.started_at > store.now() - 1000 * SESSION_SECONDS,
        )
        .order_by(sessions.c.started_at.desc(), sessions.c.mark)
    )
    if rater is not None:
        found = found.where(sessions.c.rater == rater)
    with store.database.read() as connection:
        return tuple(
            OpenSession(row.mark[:_HANDLE], row.name, row.rater, row.device, moment(row.started_at))
            for row in connection.execute(found)
        )


def end_session(store: Store, handle: str, *, by: int | None = None, reason: str = "") -> str:
    """The name of whom a device signs out; their other devices stay signed in.

    Args:
        store: the study.
        handle: as `open_sessions` lists it.
        by: number of the owner; None from the command line.
        reason: for the audit log.

    Raises:
        OptionError: no session of this handle is open.
        StoreError: the database cannot be written.
    """
    found = next((one for one in open_sessions(store) if one.handle == handle), None)
    if found is None:
        raise OptionError(
            f"session {handle!r} is not open: it ended, or there is none. List the open ones."
        )

    def act(connection: Connection) -> None:
        check_actor(connection, by)
        connection.execute(
            update(sessions)
            .where(sessions.c.mark.startswith(found.handle), sessions.c.rater == found.number)
            .values(ended_at=store.now())
        )
        detail: dict[str, object] = {"rater": found.rater, "device": found.device, "reason": reason}
        log(connection, store.now(), by, "end session", detail)

    store.database.write(act)
    return found.rater


def _mark(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()
