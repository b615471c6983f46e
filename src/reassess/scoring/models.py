"""Every accuracy of many models, in one table."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from reassess.errors import DataError, some
from reassess.records import Benchmark, ImageTable, LabelSets, ModelScore, Predictions
from reassess.scoring.accuracy import (
    hits,
    multilabel_accuracy,
    on_shared_images,
    original_labels,
    real_accuracy,
)


def score_models(
    predictions: Iterable[Predictions],
    labels: LabelSets,
    benchmark: Benchmark,
    *,
    ks: Sequence[int] = (),
    unclear: LabelSets | None = None,
    subset: bool = False,
) -> Iterator[ModelScore]:
    """Score models one after the other, so that only one is in memory.

    Args:
        predictions: one record a model.
        labels: reassessed labels; the order of the benchmark's images is fastest.
        benchmark: its original labels are scored where it has any.
        ks: further k for hit@k; one that a file does not hold is an error.
        unclear: labels that multi-label accuracy counts as right.
        subset: whether labelled images without a prediction may be left out.

    Raises:
        AlignmentError: images do not match.
        DataError: classes do not match.
        OptionError: a k is beyond what a file holds.
    """
    originals = original_labels(benchmark) if benchmark.original is not None else None
    for one in predictions:
        multilabel = None
        if originals is not None:
            multilabel = multilabel_accuracy(one, labels, benchmark, unclear=unclear, subset=subset)
        by_k = {k: real_accuracy(one, labels, k=k, subset=subset) for k in {1, *ks}}
        original_by_k = {
            k: real_accuracy(one, originals, k=k, subset=subset)
            for k in ({1, *ks} if originals is not None else ())
            if originals is not None
        }
        yield ModelScore(
            model=one.model,
            real=by_k[1],
            original=original_by_k.get(1),
            real_at={k: by_k[k] for k in ks},
            original_at={k: original_by_k[k] for k in ks if k in original_by_k},
            multilabel=multilabel,
        )


def image_table(predictions: Sequence[Predictions], labels: LabelSets) -> ImageTable:
    """Which models are right on which image: one row an image, one column a model.

    Args:
        predictions: one record a model, all of the same images in the same order.
        labels: the label sets of at least these images.

    Raises:
        AlignmentError: the models predicted different images, or labels are missing.
        DataError: two models have the same name.
    """
    names = [one.model for one in predictions]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise DataError(
            f"models: the name {some(twice)} is there more than once, but must be unique in a "
            "table of images. Name the models (NAME=FILE)."
        )
    image_ids = predictions[0].image_ids
    shape = (len(image_ids), len(predictions))
    top, right = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=bool)
    _, shared = on_shared_images(predictions[0], labels, subset=True)
    for column, one in enumerate(predictions):
        same = one.only(image_ids)
        top[:, column] = same.top
        right[:, column] = hits(same.classes[:, :1], shared)
    models = tuple(one.model for one in predictions)
    return ImageTable(image_ids, models, top, right, shared.sizes)
