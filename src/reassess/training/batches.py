"""Batches of images and targets: which, in what order, and how they are augmented.

All that is random comes from a seed of the run and the number of the step, so that a run that is
resumed in the middle draws what it would have drawn, on any device (`reassess.training.draws`).
Letters: N images, B of a batch, K classes, S the side in pixels, L the most labels of an image.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from reassess.records import LabelSets
from reassess.training.draws import stream_key

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of the channels of ImageNet's images in [0, 1], as is customary."""


@dataclass(frozen=True)
class Start:
    """What a model is before it is trained.

    Attributes:
        mean: of the channels, subtracted from its images.
        std: of the channels, divided by.
        digest: of pretrained weights; empty for fresh ones, which the seed decides.
    """

    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    digest: str = ""


# Streams of one run: without a number each, two of them would draw the same.
ORDER, MODEL, BATCH, SHARE, PHOTO = 0, 1, 2, 3, 4


@lru_cache(maxsize=4)
def model_seeds(seed: int, epoch: int, n_steps: int, process: int = 0) -> list[int]:
    """A seed for each step of an epoch, for what the model itself draws, as dropout does."""
    drawn = np.random.SeedSequence([seed, MODEL, epoch, process])
    found: list[int] = (drawn.generate_state(n_steps, np.uint64) >> np.uint64(1)).tolist()
    return found


def epoch_order(n_images: int, seed: int, epoch: int) -> Int[Tensor, "N"]:
    """Every image once, in the order of this epoch."""
    generator = torch.Generator().manual_seed(stream_key(seed, ORDER, epoch))
    return torch.randperm(n_images, generator=generator)


class ShiftAndFlip:
    """Images shifted by up to so many pixels (mirrored at the edges) and half of them flipped.

    One look-up does both: the pixels that each image is read from.

    Args:
        side: S.
        max_shift_px: at most S - 1 is used.
        flip: whether images may be mirrored, left to right.
        device: of the images.
    """

    def __init__(self, side: int, max_shift_px: int, flip: bool, device: torch.device) -> None:
        shift = min(max_shift_px, side - 1)
        places = torch.arange(side) + torch.arange(-shift, shift + 1)[:, None]
        places = (side - 1) - (side - 1 - places.abs()).abs()
        columns = torch.cat([places, places.flip(1)]) if flip else places
        self._rows, self._columns = (places * side).to(device), columns.to(device)

    def __call__(
        self, images: UInt8[Tensor, "B S S 3"], bits: Int[Tensor, "n"]
    ) -> UInt8[Tensor, "B S S 3"]:
        """The batch, moved by random bits, 2 B of them (`reassess.training.draws`)."""
        n_images, side = images.shape[:2]
        down, across = bits[:n_images], bits[n_images : 2 * n_images]
        rows = self._rows[down % len(self._rows)]
        columns = self._columns[across % len(self._columns)]
        first = torch.arange(0, n_images * side**2, side**2, device=images.device)[:, None, None]
        places = (rows[:, :, None] + (columns[:, None, :] + first)).flatten()
        return images.reshape(-1, 3).index_select(0, places).view(images.shape)


def normalize(
    images: UInt8[Tensor, "B S S 3"],
    mean: tuple[float, float, float] = MEAN,
    std: tuple[float, float, float] = STD,
) -> Float[Tensor, "B 3 S S"]:
    """What a model gets: channels first (last in memory), each less its mean, by its deviation."""
    scale, offset = scale_and_offset(images.shape[1] * images.shape[2], mean, std, images.device)
    wide = images.reshape(len(images), -1).float().mul_(scale).sub_(offset)
    return wide.view(images.shape).permute(0, 3, 1, 2)


@lru_cache(maxsize=4)
def scale_and_offset(
    n_pixels: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    device: torch.device,
) -> tuple[Float[Tensor, "W"], Float[Tensor, "W"]]:
    """Factor and offset of every number of an image, not of three channels.

    PyTorch's operations on a CPU take many times as long where the last dimension has three.
    """
    scale = torch.tensor([1 / (255.0 * s) for s in std])
    offset = torch.tensor([m / s for m, s in zip(mean, std, strict=True)])
    return scale.repeat(n_pixels).to(device), offset.repeat(n_pixels).to(device)


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

    def rows(self, rows: Int[Tensor, "B"]) -> Float[Tensor, "B K"]:
        """Targets of these images."""
        rows = rows.to(self.label.device)
        hot = F.one_hot(self.label[rows], self.n_classes)
        return (hot * self.value[rows].unsqueeze(-1)).sum(dim=1)
