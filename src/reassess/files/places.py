"""Where a file is written: what a path leads to, and whether two paths lead to one place.

Links are followed, so that a link stays a link. What exists and is no plain file – a pipe, a
terminal, ``/dev/stdout`` – is written to as it is and never replaced; a folder, a socket or a disk
is refused, and so is an extension that says another form than is written.
`reassess.files.access.write_atomically` writes there.
"""

import contextlib
import errno
import os
import re
import stat
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO

from reassess.errors import FileError, OptionError

_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|\d+))/fd/(\d+)")
_MOST_LINKS = 40
"""As many as Linux follows."""
_HOLD_SOMETHING = frozenset((
    ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".npy", ".npz", ".md", ".tex",
    ".html", ".htm", ".xml", ".txt", ".xlsx", ".xls", ".ods", ".pdf", ".png", ".svg", ".jpg",
    ".jpeg", ".safetensors", ".pt", ".pth", ".pkl", ".db", ".sqlite", ".toml", ".yaml", ".yml",
    ".zip", ".gz", ".tar",
))  # fmt: skip
"""Extensions that say what a file holds."""
PIPE_SECONDS = 30.0
"""How long a pipe without a reader is waited for."""


@dataclass(frozen=True, slots=True)
class Destination:
    """What a path that is written to leads to.

    Attributes:
        path: as it was given, for messages.
        target: the same, links followed.
        status: what exists there; None where nothing does.
        descriptor: the open file of this process that the path names, as ``/dev/stdout`` does.
    """

    path: Path
    target: Path
    status: os.stat_result | None
    descriptor: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether a new plain file may take its place."""
        is_file = self.status is None or stat.S_ISREG(self.status.st_mode)
        return is_file and self.descriptor is None


def destination(path: str | PathLike[str]) -> Destination:
    """What a path leads to, if it may be written.

    Raises:
        FileError: it is a folder, a socket or a disk, is read-only, lies below a file or in a
            folder that cannot be written to, or its links lead nowhere.
    """
    path = Path(path)
    try:
        descriptor = _descriptor(path)
        if descriptor is not None:
            return Destination(path, path, os.fstat(descriptor), descriptor)
        target = Path(os.path.realpath(path))
        if target.is_symlink():
            raise FileError(f"{path}: cannot be written (its links lead in a circle).")
        status = _status(target)
        if status is None:
            _check_folder(target)
        else:
            _check_status(path, target, status)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FileError(
            f"{path}: cannot be written ({reason}). Choose another file (-o FILE)."
        ) from error
    return Destination(path, target, status)


def check_extension(
    path: str | PathLike[str], own: Sequence[str], remedy: str = "Rename it"
) -> None:
    """Refuse a name whose extension says that the file holds something else than is written.

    Names without an extension, such as ``/dev/stdout``, and those with an unknown one may be used.

    Args:
        path: the name.
        own: the extensions of what is written.
        remedy: what to do.

    Raises:
        OptionError: the extension is another form's.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _HOLD_SOMETHING and suffix not in own:
        raise OptionError(
            f"the output is {str(path)!r}, but must end in {' or '.join(own)}, which says what is "
            f"written. {remedy}."
        )


def check_new_folder(folder: Path) -> None:
    """Refuse a folder that a data set would be written into but holds something already.

    Raises:
        FileError: it is a file, or a folder that is not empty.
    """
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise FileError(
            f"{folder}: it is there already, but must be a new or empty folder. Name another, or "
            "remove it."
        )


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside a new one, which takes its place once the block ends, whole or not at all.

    Raises:
        FileError: the folder holds something already, or cannot be written.
    """
    check_new_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as beside:
            place = Path(beside) / folder.name
            yield place
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()
            place.rename(folder)
    except OSError as error:
        raise FileError(f"{folder}: cannot be written ({error.strerror}).") from error


def _descriptor(path: Path) -> int | None:
    """The number of the open file of this process that a path names; None for other paths."""
    own = {"fd", "self", "thread-self", str(os.getpid())}
    for _ in range(_MOST_LINKS):
        path = Path(os.path.realpath(path.parent)) / path.name
        if str(path) in _STREAMS:
            return _STREAMS[str(path)]
        found = _DESCRIPTOR.fullmatch(str(path))
        if found is not None and path.parts[2] in own:
            return int(found[1])
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _status(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None


def _check_folder(target: Path) -> None:
    """Refuse a new file that its folder cannot take."""
    above = next(one for one in target.parents if os.path.lexists(one))
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{above} is no folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"the folder {above} is read-only")


def _check_status(path: Path, target: Path, status: os.stat_result) -> None:
    """Refuse what exists and must not be written to."""
    mode = status.st_mode
    kinds = {stat.S_IFDIR: "folder", stat.S_IFSOCK: "socket", stat.S_IFBLK: "disk"}
    kind = kinds.get(stat.S_IFMT(mode))
    if kind is not None:
        within = "Name a file in it" if kind == "folder" else "Choose another file"
        raise FileError(
            f"{path}: cannot be written: it is a {kind}, but must be a file. {within} (-o FILE)."
        )
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    if stat.S_ISREG(mode) and not os.access(target.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"the folder {target.parent} is read-only")


@contextlib.contextmanager
def opened(place: Destination) -> Iterator[IO[bytes]]:
    """What exists and is no plain file, open to be written to as it is.

    Raises:
        FileError: nobody reads the pipe.
        OSError: it cannot be opened.
    """
    if place.descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        number = os.dup(place.descriptor)
    elif place.status is not None and stat.S_ISFIFO(place.status.st_mode):
        number = _open_pipe(place)
    else:
        number = os.open(place.target, os.O_WRONLY)
    with os.fdopen(number, "wb") as file:
        yield file


def _open_pipe(place: Destination) -> int:
    """A pipe with a reader, open."""
    until = time.monotonic() + PIPE_SECONDS
    while True:
        try:
            number = os.open(place.target, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        else:
            os.set_blocking(number, True)
            return number
        if time.monotonic() > until:
            raise FileError(
                f"{place.path}: cannot be written: it is a pipe, but nothing has opened it to read "
                f"for {PIPE_SECONDS:g} seconds. Start its reader first, or choose a file (-o FILE)."
            )
        time.sleep(0.02)


def is_same_place(one: str | PathLike[str], other: str | PathLike[str]) -> bool:
    """Whether two paths are one file, or would be.

    Links are followed; names that differ by case or Unicode form are one where the file system
    says so.
    """
    one, other = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        pass
    if one == other:
        return True
    if one.parent == one or other.parent == other or _exists(one) or _exists(other):
        return False
    if one.name == other.name or (_folded(one) == _folded(other) and _ignores_case(one)):
        return is_same_place(one.parent, other.parent)
    return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", path.name).casefold()


def _ignores_case(path: Path) -> bool:
    """Whether a file system knows the folder above a path in other letters, too."""
    for above in path.parents:
        swapped = above.name.swapcase()
        if swapped != above.name and above.exists():
            with contextlib.suppress(OSError):
                return above.samefile(above.with_name(swapped))
            return False
    return False
