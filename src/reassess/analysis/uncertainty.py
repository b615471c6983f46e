"""How sure accuracies and ranks are: of the images, and of the labels themselves.

Two questions, two estimands, two intervals; docs/statistics.md measures how often they hold.

*Images.* ReaL accuracy on infinitely many images of the same kind, labelled by the same raters
under the same rule. Labels are taken as decided. Wilson's interval; ranks from a bootstrap of
images.

*Images and labels.* Accuracy under the labels that infinitely many raters would agree on, as far
as gold shows them. Estimated from probabilities calibrated on gold
(`reassess.analysis.soft_labels`), as labels decided by a threshold are wrong in one direction. Its
variance has three parts: images drawn again, with all votes aggregated and gold calibrated again
each time, which holds the noise of votes too, as an image brings its votes; plus raters drawn
again; less votes drawn again, which the first two both hold (two-way clustering). Where labels
carry an audit of skipped images, what it says of these enters, and its sample is a fourth part.

Does not print: `reassess.report` does. Letters: n images, M models, Q questions, B resamples.

Source: A. Cameron, J. Gelbach, D. Miller (2011), "Robust Inference With Multiway Clustering",
Journal of Business & Economic Statistics 29:238-249; ranks, `reassess.statistics.ranks`.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from reassess.aggregation import METHODS, WeightedRefit
from reassess.analysis.replicates import (
    LabelUncertainty,
    Ranked,
    Rescorer,
    resample,
    resample_images,
)
from reassess.analysis.soft_labels import SoftLabels
from reassess.engines import Engine, ThreadEngine
from reassess.errors import DataError, MissingExtraError, preview
from reassess.notes import note
from reassess.progress import Progress, null_progress
from reassess.records import (
    Gold,
    ImageTable,
    LabelSets,
    Posterior,
    Predictions,
    Votes,
    positions,
)
from reassess.registry import checks_choices
from reassess.scoring import image_table
from reassess.scoring.accuracy import on_shared_images
from reassess.scoring.audited_models import AuditedModels, audited_models
from reassess.scoring.unasked import UnaskedModels, is_unchecked, unasked_models
from reassess.statistics import (
    benjamini_hochberg,
    check_resamples,
    holm,
    mcnemar_exact,
    normal_p_value,
    paired_difference_interval,
    z_critical,
)

RankDecision = Literal["decided", "images", "labels", "unasked"]
"""Of two adjacent models: decided, or what leaves them undecided."""

RANK_DECISIONS: tuple[RankDecision, ...] = get_args(RankDecision)


@checks_choices
@dataclass(frozen=True, slots=True)
class Adjacent:
    """Two models that follow each other in the order of ReaL accuracy.

    Attributes:
        better: the model with the higher ReaL accuracy.
        worse: the next one.
        difference: of their ReaL accuracies.
        low: lower end of its interval, labels taken as decided.
        high: upper end.
        calibrated: difference of their accuracies under calibrated labels; None without votes.
        calibrated_low: lower end of its interval from images and labels.
        calibrated_high: upper end.
        p_value: exact McNemar test, not corrected.
        p_holm: corrected over all pairs of models, Holm.
        p_false_discovery: corrected over all pairs, Benjamini and Hochberg.
        p_swap: probability that other raters of the same crowd, on these very images, would put
            them in the other order than that of ``calibrated``; None without votes.
        p_reversed: probability that labels without any error would, on these very images; counts
            what raters see wrong together too. None without votes.
        decision: ``decided`` where both intervals leave out 0 on the same side; ``images`` where
            that of the images does not; ``labels`` where only labels leave it open; ``unasked``
            where only predictions that nobody was asked about do.
        unasked_low: ``difference`` where all such predictions of the better are absent and all of
            the worse are present; None where the labels do not say what was asked.
        unasked_high: the other way round.
    """

    better: str
    worse: str
    difference: float
    low: float
    high: float
    calibrated: float | None
    calibrated_low: float | None
    calibrated_high: float | None
    p_value: float
    p_holm: float
    p_false_discovery: float
    p_swap: float | None
    p_reversed: float | None
    decision: RankDecision
    unasked_low: float | None = None
    unasked_high: float | None = None


@dataclass(frozen=True, slots=True)
class UncertainScores:
    """Accuracies and ranks of models with all that is uncertain about them.

    Attributes:
        models: the M models.
        labels_name: the labels that judge.
        n_scored: images that have a label.
        n_unlabelled: images that have none.
        confidence: of every interval.
        n_resamples: B.
        images: ReaL accuracy and rank; uncertain are the images, labels are as decided.
        both: accuracy and rank under calibrated labels; uncertain are images and labels. None
            where the labels' uncertainty is unknown.
        uncertainty: what ``both`` rests on; None likewise.
        no_label_uncertainty: why the labels' uncertainty is unknown; None where it is known.
        n_only: ``n_only[a, b]`` = images that a has right and b wrong, labels as decided.
        p_value: exact McNemar test of each pair.
        p_holm: corrected over all pairs, Holm.
        p_false_discovery: corrected over all pairs, Benjamini and Hochberg.
        audited: accuracies, differences and tests as an audit has them, which those of ``images``,
            ``difference`` and ``p_value`` then are; None without one.
        n_unchecked: images that keep an original label that nobody checked and no audit drew from.
        unasked: predictions that nobody was asked about, and what they leave open; None where the
            labels do not say what was.
    """

    models: tuple[str, ...]
    labels_name: str
    n_scored: int
    n_unlabelled: int
    confidence: float
    n_resamples: int
    images: Ranked
    both: Ranked | None
    uncertainty: LabelUncertainty | None
    no_label_uncertainty: str | None
    n_only: Int[np.ndarray, "M M"]
    p_value: Float[np.ndarray, "M M"]
    p_holm: Float[np.ndarray, "M M"]
    p_false_discovery: Float[np.ndarray, "M M"]
    audited: AuditedModels | None = None
    n_unchecked: int = 0
    unasked: UnaskedModels | None = None

    def difference(self, a: int, b: int) -> tuple[float, float, float]:
        """ReaL accuracy of model a less that of b, with its interval from images.

        Newcombe's; with an audit its own, which holds the sample too.
        """
        if self.audited is not None:
            found = self.audited
            columns = (found.difference, found.difference_low, found.difference_high)
            value, low, high = (float(column[a, b]) for column in columns)
            return value, low, high
        only_a, only_b = int(self.n_only[a, b]), int(self.n_only[b, a])
        n_both = round(float(self.images.accuracy[a]) * self.n_scored) - only_a
        n_neither = self.n_scored - n_both - only_a - only_b
        ends = paired_difference_interval(n_both, only_a, only_b, n_neither, self.confidence)
        return (only_a - only_b) / self.n_scored, *ends

    def calibrated_difference(self, a: int, b: int) -> tuple[float, float, float]:
        """The same under calibrated labels, with its interval from images and labels.

        Raises:
            DataError: the labels' uncertainty is unknown.
        """
        both, uncertainty = self._with_labels()
        value = float(both.accuracy[a] - both.accuracy[b])
        reach = z_critical(self.confidence) * _error(uncertainty.covariance, a, b)
        return value, max(value - reach, -1.0), min(value + reach, 1.0)

    def calibrated_p_value(self, a: int, b: int) -> float:
        """Two-sided p-value that a and b are right equally often under labels without error.

        Below one less the confidence where the interval of `calibrated_difference` leaves out 0.

        Raises:
            DataError: the labels' uncertainty is unknown.
        """
        value, low, high = self.calibrated_difference(a, b)
        if low == value == high:  # the same predictions, or nothing that could vary
            return float(value == 0)
        return 2 * self._p_other_order(a, b, self._with_labels()[1].covariance)

    def p_swap(self, a: int, b: int) -> float:
        """Probability that other raters would put a and b in the other order on these images.

        They are raters of the same crowd, who see alike what ours see alike. Their difference lies
        around that of all such raters as ours does, so that the two differ with twice the
        variance of votes. Models that predict the same never swap.

        Raises:
            DataError: the labels' uncertainty is unknown.
        """
        return self._p_other_order(a, b, 2 * self._with_labels()[1].of_votes)

    def p_reversed(self, a: int, b: int) -> float:
        """Probability that labels without error put a and b in the other order on these images.

        Both orders are taken to be equally likely beforehand.

        Raises:
            DataError: the labels' uncertainty is unknown.
        """
        return self._p_other_order(a, b, self._with_labels()[1].of_labels)

    def _p_other_order(self, a: int, b: int, covariance: Float[np.ndarray, "M M"]) -> float:
        both, _ = self._with_labels()
        error = _error(covariance, a, b)
        apart = abs(float(both.accuracy[a] - both.accuracy[b]))
        return 0.0 if error == 0 else normal_p_value(apart / error) / 2

    def adjacent(self) -> list[Adjacent]:
        """Every two models that follow each other, the best first."""
        order = np.argsort(-self.images.accuracy, kind="stable").tolist()
        return [self._adjacent(a, b) for a, b in pairwise(order)]

    def _adjacent(self, a: int, b: int) -> Adjacent:
        difference, low, high = self.difference(a, b)
        value = ends = swap = other = None
        decision: RankDecision = "decided" if low > 0 else "images"
        if self.both is not None:
            value, *ends = self.calibrated_difference(a, b)
            swap, other = self.p_swap(a, b), self.p_reversed(a, b)
            if decision == "decided" and ends[0] <= 0:
                decision = "labels"
        unasked = self.unasked
        if decision == "decided" and unasked is not None and unasked.is_open(a, b):
            decision = "unasked"
        return Adjacent(
            better=self.models[a],
            worse=self.models[b],
            difference=difference,
            low=low,
            high=high,
            calibrated=value,
            calibrated_low=None if ends is None else ends[0],
            calibrated_high=None if ends is None else ends[1],
            p_value=float(self.p_value[a, b]),
            p_holm=float(self.p_holm[a, b]),
            p_false_discovery=float(self.p_false_discovery[a, b]),
            p_swap=swap,
            p_reversed=other,
            decision=decision,
            unasked_low=None if unasked is None else float(unasked.difference_low[a, b]),
            unasked_high=None if unasked is None else float(unasked.difference_high[a, b]),
        )

    def _with_labels(self) -> tuple[Ranked, LabelUncertainty]:
        if self.both is None or self.uncertainty is None:
            raise DataError(
                f"scores: how uncertain the labels are is unknown: {self.no_label_uncertainty}."
            )
        return self.both, self.uncertainty


def count_decisions(adjacent: Sequence[Adjacent]) -> dict[RankDecision, int]:
    """How many pairs of adjacent models are decided, and what leaves how many undecided."""
    decisions = [one.decision for one in adjacent]
    return {name: decisions.count(name) for name in RANK_DECISIONS}


def uncertain_scores(
    predictions: Sequence[Predictions],
    labels: LabelSets,
    *,
    votes: Votes | None = None,
    posterior: Posterior | None = None,
    gold: Gold | None = None,
    gold_votes: Votes | None = None,
    min_expert_yes: int | None = None,
    pseudocount: float | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    rng: np.random.Generator,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> UncertainScores:
    """Accuracies and ranks with intervals from images, and from images and labels.

    Args:
        predictions: one record a model, all of the same images.
        labels: the label sets as decided, of at least these images.
        votes: what the labels were decided on; None leaves the labels' uncertainty out.
        posterior: made of these votes; needed with votes.
        gold: what posteriors are calibrated on; without it they are taken as they are, and as
            they are over-confident, intervals are then too narrow.
        gold_votes: the raters' answers to gold where they were given apart.
        min_expert_yes: how many experts must say yes for a gold question to hold; None for more
            than half.
        pseudocount: added to counts when the posterior was made under the uniform prior; 1 where
            None is given.
        n_resamples: B, for images, for raters and for votes each.
        confidence: of every interval.
        rng: where randomness comes from.
        engine: where resamples run; the threads of this process by default.
        progress: called with the number of resamples done, of B.

    Raises:
        OptionError: the confidence or the number of resamples is out of range, or a pseudocount
            is given and the posterior was made under the pooled prior.
        DataError: votes, posterior, gold and labels do not fit together, or no image has a label.
        AlignmentError: the models predicted different images, or labels are missing.
    """
    check_resamples(n_resamples, confidence)
    if (votes is None) != (posterior is None):
        raise DataError("votes and their posterior must be given together. Give both, or neither.")
    table = image_table(predictions, labels)
    scored = table.n_labels > 0
    if not scored.any():
        raise DataError(f"{labels.name}: none of the predicted images has a label to be scored by.")
    _, shared = on_shared_images(predictions[0], labels, subset=True)
    audited = audited_models(table.top, shared, confidence)
    n_only, tests = _paired_tests(table, audited)
    both = uncertainty = None
    if votes is not None:
        _check_votes_of(labels, votes)
    no_label_uncertainty = _why_images_only(posterior, labels, votes)
    with _one_thread_of_blas(), ThreadEngine() as local:
        images = resample_images(table, n_resamples, confidence, rng, engine or local, audited)
        if no_label_uncertainty is None and votes is not None and posterior is not None:
            soft = SoftLabels.of(predictions, labels, votes.questions)
            refit = WeightedRefit.build(
                votes,
                posterior,
                gold=gold,
                gold_votes=gold_votes,
                min_expert_yes=min_expert_yes,
                pseudocount=pseudocount,
            )
            both, uncertainty = resample(
                Rescorer.of(soft, refit, votes.questions, gold, min_expert_yes),
                n_resamples,
                confidence,
                rng,
                engine or local,
                progress,
            )
    return UncertainScores(
        models=table.models,
        labels_name=labels.name,
        n_scored=int(scored.sum()),
        n_unlabelled=int((~scored).sum()),
        confidence=confidence,
        n_resamples=n_resamples,
        images=images,
        both=both,
        uncertainty=uncertainty,
        no_label_uncertainty=no_label_uncertainty,
        n_only=n_only,
        p_value=tests[0],
        p_holm=tests[1],
        p_false_discovery=tests[2],
        audited=audited,
        n_unchecked=int(is_unchecked(shared).sum()),
        unasked=unasked_models(
            table.top,
            shared,
            images.accuracy,
            (n_only - n_only.T) / int(scored.sum()) if audited is None else audited.difference,
        ),
    )


def _check_votes_of(labels: LabelSets, votes: Votes) -> None:
    """Refuse votes on which the labels cannot rest; note where they rest on other ones.

    Raises:
        DataError: a question of the labels' images that the labels rest on has none of the votes.
    """
    if None in (labels.votes_sha256, votes.sha256) or labels.votes_sha256 == votes.sha256:
        return
    if labels.asked is not None:
        asked = labels.asked
        missing = ~asked.is_in(votes.questions.require_pairs("votes"), source=labels.name)
        if missing.any():
            raise DataError(
                f"votes: question {preview(asked.take(missing).ids(), 1)} has no vote, but "
                f"{labels.name} rests on it; {int(missing.sum()):,} of its {len(asked):,} "
                "questions have none. Give the votes that the labels were decided on, or decide "
                "labels by these."
            )
    note(
        f"{labels.name}: the labels were decided on other votes than those given, by the hashes of "
        "their files. Their uncertainty is that of the votes given."
    )


def _why_images_only(
    posterior: Posterior | None, labels: LabelSets, votes: Votes | None
) -> str | None:
    """Why intervals leave out the labels' uncertainty; None where they need not."""
    if posterior is None or votes is None:
        return "no votes were given (--votes)"
    if labels.audit is not None:
        asked = votes.questions.require_pairs()
        audited = labels.audit.pairs
        drawn = audited.image_ids[np.unique(audited.image[labels.audit.drawn])]
        alone = np.zeros(len(asked.image_ids), dtype=bool)
        found = positions(drawn, asked.image_ids, source="audit")
        alone[found[found >= 0]] = True
        if alone[asked.image].all():
            return (
                "raters were asked about the images of the audit alone, so that no disputed image "
                "tells how sure their answers are"
            )
    if posterior.context:
        return (
            "the posterior has a context of models' predictions, so that its votes cannot be "
            "aggregated again under other weights"
        )
    if posterior.method not in METHODS:
        return (
            f"the posterior was made by {posterior.method!r}, which is none of the aggregation "
            f"methods {', '.join(METHODS)}, so that its votes cannot be aggregated again"
        )
    if METHODS[posterior.method].refit is None:
        return (
            f"the aggregation method {posterior.method!r} declares no refit, so that its votes "
            "cannot be aggregated again under other weights"
        )
    return None


def _paired_tests(
    table: ImageTable, audited: AuditedModels | None
) -> tuple[Int[np.ndarray, "M M"], list[Float[np.ndarray, "M M"]]]:
    """Images that only one of two models has right, and p-values: bare, Holm's, BH's.

    The tests are McNemar's exact ones, or those of the audited differences.
    """
    right = table.right[table.n_labels > 0].astype(np.float32)
    n_only = np.rint(right.T @ (1 - right)).astype(np.int64)
    a, b = np.triu_indices(len(table.models), 1)
    pairs = zip(n_only[a, b].tolist(), n_only[b, a].tolist(), strict=True)
    if audited is None:
        p = np.array([mcnemar_exact(*pair) for pair in pairs])
    else:
        p = audited.p_value[a, b]
    matrices = []
    for adjusted in (p, holm(p), benjamini_hochberg(p)):
        matrix = np.ones((len(table.models), len(table.models)))
        matrix[a, b] = matrix[b, a] = adjusted
        matrices.append(matrix)
    return n_only, matrices


def _one_thread_of_blas() -> AbstractContextManager[object]:
    """Keep matrix products to the thread that asks for them: the engine has one for each core."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtraError("threadpoolctl", "study", "drawing images again") from error
    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


def _error(covariance: Float[np.ndarray, "M M"], a: int, b: int) -> float:
    variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
    return float(np.sqrt(max(variance, 0.0)))
