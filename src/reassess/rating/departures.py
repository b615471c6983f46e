"""Who was removed, paused, erased or given another role: what an older copy of a store lacks.

A backup holds people as they were when it was taken. Whoever puts it back takes these from the
store that it replaces, or from where they were noted, and hands them to what was put back.

A person is known by number and by when they were made, so that no name is kept of whom was
erased, and a number that was given again after a restore is not taken for who had it before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select, update

from reassess.rating.access import shut_out
from reassess.rating.database import AnyRow
from reassess.rating.erasure import erase_person
from reassess.rating.identity import new_epoch
from reassess.rating.leases import release_all_of
from reassess.rating.records import Role
from reassess.rating.schema import audit_log, raters
from reassess.rating.store import Store, log
from reassess.registry import checks_choices

_BEFORE = "it was so before an older copy was put back"

Erasure = Literal["no", "person", "votes"]
"""Nothing was erased; name and texts were; every answer was, too."""


@checks_choices
@dataclass(frozen=True, slots=True)
class Departure:
    """What ended for a person, or changed.

    Attributes:
        number: the person's.
        created_at: when they were made, in milliseconds since 1970.
        role: theirs now.
        is_removed: whether their access ended.
        is_paused: whether they may do nothing for now.
        erased: what was erased of them.
    """

    number: int
    created_at: int
    role: Role
    is_removed: bool
    is_paused: bool
    erased: Erasure


@dataclass(frozen=True, slots=True)
class Reapplied:
    """To how many people of an older copy a departure was applied again.

    Attributes:
        n_removed: who were removed.
        n_paused: who were paused.
        n_roles: who got the role that they had last.
        n_erased: who were erased.
    """

    n_removed: int = 0
    n_paused: int = 0
    n_roles: int = 0
    n_erased: int = 0

    def __bool__(self) -> bool:
        """Whether there was anybody."""
        return any((self.n_removed, self.n_paused, self.n_roles, self.n_erased))


def departures(store: Store) -> tuple[Departure, ...]:
    """Everybody who was removed, paused, erased or given another role, by number.

    Raises:
        StoreError: the database cannot be read.
    """
    acts = (
        select(audit_log.c.action, audit_log.c.detail)
        .where(audit_log.c.action.in_(("change role", "erase")))
        .order_by(audit_log.c.id)
    )
    with store.database.read() as connection:
        people = connection.execute(select(raters).order_by(raters.c.id)).all()
        moved: set[str] = set()
        erased: dict[str, Erasure] = {}
        for action, detail in connection.execute(acts):
            if action == "erase":
                erased[str(detail["rater"])] = "votes" if detail["votes"] else "person"
            else:
                moved.add(str(detail["rater"]))
    return tuple(
        Departure(
            row.id, row.created_at, row.role, row.removed_at is not None,
            row.paused_at is not None, erased.get(row.name, "no"),
        )
        for row in people
        if row.removed_at is not None
        or row.paused_at is not None
        or row.name in moved
        or row.name in erased
    )  # fmt: skip


def reapply(store: Store, left: Sequence[Departure]) -> Reapplied:
    """Let what ended for people end in an older copy of their store, too.

    Nobody is let in again by it, and no last owner is kept: the command line invites another.

    Args:
        store: the copy.
        left: the departures of the store that it was copied from, or of a later copy.

    Raises:
        StoreError: the database cannot be written.
    """
    with store.database.read() as connection:
        known = {(row.id, row.created_at): row for row in connection.execute(select(raters))}
    own = {(one.number, one.created_at): one.erased for one in departures(store)}
    done = dict.fromkeys(("n_removed", "n_paused", "n_roles", "n_erased"), 0)
    for one in left:
        key = (one.number, one.created_at)
        if key not in known:
            continue
        if one.erased not in ("no", own.get(key)) and own.get(key) != "votes":
            erase_person(store, one.number, with_votes=one.erased == "votes", leaves_owner=False)
            done["n_erased"] += 1
        elif one.erased == "no":
            for act in _end_again(store, known[key], one):
                done[act] += 1
    return Reapplied(**done)


def _end_again(store: Store, row: AnyRow, one: Departure) -> list[str]:
    """What was done to a person again, as `Reapplied` counts it; all of it is logged."""
    acts: list[str] = []
    theirs, now = update(raters).where(raters.c.id == one.number), store.now()

    def act(connection: Connection) -> None:
        acts.clear()
        if one.is_removed and row.removed_at is None:
            shut_out(store, connection, one.number)
            acts.append("n_removed")
            log(connection, now, None, "remove", {"rater": row.name, "reason": _BEFORE})
        if one.is_paused and row.paused_at is None:
            connection.execute(theirs.values(paused_at=now))
            acts.append("n_paused")
            log(connection, now, None, "pause", {"rater": row.name, "reason": _BEFORE})
        if one.role != row.role:
            connection.execute(theirs.values(role=one.role))
            new_epoch(connection, one.number)
            acts.append("n_roles")
            log(connection, now, None, "change role", {"rater": row.name, "role": one.role})
        if acts:
            release_all_of(store, connection, one.number)

    store.database.write(act)
    return acts
