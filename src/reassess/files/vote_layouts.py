"""Tables of votes that are laid out in another way than one vote a row, brought into that form.

wide   one row a question, one column a rater, and empty cells where a rater gave no vote
MTurk  the results of a batch: what was asked in ``Input.…``, what was answered in ``Answer.…``

What comes back is a table that `reassess.files.vote_tables` reads. Tables that have a column for
the rater are never taken for wide.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote, urlsplit

from reassess.errors import DataError, FileError, preview
from reassess.files.cells import stands_for_empty
from reassess.files.columns import ANSWER, CLASS_ID, CLASS_INDEX, IMAGE, LABEL, RATER, TASK, Part
from reassess.files.json_tables import JsonTable
from reassess.files.tables import ColumnFile
from reassess.notes import columns_read, note
from reassess.records import ANSWERS

_NO_RATERS = frozenset({
    "seconds", "given_at", "counted", "gold", "truth", "true_label", "ground_truth", "split",
    "fold", "n", "n_votes", "count", "total", "majority", "mean", "mode", "agreement", "score",
    "original_label", "index", "note", "notes", "comment", "name", "class_name", "width", "height",
    "size", "url", "prediction", "pred", "probability", "confidence", "time", "date", "tie",
})  # fmt: skip
"""Names of columns that hold no rater's votes."""

_NO_RATERS_WORD = frozenset({
    "gold", "truth", "true", "correct", "majority", "consensus", "agreed", "agreement", "final",
    "aggregate", "aggregated", "adjudicated", "adjudication", "resolved", "decision", "verdict",
    "mean", "median", "posterior", "prediction", "predicted", "original", "reference", "expected",
})  # fmt: skip
"""Words in names of such columns."""

_MOST_NAMED = 12
"""So many raters are named."""

_NUMBER = re.compile(r"[+-]?\d+([.,]\d*)?", re.ASCII)
_MTURK = {"hitid", "workerid", "assignmentstatus"}
_ZONES = {"PST": -8, "PDT": -7, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
          "MST": -7, "MDT": -6}  # fmt: skip
_TIME = re.compile(r"\w{3} (\w{3} \d{2} \d{2}:\d{2}:\d{2}) ([A-Z]{3}) (\d{4})")
_URL = Part("image", (*IMAGE.aliases, "image_url", "img_url", "url", "image_link"), is_path=True)


def one_vote_a_row(table: ColumnFile) -> ColumnFile:
    """The table with one vote a row: itself, where it has none of the layouts above.

    Raises:
        FileError: which column is what is not certain.
        DataError: a cell is not what it must be.
    """
    if {name.strip().lower() for name in table.header} >= _MTURK:
        return _mturk(table)
    if _is_wide(table):
        return _wide(table)
    return table


def _derived(table: ColumnFile, columns: dict[str, list[Any]], rows: Sequence[int]) -> ColumnFile:
    """Columns of rows of a table, which messages name by where they stand in it."""
    numbers = tuple(map(table.number, rows))
    return ColumnFile(table.path, tuple(columns), JsonTable(table.path, columns, rows=numbers))


# --- wide ----------------------------------------------------------------------------------


def _question_columns(table: ColumnFile) -> list[str]:
    """The columns that say what was asked: the task, or the image and its class."""
    tasks = table.candidates(TASK)
    images = [] if tasks else table.candidates(IMAGE)
    classes = [one for part in (LABEL, CLASS_ID, CLASS_INDEX) for one in table.candidates(part)]
    return [*tasks[:1], *images[:1], *(classes if images else [])]


def _is_wide(table: ColumnFile) -> bool:
    """Whether columns can only be raters: nothing names a rater or an answer, but a question."""
    if table.candidates(RATER) or table.candidates(ANSWER):
        return False
    asked = _question_columns(table)
    return bool(asked) and len([name for name in table.header if name]) >= len(asked) + 2


def _wide(table: ColumnFile) -> ColumnFile:
    asked = _question_columns(table)
    raters = [name for name in table.header if name and name not in asked]
    cells = {name: [_text(cell) for cell in table.cells_unread(name)] for name in raters}
    _check_raters(table, cells)
    rows, who, answers = [], [], []
    for row, votes in enumerate(zip(*cells.values(), strict=True)):
        for name, answer in zip(raters, votes, strict=True):
            if answer:
                rows.append(row)
                who.append(name)
                answers.append(answer)
    n_cells = len(raters) * len(next(iter(cells.values())))
    if not rows:
        raise DataError(
            f"{table.path}: all {n_cells:,} cells of its {len(raters):,} columns of raters are "
            "empty, but there must be at least one vote."
        )
    silent = [name for name in raters if not any(cells[name])]
    note(
        f"{table.path}: read as a table of one row a question and one column a rater: "
        f"{len(raters):,} raters ({preview(raters, _MOST_NAMED)}), {n_cells - len(rows):,} of "
        f"{n_cells:,} cells are empty and no votes"
        + (f"; {preview(silent)} gave none" if silent else "")
        + ". Rename or drop columns that are no raters."
    )
    columns_read(str(table.path), {"rater": raters, "question": asked}, table.header)
    alone = len(asked) == 1
    columns = {
        "task" if alone else name: [table.cells_unread(name)[row] for row in rows] for name in asked
    }
    return _derived(table, columns | {"rater": who, "answer": answers}, rows)


def _check_raters(table: ColumnFile, cells: dict[str, list[str]]) -> None:
    """Refuse columns that may be no raters: by their name, or by words that no other one has.

    Raises:
        FileError: there is one.
    """
    words = {name: {one.lower() for one in column if one} for name, column in cells.items()}
    for name, own in words.items():
        others = set[str]().union(*(one for other, one in words.items() if other != name))
        plain = re.sub(r"[\s_-]+", "_", name.strip().lower())
        by_name = plain in _NO_RATERS or bool(_NO_RATERS_WORD & set(plain.split("_")))
        if not by_name and (own & others or own <= {*ANSWERS}):
            continue
        why = (
            "may hold something else by its name"
            if by_name
            else f"has no cell in common with the others, such as {sorted(own)[0]!r}"
        )
        raise FileError(
            f"{table.path}: it has no column of raters and none of answers, so that its columns "
            f"could be the raters ({preview(words, 4)}), but {name!r} {why}. Drop the column if "
            "the others are raters; else name the columns image,label,rater,answer."
        )


def _text(cell: Any) -> str:
    """A cell as a text; empty where it is, and without the fraction that gaps give to integers."""
    if cell is None or cell != cell:  # noqa: PLR0124 -- NaN
        return ""
    text = str(cell).strip()
    if stands_for_empty(text):
        return ""
    whole, point, fraction = text.partition(".")
    is_whole = bool(point) and bool(_NUMBER.fullmatch(text)) and not fraction.strip("0")
    return whole if is_whole else text


# --- Mechanical Turk -----------------------------------------------------------------------


def _mturk(table: ColumnFile) -> ColumnFile:
    by_name = {name.strip().lower(): name for name in table.header}
    status = [str(cell or "").strip().lower() for cell in table.cells(by_name["assignmentstatus"])]
    unknown = set(status) - {"approved", "submitted", "rejected"}
    if unknown:
        raise DataError(
            f"{table.path}: the AssignmentStatus is {min(unknown)!r} in row "
            f"{table.number(status.index(min(unknown)))}, but must be Approved, Submitted or "
            "Rejected. Fix it, or leave the row out."
        )
    rows = [row for row, one in enumerate(status) if one != "rejected"]
    if len(rows) < len(status):
        note(
            f"{table.path}: {len(status) - len(rows):,} of {len(status):,} assignments were "
            "rejected and are left out."
        )
    if not rows:
        raise DataError(f"{table.path}: all assignments are rejected, but there must be a vote.")
    columns = _what_was_asked(table, by_name["hitid"])
    answers = _what_was_answered(table, rows)
    columns["rater"] = table.texts(by_name["workerid"])
    columns = {name: [column[row] for row in rows] for name, column in columns.items()}
    columns["answer"] = answers
    if "submittime" in by_name:
        name = by_name["submittime"]
        cells = table.cells(name)
        columns["given_at"] = [_time(cells[row]) for row in rows]
    if "worktimeinseconds" in by_name:
        cells = table.cells(by_name["worktimeinseconds"])
        columns["seconds"] = [cells[row] for row in rows]
    return _derived(table, columns, rows)


def _what_was_asked(table: ColumnFile, hit: str) -> dict[str, list[Any]]:
    """The image and class of each assignment, or the one thing that names its question."""
    inputs = {name[len("Input.") :]: name for name in table.header if name.startswith("Input.")}
    images = _URL.candidates(list(inputs))
    classes = [
        one for part in (LABEL, CLASS_ID, CLASS_INDEX) for one in part.candidates(list(inputs))
    ]
    if len(images) > 1 or (not images and len(inputs) > 1):
        raise FileError(
            f"{table.path}: the question could be named by {preview(inputs.values(), 6)}, but one "
            "column must name the image. Call it Input.image, and drop the others that could be it."
        )
    if not inputs:
        note(f"{table.path}: it has no column Input.…, so that a question is a HIT ({hit!r}).")
        return {"task": table.texts(hit)}
    if not images or not classes:
        named = inputs[images[0] if images else next(iter(inputs))]
        note(f"{table.path}: a question is what {named!r} holds, as no class is asked about.")
        return {"task": [_image(text) for text in table.texts(named)]}
    found = {"image": [_image(text) for text in table.texts(inputs[images[0]])]}
    return found | {one: table.cells(inputs[one]) for one in classes}


def _image(text: str) -> str:
    """An image's id; of an address, its path."""
    parts = urlsplit(text)
    if parts.scheme.lower() in {"http", "https", "s3"} and parts.path.strip("/"):
        return unquote(parts.path).lstrip("/")
    return text


def _what_was_answered(table: ColumnFile, rows: Sequence[int]) -> list[str]:
    """The answer of each assignment.

    Raises:
        FileError: several columns could hold it.
        DataError: an assignment has none, or several.
    """
    names = [name for name in table.header if name.startswith("Answer.")]
    columns = {name: [_text(table.cells_unread(name)[row]) for row in rows] for name in names}
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    columns_read(str(table.path), {"answer": tuple(columns)}, table.header)
    if list(columns) == ["Answer.taskAnswers"]:
        cells = columns["Answer.taskAnswers"]
        return [_task_answer(table, row, cell) for row, cell in zip(rows, cells, strict=True)]
    boxes = {cell.lower() for cells in columns.values() for cell in cells} <= {"true", "false", ""}
    if len(columns) > 1 and boxes:
        marked = [
            [name for name, cell in zip(columns, cells, strict=True) if cell.lower() == "true"]
            for cells in zip(*columns.values(), strict=True)
        ]
        for row, one in zip(rows, marked, strict=True):
            if len(one) != 1:
                raise _no_single(table, row, one)
        return [one[0].rpartition(".")[2] for one in marked]
    if len(columns) != 1:
        raise FileError(
            f"{table.path}: the answer could be in {preview(columns, 6) or 'no column Answer.…'}, "
            "but one column must hold it. Drop the others, or write one file for each."
        )
    (cells,) = columns.values()
    for row, cell in zip(rows, cells, strict=True):
        if not cell:
            raise _no_single(table, row, [])
    return cells


def _task_answer(table: ColumnFile, row: int, cell: str) -> str:
    """The one answer in a cell of JSON: ``[{"category": {"label": "yes"}}]``, or boxes."""
    try:
        value = json.loads(cell)
    except ValueError:
        value = None
    leaves = list(_leaves(value, ""))
    marked = [name for name, leaf in leaves if leaf is True]
    if all(isinstance(leaf, bool) for _, leaf in leaves) and len(marked) == 1:
        return str(marked[0])
    texts = [leaf for _, leaf in leaves if isinstance(leaf, str | int) and leaf != ""]
    if len(leaves) != 1 or len(texts) != 1 or isinstance(texts[0], bool):
        raise _no_single(table, row, marked or [str(one) for one in texts])
    return str(texts[0])


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The values inside a value of JSON, with the name that each stands under."""
    if isinstance(value, dict):
        for key, held in value.items():
            yield from _leaves(held, key)
    elif isinstance(value, list):
        for held in value:
            yield from _leaves(held, name)
    elif value is not None:
        yield name, value


def _no_single(table: ColumnFile, row: int, found: Sequence[str]) -> DataError:
    return DataError(
        f"{table.path}: {table.place(row)} has the answers {preview(found) or 'none'}, but must "
        "have one. Leave the row out, or write one file for each question of the HIT."
    )


def _time(cell: Any) -> Any:
    """MTurk's ``Mon Sep 23 09:17:18 PDT 2019`` in ISO 8601; anything else as it is."""
    match = _TIME.fullmatch(str(cell).strip())
    if match is None or match[2] not in _ZONES:
        return cell
    zone = timezone(timedelta(hours=_ZONES[match[2]]))
    try:
        found = datetime.strptime(f"{match[1]} {match[3]}", "%b %d %H:%M:%S %Y")
    except ValueError:
        return cell
    return found.replace(tzinfo=zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
