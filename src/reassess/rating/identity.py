"""Which database a store is: a random id that no two live stores share, and what renews it.

A store gets its id with its first row. A copy of the database holds the id of the original, so
every opening looks whether the database lies where the id was given, and gives another one where
it does not: cookies, passwords, open links, addresses of images and forms of the original are
void there.

A SQLite file is known by its inode, and by its path or its device: a file that was renamed or
whose disk was mounted elsewhere is the same one, a copy is not, and neither is what replaced it.
The number of a device alone says nothing, as some file systems change it at every start. Of the
path only a keyed hash is kept, as a study is shared and says nothing of the machine it was on. A
PostgreSQL database is known by its cluster, its own number and that of a table of it, which
differ in a copy, in a template's child and in what was restored over it. A whole machine or
cluster that was cloned cannot be told from its original.

What is put back byte by byte into the same file is found by `was_served`: every opening and
closing of the site leaves a mark in the database, and the study's folder remembers the last.
"""

import hmac
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from reassess.rating.database import Database
from reassess.rating.records import Identity, Origin
from reassess.rating.schema import (
    audit_log,
    identities,
    invitations,
    join_addresses,
    leases,
    raters,
    services,
)
from reassess.rating.schema import study as study_table
from reassess.registry import checks_choices

ANY_PLACE = "?"
"""Of a store that version 0.1.0 made: where it is opened first is where it lies."""

NO_PLACE = ""
"""Of a backup: wherever it is opened, it gets an id of its own."""

_LATEST = select(identities).order_by(identities.c.number.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Claim:
    """What an opening found: which database it is, and whether it has got another id just now."""

    identity: Identity
    is_renewed: bool


def random_id() -> str:
    """128 random bits, as text."""
    return secrets.token_hex(16)


def begin_identity(connection: Connection, database: Database, now: int) -> None:
    """Give a new study its first id."""
    _insert(connection, 1, "made", _dump(place_of(database, connection)), now)


def claim(connection: Connection, database: Database, now: int) -> Claim:
    """The id of a store that is opened; another one where it does not lie where it did."""
    if not database.is_sqlite:
        connection.execute(select(study_table.c.id).with_for_update())
    row = connection.execute(_LATEST).one()
    here = place_of(database, connection)
    if row.place == NO_PLACE:
        return Claim(renew(connection, database, "restored", now), True)
    if row.place != ANY_PLACE and not _is_same(json.loads(row.place), here):
        return Claim(renew(connection, database, "copied", now), True)
    if row.place != _dump(here):
        connection.execute(
            update(identities).where(identities.c.number == row.number).values(place=_dump(here))
        )
    return Claim(_record(row), False)


@checks_choices
def renew(connection: Connection, database: Database, origin: Origin, now: int) -> Identity:
    """Give the store another id; sessions, passwords, links and addresses end with the old one.

    What the store holds may be older than what its people know: an address that was closed
    meanwhile would else be open again, and whoever was removed would sign in by their password.
    """
    before = connection.execute(_LATEST).one()
    place = _dump(place_of(database, connection))
    _insert(connection, before.number + 1, origin, place, now)
    connection.execute(
        update(invitations)
        .where(invitations.c.used_at.is_(None), invitations.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    connection.execute(
        update(join_addresses).where(join_addresses.c.closed_at.is_(None)).values(closed_at=now)
    )
    connection.execute(update(raters).values(password_hash=None))
    for number in connection.execute(select(raters.c.id)).scalars().all():
        new_epoch(connection, number)
    connection.execute(
        insert(audit_log).values(
            at=now, actor=None, action="renew id", detail={"why": origin, "was": before.store_id}
        )
    )
    return _record(connection.execute(_LATEST).one())


def new_epoch(connection: Connection, rater: int) -> None:
    """End every session of a person."""
    connection.execute(update(raters).where(raters.c.id == rater).values(epoch=random_id()))


def identity_in(connection: Connection) -> Identity:
    """Which database this is, as a transaction sees it."""
    return _record(connection.execute(_LATEST).one())


def history_in(connection: Connection) -> tuple[Identity, ...]:
    """Every id that the store has had, the present one last."""
    rows: Sequence[Any] = connection.execute(select(identities).order_by(identities.c.number)).all()
    return tuple(_record(row) for row in rows)


def leave_mark(connection: Connection, now: int) -> str:
    """A random mark that says: the site was opened or closed, or something was exported."""
    mark, number = random_id(), connection.execute(_LATEST).one().number
    connection.execute(insert(services).values(mark=mark, identity=number, at=now))
    return mark


def has_mark(connection: Connection, mark: str) -> bool:
    """Whether the store holds a mark that was left in it, or in what it was copied from."""
    found = select(services.c.mark).where(services.c.mark == mark)
    return connection.execute(found).first() is not None


def place_of(database: Database, connection: Connection) -> dict[str, str | int]:
    """What tells where a database lies."""
    if database.is_sqlite:
        path = Path(str(database.url.database)).resolve()
        known = path.stat()
        key = str(connection.execute(select(study_table.c.secret)).scalar_one())
        hashed = hmac.digest(key.encode(), os.fsencode(path), "sha256").hex()
        return {"path": hashed, "inode": known.st_ino, "device": known.st_dev}
    own, table = connection.execute(
        text(
            "SELECT oid::bigint, 'study'::regclass::oid::bigint FROM pg_database "
            "WHERE datname = current_database()"
        )
    ).one()
    may_ask = text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')")
    cluster = ""
    if connection.execute(may_ask).scalar():
        asked = text("SELECT system_identifier::text FROM pg_control_system()")
        cluster = str(connection.execute(asked).scalar())
    return {"cluster": cluster, "database": own, "table": table}


def _is_same(known: dict[str, str | int], here: dict[str, str | int]) -> bool:
    if known == here:
        return True
    if known.get("inode") is None or known["inode"] != here.get("inode"):
        return False
    return known["path"] == here["path"] or known["device"] == here["device"]


def _insert(connection: Connection, number: int, origin: Origin, place: str, now: int) -> None:
    last = connection.execute(select(func.max(leases.c.id))).scalar()
    connection.execute(
        insert(identities).values(
            number=number, store_id=random_id(), since=now,
            first_lease=0 if last is None else last + 1, origin=origin, place=place,
        )
    )  # fmt: skip


def _dump(place: dict[str, str | int]) -> str:
    return json.dumps(place, sort_keys=True)


def _record(row: Any) -> Identity:
    since = datetime.fromtimestamp(row.since / 1000, UTC)
    return Identity(row.number, row.store_id, since, row.first_lease, row.origin)
