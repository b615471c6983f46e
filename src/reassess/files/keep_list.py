"""Lists of the images that are kept for training, and why the others are not.

``keep.txt``      one image id a line, as timm's and big_vision's readers of lists take it
``removed.csv``   ``image,label,predicted,p_label,p_predicted,reason``
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import AlignmentError, DataError, FileError, preview
from reassess.files.access import prefix_errors_with, write_atomically
from reassess.files.benchmarks import read_benchmark, read_classes
from reassess.files.model_outputs import OutOfFold
from reassess.files.tables import write_table
from reassess.records import Benchmark, Classes, check_order, positions


@dataclass(frozen=True)
class PredictedLabels:
    """The labels of images that were predicted out of fold.

    Attributes:
        label: class index of each image, in the order of the predictions.
        names: the K classes, as people write them.
        n_without: labelled images that were not predicted.
    """

    label: Int[np.ndarray, "N"]
    names: tuple[str, ...]
    n_without: int

    def notes(self, kept: Bool[np.ndarray, "N"]) -> list[str]:
        """Sentences on what else the reader of a list should know."""
        n_classes = len(self.names)
        before = np.bincount(self.label, minlength=n_classes)
        after = np.bincount(self.label[kept], minlength=n_classes)
        lost = [self.names[index] for index in np.flatnonzero((before > 0) & (after == 0)).tolist()]
        found = []
        if lost:
            found.append(
                f"Warning: no image is kept of class {preview(lost, 20)}; all classes stay, "
                "but these would never be learned."
            )
        if self.n_without:
            found.append(
                f"Note: {self.n_without:,} labelled images were not predicted, and are not kept."
            )
        return found


def read_predicted_labels(
    found: OutOfFold, labels: str | Path, classes: str | Path | None
) -> PredictedLabels:
    """The labels of predicted images, from a table; classes are those of the predictions.

    Raises:
        FileError: a file is missing or malformed.
        DataError: a label is none of the classes, or the classes stand in another order.
        AlignmentError: a predicted image has no label, or the rows stand in another order.
    """
    path = Path(labels)
    if path.suffix.lower() == ".json":
        raise FileError(
            f"{path}: it holds label sets, but cleaning judges one label an image. Give the table "
            "image,label that was trained on."
        )
    known = _predicted_classes(found, classes)
    read = read_benchmark(path, classes=known)
    label = _aligned_labels(found, read, path)
    n_classes = found.probabilities.shape[1]
    highest = int(label.max())
    if highest >= n_classes:
        raise DataError(
            f"{path}: label {highest:,} is there, but must be in [0, {n_classes:,}) as the "
            "predictions have. Give the labels that the folds were trained on."
        )
    if read.classes is not None and len(read.classes) != n_classes:
        raise DataError(
            f"{path}: there are {len(read.classes):,} classes, but must be {n_classes:,} as the "
            "predictions have. Name them in their order (--classes FILE)."
        )
    row = positions(found.image_ids, read.image_ids, source="the predictions")
    with prefix_errors_with(path):
        check_order(found.probabilities.argmax(axis=1), row, read, "the predictions")
    names = tuple(map(str, range(n_classes))) if read.classes is None else read.classes.names
    n_without = len(read.image_ids) - len(found.image_ids)
    return PredictedLabels(label, names, n_without)


def _predicted_classes(found: OutOfFold, classes: str | Path | None) -> Classes | None:
    """The classes of the predictions: of a file, which must name the same, or their own."""
    known = None if classes is None else read_classes(classes)
    if found.classes is None:
        return known
    if known is not None and known.ids != found.classes.ids:
        raise DataError(
            f"{classes}: its classes are not those of the predictions, but must be the same in the "
            "same order. Leave --classes out: the predictions name theirs."
        )
    return known or found.classes


def _aligned_labels(found: OutOfFold, read: Benchmark, path: Path) -> Int[np.ndarray, "N"]:
    row = positions(found.image_ids, read.image_ids, source="the predictions")
    if (row < 0).any():
        raise AlignmentError(
            f"{path}: image {preview(found.image_ids[row < 0])} was predicted and has no label, "
            "but "
            f"must have one; {int((row < 0).sum()):,} of {len(row):,} have none. Give the labels "
            "that the folds were trained on."
        )
    assert read.original is not None  # noqa: S101 -- read_benchmark reads labels; this tells mypy
    label: Int[np.ndarray, "N"] = read.original[row]
    return label


def write_keep_list(image_ids: Shaped[np.ndarray, "n"], path: str | Path) -> None:
    """Write ids, one a line.

    Raises:
        FileError: the file cannot be written.
    """
    with write_atomically(path) as beside:
        beside.write_text("".join(f"{one}\n" for one in image_ids.tolist()), encoding="utf-8")


def write_removed(
    path: str | Path,
    image_ids: Shaped[np.ndarray, "N"],
    labels: PredictedLabels,
    kept: Bool[np.ndarray, "N"],
    predicted: Int[np.ndarray, "N"],
    p_label: Float[np.ndarray, "N"],
    p_predicted: Float[np.ndarray, "N"],
) -> None:
    """Write what is not kept, and why.

    Raises:
        FileError: the file cannot be written.
    """
    names = np.array(labels.names)
    rows = np.flatnonzero(~kept)
    label, guess = names[labels.label[rows]], names[predicted[rows]]
    columns = {
        "image": image_ids[rows],
        "label": label,
        "predicted": guess,
        "p_label": [f"{p:.6g}" for p in p_label[rows].tolist()],
        "p_predicted": [f"{p:.6g}" for p in p_predicted[rows].tolist()],
        "reason": [
            f"held-out prediction is {b!r} ({q:.3g}), the label {a!r} ({p:.3g})"
            for a, b, p, q in zip(
                label.tolist(), guess.tolist(), p_label[rows].tolist(), p_predicted[rows].tolist(),
                strict=True,
            )
        ],
    }  # fmt: skip
    write_table(Path(path), columns)
