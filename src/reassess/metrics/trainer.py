"""ReaL accuracy as ``compute_metrics`` of Hugging Face's Trainer."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.errors import AlignmentError, DataError, OptionError
from reassess.files import read_labels
from reassess.metrics.targets import (
    LabelLookup,
    batch_labels,
    check_classes,
    first_correct,
    ranked_classes,
)
from reassess.records import LabelSets


def real_metrics(
    labels: LabelSets | str | PathLike[str] | None = None,
    image_ids: Any = None,
    *,
    top_k: Sequence[int] = (1,),
) -> Callable[[Any], dict[str, float]]:
    """A function for ``Trainer(compute_metrics=...)``: ReaL accuracy of the evaluation set.

    It returns ``real_accuracy``, ``real_accuracy_top_K`` for further k, and ``real_n_scored``, the
    images with a label.

    Args:
        labels: the label sets, or their file; None takes the labels of the batches, multi-hot.
        image_ids: the id of each row of the evaluation set, in its order; needed with ``labels``.
        top_k: how many of the top predictions count.

    Raises:
        OptionError: one of labels and ids comes without the other, or a k is below 1.
        AlignmentError: an image has no label set or appears twice; from the function, where the
            predictions are of more or fewer images.
        DataError: from the function, where scores are of other classes than the labels, a target is
            no class, or there are no targets.
    """
    if (labels is None) != (image_ids is None):
        raise OptionError("labels and image_ids must both be given, or neither.")
    if not top_k or min(top_k) < 1:
        raise OptionError(f"top_k is {tuple(top_k)}, but must be numbers of 1 or more.")
    sets = None
    if labels is not None:
        found = labels if isinstance(labels, LabelSets) else read_labels(labels)
        sets = found.take(LabelLookup(found).rows(image_ids))

    def compute_metrics(evaluation: Any) -> dict[str, float]:
        """The metrics of an evaluation.

        Raises:
            DataError: it has no targets, and no labels were given.
        """
        scores = evaluation.predictions
        scores = np.asarray(scores[0] if isinstance(scores, tuple) else scores)
        target = evaluation.label_ids if sets is None else _lists_of(sets, len(scores))
        if target is None:
            raise DataError(
                "the evaluation has no label_ids, but must have some to be scored. Give labels and "
                "image_ids."
            )
        ranked, n_classes = ranked_classes(scores, max(top_k))
        if sets is not None:
            check_classes(sets, n_classes, ranked)
        image, label = batch_labels(target, len(ranked), lookup=None, n_classes=n_classes, pad=None)
        first, size = first_correct(ranked, image, label)
        n_scored = int((size > 0).sum())
        names = {k: "real_accuracy" if k == 1 else f"real_accuracy_top_{k}" for k in top_k}
        metrics = {
            name: int((first < k).sum()) / n_scored if n_scored else float("nan")
            for k, name in names.items()
        }
        return metrics | {"real_n_scored": float(n_scored)}

    return compute_metrics


def _lists_of(sets: LabelSets, n: int) -> list[Int[np.ndarray, "_"]]:
    """The labels of each image that was predicted."""
    if len(sets) != n:
        raise AlignmentError(
            f"there are predictions of {n:,} images, but must be of the {len(sets):,} of "
            "image_ids. Give the ids of the evaluation set."
        )
    return np.split(sets.indices, sets.indptr[1:-1])
