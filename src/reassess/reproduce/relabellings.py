"""Reassessments of ImageNet by others: labels of three experts, of several studies, and errors.

Shankar et al. called every class that a model predicts for an image correct, unclear or wrong;
Kisel et al. put several studies side by side; Peychev et al. sorted the errors of 962 models by
Shankar's labels. Letters: M models of the last.
"""

from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from reassess.records import LabelSets
from reassess.reproduce.inputs import Inputs
from reassess.reproduce.published import Compute, defined
from reassess.scoring import multilabel_accuracy, original_accuracy
from reassess.statistics import ordinary_least_squares

_SHANKAR = "reassessments/shankar_multilabel_flaws.csv"
_FLAWS = "reassessments/flaws_clean_validation.csv"
_ETH = "reassessments/eth_stats_imagenet_all.csv"
_N_IMAGES = 50_000
_TORCHVISION = (
    "alexnet", "densenet161", "densenet201", "inception_v3", "resnet101", "resnet152",
    "resnet18", "resnet50", "squeezenet1_1", "vgg11_bn", "vgg13_bn", "vgg16", "vgg16_bn",
    "vgg19_bn",
)  # fmt: skip
_MEASURED = ("alexnet", "vgg16", "resnet50", "inception_v3", "resnet152", "nasnet_large_tf")
_KINDS = (
    "num_collapsed_mappings", "num_ambiguous", "num_same_superclass", "num_common_co_occ",
    "num_non_prototypical", "num_OOV_clip", "num_not_classified",
)  # fmt: skip


# --- labels of three experts -------------------------------------------------------------


def _experts(inputs: Inputs, column: str) -> LabelSets:
    """The classes in a column of Shankar's table, for all of its images."""

    def read() -> LabelSets:
        table = inputs.table(_SHANKAR)
        cells = table.texts(column, may_be_empty=True)
        # some cells name a class twice
        lists = [sorted({int(x) for x in cell.split(",") if x.strip()}) for cell in cells]
        return LabelSets.from_lists(column, table.texts("id"), lists)

    return inputs.known(f"shankar {column}", read)


def _usable(inputs: Inputs) -> Bool[np.ndarray, "N"]:
    """Images that are not problematic."""
    usable: Bool[np.ndarray, "N"] = (
        np.array(inputs.table(_SHANKAR).texts("is_problematic")) == "False"
    )
    return usable


def multilabel(inputs: Inputs, model: str) -> float:
    """Multi-label accuracy of a model: unclear classes count, problematic images do not."""
    used = np.flatnonzero(_usable(inputs))
    right, unclear = (
        _experts(inputs, column).take(used)
        for column in ("proposed_labels", "unclear_multi_labels")
    )
    predictions = inputs.predictions(model).reindex(right.image_ids)
    found = multilabel_accuracy(predictions, right, inputs.benchmark, unclear=unclear)
    return defined(found.value)


def _n_unconfirmed(inputs: Inputs) -> int:
    """Images that are not problematic though their original label is not called correct."""
    right = _experts(inputs, "proposed_labels")
    original = np.array([int(x) for x in inputs.table(_SHANKAR).texts("original_label")])
    return int((_usable(inputs) & ~right.contains(np.arange(len(right)), original)).sum())


def _images_a_class(inputs: Inputs) -> float:
    """Fewest images of a class, where the most is the same; else undefined."""
    counts = np.unique(inputs.table(_SHANKAR).texts("original_label"), return_counts=True)[1]
    return float(counts.min()) if counts.min() == counts.max() else float("nan")


def _judged_per_image(inputs: Inputs) -> float:
    columns = ("proposed_labels", "unclear_multi_labels", "wrong_multi_labels")
    n_judged = sum(len(_experts(inputs, column).indices) for column in columns)
    return n_judged / len(_experts(inputs, "proposed_labels"))


def _n_usable(inputs: Inputs) -> int:
    return int(_usable(inputs).sum())


def _several(inputs: Inputs) -> float:
    return float((_experts(inputs, "proposed_labels").sizes > 1).mean())


SHANKAR: dict[str, Compute] = {
    "images.count": lambda i: len(_experts(i, "proposed_labels")),
    "images.a_class": _images_a_class,
    "images.several_share": _several,
    "images.unconfirmed": _n_unconfirmed,
    "images.problematic": lambda i: len(_usable(i)) - _n_usable(i),
    "predictions.per_image": _judged_per_image,
    **{f"mla.{model}": partial(multilabel, model=model) for model in _MEASURED},
}


# --- several studies side by side --------------------------------------------------------


def _marks(inputs: Inputs) -> list[str]:
    return inputs.table(_FLAWS).texts("validation")


def _confirmed_by_several(inputs: Inputs) -> float:
    """Share of the images that several studies agree on whose only label is the original."""
    table = inputs.table(_FLAWS)
    several = np.array([len(mark) > 1 for mark in _marks(inputs)])
    kept = np.array(table.texts("proposed_labels")) == np.array(table.texts("original_label"))
    return float(kept[several].mean())


def _unclear_checks(inputs: Inputs) -> float:
    votes = inputs.label_checks.votes
    return float((2 * votes.max(axis=1) <= votes.sum(axis=1)).mean())


FLAWS: dict[str, Compute] = {
    "shankar.share": lambda i: len(_experts(i, "proposed_labels")) / _N_IMAGES,
    "shankar.several_share": _several,
    "real.agreed_share": lambda i: 1 - len(i.rated_rows) / _N_IMAGES,
    "real.several_share": lambda i: float((i.real.sizes > 1).mean()),
    "real.ambiguous_share": lambda i: float((i.real.sizes == 0).mean()),
    "label_errors.unclear_share": _unclear_checks,
    "together.identical_share": lambda i: sum(len(m) > 1 for m in _marks(i)) / _N_IMAGES,
    "together.original_share": _confirmed_by_several,
    "clean.images": lambda i: len(_marks(i)),
    "clean.single_original": lambda i: int(
        np.sum(
            np.array(i.table(_FLAWS).texts("proposed_labels"))
            == np.array(i.table(_FLAWS).texts("original_label"))
        )
    ),
}


# --- errors of 962 models ----------------------------------------------------------------


def _column(inputs: Inputs, name: str) -> Float[np.ndarray, "M"]:
    return inputs.table(_ETH).numbers([name])[:, 0]


def _shares(inputs: Inputs) -> tuple[Float[np.ndarray, "M"], Float[np.ndarray, "M"]]:
    """Top-1 and multi-label accuracy of the models, as fractions."""
    top1, multi = (
        _column(inputs, name) / 100 for name in ("imagenet_top1_val_acc", "imagenet_mla_val_acc")
    )
    return top1, multi


def _slope(inputs: Inputs, low: int, high: int) -> float:
    """Slope of multi-label on top-1 accuracy, models of these ranks by top-1, rising."""
    top1, multi = _shares(inputs)
    used = np.argsort(top1, kind="stable")[low:high]
    return ordinary_least_squares(top1[used], multi[used]).slope


def _slope_above_85(inputs: Inputs) -> float:
    top1, multi = _shares(inputs)
    used = top1 > 0.85
    return ordinary_least_squares(top1[used], multi[used]).slope


def _severe_trend(inputs: Inputs) -> float:
    """Correlation of the share of errors without a known kind with top-1 accuracy."""
    share = _column(inputs, "num_not_classified") / _column(inputs, "num_all_top1_errors")
    return float(np.corrcoef(share, _shares(inputs)[0])[0, 1])


def _n_sorted(inputs: Inputs) -> int:
    """Models whose errors are the sum of the errors of all kinds."""
    total = np.sum([_column(inputs, kind) for kind in _KINDS], axis=0)
    return int(np.sum(total == _column(inputs, "num_all_top1_errors")))


def _top1(inputs: Inputs, model: str) -> float:
    return defined(original_accuracy(inputs.predictions(model), inputs.benchmark).value)


ETH: dict[str, Compute] = {
    "models.count": lambda i: len(_shares(i)[0]),
    "models.best": lambda i: float(_shares(i)[1].max()),
    "models.sorted": _n_sorted,
    "models.severe_falls": lambda i: float(_severe_trend(i) < 0),
    "images.usable": _n_usable,
    "images.imagenet_m": lambda i: float(_column(i, "num_all_imagenet-m_samples").max()),
    "progress.slope_lower": partial(_slope, low=0, high=481),
    "progress.slope_upper": partial(_slope, low=481, high=962),
    "progress.slope_above_0.85": _slope_above_85,
    "models.severe_correlation": _severe_trend,
    **{f"top1.{model}": partial(_top1, model=model) for model in _TORCHVISION},
    **{f"mla.{model}": partial(multilabel, model=model) for model in _TORCHVISION},
}
