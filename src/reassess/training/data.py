"""Images with their labels, ready to train on: what every command of training reads.

The number of classes and their order come from the classes file, from the whole table of labels
or from the class folders, never from what is left of them: a keep list takes images away and no
class. Letters: N images, K classes.

Decodes through `reassess.training.images`; where a study has its images and labels is for the
command line to look up.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import AlignmentError, DataError, preview
from reassess.files.images import ImageFiles, open_images
from reassess.files.labelled_images import labels_of_images
from reassess.progress import Progress, null_progress
from reassess.records import Classes, LabelSets, positions
from reassess.training.images import MAX_BYTES_IN_MEMORY, ImageTransform, Pixels, load_pixels

Note = Callable[[str], object]
"""Called with a sentence that a reader should know and that is no error."""


def ignore_note(text: str) -> None:
    """Drop a note: the default wherever one is taken."""


@dataclass(frozen=True)
class LabelledImages:
    """Images and the labels that a model is to learn.

    Attributes:
        name: how messages call them.
        pixels: the N images.
        labels: their label sets, none empty, with K.
        classes: the classes; None where only indices are known.
        transform: what became of the images.
    """

    name: str
    pixels: Pixels
    labels: LabelSets
    classes: Classes | None
    transform: ImageTransform

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_classes(self) -> int:
        """K."""
        assert self.labels.n_classes is not None  # noqa: S101 -- made so; this tells mypy
        return self.labels.n_classes

    @property
    def first_label(self) -> Int[np.ndarray, "N"]:
        """One label an image, the first: its only one where labels are original."""
        first: Int[np.ndarray, "N"] = self.labels.indices[self.labels.indptr[:-1]]
        return first

    def take(self, rows: Int[np.ndarray, "n"]) -> "LabelledImages":
        """These images only, in this order, of the same K classes.

        Raises:
            DataError: there is none.
        """
        if len(rows) == 0:
            raise DataError(f"{self.name}: there are 0 images left, but must be at least one.")
        return replace(self, pixels=self.pixels.take(rows), labels=self.labels.take(rows))

    def digest(self) -> str:
        """A hash of the images, their ids and labels, and K, to tell runs apart."""
        side, crop = self.transform.side, self.transform.crop
        # As version 0.1.0 wrote it: what that left unfinished is found and resumed.
        found = hashlib.sha256(f"Form(side={side}, crop={crop}) {self.n_classes}".encode())
        found.update(self.pixels.digests().tobytes())
        for column in (self.labels.indptr, self.labels.indices, self.labels.posterior):
            if column is not None:
                found.update(np.ascontiguousarray(column).tobytes())
        found.update("\n".join(self.labels.image_ids.tolist()).encode())
        return found.hexdigest()


def open_labelled(
    source: str | PathLike[str],
    *,
    labels: str | PathLike[str] | LabelSets | None = None,
    classes: str | PathLike[str] | Classes | None = None,
    keep_list: Shaped[np.ndarray, "n"] | None = None,
    transform: ImageTransform | None = None,
    skip_unreadable: bool = False,
    stream: bool = False,
    progress: Progress = null_progress,
    on_note: Note = ignore_note,
    on_warning: Note = ignore_note,
) -> LabelledImages:
    """Images and labels of a folder, parquet or shards.

    Args:
        source: the images (`reassess.files.images`).
        labels: a table ``image,label``, label sets as `reassess label` writes them, or such sets
            with K; by default those beside the images, else the labels that the source has
            (`reassess.files.labelled_images`).
        classes: the classes or their file, which fix K and their order.
        keep_list: ids of the images to train on; None for all.
        transform: what becomes of an image.
        skip_unreadable: leave out what cannot be decoded instead of refusing it.
        stream: decode images when they are needed, whole, however few they are: what random
            crops of photos need (`Recipe.augmentation`).
        progress: shown how many images were decoded.
        on_note: gets sentences on which labels these are and which images are left out.
        on_warning: gets a sentence that names the classes without images.

    Raises:
        FileError: a file is missing, corrupt or of no known form.
        DataError: no image is left, there is one class only, a label is none, or images cannot
            be decoded.
        AlignmentError: labels or the keep list name images that are not there.
    """
    files = open_images(source)
    sets, known = labels_of_images(files, labels, classes)
    if sets.n_classes == 1:
        raise DataError(
            f"{sets.name}: there is 1 class, but must be at least 2 to tell apart. Give all of "
            "them (--classes FILE)."
        )
    rows = _rows_to_use(files, sets, keep_list, on_note)
    transform = transform or ImageTransform()
    pixels, readable, broken = load_pixels(
        files.take(rows),
        transform,
        skip_unreadable=skip_unreadable,
        max_bytes_in_memory=0 if stream else MAX_BYTES_IN_MEMORY,
        progress=progress,
    )
    if broken is not None:
        on_note(broken)
    place = positions(files.image_ids[rows[readable]], sets.image_ids, source=files.source)
    found = LabelledImages(files.source, pixels, sets.take(place), known, transform)
    missing = classes_without_images(found)
    if missing is not None:
        on_warning(missing)
    return found


def classes_without_images(images: LabelledImages) -> str | None:
    """A sentence that names the classes that no image has; None where each has one."""
    count = np.bincount(images.labels.indices, minlength=images.n_classes)
    absent = np.flatnonzero(count == 0)
    if len(absent) == 0:
        return None
    names = [class_name(images.classes, index) for index in absent.tolist()]
    return (
        f"{len(absent):,} of {images.n_classes:,} classes have no image among the "
        f"{len(images):,}: {preview(names, 20)}; they stay classes and are never learned"
    )


def match_classes(test: LabelledImages, images: LabelledImages) -> LabelledImages:
    """Test images with the K classes of the images that are learned from.

    Raises:
        DataError: they have more classes, or others.
    """
    if test.classes is not None and images.classes is not None:
        same = test.classes.ids == images.classes.ids
    else:
        same = test.n_classes <= images.n_classes
    if not same:
        raise DataError(
            f"{test.name}: its classes are not those of {images.name}, but must be the same in the "
            "same order. Give them (--classes FILE)."
        )
    return replace(test, labels=replace(test.labels, n_classes=images.n_classes))


def class_name(classes: Classes | None, index: int) -> str:
    """Name and id of a class, or its index where only that is known."""
    if classes is None:
        return str(index)
    name, class_id = classes.names[index], classes.ids[index]
    return name if name == class_id else f"{name} ({class_id})"


def _rows_to_use(
    files: ImageFiles,
    sets: LabelSets,
    keep_list: Shaped[np.ndarray, "n"] | None,
    on_note: Note,
) -> Int[np.ndarray, "n"]:
    """Rows of the images that have a label and are on the keep list, in the order of the files."""
    row = positions(sets.image_ids, files.image_ids, source=sets.name)
    if (row < 0).any():
        absent = sets.image_ids[row < 0]
        raise AlignmentError(
            f"{sets.name}: image {preview(absent)} is not in {files.source} (which has such as "
            f"{str(files.image_ids[0])!r}), but must be; {len(absent):,} of {len(row):,} are not. "
            "Use the path below the image folder, or leave the rows out."
        )
    use = np.zeros(len(files), dtype=bool)
    use[row[sets.sizes > 0]] = True
    without = int((~use).sum())
    if without:
        on_note(f"{without:,} of {len(files):,} images have no label and are left out")
    if keep_list is not None:
        place = positions(keep_list, files.image_ids, source="--keep-list")
        if (place < 0).any():
            raise AlignmentError(
                f"--keep-list: image {preview(keep_list[place < 0])} is not in {files.source}, but "
                f"must be; {int((place < 0).sum()):,} of {len(keep_list):,} are not. Give the list "
                "of these images."
            )
        chosen = np.zeros(len(files), dtype=bool)
        chosen[place] = True
        use &= chosen
    if not use.any():
        raise DataError(
            f"{files.source}: there are 0 images left of {len(files):,}, but must be at least one "
            "with a label that is kept. Check the labels (--labels) and the list (--keep-list)."
        )
    return np.flatnonzero(use)
