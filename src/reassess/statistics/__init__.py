"""Intervals, exact tests, regression and bootstrap resamples: arrays in, arrays out.

Knows nothing of benchmarks, models or labels. Only NumPy when it is imported, so that scoring stays
light; the tests hold every function against SciPy.

============  ==========================================================================
`intervals`   intervals and tests of means and proportions; p-values of many tests; bootstrap
              resamples, and the intervals and slopes that they give
`ranks`       which ranks are still possible; how alike two orders are
`regression`  straight lines, and logistic regression fast enough for every resample
`segmented`   a broken line: two straight lines that meet at a breakpoint
`hinge`       two lines that meet at a given x; the interval of the ratio of their slopes
`agreement`   of raters with each other, beyond chance
`sampling`    shares and differences from a stratified sample
`calibration` probabilities that mean what they say
`clustered`   proportions whose items come in clusters; Learn then Test
`power`       how large a difference of two models so many images can show
`sequential`  confidence sequences, which hold however often one looks
`dirichlet`   how strongly categorical distributions resemble their mean
============  ==========================================================================
"""

from reassess.statistics.clustered import clustered_interval, effective_size, surely_below
from reassess.statistics.dirichlet import dirichlet_concentration, followed_concentrations
from reassess.statistics.intervals import (
    benjamini_hochberg,
    bootstrap_counts,
    check_resamples,
    half_sample,
    holm,
    mcnemar_exact,
    normal_p_value,
    paired_difference_interval,
    percentile_interval,
    resampled_sums,
    stratified_bootstrap,
    wilson_bounds,
    wilson_interval,
    z_critical,
)
from reassess.statistics.power import detectable_difference
from reassess.statistics.ranks import descending_ranks, rank_intervals
from reassess.statistics.regression import (
    Line,
    logistic_regression,
    logistic_regressions,
    ordinary_least_squares,
    sigmoid,
)

__all__ = [
    "Line",
    "benjamini_hochberg",
    "bootstrap_counts",
    "check_resamples",
    "clustered_interval",
    "descending_ranks",
    "detectable_difference",
    "dirichlet_concentration",
    "effective_size",
    "followed_concentrations",
    "half_sample",
    "holm",
    "logistic_regression",
    "logistic_regressions",
    "mcnemar_exact",
    "normal_p_value",
    "ordinary_least_squares",
    "paired_difference_interval",
    "percentile_interval",
    "rank_intervals",
    "resampled_sums",
    "sigmoid",
    "stratified_bootstrap",
    "surely_below",
    "wilson_bounds",
    "wilson_interval",
    "z_critical",
]
