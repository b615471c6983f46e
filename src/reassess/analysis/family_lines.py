"""How one accuracy follows another within each family of models.

Models of a family share an architecture and mostly a training recipe, so that a slope within it is
not mixed with what tells families apart. Each family with enough models has its own least-squares
line; whether all share one slope is tested.

Letters: n models.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from reassess.statistics.regression import ordinary_least_squares

LEAST_MODELS = 5
"""Of a family: a line through fewer has next to no degrees of freedom."""


@dataclass(frozen=True, slots=True)
class FamilyLine:
    """The line of one family.

    Attributes:
        family: its name.
        n_models: its models.
        low: the lowest x among them.
        high: the highest.
        slope: rise of y per unit of x.
        interval: of the slope, Student's.
    """

    family: str
    n_models: int
    low: float
    high: float
    slope: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class FamilyLines:
    """The lines of all families that have one.

    Attributes:
        lines: those of most models first.
        p_value: of the F-test that all families share one slope, each with its own level; None
            for fewer than two families, or where no model is left over to tell errors by.
    """

    lines: tuple[FamilyLine, ...]
    p_value: float | None


def family_lines(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    families: Shaped[np.ndarray, "n"],
    *,
    confidence: float = 0.95,
) -> FamilyLines:
    """The slope of y on x within each family of `LEAST_MODELS` models or more.

    Args:
        x: one accuracy of each model.
        y: another.
        families: the family of each model.
        confidence: of the intervals.
    """
    from scipy import stats

    lines = []
    parts: list[tuple[float, float, float, int]] = []  # sxx, sxy, syy, n of each family
    for family in np.unique(families).tolist():  # a few dozen
        of = families == family
        if int(of.sum()) < LEAST_MODELS or float(np.ptp(x[of])) == 0.0:
            continue
        line = ordinary_least_squares(x[of], y[of])
        error = line.slope_error or 0.0
        reach = float(stats.t.ppf((1 + confidence) / 2, line.n_points - 2)) * error
        ends = (line.slope - reach, line.slope + reach)
        low, high = float(x[of].min()), float(x[of].max())
        lines.append(FamilyLine(str(family), line.n_points, low, high, line.slope, ends))
        dx, dy = x[of] - x[of].mean(), y[of] - y[of].mean()
        parts.append((float(dx @ dx), float(dx @ dy), float(dy @ dy), line.n_points))
    lines.sort(key=lambda one: (-one.n_models, one.family))
    return FamilyLines(tuple(lines), _same_slope(parts))


def _same_slope(parts: list[tuple[float, float, float, int]]) -> float | None:
    """The p-value of the F-test of one slope against one each (analysis of covariance)."""
    from scipy import stats

    if len(parts) < 2:
        return None
    sxx, sxy, syy, n = np.array(parts).T
    own = float((syy - sxy**2 / sxx).sum())
    shared = float(syy.sum() - sxy.sum() ** 2 / sxx.sum())
    df, df_error = len(parts) - 1, int(n.sum()) - 2 * len(parts)
    if df_error < 1 or own <= 0:
        return None
    return float(stats.f.sf((shared - own) / df / (own / df_error), df, df_error))
