"""Every class's score of each image, as a file has it: larger than memory, read in blocks.

What the scores may be is for `reassess.records.score_values`, the best classes of each image for
`reassess.records.predictions`. Letters: N images, n rows that are meant, m of the file, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError
from reassess.records.arrays import as_ids, refuse_other_rows
from reassess.records.benchmark import Classes
from reassess.records.named_columns import in_class_order
from reassess.records.row_blocks import row_blocks, some_rows
from reassess.records.score_values import ScoreType, check_predicted
from reassess.registry import checks_choices


@checks_choices
@dataclass(frozen=True, slots=True)
class ScoreMatrix:
    """One model's scores of all K classes, in the order of the rows of its file.

    Whoever reads ``scores`` takes them in blocks of rows: they may be larger than memory,
    and nothing has looked at their values yet.

    Attributes:
        model: the model's name.
        image_ids: the N images of the benchmark, strings.
        image: for each row its image's index in ``image_ids``, distinct.
        scores: one column a class, memory-mapped where the file allows it.
        score_type: what the scores are; None where nobody declared it. Never guessed.
        kept: the rows of ``scores`` that are meant, rising, where it has others too; None for all.

    Raises:
        DataError: shapes differ, or there is no row or column.
    """

    model: str
    image_ids: Shaped[np.ndarray, "N"]
    image: Int[np.ndarray, "n"]
    scores: Float[np.ndarray, "m K"]
    score_type: ScoreType | None = None
    kept: Int[np.ndarray, "n"] | None = None

    def __post_init__(self) -> None:
        n_rows = len(self.scores if self.kept is None else self.kept)
        if self.scores.ndim != 2 or 0 in self.scores.shape or len(self.image) != n_rows:
            raise DataError(
                f"predictions {self.model!r}: scores have the shape {self.scores.shape}, but must "
                f"be [n, K] with one row for each of {len(self.image):,} images."
            )

    @classmethod
    def from_logits(
        cls, model: str, image_ids: Any, logits: Any, *, classes: Classes | None = None
    ) -> "ScoreMatrix":
        """Every class's logit of each image, in memory, for rules that need them all.

        Args:
            model: the model's name.
            image_ids: one distinct id a row.
            logits: [n, K], one column a class in the order of the benchmark's classes: an array,
                a list of lists, a tensor or a frame.
            classes: the benchmark's, to find a frame's columns by their names; without, columns
                are taken as they stand, and a note names them.

        Raises:
            DataError: shapes differ, a score is no number, or a row was never predicted.
        """
        return cls._in_memory(model, image_ids, logits, "logit", classes)

    @classmethod
    def from_probabilities(
        cls, model: str, image_ids: Any, probabilities: Any, *, classes: Classes | None = None
    ) -> "ScoreMatrix":
        """Every class's probability of each image, in memory; see `from_logits`.

        Raises:
            DataError: shapes differ, or a probability lies outside [0, 1].
        """
        return cls._in_memory(model, image_ids, probabilities, "probability", classes)

    @classmethod
    def _in_memory(
        cls, model: str, image_ids: Any, scores: Any, score_type: ScoreType, classes: Classes | None
    ) -> "ScoreMatrix":
        source = f"predictions {model!r}"
        refuse_other_rows(image_ids, scores, source)
        ids, full = as_ids(image_ids, source), in_class_order(scores, classes, f"{source}: scores")
        full = full if full.dtype.kind == "f" else full.astype(np.float64)
        full = check_predicted(full, ids if len(ids) == len(full) else None, source, score_type)
        return cls(model, ids, np.arange(len(ids)), full, score_type)

    @property
    def n_classes(self) -> int:
        """K, the number of columns."""
        return int(self.scores.shape[1])

    def blocks(self, start: int, stop: int, n_rows: int) -> Iterator[Float[np.ndarray, "b K"]]:
        """Rows ``start`` to ``stop``, at most ``n_rows`` at a time, as the file stores them.

        Of a file no more than a block is mapped at a time, so that scores larger than memory leave
        no mapped pages behind; it may be read, not written.

        Raises:
            DataError: the file became shorter.
        """
        bounds = ((at, min(at + n_rows, stop)) for at in range(start, stop, n_rows))
        if self.kept is None:
            yield from row_blocks(self.scores, bounds, self.model)
            return
        for first, last in bounds:
            yield self.rows(np.arange(first, last))

    def rows(self, row: Int[np.ndarray, "b"]) -> Float[np.ndarray, "b K"]:
        """Some rows as the file stores them, read without mapping what lies between."""
        return some_rows(self.scores, row if self.kept is None else self.kept[row], self.model)
