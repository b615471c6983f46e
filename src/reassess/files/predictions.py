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

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import AlignmentError, DataError, FileError
from reassess.files.arrays import Array, as_strings, is_there, naming, read_npy, read_npz
from reassess.files.timm_tables import read_timm_table
from reassess.records import (
    Benchmark,
    Predictions,
    Scale,
    positions,
)

RowOrder = Literal["file-number", "imagefolder"]

_SCALES: dict[str, Scale | None] = {
    "scores": None,
    "logits": "logit",
    "probabilities": "probability",
    "probs": "probability",
}
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class _Found:
    """What a file holds, before its rows are aligned: classes, scores or both."""

    model: str
    where: str
    classes: Array | None
    scores: Array | None
    ids: Array | None = None
    scale: Scale | None = None


def read_predictions(
    source: str | Path,
    benchmark: Benchmark,
    *,
    order: RowOrder | None = None,
    ids: Shaped[np.ndarray, "n"] | None = None,
    scale: Scale | None = None,
    top: int = 5,
    ignore_unknown: bool = False,
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

    Returns:
        Records in the order of the benchmark's images, with all the columns of a ranked file
        and ``top`` columns of full scores.

    Raises:
        FileError: the file is missing, corrupt, a pickle or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: the order of the rows is not stated, or ids are unknown or twice there.
    """
    records = []
    for found in _open(source, benchmark):
        with naming(Path(found.where)):
            ranked = _ranked(found, benchmark, scale, top)
            records.append(_align(ranked, found, benchmark, order, ids, ignore_unknown))
    return records


def two_files(source: str | Path) -> tuple[Path, Path] | None:
    """The two paths of ``X.npy:Y.npy``, at the colon that leaves two files; None for others."""
    text = str(source)
    if is_there(Path(text)):
        return None
    colons = [at for at, character in enumerate(text) if character == ":"]
    pairs = [(Path(text[:at]), Path(text[at + 1 :])) for at in reversed(colons)]
    pairs = [pair for pair in pairs if {path.suffix for path in pair} == {".npy"}]
    return next((pair for pair in pairs if all(map(is_there, pair))), next(iter(pairs), None))


def sibling_scores(path: Path) -> Path | None:
    """The ``*probs.npy`` that belongs to a ``*preds.npy``; None where there is none."""
    if not path.name.endswith("preds.npy"):
        return None
    beside = path.with_name(path.name.removesuffix("preds.npy") + "probs.npy")
    return beside if beside.is_file() else None


def _open(source: str | Path, benchmark: Benchmark) -> list[_Found]:
    """Read whatever form the source has, with nothing aligned or ranked yet."""
    path = Path(source)
    pair = two_files(source)
    if pair is not None:
        return [_two_files(*pair, None)]
    if not is_there(path):
        raise FileError(f"{path}: there is no such file. Check the path.")
    if path.is_dir():
        raise FileError(f"{path}: it is a folder. Name its files, such as {path}/*.npy.")
    suffix = path.suffix.lower()
    if suffix == ".npy":
        beside = sibling_scores(path)
        if beside is not None:
            return [_two_files(path, beside, "probability")]
        return [_lone(path.stem, str(path), read_npy(path), None)]
    if suffix == ".npz":
        return _archive(path, benchmark)
    if suffix in {".csv", ".tsv", ".parquet", ".pq"}:
        table = read_timm_table(path, benchmark)
        return [_Found(path.stem, str(path), table.classes, table.scores, table.ids, table.scale)]
    raise FileError(
        f"{path}: {suffix or 'a file without extension'} is no known form of predictions. "
        "Use .npy, .npz, .csv or .parquet (docs/file-formats.md)."
    )


def _two_files(classes: Path, scores: Path, scale: Scale | None) -> _Found:
    where = f"{classes}:{scores}"
    return _Found(classes.stem, where, read_npy(classes), read_npy(scores), None, scale)


def _lone(model: str, where: str, array: Array, ids: Array | None) -> _Found:
    """One array: integers are ranked classes, floats are full scores."""
    if array.dtype.kind in "iu":
        return _Found(model, where, array, None, ids)
    if array.dtype.kind == "f":
        return _Found(model, where, None, array, ids)
    raise FileError(
        f"{where}: the array has the type {array.dtype}, but must hold integers (ranked classes) "
        "or floats (full scores)."
    )


def _archive(path: Path, benchmark: Benchmark) -> list[_Found]:
    where = str(path)
    arrays = read_npz(path)
    ids = as_strings(arrays.pop("ids"), f"{where}: ids") if "ids" in arrays else None
    if not arrays:
        raise FileError(f"{where}: the archive holds no arrays of predictions.")
    key = next((name for name in _SCALES if name in arrays), None)
    if "classes" in arrays or key is not None:
        others = [name for name in arrays if name not in {"classes", *_SCALES}]
        if key is None and others:
            raise FileError(
                f"{where}: beside 'classes' stands {others[0]!r}, but scores must be called one of "
                f"{', '.join(_SCALES)}. Name it so, or leave it out if the classes are in rank "
                "order."
            )
        scores = None if key is None else arrays[key]
        scale = None if key is None else _SCALES[key]
        return [_Found(path.stem, where, arrays.get("classes"), scores, ids, scale)]
    if len(benchmark.image_ids) > 1 and all(array.shape[:-1] == (1,) for array in arrays.values()):
        arrays = {name: array[0] for name, array in arrays.items()}
    if ids is None and _is_by_image(arrays, benchmark, where):
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) > 1:
            raise DataError(
                f"{where}: its arrays have {len(lengths)} different lengths, but must each hold "
                "one image's scores for the same classes."
            )
        stacked = np.stack(list(arrays.values()))
        return [_lone(path.stem, where, stacked, np.array(list(arrays)))]
    if len(arrays) == 1:
        return [_lone(path.stem, where, next(iter(arrays.values())), ids)]
    return [_lone(name, f"{where}: {name}", array, ids) for name, array in arrays.items()]


def _is_by_image(arrays: dict[str, Array], benchmark: Benchmark, where: str) -> bool:
    """Whether each array is an image's, not a model's: rows of scores, or named as images are."""
    if any(array.ndim != 1 for array in arrays.values()):
        return False
    if any(array.dtype.kind not in "iu" for array in arrays.values()):
        return True
    return bool((positions(np.array(list(arrays)), benchmark.image_ids, source=where) >= 0).any())


def _ranked(
    found: _Found, benchmark: Benchmark, declared: Scale | None, top: int
) -> tuple[Array, Array | None, Scale | None, int | None]:
    """Classes and scores with the best column first, their scale, and K where it shows."""
    scale = declared or found.scale
    for name, array in (("classes", found.classes), ("scores", found.scores)):
        kinds = "iu" if name == "classes" else "f"
        if array is not None and array.dtype.kind not in kinds:
            raise DataError(
                f"{found.where}: {name} have the type {array.dtype}, but must be "
                f"{'integers' if name == 'classes' else 'floats'}."
            )
    if found.classes is None:
        scores = _two_axes(found.scores, found.where)
        n_classes = _check_full(scores, benchmark, found.where)
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


def _check_full(scores: Array, benchmark: Benchmark, where: str) -> int:
    """K of full scores, which have one column a class."""
    n_columns = int(scores.shape[1])
    known = benchmark.n_classes
    least = 0 if benchmark.original is None else int(benchmark.original.max()) + 1
    if (known is not None and n_columns != known) or n_columns < least:
        must = f"{known:,}" if known is not None else f"at least {least:,}"
        raise DataError(
            f"{where}: full scores have {n_columns:,} columns, but must have {must}, one a class. "
            "Floats are read as full scores; for the scores of ranked classes name both files, "
            "CLASSES.npy:SCORES.npy."
        )
    return n_columns


def _check_scores(block: Array, first_row: int, scale: Scale | None, where: str) -> None:
    """Refuse NaN and infinity, and probabilities outside [0, 1]."""
    wrong, must, mend = np.isnan(block) | (block == np.inf), "be a number", "Predict again."
    if not wrong.any() and scale == "probability":
        wrong, must = (block < 0) | (block > 1), "lie in [0, 1] as probabilities do"
        mend = "Say what the scores are (--scale logit)."
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise DataError(
            f"{where}: score[{first_row + row}, {column}] is {block[row, column]!s}, but must "
            f"{must}; {int(wrong.sum()):,} of {block.size:,} near there are not. {mend}"
        )


def _top_of_full(scores: Array, top: int, scale: Scale | None, where: str) -> tuple[Array, Array]:
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
    ranked: tuple[Array, Array | None, Scale | None, int | None],
    found: _Found,
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
    rows = known[np.argsort(image[known], kind="stable")]
    complete = len(rows) == len(benchmark.image_ids)
    image_ids = benchmark.image_ids if complete else benchmark.image_ids[image[rows]]
    return Predictions(
        model=found.model,
        image_ids=image_ids,
        classes=classes[rows],
        scores=None if scores is None else scores[rows],
        scale=scale,
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
                f"{len(unknown):,} of {n_rows:,} are unknown there. Use the same ids, or name the "
                "images to score (--images FILE)."
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
    return benchmark.by_file_number if order == "file-number" else benchmark.by_imagefolder


def without_siblings(sources: Sequence[str]) -> list[str]:
    """Sources without the ``*probs.npy`` files that are read with their ``*preds.npy``."""
    read_along = {str(beside) for s in sources if (beside := sibling_scores(Path(s))) is not None}
    return [source for source in sources if str(Path(source)) not in read_along]
