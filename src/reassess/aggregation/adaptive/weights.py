"""What votes say of a question while they come in: its log-odds, and how far they can still go.

The model is the one that aggregated votes before, a `Posterior` with its confusion and prior:
after all votes the running log-odds are those of the posterior. Learns nothing, decides only
where the cut lies, and keeps no state of questions.

Letters: Q questions of the study, q those looked at, v their votes, R raters, A answers.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.aggregation.calibration import VirtualRater
from reassess.aggregation.coding import SMALLEST
from reassess.aggregation.context import ContextFit
from reassess.aggregation.methods import STATES
from reassess.errors import DataError, OptionError, preview
from reassess.records import Posterior

SLACK = 1e-9
"""How far beyond the cut a bound must lie: sums in another order differ by less."""


@dataclass(frozen=True)
class AnswerWeights:
    """The weight of every answer, and where each question starts.

    Attributes:
        rater_ids: the R raters whose confusion is known, strings.
        weight: ``weight[r, a]`` = ln P(r answers a | present) - ln P(r answers a | absent); the
            last row, from the mean confusion, is for everybody else.
        start: log-odds of each question before any vote: the prior and the virtual raters.
        cut: log-odds from which on the class counts as present.
        assigned: rows in ``weight`` of the raters of each question, where they are given and
            nobody else will vote; None where anybody may be next, as in a live queue.
    """

    rater_ids: Shaped[np.ndarray, "R"]
    weight: Float[np.ndarray, "R_and_1 A"]
    start: Float[np.ndarray, "Q"]
    cut: float
    assigned: Int[np.ndarray, "Q k"] | None = None

    @classmethod
    def from_posterior(
        cls,
        posterior: Posterior,
        n_questions: int,
        *,
        threshold: float,
        virtual_raters: Sequence[VirtualRater] = (),
    ) -> "AnswerWeights":
        """The evidence that votes on other, or the same, questions taught.

        Args:
            posterior: of `calibrated` or `dawid_skene`, with the states absent and present; the
                votes on gold suffice.
            n_questions: Q, of the study that is to be rated.
            threshold: of the decision, on the posterior, in (0, 1).
            virtual_raters: who answers the study's questions without being asked; the
                posterior must know each by name.

        Raises:
            DataError: the posterior has no confusion, other states, or does not know a virtual
                rater.
            OptionError: the threshold is out of range.
        """
        if posterior.confusion is None or posterior.prior is None or posterior.states != STATES:
            raise DataError(
                f"posterior: it was made by {posterior.method!r} with the truths "
                f"{posterior.states}, but must have a confusion matrix for each rater and the "
                f"truths {STATES}. Use the method calibrated or dawid-skene."
            )
        if not 0 < threshold < 1:
            raise OptionError(f"the threshold is {threshold}, but must be in (0, 1).")
        row = {name: i for i, name in enumerate(posterior.rater_ids.tolist())}
        absent = [one.name for one in virtual_raters if one.name not in row]
        if absent:
            raise DataError(
                f"posterior: virtual rater {preview(absent)} is unknown, but must be one of its "
                "raters. Aggregate with the same virtual raters."
            )
        start = np.full(n_questions, float(np.log(posterior.prior[1] / posterior.prior[0])))
        for one in virtual_raters:
            speaks = one.answer >= 0
            start[speaks] += _log_ratio(posterior.confusion[row[one.name]])[one.answer[speaks]]
        virtual = np.isin(posterior.rater_ids, [one.name for one in virtual_raters])
        people = posterior.confusion[~virtual]
        weight = _log_ratio(np.concatenate([people, people.mean(axis=0, keepdims=True)]))
        cut = float(np.log(threshold) - np.log1p(-threshold))
        return cls(posterior.rater_ids[~virtual], weight, start, cut)

    def with_context(self, fit: ContextFit, context: Float[np.ndarray, "Q"]) -> "AnswerWeights":
        """The same beside a context, whose share and that of the votes stay as they are.

        Args:
            fit: how much votes and context count.
            context: P(present) of each question without any vote.
        """
        return dataclasses.replace(
            self, weight=fit.votes * self.weight, start=fit.start(self.start, context)
        )

    def with_assigned(self, rater_id: Shaped[np.ndarray, "Q k"]) -> "AnswerWeights":
        """The same where the raters of each question are given, by their ids."""
        rows = self.rows(rater_id.ravel()).reshape(rater_id.shape)
        return dataclasses.replace(self, assigned=rows)

    def rows(self, rater_id: Shaped[np.ndarray, "v"]) -> Int[np.ndarray, "v"]:
        """The row in ``weight`` of each rater; the last one for those who are unknown."""
        order, names = self._by_name
        place = np.searchsorted(names, rater_id).clip(max=len(names) - 1)
        return np.where(names[place] == rater_id, order[place], len(names))

    @cached_property
    def _by_name(self) -> tuple[Int[np.ndarray, "R"], Shaped[np.ndarray, "R"]]:
        order = np.argsort(self.rater_ids)
        return order, self.rater_ids[order]

    def log_odds(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        row: Int[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
    ) -> Float[np.ndarray, "q"]:
        """The log-odds that the class is present, given the votes on each question.

        Args:
            question: the questions looked at.
            position: row in ``question`` of each vote.
            row: row in ``weight`` of each vote's rater.
            answer: code of each answer.
        """
        gained = _sums(position, self.weight[row, answer], len(question))
        log_odds: Float[np.ndarray, "q"] = self.start[question] + gained
        return log_odds

    def is_settled(
        self, lowest: Float[np.ndarray, "q"], highest: Float[np.ndarray, "q"]
    ) -> Bool[np.ndarray, "q"]:
        """Whether log-odds in this range are all on one side of the cut."""
        return (lowest >= self.cut + SLACK) | (highest < self.cut - SLACK)

    def range_left(
        self,
        question: Int[np.ndarray, "q"],
        log_odds: Float[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        row: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> tuple[Float[np.ndarray, "q"], Float[np.ndarray, "q"]]:
        """The log-odds that the remaining votes can lead to, at least and at most.

        Where the raters are given, they are those who have not voted yet. Elsewhere anybody
        who has not voted on the question may be next: distinct raters whose confusion is
        known, and any number of newcomers.
        """
        if self.assigned is not None:
            heard = self.log_evidence(len(question), position, row)
            return self.range_by_sums(question, log_odds, *heard, n_left)
        seen = _seen(position, row, len(n_left), newcomer=len(self.rater_ids))
        width = seen.shape[1] + int(n_left.max(initial=0))
        ends = []
        for sign, worst in zip((1.0, -1.0), self.extremes, strict=True):
            pool = np.append(worst, np.repeat(worst[-1], width))
            candidate = np.argsort(sign * pool, kind="stable")[:width]
            free = np.ones((len(n_left), width), dtype=bool)
            for column in seen.T:
                free &= column[:, None] != candidate
            chosen = free & (np.cumsum(free, axis=1) <= n_left[:, None])
            ends.append(log_odds + chosen @ pool[candidate])
        return ends[0], ends[1]

    def range_by_sums(
        self,
        question: Int[np.ndarray, "q"],
        log_odds: Float[np.ndarray, "q"],
        heard_least: Float[np.ndarray, "q"],
        heard_most: Float[np.ndarray, "q"],
        n_left: Int[np.ndarray, "q"],
    ) -> tuple[Float[np.ndarray, "q"], Float[np.ndarray, "q"]]:
        """The same from sums over the votes so far; a little wider where anybody may be next.

        Args:
            question: the questions looked at.
            log_odds: of each.
            heard_least: sum of the least weights (`extremes`) of the raters who voted.
            heard_most: sum of their largest weights.
            n_left: how many votes are left.
        """
        if self.assigned is None:
            rest = [
                np.append(0.0, sign * np.cumsum(np.sort(sign * one)))[np.minimum(n_left, len(one))]
                for sign, one in zip((1.0, -1.0), self.extremes, strict=True)
            ]
        else:
            theirs = self._of_assigned[:, question]
            rest = [theirs[0] - heard_least, theirs[1] - heard_most]
        return log_odds + rest[0], log_odds + rest[1]

    def log_evidence(
        self, n_questions: int, position: Int[np.ndarray, "v"], row: Int[np.ndarray, "v"]
    ) -> tuple[Float[np.ndarray, "q"], Float[np.ndarray, "q"]]:
        """Sums of the least and of the largest weights of those who voted on each question."""
        least, most = (_sums(position, one[row], n_questions) for one in self.extremes)
        return least, most

    @cached_property
    def extremes(self) -> Float[np.ndarray, "2 R_and_1"]:
        """The least and the largest weight of each rater."""
        return np.stack([self.weight.min(axis=1), self.weight.max(axis=1)])

    @cached_property
    def _of_assigned(self) -> Float[np.ndarray, "2 Q"]:
        total: Float[np.ndarray, "2 Q"] = self.extremes[:, self.assigned].sum(axis=2)
        return total


def _log_ratio(confusion: Float[np.ndarray, "*R T A"]) -> Float[np.ndarray, "*R A"]:
    log = np.log(np.maximum(confusion, SMALLEST))
    ratio: Float[np.ndarray, "*R A"] = log[..., 1, :] - log[..., 0, :]
    return ratio


def _sums(
    position: Int[np.ndarray, "v"], value: Float[np.ndarray, "v"], n_questions: int
) -> Float[np.ndarray, "q"]:
    """Sum of the values of each question's votes; of none it is 0.0, not the integer 0."""
    return np.bincount(position, value, n_questions).astype(float)


def _seen(
    position: Int[np.ndarray, "v"], row: Int[np.ndarray, "v"], n_questions: int, *, newcomer: int
) -> Int[np.ndarray, "q s"]:
    """The known raters of each question's votes, -1 where there are fewer."""
    known = row != newcomer
    position, row = position[known], row[known]
    order = np.argsort(position, kind="stable")
    count = np.bincount(position, minlength=n_questions)
    first = np.cumsum(count) - count
    seen = np.full((n_questions, int(count.max(initial=0))), -1)
    place = np.arange(len(order)) - np.repeat(first, count)
    seen[position[order], place] = row[order]
    return seen
