"""The same aggregation under other weights, against loops over votes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.aggregation import WeightedRefit, calibrated, dawid_skene, majority
from reassess.aggregation.coding import Coded
from reassess.aggregation.priors import fitted_strength, pooled_confusion
from reassess.aggregation.reweighting import FAY, STEPS
from reassess.errors import DataError, OptionError
from reassess.records import Gold, Posterior, Votes
from tests.aggregation.votes import dense_votes, random_votes


def gold_of(votes: Votes, n: int) -> Gold:
    """Two experts on the first n questions; every third holds."""
    answer = np.where(np.arange(n) % 3 == 0, 2, 0)
    experts = dense_votes(np.column_stack([answer, answer]))
    assert (experts.questions.ids == votes.questions.ids[:n]).all()
    return Gold(experts)


def log_odds_of(posterior: Posterior) -> np.ndarray:
    return posterior.log_probability[:, 1] - posterior.log_probability[:, 0]


def weighted_sum(
    votes: Votes, posterior: Posterior, confusion: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Prior and votes of each question, vote by vote."""
    odds = np.full(len(votes.questions), np.log(posterior.prior[1] / posterior.prior[0]))
    for v in range(len(votes)):
        ratio = confusion[votes.rater[v], :, votes.answer[v]]
        odds[votes.question[v]] += weight[v] * np.log(ratio[1] / ratio[0])
    return odds


def test_no_weights_give_the_posterior():
    votes = random_votes(np.random.default_rng(0), n_questions=80)
    gold = gold_of(votes, 30)
    again = WeightedRefit.build(votes, calibrated(votes, gold), gold=gold)
    assert again.log_odds() == pytest.approx(log_odds_of(calibrated(votes, gold)), abs=1e-9)
    fitted = dawid_skene(votes, tolerance=1e-14, max_iterations=5_000)
    assert WeightedRefit.build(votes, fitted).log_odds() == pytest.approx(
        log_odds_of(fitted), abs=1e-3
    )
    shares = WeightedRefit.build(votes, majority(votes)).log_odds()
    assert np.corrcoef(shares, majority(votes).present)[0, 1] > 0.95
    assert np.isfinite(shares).all()


@given(seed=st.integers(0, 2**32 - 1))
def test_weights_of_raters_and_votes_weigh_each_vote(seed):
    rng = np.random.default_rng(seed)
    votes = random_votes(rng, n_questions=50)
    posterior = calibrated(votes, gold_of(votes, 20))
    again = WeightedRefit.build(votes, posterior)
    rater_weight = rng.random(len(votes.rater_ids)) + 0.5
    expected = weighted_sum(votes, posterior, posterior.confusion, rater_weight[votes.rater])
    assert again.log_odds(rater_weight=rater_weight) == pytest.approx(expected)
    half = rng.integers(256, size=len(votes) // 8 + 1, dtype=np.uint8)
    bit = np.unpackbits(half, bitorder="little")[: len(votes)]
    expected = weighted_sum(votes, posterior, posterior.confusion, 1 - FAY + 2 * FAY * bit)
    assert again.log_odds(half_sample=half) == pytest.approx(expected)


def test_gold_weights_count_confusion_again():
    """A gold question of weight 2 counts like two of it; of weight 0 like none."""
    votes = random_votes(np.random.default_rng(4), n_questions=60)
    gold = gold_of(votes, 24)
    posterior = calibrated(votes, gold, confusion_prior="uniform")
    weight = np.arange(24) % 3.0
    counts = np.zeros((len(votes.rater_ids), 2, 3))
    truth = gold.truth()
    for question, rater, answer in zip(votes.question, votes.rater, votes.answer, strict=True):
        if question < 24:
            counts[rater, int(truth[question]), answer] += weight[question]
    confusion = (counts + 1) / (counts.sum(axis=2, keepdims=True) + 3)
    expected = weighted_sum(votes, posterior, confusion, np.ones(len(votes)))
    found = WeightedRefit.build(votes, posterior, gold=gold).log_odds(gold_weight=weight)
    assert found == pytest.approx(expected)
    held = WeightedRefit.build(votes, posterior, gold=gold, pseudocount=3.0)
    assert held.log_odds(gold_weight=weight) == pytest.approx(log_odds_of(posterior))
    pooled = WeightedRefit.build(votes, calibrated(votes, gold), gold=gold)
    expected = log_odds_of(calibrated(votes, gold))
    assert pooled.log_odds(gold_weight=np.ones(24)) == pytest.approx(expected)
    assert not np.allclose(pooled.log_odds(gold_weight=weight), expected, atol=1e-3)


@pytest.mark.parametrize("confusion_prior", ["uniform", "pooled"])
def test_expectation_maximisation_under_weights_is_the_plain_one(confusion_prior):
    rng = np.random.default_rng(5)
    votes = random_votes(rng, n_questions=70)
    posterior = dawid_skene(votes, confusion_prior=confusion_prior)
    counts = Coded.from_votes(votes).counts(posterior.probability)
    strength = fitted_strength(counts, pooled_confusion(counts))
    of_question, of_rater = rng.random(70) * 2, rng.random(len(votes.rater_ids)) + 0.5
    weight = of_rater[votes.rater]
    odds = weighted_sum(votes, posterior, posterior.confusion, weight)
    for _ in range(STEPS):
        present = 1 / (1 + np.exp(-odds))
        counts = np.zeros((len(votes.rater_ids), 2, 3))
        for v in range(len(votes)):
            q, r, a = votes.question[v], votes.rater[v], votes.answer[v]
            counts[r, 1, a] += of_question[q] * present[q]
            counts[r, 0, a] += of_question[q] * (1 - present[q])
        added = np.ones((2, 3))
        if confusion_prior == "pooled":
            added = strength[:, None] * pooled_confusion(counts)
        confusion = (counts + added) / (counts + added).sum(axis=2, keepdims=True)
        mass = of_question @ present + 1
        prior = mass / (of_question.sum() + 2)
        fitted = replace(posterior, prior=np.array([1 - prior, prior]))
        odds = weighted_sum(votes, fitted, confusion, weight)
    found = WeightedRefit.build(votes, posterior).log_odds(
        question_weight=of_question, rater_weight=of_rater
    )
    assert found == pytest.approx(odds)


def test_a_posterior_of_other_votes_is_refused():
    votes = random_votes(np.random.default_rng(6), n_questions=30)
    other = random_votes(np.random.default_rng(7), n_questions=20)
    with pytest.raises(DataError, match="must be made of these"):
        WeightedRefit.build(votes, dawid_skene(other))
    signed = replace(votes, sha256="a")
    with pytest.raises(DataError, match="other votes"):
        WeightedRefit.build(signed, replace(dawid_skene(votes), votes_sha256="b"))
    with pytest.raises(OptionError, match="made under the pooled prior"):
        WeightedRefit.build(votes, dawid_skene(votes), pseudocount=1.0)
    with pytest.raises(DataError, match="states"):
        WeightedRefit.build(votes, dawid_skene(votes, n_states=3))
