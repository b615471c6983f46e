"""Decoded images, in memory or decoded batch by batch by threads.

Images become squares of one side: the shorter edge is scaled, the middle is cut out. What
fits is decoded once and held (`InMemoryImages`), and kept for the next run
(`reassess.training.decoded`); what does not is decoded when it is needed, ahead of the model
(`StreamedImages`). Letters: N images, B of a batch, S the side in pixels.

A task of a thread is hundreds of images, written where they are wanted: a task an image costs as
much as decoding a small one. How many threads there are depends on the size of the files, as
what is left to Python for each image is done by one thread at a time.

Which files there are is for `reassess.files.images`, what is done to a batch in training for
`reassess.training.batches`.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Int, Shaped, UInt8
from torch import Tensor

from reassess.errors import DataError, preview
from reassess.files.decoding import decode_image, ignore_pillow_warnings
from reassess.files.images import ImageFiles
from reassess.files.plain_jpegs import decode_into, decode_plain_jpeg
from reassess.progress import Progress, null_progress
from reassess.registry import checks_choices
from reassess.training.decoded import DecodedImages
from reassess.training.recipe import Augmentation

MAX_BYTES_IN_MEMORY = 4 * 2**30
"""Bytes of decoded images that are kept in memory."""

_TASK = 256
"""Images of a thread's task, at most."""

_BYTES_PER_THREAD = 2048
"""Bytes of a file that keep one more thread busy: what is decoded without the interpreter's lock
takes so many times as long as what is done with it."""

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


def decode(
    content: bytes, transform: ImageTransform, out: UInt8[np.ndarray, "S S 3"] | None = None
) -> UInt8[np.ndarray, "S S 3"]:
    """The square in the middle of an encoded image, as RGB; decoded as raters see it.

    Args:
        content: the file.
        transform: what becomes of it.
        out: where the square is written; contiguous. None for a new array.

    Raises:
        ValueError: the bytes are no image that Pillow reads.
        MissingExtraError: Pillow is missing.
    """
    if out is None:
        out = np.empty((transform.side, transform.side, 3), np.uint8)
    edge = max(transform.side, round(transform.side / transform.crop))
    if edge > transform.side or not decode_into(content, out):
        out[:] = _square(content, transform.side, edge)
    return out


def _square(content: bytes, side: int, edge: int) -> UInt8[np.ndarray, "S S 3"]:
    """The middle of an image whose shorter edge is scaled to so many pixels."""
    pixels = decode_plain_jpeg(content, shorter=edge)
    if pixels is not None and min(pixels.shape[:2]) == edge:
        top, left = ((size - side) // 2 for size in pixels.shape[:2])
        return pixels[top : top + side, left : left + side]
    if pixels is not None:
        from PIL import Image

        image = Image.fromarray(pixels)
    else:
        image = decode_image(content, shorter=edge).pixels.convert("RGB")
    width, height = image.size
    if min(width, height) != edge:
        scale = edge / min(width, height)
        size = (max(edge, round(width * scale)), max(edge, round(height * scale)))
        image = image.resize(size, _BICUBIC)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)))


def decoding_threads(n_bytes: float) -> int:
    """How many threads decode files of so many bytes: at most one a core, fewer for small ones."""
    return max(1, min(os.cpu_count() or 1, 1 + int(n_bytes / _BYTES_PER_THREAD)))


Found = TypeVar("Found")


def _in_tasks(
    work: Callable[[range], Found], n: int, threads: int, progress: Progress, *, size: int = _TASK
) -> list[Found]:
    """What the work finds for rows 0 to n, cut into tasks, in their order."""
    tasks = [range(start, min(start + size, n)) for start in range(0, n, size)]
    found: list[Found] = []
    with ThreadPoolExecutor(threads) as pool, ignore_pillow_warnings():
        try:
            for task, one in zip(tasks, pool.map(work, tasks), strict=True):
                found.append(one)
                progress("", done=task.stop, total=n)
        finally:
            pool.shutdown(cancel_futures=True)
    return found


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


_Work = Callable[[bytes, int, UInt8[np.ndarray, "S S 3"]], None]
"""From a file and a seed to a square, which is written."""


class StreamedImages:
    """Images that are decoded by threads when they are needed, some batches ahead.

    Args:
        files: where they are.
        transform: what becomes of them.
        digests: a hash of each one's file.
        threads: how many decode.
    """

    def __init__(
        self,
        files: ImageFiles,
        transform: ImageTransform,
        digests: Shaped[np.ndarray, "N"],
        threads: int,
    ) -> None:
        self._files = files
        self._transform = transform
        self._digests = digests
        self._threads = threads

    def __len__(self) -> int:
        return len(self._files)

    @property
    def side(self) -> int:
        """S."""
        return self._transform.side

    def take(self, rows: Int[np.ndarray, "n"]) -> "StreamedImages":
        """These images only; the others cannot be read from it."""
        return StreamedImages(
            self._files.take(rows), self._transform, self._digests[rows], self._threads
        )

    def to(self, device: torch.device) -> "StreamedImages":
        """Itself: batches move to the device one by one."""
        del device
        return self

    def batches(self, rows: Iterable[Int[Tensor, "_"]]) -> Iterator[UInt8[Tensor, "_ S S 3"]]:
        """The images of each batch of rows, decoded while the batches before are used.

        Raises:
            DataError: an image cannot be decoded, with its name.
        """

        def work(content: bytes, seed: int, square: UInt8[np.ndarray, "S S 3"]) -> None:
            del seed
            decode(content, self._transform, square)

        yield from self._worked(((batch, torch.zeros_like(batch)) for batch in rows), work)

    @checks_choices
    def augmented(
        self, rows: Iterable[tuple[Int[Tensor, "_"], Int[Tensor, "_"]]], kind: Augmentation
    ) -> Iterator[UInt8[Tensor, "_ S S 3"]]:
        """Random crops of the images of each batch, decoded while the batches before are used.

        Args:
            rows: of each batch the rows, and a seed for each of its images.
            kind: what is done with them (`reassess.training.photos`).

        Raises:
            DataError: an image cannot be decoded, with its name.
            MissingExtraError: torchvision is missing.
        """
        from reassess.training.photos import PhotoAugmentation

        yield from self._worked(rows, PhotoAugmentation(self.side, kind))

    def _worked(
        self, rows: Iterable[tuple[Int[Tensor, "_"], Int[Tensor, "_"]]], work: _Work
    ) -> Iterator[UInt8[Tensor, "_ S S 3"]]:
        queue: list[tuple[UInt8[np.ndarray, "_ S S 3"], list[Future[None]]]] = []
        with ThreadPoolExecutor(self._threads) as pool, ignore_pillow_warnings():
            ahead = iter(rows)
            try:
                while True:
                    queue += [
                        self._start(batch.tolist(), seeds.tolist(), work, pool)
                        for batch, seeds in islice(ahead, _N_PREFETCHED - len(queue))
                    ]
                    if not queue:
                        return
                    squares, tasks = queue.pop(0)
                    for task in tasks:
                        task.result()
                    yield torch.from_numpy(squares)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _start(
        self, rows: list[int], seeds: list[int], work: _Work, pool: ThreadPoolExecutor
    ) -> tuple[UInt8[np.ndarray, "_ S S 3"], list[Future[None]]]:
        """The squares of a batch, and the tasks that fill them."""
        squares = np.empty((len(rows), self.side, self.side, 3), np.uint8)
        size = max(1, min(_TASK, -(-len(rows) // (2 * self._threads))))
        parts = [slice(first, first + size) for first in range(0, len(rows), size)]
        return squares, [
            pool.submit(self._decode, rows[part], seeds[part], squares[part], work)
            for part in parts
        ]

    def _decode(
        self, rows: list[int], seeds: list[int], squares: UInt8[np.ndarray, "_ S S 3"], work: _Work
    ) -> None:
        for row, seed, square in zip(rows, seeds, squares, strict=True):
            try:
                work(self._files.read(row), seed, square)
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
    max_threads: int | None = None,
    kept: DecodedImages | None = None,
    progress: Progress = null_progress,
) -> tuple[Pixels, Int[np.ndarray, "n"], str | None]:
    """Images ready for training, the rows of the files that they are, and what was left out.

    Every image is decoded once, so that a broken one is found before hours of training. What is
    held in memory is also kept in a file, which the next run finds by the hash of the images and
    maps into memory.

    Args:
        files: the encoded images.
        transform: what becomes of them.
        skip_unreadable: leave out what cannot be decoded instead of refusing it.
        max_bytes_in_memory: bytes above which images are decoded when they are needed.
        max_threads: threads that decode, at most; None for one a core. Small files are decoded by
            fewer.
        kept: where decoded images are kept; None for the user's cache folder.
        progress: shown how many were decoded.

    Raises:
        DataError: images cannot be decoded, with their names and number; or none can.
        MissingExtraError: Pillow is missing.
    """
    sample = [len(files.read(row)) for row in range(0, len(files), -(-len(files) // 64) or 1)]
    threads = min(decoding_threads(float(np.mean(sample or [0]))), max_threads or 2**16)
    if len(files) * transform.side**2 * 3 > max_bytes_in_memory:
        return _streamed(files, transform, threads, progress, skip_unreadable=skip_unreadable)
    kept = DecodedImages.default() if kept is None else kept
    shape = (len(files), transform.side, transform.side, 3)
    key = None
    if kept.is_worth_keeping(shape):
        parts = _in_tasks(lambda rows: _hash_of(files, rows), len(files), threads, null_progress)
        key = kept.key(parts, f"{transform.side} {transform.crop}")
        found = kept.find(key, shape)
        if found is not None:
            progress("", done=len(files), total=len(files))
            return InMemoryImages(torch.from_numpy(found)), np.arange(len(files)), None
    pixels = np.empty(shape, np.uint8)

    def decode_rows(rows: range) -> dict[int, str]:
        broken = {}
        for row in rows:
            try:
                decode(files.read(row), transform, pixels[row])
            except ValueError as error:
                broken[row] = str(error) or "no image"
        return broken

    size = max(1, min(_TASK, -(-len(files) // (4 * threads))))
    broken = _joined(_in_tasks(decode_rows, len(files), threads, progress, size=size))
    rows, note = _readable(files, broken, skip_unreadable=skip_unreadable)
    if broken:
        return InMemoryImages(torch.from_numpy(pixels[rows])), rows, note
    if key is not None:
        kept.keep(key, pixels)
    return InMemoryImages(torch.from_numpy(pixels)), rows, note


def _streamed(
    files: ImageFiles,
    transform: ImageTransform,
    threads: int,
    progress: Progress,
    *,
    skip_unreadable: bool,
) -> tuple[Pixels, Int[np.ndarray, "n"], str | None]:
    """Images that are decoded when they are needed; each is decoded once here, to find broken ones.

    Raises:
        DataError: as `load_pixels`.
    """
    digests = np.zeros(len(files), _DIGEST)

    def check(rows: range) -> dict[int, str]:
        broken = {}
        for row in rows:
            content = files.read(row)
            digests[row] = _hash(content)
            try:  # a plain JPEG at an eighth of its size: its whole scan is read all the same
                if decode_plain_jpeg(content, scale=8) is None:
                    decode(content, transform)
            except ValueError as error:
                broken[row] = str(error) or "no image"
        return broken

    broken = _joined(_in_tasks(check, len(files), threads, progress))
    rows, note = _readable(files, broken, skip_unreadable=skip_unreadable)
    found = files.take(rows) if broken else files
    return StreamedImages(found, transform, digests[rows], threads), rows, note


def _hash_of(files: ImageFiles, rows: range) -> bytes:
    """A hash of these files together."""
    content = [files.read(row) for row in rows]
    found = hashlib.sha256(np.array([len(one) for one in content], np.int64).tobytes())
    found.update(b"".join(content))
    return found.digest()


def _joined(parts: list[dict[int, str]]) -> dict[int, str]:
    return {row: reason for part in parts for row, reason in part.items()}


def _readable(
    files: ImageFiles, broken: dict[int, str], *, skip_unreadable: bool
) -> tuple[Int[np.ndarray, "n"], str | None]:
    """The rows that can be decoded, and a sentence on the others where there are some.

    Raises:
        DataError: some cannot be, and are not to be left out; or none can.
    """
    rows = np.arange(len(files))
    if not broken:
        return rows, None
    wrong = list(broken)
    if not skip_unreadable or len(wrong) == len(files):
        raise _unreadable(files, wrong, broken[wrong[0]])
    names = preview(files.image_ids[wrong], 20)
    return np.delete(rows, wrong), (
        f"{len(wrong):,} of {len(files):,} images cannot be decoded: {names}"
    )


def _unreadable(files: ImageFiles, rows: list[int], reason: str) -> DataError:
    short = " ".join(reason.split())[:120]
    return DataError(
        f"{files.source}: {preview(files.image_ids[rows])} cannot be decoded ({short}), but every "
        f"image must be; {len(rows):,} of {len(files):,} are not. Fix them, or leave them "
        "out (--skip-unreadable)."
    )
