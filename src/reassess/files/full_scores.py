"""Full scores, one column a class: checked in blocks of rows, and the best classes of each row."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import DataError
from reassess.files.access import Array
from reassess.records import Benchmark, ScoreMatrix, ScoreType, check_order
from reassess.records.score_values import (
    check_scores,
    constant_rows,
    never_predicted,
    refuse_never_predicted,
    rounding,
)
from reassess.registry import checks_choices

_ROWS_AT_ONCE = 8192


def two_axes(array: Array | None, where: str) -> Array:
    """An array [n, k]; one axis of integers is a single column.

    Raises:
        DataError: it has another number of axes, or an empty one.
    """
    if array is not None and array.ndim == 1 and array.dtype.kind in "iu":
        array = array[:, None]
    if array is None or array.ndim != 2 or 0 in array.shape:
        shape = None if array is None else array.shape
        raise DataError(
            f"{where}: the array has the shape {shape}, but must be [images, columns] with at "
            "least one of each."
        )
    return array


def check_columns(
    n_columns: int,
    benchmark: Benchmark,
    where: str,
    declared: int | None,
    *,
    what: str = "full scores",
) -> int:
    """K of full scores, which have one column a class, or as many as were declared.

    Raises:
        DataError: there are more or fewer.
    """
    known = benchmark.n_classes
    original = benchmark.original
    least = 0 if original is None else int(original.max()) + 1
    # Classes come at the end: what was declared before some came has no columns for them.
    if n_columns == declared or (known in {None, n_columns} and n_columns >= least):
        return n_columns
    must = f"{max(known, least):,}" if known is not None else f"at least {least:,}"
    if declared not in {None, known}:
        must += f" (or {declared:,}, as many as there were when the model was added)"
    remedy = (
        "Floats are read as full scores; for the scores of ranked classes name both files, "
        "CLASSES.npy:SCORES.npy."
    )
    if what != "full scores":
        remedy = "Predict with a model of the same classes."
    elif known is not None and n_columns == known + 1:
        remedy = "If the first is a class for the background, leave it out: scores[:, 1:]."
    elif known is None and n_columns == least - 1 and original is not None and original.min() >= 1:
        remedy = (
            f"The labels of {benchmark.name} count classes from 1, and columns from 0: subtract 1."
        )
    counted = (
        "columns, but must have {}, one a class"
        if what == "full scores"
        else ("classes, but must have {}")
    )
    raise DataError(f"{where}: {what} have {n_columns:,} {counted.format(must)}. {remedy}")


@dataclass
class _Constant:
    """The rows of full scores that give every class the same score."""

    rows: list[Array] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)

    def take(self, block: Array, start: int) -> Array:
        """Remember a block's constant rows; the block, without NaN where all of a row is NaN."""
        found = constant_rows(block)
        if len(found):
            self.rows.append(start + found)
            self.values.append(block[found, 0].astype(np.float64))
            nan = found[np.isnan(block[found, 0])]
            if len(nan):
                block = block.copy()
                block[nan] = 0
        return block

    def never(self, n_rows: int, n_classes: int) -> tuple[Bool[np.ndarray, "n"], float]:
        """Whether each row was never predicted, and what the first of them holds."""
        if not self.rows:
            return np.zeros(n_rows, dtype=bool), 0.0
        row, value = np.concatenate(self.rows), np.concatenate(self.values)
        never = never_predicted(row, value, n_rows, n_classes)
        return never, float(value[np.argmax(never[row])])


@dataclass(frozen=True)
class TopOfFull:
    """The best classes of each row of full scores.

    Attributes:
        classes: [n, top] class indices, best first.
        scores: their scores.
        never: whether each row was never predicted.
        value: what the first such row holds for every class.
    """

    classes: Array
    scores: Array
    never: Bool[np.ndarray, "n"]
    value: float


@checks_choices
def top_of_full(
    scores: Array, top: int, scale: ScoreType | None, where: str, first: Array | None
) -> TopOfFull:
    """The ``top`` best classes of each row, in blocks of rows; of equals the earlier column.

    Args:
        scores: [n, K].
        top: how many classes to take.
        scale: what the scores are.
        where: what holds them, for messages.
        first: the class that goes first among equals, where the file says it.

    Raises:
        DataError: a score is no number, or a probability outside [0, 1].
    """
    n, n_classes = scores.shape
    classes = np.empty((n, top), np.int64)
    best = np.empty((n, top), np.float32 if scores.dtype.itemsize < 8 else np.float64)
    slack, constant = rounding(scores.dtype), _Constant()
    for start in range(0, n, _ROWS_AT_ONCE):
        block = np.array(scores[start : start + _ROWS_AT_ONCE], dtype=best.dtype)
        block = constant.take(block, start)
        block = check_scores(block, scale, where, first_row=start, slack=slack)
        stop = start + len(block)
        classes[start:stop] = _ranked(block, top)
        if first is not None:
            _put_first(classes[start:stop], first[start:stop], block)
        best[start:stop] = np.take_along_axis(block, classes[start:stop], axis=1)
    return TopOfFull(classes, best, *constant.never(n, n_classes))


def _put_first(classes: Array, first: Array, block: Array) -> None:
    """Let the class that the file puts first lead where another has the same score."""
    rows = np.arange(len(block))
    tied = (block[rows, first] >= block[rows, classes[:, 0]]) & (classes[:, 0] != first)
    for row in np.flatnonzero(tied).tolist():
        others = [one for one in classes[row].tolist() if one != first[row]]
        classes[row] = [first[row], *others][: classes.shape[1]]


def _ranked(block: Array, top: int) -> Int[np.ndarray, "b top"]:
    """The best columns of each row, best first."""
    if top > 16:
        return np.argsort(-block, axis=1, kind="stable")[:, :top]
    classes, rows, rest = np.empty((len(block), top), np.int64), np.arange(len(block)), block.copy()
    taken = np.zeros_like(block, dtype=bool) if np.isneginf(block).any() else None
    for column in range(top):
        winner = _argmax(rest, taken)
        classes[:, column] = winner
        if taken is None:
            rest[rows, winner] = -np.inf
        else:
            taken[rows, winner] = True
    return classes


def _argmax(block: Array, taken: Array | None) -> Array:
    """First best column of each row, ``taken`` columns aside.

    Minus infinity is a score that a model may give, so it cannot mark what is taken there.
    """
    if taken is None:
        lowest = block
    else:
        lowest = np.where(taken, -np.inf, np.maximum(block, np.finfo(block.dtype).min))
    winner: Array = np.argmax(lowest, axis=1)
    return winner


def check_full_scores(full: ScoreMatrix, benchmark: Benchmark) -> None:
    """Look at every value of full scores once, in blocks: what reading them ranked would refuse.

    Raises:
        DataError: a score is no number, a probability outside [0, 1], a row was never predicted,
            or the classes stand in another order.
        AlignmentError: the rows stand in another order.
    """
    source = f"predictions {full.model!r}"
    top, constant = np.empty(len(full.image), np.int64), _Constant()
    slack = rounding(full.scores.dtype)
    for start, block in _numbered_blocks(full):
        known = constant.take(block, start)
        known = check_scores(known, full.score_type, source, first_row=start, slack=slack)
        top[start : start + len(known)] = known.argmax(axis=1)
    never, value = constant.never(len(top), full.n_classes)
    if never.any():
        refuse_never_predicted(never, value, benchmark.image_ids[full.image], source)
    check_order(top, full.image, benchmark, source, n_classes=full.n_classes)


def _numbered_blocks(full: ScoreMatrix) -> Iterator[tuple[int, Array]]:
    start = 0
    for block in full.blocks(0, len(full.image), _ROWS_AT_ONCE):
        yield start, block
        start += len(block)
