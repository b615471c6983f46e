"""What a file of predictions holds of one model, before anything is aligned or ranked.

Scores of K columns beside ranked classes are looked up by class: which of the two they are, scores
of the ranks or scores of the classes, is told by the values.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from reassess.errors import DataError, FileError
from reassess.files.access import Array
from reassess.files.short_lists import StoredLists
from reassess.notes import note
from reassess.records import ScoreType
from reassess.registry import checks_choices

_SLACK = 1e-3
"""How far below the best score of a row, as a share of its range, the first class may lie: scores
are often rounded more than what ranked the classes."""


@dataclass(frozen=True, slots=True)
class StoredTruth:
    """What is true of the rows of a file of predictions, as the file says.

    Attributes:
        name: of the array or column.
        classes: class indices; -1 and less for rows without a label.
    """

    name: str
    classes: Array


@checks_choices
@dataclass(frozen=True, slots=True)
class StoredPredictions:
    """What a file holds of one model: classes, scores or both.

    Attributes:
        model: the model's name, from the file or within it.
        where: the file, and the array in it, for messages.
        classes: class indices as stored; None for full scores.
        scores: the scores of ``classes``, or of every class; memory-mapped where possible.
        ids: the image id of each row, where the file holds them.
        scale: what the scores are, where the file says it.
        first: the top prediction of each row that the file states beside full scores.
        short: the short lists, where the file holds them in place of classes and scores.
        truth: the true class of each row, where the file holds that beside the predictions.
    """

    model: str
    where: str
    classes: Array | None
    scores: Array | None
    ids: Array | None = None
    scale: ScoreType | None = None
    first: Array | None = None
    short: StoredLists | None = None
    truth: StoredTruth | None = None


def lone(model: str, where: str, array: Array, ids: Array | None) -> StoredPredictions:
    """One array: integers are ranked classes, floats are full scores.

    Raises:
        FileError: it is neither.
    """
    if array.dtype.kind in "iu":
        return StoredPredictions(model, where, array, None, ids)
    if array.dtype.kind == "f":
        return StoredPredictions(model, where, None, array, ids)
    hint = ""
    if array.dtype.kind == "b":
        hint = " If rows are one-hot, write the class of each: array.argmax(axis=1)."
    raise FileError(
        f"{where}: the array has the type {array.dtype}, but must hold integers (ranked classes) "
        f"or floats (full scores).{hint}"
    )


def with_scores_by_class(found: StoredPredictions, n_classes: int | None) -> StoredPredictions:
    """The same, with full scores alone where the scores beside classes are one column a class.

    Args:
        found: what a file holds.
        n_classes: K where it is known.

    Raises:
        DataError: the scores can only be one column a class, but put another class first.
    """
    classes, scores = found.classes, found.scores
    if classes is None or scores is None or classes.dtype.kind not in "iu":
        return found
    classes = classes[:, None] if classes.ndim == 1 else classes
    if classes.ndim != 2 or scores.ndim != 2 or len(classes) != len(scores) or 0 in classes.shape:
        return found
    n_columns = int(scores.shape[1])
    if n_columns < max(2, classes.shape[1]) or not 0 <= classes.min() <= classes.max() < n_columns:
        return found
    classes = classes.astype(np.int64)
    by_class = np.take_along_axis(scores, classes, axis=1)
    if n_columns == classes.shape[1]:
        if not _rises(scores).any() or _rises(by_class).any():
            return found
    elif n_classes not in {None, n_columns}:
        return found
    else:
        _refuse_other_first(found.where, classes, scores, by_class)
    note(f"{found.where}: its scores have one column a class, and were looked up by class.")
    return replace(found, classes=None, first=classes[:, 0])


def _rises(scores: Array) -> Bool[np.ndarray, "n"]:
    """Whether a row's scores rise somewhere, so that its columns are in no rank order."""
    rises: Bool[np.ndarray, "n"] = np.any(scores[:, 1:] > scores[:, :-1], axis=1)
    return rises


def _refuse_other_first(where: str, classes: Array, scores: Array, by_class: Array) -> None:
    best = scores.max(axis=1)
    spread = best - np.where(np.isfinite(scores), scores, np.inf).min(axis=1)
    other: Array = by_class[:, 0] < best - _SLACK * np.where(np.isfinite(spread), spread, 0)
    if other.any():
        row = int(np.argmax(other))
        raise DataError(
            f"{where}: row {row} names class {classes[row, 0]} first, but its scores, which have "
            f"one column a class and are read with it, put class {int(scores[row].argmax())} "
            f"first; {int(other.sum()):,} of {len(other):,} rows differ. Read one of them alone: "
            "move or rename the other."
        )
