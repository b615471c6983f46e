"""Training with better labels: objectives, cleaning, the loop. An extra; torch lives here only.

=============  ===========================================================================
`loop`         the training loop; READ THIS FILE to know what training does
`objective`    sigmoid and softmax cross-entropy, targets, mixup: functions on tensors
`cleaning`     which labels to trust, by out-of-fold predictions; needs no PyTorch
`folds`        out-of-fold predictions, fold by fold
`recipes`      the paper's grid: baseline, sigmoid, clean, both, by schedule and seed
`fresh`        one model from fresh weights to its answers
`data`         images with their labels, from a folder, parquet or shards
`images`       decoded images, in memory or decoded ahead of the model
`batches`      which images in which order, moved and flipped; their targets
`models`       small residual networks, timm's zoo by name
`trained`      models with weights, in files
`checkpoints`  weights in files, and runs that can be taken up again
`prediction`   what a model says of images
`metrics`      loss and speed as CSV and for TensorBoard
`processes`    devices, and the processes of a distributed run
=============  ===========================================================================

Names are imported when they are first used, so that cleaning needs neither PyTorch nor the
seconds that importing it takes.

Source: the paper, section 6.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from reassess.errors import MissingExtraError

if TYPE_CHECKING:
    from reassess.training.cleaning import Cleaning, clean
    from reassess.training.data import LabelledImages, of_the_classes, open_labelled
    from reassess.training.folds import folds_of, out_of_fold
    from reassess.training.fresh import trained_model
    from reassess.training.images import Form, load_pixels
    from reassess.training.loop import Keeping, Recipe, train
    from reassess.training.models import build_model
    from reassess.training.objective import (
        as_distribution,
        mixed_up,
        objective_loss,
        prior_bias,
        sigmoid_cross_entropy,
        smoothed,
        softmax_cross_entropy,
    )
    from reassess.training.prediction import predicted_logits, probabilities_of
    from reassess.training.processes import deterministic, device_of, launched, refuse_launcher
    from reassess.training.recipes import Grid, run_recipes
    from reassess.training.trained import (
        TrainedModel,
        check_model_path,
        form_of,
        open_model,
        read_model,
        write_model,
    )

_HOME = {
    "Cleaning": "cleaning",
    "Form": "images",
    "Grid": "recipes",
    "Keeping": "loop",
    "LabelledImages": "data",
    "Recipe": "loop",
    "TrainedModel": "trained",
    "as_distribution": "objective",
    "build_model": "models",
    "check_model_path": "trained",
    "clean": "cleaning",
    "deterministic": "processes",
    "device_of": "processes",
    "folds_of": "folds",
    "form_of": "trained",
    "launched": "processes",
    "load_pixels": "images",
    "mixed_up": "objective",
    "objective_loss": "objective",
    "of_the_classes": "data",
    "open_labelled": "data",
    "open_model": "trained",
    "out_of_fold": "folds",
    "predicted_logits": "prediction",
    "prior_bias": "objective",
    "probabilities_of": "prediction",
    "read_model": "trained",
    "refuse_launcher": "processes",
    "run_recipes": "recipes",
    "sigmoid_cross_entropy": "objective",
    "smoothed": "objective",
    "softmax_cross_entropy": "objective",
    "train": "loop",
    "trained_model": "fresh",
    "write_model": "trained",
}

__all__ = [
    "Cleaning",
    "Form",
    "Grid",
    "Keeping",
    "LabelledImages",
    "Recipe",
    "TrainedModel",
    "as_distribution",
    "build_model",
    "check_model_path",
    "clean",
    "deterministic",
    "device_of",
    "folds_of",
    "form_of",
    "launched",
    "load_pixels",
    "mixed_up",
    "objective_loss",
    "of_the_classes",
    "open_labelled",
    "open_model",
    "out_of_fold",
    "predicted_logits",
    "prior_bias",
    "probabilities_of",
    "read_model",
    "refuse_launcher",
    "run_recipes",
    "sigmoid_cross_entropy",
    "smoothed",
    "softmax_cross_entropy",
    "train",
    "trained_model",
    "write_model",
]


def __getattr__(name: str) -> object:
    """Import a public name from its home when it is first used.

    Raises:
        MissingExtraError: PyTorch is missing.
    """
    if name not in _HOME:
        raise AttributeError(f"module 'reassess.training' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"reassess.training.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        raise MissingExtraError("torch", "train", "training") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
