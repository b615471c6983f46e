"""Dawid and Skene's model, fitted by expectation maximisation.

Any number of states and of answers, which need not be equal: for the question "is this class
in the image?" there are two states (absent, present) and three answers (no, maybe, yes).

Convergence is tested on the true log-likelihood plus the logarithm of the prior that the
pseudo-votes stand for; the true log-likelihood itself is reported beside it. Both are computed in
the pass that they belong to, over all votes, with the prior of a truth counted once a question.
With pseudo-votes that stay the objective never falls; with those of the pooled confusion, which is
counted again in every iteration, it is another function each time and may.

Source: A. P. Dawid and A. M. Skene (1979), Applied Statistics 28:20-28. Letters: Q questions,
R raters, A answers, T states, C codes, U = T - 1.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.aggregation import coding
from reassess.aggregation.coding import SMALLEST, Coded, Start, by_code, smoothed_confusion
from reassess.aggregation.fit_file import FitFile, FitState
from reassess.aggregation.priors import PooledPrior, UniformPrior
from reassess.engines import Engine, ThreadEngine, cut_rows
from reassess.progress import Progress, null_progress

QUESTIONS_A_SHARD = 50_000
"""Fixed, so that the same votes give the same floats on any number of workers."""

_FEW = 8
"""Of questions fewer than one in so many the votes are looked up one by one."""

_LOG_RANGE = 300.0
"""Largest |ln| of a question's product of ratios that the multiplying kernel is trusted with."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model.

    Attributes:
        confusion: P(rater r answers a | truth t).
        prior: P(truth).
        log_likelihood: before each iteration and after the last.
        objective: log-likelihood plus the log-density of the pseudo-votes' prior, likewise.
        converged: whether the last change of the objective was within the tolerance.
    """

    confusion: Float[np.ndarray, "R T A"]
    prior: Float[np.ndarray, "T"]
    log_likelihood: tuple[float, ...]
    objective: tuple[float, ...]
    converged: bool


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one pass over the votes yields: sums, so that shards can be added.

    Attributes:
        counts: expected answers of each rater for each truth.
        mass: expected number of questions of each truth.
        log_likelihood: ln P(votes) under the parameters that the pass used.
    """

    counts: Float[np.ndarray, "R T A"]
    mass: Float[np.ndarray, "T"]
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class VoteShard:
    """The votes on a run of questions. To another process no more than these travel.

    Attributes:
        coded: the votes, of other questions, too.
        start: the first question.
        stop: the question after the last.
    """

    coded: Coded
    start: int
    stop: int

    def __reduce__(self) -> tuple[type["VoteShard"], tuple[Coded, int, int]]:
        indptr = self.coded.indptr[self.start : self.stop + 1]
        code = self.coded.code[indptr[0] : indptr[-1]]
        part = Coded(indptr - indptr[0], code, self.coded.n_raters, self.coded.n_answers)
        return VoteShard, (part, 0, self.stop - self.start)

    def __str__(self) -> str:
        return f"questions {self.start:,} to {self.stop - 1:,}"


def vote_shards(coded: Coded) -> list[VoteShard]:
    """Shards of `QUESTIONS_A_SHARD` questions, the last one shorter."""
    rows = cut_rows(coded.n_questions, QUESTIONS_A_SHARD)
    return [VoteShard(coded, one.start, one.stop) for one in rows]


@dataclass(frozen=True, slots=True)
class Pass:
    """One fused pass over a shard of votes under given parameters, relative to state 0.

    Attributes:
        table: ratio of P(answer | truth) to that under state 0, of each code; or its logarithm.
        odds: ratio of P(truth) to that of state 0; or its logarithm.
        in_logs: whether both are logarithms.
    """

    table: Float[np.ndarray, "U C"]
    odds: Float[np.ndarray, "U"]
    in_logs: bool

    def __call__(
        self, shard: VoteShard
    ) -> tuple[Float[np.ndarray, "U C"], Float[np.ndarray, "U"], float]:
        """Expected counts of the codes, expected number of questions, sum of ln(1 + odds)."""
        kernel = (coding.logs if self.in_logs else coding.scaled)(len(self.odds))
        counts, mass = np.zeros_like(self.table), np.zeros(len(self.odds))
        coded = shard.coded
        log_sum = kernel(
            shard.start, shard.stop, coded.indptr, coded.code, self.table, self.odds, counts, mass
        )
        return counts, mass, log_sum


@dataclass(frozen=True, slots=True)
class _Tally:
    """Counts of a shard of votes, before anything is fitted.

    Attributes:
        of_answer: what each answer says of each state; rows sum to 1.
        by_state: whether codes are counted by the shares of the votes on their questions, too.
    """

    of_answer: Float[np.ndarray, "A T"]
    by_state: bool

    def __call__(
        self, shard: VoteShard
    ) -> tuple[Float[np.ndarray, "U c"], Float[np.ndarray, "C"], Float[np.ndarray, "U"]]:
        """Counts of the codes by state (of none where not asked for) and in all, mass of states.

        State 0 has what the others leave.
        """
        coded = shard.coded
        of_code = np.tile(self.of_answer[:, 1:].T, coded.n_raters)
        totals, mass = np.zeros(coded.n_codes), np.zeros(len(of_code))
        counts = np.zeros((len(of_code), coded.n_codes if self.by_state else 0))
        coding.tallies()(
            shard.start, shard.stop, coded.indptr, coded.code, of_code, counts, totals, mass
        )
        return counts, totals, mass


def start_of_shares(coded: Coded, of_answer: Float[np.ndarray, "A T"], engine: Engine) -> Start:
    """What `Coded.counts` says of these `Coded.shares`, which are not kept."""
    n_states = of_answer.shape[1]
    counts, totals = np.zeros((n_states, coded.n_codes)), np.zeros(coded.n_codes)
    mass = np.zeros(n_states)
    for by_state, in_all, of_states in engine.map(_Tally(of_answer, True), vote_shards(coded)):
        counts[1:] += by_state
        totals += in_all
        mass[1:] += of_states
    _fill_first_state(counts, mass, totals, coded.n_questions)
    by_rater = counts.reshape(n_states, coded.n_raters, coded.n_answers)
    return Start(np.ascontiguousarray(by_rater.transpose(1, 0, 2)), mass, totals)


def totals_and_mass(
    coded: Coded, of_answer: Float[np.ndarray, "A T"], engine: Engine
) -> tuple[Float[np.ndarray, "C"], Float[np.ndarray, "T"]]:
    """How often each code occurs, and the sum of the shares of votes for each state."""
    totals, mass = np.zeros(coded.n_codes), np.zeros(of_answer.shape[1])
    for _, in_all, of_states in engine.map(_Tally(of_answer, False), vote_shards(coded)):
        totals += in_all
        mass[1:] += of_states
    _fill_first_state(np.zeros((len(mass), 0)), mass, np.zeros(0), coded.n_questions)
    return totals, mass


def _fill_first_state(
    counts: Float[np.ndarray, "T c"],
    mass: Float[np.ndarray, "T"],
    totals: Float[np.ndarray, "c"],
    n_questions: int,
) -> None:
    """Give state 0 what the other states leave of the totals."""
    counts[0] = np.maximum(totals - counts[1:].sum(axis=0), 0.0)
    mass[0] = max(n_questions - float(mass[1:].sum()), 0.0)


def log_posterior(
    coded: Coded,
    confusion: Float[np.ndarray, "R T A"],
    prior: Float[np.ndarray, "T"],
    threads: ThreadEngine,
) -> Float[np.ndarray, "Q T"]:
    """`coding.log_joint` and `coding.log_normalised` in one pass, for votes of any number."""
    table = np.log(np.maximum(by_code(confusion), SMALLEST))
    log_prior = np.log(np.maximum(prior, SMALLEST))
    out = np.empty((coded.n_questions, len(table)))
    kernel = coding.log_posteriors()

    def write(shard: VoteShard) -> None:
        kernel(shard.start, shard.stop, coded.indptr, coded.code, table, log_prior, out)

    for _ in threads.map(write, vote_shards(coded)):
        pass
    return out


def expectation(
    coded: Coded,
    shards: Iterable[VoteShard],
    confusion: Float[np.ndarray, "R T A"],
    prior: Float[np.ndarray, "T"],
    engine: Engine,
    totals: Float[np.ndarray, "C"],
    most_votes: int | None = None,
) -> Expectation:
    """One fused pass over the votes under the given parameters.

    Args:
        coded: the votes.
        shards: the same in shards, as the engine has placed them.
        confusion: P(answer | truth) of each rater.
        prior: P(truth).
        engine: where the shards run.
        totals: how often each code occurs, which no pass changes.
        most_votes: votes on the question that has most, which none changes either; None to count.
    """
    log_table = np.log(np.maximum(by_code(confusion), SMALLEST))
    log_prior = np.log(np.maximum(prior, SMALLEST))
    log_ratio, log_odds = log_table[1:] - log_table[0], log_prior[1:] - log_prior[0]
    n_relative = len(log_ratio)
    if most_votes is None:
        most_votes = coded.most_votes
    reach = float(np.abs(log_odds).max()) + most_votes * float(np.abs(log_ratio).max())
    in_logs = reach > _LOG_RANGE
    table, odds = (log_ratio, log_odds) if in_logs else (np.exp(log_ratio), np.exp(log_odds))
    counts = np.zeros((n_relative + 1, coded.n_codes))
    mass = np.zeros(n_relative + 1)
    log_sum = float(totals @ log_table[0]) + coded.n_questions * float(log_prior[0])
    for shard_counts, shard_mass, shard_sum in engine.map(Pass(table, odds, in_logs), shards):
        counts[1:] += shard_counts
        mass[1:] += shard_mass
        log_sum += shard_sum
    _fill_first_state(counts, mass, totals, coded.n_questions)
    by_rater = counts.reshape(n_relative + 1, coded.n_raters, coded.n_answers)
    return Expectation(np.ascontiguousarray(by_rater.transpose(1, 0, 2)), mass, log_sum)


def fit(
    coded: Coded,
    initial: Float[np.ndarray, "Q T"] | Start,
    engine: Engine,
    *,
    added: UniformPrior | PooledPrior,
    added_questions: float,
    max_iterations: int,
    tolerance: float,
    known: Bool[np.ndarray, "Q"] | None = None,
    kept: FitFile | None = None,
    progress: Progress = null_progress,
) -> Fit:
    """Fit the model, starting from P(truth) of each question.

    Args:
        coded: the votes.
        initial: P(truth) to start from, for known questions the truth itself; or what it adds up
            to where no question is known.
        engine: where the passes run.
        added: gives the pseudo-votes that are added to every rater's counts.
        added_questions: added to the number of questions of each truth.
        max_iterations: where to stop at the latest.
        tolerance: stop when an iteration changes the objective by less than this share of
            its size.
        known: questions whose truth is given and stays.
        kept: where the state is kept, and taken up again; None for nowhere.
        progress: told after each iteration, with its number and the objective.
    """
    free, fixed = coded, None
    if isinstance(initial, Start):
        counts, mass, totals = initial.counts, initial.mass, initial.totals
    else:
        counts, mass, totals = coded.counts(initial), initial.sum(axis=0), coded.totals()
    if known is not None and known.any() and not isinstance(initial, Start):
        free = select(coded, ~known)
        fixed = Expectation(
            select(coded, known).counts(initial[known]), initial[known].sum(axis=0), 0.0
        )
        totals = free.totals()
    most_votes = free.most_votes
    state = FitState(counts, mass)
    if kept is not None:
        known_counts = () if fixed is None else (fixed.counts, fixed.mass)
        state = kept.read(
            free.indptr, free.code, *known_counts, counts, mass, repr(added), added_questions,
            max_iterations, tolerance,
        ) or state  # fmt: skip
        added.strength = added.strength if state.strength is None else state.strength
    converged = False
    with engine.place(vote_shards(free)) as shards:
        for iteration in range(len(state.objectives), max_iterations + 1):
            pseudo_votes = added.pseudo_votes(state.counts)
            confusion = smoothed_confusion(state.counts, pseudo_votes)
            n_questions = state.mass.sum()
            prior = (state.mass + added_questions) / (
                n_questions + added_questions * len(state.mass)
            )
            step = expectation(free, shards, confusion, prior, engine, totals, most_votes)
            log_confusion = np.log(np.maximum(confusion, SMALLEST))
            log_prior = np.log(np.maximum(prior, SMALLEST))
            log_likelihood = step.log_likelihood
            if fixed is not None:
                log_likelihood += float((fixed.counts * log_confusion).sum())
                log_likelihood += float(fixed.mass @ log_prior)
            penalty = float((pseudo_votes * log_confusion).sum())
            penalty += added_questions * float(log_prior.sum())
            state.log_likelihoods.append(log_likelihood)
            objectives = state.objectives
            objectives.append(log_likelihood + penalty)
            if iteration:
                progress(f"iteration {iteration}, objective {objectives[-1]:,.1f}", done=iteration)
                converged = abs(objectives[-1] - objectives[-2]) <= tolerance * abs(objectives[-1])
                if converged:
                    break
            state.counts = step.counts if fixed is None else step.counts + fixed.counts
            state.mass = step.mass if fixed is None else step.mass + fixed.mass
            if kept is not None and iteration < max_iterations:
                state.strength = added.strength
                kept.write(state)
    return Fit(confusion, prior, tuple(state.log_likelihoods), tuple(state.objectives), converged)


def select(coded: Coded, mask: Bool[np.ndarray, "Q"]) -> Coded:
    """The votes on some questions only, with the same codes."""
    rows = np.flatnonzero(mask)
    if _FEW * len(rows) < len(mask):
        n_votes = np.diff(coded.indptr)[rows]
        ends = np.concatenate([[0], np.cumsum(n_votes)])
        vote = np.arange(ends[-1]) + np.repeat(coded.indptr[:-1][rows] - ends[:-1], n_votes)
        return Coded(ends, coded.code[vote], coded.n_raters, coded.n_answers)
    per_question: Int[np.ndarray, "Q"] = np.diff(coded.indptr)
    indptr = np.concatenate([[0], np.cumsum(per_question[mask])]).astype(np.int64)
    code = coded.code[np.repeat(mask, per_question)]
    return Coded(indptr, code, coded.n_raters, coded.n_answers)
