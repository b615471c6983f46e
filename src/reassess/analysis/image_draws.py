"""Both accuracies of models when the images of a study are drawn again.

Letters: N images, M models, B resamples.
"""

from collections.abc import Sequence

import numpy as np

from reassess.analysis.model_sample import ImageDraws
from reassess.records import Benchmark, LabelSets, Predictions
from reassess.scoring import image_table, original_classes
from reassess.statistics import resampled_sums

_N_BLOCK = 16
"""Resamples drawn at once: 50,000 images are a megabyte or two."""


def draw_images(
    predictions: Sequence[Predictions],
    labels: LabelSets,
    benchmark: Benchmark,
    n_resamples: int,
    rng: np.random.Generator,
) -> ImageDraws:
    """Original and ReaL accuracy of each model in each resample of the images.

    Args:
        predictions: one record a model, in the order of the columns.
        labels: the reassessed labels; images without a label count for the original labels only.
        benchmark: with the original labels.
        n_resamples: B.
        rng: where randomness comes from.

    Raises:
        AlignmentError: images do not match.
        DataError: the benchmark has no original labels.
    """
    shown = [one.reindex(labels.image_ids) for one in predictions]
    table = image_table(shown, labels)
    scored = table.n_labels > 0
    by_original = table.top == original_classes(labels, benchmark)[:, None]
    columns = np.column_stack([by_original, table.right & scored[:, None], scored])
    n, m = len(scored), len(shown)
    sums = np.concatenate(
        [
            resampled_sums(columns, min(_N_BLOCK, n_resamples - done), rng)
            for done in range(0, n_resamples, _N_BLOCK)
        ]
    )
    # A resample without a single image that has a label says nothing: leave it as it is.
    n_scored = np.where(sums[:, -1:] > 0, sums[:, -1:], np.nan)
    real = np.where(np.isfinite(n_scored), sums[:, m:-1] / n_scored, columns[:, m:-1].mean(axis=0))
    return ImageDraws(sums[:, :m] / n, real)
