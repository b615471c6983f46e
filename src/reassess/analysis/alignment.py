"""Where the records of a finding meet: images brought together by id.

Every finding asks the same of its records: the original label of each image of the label
sets, the row of the label sets behind each prediction, and whether the class that a
question asks about is the original label or a reassessed one. All are looked up by image
id, never by position. Does not judge whether a prediction is right: `LabelSets.contains`
does. Letters: N images of the label sets, n images predicted, Q questions.
"""

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import DataError
from reassess.records import Benchmark, LabelSets, Predictions, Questions, align


def original_classes(labels: LabelSets, benchmark: Benchmark) -> Int[np.ndarray, "N"]:
    """Class index of the original label of each image of the label sets.

    Raises:
        DataError: the benchmark has no original labels.
        AlignmentError: an image of the label sets is no image of the benchmark.
    """
    known = _known_original(benchmark)
    rows = align(
        labels.image_ids, benchmark.image_ids, source=labels.name, target_name=benchmark.name
    )
    original: Int[np.ndarray, "N"] = known[rows]
    return original


def predicted_rows(predictions: Predictions, labels: LabelSets) -> Int[np.ndarray, "n"]:
    """Row of the label sets for each image that the model predicted.

    Raises:
        AlignmentError: a predicted image has no row there, fits several, or appears twice.
    """
    return align(
        predictions.image_ids,
        labels.image_ids,
        source=f"predictions {predictions.model!r}",
        target_name=labels.name,
    )


def asks_original(questions: Questions, benchmark: Benchmark) -> Bool[np.ndarray, "Q"]:
    """Whether each question is about the original label of its image.

    Raises:
        DataError: the benchmark has no original labels, or the questions are not about images
            and classes.
        AlignmentError: an image of the questions is no image of the benchmark.
    """
    original = _known_original(benchmark)
    pairs = questions.require_pairs().aligned_to(
        benchmark.image_ids, source="questions", target_name=benchmark.name
    )
    asks: Bool[np.ndarray, "Q"] = original[pairs.image] == pairs.label
    return asks


def in_labels(questions: Questions, labels: LabelSets) -> Bool[np.ndarray, "Q"]:
    """Whether the class that each question asks about is among the labels of its image.

    Raises:
        DataError: the questions are not about images and classes.
        AlignmentError: an image of the questions is not in the label sets.
    """
    pairs = questions.require_pairs().aligned_to(
        labels.image_ids, source="questions", target_name=labels.name
    )
    return labels.contains(pairs.image, pairs.label)


def _known_original(benchmark: Benchmark) -> Int[np.ndarray, "N"]:
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: the original labels are not known, but must be for this finding. "
            "Give them (--original-labels FILE)."
        )
    return benchmark.original
