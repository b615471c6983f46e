"""Plain JPEGs without Pillow, which takes several times as long to read a small one's header.

A JPEG is plain where it has no EXIF data, XMP, colour profile, further pictures or Adobe's
marker, and one or three channels of 8 bits. Its pixels are those of `reassess.files.decoding`,
bit for bit: both use libjpeg-turbo, at the same scale. Everything else is left to that module: the
functions here return False or None, and refuse nothing.

simplejpeg releases the interpreter's lock while it decodes. Letters: H rows, W columns.
"""

import re
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import UInt8

_MARKED = re.compile(rb"\xff[\xe1\xe2\xee]").search
"""APP1 (EXIF, XMP), APP2 (profiles, further pictures), APP14 (Adobe), wherever they stand: a scan
cannot hold these bytes, so that whatever follows them by chance only costs time."""

_LARGEST = 2**26
"""Pixels above which Pillow decides whether an image is too large to be decoded."""

_SCALES = (8, 4, 2, 1)
"""The fractions at which Pillow has a JPEG decoded."""

_COLOURS = frozenset(("ycbcr", "gray", "rgb"))


@lru_cache(maxsize=1)
def _simplejpeg() -> Any:
    """The module, or None where it is not installed: Pillow decodes everything then."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def decoder_version() -> str:
    """Which decoder this is, for whoever keeps its pixels."""
    found = _simplejpeg()
    return "none" if found is None else f"simplejpeg {found.__version__}"


def decode_into(content: bytes, out: UInt8[np.ndarray, "S S 3"]) -> bool:
    """Decode a plain JPEG of exactly this size into an array; whether that was done.

    Where it was not, the array holds anything.

    Args:
        content: the file.
        out: contiguous and writable.
    """
    jpeg = _simplejpeg()
    if jpeg is None or _MARKED(content) is not None:
        return False
    try:
        found = jpeg.decode_jpeg(content, "RGB", False, False, 0, 0, 1.0, out)
    except ValueError:  # another size, four channels, broken, or no JPEG
        return False
    return bool(found.shape == out.shape)


def decode_plain_jpeg(
    content: bytes, *, shorter: int | None = None, scale: int = 1
) -> UInt8[np.ndarray, "H W 3"] | None:
    """The pixels of a plain JPEG as RGB; None where it is another image.

    Args:
        content: the file.
        shorter: pixels that the shorter side needs; the image may come out smaller than it is
            stored, at the scale that `reassess.files.decoding` takes. None for ``scale``.
        scale: the fraction of its size, 1, 2, 4 or 8.
    """
    jpeg = _simplejpeg()
    if jpeg is None or _MARKED(content) is not None:
        return None
    try:
        height, width, colours, _ = jpeg.decode_jpeg_header(content)
        if colours.lower() not in _COLOURS or height * width > _LARGEST:
            return None
        scale = scale if shorter is None else draft_scale(width, height, shorter)
        rows, columns = -(-height // scale), -(-width // scale)
        found: UInt8[np.ndarray, "H W 3"] = jpeg.decode_jpeg(
            content, "RGB", min_height=rows, min_width=columns, min_factor=float(scale)
        )
    except ValueError:
        return None
    return found if found.shape == (rows, columns, 3) else None


def plain_jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a plain JPEG; None where it is another image."""
    jpeg = _simplejpeg()
    if jpeg is None or _MARKED(content) is not None:
        return None
    try:
        height, width, colours, _ = jpeg.decode_jpeg_header(content)
    except ValueError:
        return None
    return (width, height) if colours.lower() in _COLOURS and height * width <= _LARGEST else None


def draft_scale(width: int, height: int, shorter: int) -> int:
    """The fraction (1, 2, 4 or 8) of a JPEG's size that still has a shorter side of so many pixels.

    Source: `PIL.JpegImagePlugin.JpegImageFile.draft`, with the size that
    `reassess.files.decoding.decode_image` asks it for.
    """
    share = shorter / min(width, height)
    if share >= 1:
        return 1
    most = min(width // max(1, int(share * width)), height // max(1, int(share * height)))
    return next(scale for scale in _SCALES if most >= scale)
