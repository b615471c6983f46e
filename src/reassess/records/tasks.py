"""Tasks: which questions of one image stand on one screen.

Does not say which belong together: `proposals` does. Does not hand tasks out, and holds no
gold: the rating site mixes gold questions in when it shows a task.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError, preview
from reassess.records.pairs import Pairs
from reassess.records.questions import Questions


@dataclass(frozen=True)
class Tasks:
    """Questions bundled into screens.

    Attributes:
        questions: the Q questions, with their pairs.
        task: for each question the task that it stands in, 0 to ``n_tasks`` - 1.

    Raises:
        DataError: the questions have no pairs, columns differ in length, a task has no
            question, or has questions of more than one image.
    """

    questions: Questions
    task: Int[np.ndarray, "Q"]

    def __post_init__(self) -> None:
        if self.questions.pairs is None:
            raise DataError(
                "tasks: the questions name no images, but a task is a screen with one image. Give "
                "questions about pairs of image and class."
            )
        if len(self.task) != len(self.questions):
            raise DataError(
                f"tasks: there are {len(self.task):,} tasks, but must be one for each of "
                f"{len(self.questions):,} questions."
            )
        if len(self.task) == 0:
            return
        if self.task.min() < 0:
            row = int(np.argmin(self.task))
            raise DataError(f"tasks: task[{row}] is {int(self.task[row])}, but must be 0 or more.")
        empty = np.flatnonzero(self.sizes == 0)
        if len(empty):
            raise DataError(
                f"tasks: task {empty[0]} has 0 questions, but must have at least one; "
                f"{len(empty):,} of {self.n_tasks:,} have none. Number tasks without gaps."
            )
        mixed = np.flatnonzero(self.pairs.image != self.image[self.task])
        if len(mixed):
            task = int(self.task[mixed[0]])
            images = self.pairs.image_ids[np.unique(self.pairs.image[self.task == task])]
            raise DataError(
                f"tasks: task {task} has questions about {preview(images)}, but must be about one "
                f"image; {len(np.unique(self.task[mixed])):,} of {self.n_tasks:,} tasks are about "
                "several. Split them."
            )

    def __len__(self) -> int:
        return self.n_tasks

    @property
    def pairs(self) -> Pairs:
        """The image and class of each question."""
        assert self.questions.pairs is not None  # noqa: S101 -- checked when the record is made
        return self.questions.pairs

    @property
    def n_tasks(self) -> int:
        """How many tasks there are."""
        return len(self.sizes)

    @cached_property
    def sizes(self) -> Int[np.ndarray, "n_tasks"]:
        """Number of questions of each task."""
        return np.bincount(self.task)

    @cached_property
    def image(self) -> Int[np.ndarray, "n_tasks"]:
        """Image of each task, a row of ``pairs.image_ids``."""
        found = np.zeros(self.n_tasks, dtype=np.int64)
        found[self.task] = self.pairs.image
        return found

    @cached_property
    def order(self) -> Int[np.ndarray, "Q"]:
        """The questions task by task, within a task by class."""
        return np.lexsort((self.pairs.label, self.task))

    @cached_property
    def start(self) -> Int[np.ndarray, "n"]:
        """Where each task starts in ``order``, and at last where it ends."""
        return np.append(0, np.cumsum(self.sizes))

    def questions_of(self, task: int) -> Int[np.ndarray, "n"]:
        """The questions of one task, by class.

        Raises:
            DataError: there is no such task.
        """
        if not 0 <= task < self.n_tasks:
            raise DataError(f"tasks: task is {task}, but must be in [0, {self.n_tasks:,}).")
        return self.order[self.start[task] : self.start[task + 1]]
