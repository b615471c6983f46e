"""The forms in which people keep predictions, opened: nothing aligned, nothing ranked yet.

Which image a row is about and what its scores are is for `reassess.files.predictions` to
settle; what a file may hold is told there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reassess.errors import DataError, FileError
from reassess.files.access import Array, as_strings, exists, read_npy, read_npz
from reassess.files.tables import TABLES
from reassess.files.timm_tables import read_timm_table
from reassess.records import Benchmark, ScoreType, positions
from reassess.registry import Registry, checks_choices

_SCALES: dict[str, ScoreType | None] = {
    "scores": None,
    "logits": "logit",
    "probabilities": "probability",
    "probs": "probability",
}


@checks_choices
@dataclass(frozen=True, slots=True)
class StoredPredictions:
    """What a file holds of one model: classes, scores or both.

    Attributes:
        model: the model's name, from the file or within it.
        where: the file, and the array in it, for messages.
        classes: class indices as stored; None for full scores.
        scores: the scores of ``classes``, or of every class; memory-mapped where possible.
        ids: the image id of each row, where the file holds them.
        scale: what the scores are, where the file says it.
    """

    model: str
    where: str
    classes: Array | None
    scores: Array | None
    ids: Array | None = None
    scale: ScoreType | None = None


@dataclass(frozen=True, slots=True)
class PredictionFormat:
    """A form of files of predictions.

    Attributes:
        name: what it is called.
        endings: of its files, lower case; no two forms share one.
        open: what a file holds, one entry a model, as it is stored.
        summary: what it is, in one line.
    """

    name: str
    endings: tuple[str, ...]
    open: Callable[[Path, Benchmark], list[StoredPredictions]]
    summary: str


PREDICTION_FORMATS: Registry[PredictionFormat] = Registry("form of predictions")
"""The forms in which predictions are read, by the extension."""


def two_files(source: str | Path) -> tuple[Path, Path] | None:
    """The two paths of ``X.npy:Y.npy``, at the colon that leaves two files; None for others."""
    text = str(source)
    if exists(Path(text)):
        return None
    colons = [at for at, character in enumerate(text) if character == ":"]
    pairs = [(Path(text[:at]), Path(text[at + 1 :])) for at in reversed(colons)]
    pairs = [pair for pair in pairs if {path.suffix for path in pair} == {".npy"}]
    return next((pair for pair in pairs if all(map(exists, pair))), next(iter(pairs), None))


def sibling_scores(path: Path) -> Path | None:
    """The ``*probs.npy`` that belongs to a ``*preds.npy``; None where there is none."""
    name = sibling_name(path.name)
    beside = None if name is None else path.with_name(name)
    return beside if beside is not None and beside.is_file() else None


def sibling_name(name: str) -> str | None:
    """``xprobs.npy`` for ``xpreds.npy``; None for other names."""
    stem = name.removesuffix("preds.npy")
    return None if stem == name else f"{stem}probs.npy"


def prediction_files(source: str | Path) -> list[Path]:
    """The files that are read where a source is read: itself, both of two, scores beside it."""
    pair = two_files(source)
    if pair is not None:
        return list(pair)
    beside = sibling_scores(Path(source))
    return [Path(source)] if beside is None else [Path(source), beside]


def open_forms(source: str | Path, benchmark: Benchmark) -> list[StoredPredictions]:
    """Whatever a source holds, one entry a model, as it is stored.

    Raises:
        FileError: the source is missing, corrupt, a pickle or of no known form.
        DataError: the arrays of an archive do not fit together, or it names other classes.
    """
    path = Path(source)
    pair = two_files(source)
    if pair is not None:
        return [_two_files(*pair, None)]
    if not exists(path):
        raise FileError(f"{path}: there is no such file. Check the path.")
    if path.is_dir():
        raise FileError(f"{path}: it is a folder. Name its files, such as {path}/*.npy.")
    suffix = path.suffix.lower()
    for one in PREDICTION_FORMATS.values():
        if suffix in one.endings:
            return one.open(path, benchmark)
    endings = [ending for one in PREDICTION_FORMATS.values() for ending in one.endings]
    raise FileError(
        f"{path}: {suffix or 'a file without extension'} is not a known form of predictions. "
        f"Use {', '.join(endings)} (docs/file-formats.md)."
    )


def model_names(source: str | Path, benchmark: Benchmark) -> list[str]:
    """The names of the models in a source, in their order.

    Raises:
        FileError: the source is missing, corrupt, a pickle or of no known form.
        DataError: the arrays of an archive do not fit together.
    """
    return [found.model for found in open_forms(source, benchmark)]


def _two_files(classes: Path, scores: Path, scale: ScoreType | None) -> StoredPredictions:
    where = f"{classes}:{scores}"
    return StoredPredictions(classes.stem, where, read_npy(classes), read_npy(scores), None, scale)


def _lone(model: str, where: str, array: Array, ids: Array | None) -> StoredPredictions:
    """One array: integers are ranked classes, floats are full scores."""
    if array.dtype.kind in "iu":
        return StoredPredictions(model, where, array, None, ids)
    if array.dtype.kind == "f":
        return StoredPredictions(model, where, None, array, ids)
    raise FileError(
        f"{where}: the array has the type {array.dtype}, but must hold integers (ranked classes) "
        "or floats (full scores)."
    )


def _archive(path: Path, benchmark: Benchmark) -> list[StoredPredictions]:
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
        _check_order_of_classes(arrays, benchmark, where)
        scores = None if key is None else arrays[key]
        scale = None if key is None else _SCALES[key]
        return [StoredPredictions(path.stem, where, arrays.get("classes"), scores, ids, scale)]
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


def _check_order_of_classes(arrays: dict[str, Array], benchmark: Benchmark, where: str) -> None:
    """Refuse columns that a file says are of other classes, or of the same in another order."""
    classes = benchmark.classes
    if classes is None or "class_ids" not in arrays or arrays["class_ids"].dtype.kind not in "SU":
        return
    ids = as_strings(arrays["class_ids"], f"{where}: class_ids").tolist()
    names = as_strings(arrays.get("class_names", np.array(ids)), f"{where}: class_names").tolist()
    columns = zip(ids, names, classes.ids, classes.names, strict=False)
    for column, (class_id, name, known_id, known_name) in enumerate(columns):
        if class_id not in {known_id, known_name} and name != known_name:
            raise DataError(
                f"{where}: class_ids[{column}] is {class_id!r}, but must be {known_id!r} as in "
                f"{benchmark.name}. Predict with a model of the same classes in their order."
            )


def _is_by_image(arrays: dict[str, Array], benchmark: Benchmark, where: str) -> bool:
    """Whether each array is an image's, not a model's: rows of scores, or named as images are."""
    if any(array.ndim != 1 for array in arrays.values()):
        return False
    if any(array.dtype.kind not in "iu" for array in arrays.values()):
        return True
    return bool((positions(np.array(list(arrays)), benchmark.image_ids, source=where) >= 0).any())


def without_siblings(sources: Sequence[str]) -> list[str]:
    """Sources without the ``*probs.npy`` files that are read with their ``*preds.npy``."""
    read_along = {str(beside) for s in sources if (beside := sibling_scores(Path(s))) is not None}
    return [source for source in sources if str(Path(source)) not in read_along]


def _array(path: Path, benchmark: Benchmark) -> list[StoredPredictions]:  # noqa: ARG001 -- as every form
    beside = sibling_scores(path)
    if beside is not None:
        return [_two_files(path, beside, "probability")]
    return [_lone(path.stem, str(path), read_npy(path), None)]


def _table(path: Path, benchmark: Benchmark) -> list[StoredPredictions]:
    table = read_timm_table(path, benchmark)
    return [
        StoredPredictions(path.stem, str(path), table.classes, table.scores, table.ids, table.scale)
    ]


for _format in (
    PredictionFormat("npy", (".npy",), _array, "one array, ranked classes or full scores"),
    PredictionFormat("npz", (".npz",), _archive, "an archive of arrays, of one model or many"),
    PredictionFormat("timm", tuple(sorted(TABLES)), _table, "the columns of timm's inference.py"),
):
    PREDICTION_FORMATS.register(_format)
