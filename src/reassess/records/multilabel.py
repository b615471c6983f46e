"""How well predicted sets of classes match label sets: counts, and what follows from them.

Letters: K classes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, slots=True)
class MultilabelMetrics:
    """A model's predicted sets against label sets, over the images that have a label.

    A share without a denominator is None, and a class without one is left out of means over
    classes; neither counts as 0.

    Attributes:
        model: the model's name.
        rule: how its sets were made, as ``top-1`` or ``score >= 0.5``.
        n_right: of each class the images that have it and for which it is predicted.
        n_predicted: of each class the images for which it is predicted.
        n_labelled: of each class the images that have it.
        n_exact: images whose predicted set is the label set.
        n_scored: images that have a label.
        n_unlabelled: images left out because no label holds for them.
        average_precision: of each class, NaN where no image has it; None where the predictions do
            not score every class of every image.
    """

    model: str
    rule: str
    n_right: Int[np.ndarray, "K"]
    n_predicted: Int[np.ndarray, "K"]
    n_labelled: Int[np.ndarray, "K"]
    n_exact: int
    n_scored: int
    n_unlabelled: int
    average_precision: Float[np.ndarray, "K"] | None = None

    @property
    def precision(self) -> float | None:
        """Of all predicted classes, the share that is right (micro average)."""
        return _share(int(self.n_right.sum()), int(self.n_predicted.sum()))

    @property
    def recall(self) -> float | None:
        """Of all labels, the share that is predicted (micro average)."""
        return _share(int(self.n_right.sum()), int(self.n_labelled.sum()))

    @property
    def f1(self) -> float | None:
        """The harmonic mean of `precision` and `recall`."""
        n_all = int(self.n_predicted.sum() + self.n_labelled.sum())
        return _share(2 * int(self.n_right.sum()), n_all)

    @property
    def macro_precision(self) -> float | None:
        """Mean over the classes that are predicted of the share that is right."""
        return _mean(self.n_right, self.n_predicted)

    @property
    def macro_recall(self) -> float | None:
        """Mean over the classes that are labels of the share that is predicted."""
        return _mean(self.n_right, self.n_labelled)

    @property
    def macro_f1(self) -> float | None:
        """Mean of F1 over the classes that are predicted or labels."""
        return _mean(2 * self.n_right, self.n_predicted + self.n_labelled)

    @property
    def subset_accuracy(self) -> float | None:
        """Share of the images whose predicted set is the label set."""
        return _share(self.n_exact, self.n_scored)

    @property
    def mean_average_precision(self) -> float | None:
        """Mean average precision (mAP) over the classes that are labels; None where unknown."""
        if self.average_precision is None or not self.n_labelled.any():
            return None
        return float(np.nanmean(self.average_precision))

    def as_dict(self) -> dict[str, str | int | float | None]:
        """All of it but the classes, by name, as tables and JSON hold it."""
        return {"rule": self.rule} | {name: getattr(self, name) for name in SHARES}

    def _repr_html_(self) -> str:
        from reassess.records.scores import html_table

        rows = [
            (name.replace("_", " "), "–" if value is None else f"{value:.4f}")
            for name, value in ((name, getattr(self, name)) for name in SHARES)
        ]
        return html_table((f"{self.model}, {self.rule}", "value"), rows)

    def __str__(self) -> str:
        known = {name: getattr(self, name) for name in SHARES}
        parts = [f"{name.replace('_', ' ')} {v:.4f}" for name, v in known.items() if v is not None]
        return f"{self.model}, {self.rule}: {', '.join(parts) or 'no image to judge'}"


SHARES = (
    "precision", "recall", "f1", "macro_precision", "macro_recall", "macro_f1", "subset_accuracy",
    "mean_average_precision",
)  # fmt: skip
"""What follows from the counts, in the order in which it is shown."""


def _share(part: int, of: int) -> float | None:
    return part / of if of else None


def _mean(part: Int[np.ndarray, "K"], of: Int[np.ndarray, "K"]) -> float | None:
    known = of > 0
    return float((part[known] / of[known]).mean()) if known.any() else None
