"""Cells of tables as texts, whatever a file stores them as.

Blanks around a cell and its Unicode form never make another image, class or rater: both are
taken off, and a note says how many cells had them. What is no text is refused with its row,
never printed as Python prints it.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from reassess.errors import FileError
from reassess.notes import note
from reassess.records.benchmark import plain_text

EMPTY_WORDS = frozenset(
    {
        "", "NaN", "nan", "NAN", "-nan", "-NaN", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaT",
        "null", "NULL", "Null", "(null)", "None", "\\N",
    }
)  # fmt: skip
"""What other programs write into an empty cell."""

EMPTY_IN_LOWER_CASE = frozenset(word.lower() for word in EMPTY_WORDS)

_FIRST = 100
"""So many cells show whether a column holds images."""

EXACT = 2.0**53
"""Whole numbers from here on are not exact in a float."""


def stands_for_empty(text: str) -> bool:
    """Whether a word stands for an empty cell in any case: where no person's name can stand."""
    return text.strip().lower() in EMPTY_IN_LOWER_CASE


def row_number(row: int, first_row: int, left_out: Sequence[int] = ()) -> int:
    """The number of a row in its file, as people count there, blank rows included.

    Args:
        row: its place among the rows that were read, from 0.
        first_row: the number of the first row of the file.
        left_out: the numbers of the rows that were not read, rising.
    """
    number = first_row + row
    for one in left_out:
        if one > number:
            break
        number += 1
    return number


def as_texts(
    cells: Sequence[Any], path: Path, column: str, number: Callable[[int], int], *,
    known: Collection[str] = (), may_be_empty: bool = False,
) -> list[str]:  # fmt: skip
    """Cells as texts, one a row, in NFC and without blanks around them; both are noted.

    Args:
        cells: what the file stores.
        path: the file, for messages.
        column: its column, for messages.
        number: the number of a cell's row in the file, by its place from 0, for messages.
        known: words that mean themselves, though other programs write them into empty cells:
            the names of the classes, where one of them is called ``NA``.
        may_be_empty: give ``""`` for empty cells instead of refusing them.

    Raises:
        FileError: a cell is empty, or is no text: an image, a list, a date.
    """
    where = f"column {column!r}"
    kinds = set(map(type, cells))
    if any(isinstance(cell, dict) and {"bytes", "path"} & cell.keys() for cell in cells[:_FIRST]):
        cells = _paths_of_images(cells, path, where, number)
        kinds = {str}
    raw = list(cells) if kinds == {str} else _converted(cells, kinds, path, where, number)
    _refuse_zero_bytes(raw, path, where, number)
    plain = all(map(str.isascii, raw))
    texts = list(map(str.strip if plain else plain_text, raw))
    note_changes(raw, texts, path, f"cells in {where}")
    empty = (set(texts) & EMPTY_WORDS) - (set(known) - {""})
    if not empty:
        return texts
    if may_be_empty:
        return ["" if text in empty else text for text in texts]
    found = [row for row, text in enumerate(texts) if text in empty]
    row = found[0]
    held = f"{texts[row]!r}, which stands for an empty cell" if texts[row] else "empty"
    remedy = ", or write it otherwise if it is a name" if texts[row] else ""
    raise FileError(
        f"{path}: row {number(row)}, {where} is {held}, but must have a value; "
        f"{len(found):,} of {len(texts):,} cells are empty. Fill them or leave the rows out"
        f"{remedy}."
    )


def _refuse_zero_bytes(
    texts: list[str], path: Path, where: str, number: Callable[[int], int]
) -> None:
    """Refuse texts with a zero byte, which arrays of texts drop at the end: two ids would be one.

    Raises:
        FileError: there is one.
    """
    found = [row for row, text in enumerate(texts) if "\x00" in text]
    if found:
        raise FileError(
            f"{path}: row {number(found[0])}, {where} is {texts[found[0]][:40]!r}, which holds a "
            f"zero byte, but must be a text without; {len(found):,} of {len(texts):,} cells hold "
            "one. Remove the byte."
        )


def note_changes(raw: list[str], texts: list[str], path: Path, what: str) -> None:
    """Note how many texts had blanks around them or were in another Unicode form.

    Args:
        raw: the texts as they were.
        texts: the same as they are read.
        path: the file.
        what: what the texts are, as the subject of a sentence.
    """
    if raw == texts:
        return
    changed = [(a, b) for a, b in zip(raw, texts, strict=True) if a != b]
    blanks = [a for a, _ in changed if a.strip() != a]
    forms = [a for a, b in changed if a.strip() != b]
    if blanks:
        note_blanks(len(blanks), len(texts), blanks[0], path, what)
    if forms:
        note_forms(len(forms), len(texts), forms[0], path, what)


def note_blanks(n: int, n_texts: int, such: str, path: Path, what: str) -> None:
    """Note how many texts had blanks around them, and one of these; other arguments as above."""
    note(
        f"{path}: {n:,} of {n_texts:,} {what} have blanks around their text, such as "
        f"{such[:40]!r}; they were taken off."
    )


def note_forms(n: int, n_texts: int, such: str, path: Path, what: str) -> None:
    """Note how many texts were in another Unicode form, and one of these."""
    note(
        f"{path}: {n:,} of {n_texts:,} {what} are in another Unicode form, such as "
        f"{such.strip()[:40]!a}; they were read in the composed one (NFC)."
    )


def _paths_of_images(
    cells: Sequence[Any], path: Path, where: str, number: Callable[[int], int]
) -> list[str | None]:
    """The paths in a column of images ``{bytes, path}``, as Hugging Face's data sets have them."""
    paths = [cell.get("path") if isinstance(cell, dict) else None for cell in cells]
    wrong = [row for row, one in enumerate(paths) if not isinstance(one, str) or not one.strip()]
    if wrong:
        cell = cells[wrong[0]]
        lacks = "no path" if isinstance(cell, dict) and "bytes" in cell else f"a {_kind(cell)}"
        raise FileError(
            f"{path}: {where} holds images, not ids: row {number(wrong[0])} has {lacks}; "
            f"{len(wrong):,} of {len(cells):,} rows name none. Add a column of ids, such as "
            "image_id, and leave the images out."
        )
    (most, n_most), *_ = Counter(paths).most_common(1)
    if n_most > 1:
        raise FileError(
            f"{path}: {where} holds images, not ids, and {n_most:,} of them have the path "
            f"{str(most)[:60]!r}, which must be unique to be an id. Add a column of ids, such as "
            "image_id, and leave the images out."
        )
    note(f"{path}: {where} holds images; their paths, such as {paths[0]!r}, were read as ids.")
    return paths


def _converted(
    cells: Sequence[Any], kinds: set[type], path: Path, where: str, number: Callable[[int], int]
) -> list[str]:
    """Cells of several kinds, or of one that is not text, as texts; empty ones as ``""``."""
    if kinds == {int}:
        return list(map(str, cells))
    texts = []
    for row, cell in enumerate(cells):
        text = _text(cell)
        if text is None:
            raise FileError(f"{path}: row {number(row)}, {where} holds {_held(cell)}")
        texts.append(text)
    return texts


def _text(cell: Any) -> str | None:
    """A cell as a text; None where it is none."""
    if isinstance(cell, str | bool | int):
        return str(cell)
    if cell is None:
        return ""
    if isinstance(cell, float):
        return _float_text(cell)
    if isinstance(cell, Decimal):
        return "" if cell.is_nan() else format(cell, "f")
    return _decoded(cell) if isinstance(cell, bytes) else None


def _float_text(cell: float) -> str | None:
    """A whole number without its point, as a column with gaps is stored; NaN is empty."""
    if math.isnan(cell):
        return ""
    if cell.is_integer():
        return str(int(cell)) if abs(cell) < EXACT else None
    return repr(cell)


def _decoded(cell: bytes) -> str | None:
    try:
        text = cell.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _kind(cell: Any) -> str:
    """The kind of a cell, as a person calls it."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "empty cell"
    if isinstance(cell, bytes):
        return "value of bytes"
    return {"dict": "structure", "ndarray": "list"}.get(type(cell).__name__, type(cell).__name__)


def _held(cell: Any) -> str:
    """The end of a refusal: what a cell holds, what it must, and what to do."""
    if isinstance(cell, bytes):
        return (
            f"bytes that are no text ({cell[:8]!r} …), but must hold a text. If they are an image, "
            "name the column of ids 'image' and this one 'bytes'."
        )
    if isinstance(cell, date | time | timedelta):
        return (
            f"a date or time ({cell}), but must hold a text. A spreadsheet makes dates of texts "
            "such as 3-4: format the column as text and enter it again."
        )
    if isinstance(cell, float):
        return (
            f"{cell!r}, a number too large to be exact, but must hold a text. Store the column as "
            "integers or texts."
        )
    return (
        f"a {_kind(cell)} ({str(cell)[:40]}), but must hold one text. Write one value a row, or "
        "choose another column."
    )


def number_fault(text: str) -> str:
    """Why a text is not a number, for a message: with the cause where it is a habit of writing."""
    held = text.strip()
    digits = held.replace(",", "").replace(".", "").replace("-", "").replace("+", "")
    if digits.isdigit() and "," in held:
        if held.count(",") == 1 and "." not in held:
            return f"{text!r}, with a decimal comma. Write a point (in Excel: save as English CSV)"
        return f"{text!r}, with separators of thousands or a decimal comma. Write it with one point"
    if held.endswith("%") and held[:-1].strip().replace(".", "", 1).isdigit():
        return f"{text!r}, a percentage. Write it as a plain number"
    if held == "" or held in EMPTY_WORDS:
        return f"{text!r}, which is empty. Fill it or leave the row out"
    return f"{text[:40]!r}. Write a number such as 0.93"
