"""Images with their labels, ready to train on: what every command of training reads.

The number of classes and their order come from the classes file, from the whole table of labels
or from the class folders, never from what is left of them: a list of kept images takes images
away and no class. Letters: N images, K classes.

Decodes through `reassess.training.images`; where a study has its images and labels is for the
command line to look up.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import AlignmentError, DataError, preview
from reassess.files.benchmarks import class_indices, read_benchmark, read_classes
from reassess.files.images import ImageFiles, open_images
from reassess.files.labels import read_labels
from reassess.files.tables import is_parquet, read_table
from reassess.records import Classes, LabelSets, positions
from reassess.training.images import Form, OnImages, Pixels, load_pixels

OnNote = Callable[[str], object]
"""Called with what a reader should know and that is no error."""


@dataclass(frozen=True)
class LabelledImages:
    """Images and the labels that a model is to learn.

    Attributes:
        name: how messages call them.
        pixels: the N images.
        labels: their label sets, none empty, with K.
        classes: the classes; None where only indices are known.
        form: what became of the images.
    """

    name: str
    pixels: Pixels
    labels: LabelSets
    classes: Classes | None
    form: Form

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
        found = hashlib.sha256(f"{self.form} {self.n_classes}".encode())
        found.update(self.pixels.digests().tobytes())
        for column in (self.labels.indptr, self.labels.indices, self.labels.posterior):
            if column is not None:
                found.update(np.ascontiguousarray(column).tobytes())
        found.update("\n".join(self.labels.image_ids.tolist()).encode())
        return found.hexdigest()


def open_labelled(
    source: str | Path,
    *,
    labels: str | Path | LabelSets | None = None,
    classes: str | Path | Classes | None = None,
    kept: Shaped[np.ndarray, "n"] | None = None,
    form: Form | None = None,
    skip_unreadable: bool = False,
    on_note: OnNote | None = None,
    on_warning: OnNote | None = None,
    on_images: OnImages | None = None,
) -> LabelledImages:
    """Images and labels of a folder, parquet or shards.

    Args:
        source: the images (`reassess.files.images`).
        labels: a table ``image,label``, label sets as `reassess label` writes them, or such sets
            with K; by default ``labels.csv`` in the folder, else the labels that the source has:
            class folders, a column, ``.cls``.
        classes: the classes or their file, which say K and their order.
        kept: train on these images only.
        form: what becomes of an image.
        skip_unreadable: leave out what cannot be decoded instead of refusing it.
        on_note: told which labels these are and which images are left out.
        on_warning: told which classes have no image.
        on_images: told how many were decoded.

    Raises:
        FileError: a file is missing, corrupt or of no known form.
        DataError: no image is left, there is one class only, a label is none, or images cannot
            be decoded.
        AlignmentError: labels or kept images name images that are not there.
    """
    note = on_note or (lambda _: None)
    files = open_images(source)
    beside = Path(source) / "labels.csv"
    if labels is None and beside.is_file():
        labels = beside
        note(f"labels are those of {beside}")
    sets, known = _labels_of(files, labels, classes)
    if sets.n_classes == 1:
        raise DataError(
            f"{sets.name}: there is 1 class, but must be at least 2 to tell apart. Give all of "
            "them (--classes FILE)."
        )
    rows = _with_label(files, sets, kept, note)
    form = form or Form()
    pixels, readable, broken = load_pixels(
        files.take(rows), form, skip_unreadable=skip_unreadable, on_images=on_images
    )
    if broken is not None:
        note(broken)
    place = positions(files.image_ids[rows[readable]], sets.image_ids, source=files.source)
    found = LabelledImages(files.source, pixels, sets.take(place), known, form)
    missing = classes_without_images(found)
    if missing is not None and on_warning is not None:
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


def of_the_classes(test: LabelledImages, images: LabelledImages) -> LabelledImages:
    """Test images with the K classes of those that are learned from.

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


def _labels_of(
    files: ImageFiles,
    labels: str | Path | LabelSets | None,
    classes: str | Path | Classes | None,
) -> tuple[LabelSets, Classes | None]:
    """Label sets with K, and the classes where they are known."""
    known = read_classes(classes) if isinstance(classes, str | Path) else classes
    if isinstance(labels, LabelSets):
        return labels, known
    if labels is not None and _holds_sets(Path(labels)):
        sets = read_labels(labels, classes=known, image_ids=files.image_ids)
        n_classes = sets.n_classes or int(sets.indices.max()) + 1
        return replace(sets, n_classes=n_classes), known
    if labels is not None:
        read = read_benchmark(labels, classes=known)
        ids, original, known, name = read.image_ids, read.original, read.classes, read.name
        assert original is not None  # noqa: S101 -- read_benchmark reads labels; this tells mypy
    elif files.labels is not None:
        texts, ids, name = list(files.labels), files.image_ids, files.source
        if known is None and not all(text.isdecimal() for text in set(texts)):
            known = Classes.from_names(sorted(set(texts)))
        original = class_indices(texts, known, f"{files.source}: label", first_row=1)
    else:
        raise DataError(
            f"{files.source}: it has no labels: no class folders, no column 'label', no .cls. Give "
            "them (--labels FILE)."
        )
    n_classes = int(original.max()) + 1 if known is None else len(known)
    indptr = np.arange(len(ids) + 1)
    return LabelSets(name, ids, indptr, original, n_classes=n_classes), known


def _holds_sets(path: Path) -> bool:
    """Whether a file of labels holds a set for each image, not one label."""
    if is_parquet(path):
        return read_table(path).find(("labels",)) is not None
    return path.suffix.lower() == ".json"


def _with_label(
    files: ImageFiles, sets: LabelSets, kept: Shaped[np.ndarray, "n"] | None, note: OnNote
) -> Int[np.ndarray, "n"]:
    """Rows of the images that have a label and are kept, in the order of the files."""
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
        note(f"{without:,} of {len(files):,} images have no label and are left out")
    if kept is not None:
        place = positions(kept, files.image_ids, source="--clean")
        if (place < 0).any():
            raise AlignmentError(
                f"--clean: image {preview(kept[place < 0])} is not in {files.source}, but must be; "
                f"{int((place < 0).sum()):,} of {len(kept):,} are not. Give the list of these "
                "images."
            )
        chosen = np.zeros(len(files), dtype=bool)
        chosen[place] = True
        use &= chosen
    if not use.any():
        raise DataError(
            f"{files.source}: there are 0 images left of {len(files):,}, but must be at least one "
            "with a label that is kept. Check the labels (--labels) and the list (--clean)."
        )
    return np.flatnonzero(use)
