"""Random resized crops of photos, and the usual augmentations after them, by torchvision.

What happens to an image is drawn by `torchvision.transforms.v2` from a generator of its own, seeded
by the run's seed, the epoch and the image: threads may decode in any order, and a run that is
resumed goes on with the same crops. The crop is drawn before the image is decoded, as a large JPEG
need not be decoded at its full size to be cut down to 224 pixels.

Which images, and when, is for `reassess.training.images`. Letters: B images of a batch, S the side.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.overrides import TorchFunctionMode

from reassess.errors import MissingExtraError
from reassess.files.decoding import decode_image
from reassess.files.plain_jpegs import decode_plain_jpeg, plain_jpeg_size
from reassess.registry import checks_choices
from reassess.training.models import let_torchvision_import
from reassess.training.recipe import Augmentation

if TYPE_CHECKING:
    from PIL import Image

_RANDOM = frozenset(
    (
        torch.rand, torch.randn, torch.randint, torch.randperm, torch.multinomial, torch.bernoulli,
        torch.normal, Tensor.uniform_, Tensor.normal_, Tensor.random_, Tensor.bernoulli_,
    )
)  # fmt: skip
"""What torchvision draws with: all take a generator, which it does not hand on."""

_SCALES = (8, 4, 2)
_BICUBIC = 3
"""As Pillow counts its ways to resize."""


class _DrawFrom(TorchFunctionMode):
    """Inside, this thread draws from a generator of its own and not from PyTorch's."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        given = dict(kwargs or {})
        if func in _RANDOM:
            given["generator"] = self._generator
        return func(*args, **given)


@checks_choices
class PhotoAugmentation:
    """An encoded photo, cut, resized, flipped and changed at random.

    Args:
        side: S, of the square that a photo becomes.
        kind: ``crop``: a crop of 8 to 100 % of the area and of a ratio from 3:4 to 4:3, half of
            them mirrored. ``trivial`` and ``rand``: TrivialAugment or RandAugment after it.

    Raises:
        MissingExtraError: torchvision is missing.

    Source: Szegedy et al. (2015), "Going deeper with convolutions" (crops); Müller and Hutter
    (2021), "TrivialAugment"; Cubuk et al. (2020), "RandAugment"; all as torchvision has them.
    """

    def __init__(self, side: int, kind: Augmentation = "crop") -> None:
        try:
            let_torchvision_import()
            from torchvision.transforms import InterpolationMode, v2
        except ImportError as error:
            raise MissingExtraError("torchvision", "zoo", "augmenting photos") from error
        self._side = side
        self._crop: Any = v2.RandomResizedCrop(side, interpolation=InterpolationMode.BICUBIC)
        self._after: list[Any] = [v2.RandomHorizontalFlip()]
        if kind in ("trivial", "rand"):
            policy = v2.TrivialAugmentWide if kind == "trivial" else v2.RandAugment
            self._after.append(policy(interpolation=InterpolationMode.BILINEAR))

    def __call__(self, content: bytes, seed: int, out: UInt8[np.ndarray, "S S 3"]) -> None:
        """Write what becomes of a photo.

        Args:
            content: the file.
            seed: what it is drawn from.
            out: where it is written.

        Raises:
            ValueError: the bytes are no image that Pillow reads.
        """
        with _DrawFrom(torch.Generator().manual_seed(seed)):
            image: Any = self._cropped(content)
            for transform in self._after:
                image = transform(image)
        out[:] = np.asarray(image)

    def _cropped(self, content: bytes) -> "Image.Image":
        from PIL import Image

        size = plain_jpeg_size(content)
        if size is not None:
            box = self._box(*size)
            enough = min(box["height"], box["width"]) // self._side
            scale = next((one for one in _SCALES if one <= enough), 1)
            pixels = decode_plain_jpeg(content, scale=scale)
            if pixels is not None:
                return self._cut(Image.fromarray(pixels), box, scale)
        image = decode_image(content).pixels.convert("RGB")
        return self._cut(image, self._box(*image.size), 1)

    def _box(self, width: int, height: int) -> dict[str, int]:
        """Top, left, height and width of a crop; of the image only its size is looked at."""
        found: dict[str, int] = self._crop.make_params(
            [torch.empty((3, height, width), device="meta")]
        )
        return found

    def _cut(self, image: "Image.Image", box: dict[str, int], scale: int) -> "Image.Image":
        """The crop of an image that was decoded at a fraction of its size, resized."""
        left, top = box["left"], box["top"]
        right, bottom = left + box["width"], top + box["height"]
        square = (self._side, self._side)
        if scale == 1:
            return image.crop((left, top, right, bottom)).resize(square, _BICUBIC)
        edges = (left / scale, top / scale, right / scale, bottom / scale)
        return image.resize(square, _BICUBIC, edges)
