"""The rules that stop asking, by name: what each is, what it needs, how votes make it.

`STOPPING_RULES` is what ``--stop`` offers. A further rule is one entry more: a function from
what was rated so far to a `StoppingRule`. Rules themselves are `reassess.aggregation.adaptive`'s;
when a study's rule is made anew is `reassess.site.stopping`'s business.

Letters: Q questions of the store, v votes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.aggregation.adaptive.features import QuestionFeatures, question_features
from reassess.aggregation.adaptive.learned import relearn
from reassess.aggregation.adaptive.rules import Bounds, Lossless, OnePassFirst, SeedFirst
from reassess.aggregation.adaptive.weights import AnswerWeights
from reassess.records import Benchmark, NoStopping, Questions, StoppingRule
from reassess.registry import Registry

BOUNDS = (0.02, 0.98)

LEARNED_BUDGET = 0.45
"""Share of all votes that the learned rule asks for, where nothing else is given."""

_NEARLY_ALL = 0.95
"""Share of the seed's questions that must be decided: a few may wait for a rater for ever."""

VotesInOrder = tuple[Int[np.ndarray, "v"], Shaped[np.ndarray, "v"], Int[np.ndarray, "v"]]
"""Question, rater's id and answer of votes, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class RatingSoFar:
    """What a rule is made from.

    Attributes:
        questions: those that are asked.
        benchmark: the study's images, original labels and classes.
        votes: those given so far, by row of their question; None before the first.
        weights: of the answers, by the study's own aggregation; None while too few questions
            have all their votes, or where it knows no confusion matrices.
        is_seed: which questions are rated in full before anything is learned.
        votes_per_question: k.
    """

    questions: Questions
    benchmark: Benchmark
    votes: VotesInOrder | None
    weights: AnswerWeights | None
    is_seed: Bool[np.ndarray, "Q"]
    votes_per_question: int


@dataclass(frozen=True, slots=True)
class StoppingMethod:
    """A way to stop asking.

    Attributes:
        name: what people type.
        fit: makes the rule; None while all must be asked in any order.
        summary: for the help: when it stops, after "Stop asking ".
        budget: share of all votes that it asks for, where nothing else is given.
        has_seed: whether some questions are rated in full first, which a budget must allow.
        needs_decision: whether it must know while raters answer how labels will be decided: by
            confusion matrices and a threshold that is fixed beforehand.
    """

    name: str
    fit: Callable[[RatingSoFar], StoppingRule | None]
    summary: str
    budget: float = 1.0
    has_seed: bool = False
    needs_decision: bool = False


def _lossless(rated: RatingSoFar) -> StoppingRule | None:
    return None if rated.weights is None else Lossless(rated.weights)


def _bounds(rated: RatingSoFar) -> StoppingRule | None:
    return None if rated.weights is None else Bounds(rated.weights, *BOUNDS)


def _learned(rated: RatingSoFar) -> StoppingRule:
    if rated.votes is None or rated.weights is None:
        return SeedFirst(NoStopping(), rated.is_seed)
    features = question_features(rated.questions, rated.benchmark)
    return learned_rule(
        rated.weights, features, rated.votes, rated.is_seed, rated.votes_per_question
    )


STOPPING_RULES: Registry[StoppingMethod] = Registry(
    "stopping rule",
    [
        StoppingMethod(
            "lossless", _lossless, "where no answer still to come could change the decision"
        ),
        StoppingMethod(
            "bounds",
            _bounds,
            f"where the posterior is below {BOUNDS[0]} or above {BOUNDS[1]}",
        ),
        StoppingMethod(
            "learned",
            _learned,
            "once the budget is spent on what a learned predictor of the decision is least sure of",
            budget=LEARNED_BUDGET,
            has_seed=True,
            needs_decision=True,
        ),
    ],
)
"""The rules that a site can stop by."""


def vote_budget(stop: str | None, given: float | None = None) -> float:
    """The share of all votes that may be asked: as given, else what the rule asks for.

    Raises:
        OptionError: there is no such rule.
    """
    usual = 1.0 if stop is None else STOPPING_RULES[stop].budget
    return usual if given is None else given


def learned_rule(
    weights: AnswerWeights,
    features: QuestionFeatures,
    votes: VotesInOrder,
    is_seed: Bool[np.ndarray, "Q"],
    votes_per_question: int,
) -> StoppingRule:
    """What to ask first: seeds until they are decided, then what is least sure.

    Args:
        weights: of the answers.
        features: what is known of each question before any vote.
        votes: question, rater and answer of each vote in the order in which they came.
        is_seed: the questions of the seed.
        votes_per_question: k.

    Raises:
        DataError: the seed's questions are all decided alike.
    """
    question, rater, answer = votes
    lossless = Lossless(weights)
    seed, cast = np.flatnonzero(is_seed), is_seed[question]
    position = np.searchsorted(seed, question[cast])
    n_left = votes_per_question - np.bincount(position, minlength=len(seed))
    assessed = lossless.assess(seed, position, rater[cast], answer[cast], n_left)
    if assessed.settled.mean() < _NEARLY_ALL:
        return SeedFirst(lossless, is_seed)
    learned = relearn(
        weights, features, question, rater, answer, is_seed=is_seed,
        votes_per_question=votes_per_question, rng=np.random.default_rng(0),
    )  # fmt: skip
    return OnePassFirst(learned)
