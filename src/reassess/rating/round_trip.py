"""Several statements in one round trip to the database.

A transaction that waits for each of ten statements holds its locks ten times as long, and each
answer has to wait for its thread's turn. What does not depend on an answer is sent together here:
PostgreSQL gets one pipeline, its COMMIT with the last statements; SQLite, which is in this
process, gets one statement after the other. Knows no table.
"""

import json
import re
import sqlite3
from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Connection, Executable, Table
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError

from reassess.rating.prepared import Prepared, Values, as_text, run_together

if TYPE_CHECKING:
    from reassess.rating.database import AnyRow

Calls = Sequence[tuple[Prepared, Values]]
Named = Mapping[str, Any]
"""The values of a statement by their names."""

_MARK = re.compile(r"%\((\w+)\)s")
_PLAN_ONCE = Prepared("SET LOCAL plan_cache_mode = force_generic_plan"), ()
"""Statements here find a few rows by their keys, and planning takes longer than they do."""

_WAIT_FOR_NO_DISK = Prepared("SET LOCAL synchronous_commit = off"), ()
_READ = Prepared("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), ()
_COMMIT = Prepared("COMMIT"), ()
_POSTGRESQL = PGDialect_psycopg()  # type: ignore[no-untyped-call]
_SQLITE = SQLiteDialect_pysqlite(paramstyle="named")


@dataclass(frozen=True, slots=True, eq=False)
class ManyRows:
    """One statement that inserts, changes or deletes any number of rows.

    Made by `insert_rows`, `update_rows` and `delete_rows`.

    Attributes:
        columns: what each row gives a value for.
        one_by_one: the statement of one row, as SQLite takes it.
        at_once: the statement of all rows, whose columns are arrays.
    """

    columns: tuple[str, ...]
    one_by_one: str
    at_once: str


Step = tuple[Executable | ManyRows, Named | Sequence[Named]]
"""A statement and its values; of `ManyRows` those of each row."""


def insert_rows(table: Table, *columns: str) -> ManyRows:
    """Insert rows with these columns."""
    names = ", ".join(columns)
    marks = ", ".join(f":{column}" for column in columns)
    return ManyRows(
        columns,
        f"INSERT INTO {table.name} ({names}) VALUES ({marks})",  # noqa: S608 -- our own names
        f"INSERT INTO {table.name} ({names}) SELECT * FROM {_arrays(table, columns)}",  # noqa: S608
    )


def update_rows(table: Table, keys: Sequence[str], columns: Sequence[str]) -> ManyRows:
    """Set ``columns`` in the rows that ``keys`` name."""
    both = (*keys, *columns)
    one = ", ".join(f"{column} = :{column}" for column in columns)
    all_ = ", ".join(f"{column} = given.{column}" for column in columns)
    return ManyRows(
        both,
        f"UPDATE {table.name} SET {one} WHERE {_equal(keys)}",  # noqa: S608 -- our own names
        f"UPDATE {table.name} SET {all_} FROM {_arrays(table, both)} "  # noqa: S608
        f"WHERE {_matches(table, keys)}",
    )


def delete_rows(table: Table, *keys: str) -> ManyRows:
    """Delete the rows that ``keys`` name."""
    return ManyRows(
        keys,
        f"DELETE FROM {table.name} WHERE {_equal(keys)}",  # noqa: S608 -- our own names
        f"DELETE FROM {table.name} USING {_arrays(table, keys)} "  # noqa: S608
        f"WHERE {_matches(table, keys)}",
    )


def send(connection: Connection, *steps: Step) -> "list[Sequence[AnyRow]]":
    """The rows that each statement returned, in the order of the statements.

    Args:
        connection: of a transaction.
        steps: statements and their values; they run in this order, and none of them needs an
            answer of another. Their IN (…) hold no bound values.

    Raises:
        DBAPIError: as `sqlalchemy.Connection.execute`.
    """
    if connection.dialect.name == "sqlite":
        return [_execute(connection, *step) for step in steps]
    return _pipeline(connection, [_call(step) for step in steps], commit=False)


def send_last(connection: Connection, *steps: Step) -> "Sequence[AnyRow]":
    """The rows that the last statement returned, once all are committed.

    PostgreSQL gets one statement that does everything, so that each row may be written by one of
    these only, and a foreign key may point to what another of them inserts.

    Args:
        connection: of a transaction, which ends here on PostgreSQL, and soon on SQLite.
        steps: statements that write, and their values; none where all is written already.

    Raises:
        DBAPIError: as `sqlalchemy.Connection.execute`.
    """
    if connection.dialect.name == "sqlite":
        return [_execute(connection, *step) for step in steps][-1] if steps else ()
    rows = _pipeline(connection, [_call(*steps)] if steps else [], commit=True)
    return rows[-1] if rows else ()


def fetch(connection: Connection, *steps: Step) -> "list[Sequence[AnyRow]]":
    """The rows that each statement returned, all of one moment, in the order of the statements.

    Args:
        connection: on which nothing is under way; a transaction of PostgreSQL begins and ends here.
        steps: statements that read, and their values.

    Raises:
        DBAPIError: as `sqlalchemy.Connection.execute`.
    """
    if connection.dialect.name == "sqlite":
        return [_execute(connection, *step) for step in steps]
    return _exchange(connection, [_READ, _PLAN_ONCE], [_call(step) for step in steps], [_COMMIT])


def _execute(
    connection: Connection, statement: Executable | ManyRows, values: Any
) -> "Sequence[AnyRow]":
    """The rows of one statement of SQLite, whose own part is a small one of SQLAlchemy's way."""
    raw: Any = connection.connection.driver_connection
    sql = statement.one_by_one if isinstance(statement, ManyRows) else ""
    try:
        if isinstance(statement, ManyRows):
            raw.executemany(sql, values).close()
            return ()
        found = _compiled(statement, is_sqlite=True)
        sql = found.sql
        cursor = raw.execute(sql, _given(found, values))
        rows = cursor.fetchall()
        cursor.close()
    except sqlite3.Error as error:
        raise DBAPIError.instance(sql, None, error, sqlite3.Error) from error
    return found.rows(rows)


def _pipeline(connection: Connection, calls: Calls, *, commit: bool) -> "list[Sequence[AnyRow]]":
    from psycopg.pq import TransactionStatus

    raw: Any = connection.connection.driver_connection
    is_begun = raw.pgconn.transaction_status != TransactionStatus.IDLE
    if not (calls or is_begun):
        return []
    before = [] if is_begun else [(_begin(raw.isolation_level, raw.read_only), ()), _PLAN_ONCE]
    after = [_COMMIT] if commit else []
    if commit and not connection.get_execution_options().get("durable", True):
        after = [_WAIT_FOR_NO_DISK, _COMMIT]
    return _exchange(connection, before, calls, after)


def _exchange(
    connection: Connection, before: Calls, calls: Calls, after: Calls
) -> "list[Sequence[AnyRow]]":
    """The rows that ``calls`` returned, sent with what comes before and after them."""
    import psycopg

    raw: Any = connection.connection.driver_connection
    names = connection.connection.info.setdefault("prepared", {})
    try:
        rows = run_together(raw, names, [*before, *calls, *after])
    except psycopg.Error as error:
        if raw.closed:
            connection.invalidate(error)
            connection.engine.dispose()  # the server went, and with it all other connections
        sql = "; ".join(statement.sql for statement, _ in calls)
        raise DBAPIError.instance(
            sql, None, error, psycopg.Error, connection_invalidated=bool(raw.closed)
        ) from error
    return [*rows[len(before) : len(before) + len(calls)]]


@lru_cache(maxsize=8)
def _begin(isolation: Any, read_only: bool | None) -> Prepared:
    level = "" if isolation is None else f" ISOLATION LEVEL {isolation.name.replace('_', ' ')}"
    return Prepared(f"BEGIN{level}{' READ ONLY' if read_only else ''}")


@dataclass(frozen=True, slots=True)
class _Together:
    """Statements as one.

    Attributes:
        statement: the one.
        values: of its values the statement that they belong to, and the name in it.
    """

    statement: Prepared
    values: tuple[tuple[int, str], ...]


def _call(*steps: Step) -> "tuple[Prepared, Values]":
    """One statement that does what these do, and its values."""
    made = _together(*(statement for statement, _ in steps))
    given = [_columns(*step) for step in steps]
    return made.statement, [as_text(given[position][name]) for position, name in made.values]


def _given(compiled: "_Compiled", values: Named) -> dict[str, Any]:
    """The values of a statement by their names."""
    given = {**compiled.constants, **values}
    for name in compiled.as_json:
        given[name] = json.dumps(given[name])
    return given


def _columns(statement: Executable | ManyRows, values: Any) -> Named:
    """The values of a statement by their names, those of many rows in arrays."""
    if isinstance(statement, ManyRows):
        return {column: [row[column] for row in values] for column in statement.columns}
    return _given(_compiled(statement), values)


@lru_cache(maxsize=512)
def _together(*statements: Executable | ManyRows) -> _Together:
    values: list[tuple[int, str]] = []

    def number(position: int, mark: re.Match[str]) -> str:
        if (position, mark[1]) not in values:
            values.append((position, mark[1]))
        return f"${values.index((position, mark[1])) + 1}"

    own = [
        _MARK.sub(partial(number, i), _sql(one)).replace("%%", "%")
        for i, one in enumerate(statements)
    ]
    first = ", ".join(f"s{i} AS ({sql})" for i, sql in enumerate(own[:-1]))
    return _Together(Prepared(f"WITH {first} {own[-1]}" if first else own[-1]), tuple(values))


def _sql(statement: Executable | ManyRows) -> str:
    return statement.at_once if isinstance(statement, ManyRows) else _compiled(statement).sql


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as a driver takes it.

    Attributes:
        sql: with the names of its values.
        constants: values that it brings.
        as_json: names of values that become JSON.
        row: makes a row of its columns.
        readers: what makes Python's values of SQLite's, by column.
    """

    sql: str
    constants: dict[str, Any]
    as_json: tuple[str, ...]
    row: Any
    readers: tuple[tuple[int, Any], ...]

    def rows(self, found: list[tuple[Any, ...]]) -> "Sequence[AnyRow]":
        """Rows that SQLite returned, as others are."""
        for position, read in self.readers:
            found = [(*row[:position], read(row[position]), *row[position + 1 :]) for row in found]
        return [self.row(row) for row in found]


@lru_cache(maxsize=1024)
def _compiled(statement: Any, *, is_sqlite: bool = False) -> _Compiled:
    dialect = _SQLITE if is_sqlite else _POSTGRESQL
    compiled = statement.compile(dialect=dialect)
    sql, constants, as_json = compiled.string, {}, []
    for bound, name in compiled.bind_names.items():
        if isinstance(bound.type, JSON):
            as_json.append(name)
        if bound.required:
            continue
        if isinstance(bound.effective_value, int) and not is_sqlite:
            # a plan for all values may use a partial index by it
            sql = sql.replace(f"%({name})s", str(bound.effective_value))
        else:
            constants[name] = bound.effective_value
    columns = list(statement.exported_columns)
    readers = [
        (i, column.type.dialect_impl(dialect).result_processor(dialect, None))
        for i, column in enumerate(columns)
    ]
    row: Any = namedtuple("Row", [getattr(column, "name", "") for column in columns], rename=True)  # type: ignore[misc]
    return _Compiled(
        sql, constants, tuple(as_json), row._make, tuple(one for one in readers if one[1])
    )


def _arrays(table: Table, columns: Sequence[str]) -> str:
    """The rows that arrays of their columns make."""
    arrays = ", ".join(
        f"%({column})s::{table.c[column].type.compile(dialect=_POSTGRESQL)}[]" for column in columns
    )
    return f"unnest({arrays}) AS given ({', '.join(columns)})"


def _equal(keys: Sequence[str]) -> str:
    return " AND ".join(f"{key} = :{key}" for key in keys)


def _matches(table: Table, keys: Sequence[str]) -> str:
    return " AND ".join(f"{table.name}.{key} = given.{key}" for key in keys)
