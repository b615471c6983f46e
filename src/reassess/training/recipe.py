"""What decides a training: objectives by name, the recipe, where checkpoints go. No PyTorch.

A new objective is a loss on tensors and one `OBJECTIVES.register`; command line, loop and
predictions take it from here. PyTorch is imported when a loss is computed, so that help texts
and checks of options do without it.

Letters: B images of a batch, K classes.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from reassess.errors import OptionError
from reassess.registry import Registry, checks_choices

if TYPE_CHECKING:
    from torch import Tensor

Precision = Literal["float32", "bfloat16"]
"""Of the activations; weights are always float32."""


Augmentation = Literal["shift", "crop", "trivial", "rand"]
"""How images are changed: shifted, for squares of some 32 pixels; or photos cut and resized at
random, with TrivialAugment or RandAugment after it where it is named."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What a model is trained to do.

    Attributes:
        name: what people type.
        loss: from logits [B, K] and targets [B, K] in [0, 1] to a number, the mean over the
            batch.
        probabilities: from logits to the probability of each class.
        summary: for the help: a noun phrase.
        one_class: whether an image has one class, so that several labels share its
            probability; else each class is a question for itself.
        head_bias: where the bias of a new model's head begins, from K; None for what the layer
            draws.
    """

    name: str
    loss: "Callable[[Tensor, Tensor], Tensor]"
    probabilities: "Callable[[Tensor], Tensor]"
    summary: str
    one_class: bool
    head_bias: Callable[[int], float] | None = None


OBJECTIVES: Registry[Objective] = Registry("objective")


def _softmax_loss(logits: Any, targets: Any) -> Any:
    from reassess.training.losses import softmax_cross_entropy

    return softmax_cross_entropy(logits, targets)


def _sigmoid_loss(logits: Any, targets: Any) -> Any:
    from reassess.training.losses import sigmoid_cross_entropy

    return sigmoid_cross_entropy(logits, targets)


def prior_bias(n_classes: int) -> float:
    """Bias of the head under the sigmoid objective: ln(1/K).

    A new model then gives every class the probability 1/K, and the first steps are not spent
    on unlearning that everything is in every image.

    Source: big_vision, ``init_head_bias`` of -6.9 for the 1,000 classes of ImageNet.
    """
    return -math.log(n_classes)


OBJECTIVES.register(
    Objective(
        "softmax",
        _softmax_loss,
        lambda logits: logits.softmax(dim=-1),
        summary="one class of K",
        one_class=True,
    )
)
OBJECTIVES.register(
    Objective(
        "sigmoid",
        _sigmoid_loss,
        lambda logits: logits.sigmoid(),
        summary="each class for itself",
        one_class=False,
        head_bias=prior_bias,
    )
)

_NAMES_IN_FILES = {
    "label_smoothing": "smoothing",
    "max_grad_norm": "clip",
    "ema_decay": "ema",
    "max_shift_px": "shift",
    "soft_targets": "soft",
}

_NEWER: dict[str, Any] = {"head_rate": 1.0, "augmentation": "shift"}
"""Fields that version 0.1.0 had not, with their defaults."""


@checks_choices
@dataclass(frozen=True)
class Recipe:
    """How to train: everything that decides the weights, but the model, the images and labels.

    Attributes:
        objective: a name of `OBJECTIVES`: what is minimised.
        epochs: passes over the images; the few that fill no batch are left out of a pass, others
            in each.
        batch_size: images a step; at most those that there are.
        learning_rate: the highest; for batches of 128, in proportion for others.
        momentum: of SGD.
        weight_decay: on weights of convolutions and layers, not on biases and norms.
        warmup: share of the steps in which the learning rate rises.
        max_grad_norm: the norm that gradients are clipped to; 0 for no clipping.
        label_smoothing: share of a target that is spread over all classes.
        mixup: alpha; 0 for no mixup.
        ema_decay: share that the exponential moving average of the weights keeps a step; 0 for
            none. With one, the average is the model in the end.
        max_shift_px: images are shifted by up to so many pixels.
        flip: whether half of the images are mirrored.
        soft_targets: targets are the posteriors of labels where they are known, not 1.
        precision: of the activations; weights are always float32.
        seed: of the weights, the order and the augmentation.
        head_rate: times as high a learning rate for the head as for all other weights: above 1
            where these come from a pretrained model.
        augmentation: how images are changed; all but ``shift`` cut a random part out of a photo,
            mirror half of them, and leave ``max_shift_px`` and ``flip`` aside.

    Raises:
        OptionError: a number is out of its range, or the objective is unknown.
    """

    objective: str = "softmax"
    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.15
    max_grad_norm: float = 2.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    ema_decay: float = 0.0
    max_shift_px: int = 4
    flip: bool = True
    soft_targets: bool = False
    precision: Precision = "float32"
    seed: int = 0
    head_rate: float = 1.0
    augmentation: Augmentation = "shift"

    def __post_init__(self) -> None:
        OBJECTIVES.checked(self.objective, "objective")
        for name, low, high in (
            ("epochs", 1, math.inf), ("batch_size", 1, math.inf), ("learning_rate", 0, math.inf),
            ("momentum", 0, 1), ("weight_decay", 0, math.inf), ("warmup", 0, 1),
            ("max_grad_norm", 0, math.inf), ("label_smoothing", 0, 1), ("mixup", 0, math.inf),
            ("ema_decay", 0, 1), ("max_shift_px", 0, math.inf), ("seed", 0, 2**32),
            ("head_rate", 0, math.inf),
        ):  # fmt: skip
            value = getattr(self, name)
            if not (low <= value < high and math.isfinite(value)):
                raise OptionError(
                    f"{name.replace('_', '-')} is {value}, but must be at least {low}"
                    + ("." if high == math.inf else f" and below {high}.")
                )

    def record(self) -> dict[str, Any]:
        """The fields, by which checkpoints and finished folds and runs are told apart.

        Some fields stand in files under the names that they had in version 0.1.0, so that what
        it left unfinished can be resumed; fields that it had not are left out while they have
        their defaults.
        """
        since = {name for name, default in _NEWER.items() if getattr(self, name) == default}
        return {
            _NAMES_IN_FILES.get(name, name): value
            for name, value in asdict(self).items()
            if name not in since
        }


@dataclass(frozen=True)
class StepConfig:
    """How a step runs. It decides the speed, and the weights only within rounding.

    Attributes:
        graph: whether the whole step lies on the device, its draws and the choice of its images
            with it; on a GPU it is then captured once as a CUDA graph and replayed. None: on a
            GPU, where the images are in memory and one process trains.
        compiled: whether `torch.compile` compiles the model first.
    """

    graph: bool | None = None
    compiled: bool = False


@dataclass(frozen=True)
class CheckpointConfig:
    """Where a run keeps what it needs to be resumed, and what it measured.

    Attributes:
        path: the file of the last state; None for none.
        every: steps between two; 0 for one an epoch.
        resume: whether to go on from the file where it exists: True demands that it is of the
            same run, None starts over where it is of another, False always does.
        metrics: a CSV of loss and speed; None for none.
        tensorboard: a folder of TensorBoard events; None for none.
    """

    path: str | PathLike[str] | None = None
    every: int = 0
    resume: bool | None = None
    metrics: str | PathLike[str] | None = None
    tensorboard: str | PathLike[str] | None = None
