"""SQLite or PostgreSQL behind two verbs: `Database.read` and `Database.write`.

SQLite: write-ahead log, ``synchronous=FULL`` (what was committed survives a power cut),
foreign keys on, and ``BEGIN IMMEDIATE``, so that a transaction that will write never fails
half-way for the lock. Threads of one process queue for it in Python, processes in SQLite.
PostgreSQL: row locks under READ COMMITTED; what loses a race is run again. Turns what a
database raises into a `StoreError` with a sentence. Knows no table.
"""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from reassess.rating.connections import AT_ONCE, BUSY_SECONDS, postgresql_engine, sqlite_engine
from reassess.rating.records import StoreError
from reassess.rating.round_trip import Step, fetch, send_last


class FairSemaphore:
    """At most ``n`` threads inside `hold` at once, first come, first served."""

    def __init__(self, n: int) -> None:
        self._free = n
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def hold(self, seconds: float) -> Iterator[None]:
        """Wait for a turn and keep it for the block.

        Raises:
            TimeoutError: none came within so many seconds.
        """
        with self._guard:
            mine = None
            if self._free:
                self._free -= 1
            else:
                mine = threading.Event()
                self._waiting.append(mine)
        if mine is not None and not mine.wait(seconds):
            with self._guard:
                if not mine.is_set():
                    self._waiting.remove(mine)
                    raise TimeoutError(f"no turn came within {seconds:g} seconds: it is locked")
        try:
            yield
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._free += 1


T = TypeVar("T")

if TYPE_CHECKING:
    AnyRow = Row[*tuple[Any, ...]]
    """A row of a query, whose columns the query tells."""
else:
    AnyRow = object  # what checks annotations while tests run cannot look into a Row

_TRIES = 12
_LOST_A_RACE = {"40001", "40P01", "23503", "23505"}
"""PostgreSQL: serialization failure, deadlock, a key that another took or changed first."""


class _LostRaceError(Exception):
    """Another transaction won; try again."""


class Database:
    """One database and its pool of connections; one for each process.

    Args:
        url: ``sqlite:///<path>`` or ``postgresql://<user>@<host>/<database>``.

    Raises:
        StoreError: the URL names neither.
        MissingExtraError: PostgreSQL is asked for and psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = _url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = sqlite_engine(self.url) if self.is_sqlite else postgresql_engine(self.url)
        self._writers = FairSemaphore(1 if self.is_sqlite else AT_ONCE)
        self._readers = FairSemaphore(AT_ONCE)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database, and must not write.

        It waits its turn, so do not hold it while reading or writing again; `stream` may.

        Raises:
            StoreError: the database cannot be reached or read.
        """
        with self._explaining(), self._readers.hold(BUSY_SECONDS), self._reading() as connection:
            yield connection

    def fetch(self, *steps: Step) -> list[Sequence[AnyRow]]:
        """The rows that each of these statements returns, all of one moment, in one round trip.

        Args:
            steps: statements and their values, which `reassess.rating.round_trip.send` takes.

        Raises:
            StoreError: the database cannot be reached or read.
        """
        with (
            self._explaining(),
            self._readers.hold(BUSY_SECONDS),
            self.engine.connect() as connection,
            connection.begin(),
        ):
            return fetch(connection, *steps)

    @contextmanager
    def stream(self) -> Iterator[Connection]:
        """The same for a long read, which other calls may happen inside of.

        Raises:
            StoreError: the database cannot be reached or read.
        """
        with self._explaining(), self._reading() as connection:
            yield connection

    def write(self, act: Callable[[Connection], T], *, durable: bool = True) -> T:
        """What ``act`` returns, once everything that it wrote is committed.

        It may be called again where PostgreSQL lets another transaction win, so that it must
        have no effect but on its connection.

        Args:
            act: what is to be done within one transaction.
            durable: whether it must survive a power cut; what need not is not waited for. It
                survives the end of a process anyhow, and a later durable write saves it too.

        Raises:
            StoreError: the database cannot be reached or written, or stays busy; nothing of
                what ``act`` did was stored.
        """
        for attempt in range(_TRIES):
            try:
                with self._explaining():
                    return self._once(act, durable)
            except _LostRaceError:
                time.sleep(0.002 * (attempt + 1))
        with self._explaining(last=True):
            return self._once(act, durable)

    def rebuild(self, act: Callable[[Connection], T]) -> T:
        """What ``act``, which may change tables, returns, once all of it is committed.

        SQLite changes a table by making another and dropping the first, which would take along
        or strand what points to it: foreign keys are therefore looked at once, at the end.

        Raises:
            StoreError: as `write`, or something would point nowhere; nothing was stored.
        """
        if not self.is_sqlite:
            return self.write(act)
        with (
            self._explaining(last=True),
            self._writers.hold(BUSY_SECONDS),
            self.engine.connect() as connection,
        ):
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys=OFF").close()  # within a transaction it does nothing
            try:
                with connection.execution_options(immediate=True).begin():
                    found = act(connection)
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                        raise self._store_error(ValueError("a foreign key points nowhere"))
                    return found
            finally:
                raw.execute("PRAGMA foreign_keys=ON").close()

    def vacuum(self) -> None:
        """Write a SQLite database anew, so that no page still holds what was deleted.

        PostgreSQL's own housekeeping does it there.

        Raises:
            StoreError: the database is in use, or its disk is full.
        """
        if not self.is_sqlite:
            return
        with (
            self._explaining(last=True),
            self._writers.hold(BUSY_SECONDS),
            self.engine.connect() as connection,
        ):
            raw: Any = connection.connection.driver_connection
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.execute(statement).close()

    def analyze(self, *tables: str) -> None:
        """Have PostgreSQL count what many rows were added to: it plans by these figures.

        Raises:
            StoreError: the database cannot be reached.
        """
        if not self.is_sqlite:
            self.write(
                lambda connection: connection.exec_driver_sql(f"ANALYZE {', '.join(tables)}")
            )

    def _once(self, act: Callable[[Connection], T], durable: bool) -> T:
        with self._writers.hold(BUSY_SECONDS), self.engine.connect() as connection:
            if self.is_sqlite:
                level = "FULL" if durable else "NORMAL"
                raw: Any = connection.connection.driver_connection
                raw.execute(f"PRAGMA synchronous={level}").close()
                connection = connection.execution_options(immediate=True)  # noqa: PLW2901
            else:
                connection = connection.execution_options(durable=durable)  # noqa: PLW2901
            with connection.begin():
                found = act(connection)
                if not durable:
                    send_last(connection)
                return found

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(  # noqa: PLW2901
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    @contextmanager
    def _explaining(self, *, last: bool = False) -> Iterator[None]:
        """Turn what a database raises into a `StoreError`, or into another try."""
        try:
            yield
        except (DBAPIError, PoolTimeoutError, TimeoutError) as error:
            if not last and self._lost_a_race(error):
                raise _LostRaceError from error
            if isinstance(error, IntegrityError):
                raise
            raise self._store_error(error) from error

    def close(self) -> None:
        """Close every connection; of SQLite the file alone holds everything then.

        Where another process or a thread still has a connection, it is left to the last of them.
        """
        if self.is_sqlite and Path(str(self.url.database)).is_file():
            with suppress(DBAPIError, PoolTimeoutError), self.engine.connect() as connection:
                raw: Any = connection.connection.driver_connection
                raw.execute("PRAGMA busy_timeout=1000").close()
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        self.engine.dispose()

    def _lost_a_race(self, error: Exception) -> bool:
        if self.is_sqlite or not isinstance(error, DBAPIError):
            return False
        return getattr(error.orig, "sqlstate", None) in _LOST_A_RACE

    def _store_error(self, error: Exception) -> StoreError:
        where = self.url.render_as_string(hide_password=True)
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        return StoreError(f"{where}: {_explained(said)} Nothing of this step was stored.")


def _explained(said: str) -> str:
    lower = said.lower()
    for signs, sentence in (
        (("password authentication failed", "no password supplied"),
         "the server refused the password ({said}). Give it in PGPASSWORD or ~/.pgpass."),
        (("disk is full", "no space left", "could not extend", "disk i/o error", "too large"),
         "the database cannot grow ({said}). Make room on its disk."),
        (("locked", "timeout", "timed out"),
         "the database stayed busy ({said}). Try again; use PostgreSQL for more load."),
        (("readonly", "read-only"), "the database is read-only ({said}). Make it writable."),
        (("not a database", "malformed"), "the file is not a database, or is damaged ({said})."),
        (("unable to open", "connection", "could not translate", "does not exist"),
         "the database cannot be reached ({said}). Check the URL and that the server runs."),
    ):  # fmt: skip
        if any(sign in lower for sign in signs):
            return sentence.format(said=said)
    return f"the database refused ({said})."


_SQLITE = "sqlite:///"
_OPTIONS = re.compile(r"\?\w+=[^/]*$")


def _url(text: str) -> URL:
    problem: Exception | None = None
    backend = ""
    path = text.removeprefix(_SQLITE)
    if path not in (text, "", ":memory:"):
        # A path as it is: a % or ? in the name of a folder must not lead to another file.
        if _OPTIONS.search(path):
            raise StoreError(
                f"the database URL is {text!r}, but SQLite's takes no options: it must be "
                "sqlite:///<path of a file>."
            )
        return URL.create("sqlite", database=path)
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        problem = error
    if backend == "sqlite" and url.database not in (None, "", ":memory:"):
        return url.set(drivername="sqlite")
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    shown = url.render_as_string(hide_password=True) if backend else text
    raise StoreError(
        f"the database URL is {shown!r}, but must be sqlite:///<path of a file> or "
        "postgresql://<user>@<host>/<database>."
    ) from problem


LONGEST_LIST = 5_000
"""Values in one IN (…); SQLite allows 32,766 parameters, PostgreSQL 65,535."""


def insert_columns(connection: Connection, table: Table, columns: dict[str, Sequence[Any]]) -> None:
    """Insert rows given as columns of Python values, within the caller's transaction."""
    names = ", ".join(columns)
    rows = list(zip(*columns.values(), strict=True))
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" for _ in columns)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({names}) VALUES ({marks})",  # noqa: S608 -- our own names
            rows,
        )
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def in_lists(numbers: list[int]) -> list[list[int]]:
    """The numbers in lists short enough for one IN (…)."""
    return [numbers[i : i + LONGEST_LIST] for i in range(0, len(numbers), LONGEST_LIST)]


def numbers_by_name(connection: Connection, table: Table, names: Sequence[str]) -> dict[str, int]:
    """The ``id`` of each ``name`` that the table has."""
    found: dict[str, int] = {}
    for start in range(0, len(names), LONGEST_LIST):
        part = names[start : start + LONGEST_LIST]
        rows = connection.execute(select(table.c.name, table.c.id).where(table.c.name.in_(part)))
        found.update({row[0]: row[1] for row in rows})
    return found
