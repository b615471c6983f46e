"""A review of mistakes: which were drawn for raters to judge, and what they stand for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import DataError
from reassess.records.pairs import Pairs


@dataclass(frozen=True, slots=True)
class MistakeReview:
    """A stratified sample of distinct mistakes: images with a class that models predicted.

    Attributes:
        study: whose mistakes they are.
        models: the M models.
        n_scored: images of each model with a reassessed label.
        n_mistakes: those of them whose top prediction is not among the labels.
        n_right: distinct (image, top prediction) of all models that are among the labels.
        kinds: names of the kinds of mistake.
        n_of_kind: distinct mistakes of each kind, drawn or not.
        strata: names of the S strata.
        n_population: distinct mistakes in each stratum, drawn or not.
        pairs: the Q mistakes that were drawn, as image and predicted class.
        stratum: of each mistake drawn.
        kind: of each mistake drawn, a code into ``kinds``.
        made_by: whether each model makes the mistake.
        seed: of the draw.

    Raises:
        DataError: columns do not fit, or a stratum has more drawn than it has.
    """

    study: str
    models: tuple[str, ...]
    n_scored: Int[np.ndarray, "M"]
    n_mistakes: Int[np.ndarray, "M"]
    n_right: int
    kinds: tuple[str, ...]
    n_of_kind: Int[np.ndarray, "kinds"]
    strata: tuple[str, ...]
    n_population: Int[np.ndarray, "S"]
    pairs: Pairs
    stratum: Int[np.ndarray, "Q"]
    kind: Int[np.ndarray, "Q"]
    made_by: Bool[np.ndarray, "Q M"]
    seed: int

    def __post_init__(self) -> None:
        n = len(self.pairs)
        if not len(self.stratum) == len(self.kind) == len(self.made_by) == n or n == 0:
            raise DataError("review: the columns of the mistakes differ in length, or are empty.")
        for name, code, of in (("stratum", self.stratum, self.strata),
                               ("kind", self.kind, self.kinds)):  # fmt: skip
            if code.min() < 0 or code.max() >= len(of):
                raise DataError(f"review: a {name} lies outside [0, {len(of)}).")
        drawn = np.bincount(self.stratum, minlength=len(self.strata))
        if (drawn > self.n_population).any():
            row = int(np.argmax(drawn > self.n_population))
            raise DataError(
                f"review: stratum {self.strata[row]!r} has {drawn[row]:,} mistakes drawn of "
                f"{self.n_population[row]:,}, but cannot have more than there are."
            )
        if not self.made_by.any(axis=1).all():
            row = int(np.argmin(self.made_by.any(axis=1)))
            raise DataError(f"review: mistake[{row}] is no model's, but must be one's.")

    def __len__(self) -> int:
        return len(self.pairs)
