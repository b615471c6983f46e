"""Every accuracy of many models, in one table."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.records import Accuracy, Benchmark, LabelSets, Predictions
from reassess.scoring.accuracy import (
    MultilabelAccuracy,
    check_k,
    hits,
    multilabel_accuracy,
    on_shared_images,
    original_labels,
    real_accuracy,
)


@dataclass(frozen=True, slots=True)
class ModelScore:
    """What one model scores.

    Attributes:
        model: its name.
        real: top-1 under the reassessed labels.
        original: top-1 under the original labels; None where they are unknown.
        real_at: hit@k under the reassessed labels, by k.
        original_at: hit@k under the original labels, by k; empty where they are unknown.
        multilabel: averaged over original classes; None where they are unknown.
    """

    model: str
    real: Accuracy
    original: Accuracy | None
    real_at: dict[int, Accuracy]
    original_at: dict[int, Accuracy]
    multilabel: MultilabelAccuracy | None


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


@dataclass(frozen=True, slots=True)
class ImageTable:
    """Which models are right on which image.

    Attributes:
        image_ids: the n images, strings.
        models: the M models.
        top: each model's top prediction.
        right: whether it is among the labels.
        n_labels: size of each image's label set; where it is 0 nothing is judged.
    """

    image_ids: Shaped[np.ndarray, "n"]
    models: tuple[str, ...]
    top: Int[np.ndarray, "n M"]
    right: Bool[np.ndarray, "n M"]
    n_labels: Int[np.ndarray, "n"]


def image_table(predictions: Sequence[Predictions], labels: LabelSets) -> ImageTable:
    """One row an image, one column a model; images that a model did not predict are refused.

    Raises:
        AlignmentError: a model predicted other images than the first.
    """
    first = predictions[0]
    _, shared = on_shared_images(first, labels, subset=True)
    top = np.empty((len(shared), len(predictions)), dtype=np.int64)
    right = np.empty(top.shape, dtype=bool)
    for column, one in enumerate(predictions):
        check_k(1, one)
        classes, same = on_shared_images(one, shared, subset=False)
        if same is not shared:
            order = {image_id: i for i, image_id in enumerate(one.image_ids.tolist())}
            classes = classes[[order[i] for i in shared.image_ids.tolist()]]
        top[:, column] = classes[:, 0]
        right[:, column] = hits(classes[:, :1], shared)
    names = tuple(one.model for one in predictions)
    return ImageTable(shared.image_ids, names, top, right, shared.sizes)
