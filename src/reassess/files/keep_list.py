"""Lists of the images that are kept for training, and why the others are not.

``keep.txt``      one image id a line, as timm's and big_vision's readers of lists take it
``removed.csv``   ``image,label,predicted,p_label,p_predicted,reason``
"""

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import AlignmentError, DataError, FileError, preview
from reassess.files.access import prefix_errors_with, write_atomically
from reassess.files.benchmarks import read_classes, read_ids
from reassess.files.images import open_images
from reassess.files.labelled_images import are_images, labels_in_file, labels_of_images
from reassess.files.model_outputs import OutOfFold
from reassess.files.tables import read_table, write_table
from reassess.records import Benchmark, Classes, LabelSets, check_order, positions


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
    found: OutOfFold,
    labels: str | PathLike[str] | LabelSets,
    classes: str | PathLike[str] | Classes | None,
) -> PredictedLabels:
    """The labels of predicted images; classes are those of the predictions.

    Of several labels of an image the one that the predictions hold most probable is judged: where
    that is removed, all of them would be.

    Args:
        found: the predictions.
        labels: what was trained on, as `train` takes it: a table ``image,label``, a list, label
            sets, or images with labels: a folder, parquet, shards.
        classes: the classes or their file, where the predictions do not name them.

    Raises:
        FileError: a file is missing or malformed.
        DataError: a label is none of the classes, or the classes stand in another order.
        AlignmentError: a predicted image has no label, or the rows stand in another order.
    """
    known = _predicted_classes(found, classes)
    sets, read = _label_sets(labels, known)
    row = _aligned_rows(found, sets)
    n_classes = found.probabilities.shape[1]
    highest = int(sets.indices.max(initial=0))
    if highest >= n_classes:
        raise DataError(
            f"{sets.name}: label {highest:,} is there, but must be in [0, {n_classes:,}) as the "
            "predictions have. Give the labels that the folds were trained on."
        )
    if read is not None and len(read) != n_classes:
        raise DataError(
            f"{sets.name}: there are {len(read):,} classes, but must be {n_classes:,} as the "
            "predictions have. Name them in their order (--classes FILE)."
        )
    label = _likeliest(found, sets.take(row))
    of_images = Benchmark(sets.name, found.image_ids, label, read)
    with prefix_errors_with(Path(sets.name)):
        rows = np.arange(len(row))
        check_order(found.probabilities.argmax(axis=1), rows, of_images, "the predictions")
    names = tuple(map(str, range(n_classes))) if read is None else read.names
    n_without = int((sets.sizes > 0).sum()) - len(found.image_ids)
    return PredictedLabels(label, names, n_without)


def _label_sets(
    labels: str | PathLike[str] | LabelSets, classes: Classes | None
) -> tuple[LabelSets, Classes | None]:
    """Label sets of whatever was trained on, under the name of their file."""
    if isinstance(labels, LabelSets):
        return labels, labels.classes or classes
    path = Path(labels)
    if are_images(path):
        sets, read = labels_of_images(open_images(path), None, classes)
    else:
        sets, read = labels_in_file(path, classes)
    return replace(sets, name=str(path)), read


def _aligned_rows(found: OutOfFold, sets: LabelSets) -> Int[np.ndarray, "N"]:
    """The row of the labels of each predicted image."""
    row = positions(found.image_ids, sets.image_ids, source="the predictions")
    without = (row < 0) | (sets.sizes[np.maximum(row, 0)] == 0)
    if without.any():
        raise AlignmentError(
            f"{sets.name}: image {preview(found.image_ids[without])} was predicted and has no "
            f"label, but must have one; {int(without.sum()):,} of {len(row):,} have none. Give the "
            "labels that the folds were trained on."
        )
    return row


def _likeliest(found: OutOfFold, sets: LabelSets) -> Int[np.ndarray, "N"]:
    """Of each image's labels the one that the predictions hold most probable."""
    probability = found.probabilities[sets.image, sets.indices]
    order = np.lexsort((-probability, sets.image))
    label: Int[np.ndarray, "N"] = sets.indices[order][sets.indptr[:-1]]
    return label


def _predicted_classes(
    found: OutOfFold, classes: str | PathLike[str] | Classes | None
) -> Classes | None:
    """The classes of the predictions: of a file, which must name the same, or their own."""
    known = read_classes(classes) if isinstance(classes, str | PathLike) else classes
    if found.classes is None:
        return known
    if known is not None and known.ids != found.classes.ids:
        raise DataError(
            f"{classes}: its classes are not those of the predictions, but must be the same in the "
            "same order. Leave --classes out: the predictions name theirs."
        )
    return known or found.classes


def write_keep_list(image_ids: Shaped[np.ndarray, "n"], path: str | PathLike[str]) -> None:
    """Write ids, one a line.

    Raises:
        FileError: the file cannot be written.
    """
    with write_atomically(path) as beside:
        beside.write_text("".join(f"{one}\n" for one in image_ids.tolist()), encoding="utf-8")


_REMOVED = ("image", "label", "predicted", "p_label", "p_predicted", "reason")
"""The columns of what is not kept."""


def read_keep_list(path: str | PathLike[str]) -> Shaped[np.ndarray, "n"]:
    """Ids of the images to train on, from a file in any form of a list of ids.

    Raises:
        FileError: the file is missing or of another form, or lists what is not kept.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv" and read_table(path, may_be_empty=True).header == _REMOVED:
        raise FileError(
            f"{path}: it lists the images that `reassess clean` removed, but must list those that "
            "are kept. Give the other file that it wrote, keep.txt."
        )
    return read_ids(path)


def write_removed(
    path: str | PathLike[str],
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
