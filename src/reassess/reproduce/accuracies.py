"""ReaL accuracy of models and how it follows original accuracy.

Letters: M models.
"""

from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from reassess.analysis import ProgressLines, progress_lines
from reassess.errors import DataError
from reassess.records import Accuracy, Predictions
from reassess.reproduce.inputs import Inputs
from reassess.reproduce.published import Compute, defined
from reassess.scoring import original_accuracy, real_accuracy
from reassess.statistics import Line, ordinary_least_squares

Half = Literal["lower", "upper"]
Columns = tuple[Float[np.ndarray, "M"], Float[np.ndarray, "M"]]

_HALVES: tuple[Half, Half] = ("lower", "upper")
_ENSEMBLE = "Top-3 Ensemble (NoisyStudent-L2+BiT-L+Fix-ResNeXt)"
_ORIGINAL_LABELS = "ILSVRC-2012 labels"
_V2_MODELS = (
    "alexnet",
    "vgg16",
    "vgg16_bn",
    "resnet50",
    "resnet152",
    "inception_v3",
    "nasnet_mobile_tf",
    "nasnet_large_tf",
)
_TORCHVISION = ("alexnet", "vgg16", "vgg16_bn", "resnet50", "resnet152", "inception_v3")
_MEASURED = ("alexnet", "resnet50", "resnet152")
_TIMM = {
    "noisystudent_l2": ("tf_efficientnet_l2.ns_jft_in1k", 800),
    "resnext_101_32x8d_ig": ("resnext101_32x8d.fb_wsl_ig1b_ft_in1k", 224),
    "resnet_152": ("resnet152.tv_in1k", 224),
    "vgg_16": ("vgg16.tv_in1k", 224),
}


def original_as_prediction(inputs: Inputs) -> Accuracy:
    """ReaL accuracy of the original labels."""
    copy = Predictions("original", inputs.benchmark.image_ids, inputs.original[:, None])
    return real_accuracy(copy, inputs.labels)


def _real(inputs: Inputs, model: str) -> float:
    return defined(real_accuracy(inputs.predictions(model), inputs.labels).value)


def _original(inputs: Inputs, model: str) -> float:
    return defined(original_accuracy(inputs.predictions(model), inputs.benchmark).value)


def _torchvision_real(inputs: Inputs, model: str) -> float:
    return defined(real_accuracy(inputs.torchvision(model), inputs.labels).value)


def _torchvision_original(inputs: Inputs, model: str) -> float:
    return defined(original_accuracy(inputs.torchvision(model), inputs.benchmark).value)


def table_5(inputs: Inputs, *, ensemble: bool = True, all_models: bool = False) -> Columns:
    """Original and ReaL accuracy of the models of Figure 4, or of all models of Table 5."""
    table = inputs.table_5
    names = np.array(table.texts("model"))
    used = names != _ORIGINAL_LABELS
    if not all_models:
        used &= np.array(table.texts("in_figure_4")) == "1"
    if not ensemble:
        used &= names != _ENSEMBLE
    original, real = (
        np.array([float(text) for text in table.texts(column)])[used]
        for column in ("original_accuracy", "real_accuracy")
    )
    return original, real


def figure_4(inputs: Inputs) -> ProgressLines:
    """The regression of Figure 4."""
    return progress_lines(*table_5(inputs))


def _line(found: ProgressLines, half: Half) -> Line:
    return found.lower if half == "lower" else found.upper


def _intercept(inputs: Inputs, half: Half) -> float:
    return _line(figure_4(inputs), half).intercept


def _at_70(inputs: Inputs, half: Half) -> float:
    line = _line(figure_4(inputs), half)
    return line.intercept + 0.7 * line.slope


def _error(inputs: Inputs, half: Half) -> float:
    return defined(_line(figure_4(inputs), half).slope_error)


def _slope_of_pool(inputs: Inputs, half: Half, ensemble: bool, all_models: bool) -> float:
    columns = table_5(inputs, ensemble=ensemble, all_models=all_models)
    return _line(progress_lines(*columns), half).slope


def _reverse_slope(inputs: Inputs, half: Half) -> float:
    """Slope of original on ReaL accuracy, over the same halves."""
    original, real = table_5(inputs)
    upper = original >= figure_4(inputs).split
    chosen = upper if half == "upper" else ~upper
    return ordinary_least_squares(real[chosen], original[chosen]).slope


def _least_error(inputs: Inputs, column: int) -> float:
    return 1 - float(table_5(inputs)[column].max())


# --- timm's table ------------------------------------------------------------------------


def timm(inputs: Inputs) -> Columns:
    """Original and ReaL accuracy of timm's entries that have a ReaL accuracy."""
    accuracy = inputs.results.accuracy
    known = ~np.isnan(accuracy["real"])
    return accuracy["original"][known], accuracy["real"][known]


def _timm_real(inputs: Inputs, model: str, img_size: int) -> float:
    results = inputs.results
    entry: Bool[np.ndarray, "M"] = (results.model == model) & (results.img_size == img_size)
    if entry.sum() != 1:
        raise DataError(
            f"timm: {model!r} at {img_size} is there {int(entry.sum())} times, not once."
        )
    return float(results.accuracy["real"][entry][0])


def _timm_slope(inputs: Inputs, low: float, high: float) -> float:
    original, real = timm(inputs)
    within = (original >= low) & (original < high)
    return ordinary_least_squares(original[within], real[within]).slope


_ACCURACIES: dict[str, Compute] = {
    "original.real_accuracy": lambda i: defined(original_as_prediction(i).value),
    "original.confirmed": lambda i: original_as_prediction(i).n_correct,
    **{f"accuracy.{m}.original": partial(_original, model=m) for m in _V2_MODELS},
    **{f"accuracy.{m}.real": partial(_real, model=m) for m in _V2_MODELS},
    **{f"torchvision.{m}.original": partial(_torchvision_original, model=m) for m in _TORCHVISION},
    **{f"torchvision.{m}.real": partial(_torchvision_real, model=m) for m in _TORCHVISION},
    **{
        f"torchvision.{m}.original_measured": partial(_torchvision_original, model=m)
        for m in _MEASURED
    },
    **{f"torchvision.{m}.real_measured": partial(_torchvision_real, model=m) for m in _MEASURED},
    **{
        f"timm.{name}.real": partial(_timm_real, model=model, img_size=size)
        for name, (model, size) in _TIMM.items()
    },
}

_PROGRESS: dict[str, Compute] = {
    "progress.slope_lower": lambda i: figure_4(i).lower.slope,
    "progress.slope_upper": lambda i: figure_4(i).upper.slope,
    "progress.z": lambda i: defined(figure_4(i).z),
    "progress.p_value": lambda i: defined(figure_4(i).p_value),
    **{f"progress.intercept_{half}": partial(_intercept, half=half) for half in _HALVES},
    **{f"progress.error_{half}": partial(_error, half=half) for half in _HALVES},
    **{f"progress.{half}_at_0.7": partial(_at_70, half=half) for half in _HALVES},
    **{f"progress.reverse_{half}": partial(_reverse_slope, half=half) for half in _HALVES},
    **{
        f"progress.all_models_{half}": partial(
            _slope_of_pool, half=half, ensemble=True, all_models=True
        )
        for half in _HALVES
    },
    **{
        f"progress.without_ensemble_{half}": partial(
            _slope_of_pool, half=half, ensemble=False, all_models=False
        )
        for half in _HALVES
    },
    "timm.models": lambda i: len(timm(i)[0]),
    "timm.above_labels": lambda i: int((timm(i)[1] > 0.9002).sum()),
    "timm.slope_below_0.700": partial(_timm_slope, low=0.0, high=0.7),
    "timm.slope_0.700_to_0.804": partial(_timm_slope, low=0.7, high=0.804),
    "timm.slope_above_0.804": partial(_timm_slope, low=0.804, high=1.0),
    "timm.slope_above_0.860": partial(_timm_slope, low=0.86, high=1.0),
    "timm.slope_above_0.880": partial(_timm_slope, low=0.88, high=1.0),
    "mistakes.original": partial(_least_error, column=0),
    "mistakes.real": partial(_least_error, column=1),
}

COMPUTATIONS = _ACCURACIES | _PROGRESS
