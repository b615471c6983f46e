"""Adaptive rating: when to stop asking.

============  =========================================================================
`weights`     the weight of every answer, and how far votes can still lead
`rules`       `Lossless`, `Bounds`, `SeedFirst`, `OnePassFirst`: rules that learn nothing
`features`    what is known of a question, as columns to learn from
`learned`     `LearnedStopping`, `learn`, `relearn`: P(all votes would say present)
`trees`       scikit-learn's trees, walked by a compiled loop
`registry`    `STOPPING_RULES`: the rules by name, as ``serve --stop`` offers them
`replay`      complete votes come in once more: what would have been asked
============  =========================================================================
"""

from reassess.aggregation.adaptive.features import QuestionFeatures, question_features
from reassess.aggregation.adaptive.learned import LearnedStopping, learn, relearn
from reassess.aggregation.adaptive.registry import (
    STOPPING_RULES,
    RatingSoFar,
    StoppingMethod,
    VotesInOrder,
    learned_rule,
    vote_budget,
)
from reassess.aggregation.adaptive.replay import Replayed, replay, replay_within
from reassess.aggregation.adaptive.rules import Bounds, Lossless, OnePassFirst, SeedFirst
from reassess.aggregation.adaptive.weights import AnswerWeights

__all__ = [
    "STOPPING_RULES",
    "AnswerWeights",
    "Bounds",
    "LearnedStopping",
    "Lossless",
    "OnePassFirst",
    "QuestionFeatures",
    "RatingSoFar",
    "Replayed",
    "SeedFirst",
    "StoppingMethod",
    "VotesInOrder",
    "learn",
    "learned_rule",
    "question_features",
    "relearn",
    "replay",
    "replay_within",
    "vote_budget",
]
