"""From posteriors to label sets: precision and recall on gold, the operating point, the sets.

=============  ====================================================================
`curve`        what a posterior decides on gold; precision and recall at every threshold
`rules`        the rules that choose the threshold, by name
`sets`         the operating point with what it is worth on gold, and the label sets
`calibration`  posteriors drawn to what they are worth on gold, beside the raw ones
=============  ====================================================================

A label is kept where its posterior is at least the threshold. Images that were not rated
keep their original label and are marked as unrated.

Source: the paper, sections 3.2 and 3.3; Figure 3 for precision and recall.
"""

from reassess.labels.calibration import Calibration, calibrate
from reassess.labels.curve import (
    GoldSample,
    PrecisionRecall,
    gold_sample,
    precision_recall,
    unseen_sample,
)
from reassess.labels.rules import CONFIDENCE, RULES, THRESHOLD, LabelOptions, LabelRule
from reassess.labels.sets import operating_point, reassessed_labels

__all__ = [
    "CONFIDENCE",
    "RULES",
    "THRESHOLD",
    "Calibration",
    "GoldSample",
    "LabelOptions",
    "LabelRule",
    "PrecisionRecall",
    "calibrate",
    "gold_sample",
    "operating_point",
    "precision_recall",
    "reassessed_labels",
    "unseen_sample",
]
