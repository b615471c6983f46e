"""Who answers: raters, experts and owners, their invitations and passwords.

The pages and cookies are elsewhere. Of a token only the hash is stored, of a password only
argon2's.
"""

import hashlib
import secrets
from collections.abc import Sequence
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, func, insert, select, update

from reassess.errors import DataError
from reassess.rating.counts import share_of, workload
from reassess.rating.database import AnyRow
from reassess.rating.identity import new_epoch, random_id
from reassess.rating.records import (
    LONGEST_NAME,
    InvitationError,
    Rater,
    RaterError,
    RaterProgress,
    Role,
    Settings,
    is_text,
)
from reassess.rating.round_trip import Step, send
from reassess.rating.schema import (
    ANSWERED,
    FOR_PRACTICE,
    PRACTICE,
    invitations,
    leases,
    raters,
    tasks,
)
from reassess.rating.store import STUDY, Store, check_may_act, log, study_from
from reassess.registry import checks_choices

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1_000
_FRESH = 10_000
_BATCH, _STEP = 10, 5
"""Tasks of a rater after which they are shown the study's progress anew, and percent a step."""

_BY_NUMBER = select(raters).where(raters.c.id == bindparam("number"))
_N_PRACTICE = select(func.count()).select_from(tasks).where(tasks.c.use == FOR_PRACTICE)
_N_PRACTISED = select(func.count()).where(
    leases.c.rater == bindparam("rater"), leases.c.purpose == PRACTICE, leases.c.state == ANSWERED
)

_HASHING = BoundedSemaphore(2)
"""A hash takes 64 MiB; more at once would let strangers at the door fill the memory."""


@checks_choices
def invite(
    store: Store, name: str, role: Role = "rater", *, by: int | None = None,
    seconds: int = 7 * 86_400,
) -> str:  # fmt: skip
    """A one-time token that signs this person in; the person is made where new.

    Args:
        store: the study.
        name: the id in exported votes.
        role: of a new person; one who is there already must have it.
        by: number of the owner who invites; None from the command line.
        seconds: how long it can be used.

    Raises:
        DataError: the name is empty, too long or holds control characters.
        RaterError: a person of this name has another role.
        StoreError: the database cannot be written.
    """
    check_name(name)
    token = secrets.token_urlsafe(32)

    def act(connection: Connection) -> str:
        now = store.now()
        number = person_named(connection, name, role, now)
        connection.execute(
            insert(invitations).values(
                token_hash=_hash(token), rater=number, created_at=now,
                expires_at=now + 1000 * seconds,
            )
        )  # fmt: skip
        log(connection, now, by, "invite", {"rater": name, "role": role})
        return token

    return store.database.write(act)


def accept_invitation(store: Store, token: str) -> Rater:
    """Whom a token signs in; it is used up, and a password and sessions that they had are void.

    Raises:
        InvitationError: it is unknown, used or out of date (the message does not say which).
        StoreError: the database cannot be written.
    """
    if not is_text(token):
        token = ""
    return store.database.write(lambda connection: _accept(connection, token, store.now()))


def set_password(store: Store, rater: int, password: str) -> Rater:
    """The person with the new password; signed out everywhere else (a new epoch).

    Raises:
        DataError: it has fewer than 10 characters or more than 1,000.
        RaterError: the person is unknown.
        StoreError: the database cannot be written.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD or not is_text(password):
        raise DataError(
            f"password: it has {len(password):,} characters, but must have "
            f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,}."
        )
    with _HASHING:
        hashed = _hasher().hash(password)

    def act(connection: Connection) -> Rater:
        _by_number(connection, rater)
        connection.execute(
            update(raters)
            .where(raters.c.id == rater)
            .values(password_hash=hashed, epoch=random_id())
        )
        return _by_number(connection, rater)

    return store.database.write(act)


def sign_in(store: Store, name: str, password: str) -> Rater | None:
    """Whom name and password sign in; None where they do not fit, in the same time.

    Raises:
        StoreError: the database cannot be read.
    """
    from argon2.exceptions import InvalidHashError, VerificationError

    if not is_text(name + password):
        return None
    with store.database.read() as connection:
        row = connection.execute(
            select(raters.c.id, raters.c.password_hash).where(raters.c.name == name[:LONGEST_NAME])
        ).first()
    known = row is not None and row.password_hash is not None
    try:
        with _HASHING:
            _hasher().verify(
                row.password_hash if row is not None and known else _hash_of_nothing(),
                password[:LONGEST_PASSWORD],
            )
    except (VerificationError, InvalidHashError):
        return None
    return rater(store, row.id) if row is not None and known else None


def sign_out_everywhere(store: Store, rater: int) -> None:
    """Void every cookie of a person: they get another epoch.

    Raises:
        RaterError: the person is unknown.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> None:
        _by_number(connection, rater)
        new_epoch(connection, rater)

    store.database.write(act)


def rater(store: Store, number: int) -> Rater:
    """A person by number.

    Raises:
        RaterError: there is none.
        StoreError: the database cannot be read.
    """
    return _the_one(store.database.fetch(_numbered(number))[0], number)


def rater_named(store: Store, name: str) -> Rater | None:
    """A person by name; None where there is none.

    Raises:
        StoreError: the database cannot be read.
    """
    if not is_text(name):
        return None
    with store.database.read() as connection:
        row = connection.execute(select(raters).where(raters.c.name == name)).first()
    return None if row is None else rater_record(row)


def raters_of(store: Store) -> tuple[Rater, ...]:
    """Everybody, by number.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        return tuple(
            rater_record(row) for row in connection.execute(select(raters).order_by(raters.c.id))
        )


def rater_progress(store: Store, rater: int) -> RaterProgress:
    """What a rater may know about their own work.

    Raises:
        RaterError: the rater is unknown.
        StoreError: the database cannot be read.
    """
    found, said = store.database.fetch(_numbered(rater), (STUDY, {}))
    if not found:
        raise _unknown(rater)
    row, settings, n_left = found[0], study_from(said[0]).settings, 0
    if row.stage == "practice":
        tasks_, answered = store.database.fetch((_N_PRACTICE, {}), (_N_PRACTISED, {"rater": rater}))
        n_left = max(0, min(settings.n_practice, tasks_[0][0]) - answered[0][0])
    share = _share_done(store, settings)
    if share < 1:
        share = _shown_share(store, row, share)
    return RaterProgress(
        row.n_screens,
        row.n_answers,
        row.milliseconds / 1000,
        share,
        n_left,
        settings.goal if row.goal is None else row.goal,
    )


@checks_choices
def person_named(connection: Connection, name: str, role: Role, now: int) -> int:
    """The number of a person, who is made where new.

    Raises:
        RaterError: a person of this name has another role.
    """
    row = connection.execute(
        select(raters.c.id, raters.c.role).where(raters.c.name == name)
    ).first()
    if row is None:
        return int(
            connection.execute(
                insert(raters)
                .values(name=name, role=role, stage="practice", created_at=now, epoch=random_id())
                .returning(raters.c.id)
            ).scalar_one()
        )
    if row.role != role:
        raise RaterError(
            f"{name!r} is there as {row.role}, but must be {role} here. Choose another name."
        )
    return int(row.id)


def check_name(name: str) -> None:
    """Refuse names that no table or page can hold.

    Raises:
        DataError: it is empty, too long, padded, or holds control characters.
    """
    if not 1 <= len(name) <= LONGEST_NAME or name != name.strip() or not name.isprintable():
        raise DataError(
            f"rater name is {name!r}, but must have 1 to {LONGEST_NAME} printable characters, "
            "with no space at its ends."
        )


def check_role(connection: Connection, number: int, roles: tuple[Role, ...]) -> Rater:
    """The person, who has one of these roles.

    Raises:
        RaterError: the rater has another, is paused or removed, or is unknown.
    """
    person = _by_number(connection, number)
    if person.role not in roles:
        raise RaterError(f"{person.name!r} is {person.role}, but must be {' or '.join(roles)}.")
    check_may_act(person.name, is_paused=person.is_paused, is_removed=person.is_removed)
    return person


def _share_done(store: Store, settings: Settings) -> float:
    """Counted once in a while only: it takes a walk over all tasks, and moves slowly."""
    at, share = store.share_done
    if not 0 <= store.now() - at < _FRESH:
        with store.database.read() as connection:
            work = workload(connection, settings)
        share = share_of(work.n_votes, work.n_left)
        store.share_done[:] = [store.now(), share]
    return share


def _shown_share(store: Store, row: AnyRow, share: float) -> float:
    """The share that a rater is shown: as it was before their last ten tasks, at most."""
    if row.shown_after >= 0 and row.n_screens // _BATCH == row.shown_after // _BATCH:
        return float(row.shown_share / 100)
    shown = int(share * 100 / _STEP) * _STEP
    store.database.write(
        lambda connection: connection.execute(
            update(raters)
            .where(raters.c.id == row.id)
            .values(shown_share=shown, shown_after=row.n_screens)
        ),
        durable=False,
    )
    return shown / 100


def _accept(connection: Connection, token: str, now: int) -> Rater:
    number = connection.execute(
        update(invitations)
        .where(
            invitations.c.token_hash == _hash(token),
            invitations.c.used_at.is_(None),
            invitations.c.revoked_at.is_(None),
            invitations.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(invitations.c.rater)
    ).scalar()
    if number is None:
        raise InvitationError(
            "the invitation is unknown, used or out of date. Ask the study's owner for a new one."
        )
    connection.execute(
        update(raters)
        .where(raters.c.id == number)
        .values(password_hash=None, epoch=random_id(), removed_at=None)
    )
    return _by_number(connection, number)


def _by_number(connection: Connection, number: int) -> Rater:
    return _the_one(send(connection, _numbered(number))[0], number)


def _numbered(number: int) -> Step:
    """Find a person by number; none has one that the column cannot hold, or -1."""
    return (_BY_NUMBER, {"number": number if abs(number) < 2**31 else -1})


def _the_one(rows: Sequence[AnyRow], number: int) -> Rater:
    if not rows:
        raise _unknown(number)
    return rater_record(rows[0])


def _unknown(number: int) -> RaterError:
    return RaterError(f"rater {number} is unknown. Invite them first.")


def rater_record(row: AnyRow) -> Rater:
    """A person, from a row of their table."""
    return Rater(
        row.id, row.name, row.role, row.stage, row.paused_at is not None,
        row.password_hash is not None, row.epoch, row.removed_at is not None, row.channel,
    )  # fmt: skip


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _hash_of_nothing() -> str:
    """Verified in place of an unknown person's, so that time does not tell who exists."""
    return _hasher().hash(secrets.token_hex(16))
