"""Models by name: small residual networks built in, timm's zoo behind ``timm:``.

The built-in ones are for images of about 32 pixels, without pooling in the stem: ``resnet-8``
halves the image at once and trains on a CPU, ``resnet-20`` is that of He et al. for CIFAR-10,
``resnet-18`` the wide one that is usually run on a GPU. Everything else comes from timm.

Does not train, and reads no weights (`reassess.training.checkpoints`).
"""

import sys
from contextlib import suppress
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reassess.errors import MissingExtraError, OptionError
from reassess.training.recipe import OBJECTIVES

BUILT_IN: dict[str, tuple[tuple[int, ...], tuple[int, ...], int]] = {
    "resnet-8": ((1, 1, 1), (24, 48, 96), 2),
    "resnet-20": ((3, 3, 3), (16, 32, 64), 1),
    "resnet-18": ((2, 2, 2, 2), (64, 128, 256, 512), 1),
}
"""Blocks and channels of each stage and the stride of the stem, by name."""

TIMM = "timm:"


class Block(nn.Module):
    """Two convolutions and the shortcut around them."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.around = nn.Sequential()
        if stride > 1 or n_in != n_out:
            self.around = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D I J"]:
        """Features of the next depth."""
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.around(x))


class SmallResNet(nn.Module):
    """A residual network for small images.

    Args:
        blocks: how many blocks each stage has; each stage but the first halves the image.
        channels: how many channels each stage has.
        stride: of the first convolution.
        n_classes: K.

    Source: He et al. (2016), "Deep Residual Learning", section 4.2.
    """

    def __init__(
        self, blocks: tuple[int, ...], channels: tuple[int, ...], stride: int, n_classes: int
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels[0], 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        )
        stages: list[nn.Module] = []
        n_in = channels[0]
        for stage, (n_blocks, n_out) in enumerate(zip(blocks, channels, strict=True)):
            for block in range(n_blocks):
                stages.append(Block(n_in, n_out, 2 if stage and not block else 1))
                n_in = n_out
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(n_in, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K"]:
        """Logits."""
        logits: Tensor = self.head(self.stages(self.stem(x)).mean(dim=(2, 3)))
        return logits


def build_model(
    name: str,
    n_classes: int,
    *,
    seed: int = 0,
    objective: str = "softmax",
    pretrained: bool = False,
) -> nn.Module:
    """A model with fresh weights, the same for the same seed.

    Args:
        name: one of `BUILT_IN`, or ``timm:`` and a name of timm's.
        n_classes: K, the number of outputs.
        seed: of the weights.
        objective: what it will be trained to do: the bias of its head begins there.
        pretrained: whether timm is to load its weights; its own head with them, so that K
            must be the number of classes that it was trained on.

    Raises:
        OptionError: there is no such model or objective, or K is below 2.
        MissingExtraError: timm is needed and missing.
    """
    if n_classes < 2:
        raise OptionError(f"there is {n_classes} class, but must be at least 2 to tell apart.")
    start = OBJECTIVES[objective].head_bias
    check_model_name(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name.startswith(TIMM):
            model = _from_timm(name.removeprefix(TIMM), n_classes, pretrained)
        else:
            model = SmallResNet(*BUILT_IN[name], n_classes)
    bias = getattr(find_head(model), "bias", None)
    if start is not None and bias is not None and not pretrained:
        nn.init.constant_(bias, start(n_classes))
    return model


def check_model_name(name: str) -> None:
    """Refuse a name that no model has, before anything is decoded for it.

    Raises:
        OptionError: there is no such model.
        MissingExtraError: timm is needed and missing.
    """
    if name.startswith(TIMM):
        timm, bare = import_timm(), name.removeprefix(TIMM)
        with suppress(RuntimeError):  # what timm raises of a tag that it does not know
            if timm.get_pretrained_cfg(bare) is not None:
                return
        kind = bare.partition(".")[0]
        near = (timm.list_pretrained(f"{kind}.*") or timm.list_models(f"*{kind}*"))[:5]
        raise OptionError(
            f"--model is {name!r}, but timm has no model of that name"
            + (f"; near it: {', '.join(near)}." if near else ".")
        )
    if name not in BUILT_IN:
        raise OptionError(
            f"--model is {name!r}, but must be one of {', '.join(BUILT_IN)}, or a name of timm's "
            "such as timm:resnet50."
        )


def to_device(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on a device, in the layout in which convolutions are fastest, on CPUs too."""
    moved: nn.Module = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


def compile_model(model: nn.Module) -> nn.Module:
    """The model with its operations fused by PyTorch's compiler; its weights stay its own."""
    found: Any = torch.compile(model, dynamic=False)
    fused: nn.Module = found
    return fused


def find_head(model: nn.Module) -> nn.Module:
    """The last layer, whose outputs are the logits."""
    if isinstance(model, SmallResNet):
        return model.head
    find: Any = getattr(model, "get_classifier", lambda: model)
    head: nn.Module = find()
    return head


def _from_timm(name: str, n_classes: int, pretrained: bool) -> nn.Module:
    model: nn.Module = import_timm().create_model(
        name, pretrained=pretrained, num_classes=n_classes
    )
    return model


def import_timm() -> Any:
    """The module timm, even where torchvision was built for another torch.

    The torchvision of PyPI is built for CUDA; beside a torch for CPUs its import fails, as two
    operators that it registers are not there. Declared beforehand, the rest of it works.

    Raises:
        MissingExtraError: timm or torchvision is missing.
    """
    try:
        let_torchvision_import()
    except ImportError as error:
        raise MissingExtraError("torchvision", "zoo", "a model of timm's") from error
    try:
        import timm
    except ImportError as error:
        raise MissingExtraError("timm", "zoo", "a model of timm's") from error
    return timm


def let_torchvision_import() -> None:
    """Make ``import torchvision`` work even where it was built for another torch (`import_timm`).

    Raises:
        ImportError: it is not installed.
    """
    if "torchvision" in sys.modules:
        return
    try:
        import torchvision  # noqa: F401 -- to see whether it can be imported
    except RuntimeError:
        for module in [one for one in sys.modules if one.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        _declare_operators()


def _declare_operators() -> None:
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARIES.append(library)


_LIBRARIES: list[Any] = []
"""Libraries that must be held: torch forgets one when its object is collected."""
