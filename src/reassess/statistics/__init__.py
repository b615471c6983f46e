"""Intervals, exact tests, regression and bootstrap draws: arrays in, arrays out.

Knows nothing of benchmarks, models or labels. Only NumPy, so that scoring stays light;
the tests hold every function against SciPy.

============== ==========================================================================
`agreement`    of raters with each other, beyond chance
`logistic`     logistic regression, fast enough for every resample
`multiplicity` p-values of many tests, adjusted
`normal`       quantiles and p-values of the standard normal distribution
`proportions`  intervals of a proportion and of a paired difference, McNemar's exact test
`ranks`        ranks of estimates, and intervals of them
`resampling`   bootstrap draws
`regression`   ordinary least squares
`sampling`     shares and differences from a stratified sample
============== ==========================================================================
"""

from reassess.statistics.logistic import logistic_regression, sigmoid
from reassess.statistics.multiplicity import benjamini_hochberg, holm
from reassess.statistics.normal import normal_p_value, z_critical
from reassess.statistics.proportions import (
    mcnemar_exact,
    paired_difference_interval,
    wilson_bounds,
    wilson_interval,
)
from reassess.statistics.ranks import descending_ranks, rank_intervals
from reassess.statistics.regression import Line, ordinary_least_squares
from reassess.statistics.resampling import (
    bootstrap_counts,
    half_sample,
    percentile_interval,
    stratified_bootstrap,
)

__all__ = [
    "Line",
    "benjamini_hochberg",
    "bootstrap_counts",
    "descending_ranks",
    "half_sample",
    "holm",
    "logistic_regression",
    "mcnemar_exact",
    "normal_p_value",
    "ordinary_least_squares",
    "paired_difference_interval",
    "percentile_interval",
    "rank_intervals",
    "sigmoid",
    "stratified_bootstrap",
    "wilson_bounds",
    "wilson_interval",
    "z_critical",
]
