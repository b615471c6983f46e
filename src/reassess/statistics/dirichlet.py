"""How strongly several categorical distributions resemble their mean: a Dirichlet's concentration.

Letters: R groups, such as raters, A categories, such as answers, T kinds of counts, such as those
of each truth.

Source: J. Mosimann (1962), Biometrika 49:65-82 (the Dirichlet-multinomial distribution).
"""

import numpy as np
from jaxtyping import Float

_WEAKEST, _STRONGEST = np.log(1e-1), np.log(1e6)
"""Where the logarithm of the concentration is looked for: from no resemblance to speak of (a tenth
of a count) to groups that are all alike (more counts than any study has)."""

_LONG = 0.5
"""A step of the logarithm after which a further one follows; none is longer than 1."""

_MOST_STEPS = 20
"""From one end of the range to the other there are 17 steps of 1."""


def dirichlet_concentration(
    counts: Float[np.ndarray, "R A"], mean: Float[np.ndarray, "A"]
) -> float:
    """The concentration under which groups' counts spread about the mean as they do.

    Maximum likelihood of the Dirichlet-multinomial distribution with this mean: how many counts
    of its own a group needs to weigh as much as the mean of all. Counts may be expected ones.

    Args:
        counts: how often each group has each category.
        mean: the distribution that all groups are drawn about; positive, with a sum of 1.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    n = counts.sum(axis=1)

    def loss(log: float) -> float:
        k = np.exp(log)
        of_categories = gammaln(counts + k * mean) - gammaln(k * mean)
        return -float((gammaln(k) - gammaln(n + k)).sum() + of_categories.sum())

    found = minimize_scalar(loss, bounds=(_WEAKEST, _STRONGEST), method="bounded")
    return float(np.exp(found.x))


def followed_concentrations(
    counts: Float[np.ndarray, "R T A"],
    mean: Float[np.ndarray, "T A"],
    near: Float[np.ndarray, "T"],
) -> Float[np.ndarray, "T"]:
    """`dirichlet_concentration` of each of T kinds of counts, from those of almost these counts.

    Newton's method, which takes a hundredth of the time of the search: one step where counts
    settle, and further ones after a long step. With one step always, a fit would take ten
    iterations more where the concentration is far off at its start.

    Args:
        counts: how often each group has each category, of each kind.
        mean: the distribution that all groups are drawn about, of each kind.
        near: the concentrations of counts that were almost these.
    """
    log = np.log(near)
    for _ in range(_MOST_STEPS):
        step = _step(counts, mean, np.exp(log))
        before, log = log, np.clip(log + np.clip(step, -1, 1), _WEAKEST, _STRONGEST)
        if (np.abs(log - before) < _LONG).all():
            break
    found: Float[np.ndarray, "T"] = np.exp(log)
    return found


def _step(
    counts: Float[np.ndarray, "R T A"],
    mean: Float[np.ndarray, "T A"],
    near: Float[np.ndarray, "T"],
) -> Float[np.ndarray, "T"]:
    """Newton's step of the logarithm of each concentration."""
    # One array for all, with the long axis last: a call on a small one takes longer than its
    # arithmetic. What the mean alone gives stands before the groups, the sum after the categories.
    n_groups, n_kinds, n_categories = counts.shape
    x = np.empty((n_kinds, n_categories + 1, n_groups + 1))
    x[:, :-1, 0] = near[:, None] * mean
    x[:, :-1, 1:] = counts.transpose(1, 2, 0)
    x[:, :-1, 1:] += x[:, :-1, :1]
    x[:, :-1].sum(axis=1, out=x[:, -1])
    digamma, trigamma = _polygammas(x)
    of_sum = np.full((n_kinds, 1), -1.0)
    slope, bend = (
        near
        * ((of.sum(axis=2) - (n_groups + 1) * of[:, :, 0]) * np.hstack([weight, of_sum])).sum(1)
        for of, weight in ((digamma, mean), (trigamma, mean * mean))
    )
    bend = slope + near * bend  # both by the logarithm of the concentration
    # Uphill by one where the likelihood is convex, as it is far from its peak.
    step: Float[np.ndarray, "T"] = np.where(
        bend < 0, -slope / np.where(bend < 0, bend, 1.0), np.sign(slope)
    )
    return step


def _polygammas(
    x: Float[np.ndarray, "*n"],
) -> tuple[Float[np.ndarray, "*n"], Float[np.ndarray, "*n"]]:
    """The first two derivatives of ln Γ to ten digits, many times as fast as SciPy's.

    Source: Abramowitz and Stegun, 6.3.6 and 6.4.6 (six times), 6.3.18 and 6.4.12.
    """
    # The six fractions 1 / (x + i) in pairs: 1 / x + 1 / (x + 5) is (2x + 5) / (x (x + 5)), and so
    # on, so that three divisions do.
    slope, product = 2 * x, x * (x + 5)
    slope += 5
    total, squares = np.zeros_like(x), np.zeros_like(x)
    for more in (0, 4, 2):
        product += more
        inverse = 1 / product
        total += inverse
        squares += np.square(inverse, out=inverse)
    far = x + 6
    inverse = np.divide(1, far, out=product)
    square = inverse * inverse
    first = np.log(far, out=far)
    first -= slope * total
    first -= 0.5 * inverse
    first -= _in_powers(square, (0.0, 1 / 12, -1 / 120, 1 / 252, -1 / 240))
    second = squares
    second *= np.square(slope, out=slope)
    total *= 2
    second -= total
    series = _in_powers(square, (1 / 6, -1 / 30, 1 / 42, -1 / 30))
    for power in (0.5, 1.0):
        series *= inverse
        series += power
    series *= inverse
    second += series
    return first, second


def _in_powers(x: Float[np.ndarray, "*n"], factors: tuple[float, ...]) -> Float[np.ndarray, "*n"]:
    """A polynomial, its constant first."""
    found: Float[np.ndarray, "*n"] = factors[-1] * x
    for factor in factors[-2:0:-1]:
        found += factor
        found *= x
    found += factors[0]
    return found
