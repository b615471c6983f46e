"""What trained models predict: logits, and probabilities by their objective.

Letters: N images, K classes. Does not judge them: `reassess.scoring` does.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reassess.errors import DivergedError
from reassess.progress import Progress, null_progress
from reassess.training.batches import normalize
from reassess.training.data import LabelledImages
from reassess.training.images import Pixels
from reassess.training.recipe import OBJECTIVES, Recipe
from reassess.training.trained_model import TrainedModel, train_model

BATCH = 256


def predict_logits(
    model: TrainedModel,
    pixels: Pixels,
    *,
    device: torch.device | None = None,
    half: bool = False,
    batch_size: int = BATCH,
    progress: Progress = null_progress,
) -> Float[np.ndarray, "N K"]:
    """A model's outputs for images, in their order.

    Args:
        model: with its weights.
        pixels: the images, as the model's transform makes them.
        device: where; the CPU by default.
        half: activations in bfloat16.
        batch_size: images at once.
        progress: shown how many images are done.

    Raises:
        DataError: an image cannot be decoded.
        DivergedError: the outputs are no numbers: the weights are broken.
    """
    device = device or torch.device("cpu")
    model = model.to(device)
    found = np.empty((len(pixels), model.n_classes), np.float32)
    rows = torch.split(torch.arange(len(pixels)), batch_size)
    done = 0
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        for batch in pixels.to(device).batches(rows):
            inputs = normalize(batch.to(device), model.mean, model.std)
            logits: Tensor = model.module(inputs)
            found[done : done + len(batch)] = logits.float().cpu().numpy()
            done += len(batch)
            progress("", done=done, total=len(pixels))
    if not np.isfinite(found).all():
        raise DivergedError(
            f"{model.name}: its outputs are not finite, but must be numbers. Its weights are "
            "broken: train it again."
        )
    return found


def predict_held_out(
    images: LabelledImages,
    held_out: Pixels,
    recipe: Recipe,
    name: str,
    *,
    device: torch.device | None = None,
    progress: Progress = null_progress,
) -> Float[np.ndarray, "n K"]:
    """Logits for images by a new model that was trained without them.

    It is handed the images that it may learn from, with their labels, and the pixels that it is
    to predict, without theirs: each fold and each run of a grid is one call.

    Args and errors as in `reassess.training.train_model`.
    """
    model = train_model(images, recipe, name, device=device, progress=progress)
    half = recipe.precision == "bfloat16"
    return predict_logits(model, held_out, device=device, half=half)


def predicted_probabilities(
    logits: Float[np.ndarray, "N K"], objective: str
) -> Float[np.ndarray, "N K"]:
    """Probability of each class: of one among K under softmax, of each for itself under sigmoid.

    Raises:
        OptionError: there is no such objective.
    """
    found: Float[np.ndarray, "N K"] = (
        OBJECTIVES[objective].probabilities(torch.from_numpy(logits)).numpy()
    )
    return found
