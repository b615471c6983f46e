"""The same aggregation again, under other weights of images, raters and votes.

What a bootstrap needs: the log-odds of every question, had some raters, votes or images counted
for more and others for less. A weight multiplies a vote's logarithm of evidence and its place
in the counts of confusion. One call costs a few passes over the votes for all of its sets of
weights, and no vote is copied.

Two states only, absent and present. Does not draw weights and does not know what the log-odds
are for: `reassess.analysis.uncertainty` does. Letters: Q questions, V votes, R raters, C codes,
G gold questions, b sets of weights.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt

from reassess.aggregation import coding
from reassess.aggregation.calibration import gold_counts
from reassess.aggregation.coding import SMALLEST, Coded
from reassess.aggregation.methods import STATES
from reassess.aggregation.priors import (
    ENOUGH_GOLD,
    PSEUDOCOUNT,
    ConfusionPrior,
    confusion_on_gold,
    fitted_strength,
    pooled_confusion,
)
from reassess.errors import DataError, OptionError
from reassess.records import Gold, Posterior, Votes, positions
from reassess.records.pairs import refuse_other_numbers
from reassess.registry import checks_choices
from reassess.statistics import sigmoid

STEPS = 5
"""Steps of expectation maximisation from the fitted model under each set of weights."""

_QUESTIONS_AT_ONCE = 1 << 16

FAY = 0.5
"""How far the weights of the two halves of the votes lie from 1."""


@dataclass(frozen=True, slots=True)
class _GoldAnswers:
    """The raters' answers to gold questions: what calibrated confusion is counted on.

    Attributes:
        cell: ``(rater * 2 + truth) * A + answer`` of each answer.
        gold: the gold question of each answer.
        place: the row of each rater of the votes among those of the answers; that of whoever
            gave none is the last.
        n_rows: rows of raters, the last one included.
        has_enough: the rows that stand alone under the pooled prior.
    """

    cell: Int[np.ndarray, "n"]
    gold: Int[np.ndarray, "n"]
    place: Int[np.ndarray, "R"]
    n_rows: int
    has_enough: Bool[np.ndarray, "rows T"]


@dataclass(frozen=True, slots=True)
class Weights:
    """Sets of weights: how much questions, gold, raters and votes count in each; None counts once.

    Attributes:
        n: b, how many sets.
        question: of each question when confusion is fitted.
        gold: of each gold question, where confusion is counted on them.
        rater: of the votes of each rater.
        half_sample: one bit a vote, in the order of the coded votes; set ones count `FAY` more,
            the others `FAY` less.
    """

    n: int = 1
    question: Float[np.ndarray, "b Q"] | None = None
    gold: Float[np.ndarray, "b G"] | None = None
    rater: Float[np.ndarray, "b R"] | None = None
    half_sample: UInt[np.ndarray, "b bytes"] | None = None


@checks_choices
@dataclass(frozen=True, slots=True)
class RefitInputs:
    """A posterior and all that it was made of.

    Attributes:
        votes: the votes.
        posterior: what was made of them, with the states absent and present.
        coded: the votes, in rows of questions.
        gold: what a calibrated posterior was counted on; None without gold.
        gold_votes: the raters' answers to gold questions.
        min_expert_yes: how many experts must say yes; None for more than half.
        confusion_prior: what raters with few votes are drawn to.
        pseudocount: added to counts.
    """

    votes: Votes
    posterior: Posterior
    coded: Coded
    gold: Gold | None
    gold_votes: Votes
    min_expert_yes: int | None
    confusion_prior: ConfusionPrior
    pseudocount: float

    def confusion(self) -> Float[np.ndarray, "R T A"]:
        """The fitted confusion, raters in the order of the votes.

        Raises:
            DataError: the posterior has none.
        """
        if self.posterior.confusion is None or self.posterior.prior is None:
            raise DataError(
                f"posterior: it was made by {self.posterior.method!r} but has no confusion or no "
                "prior. Aggregate the votes again: reassess aggregate."
            )
        place = positions(self.votes.rater_ids, self.posterior.rater_ids, source="votes")
        confusion: Float[np.ndarray, "R T A"] = self.posterior.confusion[place]
        return confusion


Again = Callable[[Weights], Float[np.ndarray, "b Q"]]
"""Gives the log-odds of presence of every question under sets of weights."""

Refit = Callable[[RefitInputs], Again]
"""Of a posterior, what gives its log-odds under weights."""


@dataclass(frozen=True, slots=True)
class WeightedRefit:
    """How a posterior came from its votes, ready to be done again under other weights.

    Attributes:
        coded: the votes, in rows of questions.
        again: the log-odds of every question under weights.
    """

    coded: Coded
    again: Again

    @classmethod
    def build(
        cls,
        votes: Votes,
        posterior: Posterior,
        *,
        gold: Gold | None = None,
        gold_votes: Votes | None = None,
        min_expert_yes: int | None = None,
        pseudocount: float | None = None,
    ) -> "WeightedRefit":
        """The way from these votes to this posterior.

        Args:
            votes: the votes that the posterior was made of.
            posterior: with the states absent and present.
            gold: what a calibrated posterior was counted on.
            gold_votes: the raters' answers to gold, where they were given apart.
            min_expert_yes: how many experts must say yes; None for more than half.
            pseudocount: of the uniform prior: added to counts, as when the posterior was made;
                1 where None is given.

        Raises:
            DataError: the posterior is not of these votes, or its states are others.
            OptionError: its method is not registered, or cannot be repeated under weights; or a
                pseudocount is given and its prior is the pooled one.
        """
        # The registry names these functions, so this module cannot import it when it is loaded.
        from reassess.aggregation.registry import METHODS

        refit = METHODS[posterior.method].refit
        if refit is None:
            raise OptionError(
                f"the aggregation method {posterior.method!r} cannot be repeated under other "
                "weights, so that the uncertainty of its labels is unknown. Take another method."
            )
        _check_same(votes, posterior)
        if pseudocount is not None and posterior.confusion_prior == "pooled":
            raise OptionError(
                f"pseudocount is {pseudocount:g}, but the posterior was made under the pooled "
                "prior, which has none. Leave it out."
            )
        coded = Coded.from_votes(votes)
        drawn_to: ConfusionPrior = "pooled" if posterior.confusion_prior == "pooled" else "uniform"
        inputs = RefitInputs(
            votes, posterior, coded, gold, gold_votes or votes, min_expert_yes, drawn_to,
            PSEUDOCOUNT if pseudocount is None else pseudocount,
        )  # fmt: skip
        return cls(coded, refit(inputs))

    def log_odds(
        self,
        *,
        question_weight: Float[np.ndarray, "Q"] | None = None,
        gold_weight: Float[np.ndarray, "G"] | None = None,
        rater_weight: Float[np.ndarray, "R"] | None = None,
        half_sample: UInt[np.ndarray, "bytes"] | None = None,
    ) -> Float[np.ndarray, "Q"]:
        """Log-odds of presence of each question under weights; all None gives the fit.

        Args:
            question_weight: how much each question counts when confusion is fitted.
            gold_weight: the same for gold questions, where confusion is counted on them.
            rater_weight: how much the votes of each rater count.
            half_sample: one bit a vote, in the order of ``coded``; set ones count `FAY` more,
                the others `FAY` less.
        """
        one = Weights(
            question=None if question_weight is None else question_weight[None],
            gold=None if gold_weight is None else gold_weight[None],
            rater=None if rater_weight is None else rater_weight[None],
            half_sample=None if half_sample is None else half_sample[None],
        )
        odds: Float[np.ndarray, "Q"] = self.again(one)[0]
        return odds


def refit_majority(inputs: RefitInputs) -> Again:
    """Log-odds of the mean answer under weights, half a vote added to either side."""
    coded = inputs.coded
    yes = np.tile(np.linspace(0.0, 1.0, coded.n_answers), coded.n_raters)[:, None]

    def again(weights: Weights) -> Float[np.ndarray, "b Q"]:
        by_code, bits = _by_code(coded, weights), _bits(coded, weights)
        for_yes, for_no = (_sums(coded, one * by_code, bits) for one in (yes, 1 - yes))
        odds: Float[np.ndarray, "b Q"] = np.log((for_yes + 0.5) / (for_no + 0.5)).T
        return odds

    return again


def refit_dawid_skene(inputs: RefitInputs) -> Again:
    """A few steps of expectation maximisation from the fitted model, under weights."""
    coded, fitted = inputs.coded, inputs.confusion()
    prior = inputs.posterior.prior
    assert prior is not None  # noqa: S101 -- checked by `confusion`
    start = _log_ratio(fitted)[:, None]
    offset = np.log(prior[1] / prior[0])
    strength = _pooled_strength(inputs)

    def again(weights: Weights) -> Float[np.ndarray, "b Q"]:
        by_code, blocks = _by_code(coded, weights), list(_blocks(coded, weights))
        total, of_all = np.zeros((coded.n_codes, weights.n)), _Mass(coded.n_questions, weights.n)
        for block in blocks:
            weight = block.weight(weights)
            block.add_counts(weight, total)
            of_all.add(block, weight)
        mass_of_all = of_all.sum()
        log_prior, table = np.full(weights.n, offset), start
        for _ in range(STEPS):
            present, of_present = np.zeros_like(total), _Mass(coded.n_questions, weights.n)
            counting = table * by_code
            for block in blocks:
                share = sigmoid(log_prior + block.sums(counting))
                if weights.question is not None:
                    share *= block.weight(weights)
                block.add_counts(share, present)
                of_present.add(block, share)
            table = _evidence_of_counts(coded, total, present, strength, inputs.pseudocount)
            mass = of_present.sum() + inputs.pseudocount
            log_prior = np.log(mass / (mass_of_all + 2 * inputs.pseudocount - mass))
        odds = np.empty((coded.n_questions, weights.n))
        counting = table * by_code
        for block in blocks:
            odds[block.start : block.stop] = log_prior + block.sums(counting)
        refitted: Float[np.ndarray, "b Q"] = odds.T
        return refitted

    return again


def _evidence_of_counts(
    coded: Coded,
    total: Float[np.ndarray, "C b"],
    present: Float[np.ndarray, "C b"],
    strength: Float[np.ndarray, "T"],
    pseudocount: float,
) -> Float[np.ndarray, "C b"]:
    """Evidence for presence of each code, of confusion counted under weights.

    Args:
        coded: the votes.
        total: how often each code is given.
        present: the same where the class is present.
        strength: votes that the pooled confusion weighs as much as; negative for none.
        pseudocount: added to each cell where there is none.
    """
    log = []
    for state, counts in enumerate((np.maximum(total - present, 0.0), present)):
        of_rater = counts.reshape(coded.n_raters, coded.n_answers, -1)
        added = np.full((coded.n_answers, 1), float(pseudocount))
        if strength[state] >= 0:
            pooled = 1.0 + of_rater.sum(axis=0)
            added = strength[state] * pooled / pooled.sum(axis=0)
        cells = of_rater + added
        size = cells.sum(axis=1, keepdims=True)
        empty = np.full_like(cells, 1 / coded.n_answers)
        rows = np.divide(cells, size, out=empty, where=size > 0)
        log.append(np.log(np.maximum(rows, SMALLEST)).reshape(coded.n_codes, -1))
    return np.asarray(log[1] - log[0])


def _pooled_strength(inputs: RefitInputs) -> Float[np.ndarray, "T"]:
    """How strong the pooled prior is in the fitted model; negative where the prior is uniform."""
    if inputs.confusion_prior == "uniform":
        return np.full(2, -1.0)
    row = inputs.votes.questions.rows_in(inputs.posterior.questions, source="votes")
    counts = inputs.coded.counts(inputs.posterior.probability[row])
    return fitted_strength(counts, pooled_confusion(counts))


def refit_from_gold(inputs: RefitInputs) -> Again:
    """Confusion counted on weighted gold, and the votes weighed by it.

    Without the gold that the posterior was made with, confusion is held as it was counted.
    """
    coded, confusion = inputs.coded, inputs.confusion()
    votes, posterior = inputs.votes, inputs.posterior
    row = votes.questions.rows_in(posterior.questions, source="votes")
    log = posterior.log_probability[row]
    held = _log_ratio(confusion)[:, None]
    # What is left when the votes' own evidence is taken away: the prior, and what raters
    # without votes (the original label) add.
    offset = (log[:, 1] - log[:, 0])[:, None] - _sums(coded, held, _NO_BITS)
    answers = _gold_answers(votes, inputs.gold, inputs.gold_votes, inputs.min_expert_yes)
    if answers is not None:
        counted = _count_again(answers, None, inputs)
        # Other gold, or another pseudocount, than the posterior was made with.
        answers = answers if np.allclose(counted, confusion, atol=1e-9) else None

    def again(weights: Weights) -> Float[np.ndarray, "b Q"]:
        table = held
        if answers is not None and weights.gold is not None:
            of_each = [_log_ratio(_count_again(answers, one, inputs)) for one in weights.gold]
            table = np.stack(of_each, axis=1)
        odds: Float[np.ndarray, "b Q"] = offset.T + _sums(
            coded, table * _by_code(coded, weights), _bits(coded, weights)
        ).T  # fmt: skip
        return odds

    return again


_NO_BITS = np.zeros((0, 0), np.uint8)
"""Every vote counts the same."""


def _by_code(coded: Coded, weights: Weights) -> Float[np.ndarray, "C b"]:
    """How much each (rater, answer) code counts: the weight of its rater."""
    if weights.rater is None:
        return np.ones((coded.n_codes, weights.n))
    return np.repeat(weights.rater.T, coded.n_answers, axis=0)


def _bits(coded: Coded, weights: Weights) -> UInt[np.ndarray, "votes sets"]:
    """Of each vote whether it is of the half that counts for more."""
    if weights.half_sample is None:
        return _NO_BITS
    bits = np.unpackbits(weights.half_sample, axis=1, count=len(coded.code), bitorder="little")
    return np.ascontiguousarray(bits.T)


def _less_and_more(bits: UInt[np.ndarray, "votes sets"]) -> tuple[float, float]:
    return (1 - FAY, 1 + FAY) if len(bits) else (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Block:
    """Some questions and their votes: what is aggregated at once, so that little is held.

    Attributes:
        start: the first question.
        stop: the question after the last.
        coded: their votes.
        bits: of each of these votes whether it is of the half that counts for more.
    """

    start: int
    stop: int
    coded: Coded
    bits: UInt[np.ndarray, "votes sets"]

    def weight(self, weights: Weights) -> Float[np.ndarray, "n b"]:
        """How much each question counts."""
        if weights.question is None:
            return np.ones((self.stop - self.start, weights.n))
        return np.ascontiguousarray(weights.question[:, self.start : self.stop].T)

    def sums(self, table: Float[np.ndarray, "C b"]) -> Float[np.ndarray, "n b"]:
        """As `_sums`, of these questions."""
        return _sums(self.coded, table, self.bits)

    def add_counts(
        self, weight: Float[np.ndarray, "n b"], counts: Float[np.ndarray, "C b"]
    ) -> None:
        """Add to counts how often each code is given, a vote counting as its question does."""
        coded, (less, more) = self.coded, _less_and_more(self.bits)
        coding.weighted_counts()(coded.indptr, coded.code, self.bits, less, more, weight, counts)


def _blocks(coded: Coded, weights: Weights) -> Iterator[_Block]:
    """The questions, in their order."""
    bits = _bits(coded, weights)
    for start in range(0, coded.n_questions, _QUESTIONS_AT_ONCE):
        stop = min(start + _QUESTIONS_AT_ONCE, coded.n_questions)
        ends = coded.indptr[start : stop + 1]
        first, last = int(ends[0]), int(ends[-1])
        some = Coded(ends - first, coded.code[first:last], coded.n_raters, coded.n_answers)
        yield _Block(start, stop, some, bits[first:last] if len(bits) else bits)


class _Mass:
    """A sum over questions that does not depend on where blocks are cut, to the last bit.

    NumPy adds rows of several numbers in their order, which can go on; a column of one number it
    adds by halves, for which all of it is kept.
    """

    def __init__(self, n_questions: int, n_sets: int) -> None:
        self._sum = np.zeros((1, n_sets))
        self._column = np.empty((n_questions, 1)) if n_sets == 1 else None

    def add(self, block: _Block, values: Float[np.ndarray, "n b"]) -> None:
        """Add the values of a block's questions; blocks come in their order."""
        if self._column is not None:
            self._column[block.start : block.stop] = values
        else:
            self._sum = np.concatenate([self._sum, values]).sum(axis=0, keepdims=True)

    def sum(self) -> Float[np.ndarray, "b"]:
        """What was added."""
        total: Float[np.ndarray, "b"] = (
            self._sum[0] if self._column is None else self._column.sum(axis=0)
        )
        return total


def _sums(
    coded: Coded, table: Float[np.ndarray, "C b"], bits: UInt[np.ndarray, "votes sets"]
) -> Float[np.ndarray, "Q b"]:
    """A table over codes, added up over the votes of each question."""
    out = np.empty((coded.n_questions, table.shape[1]))
    less, more = _less_and_more(bits)
    coding.weighted_sums()(coded.indptr, coded.code, bits, less, more, table, out)
    return out


def _log_ratio(confusion: Float[np.ndarray, "R T A"]) -> Float[np.ndarray, "C"]:
    """Evidence for presence of each code: ln P(answer | present) / P(answer | absent)."""
    log = np.log(np.maximum(confusion, SMALLEST))
    return np.ascontiguousarray(log[:, 1] - log[:, 0]).reshape(-1)


def _gold_answers(
    votes: Votes, gold: Gold | None, counted: Votes, min_expert_yes: int | None
) -> _GoldAnswers | None:
    """Gold answers of the raters of ``votes``; None without gold."""
    if gold is None:
        return None
    row = gold.questions.rows_in(counted.questions, source="gold")
    if (row < 0).all():
        return None
    counts = gold_counts(counted, gold, gold.truth(min_expert_yes))
    asked = np.flatnonzero(row >= 0)
    asked = asked[np.argsort(row[asked])]
    given = counted.votes_on(row[asked])
    of_gold = asked[given.question]
    truth = gold.truth(min_expert_yes)[of_gold]
    cell = (given.rater * 2 + truth) * len(votes.answers) + given.answer
    place = positions(votes.rater_ids, counted.rater_ids, source="votes") % len(counts)
    return _GoldAnswers(cell, of_gold, place, len(counts), counts.sum(axis=2) >= ENOUGH_GOLD)


def _count_again(
    answers: _GoldAnswers, gold_weight: Float[np.ndarray, "G"] | None, inputs: RefitInputs
) -> Float[np.ndarray, "R T A"]:
    """Confusion counted on gold again; which rows stand alone is as it was."""
    weight = None if gold_weight is None else gold_weight[answers.gold]
    shape = (answers.n_rows, 2, inputs.coded.n_answers)
    counts = np.bincount(answers.cell, weights=weight, minlength=int(np.prod(shape)))
    matrices = confusion_on_gold(
        counts.reshape(shape).astype(float),
        inputs.confusion_prior,
        inputs.pseudocount,
        answers.has_enough,
    )
    counted: Float[np.ndarray, "R T A"] = matrices[answers.place]
    return counted


def _check_same(votes: Votes, posterior: Posterior) -> None:
    if posterior.states != STATES:
        raise DataError(
            f"posterior: the states are {posterior.states}, but must be {STATES}. Aggregate votes "
            "on (image, class) questions with two states."
        )
    pairs = votes.questions.pairs, posterior.questions.pairs
    if pairs[0] is not None and pairs[1] is not None:
        refuse_other_numbers(pairs[0], pairs[1], source="votes")
    hashes = (votes.sha256, posterior.votes_sha256)
    row = votes.questions.rows_in(posterior.questions, source="votes")
    rater = positions(votes.rater_ids, posterior.rater_ids, source="votes")
    differ = None not in hashes and hashes[0] != hashes[1]
    if differ or (row < 0).any() or (rater < 0).any() or len(row) != len(posterior.questions):
        raise DataError(
            f"posterior: it is of {len(posterior.questions):,} questions and other votes than the "
            f"{len(votes):,} given, but must be made of these. Aggregate them: reassess aggregate, "
            "or reassess run where they are a study's."
        )
