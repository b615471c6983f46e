"""Two models compared with the votes at hand: the labels' uncertainty in the difference.

Labels that votes decided are wrong in one direction, and that counts for a difference as it does
for an accuracy. `compare_with_votes` adds to the exact test of `reassess.scoring.compare` the
difference under calibrated labels of `reassess.analysis.uncertainty`, whose interval and p-value
hold images, raters, votes and gold. A model is better where both say so, as in `reassess ranks`.
"""

from dataclasses import replace

import numpy as np

from reassess.analysis.uncertainty import UncertainScores, uncertain_scores
from reassess.engines import Engine
from reassess.errors import DataError
from reassess.progress import Progress, null_progress
from reassess.records import (
    Benchmark,
    CalibratedDifference,
    Comparison,
    Gold,
    LabelSets,
    Posterior,
    Predictions,
    Votes,
    checks_records,
)
from reassess.scoring import compare


@checks_records
def compare_with_votes(
    a: Predictions,
    b: Predictions,
    labels: LabelSets,
    *,
    votes: Votes,
    posterior: Posterior,
    gold: Gold | None = None,
    gold_votes: Votes | None = None,
    min_expert_yes: int | None = None,
    pseudocount: float | None = None,
    subset: bool = False,
    confidence: float = 0.95,
    benchmark: Benchmark | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Comparison:
    """Compare the top predictions of two models, with the uncertainty of the labels.

    Args:
        a: the first model's predictions.
        b: the second's, for the same images; named otherwise.
        labels: the label sets as decided, of at least these images.
        votes: what the labels were decided on.
        posterior: made of these votes.
        gold: what posteriors are calibrated on; without it the interval is too narrow.
        gold_votes: the raters' answers to gold where they were given apart.
        min_expert_yes: how many experts must say yes; None for more than half.
        pseudocount: as `uncertain_scores` takes it.
        subset: whether labelled images without predictions may be left out.
        confidence: of the intervals and the tests.
        benchmark: its original labels tell both models' original accuracies, where it has any.
        n_resamples: of images, of raters and of votes, each.
        rng: where randomness comes from.
        engine: where resamples run; the threads of this process by default.
        progress: called with the number of resamples done.

    Raises:
        AlignmentError: the models did not predict the same images, or labels are missing.
        DataError: no image has a label, votes, posterior, gold and labels do not fit together, or
            the posterior's method cannot aggregate its votes again.
        OptionError: the confidence or the number of resamples is out of range.
    """
    counted = compare(a, b, labels, subset=subset, confidence=confidence, benchmark=benchmark)
    scores = uncertain_scores(
        (a, b),
        labels,
        votes=votes,
        posterior=posterior,
        gold=gold,
        gold_votes=gold_votes,
        min_expert_yes=min_expert_yes,
        pseudocount=pseudocount,
        n_resamples=n_resamples,
        confidence=confidence,
        rng=rng,
        engine=engine,
        progress=progress,
    )
    if scores.both is None:
        raise DataError(f"labels: their uncertainty is unknown: {scores.no_label_uncertainty}.")
    return replace(counted, calibrated=calibrated_difference(scores, 0, 1))


def calibrated_difference(scores: UncertainScores, a: int, b: int) -> CalibratedDifference:
    """The difference of two of the models that were scored together, labels being uncertain.

    Args:
        scores: of the models.
        a: place of the first among them.
        b: of the second.

    Raises:
        DataError: the labels' uncertainty is unknown.
    """
    value, low, high = scores.calibrated_difference(a, b)
    both, uncertainty = scores.both, scores.uncertainty
    assert both is not None and uncertainty is not None  # noqa: S101, PT018 -- else refused
    return CalibratedDifference(
        value=value,
        low=low,
        high=high,
        p_value=scores.calibrated_p_value(a, b),
        accuracy_a=float(both.accuracy[a]),
        accuracy_b=float(both.accuracy[b]),
        p_swap=scores.p_swap(a, b),
        n_gold=uncertainty.n_gold,
    )
