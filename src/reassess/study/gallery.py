"""Small copies of a study's images, as addresses that stand in a page by themselves."""

import base64
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

from reassess.study.manifest import Study
from reassess.study.site import ImageFolder

SIDE = 200
"""Pixels of the longer side."""

_QUALITY = 72


def small_copies(study: Study, image_ids: Sequence[str]) -> dict[str, str]:
    """A ``data:`` address of a small JPEG for each image that has a readable file."""
    if study.images is None:
        return {}
    images = ImageFolder(study.path(study.images), image_ids)
    found = {}
    for image_id in image_ids:
        path = images(image_id)
        content = None if path is None else _small(path)
        if content is not None:
            coded = base64.b64encode(content).decode()
            found[image_id] = f"data:image/jpeg;base64,{coded}"
    return found


def _small(path: Path) -> bytes | None:
    """A small JPEG without metadata; None where the file shows no image."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.draft("RGB", (SIDE, SIDE))
                small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=_QUALITY)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError):
        return None
    return out.getvalue()
