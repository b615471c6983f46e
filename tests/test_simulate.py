"""Simulated raters answer as their confusion says, and say that they are simulated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from reassess.aggregation import dawid_skene
from reassess.errors import DataError, OptionError
from reassess.records import Pairs, Questions
from reassess.simulate import TYPICAL_RATER, simulate_gold, simulate_votes, simulated_raters

PERFECT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
CONTRARY = PERFECT[::-1]


def questions_about(n_images: int, n_labels: int) -> Questions:
    image, label = np.divmod(np.arange(n_images * n_labels), n_labels)
    return Questions.from_pairs(
        Pairs(np.array([f"{i}.png" for i in range(n_images)]), image, label)
    )


def test_votes_by_hand() -> None:
    """One rater who is always right and one who is always wrong, both asked everything."""
    truth = np.array([True, False, True, True])
    confusion = np.stack([PERFECT, CONTRARY])
    votes = simulate_votes(
        questions_about(2, 2), truth, confusion, votes_per_question=2, rng=np.random.default_rng(0)
    )
    assert votes.rater_ids.tolist() == ["simulated-rater-1", "simulated-rater-2"]
    right, wrong = votes.rater == 0, votes.rater == 1
    assert votes.question[right].tolist() == votes.question[wrong].tolist() == [0, 1, 2, 3]
    assert votes.answer[right].tolist() == [2, 0, 2, 2]
    assert votes.answer[wrong].tolist() == [0, 2, 0, 0]


@given(
    n_images=st.integers(1, 8),
    n_raters=st.integers(1, 12),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_question_has_k_different_raters(
    n_images: int, n_raters: int, share: float, seed: int
) -> None:
    k = 1 + int(share * (n_raters - 1))
    rng = np.random.default_rng(seed)
    questions = questions_about(n_images, 3)
    truth = rng.random(len(questions)) < 0.5
    confusion = simulated_raters(n_raters, rng)
    votes = simulate_votes(questions, truth, confusion, votes_per_question=k, rng=rng)
    assert np.bincount(votes.question).tolist() == [k] * len(questions)
    pairs = set(zip(votes.question.tolist(), votes.rater.tolist(), strict=True))
    assert len(pairs) == len(votes)
    assert all(name.startswith("simulated-rater-") for name in votes.rater_ids.tolist())
    assert sorted(set(votes.rater.tolist())) == list(range(len(votes.rater_ids)))


def test_every_set_of_raters_is_equally_likely() -> None:
    questions = questions_about(20_000, 1)
    truth = np.ones(len(questions), dtype=bool)
    confusion = np.stack([PERFECT] * 5)
    rng = np.random.default_rng(3)
    votes = simulate_votes(questions, truth, confusion, votes_per_question=2, rng=rng)
    bits = np.zeros(len(questions), dtype=np.int64)
    np.add.at(bits, votes.question, 2**votes.rater)
    _, counts = np.unique(bits, return_counts=True)
    assert len(counts) == 10
    assert chisquare(counts).pvalue > 1e-6


def test_answers_follow_the_confusion() -> None:
    rng = np.random.default_rng(5)
    questions = questions_about(10_000, 2)
    truth = rng.random(len(questions)) < 0.3
    confusion = simulated_raters(4, rng)
    votes = simulate_votes(questions, truth, confusion, votes_per_question=3, rng=rng)
    for rater in range(4):
        for state in range(2):
            mine = (votes.rater == rater) & (truth[votes.question] == bool(state))
            for answer in range(3):
                n = int((votes.answer[mine] == answer).sum())
                p = float(confusion[rater, state, answer])
                assert binomtest(n, int(mine.sum()), p).pvalue > 1e-6


def test_aggregation_finds_the_confusion_again() -> None:
    """The statistics are checked with raters whose confusion is known."""
    rng = np.random.default_rng(7)
    questions = questions_about(4_000, 2)
    truth = rng.random(len(questions)) < 0.4
    confusion = simulated_raters(8, rng)
    votes = simulate_votes(questions, truth, confusion, rng=rng)
    posterior = dawid_skene(votes)
    assert posterior.confusion is not None
    assert np.abs(posterior.confusion - confusion).max() < 0.04
    assert ((posterior.present > 0.5) == truth).mean() > 0.98


def test_raters_differ_in_skill_around_the_mean() -> None:
    confusion = simulated_raters(4_000, np.random.default_rng(0))
    assert confusion.shape == (4_000, 2, 3)
    assert confusion.sum(axis=2) == pytest.approx(1.0)
    assert confusion.mean(axis=0) == pytest.approx(np.array(TYPICAL_RATER), abs=0.01)
    assert confusion[:, 1, 2].std() > 0.1


def test_the_same_seed_gives_the_same_votes() -> None:
    questions, truth = questions_about(5, 2), np.arange(10) % 3 == 0

    def votes(seed: int) -> list[list[int]]:
        rng = np.random.default_rng(seed)
        made = simulate_votes(questions, truth, simulated_raters(9, rng), rng=rng)
        return [made.question.tolist(), made.rater.tolist(), made.answer.tolist()]

    assert votes(1) == votes(1) != votes(2)


def test_raters_without_a_vote_are_left_out_and_keep_their_numbers() -> None:
    confusion = np.stack([PERFECT] * 120)
    rng = np.random.default_rng(0)
    truth = np.array([True])
    votes = simulate_votes(questions_about(1, 1), truth, confusion, votes_per_question=3, rng=rng)
    assert len(votes.rater_ids) == 3
    assert all(len(name) == len("simulated-rater-007") for name in votes.rater_ids.tolist())


def test_gold_holds_all_questions_of_some_images() -> None:
    questions = questions_about(30, 4)
    truth = np.arange(120) % 7 == 1
    gold = simulate_gold(questions, truth, n_images=10, rng=np.random.default_rng(0))
    assert gold.votes.rater_ids.tolist() == [f"simulated-expert-{i}" for i in range(1, 6)]
    assert gold.votes.counts().sum(axis=1).tolist() == [5] * 40
    images = {name.partition(":")[0] for name in gold.questions.ids.tolist()}
    assert len(images) == 10
    expected = [i for i in questions.ids.tolist() if i.partition(":")[0] in images]
    assert gold.questions.ids.tolist() == expected
    truth_of = dict(zip(questions.ids.tolist(), truth.tolist(), strict=True))
    assert gold.truth().tolist() == [truth_of[name] for name in expected]


def test_gold_takes_all_images_where_there_are_fewer() -> None:
    questions = questions_about(2, 2)
    truth = np.array([True, False, True, False])
    gold = simulate_gold(questions, truth, n_images=9, n_experts=1, rng=np.random.default_rng(0))
    assert gold.questions.ids.tolist() == questions.ids.tolist()


def test_refuses() -> None:
    rng = np.random.default_rng(0)
    questions, truth = questions_about(2, 1), np.array([True, False])
    confusion = np.stack([PERFECT] * 3)
    with pytest.raises(OptionError, match=r"votes_per_question is 5, but must be in \[1, 3\]"):
        simulate_votes(questions, truth, confusion, rng=rng)
    with pytest.raises(OptionError, match="votes_per_question is 0"):
        simulate_votes(questions, truth, confusion, votes_per_question=0, rng=rng)
    with pytest.raises(DataError, match="1 truths"):
        simulate_votes(questions, truth[:1], confusion, votes_per_question=1, rng=rng)
    with pytest.raises(DataError, match=r"shape \(3, 2, 2\)"):
        simulate_votes(questions, truth, confusion[:, :, :2], votes_per_question=1, rng=rng)
    with pytest.raises(OptionError, match="0 simulated raters"):
        simulated_raters(0, rng)
    with pytest.raises(OptionError, match="concentration 0"):
        simulated_raters(1, rng, concentration=0.0)
    with pytest.raises(OptionError, match="gold images is 0"):
        simulate_gold(questions, truth, n_images=0, rng=rng)
    with pytest.raises(DataError, match="must name an image and a class"):
        simulate_gold(Questions(np.array(["q"]), None), truth[:1], n_images=1, rng=rng)
