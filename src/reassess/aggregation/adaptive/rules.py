"""When to stop asking a question: the rules that learn nothing.

`Lossless`      no remaining answer could change the decision
`Bounds`        the posterior is beyond set bounds
`SeedFirst`     as another rule says, but some questions come before all others
`OnePassFirst`  as another rule says, but nothing is asked twice before all is asked once

A rule is asked with the votes of some questions, whoever the raters are and in whatever order
they came, and answers for those questions alone: it keeps no state, so that any number of
servers may hold copies of it. `reassess.aggregation.adaptive.learned` has the rule that learns.

Letters: q questions that are assessed, v their votes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.aggregation.adaptive.weights import AnswerWeights
from reassess.errors import OptionError
from reassess.records import Assessment, StoppingRule

AFTER_THE_FIRST = 0.93
"""What comes after a first vote is less urgent than that, by a queue's level."""


def uncertainty(present: Float[np.ndarray, "q"]) -> Float[np.ndarray, "q"]:
    """How uncertain a decision is: 0 at probability 0 or 1, 1 at one half.

    The root of twice the smaller probability, so that a queue which sorts by a few levels
    still tells 2 % from 0.2 %.
    """
    uncertain: Float[np.ndarray, "q"] = np.sqrt(2 * np.minimum(present, 1 - present))
    return uncertain


def logistic(log_odds: Float[np.ndarray, "q"]) -> Float[np.ndarray, "q"]:
    """The probability that has these log-odds."""
    probability: Float[np.ndarray, "q"] = np.exp(-np.logaddexp(0.0, -log_odds))
    return probability


@dataclass(frozen=True, slots=True)
class Lossless:
    """Stop where no remaining answer could change the decision; all that is open is equal.

    Attributes:
        evidence: the weights of answers, and who may be next.
    """

    evidence: AnswerWeights

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Settled is what the worst of all remaining answers cannot turn; see `StoppingRule`."""
        evidence = self.evidence
        row = evidence.rows(rater)
        log_odds = evidence.log_odds(question, position, row, answer)
        ends = evidence.range_left(question, log_odds, position, row, n_left)
        settled = evidence.is_settled(*ends) | (n_left == 0)
        present = (log_odds >= evidence.cut).astype(float)
        return Assessment(settled, (~settled).astype(float), present)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Stop where the posterior is at most ``low`` or at least ``high``.

    Attributes:
        evidence: the weights of answers.
        low: posterior from which downwards a question is settled.
        high: posterior from which upwards it is.

    Raises:
        OptionError: the bounds are not 0 <= low < high <= 1.
    """

    evidence: AnswerWeights
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1:
            raise OptionError(
                f"the bounds are {self.low} and {self.high}, but must be 0 <= low < high <= 1."
            )

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Settled is what lies beyond the bounds; see `StoppingRule`."""
        evidence = self.evidence
        log_odds = evidence.log_odds(question, position, evidence.rows(rater), answer)
        posterior = logistic(log_odds)
        settled = (posterior <= self.low) | (posterior >= self.high) | (n_left == 0)
        present = (log_odds >= evidence.cut).astype(float)
        return Assessment(settled, np.where(settled, 0.0, uncertainty(posterior)), present)


@dataclass(frozen=True, slots=True)
class SeedFirst:
    """Another rule, but the seed's questions are asked before all others.

    Attributes:
        rule: says what is settled.
        is_seed: whether each question of the study belongs to the seed.
    """

    rule: StoppingRule
    is_seed: Bool[np.ndarray, "Q"]

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Settled is what the other rule says; open seeds are urgent, and nothing else is."""
        said = self.rule.assess(question, position, rater, answer, n_left)
        urgency = (self.is_seed[question] & ~said.settled).astype(float)
        return Assessment(said.settled, urgency, said.present)


@dataclass(frozen=True, slots=True)
class OnePassFirst:
    """Another rule, but every question is asked once before any is asked again.

    A first round shows whole tasks, and leaves no question without a vote, whose label nobody
    could release.

    Attributes:
        rule: says what comes after the first vote.
    """

    rule: StoppingRule

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Open and most urgent is what has no vote."""
        said = self.rule.assess(question, position, rater, answer, n_left)
        is_new = np.bincount(position, minlength=len(question)) == 0
        urgency = np.where(is_new, 1.0, said.urgency * AFTER_THE_FIRST)
        return Assessment(said.settled & ~is_new, urgency, said.present)
