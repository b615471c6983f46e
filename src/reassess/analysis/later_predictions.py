"""Later predictions: is the second or third right too, where the first is (Figure 5).

A perfect model would rank all labels of an image first. Does not measure the top
prediction alone: `reassess.scoring` does.

Source: Beyer et al. (2020), "Are we done with ImageNet?", arXiv 2006.07159, Figure 5.
"""

from dataclasses import dataclass

from reassess.analysis.alignment import predicted_rows
from reassess.errors import OptionError
from reassess.records import LabelSets, Predictions


@dataclass(frozen=True, slots=True)
class LaterPrediction:
    """How often a model's N-th prediction is right where its first one is.

    Attributes:
        model: the model's name.
        rank: N, 2 for the second prediction.
        n_correct: images of ``n_scored`` whose N-th prediction is among their labels.
        n_scored: images with at least N labels whose first prediction is one of them.
    """

    model: str
    rank: int
    n_correct: int
    n_scored: int

    @property
    def value(self) -> float | None:
        """The share right, in [0, 1]; None where no image could be scored."""
        return self.n_correct / self.n_scored if self.n_scored else None


def later_prediction(predictions: Predictions, labels: LabelSets, rank: int) -> LaterPrediction:
    """Accuracy of the N-th prediction, over images with N labels whose first is right.

    Nothing is asked of the predictions between the first and the N-th.

    Args:
        predictions: a model's ranked predictions for any of the images.
        labels: the reassessed labels.
        rank: N, from 2 to the number of predictions an image.

    Raises:
        OptionError: the rank is below 2, or above the number of predictions an image.
        AlignmentError: a predicted image is not in the label sets.

    Source: Figure 5.
    """
    n_ranks = predictions.ranked_classes.shape[1]
    if not 2 <= rank <= n_ranks:
        raise OptionError(
            f"predictions {predictions.model!r}: the rank is {rank}, but must be in "
            f"[2, {n_ranks}], the number of predictions an image. Give predictions with more "
            "columns, or another rank."
        )
    rows = predicted_rows(predictions, labels)
    first_right = labels.contains(rows, predictions.top)
    scored = first_right & (labels.sizes[rows] >= rank)
    right = labels.contains(rows[scored], predictions.ranked_classes[scored, rank - 1])
    return LaterPrediction(predictions.model, rank, int(right.sum()), int(scored.sum()))
