"""Losses and targets, as plain functions on tensors.

They know no model, no loop and no data, and can be used in anybody's PyTorch code. All losses
sum over classes and average over the batch. Letters: B images in a batch, K classes.

Which loss an objective has is stated in `reassess.training.recipe`.
"""

import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from jaxtyping import Float, Int
from torch import Tensor

from reassess.errors import OptionError
from reassess.training.recipe import OBJECTIVES


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
    objective: str, logits: Float[Tensor, "B K"], targets: Float[Tensor, "B K"]
) -> Float[Tensor, ""]:
    """The loss of an objective by name: mean over the batch.

    Args:
        objective: a name of `reassess.training.OBJECTIVES`.
        logits: the model's outputs.
        targets: for each class its probability, in [0, 1]; several labels of an image share one
            probability where the objective knows one class an image.

    Raises:
        OptionError: there is no such objective.
    """
    found = OBJECTIVES[objective]
    return found.loss(logits, as_distribution(targets) if found.one_class else targets)


def as_distribution(targets: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
    """Targets whose rows sum to one: labels of one image share its probability."""
    return targets / targets.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(targets.dtype).tiny)


def smooth_labels(targets: Float[Tensor, "B K"], share: float) -> Float[Tensor, "B K"]:
    """Targets of which a share is spread evenly over the K classes: ``(1 - s) y + s / K``.

    Raises:
        OptionError: the share is outside [0, 1).
    """
    if not 0 <= share < 1:
        raise OptionError(f"label smoothing is {share}, but must be in [0, 1).")
    return targets * (1 - share) + share / targets.shape[-1]


def mixup(
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
    share = two[0] / two.sum().clamp_min(torch.finfo(two.dtype).tiny)
    other = torch.randperm(len(images), generator=generator)
    return mix(images, targets, share.to(images.device), other.to(images.device))


def mix(
    images: Float[Tensor, "B *pixels"],
    targets: Float[Tensor, "B K"],
    share: Float[Tensor, ""],
    other: Int[Tensor, "B"],
) -> tuple[Float[Tensor, "B *pixels"], Float[Tensor, "B K"]]:
    """Images and targets, each mixed with a share of those of another image of the batch."""
    return images.lerp(images[other], share), targets.lerp(targets[other], share)
