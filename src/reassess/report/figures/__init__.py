"""The figures of a report: one function a figure, from a `Report` to a `Figure` or None.

=============  ====================================================================
`chart_parts`  what the figures share: axes, points with intervals, direct labels
`models`       accuracies, ranks, preference, later predictions
`progress`     one accuracy against another, with the verdict's lines, of a study or of results
`labels`       numbers of labels, agreement with experts, classes that occur together
`proposals`    what recall costs: of a choice of models, on no page
=============  ====================================================================

altair is imported by these modules and nowhere else.
"""

from collections.abc import Callable

from reassess.errors import MissingExtraError

try:
    import altair as alt  # noqa: F401 -- asked for here, so that its absence has one message
except ImportError as error:
    raise MissingExtraError("altair", "report", "Drawing figures") from error

from reassess.report.figures.labels import agreement, biased_classes, label_counts
from reassess.report.figures.models import accuracies, later_predictions, preference, ranks
from reassess.report.figures.progress import progress
from reassess.report.page_parts import Figure, Report

FIGURES: tuple[Callable[[Report], Figure | None], ...] = (
    accuracies,
    ranks,
    progress,
    preference,
    later_predictions,
    label_counts,
    agreement,
    biased_classes,
)
"""Every figure, in the order of the page; a figure whose findings are absent is None."""

__all__ = [
    "FIGURES",
    "accuracies",
    "agreement",
    "biased_classes",
    "label_counts",
    "later_predictions",
    "preference",
    "progress",
    "ranks",
]
