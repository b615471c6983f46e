"""Many tests at once: p-values adjusted so that one level holds for all of them."""

import numpy as np
from jaxtyping import Float


def holm(p: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Adjusted p-values: those at most α reject wrongly even once with probability α.

    Holds whatever the tests have to do with each other.

    Source: S. Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (len(p) - np.arange(len(p)))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def benjamini_hochberg(p: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Adjusted p-values: of those at most α, a share of α is wrong on average.

    Proven for tests that are independent or positively dependent.

    Source: Y. Benjamini and Y. Hochberg (1995), JRSS B 57:289-300.
    """
    order = np.argsort(p, kind="stable")[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return adjusted
