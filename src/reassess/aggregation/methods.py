"""From votes to posteriors without gold, or with gold inside the fit.

`majority`      shares of votes; knows nothing of raters
`dawid_skene`   raters' confusion and the true states learned together, by expectation maximisation

`calibration` counts on gold, `bcc` averages models. Does not decide labels (`reassess.labels` does)
and does not read files.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from reassess.aggregation.coding import Coded, Start
from reassess.aggregation.em import expectation, fit, log_posterior, start_of_shares, vote_shards
from reassess.aggregation.fit_file import FitFile
from reassess.aggregation.priors import (
    POOLED_STRENGTH,
    ConfusionPrior,
    PooledPrior,
    UniformPrior,
    checked_pseudocount,
)
from reassess.engines import Engine, ThreadEngine
from reassess.errors import DataError, OptionError
from reassess.progress import Progress, null_progress
from reassess.records import ANSWERS, Gold, Posterior, Questions, Votes
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
    earlier: Posterior | None = None,
    engine: Engine | None = None,
    kept: FitFile | None = None,
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
        tolerance: stop when an iteration changes the objective by this share or less; below 0,
            after max_iterations alone.
        earlier: a fit to a part of these votes, by which the truths are judged at the start, in
            place of the shares of votes: after few further votes few iterations are left.
        engine: where the passes run; the threads of this process by default.
        kept: where the state of the fit is kept, so that one that was killed goes on; None for
            nowhere.
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
    if not np.isfinite(tolerance):
        raise OptionError(f"tolerance is {tolerance}, but must be a finite number.")
    states = state_names(votes, n_states)
    coded = Coded.from_votes(votes)
    of_answer = shares_of_answers(len(votes.answers), len(states))
    initial, known = None, None
    if gold is not None and earlier is not None:
        raise OptionError("gold enters the fit, which an earlier one cannot start. Leave one out.")
    if gold is not None:
        if states != STATES:
            raise OptionError(f"gold says absent or present, but the states are {states}.")
        row = rows_of_gold(votes.questions, gold)
        asked = row >= 0
        initial = coded.shares(of_answer)
        initial[row[asked]] = np.eye(2)[gold.truth(min_expert_yes)[asked].astype(int)]
        if gold_mode == "clamp":
            known = np.zeros(len(votes.questions), dtype=bool)
            known[row[asked]] = True
    with ThreadEngine() as local:
        passes = engine or local
        if earlier is not None:
            start: Start | Float[np.ndarray, "Q T"] = _start_of(earlier, votes, states, passes)
        else:
            start = start_of_shares(coded, of_answer, local) if initial is None else initial
        fitted = fit(
            coded,
            start,
            passes,
            added=_prior_of_fit(confusion_prior, cell, states, votes.answers),
            added_questions=cell,
            max_iterations=max_iterations,
            tolerance=tolerance,
            known=known,
            kept=kept,
            progress=progress,
        )
        log_probability = log_posterior(coded, fitted.confusion, fitted.prior, local)
    if known is not None and initial is not None:
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


def _start_of(earlier: Posterior, votes: Votes, states: tuple[str, ...], engine: Engine) -> Start:
    """What the votes say under the confusion and the prior of an earlier fit.

    A rater whom it does not know has the mean of the others' confusion.

    Raises:
        OptionError: it has other states or answers, or no confusion.
        DataError: it is of other votes.
    """
    confusion, prior = earlier.confusion, earlier.prior
    if confusion is None or prior is None or earlier.method != "dawid-skene":
        raise OptionError(
            f"the earlier posterior is by {earlier.method}, but must be by dawid-skene to be "
            "updated. Aggregate anew."
        )
    if earlier.states != states or earlier.answers != votes.answers:
        raise OptionError(
            f"the earlier posterior has the states {', '.join(earlier.states)} and the answers "
            f"{', '.join(earlier.answers)}, but must have {', '.join(states)} and "
            f"{', '.join(votes.answers)}, as the votes. Aggregate anew."
        )
    _refuse_unrelated(earlier, votes)
    coded = Coded.from_votes(votes)
    place = {one: row for row, one in enumerate(earlier.rater_ids.tolist())}
    row = np.array([place.get(one, len(place)) for one in votes.rater_ids.tolist()])
    known = np.concatenate([confusion, confusion.mean(axis=0)[None]])[row]
    totals = coded.totals()
    found = expectation(coded, vote_shards(coded), known, prior, engine, totals)
    return Start(found.counts, found.mass, totals)


_LOOKED_UP, _MOST_QUESTIONS = 1000, 1_000_000
"""Questions of an earlier fit that are looked for among those of the votes, and among how many."""


def _refuse_unrelated(earlier: Posterior, votes: Votes) -> None:
    """Refuse a fit to other votes: a start from strangers' confusion may end in another optimum.

    Raises:
        DataError: it has no rater of these votes, or most of its questions are none of theirs.
    """
    asked, known = earlier.questions, votes.questions
    rows = np.unique(np.linspace(0, len(asked) - 1, _LOOKED_UP).astype(np.int64))
    missing, n_looked = 0, 0
    if len(known) <= _MOST_QUESTIONS and len(asked) <= _MOST_QUESTIONS:
        there = set(known.ids.tolist())
        missing, n_looked = sum(one not in there for one in asked.ids[rows].tolist()), len(rows)
    is_strange = not np.isin(earlier.rater_ids, votes.rater_ids).any()
    if is_strange or 2 * missing > n_looked:
        what = "raters" if is_strange else "questions"
        raise DataError(
            f"the earlier posterior is of {len(asked):,} questions, and its {what} are others than "
            f"those of the {len(votes):,} votes given, but must be of a part of these votes to be "
            "updated. Aggregate anew."
        )


def _prior_of_fit(
    confusion_prior: ConfusionPrior,
    pseudocount: float,
    states: tuple[str, ...],
    answers: tuple[str, ...],
) -> UniformPrior | PooledPrior:
    """What gives the pseudo-votes that are added to every rater's counts."""
    shape = (len(states), len(answers))
    if confusion_prior == "uniform":
        return UniformPrior(np.full(shape, float(pseudocount)))
    if states == STATES:
        return PooledPrior()
    return PooledPrior(np.full(shape[0], POOLED_STRENGTH), is_fitted=False)


def rows_of_gold(questions: Questions, gold: Gold) -> Int[np.ndarray, "G"]:
    """For each gold question its row among the questions, -1 where it was not asked.

    Raises:
        DataError: no gold question is among them.
    """
    rows = gold.questions.rows_in(questions, source="gold")
    if (rows < 0).all():
        raise DataError(
            f"gold: none of its {len(rows):,} questions (such as {gold.questions.first_id!r}) is "
            f"among the votes (such as {questions.first_id!r}), but at least one must be. Write "
            "images and classes the same way in both files, or give the raters' gold votes "
            "(--gold-votes)."
        )
    return rows
