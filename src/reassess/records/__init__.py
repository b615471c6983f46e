"""The records that flow between stages, and the checks they make.

Frozen dataclasses of parallel NumPy columns, checked once when they are made and
trusted afterwards. Letters: N images, K classes, M models, P proposals, Q questions,
R raters, V votes, A answers, T true states. A bare noun is an integer index, ``*_id``
the outside world's string, ``n_*`` a count. What is aligned is aligned by id.

==================  =============================================================
`benchmark`         `Classes`, `Benchmark`; image ids: alignment, file numbers, the order of an
                    image folder
`predictions`       `Predictions`: ranked classes
`score_matrix`      `ScoreMatrix`: every class's score, on disk
`short_lists`       `ShortLists`: the best classes of each image and their probabilities, on disk
`row_blocks`        rows of arrays that may be larger than memory, some at a time
`order_check`       `check_order`: whether predictions number classes and images as the labels do
`hierarchy`         `Hierarchy`: which class is a kind of which
`class_maps`        `ClassMap`: a model's classes among those of a benchmark
`arrays`            arrays and image ids from what people hold
`id_hashes`         ids of millions of images, compared without a Python object for any of them
`named_columns`     frames with a column a class, in the order of the classes
`near_ids`          which of millions of ids could name the same without being equal
`score_values`      what scores may be: numbers, probabilities up to rounding, rows of a model
`pairs`             `Pairs`: (image, class), and how those of one record are found in another
`question_rows`     where the questions of one record stand in another
`questions`         `Proposals`, `Questions`, `Posterior`
`votes`             `Votes`, `Gold`
`tasks`             `Tasks`: the questions of one image on one screen; `Assessment`,
                    `StoppingRule`: which questions need no more votes
`labels`            `LabelSets`, `OperatingPoint`
`audits`            `Audit`: random samples of what the rule would not have asked about
`scores`            `Accuracy`, `MultilabelAccuracy`, `ModelScore`, `Comparison`, `ImageTable`
`multilabel`        `MultilabelMetrics`: predicted sets against label sets
`class_scores`      `AccuracyByClass`
`recipes`           `RecipeRun`: a model that was trained by a recipe
`tabular`           records as data frames
`reviews`           `MistakeReview`: mistakes drawn for raters to judge
==================  =============================================================

Does not read or write anything: `reassess.files` does.
"""

from reassess.records.alignment import align, how_ids_differ, positions
from reassess.records.audits import AUDIT_KINDS, Audit, AuditKind, AuditStratum
from reassess.records.benchmark import (
    Benchmark,
    Classes,
    LabelsAre,
    file_number_order,
    imagefolder_order,
)
from reassess.records.class_maps import ClassMap
from reassess.records.class_scores import AccuracyByClass
from reassess.records.hierarchy import Hierarchy
from reassess.records.kinds import checks_records
from reassess.records.labels import LabelSets, OperatingPoint
from reassess.records.multilabel import MultilabelMetrics
from reassess.records.order_check import (
    check_order,
    check_order_by_labels,
    check_order_of_labels,
    note_perfect_predictions,
)
from reassess.records.pairs import Pairs, factorize, find_keys, pair_keys
from reassess.records.predictions import Predictions
from reassess.records.questions import ANSWERS, Posterior, Proposals, Questions
from reassess.records.reviews import MistakeReview
from reassess.records.score_matrix import ScoreMatrix
from reassess.records.score_values import ScoreType
from reassess.records.scores import (
    Accuracy,
    AuditedAccuracy,
    AuditedDifference,
    CalibratedDifference,
    Comparison,
    ComparisonDecision,
    ImageTable,
    ModelScore,
    MultilabelAccuracy,
    UnaskedDifference,
    UnaskedPredictions,
)
from reassess.records.short_lists import ShortLists
from reassess.records.tasks import Assessment, NoStopping, StoppingRule, Tasks
from reassess.records.votes import Gold, Votes

__all__ = [
    "ANSWERS",
    "AUDIT_KINDS",
    "Accuracy",
    "AccuracyByClass",
    "Assessment",
    "Audit",
    "AuditKind",
    "AuditStratum",
    "AuditedAccuracy",
    "AuditedDifference",
    "Benchmark",
    "CalibratedDifference",
    "ClassMap",
    "Classes",
    "Comparison",
    "ComparisonDecision",
    "Gold",
    "Hierarchy",
    "ImageTable",
    "LabelSets",
    "LabelsAre",
    "MistakeReview",
    "ModelScore",
    "MultilabelAccuracy",
    "MultilabelMetrics",
    "NoStopping",
    "OperatingPoint",
    "Pairs",
    "Posterior",
    "Predictions",
    "Proposals",
    "Questions",
    "ScoreMatrix",
    "ScoreType",
    "ShortLists",
    "StoppingRule",
    "Tasks",
    "UnaskedDifference",
    "UnaskedPredictions",
    "Votes",
    "align",
    "check_order",
    "check_order_by_labels",
    "check_order_of_labels",
    "checks_records",
    "factorize",
    "file_number_order",
    "find_keys",
    "how_ids_differ",
    "imagefolder_order",
    "note_perfect_predictions",
    "pair_keys",
    "positions",
]
