"""ImageNetV2: how far accuracy falls, and how many of its images show several classes.

Letters: M models of the ImageNetV2 repository, 39 of its 67.

Source: Recht, Roelofs, Schmidt, Shankar (2019), "Do ImageNet classifiers generalize to
ImageNet?"; Anzaku et al. (2023), "Leveraging human-machine interactions for computer vision
dataset quality enhancement".
"""

from functools import partial

import numpy as np
from jaxtyping import Float

from reassess.analysis import multi_label_share
from reassess.reproduce.inputs import Inputs
from reassess.reproduce.published import Compute, defined
from reassess.scoring import correct, original_accuracy, original_labels, real_accuracy
from reassess.statistics import Line, ordinary_least_squares

_CONVNET = 0.5
"""Original accuracy that every network of the repository passes, and no Fisher vector."""

_MODELS = ("resnet152", "densenet161", "vgg19_bn", "alexnet", "fv_64k")


def _original(inputs: Inputs, model: str) -> float:
    return defined(original_accuracy(inputs.predictions(model), inputs.benchmark).value)


def _new(inputs: Inputs, model: str) -> float:
    return defined(original_accuracy(inputs.v2_predictions[model], inputs.v2_benchmark).value)


def _real(inputs: Inputs, model: str) -> float:
    return defined(real_accuracy(inputs.v2_predictions[model], inputs.v2_labels).value)


def accuracies(inputs: Inputs) -> tuple[Float[np.ndarray, "M"], Float[np.ndarray, "M"]]:
    """Accuracy of every model on ImageNet and on ImageNetV2."""

    def compute() -> tuple[Float[np.ndarray, "M"], Float[np.ndarray, "M"]]:
        models = list(inputs.v2_predictions)
        old, new = ([one(inputs, model) for model in models] for one in (_original, _new))
        return np.array(old), np.array(new)

    return inputs.known("accuracies on ImageNetV2", compute)


def progress(inputs: Inputs) -> Line:
    """The line of accuracy on ImageNetV2 over accuracy on ImageNet, Fisher vectors aside."""
    old, new = accuracies(inputs)
    used = old > _CONVNET
    return ordinary_least_squares(old[used], new[used])


def _drops(inputs: Inputs) -> Float[np.ndarray, "M"]:
    old, new = accuracies(inputs)
    drops: Float[np.ndarray, "M"] = old - new
    return drops


def _several_share(inputs: Inputs) -> float:
    sizes = inputs.v2_labels.sizes
    return float((sizes > 1).mean())


def n_falling(inputs: Inputs) -> int:
    """Models that are right less often, the more labels an image has."""
    labels, shown = inputs.v2_labels, original_labels(inputs.v2_benchmark)
    labelled = labels.sizes > 0
    n_falling = 0
    for predictions in inputs.v2_predictions.values():
        right = correct(predictions.ranked_classes[:, :1], shown)[labelled]
        n_falling += bool(np.corrcoef(labels.sizes[labelled], right)[0, 1] < 0)
    return n_falling


def _real_slope(inputs: Inputs) -> float:
    _, new = accuracies(inputs)
    real = np.array([_real(inputs, model) for model in inputs.v2_predictions])
    return ordinary_least_squares(new, real).slope


COMPUTATIONS: dict[str, Compute] = {
    "labels.several_share": _several_share,
    "labels.several_of_labelled": lambda i: (
        float((i.v2_labels.sizes > 1).sum()) / float((i.v2_labels.sizes > 0).sum())
    ),
    "labels.several_on_imagenet": lambda i: multi_label_share(i.labels).of_labelled,
    "labels.empty": lambda i: int((i.v2_labels.sizes == 0).sum()),
    "labels.single": lambda i: int((i.v2_labels.sizes == 1).sum()),
    "labels.with_original": lambda i: int(
        correct(original_labels(i.v2_benchmark).indices[:, None], i.v2_labels).sum()
    ),
    "models.falling": n_falling,
    "models.count": lambda i: len(i.v2_predictions),
    "models.real_slope": _real_slope,
    "drop.least": lambda i: float(_drops(i).min()),
    "drop.most": lambda i: float(_drops(i).max()),
    "drop.mean": lambda i: float(_drops(i).mean()),
    "progress.slope": lambda i: progress(i).slope,
    "progress.intercept": lambda i: progress(i).intercept,
    **{f"accuracy.{model}.original": partial(_original, model=model) for model in _MODELS},
    **{f"accuracy.{model}.new": partial(_new, model=model) for model in _MODELS},
}
