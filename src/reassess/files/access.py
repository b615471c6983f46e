"""Files as such: checked before they are read, written whole or not at all, never unpickled.

Text, JSON and NumPy's arrays are opened here, `.npy` memory-mapped; what they mean is for the
module of each format. A file is written beside its place and renamed; links are followed, and
what is no plain file is never replaced (`reassess.files.places`).
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from reassess.errors import DataError, FileError, preview
from reassess.files.columns import IMAGE
from reassess.files.places import Destination, destination, opened
from reassess.files.signatures import describe

Array = np.ndarray[Any, np.dtype[Any]]

BROKEN = (
    ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError,
    TokenError, TypeError, ValueError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise on unfinished, corrupt or foreign bytes."""


@contextmanager
def prefix_errors_with(path: Path) -> Iterator[None]:
    """Put the file's name before what a record finds wrong with the data that came from it.

    Raises:
        DataError: what the block raised, of the same kind, with the name.
    """
    try:
        yield
    except DataError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error


def exists(path: Path) -> bool:
    """Whether the path exists; one that cannot even be looked up does not."""
    try:
        return path.exists()
    except OSError:
        return False


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


def corrupt_file_error(path: Path, error: BaseException) -> FileError:
    """The error to raise for a file that NumPy or zipfile refused."""
    with path.open("rb") as file:
        head = file.read(6)
    text = str(error)
    if head[:1] == b"\x80" or "bject arrays" in text or "Python objects" in text:
        return FileError(
            f"{path}: it holds Python objects (a pickle), but must hold plain arrays; reading "
            "pickles would run whatever they contain. Save numbers or fixed-width strings, such "
            "as np.save(path, np.asarray(values, dtype=float))."
        )
    if head != np.lib.format.MAGIC_PREFIX and head[:2] != b"PK":
        foreign = describe(path)
        if foreign is not None:
            return FileError(f"{path}: it must be a NumPy file, but {foreign}")
        return FileError(
            f"{path}: it is not a NumPy file (its first bytes are {head!r}). Write it with np.save "
            "or np.savez, or give it the extension of what it is."
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
        raise corrupt_file_error(path, error) from error
    if isinstance(array, np.lib.npyio.NpzFile):
        array.close()
        raise FileError(f"{path}: it is an archive, but must be one array. Name it .npz.")
    return array


_LARGE = 1 << 24
"""Bytes from which an array of an archive may stay in the file."""


def read_npz(
    path: Path,
    names: list[str] | None = None,
    *,
    without: Collection[str] = (),
    mapped: bool = False,
) -> dict[str, Array]:
    """The arrays of a `.npz` archive by name; only ``names`` where given.

    Args:
        path: the archive.
        names: the arrays that must be there and are read; None for all.
        without: names of what is left out unread.
        mapped: whether large arrays of two axes, and of texts, stay in the file, mapped and
            read-only, where it is not compressed.

    Raises:
        FileError: the file is missing or corrupt, an array is missing or holds objects.
    """
    check_readable(path)
    try:
        with path.open("rb") as file:  # np.load itself would leave a corrupt archive open
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise FileError(f"{path}: it is one array, but must be an archive. Name it .npy.")
            missing = [name for name in names or () if name not in archive.files]
            if missing:
                raise FileError(
                    f"{path}: the array {missing[0]!r} is not in the archive, which holds "
                    f"{preview(archive.files, 8) or 'nothing'}. Write it with that name."
                )
            wanted = names or [name for name in archive.files if name not in without]
            arrays = {}
            for name in wanted:
                array = _mapped_member(path, archive.zip, name) if mapped else None
                arrays[name] = archive[name] if array is None else array
    except BROKEN as error:
        raise corrupt_file_error(path, error) from error
    foreign = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if foreign:
        raise FileError(
            f"{path}: {foreign[0]!r} in the archive is not an array. Write the archive with "
            "np.savez."
        )
    return arrays


def _mapped_member(path: Path, archive: zipfile.ZipFile | None, name: str) -> Array | None:
    """A large array of an archive, mapped from the file; None where it must be read."""
    if archive is None or f"{name}.npy" not in archive.namelist():
        return None
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size < _LARGE:
        return None
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
        begin = info.header_offset + _LOCAL_HEADER + sum(struct.unpack("<HH", header[26:]))
        file.seek(begin)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        reader = readers.get(np.lib.format.read_magic(file))
        if reader is None:
            return None
        shape, is_fortran, dtype = reader(file)
        offset = file.tell()
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    if (
        dtype.hasobject
        or is_fortran
        or len(shape) != (1 if dtype.kind == "U" else 2)
        or offset - begin + n_bytes != info.file_size
    ):
        return None
    return np.memmap(path, dtype, "r", offset, shape)


_LOCAL_HEADER = 30
"""Bytes that stand before the name of a member of an archive; the last four are the lengths of that
name and of what follows it."""


def as_strings(array: Array, where: str) -> Array:
    """An array of ids as strings; bytes are read as UTF-8, integers as their digits.

    Raises:
        FileError: the array is neither text nor integers, has more than one axis, or holds
            bytes that are no UTF-8.
    """
    if array.ndim != 1 or array.dtype.kind not in "USiu":
        raise FileError(
            f"{where}: ids have the shape {array.shape} and type {array.dtype}, but must be one "
            "row of strings. Save them with np.array(ids, dtype=str)."
        )
    if array.dtype.kind == "S":
        try:
            return np.strings.decode(array, "utf-8")
        except UnicodeDecodeError as error:
            raise FileError(f"{where}: an id is not UTF-8 text ({error}).") from error
    return array if array.dtype.kind == "U" else array.astype(str)


def read_json(path: Path) -> Any:
    """What a JSON file holds; a name that an object has twice is an error, not the last one.

    Raises:
        FileError: the file is missing, unfinished or not JSON.
        DataError: an object has a name twice.
    """

    def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in found if names.count(name) > 1)
            raise DataError(f"{path}: {twice!r} appears more than once, but must be unique.")
        return found

    check_readable(path)
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        foreign = describe(path)
        if foreign is not None:
            raise FileError(f"{path}: it must be JSON, but {foreign}") from error
        raise FileError(
            f"{path}: the file is unfinished or not JSON ({error}). {_json_remedy(path)}"
        ) from error


def _json_remedy(path: Path) -> str:
    """What to do about a text that is not JSON, by its first line."""
    with path.open("rb") as file:
        line = file.readline(4096).decode("utf-8", "replace").strip()
    if line.startswith("{") and line.endswith("}"):
        return "If it is JSON Lines, put its objects into one list."
    if len(columns := re.split(r"[,;\t|]", line)) > 1 and IMAGE.candidates(columns):
        return "It seems to be a table: name it .csv."
    return "Write it again."


def sync_file(path: Path) -> None:
    """Wait until the disk holds what was written to a file.

    Windows syncs only a file that is opened for writing; elsewhere one that is read-only syncs too.

    Raises:
        OSError: the disk does not take it.
    """
    with path.open("rb+" if os.name == "nt" else "rb") as file:
        os.fsync(file.fileno())


@contextmanager
def write_atomically(path: str | PathLike[str]) -> Iterator[Path]:
    """A path to write to, beside ``path``, whose place it takes by rename when the block ends.

    Folders are made where they are missing. When the block raises, what it wrote is removed and
    whatever stood at ``path`` before is untouched. A link stays: its target is replaced. The new
    file has the mode, and where possible the owner, of the one that it replaces. What exists and
    is no plain file, such as a pipe or ``/dev/stdout``, gets the bytes when the block ends.

    Raises:
        FileError: it is a folder, a socket or a disk, is read-only, or cannot be written.
    """
    place = destination(path)
    try:
        beside = _new_file(place)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written ({error.strerror}). Choose a folder that can (-o FILE)."
        ) from error
    try:
        yield beside
        if place.is_plain:
            sync_file(beside)
        else:
            with beside.open("rb") as file, opened(place) as target:
                shutil.copyfileobj(file, target)
        if place.is_plain:
            _keep_mode(beside, place.status)
            beside.replace(place.target)
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror}).") from error
    except UnicodeEncodeError as error:
        raise FileError(f"{path}: cannot be written: a name is not text ({error}).") from error
    finally:
        beside.unlink(missing_ok=True)


def _new_file(place: Destination) -> Path:
    """An empty file with the suffix of the path: in its folder, or where temporary files are.

    It has the rights that the umask leaves a new file; where one is replaced, only ours until
    `_keep_mode`.
    """
    suffix = place.path.suffix
    if not place.is_plain:
        handle, name = tempfile.mkstemp(suffix=suffix)
        os.close(handle)
        return Path(name)
    place.target.parent.mkdir(parents=True, exist_ok=True)
    beside = place.target.with_name(f".{secrets.token_hex(8)}{suffix}")
    mode = 0o666 if place.status is None else 0o600
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    return beside


def _keep_mode(beside: Path, status: os.stat_result | None) -> None:
    """Give a new file the owner, where we may, and the mode of the one that it replaces."""
    if status is None:
        return
    for uid, gid in ((-1, status.st_gid), (status.st_uid, -1)):
        with suppress(PermissionError):
            os.chown(beside, uid, gid)
    beside.chmod(stat.S_IMODE(status.st_mode))


def sha256_of(path: str | PathLike[str]) -> str:
    """Hexadecimal SHA-256 of a file's bytes.

    Raises:
        FileError: the file is missing or unreadable.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from error
