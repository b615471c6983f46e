"""How good models are under labels, and whether one is better than another.

==========  =====================================================================
`accuracy`  `real_accuracy`, `original_accuracy`, `multilabel_accuracy`: counts over counts
`models`    `score_models`, `image_table`: many models at once; `compare`: two; `Bootstrap`
`multilabel` `multilabel_metrics`: precision, recall, F1, mAP and subset accuracy of predicted sets
`unasked`   what nobody was asked about, and the bounds that it leaves
`audited`   `audited_accuracy`, `audited_difference`: as random samples of that have it
==========  =====================================================================

Needs NumPy only. LabelTable by image id, never by position.
"""

from reassess.scoring.accuracy import (
    accuracy_by_class,
    correct,
    known_original,
    multilabel_accuracy,
    original_accuracy,
    original_classes,
    original_labels,
    predicted_rows,
    real_accuracies,
    real_accuracy,
)
from reassess.scoring.audited import audited_accuracy, audited_difference
from reassess.scoring.models import Bootstrap, compare, image_table, score_models
from reassess.scoring.multilabel import SetRule, multilabel_metrics

__all__ = [
    "Bootstrap",
    "SetRule",
    "accuracy_by_class",
    "audited_accuracy",
    "audited_difference",
    "compare",
    "correct",
    "image_table",
    "known_original",
    "multilabel_accuracy",
    "multilabel_metrics",
    "original_accuracy",
    "original_classes",
    "original_labels",
    "predicted_rows",
    "real_accuracies",
    "real_accuracy",
    "score_models",
]
