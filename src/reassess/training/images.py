"""Decoded images, in memory or decoded batch by batch by threads.

Images become squares of one side: the shorter edge is scaled, the middle is cut out. What
fits is decoded once and held (`InMemoryImages`); what does not is decoded when it is needed, ahead
of the model (`StreamedImages`). Letters: N images, B of a batch, S the side in pixels.

Which files there are is for `reassess.files.images`, what is done to a batch in training for
`reassess.training.batches`.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Int, Shaped, UInt8
from torch import Tensor

from reassess.errors import DataError, preview
from reassess.files.decoding import decode_image
from reassess.files.images import ImageFiles
from reassess.progress import Progress, null_progress

MAX_BYTES_IN_MEMORY = 4 * 2**30
"""Bytes of decoded images that are kept in memory."""

_PROGRESS_EVERY = 2048
"""Images between two signs of progress."""

_N_PREFETCHED = 3
"""Batches that are decoded ahead: enough that a slow image delays no step, few in memory."""

_DIGEST = "S16"
_BICUBIC = 3
"""As Pillow counts its ways to resize."""


@dataclass(frozen=True)
class ImageTransform:
    """How an image becomes a square.

    Attributes:
        side: S.
        crop: the part of the scaled shorter edge that the square covers, in (0, 1].
    """

    side: int = 32
    crop: float = 1.0


def decode(content: bytes, transform: ImageTransform) -> UInt8[np.ndarray, "S S 3"]:
    """The square in the middle of an encoded image, as RGB; decoded as raters see it.

    Raises:
        ValueError: the bytes are no image that Pillow reads.
        MissingExtraError: Pillow is missing.
    """
    edge = max(transform.side, round(transform.side / transform.crop))
    image = decode_image(content, shorter=edge).pixels.convert("RGB")
    width, height = image.size
    if min(width, height) != edge:
        scale = edge / min(width, height)
        size = (max(edge, round(width * scale)), max(edge, round(height * scale)))
        image = image.resize(size, _BICUBIC)
    left, top = (image.width - transform.side) // 2, (image.height - transform.side) // 2
    return np.asarray(image.crop((left, top, left + transform.side, top + transform.side)))


class InMemoryImages:
    """Decoded images in memory, on whatever device.

    Args:
        pixels: one square an image; not to be changed afterwards.
        digests: the hash of each, where it is known.
    """

    def __init__(
        self, pixels: UInt8[Tensor, "N S S 3"], digests: Shaped[np.ndarray, "N"] | None = None
    ) -> None:
        self.pixels = pixels
        self._digests = digests

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def side(self) -> int:
        """S."""
        return int(self.pixels.shape[1])

    def take(self, rows: Int[np.ndarray, "n"]) -> "InMemoryImages":
        """These images only, copied: the others are not in it."""
        digests = None if self._digests is None else self._digests[rows]
        return InMemoryImages(self.pixels[torch.from_numpy(rows).to(self.pixels.device)], digests)

    def to(self, device: torch.device) -> "InMemoryImages":
        """The same on a device."""
        return InMemoryImages(self.pixels.to(device), self._digests)

    def batches(self, rows: Iterable[Int[Tensor, "_"]]) -> Iterator[UInt8[Tensor, "_ S S 3"]]:
        """The images of each batch of rows."""
        for batch in rows:
            yield self.pixels[batch.to(self.pixels.device)]

    def digests(self) -> Shaped[np.ndarray, "N"]:
        """A hash of each image's pixels: equal images have equal ones."""
        if self._digests is None:
            plain = self.pixels.cpu().numpy()
            self._digests = np.array([_hash(one.tobytes()) for one in plain], _DIGEST)
        return self._digests


class StreamedImages:
    """Images that are decoded by threads when they are needed, some batches ahead.

    Args:
        files: where they are.
        transform: what becomes of them.
        digests: a hash of each one's file.
    """

    def __init__(
        self, files: ImageFiles, transform: ImageTransform, digests: Shaped[np.ndarray, "N"]
    ) -> None:
        self._files = files
        self._transform = transform
        self._digests = digests

    def __len__(self) -> int:
        return len(self._files)

    @property
    def side(self) -> int:
        """S."""
        return self._transform.side

    def take(self, rows: Int[np.ndarray, "n"]) -> "StreamedImages":
        """These images only; the others cannot be read from it."""
        return StreamedImages(self._files.take(rows), self._transform, self._digests[rows])

    def to(self, device: torch.device) -> "StreamedImages":
        """Itself: batches move to the device one by one."""
        del device
        return self

    def batches(self, rows: Iterable[Int[Tensor, "_"]]) -> Iterator[UInt8[Tensor, "_ S S 3"]]:
        """The images of each batch of rows, decoded while the batches before are used.

        Raises:
            DataError: an image cannot be decoded, with its name.
        """
        queue: list[list[Future[UInt8[np.ndarray, "S S 3"]]]] = []
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            ahead = iter(rows)
            try:
                while True:
                    queue.extend(
                        [pool.submit(self._decode, row) for row in batch.tolist()]
                        for batch in islice(ahead, _N_PREFETCHED - len(queue))
                    )
                    if not queue:
                        return
                    yield torch.from_numpy(np.stack([one.result() for one in queue.pop(0)]))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, row: int) -> UInt8[np.ndarray, "S S 3"]:
        try:
            return decode(self._files.read(row), self._transform)
        except ValueError as error:
            raise _unreadable(self._files, [row], str(error)) from error

    def digests(self) -> Shaped[np.ndarray, "N"]:
        """A hash of each image's file: equal files have equal ones."""
        return self._digests


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


Pixels = InMemoryImages | StreamedImages
"""Images that can be trained on."""


def load_pixels(
    files: ImageFiles,
    transform: ImageTransform,
    *,
    skip_unreadable: bool = False,
    max_bytes_in_memory: int = MAX_BYTES_IN_MEMORY,
    progress: Progress = null_progress,
) -> tuple[Pixels, Int[np.ndarray, "n"], str | None]:
    """Images ready for training, the rows of the files that they are, and what was left out.

    Every image is decoded once, so that a broken one is found before hours of training.

    Args:
        files: the encoded images.
        transform: what becomes of them.
        skip_unreadable: leave out what cannot be decoded instead of refusing it.
        max_bytes_in_memory: bytes above which images are decoded when they are needed.
        progress: shown how many were decoded.

    Raises:
        DataError: images cannot be decoded, with their names and number; or none can.
        MissingExtraError: Pillow is missing.
    """
    n_bytes = len(files) * transform.side**2 * 3
    keep = n_bytes <= max_bytes_in_memory
    pixels = np.empty((len(files) if keep else 0, transform.side, transform.side, 3), np.uint8)
    digests = np.zeros(0 if keep else len(files), _DIGEST)
    broken: list[int] = []
    reason = ""

    def decode_one(row: int) -> str | None:
        content = files.read(row)
        try:
            found = decode(content, transform)
        except ValueError as error:
            return str(error) or "no image"
        if keep:
            pixels[row] = found
        else:
            digests[row] = _hash(content)
        return None

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(files), _PROGRESS_EVERY):
            part = range(start, min(start + _PROGRESS_EVERY, len(files)))
            for row, error in zip(part, pool.map(decode_one, part), strict=True):
                if error is not None:
                    broken.append(row)
                    reason = reason or error
            progress("", done=part.stop, total=len(files))
    if broken and (not skip_unreadable or len(broken) == len(files)):
        raise _unreadable(files, broken, reason)
    rows = np.delete(np.arange(len(files)), broken)
    note = None
    if broken:
        names = files.image_ids[broken]
        note = f"{len(broken):,} of {len(files):,} images cannot be decoded: {preview(names, 20)}"
    if keep:
        return InMemoryImages(torch.from_numpy(pixels[rows] if broken else pixels)), rows, note
    return (
        StreamedImages(files.take(rows) if broken else files, transform, digests[rows]),
        rows,
        note,
    )


def _unreadable(files: ImageFiles, rows: list[int], reason: str) -> DataError:
    short = " ".join(reason.split())[:120]
    return DataError(
        f"{files.source}: {preview(files.image_ids[rows])} cannot be decoded ({short}), but every "
        f"image must be; {len(rows):,} of {len(files):,} are not. Fix them, or leave them "
        "out (--skip-unreadable)."
    )
