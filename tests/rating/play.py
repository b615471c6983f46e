"""How tests play raters: questions, a clock that they turn, tasks answered."""

from collections.abc import Callable
from itertools import count

import numpy as np

from reassess.rating import (
    Answer,
    Receipt,
    Settings,
    Store,
    Submission,
    TaskLease,
    accept_invitation,
    invite,
    next_task,
    submit,
)
from reassess.records import ANSWERS, Gold, Pairs, Questions, Votes

SEED = "of the tests"
"""Orders and places of gold are the same in every run, so that a test of chance fails or not."""

PLAIN = Settings(
    votes_per_question=5, gold_rate=0.0, repeat_rate=0.0, n_practice=0, n_qualification=0
)
"""No gold, no repetitions, no practice: five votes a question and nothing else."""

_keys = count()


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += seconds


def questions(n_images: int, n_labels: int, start: int = 0) -> Questions:
    """Every class asked about every image."""
    image = np.repeat(np.arange(n_images), n_labels)
    label = np.tile(np.arange(n_labels), n_images)
    names = np.array([f"folder/{i + start:05}.jpg" for i in range(n_images)])
    return Questions.from_pairs(Pairs(names, image, label))


def truth_of(image_id: str, label: int) -> bool:
    """What is true of an image: every third (image, class) pair."""
    return (int(image_id[-9:-4]) + label) % 3 == 0


def gold_of(asked: Questions, n_experts: int = 3) -> Gold:
    """Experts who all know the truth."""
    pairs = asked.pairs
    assert pairs is not None
    right = [
        2 if truth_of(str(pairs.image_ids[i]), int(k)) else 0
        for i, k in zip(pairs.image, pairs.label, strict=True)
    ]
    question = np.repeat(np.arange(len(asked)), n_experts)
    expert = np.tile(np.arange(n_experts), len(asked))
    names = np.array([f"expert-{i}" for i in range(n_experts)])
    return Gold(Votes(asked, names, ANSWERS, question, expert, np.array(right)[question]))


def raters(store: Store, n: int, start: int = 0) -> list[int]:
    """Raters who have come in by invitation."""
    names = [f"rater-{i + start}" for i in range(n)]
    return [accept_invitation(store, invite(store, name)).number for name in names]


def key() -> str:
    return f"key-{next(_keys)}"


def answer_all(
    store: Store,
    rater: int,
    task: TaskLease,
    say: int | Callable[[str, int], int] = 0,
    milliseconds: int | None = 2000,
) -> Receipt:
    """Answer every question of a task."""
    answers = tuple(
        Answer(
            q.question,
            say if isinstance(say, int) else say(task.image_id, q.label),
            milliseconds,
        )
        for q in task.questions
    )
    return submit(store, rater, Submission(task.lease, key(), answers))


def truthful(image_id: str, label: int) -> int:
    return 2 if truth_of(image_id, label) else 0


def play(
    store: Store,
    rater: int,
    say: int | Callable[[str, int], int] = 0,
    most: int = 10**9,
) -> list[TaskLease]:
    """Answer tasks until there is none, or so many; the tasks."""
    tasks: list[TaskLease] = []
    while len(tasks) < most:
        task = next_task(store, rater)
        if not isinstance(task, TaskLease):
            break
        answer_all(store, rater, task, say)
        tasks.append(task)
    return tasks
