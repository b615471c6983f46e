"""Digits as image files, with label sets of which some hold two classes and some none.

These tests run in an environment of their own (`make test-peers`), which has the libraries that
people train with, and without the checks of annotations that the other tests run under.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402

from reassess import LabelSets  # noqa: E402

N = 160


@dataclass(frozen=True)
class Digits:
    """A folder of class folders, and what is known of its images."""

    folder: Path
    ids: list[str]
    labels: LabelSets
    keep: list[str]
    pixels: np.ndarray

    def multihot(self, ids: list[str]) -> np.ndarray:
        """Whether each image has each class, by hand."""
        lists = dict(zip(self.labels.image_ids.tolist(), self.labels.lists(), strict=True))
        return np.array([[c in lists[one] for c in range(10)] for one in ids])


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("digits")
    images, truth = load_digits(return_X_y=True)
    ids, lists, pixels = [], [], []
    for n in range(N):
        square = np.kron(images[n].reshape(8, 8) * 15, np.ones((4, 4))).astype(np.uint8)
        one = f"{truth[n]}/{n:03d}.png"
        (folder / one).parent.mkdir(exist_ok=True)
        Image.fromarray(square).convert("RGB").save(folder / one)
        ids.append(one)
        pixels.append(square)
        extra = [int((truth[n] + 1) % 10)] if n % 5 == 0 else []
        lists.append([] if n % 11 == 3 else [int(truth[n]), *extra])
    labels = LabelSets.from_lists("digits", ids, lists, n_classes=10)
    keep = [one for n, one in enumerate(ids) if n % 4]
    return Digits(folder, ids, labels, keep, np.stack(pixels))


def share_correct(scores: np.ndarray, truth: np.ndarray, k: int = 1) -> tuple[float, int]:
    """ReaL accuracy of scores, image by image, and how many images have a label."""
    right = []
    for row, cells in zip(scores, truth, strict=True):
        if cells.any():
            best = sorted(range(len(row)), key=lambda c: -row[c])[:k]
            right.append(any(cells[c] for c in best))
    return sum(right) / len(right), len(right)
