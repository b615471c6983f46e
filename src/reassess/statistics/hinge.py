"""A line with a hinge at a given x: the slopes on either side, and the interval of their ratio.

The covariance is a jackknife over groups (CR3), which supposes neither equal variances nor
independence inside groups and errs on the wide side where groups are few. The interval of the
ratio is Fieller's, so that a slope below that may be 0 gives none. Letters: n points, B resamples.

Source: E. C. Fieller (1954), JRSS B 16:175-185; R. M. Bell and D. F. McCaffrey (2002), Survey
Methodology 28:169-181 (CR3); D. J. Schuirmann (1987), Journal of Pharmacokinetics and
Biopharmaceutics 15:657-680 (equivalence by two one-sided tests, as a 90% interval at 5%).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reassess.errors import OptionError
from reassess.statistics.intervals import t_critical

_ROUNDING = 1e-9
"""What is this small beside the values is rounding."""


@dataclass(frozen=True, slots=True)
class Hinge:
    """Least squares of two lines that meet at a given x.

    Attributes:
        lower: slope below the hinge.
        upper: slope above it.
        covariance: of the two slopes, in this order.
        df: degrees of freedom of the covariance: the number of groups less one.
    """

    lower: float
    upper: float
    covariance: Float[np.ndarray, "2 2"]
    df: int

    @property
    def ratio(self) -> float | None:
        """Slope above over slope below; None where the latter is 0."""
        return self.upper / self.lower if self.lower else None

    def ratio_interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """Fieller's interval of the ratio; None where the slope below may be 0.

        Args:
            confidence: of the interval; 0.9 for an equivalence at 5%.

        Raises:
            OptionError: the confidence does not lie between 0 and 1.
        """
        t2 = t_critical(confidence, self.df) ** 2
        (v_ll, v_lu), (_, v_uu) = self.covariance
        a = self.lower**2 - t2 * v_ll
        b = self.lower * self.upper - t2 * v_lu
        c = self.upper**2 - t2 * v_uu
        inside = b * b - a * c
        if a <= 0 or inside < 0:
            return None
        half = math.sqrt(inside) / a
        return float(b / a - half), float(b / a + half)


def fit_hinge(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    groups: Int[np.ndarray, "n"],
    at: float,
    redrawn: Float[np.ndarray, "B n"] | None = None,
) -> Hinge | None:
    """The two lines that meet at a given x; None where a group holds all points of a side.

    Args:
        x: where the points are.
        y: what is fitted.
        groups: the group of each point, from 0, none left out.
        at: where the lines meet.
        redrawn: y when what it was measured on is drawn again, one row a resample; the covariance
            over the rows is added. None adds nothing.

    Raises:
        OptionError: there are fewer than two groups.
    """
    n_groups = int(groups.max()) + 1
    if n_groups < 2:
        raise OptionError(f"the number of groups is {n_groups}, but must be at least 2.")
    design = np.column_stack([np.ones(len(x)), np.minimum(x - at, 0.0), np.maximum(x - at, 0.0)])
    outer = design[:, :, None] * design[:, None, :]
    gram, moment = np.zeros((n_groups, 3, 3)), np.zeros((n_groups, 3))
    np.add.at(gram, groups, outer)
    np.add.at(moment, groups, design * y[:, None])
    left = gram.sum(axis=0) - gram
    if min(np.linalg.matrix_rank(left).min(), np.linalg.matrix_rank(gram.sum(axis=0))) < 3:
        return None
    whole = np.linalg.solve(gram.sum(axis=0), moment.sum(axis=0))
    flat = np.abs(whole[1:]) * np.ptp(x) <= _ROUNDING * np.abs(y).max()
    whole[1:][flat] = 0.0  # a slope that is rounding is none, of whatever sign
    without = np.linalg.solve(left, (moment.sum(axis=0) - moment)[:, :, None])[:, :, 0]
    apart = (without - whole)[:, 1:]
    covariance = (n_groups - 1) / n_groups * apart.T @ apart
    if redrawn is not None:
        slopes = np.linalg.solve(gram.sum(axis=0), design.T @ redrawn.T)[1:]
        covariance = covariance + np.cov(slopes)
    return Hinge(float(whole[1]), float(whole[2]), covariance, n_groups - 1)
