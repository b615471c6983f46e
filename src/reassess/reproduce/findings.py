"""Preference, later predictions and co-occurring classes."""

from functools import partial

import numpy as np
from jaxtyping import Int

from reassess.analysis import (
    OracleComparison,
    biased_classes,
    co_occurrence,
    later_prediction,
    model_class_accuracies,
    multi_label_share,
    oracle_comparison,
    preference,
    unbiased_oracle,
)
from reassess.reproduce.inputs import LAST_ANIMAL, THRESHOLD, Inputs
from reassess.reproduce.published import Compute, defined

_OTHER_THRESHOLD = 0.786
_N_CLASSES = 1000
_PREFERENCE = ("alexnet", "vgg16", "resnet50", "resnet152", "nasnet_large_tf")
_LATER = (*_PREFERENCE, "inception_v3")
_TABLE_1: dict[str, tuple[int, dict[str, int]]] = {
    "desktop_computer": (527, {"monitor": 664, "keyboard": 508}),
    "muzzle": (676, {"german_shepherd": 235, "holster": 597}),
    "convertible": (511, {"car_wheel": 479, "grille": 581}),
    "cucumber": (943, {"zucchini": 939, "bell_pepper": 945}),
    "swing": (843, {"chain": 488, "sweatshirt": 841}),
}
"""Name of a class to its index, and to the indices of classes seen beside it."""


def _preference(inputs: Inputs, model: str) -> float:
    return defined(preference(inputs.predictions(model), inputs.labels, inputs.benchmark).value)


def _later(inputs: Inputs, model: str, rank: int) -> float:
    return defined(later_prediction(inputs.predictions(model), inputs.labels, rank).value)


def n_multiple_with_original(inputs: Inputs) -> int:
    """Images with several labels, among them the original."""
    labels = inputs.labels
    holds = labels.contains(np.arange(len(labels)), inputs.original)
    return int((holds & (labels.sizes > 1)).sum())


def _with_original_share(inputs: Inputs) -> float:
    n_rated_labelled = multi_label_share(inputs.labels).n_rated_labelled
    return n_multiple_with_original(inputs) / defined(n_rated_labelled)


# --- the unbiased oracle -----------------------------------------------------------------


def paper_classes(
    inputs: Inputs, threshold: float = THRESHOLD, animals: bool = False
) -> Int[np.ndarray, "B"]:
    """Classes on which the oracle is right less than 9 times in 10, labels kept from a score."""
    oracle = unbiased_oracle(inputs.labels_at(threshold), inputs.benchmark)
    leave_out = None if animals else np.arange(_N_CLASSES) <= LAST_ANIMAL
    return biased_classes(oracle, 0.9, leave_out)


def beside_oracle(inputs: Inputs, model: str) -> OracleComparison:
    """A model beside the oracle over `paper_classes`."""
    labels, benchmark = inputs.labels, inputs.benchmark
    accuracies = model_class_accuracies(inputs.predictions(model), labels, benchmark)
    oracle = unbiased_oracle(labels, benchmark)
    return oracle_comparison(accuracies, oracle, paper_classes(inputs))


def _oracle_mean(inputs: Inputs) -> float:
    oracle = unbiased_oracle(inputs.labels, inputs.benchmark)
    return float(oracle.of(paper_classes(inputs)).mean())


def _oracle_accuracy(inputs: Inputs, label: int, threshold: float = THRESHOLD) -> float:
    oracle = unbiased_oracle(inputs.labels_at(threshold), inputs.benchmark)
    return float(oracle.of(np.array([label]))[0])


def _n_images(inputs: Inputs, label: int) -> int:
    return co_occurrence(inputs.labels, inputs.benchmark, label).n_images


def _vgg16(inputs: Inputs, label: int) -> float:
    predictions = inputs.predictions("vgg16")
    found = model_class_accuracies(predictions, inputs.labels, inputs.benchmark)
    return float(found.of(np.array([label]))[0])


def _beside(inputs: Inputs, label: int, other: int) -> float:
    found = co_occurrence(inputs.labels, inputs.benchmark, label)
    return float(found.share[found.other == other].sum())


def _mean_beside_oracle(inputs: Inputs, model: str) -> float:
    return beside_oracle(inputs, model).mean


def _n_above_oracle(inputs: Inputs, model: str) -> int:
    return beside_oracle(inputs, model).n_above


def _of_rated(inputs: Inputs) -> float:
    return defined(multi_label_share(inputs.labels).of_rated)


_FIGURES: dict[str, Compute] = {
    **{f"preference.{model}": partial(_preference, model=model) for model in _PREFERENCE},
    **{f"later.{model}.second": partial(_later, model=model, rank=2) for model in _LATER},
    **{f"later.{model}.third": partial(_later, model=model, rank=3) for model in _LATER},
}

_MULTILABEL: dict[str, Compute] = {
    "multilabel.share": _of_rated,
    "multilabel.of_rated": _of_rated,
    "multilabel.of_labelled": lambda i: multi_label_share(i.labels).of_labelled,
    "multilabel.of_rated_labelled": lambda i: defined(
        multi_label_share(i.labels).of_rated_labelled
    ),
    "multilabel.with_original": n_multiple_with_original,
    "multilabel.rated_labelled": lambda i: defined(multi_label_share(i.labels).n_rated_labelled),
    "multilabel.with_original_share": _with_original_share,
}

_ORACLE: dict[str, Compute] = {
    "oracle.classes": lambda i: len(paper_classes(i)),
    "oracle.classes_released": lambda i: len(paper_classes(i)),
    "oracle.classes_with_animals": lambda i: len(paper_classes(i, animals=True)),
    "oracle.classes_at_0.786": lambda i: len(paper_classes(i, _OTHER_THRESHOLD)),
    **{
        f"oracle.{name}_at_0.786": partial(
            _oracle_accuracy, label=_TABLE_1[name][0], threshold=_OTHER_THRESHOLD
        )
        for name in ("desktop_computer", "convertible")
    },
    **{
        f"oracle.{name}.accuracy": partial(_oracle_accuracy, label=label)
        for name, (label, _) in _TABLE_1.items()
    },
    **{
        f"oracle.{name}.images": partial(_n_images, label=label)
        for name, (label, _) in _TABLE_1.items()
    },
    **{
        f"oracle.{name}.vgg16": partial(_vgg16, label=label)
        for name, (label, _) in _TABLE_1.items()
    },
    **{
        f"oracle.{name}.{other}": partial(_beside, label=label, other=index)
        for name, (label, others) in _TABLE_1.items()
        for other, index in others.items()
    },
    "oracle.mean": _oracle_mean,
    **{f"oracle.{m}.mean": partial(_mean_beside_oracle, model=m) for m in _PREFERENCE},
    **{f"oracle.{m}.above": partial(_n_above_oracle, model=m) for m in _PREFERENCE},
}

COMPUTATIONS = _FIGURES | _MULTILABEL | _ORACLE
