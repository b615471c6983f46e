"""Many rows at once, the quickest way each database has: executemany or COPY."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

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
