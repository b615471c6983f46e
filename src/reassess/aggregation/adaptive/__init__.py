"""Adaptive rating: when to stop asking.

============  =========================================================================
`evidence`    the weight of every answer, and how far votes can still lead
`rules`       `Lossless`, `Bounds`, `SeedFirst`, `OnePassFirst`: rules that learn nothing
`features`    what is known of a question, as columns to learn from
`learned`     `Learned`, `learn`, `relearn`: P(all votes would say present)
`trees`       scikit-learn's trees, walked by a compiled loop
`replay`      complete votes come in once more: what would have been asked
============  =========================================================================
"""

from reassess.aggregation.adaptive.evidence import Evidence
from reassess.aggregation.adaptive.features import Known, known_of
from reassess.aggregation.adaptive.learned import Learned, learn, relearn
from reassess.aggregation.adaptive.replay import Replayed, replay, replay_within
from reassess.aggregation.adaptive.rules import Bounds, Lossless, OnePassFirst, SeedFirst

__all__ = [
    "Bounds",
    "Evidence",
    "Known",
    "Learned",
    "Lossless",
    "OnePassFirst",
    "Replayed",
    "SeedFirst",
    "known_of",
    "learn",
    "relearn",
    "replay",
    "replay_within",
]
