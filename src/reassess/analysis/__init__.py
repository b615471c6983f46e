"""The paper's findings: one question a module, records in, small frozen findings out.

===================  ============================================================
`progress`           does ReaL accuracy still follow original accuracy? (Figure 4)
`preference`         model or original label: which did raters prefer? (Figure 1)
`later_predictions`  is the second or third prediction right too? (Figure 5)
`multilabel`         how many labels, of which kind; the share with several
`oracle`             classes that occur together, the unbiased oracle (Fig. 6, Tab. 1)
`agreement`          raters, experts and labels against gold (Figure 3)
`classes`            classes that are hard to tell apart
`raters`             what votes reveal of raters; `consistency` whether one stays the same
`other_raters`       what the others say about the question of each vote
`mistakes`           the remaining mistakes of models, by kind and severity (section 5)
`reviews`            mistakes that people judge, and what follows (Figure 7)
`uncertainty`        how sure accuracies and ranks are: of images, of labels
`soft_labels`        accuracies under labels with a calibrated probability
`drawing`            images, raters and votes drawn again
`sensitivity`        accuracies and ranks at other operating points
`proxy`              is one accuracy still a proxy for another? slopes, breakpoint, order
`ceiling`            the original labels' own score, and the models above it
`standing`           models against the original labels, and against each other
`verdict`            the last three joined, and judged by stated rules; `verdict_json` its numbers
`reassessments`      several label sets of one benchmark, side by side; `label_table` joins them
`findings`           all of them about one study, for a report
`alignment`          how the records of a finding are brought together by image id
===================  ============================================================

Every number is a fraction in [0, 1]; what is undefined is None or an error, never 0.
Neither draws nor prints: `reassess.report` does. Does not hold the paper's published
numbers: `reassess.reproduce` does.

Source: Beyer, Hénaff, Kolesnikov, Zhai, van den Oord (2020), "Are we done with
ImageNet?", arXiv 2006.07159.
"""

from reassess.analysis.agreement import (
    AgreementPoint,
    agreement_point,
    expert_points,
    labels_point,
    original_point,
    rater_points,
)
from reassess.analysis.later_predictions import LaterPrediction, later_prediction
from reassess.analysis.multilabel import (
    LabelCounts,
    LabelKinds,
    MultiLabelShare,
    label_counts,
    label_kinds,
    multi_label_share,
)
from reassess.analysis.oracle import (
    ClassAccuracies,
    CoOccurrence,
    OracleComparison,
    biased_classes,
    co_occurrence,
    model_class_accuracies,
    oracle_comparison,
    unbiased_oracle,
)
from reassess.analysis.preference import Preference, preference
from reassess.analysis.progress import Progress, progress, slope_difference

__all__ = [
    "AgreementPoint",
    "ClassAccuracies",
    "CoOccurrence",
    "LabelCounts",
    "LabelKinds",
    "LaterPrediction",
    "MultiLabelShare",
    "OracleComparison",
    "Preference",
    "Progress",
    "agreement_point",
    "biased_classes",
    "co_occurrence",
    "expert_points",
    "label_counts",
    "label_kinds",
    "labels_point",
    "later_prediction",
    "model_class_accuracies",
    "multi_label_share",
    "oracle_comparison",
    "original_point",
    "preference",
    "progress",
    "rater_points",
    "slope_difference",
    "unbiased_oracle",
]
