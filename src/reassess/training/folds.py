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
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped

from reassess.engines import JobShare
from reassess.errors import DataError, FileError, OptionError, preview
from reassess.files import write_atomically
from reassess.files.access import read_npz
from reassess.files.images import SUFFIXES
from reassess.files.model_outputs import OutOfFold
from reassess.progress import Progress, null_progress
from reassess.training.data import LabelledImages, Note, class_name, ignore_note
from reassess.training.prediction import predicted_probabilities
from reassess.training.recipe import Recipe
from reassess.training.side_by_side import Trainer, Training

_MADE_FROM = "made_from"
"""The array of a fold's file that repeats the file's name: one that was renamed is not used."""


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


@dataclass(frozen=True)
class FoldsJob:
    """Predictions of each image by a model that was trained without it and its duplicates.

    Args:
        images: what to learn and to predict.
        recipe: how to learn.
        model: of which name.
        n_folds: how many.
        folder: where finished folds are kept; None to keep none.
        device: where; the CPU by default.
        on_note: gets a sentence on each finished fold.
        on_warning: gets a sentence on classes that a fold's model cannot learn.
        jobs: folds at a time, each in a process; None for as many as the device has room for.
    """

    images: LabelledImages
    recipe: Recipe
    model: str
    n_folds: int = 10
    folder: str | PathLike[str] | None = None
    device: torch.device | None = None
    on_note: Note = ignore_note
    on_warning: Note = ignore_note
    jobs: int | None = 1

    @cached_property
    def fold(self) -> Int[np.ndarray, "N"]:
        """The fold of each image.

        Raises:
            OptionError: there are fewer than two folds.
            DataError: there are fewer different images than folds.
        """
        images = self.images
        return image_folds(images, images.pixels.digests(), self.n_folds, self.recipe.seed)

    @cached_property
    def _key(self) -> Any:
        about = {"recipe": self.recipe.record(), "model": self.model, "n_folds": self.n_folds}
        key = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        key.update(self.images.digest().encode())
        key.update(self.fold.tobytes())
        return key

    def path(self, number: int) -> Path | None:
        """The file of a fold, whose name has the hash of all that decides it."""
        key = self._key.copy()
        key.update(str(number).encode())
        name = f"fold-{number}-{key.hexdigest()[:16]}.npz"
        return None if self.folder is None else Path(self.folder) / name

    def finished(self, number: int) -> Float[np.ndarray, "n K"] | None:
        """The predictions of a fold that was done before; None where it is still to be done."""
        return _finished(self.path(number), int((self.fold == number).sum()), self.images.n_classes)

    def predict(
        self, numbers: Iterable[int], progress: Progress = null_progress
    ) -> dict[int, Float[np.ndarray, "_ K"]]:
        """The predictions of these folds' images, kept where there is a folder.

        Raises:
            DivergedError: a loss is not a number.
            FileError: a fold cannot be written.
            OptionError: several are to be done at a time, and the images are not in memory.
        """
        found, left, trainings = {}, [], []
        for number in numbers:
            held, title = self.fold == number, f"fold {number + 1} of {self.n_folds}"
            warning = _unlearned(self.images, ~held, number)
            if warning is not None:
                self.on_warning(warning)
            done = self.finished(number)
            if done is None:
                rows, held_out = np.flatnonzero(~held), np.flatnonzero(held)
                trainings.append(Training(title, self.recipe, rows, held_out))
                left.append(number)
            else:
                self.on_note(f"{title} was done before")
                found[number] = done
        trainer = Trainer(self.images, None, self.model, self.device or torch.device("cpu"))
        for place, logits in trainer.run(trainings, self.jobs, progress):
            number = left[place]
            found[number] = predicted_probabilities(logits, self.recipe.objective)
            _write_fold(self.path(number), found[number])
            self.on_note(f"{trainings[place].name} done")
        return found

    def run(self, share: JobShare | None = None, progress: Progress = null_progress) -> int:
        """Do all folds, or those of one job of an array; how many they are.

        Raises:
            DivergedError: a loss is not a number.
            FileError: a fold cannot be written.
        """
        numbers = range(self.n_folds)
        return len(self.predict(numbers if share is None else share.of(numbers), progress))

    def forget(self, share: JobShare | None = None) -> None:
        """Remove the finished folds, or those of one job of an array, whatever made them."""
        numbers = range(self.n_folds)
        for number in numbers if share is None else share.of(numbers):
            for path in (
                [] if self.folder is None else Path(self.folder).glob(f"fold-{number}-*.npz")
            ):
                path.unlink(missing_ok=True)

    def join(self) -> OutOfFold:
        """The predictions of all folds, which must be done.

        Raises:
            FileError: a fold is missing, or was made from something else; with its name.
        """
        return self._joined(self._required(number) for number in range(self.n_folds))

    def _required(self, number: int) -> Float[np.ndarray, "n K"]:
        found = self.finished(number)
        if found is None:
            raise FileError(self._missing(number))
        return found

    def _missing(self, number: int) -> str:
        path = self.path(number)
        missing = [one for one in range(self.n_folds) if self.finished(one) is None]
        others = (
            [] if self.folder is None else sorted(Path(self.folder).glob(f"fold-{number}-*.npz"))
        )
        why = "is missing"
        if others:
            why += f" ({others[0].name} is unfinished, or of other images, labels or options)"
        return (
            f"{path}: fold {number + 1} of {self.n_folds} {why}, but all must be done to be "
            f"joined; {len(missing):,} are missing. Run the jobs that make them (--shard I/N), or "
            "the command without --join."
        )

    def _joined(self, found: Iterable[Float[np.ndarray, "_ K"]]) -> OutOfFold:
        images = self.images
        probabilities = np.empty((len(images), images.n_classes), np.float32)
        for number, one in enumerate(found):
            probabilities[self.fold == number] = one
        return OutOfFold(images.labels.image_ids, probabilities, self.fold, images.classes)

    def all(self, progress: Progress = null_progress) -> OutOfFold:
        """The predictions of all folds; those that are not done yet are done.

        Raises:
            DivergedError: a loss is not a number.
            FileError: a fold cannot be written.
        """
        found = self.predict(range(self.n_folds), progress)
        return self._joined(found[number] for number in range(self.n_folds))


def out_of_fold(
    images: LabelledImages,
    recipe: Recipe,
    model: str,
    *,
    n_folds: int = 10,
    folder: str | PathLike[str] | None = None,
    device: torch.device | None = None,
    jobs: int | None = 1,
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
        jobs: folds at a time, each in a process; None for as many as the device has room for.
        progress: shown each step of the fold that is learned.
        on_note: gets a sentence on each finished fold.
        on_warning: gets a sentence on classes that a fold's model cannot learn.

    Raises:
        OptionError: there are fewer than two folds.
        DataError: there are fewer different images than folds.
        DivergedError: a loss is not a number.
        FileError: a finished fold cannot be written.
    """
    job = FoldsJob(images, recipe, model, n_folds, folder, device, on_note, on_warning, jobs)
    return job.all(progress)


def _unlearned(images: LabelledImages, others: Bool[np.ndarray, "N"], fold: int) -> str | None:
    """A sentence that names the classes that only images of this fold have, and no others."""
    labels, n_classes = images.labels, images.n_classes
    here, there = (
        np.bincount(one.indices, minlength=n_classes) > 0
        for one in (labels, labels.take(np.flatnonzero(others)))
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
        arrays = read_npz(path, [_MADE_FROM, "probabilities"])
    except FileError:
        return None
    found, is_own = arrays["probabilities"], str(arrays[_MADE_FROM]) == path.stem
    return found if is_own and found.shape == (n_rows, n_classes) else None


def _write_fold(path: Path | None, probabilities: Float[np.ndarray, "n K"]) -> None:
    if path is None:
        return
    with write_atomically(path) as beside, beside.open("wb") as file:
        made_from = {_MADE_FROM: np.array(path.stem)}
        np.savez(file, allow_pickle=False, probabilities=probabilities, **made_from)
