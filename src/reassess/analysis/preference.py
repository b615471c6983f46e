"""Preference for a model's prediction over the original label (Figure 1).

Asks nobody anew: where exactly one of the two is among an image's reassessed labels,
the raters preferred that one. Does not compare two models: `reassess.scoring` does.

Source: Beyer et al. (2020), "Are we done with ImageNet?", arXiv 2006.07159, Figure 1.
"""

from dataclasses import dataclass

from reassess.analysis.alignment import original_classes, predicted_rows
from reassess.records import Benchmark, LabelSets, Predictions
from reassess.statistics import wilson_interval


@dataclass(frozen=True, slots=True)
class Preference:
    """How often a model's top prediction was preferred over the original label.

    Attributes:
        model: the model's name.
        n_model: images where the prediction is among the labels and the original is not.
        n_original: images where the original is among the labels and the prediction is not.
        interval: Wilson's interval of the share preferred; (0, 1) where it is undefined.
        confidence: of the interval.
    """

    model: str
    n_model: int
    n_original: int
    interval: tuple[float, float]
    confidence: float

    @property
    def value(self) -> float | None:
        """Share preferred, in [0, 1]; None where the two never differ in truth."""
        n = self.n_model + self.n_original
        return self.n_model / n if n else None


def preference(
    predictions: Predictions, labels: LabelSets, benchmark: Benchmark, confidence: float = 0.95
) -> Preference:
    """Share of images on which the prediction holds, of those where it or the original does.

    Images where both hold, neither does, or no label does, are left out.

    Args:
        predictions: a model's predictions for any of the images.
        labels: the reassessed labels.
        benchmark: the original labels.
        confidence: of the interval, in (0, 1).

    Raises:
        AlignmentError: a predicted image is not in the label sets or in the benchmark.
        DataError: the benchmark has no original labels.
        OptionError: the confidence does not lie between 0 and 1.

    Source: Figure 1.
    """
    rows = predicted_rows(predictions, labels)
    model_holds = labels.contains(rows, predictions.top)
    original_holds = labels.contains(rows, original_classes(labels, benchmark)[rows])
    n_model = int((model_holds & ~original_holds).sum())
    n_original = int((original_holds & ~model_holds).sum())
    interval = wilson_interval(n_model, n_model + n_original, confidence)
    return Preference(predictions.model, n_model, n_original, interval, confidence)
