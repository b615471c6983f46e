"""The paper's findings: records in, small frozen findings out.

===============  ================================================================
`findings`       all of the paper's about one study; of these it computes preference, later
                 predictions and progress (Figures 1, 4, 5)
`multilabel`     how many labels, of which kind; classes that occur together (Fig. 6, Table 1)
`agreement`      raters, experts and labels against gold (Figure 3); raters with each other
`experts`        one expert against the others, and the raters together beside
`raters`         what votes reveal of raters: confusion, effect on labels, drift, repeats
`classes`        classes that are hard to tell apart
`mistakes`       the remaining mistakes of models, by kind and severity (section 5)
`reviews`        mistakes that people judge, and what follows (Figure 7); `review_estimates`
                 their shares and differences, where some are open
`uncertainty`    how sure accuracies and ranks are: of images, of labels
`posterior_intervals` how sure the posterior of each question is
`soft_labels`    accuracies under labels with a calibrated probability
`audited_labels` the same where an audit drew from skipped images
`sensitivity`    accuracies and ranks at other thresholds
`label_noise`    what other raters, or labels without error, would change in the order of models
`comparisons`    two models, with the labels' uncertainty
`replicates`     resamples of images, raters and votes, and what models score in each
`standings`      models against the original labels, and against each other
`model_sample`   two accuracies of many models in one scale, and their resamples; `image_draws`
                 those of images
`gain`           what a point gained is worth at the top; `robustness` how far models lie off
                 the line in probits
`family_lines`   slopes within families of models
`duplicates`     images that are there twice, and leaks between two sets
`proxy`          is one accuracy still a proxy for another? slopes, breakpoint, order
`verdict`        the last two joined, and judged by stated rules; `verdict_json` its numbers
`image_trace`    one image from its proposals to its label
`monitoring`     what an audit shows so far, whenever one looks
`reassessments`  several label sets of one benchmark, side by side; `label_table` joins them
`recipes`        which training recipe gave better models
===============  ================================================================

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
from reassess.analysis.findings import (
    LaterPrediction,
    Preference,
    ProgressLines,
    later_prediction,
    preference,
    progress_lines,
    slope_difference,
)
from reassess.analysis.multilabel import (
    ClassAccuracies,
    CoOccurrence,
    LabelCounts,
    LabelKinds,
    MultiLabelShare,
    OracleComparison,
    biased_classes,
    co_occurrence,
    label_counts,
    label_kinds,
    model_class_accuracies,
    multi_label_share,
    oracle_comparison,
    unbiased_oracle,
)

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
    "ProgressLines",
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
    "progress_lines",
    "rater_points",
    "slope_difference",
    "unbiased_oracle",
]
