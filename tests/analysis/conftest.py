"""Records small enough to work out by hand, and random ones for laws."""

from collections.abc import Callable

import numpy as np
import pytest

from reassess.records import Benchmark, Gold, LabelSets, Pairs, Predictions, Questions, Votes
from reassess.records.questions import ANSWERS

Case = tuple[Predictions, LabelSets, Benchmark]


@pytest.fixture(scope="session")
def make_case() -> Callable[[int], Case]:
    """Random predictions (part of the images, other order), labels and benchmark."""

    def case(seed: int) -> Case:
        rng = np.random.default_rng(seed)
        n_images, n_classes = int(rng.integers(1, 30)), int(rng.integers(4, 8))
        ids = np.array([f"val/{i:03d}.jpg" for i in range(n_images)])
        sets = [
            rng.choice(n_classes, rng.integers(0, 4), replace=False).tolist()
            for _ in range(n_images)
        ]
        sets[0] = sets[0] or [0]
        original = rng.integers(n_classes, size=n_images)
        ranked = np.argsort(rng.random((n_images, n_classes)), axis=1)[:, :3]
        part = rng.permutation(n_images)[: int(rng.integers(1, n_images + 1))]
        shuffled = rng.permutation(n_images)
        rated = rng.random(n_images) < 0.5
        return (
            Predictions("m", ids[part], ranked[part]),
            LabelSets.from_lists("real", ids, sets, rated=rated),
            Benchmark("b", ids[shuffled], original[shuffled]),
        )

    return case


@pytest.fixture(scope="session")
def small_case() -> Case:
    """Six images, worked out by hand in the tests; the model's rows run backwards."""
    ids = np.array(list("abcdef"))
    sets = [[0], [0, 1], [2], [], [1, 2, 3], [3]]
    original = np.array([0, 0, 1, 1, 3, 2])
    ranked = np.array([[0, 1, 2], [1, 0, 2], [2, 0, 1], [1, 0, 2], [2, 0, 1], [0, 3, 1]])
    rated = np.array([False, True, True, True, True, True])
    return (
        Predictions("m", ids[::-1], ranked[::-1]),
        LabelSets.from_lists("real", ids, sets, rated=rated),
        Benchmark("b", ids, original),
    )


@pytest.fixture(scope="session")
def make_votes() -> Callable[[list[list[int]], list[str]], Votes]:
    """Votes from answers [raters][questions]: -1 where a rater said nothing.

    Questions 0 and 1 ask about image a (classes 0, 1), 2 and 3 about image b, and so on.
    """

    def votes(answers: list[list[int]], raters: list[str]) -> Votes:
        table = np.array(answers)
        index = np.arange(table.shape[1])
        images = np.array(list("abcdefghijklmnop"))[: (table.shape[1] + 1) // 2]
        questions = Questions.from_pairs(Pairs(images, index // 2, index % 2))
        rater, question = np.nonzero(table >= 0)
        return Votes(questions, np.array(raters), ANSWERS, question, rater, table[rater, question])

    return votes


@pytest.fixture(scope="session")
def small_gold(make_votes: Callable[[list[list[int]], list[str]], Votes]) -> Gold:
    """Three experts on four questions; the truth is present, absent, present, absent."""
    return Gold(make_votes([[2, 0, 2, 0], [2, 0, 2, 2], [2, 2, 0, 0]], ["x", "y", "z"]))
