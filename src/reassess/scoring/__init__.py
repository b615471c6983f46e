"""How good models are under labels, and whether one is better than another.

============  =====================================================================
`accuracy`    `real_accuracy`, `original_accuracy`, `multilabel_accuracy`: counts over counts
`models`      `score_models`, `image_table`: many models at once; `Bootstrap`
`comparison`  `compare`: two models on the same images
============  =====================================================================

Needs NumPy only. Aligned by image id, never by position.
"""

from reassess.scoring.accuracy import (
    hits,
    multilabel_accuracy,
    original_accuracy,
    original_labels,
    real_accuracies,
    real_accuracy,
)
from reassess.scoring.comparison import compare
from reassess.scoring.models import Bootstrap, image_table, score_models

__all__ = [
    "Bootstrap",
    "compare",
    "hits",
    "image_table",
    "multilabel_accuracy",
    "original_accuracy",
    "original_labels",
    "real_accuracies",
    "real_accuracy",
    "score_models",
]
