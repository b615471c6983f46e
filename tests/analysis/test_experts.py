"""One expert against the others, and the crowd beside: by hand, and on the published gold."""

import numpy as np
import pytest

from reassess.aggregation import dawid_skene
from reassess.analysis.experts import experts_beside_crowd
from reassess.errors import OptionError
from reassess.records import Gold, Pairs, Posterior, Questions, Votes
from reassess.report.score_tables import experts_sentence
from tests.analysis.simulated import simulated


def gold_of(answers: list[list[int]]) -> Gold:
    """One row an expert; question q is about class 0 of image q."""
    n = len(answers[0])
    ids = np.array([f"{i}.png" for i in range(n)])
    rater, question = np.indices((len(answers), n)).reshape(2, -1)
    names = np.array([f"e{k}" for k in range(len(answers))])
    questions = Questions.from_pairs(Pairs(ids, np.arange(n), np.zeros(n, int)))
    return Gold(Votes(questions, names, ("no", "maybe", "yes"), question, rater, np.ravel(answers)))


def says(gold: Gold, present: list[float]) -> Posterior:
    p = np.array(present)
    log = np.log(np.stack([1 - p, p], axis=1))
    return Posterior(
        gold.questions, ("absent", "present"), log, "toy", ("no", "maybe", "yes"), np.array(["r"])
    )


def test_an_expert_is_held_to_the_others_and_ties_are_left_out():
    """The first expert alone sees the third question; the last two differ on the second."""
    gold = gold_of([[2, 2, 2, 0], [2, 2, 0, 0], [2, 0, 0, 0]])
    found = experts_beside_crowd(
        gold, says(gold, [0.9, 0.9, 0.1, 0.1]), rng=np.random.default_rng(0)
    )
    assert found is not None
    first, second, third = found.experts
    assert (first.n_right, first.n_called, first.n_present) == (1, 2, 1)  # the second is tied
    assert (second.n_right, second.n_called, second.n_present) == (1, 1, 1)  # second, third are
    assert (third.n_right, third.n_called, third.n_present) == (1, 1, 2)
    assert found.n_tied == 1 + 2 + 1
    assert found.expert_f1 == pytest.approx(2 * 3 / (4 + 4))
    assert found.crowd_f1 == pytest.approx(2 * 4 / (1 + 1 + 2 + 4))
    assert found.difference == pytest.approx(found.crowd_f1 - found.expert_f1)


def test_two_experts_or_nothing_that_holds_say_nothing():
    rng = np.random.default_rng(0)
    two, none = gold_of([[2, 0], [2, 0]]), gold_of([[0, 0]] * 3)
    assert experts_beside_crowd(two, says(two, [0.9, 0.1]), rng=rng) is None
    assert experts_beside_crowd(none, says(none, [0.9, 0.1]), rng=rng) is None
    with pytest.raises(OptionError, match="threshold is 1"):
        experts_beside_crowd(none, says(none, [0.9, 0.1]), 1.0, rng=rng)


def test_near_perfect_experts_beat_a_noisy_crowd_and_the_sentence_says_so():
    study = simulated(300, np.random.default_rng(2), n_gold=100)
    found = experts_beside_crowd(
        study.gold, study.posterior, votes=study.votes, rng=np.random.default_rng(0)
    )
    assert found is not None
    for low, value, high in (
        (found.expert_interval[0], found.expert_f1, found.expert_interval[1]),
        (found.crowd_interval[0], found.crowd_f1, found.crowd_interval[1]),
    ):
        assert 0 <= low <= value <= high <= 1
    assert found.difference_interval[1] < 0
    assert found.n_votes == pytest.approx(5)
    assert "one expert does better" in experts_sentence(found)
    bare = experts_beside_crowd(
        study.gold, study.posterior, n_resamples=0, rng=np.random.default_rng(0)
    )
    assert bare.difference_interval is None
    assert bare.difference == found.difference


def test_five_published_votes_are_worth_about_one_expert(published):
    votes, gold = published.votes("imagenet-votes"), published.gold("imagenet-gold")
    found = experts_beside_crowd(
        gold,
        dawid_skene(votes),
        0.8,
        votes=votes,
        n_resamples=300,
        rng=np.random.default_rng(0),
    )
    assert found is not None
    assert (found.n_questions, found.n_tied) == (1135, 306)
    assert found.expert_f1 == pytest.approx(0.859, abs=5e-4)
    assert found.crowd_f1 == pytest.approx(0.87, abs=0.01)
    low, high = found.difference_interval
    assert low < 0 < high
