"""Batches of images and targets: which, in what order, and how they are varied.

All that is random is drawn from a seed of the run and the number of the step, on the CPU, so
that a run that is taken up again in the middle draws what it would have drawn. Letters: N
images, B of a batch, K classes, S the side in pixels, L the most labels of an image.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from reassess.records import LabelSets

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of the channels of ImageNet's images in [0, 1], the custom of the field."""

Draw = Literal["order", "variation", "model", "folds"]


def seed_of(seed: int, draw: Draw, number: int, process: int = 0) -> int:
    """The seed of one draw: of an epoch's order, or of a step's variation or model."""
    kind = ("order", "variation", "model", "folds").index(draw)
    words = np.random.SeedSequence([seed, kind, number, process]).generate_state(2)
    return int(words[0]) << 31 ^ int(words[1])


def epoch_order(n_images: int, seed: int, epoch: int) -> Int[Tensor, "N"]:
    """Every image once, in the order of this epoch."""
    generator = torch.Generator().manual_seed(seed_of(seed, "order", epoch))
    return torch.randperm(n_images, generator=generator)


def varied(
    images: UInt8[Tensor, "B S S 3"],
    generator: torch.Generator,
    *,
    shift: int,
    flip: bool,
) -> UInt8[Tensor, "B S S 3"]:
    """Images moved by up to ``shift`` pixels (mirrored at the edges) and half of them flipped.

    One look-up does both: the rows and columns that each image is read from.

    Args:
        images: the batch.
        generator: on the CPU.
        shift: pixels; below S.
        flip: whether left and right may be exchanged.
    """
    n_images, side = images.shape[:2]
    move = torch.randint(-shift, shift + 1, (2, n_images, 1), generator=generator)
    places = torch.arange(side) + move
    places = (side - 1) - (side - 1 - places.abs()).abs()
    rows, columns = places
    if flip:
        turned = torch.rand(n_images, 1, generator=generator) < 0.5
        columns = torch.where(turned, columns.flip(1), columns)
    rows, columns = rows.to(images.device), columns.to(images.device)
    image = torch.arange(n_images, device=images.device)
    return images[image[:, None, None], rows[:, :, None], columns[:, None, :]]


def normalised(
    images: UInt8[Tensor, "B S S 3"],
    mean: tuple[float, float, float] = MEAN,
    std: tuple[float, float, float] = STD,
) -> Float[Tensor, "B 3 S S"]:
    """What a model gets: channels first (last in memory), each with its mean and deviation."""
    scale = torch.tensor([255.0 * s for s in std], device=images.device)
    offset = torch.tensor([m / s for m, s in zip(mean, std, strict=True)], device=images.device)
    return (images / scale - offset).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Targets:
    """The labels of all images, on a device, to make the targets of a batch from.

    Attributes:
        label: class indices, filled up with zeros.
        value: the target of each: 1, or its probability; 0 where it only fills up.
        n_classes: K.
    """

    label: Int[Tensor, "N L"]
    value: Float[Tensor, "N L"]
    n_classes: int

    @classmethod
    def from_labels(
        cls, labels: LabelSets, n_classes: int, device: torch.device, *, soft: bool = False
    ) -> "Targets":
        """Targets of label sets: 1 for each label, or its posterior where ``soft``."""
        most = int(labels.sizes.max(initial=1))
        label = np.zeros((len(labels), most), np.int64)
        value = np.zeros((len(labels), most), np.float32)
        column = np.arange(len(labels.indices)) - np.repeat(labels.indptr[:-1], labels.sizes)
        label[labels.image, column] = labels.indices
        known = soft and labels.posterior is not None
        value[labels.image, column] = labels.posterior if known else 1.0
        return cls(
            torch.from_numpy(label).to(device), torch.from_numpy(value).to(device), n_classes
        )

    def of(self, rows: Int[Tensor, "B"]) -> Float[Tensor, "B K"]:
        """Targets of these images."""
        rows = rows.to(self.label.device)
        hot = F.one_hot(self.label[rows], self.n_classes)
        return (hot * self.value[rows].unsqueeze(-1)).sum(dim=1)
