"""From questions to tasks: which questions of an image are asked on one screen.

A rater tells two classes apart best where both stand on one screen. An image whose questions
fit on one screen is one task; others are cut so that similar classes stay together. How
similar two classes are, in [0, 1]:

- with a hierarchy, 1 for siblings, and half of that for every eight steps more between them;
- without one, by the models' confusion: how many times more often than by chance both are
  proposed for one image, on a log scale on which 1 is as many times as there are images.

Does not search for the best partition (`partition` does), and does not mix in gold questions,
which the rating site does.

Letters: N images with questions, Q questions, P pairs of one image's questions.

Source: the paper, section 3.2, where the split follows WordNet in a way that is not described.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reassess.errors import DataError, OptionError
from reassess.proposals.partition import EXACT, partition
from reassess.records import Hierarchy, Pairs, Questions, Tasks

PER_TASK = 8
"""Most questions of a task: eight classes with their descriptions fit one screen."""

_FEWEST = 3
"""No part of a split image is smaller in the published study."""

_HALVING = 8
"""Steps in the hierarchy that halve the similarity."""

_CELLS_AT_ONCE = 2**17
"""Similarities that are searched at once: 1 MiB, which stays in a core's cache."""

_MOST_TOGETHER = 64
"""Questions of an image that are searched together; the search takes their number cubed."""


def split_into_tasks(
    questions: Questions,
    *,
    per_task: int = PER_TASK,
    hierarchy: Hierarchy | None = None,
    screen_cost: float = 0.5,
) -> Tasks:
    """The tasks of all questions, numbered by image and by a task's lowest class.

    No task has more than ``per_task`` questions. An image with as many or fewer is one task.
    An image with more has no part of fewer than 3 questions if ``per_task`` is 5 or more, of
    fewer than 2 if it is 3 or 4. (Larger parts cannot be had: one question more than fits
    makes two screens, the smaller with at most half of them.)

    Args:
        questions: what is asked, about pairs of image and class.
        per_task: how many questions may stand on one screen.
        hierarchy: of the classes; without one, classes that are often proposed together are
            similar.
        screen_cost: each question counts the mean similarity to the others on its screen; a
            screen that could be spared must add this much to the sum over the image. 0 makes
            small parts, a large number the fewest screens.

    Raises:
        OptionError: ``per_task`` is below 1, or ``screen_cost`` below 0 or not finite.
        DataError: the questions name no images, or a class that the hierarchy has not.

    Source: the paper, section 3.2.
    """
    _check_options(per_task, screen_cost)
    pairs = questions.pairs
    if pairs is None or len(pairs) == 0:
        return Tasks(questions, np.zeros(len(questions), dtype=np.int64))
    group = _groups(pairs, max(_MOST_TOGETHER, 4 * per_task), hierarchy)
    order = np.lexsort((pairs.label, group))
    rows = _QuestionsByImage(pairs.label[order].astype(np.int64), np.bincount(group))
    similarity = (
        _by_confusion(rows, per_task)
        if hierarchy is None
        else _by_hierarchy(rows, per_task, hierarchy)
    )
    part = np.zeros(len(order), dtype=np.int64)
    fewest = min(_FEWEST, (per_task + 1) // 2)
    for row in rows.batches(per_task + 1):
        part[row] = partition(
            similarity.of(rows.label[row]), fewest=fewest, most=per_task, part_cost=screen_cost
        )
    key = group[order] * (int(part.max()) + 1) + part
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    task = np.empty(len(order), dtype=np.int64)
    task[order] = np.argsort(np.argsort(first))[number]
    return Tasks(questions, task)


def _groups(pairs: Pairs, most: int, hierarchy: Hierarchy | None) -> Int[np.ndarray, "Q"]:
    """The image of each question; one with more than ``most`` is cut into several beforehand.

    The search for parts looks at all pairs of an image's classes, which is for tens of them:
    hundreds are first cut into runs of classes that lie near each other in the hierarchy.
    """
    size = np.bincount(pairs.image)
    if size.max() <= most:
        return pairs.image.astype(np.int64)
    label = pairs.label
    if hierarchy is not None and int(label.max()) < hierarchy.n_classes:
        label = hierarchy.tree_order[label]
    order = np.lexsort((label, pairs.image))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
    n_runs = -(-size // most)
    run = place * n_runs[pairs.image] // size[pairs.image]
    first = np.cumsum(n_runs) - n_runs
    group: Int[np.ndarray, "Q"] = first[pairs.image] + run
    return group


def _check_options(per_task: int, screen_cost: float) -> None:
    if per_task < 1:
        raise OptionError(f"the questions per task are {per_task}, but must be 1 or more.")
    if not 0 <= screen_cost < np.inf:
        raise OptionError(
            f"the cost of a screen is {screen_cost}, but must be 0 or more and finite."
        )


@dataclass(frozen=True, slots=True)
class _QuestionsByImage:
    """The classes asked about, image by image and rising within an image.

    Attributes:
        label: class of each question.
        sizes: number of questions of each image.
    """

    label: Int[np.ndarray, "Q"]
    sizes: Int[np.ndarray, "N"]

    def batches(self, fewest: int) -> Iterator[Int[np.ndarray, "b n"]]:
        """Questions of images with equally many, at least ``fewest``, one image a row."""
        start = np.cumsum(self.sizes) - self.sizes
        for n in np.unique(self.sizes[self.sizes >= fewest]).tolist():
            starts = start[self.sizes == n]
            n_images = max(1, _CELLS_AT_ONCE // n**2)
            for one in range(0, len(starts), n_images):
                yield starts[one : one + n_images, None] + np.arange(n)

    def pairs(self, fewest: int) -> tuple[Int[np.ndarray, "p"], Int[np.ndarray, "p"]]:
        """Distinct pairs of classes within such images, and on how many of them each is.

        A pair is one number, the lower class times `n_classes` plus the higher one.
        """
        keys, counts = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for row in self.batches(fewest):
            low, high = np.triu_indices(row.shape[1], 1)
            label = self.label[row]
            key = label[:, low] * self.n_classes + label[:, high]
            found, count = np.unique(key, return_counts=True)
            keys.append(found)
            counts.append(count)
        key, back = np.unique(np.concatenate(keys), return_inverse=True)
        return key, np.bincount(back, np.concatenate(counts), len(key)).astype(np.int64)

    @property
    def n_classes(self) -> int:
        """One more than the highest class asked about."""
        return int(self.label.max()) + 1


@dataclass(frozen=True, slots=True)
class _Similarity:
    """How similar classes of one image are; rising keys, as `_QuestionsByImage.pairs`."""

    key: Int[np.ndarray, "p"]
    value: Float[np.ndarray, "p"]
    n_classes: int

    def of(self, label: Int[np.ndarray, "b n"]) -> Float[np.ndarray, "b n n"]:
        """The similarity of all classes of each image, each row of labels rising."""
        n_images, n = label.shape
        low, high = np.triu_indices(n, 1)
        key = label[:, low] * self.n_classes + label[:, high]
        value = self.value[np.searchsorted(self.key, key)]
        square = np.zeros((n_images, n, n))
        square[:, low, high] = value
        square[:, high, low] = value
        return square


def _exact(value: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p"]:
    exact: Float[np.ndarray, "p"] = np.round(value / EXACT) * EXACT
    return exact


def _by_hierarchy(rows: _QuestionsByImage, per_task: int, hierarchy: Hierarchy) -> _Similarity:
    if rows.n_classes > hierarchy.n_classes:
        beyond = rows.label >= hierarchy.n_classes
        raise DataError(
            f"questions: class {rows.n_classes - 1} is asked about, but the hierarchy has "
            f"{hierarchy.n_classes:,} classes; {int(beyond.sum()):,} of {len(beyond):,} questions "
            "are about others. Give the hierarchy of these classes."
        )
    key, _ = rows.pairs(per_task + 1)
    distance = hierarchy.distance(*np.divmod(key, rows.n_classes))
    steps = np.maximum(distance - 2, 0)
    return _Similarity(key, _exact(2.0 ** (-steps / _HALVING)), rows.n_classes)


def _by_confusion(rows: _QuestionsByImage, per_task: int) -> _Similarity:
    """The image that is cut has both classes anyway: only the others count."""
    wanted, _ = rows.pairs(per_task + 1)
    key, count = rows.pairs(2)
    n_others = count[np.searchsorted(key, wanted)] - 1
    n_images = int((rows.sizes > 0).sum())
    n_of_class = np.bincount(rows.label)
    low, high = np.divmod(wanted, rows.n_classes)
    lift = n_others * n_images / (n_of_class[low] * n_of_class[high])
    return _Similarity(wanted, _exact(np.log1p(lift) / np.log1p(n_images)), rows.n_classes)
