"""The operating point, with what it is worth on gold, and the label sets that it gives.

A label is kept where its posterior is at least the threshold. Images that were not rated
keep their original label and are marked as unrated.

Source: the paper, sections 3.2 and 3.3; Figure 3 for precision and recall.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from reassess.errors import DataError, OptionError, preview
from reassess.labels.curve import GoldSample, gold_sample, has_seen, unseen_sample
from reassess.labels.rules import CONFIDENCE, RULES, LabelOptions, LabelRule
from reassess.records import (
    Audit,
    Benchmark,
    Gold,
    LabelSets,
    OperatingPoint,
    Pairs,
    Posterior,
    checks_records,
)
from reassess.statistics import clustered_interval

INTERVAL = 0.95
"""Confidence of the intervals of precision and recall."""


@checks_records
def operating_point(
    posterior: Posterior,
    *,
    rule: str = "threshold",
    threshold: float | None = None,
    target: float | None = None,
    gold: Gold | None = None,
    min_expert_yes: int | None = None,
    confidence: float | None = None,
) -> OperatingPoint:
    """The threshold that a rule chooses, with precision and recall on gold where there is any.

    Args:
        posterior: the posterior of all questions.
        rule: a name of `RULES`.
        threshold: in [0, 1], for the rule ``threshold``; `THRESHOLD` by default.
        target: in [0, 1], for the rules that name one.
        gold: needed by every rule but ``threshold``.
        min_expert_yes: how many experts must say yes; None for more than half.
        confidence: between 0 and 1, for rules with a guarantee; `CONFIDENCE` by default.

    Raises:
        OptionError: the rule is unknown, lacks what it needs or is given what it does not take,
            or no threshold reaches the target; or a rule with a guarantee has only gold that
            entered the posterior.
        DataError: gold and posterior do not fit.
    """
    options = LabelOptions(rule, threshold, target, min_expert_yes, confidence)
    entry = RULES[rule]
    if gold is None:
        if entry.needs_gold:
            raise OptionError(
                f"the rule {rule!r} needs gold (--gold FILE; in a study, gold under [label])."
            )
        return OperatingPoint(rule, entry.choose(options, None), target)
    sample = gold_sample(posterior, gold, min_expert_yes)
    unseen = unseen_sample(posterior, gold, min_expert_yes)
    chosen_by = sample
    if entry.is_guaranteed:
        if unseen is None:
            raise OptionError(
                f"the rule {rule!r} guarantees a precision, but the gold entered the posterior, so "
                "that it cannot tell. Aggregate again, or keep gold out (--gold-mode hold-out)."
            )
        chosen_by = unseen
    point = OperatingPoint(
        rule,
        entry.choose(options, chosen_by.curve()),
        target,
        in_sample=has_seen(posterior, gold),
        confidence=(confidence or CONFIDENCE) if entry.is_guaranteed else None,
    )
    return _cross_fitted(_on_gold(point, sample), unseen, entry, options)


def _on_gold(point: OperatingPoint, sample: GoldSample) -> OperatingPoint:
    """The point with its precision and recall, and their intervals, images drawn again."""
    kept = sample.present >= point.threshold
    point = replace(point, n_gold=len(kept), n_gold_images=len(np.unique(sample.image)), recall=0.0)
    if kept.any():
        low, high = clustered_interval(sample.truth[kept], sample.image[kept], INTERVAL)
        point = replace(
            point,
            precision=float(sample.truth[kept].mean()),
            precision_low=low,
            precision_high=high,
        )
    holds = sample.truth
    low, high = clustered_interval(kept[holds], sample.image[holds], INTERVAL)
    return replace(point, recall=float(kept[holds].mean()), recall_low=low, recall_high=high)


def _cross_fitted(
    point: OperatingPoint, sample: GoldSample | None, entry: LabelRule, options: LabelOptions
) -> OperatingPoint:
    """The point with the precision and recall of each part of gold under the others' threshold.

    Unchanged where gold entered the posterior unrecorded, or the others cannot choose.
    """
    if sample is None:
        return point
    threshold = np.full(len(sample.truth), np.inf)
    for fold in np.unique(sample.fold):
        inside = sample.fold == fold
        rest = sample.take(~inside)
        if not entry.needs_gold:
            threshold[inside] = point.threshold
        elif rest.truth.any():
            try:
                threshold[inside] = entry.choose(options, rest.curve())
            except OptionError:
                continue  # the others reach the target nowhere, so that they keep nothing
        else:
            return point
    kept = sample.present >= threshold
    return replace(
        point,
        cross_fitted_precision=float(sample.truth[kept].mean()) if kept.any() else None,
        cross_fitted_recall=float(kept[sample.truth].mean()),
    )


@checks_records
def reassessed_labels(
    posterior: Posterior,
    benchmark: Benchmark,
    point: OperatingPoint,
    *,
    name: str | None = None,
    audit: Audit | None = None,
) -> LabelSets:
    """The label sets that a posterior gives at an operating point.

    Args:
        posterior: of questions about (image, class) pairs.
        benchmark: all images, with their original labels.
        point: the threshold, inclusive.
        name: how to call the labels; "<benchmark> reassessed" by default.
        audit: what was drawn at random to be asked about; a skipped image of which only an
            unasked prediction was drawn counts as unrated, and keeps its original label.

    Raises:
        DataError: the questions are no pairs, the benchmark has no original labels, no image
            keeps a label, or a drawn pair has no posterior.
        AlignmentError: an image of the posterior is not in the benchmark.
    """
    pairs = posterior.questions.require_pairs("posterior")
    pairs = pairs.numbered_by(benchmark.classes, source="posterior")
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: original labels are needed for the images that were not rated."
        )
    n_images = len(benchmark.image_ids)
    pairs = pairs.aligned_to(benchmark.image_ids, source="posterior", target_name=benchmark.name)
    rated = np.zeros(n_images, dtype=bool)
    rated[pairs.image] = True
    if audit is not None:
        audit = audit.numbered_by(benchmark.classes).aligned_to(benchmark.image_ids)
        rated = _rated_beside(audit, pairs, n_images)
    kept = posterior.present >= point.threshold
    unrated = np.flatnonzero(~rated)
    image = np.concatenate([pairs.image[kept], unrated])
    label = np.concatenate([pairs.label[kept], benchmark.original[unrated]])
    probability = np.concatenate([posterior.present[kept], np.ones(len(unrated))])
    order = np.lexsort((label, image))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(image, minlength=n_images))])
    calibrated = None
    if posterior.calibrated is not None:
        ones = np.ones(len(unrated))
        calibrated = np.concatenate([posterior.calibrated[kept], ones])[order]
    return LabelSets(
        name=name or f"{benchmark.name} reassessed",
        image_ids=benchmark.image_ids,
        indptr=indptr,
        indices=label[order],
        posterior=probability[order],
        rated=rated,
        n_classes=benchmark.n_classes,
        operating_point=point,
        votes_sha256=posterior.votes_sha256,
        context=posterior.context,
        classes=benchmark.classes,
        calibrated=calibrated,
        asked=pairs,
        audit=audit,
    ).refuse_empty()


def _rated_beside(audit: Audit, pairs: Pairs, n_images: int) -> Bool[np.ndarray, "N"]:
    """Which images were asked about beside the unasked predictions that an audit drew.

    Raises:
        DataError: a pair that was drawn was not asked about.
    """
    drawn = audit.pairs.take(audit.drawn)
    missing = ~drawn.is_in(pairs)
    if missing.any():
        raise DataError(
            f"audit: {preview(drawn.ids()[missing])} was drawn, but has no posterior and must have "
            f"one; {int(missing.sum()):,} of {len(drawn):,} have none. Ask raters for them."
        )
    beside = ~pairs.is_in(audit.pairs.take(audit.drawn & audit.of_kind("unasked")))
    rated = np.zeros(n_images, dtype=bool)
    rated[pairs.image[beside]] = True
    return rated
