"""What models say of the images of a benchmark: the best classes of each, ranked.

Every class's score is `reassess.records.score_matrix`'s. Whether predictions number classes and
images as the labels do is for `reassess.records.order_check`.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import AlignmentError, DataError, preview
from reassess.records.alignment import how_ids_differ, positions
from reassess.records.arrays import as_array, as_ids, refuse_other_rows
from reassess.records.benchmark import Classes, check_classes
from reassess.records.id_hashes import repeated_ids
from reassess.records.named_columns import in_class_order
from reassess.records.score_values import ScoreType, check_predicted, check_scores
from reassess.records.tabular import Backend, as_frame
from reassess.registry import checks_choices

_LEAST_ABOVE = 1e-3
"""How far below the largest logit rounding may put a log-sum of exponentials, relative."""

_MOST_CELLS = 2**22
"""Cells of a block of rows in which repeated classes are looked for."""


@checks_choices
@dataclass(frozen=True, slots=True)
class Predictions:
    """One model's k best classes for each image, best first.

    Attributes:
        model: the model's name.
        image_ids: the n images that were predicted, distinct strings; any subset, any order.
            Lists, integers and bytes become strings.
        ranked_classes: class indices, column 0 is the top prediction; no row names a class twice.
        scores: the scores of ``ranked_classes``, never rising along a row; None where none are
            known. Probabilities that rounding put outside [0, 1] are clipped.
        score_type: what the scores are; None where nobody declared it. Never guessed.
        n_classes: how many classes the model scored, where the file shows it.
        log_sum: of each image the logarithm of the sum of exponentials of *all* logits, with which
            the scores, logits, give probabilities; None where it is not known.

    Raises:
        DataError: shapes differ, there is no row or column, an id appears twice, a class is no
            integer, negative, not below ``n_classes`` or twice in a row, scores rise along a row
            or are no numbers, or a probability lies outside [0, 1].
    """

    model: str
    image_ids: Shaped[np.ndarray, "n"]
    ranked_classes: Int[np.ndarray, "n k"]
    scores: Float[np.ndarray, "n k"] | None = None
    score_type: ScoreType | None = None
    n_classes: int | None = None
    log_sum: Float[np.ndarray, "n"] | None = None

    def __post_init__(self) -> None:
        source = f"predictions {self.model!r}"
        object.__setattr__(self, "image_ids", as_ids(self.image_ids, source))
        object.__setattr__(self, "ranked_classes", _ranked(self.ranked_classes, source))
        if len(self.image_ids) != len(self.ranked_classes):
            raise DataError(
                f"{source}: there are {len(self.image_ids):,} image ids, but must be one for each "
                f"of {len(self.ranked_classes):,} rows."
            )
        if len(repeated_ids(self.image_ids)):
            twice = [one for one, n in Counter(self.image_ids.tolist()).items() if n > 1]
            raise AlignmentError(
                f"{source}: image id {preview(twice)} appears more than once, but must appear in "
                "one row. Leave one row for each image."
            )
        check_classes(self.ranked_classes, self.n_classes, f"{source}: class")
        refuse_repeats(self.ranked_classes, self.image_ids, source)
        if self.scores is not None:
            object.__setattr__(self, "scores", self._checked_scores(source))
        if self.log_sum is not None:
            self._check_log_sum(source)

    def _check_log_sum(self, source: str) -> None:
        log_sum = as_array(self.log_sum, f"{source}: log_sum")
        object.__setattr__(self, "log_sum", log_sum)
        if self.scores is None or self.score_type != "logit" or self.n_classes is None:
            raise DataError(
                f"{source}: log_sum goes with logits and the number of classes, but the scores "
                f"are {self.score_type or 'of no declared type'} and n_classes is "
                f"{self.n_classes}. Leave it out, or state both."
            )
        if log_sum.shape != self.image_ids.shape or log_sum.dtype.kind != "f":
            raise DataError(
                f"{source}: log_sum has the shape {log_sum.shape} and type {log_sum.dtype}, but "
                f"must be floats of the shape {self.image_ids.shape}, one an image."
            )
        wrong = ~(log_sum >= self.scores[:, 0] - _LEAST_ABOVE * (1 + np.abs(log_sum)))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"{source}: log_sum of row {row} is {log_sum[row]!s}, but must be at least its "
                f"largest logit, {self.scores[row, 0]!s}; {int(wrong.sum()):,} rows are less. It "
                "is log(sum(exp(logits))) over all classes."
            )

    def _checked_scores(self, source: str) -> Float[np.ndarray, "n k"]:
        scores = as_array(self.scores, f"{source}: scores")
        if scores.shape != self.ranked_classes.shape or scores.dtype.kind != "f":
            raise DataError(
                f"{source}: scores have the shape {scores.shape} and type {scores.dtype}, but must "
                f"be floats of the shape {self.ranked_classes.shape}, as the classes have."
            )
        scores = check_scores(scores, self.score_type, source)
        rising = (scores[:, 1:] > scores[:, :-1]).any(axis=1)
        if rising.any():
            row = int(np.argmax(rising))
            raise DataError(
                f"{source}: the scores of row {row} are {preview(scores[row].tolist())}, but must "
                f"not rise, as the best class comes first; {int(rising.sum()):,} rows rise. Use "
                "Predictions.from_top_k for classes in any order, or from_logits and "
                "from_probabilities for a score of every class."
            )
        return scores

    @classmethod
    def from_logits(
        cls, model: str, image_ids: Any, logits: Any, *, top: int = 5,
        classes: Classes | None = None,
    ) -> "Predictions":  # fmt: skip
        """Predictions from every class's logit.

        Args:
            model: the model's name.
            image_ids: one id a row.
            logits: [n, K], one column a class in the order of the benchmark's classes: an array,
                a list of lists, a tensor, a frame or a column of lists.
            top: how many classes to keep.
            classes: the benchmark's, to find a frame's columns by their names; without, columns
                are taken as they stand, and a note names them.

        Raises:
            DataError: an id appears twice, a score is no number, or a row was never predicted.
        """
        return cls._from_scores(model, image_ids, logits, "logit", top, classes)

    @classmethod
    def from_probabilities(
        cls, model: str, image_ids: Any, probabilities: Any, *, top: int = 5,
        classes: Classes | None = None,
    ) -> "Predictions":  # fmt: skip
        """Predictions from every class's probability; rows need not sum to 1.

        Args:
            model: the model's name.
            image_ids: one id a row.
            probabilities: [n, K], as `from_logits` takes logits.
            top: how many classes to keep.
            classes: as `from_logits` takes them.

        Raises:
            DataError: an id appears twice, a probability lies outside [0, 1], or a row was never
                predicted.
        """
        return cls._from_scores(model, image_ids, probabilities, "probability", top, classes)

    @classmethod
    @checks_choices
    def from_top_k(
        cls,
        model: str,
        image_ids: Any,
        classes: Any,
        scores: Any = None,
        *,
        score_type: ScoreType | None = None,
        n_classes: int | None = None,
        log_sum: Any = None,
    ) -> "Predictions":
        """Predictions from a few classes an image, as ``torch.topk`` gives them.

        Args:
            model: the model's name.
            image_ids: one id a row.
            classes: [n, k] class indices, or [n] top predictions; best first where there are no
                scores.
            scores: of ``classes``, in any order; the best comes first in what is returned.
            score_type: what the scores are.
            n_classes: how many classes the model scored.
            log_sum: of each image ``logsumexp`` of the logits of all classes, where ``scores`` are
                logits.

        Raises:
            DataError: as for the record itself.
        """
        source = f"predictions {model!r}"
        for values in (classes, scores):
            refuse_other_rows(image_ids, values, source)
        ranked = _ranked(classes, source)
        if scores is None:
            return cls(model, as_ids(image_ids, source), ranked, None, score_type, n_classes)
        values = as_array(scores, f"{source}: scores")
        values = values[:, None] if values.ndim == 1 else values
        values = values if values.dtype.kind == "f" else values.astype(np.float64)
        if values.shape == ranked.shape:
            order = np.argsort(-values, axis=1, kind="stable")
            ranked = np.take_along_axis(ranked, order, axis=1)
            values = np.take_along_axis(values, order, axis=1)
        sums = None if log_sum is None else as_array(log_sum, f"{source}: log_sum")
        return cls(model, as_ids(image_ids, source), ranked, values, score_type, n_classes, sums)

    @classmethod
    def _from_scores(
        cls, model: str, image_ids: Any, scores: Any, score_type: ScoreType, top: int,
        classes: Classes | None,
    ) -> "Predictions":  # fmt: skip
        source = f"predictions {model!r}"
        refuse_other_rows(image_ids, scores, source)
        ids, full = as_ids(image_ids, source), in_class_order(scores, classes, f"{source}: scores")
        if full.ndim != 2 or 0 in full.shape or full.dtype.kind not in "fiu":
            raise DataError(
                f"{source}: scores have the shape {full.shape} and type {full.dtype}, but must be "
                "numbers [n, K], one column a class."
            )
        full = full if full.dtype.kind == "f" else full.astype(np.float64)
        full = check_predicted(full, ids if len(ids) == len(full) else None, source, score_type)
        ranked = np.argsort(-full, axis=1, kind="stable")[:, : max(1, top)]
        best = np.take_along_axis(full, ranked, axis=1)
        return cls(model, ids, ranked, best, score_type, full.shape[1])

    @property
    def top(self) -> Int[np.ndarray, "n"]:
        """Each image's top prediction."""
        return self.ranked_classes[:, 0]

    @checks_choices
    def to_frame(self, backend: Backend | None = None) -> Any:
        """A data frame of one row an image: ``image``, ``prediction`` (a list where k is above 1).

        The scores, where there are any, stand in ``prob``, ``logit`` or ``score``.

        Args:
            backend: pandas, polars or pyarrow; None takes the first that is installed.

        Raises:
            OptionError: the library is unknown or not installed.
        """
        one = self.ranked_classes.shape[1] == 1
        columns: dict[str, Any] = {"image": self.image_ids}
        columns["prediction"] = self.top if one else self.ranked_classes
        if self.scores is not None:
            name = {"probability": "prob", "logit": "logit", None: "score"}[self.score_type]
            columns[name] = self.scores[:, 0] if one else self.scores
        return as_frame(columns, backend)

    def __repr__(self) -> str:
        k = self.ranked_classes.shape[1]
        return (
            f"Predictions({self.model!r}: {len(self.image_ids):,} images, top {k} of "
            f"{self.n_classes or 'unknown'} classes, {self.score_type or 'no'} scores)"
        )

    def reindex(self, image_ids: Shaped[np.ndarray, "m"]) -> "Predictions":
        """The same predictions for these images only, in this order.

        Raises:
            AlignmentError: an image was not predicted.
        """
        source = f"predictions {self.model!r}"
        row = positions(image_ids, self.image_ids, source=source)
        missing = row < 0
        if missing.any():
            raise AlignmentError(
                f"{source}: image {preview(image_ids[missing])} is missing; "
                f"{int(missing.sum()):,} of "
                f"{len(image_ids):,} are. "
                + how_ids_differ(
                    image_ids[missing],
                    self.image_ids,
                    otherwise="Predict them, or name the images to score (--subset FILE).",
                )
            )
        if image_ids is self.image_ids:
            return self
        scores = None if self.scores is None else self.scores[row]
        log_sum = None if self.log_sum is None else self.log_sum[row]
        return replace(
            self, image_ids=image_ids, ranked_classes=self.ranked_classes[row], scores=scores,
            log_sum=log_sum,
        )  # fmt: skip


def _ranked(classes: Any, source: str) -> Int[np.ndarray, "n k"]:
    """Class indices [n, k]; one axis is a single column.

    Raises:
        DataError: they are no integers, or there is no row or column.
    """
    array = as_array(classes, f"{source}: classes")
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise DataError(
            f"{source}: classes have the shape {array.shape}, but must be [n, k] with at least one "
            "image and one column."
        )
    if array.dtype.kind not in "iu":
        raise DataError(
            f"{source}: classes have the type {array.dtype}, but must be integers, the indices of "
            "ranked classes. For a score of every class use Predictions.from_logits or "
            "from_probabilities."
        )
    return array


def refuse_repeats(
    classes: Int[np.ndarray, "n k"], image_ids: Shaped[np.ndarray, "n"] | None, source: str
) -> None:
    """Refuse a row that names a class twice: it is no ranking.

    Args:
        classes: not negative.
        image_ids: the image of each row; None where it is not known.
        source: what carries them, for the message.

    Raises:
        DataError: naming the first such row and how many there are.
    """
    n, k = classes.shape
    if k == 1:
        return
    n_classes = 1 + int(classes.max())
    repeats = np.zeros(n, dtype=bool)
    step = max(1, _MOST_CELLS // max(n_classes, k))
    for start in range(0, n, step):
        block = classes[start : start + step]
        if k < 64 or n_classes > _MOST_CELLS:
            ordered = np.sort(block, axis=1)
            repeats[start : start + step] = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
        else:
            named = np.zeros((len(block), n_classes), dtype=bool)
            np.put_along_axis(named, block.astype(np.int64), True, axis=1)
            repeats[start : start + step] = named.sum(axis=1) < k
    if not repeats.any():
        return
    row = int(np.argmax(repeats))
    values, counts = np.unique(classes[row], return_counts=True)
    which = f"row {row}" if image_ids is None else f"row {row} (image {str(image_ids[row])!r})"
    hint = "Write one class an image, or its classes ranked, best first."
    if n_classes <= 2:
        hint = "They look one-hot: write the index of the class, as array.argmax(axis=1) gives it."
    raise DataError(
        f"{source}: {which} names the class {int(values[np.argmax(counts)])} twice, but a ranking "
        f"names a class once; {int(repeats.sum()):,} of {n:,} rows name one twice. {hint}"
    )
