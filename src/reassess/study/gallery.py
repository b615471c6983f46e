"""Small copies of images, as addresses that stand in a page by themselves."""

import base64
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

from reassess.study.images import ImageFolder

SIDE = 200
"""Pixels of the longer side."""

_QUALITY = 72
_TINY = 64
"""Pixels up to which a copy is kept without loss: a JPEG would blur what little there is."""


def small_copies(folder: Path, image_ids: Sequence[str]) -> dict[str, str]:
    """A ``data:`` address of a small picture for each image that has a readable file."""
    images = ImageFolder(folder, image_ids)
    found = {}
    for image_id in dict.fromkeys(image_ids):
        path = images(image_id)
        small = None if path is None else _small(path)
        if small is not None:
            kind, content = small
            found[image_id] = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return found


def _small(path: Path) -> tuple[str, bytes] | None:
    """A small copy without metadata, and its kind; None where the file shows no image."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.draft("RGB", (SIDE, SIDE))
                small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((SIDE, SIDE))
        kind = "png" if max(small.size) <= _TINY else "jpeg"
        out = io.BytesIO()
        small.save(out, kind, quality=_QUALITY)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError):
        return None
    return kind, out.getvalue()
