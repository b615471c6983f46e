"""Out-of-fold predictions: what models say of images that they were trained without.

The images are dealt into folds; for each fold a model learns from all others and predicts
this one. A model is handed copies of the images that it may see, and of no others, so that
nothing can leak through it. What shows that two images are one, puts them into one fold: the
same content, or the same file name apart from folder and extension.

A finished fold's file appears last and by rename, under a name that is the hash of all that
decides its content; it is not computed again. Letters: N images, K classes.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError, FileError, OptionError, preview
from reassess.files import write_atomically
from reassess.files.arrays import read_npz
from reassess.files.images import SUFFIXES
from reassess.files.model_outputs import OutOfFold
from reassess.training.data import LabelledImages, OnNote, class_name
from reassess.training.fresh import logits_of_unseen
from reassess.training.loop import OnStep, Recipe
from reassess.training.prediction import probabilities_of

OnFold = Callable[[int, int, bool], object]
"""Called with the number of folds that are done, of how many, and whether it was found done."""


def image_groups(
    image_ids: Shaped[np.ndarray, "N"], digests: Shaped[np.ndarray, "N"], largest: int
) -> Int[np.ndarray, "N"]:
    """Images that are one, directly or through others, have one number.

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


def assigned_folds(
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


def folds_of(
    images: LabelledImages, digests: Shaped[np.ndarray, "N"], n_folds: int, seed: int
) -> Int[np.ndarray, "N"]:
    """The fold of each image: with its like, and every class spread evenly.

    Raises:
        OptionError: there are fewer than two folds.
        DataError: there are fewer different images than folds.
    """
    if n_folds < 2:
        raise OptionError(f"--folds is {n_folds}, but must be at least 2.")
    group = image_groups(images.labels.image_ids, digests, max(1, len(images) // n_folds))
    return assigned_folds(
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
    on_note: OnNote | None = None,
    on_fold: OnFold | None = None,
    on_step: OnStep | None = None,
) -> OutOfFold:
    """What models say of each image that were trained without it and its like.

    Args:
        images: what to learn and to predict.
        recipe: how to learn.
        model: of which name.
        n_folds: how many.
        folder: where finished folds are kept; None to keep none.
        device: where; the CPU by default.
        on_note: told which classes a fold does not learn.
        on_fold: told of each finished fold.
        on_step: told of each step of the fold that is learned.

    Raises:
        OptionError: there are fewer than two folds.
        DataError: there are fewer different images than folds.
        DivergedError: a loss is no number.
        FileError: a finished fold cannot be written.
    """
    fold = folds_of(images, images.pixels.digests(), n_folds, recipe.seed)
    probabilities = np.empty((len(images), images.n_classes), np.float32)
    about = {"recipe": asdict(recipe), "model": model, "n_folds": n_folds}
    base = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    base.update(images.digest().encode())
    base.update(fold.tobytes())
    for number in range(n_folds):
        held = np.flatnonzero(fold == number)
        others = images.take(np.flatnonzero(fold != number))
        note = _unlearned(images, others, number)
        if note is not None and on_note is not None:
            on_note(note)
        place = base.copy()
        place.update(str(number).encode())
        path = None if folder is None else folder / f"fold-{number}-{place.hexdigest()[:16]}.npz"
        found = _finished(path, len(held), images.n_classes)
        if found is None:
            unseen = images.pixels.take(held)
            logits = logits_of_unseen(others, unseen, recipe, model, device=device, on_step=on_step)
            found = probabilities_of(logits, recipe.objective)
            _keep(path, found)
            was_there = False
        else:
            was_there = True
        probabilities[held] = found
        if on_fold is not None:
            on_fold(number + 1, n_folds, was_there)
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


def _keep(path: Path | None, probabilities: Float[np.ndarray, "n K"]) -> None:
    if path is None:
        return
    with write_atomically(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, probabilities=probabilities)
