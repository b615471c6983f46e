"""Accuracies as counts over counts.

A prediction is right when it is in the image's label set; an image with an empty set is left
out. With one original label an image this is the usual top-k accuracy, so that original
labels are scored as label sets of one.

Source: the paper, section 4; multi-label accuracy after Shankar et al. (2020), section 3.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import AlignmentError, DataError, OptionError, preview
from reassess.notes import collect_notes
from reassess.records import (
    Accuracy,
    AccuracyByClass,
    Benchmark,
    Classes,
    LabelSets,
    MultilabelAccuracy,
    Predictions,
    align,
    check_order_by_labels,
    checks_records,
    how_ids_differ,
    positions,
)

if TYPE_CHECKING:
    from reassess.files.frames import Frame


def known_original(benchmark: Benchmark) -> Int[np.ndarray, "N"]:
    """Class of the original label of each image of the benchmark.

    Raises:
        DataError: the original labels are unknown.
    """
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: the original labels are unknown, but must be known for this. Give "
            "them (--original-labels FILE)."
        )
    return benchmark.original


@checks_records
def original_labels(benchmark: Benchmark) -> LabelSets:
    """The benchmark's original labels as label sets of one.

    Raises:
        DataError: the original labels are unknown.
    """
    n_images = len(benchmark.image_ids)
    return LabelSets(
        name=benchmark.name,
        image_ids=benchmark.image_ids,
        indptr=np.arange(n_images + 1),
        indices=known_original(benchmark),
        n_classes=benchmark.n_classes,
    )


@checks_records
def original_classes(labels: LabelSets, benchmark: Benchmark) -> Int[np.ndarray, "N"]:
    """Class index of the original label of each image of the label sets.

    Raises:
        DataError: the benchmark has no original labels, or other classes or another order of them.
        AlignmentError: an image of the label sets is no image of the benchmark.
    """
    known = known_original(benchmark)
    labels.refuse_other_order(benchmark)
    rows = align(
        labels.image_ids, benchmark.image_ids, source=labels.name, target_name=benchmark.name
    )
    original: Int[np.ndarray, "N"] = known[rows]
    return original


@checks_records
def predicted_rows(predictions: Predictions, labels: LabelSets) -> Int[np.ndarray, "n"]:
    """Row of the label sets for each image that the model predicted.

    Raises:
        AlignmentError: a predicted image has no row there, fits several, or appears twice.
    """
    return align(
        predictions.image_ids,
        labels.image_ids,
        source=f"predictions {predictions.model!r}",
        target_name=labels.name,
    )


def on_shared_images(
    predictions: Predictions, labels: LabelSets, *, subset: bool
) -> tuple[Int[np.ndarray, "n k"], LabelSets]:
    """Ranked classes and label sets of the same images, row by row.

    Args:
        predictions: one model's.
        labels: the label sets.
        subset: whether labelled images without a prediction may be left out.

    Raises:
        AlignmentError: a predicted image has no label set, or, unless ``subset``, a label
            set no prediction.
        DataError: model and labels have different classes.
    """
    source = f"predictions {predictions.model!r}"
    row = positions(predictions.image_ids, labels.image_ids, source=source)
    unknown = row < 0
    if unknown.any():
        raise AlignmentError(
            f"{source}: image {preview(predictions.image_ids[unknown])} has no entry in "
            f"{labels.name}, but must have one; {int(unknown.sum()):,} of {len(row):,} have none. "
            + how_ids_differ(
                predictions.image_ids[unknown],
                labels.image_ids,
                otherwise="Score with labels for these images, or name the images to score "
                "(--subset FILE).",
            )
        )
    if len(row) < len(labels) and not subset:
        missing = np.ones(len(labels), dtype=bool)
        missing[row] = False
        raise AlignmentError(
            f"{source}: image {preview(labels.image_ids[missing])} of {labels.name} is missing; "
            f"{int(missing.sum()):,} of {len(labels):,} are. Predict them, or name the images to "
            "score (--subset FILE)."
        )
    highest = int(labels.indices.max(initial=-1))
    if predictions.n_classes is not None and highest >= predictions.n_classes:
        raise DataError(
            f"{source}: it knows {predictions.n_classes:,} classes, but {labels.name} has class "
            f"{highest:,}. Check the class order and the number of classes."
        )
    if labels.n_classes is not None and int(predictions.ranked_classes.max()) >= labels.n_classes:
        raise DataError(
            f"{source}: class {int(predictions.ranked_classes.max()):,} is predicted, but must be "
            f"in [0, {labels.n_classes:,}) as {labels.name} has. Check the class order."
        )
    if len(row) == len(labels) and bool((row == np.arange(len(row))).all()):
        return predictions.ranked_classes, labels
    return predictions.ranked_classes, labels.take(row)


def first_correct_rank(classes: Int[np.ndarray, "n k"], labels: LabelSets) -> Int[np.ndarray, "n"]:
    """The column of the best prediction that is among an image's labels; k where none is.

    Works on the labels, not on all images times all classes: one comparison a label and column.

    Args:
        classes: classes of the images of ``labels``, in their order, best first.
        labels: the label sets.
    """
    image = labels.image
    n_columns = classes.shape[1]
    first = np.full(len(labels), n_columns)
    for column in range(n_columns - 1, -1, -1):
        first[image[classes[image, column] == labels.indices]] = column
    return first


def correct(classes: Int[np.ndarray, "n k"], labels: LabelSets) -> Bool[np.ndarray, "n"]:
    """Whether any of the k classes of an image is among its labels; False for empty sets.

    Args:
        classes: classes of the images of ``labels``, in their order.
        labels: the label sets.
    """
    is_correct: Bool[np.ndarray, "n"] = first_correct_rank(classes, labels) < classes.shape[1]
    return is_correct


@checks_records
def real_accuracies(
    predictions: Predictions, labels: LabelSets, ks: Collection[int], *, subset: bool = False
) -> dict[int, Accuracy]:
    """ReaL accuracy at several k, by k.

    Args:
        predictions: one model's.
        labels: reassessed labels.
        ks: how many of the top predictions count (top-k ReaL accuracy).
        subset: whether labelled images without a prediction may be left out.

    Raises:
        AlignmentError: images do not match.
        DataError: classes do not match.
        OptionError: a k is not in 1 to the number of ranked predictions.

    Source: the paper, section 4.
    """
    for k in ks:
        check_k(k, predictions)
    classes, shared = on_shared_images(predictions, labels, subset=subset)
    first = first_correct_rank(classes[:, : max(ks)], shared)
    n_scored = int((shared.sizes > 0).sum())
    return {k: Accuracy(int((first < k).sum()), n_scored, len(shared) - n_scored) for k in ks}


def real_accuracy(
    predictions: "Predictions | Frame",
    labels: "LabelSets | Frame",
    *,
    k: int = 1,
    subset: bool = False,
) -> Accuracy:
    """ReaL accuracy: of the images with labels, how many have one among the top k.

    Args:
        predictions: one model's, or a frame with the columns ``image`` and ``prediction``.
        labels: reassessed labels, or a frame with the columns ``image`` and ``label`` or
            ``labels``.
        k: how many of the top predictions count.
        subset: whether labelled images without a prediction may be left out.

    Raises:
        AlignmentError: images do not match, or rows fit the labels far better in another order.
        DataError: classes do not match or stand in another order, or a frame holds several models.
        FileError: a frame lacks a column.
        OptionError: k is not in 1 to the number of ranked predictions.

    Source: the paper, section 4.
    """
    if not isinstance(labels, LabelSets) and _is_frame(labels):
        labels = _labels_in(labels, predictions)
    if not isinstance(predictions, Predictions) and _is_frame(predictions):
        predictions = _predictions_in(predictions, labels, k)
    return _real_accuracy(predictions, labels, k, subset=subset)  # type: ignore[arg-type]


@checks_records
def _real_accuracy(
    predictions: Predictions, labels: LabelSets, k: int, *, subset: bool
) -> Accuracy:
    """The same of records, if their rows and classes stand in one order."""
    found = real_accuracies(predictions, labels, (k,), subset=subset)[k]
    with collect_notes():  # a model at chance is remarked on where models are scored
        check_order_by_labels(predictions, labels)
    return found


def _is_frame(value: object) -> bool:
    """Whether it is a table in memory, not one of our records."""
    return isinstance(value, Mapping) or hasattr(value, "columns")


def _labels_in(frame: "Frame", predictions: "Predictions | Frame") -> LabelSets:
    """Label sets of a frame; names are numbered among all that both frames have."""
    from reassess.files import read_labels
    from reassess.files.tables import read_table
    from reassess.files.word_columns import INTEGER

    words: set[str] = set()
    for one, columns in ((frame, ("label", "class")), (predictions, ("prediction", "pred"))):
        if isinstance(one, Predictions) or not _is_frame(one):
            continue
        table = read_table(one)
        column = table.find(columns)
        if column is not None and any(isinstance(cell, str) for cell in table.cells(column)[:1]):
            words |= set(table.texts(column))
    # Of numbers among names read_labels says which row is which.
    named = bool(words) and not any(INTEGER.fullmatch(word) for word in words)
    return read_labels(frame, classes=Classes.from_names(sorted(words)) if named else None)


def _predictions_in(frame: "Frame", labels: "LabelSets | Frame", k: int) -> Predictions:
    """The one model of a frame, on the images and classes of the labels.

    Raises:
        DataError: it holds several models, or the labels are none.
    """
    from reassess.files import read_predictions

    if not isinstance(labels, LabelSets):
        raise DataError(
            f"real_accuracy: labels is a {type(labels).__name__}, but must be a LabelSets or a "
            "frame. Give (predictions, labels)."
        )
    about = Benchmark(labels.name, labels.image_ids, None, labels.classes)
    found = read_predictions(frame, about, top=max(5, k))
    if len(found) != 1:
        raise DataError(
            f"predictions: the frame holds {len(found)} models, but must hold one. Score them one "
            "by one, or with score_models."
        )
    return found[0]


def accuracy_by_class(
    predictions: Predictions,
    labels: LabelSets,
    benchmark: Benchmark | None = None,
    *,
    k: int = 1,
    subset: bool = False,
) -> AccuracyByClass:
    """ReaL accuracy class by class.

    Args:
        predictions: one model's.
        labels: reassessed labels.
        benchmark: an image counts for its original class; None counts it for each of its labels.
        k: how many of the top predictions count.
        subset: whether labelled images without a prediction may be left out.

    Raises:
        AlignmentError: images do not match.
        DataError: classes do not match, or the benchmark has no original labels.
        OptionError: k is not in 1 to the number of ranked predictions.
    """
    check_k(k, predictions)
    ranked, shared = on_shared_images(predictions, labels, subset=subset)
    right, scored = correct(ranked[:, :k], shared), shared.sizes > 0
    if benchmark is None:
        image, of_class = shared.image, shared.indices
    else:
        image = np.flatnonzero(scored)
        of_class = original_classes(shared, benchmark)[image]
    classes = labels.classes if benchmark is None else benchmark.classes
    known = labels.n_classes if benchmark is None else benchmark.n_classes
    n_classes = known or labels.n_classes or predictions.n_classes or 0
    n_classes = max(n_classes, 1 + int(of_class.max(initial=0)))
    names = tuple(map(str, range(n_classes))) if classes is None else classes.names
    return AccuracyByClass(
        predictions.model,
        labels.name,
        names,
        np.bincount(of_class, right[image], n_classes).astype(np.int64),
        np.bincount(of_class, minlength=n_classes),
    )


def check_k(k: int, predictions: Predictions) -> None:
    """Refuse a k beyond what a file holds.

    Raises:
        OptionError: k is below 1 or above the number of ranked predictions.
    """
    n_ranked = predictions.ranked_classes.shape[1]
    if not 1 <= k <= n_ranked:
        raise OptionError(
            f"k is {k}, but must be in [1, {n_ranked}], the predictions that "
            f"{predictions.model!r} ranks for an image."
        )


@checks_records
def original_accuracy(
    predictions: Predictions, benchmark: Benchmark, *, k: int = 1, subset: bool = False
) -> Accuracy:
    """Accuracy under the original labels: how often the label is among the top k.

    Raises:
        DataError: the original labels are unknown.
        AlignmentError: images do not match.
        OptionError: k is not in 1 to the number of ranked predictions.
    """
    return real_accuracy(predictions, original_labels(benchmark), k=k, subset=subset)


@checks_records
def multilabel_accuracy(
    predictions: Predictions,
    labels: LabelSets,
    benchmark: Benchmark,
    *,
    unclear: LabelSets | None = None,
    subset: bool = False,
) -> MultilabelAccuracy:
    """Multi-label accuracy: averaged over original classes, unclear labels counted as right.

    Args:
        predictions: one model's; the top prediction counts.
        labels: the labels that are right; an image without a right or an unclear one is left
            out as problematic.
        benchmark: original labels, which make the classes.
        unclear: labels that raters are not sure of.
        subset: whether labelled images without a prediction may be left out.

    Raises:
        AlignmentError: images do not match.
        DataError: the original labels are unknown.

    Source: Shankar et al. (2020), "Evaluating Machine Accuracy on ImageNet", section 3.
    """
    known = known_original(benchmark)
    labels.refuse_other_order(benchmark)
    classes, shared = on_shared_images(predictions, labels, subset=subset)
    row = align(shared.image_ids, benchmark.image_ids, source=labels.name)
    original = known[row]
    right, scored = correct(classes[:, :1], shared), shared.sizes > 0
    if unclear is not None:
        row = positions(shared.image_ids, unclear.image_ids, source=labels.name)
        known = np.flatnonzero(row >= 0)
        also = unclear.take(row[known])
        right[known] |= correct(classes[known, :1], also)
        scored[known] |= also.sizes > 0
    n_classes = benchmark.n_classes or int(original.max()) + 1
    return MultilabelAccuracy(
        n_correct=np.bincount(original[scored & right], minlength=n_classes),
        n_scored=np.bincount(original[scored], minlength=n_classes),
        n_unlabelled=int((~scored).sum()),
    )
