"""From votes to posteriors.

=============  ====================================================================
`methods`      `majority`, `dawid_skene`, `calibrated`, and virtual raters
`estimators`   the same in scikit-learn's shape: ``fit``, trailing underscores
`em`           expectation maximisation over shards
`kernels`      its one compiled pass; numba lives here only
`coding`       votes as (rater, answer) codes, and tables over them
=============  ====================================================================
"""

from reassess.aggregation.estimators import Calibrated, DawidSkene, MajorityVote
from reassess.aggregation.methods import (
    TRUTHS,
    VirtualRater,
    calibrated,
    dawid_skene,
    majority,
    original_label_rater,
)

__all__ = [
    "TRUTHS",
    "Calibrated",
    "DawidSkene",
    "MajorityVote",
    "VirtualRater",
    "calibrated",
    "dawid_skene",
    "majority",
    "original_label_rater",
]
