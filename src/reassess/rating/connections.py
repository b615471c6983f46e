"""How connections to SQLite and to PostgreSQL are opened, set up and checked before use.

What is done with them is in `reassess.rating.database`. Knows no table.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError

from reassess.errors import MissingExtraError
from reassess.rating.records import StoreError

AT_ONCE = 8
"""Writing transactions of PostgreSQL, and reading ones of either, that one process runs at once."""

BUSY_SECONDS = 30.0
"""How long a transaction waits for its turn before it gives up."""

_CHECKPOINT = 250
"""Pages, one mebibyte: so much of SQLite's log may lie beside the database, where it would stay
behind when somebody copies the database alone."""

_STALE_SECONDS = 1.0


def sqlite_engine(url: URL) -> Engine:
    """Connections to a SQLite file, which is made, private to its owner, with the first.

    Raises:
        StoreError: its folder is missing.
    """
    folder = Path(str(url.database)).parent
    if not folder.is_dir():
        raise StoreError(f"{folder}: the folder of the database is missing. Make it first.")
    path = Path(str(url.database))
    _keep_private(path, make=False)
    engine = create_engine(
        url,
        pool_size=2 * AT_ONCE,
        max_overflow=48,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS},
    )

    def prepare(connection: Any, record: object) -> None:
        del record
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"wal_autocheckpoint={_CHECKPOINT}",
            "temp_store=MEMORY",
            "cache_size=-16000",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    def make_private(*_: object) -> None:
        if not path.exists():
            _keep_private(path, make=True)

    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    event.listen(engine, "do_connect", make_private)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _keep_private(path: Path, *, make: bool) -> None:
    """Let nobody but its owner read the file; SQLite gives its log and index the same rights."""
    with suppress(OSError):  # SQLite says what is wrong with a file that cannot be opened
        if make:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if name.exists() and name.stat().st_mode & 0o077:
                name.chmod(name.stat().st_mode & 0o700)


def postgresql_engine(url: URL) -> Engine:
    """Connections to a PostgreSQL database.

    Raises:
        MissingExtraError: psycopg is not installed.
    """
    try:
        from psycopg import Error
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgresql", "a PostgreSQL database") from error
    engine = create_engine(
        url,
        pool_size=2 * AT_ONCE,
        max_overflow=16,
        pool_timeout=BUSY_SECONDS,
        pool_use_lifo=True,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": 10,
            "client_encoding": "utf8",
            "options": "-c timezone=UTC -c jit=off",
            "prepare_threshold": None,  # psycopg would drop all with its own after each rollback
        },
    )

    def note_use(connection: object, record: Any) -> None:
        del connection
        record.info["used"] = time.monotonic()

    def check(connection: Any, record: Any, proxy: object) -> None:
        """Ask whether the server is still there, unless it answered a moment ago.

        Raises:
            DisconnectionError: it is not; SQLAlchemy opens another connection.
        """
        del proxy
        if time.monotonic() - record.info.get("used", 0.0) > _STALE_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except Error as error:
                raise DisconnectionError from error

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", check)
    return engine
