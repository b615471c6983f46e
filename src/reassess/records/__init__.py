"""The records that flow between stages, and the checks they make.

Frozen dataclasses of parallel NumPy columns, checked once when they are made and
trusted afterwards. Letters: N images, K classes, M models, P proposals, Q questions,
R raters, V votes, A answers, T true states. A bare noun is an integer index, ``*_id``
the outside world's string, ``n_*`` a count. What is aligned is aligned by id.

==================  =============================================================
`images`            image ids: alignment, file numbers, the order of an image folder
`benchmark`         `Classes`, `Benchmark`
`predictions`       `Predictions`
`questions`         `Pairs`, `Proposals`, `Questions`, `Votes`, `Gold`
`posterior`         `Posterior`
`labels`            `LabelSets`, `OperatingPoint`
`accuracy`          `Accuracy`, `MultilabelAccuracy`, `ModelScore`, `Comparison`,
                    `ImageTable`
==================  =============================================================

Does not read or write anything: `reassess.files` does.
"""

from reassess.records.accuracy import (
    Accuracy,
    Comparison,
    ImageTable,
    ModelScore,
    MultilabelAccuracy,
)
from reassess.records.benchmark import Benchmark, Classes
from reassess.records.images import align, file_number_order, imagefolder_order, positions
from reassess.records.labels import LabelSets, OperatingPoint
from reassess.records.posterior import Posterior
from reassess.records.predictions import Predictions, Scale
from reassess.records.questions import ANSWERS, Gold, Pairs, Proposals, Questions, Votes

__all__ = [
    "ANSWERS",
    "Accuracy",
    "Benchmark",
    "Classes",
    "Comparison",
    "Gold",
    "ImageTable",
    "LabelSets",
    "ModelScore",
    "MultilabelAccuracy",
    "OperatingPoint",
    "Pairs",
    "Posterior",
    "Predictions",
    "Proposals",
    "Questions",
    "Scale",
    "Votes",
    "align",
    "file_number_order",
    "imagefolder_order",
    "positions",
]
