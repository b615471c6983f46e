"""From votes to posteriors.

=============  ====================================================================
`registry`     the methods by name, and the choice that gold makes among them
`methods`      `majority`, `dawid_skene`, `calibrated`, and virtual raters
`estimators`   the same in scikit-learn's shape: ``fit``, trailing underscores
`reweighting`  the same again under other weights, for bootstraps
`em`           expectation maximisation over shards
`coding`       votes as (rater, answer) codes, tables over them, and compiled passes; numba
               lives here and in the trees of `adaptive`
=============  ====================================================================
"""

from reassess.aggregation.estimators import Calibrated, DawidSkene, MajorityVote
from reassess.aggregation.methods import (
    STATES,
    VirtualRater,
    calibrated,
    dawid_skene,
    majority,
    original_label_rater,
)
from reassess.aggregation.registry import (
    METHODS,
    AggregateOptions,
    AggregationInputs,
    GoldMode,
    Method,
    choose_method,
)
from reassess.aggregation.reweighting import WeightedRefit

__all__ = [
    "METHODS",
    "STATES",
    "AggregateOptions",
    "AggregationInputs",
    "Calibrated",
    "DawidSkene",
    "GoldMode",
    "MajorityVote",
    "Method",
    "VirtualRater",
    "WeightedRefit",
    "calibrated",
    "choose_method",
    "dawid_skene",
    "majority",
    "original_label_rater",
]
