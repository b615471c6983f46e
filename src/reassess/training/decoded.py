"""Decoded images that the next run finds: one memory-mapped file a set of images and transform.

A file is named by the hash of the encoded images, of what becomes of them and of the decoders'
versions, so that it is never that of other images. All of it can be computed again: a file that
cannot be read is ignored, and the files used longest ago go where there are too many.

Decodes nothing (`reassess.training.images`). Letters: N images, S the side in pixels.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from reassess.errors import FileError
from reassess.files import write_atomically
from reassess.files.plain_jpegs import decoder_version
from reassess.notes import note

VARIABLE = "REASSESS_DECODED"
"""The variable of the environment that names another folder; empty for none."""

_LEAST_BYTES = 8 * 2**20
"""Bytes below which decoding again costs less than a file in the cache."""

_MOST_BYTES = 16 * 2**30
"""Bytes of all files together, above which the ones used longest ago are removed."""


@dataclass(frozen=True)
class DecodedImages:
    """A folder of decoded images.

    Attributes:
        folder: where they are; None to keep none.
        least_bytes: of a set that is worth a file.
        most_bytes: of all files together.
    """

    folder: Path | None
    least_bytes: int = _LEAST_BYTES
    most_bytes: int = _MOST_BYTES

    @classmethod
    def default(cls) -> "DecodedImages":
        """The folder that ``REASSESS_DECODED`` names, else one in the user's cache folder."""
        named = os.environ.get(VARIABLE)
        if named is not None:
            return cls(Path(named) if named else None)
        import pooch

        return cls(Path(pooch.os_cache("reassess")) / "decoded")

    def is_worth_keeping(self, shape: tuple[int, ...]) -> bool:
        """Whether so many squares are kept in a file."""
        return self.folder is not None and self.least_bytes <= int(np.prod(shape)) <= (
            self.most_bytes
        )

    def key(self, parts: Iterable[bytes], transform: str) -> str:
        """The name of images with these hashes, under a transform."""
        import PIL

        about = f"1 {transform} Pillow {PIL.__version__} {decoder_version()}"
        found = hashlib.sha256(about.encode())
        for part in parts:
            found.update(part)
        return found.hexdigest()[:32]

    def find(self, key: str, shape: tuple[int, ...]) -> UInt8[np.ndarray, "N S S 3"] | None:
        """The images of a key, mapped into memory; None where there are none.

        What is written into the array stays in this process.
        """
        path = self._path(key)
        try:
            found: UInt8[np.ndarray, "N S S 3"] = np.load(path, mmap_mode="c", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if found.shape != shape or found.dtype != np.uint8:
            return None
        with suppress(OSError):
            os.utime(path)  # the time of its last use
        return found

    def keep(self, key: str, pixels: UInt8[np.ndarray, "N S S 3"]) -> None:
        """Write images for the next run; where that fails, a note says so."""
        path = self._path(key)
        try:
            self._make_room(pixels.nbytes)
            with write_atomically(path) as beside, beside.open("wb") as file:
                np.save(file, pixels, allow_pickle=False)
        except (FileError, OSError) as error:
            reason = " ".join(str(error).split())
            note(
                f"the decoded images are not kept for the next run ({reason}); {VARIABLE} names "
                "another folder, or none where it is empty."
            )

    def _path(self, key: str) -> Path:
        assert self.folder is not None  # noqa: S101 -- the caller asked; this tells mypy
        return self.folder / f"{key}.npy"

    def _make_room(self, n_bytes: int) -> None:
        """Remove the files used longest ago until so many bytes more are not too many."""
        assert self.folder is not None  # noqa: S101 -- the caller asked; this tells mypy
        files = [(path, path.stat()) for path in self.folder.glob("*.npy")]
        files.sort(key=lambda one: one[1].st_mtime)
        total = sum(status.st_size for _, status in files) + n_bytes
        for path, status in files:
            if total <= self.most_bytes:
                return
            path.unlink(missing_ok=True)
            total -= status.st_size
