"""`.npy` and `.npz` files, memory-mapped where the format allows it and never unpickled."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import FileError

Array = np.ndarray[Any, np.dtype[Any]]

BROKEN = (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error)
"""What NumPy and zipfile raise on unfinished, corrupt or foreign bytes."""


def check_readable(path: Path) -> None:
    """Refuse a path that is no readable file.

    Raises:
        FileError: it does not exist, is a folder, is empty or must not be read.
    """
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise FileError(f"{path}: there is no such file. Check the path.") from error
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from error
    if empty:
        raise FileError(f"{path}: the file is empty. Write it again.")


def broken(path: Path, error: BaseException) -> FileError:
    """The error to raise for a file that NumPy or zipfile refused."""
    head = path.open("rb").read(1)
    text = str(error)
    if head == b"\x80" or "pickle" in text or "Python objects" in text:
        return FileError(
            f"{path}: it holds Python objects (a pickle), but must hold plain arrays; reading "
            "pickles would run whatever they contain. Save numbers or fixed-width strings, such "
            "as np.save(path, np.asarray(values, dtype=float))."
        )
    reason = " ".join(text.split()) or type(error).__name__
    return FileError(f"{path}: the file is unfinished or corrupt ({reason}). Write it again.")


def read_npy(path: Path) -> Array:
    """The array of a `.npy` file, memory-mapped and read-only.

    Raises:
        FileError: the file is missing, corrupt, or holds Python objects.
    """
    check_readable(path)
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except BROKEN as error:
        raise broken(path, error) from error
    if not isinstance(array, np.ndarray):
        raise FileError(f"{path}: it is an archive, but must be one array. Name it .npz.")
    return array


def read_npz(path: Path, names: list[str] | None = None) -> dict[str, Array]:
    """The arrays of a `.npz` archive by name; only ``names`` where given.

    Raises:
        FileError: the file is missing or corrupt, an array is missing or holds objects.
    """
    check_readable(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise FileError(f"{path}: it is one array, but must be an archive. Name it .npy.")
            missing = [name for name in names or () if name not in archive.files]
            if missing:
                raise FileError(
                    f"{path}: the array {missing[0]!r} is not in the archive, which holds "
                    f"{', '.join(archive.files) or 'nothing'}. Write it with that name."
                )
            return {name: archive[name] for name in (names or archive.files)}
    except BROKEN as error:
        raise broken(path, error) from error


def names_in_npz(path: Path) -> list[str]:
    """The names of the arrays in a `.npz` archive.

    Raises:
        FileError: the file is missing or no archive.
    """
    check_readable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except BROKEN as error:
        raise broken(path, error) from error


def as_strings(array: Array, where: str) -> Array:
    """An array of ids as strings; bytes are read as UTF-8, integers as their digits.

    Raises:
        FileError: the array is neither text nor integers, or has more than one axis.
    """
    if array.ndim != 1 or array.dtype.kind not in "USiu":
        raise FileError(
            f"{where}: ids have the shape {array.shape} and type {array.dtype}, but must be one "
            "row of strings. Save them with np.array(ids, dtype=str)."
        )
    if array.dtype.kind == "S":
        return np.strings.decode(array, "utf-8")
    return array.astype(str)
