"""Writing beside and renaming, so that no reader ever sees half a file."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reassess.errors import FileError


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it is renamed to ``path`` when the block ends.

    Folders are made where they are missing. When the block raises, what it wrote is
    removed and whatever stood at ``path`` before is untouched.

    Raises:
        FileError: the folder cannot be written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix
        )
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written ({error.strerror}). Choose a folder that can (-o FILE)."
        ) from error
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror}).") from error
    except UnicodeEncodeError as error:
        raise FileError(f"{path}: cannot be written: a name is not text ({error}).") from error
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256_of(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes.

    Raises:
        FileError: the file is missing or unreadable.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from error
