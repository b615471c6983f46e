from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from reassess.analysis import (
    AgreementPoint,
    agreement_point,
    expert_points,
    labels_point,
    original_point,
    rater_points,
)
from reassess.errors import AlignmentError, DataError
from reassess.records import Benchmark, Gold, LabelSets, Pairs, Questions, Votes

Make = Callable[[list[list[int]], list[str]], Votes]


def test_experts_by_hand(small_gold: Gold) -> None:
    assert expert_points(small_gold) == (
        AgreementPoint("x", 2, 2, 2),
        AgreementPoint("y", 2, 3, 2),
        AgreementPoint("z", 1, 2, 2),
    )


def test_raters_by_hand(make_votes: Make, small_gold: Gold) -> None:
    """p says maybe to what is present; q answers two questions; r says no to everything."""
    votes = make_votes([[1, 0, 1, 2], [-1, 1, 2, -1], [0, 0, 0, 0]], ["p", "q", "r"])
    p, q, r = rater_points(votes, small_gold)
    assert p == AgreementPoint("p", 2, 3, 2)
    assert q == AgreementPoint("q", 1, 2, 1)
    assert r == AgreementPoint("r", 0, 0, 2)
    assert (r.precision, r.recall) == (None, 0.0)
    p, q, _ = rater_points(votes, small_gold, maybe="no")
    assert p == AgreementPoint("p", 0, 1, 2)
    assert q == AgreementPoint("q", 1, 1, 1)
    assert AgreementPoint("s", 0, 1, 0).recall is None


def test_votes_are_matched_by_id_and_other_questions_left_out(small_gold: Gold) -> None:
    pairs = Pairs(np.array(["folder/b", "z", "folder/a"]), np.array([1, 0, 2]), np.array([0, 0, 0]))
    votes = Votes(
        Questions.from_pairs(pairs),
        np.array(["p"]),
        ("no", "maybe", "yes"),
        np.arange(3),
        np.zeros(3, int),
        np.array([2, 2, 0]),
    )
    assert rater_points(votes, small_gold) == (AgreementPoint("p", 1, 1, 2),)


def test_original_labels_by_hand(small_gold: Gold) -> None:
    benchmark = Benchmark("m", np.array(["b", "c", "a"]), np.array([1, 2, 0]))
    assert original_point(small_gold, benchmark) == AgreementPoint("original labels", 1, 2, 2)


def test_labels_by_hand(small_gold: Gold) -> None:
    """Present: class 0 of a and of b. The rows are mixed and further labels do not count."""
    labels = LabelSets.from_lists("real", np.array(["c", "b", "a"]), [[0], [1, 7], [0, 1]])
    assert labels_point(labels, small_gold) == AgreementPoint("real", 1, 3, 2)


@given(seed=st.integers(0, 2**32 - 1))
def test_raters_against_scikit_learn(make_votes: Make, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    experts = rng.integers(0, 2, (3, n)) * 2
    experts[:, 0] = 2
    gold = Gold(make_votes(experts.tolist(), ["x", "y", "z"]))
    truth = (experts == 2).sum(axis=0) >= 2
    answers = rng.integers(0, 3, (2, n))
    answers[:, 0] = 2
    for maybe, least in (("yes", 1), ("no", 2)):
        points = rater_points(make_votes(answers.tolist(), ["p", "q"]), gold, maybe)
        for point, row in zip(points, answers, strict=True):
            assert point.precision == pytest.approx(precision_score(truth, row >= least))
            assert point.recall == pytest.approx(recall_score(truth, row >= least))
    called = rng.random(n) < 0.5
    called[0] = True
    point = agreement_point("some", called, gold)
    assert point.precision == pytest.approx(precision_score(truth, called))
    assert point.recall == pytest.approx(recall_score(truth, called))


def test_refuses(make_votes: Make, small_gold: Gold, small_case: Any) -> None:
    votes = make_votes([[0, 0]], ["p"])
    with pytest.raises(DataError, match="answers are"):
        rater_points(replace(votes, answers=("absent", "present", "both")), small_gold)
    strangers = replace(votes, questions=Questions(np.array(["q:0", "q:1"]), None))
    with pytest.raises(AlignmentError, match="none of 2 is"):
        rater_points(strangers, small_gold)
    with pytest.raises(DataError, match="must name an image and a class"):
        original_point(Gold(strangers), small_case[2])
    with pytest.raises(DataError, match="original labels are unknown"):
        original_point(small_gold, Benchmark("b", np.array(["a", "b"])))
    with pytest.raises(AlignmentError, match="unknown"):
        original_point(small_gold, Benchmark("b", np.array(["a"]), np.array([0])))
    with pytest.raises(AlignmentError, match="must be an image of real"):
        labels_point(LabelSets.from_lists("real", np.array(["a"]), [[0]]), small_gold)
