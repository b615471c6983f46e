"""The paper's rule for proposals, in its simplest form.

1. Of each model take the pairs with the largest scores over the whole set.
2. Drop a pair that only one model has.
3. Add the original label and every model's top prediction.
4. An image on which every model's top prediction is the original label is not rated.

One list a model, of whatever scores its predictions hold; scores are compared within a
model only, so that their scale does not matter.

Letters: N images, M models, P proposals, k ranked classes an image.

Source: the paper, section 3.1 and appendix A.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from reassess.errors import AlignmentError, DataError, OptionError, some
from reassess.records import Benchmark, Pairs, Predictions, Proposals, Questions, align


def propose(predictions: Sequence[Predictions], benchmark: Benchmark, *, top: int) -> Proposals:
    """The pairs worth asking about, by image and class.

    Args:
        predictions: one record a model, with scores, for every image of the benchmark.
        benchmark: the images and their original labels.
        top: how many pairs of each model with the largest scores to take over the whole set;
            pairs that tie with the last one are taken too.

    Raises:
        OptionError: there is no model, or ``top`` is below 1.
        DataError: a model is there twice or has no scores, or the benchmark no labels.
        AlignmentError: a model did not predict exactly the benchmark's images.

    Source: the paper, section 3.1 and appendix A.
    """
    if not predictions or top < 1:
        raise OptionError(
            f"there are {len(predictions)} models and top is {top}, but both must be 1 or more."
        )
    if benchmark.original is None:
        raise DataError(f"{benchmark.name}: the original labels are unknown (--original FILE).")
    models = tuple(one.model for one in predictions)
    if len(set(models)) < len(models):
        twice = sorted({name for name in models if models.count(name) > 1})
        raise DataError(
            f"predictions: model {some(twice)} is there more than once, but must be there once, as "
            "a pair needs two models. Rename or leave out one of them."
        )
    n_classes = 1 + max(int(one.classes.max()) for one in predictions)
    n_classes = max(n_classes, 1 + int(benchmark.original.max()))
    first = np.arange(len(benchmark.image_ids)) * n_classes
    original = first + benchmark.original
    rows = [_image_of_rows(one, benchmark) for one in predictions]
    lists = [_largest(one, first[row], top) for one, row in zip(predictions, rows, strict=True)]
    tops = [first[row] + one.top for one, row in zip(predictions, rows, strict=True)]
    pooled, n_models = np.unique(np.concatenate(lists), return_counts=True)
    key = np.unique(np.concatenate([pooled[n_models >= 2], original, *tops]))
    rated = np.zeros(len(first), dtype=bool)
    for row, its_top in zip(rows, tops, strict=True):
        rated[row] |= its_top != original[row]
    return Proposals(
        pairs=Pairs(benchmark.image_ids, key // n_classes, key % n_classes),
        models=models,
        proposed=np.stack([np.isin(key, one) for one in lists], axis=1),
        original=np.isin(key, original),
        rated=rated,
    )


def _image_of_rows(one: Predictions, benchmark: Benchmark) -> Int[np.ndarray, "N"]:
    """The benchmark's image of each row; every image must have one."""
    source = f"predictions {one.model!r}"
    row = align(one.image_ids, benchmark.image_ids, source=source, target_name=benchmark.name)
    if len(row) < len(benchmark.image_ids):
        missing = np.delete(benchmark.image_ids, row)
        raise AlignmentError(
            f"{source}: image {some(missing)} of {benchmark.name} is missing, but every image must "
            f"be predicted to be proposed for; {len(missing):,} of {len(benchmark.image_ids):,} "
            "are missing. Predict them."
        )
    return row


def _largest(one: Predictions, first: Int[np.ndarray, "N"], top: int) -> Int[np.ndarray, "n"]:
    """Keys of the pairs with the ``top`` largest scores of a model, ties at the last kept.

    Args:
        one: the model's predictions.
        first: the key of class 0 of each row's image.
        top: how many to take; all where there are fewer.
    """
    if one.scores is None:
        raise DataError(
            f"predictions {one.model!r}: there are no scores, but the largest over all images must "
            "be found. Give the file with the scores too (CLASSES.npy:SCORES.npy)."
        )
    last = one.scores.size - min(top, one.scores.size)
    threshold = np.partition(one.scores, last, axis=None)[last]
    row, column = np.nonzero(one.scores >= threshold)
    key: Int[np.ndarray, "n"] = first[row] + one.classes[row, column]
    return key


def questions_of(proposals: Proposals) -> Questions:
    """The questions to put to raters: the proposals of the images that are to be rated."""
    pairs = proposals.pairs
    asked = proposals.rated[pairs.image]
    new_row = np.cumsum(proposals.rated) - 1
    rated_pairs = Pairs(
        image_ids=pairs.image_ids[proposals.rated],
        image=new_row[pairs.image[asked]],
        label=pairs.label[asked],
    )
    return Questions.from_pairs(rated_pairs)
