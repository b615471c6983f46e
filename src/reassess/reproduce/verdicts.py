"""Later studies: experts' verdicts on mistakes, workers' on labels.

Counts of what two public files say.
"""

from functools import partial
from typing import Any

import numpy as np

from reassess.records import align
from reassess.reproduce.inputs import Inputs
from reassess.reproduce.statements import Compute

_MISTAKES = "imagenet/mistakes/{}_mistakes.json"
_APPARENT_MISTAKES = 676
_MAJORITY = 3
_CATEGORIES = {
    "fine_grained": ("Fine-grained error",),
    "out_of_vocabulary": ("Fine-grained error with OOV", "Fine-grained with OOV"),
    "spurious_correlation": ("Spurious Correlation",),
    "non_prototypical": ("Non-prototypical",),
}
"""Our name of a category to the names that the files give it."""

_VERDICTS = ("given", "guessed", "both", "neither")


def remaining_mistakes(inputs: Inputs, model: str) -> dict[str, dict[str, Any]]:
    """Verdict on each remaining mistake of a model, by image id."""
    found: dict[str, dict[str, Any]] = inputs.json(_MISTAKES.format(model))
    return found


def _n_in_category(inputs: Inputs, model: str, category: str) -> int:
    verdicts = remaining_mistakes(inputs, model).values()
    return sum(one["failure category"] in _CATEGORIES[category] for one in verdicts)


def _n_of_severity(inputs: Inputs, model: str, severity: str) -> int:
    verdicts = remaining_mistakes(inputs, model).values()
    return sum(one["failure severity"] == severity for one in verdicts)


def _major_share(inputs: Inputs) -> float:
    return _n_of_severity(inputs, "vit3b", "Major") / len(remaining_mistakes(inputs, "vit3b"))


def _n_real_correct(inputs: Inputs) -> int:
    """Remaining mistakes of ViT-3B that the reassessed labels call correct."""
    verdicts, labels = remaining_mistakes(inputs, "vit3b"), inputs.labels
    rows = align(np.array(list(verdicts)), labels.image_ids, source="mistakes of vit3b")
    top = np.array([one["top_prediction"] for one in verdicts.values()])
    return int(labels.contains(rows, top).sum())


def _n_real_empty(inputs: Inputs) -> int:
    """Remaining mistakes of ViT-3B on images without a reassessed label."""
    verdicts, labels = remaining_mistakes(inputs, "vit3b"), inputs.labels
    rows = align(np.array(list(verdicts)), labels.image_ids, source="mistakes of vit3b")
    return int((labels.sizes[rows] == 0).sum())


def _n_chosen(inputs: Inputs, verdict: str) -> int:
    """Checked labels for which most workers chose this verdict."""
    checks = inputs.json("imagenet/imagenet_mturk.json")
    return sum(one["mturk"][verdict] >= _MAJORITY for one in checks)


def _n_checked(inputs: Inputs) -> int:
    return len(inputs.json("imagenet/imagenet_mturk.json"))


def _n_unconfirmed(inputs: Inputs) -> int:
    return _n_checked(inputs) - _n_chosen(inputs, "given")


def _n_without_agreement(inputs: Inputs) -> int:
    return _n_checked(inputs) - sum(_n_chosen(inputs, verdict) for verdict in _VERDICTS)


_MODELS = ("vit3b", "greedy_soups")

COMPUTATIONS: dict[str, Compute] = {
    **{
        f"verdicts.{m}": partial(lambda i, model: len(remaining_mistakes(i, model)), model=m)
        for m in _MODELS
    },
    "verdicts.vit3b.not_mistakes": lambda i: (
        1 - len(remaining_mistakes(i, "vit3b")) / _APPARENT_MISTAKES
    ),
    **{
        f"verdicts.{model}.{category}": partial(_n_in_category, model=model, category=category)
        for model in _MODELS
        for category in _CATEGORIES
    },
    **{
        f"verdicts.vit3b.{severity}": partial(
            _n_of_severity, model="vit3b", severity=severity.capitalize()
        )
        for severity in ("major", "minor", "borderline")
    },
    "verdicts.greedy_soups.major": partial(_n_of_severity, model="greedy_soups", severity="Major"),
    "verdicts.vit3b.major_share": _major_share,
    "verdicts.vit3b.real_correct": _n_real_correct,
    "verdicts.vit3b.real_empty": _n_real_empty,
    "label_errors.checked": _n_checked,
    "label_errors.unconfirmed": _n_unconfirmed,
    "label_errors.confirmed": partial(_n_chosen, verdict="given"),
    "label_errors.correctable": partial(_n_chosen, verdict="guessed"),
    "label_errors.multi_label": partial(_n_chosen, verdict="both"),
    "label_errors.neither": partial(_n_chosen, verdict="neither"),
    "label_errors.no_agreement": _n_without_agreement,
}
