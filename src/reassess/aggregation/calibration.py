"""Raters' confusion counted on gold, then one E-step: the published recipe.

The posterior also holds what would have been said of gold questions without their truth, so that
gold can judge what it made.

Letters: Q questions, R raters, A answers, T states, G gold questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.aggregation.coding import (
    SMALLEST,
    Coded,
    log_joint,
    log_normalised,
    smoothed_confusion,
)
from reassess.aggregation.em import select
from reassess.aggregation.methods import STATES, rows_of_gold
from reassess.aggregation.priors import (
    ConfusionPrior,
    checked_pseudocount,
    confusion_on_gold,
)
from reassess.errors import DataError
from reassess.records import ANSWERS, Benchmark, Gold, Posterior, Questions, Votes, positions
from reassess.registry import checks_choices

_QUESTIONS_AT_ONCE = 1 << 16

N_FOLDS = 10
"""Parts of the gold images whose posterior is computed without their truth."""


@dataclass(frozen=True, slots=True)
class VirtualRater:
    """A rater whose answers are known without asking, such as the original label.

    Attributes:
        name: its id in the posterior.
        answer: its answer to each question of the votes, -1 where it is silent.
        gold_answer: its answer to each gold question, for counting its confusion.
        min_expert_yes: how many experts must say yes for the truth that its confusion is counted
            against; None for more than half.
    """

    name: str
    answer: Int[np.ndarray, "Q"]
    gold_answer: Int[np.ndarray, "G"]
    min_expert_yes: int | None = None


def original_label_rater(
    benchmark: Benchmark,
    questions: Questions,
    gold: Gold,
    *,
    first_class: int = 0,
    last_class: int | None = None,
    min_expert_yes: int | None = None,
) -> VirtualRater:
    """The original label as a rater: yes to its own class, no to every other.

    It speaks on questions about the classes ``first_class`` to ``last_class`` (both
    included) and its confusion is counted on all gold questions. The paper lets it speak on
    animals, ImageNet's classes 0 to 397, because the original labels of animals came from
    experts.

    Raises:
        DataError: the questions are no (image, class) pairs or the labels are unknown.
        AlignmentError: an image is not in the benchmark.

    Source: the paper, section 3.3 ("a sixth rater"). That its truth needs two experts, not three,
    was found by fitting the published scores: no other count reproduces them.
    """
    answer = _original_answers(benchmark, questions, "votes")
    label = questions.require_pairs("votes").label
    last = int(label.max()) if last_class is None else last_class
    silent = (label < first_class) | (label > last)
    return VirtualRater(
        name="original label",
        answer=np.where(silent, -1, answer),
        gold_answer=_original_answers(benchmark, gold.questions, "gold"),
        min_expert_yes=min_expert_yes,
    )


def _original_answers(
    benchmark: Benchmark, questions: Questions, source: str
) -> Int[np.ndarray, "Q"]:
    pairs = questions.require_pairs(source)
    if benchmark.original is None:
        raise DataError(
            f"{source}: the original label can only answer questions about a benchmark with "
            "original labels. Give --original-labels."
        )
    pairs = pairs.aligned_to(benchmark.image_ids, source=source, target_name=benchmark.name)
    yes = benchmark.original[pairs.image] == pairs.label
    answer: Int[np.ndarray, "Q"] = np.where(yes, ANSWERS.index("yes"), ANSWERS.index("no"))
    return answer


@checks_choices
def calibrated(
    votes: Votes,
    gold: Gold,
    *,
    gold_votes: Votes | None = None,
    confusion_prior: ConfusionPrior = "pooled",
    pseudocount: float | None = None,
    min_expert_yes: int | None = None,
    virtual_raters: Sequence[VirtualRater] = (),
) -> Posterior:
    """Confusion counted on gold answers, then one E-step: how the published scores came about.

    A rater without gold answers gets the mean of the others' confusion, and one with few is
    drawn to it (`reassess.aggregation.priors.confusion_on_gold`). The prior is the share of gold
    questions that hold.

    Args:
        votes: the votes, with the answers no, maybe, yes.
        gold: the questions whose truth experts fixed.
        gold_votes: the raters' answers to gold questions, where they were given in a round of
            their own; else their answers to gold questions among ``votes`` are counted.
        confusion_prior: what raters with little gold are drawn to; ``uniform`` is the paper's.
        pseudocount: of the uniform prior: added to each count; 1 where None is given.
        min_expert_yes: how many experts must say yes for a gold question to hold; None for more
            than half.
        virtual_raters: raters whose answers are known without asking.

    Raises:
        DataError: the answers differ, no gold question was answered by a rater, or gold
            holds one truth only.
        OptionError: the pseudocount is negative, or given under the pooled prior.

    Source: the paper, section 3.3; that it is this recipe, and not iterated, follows from the
    published scores, which it reproduces to the last digit.
    """
    cell = checked_pseudocount(confusion_prior, pseudocount)
    counted = votes if gold_votes is None else gold_votes
    if votes.answers != ANSWERS or counted.answers != ANSWERS:
        raise DataError(
            f"votes: the answers are {votes.answers}, but must be {ANSWERS} to be calibrated."
        )
    truth = gold.truth(min_expert_yes)
    if truth.all() or not truth.any():
        raise DataError(
            f"gold: {int(truth.sum()):,} of {len(truth):,} questions hold, but some must hold and "
            "some must not. Add gold questions of the other kind."
        )
    recipe = _Recipe(
        votes, Coded.from_votes(votes), counted, gold, truth, confusion_prior, cell, virtual_raters
    )
    every = np.ones(len(truth), dtype=bool)
    counts = recipe.count(every)
    names = np.array([rater.name for rater in virtual_raters], dtype=str)
    return Posterior(
        questions=votes.questions,
        states=STATES,
        log_probability=recipe.weigh(counts, np.ones(len(votes.questions), dtype=bool)),
        method="calibrated",
        answers=votes.answers,
        rater_ids=np.concatenate([votes.rater_ids, names]),
        confusion=np.concatenate([counts.confusion, *(one[None] for one in counts.virtual)]),
        prior=counts.prior,
        confusion_prior=confusion_prior,
        votes_sha256=votes.sha256,
        used_gold=True,
        gold_ids=gold.questions.ids,
        gold_sha256=gold.votes.sha256,
        held_out=_held_out(recipe),
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted on gold.

    Attributes:
        confusion: of the raters of the votes.
        virtual: confusion of each virtual rater.
        prior: P(truth).
    """

    confusion: Float[np.ndarray, "R T A"]
    virtual: list[Float[np.ndarray, "T A"]]
    prior: Float[np.ndarray, "T"]


@dataclass(frozen=True, slots=True)
class _Recipe:
    """The votes and the gold of a calibration, to be done with all of the gold or with part."""

    votes: Votes
    coded: Coded
    counted: Votes
    gold: Gold
    truth: Bool[np.ndarray, "G"]
    confusion_prior: ConfusionPrior
    pseudocount: float
    virtual_raters: Sequence[VirtualRater]

    def count(self, used: Bool[np.ndarray, "G"]) -> _Counted:
        """Confusion and prior on these gold questions."""
        # A rater without gold votes has place -1: the last row, that of whoever gave none.
        place = positions(self.votes.rater_ids, self.counted.rater_ids, source="votes")
        counts = gold_counts(self.counted, self.gold, self.truth, used)
        confusion = confusion_on_gold(counts, self.confusion_prior, self.pseudocount)[place]
        virtual = [
            _virtual_confusion(one, self.gold.truth(one.min_expert_yes), used, self.pseudocount)
            for one in self.virtual_raters
        ]
        share = float(self.truth[used].mean())
        return _Counted(confusion, virtual, np.array([1 - share, share]))

    def weigh(
        self, counted: _Counted, asked: Bool[np.ndarray, "Q"]
    ) -> Float[np.ndarray, "asked T"]:
        """Log-posterior of these questions."""
        coded = self.coded if asked.all() else select(self.coded, asked)
        answers = [rater.answer[asked] for rater in self.virtual_raters]
        found = np.empty((coded.n_questions, len(STATES)))
        for start in range(0, coded.n_questions, _QUESTIONS_AT_ONCE):
            rows = slice(start, start + _QUESTIONS_AT_ONCE)
            part = replace(coded, indptr=coded.indptr[start : rows.stop + 1])
            joint = log_joint(part, counted.confusion, counted.prior)
            for answer, matrix in zip(answers, counted.virtual, strict=True):
                speaks = answer[rows] >= 0
                of_answer = np.log(np.maximum(matrix[:, answer[rows][speaks]], SMALLEST))
                joint[speaks] += of_answer.T
            found[rows] = log_normalised(joint)
        return found


def _held_out(recipe: _Recipe) -> Float[np.ndarray, "G T"]:
    """What would be said of each gold question, had the gold of its images not been counted.

    NaN where the question has no votes, and where the other images hold one truth only.
    """
    gold, truth = recipe.gold, recipe.truth
    pairs = gold.questions.pairs
    ids = gold.questions.ids if pairs is None else pairs.image_ids[pairs.image]
    _, image = np.unique(ids, return_inverse=True)
    row = gold.questions.rows_in(recipe.votes.questions, source="gold")
    counted = gold.questions.rows_in(recipe.counted.questions, source="gold") >= 0
    held_out = np.full((len(row), len(STATES)), np.nan)
    for fold in range(min(N_FOLDS, int(image.max()) + 1)):
        inside = image % N_FOLDS == fold
        used, wanted = ~inside, inside & (row >= 0)
        if not wanted.any() or len(np.unique(truth[used])) < 2 or not (counted & used).any():
            continue
        asked = np.zeros(len(recipe.votes.questions), dtype=bool)
        asked[row[wanted]] = True
        place = np.cumsum(asked) - 1
        held_out[wanted] = recipe.weigh(recipe.count(used), asked)[place[row[wanted]]]
    return held_out


def gold_counts(
    counted: Votes,
    gold: Gold,
    truth: Bool[np.ndarray, "G"],
    used: Bool[np.ndarray, "G"] | None = None,
) -> Float[np.ndarray, "R T A"]:
    """Gold answers of each rater of ``counted``; a last row, of zeros, is whoever gave none.

    Args:
        counted: the raters' answers to gold questions, among others.
        gold: the gold questions.
        truth: whether each holds.
        used: which of them to count; None for all.

    Raises:
        DataError: no gold question is among the votes.
    """
    row = rows_of_gold(counted.questions, gold)
    known = row >= 0 if used is None else (row >= 0) & used
    given = counted.votes_on(row[known])
    cell = (given.rater * 2 + truth[known][given.question]) * len(ANSWERS) + given.answer
    shape = (len(counted.rater_ids) + 1, 2, len(ANSWERS))
    counts: Float[np.ndarray, "R T A"] = np.bincount(cell, minlength=int(np.prod(shape))).reshape(
        shape
    )
    return counts.astype(float)


def _virtual_confusion(
    rater: VirtualRater,
    truth: Bool[np.ndarray, "G"],
    used: Bool[np.ndarray, "G"],
    pseudocount: float,
) -> Float[np.ndarray, "T A"]:
    spoken = (rater.gold_answer >= 0) & used
    cell = truth[spoken].astype(int) * len(ANSWERS) + rater.gold_answer[spoken]
    counts = np.bincount(cell, minlength=2 * len(ANSWERS)).reshape(1, 2, len(ANSWERS))
    matrix: Float[np.ndarray, "T A"] = smoothed_confusion(counts.astype(float), pseudocount)[0]
    return matrix
