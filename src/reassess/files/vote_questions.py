"""Which columns of a table of votes say what was asked, and which what was answered.

An image and a class name a question for certain. So does a task, unless the same table shows that
it names something else: a screen with several questions, or a row. A column ``label`` is the class
that was asked about, beside an image, and else the answer. Where two readings are open the table is
refused, with the rows that show it; what was left aside is noted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from reassess.errors import FileError
from reassess.files.columns import (
    ANSWER,
    CLASS_ID,
    CLASS_INDEX,
    IMAGE,
    LABEL,
    TASK,
)
from reassess.files.tables import ColumnFile
from reassess.notes import note
from reassess.records import factorize


@dataclass(frozen=True, slots=True)
class QuestionColumns:
    """The columns that hold questions and answers.

    Attributes:
        answer: the column of answers.
        task: the column that names questions; None where an image and a class do.
        image: the column of the image; empty where a task names the question.
    """

    answer: str
    task: str | None
    image: str


def question_columns(table: ColumnFile) -> QuestionColumns:
    """The columns of a table of votes that hold questions and answers.

    Raises:
        FileError: a column is missing, or two could play one part.
    """
    tasks, has_answer = table.candidates(TASK), bool(table.candidates(ANSWER))
    # A column that is only called "id" numbers the rows of a table that names tasks.
    images = [one for one in table.candidates(IMAGE) if not tasks or one.strip().lower() != "id"]
    classes = [one for part in (LABEL, CLASS_ID, CLASS_INDEX) for one in table.candidates(part)]
    if not tasks or (images and classes and has_answer):
        answer = table.require(ANSWER)
        image = table.require(IMAGE)
        _check_finer(table, (image, classes[0] if classes else table.require(LABEL)), tasks)
        return QuestionColumns(answer, None, image)
    task = table.require(TASK)
    answer = table.require(ANSWER if has_answer else LABEL)
    for other in [*images, *(classes if has_answer else [])]:
        _check_task(table, task, other, answer)
    return QuestionColumns(answer, task, "")


def _are_integers(cells: Sequence[object]) -> bool:
    texts = {str(cell).strip() for cell in cells}
    return all(text.isascii() and text.isdigit() for text in texts)


def _check_finer(table: ColumnFile, columns: tuple[str, str], tasks: Sequence[str]) -> None:
    """Refuse tasks that tell apart what image and class do not: the question may be the task.

    Raises:
        FileError: an image and class has several tasks.
    """
    if not tasks:
        return
    pair = _codes(table, columns)
    for task in tasks:
        row = _first_not_told(pair, _codes(table, (task,)))
        if row is not None:
            first = int(np.argmax(pair == pair[row]))
            raise FileError(
                f"{table.path}: {table.place(first)} and {table.place(row)} have the same "
                f"{columns[0]!r} and {columns[1]!r}, but differ in {task!r}, and either could "
                f"name the question. Rename or drop the column {task!r} if the question is the "
                f"image with its class; else rename {columns[0]!r}."
            )
    note_left_aside(table, columns, tasks)


def note_left_aside(table: ColumnFile, columns: Sequence[str], tasks: Sequence[str]) -> None:
    """Note that image and class name the questions, and not the tasks beside them."""
    note(
        f"{table.path}: a question is an image with a class (columns {columns[0]!r} and "
        f"{columns[1]!r}); {', '.join(map(repr, tasks))} was left aside."
    )


def note_beside(table: ColumnFile, task: str, other: str) -> None:
    """Note that a task names the questions, and not what stands beside it."""
    note(f"{table.path}: a question is a task (column {task!r}); {other!r} was left aside.")


def _check_task(table: ColumnFile, task: str, other: str, answer: str) -> None:
    """Refuse a task that holds several images or classes, or that only numbers the rows.

    Raises:
        FileError: it does.
    """
    if other == answer or table.cells(other) == table.cells(answer):
        return
    asked, beside = _codes(table, (task,)), _codes(table, (other,))
    row = _first_not_told(asked, beside)
    if row is not None:
        first = int(np.argmax(asked == asked[row]))
        raise FileError(
            f"{table.path}: {table.place(first)} and {table.place(row)} are of one {task!r}, but "
            f"differ in {other!r}, so that it is not certain which of them names the "
            f"question, and which column holds the answer. Drop the column that is not meant, or "
            "rename it; name a question by image, label and answer, or by task and answer."
        )
    n_rows, n_others = len(asked), int(beside.max()) + 1
    numbers = n_others < n_rows == asked.max() + 1 and _are_integers(table.cells(task))
    if numbers and other in table.candidates(IMAGE):
        raise FileError(
            f"{table.path}: {task!r} is another in each of the {n_rows:,} rows, but must name a "
            f"question; {other!r} may. Rename or drop the column {task!r} if it numbers the rows."
        )
    note_beside(table, task, other)


def _codes(table: ColumnFile, columns: Sequence[str]) -> Int[np.ndarray, "n"]:
    """A number for each row, the same where it holds the same cells in some columns."""
    code = np.zeros(0, np.int64)
    for name in columns:
        ids, column = factorize(["" if c is None else str(c).strip() for c in table.cells(name)])
        code = column if len(code) == 0 else code * len(ids) + column
    _, code = np.unique(code, return_inverse=True)
    return code


def _first_not_told(one: Int[np.ndarray, "n"], other: Int[np.ndarray, "n"]) -> int | None:
    """The first row whose other code differs from that of an earlier row with the same one."""
    _, first, place = np.unique(one, return_index=True, return_inverse=True)
    differs = np.flatnonzero(other != other[first][place])
    return int(differs[0]) if len(differs) else None
