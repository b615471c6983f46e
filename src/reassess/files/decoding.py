"""The one decoder of images: raters, galleries, reports and models see the same pixels.

Every image comes out upright, in 8 bits a channel, grey (``L``) or sRGB (``RGB``): turned as its
EXIF data say, converted by its ICC profile, transparency laid on white, the first picture of an
animation. Grey of more than 8 bits, integer or float, is scaled by the range of its own values,
so that its shades stay, and colours of 16 bits by that of all channels together; the range comes
back beside the pixels, to be told to whoever looks.

Which files there are is for `reassess.files.images`, in which form a browser gets them for
`reassess.web.pictures`.
"""

import io
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reassess.errors import MissingExtraError
from reassess.files.deep_colours import deep_colours, is_deep_colour

if TYPE_CHECKING:
    from PIL import Image

FORMATS = (
    "JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000",
)  # fmt: skip
"""What is decoded, by content and not by name; Pillow's other readers are never tried."""

_DEEP = ("I", "F")
"""Pillow's modes of more than 8 bits start with one of these; all are grey."""


@dataclass(frozen=True)
class DecodedImage:
    """An image as everybody sees it.

    Attributes:
        pixels: a Pillow image of mode ``L`` or ``RGB``, upright, sRGB.
        kind: the format of the file, as Pillow names it.
        is_as_stored: whether the file's own pixels, drawn by a program that knows neither EXIF
            nor profiles, are these pixels; only then may its data be handed on.
        value_range: for images of more than 8 bits a channel the values that are shown as black
            and as white; None for all others.
    """

    pixels: "Image.Image"
    kind: str
    is_as_stored: bool
    value_range: tuple[float, float] | None = None


_LOCK = threading.Lock()
_DECODING = 0
"""How many are decoding; under the lock."""

_ADDED = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
"""The filter, as the interpreter keeps it: action, message, category, module, line."""


@contextmanager
def ignore_pillow_warnings() -> Iterator[None]:
    """Ignore what Pillow warns of (odd metadata, very large images) while anybody decodes.

    `warnings.catch_warnings` would swap the list of all filters, in all threads, for each image.
    One filter is added here for the first who decodes, and taken out by the last; whoever decodes
    many images opens this around all of them.
    """
    global _DECODING  # noqa: PLW0603 -- filters are the interpreter's
    with _LOCK:
        _DECODING += 1
        if _ADDED not in warnings.filters:
            warnings.filters.insert(0, _ADDED)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        with _LOCK:
            _DECODING -= 1
            if _DECODING == 0:
                with suppress(ValueError):  # somebody has put back the filters of before
                    warnings.filters.remove(_ADDED)  # type: ignore[attr-defined]


def decode_image(
    content: bytes, *, longer: int | None = None, shorter: int | None = None
) -> DecodedImage:
    """An encoded image, decoded whole: a truncated file is refused.

    Args:
        content: the file.
        longer: pixels that the longer side needs; a JPEG may come out smaller than it is stored,
            though not smaller than that, which is much faster. None keeps its size.
        shorter: likewise of the shorter side.

    Raises:
        ValueError: the bytes are no image of a known form, are incomplete, or hold more pixels
            than Pillow agrees to (about 180 million).
        MissingExtraError: Pillow is missing.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise MissingExtraError("pillow", "study", "decoding images") from error
    try:
        with (
            ignore_pillow_warnings(),
            Image.open(io.BytesIO(content), formats=FORMATS) as opened,
        ):
            _draft(opened, longer, shorter)
            if is_deep_colour(opened):
                return _of_deep_colour(opened, content)
            opened.load()
            return _decoded(opened)
    except UnidentifiedImageError as error:  # its text names an object in memory
        raise ValueError("it has no format that Pillow knows") from error
    except (OSError, EOFError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise ValueError(str(error) or "it is incomplete") from error


def value_range(content: bytes) -> tuple[float, float] | None:
    """The values that `decode_image` shows as black and as white; None where there are 8 bits.

    Raises:
        ValueError: as `decode_image`.
        MissingExtraError: Pillow is missing.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with (
            ignore_pillow_warnings(),
            Image.open(io.BytesIO(content), formats=FORMATS) as opened,
        ):
            if not (opened.mode.startswith(_DEEP) or is_deep_colour(opened)):
                return None
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError("it has no format that Pillow knows") from error
    return decode_image(content).value_range


def _draft(opened: "Image.Image", longer: int | None, shorter: int | None) -> None:
    """Have a JPEG decoded at a fraction of its size, where that suffices."""
    wanted = [
        need / side
        for need, side in ((longer, max(opened.size)), (shorter, min(opened.size)))
        if need is not None
    ]
    if wanted and (share := max(wanted)) < 1:
        width, height = opened.size
        opened.draft(opened.mode, (max(1, int(share * width)), max(1, int(share * height))))


def _of_deep_colour(opened: "Image.Image", content: bytes) -> DecodedImage:
    """An image of 16 bits a colour, scaled by the range of all its colours together."""
    from PIL import Image

    profile, kind = opened.info.get("icc_profile"), opened.format or ""
    values = deep_colours(opened, content)
    has_alpha = values.shape[2] in (2, 4)
    colours = values[:, :, : values.shape[2] - has_alpha]
    low, high = int(colours.min()), int(colours.max())
    if low == high:
        shade = np.arange(2**16) >> 8
    else:
        shade = np.rint(255 * (np.arange(2**16) - low).clip(0, high - low) / (high - low))
    pixels = shade.astype(np.uint8)[colours]
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if has_alpha:
        image.putalpha(Image.fromarray((values[:, :, -1] >> 8).astype(np.uint8)))
    if profile:
        image.info["icc_profile"] = profile
    plain, _ = _in_srgb(image)
    found = (float(low), float(high))
    return DecodedImage(_upright(plain, opened), kind, is_as_stored=False, value_range=found)


def _decoded(opened: "Image.Image") -> DecodedImage:
    kind = opened.format or ""  # "MPO" is a JPEG with more pictures behind the first
    if opened.mode.startswith(_DEEP):
        grey, found = _scaled(opened)
        return DecodedImage(_upright(grey, opened), kind, is_as_stored=False, value_range=found)
    plain, is_converted = _in_srgb(opened)
    upright = _upright(plain, opened)
    is_moving = getattr(opened, "is_animated", False) and kind != "MPO"
    is_same = not is_converted and upright is plain and not is_moving
    return DecodedImage(upright, kind, is_as_stored=is_same)


def _scaled(image: "Image.Image") -> tuple["Image.Image", tuple[float, float]]:
    """Grey of 8 bits, the smallest value black and the largest white, and these two values.

    One single value has no range: of 16 bits the upper 8 are taken then, else it is black. What
    is no number is black.
    """
    from PIL import Image

    values = np.asarray(image)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low == high:
        level = int(low) >> 8 if image.mode.startswith("I;16") else 0
        return Image.new("L", image.size, level), (low, high)
    share = (np.clip(values.astype(np.float64), low, high) - low) / (high - low)
    return Image.fromarray(np.rint(255 * np.nan_to_num(share)).astype(np.uint8)), (low, high)


def _in_srgb(image: "Image.Image") -> tuple["Image.Image", bool]:
    """Grey or sRGB, and whether a program that knows only pixels would show something else."""
    is_clear = image.has_transparency_data
    is_converted = is_clear or image.mode not in ("1", "L", "P", "RGB")
    if image.mode == "P":
        image = image.convert("RGBA" if is_clear else "RGB")
    elif is_clear and image.mode not in ("RGBA", "LA"):
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    profiled = _by_profile(image)
    if profiled is not None:
        image, is_converted = profiled, True
    if is_clear:
        return _on_white(image), True
    return (image if image.mode in ("L", "RGB") else image.convert("RGB")), is_converted


def _by_profile(image: "Image.Image") -> "Image.Image | None":
    """The image in sRGB; None where it has no profile, that of sRGB, or one that does not fit."""
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    from PIL import ImageCms

    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(given):
            return None
        alpha = image.getchannel("A") if "A" in image.getbands() else None
        if image.mode == "LA":
            image = image.convert("L")
        elif image.mode == "RGBA":
            image = image.convert("RGB")
        found = ImageCms.profileToProfile(
            image, given, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if found is not None and alpha is not None:
        found.putalpha(alpha)
    return found


def _on_white(image: "Image.Image") -> "Image.Image":
    """An image with transparency, laid on white."""
    from PIL import Image

    clear = image.convert("RGBA")
    white = Image.new("RGBA", clear.size, "white")
    laid = Image.alpha_composite(white, clear)
    return laid.convert("L" if image.mode == "LA" else "RGB")


def _upright(pixels: "Image.Image", opened: "Image.Image") -> "Image.Image":
    """The pixels, turned as the file's EXIF data say; themselves where these say nothing."""
    from PIL import Image

    try:
        held = opened.getexif().get(0x0112)
    except (OSError, EOFError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return pixels  # broken metadata leaves an image as it is
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(held) if isinstance(held, int) else None  # fmt: skip
    return pixels if turn is None else pixels.transpose(turn)
