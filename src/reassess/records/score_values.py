"""What the scores of classes may be: numbers, probabilities up to rounding, rows of a model.

A probability a hair outside [0, 1] is rounding, and is clipped. A row that gives every class the
same score was never predicted: arrays begin as zeros, NaN or minus infinity, and a fold that did
not run leaves them so. Letters: n rows, K classes.
"""

from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import DataError

ScoreType = Literal["logit", "probability"]

_ROUNDING = 1e-4
"""How far outside [0, 1] a probability may lie by rounding: softmax in single precision, summed."""

_ROUNDING_HALF = 2e-3
"""The same in half precision, whose numbers below 1 are a thousandth apart."""

_MOST_TIES = 0.05
"""Share of images up to which two classes may be equally probable: votes of trees or neighbours."""


def rounding(dtype: Any) -> float:
    """How far outside [0, 1] a probability of this type may lie."""
    return _ROUNDING_HALF if np.dtype(dtype).itemsize <= 2 else _ROUNDING


def check_scores(
    scores: Float[np.ndarray, "n k"],
    score_type: str | None,
    source: str,
    *,
    first_row: int = 0,
    slack: float | None = None,
) -> Float[np.ndarray, "n k"]:
    """Scores, with probabilities clipped that lie outside [0, 1] by rounding.

    Args:
        scores: some rows.
        score_type: what they are; the range is that of probabilities only.
        source: what carries them, for messages.
        first_row: the number of the first row, for messages.
        slack: how far outside is rounding; by default that of the array's type.

    Raises:
        DataError: a score is NaN or infinite, or a probability lies outside [0, 1].
    """
    wrong, must, remedy = np.isnan(scores) | (scores == np.inf), "be a number", "Predict again."
    if not wrong.any():
        if score_type != "probability" or scores.size == 0:
            return scores
        low, high = float(scores.min()), float(scores.max())
        if low >= 0 and high <= 1:
            return scores
        slack = rounding(scores.dtype) if slack is None else slack
        if low >= -slack and high <= 1 + slack:
            clipped: Float[np.ndarray, "n k"] = np.clip(scores, 0, 1)
            return clipped
        wrong = (scores < -slack) | (scores > 1 + slack)
        must = "lie in [0, 1] as probabilities do, but for rounding"
        remedy = (
            "Clip what is rounding (np.clip(p, 0, 1)); if they are logits, say so (--scale logit)."
        )
        if low >= 0 and 1.5 < high <= 100.5:
            remedy = f"If they are percent, divide them by 100. {remedy}"
    row, column = np.argwhere(wrong)[0].tolist()
    raise DataError(
        f"{source}: score[{first_row + row}, {column}] is {scores[row, column]!s}, but must "
        f"{must}; {int(wrong.sum()):,} of {wrong.size:,} near there are not. {remedy}"
    )


def constant_rows(scores: Float[np.ndarray, "n K"]) -> Int[np.ndarray, "m"]:
    """The rows that give every class the same score, or none a number."""
    n_classes = scores.shape[1]
    if n_classes < 2:
        return np.empty(0, np.int64)
    first, middle, last = scores[:, 0], scores[:, n_classes // 2], scores[:, -1]
    maybe = np.flatnonzero(
        ((first == last) & (first == middle)) | (np.isnan(first) & np.isnan(last))
    )
    if len(maybe) == 0:
        return maybe
    rows = scores[maybe]
    same = np.all(rows == rows[:, :1], axis=1) | np.all(np.isnan(rows), axis=1)
    return np.asarray(maybe[same])


def never_predicted(
    row: Int[np.ndarray, "m"], value: Float[np.ndarray, "m"], n_rows: int, n_classes: int
) -> Bool[np.ndarray, "n"]:
    """Whether each row was never predicted, by the rows that are constant and their values.

    Two classes may be equally probable on a few images; more of them were never predicted.
    """
    found = np.zeros(n_rows, dtype=bool)
    tied = value == 0.5
    if n_classes == 2 and tied.sum() <= _MOST_TIES * n_rows:
        row = row[~tied]
    found[row] = True
    return found


def check_predicted(
    scores: Float[np.ndarray, "n K"],
    image_ids: Shaped[np.ndarray, "n"] | None,
    source: str,
    score_type: str | None = "probability",
) -> Float[np.ndarray, "n K"]:
    """Scores of every class, all of them predicted; clipped as `check_scores` does.

    Args:
        scores: one row an image.
        image_ids: the image of each row; None where it is not known.
        source: what carries them, for messages.
        score_type: what they are.

    Raises:
        DataError: a row was never predicted, a score is no number, or a probability lies outside
            [0, 1].
    """
    n_rows, n_classes = scores.shape
    row = constant_rows(scores)
    never = never_predicted(row, scores[row, 0], n_rows, n_classes)
    value = float(scores[np.argmax(never), 0]) if n_rows else 0.0
    refuse_never_predicted(never, value, image_ids, source)
    return check_scores(scores, score_type, source)


def refuse_never_predicted(
    never: Bool[np.ndarray, "n"],
    value: float,
    image_ids: Shaped[np.ndarray, "n"] | None,
    source: str,
) -> None:
    """Refuse rows that were never predicted.

    Args:
        never: whether each row is one.
        value: what the first of them holds.
        image_ids: the image of each row; None where it is not known.
        source: what carries them, for the message.

    Raises:
        DataError: there is one, with the first image's id and how many there are.
    """
    if not never.any():
        return
    row = int(np.argmax(never))
    which = f"row {row}" if image_ids is None else f"image {str(image_ids[row])!r} (row {row})"
    raise DataError(
        f"{source}: every score of {which} is {value!s}, but a model that saw the image scores "
        f"classes apart; {int(never.sum()):,} of {len(never):,} rows seem never predicted. Predict "
        "them, or leave them out."
    )
