"""Every form in which people keep the predictions of their models.

==========================  =========================================================
``X.npy`` of integers       ranked classes [N, k], best first
``X.npy`` of floats         full scores [N, K], memory-mapped
``X.npy:Y.npy``             classes and their scores, columns in any order; scores of K
                            columns are looked up by class
``*preds.npy``              read with the ``*probs.npy`` beside it, where there is one
``.npz``                    `reassess.files.prediction_archives`; short lists among them
tables, JSON                `reassess.files.timm_tables`
==========================  =========================================================

Which image a row is about is stated, never assumed: by ids in the file, by a list of ids,
or by naming the order. Of equal scores the earlier column wins.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import AlignmentError, DataError, preview
from reassess.files.access import Array, prefix_errors_with
from reassess.files.frames import Frame
from reassess.files.full_scores import check_columns, top_of_full, two_axes
from reassess.files.prediction_forms import open_forms
from reassess.files.short_lists import StoredLists
from reassess.files.stored_predictions import StoredPredictions
from reassess.notes import note
from reassess.records import (
    Benchmark,
    Predictions,
    ScoreMatrix,
    ScoreType,
    ShortLists,
    check_order,
    how_ids_differ,
    positions,
)
from reassess.records.score_values import check_scores, refuse_never_predicted
from reassess.registry import checks_choices

RowOrder = Literal["file-number", "imagefolder"]
OtherImages = Literal["refuse", "skip", "note"]
"""What becomes of rows about images that a benchmark lacks, where all of its images have rows: of
a part of a benchmark people hold predictions of the whole. *note* skips them and says so."""

_Unknown = Literal["ignore", "refuse", "skip", "note"]

_ORDERS: dict[RowOrder, Callable[[Benchmark], Int[np.ndarray, "N"]]] = {
    "file-number": lambda benchmark: benchmark.by_file_number,
    "imagefolder": lambda benchmark: benchmark.by_imagefolder,
}
"""The image of each row, in each of the orders."""

_TO_SCORE = "Use the same ids, or name the images to score (--subset FILE)."
_OF_A_STUDY = "Use the same ids, and predict every image of the study."


@checks_choices
def read_predictions(
    source: str | PathLike[str] | Frame,
    benchmark: Benchmark,
    *,
    order: RowOrder | None = None,
    ids: Shaped[np.ndarray, "n"] | None = None,
    scale: ScoreType | None = None,
    top: int = 5,
    ignore_unknown: bool = False,
    other_images: OtherImages = "refuse",
    n_columns: int | None = None,
) -> list[Predictions]:
    """The predictions in a file, aligned to a benchmark: one record a model.

    Args:
        source: a path, or ``X.npy:Y.npy`` for classes and scores in two files; or a frame with
            the columns of such a table: ``image`` and ``prediction``, ``prob`` or ``logit``.
        benchmark: the images (and, where known, the classes) that they are about.
        order: the order of the rows, for files without ids.
        ids: the image id of each row, for files without ids.
        scale: what the scores are, where the file does not say.
        top: how many classes an image to keep of full scores and of short lists, at least.
        ignore_unknown: leave out rows about other images instead of refusing them.
        other_images: what becomes of such rows where every image of the benchmark has one.
        n_columns: how many columns full scores have, where the benchmark has got more classes
            since they were made; by default one a class.

    Returns:
        Records in the order of the benchmark's images, with all the columns of a ranked file
        and ``top`` columns of full scores and of short lists.

    Raises:
        FileError: the file is missing, corrupt, a pickle or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: the order of the rows is not stated, or ids are unknown or appear twice.
    """
    records = []
    for found in open_forms(source, benchmark):
        with prefix_errors_with(Path(found.where)):
            ranked = _ranked(found, benchmark, scale, top, n_columns)
            rule: _Unknown = "ignore" if ignore_unknown else other_images
            records.append(_align(ranked, found, benchmark, order, ids, rule, _TO_SCORE))
    return records


@checks_choices
def open_predictions(
    source: str | PathLike[str],
    benchmark: Benchmark,
    *,
    order: RowOrder | None = None,
    ids: Shaped[np.ndarray, "n"] | None = None,
    scale: ScoreType | None = None,
    other_images: OtherImages = "refuse",
    n_columns: int | None = None,
) -> list[Predictions | ScoreMatrix | ShortLists]:
    """The predictions in a file, with what may be large left on disk: one record a model.

    Args:
        source: a path, or ``X.npy:Y.npy`` for classes and scores in two files.
        benchmark: the images (and, where known, the classes) that they are about.
        order: the order of the rows, for files without ids.
        ids: the image id of each row, for files without ids.
        scale: what the scores are, where the file does not say.
        other_images: what becomes of rows about images that the benchmark lacks, where every
            image of it has one.
        n_columns: how many columns full scores have, where the benchmark has got more classes
            since they were made; by default one a class.

    Returns:
        `ScoreMatrix` for full scores, whose values are not looked at yet; `ShortLists` for what
        ``reassess predict --keep`` wrote; `Predictions` for ranked classes.

    Raises:
        FileError: the file is missing, corrupt, a pickle or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: the order of the rows is not stated, or ids are unknown or appear twice.
    """
    records: list[Predictions | ScoreMatrix | ShortLists] = []
    for found in open_forms(source, benchmark):
        with prefix_errors_with(Path(found.where)):
            if found.short is not None:
                short = _short_lists(found.short, found, benchmark, scale, n_columns)
                row_ids = found.ids if found.ids is not None else ids
                image = _images_of_rows(
                    len(short.never), row_ids, order, benchmark, found.where, other_images,
                    _OF_A_STUDY,
                )  # fmt: skip
                records.append(_aligned_lists(short, found, image, benchmark))
                continue
            if found.classes is not None or found.scores is None:
                ranked = _ranked(found, benchmark, scale, None, n_columns)
                one = _align(ranked, found, benchmark, order, ids, other_images, _OF_A_STUDY)
                records.append(one)
                continue
            _check_kinds(found)
            scores = two_axes(found.scores, found.where)
            check_columns(scores.shape[1], benchmark, found.where, n_columns)
            row_ids = found.ids if found.ids is not None else ids
            image = _images_of_rows(
                len(scores), row_ids, order, benchmark, found.where, other_images, _OF_A_STUDY
            )
            _note_other_truth(found, image, benchmark)
            kept = None if (image >= 0).all() else np.flatnonzero(image >= 0)
            image = image if kept is None else image[kept]
            declared = scale or found.scale
            records.append(
                ScoreMatrix(found.model, benchmark.image_ids, image, scores, declared, kept)
            )
    return records


def _check_kinds(found: StoredPredictions) -> None:
    """Refuse classes that are no integers and scores that are no floats."""
    for name, array in (("classes", found.classes), ("scores", found.scores)):
        kinds = "iu" if name == "classes" else "f"
        if array is not None and array.dtype.kind not in kinds:
            raise DataError(
                f"{found.where}: {name} have the type {array.dtype}, but must be "
                f"{'integers' if name == 'classes' else 'floats'}."
            )


@dataclass(frozen=True)
class _Ranked:
    """Ranked classes as a file holds them, row by row.

    Attributes:
        classes: best first.
        scores: their scores.
        scale: what these are.
        n_classes: K, where it shows.
        never: whether each row was never predicted.
        value: what the first such row holds for every class.
        log_sum: of short lists, the log-sum of exponentials of a row's K logits.
    """

    classes: Array
    scores: Array | None
    scale: ScoreType | None
    n_classes: int | None
    never: Array
    value: float = 0.0
    log_sum: Array | None = None


def _ranked(
    found: StoredPredictions,
    benchmark: Benchmark,
    declared: ScoreType | None,
    top: int | None,
    n_columns: int | None,
) -> _Ranked:
    """Classes and scores with the best column first, their scale, and K where it shows."""
    scale = declared or found.scale
    _check_kinds(found)
    if found.short is not None:
        short = _short_lists(found.short, found, benchmark, declared, n_columns)
        return _best_of_lists(short, top)
    if found.classes is None:
        full = two_axes(found.scores, found.where)
        n_classes = check_columns(full.shape[1], benchmark, found.where, n_columns)
        best = top_of_full(full, min(top or 1, n_classes), scale, found.where, found.first)
        return _Ranked(best.classes, best.scores, scale, n_classes, best.never, best.value)
    classes = two_axes(found.classes, found.where)
    if classes.dtype == np.uint64:
        classes = np.minimum(classes, np.uint64(np.iinfo(np.int64).max))
    classes = classes.astype(np.int64)
    _refuse_counting_from_one(classes, benchmark, found.where)
    if found.scores is None:
        if classes.shape[1] == 2 and classes.max() <= 1 and benchmark.n_classes in {None, 2}:
            note(
                f"{found.where}: rows of 0 and 1 were read as two classes each, the better one "
                "first. If they are one-hot, write array.argmax(axis=1) instead."
            )
        return _Ranked(classes, None, None, None, np.zeros(len(classes), dtype=bool))
    scores = found.scores[:, None] if found.scores.ndim == 1 else found.scores
    if scores.shape != classes.shape:
        raise DataError(
            f"{found.where}: the scores read with the classes have the shape {scores.shape}, but "
            f"must be {classes.shape} as the classes are, or have one column a class."
        )
    never = (scores == (0 if scale == "probability" else -np.inf)).all(axis=1)
    never |= np.isnan(scores).all(axis=1)
    value = float(scores[np.argmax(never), 0])
    scores = check_scores(np.where(never[:, None], 0, scores), scale, found.where)
    best_first = np.argsort(-scores, axis=1, kind="stable")
    return _Ranked(
        np.take_along_axis(classes, best_first, axis=1),
        np.take_along_axis(scores, best_first, axis=1),
        scale,
        None,
        never,
        value,
    )


def _short_lists(
    short: StoredLists,
    found: StoredPredictions,
    benchmark: Benchmark,
    declared: ScoreType | None,
    n_columns: int | None,
) -> StoredLists:
    """Short lists of the benchmark's classes, which are ranked and say themselves what they are."""
    if declared == "probability":
        raise DataError(
            f"{found.where}: it holds short lists, whose scores are logits, but the scale is "
            "declared as probability. Leave out --scale."
        )
    check_columns(short.lists.n_classes, benchmark, found.where, n_columns, what="short lists")
    return short


def _best_of_lists(short: StoredLists, top: int | None) -> _Ranked:
    """The first classes of short lists, in memory."""
    lists = short.lists
    shape = len(short.never), min(top or lists.depth, lists.depth)
    classes, scores = np.empty(shape, np.int32), np.empty(shape, np.float32)
    for block in lists.blocks(shape[1]):
        rows = slice(block.start, block.start + len(block))
        classes[rows], scores[rows] = block.classes, block.logits
    log_sum = lists.log_sum.astype(np.float32)
    return _Ranked(classes, scores, "logit", lists.n_classes, short.never, short.value, log_sum)


def _aligned_lists(
    short: StoredLists, found: StoredPredictions, image: Int[np.ndarray, "n"], benchmark: Benchmark
) -> ShortLists:
    """Short lists left on disk, with the benchmark's image of each row."""
    kept = None if (image >= 0).all() else np.flatnonzero(image >= 0)
    never = short.never if kept is None else short.never[kept]
    image = image if kept is None else image[kept]
    if len(image) == 0:
        raise AlignmentError(f"{found.where}: none of its images is to be scored.")
    _refuse_never(never, short.value, image, benchmark, found.where)
    lists = replace(short.lists, model=found.model, image_ids=benchmark.image_ids, image=image,
                    kept=kept)  # fmt: skip
    top = np.concatenate([block.classes[:, 0] for block in lists.blocks(1)])
    check_order(top, image, benchmark, f"predictions {found.model!r}", n_classes=lists.n_classes)
    return lists


def _refuse_never(
    never: Array, value: float, image: Int[np.ndarray, "n"], benchmark: Benchmark, where: str
) -> None:
    """Refuse rows that were never predicted, named by the ids of their images."""
    if never.any():
        refuse_never_predicted(never, value, benchmark.image_ids[image], where)


def _refuse_counting_from_one(classes: Array, benchmark: Benchmark, where: str) -> None:
    """Refuse class indices from 1 to K, and those of a model with a class for the background."""
    n_classes = benchmark.n_classes
    if n_classes is None or classes.min() < 1 or classes.max() != n_classes:
        return
    row = int(np.argmax((classes == n_classes).any(axis=1)))
    raise DataError(
        f"{where}: row {row} names class {n_classes:,}, but class indices must be in [0, "
        f"{n_classes:,}); none is 0. They count from 1, or behind a class for the background: "
        "subtract 1."
    )


def _align(
    ranked: _Ranked,
    found: StoredPredictions,
    benchmark: Benchmark,
    order: RowOrder | None,
    ids: Shaped[np.ndarray, "n"] | None,
    unknown: _Unknown,
    remedy: str,
) -> Predictions:
    """Bring the rows into the order of the benchmark's images."""
    classes = ranked.classes
    row_ids = found.ids if found.ids is not None else ids
    image = _images_of_rows(len(classes), row_ids, order, benchmark, found.where, unknown, remedy)
    _note_other_truth(found, image, benchmark)
    known = np.flatnonzero(image >= 0)
    if unknown == "ignore":
        known = known[~ranked.never[known]]
    if len(known) == 0:
        raise AlignmentError(f"{found.where}: none of its images is to be scored.")
    _refuse_never(ranked.never[known], ranked.value, image[known], benchmark, found.where)
    sorted_rows = known[np.argsort(image[known], kind="stable")]
    in_order = np.array_equal(sorted_rows, np.arange(len(classes)))
    rows = slice(None) if in_order else sorted_rows  # in order nothing is copied
    complete = len(known) == len(benchmark.image_ids)
    image_ids = benchmark.image_ids if complete else benchmark.image_ids[image[rows]]
    record = Predictions(
        model=found.model,
        image_ids=image_ids,
        ranked_classes=classes[rows],
        scores=None if ranked.scores is None else ranked.scores[rows],
        score_type=ranked.scale,
        n_classes=benchmark.n_classes if ranked.n_classes is None else ranked.n_classes,
        log_sum=None if ranked.log_sum is None else ranked.log_sum[rows],
    )
    # By the order in which the file has its rows, so that another one can be named.
    check_order(
        classes[known, 0], image[known], benchmark, f"predictions {found.model!r}",
        n_classes=ranked.n_classes,
    )  # fmt: skip
    return record


def _note_other_truth(
    found: StoredPredictions, image: Int[np.ndarray, "n"], benchmark: Benchmark
) -> None:
    """Say where the true labels beside predictions are not the original labels of their images."""
    truth, original = found.truth, benchmark.original
    if truth is None or original is None or truth.classes.shape != image.shape:
        return
    rows = np.flatnonzero((image >= 0) & (truth.classes >= 0))
    differ = rows[truth.classes[rows] != original[image[rows]]]
    if not len(differ):
        return
    one = image[differ[0]]
    doubt = (
        "Check which image each row is about (--order, --ids) and the order of its classes "
        "(--classes)"
        if 2 * len(differ) > len(rows)
        else "The original labels hold; check which are meant"
    )
    note(
        f"{found.where}: {truth.name!r}, the true labels beside its predictions, differ from the "
        f"original labels of {benchmark.name} on {len(differ):,} of {len(rows):,} images, such as "
        f"{str(benchmark.image_ids[one])!r}: class {truth.classes[differ[0]]}, but {original[one]} "
        f"there. {doubt}."
    )


def _without_row(image: Int[np.ndarray, "n"], benchmark: Benchmark, unknown: _Unknown) -> str:
    """Which images of the benchmark no row is about, where rows about others would do no harm."""
    if unknown == "refuse":
        return ""
    missing = np.setdiff1d(np.arange(len(benchmark.image_ids)), image)
    return (
        f"They would be passed over if every image of {benchmark.name} had a row, but "
        f"{len(missing):,} of {len(benchmark.image_ids):,} have none, such as image "
        f"[{missing[0]}] {str(benchmark.image_ids[missing[0]])!r}. "
    )


def _images_of_rows(
    n_rows: int,
    row_ids: Array | None,
    order: RowOrder | None,
    benchmark: Benchmark,
    where: str,
    unknown: _Unknown,
    remedy: str,
) -> Int[np.ndarray, "n"]:
    """The benchmark's image of each row, -1 for images that it does not have."""
    if row_ids is not None:
        if len(row_ids) != n_rows:
            raise AlignmentError(
                f"{where}: there are {n_rows:,} rows but {len(row_ids):,} ids, and there must be "
                "one for each row. Check the ids (--ids FILE)."
            )
        image = positions(row_ids, benchmark.image_ids, source=where)
        others = np.flatnonzero(image < 0)
        if unknown == "ignore" or not len(others):
            return image
        if unknown == "refuse" or n_rows - len(others) < len(benchmark.image_ids):
            raise AlignmentError(
                f"{where}: image id[{others[0]}] is {str(row_ids[others[0]])!r}, but must be an "
                f"image of {benchmark.name} (such as {str(benchmark.image_ids[0])!r}); "
                f"{len(others):,} of {n_rows:,} are unknown there. "
                + _without_row(image, benchmark, unknown)
                + how_ids_differ(row_ids[others], benchmark.image_ids, otherwise=remedy)
            )
        if unknown == "note":
            note(
                f"{where}: {len(others):,} of {n_rows:,} rows are about images that "
                f"{benchmark.name} does not have, such as {preview(row_ids[others])}. They were "
                "passed over."
            )
        return image
    n_images = len(benchmark.image_ids)
    if order is None:
        raise AlignmentError(
            f"{where}: nothing states which image each of its {n_rows:,} rows is about. Say "
            "--order imagefolder (sorted by class folder, then file) or --order file-number, give "
            "--ids FILE with one id a row, or store an array 'ids' beside the predictions."
        )
    if n_rows != n_images:
        raise AlignmentError(
            f"{where}: there are {n_rows:,} rows, but must be {n_images:,}, one for each image of "
            f"{benchmark.name}, to be in {order} order. Predict the missing images, or give "
            "--ids FILE with one id a row."
        )
    rows: Int[np.ndarray, "n"] = _ORDERS[order](benchmark)
    return rows
