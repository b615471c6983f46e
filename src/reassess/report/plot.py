"""One figure of models and labels, without a report."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from reassess.analysis.findings import find
from reassess.errors import DataError
from reassess.progress import null_progress
from reassess.records import Benchmark, LabelSets, Predictions, Votes
from reassess.registry import checks_choices
from reassess.report.build import RESAMPLES, ReportInputs, uncertainty_of
from reassess.report.page_parts import Figure, Report
from reassess.scoring import score_models

FigureName = Literal[
    "accuracies", "ranks", "progress", "preference", "label_counts", "biased_classes"
]
"""The figures that models and labels alone give; the others need votes and gold: a report."""


@checks_choices
def plot(
    figure: FigureName,
    predictions: Sequence[Predictions],
    labels: LabelSets,
    benchmark: Benchmark,
    *,
    votes: Votes | None = None,
    seed: int = 0,
) -> Figure:
    """One figure of a report, drawn from records.

    A notebook shows it; ``save`` writes it as PNG, SVG, PDF or HTML.

    Args:
        figure: which.
        predictions: one record a model.
        labels: the reassessed labels.
        benchmark: what they are about, with original labels.
        votes: the raters' answers; ranks then allow for them.
        seed: of the resamples of ``ranks``.

    Raises:
        DataError: the records do not have what the figure shows.
        AlignmentError: images do not match.
        MissingExtraError: altair is not installed.
    """
    from reassess.report import figures

    scores = list(score_models(predictions, labels, benchmark))
    inputs = ReportInputs(labels, benchmark, predictions, scores, votes=votes)
    uncertainty = None
    if figure == "ranks":
        uncertainty = uncertainty_of(
            inputs, n_resamples=RESAMPLES, rng=np.random.default_rng(seed), progress=null_progress
        )
    findings = find(labels, benchmark, predictions, scores=scores)
    report = Report(labels.name, findings, scores, labels, benchmark, uncertainty=uncertainty)
    draw = {one.__name__: one for one in figures.FIGURES}[figure]
    found = draw(report)
    if found is None:
        raise DataError(
            f"the figure {figure!r} has nothing to show of {len(predictions):,} models and "
            f"{len(labels):,} images. Give more models, original labels or labels of more images."
        )
    return found
