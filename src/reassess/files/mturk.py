"""Mechanical Turk's results of a batch: what was asked in ``Input.…``, answered in ``Answer.…``.

What comes back is a table with one vote a row, which `reassess.files.vote_tables` reads.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote, urlsplit

from reassess.errors import DataError, FileError, preview
from reassess.files.columns import CLASS_ID, CLASS_INDEX, IMAGE, LABEL, Part
from reassess.files.json_tables import JsonTable
from reassess.files.tables import ColumnFile
from reassess.files.wide_votes import answer_text
from reassess.notes import columns_read, note

_MTURK = {"hitid", "workerid", "assignmentstatus"}
_ZONES = {"PST": -8, "PDT": -7, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
          "MST": -7, "MDT": -6}  # fmt: skip
_TIME = re.compile(r"\w{3} (\w{3} \d{2} \d{2}:\d{2}:\d{2}) ([A-Z]{3}) (\d{4})")
_URL = Part("image", (*IMAGE.aliases, "image_url", "img_url", "url", "image_link"), is_path=True)


def is_mturk(table: ColumnFile) -> bool:
    """Whether a table has the columns of such results."""
    return {name.strip().lower() for name in table.header} >= _MTURK


def read_mturk(table: ColumnFile) -> ColumnFile:
    """The assignments that were not rejected, one vote a row.

    Raises:
        FileError: which column is what is not certain.
        DataError: a cell is not what it must be.
    """
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
    numbers = tuple(map(table.number, rows))  # messages name rows by where they stand
    return ColumnFile(table.path, tuple(columns), JsonTable(table.path, columns, rows=numbers))


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
    columns = {name: [answer_text(table.cells_unread(name)[row]) for row in rows] for name in names}
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
