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
from jaxtyping import Bool, Float, Float32, Int

from reassess.errors import DataError
from reassess.files.access import Array

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
class ShortLists:
    """What an archive of short lists holds.

    Attributes:
        classes: best first.
        logits: of these classes.
        log_sum: logarithm of the sum of exponentials of all logits of a row.
        n_classes: K.
    """

    classes: Int[np.ndarray, "n k"]
    logits: Float32[np.ndarray, "n k"]
    log_sum: Float32[np.ndarray, "n"]
    n_classes: int


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


def read_short_lists(arrays: Mapping[str, Array], where: str) -> ShortLists:
    """The short lists in an archive's arrays.

    Raises:
        DataError: an array is missing or of another type or shape, a list rises, or its
            probabilities sum to more than 1.
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
    n_classes = int(arrays[N_CLASSES])
    if int(classes.max()) >= n_classes:
        raise DataError(
            f"{where}: {CLASSES} name class {int(classes.max())}, but must be in [0, "
            f"{n_classes:,}), as {N_CLASSES} has it. Write them again."
        )
    below = below.astype(np.float32)
    _check_rows(below, log_sum, where)
    logits = below + log_sum.astype(np.float32)[:, None]
    return ShortLists(classes.astype(np.int64), logits, log_sum.astype(np.float32), n_classes)


def _check_rows(below: Float32[np.ndarray, "n k"], log_sum: Array, where: str) -> None:
    wrong = ~np.isfinite(log_sum) | ~np.isfinite(below).all(axis=1)
    must = "be numbers"
    if not wrong.any():
        wrong, must = (below[:, 1:] > below[:, :-1]).any(axis=1), "not rise, best first"
    if not wrong.any():
        with np.errstate(over="ignore"):
            wrong = np.exp(below, dtype=np.float64).sum(axis=1) > 1 + _SLACK
        must = "be logarithms of probabilities that sum to 1 at most"
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{where}: {LOG_SOFTMAX} of row {row} begin with {below[row, :3].tolist()} and its "
            f"{LOG_SUM} is {float(log_sum[row])}, but {LOG_SOFTMAX} must {must}; "
            f"{int(wrong.sum()):,} of {len(below):,} rows are wrong. Write them again."
        )


def never_told_apart(
    logits: Float32[np.ndarray, "n k"], log_sum: Float32[np.ndarray, "n"], n_classes: int
) -> Bool[np.ndarray, "n"]:
    """Whether a row gives every class the same score: it was never predicted."""
    if min(logits.shape[1], n_classes) < 2:
        return np.zeros(len(logits), dtype=bool)
    ends = logits[:, [0, -1]] - log_sum[:, None]
    same: Bool[np.ndarray, "n"] = np.abs(ends + np.log(n_classes)).max(axis=1) < _SAME
    return same
