"""Cells that say when something happened, as times in UTC.

Read are ISO 8601 (``2026-01-31``, ``2026-01-31T12:00:00Z``, ``2026-01-31 14:00 +02:00``), stored
times and dates, and whole columns of seconds, milliseconds, microseconds or nanoseconds since 1970.
A time without an offset is in UTC, a date its first moment. Which unit a number has is certain, as
every time lies from 2000 to 2100: no number is such a time in two units.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped, UInt

from reassess.errors import DataError
from reassess.files.cells import stands_for_empty
from reassess.notes import note

_TEXT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]\s*(?P<hour>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,](?P<part>[0-9]+))?"
    r"\s*(?P<offset>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+]?[0-9]+)?")

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
    filled = [row for row, cell in enumerate(cells) if cell is not None and cell != ""]
    alike = _alike([cells[row] for row in filled])
    if alike is not None:
        found[filled] = alike
        return found
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


def _alike(cells: Sequence[Any]) -> Shaped[np.ndarray, "n"] | None:
    """Times of texts that are written alike, digit below digit, as programs write them, at once.

    None where they are not, or one of them is no time; who reads them one by one says which.
    """
    if not cells or not all(isinstance(cell, str) for cell in cells):
        return None
    texts = np.array(cells)
    length = len(cells[0])
    if texts.dtype.itemsize != 4 * length:
        return None
    return times_alike(texts.view(np.int32).reshape(len(texts), length))


def times_alike(
    letters: Int[np.ndarray, "n m"] | UInt[np.ndarray, "n m"],
) -> Shaped[np.ndarray, "n"] | None:
    """Times of texts of one length, given by their letters, if they are written alike.

    Args:
        letters: code points, or the bytes of UTF-8.
    """
    first = "".join(map(chr, letters[0].tolist()))
    match = _TEXT.fullmatch(first)
    if match is None or match["hour"] is None or (match["offset"] or "Z")[0] in "+-":
        return None
    if "," in first or not _same_shape(letters):
        return None
    has_part = match["part"] is not None and match["hour"].count(":") == 2
    end = min(match.end("part" if has_part else "hour"), len("2026-01-31T12:00:00.000"))
    kind = "S" if letters.dtype == np.uint8 else "U"
    plain = np.ascontiguousarray(letters[:, :end]).view(f"{kind}{end}").reshape(-1)
    try:
        times: Shaped[np.ndarray, "n"] = plain.astype("datetime64[ms]")
    except ValueError:
        return None
    return times


def _same_shape(letters: Int[np.ndarray, "n m"] | UInt[np.ndarray, "n m"]) -> bool:
    """Whether texts have digits in the same places, and elsewhere the same letters."""
    is_digit = (letters[0] >= ord("0")) & (letters[0] <= ord("9"))
    digits, others = letters[:, is_digit], letters[:, ~is_digit]
    in_range = (digits >= ord("0")) & (digits <= ord("9"))
    return bool(in_range.all() and (others == others[0]).all())


def _kind(cell: Any) -> str:
    """Which of `_READ` reads a cell."""
    if cell is None or cell != cell:  # noqa: PLR0124 -- NaN and NaT
        return "empty"
    if isinstance(cell, str):
        text = cell.strip()
        if stands_for_empty(text):
            return "empty"
        return "number" if _NUMBER.fullmatch(text) else "text"
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
    matches = [_TEXT.fullmatch(cell.strip()) for cell in cells]
    plain: list[str] = []
    minutes: list[int] = []
    for match, cell, row in zip(matches, cells, rows.tolist(), strict=True):
        ahead = None if match is None else _offset(match["offset"])
        if match is None or ahead is None:
            raise _no_time(where, place, row, cell)
        part = match["part"]
        fraction = "" if part is None or match["hour"].count(":") < 2 else f".{part[:3]}"
        if part is not None and not fraction:
            raise _no_time(where, place, row, cell)
        plain.append(f"{match['day']}T{match['hour'] or '00:00'}{fraction}")
        minutes.append(ahead)
    try:
        times = np.array(plain, "datetime64[ms]")
    except ValueError:  # a day or an hour that does not exist
        wrong = next(n for n, text in enumerate(plain) if not _exists(text))
        raise _no_time(where, place, int(rows[wrong]), cells[wrong]) from None
    utc: Shaped[np.ndarray, "m"] = times - np.array(minutes, "timedelta64[m]")
    return utc


def _offset(text: str | None) -> int | None:
    """Minutes ahead of UTC; None for an offset that no time zone has."""
    if text is None or text.upper() in {"Z", "UTC", "GMT"}:
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes > _MOST_OFFSET or int(digits[2:]) > 59:
        return None
    return -minutes if text[0] == "-" else minutes


def _exists(text: str) -> bool:
    try:
        np.datetime64(text, "ms")
    except ValueError:
        return False
    return True


def _of_numbers(
    cells: list[Any], rows: Int[np.ndarray, "m"], where: str, place: _Place
) -> Shaped[np.ndarray, "m"]:
    """Numbers of one unit since 1970."""
    # Nanoseconds have more digits than a float; their milliseconds have not.
    values = np.array([float(cell) for cell in cells])
    low, high = (edge.astype(np.int64) / 1000 for edge in (FIRST, LAST))
    fits = {unit: (values >= low * each) & (values < high * each) for unit, each in _UNITS.items()}
    unit = max(fits, key=lambda one: int(fits[one].sum()))
    wrong = np.flatnonzero(~fits[unit])
    if len(wrong):
        raise _no_time(where, place, int(rows[wrong[0]]), cells[int(wrong[0])])
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
