"""Replay: complete votes come in once more, and a rule says which of them it would have asked for.

The votes of a question come in random order. A question's next vote is drawn only while the
rule calls it open; what was not drawn is never looked at. The target is the decision that all
votes lead to. Every vote counts, those on seed images included.

Letters: Q questions, V votes, N images.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.aggregation.adaptive.features import QuestionFeatures
from reassess.aggregation.adaptive.learned import LearnedStopping, learn
from reassess.aggregation.adaptive.rules import Lossless
from reassess.aggregation.adaptive.weights import AnswerWeights
from reassess.errors import DataError, OptionError
from reassess.records import StoppingRule, Votes

STEP = 0.025
"""How many votes are drawn between two looks, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay drew and what it would have decided.

    Attributes:
        n_votes: votes drawn for each question.
        present: the decision on each question.
        share: votes drawn, as a share of all.
    """

    n_votes: Int[np.ndarray, "Q"]
    present: Bool[np.ndarray, "Q"]
    share: float


class Arrivals:
    """Votes in the order in which they come in, and how many of each question are in."""

    def __init__(self, votes: Votes, rng: np.random.Generator) -> None:
        """Shuffle the votes of each question."""
        order = np.lexsort((rng.random(len(votes)), votes.question))
        self.total = np.bincount(votes.question, minlength=len(votes.questions))
        self.drawn = np.zeros_like(self.total)
        self._first = np.cumsum(self.total) - self.total
        self._rater_ids = votes.rater_ids
        self._rater, self._answer = votes.rater[order], votes.answer[order]

    @property
    def share(self) -> float:
        """Votes that are in, as a share of all."""
        return float(self.drawn.sum() / self.total.sum())

    def so_far(
        self, question: Int[np.ndarray, "q"]
    ) -> tuple[
        Int[np.ndarray, "q"],
        Int[np.ndarray, "v"],
        Shaped[np.ndarray, "v"],
        Int[np.ndarray, "v"],
        Int[np.ndarray, "q"],
    ]:
        """The arguments of `StoppingRule.assess`: these questions and their votes so far."""
        drawn = self.drawn[question]
        position = np.repeat(np.arange(len(question)), drawn)
        start = np.cumsum(drawn) - drawn
        place = self._first[question][position] + np.arange(len(position)) - start[position]
        left = self.total[question] - drawn
        rater = self._rater_ids[self._rater[place]]
        return question, position, rater, self._answer[place], left


def replay(votes: Votes, rule: StoppingRule, rng: np.random.Generator) -> Replayed:
    """What a rule draws when it is asked before every vote.

    Args:
        votes: the complete votes.
        rule: when to stop.
        rng: shuffles the votes of each question.
    """
    arrivals = Arrivals(votes, rng)
    present = np.zeros(len(arrivals.total))
    still_open = np.arange(len(arrivals.total))
    while len(still_open):
        said = rule.assess(*arrivals.so_far(still_open))
        present[still_open] = said.present
        still_open = still_open[~said.settled]
        arrivals.drawn[still_open] += 1
    return Replayed(arrivals.drawn, present >= 0.5, arrivals.share)


def replay_within(
    votes: Votes,
    evidence: AnswerWeights,
    features: QuestionFeatures,
    budgets: Sequence[float],
    rng: np.random.Generator,
    *,
    seed_share: float = 0.03,
    learn_at: Sequence[float] = (0.1, 0.2, 0.3, 0.4),
    step: float = STEP,
) -> Iterator[Replayed]:
    """What a learned rule drew by the time that each budget was spent.

    Random seed images are rated until their questions are settled; the first rule is learned
    from them. From then on the least sure questions get the next votes.

    Args:
        votes: the complete votes, with as many for each question.
        evidence: the weights of answers.
        features: what is known of each question before any vote.
        budgets: shares of all votes, rising; each in (0, 1].
        rng: chooses the seed images and shuffles the votes of each question.
        seed_share: share of the images that are seeds.
        learn_at: shares of all votes at which the rule is learned again.
        step: votes drawn between two looks at who is least sure, as a share of all.

    Raises:
        DataError: the questions have no images, or differ in their number of votes.
        OptionError: the seed alone costs more than the first budget.
    """
    arrivals = Arrivals(votes, rng)
    _draw_seeds(votes, arrivals, evidence, seed_share, rng)
    if arrivals.share > budgets[0]:
        raise OptionError(
            f"the seed images cost {arrivals.share:.3f} of the votes, but must cost less than the "
            f"first budget of {budgets[0]:.3f}. Take fewer."
        )
    stops = sorted({*budgets, *(one for one in learn_at if one > arrivals.share)})
    everything = np.arange(len(arrivals.total))
    rule = _learned(arrivals, evidence, features, rng, None)
    said = rule.assess(*arrivals.so_far(everything))
    urgency, present = said.urgency, said.present
    for stop in stops:
        while (n_more := round(stop * len(votes)) - int(arrivals.drawn.sum())) > 0:
            pick = _most(urgency, min(n_more, math.ceil(step * len(votes))))
            if len(pick) == 0:
                break
            arrivals.drawn[pick] += 1
            said = rule.assess(*arrivals.so_far(pick))
            urgency[pick], present[pick] = said.urgency, said.present
        if stop in learn_at:
            rule = _learned(arrivals, evidence, features, rng, rule)
            said = rule.assess(*arrivals.so_far(everything))
            urgency, present = said.urgency, said.present
        if stop in budgets:
            yield Replayed(arrivals.drawn.copy(), present >= 0.5, arrivals.share)


def _draw_seeds(
    votes: Votes,
    arrivals: Arrivals,
    evidence: AnswerWeights,
    share: float,
    rng: np.random.Generator,
) -> None:
    if votes.questions.pairs is None or len(set(arrivals.total.tolist())) > 1:
        raise DataError(
            "votes: the questions must be about images and all have the same number of votes to "
            "be replayed within a budget."
        )
    pairs = votes.questions.pairs
    n_images = len(pairs.image_ids)
    is_seed = rng.permutation(n_images) < share * n_images
    still_open = np.flatnonzero(is_seed[pairs.image])
    lossless = Lossless(evidence)
    while len(still_open):
        still_open = still_open[~lossless.assess(*arrivals.so_far(still_open)).settled]
        arrivals.drawn[still_open] += 1


def _learned(
    arrivals: Arrivals,
    evidence: AnswerWeights,
    features: QuestionFeatures,
    rng: np.random.Generator,
    previous: LearnedStopping | None,
) -> LearnedStopping:
    asked = np.flatnonzero(arrivals.drawn)
    question, position, rater, answer, _ = arrivals.so_far(asked)
    return learn(
        evidence,
        features,
        question[position],
        rater,
        answer,
        votes_per_question=int(arrivals.total[0]),
        rng=rng,
        previous=previous,
    )


def _most(urgency: Float[np.ndarray, "Q"], n: int) -> Int[np.ndarray, "n"]:
    """The n questions with the largest urgency above 0; ties go to the earlier ones."""
    order = np.argsort(-urgency, kind="stable")[:n]
    return order[urgency[order] > 0]
