"""Image files as browsers get them: of a task or an example, never by a path they name.

Addresses name a task and never an image: ids of images tell their class where folders are
classes. What is served is what Pillow says it is, by its content and not by its name;
formats that browsers do not show are sent as PNG. Files without a name, a date or a tag: no
header tells one image from another but its length.
"""

import io
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError
from starlette.responses import Response

from reassess.registry import checks_choices

LARGEST_FILE = 64 * 2**20
"""Bytes."""

MOST_PIXELS = 50_000_000
"""More would fill the memory of whoever looks at it."""

Size = Literal["small", "full"]

_SHOWN = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
_TURNED = ("BMP", "TIFF", "PPM")
_SIDE = 320
_FOREVER = "private, max-age=86400, immutable"


def picture(path: Path | None) -> tuple[bytes, str] | None:
    """Content and media type of an image file; None where it cannot be shown."""
    if path is None:
        return None
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_FILE:
            return None
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=(*_SHOWN, *_TURNED)) as image:
                return _as_shown(image, content)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError):
        return None


def picture_response(path: Path | None) -> Response:
    """The file as a response; 404 where it cannot be shown."""
    shown = picture(path)
    if shown is None:
        return Response(status_code=404)
    return Response(shown[0], media_type=shown[1], headers={"cache-control": _FOREVER})


def _as_shown(image: Image.Image, content: bytes) -> tuple[bytes, str] | None:
    if image.width * image.height > MOST_PIXELS or image.format is None:
        return None
    if image.format in _SHOWN:
        return content, _SHOWN[image.format]
    turned = io.BytesIO()
    upright = ImageOps.exif_transpose(image)
    (upright if upright.mode in ("1", "L", "RGB", "RGBA") else upright.convert("RGB")).save(
        turned, "PNG"
    )
    return turned.getvalue(), "image/png"


@lru_cache(maxsize=4096)
def thumbnail(path: Path) -> bytes | None:
    """A small JPEG of an image file, for examples and galleries; None where it cannot be shown."""
    shown = picture(path)
    if shown is None:
        return None
    try:
        with Image.open(io.BytesIO(shown[0])) as image:
            image.draft("RGB", (_SIDE, _SIDE))
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((_SIDE, _SIDE))
            turned = io.BytesIO()
            small.save(turned, "JPEG", quality=82)
    except (OSError, SyntaxError, ValueError):
        return None
    return turned.getvalue()


def thumbnail_response(path: Path | None) -> Response:
    """The small JPEG as a response; 404 where it cannot be shown."""
    small = None if path is None else thumbnail(path)
    if small is None:
        return Response(status_code=404)
    return Response(small, media_type="image/jpeg", headers={"cache-control": _FOREVER})


@checks_choices
def sized(path: Path | None, size: Size) -> Response:
    """The file, or its small JPEG, as a response; 404 where it cannot be shown."""
    return picture_response(path) if size == "full" else thumbnail_response(path)
