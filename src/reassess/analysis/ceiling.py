"""The original labels' own score, and the models above it.

Scored like a model, the original labels reach an accuracy under the reassessed ones. A model
above it is right where they are wrong more often than the other way round: no gain in original
accuracy can say so, and the original labels can no longer rank such models. It is no upper
bound: that is 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reassess.records import Accuracy
from reassess.statistics import wilson_bounds, wilson_interval


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The original labels' own score beside the models' scores.

    Attributes:
        own: ReaL accuracy of the original labels.
        interval: Wilson's, of it.
        n_models: models that have a score.
        n_above: models with a higher score.
        n_surely_above: models that are above whatever images were drawn: the lower end of
            their own interval is, or, in a study, an exact paired test says so.
        best: the highest score of a model; None without models.
        best_model: whose it is.
    """

    own: Accuracy
    interval: tuple[float, float]
    n_models: int
    n_above: int
    n_surely_above: int
    best: float | None
    best_model: str | None

    @property
    def value(self) -> float:
        """The original labels' own score in [0, 1]; NaN where nothing could be judged."""
        return float("nan") if self.own.value is None else self.own.value

    @property
    def headroom(self) -> float | None:
        """The ceiling less the best score; negative where the best model is above it."""
        return None if self.best is None else self.value - self.best

    @property
    def share_above(self) -> float | None:
        """Share of the models above the ceiling."""
        return self.n_above / self.n_models if self.n_models else None


def ceiling(
    own: Accuracy, real: Float[np.ndarray, "M"], models: list[str], *, confidence: float = 0.95
) -> Ceiling:
    """The ceiling beside models whose predictions are not known, only their ReaL accuracy.

    They are taken to be judged on as many images as the original labels are. Model and
    ceiling are measured on the same images, so that comparing the model's interval with the
    ceiling as if that were exact is cautious where their mistakes go together.

    Args:
        own: ReaL accuracy of the original labels.
        real: ReaL accuracy of each model, in [0, 1].
        models: what each is called.
        confidence: of the intervals.
    """
    n = own.n_scored
    low, _ = wilson_bounds(real * n, np.full(len(real), float(n)), confidence)
    value = np.nan if own.value is None else own.value
    best = int(np.argmax(real)) if len(real) else None
    return Ceiling(
        own=own,
        interval=wilson_interval(own.n_correct, n, confidence),
        n_models=len(real),
        n_above=int((real > value).sum()),
        n_surely_above=int((low > value).sum()),
        best=None if best is None else float(real[best]),
        best_model=None if best is None else models[best],
    )
