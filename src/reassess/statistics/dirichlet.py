"""How strongly several categorical distributions resemble their mean: a Dirichlet's concentration.

Letters: R groups, such as raters, A categories, such as answers.

Source: J. Mosimann (1962), Biometrika 49:65-82 (the Dirichlet-multinomial distribution).
"""

import numpy as np
from jaxtyping import Float

_WEAKEST, _STRONGEST = np.log(1e-1), np.log(1e6)
"""Where the logarithm of the concentration is looked for: from no resemblance to speak of (a tenth
of a count) to groups that are all alike (more counts than any study has)."""


def dirichlet_concentration(
    counts: Float[np.ndarray, "R A"], mean: Float[np.ndarray, "A"], start: float | None = None
) -> float:
    """The concentration under which groups' counts spread about the mean as they do.

    Maximum likelihood of the Dirichlet-multinomial distribution with this mean: how many counts
    of its own a group needs to weigh as much as the mean of all. Counts may be expected ones.

    Args:
        counts: how often each group has each category.
        mean: the distribution that all groups are drawn about; positive, with a sum of 1.
        start: a concentration that is near, such as that of counts that were almost these; then
            one of Newton's steps is made from it, which is eight times as fast as the search
            between a tenth and a million. Where counts settle, so does the concentration.
    """
    if start is None:
        return _searched(counts, mean)
    log = np.log(start) + _newton_step(counts, mean, start)
    return float(np.exp(np.clip(log, _WEAKEST, _STRONGEST)))


def _newton_step(counts: Float[np.ndarray, "R A"], mean: Float[np.ndarray, "A"], k: float) -> float:
    """How far the logarithm of the concentration is to move, at most by one."""
    from scipy.special import digamma

    n = counts.sum(axis=1)
    prior = k * mean
    slope = float(((digamma(counts + prior) - digamma(prior)) @ mean).sum())
    slope -= float((digamma(n + k) - digamma(k)).sum())
    bend = float(((_trigamma(counts + prior) - _trigamma(prior)) @ (mean * mean)).sum())
    bend -= float((_trigamma(n + k) - _trigamma(np.array([k]))).sum())
    of_log, of_log_twice = k * slope, k * slope + k * k * bend
    # Uphill by one where the likelihood is convex, as it is far from its peak.
    step = -of_log / of_log_twice if of_log_twice < 0 else np.sign(of_log)
    return float(np.clip(step, -1, 1))


def _trigamma(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """The second derivative of ln Γ to ten digits, twenty times as fast as SciPy's `polygamma`.

    Source: Abramowitz and Stegun, 6.4.6 (six times) and 6.4.12.
    """
    near = sum(1 / (x + i) ** 2 for i in range(6))
    inverse = 1 / (x + 6)
    square = inverse * inverse
    series = 1 / 6 + square * (-1 / 30 + square * (1 / 42 - square / 30))
    value: Float[np.ndarray, "*n"] = near + inverse * (1 + inverse * (0.5 + inverse * series))
    return value


def _searched(counts: Float[np.ndarray, "R A"], mean: Float[np.ndarray, "A"]) -> float:
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    n = counts.sum(axis=1)

    def loss(log: float) -> float:
        k = np.exp(log)
        of_categories = gammaln(counts + k * mean) - gammaln(k * mean)
        return -float((gammaln(k) - gammaln(n + k)).sum() + of_categories.sum())

    found = minimize_scalar(loss, bounds=(_WEAKEST, _STRONGEST), method="bounded")
    return float(np.exp(found.x))
