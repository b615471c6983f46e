"""The forms in which people keep predictions, opened: nothing aligned, nothing ranked yet.

Which image a row is about and what its scores are is for `reassess.files.predictions` to
settle; what a file may hold is told there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from reassess.errors import FileError
from reassess.files.access import exists, read_npy
from reassess.files.frames import Frame, frame_name
from reassess.files.json_tables import JSON_TABLES
from reassess.files.label_studio_predictions import label_studio_models
from reassess.files.prediction_archives import open_archive
from reassess.files.stored_predictions import StoredPredictions, lone, with_scores_by_class
from reassess.files.tables import TABLES, ColumnFile
from reassess.files.timm_tables import read_timm_table
from reassess.notes import note
from reassess.records import Benchmark, ScoreType
from reassess.registry import Registry


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


_OBJECTS = frozenset({".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"})
"""Endings of files that cannot be read without running them."""


def two_files(source: str | PathLike[str]) -> tuple[Path, Path] | None:
    """The two paths of ``X.npy:Y.npy``, at the colon that leaves two files; None for others."""
    text = fspath(source)
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


def named_in_full(source: str | PathLike[str]) -> str:
    """A source with the scores named that are read along, so that no note is needed."""
    beside = None if two_files(source) is not None else sibling_scores(Path(source))
    return fspath(source) if beside is None else f"{fspath(source)}:{beside}"


def prediction_files(source: str | PathLike[str]) -> list[Path]:
    """The files that are read where a source is read: itself, both of two, scores beside it."""
    pair = two_files(source)
    if pair is not None:
        return list(pair)
    beside = sibling_scores(Path(source))
    return [Path(source)] if beside is None else [Path(source), beside]


def open_forms(
    source: str | PathLike[str] | Frame, benchmark: Benchmark
) -> list[StoredPredictions]:
    """Whatever a file or a frame holds, one entry a model, as it is stored.

    Raises:
        FileError: the source is missing, corrupt, a pickle or of no known form.
        DataError: the arrays of an archive do not fit together, or it names other classes.
    """
    if not isinstance(source, str | PathLike):
        return [with_scores_by_class(_frame(source, benchmark), benchmark.n_classes)]
    path = Path(source)
    pair = two_files(source)
    if pair is not None:
        scale: ScoreType | None = "probability" if pair[1] == sibling_scores(pair[0]) else None
        return [with_scores_by_class(_two_files(*pair, scale), benchmark.n_classes)]
    if not exists(path):
        raise FileError(f"{path}: there is no such file. Check the path.")
    if path.is_dir():
        raise FileError(f"{path}: it is a folder. Name its files, such as {path}/*.npy.")
    suffix = path.suffix.lower()
    for one in PREDICTION_FORMATS.values():
        if suffix in one.endings:
            n_classes = benchmark.n_classes
            return [with_scores_by_class(s, n_classes) for s in one.open(path, benchmark)]
    if suffix in _OBJECTS:
        raise FileError(
            f"{path}: {suffix} files hold objects of Python or PyTorch, and reading them could run "
            "what they contain. Save the scores: np.savez('preds.npz', logits=np.asarray(logits), "
            "ids=ids)."
        )
    endings = [ending for one in PREDICTION_FORMATS.values() for ending in one.endings]
    raise FileError(
        f"{path}: {suffix or 'a file without extension'} is not a known form of predictions. "
        f"Use {', '.join(endings)} (docs/file-formats.md)."
    )


def model_names(source: str | PathLike[str], benchmark: Benchmark) -> list[str]:
    """The names of the models in a source, in their order.

    Raises:
        FileError: the source is missing, corrupt, a pickle or of no known form.
        DataError: the arrays of an archive do not fit together.
    """
    return [found.model for found in open_forms(source, benchmark)]


def _two_files(classes: Path, scores: Path, scale: ScoreType | None) -> StoredPredictions:
    where = f"{classes}:{scores}"
    return StoredPredictions(classes.stem, where, read_npy(classes), read_npy(scores), None, scale)


def without_siblings(sources: Sequence[str]) -> list[str]:
    """Sources without the ``*probs.npy`` files that are read with their ``*preds.npy``."""
    read_along = {str(beside) for s in sources if (beside := sibling_scores(Path(s))) is not None}
    return [source for source in sources if str(Path(source)) not in read_along]


def _array(path: Path, benchmark: Benchmark) -> list[StoredPredictions]:  # noqa: ARG001 -- as every form
    beside = sibling_scores(path)
    if beside is not None:
        note(f"{path}: it was read with {beside.name}, which lies beside it.")
        return [_two_files(path, beside, "probability")]
    return [lone(path.stem, str(path), read_npy(path), None)]


def _table(path: Path, benchmark: Benchmark) -> list[StoredPredictions]:
    tasks = label_studio_models(path) if path.suffix.lower() == ".json" else None
    read = {path.stem: read_timm_table(path, benchmark)} if tasks is None else {
        model: read_timm_table(ColumnFile(path, one.header, one), benchmark)
        for model, one in tasks.items()
    }  # fmt: skip
    return [
        StoredPredictions(
            model, str(path), one.classes, one.scores, one.ids, one.scale, truth=one.truth
        )
        for model, one in read.items()
    ]


def _frame(frame: Frame, benchmark: Benchmark) -> StoredPredictions:
    """The predictions in a frame, whose model nobody named."""
    table, where = read_timm_table(frame, benchmark), str(frame_name(frame))
    return StoredPredictions(
        "model", where, table.classes, table.scores, table.ids, table.scale, truth=table.truth
    )


for _format in (
    PredictionFormat("npy", (".npy",), _array, "one array, ranked classes or full scores"),
    PredictionFormat("npz", (".npz",), open_archive, "an archive of arrays, of one model or many"),
    PredictionFormat(
        "timm",
        tuple(sorted({*TABLES, *JSON_TABLES})),
        _table,
        "the columns of timm's inference.py, a table of results, or Label Studio's predictions",
    ),
):
    PREDICTION_FORMATS.register(_format)
