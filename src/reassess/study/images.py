"""The files of a study's images: found by id below one folder, chosen as examples, copied small."""

import base64
import io
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from reassess.errors import AlignmentError, FileError, preview
from reassess.files.decoding import decode_image
from reassess.files.images import SUFFIXES
from reassess.files.remote_images import RemoteImages
from reassess.notes import note
from reassess.records import Benchmark, positions

N_EXAMPLES = 8
"""Example images a class, at most."""


class ImageFolder:
    """Image id → file below one folder, and never a file outside it.

    Images elsewhere are fetched when they are asked for first (`reassess.files.remote_images`).

    Args:
        folder: the folder, or the images elsewhere; None where the study has no images.
        image_ids: the ids that may be asked for; all others have no file.

    Raises:
        AlignmentError: an id fits several files, or two ids name one file.
        FileError: the images lie elsewhere and cannot be listed.
    """

    def __init__(self, folder: Path | RemoteImages | None, image_ids: Iterable[str]) -> None:
        self.remote = folder if isinstance(folder, RemoteImages) else None
        here = None if isinstance(folder, RemoteImages) else folder
        self._folder = None if here is None or not here.is_dir() else here.resolve()
        self._name = {image_id: image_id for image_id in image_ids}
        self._listed: frozenset[str] | None = None
        self.n_found = 0
        listed = None if self.remote is None or not self._name else self.remote.names()
        if listed is not None:
            self.n_found = self._look_up(listed, str(folder))
            self._listed = frozenset(listed)
        if self._folder is not None and self._name:
            files = _files_below(self._folder)
            self.n_found = self._look_up(files, str(folder))

    def __len__(self) -> int:
        return len(self._name)

    def __call__(self, image_id: str) -> Path | None:
        """The file of an image; None where there is none, or it lies outside the folder."""
        name = self._name.get(image_id)
        if self.remote is not None and name is not None:
            return self.remote.fetch(name) if self.has(image_id) else None
        if self._folder is None or name is None:
            return None
        try:
            path = (self._folder / name).resolve()
            inside = path.is_relative_to(self._folder) and path.is_file()
        except (OSError, ValueError, RuntimeError):  # links in a circle, a name that is no path
            return None
        return path if inside else None

    def has(self, image_id: str) -> bool:
        """Whether an image has a file, or may have one, told without fetching it."""
        name = self._name.get(image_id)
        if self.remote is None or name is None:
            return self(image_id) is not None
        return self._listed is None or name in self._listed

    def at_hand(self, image_id: str) -> Path | None:
        """The file of an image if it is on this machine by now."""
        name = self._name.get(image_id)
        if self.remote is None or name is None:
            return self(image_id)
        return self.remote.kept(name)

    def problem(self, image_id: str) -> str | None:
        """Why an image elsewhere could not be fetched; None where it was, or was not tried."""
        name = self._name.get(image_id)
        return None if self.remote is None or name is None else self.remote.problem(name)

    def files(self) -> dict[str, str]:
        """The path below the folder of each image, by its id; as named where there is no file."""
        return dict(self._name)

    def _look_up(self, files: list[str], folder: str) -> int:
        """How many ids have a file; ids that are the end of a file's path, or longer, find it."""
        there = set(files)
        absent = [image_id for image_id in self._name if image_id not in there]
        if not absent or not files:
            return len(self._name) - len(absent)
        row = positions(np.array(absent), np.array(files), source=folder)
        found = {one: files[i] for one, i in zip(absent, row.tolist(), strict=True) if i >= 0}
        self._name |= found
        return len(self._name) - len(absent) + len(found)


def note_unmatched_images(folder: Path | RemoteImages, image_ids: Sequence[str]) -> None:
    """Note which image files below a folder no label names, and which labels have no file.

    Args:
        folder: the folder of a study's images, or the images elsewhere.
        image_ids: the ids that its labels name.
    """
    try:
        images = ImageFolder(folder, image_ids)
    except (AlignmentError, FileError) as error:
        note(str(error))
        return
    listed = folder.names() if isinstance(folder, RemoteImages) else _files_below(folder.resolve())
    if listed is None:
        note(
            f"{folder}: HTTP lists no files, so whether every image has one is only known once it "
            "is fetched; `reassess serve` fetches them all."
        )
        return
    files = listed
    path_of = images.files()
    there, named = set(files), set(path_of.values())
    pictures = [one for one in files if Path(one).suffix.lower() in SUFFIXES and one[0] != "."]
    unnamed = [one for one in pictures if one not in named]
    absent = [one for one, file in path_of.items() if file not in there]
    if unnamed:
        note(
            f"{folder}: {len(unnamed):,} of {len(pictures):,} image files are not named by the "
            f"labels, such as {preview(unnamed)}. They are left out; add rows for them to the "
            "labels to have them in."
        )
    if absent:
        note(
            f"{folder}: {len(absent):,} of {len(image_ids):,} images of the labels have no file "
            f"there, such as {preview(absent)}. Raters cannot see them; check the folder (--images "
            "DIR)."
        )


def example_images(
    source: Benchmark, asked: Collection[str], images: ImageFolder, *, n_images: int = N_EXAMPLES
) -> dict[int, tuple[str, ...]]:
    """Images to show as examples of each class: by original label, never one that is rated.

    An image that is rated is nobody's example, since its example would tell its original label.
    Which images of a class are shown is drawn once and for all.

    Args:
        source: images and their original labels; the study's or others in the same folder.
        asked: ids of the images that raters are asked about.
        images: where the files are; what has no file is left out.
        n_images: how many a class at most.
    """
    if source.original is None:
        return {}
    found: dict[int, list[str]] = {}
    order = np.random.default_rng(0).permutation(len(source.image_ids))
    names = source.image_ids[order].tolist()
    for name, label in zip(names, source.original[order].tolist(), strict=True):
        chosen = found.setdefault(label, [])
        if len(chosen) < n_images and name not in asked and images.has(name):
            chosen.append(name)
    return {label: tuple(chosen) for label, chosen in sorted(found.items()) if chosen}


def _files_below(folder: Path) -> list[str]:
    """Every file below a folder, as a path with ``/``; folders that are links are not entered."""
    found: list[str] = []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        below = Path(parent).relative_to(folder).as_posix()
        start = "" if below == "." else f"{below}/"
        found += [start + name for name in sorted(files)]
    return found


SIDE = 200
"""Pixels of the longer side."""

_QUALITY = 72
_TINY = 64
"""Pixels up to which a copy is kept without loss: a JPEG would blur what little there is."""


def small_copies(folder: Path | RemoteImages, image_ids: Sequence[str]) -> dict[str, str]:
    """A ``data:`` address of a small picture for each image that has a readable file."""
    images = ImageFolder(folder, image_ids)
    found = {}
    for image_id in dict.fromkeys(image_ids):
        path = images(image_id)
        small = None if path is None else _small(path)
        if small is not None:
            kind, content = small
            found[image_id] = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return found


def _small(path: Path) -> tuple[str, bytes] | None:
    """A small copy without metadata, and its kind; None where the file shows no image."""
    try:
        small = decode_image(path.read_bytes(), longer=SIDE).pixels
    except (OSError, ValueError):
        return None
    small.thumbnail((SIDE, SIDE))
    small.info.clear()  # Pillow would write the profile again
    kind = "png" if max(small.size) <= _TINY else "jpeg"
    out = io.BytesIO()
    small.save(out, kind, quality=_QUALITY)
    return kind, out.getvalue()
