"""What a trained model says of images: logits, and probabilities by its objective.

Letters: N images, K classes. Does not judge it: `reassess.scoring` does.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reassess.errors import DivergedError
from reassess.training.batches import normalised
from reassess.training.images import Pixels
from reassess.training.objective import Objective
from reassess.training.trained import TrainedModel, on

BATCH = 256


def predicted_logits(
    model: TrainedModel,
    pixels: Pixels,
    *,
    device: torch.device | None = None,
    half: bool = False,
    batch_size: int = BATCH,
    on_images: Callable[[int], object] | None = None,
) -> Float[np.ndarray, "N K"]:
    """A model's outputs for images, in their order.

    Args:
        model: with its weights.
        pixels: the images, of the model's form.
        device: where; the CPU by default.
        half: activations in bfloat16.
        batch_size: how many images at once.
        on_images: told how many are done.

    Raises:
        DataError: an image cannot be decoded.
        DivergedError: the outputs are no numbers: the weights are broken.
    """
    device = device or torch.device("cpu")
    model = on(device, model)
    found = np.empty((len(pixels), model.n_classes), np.float32)
    rows = torch.split(torch.arange(len(pixels)), batch_size)
    done = 0
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        for batch in pixels.to(device).batches(rows):
            inputs = normalised(batch.to(device), model.mean, model.std)
            logits: Tensor = model.module(inputs)
            found[done : done + len(batch)] = logits.float().cpu().numpy()
            done += len(batch)
            if on_images is not None:
                on_images(done)
    if not np.isfinite(found).all():
        raise DivergedError(
            f"{model.name}: it answers with what is no number, but must with numbers. Its weights "
            "are broken: train it again."
        )
    return found


def probabilities_of(
    logits: Float[np.ndarray, "N K"], objective: Objective
) -> Float[np.ndarray, "N K"]:
    """Probability of each class: of one among K under softmax, of each for itself under sigmoid."""
    values = torch.from_numpy(logits)
    found = torch.sigmoid(values) if objective == "sigmoid" else torch.softmax(values, dim=-1)
    plain: Float[np.ndarray, "N K"] = found.numpy()
    return plain
