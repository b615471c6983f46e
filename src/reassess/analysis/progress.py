"""Progress: how much ReaL accuracy a gain in original accuracy still brings (Figure 4).

Takes accuracies, whoever measured them; does not compute any: `reassess.scoring` does.
Letters: M models.

Source: Beyer et al. (2020), "Are we done with ImageNet?", arXiv 2006.07159, Figure 4. Its
caption speaks of regressing ImageNet accuracy onto ReaL accuracy; its slopes are those of
ReaL accuracy on ImageNet accuracy, as here.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reassess.errors import OptionError
from reassess.statistics import Line, ordinary_least_squares
from reassess.statistics.student import student_p_value


@dataclass(frozen=True, slots=True)
class Progress:
    """ReaL accuracy on original accuracy, for weaker and for stronger models.

    Attributes:
        lower: the line through the models of lower original accuracy.
        upper: the line through the others.
        split: the lowest original accuracy among the others, in [0, 1].
        z: difference of the slopes, lower minus upper, in its standard errors; None where a
            half has fewer than 3 models or neither slope has an error.
        p_value: two-sided, under Student's t with Welch's degrees of freedom (rounded down);
            None where z is.
    """

    lower: Line
    upper: Line
    split: float
    z: float | None
    p_value: float | None


def progress(
    original: Float[np.ndarray, "M"], real: Float[np.ndarray, "M"], split: float | None = None
) -> Progress:
    """Two lines of ReaL on original accuracy, and whether their slopes differ.

    Args:
        original: accuracy of each model under the original labels, in [0, 1].
        real: ReaL accuracy of each model, in [0, 1].
        split: models below this original accuracy are the lower ones; None halves the models
            by original accuracy, and the upper half takes the middle one.

    Raises:
        OptionError: an accuracy is outside [0, 1], or a half has fewer than 2 models of
            different original accuracy.

    Source: Figure 4; z = (b1 - b2) / sqrt(se1^2 + se2^2). The paper holds z against a normal,
        which few models do not bear: of six, a fifth of straight lines would seem bent. With
        its 22 it makes no difference. Degrees of freedom: B. Welch (1947), Biometrika 34:28-35.
    """
    for name, accuracy in (("original", original), ("ReaL", real)):
        outside = ~((accuracy >= 0) & (accuracy <= 1))
        if outside.any():
            row = int(np.argmax(outside))
            raise OptionError(
                f"{name} accuracy[{row}] is {float(accuracy[row])}, but must be a fraction in "
                f"[0, 1]; {int(outside.sum()):,} of {len(accuracy):,} are outside. Divide "
                "percentages by 100."
            )
    order = np.lexsort((real, original))
    x, y = original[order], real[order]
    n_lower = len(x) // 2 if split is None else int(np.searchsorted(x, split))
    lower = _half(x[:n_lower], y[:n_lower], "lower")
    upper = _half(x[n_lower:], y[n_lower:], "upper")
    z = slope_difference(lower, upper)
    p_value = None if z is None else student_p_value(z, _n_free(lower, upper))
    return Progress(lower, upper, float(x[n_lower]), z, p_value)


def slope_difference(a: Line, b: Line) -> float | None:
    """Slope of a minus slope of b, in standard errors; None where there is no error."""
    if a.slope_error is None or b.slope_error is None:
        return None
    error = math.hypot(a.slope_error, b.slope_error)
    return (a.slope - b.slope) / error if error > 0 else None


def _n_free(a: Line, b: Line) -> int:
    """Degrees of freedom of the difference of two slopes that have errors."""
    of_a, of_b = (one.slope_error or 0.0 for one in (a, b))
    share = of_a**2 / (of_a**2 + of_b**2)
    df = 1 / (share**2 / (a.n_points - 2) + (1 - share) ** 2 / (b.n_points - 2))
    return max(1, int(df))


def _half(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], which: str) -> Line:
    if len(np.unique(x)) < 2:
        raise OptionError(
            f"the {which} half holds {len(x)} models with {len(np.unique(x))} different original "
            "accuracies, but must hold at least 2. Give more models, or another split."
        )
    return ordinary_least_squares(x, y)
