"""Two accuracies of many models, and their resamples: what the parts of a proxy rest on.

Resamples draw groups of models, such as families, and, where outcomes of single images are
known, images too. Images move both accuracies of a model; what counts is how far they move it
off the curve, so that y alone is moved, by dy less the slope times dx, and x stays. Probits
spread accuracies near 0 and 1, where a point is harder to gain. Letters: n models, B resamples.

Source: R. Taori et al. (2020), arXiv 2007.00644, and J. P. Miller et al. (2021), arXiv 2107.04649
(accuracies under shift are linear in probits).
"""

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.registry import checks_choices
from reassess.statistics.intervals import defined_interval
from reassess.statistics.ranks import kendall_tau_b

Interval = tuple[float, float]

Scale = Literal["points", "probits"]

LEAST_GROUPS = 8
"""Below this many groups of models a bootstrap over them gives no interval."""

_N_BLOCK = 32
"""Resamples whose pairs of models are in memory at once, where each has its own y."""


@dataclass(frozen=True, slots=True)
class ImageDraws:
    """Both accuracies of each model when images are drawn again.

    Attributes:
        x: one row a resample.
        y: likewise, of the same images.
    """

    x: Float[np.ndarray, "B n"]
    y: Float[np.ndarray, "B n"]


@checks_choices
@dataclass(frozen=True, slots=True)
class ModelSample:
    """Models with both accuracies, in one scale, and their resamples.

    Attributes:
        x: one accuracy of each model.
        y: the other.
        group: what is drawn together, from 0.
        weights: how often each model is in each resample.
        confidence: of the intervals.
        redrawn: y of each resample where images are drawn again; None where they are not.
        scale: of x and y.
    """

    x: Float[np.ndarray, "n"]
    y: Float[np.ndarray, "n"]
    group: Int[np.ndarray, "n"]
    weights: Float[np.ndarray, "B n"]
    confidence: float
    redrawn: Float[np.ndarray, "B n"] | None = None
    scale: Scale = "points"

    def __len__(self) -> int:
        return len(self.x)

    @property
    def one_sided(self) -> float:
        """Confidence of the interval whose ends are one-sided tests at the level of the others."""
        return max(2 * self.confidence - 1, 0.01)

    def n_groups(self, rows: Bool[np.ndarray, "n"] | Int[np.ndarray, "m"] | None = None) -> int:
        """Groups that some models belong to; None asks about all."""
        return len(np.unique(self.group if rows is None else self.group[rows]))

    def interval(self, draws: Float[np.ndarray, "B"], n_groups: int) -> Interval | None:
        """The percentile interval of the draws; None where groups are too few."""
        return None if n_groups < LEAST_GROUPS else defined_interval(draws, self.confidence)

    def y_draws(
        self, rows: Bool[np.ndarray, "n"] | Int[np.ndarray, "m"]
    ) -> Float[np.ndarray, "m"] | Float[np.ndarray, "B m"]:
        """The y of some models: of each resample where images are drawn again."""
        drawn: Float[np.ndarray, "*any"] = (
            self.y[rows] if self.redrawn is None else self.redrawn[:, rows]
        )
        return drawn

    def tau_draws(
        self, rows: Bool[np.ndarray, "n"] | Int[np.ndarray, "m"]
    ) -> Float[np.ndarray, "B"]:
        """Kendall's tau-b among some models in each resample."""
        x, y, weights = self.x[rows], self.y_draws(rows), self.weights[:, rows]
        if y.ndim == 1:
            return kendall_tau_b(x, y, weights)
        blocks = [slice(b, b + _N_BLOCK) for b in range(0, len(weights), _N_BLOCK)]
        return np.concatenate([kendall_tau_b(x, y[block], weights[block]) for block in blocks])

    def move(
        self, draws: ImageDraws, slope: Float[np.ndarray, "n"] | Float[np.ndarray, ""]
    ) -> "ModelSample":
        """The sample with images drawn again: y moves as far as a model leaves the curve.

        Args:
            draws: both accuracies in each resample.
            slope: of the curve at each model.
        """
        off = (draws.y - self.y) - slope * (draws.x - self.x)
        return replace(self, redrawn=self.y + off)

    def in_probits(self) -> "ModelSample | None":
        """The same in probits; None where an accuracy is 0 or 1, which has no probit."""
        if min(self.x.min(), self.y.min()) <= 0 or max(self.x.max(), self.y.max()) >= 1:
            return None
        x, y = probits(self.x), probits(self.y)
        moved = None
        if self.redrawn is not None:
            # To first order, as what a resample moves is small beside the range.
            density = np.exp(-0.5 * y * y) / math.sqrt(2 * math.pi)
            moved = y + (self.redrawn - self.y) / density
        return replace(self, x=x, y=y, redrawn=moved, scale="probits")


def probits(accuracy: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """The normal quantile of each accuracy, which must lie between 0 and 1."""
    quantile = NormalDist().inv_cdf
    return np.array([quantile(value) for value in accuracy.tolist()])


def from_probits(values: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """The accuracy of each probit."""
    error = np.asarray(_ERF(values / math.sqrt(2)), dtype=np.float64)
    return np.asarray(0.5 * (1 + error))


_ERF = np.frompyfunc(math.erf, 1, 1)
