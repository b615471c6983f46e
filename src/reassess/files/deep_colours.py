"""Colours of 16 bits a channel, which Pillow reads as 8: their upper halves, then their lower ones.

Pillow's decoders take the upper byte of each channel, and so does every picture in it: of colours
that lie in a few of the 65,536 steps, as cameras' and microscopes' do, nothing is left. The order
of the two bytes is a word of the decoder's, though, and under the other one the same decoder, with
the same filters undone, takes the lower byte. Scaling is `reassess.files.decoding`'s.
"""

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt16

if TYPE_CHECKING:
    from PIL import Image

_NATIVE = "L" if sys.byteorder == "little" else "B"
_OTHER = {"L": "B", "B": "L"}
_ORDERED = ("RGB;16", "RGBX;16", "RGBA;16")
_GREY_AND_ALPHA = "LA;16B"
"""Of PNG; read as four bytes a pixel it is both bytes of both channels at once."""


def is_deep_colour(opened: "Image.Image") -> bool:
    """Whether an opened image, not loaded yet, has colours of 16 bits, or grey and transparency."""
    return _word(opened) is not None or _is_ppm(opened)


def deep_colours(opened: "Image.Image", content: bytes) -> UInt16[np.ndarray, "h w c"]:
    """The values of an image of 16 bits a channel; transparency, where it has one, is the last.

    Args:
        opened: the image, not loaded yet.
        content: its file.

    Raises:
        OSError: the file is incomplete, or Pillow's decoder refuses it.
    """
    word = _word(opened)
    if word is None:
        return _of_ppm(opened, content)
    if word == _GREY_AND_ALPHA:
        parts = _loaded(content, "RGBA", "RGBA").astype(np.uint16)
        return parts[:, :, 0::2] << 8 | parts[:, :, 1::2]
    start, order = word[:-1], word[-1].replace("N", _NATIVE)
    upper = _loaded(content, opened.mode, start + order).astype(np.uint16)
    lower = _loaded(content, opened.mode, start + _OTHER[order])
    values = upper << 8 | lower
    return values[:, :, :3] if opened.mode == "RGBX" else values


def _word(opened: "Image.Image") -> str | None:
    """How Pillow's decoder calls the pixels of the file; None where they are not so deep."""
    words = {_first(tile[3]) for tile in getattr(opened, "tile", ())}
    if len(words) != 1:
        return None
    (word,) = words
    is_known = word == _GREY_AND_ALPHA or (word[:-1] in _ORDERED and word[-1:] in ("L", "B", "N"))
    return word if is_known else None


def _first(arguments: Any) -> str:
    """The decoder's word among its arguments."""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _loaded(content: bytes, mode: str, word: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bytes that the decoder takes under a word."""
    from PIL import Image, ImageFile

    with Image.open(io.BytesIO(content)) as image:
        assert isinstance(image, ImageFile.ImageFile)  # noqa: S101 -- whatever is opened from a file
        image._mode = mode
        image.tile = [
            tile._replace(args=(word, *tile.args[1:]) if isinstance(tile.args, tuple) else word)
            for tile in image.tile
        ]
        image.load()
        return np.asarray(image, dtype=np.uint8)


def _is_ppm(opened: "Image.Image") -> bool:
    """Whether the image is a PPM with two bytes a colour."""
    tiles: Any = getattr(opened, "tile", ())
    if opened.format != "PPM" or opened.mode != "RGB" or len(tiles) != 1:
        return False
    arguments = tiles[0][3]
    return tiles[0][0] == "ppm" and isinstance(arguments, tuple) and int(arguments[-1]) > 255


def _of_ppm(opened: "Image.Image", content: bytes) -> UInt16[np.ndarray, "h w 3"]:
    width, height = opened.size
    tiles: Any = getattr(opened, "tile", ())
    start = int(tiles[0][2])
    held = content[start : start + 6 * width * height]
    if len(held) < 6 * width * height:
        raise OSError("image file is truncated")
    return np.frombuffer(held, ">u2").reshape(height, width, 3).astype(np.uint16)
