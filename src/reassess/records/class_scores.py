"""Accuracy class by class.

Letters: K classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reassess.errors import DataError, OptionError
from reassess.records.scores import Accuracy, html_table, shown
from reassess.records.tabular import Backend, as_frame
from reassess.registry import checks_choices
from reassess.statistics import wilson_bounds

_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class AccuracyByClass:
    """How a model does on the images of each class.

    Attributes:
        model: whose.
        labels: under which labels.
        names: name of each class; its index where only that is known.
        n_correct: right images of each class.
        n_scored: judged images of each class.
    """

    model: str
    labels: str
    names: tuple[str, ...]
    n_correct: Int[np.ndarray, "K"]
    n_scored: Int[np.ndarray, "K"]

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.n_correct) == len(self.n_scored):
            raise DataError("accuracy by class: names and counts differ in length.")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, which: int | str) -> Accuracy:
        """The accuracy of a class, by its index or its name.

        Raises:
            OptionError: there is no such class.
        """
        index = self.names.index(which) if which in self.names else which
        if not isinstance(index, int) or not 0 <= index < len(self):
            raise OptionError(
                f"the class is {which!r}, but must be one of {len(self):,} by index or name."
            )
        return Accuracy(int(self.n_correct[index]), int(self.n_scored[index]))

    @property
    def values(self) -> Float[np.ndarray, "K"]:
        """Accuracy of each class, NaN where no image was judged."""
        with np.errstate(invalid="ignore"):
            values: Float[np.ndarray, "K"] = self.n_correct / self.n_scored
        return values

    @property
    def mean(self) -> float | None:
        """Mean over the classes with a judged image; None where there is none."""
        return float(np.nanmean(self.values)) if self.n_scored.any() else None

    @checks_choices
    def to_frame(self, backend: Backend | None = None) -> Any:
        """A data frame: ``class``, ``accuracy``, ``low``, ``high`` (95%), and the counts.

        Args:
            backend: pandas, polars or pyarrow; None takes the first that is installed.

        Raises:
            OptionError: the library is unknown or not installed.
        """
        low, high = np.full(len(self), np.nan), np.full(len(self), np.nan)
        used = self.n_scored > 0
        low[used], high[used] = wilson_bounds(self.n_correct[used], self.n_scored[used])
        columns = {
            "class": list(self.names), "accuracy": self.values, "low": low, "high": high,
            "n_correct": self.n_correct, "n_scored": self.n_scored,
        }  # fmt: skip
        return as_frame(columns, backend)

    def __repr__(self) -> str:
        mean = "none" if self.mean is None else f"{self.mean:.4f}"
        what = f"{self.model!r} on {self.labels!r}"
        return f"AccuracyByClass({what}: {len(self):,} classes, mean {mean})"

    def _repr_html_(self) -> str:
        order = np.argsort(np.nan_to_num(self.values, nan=2.0), kind="stable")[:_MOST_SHOWN]
        rows = [
            (self.names[k], *shown(self[k]), f"{int(self.n_scored[k]):,}") for k in order.tolist()
        ]
        return html_table(("lowest classes", "accuracy", "95% interval", "images"), rows)
