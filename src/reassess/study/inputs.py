"""What a study reads: its benchmark, its models, and the hashes of their files.

A hash is taken once and remembered with the file's size and time of change, so that
gigabytes of scores are not read again to see that they are the same.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import FileError, OptionError, preview
from reassess.files import (
    open_predictions,
    read_benchmark,
    read_ids,
    read_predictions,
    sha256_of,
    write_atomically,
)
from reassess.files.arrays import exists, prefix_errors_with
from reassess.files.prediction_forms import prediction_files, two_files
from reassess.proposals import image_per_row
from reassess.records import Benchmark, Classes, Hierarchy, Predictions, ScoreMatrix
from reassess.study.manifest import ModelEntry, Study

CACHE = ".cache"
"""The hidden folder of a study: hashes and finished shards. It can be deleted at any time."""


def benchmark_of(study: Study) -> Benchmark:
    """The images, original labels, classes and is-a edges of a study.

    Raises:
        FileError: a file is missing or malformed.
        DataError: an image is there twice or a label is no class.
    """
    return read_benchmark(
        study.path(study.labels),
        classes=None if study.classes is None else study.path(study.classes),
        hierarchy=None if study.hierarchy is None else study.path(study.hierarchy),
        name=study.name,
    )


def hierarchy_of(study: Study, benchmark: Benchmark) -> Hierarchy | None:
    """The hierarchy of the benchmark's classes; None where the study has no edges.

    Raises:
        DataError: the edges form a cycle, or a class is in none.
    """
    if study.hierarchy is None:
        return None
    with prefix_errors_with(study.path(study.hierarchy)):
        return Hierarchy.from_edges(benchmark.hierarchy, named_classes(benchmark))


def named_classes(benchmark: Benchmark) -> Classes:
    """The classes as edges name them; where only indices are known, by their digits."""
    if benchmark.classes is not None:
        return benchmark.classes
    named = {name for edge in benchmark.hierarchy for name in edge if name.isdecimal()}
    known = -1 if benchmark.original is None else int(benchmark.original.max())
    n_classes = 1 + max([known, *map(int, named)])
    return Classes.from_names([str(index) for index in range(n_classes)])


def open_model(study: Study, entry: ModelEntry, benchmark: Benchmark) -> Predictions | ScoreMatrix:
    """A model's predictions of every image, full scores left on disk.

    Raises:
        FileError: the file is missing, corrupt or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: rows do not fit the images.
        OptionError: the file holds several models and none is named.
    """
    found = _only(entry, open_predictions(*_place(study, entry, benchmark), **_rows(study, entry)))
    with prefix_errors_with(Path(entry.predictions)):
        image_per_row(found, benchmark)
    return found


def rank_model(study: Study, entry: ModelEntry, benchmark: Benchmark, *, depth: int) -> Predictions:
    """A model's ``depth`` best classes of each image, or as many as its file holds.

    Raises:
        FileError: the file is missing, corrupt or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: rows do not fit the images.
        OptionError: the file holds several models and none is named.
    """
    return rank_models(study, [entry], benchmark, depth=depth)[0]


def rank_models(
    study: Study, entries: Sequence[ModelEntry], benchmark: Benchmark, *, depth: int
) -> tuple[Predictions, ...]:
    """The ``depth`` best classes of several models, from files that are read once each.

    Raises:
        FileError: a file is missing, corrupt or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: rows do not fit the images.
        OptionError: a file holds several models and none is named.
    """
    read: dict[tuple[object, ...], list[Predictions]] = {}
    ranked = []
    for entry in entries:
        source = source_of(study, entry)[0]
        key = (source, entry.order, entry.ids, entry.scale, entry.n_classes)
        if key not in read:
            read[key] = read_predictions(source, benchmark, **_rows(study, entry), top=depth)
        found = _only(entry, read[key])
        if not isinstance(found, Predictions):
            raise TypeError(type(found))
        ranked.append(found)
    return tuple(ranked)


def _place(study: Study, entry: ModelEntry, benchmark: Benchmark) -> tuple[str, Benchmark]:
    return source_of(study, entry)[0], benchmark


def source_of(study: Study, entry: ModelEntry) -> tuple[str, str | None]:
    """Where a model's predictions are from here, and which model of the file it is."""
    source, chosen = entry.predictions, None
    paths = two_files(source)
    if paths is None and not exists(study.path(source)) and "#" in source:
        source, _, chosen = source.rpartition("#")
    first, colon, second = source.partition(".npy:")
    if colon and not exists(study.path(source)):
        return f"{study.path(first + '.npy')}:{study.path(second)}", chosen
    return str(study.path(source)), chosen


def model_files(study: Study, entry: ModelEntry) -> list[Path]:
    """The files that hold a model's predictions, and the ids of their rows."""
    paths = prediction_files(source_of(study, entry)[0])
    if entry.ids is not None:
        paths.append(study.path(entry.ids))
    return paths


def _rows(study: Study, entry: ModelEntry) -> dict[str, Any]:
    ids = None if entry.ids is None else read_ids(study.path(entry.ids))
    return {
        "order": entry.order, "ids": ids, "scale": entry.scale, "n_columns": entry.n_classes,
    }  # fmt: skip


def _only(
    entry: ModelEntry, found: list[Predictions] | list[Predictions | ScoreMatrix]
) -> Predictions | ScoreMatrix:
    """The one model that an entry means, under the entry's name."""
    from dataclasses import replace

    models = [one.model for one in found]
    _, sign, chosen = entry.predictions.rpartition("#")
    if len(found) > 1:
        if not sign or chosen not in models:
            raise OptionError(
                f"{entry.predictions}: it holds {len(models)} models, but one must be named "
                f"(FILE#MODEL); it has {preview(models, 40)}."
            )
        return replace(found[models.index(chosen)], model=entry.name)
    return replace(found[0], model=entry.name)


class Hashes:
    """SHA-256 of files, remembered in a study's hidden folder with size and time of change."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._path = study.folder / CACHE / "hashes.json"
        try:
            self._known: dict[str, list[Any]] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def of_file(self, path: Path) -> str:
        """Hash of a file.

        Raises:
            FileError: it is missing or unreadable.
        """
        try:
            state = path.stat()
        except OSError as error:
            raise FileError(f"{path}: there is no such file. Mend the path in study.toml.") from (
                error
            )
        key, seen = str(path.absolute()), [state.st_size, state.st_mtime_ns]
        known = self._known.get(key)
        if known is not None and known[:2] == seen:
            return str(known[2])
        found = sha256_of(path)
        self._known[key] = [*seen, found]
        with write_atomically(self._path) as beside:
            beside.write_text(json.dumps(self._known), encoding="utf-8")
        return found

    def of_model(self, entry: ModelEntry) -> str:
        """Hash of all that decides what a model predicted: its files and how they are read.

        Raises:
            FileError: a file is missing or unreadable.
        """
        chosen = source_of(self._study, entry)[1]
        parts = [self.of_file(path) for path in model_files(self._study, entry)]
        return digest(*parts, chosen, entry.scale, entry.order)


def digest(*parts: Any) -> str:
    """A hash of texts, numbers and None, in this order."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def digest_of_array(array: np.ndarray[Any, np.dtype[Any]]) -> str:
    """A hash of an array's values and type."""
    plain = np.ascontiguousarray(array)
    return hashlib.sha256(str(plain.dtype).encode() + plain.tobytes()).hexdigest()
