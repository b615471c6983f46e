"""Majority shares, and the recipe that reproduces the published scores."""

import numpy as np
import pytest

from reassess.aggregation import calibrated, majority, original_label_rater
from reassess.errors import DataError
from reassess.files import read_labels
from reassess.labels import operating_point, reassessed_labels
from reassess.records import ANSWERS, Benchmark, Gold, Pairs, Questions, Votes
from tests.aggregation.votes import dense_votes


def test_majority_takes_maybe_for_half_a_yes():
    votes = dense_votes(np.array([[0, 0, 1], [2, 2, 1], [0, 2, 1], [0, 0, 0]]))
    np.testing.assert_allclose(majority(votes).present, [1 / 6, 5 / 6, 1 / 2, 0.0])


def test_majority_shares_other_answers_by_name():
    votes = dense_votes(np.array([[0, 1, 1, 3], [2, 2, -1, 2]]), ("ant", "bee", "cat", "dog"))
    shares = majority(votes)
    assert shares.states == ("ant", "bee", "cat", "dog")
    np.testing.assert_allclose(shares.probability, [[0.25, 0.5, 0, 0.25], [0, 0, 1, 0]])


def small_study():
    """Two gold questions answered by raters a and b, one open question by a, b and c."""
    pairs = Pairs(np.array(["x", "y", "z"]), np.array([0, 1, 2]), np.array([0, 1, 2]))
    questions = Questions.from_pairs(pairs)
    votes = Votes(
        questions,
        np.array(["a", "b", "c"]),
        ANSWERS,
        np.array([0, 0, 1, 1, 2, 2, 2]),
        np.array([0, 1, 0, 1, 0, 1, 2]),
        np.array([2, 2, 0, 2, 2, 1, 0]),
    )
    gold_pairs = Pairs(np.array(["x", "y"]), np.array([0, 1]), np.array([0, 1]))
    gold = Gold(
        Votes(
            Questions.from_pairs(gold_pairs),
            np.array(["expert"]),
            ANSWERS,
            np.array([0, 1]),
            np.array([0, 0]),
            np.array([2, 0]),
        )
    )
    return votes, gold


def test_calibrated_by_hand():
    """P(a says yes | present) = (1+1)/(1+3); rater c has no gold answer: the mean of a and b."""
    votes, gold = small_study()
    a = np.array([[2, 1, 1], [1, 1, 2]]) / 4
    b = np.array([[1, 1, 2], [1, 1, 2]]) / 4
    c = (a + b) / 2
    odds = (a[1, 2] * b[1, 1] * c[1, 0]) / (a[0, 2] * b[0, 1] * c[0, 0])
    posterior = calibrated(votes, gold, confusion_prior="uniform")
    np.testing.assert_allclose(posterior.confusion, [a, b, c])
    assert posterior.present[2] == pytest.approx(odds / (1 + odds), rel=1e-12)
    assert posterior.prior.tolist() == [0.5, 0.5]


def test_the_original_label_votes_on_its_classes_only():
    votes, gold = small_study()
    benchmark = Benchmark("toy", np.array(["x", "y", "z"]), np.array([0, 2, 2]))
    everywhere = original_label_rater(benchmark, votes.questions, gold)
    assert everywhere.answer.tolist() == [2, 0, 2]
    assert everywhere.gold_answer.tolist() == [2, 0]
    low = original_label_rater(benchmark, votes.questions, gold, last_class=1)
    assert low.answer.tolist() == [2, 0, -1]
    without, heard = calibrated(votes, gold), calibrated(votes, gold, virtual_raters=[low])
    assert heard.present[2] == without.present[2]
    assert heard.present[0] > without.present[0]
    assert heard.rater_ids.tolist() == ["a", "b", "c", "original label"]


def test_gold_must_hold_both_truths():
    votes, gold = small_study()
    with pytest.raises(DataError, match="0 of 2 questions hold"):
        calibrated(votes, gold, min_expert_yes=2)


def test_the_published_scores_and_labels_to_the_last_one(published):
    """184,962 scores, 57,553 labels, 50,000 identical sets."""
    votes, gold = published.votes("imagenet-votes"), published.gold("imagenet-gold")
    benchmark = published.benchmark("imagenet")
    rater = original_label_rater(benchmark, votes.questions, gold, last_class=397, min_expert_yes=2)
    posterior = calibrated(
        votes, gold, gold_votes=published.votes("imagenet-gold-votes"), virtual_raters=[rater]
    )
    assert np.abs(posterior.present - published.scores("imagenet-scores")).max() <= 1e-9
    point = operating_point(posterior, threshold=0.8, gold=gold)
    assert (round(point.precision, 3), round(point.recall, 3)) == (0.898, 0.778)
    labels = reassessed_labels(posterior, benchmark, point)
    assert (len(labels.indices), int((labels.sizes > 0).sum())) == (57_553, 46_837)
    assert int((~labels.rated).sum()) == 25_111
    theirs = read_labels(published.path("imagenet/real.json")).align_to(benchmark)
    assert labels.lists() == theirs.lists()
