"""What the rating site is handed: tasks, and the shape of a rule that stops asking.

A task is the questions of one image on one screen. `reassess.aggregation.adaptive` makes rules,
`reassess.rating` asks them; neither imports the other. Letters: q questions that are assessed, v
their counted votes.

Does not say which belong together: `proposals` does. Does not hand tasks out, and holds no
gold: the rating site mixes gold questions in when it shows a task.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

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


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a rule says about some questions.

    Attributes:
        settled: whether the question need not be asked again.
        urgency: how much another vote is worth, in [0, 1]; questions with more are shown
            first. All equal gives a random order.
        present: P(all votes together would decide that the class is present), in [0, 1];
            one half where the rule predicts nothing.
    """

    settled: Bool[np.ndarray, "q"]
    urgency: Float[np.ndarray, "q"]
    present: Float[np.ndarray, "q"]


@runtime_checkable
class StoppingRule(Protocol):
    """Decides from the votes so far which questions are settled; keeps no state of its own.

    The store calls it inside the transaction that stores an answer, for the few questions of
    one task, and in bulk when it is refreshed: it must be quick, must not touch the store, and
    must be safe to call from several threads.
    """

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Which questions are settled, and how urgent each is.

        Args:
            question: number of each question: its row in what the rule was made from or, for
                a store, its number there.
            position: row in ``question`` of each counted vote.
            rater: id of the rater who gave it, a string.
            answer: 0 no, 1 maybe, 2 yes.
            n_left: how many more votes each question may get.
        """
        ...


class NoStopping:
    """The rule without adaptive rating: every question gets all its votes, in random order."""

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Nothing is settled, and nothing is more urgent than the rest."""
        del position, rater, answer, n_left
        n = len(question)
        return Assessment(np.zeros(n, np.bool_), np.zeros(n), np.full(n, 0.5))
