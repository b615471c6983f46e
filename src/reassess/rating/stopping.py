"""When to stop asking a question: the rule is an argument, and this is its shape.

Deliberately holds no rule but `AskAll`: rules that look at posteriors live above, in
`reassess.aggregation`, which this package does not import. Letters: q questions that are
assessed, v their counted votes.
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
    """

    settled: Bool[np.ndarray, "q"]
    urgency: Float[np.ndarray, "q"]


@runtime_checkable
class StoppingRule(Protocol):
    """Decides from the votes alone which questions are settled; keeps no state of its own.

    It is called inside the transaction that stores an answer, for the few questions of one
    task, and in bulk by `refresh`: it must be quick, must not touch the store, and must be
    safe to call from several threads.
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
            question: number of each question in the store (`question_table` lists them).
            position: row in ``question`` of each counted vote.
            rater: id of the rater who gave it, a string.
            answer: 0 no, 1 maybe, 2 yes.
            n_left: how many more votes each question may get.
        """
        ...


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
        return Assessment(np.zeros(len(question), np.bool_), np.zeros(len(question)))
