"""The demo's benchmark: images of one or two handwritten digits, with the truth known.

It has what ImageNet has: images that show more than one thing, of which the original label
names one, and original labels that are wrong – here **planted mistakes**, so that one can
count how many were found. Asks nobody and trains nothing: `reassess.demo` does.
Letters: N images, K = 10 classes.

Source: E. Alpaydin, C. Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI
Machine Learning Repository (CC BY 4.0), as it ships with scikit-learn.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from reassess.files import write_atomically, write_labels
from reassess.files.tables import write_table
from reassess.records import Benchmark, Classes, LabelSets

N_IMAGES = 1_470
"""Images at most: with their second digits they use nearly all of the 1,797 scans once."""

_TWO_DIGITS, _PLANTED = 0.22, 0.03
_ENLARGED = 8
CLASS_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Digits:
    """The demo's benchmark, and what a real one lacks: the truth.

    Attributes:
        benchmark: images and original labels, some of which are planted mistakes.
        pixels: brightness in [0, 1], two scans of 8 by 8 pixels side by side.
        truth: the digits that each image shows.
        planted: whether the original label was made wrong on purpose.
    """

    benchmark: Benchmark
    pixels: Float[np.ndarray, "N 8 16"]
    truth: LabelSets
    planted: Bool[np.ndarray, "N"]


def make_digits(n_images: int, rng: np.random.Generator) -> Digits:
    """Images of one or two different digits, with original labels and the truth.

    Every scan is used once at most, so that no model is tested on what it was trained on.
    """
    from sklearn.datasets import load_digits

    scans = load_digits()
    order = rng.permutation(len(scans.target))
    first, spare = order[:n_images], order[n_images:]
    two = rng.permutation(n_images)[: round(_TWO_DIGITS * n_images)]
    second = spare[: len(two)]
    differs = scans.target[first[two]] != scans.target[second]
    two, second = two[differs], second[differs]
    every = np.arange(n_images)
    side = rng.integers(2, size=n_images)
    canvas = np.zeros((n_images, 8, 2, 8))
    canvas[every, :, side] = scans.images[first]
    canvas[two, :, 1 - side[two]] = scans.images[second]
    shown = np.zeros((n_images, len(CLASS_NAMES)), dtype=bool)
    shown[every, scans.target[first]] = True
    shown[two, scans.target[second]] = True

    planted = np.zeros(n_images, dtype=bool)
    planted[rng.permutation(n_images)[: round(_PLANTED * n_images)]] = True
    lottery = rng.random(shown.shape)
    original = np.where(shown ^ planted[:, None], lottery, -1).argmax(axis=1)
    ids = np.array([f"{i + 1:04d}.png" for i in range(n_images)])
    indptr = np.concatenate([[0], np.cumsum(shown.sum(axis=1))])
    return Digits(
        benchmark=Benchmark("digits", ids, original, _classes()),
        pixels=canvas.reshape(n_images, 8, 16) / 16,
        truth=LabelSets(
            "digits shown", ids, indptr, np.nonzero(shown)[1], n_classes=len(CLASS_NAMES)
        ),
        planted=planted,
    )


def _classes() -> Classes:
    return Classes(
        ids=tuple(f"digit-{d}" for d in range(len(CLASS_NAMES))),
        names=CLASS_NAMES,
        synonyms=tuple(str(d) for d in range(len(CLASS_NAMES))),
        definitions=tuple(f"the handwritten digit {d}" for d in range(len(CLASS_NAMES))),
    )


def write_digits(digits: Digits, folder: Path) -> None:
    """Write images, classes, original labels and the truth, as a benchmark ships them.

    Raises:
        FileError: the folder cannot be written to.
    """
    from PIL import Image

    benchmark, classes = digits.benchmark, _classes()
    grey = np.rint(255 * (1 - digits.pixels)).astype(np.uint8)
    large = grey.repeat(_ENLARGED, axis=1).repeat(_ENLARGED, axis=2)
    for image_id, image in zip(benchmark.image_ids.tolist(), large, strict=True):
        with write_atomically(folder / "images" / image_id) as beside:
            Image.fromarray(image).save(beside)
    about = {"index": range(len(classes)), "id": classes.ids, "name": classes.names}
    about |= {"synonyms": classes.synonyms, "definition": classes.definitions}
    write_table(folder / "classes.csv", about)
    write_table(folder / "labels.csv", {"image": benchmark.image_ids, "label": benchmark.original})
    write_labels(digits.truth, folder / "truth.json", "by-file")
