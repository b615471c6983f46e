"""Pairs of one file found among those of another: both as rows of the same images."""

from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError
from reassess.records import Pairs, Questions, align


def aligned_pairs(questions: Questions, image_ids: Any, what: str) -> Pairs:
    """The pairs of questions, their images as rows of ``image_ids``.

    Raises:
        DataError: the questions name no pairs.
        AlignmentError: an image is none of these.
    """
    pairs = questions.pairs
    if pairs is None:
        raise DataError(
            f"{what}: the questions name no image and class, but must. Write columns image,label."
        )
    row = align(pairs.image_ids, image_ids, source=what, target_name="the study")
    return Pairs(image_ids, row[pairs.image], pairs.label)


def places_of(pairs: Pairs, wanted: Pairs) -> Int[np.ndarray, "Q"]:
    """Where each wanted pair stands among pairs about the same images; -1 where it does not."""
    n_classes = 1 + max(int(pairs.label.max(initial=0)), int(wanted.label.max(initial=0)))
    key = pairs.image.astype(np.int64) * n_classes + pairs.label
    if len(key) == 0:
        return np.full(len(wanted), -1)
    order = np.argsort(key)
    asked = wanted.image.astype(np.int64) * n_classes + wanted.label
    at = np.minimum(np.searchsorted(key[order], asked), len(key) - 1)
    found: Int[np.ndarray, "Q"] = np.where(key[order][at] == asked, order[at], -1)
    return found
