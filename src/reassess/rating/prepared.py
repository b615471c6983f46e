"""Prepared statements that PostgreSQL gets together and answers together.

psycopg's cursors do this too, for any statement and any value, and take most of a transaction's
time for it. The queue's statements are few and take whole numbers, flags, texts and arrays of
them, so that they go to libpq as they are, in its pipeline mode: one round trip, and nothing is
parsed or planned twice. Knows no table and no SQLAlchemy.
"""

import itertools
import select
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.pq.abc import PGconn, PGresult

_numbers = itertools.count(1)


@dataclass(slots=True, eq=False)
class Prepared:
    """A statement that connections prepare once.

    Attributes:
        sql: with ``$1``, ``$2`` … for its values, whose types PostgreSQL finds out.
        row: makes a row of its columns; None until it has returned some.
    """

    sql: str
    row: Any = field(default=None, repr=False)


Values = Sequence[bytes | None]
"""What `as_text` made of each value of a statement."""


def as_text(value: object) -> bytes | None:
    """A value as PostgreSQL reads it: a number, flag or text, a list of them, or None.

    Raises:
        ValueError: a text holds the character 0, which PostgreSQL's cannot.
    """
    if value is None:
        return None
    text = _array(value) if isinstance(value, list) else str(value)
    if "\0" in text:
        raise ValueError("a text holds the character 0, but must not")
    return text.encode()


def _array(values: list[object]) -> str:
    if str in set(map(type, values)):
        quoted = ("NULL" if one is None else _quoted(str(one)) for one in values)
        return "{" + ",".join(quoted) + "}"
    return "{" + str(values)[1:-1].replace("None", "NULL") + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def run_together(
    connection: "Connection[Any]",
    names: dict[Prepared, bytes],
    calls: Sequence[tuple[Prepared, Values]],
) -> list[list[Any]]:
    """The rows that each of these statements returns, in their order; one round trip.

    Where one fails, those after it are not run.

    Args:
        connection: of psycopg; nothing is under way on it. What it does not survive closes it.
        names: what this connection calls the statements that it has prepared; others are added.
        calls: statements and their values.

    Raises:
        psycopg.Error: of the first statement that failed.
    """
    from psycopg.adapt import Transformer
    from psycopg.errors import error_from_result
    from psycopg.pq import ExecStatus

    fresh: dict[Prepared, bytes] = {}
    try:
        is_answer, results = _exchange(connection.pgconn, names, fresh, calls)
    except BaseException:
        connection.close()  # what it still has to say would be taken for other answers
        raise
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    names |= fresh
    transformer, rows = Transformer(connection), []
    answers = itertools.compress(results, is_answer)
    for (statement, _), result in zip(calls, answers, strict=True):
        transformer.set_pgresult(result)
        n_rows = result.ntuples
        rows.append(transformer.load_rows(0, n_rows, _maker(statement, result)) if n_rows else [])
    return rows


def _exchange(
    pgconn: "PGconn",
    names: dict[Prepared, bytes],
    fresh: dict[Prepared, bytes],
    calls: Sequence[tuple[Prepared, Values]],
) -> "tuple[list[bool], list[PGresult]]":
    """Every result, and whether it is of a call: others say that a statement was prepared.

    Statements that were not known yet, and what they are called now, are added to ``fresh``. One
    is prepared just before its first call, as a transaction begins with nothing before it.
    """
    is_answer: list[bool] = []
    pgconn.enter_pipeline_mode()
    for statement, values in calls:
        name = names.get(statement) or fresh.get(statement)
        if name is None:
            # never used before: the server may know one whose pipeline failed
            name = fresh[statement] = b"together_%d" % next(_numbers)
            pgconn.send_prepare(name, statement.sql.encode())
            is_answer.append(False)
        pgconn.send_query_prepared(name, values)
        is_answer.append(True)
    pgconn.pipeline_sync()
    results = _receive(pgconn)
    pgconn.exit_pipeline_mode()
    return is_answer, results


def _receive(pgconn: "PGconn") -> "list[PGresult]":
    """Every result up to the end of the pipeline."""
    from psycopg import OperationalError
    from psycopg.pq import ConnStatus, ExecStatus

    results: list[PGresult] = []
    wait = select.poll()
    wait.register(pgconn.socket, select.POLLIN | select.POLLOUT)
    while pgconn.flush():  # the server may have to send before it takes more
        wait.poll()
        pgconn.consume_input()
    wait.modify(pgconn.socket, select.POLLIN)
    while True:
        while pgconn.is_busy():
            wait.poll()
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # the end of one statement's results
            if pgconn.status == ConnStatus.BAD:
                raise OperationalError(pgconn.get_error_message())
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return results
        else:
            results.append(result)


def _maker(statement: Prepared, result: "PGresult") -> Any:
    """What makes a row with the columns' names."""
    if statement.row is None:
        columns = [(result.fname(i) or b"").decode() for i in range(result.nfields)]
        row: Any = namedtuple("Row", columns, rename=True)  # type: ignore[misc]
        statement.row = row._make
    return statement.row
