"""Every form in which people keep the predictions of their models.

==========================  =========================================================
``X.npy`` of integers       ranked classes [N, k], best first
``X.npy`` of floats         full scores [N, K], memory-mapped
``X.npy:Y.npy``             classes and their scores, columns in any order
``*preds.npy``              read with the ``*probs.npy`` beside it, where there is one
``.npz``                    ``classes`` (and ``scores``), or ``scores``, ``logits`` or
                            ``probabilities`` in full, each with optional ``ids``; or one
                            array [N, k] a model; or one array of scores an image
``.csv .tsv .parquet``      the columns of timm's ``inference.py``
==========================  =========================================================

Which image a row is about is stated, never assumed: by ids in the file, by a list of ids,
or by naming the order. Of equal scores the earlier column wins.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import AlignmentError, DataError
from reassess.files.access import Array, prefix_errors_with
from reassess.files.prediction_forms import StoredPredictions, open_forms
from reassess.records import (
    Benchmark,
    Predictions,
    ScoreMatrix,
    ScoreType,
    check_order,
    how_ids_differ,
    positions,
)
from reassess.registry import checks_choices

RowOrder = Literal["file-number", "imagefolder"]

_ORDERS: dict[RowOrder, Callable[[Benchmark], Int[np.ndarray, "N"]]] = {
    "file-number": lambda benchmark: benchmark.by_file_number,
    "imagefolder": lambda benchmark: benchmark.by_imagefolder,
}
"""The image of each row, in each of the orders."""

_ROWS_AT_ONCE = 8192


@checks_choices
def read_predictions(
    source: str | Path,
    benchmark: Benchmark,
    *,
    order: RowOrder | None = None,
    ids: Shaped[np.ndarray, "n"] | None = None,
    scale: ScoreType | None = None,
    top: int = 5,
    ignore_unknown: bool = False,
    n_columns: int | None = None,
) -> list[Predictions]:
    """The predictions in a file, aligned to a benchmark: one record a model.

    Args:
        source: a path, or ``X.npy:Y.npy`` for classes and scores in two files.
        benchmark: the images (and, where known, the classes) that they are about.
        order: the order of the rows, for files without ids.
        ids: the image id of each row, for files without ids.
        scale: what the scores are, where the file does not say.
        top: how many classes an image to keep of full scores, at least.
        ignore_unknown: leave out rows about other images instead of refusing them.
        n_columns: how many columns full scores have, where the benchmark has got more classes
            since they were made; by default one a class.

    Returns:
        Records in the order of the benchmark's images, with all the columns of a ranked file
        and ``top`` columns of full scores.

    Raises:
        FileError: the file is missing, corrupt, a pickle or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: the order of the rows is not stated, or ids are unknown or appear twice.
    """
    records = []
    for found in open_forms(source, benchmark):
        with prefix_errors_with(Path(found.where)):
            ranked = _ranked(found, benchmark, scale, top, n_columns)
            records.append(_align(ranked, found, benchmark, order, ids, ignore_unknown))
    return records


@checks_choices
def open_predictions(
    source: str | Path,
    benchmark: Benchmark,
    *,
    order: RowOrder | None = None,
    ids: Shaped[np.ndarray, "n"] | None = None,
    scale: ScoreType | None = None,
    n_columns: int | None = None,
) -> list[Predictions | ScoreMatrix]:
    """The predictions in a file, with full scores left on disk: one record a model.

    Args:
        source: a path, or ``X.npy:Y.npy`` for classes and scores in two files.
        benchmark: the images (and, where known, the classes) that they are about.
        order: the order of the rows, for files without ids.
        ids: the image id of each row, for files without ids.
        scale: what the scores are, where the file does not say.
        n_columns: how many columns full scores have, where the benchmark has got more classes
            since they were made; by default one a class.

    Returns:
        `ScoreMatrix` for full scores, whose values are not looked at yet; `Predictions` for
        ranked classes.

    Raises:
        FileError: the file is missing, corrupt, a pickle or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: the order of the rows is not stated, or ids are unknown or appear twice.
    """
    records: list[Predictions | ScoreMatrix] = []
    for found in open_forms(source, benchmark):
        with prefix_errors_with(Path(found.where)):
            if found.classes is not None or found.scores is None:
                ranked = _ranked(found, benchmark, scale, 1, n_columns)
                records.append(_align(ranked, found, benchmark, order, ids, False))
                continue
            _check_kinds(found)
            scores = _two_axes(found.scores, found.where)
            _check_full(scores, benchmark, found.where, n_columns)
            row_ids = found.ids if found.ids is not None else ids
            image = _images_of_rows(len(scores), row_ids, order, benchmark, found.where, False)
            declared = scale or found.scale
            records.append(ScoreMatrix(found.model, benchmark.image_ids, image, scores, declared))
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


def _ranked(
    found: StoredPredictions,
    benchmark: Benchmark,
    declared: ScoreType | None,
    top: int,
    n_columns: int | None,
) -> tuple[Array, Array | None, ScoreType | None, int | None]:
    """Classes and scores with the best column first, their scale, and K where it shows."""
    scale = declared or found.scale
    _check_kinds(found)
    if found.classes is None:
        scores = _two_axes(found.scores, found.where)
        n_classes = _check_full(scores, benchmark, found.where, n_columns)
        classes, best = _top_of_full(scores, min(top, n_classes), scale, found.where)
        return classes, best, scale, n_classes
    classes = _two_axes(found.classes, found.where)
    if classes.dtype == np.uint64:
        classes = np.minimum(classes, np.uint64(np.iinfo(np.int64).max))
    classes = classes.astype(np.int64)
    if found.scores is None:
        return classes, None, None, None
    scores = found.scores[:, None] if found.scores.ndim == 1 else found.scores
    if scores.shape != classes.shape:
        raise DataError(
            f"{found.where}: scores have the shape {scores.shape}, but must be {classes.shape} as "
            "the classes are."
        )
    _check_scores(scores, 0, scale, found.where)
    best_first = np.argsort(-scores, axis=1, kind="stable")
    return (
        np.take_along_axis(classes, best_first, axis=1),
        np.take_along_axis(scores, best_first, axis=1),
        scale,
        None,
    )


def _two_axes(array: Array | None, where: str) -> Array:
    """An array [n, k]; one axis of integers is a single column."""
    if array is not None and array.ndim == 1 and array.dtype.kind in "iu":
        array = array[:, None]
    if array is None or array.ndim != 2 or 0 in array.shape:
        shape = None if array is None else array.shape
        raise DataError(
            f"{where}: the array has the shape {shape}, but must be [images, columns] with at "
            "least one of each."
        )
    return array


def _check_full(scores: Array, benchmark: Benchmark, where: str, declared: int | None) -> int:
    """K of full scores, which have one column a class, or as many as were declared."""
    n_columns = int(scores.shape[1])
    known = benchmark.n_classes if declared is None else declared
    least = 0 if benchmark.original is None else int(benchmark.original.max()) + 1
    if (known is not None and n_columns != known) or n_columns < least:
        must = f"{known:,}" if known is not None else f"at least {least:,}"
        raise DataError(
            f"{where}: full scores have {n_columns:,} columns, but must have {must}, one a class. "
            "Floats are read as full scores; for the scores of ranked classes name both files, "
            "CLASSES.npy:SCORES.npy."
        )
    return n_columns


def _check_scores(block: Array, first_row: int, scale: ScoreType | None, where: str) -> None:
    """Refuse NaN and infinity, and probabilities outside [0, 1]."""
    wrong, must, remedy = np.isnan(block) | (block == np.inf), "be a number", "Predict again."
    if not wrong.any() and scale == "probability":
        wrong, must = (block < 0) | (block > 1), "lie in [0, 1] as probabilities do"
        remedy = "Say what the scores are (--scale logit)."
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise DataError(
            f"{where}: score[{first_row + row}, {column}] is {block[row, column]!s}, but must "
            f"{must}; {int(wrong.sum()):,} of {block.size:,} near there are not. {remedy}"
        )


def _top_of_full(
    scores: Array, top: int, scale: ScoreType | None, where: str
) -> tuple[Array, Array]:
    """The ``top`` best classes of each row and their scores, in blocks of rows."""
    n = len(scores)
    classes = np.empty((n, top), np.int64)
    best = np.empty((n, top), np.float32 if scores.dtype.itemsize < 8 else np.float64)
    for start in range(0, n, _ROWS_AT_ONCE):
        block = np.array(scores[start : start + _ROWS_AT_ONCE], dtype=best.dtype)
        _check_scores(block, start, scale, where)
        rows = np.arange(len(block))
        stop = start + len(block)
        if top > 16:
            ranked = np.argsort(-block, axis=1, kind="stable")[:, :top]
            classes[start:stop] = ranked
            best[start:stop] = np.take_along_axis(block, ranked, axis=1)
            continue
        taken = np.zeros_like(block, dtype=bool) if np.isneginf(block).any() else None
        for column in range(top):
            winner = _argmax(block, taken)
            classes[start:stop, column] = winner
            best[start:stop, column] = block[rows, winner]
            if taken is None:
                block[rows, winner] = -np.inf
            else:
                taken[rows, winner] = True
    return classes, best


def _argmax(block: Array, taken: Array | None) -> Array:
    """First best column of each row, ``taken`` columns aside.

    Minus infinity is a score that a model may give, so it cannot mark what is taken there.
    """
    if taken is None:
        lowest = block
    else:
        lowest = np.where(taken, -np.inf, np.maximum(block, np.finfo(block.dtype).min))
    winner: Array = np.argmax(lowest, axis=1)
    return winner


def _align(
    ranked: tuple[Array, Array | None, ScoreType | None, int | None],
    found: StoredPredictions,
    benchmark: Benchmark,
    order: RowOrder | None,
    ids: Shaped[np.ndarray, "n"] | None,
    ignore_unknown: bool,
) -> Predictions:
    """Bring the rows into the order of the benchmark's images."""
    classes, scores, scale, n_columns = ranked
    row_ids = found.ids if found.ids is not None else ids
    image = _images_of_rows(len(classes), row_ids, order, benchmark, found.where, ignore_unknown)
    known = np.flatnonzero(image >= 0)
    if len(known) == 0:
        raise AlignmentError(f"{found.where}: none of its images is to be scored.")
    check_order(
        classes[known, 0], image[known], benchmark, f"predictions {found.model!r}",
        n_classes=n_columns,
    )  # fmt: skip
    rows = known[np.argsort(image[known], kind="stable")]
    complete = len(rows) == len(benchmark.image_ids)
    image_ids = benchmark.image_ids if complete else benchmark.image_ids[image[rows]]
    return Predictions(
        model=found.model,
        image_ids=image_ids,
        ranked_classes=classes[rows],
        scores=None if scores is None else scores[rows],
        score_type=scale,
        n_classes=benchmark.n_classes if n_columns is None else n_columns,
    )


def _images_of_rows(
    n_rows: int,
    row_ids: Array | None,
    order: RowOrder | None,
    benchmark: Benchmark,
    where: str,
    ignore_unknown: bool,
) -> Int[np.ndarray, "n"]:
    """The benchmark's image of each row, -1 for images that it does not have."""
    if row_ids is not None:
        if len(row_ids) != n_rows:
            raise AlignmentError(
                f"{where}: there are {n_rows:,} rows but {len(row_ids):,} ids, and there must be "
                "one for each row. Check the ids (--ids FILE)."
            )
        image = positions(row_ids, benchmark.image_ids, source=where)
        if not ignore_unknown and (image < 0).any():
            unknown = np.flatnonzero(image < 0)
            raise AlignmentError(
                f"{where}: image id[{unknown[0]}] is {str(row_ids[unknown[0]])!r}, but must be an "
                f"image of {benchmark.name} (such as {str(benchmark.image_ids[0])!r}); "
                f"{len(unknown):,} of {n_rows:,} are unknown there. "
                + how_ids_differ(
                    row_ids[unknown],
                    benchmark.image_ids,
                    otherwise="Use the same ids, or name the images to score (--subset FILE).",
                )
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
