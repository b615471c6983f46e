"""A report from records: everything that they allow to be found, each where its inputs are.

Joins `reassess.analysis` and the page; finds nothing and draws nothing itself. A study, the
demo and `reassess score` come here with what they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reassess.analysis.classes import ClassPairs, changed_classes, class_pairs
from reassess.analysis.findings import find
from reassess.analysis.mistakes import find_mistakes
from reassess.analysis.raters import RaterFindings, rater_findings
from reassess.analysis.soft_labels import Sensitivity, sensitivity, usable_gold
from reassess.analysis.uncertainty import UncertainScores, uncertain_scores
from reassess.analysis.verdict import study_verdict
from reassess.progress import Progress, null_progress
from reassess.records import (
    Benchmark,
    Gold,
    Hierarchy,
    LabelSets,
    ModelScore,
    Posterior,
    Predictions,
    Votes,
)
from reassess.report.galleries import SmallCopies, galleries
from reassess.report.page_parts import Report

PARTS = ("findings", "uncertainty", "verdict", "mistakes", "classes", "raters", "images")
"""What `assemble_report` does, in order."""

RESAMPLES = 1000
"""Draws of images, raters and votes each."""

MOST_RANKED = 100
"""Models whose ranks are drawn again; of more, all pairs would take minutes."""


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """The records that a report is made of.

    Attributes:
        labels: the reassessed labels.
        benchmark: what they are about.
        predictions: the models.
        scores: one a model, in the same order.
        hierarchy: which class is a kind of which; None where that is not known.
        votes: the raters' answers; None where there are none.
        posterior: P(the class is in the image) of each question; None likewise.
        decided: the same with 1 or 0 where experts decided; None where they decided nothing.
        gold: questions whose truth experts fixed; None where there are none.
        gold_votes: raters' answers to gold questions; None takes those among the votes.
    """

    labels: LabelSets
    benchmark: Benchmark
    predictions: Sequence[Predictions]
    scores: Sequence[ModelScore]
    hierarchy: Hierarchy | None = None
    votes: Votes | None = None
    posterior: Posterior | None = None
    decided: Posterior | None = None
    gold: Gold | None = None
    gold_votes: Votes | None = None


def assemble_report(
    inputs: ReportInputs,
    title: str,
    *,
    simulated: bool = False,
    small_copies: SmallCopies | None = None,
    progress: Progress = null_progress,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Report:
    """The report, without what only its maker knows: command, inputs, how labels were made.

    Args:
        inputs: the records.
        title: heading of the page.
        simulated: whether the votes come from simulated raters.
        small_copies: gives the pictures of galleries; None shows ids and labels only.
        progress: called when one of `PARTS` begins, and after resamples.
        n_resamples: resamples of images, of raters and of votes, each.
        seed: of all bootstraps.

    Raises:
        DataError: the records do not fit each other.
        AlignmentError: images do not match.
    """
    labels, benchmark = inputs.labels, inputs.benchmark
    progress("findings")
    findings = find(
        labels,
        benchmark,
        inputs.predictions,
        posterior=inputs.posterior,
        gold=inputs.gold,
        gold_votes=_gold_votes(inputs),
        scores=inputs.scores,
    )
    progress("uncertainty")
    uncertainty = uncertainty_of(
        inputs, n_resamples=n_resamples, rng=np.random.default_rng(seed), progress=progress
    )
    progress("verdict")
    judged = study_verdict(
        labels,
        benchmark,
        inputs.predictions,
        uncertainty=uncertainty,
        rng=np.random.default_rng(seed),
    )
    progress("mistakes")
    mistakes = find_mistakes(
        labels,
        inputs.predictions,
        hierarchy=inputs.hierarchy,
        posterior=inputs.decided or inputs.posterior,
        votes=inputs.votes,
        classes=benchmark.classes,
    )
    progress("classes")
    pairs = _pairs(inputs)
    changed = None if benchmark.original is None else changed_classes(labels, benchmark)
    progress("raters")
    raters = _raters(inputs, seed)
    progress("images")
    return Report(
        title=title,
        findings=findings,
        scores=inputs.scores,
        labels=labels,
        benchmark=benchmark,
        simulated=simulated,
        pairs=pairs,
        changed=changed,
        raters_found=raters,
        galleries=galleries(
            labels, benchmark, pairs=pairs, changed=changed, small_copies=small_copies
        ),
        verdict=judged,
        uncertainty=uncertainty,
        sensitivity=sensitivity_of(inputs),
        mistakes=mistakes,
    )


def uncertainty_of(
    inputs: ReportInputs,
    *,
    n_resamples: int = RESAMPLES,
    rng: np.random.Generator,
    progress: Progress = null_progress,
) -> UncertainScores | None:
    """Intervals of accuracies and ranks, with those of the labels where votes can be drawn.

    None below two models, above `MOST_RANKED`, and where no image has a label.

    Args:
        inputs: the records.
        n_resamples: draws of images, of raters and of votes, each.
        rng: where randomness comes from.
        progress: called with the number of resamples done.

    Raises:
        DataError: the records do not fit each other.
        AlignmentError: images do not match.
    """
    n_models, labels = len(inputs.predictions), inputs.labels
    if not 1 < n_models <= MOST_RANKED or not (labels.sizes > 0).any():
        return None
    votes, posterior = inputs.votes, inputs.posterior
    if votes is None or posterior is None:
        votes = posterior = None
    gold = None if votes is None else usable_gold(inputs.gold, votes.questions)
    return uncertain_scores(
        inputs.predictions,
        inputs.labels,
        votes=votes,
        posterior=posterior,
        gold=gold,
        gold_votes=None if gold is None else _gold_votes(inputs),
        n_resamples=n_resamples,
        rng=rng,
        progress=progress,
    )


def sensitivity_of(inputs: ReportInputs) -> Sensitivity | None:
    """Accuracies and ranks at other thresholds; None without a posterior of questions."""
    posterior = inputs.decided or inputs.posterior
    if posterior is None or not inputs.predictions:
        return None
    return sensitivity(inputs.predictions, inputs.labels, posterior)


def _pairs(inputs: ReportInputs) -> ClassPairs | None:
    labels, classes = inputs.labels, inputs.benchmark.classes
    if classes is None and labels.n_classes is None:
        return None
    return class_pairs(labels, inputs.predictions, classes=classes, hierarchy=inputs.hierarchy)


def _gold_votes(inputs: ReportInputs) -> Votes | None:
    """The raters' votes where some of them are on gold questions."""
    votes, gold = inputs.votes, inputs.gold
    if inputs.gold_votes is not None or votes is None or gold is None:
        return inputs.gold_votes
    return votes if np.isin(gold.questions.ids, votes.questions.ids).any() else None


def _raters(inputs: ReportInputs, seed: int) -> RaterFindings | None:
    votes, posterior = inputs.votes, inputs.posterior
    point = inputs.labels.operating_point
    if votes is None or posterior is None or point is None or posterior.confusion is None:
        return None
    return rater_findings(votes, posterior, point.threshold, rng=np.random.default_rng(seed))
