"""Cells that say when something happened, as times in UTC.

Read are ISO 8601 (``2026-01-31``, ``2026-01-31T12:00:00Z``, ``2026-01-31 14:00 +02:00``), stored
times and dates, and whole columns of seconds, milliseconds, microseconds or nanoseconds since 1970.
A time without an offset is in UTC, a date its first moment. Which unit a number has is certain, as
every time lies from 2000 to 2100: no number is such a time in two units.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt

from reassess.errors import DataError
from reassess.files.cells import stands_for_empty
from reassess.notes import note

_TEXT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]\s*(?P<hour>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,](?P<part>[0-9]+))?"
    r"\s*(?P<offset>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.IGNORECASE,
)
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+]?[0-9]+)?")

FIRST, LAST = np.datetime64("2000-01-01", "ms"), np.datetime64("2100-01-01", "ms")
"""Times lie from the one to the other; what seems to lie elsewhere is no time."""

_UNITS = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000,
          "nanoseconds": 1_000_000_000}  # fmt: skip
_MOST_OFFSET = 14 * 60
"""No time zone is further from UTC, in minutes."""

_Place = Callable[[int], str]


def utc_times(
    cells: Sequence[Any] | Shaped[np.ndarray, "n"], where: str, place: _Place
) -> Shaped[np.ndarray, "n"]:
    """Cells as ``datetime64[ms]`` in UTC, NaT where one is empty.

    Args:
        cells: texts, numbers, datetimes and dates, where None, NaN and blank texts are empty; or
            an array of ``datetime64``.
        where: what holds them, for messages.
        place: names a cell in messages, by its number from 0.

    Raises:
        DataError: a cell is no time for certain, or none from 2000 to 2100.
    """
    if isinstance(cells, np.ndarray):
        found = cells.astype("datetime64[ms]")
    else:
        found = _read_cells(cells, where, place)
    outside = np.flatnonzero((found < FIRST) | (found >= LAST))
    if len(outside):
        row = int(outside[0])
        raise _no_time(where, place, row, cells[row])
    return found


def _read_cells(cells: Sequence[Any], where: str, place: _Place) -> Shaped[np.ndarray, "n"]:
    found = np.full(len(cells), np.datetime64("NaT"), "datetime64[ms]")
    kinds = np.array([_kind(cell) for cell in cells])
    known = set(kinds.tolist()) - {"empty"}
    if "other" in known or len(known) > 1:
        usual = max(known - {"other"} or {"text"}, key=lambda kind: int((kinds == kind).sum()))
        row = int(np.flatnonzero((kinds != usual) & (kinds != "empty"))[0])
        raise _no_time(where, place, row, cells[row])
    for kind in known:
        rows = np.flatnonzero(kinds == kind)
        found[rows] = _READ[kind]([cells[row] for row in rows.tolist()], rows, where, place)
    return found


def times_of_texts(
    content: UInt[np.ndarray, "b"], ends: Int[np.ndarray, "ends"]
) -> Shaped[np.ndarray, "n"] | None:
    """Times in UTC of texts in ISO 8601, NaT for a day or an hour that does not exist.

    Those that are written alike, digit below digit, are read at once.

    Args:
        content: the bytes of the texts, one after the other, without blanks around them.
        ends: where each begins and ends.

    Returns:
        None where a text is not written so.
    """
    times = np.full(len(ends) - 1, np.datetime64("NaT"), "datetime64[ms]")
    length = np.diff(ends)
    for width in np.unique(length).tolist():
        rows = np.flatnonzero(length == width)
        letters = content[ends[:-1][rows][:, None] + np.arange(width)]
        is_digit = (letters >= ord("0")) & (letters <= ord("9"))
        shape = np.where(is_digit, np.uint8(ord("0")), letters)
        while len(rows):
            alike = (shape == shape[0]).all(axis=1)
            found = _times_alike(letters[alike])
            if found is None:
                return None
            times[rows[alike]] = found
            rows, letters, shape = rows[~alike], letters[~alike], shape[~alike]
    return times


def _times_alike(
    letters: UInt[np.ndarray, "n m"],
) -> Shaped[np.ndarray, "n"] | None:
    """Times of texts with digits in the same places and else the same letters; None for others."""
    match = _TEXT.fullmatch(letters[0].tobytes().decode("latin-1"))
    if match is None or (match["part"] is not None and match["hour"].count(":") < 2):
        return None
    places = list(range(*match.span("day")))
    if match["hour"] is not None:
        places += range(match.start("hour") - 1, match.end("hour"))
    if match["part"] is not None:
        start = match.start("part")
        places += range(start - 1, min(start + 3, match.end("part")))
    plain = letters[:, places]
    if match["hour"] is not None:
        plain[:, 10] = ord("T")
        # Blanks may stand between the day and the hour.
        plain[:, 11:16] = letters[:, match.start("hour") : match.start("hour") + 5]
    if match["part"] is not None:
        plain[:, 19] = ord(".")
    cells = np.ascontiguousarray(plain).view(f"S{plain.shape[1]}").reshape(-1)
    try:
        times = cells.astype("datetime64[ms]")
    except ValueError:  # a day or an hour that does not exist
        times = np.array([_or_nat(cell) for cell in cells.tolist()], "datetime64[ms]")
    minutes = _minutes_ahead(letters, match)
    return None if minutes is None else times - minutes.astype("timedelta64[m]")


def _minutes_ahead(
    letters: UInt[np.ndarray, "n m"], match: re.Match[str]
) -> Int[np.ndarray, "n"] | None:
    """Minutes ahead of UTC; None where no time zone has an offset."""
    none = np.zeros(len(letters), np.int64)
    if match["offset"] is None or match["offset"][0] not in "+-":
        return none
    places = [at for at in range(*match.span("offset")) if match.string[at].isdecimal()]
    digits = letters[:, places].astype(np.int64) - ord("0")
    hours = digits[:, 0] * 10 + digits[:, 1]
    minutes = digits[:, 2] * 10 + digits[:, 3] if len(places) == 4 else none
    ahead = hours * 60 + minutes
    if (ahead > _MOST_OFFSET).any() or (minutes > 59).any():
        return None
    return -ahead if match["offset"][0] == "-" else ahead


def _or_nat(cell: bytes) -> np.datetime64:
    try:
        return np.datetime64(cell.decode(), "ms")
    except ValueError:
        return np.datetime64("NaT", "ms")


def _kind(cell: Any) -> str:
    """Which of `_READ` reads a cell."""
    if cell is None or cell != cell:  # noqa: PLR0124 -- NaN and NaT
        return "empty"
    if isinstance(cell, str):
        text = cell.strip()
        if stands_for_empty(text):
            return "empty"
        return "number" if NUMBER.fullmatch(text) else "text"
    if isinstance(cell, datetime | date):
        return "stored"
    is_number = isinstance(cell, int | float | np.integer | np.floating)
    return "number" if is_number and not isinstance(cell, bool) else "other"


def _no_time(where: str, place: _Place, row: int, cell: Any) -> DataError:
    return DataError(
        f"{where}: {place(row)} is {str(cell)[:40]!r}, but must be a time from 2000 to 2100, such "
        "as 2026-01-31T12:00:00Z, or all must be seconds or milliseconds since 1970. Fix it, or "
        "call the column otherwise."
    )


def _of_texts(
    cells: list[str], rows: Int[np.ndarray, "m"], where: str, place: _Place
) -> Shaped[np.ndarray, "m"]:
    """Texts in ISO 8601."""
    plain = [cell.strip().encode("utf-8", "replace") for cell in cells]
    ends = np.zeros(len(plain) + 1, np.int64)
    np.cumsum([len(cell) for cell in plain], out=ends[1:])
    content = np.frombuffer(b"".join(plain), np.uint8)
    times = times_of_texts(content, ends)
    if times is None:
        is_other = partial(_holds_another, content, ends)
        first = bisect_left(range(len(plain)), True, key=lambda row: is_other(row + 1))
        raise _no_time(where, place, int(rows[first]), cells[first])
    wrong = np.flatnonzero(np.isnat(times))  # a day or an hour that does not exist
    if len(wrong):
        raise _no_time(where, place, int(rows[wrong[0]]), cells[int(wrong[0])])
    return times


def _holds_another(content: UInt[np.ndarray, "b"], ends: Int[np.ndarray, "ends"], n: int) -> bool:
    """Whether the first texts are not all in ISO 8601."""
    return times_of_texts(content, ends[: n + 1]) is None


def _of_numbers(
    cells: list[Any], rows: Int[np.ndarray, "m"], where: str, place: _Place
) -> Shaped[np.ndarray, "m"]:
    """Numbers of one unit since 1970."""
    # Nanoseconds have more digits than a float; their milliseconds have not.
    values = np.array([float(cell) for cell in cells])
    unit, wrong = _unit(values)
    if len(wrong):
        raise _no_time(where, place, int(rows[wrong[0]]), cells[int(wrong[0])])
    return _of_unit(values, unit, where)


def times_of_numbers(values: Float[np.ndarray, "n"], where: str) -> Shaped[np.ndarray, "n"] | None:
    """Times of numbers of one unit since 1970, NaT for NaN; None where one is in no such unit."""
    known = ~np.isnan(values)
    times = np.full(len(values), np.datetime64("NaT"), "datetime64[ms]")
    unit, wrong = _unit(values[known])
    if len(wrong):
        return None
    if known.any():
        times[known] = _of_unit(values[known], unit, where)
    return times


def _unit(values: Float[np.ndarray, "m"]) -> tuple[str, Int[np.ndarray, "wrong"]]:
    """The unit in which most numbers are times, and the places of the others."""
    low, high = (edge.astype(np.int64) / 1000 for edge in (FIRST, LAST))
    fits = {unit: (values >= low * each) & (values < high * each) for unit, each in _UNITS.items()}
    unit = max(fits, key=lambda one: int(fits[one].sum()))
    return unit, np.flatnonzero(~fits[unit])


def _of_unit(values: Float[np.ndarray, "m"], unit: str, where: str) -> Shaped[np.ndarray, "m"]:
    note(f"{where}: the numbers were read as {unit} since 1970, in UTC.")
    milliseconds = np.floor(values * (1_000 / _UNITS[unit]))
    return milliseconds.astype(np.int64).astype("datetime64[ms]")


def _of_stored(
    cells: list[datetime | date], rows: Int[np.ndarray, "m"], where: str, place: _Place
) -> Shaped[np.ndarray, "m"]:
    """Datetimes and dates."""
    del rows, where, place
    return np.array([_without_zone(cell) for cell in cells], "datetime64[ms]")


def _without_zone(cell: datetime | date) -> datetime:
    if not isinstance(cell, datetime):
        return datetime.combine(cell, time())
    return cell if cell.tzinfo is None else cell.astimezone(UTC).replace(tzinfo=None)


_READ: dict[str, Callable[..., Shaped[np.ndarray, "m"]]] = {
    "text": _of_texts,
    "number": _of_numbers,
    "stored": _of_stored,
}
"""Times from cells of one kind."""
