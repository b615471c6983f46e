"""Out-of-fold predictions: each image predicted by a model that was trained without it.

The images are dealt into folds; for each fold a model learns from all others and predicts
this one. A model is handed copies of the images that it may see, and of no others, so that
nothing can leak through it. Duplicates are put into one fold: images with the same content, or
with the same file name apart from folder and extension.

A finished fold's file appears last and by rename, under a name that is the hash of all that
decides its content; it is not computed again. Letters: N images, K classes.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError, FileError, OptionError, preview
from reassess.files import write_atomically
from reassess.files.access import read_npz
from reassess.files.images import SUFFIXES
from reassess.files.model_outputs import OutOfFold
from reassess.progress import Progress, null_progress, prefix_progress
from reassess.training.data import LabelledImages, Note, class_name, ignore_note
from reassess.training.prediction import predict_held_out, predicted_probabilities
from reassess.training.recipe import Recipe


def duplicate_groups(
    image_ids: Shaped[np.ndarray, "N"], digests: Shaped[np.ndarray, "N"], largest: int
) -> Int[np.ndarray, "N"]:
    """The group of each image: duplicates, directly or through others, share a number.

    Args:
        image_ids: their ids.
        digests: a hash of each image's content.
        largest: file names that more images than this share are no names of images (such as
            ``cat/1/photo.jpg``): the whole path is compared then.
    """
    paths = [_without_extension(image_id) for image_id in image_ids.tolist()]
    names = [path.rpartition("/")[2] for path in paths]
    stem = np.unique(names, return_inverse=True)[1]
    if np.bincount(stem).max(initial=0) > largest:
        stem = np.unique(paths, return_inverse=True)[1]
    content = np.unique(digests, return_inverse=True)[1]
    group = np.arange(len(image_ids))
    while True:
        before = group
        for key in (stem, content):
            least = np.full(int(key.max(initial=0)) + 1, len(group))
            np.minimum.at(least, key, group)
            group = least[key]
        if bool((group == before).all()):
            return np.unique(group, return_inverse=True)[1]


def _without_extension(image_id: str) -> str:
    """An id without the extension of an image; what else follows a dot is part of the name."""
    stem, _, kind = image_id.rpartition(".")
    return stem if stem and f".{kind.lower()}" in SUFFIXES else image_id


def stratified_group_folds(
    label: Int[np.ndarray, "N"],
    group: Int[np.ndarray, "N"],
    n_folds: int,
    rng: np.random.Generator,
) -> Int[np.ndarray, "N"]:
    """The fold of each image: every class spread evenly, every group in one.

    Groups are sorted by the class of their first image, largest first, equal ones at random,
    and dealt to the folds in turn.

    Args:
        label: one label an image.
        group: numbers from 0.
        n_folds: how many.
        rng: of the order of equals.

    Raises:
        DataError: there are fewer groups than folds.
    """
    first = np.unique(group, return_index=True)[1]
    if len(first) < n_folds:
        raise DataError(
            f"there are {len(first):,} different images, but must be at least one for each of "
            f"{n_folds} folds. Ask for fewer (--folds N)."
        )
    size = np.bincount(group)
    order = np.lexsort((rng.random(len(first)), -size, label[first]))
    fold_of_group = np.empty(len(first), np.int64)
    fold_of_group[order] = np.arange(len(first)) % n_folds
    fold: Int[np.ndarray, "N"] = fold_of_group[group]
    return fold


def image_folds(
    images: LabelledImages, digests: Shaped[np.ndarray, "N"], n_folds: int, seed: int
) -> Int[np.ndarray, "N"]:
    """The fold of each image: duplicates together, and every class spread evenly.

    Raises:
        OptionError: there are fewer than two folds.
        DataError: there are fewer different images than folds.
    """
    if n_folds < 2:
        raise OptionError(f"--folds is {n_folds}, but must be at least 2.")
    group = duplicate_groups(images.labels.image_ids, digests, max(1, len(images) // n_folds))
    return stratified_group_folds(
        images.first_label, group, n_folds, np.random.default_rng([seed, n_folds])
    )


def out_of_fold(
    images: LabelledImages,
    recipe: Recipe,
    model: str,
    *,
    n_folds: int = 10,
    folder: Path | None = None,
    device: torch.device | None = None,
    progress: Progress = null_progress,
    on_note: Note = ignore_note,
    on_warning: Note = ignore_note,
) -> OutOfFold:
    """Predictions of each image by a model that was trained without it and its duplicates.

    Args:
        images: what to learn and to predict.
        recipe: how to learn.
        model: of which name.
        n_folds: how many.
        folder: where finished folds are kept; None to keep none.
        device: where; the CPU by default.
        progress: shown each step of the fold that is learned.
        on_note: gets a sentence on each finished fold.
        on_warning: gets a sentence on classes that a fold's model cannot learn.

    Raises:
        OptionError: there are fewer than two folds.
        DataError: there are fewer different images than folds.
        DivergedError: a loss is not a number.
        FileError: a finished fold cannot be written.
    """
    fold = image_folds(images, images.pixels.digests(), n_folds, recipe.seed)
    probabilities = np.empty((len(images), images.n_classes), np.float32)
    about = {"recipe": recipe.record(), "model": model, "n_folds": n_folds}
    base = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    base.update(images.digest().encode())
    base.update(fold.tobytes())
    for number in range(n_folds):
        held = np.flatnonzero(fold == number)
        others = images.take(np.flatnonzero(fold != number))
        warning = _unlearned(images, others, number)
        if warning is not None:
            on_warning(warning)
        place = base.copy()
        place.update(str(number).encode())
        path = None if folder is None else folder / f"fold-{number}-{place.hexdigest()[:16]}.npz"
        found = _finished(path, len(held), images.n_classes)
        if found is None:
            logits = predict_held_out(
                others,
                images.pixels.take(held),
                recipe,
                model,
                device=device,
                progress=prefix_progress(progress, f"fold {number + 1} of {n_folds}"),
            )
            found = predicted_probabilities(logits, recipe.objective)
            _write_fold(path, found)
            on_note(f"fold {number + 1} of {n_folds} done")
        else:
            on_note(f"fold {number + 1} of {n_folds} was done before")
        probabilities[held] = found
    return OutOfFold(images.labels.image_ids, probabilities, fold, images.classes)


def _unlearned(images: LabelledImages, others: LabelledImages, fold: int) -> str | None:
    """A sentence that names the classes that only images of this fold have."""
    here, there = (
        np.bincount(one.labels.indices, minlength=images.n_classes) > 0 for one in (images, others)
    )
    lost = [class_name(images.classes, index) for index in np.flatnonzero(here & ~there).tolist()]
    if not lost:
        return None
    return (
        f"fold {fold} holds all images of class {preview(lost, 20)}: its model does not learn it, "
        "and cannot predict it"
    )


def _finished(path: Path | None, n_rows: int, n_classes: int) -> Float[np.ndarray, "n K"] | None:
    """The predictions in a fold's file; None where there is none, or none that fits."""
    if path is None or not path.is_file():
        return None
    try:
        found = read_npz(path, ["probabilities"])["probabilities"]
    except FileError:
        return None
    return found if found.shape == (n_rows, n_classes) else None


def _write_fold(path: Path | None, probabilities: Float[np.ndarray, "n K"]) -> None:
    if path is None:
        return
    with write_atomically(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, probabilities=probabilities)
