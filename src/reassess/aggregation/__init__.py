"""From votes to posteriors.

=============  ====================================================================
`registry`     the methods by name, and the choice that gold makes among them
`methods`      `majority` and `dawid_skene`
`calibration`  `calibrated`, and virtual raters
`context`      votes and a context, such as models' predictions, combined on gold
`bcc`          `bcc_ensemble`: an average of Bayesian classifier combinations, for answers that are
               the truths
`priors`       what the confusion of raters with few votes is drawn to
`identification`  whether the votes can tell what was fitted to them
`estimators`   the same in scikit-learn's shape: ``fit``, trailing underscores
`reweighting`  the same again under other weights, for bootstraps
`confusion_draws`  confusion drawn from what votes or gold tell of it, for intervals of posteriors
`em`           expectation maximisation over shards
`coding`       votes as (rater, answer) codes, tables over them, and compiled passes; numba
               lives here and in the trees of `adaptive`
=============  ====================================================================
"""

from reassess.aggregation.bcc import bcc_ensemble
from reassess.aggregation.calibration import VirtualRater, calibrated, original_label_rater
from reassess.aggregation.context import ContextFit, combine_context
from reassess.aggregation.estimators import BCCEnsemble, Calibrated, DawidSkene, MajorityVote
from reassess.aggregation.fit_file import FitFile
from reassess.aggregation.identification import identification_notes
from reassess.aggregation.methods import STATES, dawid_skene, majority
from reassess.aggregation.priors import ConfusionPrior
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
    "BCCEnsemble",
    "Calibrated",
    "ConfusionPrior",
    "ContextFit",
    "DawidSkene",
    "FitFile",
    "GoldMode",
    "MajorityVote",
    "Method",
    "VirtualRater",
    "WeightedRefit",
    "bcc_ensemble",
    "calibrated",
    "choose_method",
    "combine_context",
    "dawid_skene",
    "identification_notes",
    "majority",
    "original_label_rater",
]
