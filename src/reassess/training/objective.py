"""What a model is trained to do: objectives and targets, as plain functions on tensors.

They know no model, no loop and no data, and can be used in anybody's PyTorch code. All sum
over classes and average over the batch. Letters: B images in a batch, K classes.

Does not build models (`reassess.training.models`) and does not train (`reassess.training.loop`).
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from jaxtyping import Float
from torch import Tensor

from reassess.errors import OptionError

Objective = Literal["softmax", "sigmoid"]


def sigmoid_cross_entropy(
    logits: Float[Tensor, "B K"], targets: Float[Tensor, "B K"]
) -> Float[Tensor, ""]:
    """Loss of K independent yes-or-no questions: summed over classes, mean over the batch.

    Several classes of an image may be right, or none. The sum over classes makes it K times
    the mean that `torch.nn.functional.binary_cross_entropy_with_logits` returns by default.

    Args:
        logits: the model's outputs.
        targets: 1 where the class is in the image, 0 where it is not; or its probability.

    Source: the paper, section 6; ``-sum_c [y log s(z) + (1 - y) log s(-z)]``.
    """
    each = targets * F.logsigmoid(logits) + (1 - targets) * F.logsigmoid(-logits)
    return -each.sum(dim=-1).mean()


def softmax_cross_entropy(
    logits: Float[Tensor, "B K"], targets: Float[Tensor, "B K"]
) -> Float[Tensor, ""]:
    """Loss of one choice among K classes, the baseline: mean over the batch.

    Args:
        logits: the model's outputs.
        targets: a distribution over the classes for each image (`as_distribution`).
    """
    return -(targets * F.log_softmax(logits, dim=-1)).sum(dim=-1).mean()


def objective_loss(
    objective: Objective, logits: Float[Tensor, "B K"], targets: Float[Tensor, "B K"]
) -> Float[Tensor, ""]:
    """The loss of an objective by name, of targets in [0, 1] of any of the three kinds.

    Several labels of an image share the probability under ``softmax`` and stand each for
    itself under ``sigmoid``.
    """
    if objective == "sigmoid":
        return sigmoid_cross_entropy(logits, targets)
    return softmax_cross_entropy(logits, as_distribution(targets))


def as_distribution(targets: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
    """Targets whose rows sum to one: labels of one image share its probability."""
    return targets / targets.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(targets.dtype).tiny)


def smoothed(targets: Float[Tensor, "B K"], share: float) -> Float[Tensor, "B K"]:
    """Targets of which a share is spread evenly over the K classes: ``(1 - s) y + s / K``.

    Raises:
        OptionError: the share is outside [0, 1).
    """
    if not 0 <= share < 1:
        raise OptionError(f"label smoothing is {share}, but must be in [0, 1).")
    return targets * (1 - share) + share / targets.shape[-1]


def mixed_up(
    images: Float[Tensor, "B *pixels"],
    targets: Float[Tensor, "B K"],
    alpha: float,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "B *pixels"], Float[Tensor, "B K"]]:
    """Images and targets, each mixed with those of another image of the batch.

    Args:
        images: the batch.
        targets: its targets.
        alpha: the share of the other is drawn from Beta(alpha, alpha), once a batch.
        generator: on the CPU, so that every device draws the same.

    Raises:
        OptionError: alpha is not above 0.

    Source: Zhang et al. (2018), "mixup: Beyond Empirical Risk Minimization".
    """
    if alpha <= 0:
        raise OptionError(f"mixup's alpha is {alpha}, but must be above 0.")
    two = torch._standard_gamma(torch.full((2,), alpha), generator=generator)
    share = float(two[0] / two.sum().clamp_min(torch.finfo(two.dtype).tiny))
    other = torch.randperm(len(images), generator=generator).to(images.device)
    return (
        images.lerp(images[other], share),
        targets.lerp(targets[other.to(targets.device)], share),
    )


def prior_bias(n_classes: int) -> float:
    """Bias of the head under the sigmoid objective: ln(1/K).

    A new model then says 'one class in K' of each class, and the first steps are not spent
    on unlearning that everything is in every image.

    Raises:
        OptionError: there are fewer than two classes.

    Source: big_vision, ``init_head_bias`` of -6.9 for the 1,000 classes of ImageNet.
    """
    if n_classes < 2:
        raise OptionError(f"there is {n_classes} class, but must be at least 2 to tell apart.")
    return -math.log(n_classes)
