"""Several statements in one round trip to the database.

A transaction that waits for each of ten statements holds its locks ten times as long, and each
answer has to wait for its thread's turn. What does not depend on an answer is sent together here:
PostgreSQL gets one pipeline, its COMMIT with the last statements; SQLite, which is in this
process, gets one statement after the other. Knows no table.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from reassess.rating.database import AnyRow

Values = Mapping[str, Any]
_MARK = re.compile(r"%\((\w+)\)s")
_PLAN_ONCE = "SET LOCAL plan_cache_mode = force_generic_plan"
"""Statements here find a few rows by their keys, and planning takes longer than they do."""
_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


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


Step = tuple[Executable | ManyRows, Values | Sequence[Values]]
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
    return _pipeline(connection, [_prepared(*step) for step in steps], commit=False)


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
    merged = [_merged([_prepared(*step) for step in steps])] if steps else []
    rows = _pipeline(connection, merged, commit=True)
    return rows[-1] if rows else ()


def _execute(
    connection: Connection, statement: Executable | ManyRows, values: Any
) -> "Sequence[AnyRow]":
    if isinstance(statement, ManyRows):
        if values:
            connection.exec_driver_sql(statement.one_by_one, list(values))
        return ()
    result = connection.execute(statement, values)
    return result.all() if result.returns_rows else ()


def _pipeline(
    connection: Connection, steps: "Sequence[tuple[str, Values]]", *, commit: bool
) -> "list[Sequence[AnyRow]]":
    import psycopg
    from psycopg.pq import TransactionStatus
    from psycopg.rows import namedtuple_row

    raw: Any = connection.connection.driver_connection
    is_begun = raw.info.transaction_status != TransactionStatus.IDLE
    if not (steps or is_begun):
        return []
    cursors: list[Any] = []
    sql = ""
    try:
        with raw.pipeline() if psycopg.Pipeline.is_supported() else nullcontext():
            if not is_begun:
                raw.execute(_PLAN_ONCE, prepare=True)
            for sql, given in steps:
                cursors.append(raw.cursor(row_factory=namedtuple_row))
                cursors[-1].execute(sql, given, prepare=True)
            if commit:
                if not connection.get_execution_options().get("durable", True):
                    raw.execute("SET LOCAL synchronous_commit = off", prepare=True)
                raw.commit()
        return [one.fetchall() if one.description is not None else () for one in cursors]
    except psycopg.Error as error:
        if raw.closed:
            connection.invalidate(error)
            connection.engine.dispose()  # the server went, and with it all other connections
        raise DBAPIError.instance(
            sql, None, error, psycopg.Error, connection_invalidated=bool(raw.closed)
        ) from error


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    constants: dict[str, Any]
    dumpers: dict[str, Any] = field(default_factory=dict)


def _merged(steps: "Sequence[tuple[str, Values]]") -> "tuple[str, Values]":
    values = {f"s{i}_{k}": v for i, (_, given) in enumerate(steps) for k, v in given.items()}
    return _one_statement(tuple(sql for sql, _ in steps)), values


@lru_cache(maxsize=64)
def _one_statement(statements: tuple[str, ...]) -> str:
    own = [_MARK.sub(rf"%(s{i}_\1)s", sql) for i, sql in enumerate(statements)]
    first = ", ".join(f"s{i} AS ({sql})" for i, sql in enumerate(own[:-1]))
    return f"WITH {first} {own[-1]}" if first else own[-1]


def _prepared(statement: Executable | ManyRows, values: Any) -> "tuple[str, Values]":
    """The statement as psycopg takes it, and its values."""
    if isinstance(statement, ManyRows):
        return statement.at_once, {
            column: [row[column] for row in values] for column in statement.columns
        }
    compiled = _compiled(statement)
    given = compiled.constants | values
    for name, dump in compiled.dumpers.items():
        given[name] = dump(given[name])
    return compiled.sql, given


@lru_cache(maxsize=512)
def _compiled(statement: Any) -> _Compiled:
    compiled = statement.compile(dialect=_DIALECT)
    dumpers = {
        name: dump
        for name, bound in compiled.binds.items()
        if (dump := bound.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)) is not None
    }
    sql, constants = compiled.string, {}
    for name, bound in compiled.binds.items():
        if bound.required:
            continue
        value = bound.effective_value
        if isinstance(value, int):  # a plan for all values may use a partial index by it
            sql = sql.replace(f"%({name})s", str(value))
        else:
            constants[name] = value
    return _Compiled(sql, constants, dumpers)


def _arrays(table: Table, columns: Sequence[str]) -> str:
    """The rows that arrays of their columns make."""
    arrays = ", ".join(
        f"%({column})s::{table.c[column].type.compile(dialect=_DIALECT)}[]" for column in columns
    )
    return f"unnest({arrays}) AS given ({', '.join(columns)})"


def _equal(keys: Sequence[str]) -> str:
    return " AND ".join(f"{key} = :{key}" for key in keys)


def _matches(table: Table, keys: Sequence[str]) -> str:
    return " AND ".join(f"{table.name}.{key} = given.{key}" for key in keys)
