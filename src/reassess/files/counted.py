"""Which rows of a table of votes count: those that a column ``counted`` calls true.

An export of all votes has such a column. A row that repeats the header is refused.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool

from reassess.errors import DataError
from reassess.files.columns import Part
from reassess.files.tables import ColumnFile
from reassess.notes import note
from reassess.records import factorize

COUNTED = Part("counted", ("counted", "is_counted"))

TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
"""Words of a column that says which rows count, small."""


def counted_rows(
    table: ColumnFile, answers: list[str], raters: list[str]
) -> Bool[np.ndarray, "n"] | None:
    """The rows of a table of votes that count; None where all do.

    Args:
        table: the table.
        answers: its column of answers.
        raters: its column of raters.

    Raises:
        DataError: a cell of the column ``counted`` is neither true nor false, no row counts, or a
            second table begins in the middle.
    """
    _refuse_headers(table, answers, raters)
    counts = _counted(table)
    if counts is None or counts.all():
        return None
    if not counts.any():
        raise DataError(
            f"{table.path}: 0 of {len(counts):,} votes count (column 'counted'), but at least one "
            "must. Check that the file is the one with the answers."
        )
    return counts


def _refuse_headers(table: ColumnFile, answers: list[str], raters: list[str]) -> None:
    """Refuse rows that name columns, as a second table below the first begins with.

    Raises:
        DataError: there is one.
    """
    names = {name.strip().lower() for name in table.header}
    if not all(names & {text.lower() for text in set(column)} for column in (answers, raters)):
        return
    found = np.flatnonzero(_in_names(answers, names) & _in_names(raters, names))
    if len(found):
        row = int(found[0])
        raise DataError(
            f"{table.path}: {table.place(row)} holds names of columns ({raters[row]!r}, "
            f"{answers[row]!r}), but must hold a vote; {len(found) + 1:,} tables stand "
            "one below the other. Delete these rows if the columns are the same, "
            "else put each table into a file of its own."
        )


def _in_names(cells: list[Any], names: set[str]) -> Bool[np.ndarray, "n"]:
    return _by_text(cells, lambda text: text.strip().lower() in names)


def _by_text(cells: list[Any], test: Callable[[str], bool]) -> Bool[np.ndarray, "n"]:
    """Whether each cell passes a test, which is made once for each distinct text."""
    texts, code = factorize(list(map(str, cells)))
    passes: Bool[np.ndarray, "n"] = np.array([test(text) for text in texts.tolist()])[code]
    return passes


def _counted(table: ColumnFile) -> Bool[np.ndarray, "n"] | None:
    """What the column ``counted`` says of each row; None without one."""
    column = table.find(COUNTED)
    if column is None:
        return None
    cells = table.cells(column)
    is_true = _by_text(cells, lambda text: text.strip().lower() in TRUE)
    is_false = _by_text(cells, lambda text: text.strip().lower() in FALSE)
    wrong = np.flatnonzero(~is_true & ~is_false)
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{table.path}: column {column!r}: {table.place(row)} is {str(cells[row])[:40]!r}, but "
            f"must be true or false: whether the vote counts; {len(wrong):,} of {len(cells):,} "
            "rows are neither. Fix them, or call the column otherwise."
        )
    note_left_out(table, column, int(is_false.sum()), len(cells))
    return is_true


def note_left_out(table: ColumnFile, column: str, n: int, n_votes: int) -> None:
    """Note how many votes do not count, if there are any."""
    if n:
        note(
            f"{table.path}: {n:,} of {n_votes:,} votes are left out, as the column {column!r} says "
            "that they do not count."
        )
