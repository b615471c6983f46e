"""What the votes say about the truth of each question."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from reassess.errors import DataError
from reassess.records.questions import Questions


@dataclass(frozen=True, slots=True)
class Posterior:
    """P(truth) of each question given its votes, and the model that says so.

    Attributes:
        questions: the Q questions.
        states: names of the T true states, in the order of the columns; for the question
            "is this class in the image?" ``("absent", "present")``.
        log_probability: natural logarithm of the posterior. Log-odds keep their order where
            probabilities saturate at 1.
        method: how it was computed.
        answers: names of the A answers of the votes.
        rater_ids: the R raters of ``confusion``, strings.
        confusion: ``confusion[r, t, a]`` = P(rater r answers a | truth t); None for methods
            without one.
        prior: P(truth) before any vote; None for methods without one.
        log_likelihood: the true log-likelihood of the votes before each iteration of an
            iterative method and after the last; empty for methods that do not iterate.
        objective: what such a method raises in every iteration: the log-likelihood plus the
            log-density of its pseudocount's prior.
        converged: whether an iterative method met its tolerance; None where nothing iterates.
        votes_sha256: hash of the votes that it was computed from.
        used_gold: whether gold entered it, so that precision and recall on the same gold are
            those of questions that it has seen.
        gold_sha256: hash of that gold, where it is known.
    """

    questions: Questions
    states: tuple[str, ...]
    log_probability: Float[np.ndarray, "Q T"]
    method: str
    answers: tuple[str, ...]
    rater_ids: Shaped[np.ndarray, "R"]
    confusion: Float[np.ndarray, "R T A"] | None = None
    prior: Float[np.ndarray, "T"] | None = None
    log_likelihood: tuple[float, ...] = ()
    objective: tuple[float, ...] = ()
    converged: bool | None = None
    votes_sha256: str | None = None
    used_gold: bool = False
    gold_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.log_probability.shape != (len(self.questions), len(self.states)):
            raise DataError(
                f"posterior: it has the shape {self.log_probability.shape}, but must be "
                f"[{len(self.questions)}, {len(self.states)}], questions by states."
            )
        if np.isnan(self.log_probability).any() or (self.log_probability > 0).any():
            raise DataError("posterior: a log-probability is NaN or above 0.")

    @property
    def probability(self) -> Float[np.ndarray, "Q T"]:
        """P(truth) of each question; rows sum to 1."""
        probability: Float[np.ndarray, "Q T"] = np.exp(self.log_probability)
        return probability

    @property
    def present(self) -> Float[np.ndarray, "Q"]:
        """P(the class is in the image), where the states are absent and present.

        Raises:
            DataError: the states are others.
        """
        if self.states != ("absent", "present"):
            raise DataError(
                f"posterior: the states are {self.states}, but must be ('absent', 'present') to "
                "decide labels. Aggregate votes on (image, class) questions with two states."
            )
        return self.probability[:, 1]
