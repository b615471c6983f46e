"""What is known of a question: before any vote, from decided questions like it, from its votes.

Columns for `reassess.aggregation.adaptive.learned`, which learns from them. No vote that has
not come in yet is in any of them.

Letters: Q questions of the study, q those looked at, v their votes, F columns.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.aggregation.adaptive.weights import AnswerWeights
from reassess.errors import DataError
from reassess.records import Benchmark, Questions

_PSEUDO_COUNT = 2.0


@dataclass(frozen=True, slots=True)
class QuestionFeatures:
    """What is known of each question before any vote.

    Attributes:
        columns: anything at all, one column a fact.
        is_original: whether the question asks for the image's original label.
        groups: for each way of grouping questions alike the group of each question.

    Raises:
        DataError: the columns differ in length.
    """

    columns: Float[np.ndarray, "Q F"]
    is_original: Bool[np.ndarray, "Q"]
    groups: tuple[Int[np.ndarray, "Q"], ...]

    def __post_init__(self) -> None:
        lengths = {len(self.columns), len(self.is_original), *map(len, self.groups)}
        if len(lengths) > 1:
            raise DataError(
                f"what is known: its columns have the lengths {sorted(lengths)}, but must have "
                "one value for each question."
            )


def question_features(
    questions: Questions,
    benchmark: Benchmark,
    *,
    further: Float[np.ndarray, "Q f"] | None = None,
) -> QuestionFeatures:
    """What a benchmark tells of questions about its images.

    Whether the question asks for the original label, both classes, how many questions the
    image has, and how many ask for the class and for the pair (original, asked). Alike are
    questions about images of the same original class, questions for the same class, both with
    an eye to whether they ask for the original label, and questions for the same pair.

    Args:
        questions: about (image, class) pairs.
        benchmark: with original labels.
        further: more columns, such as the share of models that proposed the pair.

    Raises:
        DataError: the questions are about no pairs, or the original labels are unknown.
        AlignmentError: an image is not in the benchmark.
    """
    pairs = questions.require_pairs("questions")
    if benchmark.original is None:
        raise DataError(
            "questions: they must be about a benchmark with original labels, but it has none. Give "
            "the original labels (--original-labels)."
        )
    pairs = pairs.aligned_to(benchmark.image_ids, source="questions", target_name=benchmark.name)
    original = benchmark.original[pairs.image]
    is_original = original == pairs.label
    both = original.astype(np.int64) * (int(pairs.label.max()) + 1) + pairs.label
    both = np.unique(both, return_inverse=True)[1]
    sizes = [np.bincount(group)[group] for group in (pairs.image, pairs.label, both)]
    columns = np.stack([is_original, pairs.label, original, *sizes], axis=1).astype(float)
    if further is not None:
        columns = np.concatenate([columns, further], axis=1)
    groups = (2 * original + is_original, pairs.label, 2 * pairs.label + is_original, both)
    return QuestionFeatures(columns, is_original, groups)


def rates_of_alike(
    features: QuestionFeatures,
    present: Float[np.ndarray, "Q"],
    share_of_votes: Float[np.ndarray, "Q"],
) -> Float[np.ndarray, "Q f"]:
    """How often questions alike hold, the question itself left out, and how many were asked.

    Args:
        features: says which are alike.
        present: P(the class is present) as known so far.
        share_of_votes: how much of a question has been asked; its weight.
    """
    held = present * share_of_votes
    total = [share_of_votes[features.is_original == side].sum() for side in (False, True)]
    base = [held[features.is_original == side].sum() for side in (False, True)]
    prior = np.array(base) / np.maximum(total, 1.0)
    expected = prior[features.is_original.astype(int)]
    columns = []
    for group in features.groups:
        n_held = np.bincount(group, held)[group] - held
        n_asked = np.bincount(group, share_of_votes)[group] - share_of_votes
        expected = (n_held + _PSEUDO_COUNT * expected) / (n_asked + _PSEUDO_COUNT)
        columns += [expected, n_asked]
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class Tally:
    """Questions at some moment of their rating.

    Attributes:
        question: which.
        log_odds: the log-odds that the class is present, by the votes so far.
        lowest: the least log-odds that the votes left can lead to, by `range_by_sums`.
        highest: the largest.
        n_answers: how many votes gave each answer.
        n_left: how many more votes it may get.
    """

    question: Int[np.ndarray, "q"]
    log_odds: Float[np.ndarray, "q"]
    lowest: Float[np.ndarray, "q"]
    highest: Float[np.ndarray, "q"]
    n_answers: Int[np.ndarray, "q A"]
    n_left: Int[np.ndarray, "q"]

    def take(self, rows: Int[np.ndarray, "u"]) -> "Tally":
        """Some of them."""
        return Tally(*(getattr(self, one.name)[rows] for one in fields(self)))

    def columns(self, evidence: AnswerWeights) -> Float[np.ndarray, "q f"]:
        """What the votes say, as columns to learn from; log-odds are seen from the cut."""
        here = [one - evidence.cut for one in (self.log_odds, self.lowest, self.highest)]
        rows = [*here, evidence.start[self.question], self.n_left]
        return np.concatenate([np.stack(rows, axis=1), self.n_answers], axis=1)
