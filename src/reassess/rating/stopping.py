"""The stopping rule that stops nothing, which a store has unless it is given another.

Rules that look at posteriors are `reassess.aggregation.adaptive`'s, which this package does not
import. Letters: q questions that are assessed, v their counted votes.
"""

import numpy as np
from jaxtyping import Int, Shaped

from reassess.records import Assessment


class AskAll:
    """The rule without adaptive rating: every question gets all its votes, in random order."""

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Nothing is settled, and nothing is more urgent than the rest."""
        del position, rater, answer, n_left
        n = len(question)
        return Assessment(np.zeros(n, np.bool_), np.zeros(n), np.full(n, 0.5))
