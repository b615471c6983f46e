"""Short lists: the best classes of each image, with what full scores say of them.

======================  ===========================================================
``classes``             [N, k] class indices, best first; uint16 (uint32 beyond 65,536)
``log_softmax``         [N, k] their logits less ``log_sum_exp``, float16
``log_sum_exp``         [N] logarithm of the sum of exponentials of *all* K logits, float32
``n_classes``           K
======================  ===========================================================

A logit is ``log_softmax + log_sum_exp``; softmax's probability is ``exp(log_softmax)``. What is
stored as float16 lies near 0 for the classes that matter, whatever constant a model adds to its
logits: it is exact to 0.001 down to a probability of 2 %, and to 0.002 down to one in 3,000.

Letters: N images, k classes kept, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from reassess.errors import DataError
from reassess.files.access import Array
from reassess.records import ShortLists
from reassess.records.predictions import refuse_repeats
from reassess.records.short_lists import ListBlock

CLASSES, LOG_SOFTMAX, LOG_SUM, N_CLASSES = "classes", "log_softmax", "log_sum_exp", "n_classes"

_MOST_UINT16 = 2**16
"""Classes up to which uint16 numbers them."""

_LEAST = float(np.finfo(np.float16).min)

_BLOCK_CELLS = 2**21
"""Logits that are shortened at once."""

_SLACK = 0.01
"""How far above 1 the probabilities of a row may sum by the rounding of float16."""

_SAME = 0.005
"""How far apart the rounding of float16 may put the log-probabilities of equal scores."""


@dataclass(frozen=True, slots=True)
class StoredLists:
    """The short lists of an archive, whose values were looked at.

    Attributes:
        lists: of all rows, each an image of its own.
        never: whether each row gives every class the same score: it was never predicted.
        value: the first logit of the first such row.
    """

    lists: ShortLists
    never: Bool[np.ndarray, "n"]
    value: float


def short_list_columns(n_classes: int, keep: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The arrays of `shorten`, each with its type and the shape of a row."""
    shape = (min(keep, n_classes),)
    kind = "uint16" if n_classes <= _MOST_UINT16 else "uint32"
    return {CLASSES: (kind, shape), LOG_SOFTMAX: ("float16", shape), LOG_SUM: ("float32", ())}


def shorten(logits: Float[np.ndarray, "n K"], keep: int) -> dict[str, Array]:
    """The arrays of short lists, all but K, of full logits; of equal ones the lower class first.

    Args:
        logits: of every class, finite.
        keep: how many classes to keep; all where there are fewer.
    """
    n_rows, n_classes = logits.shape
    columns, step = short_list_columns(n_classes, keep), max(1, _BLOCK_CELLS // n_classes)
    found = {name: np.empty((n_rows, *shape), kind) for name, (kind, shape) in columns.items()}
    for start in range(0, n_rows, step):
        block = _shortened(logits[start : start + step], min(keep, n_classes))
        for name, array in block.items():
            found[name][start : start + step] = array
    return found


def _shortened(logits: Float[np.ndarray, "n K"], keep: int) -> dict[str, Array]:
    best = logits.max(axis=1, keepdims=True).astype(np.float64)
    log_sum = (np.log(np.exp(logits - best).sum(axis=1)) + best[:, 0]).astype(np.float32)
    column = np.nonzero(_largest(logits, keep))[1].reshape(len(logits), keep)
    order = np.argsort(-np.take_along_axis(logits, column, axis=1), axis=1, kind="stable")
    ranked = np.take_along_axis(column, order, axis=1)
    below = np.take_along_axis(logits, ranked, axis=1) - log_sum[:, None].astype(np.float64)
    return {CLASSES: ranked, LOG_SOFTMAX: np.clip(below, _LEAST, 0), LOG_SUM: log_sum}


def _largest(logits: Float[np.ndarray, "n K"], keep: int) -> Array:
    """Which of the scores are a row's ``keep`` largest; of equal ones the first."""
    place = logits.shape[1] - keep
    last = np.partition(logits, place, axis=1)[:, place, None]
    above, equal = logits > last, logits == last
    n_free = keep - above.sum(axis=1, keepdims=True)
    chosen: Array = above | (equal & (np.cumsum(equal, axis=1) <= n_free))
    return chosen


def is_short_lists(arrays: Mapping[str, Array]) -> bool:
    """Whether an archive holds short lists, by the names of its arrays."""
    return LOG_SOFTMAX in arrays or LOG_SUM in arrays


def read_short_lists(arrays: Mapping[str, Array], model: str, where: str) -> StoredLists:
    """The short lists in an archive's arrays, looked at in blocks.

    Raises:
        DataError: an array is missing or of another type or shape, a class is none or twice in a
            row, a list rises, or its probabilities sum to more than 1.
    """
    missing = [name for name in (CLASSES, LOG_SOFTMAX, LOG_SUM, N_CLASSES) if name not in arrays]
    if missing:
        raise DataError(
            f"{where}: {missing[0]!r} is missing, but short lists must have {CLASSES!r}, "
            f"{LOG_SOFTMAX!r}, {LOG_SUM!r} and {N_CLASSES!r}. Write them again (reassess predict "
            "--keep N), or call logits 'logits'."
        )
    classes, below, log_sum = arrays[CLASSES], arrays[LOG_SOFTMAX], arrays[LOG_SUM]
    kinds = classes.dtype.kind in "iu" and below.dtype.kind == "f" and log_sum.dtype.kind == "f"
    fit = classes.ndim == 2 and below.shape == classes.shape and log_sum.shape == classes.shape[:1]
    if not kinds or not fit or 0 in classes.shape or arrays[N_CLASSES].ndim:
        raise DataError(
            f"{where}: {CLASSES} have the shape {classes.shape} and type {classes.dtype}, "
            f"{LOG_SOFTMAX} {below.shape} and {below.dtype}, {LOG_SUM} {log_sum.shape} and "
            f"{log_sum.dtype}, but must be integers [N, k], floats [N, k] and floats [N]. Write "
            "them again (reassess predict --keep N)."
        )
    rows = np.arange(len(log_sum))
    lists = ShortLists(model, rows.astype(str)[:0], rows, classes, below, log_sum,
                       int(arrays[N_CLASSES]))  # fmt: skip
    return _checked(lists, where)


_MUST = (
    "be numbers",
    "not rise, best first",
    "be logarithms of probabilities that sum to 1 at most",
)
"""What the log-probabilities of a row must; those of a row that fails one are not asked on."""


def _checked(lists: ShortLists, where: str) -> StoredLists:
    n_rows = len(lists.log_sum)
    wrong, never = np.zeros((len(_MUST), n_rows), dtype=bool), np.zeros(n_rows, dtype=bool)
    value: float | None = None
    for block in lists.blocks():
        rows = slice(block.start, block.start + len(block))
        _check_classes(block, lists.n_classes, where)
        below = lists.log_softmax[rows].astype(np.float32)
        wrong[0, rows] = ~np.isfinite(block.log_sum) | ~np.isfinite(below).all(axis=1)
        wrong[1, rows] = (below[:, 1:] > below[:, :-1]).any(axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            total = np.exp(below).sum(axis=1, dtype=np.float64)
            never[rows] = _is_never_told_apart(below, lists.n_classes)
        wrong[2, rows] = total > 1 + _SLACK
        if value is None and never[rows].any():
            value = float(block.logits[np.argmax(never[rows]), 0])
        if not wrong[:, rows].any():
            refuse_repeats(block.classes, None, where)
    for kind, must in zip(wrong, _MUST, strict=True):
        if kind.any():
            row = int(np.argmax(kind))
            raise DataError(
                f"{where}: {LOG_SOFTMAX} of row {row} begin with "
                f"{lists.log_softmax[row, :3].tolist()} and its {LOG_SUM} is "
                f"{float(lists.log_sum[row])}, but {LOG_SOFTMAX} must {must}; "
                f"{int(kind.sum()):,} of {n_rows:,} rows are wrong. Write them again."
            )
    return StoredLists(lists, never, value or 0.0)


def _check_classes(block: ListBlock, n_classes: int, where: str) -> None:
    ends = int(block.classes.min()), int(block.classes.max())
    if ends[0] < 0 or ends[1] >= n_classes:
        raise DataError(
            f"{where}: {CLASSES} name class {ends[1] if ends[0] >= 0 else ends[0]}, but must be in "
            f"[0, {n_classes:,}), as {N_CLASSES} has it. Write them again."
        )


def _is_never_told_apart(
    below: Float32[np.ndarray, "b k"], n_classes: int
) -> Bool[np.ndarray, "b"]:
    """Whether a row gives every class the same score: it was never predicted."""
    if min(below.shape[1], n_classes) < 2:
        return np.zeros(len(below), dtype=bool)
    same: Bool[np.ndarray, "b"] = np.abs(below[:, [0, -1]] + np.log(n_classes)).max(axis=1) < _SAME
    return same
