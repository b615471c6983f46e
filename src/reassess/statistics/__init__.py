"""Intervals, exact tests, regression and bootstrap draws: arrays in, arrays out.

Knows nothing of benchmarks, models or labels. Only NumPy, so that scoring stays light;
the tests hold every function against SciPy.

=============  ==========================================================================
`agreement`    of raters with each other, beyond chance
`normal`       quantiles and p-values of the standard normal distribution
`proportions`  intervals of a proportion and of a paired difference, McNemar's exact test
`resampling`   bootstrap draws
`regression`   ordinary least squares
`sampling`     shares and differences from a stratified sample
=============  ==========================================================================
"""

from reassess.statistics.normal import normal_p_value, normal_quantile
from reassess.statistics.proportions import (
    mcnemar_exact,
    paired_difference_interval,
    wilson_bounds,
    wilson_interval,
)
from reassess.statistics.regression import Line, ordinary_least_squares
from reassess.statistics.resampling import percentile_interval, stratified_bootstrap

__all__ = [
    "Line",
    "mcnemar_exact",
    "normal_p_value",
    "normal_quantile",
    "ordinary_least_squares",
    "paired_difference_interval",
    "percentile_interval",
    "stratified_bootstrap",
    "wilson_bounds",
    "wilson_interval",
]
