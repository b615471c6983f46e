"""Tasks of a large table of votes as questions, without an object for any of them.

Where every task is ``<image>:<class index>``, as we write them, the questions are about these
pairs; else a question is a task. What is unusual is an `UnusualError`, for the reader that looks
at every cell (`reassess.files.vote_tables`).
"""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from reassess.files.arrow_columns import UnusualError
from reassess.files.columns import ANSWER, CLASS_ID, CLASS_INDEX, IMAGE, LABEL, RATER, TASK
from reassess.files.interning import Texts
from reassess.files.tables import ColumnFile
from reassess.records import Pairs, Questions
from reassess.records.arrays import TextBytes, cut_by_width

_MOST_DIGITS = 7
"""Of the class index in a task; more are no class of `MOST_CLASSES`, or begin with zeros."""

_NO_PAIR, _DOUBTFUL = -1, -2

_PAIR = re.compile(r"(.*):(\d+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TaskColumns:
    """The columns of a table in which tasks name the questions.

    Attributes:
        parts: the columns that name tasks, those that name raters, and those of answers.
        beside: columns of images and classes, which say no more than the task does.
        class_id: the column of class ids.
    """

    parts: list[list[str]]
    beside: tuple[str, ...]
    class_id: str | None


def task_columns(table: ColumnFile) -> TaskColumns | None:
    """The columns of a table of tasks; None where an image and a class name the questions.

    Raises:
        FileError: two columns have one name, but for case and blanks.
    """
    tasks, raters, answers = map(table.candidates, (TASK, RATER, ANSWER))
    images = [one for one in table.candidates(IMAGE) if one.strip().lower() != "id"]
    classes = [one for part in (LABEL, CLASS_ID, CLASS_INDEX) for one in table.candidates(part)]
    found = [tasks, raters, answers or table.candidates(LABEL)]
    ids = table.candidates(CLASS_ID)
    if not all(found) or (images and classes and answers) or len(ids) > 1:
        return None
    beside = tuple(dict.fromkeys([*images, *(classes if answers else [])]))
    return TaskColumns(found, beside, ids[0] if ids else None)


def are_integers(texts: TextBytes) -> bool:
    """Whether all texts are made of digits."""
    return bool(((texts.content >= ord("0")) & (texts.content <= ord("9"))).all())


@dataclass(frozen=True, slots=True)
class TaskNames:
    """What distinct tasks name.

    Attributes:
        ids: the tasks.
        images: of tasks that name pairs the distinct images; None where they name something else.
        image: the image of each task.
        label: its class index.
        class_ids: ids of the classes, where they are known.
    """

    ids: TextBytes
    images: Texts | None
    image: Int[np.ndarray, "Q"]
    label: Int[np.ndarray, "Q"]
    class_ids: tuple[str, ...] | None = None

    @classmethod
    def of(cls, texts: Texts) -> "TaskNames":
        """What texts name, which are given up.

        Raises:
            UnusualError: a task could name a pair in another way, or is a number with a fraction.
        """
        ids = texts.as_bytes()
        label, length = _classes_and_lengths(ids)
        least = int(label.min())
        if least < 0:
            rows = np.flatnonzero(label == (_NO_PAIR if (label == _NO_PAIR).any() else least))
            if _PAIR.fullmatch(ids.some(rows[:1])[0]):
                raise UnusualError
            _refuse_fractions(ids)
            return cls(ids, None, label[:0], label[:0])
        images, image = _images(ids, length)
        return cls(ids, images, image, label)

    def questions(self) -> Questions:
        """The questions; texts of images are given up."""
        if self.images is None:
            return Questions.from_texts(self.ids)
        images = self.images.as_bytes()
        pairs = Pairs.of_distinct(images, self.image, self.label, self.class_ids)
        return Questions.from_pairs(pairs)


def _images(ids: TextBytes, length: Int[np.ndarray, "Q"]) -> tuple[Texts, Int[np.ndarray, "Q"]]:
    """The distinct images that ids of pairs begin with, and which each has."""
    images, image = Texts(len(ids)), np.empty(len(ids), np.int32)
    for rows in cut_by_width(len(ids), np.diff(ids.ends)):
        first, last = int(ids.ends[rows.start]), int(ids.ends[rows.stop])
        begins, ends = ids.ends[rows] - first, np.zeros(rows.stop - rows.start + 1, np.int64)
        np.cumsum(length[rows], out=ends[1:])
        kept = _ranges(last - first, begins, begins + length[rows])
        image[rows] = images.number(None, ends, ids.content[first:last][kept])
    return images, image


def _ranges(
    n: int, begins: Int[np.ndarray, "m"], ends: Int[np.ndarray, "m"]
) -> Bool[np.ndarray, "n"]:
    """Which of n places lie in one of some ranges, which rise and do not overlap."""
    steps = np.zeros(n + 1, np.int8)
    filled = ends > begins
    steps[begins[filled]] += 1
    steps[ends[filled]] -= 1
    inside: Bool[np.ndarray, "n"] = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)
    return inside


def _classes_and_lengths(
    ids: TextBytes,
) -> tuple[Int[np.ndarray, "Q"], Int[np.ndarray, "Q"]]:
    """The class index that ends each id, and the bytes before its ``:``.

    `_NO_PAIR` stands for no index, `_DOUBTFUL` for one that begins with a zero or is too long, and
    for a long number alone.
    """
    label, length = np.empty(len(ids), np.int32), np.zeros(len(ids), np.int64)
    for start in range(0, len(ids), 1 << 17):
        rows = slice(start, min(start + (1 << 17), len(ids)))
        begins, ends = ids.ends[rows], ids.ends[rows.start + 1 : rows.stop + 1]
        at = ends[:, None] - 1 - np.arange(_MOST_DIGITS + 2)
        byte = np.where(at >= begins[:, None], ids.content[np.maximum(at, 0)], 0)
        digit = byte.astype(np.int32) - ord("0")
        is_digit = (digit >= 0) & (digit <= 9)
        n = np.argmin(np.column_stack([is_digit, np.zeros(len(at), np.bool_)]), axis=1)
        row = np.arange(len(at))
        ends_so = (n > 0) & (byte[row, np.minimum(n, _MOST_DIGITS + 1)] == ord(":"))
        is_doubtful = (n > _MOST_DIGITS) | (ends_so & (n > 1) & (digit[row, n - 1] == 0))
        places = np.where(np.arange(_MOST_DIGITS) < n[:, None], digit[:, :_MOST_DIGITS], 0)
        value = places @ (10 ** np.arange(_MOST_DIGITS))
        label[rows] = np.where(is_doubtful, _DOUBTFUL, np.where(ends_so, value, _NO_PAIR))
        length[rows] = np.where(ends_so, ends - begins - n - 1, 0)
    return label, length


def _refuse_fractions(ids: TextBytes) -> None:
    """Leave numbers with a point in them, which may be read as whole ones, to the other reader.

    Raises:
        UnusualError: there is one.
    """
    for rows in cut_by_width(len(ids), np.diff(ids.ends)):
        first, last = int(ids.ends[rows.start]), int(ids.ends[rows.stop])
        content, begins = ids.content[first:last], ids.ends[rows] - first
        is_point = content == ord(".")
        if not is_point.any():
            continue
        others = ~(is_point | ((content >= ord("0")) & (content <= ord("9"))))
        n_others, n_points = (
            np.add.reduceat(one, begins, dtype=np.int64) for one in (others, is_point)
        )
        if ((n_others == 0) & (n_points > 0)).any():
            raise UnusualError
