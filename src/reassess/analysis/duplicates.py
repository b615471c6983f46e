"""Images that are there twice: identical files, and pictures that look alike.

Within one set of images they make intervals too narrow; between the images that a model was trained
on and those that it is tested on they are a leak. Two images look alike where their thumbnails
(`reassess.files.thumbnails`) have a high cosine. Every pair is compared, in blocks, so that none is
missed below the threshold; mirrored, rotated and strongly cropped copies are not found.

Letters: N and M images, D numbers of a thumbnail, P pairs.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import OptionError
from reassess.files.thumbnails import Thumbnails
from reassess.progress import Progress, null_progress

SIMILARITY = 0.98
"""Least cosine of two thumbnails of the same picture, by default."""

_BLOCK = 4096
"""Rows of a block: its product with another one takes 64 MB."""


@dataclass(frozen=True, slots=True)
class DuplicatePairs:
    """Pairs of images that are the same or look alike, the most similar first.

    Attributes:
        image: row of the first image.
        other: row of the second; above the first where both are of one set.
        similarity: cosine of their thumbnails; 1 for identical files.
        is_identical: whether the files are the same byte for byte.
    """

    image: Int[np.ndarray, "P"]
    other: Int[np.ndarray, "P"]
    similarity: Float[np.ndarray, "P"]
    is_identical: Bool[np.ndarray, "P"]

    def __len__(self) -> int:
        return len(self.image)


def duplicate_pairs(
    images: Thumbnails,
    others: Thumbnails | None = None,
    *,
    similarity: float = SIMILARITY,
    progress: Progress = null_progress,
) -> DuplicatePairs:
    """Pairs of the same or of similar images.

    Args:
        images: the images.
        others: another set, such as those that a model was trained on; None compares the images
            with each other.
        similarity: least cosine of a pair, in (0, 1].
        progress: hears how many rows are compared.

    Raises:
        OptionError: the similarity is not in (0, 1].
    """
    if not 0 < similarity <= 1:
        raise OptionError(f"the similarity is {similarity:g}, but must be in (0, 1].")
    within = others is None
    right = images if others is None else others
    rows, columns, cosines = [], [], []
    n, m = len(images.image_ids), len(right.image_ids)
    for start in range(0, n, _BLOCK):
        block = images.pixels[start : start + _BLOCK]
        for first in range(start if within else 0, m, _BLOCK):
            cosine = block @ right.pixels[first : first + _BLOCK].T
            row, column = np.nonzero(cosine >= similarity - 1e-6)  # single precision
            rows.append(row + start)
            columns.append(column + first)
            cosines.append(cosine[row, column])
        progress("comparing", done=min(start + _BLOCK, n), total=n)
    same = _identical(images, right)
    image = np.concatenate([*rows, same[0]]).astype(np.int64)
    other = np.concatenate([*columns, same[1]]).astype(np.int64)
    value = np.concatenate([*cosines, np.full(len(same[0]), 2.0)]).astype(np.float64)
    if within:
        kept = image < other
        image, other, value = image[kept], other[kept], value[kept]
    order = np.lexsort((other, image, -value))  # identical files stand before, and so stay
    image, other, value = image[order], other[order], value[order]
    _, once = np.unique(image * max(m, 1) + other, return_index=True)
    once = np.sort(once)
    return DuplicatePairs(image[once], other[once], value[once].clip(max=1.0), value[once] > 1.5)


def _identical(
    images: Thumbnails, others: Thumbnails
) -> tuple[Int[np.ndarray, "P"], Int[np.ndarray, "P"]]:
    """Rows of all pairs of the same bytes."""
    _, code = np.unique(np.concatenate([images.digests, others.digests]), return_inverse=True)
    left, right = code[: len(images.digests)], code[len(images.digests) :]
    order = np.argsort(right, kind="stable")
    low = np.searchsorted(right[order], left, side="left")
    high = np.searchsorted(right[order], left, side="right")
    n = high - low
    image = np.repeat(np.arange(len(left)), n)
    within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    return image, order[np.repeat(low, n) + within]
