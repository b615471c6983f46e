"""From votes to posteriors: three methods, as pure functions (a fourth is in `bcc`).

`majority`      shares of votes; knows nothing of raters
`dawid_skene`   raters' confusion and the true states learned together, by expectation maximisation
`calibrated`    raters' confusion counted on gold, then one E-step: the published recipe

Does not decide labels (`reassess.labels` does) and does not read files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.aggregation.coding import (
    SMALLEST,
    Coded,
    log_joint,
    log_normalised,
    smoothed_confusion,
)
from reassess.aggregation.em import fit
from reassess.aggregation.priors import (
    POOLED_STRENGTH,
    ConfusionPrior,
    PooledPrior,
    checked_pseudocount,
    confusion_on_gold,
)
from reassess.engines import Engine, ThreadEngine
from reassess.errors import DataError, OptionError
from reassess.progress import Progress, null_progress
from reassess.records import ANSWERS, Benchmark, Gold, Posterior, Questions, Votes, positions
from reassess.registry import checks_choices

STATES = ("absent", "present")
"""The true states of "is this class in the image?"."""


def majority(votes: Votes) -> Posterior:
    """Shares of votes: for no, maybe, yes the mean answer with maybe as one half.

    For other answers the states are the answers, each with its share of the votes.
    """
    states = state_names(votes, None)
    with np.errstate(divide="ignore"):
        log_probability = np.log(vote_shares(votes, len(states)))
    return Posterior(
        questions=votes.questions,
        states=states,
        log_probability=log_probability,
        method="majority",
        answers=votes.answers,
        rater_ids=votes.rater_ids,
        votes_sha256=votes.sha256,
    )


def vote_shares(votes: Votes, n_states: int) -> Float[np.ndarray, "Q T"]:
    """Votes as P(truth), where the model of Dawid and Skene starts from.

    With as many states as answers each vote counts for the truth of its name. Otherwise the
    answers are taken to lie evenly spaced from the first truth to the last, and a vote is
    split between the two states that it lies between: maybe is half absent, half present.
    """
    counts = votes.counts()
    of_answer = shares_of_answers(counts.shape[1], n_states)
    shares: Float[np.ndarray, "Q T"] = counts @ of_answer / counts.sum(axis=1, keepdims=True)
    return shares


def shares_of_answers(n_answers: int, n_states: int) -> Float[np.ndarray, "A T"]:
    """What each answer says of each state, as in `vote_shares`; rows sum to 1."""
    if n_states == n_answers:
        return np.eye(n_answers)
    place = np.linspace(0, n_states - 1, n_answers)
    shares: Float[np.ndarray, "A T"] = np.maximum(
        0.0, 1 - np.abs(place[:, None] - np.arange(n_states))
    )
    return shares


def state_names(votes: Votes, n_states: int | None = None) -> tuple[str, ...]:
    """Names of the true states: absent and present, the answers, or numbers.

    Raises:
        OptionError: fewer than two states are asked for.
    """
    asked = n_states or (2 if votes.answers == ANSWERS else len(votes.answers))
    if asked < 2:
        raise OptionError(f"the number of states is {asked}, but must be 2 or more.")
    if asked == 2 and votes.answers == ANSWERS:
        return STATES
    if asked == len(votes.answers):
        return votes.answers
    return tuple(f"truth {t}" for t in range(asked))


@checks_choices
def dawid_skene(
    votes: Votes,
    *,
    n_states: int | None = None,
    confusion_prior: ConfusionPrior = "pooled",
    pseudocount: float | None = None,
    gold: Gold | None = None,
    gold_mode: Literal["clamp", "initialise"] = "clamp",
    min_expert_yes: int | None = None,
    max_iterations: int = 500,
    tolerance: float = 1e-9,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Posterior:
    """Dawid and Skene's model fitted to the votes alone, or anchored by gold.

    Args:
        votes: the votes.
        n_states: T; two (absent, present) for the answers no, maybe, yes, else as many as
            there are answers.
        confusion_prior: what raters with few votes are drawn to: the confusion of all raters
            (``pooled``), or every answer alike (``uniform``), as in the paper.
        pseudocount: of the uniform prior: added to each count, as a Dirichlet prior does (MAP);
            1 where None is given, 0 is maximum likelihood.
        gold: questions with a known truth; needs the states absent and present.
        gold_mode: ``clamp`` holds known truths fixed; ``initialise`` starts from them only.
        min_expert_yes: how many experts must say yes for a gold question to hold; None for more
            than half.
        max_iterations: where to stop at the latest.
        tolerance: stop when an iteration changes the objective by less than this share.
        engine: where the passes run; the threads of this process by default.
        progress: told after each iteration, with its number and the objective.

    Raises:
        OptionError: an option is out of range, or gold comes with other states.
        DataError: no gold question is among the votes.

    Source: Dawid and Skene (1979); the paper's section 3.3; for the pooled prior the hierarchical
        model of S. Paun et al. (2018), "Comparing Bayesian Models of Annotation", TACL 6:571-585.
    """
    cell = checked_pseudocount(confusion_prior, pseudocount)
    if max_iterations < 1:
        raise OptionError(f"max_iterations is {max_iterations}, but must be 1 or more.")
    states = state_names(votes, n_states)
    initial = vote_shares(votes, len(states))
    known = None
    if gold is not None:
        if states != STATES:
            raise OptionError(f"gold says absent or present, but the states are {states}.")
        row = _rows_of_gold(votes.questions, gold)
        asked = row >= 0
        initial[row[asked]] = np.eye(2)[gold.truth(min_expert_yes)[asked].astype(int)]
        if gold_mode == "clamp":
            known = np.zeros(len(votes.questions), dtype=bool)
            known[row[asked]] = True
    coded = Coded.from_votes(votes)
    with ThreadEngine() as local:
        fitted = fit(
            coded,
            initial,
            engine or local,
            added=_pseudo_votes(confusion_prior, cell, states, votes.answers),
            added_questions=cell,
            max_iterations=max_iterations,
            tolerance=tolerance,
            known=known,
            progress=progress,
        )
    log_probability = log_normalised(log_joint(coded, fitted.confusion, fitted.prior))
    if known is not None:
        with np.errstate(divide="ignore"):
            log_probability[known] = np.log(initial[known])
    return Posterior(
        questions=votes.questions,
        states=states,
        log_probability=log_probability,
        method="dawid-skene",
        answers=votes.answers,
        rater_ids=votes.rater_ids,
        confusion=fitted.confusion,
        prior=fitted.prior,
        log_likelihood=fitted.log_likelihood,
        objective=fitted.objective,
        converged=fitted.converged,
        confusion_prior=confusion_prior,
        votes_sha256=votes.sha256,
        used_gold=gold is not None,
        gold_ids=None if gold is None else gold.questions.ids,
        gold_sha256=None if gold is None else gold.votes.sha256,
    )


def _pseudo_votes(
    confusion_prior: ConfusionPrior,
    pseudocount: float,
    states: tuple[str, ...],
    answers: tuple[str, ...],
) -> Callable[[Float[np.ndarray, "R T A"]], Float[np.ndarray, "T A"]]:
    """Of the raters' counts, the pseudo-votes that are added to every rater's."""
    shape = (len(states), len(answers))
    if confusion_prior == "uniform":
        return lambda _: np.full(shape, pseudocount)
    if states == STATES:
        return PooledPrior().pseudo_votes
    return PooledPrior(np.full(shape[0], POOLED_STRENGTH), is_fitted=False).pseudo_votes


def _rows_of_gold(questions: Questions, gold: Gold) -> Int[np.ndarray, "G"]:
    """For each gold question its row among the questions, -1 where it was not asked."""
    ids = gold.questions.ids
    rows = positions(ids, questions.ids, source="gold")
    if (rows < 0).all():
        raise DataError(
            f"gold: none of its {len(ids):,} questions (such as {str(ids[0])!r}) is among the "
            f"votes (such as {str(questions.ids[0])!r}), but at least one must be. Write images "
            "and classes the same way in both files, or give the raters' gold votes (--gold-votes)."
        )
    return rows


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
    # A rater without gold votes has place -1: the last row, that of whoever gave none.
    place = positions(votes.rater_ids, counted.rater_ids, source="votes")
    counts = gold_counts(counted, gold, truth)
    confusion = confusion_on_gold(counts, confusion_prior, cell)[place]
    prior = np.array([1 - truth.mean(), truth.mean()])
    joint = log_joint(Coded.from_votes(votes), confusion, prior)
    matrices = [confusion]
    for rater in virtual_raters:
        matrix = _virtual_confusion(rater, gold.truth(rater.min_expert_yes), cell)
        speaks = rater.answer >= 0
        joint[speaks] += np.log(np.maximum(matrix[:, rater.answer[speaks]], SMALLEST)).T
        matrices.append(matrix[None])
    names = np.array([rater.name for rater in virtual_raters], dtype=str)
    return Posterior(
        questions=votes.questions,
        states=STATES,
        log_probability=log_normalised(joint),
        method="calibrated",
        answers=votes.answers,
        rater_ids=np.concatenate([votes.rater_ids, names]),
        confusion=np.concatenate(matrices),
        prior=prior,
        confusion_prior=confusion_prior,
        votes_sha256=votes.sha256,
        used_gold=True,
        gold_ids=gold.questions.ids,
        gold_sha256=gold.votes.sha256,
    )


def gold_counts(
    counted: Votes, gold: Gold, truth: Bool[np.ndarray, "G"]
) -> Float[np.ndarray, "R T A"]:
    """Gold answers of each rater of ``counted``; a last row, of zeros, is whoever gave none.

    Raises:
        DataError: no gold question is among the votes.
    """
    row = _rows_of_gold(counted.questions, gold)
    truth_of = np.full(len(counted.questions), -1)
    truth_of[row[row >= 0]] = truth[row >= 0]
    of_vote = truth_of[counted.question]
    cell = (counted.rater.astype(np.int64) * 2 + of_vote) * len(ANSWERS) + counted.answer
    shape = (len(counted.rater_ids) + 1, 2, len(ANSWERS))
    counts: Float[np.ndarray, "R T A"] = np.bincount(
        cell[of_vote >= 0], minlength=int(np.prod(shape))
    ).reshape(shape)
    return counts.astype(float)


def _virtual_confusion(
    rater: VirtualRater, truth: Bool[np.ndarray, "G"], pseudocount: float
) -> Float[np.ndarray, "T A"]:
    spoken = rater.gold_answer >= 0
    cell = truth[spoken].astype(int) * len(ANSWERS) + rater.gold_answer[spoken]
    counts = np.bincount(cell, minlength=2 * len(ANSWERS)).reshape(1, 2, len(ANSWERS))
    matrix: Float[np.ndarray, "T A"] = smoothed_confusion(counts.astype(float), pseudocount)[0]
    return matrix
