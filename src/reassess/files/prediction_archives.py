"""Archives of predictions (`.npz`): which array is what, by its name.

Short lists (`reassess.files.short_lists`) by their own names. One model's classes, scores and ids
under their usual names; or one array a model; or one array of scores an image. Hugging Face's
``PredictionOutput`` is read as it is saved, ``predictions`` with ``label_ids``. The truth that
scripts save beside predictions is never scored. Columns and classes are put into the benchmark's
order where the archive says which class each is.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError, FileError, preview
from reassess.files.access import Array, as_strings, read_npz
from reassess.files.short_lists import CLASSES as SHORT_CLASSES
from reassess.files.short_lists import (
    LOG_SOFTMAX,
    LOG_SUM,
    is_short_lists,
    read_short_lists,
)
from reassess.files.stored_predictions import (
    StoredPredictions,
    StoredTruth,
    lone,
    with_scores_by_class,
)
from reassess.notes import columns_read, note
from reassess.records import Benchmark, Classes, ScoreType, positions
from reassess.records.row_blocks import row_blocks

SCALES: dict[str, ScoreType | None] = {
    "scores": None,
    "logits": "logit",
    "probabilities": "probability",
    "probs": "probability",
    "score": None,
    "logit": "logit",
    "probability": "probability",
    "prob": "probability",
    "softmax": "probability",
    "proba": "probability",
    "pred_probs": "probability",
    "y_prob": "probability",
    "y_proba": "probability",
    "y_score": None,
    "y_scores": None,
    "outputs": None,
    "output": None,
}
"""Names of scores, and the scale that each declares."""

_N_PLAIN = 4
"""How many of them mean nothing else."""

CLASSES = (
    "classes", "preds", "predictions", "pred", "prediction", "predicted", "predicted_classes",
    "predicted_labels", "predicted_class", "predicted_label", "pred_classes", "pred_labels",
    "pred_class", "pred_label", "y_pred", "y_hat", "yhat", "argmax", "top1", "indices",
)  # fmt: skip
"""Names of predicted classes."""

_OUTPUTS = ("preds", "predictions", "pred", "prediction", "y_pred")
"""Those under which floats are full scores."""

TRUTH = (
    "y_true", "truth", "true", "target", "targets", "gt", "ground_truth", "true_label",
    "true_labels", "true_class", "true_classes", "y_test", "actual", "expected", "given_labels",
    "original", "original_labels", "label_ids",
)  # fmt: skip
"""Names of what is true, which is never a prediction."""

EITHER = ("label", "labels", "y")
"""Names of what is true where predictions stand beside it, and of predictions where none do."""

IDS = (
    "ids", "image_ids", "image_id", "images", "image", "filenames", "filename", "files", "file",
    "file_names", "file_name", "paths", "path", "image_paths", "image_path", "names", "id",
)  # fmt: skip
CLASS_IDS = ("class_ids", "wnids", "classes_")
CLASS_NAMES = ("class_names", "label_names")
_ABOUT = (*CLASS_IDS, *CLASS_NAMES, "class_synonyms", "class_definitions", "fold", "folds", "split")


_BY_POSITION = re.compile(r"arr_\d+")
"""What NumPy calls the arrays that ``np.savez`` gets without names."""

_IDS_AT_ONCE = 1 << 16

_NEVER_READ = frozenset({"metrics"})
"""What Hugging Face's Trainer puts beside predictions as an object of Python."""


def open_archive(path: Path, benchmark: Benchmark) -> list[StoredPredictions]:
    """What an archive holds, one entry a model.

    Raises:
        FileError: it is corrupt, or holds no predictions.
        DataError: its arrays do not fit together, could each play one part, or are of other
            classes.
    """
    where = str(path)
    arrays = read_npz(path, without=_NEVER_READ, mapped=True)
    every = list(arrays)
    ids_name, ids = _pop_ids(arrays, where)
    ids = None if ids is None else _as_known(ids, benchmark.image_ids, path.stem)
    if not arrays:
        raise FileError(f"{where}: the archive holds no arrays of predictions.")
    if is_short_lists(arrays):
        parts = {"classes": (SHORT_CLASSES,), "scores": (LOG_SOFTMAX, LOG_SUM)}
        columns_read(where, parts | _used_ids(ids_name), every)
        return [_short_lists(path, arrays, ids, benchmark)]
    scores = _named(arrays, (*SCALES, *_OUTPUTS), "f")
    classes = _named(arrays, CLASSES, "iub")
    _refuse_float_classes(arrays, where)
    refused = _named(arrays, tuple(SCALES), "iub")
    truth, either = _named(arrays, TRUTH, "iufUSb"), _named(arrays, EITHER, "iufUSb")
    if scores or classes or (refused and len(arrays) == 1):
        scores = scores or refused
        used = {"scores": tuple(scores)[:1], "classes": tuple(classes)[:1]}
        columns_read(where, {k: v for k, v in used.items() if v} | _used_ids(ids_name), every)
        return [_one_model(path, arrays, (scores, classes, truth | either), ids, benchmark)]
    if truth:
        _refuse_truth_alone(where, arrays, truth, either)
    models = {name: array for name, array in arrays.items() if name not in truth}
    return _unnamed(path, models, either, ids, benchmark)


def classes_in_archive(path: Path) -> Classes | None:
    """The classes of the columns that an archive of predictions states; None where it has none.

    Raises:
        FileError: it is corrupt.
        DataError: a class is there twice.
    """
    arrays = read_npz(path, without=_NEVER_READ, mapped=True)
    named = _named(arrays, CLASS_IDS, "US")
    if not named:
        return None
    name, words = next(iter(named.items()))
    return Classes.from_names(as_strings(words, f"{path}: {name}").tolist())


def _short_lists(
    path: Path, arrays: Mapping[str, Array], ids: Array | None, benchmark: Benchmark
) -> StoredPredictions:
    """What `reassess predict --keep` wrote."""
    where = str(path)
    short = read_short_lists(arrays, path.stem, where)
    column = _class_of_columns(arrays, benchmark, where)
    if column is not None:
        _check_numbers(short.lists.n_classes - 1, column, where)
        _note_order(where, benchmark)
        short = replace(short, lists=replace(short.lists, numbers=column))
    return StoredPredictions(path.stem, where, None, None, ids, "logit", short=short)


def _used_ids(name: str | None) -> dict[str, tuple[str, ...]]:
    return {} if name is None else {"image": (name,)}


def _named(arrays: Mapping[str, Array], names: tuple[str, ...], kinds: str) -> dict[str, Array]:
    """The arrays of these names and kinds, in the order of the names."""
    lower = {name.lower(): name for name in arrays}
    found = [lower[name] for name in names if name in lower]
    return {name: arrays[name] for name in found if arrays[name].dtype.kind in kinds}


def _refuse_float_classes(arrays: Mapping[str, Array], where: str) -> None:
    """Refuse floats under names of classes, unless they may be full scores."""
    for name, array in _named(arrays, CLASSES, "f").items():
        if name.lower() not in _OUTPUTS or bool((array == np.round(array)).all()):
            raise DataError(
                f"{where}: {name} have the type {array.dtype}, but must be integers, the indices "
                "of classes. Write array.astype(int), or call full scores 'scores'."
            )


def _pop_ids(arrays: dict[str, Array], where: str) -> tuple[str | None, Array | None]:
    """The image ids, taken out of the arrays, and the name that they stood under.

    Raises:
        DataError: two arrays could be the ids, and differ.
    """
    found = [
        name
        for name, array in _named(arrays, IDS, "iuUSfcbmMV").items()
        if name.lower() == "ids" or (array.ndim == 1 and array.dtype.kind in "US")
    ]
    if not found:
        return None, None
    ids = [as_strings(arrays.pop(name), f"{where}: {name}") for name in found]
    for name, other in zip(found[1:], ids[1:], strict=True):
        if not np.array_equal(other, ids[0]):
            raise DataError(
                f"{where}: {found[0]!r} and {name!r} could both be the image ids, but differ. Keep "
                "the one that is meant."
            )
    return found[0], ids[0]


def _as_known(ids: Array, known: Array, model: str) -> Array:
    """The benchmark's own ids where these are the same: compared in blocks, they need no memory."""
    if len(ids) != len(known):
        return ids
    bounds = [(at, min(at + _IDS_AT_ONCE, len(ids))) for at in range(0, len(ids), _IDS_AT_ONCE)]
    for (first, last), some in zip(bounds, row_blocks(ids, bounds, model), strict=True):
        if not np.array_equal(some, known[first:last]):
            return ids
    return known


def _one_model(
    path: Path,
    arrays: Mapping[str, Array],
    parts: tuple[dict[str, Array], dict[str, Array], dict[str, Array]],
    ids: Array | None,
    benchmark: Benchmark,
) -> StoredPredictions:
    """One model's predictions from arrays of the usual names."""
    where = str(path)
    scores, classes, truth = parts
    others = [
        name
        for name, array in arrays.items()
        if array.ndim and not any(name in part for part in parts) and name.lower() not in _ABOUT
    ]
    if others and not scores:
        raise FileError(
            f"{where}: beside {next(iter(classes))!r} stands {others[0]!r}, but scores must be "
            f"called one of {', '.join(list(SCALES)[:_N_PLAIN])}. Name it so, or leave it out if "
            "the classes are in rank order."
        )
    _refuse_like_models(where, scores, {name: arrays[name] for name in others})
    _refuse_unlike(where, scores, "scores")
    _refuse_unlike(where, classes, "predictions")
    _refuse_ranked_labels(where, scores, classes, truth)
    if truth:
        read = next(iter(classes or scores))
        note(f"{where}: {preview(truth)} is taken for the truth; the prediction is {read!r}.")
    name = next(iter(scores), None)
    column = _class_of_columns(arrays, benchmark, where)
    found = StoredPredictions(
        path.stem,
        where,
        max(classes.values(), key=lambda array: array.ndim) if classes else None,
        None if name is None else scores[name],
        ids,
        None if name is None else SCALES.get(name.lower()),
        truth=_truth(truth),
    )
    for named in _named(arrays, (*CLASS_IDS, *CLASS_NAMES), "iuUS").values():
        _refuse_other_length(found, named.size)
    return found if column is None else _in_class_order(found, column, benchmark)


def _truth(arrays: Mapping[str, Array]) -> StoredTruth | None:
    """The first of the arrays that has one class index a row."""
    for name, array in arrays.items():
        if array.ndim == 1 and array.dtype.kind in "iu":
            return StoredTruth(name, array.astype(np.int64))
    return None


def _refuse_like_models(
    where: str, scores: Mapping[str, Array], others: Mapping[str, Array]
) -> None:
    """Say which scores were read of several alike; refuse them where any may be a model's."""
    for name, array in others.items():
        first = next(iter(scores))
        if array.dtype.kind != "f" or array.shape != scores[first].shape:
            continue
        if first.lower() in list(SCALES)[:_N_PLAIN]:
            note(f"{where}: {first!r} was read, and {name!r} was left out.")
            continue
        raise DataError(
            f"{where}: {first!r} and {name!r} have one shape, and either may be the scores. Call "
            "the scores of one model 'scores', and those of several by the models' names."
        )


def _top(array: Array) -> Array:
    """The class that classes, or full scores, put first."""
    if array.dtype.kind == "f":
        return array.argmax(axis=-1) if array.ndim == 2 else array
    return array[:, 0] if array.ndim == 2 else array


def _refuse_unlike(where: str, arrays: Mapping[str, Array], what: str) -> None:
    """Refuse two arrays for one part, unless they put the same class first in every row."""
    first, *others = arrays or [""]
    for name in others:
        one, two = _top(arrays[first]), _top(arrays[name])
        if one.shape != two.shape or not np.array_equal(one, two):
            raise DataError(
                f"{where}: {first!r} and {name!r} could both be the {what}, but put different "
                "classes first. Keep the one that is meant, or name models as they are called."
            )


def _refuse_ranked_labels(
    where: str,
    scores: Mapping[str, Array],
    classes: Mapping[str, Array],
    truth: Mapping[str, Array],
) -> None:
    """Refuse labels beside scores that may be the classes which these are the scores of."""
    for name, array in truth.items():
        if name.lower() not in EITHER or classes or array.dtype.kind not in "iu":
            continue
        for other in scores.values():
            if other.shape == array.shape and (array.ndim == 1 or int(array.max()) > 1):
                raise DataError(
                    f"{where}: {name!r} may be the truth, or the classes of the scores beside it. "
                    "Call predicted classes 'classes', and leave out the truth."
                )


def _refuse_truth_alone(
    where: str, arrays: Mapping[str, Array], truth: Mapping[str, Array], either: Mapping[str, Array]
) -> None:
    """Refuse an archive of what is true alone; say what is left out of one with models."""
    models = [name for name in arrays if name not in truth and name.lower() not in _ABOUT]
    if not models or any(name in either for name in models):
        raise FileError(
            f"{where}: {preview(truth)} is the truth by its name, and no array is clearly a "
            "prediction. Call predicted classes 'classes', or full scores 'scores'."
        )
    note(f"{where}: {preview(truth)} is taken for the truth, and was left out.")


def _unnamed(
    path: Path,
    arrays: dict[str, Array],
    either: Mapping[str, Array],
    ids: Array | None,
    benchmark: Benchmark,
) -> list[StoredPredictions]:
    """One array an image, or one a model, by names that are theirs."""
    where = str(path)
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
        return [lone(path.stem, where, stacked, np.array(list(arrays)))]
    if len(arrays) > 1 and all(_BY_POSITION.fullmatch(name) for name in arrays):
        raise DataError(
            f"{where}: its {len(arrays)} arrays have no names ({preview(arrays)}), so that any may "
            "be the truth, ids or a model's predictions. Name each: np.savez(path, logits=logits, "
            "ids=ids)."
        )
    if len(arrays) > 1 and either:
        raise DataError(
            f"{where}: {preview(either)} may be the truth, or a model's predictions. Leave it out, "
            "or call it as the model is called."
        )
    if len(arrays) == 1:
        (name,) = arrays
        if name in either:
            note(
                f"{where}: {name!r} was read as the predicted classes. If it holds the true labels "
                "it is no prediction; if not, call it 'classes'."
            )
        return [lone(path.stem, where, arrays[name], ids)]
    return [lone(name, f"{where}: {name}", array, ids) for name, array in arrays.items()]


def _is_by_image(arrays: dict[str, Array], benchmark: Benchmark, where: str) -> bool:
    """Whether each array is an image's, not a model's: rows of scores, or named as images are."""
    if any(array.ndim != 1 for array in arrays.values()):
        return False
    if any(array.dtype.kind not in "iu" for array in arrays.values()):
        return True
    return bool((positions(np.array(list(arrays)), benchmark.image_ids, source=where) >= 0).any())


def _class_of_columns(
    arrays: Mapping[str, Array], benchmark: Benchmark, where: str
) -> Int[np.ndarray, "K"] | None:
    """The benchmark's class of each column; None where nothing says it, or all are in order.

    Raises:
        DataError: the archive names other classes than the benchmark has.
    """
    ids = _named(arrays, CLASS_IDS, "iuUS")
    names = _named(arrays, CLASS_NAMES, "iuUS")
    if not ids and not names:
        return None
    name, array = next(iter((ids or names).items()))
    words = as_strings(array, f"{where}: {name}").tolist()
    known = benchmark.classes
    if known is None:
        return _class_numbers(words, benchmark, f"{where}: {name}")
    if all(word.isdecimal() for word in words) and not set(words) <= set(known.ids):
        return _class_numbers(words, benchmark, f"{where}: {name}")
    also = next(iter(names.values()), array)
    further = as_strings(also, f"{where}: class_names").tolist()
    places = zip(words, further, known.ids, known.names, strict=False)
    if len(words) == len(known) and all(
        word in {class_id, class_name} or second == class_name
        for word, second, class_id, class_name in places
    ):
        return None
    index = [known.index_of.get(word, -1) for word in words]
    if len(words) == len(known) and sorted(index) == list(range(len(known))):
        return np.array(index, np.int64)
    column, must = next(
        (n, known.ids[n])
        for n in range(len(known))
        if n >= len(words) or words[n] not in {known.ids[n], known.names[n]}
    )
    got = repr(words[column]) if column < len(words) else "missing"
    raise DataError(
        f"{where}: {name}[{column}] is {got}, but must be {must!r} as in {benchmark.name}, or the "
        f"same {len(known):,} classes in another order; there are {len(words):,}. Predict with a "
        "model of the same classes."
    )


def _class_numbers(
    words: list[str], benchmark: Benchmark, where: str
) -> Int[np.ndarray, "K"] | None:
    """Class indices from numbers; None for names, of which nothing is known."""
    if not all(word.isdecimal() for word in words):
        return None
    index = np.array([int(word) for word in words], np.int64)
    n_classes = benchmark.n_classes or len(index)
    if not np.array_equal(np.sort(index), np.arange(n_classes)):
        raise DataError(
            f"{where} is {preview(words, 4)}, but must hold every class index from 0 to "
            f"{n_classes - 1:,} once, or the ids of the classes. Name the class of each column."
        )
    return None if np.array_equal(index, np.arange(n_classes)) else index


def _refuse_other_length(found: StoredPredictions, n_named: int) -> None:
    """Refuse full scores beside the classes of more or fewer columns.

    Raises:
        DataError: they are.
    """
    scores = found.scores
    if found.classes is None and scores is not None and scores.ndim == 2:
        n_columns = int(scores.shape[1])
        if n_columns != n_named:
            raise DataError(
                f"{found.where}: it names {n_named:,} classes, but the scores have {n_columns:,} "
                "columns, and must have one for each. Write both from the same model."
            )


def _in_class_order(
    found: StoredPredictions, column: Int[np.ndarray, "K"], benchmark: Benchmark
) -> StoredPredictions:
    """Columns and classes as the benchmark numbers them."""
    _note_order(found.where, benchmark)
    found = with_scores_by_class(found, len(column))
    classes, scores, first = found.classes, found.scores, found.first
    if found.truth is not None:
        own = found.truth.classes
        known = np.append(column, -1)[np.where((own >= 0) & (own < len(column)), own, -1)]
        found = replace(found, truth=StoredTruth(found.truth.name, known))
    if classes is None:
        if scores is not None and scores.ndim == 2 and scores.shape[1] == len(column):
            scores = scores[:, np.argsort(column)]
        return replace(found, scores=scores, first=None if first is None else column[first])
    if classes.dtype.kind not in "iu" or classes.min() < 0:
        raise _no_class(column, found.where)
    _check_numbers(int(classes.max()), column, found.where)
    return replace(found, classes=column[classes])


def _note_order(where: str, benchmark: Benchmark) -> None:
    note(
        f"{where}: its classes stand in another order than those of {benchmark.name}, and "
        "were put in order by the class that it names for each column."
    )


def _check_numbers(largest: int, column: Int[np.ndarray, "K"], where: str) -> None:
    if largest >= len(column):
        raise _no_class(column, where)


def _no_class(column: Int[np.ndarray, "K"], where: str) -> DataError:
    return DataError(f"{where}: a class is not in [0, {len(column):,}), the classes that it names.")
