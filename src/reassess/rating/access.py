"""Who may still come in, and how that ends: other roles, removal, open links, sessions.

Each act is written into the audit log in its transaction. Pausing, which ends no session, is in
`reassess.rating.ownership`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from reassess.errors import OptionError
from reassess.rating.identity import new_epoch
from reassess.rating.leases import release_all_of
from reassess.rating.people import rater as person
from reassess.rating.records import Rater, RaterError, Role
from reassess.rating.schema import invitations, raters
from reassess.rating.store import Store, log, moment
from reassess.registry import checks_choices

_HANDLE = 12


@checks_choices
@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """A link that can still be used.

    Attributes:
        handle: what names it; the link cannot be made from it.
        rater: name of whom it signs in.
        role: their role.
        created_at: when it was made.
        expires_at: when it runs out.
    """

    handle: str
    rater: str
    role: Role
    created_at: datetime
    expires_at: datetime


@checks_choices
def change_role(store: Store, rater: int, role: Role, *, by: int | None = None) -> None:
    """Give a person another role; every session and open link of theirs ends.

    Raises:
        RaterError: the person is unknown, or is whoever acts.
        OptionError: no owner would be left.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection, one: Rater) -> None:
        if role != "owner":
            check_owner_left(connection, one)
        connection.execute(update(raters).where(raters.c.id == rater).values(role=role))
        new_epoch(connection, rater)
        _revoke_of(store, connection, rater)
        log(connection, store.now(), by, "change role", {"rater": one.name, "role": role})

    _act_on(store, rater, by, act)


def remove(store: Store, rater: int, *, by: int | None = None, reason: str = "") -> None:
    """End a person's access: sessions, password, open links and tasks. Their votes stay.

    A new invitation lets them in again.

    Raises:
        RaterError: the person is unknown, or is whoever acts.
        OptionError: no owner would be left.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection, one: Rater) -> None:
        check_owner_left(connection, one)
        shut_out(store, connection, rater)
        log(connection, store.now(), by, "remove", {"rater": one.name, "reason": reason})

    _act_on(store, rater, by, act)
    store.database.write(lambda connection: release_all_of(store, connection, rater))


def end_sessions(store: Store, rater: int, *, by: int | None = None, reason: str = "") -> None:
    """Sign a person out on every device, as for one that was lost; a password stays.

    Raises:
        RaterError: the person is unknown.
        StoreError: the database cannot be written.
    """
    name = person(store, rater).name

    def act(connection: Connection) -> None:
        new_epoch(connection, rater)
        log(connection, store.now(), by, "end sessions", {"rater": name, "reason": reason})

    store.database.write(act)


def open_invitations(store: Store) -> tuple[OpenInvitation, ...]:
    """The links that can still be used, the newest first.

    Raises:
        StoreError: the database cannot be read.
    """
    found = (
        select(invitations, raters.c.name, raters.c.role)
        .join(raters, raters.c.id == invitations.c.rater)
        .where(
            invitations.c.used_at.is_(None),
            invitations.c.revoked_at.is_(None),
            invitations.c.expires_at > store.now(),
        )
        .order_by(invitations.c.created_at.desc(), invitations.c.token_hash)
    )
    with store.database.read() as connection:
        return tuple(
            OpenInvitation(
                row.token_hash[:_HANDLE], row.name, row.role, moment(row.created_at),
                moment(row.expires_at),
            )
            for row in connection.execute(found)
        )  # fmt: skip


def revoke_invitation(store: Store, handle: str, *, by: int | None = None) -> str:
    """The name of whom an open link would have signed in; it signs nobody in any more.

    Raises:
        OptionError: no open link has this handle.
        StoreError: the database cannot be written.
    """
    is_handle = len(handle) == _HANDLE and all(one in "0123456789abcdef" for one in handle)

    def act(connection: Connection) -> str | None:
        number = None
        if is_handle:
            number = connection.execute(
                update(invitations)
                .where(
                    invitations.c.token_hash.startswith(handle),
                    invitations.c.used_at.is_(None),
                    invitations.c.revoked_at.is_(None),
                )
                .values(revoked_at=store.now())
                .returning(invitations.c.rater)
            ).scalar()
        if number is None:
            return None
        named = select(raters.c.name).where(raters.c.id == number)
        name = str(connection.execute(named).scalar_one())
        log(connection, store.now(), by, "revoke link", {"rater": name})
        return name

    found = store.database.write(act)
    if found is None:
        raise OptionError(
            f"link {handle!r} is not open: it was used or revoked, or there is none. List the open "
            "ones."
        )
    return found


def check_owner_left(connection: Connection, one: Rater) -> None:
    """Refuse to take the last owner who may act from a study.

    Raises:
        OptionError: there would be none.
    """
    if one.role != "owner":
        return
    others = select(func.count()).where(
        raters.c.role == "owner",
        raters.c.id != one.number,
        raters.c.paused_at.is_(None),
        raters.c.removed_at.is_(None),
    )
    if connection.execute(others).scalar_one() == 0:
        raise OptionError(
            f"{one.name!r} is the only owner who may act, but there must be one. Invite another "
            "owner first."
        )


def check_not_self(one: Rater, by: int | None) -> None:
    """Refuse an owner who would shut themselves out.

    Raises:
        RaterError: they would.
    """
    if by == one.number:
        raise RaterError(
            f"{one.name!r} is you, but nobody ends their own access here. Ask another owner."
        )


def _act_on(
    store: Store, rater: int, by: int | None, act: Callable[[Connection, Rater], None]
) -> None:
    one = person(store, rater)
    check_not_self(one, by)
    store.database.write(lambda connection: act(connection, one))


def shut_out(store: Store, connection: Connection, rater: int) -> None:
    """End a person's password, sessions and open links; their tasks stay theirs."""
    gone = update(raters).where(raters.c.id == rater)
    connection.execute(gone.values(removed_at=store.now(), password_hash=None))
    new_epoch(connection, rater)
    _revoke_of(store, connection, rater)


def _revoke_of(store: Store, connection: Connection, rater: int) -> None:
    connection.execute(
        update(invitations)
        .where(
            invitations.c.rater == rater,
            invitations.c.used_at.is_(None),
            invitations.c.revoked_at.is_(None),
        )
        .values(revoked_at=store.now())
    )
