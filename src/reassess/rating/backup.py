"""A SQLite store whole in one file, taken while raters answer; PostgreSQL has `pg_dump` for that.

SQLite's own backup reads one moment of the database, with whatever its log holds; a plain copy of
the file alone may lack the last votes. A backup holds no place, so that whatever opens it, or a
copy of it, gives it an id of its own (`reassess.rating.identity`).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect, update

from reassess.rating.database import Database
from reassess.rating.identity import NO_PLACE
from reassess.rating.records import StoreError
from reassess.rating.schema import identities

_BUSY = 30.0


def copy_sqlite(source: Path, target: Path, *, keeps_place: bool = False) -> int:
    """How many votes are in the copy, one file that needs nothing beside it.

    Args:
        source: a SQLite database that holds a study; it may be in use.
        target: an empty file, or none.
        keeps_place: whether the copy knows where the source lies: opened elsewhere it then counts
            as a copy, which knows the source's exports, and not as put back.

    Raises:
        StoreError: the source is no store, is damaged, or the target cannot be written.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True,
                                    timeout=_BUSY)) as read,
            closing(sqlite3.connect(target, timeout=_BUSY)) as written,
        ):  # fmt: skip
            read.backup(written)
            return _close_copy(source, written, keeps_place=keeps_place)
    except sqlite3.Error as error:
        raise StoreError(
            f"{source}: cannot be copied ({error}). Check that it is a rating store, that it is "
            "whole, and that its disk has room."
        ) from error


def forget_place(database: Database) -> None:
    """Let the next opening of a database that was put back give it an id of its own.

    Raises:
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> None:
        if identities.name in inspect(connection).get_table_names():  # 0.1.0 had no ids
            connection.execute(update(identities).values(place=NO_PLACE))

    database.write(act)


def _close_copy(source: Path, copy: sqlite3.Connection, *, keeps_place: bool) -> int:
    """Votes in the copy, which is checked."""
    copy.execute("PRAGMA journal_mode=DELETE")
    tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    if not {"alembic_version", "study", "votes"} <= tables:
        raise StoreError(f"{source}: it is a SQLite database, but must be a rating store.")
    said = copy.execute("PRAGMA quick_check").fetchone()[0]
    if said != "ok":
        raise StoreError(f"{source}: the database is damaged ({said}). Take an earlier backup.")
    if (
        not keeps_place and "identities" in tables
    ):  # version 0.1.0 knew none, and its stores get one when opened
        copy.execute("UPDATE identities SET place = ?", (NO_PLACE,))
    copy.commit()
    return int(copy.execute("SELECT count(*) FROM votes").fetchone()[0])
