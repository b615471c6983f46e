"""Small pictures of many images, by which images that look alike are found.

A thumbnail is 12 x 12 pixels in colour, less its mean and scaled to length 1, so that neither size,
compression nor overall brightness matters. An image of one shade has none.

Letters: N images, D numbers of a thumbnail.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from reassess.errors import FileError
from reassess.files.decoding import decode_image, ignore_pillow_warnings
from reassess.files.images import ImageFiles
from reassess.progress import Progress, null_progress

SIDE = 12
_LEAST_CONTRAST = 2.0
"""Standard deviation, in shades of 256, from which on an image has something to compare."""


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """What images look like, small.

    Attributes:
        image_ids: the images.
        pixels: a row an image, of length 1; zeros for an image of one shade.
        digests: SHA-256 of each file, in hexadecimal.
        labels: each image's label as the source has it; None where it has none.
    """

    image_ids: Shaped[np.ndarray, "N"]
    pixels: Float[np.ndarray, "N D"]
    digests: Shaped[np.ndarray, "N"]
    labels: tuple[str, ...] | None


def read_thumbnails(
    files: ImageFiles, *, workers: int | None = None, progress: Progress = null_progress
) -> Thumbnails:
    """Thumbnails of all images.

    Args:
        files: the images.
        workers: threads; None takes one a core.
        progress: hears how many are done.

    Raises:
        FileError: an image cannot be decoded.
        MissingExtraError: Pillow is missing.
    """
    n = len(files)
    pixels = np.zeros((n, SIDE * SIDE * 3), dtype=np.float32)
    digests = [""] * n

    def _read(row: int) -> None:
        content = files.read(row)
        digests[row] = hashlib.sha256(content).hexdigest()
        try:
            small = decode_image(content, shorter=2 * SIDE).pixels.convert("RGB")
        except ValueError as error:
            raise FileError(
                f"{files.source}: image {files.image_ids[row]!s} cannot be decoded ({error}). "
                "Replace it, or remove it."
            ) from error
        values = np.asarray(small.resize((SIDE, SIDE), reducing_gap=2.0), dtype=np.float32).ravel()
        values -= values.mean()
        if values.std() >= _LEAST_CONTRAST:
            pixels[row] = values / np.linalg.norm(values)

    with ignore_pillow_warnings(), ThreadPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(_read, range(n)), start=1):
            if done % 100 == 0 or done == n:
                progress(files.source, done=done, total=n)
    return Thumbnails(files.image_ids, pixels, np.array(digests, dtype=str), files.labels)
