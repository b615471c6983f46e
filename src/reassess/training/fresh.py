"""One model from fresh weights to its answers: what each fold and each run of a grid does.

It is handed the images that it may learn from, with their labels, and the pixels that it is
to answer for, without theirs.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from reassess.training.data import LabelledImages
from reassess.training.images import Pixels
from reassess.training.loop import Keeping, OnStep, Recipe, train
from reassess.training.models import build_model
from reassess.training.prediction import predicted_logits
from reassess.training.processes import ALONE, Processes
from reassess.training.trained import TrainedModel


def trained_model(
    images: LabelledImages,
    recipe: Recipe,
    name: str,
    *,
    device: torch.device | None = None,
    keeping: Keeping | None = None,
    processes: Processes = ALONE,
    on_step: OnStep | None = None,
) -> TrainedModel:
    """A model that learned these images from fresh weights.

    Args and errors as in `reassess.training.loop.train`; ``name`` says which model.

    Raises:
        OptionError: there is no such model.
    """
    sigmoid = recipe.objective == "sigmoid"
    module = build_model(name, images.n_classes, seed=recipe.seed, sigmoid=sigmoid)
    fresh = TrainedModel(
        module, name, images.n_classes, images.classes, images.form, recipe.objective
    )
    module = train(
        module, images, recipe, device=device, keeping=keeping, processes=processes,
        on_step=on_step,
    )  # fmt: skip
    return replace(fresh, module=module)


def logits_of_unseen(
    images: LabelledImages,
    unseen: Pixels,
    recipe: Recipe,
    name: str,
    *,
    device: torch.device | None = None,
    on_step: OnStep | None = None,
) -> Float[np.ndarray, "n K"]:
    """What a new model says of images after it learned others."""
    model = trained_model(images, recipe, name, device=device, on_step=on_step)
    half = recipe.precision == "bfloat16"
    return predicted_logits(model, unseen, device=device, half=half)
