"""Two models on the same images: is the difference real?"""

import numpy as np

from reassess.errors import AlignmentError, preview
from reassess.records import Comparison, LabelSets, Predictions, positions
from reassess.scoring.accuracy import check_k, hits, on_shared_images
from reassess.statistics import mcnemar_exact, paired_difference_interval


def compare(
    a: Predictions,
    b: Predictions,
    labels: LabelSets,
    *,
    k: int = 1,
    subset: bool = False,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two models on the images that have a label.

    Args:
        a: the first model's predictions.
        b: the second's, for the same images.
        labels: reassessed labels, or original ones as label sets.
        k: how many of the top predictions count.
        subset: whether labelled images without predictions may be left out.
        confidence: of the interval.

    Raises:
        AlignmentError: the models did not predict the same images, or labels are missing.
        OptionError: k or level is out of range.
    """
    check_k(k, a)
    check_k(k, b)
    row = positions(b.image_ids, a.image_ids, source=f"predictions {b.model!r}")
    if len(a.image_ids) != len(b.image_ids) or (row < 0).any():
        differ = b.image_ids[row < 0] if (row < 0).any() else np.setdiff1d(a.image_ids, b.image_ids)
        raise AlignmentError(
            f"predictions {a.model!r} and {b.model!r} must be about the same images, but "
            f"{preview(differ)} is in one of them only. Name the images to score (--subset FILE)."
        )
    classes_a, shared = on_shared_images(a, labels, subset=subset)
    classes_b = np.empty((len(row), k), dtype=b.ranked_classes.dtype)
    classes_b[row] = b.ranked_classes[:, :k]
    scored = shared.sizes > 0
    right_a, right_b = hits(classes_a[:, :k], shared), hits(classes_b, shared)
    only_a = shared.image_ids[scored & right_a & ~right_b]
    only_b = shared.image_ids[scored & right_b & ~right_a]
    n_both = int((right_a & right_b).sum())
    n_neither = int((scored & ~right_a & ~right_b).sum())
    low, high = paired_difference_interval(n_both, len(only_a), len(only_b), n_neither, confidence)
    return Comparison(
        model_a=a.model,
        model_b=b.model,
        labels=labels.name,
        n_both=n_both,
        n_neither=n_neither,
        only_a=only_a,
        only_b=only_b,
        low=low,
        high=high,
        p_value=mcnemar_exact(len(only_a), len(only_b)),
        confidence=confidence,
    )
