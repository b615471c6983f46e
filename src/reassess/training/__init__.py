"""Training with better labels: objectives, cleaning, the loop. An extra; torch lives here only.

================  ========================================================================
`loop`            the training loop; READ THIS FILE to know what training does
`step`            one step, whole on the device; on a GPU a CUDA graph
`draws`           random numbers by counter, the same on every device
`recipe`          objectives by name, recipes and checkpoints' places; needs no PyTorch
`cleaning`        which labels to trust, by out-of-fold predictions; needs no PyTorch
`folds`           out-of-fold predictions, fold by fold
`side_by_side`    several trainings at a time, in processes
`recipe_grid`     the paper's grid: baseline, sigmoid, clean, both, by schedule and seed
`losses`          sigmoid and softmax cross-entropy, targets, mixup: functions on tensors
`dataset`         reassessed labels in anybody's loop: `ReassessedDataset`, `MultiLabelMixup`
`data`            images with their labels, from a folder, parquet or shards
`images`          decoded images, in memory or decoded ahead of the model
`decoded`         decoded images in a file that the next run finds
`photos`          random crops of photos, by torchvision
`pretrained`      weights to begin with
`batches`         which images in which order, augmentation; their targets
`models`          small residual networks, timm's zoo by name
`trained_model`   models with weights: trained, read and written
`prediction`      what a model predicts for images
`image_predictions`  the same for files, shard by shard: resumed, joined
`checkpoints`     weights in files, and runs that can be resumed
`metrics`         loss and speed as CSV and for TensorBoard
`distributed`     devices, and the processes of a distributed run
================  ========================================================================

Names are imported when they are first used, so that cleaning needs neither PyTorch nor the
seconds that importing it takes.

Source: the paper, section 6.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from reassess.errors import MissingExtraError

if TYPE_CHECKING:
    from reassess.training.cleaning import CLEANING_RULES, Cleaning, CleaningRule, clean
    from reassess.training.data import LabelledImages, match_classes, open_labelled
    from reassess.training.dataset import MultiLabelMixup, ReassessedDataset, target_matrix
    from reassess.training.distributed import (
        DistributedContext,
        deterministic,
        join_process_group,
        require_single_process,
        resolve_device,
    )
    from reassess.training.folds import FoldsJob, image_folds, out_of_fold
    from reassess.training.image_predictions import ImagePredictor, PredictionJob
    from reassess.training.images import ImageTransform, InMemoryImages, load_pixels
    from reassess.training.loop import train
    from reassess.training.losses import (
        as_distribution,
        mixup,
        objective_loss,
        sigmoid_cross_entropy,
        smooth_labels,
        softmax_cross_entropy,
    )
    from reassess.training.models import build_model
    from reassess.training.prediction import (
        predict_held_out,
        predict_logits,
        predicted_probabilities,
    )
    from reassess.training.recipe import (
        OBJECTIVES,
        CheckpointConfig,
        Objective,
        Recipe,
        StepConfig,
        prior_bias,
    )
    from reassess.training.recipe_grid import RecipeGrid, run_recipes
    from reassess.training.trained_model import (
        TrainedModel,
        check_model_path,
        open_model,
        read_model,
        train_model,
        transform_for,
        write_model,
    )

_HOMES = {
    "cleaning": ("CLEANING_RULES", "Cleaning", "CleaningRule", "clean"),
    "data": ("LabelledImages", "match_classes", "open_labelled"),
    "dataset": ("MultiLabelMixup", "ReassessedDataset", "target_matrix"),
    "distributed": (
        "DistributedContext",
        "deterministic",
        "join_process_group",
        "require_single_process",
        "resolve_device",
    ),
    "folds": ("FoldsJob", "image_folds", "out_of_fold"),
    "image_predictions": ("ImagePredictor", "PredictionJob"),
    "images": ("ImageTransform", "InMemoryImages", "load_pixels"),
    "loop": ("train",),
    "losses": (
        "as_distribution",
        "mixup",
        "objective_loss",
        "sigmoid_cross_entropy",
        "smooth_labels",
        "softmax_cross_entropy",
    ),
    "models": ("build_model",),
    "prediction": ("predict_held_out", "predict_logits", "predicted_probabilities"),
    "recipe": (
        "OBJECTIVES",
        "CheckpointConfig",
        "Objective",
        "Recipe",
        "StepConfig",
        "prior_bias",
    ),
    "recipe_grid": ("RecipeGrid", "run_recipes"),
    "trained_model": (
        "TrainedModel",
        "check_model_path",
        "open_model",
        "read_model",
        "train_model",
        "transform_for",
        "write_model",
    ),
}
_HOME_OF_NAME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CLEANING_RULES",
    "OBJECTIVES",
    "CheckpointConfig",
    "Cleaning",
    "CleaningRule",
    "DistributedContext",
    "FoldsJob",
    "ImagePredictor",
    "ImageTransform",
    "InMemoryImages",
    "LabelledImages",
    "MultiLabelMixup",
    "Objective",
    "PredictionJob",
    "ReassessedDataset",
    "Recipe",
    "RecipeGrid",
    "StepConfig",
    "TrainedModel",
    "as_distribution",
    "build_model",
    "check_model_path",
    "clean",
    "deterministic",
    "image_folds",
    "join_process_group",
    "load_pixels",
    "match_classes",
    "mixup",
    "objective_loss",
    "open_labelled",
    "open_model",
    "out_of_fold",
    "predict_held_out",
    "predict_logits",
    "predicted_probabilities",
    "prior_bias",
    "read_model",
    "require_single_process",
    "resolve_device",
    "run_recipes",
    "sigmoid_cross_entropy",
    "smooth_labels",
    "softmax_cross_entropy",
    "target_matrix",
    "train",
    "train_model",
    "transform_for",
    "write_model",
]


def __getattr__(name: str) -> object:
    """Import a public name from its home when it is first used.

    Raises:
        MissingExtraError: PyTorch is missing.
    """
    if name not in _HOME_OF_NAME:
        raise AttributeError(f"module 'reassess.training' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"reassess.training.{_HOME_OF_NAME[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        raise MissingExtraError("torch", "train", "training") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
