"""Models that were trained by recipes, to see what each part of a recipe adds."""

from dataclasses import dataclass
from typing import Literal

from reassess.records.predictions import Predictions
from reassess.registry import checks_choices

Variant = Literal["baseline", "+ sigmoid", "+ clean", "+ both"]
"""What a recipe adds to softmax cross-entropy on all images, as the paper calls it."""

Schedule = Literal["short", "long"]


@checks_choices
@dataclass(frozen=True, slots=True)
class RecipeRun:
    """One trained model.

    Attributes:
        variant: the objective and the images that it learned from.
        schedule: for how long.
        epochs: passes over the images that it learned from.
        seed: of its weights, the order of the images and their variation.
        n_images: how many images it learned from.
        predictions: its ranked classes of the test images.
    """

    variant: Variant
    schedule: Schedule
    epochs: int
    seed: int
    n_images: int
    predictions: Predictions
