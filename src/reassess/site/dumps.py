"""PostgreSQL's own tools: running them, and reading a table out of what `pg_dump` wrote."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from reassess.rating import StoreError

_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def run_tool(command: list[str], password: str | None = None) -> str:
    """What a tool of PostgreSQL's printed.

    Args:
        command: the tool and its words.
        password: of the database; None where it needs none, or finds it by itself.

    Raises:
        StoreError: it is not installed, or failed.
    """
    if shutil.which(command[0]) is None:
        raise StoreError(
            f"{command[0]} is not installed, but backups of PostgreSQL need it. Install "
            f"PostgreSQL's client tools, or run this line where they are: {shlex.join(command)}"
        )
    given = os.environ if password is None else os.environ | {"PGPASSWORD": password}
    done = subprocess.run(  # noqa: S603 -- our own words, and no shell
        command, capture_output=True, text=True, check=False, env=given
    )
    if done.returncode != 0:
        raise StoreError(f"{shlex.join(command)}: it failed: {done.stderr.strip()[-1000:]}")
    return done.stdout


def column_of_dump(path: Path, table: str, column: str) -> list[str | None]:
    """The values of a column of a table in a dump of `pg_dump`; none where it has no such column.

    Args:
        path: the dump, in the custom format.
        table: the table's name.
        column: the column's name.

    Raises:
        StoreError: the file is no dump, or PostgreSQL's tool is not installed.
    """
    said = run_tool(["pg_restore", "--data-only", f"--table={table}", "--file=-", str(path)])
    found = re.search(
        r"^COPY \S+ \((.*)\) FROM stdin;\n(.*?)^\\\.$", said, re.DOTALL | re.MULTILINE
    )
    names = [] if found is None else [one.strip('"') for one in found[1].split(", ")]
    if found is None or column not in names:
        return []
    place = names.index(column)
    return [_value(line.split("\t")[place]) for line in found[2].splitlines()]


def _value(text: str) -> str | None:
    r"""A value as COPY writes it: ``\N`` is none, and a backslash escapes."""
    if text == r"\N":
        return None
    return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), text)
