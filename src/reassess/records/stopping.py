"""What a stopping rule says of questions, and the shape of a rule.

`reassess.aggregation.adaptive` makes rules, `reassess.rating` asks them; neither imports the
other. The only rule here is the one that stops nothing.

Letters: q questions that are assessed, v their counted votes.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a rule says about some questions.

    Attributes:
        settled: whether the question need not be asked again.
        urgency: how much another vote is worth, in [0, 1]; questions with more are shown
            first. All equal gives a random order.
        present: P(all votes together would decide that the class is present), in [0, 1];
            one half where the rule predicts nothing.
    """

    settled: Bool[np.ndarray, "q"]
    urgency: Float[np.ndarray, "q"]
    present: Float[np.ndarray, "q"]


@runtime_checkable
class StoppingRule(Protocol):
    """Decides from the votes so far which questions are settled; keeps no state of its own.

    The store calls it inside the transaction that stores an answer, for the few questions of
    one task, and in bulk when it is refreshed: it must be quick, must not touch the store, and
    must be safe to call from several threads.
    """

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Which questions are settled, and how urgent each is.

        Args:
            question: number of each question: its row in what the rule was made from or, for
                a store, its number there.
            position: row in ``question`` of each counted vote.
            rater: id of the rater who gave it, a string.
            answer: 0 no, 1 maybe, 2 yes.
            n_left: how many more votes each question may get.
        """
        ...


class NoStopping:
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
