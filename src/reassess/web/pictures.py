"""Image files as browsers get them: of a task or an example, never by a path they name.

Addresses name a task and never an image: ids of images tell their class where folders are
classes. What is served is what `reassess.files.decoding` makes of a file, by its content and not
by its name: upright and in sRGB, so that all browsers and the models see the same. Nothing goes
out but pixels: no place, time or name that a camera wrote. No header tells one image from another
but its length.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from starlette.responses import Response

from reassess.files.decoding import FORMATS, DecodedImage, decode_image, value_range
from reassess.files.metadata import without_metadata
from reassess.registry import checks_choices

if TYPE_CHECKING:
    from PIL import Image

LARGEST_FILE = 128 * 2**20
"""Bytes."""

MOST_PIXELS = 50_000_000
"""More would fill the memory of whoever looks at it; a larger JPEG is sent at half its size."""

SCREEN_SIDE = 1600
"""Pixels of the longer side of what a rating page shows; whole is what its zoom shows."""

Size = Literal["small", "screen", "full"]
"""The copy of a gallery, the copy of a rating page, the whole image."""

_SHOWN = {
    "JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "GIF": "image/gif",
    "WEBP": "image/webp",
}  # fmt: skip
_LOSSY = ("JPEG", "MPO", "WEBP", "AVIF", "JPEG2000")
_SIDE = 320
_TINY = 64
"""Pixels up to which a small copy is kept without loss: a JPEG would blur what little there is."""

_FOREVER = "private, max-age=86400, immutable"

Stamp = tuple[str, int, int]
"""A file as it is now: its path, and when and how large it was written."""


_PLAIN: dict[Stamp, tuple[str, int]] = {}
"""Kind and longer side of files that were decoded once and go out as they are: what was whole then
needs no decoding again to be sent, as long as path, time and size stay."""

_MOST_PLAIN = 200_000


@dataclass(frozen=True, slots=True)
class _Read:
    """An image, its file's content, and the size that the file says it has."""

    decoded: DecodedImage
    content: bytes
    size: tuple[int, int]


def stamp_of(path: Path | None) -> Stamp | None:
    """What stands for a file's content in a cache; None where there is no file to be shown."""
    if path is None:
        return None
    try:
        found = path.stat()
        if not path.is_file() or found.st_size > LARGEST_FILE:
            return None
    except (OSError, ValueError):
        return None
    return str(path), found.st_mtime_ns, found.st_size


@checks_choices
def picture(path: Path | None, size: Size = "full") -> tuple[bytes, str] | None:
    """Content and media type of an image file; None where it cannot be shown."""
    stamp = stamp_of(path)
    if stamp is None:
        return None
    return _SIZES[size](stamp)


def problem_of(stamp: Stamp) -> str | None:
    """Why a file cannot be shown; None where it can be. It is decoded whole, if in a small size."""
    try:
        _decoded(stamp, _SIDE)
    except ValueError as error:
        return " ".join(str(error).split())[:200]
    return None


def plain_of(stamp: Stamp) -> tuple[str, int] | None:
    """Kind and longer side of a file that goes out as it is; None where it does not, or may not."""
    return _PLAIN.get(stamp)


def keep_plain(stamp: Stamp, kind: str, longer: int) -> None:
    """Take another process's word for it that a file was decoded whole and goes out as it is."""
    if kind in _SHOWN and len(_PLAIN) < _MOST_PLAIN:
        _PLAIN.setdefault(stamp, (kind, longer))


def thumbnail(path: Path) -> bytes | None:
    """A small copy of an image file, for examples and galleries; None where it cannot be shown."""
    found = picture(path, "small")
    return None if found is None else found[0]


@checks_choices
def sized(path: Path | None, size: Size) -> Response:
    """The image in a size as a response; 404 where it cannot be shown."""
    shown = picture(path, size)
    if shown is None:
        return Response(status_code=404)
    return Response(shown[0], media_type=shown[1], headers={"cache-control": _FOREVER})


def picture_response(path: Path | None) -> Response:
    """The whole image as a response; 404 where it cannot be shown."""
    return sized(path, "full")


def thumbnail_response(path: Path | None) -> Response:
    """The small copy as a response; 404 where it cannot be shown."""
    return sized(path, "small")


def shades(path: Path | None) -> tuple[float, float] | None:
    """The values of an image that pages show as black and white; None where it has 8 bits."""
    stamp = stamp_of(path)
    return None if stamp is None else _shades(stamp)


@lru_cache(maxsize=65_536)
def _shades(stamp: Stamp) -> tuple[float, float] | None:
    try:
        return value_range(Path(stamp[0]).read_bytes())
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=4096)
def _small(stamp: Stamp) -> tuple[bytes, str] | None:
    read = _read(stamp, longer=_SIDE)
    if read is None:
        return None
    pixels = read.decoded.pixels
    return _encoded(_at_most(pixels, _SIDE), is_lossy=max(pixels.size) > _TINY, quality=82)


@lru_cache(maxsize=128)
def _screen(stamp: Stamp) -> tuple[bytes, str] | None:
    plain = _as_it_is(stamp, SCREEN_SIDE)
    if plain is not None:
        return plain
    read = _read(stamp, longer=SCREEN_SIDE)
    if read is None or max(read.size) <= SCREEN_SIDE:
        return _whole(read)
    return _encoded(_at_most(read.decoded.pixels, SCREEN_SIDE), is_lossy=True, quality=90)


def _full(stamp: Stamp) -> tuple[bytes, str] | None:
    return _as_it_is(stamp) or _whole(_read(stamp))


def _as_it_is(stamp: Stamp, most: int | float = math.inf) -> tuple[bytes, str] | None:
    """A file's own pixels, without decoding them; None where they are not known to do.

    Args:
        stamp: the file.
        most: pixels that the longer side may have.
    """
    kind, longer = _PLAIN.get(stamp, ("", 0))
    if not kind or longer > most:
        return None
    try:
        alone = without_metadata(Path(stamp[0]).read_bytes(), kind)
    except OSError:
        return None
    return None if alone is None else (alone, _SHOWN[kind])


_SIZES: dict[Size, Callable[[Stamp], tuple[bytes, str] | None]] = {
    "small": _small, "screen": _screen, "full": _full,
}  # fmt: skip


def _whole(read: _Read | None) -> tuple[bytes, str] | None:
    """The file's own pixels where browsers draw them as they are, else what they are decoded to."""
    if read is None:
        return None
    decoded = read.decoded
    if decoded.is_as_stored and decoded.pixels.size == read.size and decoded.kind in _SHOWN:
        alone = without_metadata(read.content, decoded.kind)
        if alone is not None:
            return alone, _SHOWN[decoded.kind]
    return _encoded(decoded.pixels, is_lossy=decoded.kind in _LOSSY, quality=95)


def _read(stamp: Stamp, longer: int | None = None) -> _Read | None:
    """An image with its file's content; None where it cannot be shown."""
    try:
        return _decoded(stamp, longer)
    except ValueError:
        return None


def _decoded(stamp: Stamp, longer: int | None) -> _Read:
    """An image with its file's content.

    Raises:
        ValueError: it cannot be shown, in words that follow "the file cannot be shown:".
    """
    try:
        content = Path(stamp[0]).read_bytes()
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from error
    width, height, kind = _measure(content)
    if width * height > MOST_PIXELS:
        if kind not in ("JPEG", "MPO"):
            raise ValueError(f"it has {width:,} × {height:,} pixels, of at most {MOST_PIXELS:,}")
        half = int(max(width, height) * (MOST_PIXELS / (width * height)) ** 0.5 / 2)
        longer = half if longer is None else min(longer, half)
    decoded = decode_image(content, longer=longer)
    is_plain = decoded.is_as_stored and decoded.kind in _SHOWN and width * height <= MOST_PIXELS
    if is_plain and len(_PLAIN) < _MOST_PLAIN:
        _PLAIN[stamp] = (decoded.kind, max(width, height))
    return _Read(decoded, content, (width, height))


def _measure(content: bytes) -> tuple[int, int, str]:
    """Width, height and kind of an encoded image, by its header.

    Raises:
        ValueError: it has none.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            return opened.width, opened.height, opened.format or ""
    except UnidentifiedImageError as error:  # its text names an object in memory
        raise ValueError("it is no image of a known format") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error


def _at_most(image: "Image.Image", side: int) -> "Image.Image":
    small = image.copy()
    small.thumbnail((side, side))
    return small


def _encoded(image: "Image.Image", *, is_lossy: bool, quality: int) -> tuple[bytes, str]:
    """An image as a file of its pixels alone."""
    out = io.BytesIO()
    image.info.clear()  # Pillow would write profile and comments again
    if is_lossy:
        image.save(out, "JPEG", quality=quality)
        return out.getvalue(), "image/jpeg"
    image.save(out, "PNG")
    return out.getvalue(), "image/png"
