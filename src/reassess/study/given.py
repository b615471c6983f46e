"""What a study is begun with or given from Python, as files that are then copied into it.

A frame or a `Benchmark` becomes a table of labels, a record of predictions an archive: from there
on they are read, checked and copied as any file is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from reassess.errors import DataError, FileError
from reassess.files import read_benchmark, read_classes, write_atomically
from reassess.files.benchmarks import is_export
from reassess.files.frames import Frame
from reassess.files.images import SUFFIXES, ImageFiles, open_images
from reassess.files.labelled_images import labels_of_images
from reassess.files.short_lists import LOG_SOFTMAX, LOG_SUM, N_CLASSES
from reassess.files.tables import write_table
from reassess.records import (
    Benchmark,
    Classes,
    LabelsAre,
    Predictions,
    ScoreMatrix,
    ShortLists,
    positions,
)
from reassess.registry import checks_choices
from reassess.study.class_order import write_classes

GivenLabels = str | PathLike[str] | Frame | Benchmark
GivenClasses = str | PathLike[str] | Frame | Classes
GivenModel = Predictions | ScoreMatrix | ShortLists

Source = str | PathLike[str]
"""Predictions: a path, ``X.npy:Y.npy`` or ``FILE#MODEL``."""


@checks_choices
@contextmanager
def benchmark_files(
    labels: GivenLabels, classes: GivenClasses | None, labels_are: LabelsAre | None
) -> Iterator[tuple[str | PathLike[str], str | PathLike[str] | None]]:
    """The files of labels and of classes, written where they are given otherwise.

    Args:
        labels: the original labels.
        classes: the classes; None where nobody gives them.
        labels_are: whether integers that name classes are ids or indices.

    Raises:
        FileError: a frame lacks a column.
        DataError: labels and classes do not fit together, or a benchmark has no labels.
    """
    with TemporaryDirectory() as beside:
        kept = classes
        if classes is not None and not isinstance(classes, str | PathLike):
            known = classes if isinstance(classes, Classes) else read_classes(classes)
            kept = Path(beside) / "classes.csv"
            write_classes(known, kept)
        if not isinstance(labels, str | PathLike) or is_export(Path(labels)):
            found = labels
            if not isinstance(found, Benchmark):
                found = read_benchmark(found, classes=classes, labels_are=labels_are)
            if kept is None and found.classes is not None:
                kept = Path(beside) / "classes.csv"
                write_classes(found.classes, kept)
            labels = Path(beside) / "labels.csv"
            _write_labels(found, labels)
        yield labels, kept  # type: ignore[misc]


def labels_from_images(images: str | PathLike[str], classes: GivenClasses | None) -> Benchmark:
    """The images of a folder, parquet or shards with the labels that are beside or in them.

    Args:
        images: a folder, parquet or shards (`reassess.files.images`).
        classes: the classes; None takes those of the labels.

    Raises:
        FileError: there is no image, or a file is malformed.
        DataError: there are no labels, or an image has none or several.
    """
    known = classes
    if known is not None and not isinstance(known, Classes):
        known = read_classes(known)
    files = open_images(images)
    sets, found = labels_of_images(files, None, known)
    row = positions(sets.image_ids, files.image_ids, source=sets.name)
    wrong = np.flatnonzero((sets.sizes != 1) | (row < 0))
    if len(wrong):
        which = str(sets.image_ids[wrong[0]])
        n = int(sets.sizes[wrong[0]])
        what = f"has {n} labels, but must have one" if row[wrong[0]] >= 0 else "is not there"
        raise DataError(
            f"{sets.name}: image {which!r} {what}, its original label; {len(wrong):,} of "
            f"{len(sets):,} images are so. Name a table image,label (--labels FILE)."
        )
    ids = sets.image_ids
    if not files.is_folder:
        ids = np.array([_file_name(files, one) for one in row.tolist()])
    return Benchmark(Path(images).stem, ids, sets.indices, found)


def unpacked(images: str | PathLike[str], folder: Path) -> str | PathLike[str]:
    """The folder of images; of parquet or shards, a new one with a file for each image.

    Args:
        images: a folder, parquet or shards.
        folder: where to write what is no folder of image files.

    Raises:
        FileError: the images cannot be read, or the folder is there or cannot be written to.
        DataError: an id leads out of the folder.
    """
    files = open_images(images)
    if files.is_folder:
        return images
    if folder.exists():
        raise FileError(
            f"{folder}: it is there already, but the images of {images} would be written to it. "
            "Move it away."
        )
    for row in range(len(files)):
        path = folder / _file_name(files, row)
        if not path.resolve().is_relative_to(folder.resolve()):
            raise DataError(
                f"{images}: image id {str(files.image_ids[row])!r} leads out of the folder of "
                "images, but must not. Rename it."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as beside:
            beside.write_bytes(files.read(row))
    return folder


def _file_name(files: ImageFiles, row: int) -> str:
    """An image's id as the name of a file, which ends as images do."""
    image_id = str(files.image_ids[row])
    if Path(image_id).suffix.lower() in SUFFIXES:
        return image_id
    return f"{image_id}{_ending(files.read(row))}"


_SIGNATURES = (
    (b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"), (b"GIF8", ".gif"), (b"BM", ".bmp"),
    (b"II*\0", ".tif"), (b"MM\0*", ".tif"), (b"RIFF", ".webp"),
)  # fmt: skip


def _ending(content: bytes) -> str:
    """The ending that encoded bytes ask for; none where they are unknown."""
    return next((ending for head, ending in _SIGNATURES if content.startswith(head)), "")


def _write_labels(benchmark: Benchmark, path: Path) -> None:
    """A table of a benchmark's labels, by class id, or by index where only that is known."""
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: the original labels are unknown, but a study needs them. Make the "
            "benchmark with them: Benchmark(name, image_ids, original)."
        )
    by_id = benchmark.class_folders
    column = {"class_index": benchmark.original} if by_id is None else {"class_id": by_id}
    write_table(path, {"image": benchmark.image_ids, **column})


@contextmanager
def model_files(
    predictions: Mapping[str, Source | GivenModel]
    | Iterable[Source | GivenModel | tuple[str | None, Source]],
) -> Iterator[tuple[list[tuple[str | None, str]], bool]]:
    """Names, where given, and sources; and whether any of them is to be copied, being written here.

    Args:
        predictions: as `reassess.study.add_models` takes them.
    """
    if isinstance(predictions, Mapping):
        pairs: list[tuple[str | None, Source | GivenModel]] = list(predictions.items())
    else:
        pairs = [one if isinstance(one, tuple) else (None, one) for one in predictions]
    with TemporaryDirectory() as beside:
        named = []
        for name, source in pairs:
            if isinstance(source, str | PathLike):
                named.append((name, fspath(source)))
                continue
            model = name or source.model
            stem = re.sub(r"[^\w.+-]+", "-", model).strip("-.") or "model"
            path = Path(beside) / f"{stem}.npz"
            _write_model(source, path)
            named.append((model, str(path)))
        yield named, any(not isinstance(source, str | PathLike) for _, source in pairs)


def _write_model(model: GivenModel, path: Path) -> None:
    """Write a record of predictions as an archive that reads back as it."""
    arrays: dict[str, Any]
    if isinstance(model, ShortLists):
        rows = slice(None) if model.kept is None else model.kept
        classes = model.ranked_classes[rows]
        classes = classes if model.numbers is None else model.numbers[classes]
        arrays = {"ids": model.image_ids[model.image], "classes": classes}
        arrays |= {LOG_SOFTMAX: model.log_softmax[rows], LOG_SUM: model.log_sum[rows]}
        arrays |= {N_CLASSES: np.array(model.n_classes)}
    else:
        arrays = _arrays(model)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _arrays(model: Predictions | ScoreMatrix) -> dict[str, Any]:
    """The arrays of ranked classes or of full scores."""
    scores: np.ndarray[Any, np.dtype[Any]] | None = model.scores
    if isinstance(model, ScoreMatrix):
        arrays = {"ids": model.image_ids[model.image]}
    else:
        arrays = {"ids": model.image_ids, "classes": model.ranked_classes}
        if model.log_sum is not None and scores is not None:
            below = scores.astype(np.float64) - model.log_sum[:, None]
            arrays |= {LOG_SOFTMAX: np.minimum(below, 0).astype(np.float32)}
            arrays |= {LOG_SUM: model.log_sum, N_CLASSES: np.array(model.n_classes)}
            scores = None
    if scores is not None:
        names = {"logit": "logits", "probability": "probabilities", None: "scores"}
        arrays[names[model.score_type]] = np.asarray(scores)
    return arrays
