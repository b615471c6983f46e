"""The stopping rule that learns: P(all votes together would say present), from what is known.

`learn` fits gradient boosting to the votes that have come in. Its examples are questions at
every moment of their rating so far; what it learns to predict is the decision that all votes
would lead to. Where that is known, because the question is settled, it is the truth of the
example; elsewhere it is what the rule before predicts from the votes that are there now.
Forecasts of one and the same thing neither rise nor fall on average as votes come in, whatever
of the past decided who was asked: so that questions of which a rule stopped asking teach as
much as those rated to their end, and no more of these are needed than a small random seed.

No vote that has not come in yet has any part in it. Letters as in `features`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.aggregation.adaptive.features import QuestionFeatures, Tally, rates_of_alike
from reassess.aggregation.adaptive.rules import Lossless, logistic, uncertainty
from reassess.aggregation.adaptive.trees import Trees
from reassess.aggregation.adaptive.weights import AnswerWeights
from reassess.errors import DataError, MissingExtraError, OptionError
from reassess.records import Assessment

_N_EXAMPLES = 150_000
_N_STEPS = 255


@dataclass(frozen=True, slots=True)
class LearnedStopping:
    """Ask the least sure first; stop where nothing could change, or is likely to.

    Attributes:
        evidence: the weights of answers.
        features: columns of what is known of each question, and of those like it.
        settle_at: settled is also what is decided otherwise with at most this probability;
            0 leaves it to a budget when to stop.
        forecaster: the boosted trees.
    """

    evidence: AnswerWeights
    features: Float[np.ndarray, "Q F"]
    settle_at: float
    forecaster: "Forecaster"

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Settled is what is certain or sure enough; see `StoppingRule`."""
        evidence = self.evidence
        row = evidence.rows(rater)
        tally = _tally(evidence, question, position, row, answer, n_left)
        ends = evidence.range_left(question, tally.log_odds, position, row, n_left)
        settled = evidence.is_settled(*ends) | (n_left == 0)
        present = (tally.log_odds >= evidence.cut).astype(float)
        if not settled.all():
            unsettled = np.flatnonzero(~settled)
            present[unsettled] = self._forecast(tally, unsettled)
        settled |= np.minimum(present, 1 - present) <= self.settle_at
        return Assessment(settled, np.where(settled, 0.0, uncertainty(present)), present)

    def _forecast(self, tally: Tally, rows: Int[np.ndarray, "u"]) -> Float[np.ndarray, "u"]:
        columns = tally.take(rows).columns(self.evidence)
        table = np.concatenate([columns, self.features[tally.question[rows]]], axis=1)
        return self.forecaster.forecast(table)


def _tally(
    evidence: AnswerWeights,
    question: Int[np.ndarray, "q"],
    position: Int[np.ndarray, "v"],
    row: Int[np.ndarray, "v"],
    answer: Int[np.ndarray, "v"],
    n_left: Int[np.ndarray, "q"],
) -> Tally:
    n_answers = evidence.weight.shape[1]
    cells = np.bincount(position * n_answers + answer, minlength=len(question) * n_answers)
    log_odds = evidence.log_odds(question, position, row, answer)
    heard = evidence.log_evidence(len(question), position, row)
    lowest, highest = evidence.range_by_sums(question, log_odds, *heard, n_left)
    n_given = cells.reshape(len(question), n_answers)
    return Tally(question, log_odds, lowest, highest, n_given, n_left)


def learn(
    evidence: AnswerWeights,
    features: QuestionFeatures,
    question: Int[np.ndarray, "v"],
    rater: Shaped[np.ndarray, "v"],
    answer: Int[np.ndarray, "v"],
    *,
    votes_per_question: int,
    rng: np.random.Generator,
    previous: LearnedStopping | None = None,
    settle_at: float = 0.0,
) -> LearnedStopping:
    """The rule that the votes so far teach.

    Args:
        evidence: the weights of answers.
        features: what is known of each question before any vote.
        question: question of each vote that has come in, in the order in which they came.
        rater: id of its rater, a string.
        answer: its answer.
        votes_per_question: how many votes a question gets at most.
        rng: draws the examples where there are very many.
        previous: the rule before, which predicts questions that are not settled; without
            one they teach nothing, and those settled must be of images chosen at random.
        settle_at: of the new rule.

    Raises:
        OptionError: ``settle_at`` lies outside [0, 0.5).
        DataError: the settled questions are all decided alike.
        MissingExtraError: scikit-learn is not installed.
    """
    if not 0 <= settle_at < 0.5:
        raise OptionError(f"settle_at is {settle_at}, but must be in [0, 0.5).")
    order = np.argsort(question, kind="stable")
    asked, position = np.unique(question[order], return_inverse=True)
    row, answer = evidence.rows(rater[order]), answer[order]
    n_left = votes_per_question - np.bincount(position)
    votes = (asked, position, rater[order], answer, n_left)
    exact = Lossless(evidence).assess(*votes)
    target = exact.present if previous is None else previous.assess(*votes).present
    teaches = np.full(len(asked), previous is not None) | exact.settled
    if len(np.unique(target[teaches])) < 2:
        raise DataError(
            f"votes: the {int(teaches.sum()):,} questions that can be learned from are all decided "
            "alike, but some must hold and some must not. Rate more images chosen at random."
        )
    share = np.zeros(len(evidence.start))
    share[asked] = np.where(exact.settled, 1.0, 1 - n_left / votes_per_question) * teaches
    present = np.zeros(len(evidence.start))
    present[asked] = target
    columns = np.concatenate([features.columns, rates_of_alike(features, present, share)], axis=1)
    chosen = np.flatnonzero(teaches[position])
    if len(chosen) > _N_EXAMPLES:
        chosen = np.sort(rng.choice(chosen, _N_EXAMPLES, replace=False))
    moments = _moments(evidence, asked, position, row, answer, votes_per_question).take(chosen)
    table = np.concatenate([moments.columns(evidence), columns[moments.question]], axis=1)
    forecaster = Forecaster.fitted(table, target[position[chosen]])
    return LearnedStopping(evidence, columns, settle_at, forecaster)


def relearn(
    evidence: AnswerWeights,
    features: QuestionFeatures,
    question: Int[np.ndarray, "v"],
    rater: Shaped[np.ndarray, "v"],
    answer: Int[np.ndarray, "v"],
    *,
    is_seed: Bool[np.ndarray, "Q"],
    votes_per_question: int,
    rng: np.random.Generator,
) -> LearnedStopping:
    """The rule that a study's votes teach whoever has no rule before: of a seed, then of all.

    It depends on nothing but its arguments, so that processes which read the same votes get
    the same rule. The arguments are those of `learn`, and which questions belong to the seed.

    Raises:
        DataError: the settled questions of the seed are all decided alike, or there are none.
        MissingExtraError: scikit-learn is not installed.
    """
    seed = is_seed[question]
    rule = None
    for chosen in (seed, np.ones_like(seed)):
        rule = learn(
            evidence, features, question[chosen], rater[chosen], answer[chosen],
            votes_per_question=votes_per_question, rng=rng, previous=rule,
        )  # fmt: skip
    assert rule is not None  # noqa: S101 -- two rounds
    return rule


def _moments(
    evidence: AnswerWeights,
    asked: Int[np.ndarray, "q"],
    position: Int[np.ndarray, "v"],
    row: Int[np.ndarray, "v"],
    answer: Int[np.ndarray, "v"],
    votes_per_question: int,
) -> Tally:
    """Each question as it stood before each of its votes; votes come sorted by question."""
    n_votes = np.bincount(position)
    first = (np.cumsum(n_votes) - n_votes)[position]
    n_left = votes_per_question - np.arange(len(position)) + first
    question = asked[position]
    log_odds = evidence.start[question] + _before(evidence.weight[row, answer], first)
    heard = [_before(one[row], first) for one in evidence.extremes]
    lowest, highest = evidence.range_by_sums(question, log_odds, heard[0], heard[1], n_left)
    given = np.eye(evidence.weight.shape[1])[answer]
    n_given = np.stack([_before(one, first) for one in given.T], axis=1).astype(np.int64)
    return Tally(question, log_odds, lowest, highest, n_given, n_left)


def _before(value: Float[np.ndarray, "v"], first: Int[np.ndarray, "v"]) -> Float[np.ndarray, "v"]:
    """For each vote the sum over the earlier votes on its question, whose first row is given."""
    total = np.append(0.0, np.cumsum(value))
    before: Float[np.ndarray, "v"] = total[:-1] - total[first]
    return before


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Gradient boosting on columns that are cut into few steps.

    Attributes:
        trees: what scikit-learn grew.
    """

    trees: Trees = field(repr=False)

    @classmethod
    def fitted(
        cls, table: Float[np.ndarray, "e f"], target: Float[np.ndarray, "e"]
    ) -> "Forecaster":
        """Learned from examples; one whose target is no certainty counts for both sides by it.

        scikit-learn would cut the columns as well, but with weighted examples it takes ten
        times as long over it as over all the rest.

        Raises:
            MissingExtraError: scikit-learn is not installed.
        """
        edges = tuple(
            np.unique(np.quantile(column, np.arange(1, _N_STEPS) / _N_STEPS, method="nearest"))
            for column in table.T
        )
        return cls(Trees.grown(grow(table, target, edges), edges))

    def forecast(self, table: Float[np.ndarray, "u f"]) -> Float[np.ndarray, "u"]:
        """P(all votes together would decide that the class is present)."""
        return logistic(self.trees.log_odds(table))


def grow(
    table: Float[np.ndarray, "e f"],
    target: Float[np.ndarray, "e"],
    edges: Sequence[Float[np.ndarray, "..."]],
) -> Any:
    """scikit-learn's gradient boosting, fitted to the steps into which edges cut the columns.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "study", "learning when to stop") from error
    from threadpoolctl import threadpool_limits

    up, down = np.flatnonzero(target > 0), np.flatnonzero(target < 1)
    weight = np.concatenate([target[up], 1 - target[down]])
    side = np.repeat([1, 0], [len(up), len(down)])
    model = HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=30,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    )
    rows = steps(table, edges)[np.concatenate([up, down])]
    with threadpool_limits(limits=1):  # a server may be busy beside it
        return model.fit(rows, side, sample_weight=weight)


def steps(
    table: Float[np.ndarray, "u f"], edges: Sequence[Float[np.ndarray, "..."]]
) -> Float[np.ndarray, "u f"]:
    """How many edges of its column are smaller than each value."""
    columns = [np.searchsorted(edge, one) for edge, one in zip(edges, table.T, strict=True)]
    return np.stack(columns, axis=1).astype(np.float32)
