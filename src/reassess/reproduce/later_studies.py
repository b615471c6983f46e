"""Later studies: experts' verdicts on mistakes, workers' on labels.

Counts of what two public files say.
"""

from functools import partial

import numpy as np
from jaxtyping import Bool

from reassess.files.other_labels import CHOICES
from reassess.records import align
from reassess.reproduce.inputs import Inputs
from reassess.reproduce.published import Compute

_APPARENT_MISTAKES = 676
_CATEGORIES = {
    "fine_grained": "fine-grained",
    "out_of_vocabulary": "fine-grained, out of vocabulary",
    "spurious_correlation": "spurious correlation",
    "non_prototypical": "non-prototypical",
}
"""Name of a category in the id of a published value to the category."""


def _n_mistakes(inputs: Inputs, model: str) -> int:
    return len(inputs.expert_mistakes(model))


def _n_in_category(inputs: Inputs, model: str, category: str) -> int:
    return int(inputs.expert_mistakes(model).of_category(category).sum())


def _n_of_severity(inputs: Inputs, model: str, severity: str) -> int:
    return int(inputs.expert_mistakes(model).of_severity(severity).sum())


def _major_share(inputs: Inputs) -> float:
    return _n_of_severity(inputs, "vit3b", "major") / _n_mistakes(inputs, "vit3b")


def _n_real_correct(inputs: Inputs) -> int:
    """Remaining mistakes of ViT-3B that the reassessed labels call correct."""
    verdicts, labels = inputs.expert_mistakes("vit3b"), inputs.labels
    rows = align(verdicts.image_ids, labels.image_ids, source="mistakes of vit3b")
    return int(labels.contains(rows, verdicts.label).sum())


def _n_real_empty(inputs: Inputs) -> int:
    """Remaining mistakes of ViT-3B on images without a reassessed label."""
    verdicts, labels = inputs.expert_mistakes("vit3b"), inputs.labels
    rows = align(verdicts.image_ids, labels.image_ids, source="mistakes of vit3b")
    return int((labels.sizes[rows] == 0).sum())


def _n_chosen(inputs: Inputs, choice: str) -> int:
    """Checked labels for which most workers made this choice."""
    return int(inputs.label_checks.chosen(choice).sum())


def _n_unconfirmed(inputs: Inputs) -> int:
    return int((~inputs.label_checks.chosen("given")).sum())


def _n_without_agreement(inputs: Inputs) -> int:
    chosen: Bool[np.ndarray, "4 n"] = np.array(
        [inputs.label_checks.chosen(choice) for choice in CHOICES]
    )
    return int((~chosen.any(axis=0)).sum())


_MODELS = ("vit3b", "greedy_soups")

COMPUTATIONS: dict[str, Compute] = {
    **{f"verdicts.{model}": partial(_n_mistakes, model=model) for model in _MODELS},
    "verdicts.vit3b.not_mistakes": lambda i: 1 - _n_mistakes(i, "vit3b") / _APPARENT_MISTAKES,
    **{
        f"verdicts.{model}.{name}": partial(_n_in_category, model=model, category=category)
        for model in _MODELS
        for name, category in _CATEGORIES.items()
    },
    "verdicts.vit3b.several_labels": partial(
        _n_in_category, model="vit3b", category="fine-grained, several labels"
    ),
    **{
        f"verdicts.vit3b.{severity}": partial(_n_of_severity, model="vit3b", severity=severity)
        for severity in ("major", "minor", "borderline")
    },
    "verdicts.greedy_soups.major": partial(_n_of_severity, model="greedy_soups", severity="major"),
    "verdicts.vit3b.major_share": _major_share,
    "verdicts.vit3b.real_correct": _n_real_correct,
    "verdicts.vit3b.real_empty": _n_real_empty,
    "label_errors.checked": lambda i: len(i.label_checks),
    "label_errors.unconfirmed": _n_unconfirmed,
    "label_errors.confirmed": partial(_n_chosen, choice="given"),
    "label_errors.correctable": partial(_n_chosen, choice="guessed"),
    "label_errors.multi_label": partial(_n_chosen, choice="both"),
    "label_errors.neither": partial(_n_chosen, choice="neither"),
    "label_errors.no_agreement": _n_without_agreement,
}
