"""Images in files, still encoded: folders, parquet with image bytes, WebDataset shards.

folder      image files below a folder; an image's id is its path below it, and where all lie
            in folders the first folder is its class
parquet     one file, or a folder of them: a column of bytes (or of ``{bytes, path}``, as in
            Hugging Face's data sets), optionally of ids and of labels
saved       what Hugging Face's ``save_to_disk`` leaves: a folder of Arrow files
prepared    a split of TensorFlow Datasets (`reassess.files.tfds`)
shards      one ``.tar``, a folder of them, or ``train-{0000..0012}.tar``: ``KEY.jpg`` with
            ``KEY.cls`` beside it

A folder and shards are read image by image, a table as a whole. Nothing is decoded here.
"""

import json
import os
import re
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import DataError, FileError, preview
from reassess.files.access import check_readable, read_json
from reassess.files.columns import IMAGE_BESIDE_BYTES, IMAGE_BYTES, LABEL
from reassess.files.frames import read_arrow_stream
from reassess.files.parquet import is_parquet, parquet_metadata
from reassess.files.tables import ColumnFile, read_table
from reassess.files.tfds import read_tfds, tfds_shards

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
)
_LABELS_IN_SHARDS = ("cls", "label")


@dataclass(frozen=True)
class ImageFiles:
    """Encoded images by id.

    Attributes:
        source: where they are, for messages.
        image_ids: N distinct ids, strings.
        labels: each image's label as the source has it, strings; None where it has none.
        read: the encoded bytes of the image in a row.
        in_folders: whether the labels are the names of class folders.
        class_names: the names of the classes that integer labels number, where the source has
            them; None where it does not.
        is_folder: whether each image is a file below ``source``, named by its id.
    """

    source: str
    image_ids: Shaped[np.ndarray, "N"]
    labels: tuple[str, ...] | None
    read: Callable[[int], bytes] = field(repr=False)
    in_folders: bool = False
    class_names: tuple[str, ...] | None = None
    is_folder: bool = False

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, rows: Int[np.ndarray, "n"]) -> "ImageFiles":
        """These images only, in this order; the others cannot be read from it."""
        places = rows.tolist()
        labels = None if self.labels is None else tuple(self.labels[row] for row in places)
        return replace(
            self,
            image_ids=self.image_ids[rows],
            labels=labels,
            read=lambda row: self.read(places[row]),
        )


def open_images(source: str | PathLike[str]) -> ImageFiles:
    """The images of a folder, of parquet or of shards, by what is there.

    Raises:
        FileError: there is nothing, no image, or a file is corrupt or of no known form.
        DataError: an id appears twice.
    """
    path = Path(source)
    prepared = tfds_shards(path)
    if prepared is not None:
        found = _prepared(path, prepared)
    elif path.is_dir():
        found = _in_folder(path)
    elif not path.exists() and "{" in path.name:
        found = _in_listed(path)
    elif is_parquet(path):
        found = _in_parquet([path])
    elif path.suffix.lower() == ".tar":
        found = _in_shards([path])
    elif path.exists():
        raise FileError(
            f"{path}: {path.suffix or 'a file without extension'} is not a known form of images. "
            "Use a folder, .parquet or .tar (docs/training.md)."
        )
    else:
        raise FileError(f"{path}: there is no such file or folder. Check the path.")
    values, counts = np.unique(found.image_ids, return_counts=True)
    if len(values) < len(found):
        raise DataError(
            f"{path}: image id {preview(values[counts > 1])} appears more than once, but must be "
            f"unique; {int((counts > 1).sum()):,} are. Rename one of each."
        )
    return found


def is_packed(path: Path) -> bool:
    """Whether images lie in files of many, and not each in a file of its own below a folder."""
    if not path.is_dir():
        return True
    if tfds_shards(path) is not None or _is_saved(path):
        return True
    endings = {one.suffix.lower() for one in path.iterdir()}
    return bool(endings & {".tar", ".parquet", ".pq"}) and not endings & SUFFIXES


_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_CHOICE = re.compile(r"\{([^{}.]+(?:,[^{}.]+)+)\}")


def expand_braces(name: str) -> list[str]:
    """The names that ``{000..012}`` and ``{a,b}`` stand for, as in WebDataset's addresses."""
    found = _RANGE.search(name)
    if found is not None:
        first, last = found[1], found[2]
        numbers = range(int(first), int(last) + 1)
        parts = [str(n).zfill(len(first)) for n in numbers]
    else:
        found = _CHOICE.search(name)
        if found is None:
            return [name]
        parts = found[1].split(",")
    before, after = name[: found.start()], name[found.end() :]
    return [one for part in parts for one in expand_braces(before + part + after)]


def _in_listed(path: Path) -> ImageFiles:
    """The shards or tables that a name with braces stands for.

    Raises:
        FileError: one of them is not there.
    """
    paths = [Path(one) for one in expand_braces(str(path))]
    missing = [one for one in paths if not one.is_file()]
    if missing or not paths:
        raise FileError(
            f"{path}: {preview(missing)} is not there; {len(missing):,} of {len(paths):,} files "
            "that it names are not. Check the numbers."
        )
    if all(is_parquet(one) for one in paths):
        return _in_parquet(paths)
    if all(one.suffix.lower() == ".tar" for one in paths):
        return _in_shards(paths)
    raise FileError(f"{path}: its files must all be .tar or all be .parquet.")


def _in_folder(folder: Path) -> ImageFiles:
    """A folder: of shards, of parquet, saved by Hugging Face's library, or of image files."""
    if _is_saved(folder):
        return _saved(folder)
    inside = sorted(folder.iterdir())
    shards = [one for one in inside if one.suffix.lower() == ".tar"]
    tables = [one for one in inside if is_parquet(one)]
    if shards:
        return _in_shards(shards)
    if tables:
        return _in_parquet(tables)
    ids = []
    for here, folders, names in os.walk(folder):
        folders.sort()
        below = Path(here).relative_to(folder)
        ids += [
            (below / name).as_posix()
            for name in sorted(names)
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        ]
    if not ids:
        raise FileError(
            f"{folder}: there are 0 images, but must be at least one: {', '.join(sorted(SUFFIXES))}"
            ", .parquet or .tar. Check the path."
        )
    first = [one.partition("/") for one in ids]
    labels = tuple(one[0] for one in first) if all(one[1] for one in first) else None
    return ImageFiles(
        str(folder), np.array(ids), labels, lambda row: _bytes_of(folder / ids[row]),
        in_folders=True, is_folder=True,
    )  # fmt: skip


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from error


_SPLITS, _STATE = "dataset_dict.json", "state.json"
"""What ``save_to_disk`` writes for several splits, and for each."""


def _is_saved(folder: Path) -> bool:
    one = (folder / _STATE).is_file() and (folder / "dataset_info.json").is_file()
    return one or (folder / _SPLITS).is_file()


def _saved(folder: Path) -> ImageFiles:
    """What ``save_to_disk`` of Hugging Face's library left, one split.

    Raises:
        FileError: there are several splits, or a file is missing or malformed.
    """
    if (folder / _SPLITS).is_file():
        about = read_json(folder / _SPLITS)
        splits = about.get("splits") if isinstance(about, dict) else None
        if not isinstance(splits, list) or not splits:
            raise FileError(f"{folder / _SPLITS}: it lists no splits. Save the data set again.")
        if len(splits) > 1:
            raise FileError(
                f"{folder}: it holds {len(splits)} splits, {preview(splits, 6)}, but one must be "
                f"read. Name it: {folder / str(splits[0])}"
            )
        return _saved(folder / str(splits[0]))
    state = read_json(folder / _STATE)
    try:
        paths = [folder / str(one["filename"]) for one in state["_data_files"]]
        reordered = state.get("_indices_data_files") or state.get("_indices_files")
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{folder / _STATE}: it lists no files. Save it again.") from error
    if reordered:
        raise FileError(
            f"{folder}: its rows are chosen by a file of indices, as older versions saved them. "
            "Save it again: data.flatten_indices().save_to_disk(...)"
        )
    tables = [read_arrow_stream(path) for path in paths]
    return _in_tables(
        [ColumnFile(one.path, one.header, one) for one, _ in tables],
        str(folder),
        tables[0][1] if tables else {},
    )


def _prepared(path: Path, shards: list[Path]) -> ImageFiles:
    """A split of TensorFlow Datasets."""
    found = read_tfds(shards)
    return ImageFiles(
        str(path), np.array(found.ids), found.labels, lambda row: _part_of(*found.places[row]),
        class_names=found.class_names,
    )  # fmt: skip


def _in_parquet(paths: list[Path]) -> ImageFiles:
    """Tables of image bytes, one after the other."""
    source = str(paths[0] if len(paths) == 1 else paths[0].parent)
    tables = [read_table(path) for path in paths]
    return _in_tables(tables, source, parquet_metadata(paths[0]))


def _in_tables(tables: list[ColumnFile], source: str, about: Mapping[str, str]) -> ImageFiles:
    """Tables of image bytes, one after the other, with what their metadata says."""
    content: list[bytes] = []
    ids: list[str] = []
    labels: list[str] | None = []
    for table in tables:
        path = table.path
        cells = table.cells(table.require_images(IMAGE_BYTES))
        if cells and isinstance(cells[0], dict):
            paths_inside = [str(cell.get("path") or "") for cell in cells]
            cells = [cell.get("bytes") for cell in cells]
        else:
            paths_inside = []
        wrong = [row for row, cell in enumerate(cells) if not isinstance(cell, bytes)]
        if wrong:
            raise FileError(
                f"{path}: row {wrong[0] + 1} holds {type(cells[wrong[0]]).__name__}, but must hold "
                f"an image's bytes; {len(wrong):,} of {len(cells):,} rows do not."
            )
        column = table.find(IMAGE_BESIDE_BYTES)
        if column is not None:
            ids += table.texts(column)
        elif paths_inside and all(paths_inside):
            ids += paths_inside
        else:
            ids += [str(len(content) + row) for row in range(len(cells))]
        label = table.find(LABEL)
        labels = None if label is None or labels is None else labels + table.texts(label)
        content += cells
    found = None if labels is None else tuple(labels)
    names = None if found is None else _names_of_classes(about)
    return ImageFiles(source, np.array(ids), found, content.__getitem__, class_names=names)


def _names_of_classes(about: Mapping[str, str]) -> tuple[str, ...] | None:
    """The names that Hugging Face's metadata give the classes of the label; None without them."""
    try:
        features = json.loads(about.get("huggingface", "{}"))["info"]["features"]
        label = next(name for name in features if LABEL.candidates([name]))
        names = features[label]["names"]
    except (KeyError, TypeError, ValueError, StopIteration):
        return None
    return tuple(map(str, names)) if isinstance(names, list) and names else None


def _in_shards(paths: list[Path]) -> ImageFiles:
    """Shards: where each image's bytes lie, read when they are asked for."""
    places: list[tuple[Path, int, int]] = []
    ids: list[str] = []
    labels: list[str | None] = []
    for path in paths:
        check_readable(path)
        found: dict[str, tuple[str, int, int]] = {}
        classes: dict[str, str] = {}
        try:
            with tarfile.open(path, "r:") as shard:
                for member in shard:
                    key, _, kind = _key(member.name)
                    if member.isfile() and f".{kind}" in SUFFIXES:
                        found[key] = (member.name, member.offset_data, member.size)
                    elif member.isfile() and kind in _LABELS_IN_SHARDS:
                        file = shard.extractfile(member)
                        text = b"" if file is None else file.read()
                        classes[key] = text.decode("utf-8").strip()
        except (tarfile.TarError, OSError, UnicodeDecodeError, EOFError) as error:
            raise FileError(f"{path}: it is not a complete tar of images ({error}).") from error
        ids += [name for name, _, _ in found.values()]
        places += [(path, offset, size) for _, offset, size in found.values()]
        labels += [classes.get(key) for key in found]
    if not ids:
        raise FileError(f"{paths[0]}: there are 0 images in the shards, but must be at least one.")
    known = tuple(label for label in labels if label)
    whole = known if len(known) == len(ids) else None
    source = str(paths[0] if len(paths) == 1 else paths[0].parent)
    return ImageFiles(source, np.array(ids), whole, lambda row: _part_of(*places[row]))


def _key(name: str) -> tuple[str, str, str]:
    """WebDataset's key and extension: the name is cut at the first dot after the last slash."""
    folder, slash, file = name.rpartition("/")
    stem, dot, kind = file.partition(".")
    return folder + slash + stem, dot, kind.lower()


def _part_of(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from error
