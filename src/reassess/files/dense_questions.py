"""What the questions of the published dense archive are about: ``info``, an image and a class each.

``info`` is an array of texts of one width, 250 bytes a question: of many questions it is read some
rows at a time, and their images are numbered without an object for any of them. Where anything in
it is unusual, it is read whole, by the code that names the row.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import DataError, FileError
from reassess.files.access import BROKEN, as_strings, read_npz
from reassess.files.class_words import class_indices
from reassess.files.interning import NOT_ASCII, ODD, Texts
from reassess.notes import collect_notes
from reassess.records import Pairs, factorize
from reassess.records.arrays import TextBytes
from reassess.records.benchmark import plain_text

CLASS_IDS = "class_ids"
"""The array of class ids: ours has it, the published one has not."""

SMALLEST = 1 << 18
"""Questions from which they are read some at a time: below, compiling takes longer."""

_QUESTIONS_AT_ONCE = 1 << 17


def read_dense_pairs(path: Path) -> Pairs:
    """What the questions of the published archive are about; their votes are not read.

    Raises:
        FileError: the file is missing or corrupt, or ``info`` is of another form.
        DataError: a class is no index, or a pair repeats.
    """
    has_ids = _class_ids_in(path)
    many = _many_pairs(path)
    if many is not None:
        stated = read_npz(path, has_ids).get(CLASS_IDS) if has_ids else None
        return Pairs.of_distinct(*many, _class_ids(stated, path)).checked()
    arrays = read_npz(path, ["info", *has_ids])
    info = arrays["info"]
    if info.ndim != 2 or info.shape[1] != 2 or info.dtype.kind not in "US":
        raise FileError(
            f"{path}: 'info' has the shape {info.shape} and type {info.dtype}, but must be "
            "[questions, 2] strings: file name and class index."
        )
    image_ids, image = _plain(factorize(as_strings(info[:, 0], str(path)).tolist()))
    texts = as_strings(info[:, 1], str(path)).tolist()
    label = class_indices(texts, None, f"{path}: 'info'", labels_are="index", first_row=0)
    return Pairs(image_ids, image, label, _class_ids(arrays.get(CLASS_IDS), path))


def _class_ids(stated: Shaped[np.ndarray, "K"] | None, path: Path) -> tuple[str, ...] | None:
    return None if stated is None else tuple(as_strings(stated, str(path)).tolist())


def _plain(
    coded: tuple[Shaped[np.ndarray, "n"], Int[np.ndarray, "V"]],
) -> tuple[Shaped[np.ndarray, "m"], Int[np.ndarray, "V"]]:
    """Distinct ids without blanks around them and in NFC, and the new code of each value."""
    ids, place = factorize([plain_text(one) for one in coded[0].tolist()])
    return ids, place[coded[1]]


def _class_ids_in(path: Path) -> list[str]:
    """The array of class ids, if the archive has it: the published one has not."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [CLASS_IDS] if f"{CLASS_IDS}.npy" in archive.namelist() else []
    except BROKEN:
        return []  # whoever reads on says so


def array_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of the array whose bytes follow."""
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _many_pairs(
    path: Path,
) -> tuple[TextBytes, Int[np.ndarray, "Q"], Int[np.ndarray, "Q"]] | None:
    """Distinct images, image and class of each question; None where they are to be read whole."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("info.npy") as file:
            shape, fortran, dtype = array_header(file)
            if fortran or len(shape) != 2 or shape[1] != 2 or dtype.kind not in "US":
                return None
            if shape[0] < SMALLEST:
                return None
            images, classes = Texts(shape[0]), Texts()
            image, label = np.empty(shape[0], np.int32), np.empty(shape[0], np.int32)
            for start in range(0, shape[0], _QUESTIONS_AT_ONCE):
                n = min(_QUESTIONS_AT_ONCE, shape[0] - start)
                raw = file.read(2 * n * dtype.itemsize)
                cells = np.frombuffer(raw, dtype).reshape(n, 2)
                image[start : start + n] = _numbers(cells[:, 0], images)
                label[start : start + n] = _numbers(cells[:, 1], classes)
    except (*BROKEN, UnicodeError):
        return None
    is_plain = not (images.kinds | classes.kinds) & ODD
    if not is_plain or any(plain_text(one) != one for one in _not_ascii(images)):
        return None
    with collect_notes() as notes:
        try:
            words = classes.all_as_list()
            index = class_indices(words, None, "'info'", labels_are="index", first_row=0)
        except (DataError, FileError):
            return None
    return None if notes.texts else (images.as_bytes(), image, index.astype(np.int32)[label])


def _not_ascii(texts: Texts) -> list[str]:
    return texts.not_ascii() if texts.kinds & NOT_ASCII else []


def _numbers(cells: Shaped[np.ndarray, "n"], texts: Texts) -> Int[np.ndarray, "n"]:
    """The number of each cell's text."""
    some = TextBytes.of(np.strings.decode(cells, "utf-8") if cells.dtype.kind == "S" else cells)
    return texts.number(None, some.ends, some.content)
