"""What our own models say of images, in full, as one `.npz`.

predictions    ``logits`` [N, K] and ``ids``; where the classes are known ``class_ids`` and
               ``class_names``
out of fold    ``probabilities`` [N, K], ``ids``, ``fold`` [N]; the classes likewise

Both are files of predictions (`reassess.files.predictions`), so that they can be scored and
added to a study as any model's.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError, OptionError, preview
from reassess.files.access import Array, as_strings, prefix_errors_with, read_npz, write_atomically
from reassess.files.array_archives import ArrayBlocks, write_array
from reassess.records import Classes
from reassess.records.score_values import check_predicted


@dataclass(frozen=True)
class OutOfFold:
    """Predictions that each image got from a model that was trained without it.

    Attributes:
        image_ids: N distinct ids, strings.
        probabilities: of each class.
        fold: the fold that an image was held out with.
        classes: the classes, by id and name; None where only indices are known.
    """

    image_ids: Shaped[np.ndarray, "N"]
    probabilities: Float[np.ndarray, "N K"]
    fold: Int[np.ndarray, "N"]
    classes: Classes | None = None


def write_out_of_fold(found: OutOfFold, path: str | PathLike[str]) -> None:
    """Write out-of-fold predictions; the file appears whole or not at all.

    Raises:
        FileError: the file cannot be written.
    """
    arrays = {"probabilities": found.probabilities, "ids": found.image_ids, "fold": found.fold}
    write_outputs(path, found.classes, arrays)


def read_out_of_fold(path: str | PathLike[str]) -> OutOfFold:
    """Out-of-fold predictions; of a file without folds, all are of fold 0.

    Any archive with ``probabilities`` and ``ids`` is read; that the models did not see the
    images is then on the word of who made it.

    Raises:
        FileError: the file is missing, corrupt, or holds no probabilities.
        DataError: its arrays do not fit together, a probability lies outside [0, 1], or a row was
            never predicted.
    """
    path = Path(path)
    arrays = read_npz(path)
    for name in ("probabilities", "ids"):
        if name not in arrays:
            arrays = read_npz(path, ["probabilities", "ids"])
    probabilities, ids = arrays["probabilities"], as_strings(arrays["ids"], f"{path}: ids")
    fold = arrays.get("fold", np.zeros(len(ids), np.int64))
    classes = _classes_in(arrays, path)
    shape = (len(ids), probabilities.shape[-1] if classes is None else len(classes))
    if probabilities.shape != shape or fold.shape != (len(ids),) or 0 in shape:
        raise DataError(
            f"{path}: probabilities have the shape {probabilities.shape}, but must be "
            f"{shape}, a row for each id and a column for each class. Write it again."
        )
    if probabilities.dtype.kind != "f" or fold.dtype.kind not in "iu":
        raise DataError(
            f"{path}: probabilities are {probabilities.dtype} and folds {fold.dtype}, but must be "
            "floats and integers. Write it again."
        )
    if (fold < 0).any():
        row = int(np.argmax(fold < 0))
        raise DataError(
            f"{path}: image {str(ids[row])!r} has the fold {fold[row]}, but must have been held "
            f"out with one, 0 or more; {int((fold < 0).sum()):,} of {len(fold):,} images were not. "
            "Predict them, or leave their rows out."
        )
    if len(np.unique(ids)) < len(ids):
        raise DataError(f"{path}: an image id appears twice, but must be unique.")
    with prefix_errors_with(path):
        probabilities = check_predicted(probabilities, ids, "the out-of-fold predictions")
    column = None if classes is None else _number_of_columns(arrays, classes, path)
    if column is not None:
        probabilities, classes = probabilities[:, np.argsort(column)], None
    return OutOfFold(ids, probabilities, fold.astype(np.int64), classes)


def _number_of_columns(
    arrays: Mapping[str, Shaped[np.ndarray, "..."]], classes: Classes, path: Path
) -> Int[np.ndarray, "K"] | None:
    """The class of each column, where class ids are integers without names: they are indices.

    Raises:
        DataError: they are not every index once.
    """
    if arrays["class_ids"].dtype.kind not in "iu" or "class_names" in arrays:
        return None
    column = arrays["class_ids"].astype(np.int64)
    if not np.array_equal(np.sort(column), np.arange(len(classes))):
        raise DataError(
            f"{path}: class_ids are {preview(classes.ids, 4)}, but integers must hold every class "
            f"index from 0 to {len(classes) - 1:,} once. Write the ids as strings."
        )
    return column


def _classes_in(arrays: Mapping[str, Shaped[np.ndarray, "..."]], path: Path) -> Classes | None:
    """The classes that a file names; their ids are their names where it says no more."""
    if "class_ids" not in arrays:
        return None
    ids = as_strings(arrays["class_ids"], f"{path}: class_ids").tolist()
    if "class_names" not in arrays:
        return Classes.from_names(ids)
    names = as_strings(arrays["class_names"], f"{path}: class_names").tolist()
    if len(names) != len(ids):
        raise DataError(
            f"{path}: there are {len(names):,} class_names, but must be {len(ids):,}, one for each "
            "of the class_ids. Write it again."
        )
    columns = [arrays.get(f"class_{what}") for what in ("synonyms", "definitions")]
    more = [
        ("",) * len(ids) if column is None else tuple(as_strings(column, str(path)).tolist())
        for column in columns
    ]
    with prefix_errors_with(path):
        return Classes(tuple(ids), tuple(names), more[0], more[1])


def write_logits(
    image_ids: Shaped[np.ndarray, "N"],
    logits: Float[np.ndarray, "N K"],
    classes: Classes | None,
    path: str | PathLike[str],
) -> None:
    """Write a model's outputs for images; the file appears whole or not at all.

    Raises:
        FileError: the file cannot be written.
    """
    write_outputs(path, classes, {"logits": logits, "ids": image_ids})


def write_outputs(
    path: str | PathLike[str], classes: Classes | None, arrays: Mapping[str, Array | ArrayBlocks]
) -> None:
    """Write arrays and the classes as one archive; it appears whole or not at all.

    The same arrays give the same bytes, whether they are written at once or in blocks.

    Raises:
        FileError: the file cannot be written.
    """
    with write_atomically(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name, array in (dict(arrays) | _arrays_of_classes(classes)).items():
            write_array(archive, name, array)


def _arrays_of_classes(classes: Classes | None) -> dict[str, Array]:
    if classes is None:
        return {}
    arrays = {"class_ids": np.array(classes.ids), "class_names": np.array(classes.names)}
    for what in ("synonyms", "definitions"):
        if any(column := getattr(classes, what)):
            arrays[f"class_{what}"] = np.array(column)
    return arrays


def check_npz(output: str) -> None:
    """Refuse a name that a reader of predictions would take for another form.

    Raises:
        OptionError: the extension is not ``.npz``.
    """
    if Path(output).suffix.lower() != ".npz":
        raise OptionError(f"the output is {output!r}, but must end in .npz (-o FILE.npz).")
