"""Agreement with the experts: raters, experts, original and reassessed labels (Figure 3).

Everything is held against gold questions, whose truth is what more than half of the
experts say. Precision asks how much of what was called present is; recall, how much of
what is present was called so. Draws no curve over thresholds and chooses none: for these,
see `reassess.labels`. Letters: Q gold questions.

Source: Beyer et al. (2020), "Are we done with ImageNet?", arXiv 2006.07159, Figure 3.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import AlignmentError, DataError
from reassess.labels import PrecisionRecall, precision_recall
from reassess.records import (
    ANSWERS,
    Benchmark,
    Gold,
    LabelSets,
    Posterior,
    Questions,
    Votes,
)
from reassess.registry import checks_choices
from reassess.scoring import known_original
from reassess.statistics.agreement import Coefficient, Distance, fleiss_kappa, krippendorff_alpha

Maybe = Literal["yes", "no"]

_LEAST_PRESENT: dict[Maybe, int] = {"yes": ANSWERS.index("maybe"), "no": ANSWERS.index("yes")}
"""The least answer that calls a question present, by what a maybe counts as."""


@dataclass(frozen=True, slots=True)
class AgreementPoint:
    """How well someone's "present" matches the experts'.

    Attributes:
        name: who or what it is.
        n_right: questions called present that are.
        n_called: questions called present.
        n_present: questions that are present, of those answered.
    """

    name: str
    n_right: int
    n_called: int
    n_present: int

    @property
    def precision(self) -> float | None:
        """Share of what was called present that is; None where nothing was."""
        return self.n_right / self.n_called if self.n_called else None

    @property
    def recall(self) -> float | None:
        """Share of what is present that was called so; None where nothing is."""
        return self.n_right / self.n_present if self.n_present else None


def agreement_point(name: str, called: Bool[np.ndarray, "Q"], gold: Gold) -> AgreementPoint:
    """Agreement of anything that calls gold questions present or absent.

    Args:
        name: what to call it.
        called: whether each gold question is called present, in their order.
        gold: the experts' answers.
    """
    truth = gold.truth()
    return AgreementPoint(name, int((called & truth).sum()), int(called.sum()), int(truth.sum()))


@checks_choices
def rater_points(votes: Votes, gold: Gold, maybe: Maybe = "yes") -> tuple[AgreementPoint, ...]:
    """Each rater's agreement with the experts, in the order of the raters.

    A rater is held to the gold questions that they answered.

    Args:
        votes: raters' answers; those to questions that are not gold are left out.
        gold: the experts' answers.
        maybe: what a maybe counts as; the published points count it as yes.

    Raises:
        DataError: the answers are not no, maybe and yes.
        AlignmentError: none of the questions is gold.

    Source: Figure 3, right.
    """
    if votes.answers != ANSWERS:
        raise DataError(
            f"votes: the answers are {votes.answers}, but must be {ANSWERS} to be held against "
            "gold. Write no, maybe or yes into the column of answers."
        )
    row = _gold_rows(votes.questions, gold)[votes.question]
    asked = row >= 0
    rater = votes.rater[asked]
    present = gold.truth()[row[asked]]
    called = votes.answer[asked] >= _LEAST_PRESENT[maybe]
    n_raters = len(votes.rater_ids)
    n_right = np.bincount(rater[called & present], minlength=n_raters)
    n_called = np.bincount(rater[called], minlength=n_raters)
    n_present = np.bincount(rater[present], minlength=n_raters)
    columns = (votes.rater_ids, n_right, n_called, n_present)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(AgreementPoint(str(name), *counts) for name, *counts in rows)


def expert_points(gold: Gold) -> tuple[AgreementPoint, ...]:
    """Each expert's agreement with the majority of the experts, themselves included.

    Source: Figure 3, right; only a yes counts as present.
    """
    return rater_points(gold.votes, gold, maybe="no")


def original_point(gold: Gold, benchmark: Benchmark) -> AgreementPoint:
    """Agreement of the original labels with the experts.

    Raises:
        DataError: the benchmark has no original labels, or the gold questions are not about
            images and classes.
        AlignmentError: a gold image is not in the benchmark.

    Source: Figure 3, right, "ILSVRC-2012".
    """
    return agreement_point("original labels", _about_original(gold.questions, benchmark), gold)


def labels_point(labels: LabelSets, gold: Gold) -> AgreementPoint:
    """Agreement of label sets with the experts.

    Raises:
        DataError: the gold questions are not about images and classes.
        AlignmentError: a gold image is not in the label sets.

    Source: Figure 3, right, "ReaL".
    """
    return agreement_point(labels.name, _about_labels(gold.questions, labels), gold)


def _gold_rows(questions: Questions, gold: Gold) -> Int[np.ndarray, "n"]:
    """Row of the gold question that each question is, -1 for the others.

    Raises:
        AlignmentError: none of the questions is gold.
    """
    rows = questions.rows_in(gold.questions, source="votes")
    if (rows < 0).all():
        raise AlignmentError(
            f"votes: question[0] is {questions.first_id!r}, but some must be gold questions "
            f"(such as {gold.questions.first_id!r}); none of {len(rows):,} is. Give votes and "
            "gold about the same images, with the same ids."
        )
    return rows


@dataclass(frozen=True, slots=True)
class VoteAgreement:
    """How far the raters of a study agree beyond chance.

    Attributes:
        nominal: Krippendorff's alpha, all disagreements alike.
        ordinal: Krippendorff's alpha with the answers in their order; None for answers other
            than no, maybe and yes.
        fleiss: Fleiss' kappa.
        n_questions: questions.
        n_votes: votes.
    """

    nominal: Coefficient
    ordinal: Coefficient | None
    fleiss: Coefficient
    n_questions: int
    n_votes: int


def vote_agreement(
    votes: Votes, *, n_resamples: int = 1000, confidence: float = 0.95, rng: np.random.Generator
) -> VoteAgreement:
    """How far raters agree; the bootstrap draws images where questions are about images.

    Raises:
        OptionError: the confidence is not inside (0, 1), or the resamples are negative.
    """
    counts = votes.counts()
    pairs = votes.questions.pairs
    groups = None if pairs is None else pairs.image

    def alpha(distance: Distance) -> Coefficient:
        return krippendorff_alpha(
            counts,
            distance=distance,
            groups=groups,
            n_resamples=n_resamples,
            confidence=confidence,
            rng=rng,
        )

    return VoteAgreement(
        nominal=alpha("nominal"),
        ordinal=alpha("ordinal") if votes.answers == ANSWERS else None,
        fleiss=fleiss_kappa(
            counts, groups=groups, n_resamples=n_resamples, confidence=confidence, rng=rng
        ),
        n_questions=len(votes.questions),
        n_votes=len(votes),
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything that is held against gold (Figure 3).

    Attributes:
        curve: precision and recall over the thresholds of the posterior; None without one.
        labels: the reassessed labels.
        original: the original labels; None where they are unknown.
        raters: each rater, where raters answered gold questions.
        experts: each expert against the majority of the experts.
        n_gold: gold questions.
    """

    curve: PrecisionRecall | None
    labels: AgreementPoint
    original: AgreementPoint | None
    raters: tuple[AgreementPoint, ...]
    experts: tuple[AgreementPoint, ...]
    n_gold: int


def agreement(
    labels: LabelSets,
    benchmark: Benchmark,
    posterior: Posterior | None,
    gold: Gold,
    gold_votes: Votes | None,
) -> Agreement:
    """Everything that can be held against gold.

    Args:
        labels: the reassessed labels.
        benchmark: its original labels are held against gold where it has any.
        posterior: draws the curve over thresholds; None draws none.
        gold: questions whose truth experts fixed.
        gold_votes: the raters' answers to gold questions; None leaves raters out.

    Raises:
        AlignmentError: images or questions do not match.
        DataError: gold is not about images and classes.
    """
    return Agreement(
        curve=_curve(posterior, gold),
        labels=labels_point(labels, gold),
        original=None if benchmark.original is None else original_point(gold, benchmark),
        raters=() if gold_votes is None else rater_points(gold_votes, gold),
        experts=expert_points(gold),
        n_gold=len(gold.questions),
    )


def _curve(posterior: Posterior | None, gold: Gold) -> PrecisionRecall | None:
    """The curve over thresholds; None where raters were asked about no gold question that holds."""
    if posterior is None:
        return None
    asked = gold.questions.rows_in(posterior.questions, source="gold") >= 0
    return precision_recall(posterior, gold) if gold.truth()[asked].any() else None


def _about_original(questions: Questions, benchmark: Benchmark) -> Bool[np.ndarray, "Q"]:
    """Whether each question is about the original label of its image.

    Raises:
        DataError: the benchmark has no original labels, or the questions are not about images
            and classes.
        AlignmentError: an image of the questions is no image of the benchmark.
    """
    original = known_original(benchmark)
    pairs = questions.require_pairs().aligned_to(
        benchmark.image_ids, source="questions", target_name=benchmark.name
    )
    asks: Bool[np.ndarray, "Q"] = original[pairs.image] == pairs.label
    return asks


def _about_labels(questions: Questions, labels: LabelSets) -> Bool[np.ndarray, "Q"]:
    """Whether the class that each question asks about is among the labels of its image.

    Raises:
        DataError: the questions are not about images and classes.
        AlignmentError: an image of the questions is not in the label sets.
    """
    pairs = questions.require_pairs().aligned_to(
        labels.image_ids, source="questions", target_name=labels.name
    )
    return labels.contains(pairs.image, pairs.label)
