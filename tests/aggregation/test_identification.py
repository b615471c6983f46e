"""Fits that votes cannot tell: each is made, and each is named; a sound one is not."""

import numpy as np
import pytest

from reassess.aggregation import (
    bcc_ensemble,
    choose_method,
    dawid_skene,
    identification_notes,
    majority,
)
from reassess.notes import NoteWarning
from reassess.pipeline import AggregateOptions, make_posterior
from reassess.records import Gold
from tests.aggregation.test_pooled_prior import sparse_crowd
from tests.aggregation.votes import dense_votes


def crowd(rng, contrary: int, n_questions=300, n_raters=10):
    """Answers of raters of whom some say the contrary, and the truth."""
    truth = rng.random(n_questions) < 0.4
    wrong = rng.random((n_questions, n_raters)) < 0.1
    wrong[:, :contrary] = ~wrong[:, :contrary]
    return dense_votes(np.where(truth[:, None] ^ wrong, 2, 0)), truth


def notes_of(votes, **options):
    return identification_notes(votes, dawid_skene(votes, **options))


def test_a_sound_fit_is_not_doubted(published):
    votes, truth = crowd(np.random.default_rng(0), contrary=0)
    gold = Gold(dense_votes(np.where(truth, 2, 0)[:100, None]))
    assert identification_notes(votes, dawid_skene(votes), gold) == []
    votes = published.votes("imagenet-votes")
    fitted = dawid_skene(votes, tolerance=1e-5)
    assert identification_notes(votes, fitted, published.gold("imagenet-gold")) == []


def test_contrary_raters_are_named():
    votes, _ = crowd(np.random.default_rng(0), contrary=4)
    (text,) = notes_of(votes)
    assert "4 of 10 raters lie below the diagonal" in text
    assert "40% of the votes" in text
    votes, _ = crowd(np.random.default_rng(0), contrary=1)
    assert notes_of(votes, confusion_prior="uniform") == [], "a contrary rater is turned around"


def test_gold_that_says_less_than_the_majority_is_named():
    """Where most raters are contrary on most questions, the fit is surer of the contrary."""
    rng = np.random.default_rng(1)
    truth = rng.random(400) < 0.5
    # Three raters copy one another and are right by halves; four know, each for themselves.
    copied = np.where(rng.random(400) < 0.5, truth, ~truth)[:, None].repeat(3, axis=1)
    alone = truth[:, None] ^ (rng.random((400, 4)) < 0.25)
    votes = dense_votes(np.where(np.concatenate([copied, alone], axis=1), 2, 0))
    gold = Gold(dense_votes(np.where(truth, 2, 0)[:200, None]))
    fitted = dawid_skene(votes)
    assert (fitted.present[:200] > 0.5).mean() != pytest.approx(truth[:200].mean(), abs=1e-6)
    (text,) = [one for one in identification_notes(votes, fitted, gold) if "Gold says less" in one]
    assert "of 200 gold questions" in text
    assert identification_notes(votes, majority(votes), gold) == []
    clamped = dawid_skene(votes, gold=gold)
    assert not any("Gold" in one for one in identification_notes(votes, clamped, gold))


def test_a_prior_far_from_the_votes_is_named():
    rng = np.random.default_rng(2)
    votes, _ = sparse_crowd(rng, 400, 900, 2, concentration=1.0)
    fitted = dawid_skene(votes, confusion_prior="uniform")
    share = (votes.answer / 2).mean()
    assert abs(fitted.prior[1] - share) > 0.2
    assert any("votes speak for it" in one for one in identification_notes(votes, fitted))


def test_votes_that_cannot_tell_raters_apart_are_named():
    rng = np.random.default_rng(3)
    one_each = dense_votes(np.where(np.eye(60, dtype=bool), rng.integers(0, 3, (60, 60)), -1))
    assert any("No question has votes of two raters" in one for one in notes_of(one_each))
    # What votes cannot tell is not modelled: one rater alone is taken at their word.
    for alone in (one_each, dense_votes(rng.integers(0, 3, (60, 1)))):
        assert choose_method(alone, None)[0] == "majority"
    answer = np.full((40, 120), -1)
    answer[np.arange(120) % 40, np.arange(120)] = rng.integers(0, 3, 120)
    (text,) = [one for one in notes_of(dense_votes(answer)) if "single vote" in one]
    assert "100% of the votes" in text


def test_a_fit_that_stops_at_its_last_iteration_says_so():
    votes, _ = crowd(np.random.default_rng(0), contrary=0)
    with pytest.warns(NoteWarning, match=r"NOT converged: it stopped at its last iteration \(1\)"):
        made = make_posterior(votes=votes, options=AggregateOptions(iterations=1))
    assert "NOT converged after 1 iterations" in made.summary


@pytest.mark.parametrize("guessed", [False, True])
def test_votes_that_gold_does_not_bear_out_are_named(guessed: bool) -> None:
    """All raters swap the answers, or guess."""
    rng = np.random.default_rng(4)
    votes, truth = crowd(rng, contrary=10)
    if guessed:
        votes = dense_votes(rng.choice([0, 2], (300, 10)))
    gold = Gold(dense_votes(np.where(truth, 2, 0)[:100, None]))
    assert not [one for one in notes_of(votes) if "Gold" in one], "nothing shows it without gold"
    for fitted in (dawid_skene(votes), majority(votes)):
        (text,) = [
            one
            for one in identification_notes(votes, fitted, gold)
            if "Gold does not bear the votes out" in one
        ]
        assert "in 0% of all such pairs" in text or guessed
    few = Gold(gold.votes.take(gold.votes.question < 12))
    assert not [one for one in identification_notes(votes, fitted, few) if "bear" in one]
    clamped = identification_notes(votes, dawid_skene(votes, gold=gold), gold)
    assert not [one for one in clamped if "bear" in one]


def test_one_rater_and_one_answer_tell_nothing() -> None:
    rng = np.random.default_rng(5)
    (text,) = [one for one in notes_of(dense_votes(rng.integers(0, 3, (60, 1)))) if "two" in one]
    assert "Ask several raters" in text
    (text,) = notes_of(dense_votes(np.ones((60, 3), np.int64)))
    assert "All 180 votes are 'maybe'" in text


def test_of_two_raters_nothing_tells_who_is_right() -> None:
    """One of two raters guesses among four answers; a model may take the wrong one's side."""
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 4, 200)
    knows = np.where(rng.random(200) < 0.8, truth, rng.integers(0, 4, 200))
    pair = dense_votes(np.stack([knows, rng.integers(0, 4, 200)], axis=1), tuple("abcd"))
    name, reason = choose_method(pair, None)
    assert name == "majority"
    assert "of two raters who disagree nothing tells who is right" in reason
    assert choose_method(dense_votes(knows[:, None], tuple("abcd")), None)[0] == "majority"
    assert identification_notes(pair, majority(pair)) == []
    for fitted in (bcc_ensemble(pair), dawid_skene(pair)):
        assert any("Only two raters" in one for one in identification_notes(pair, fitted))


def test_a_small_crowd_whose_answers_are_the_truths_is_named() -> None:
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 4, 1200)
    said = np.where(rng.random((1200, 3)) < 0.7, truth[:, None], rng.integers(0, 4, (1200, 3)))
    votes = dense_votes(said[:100], tuple("abcd"))
    assert choose_method(votes, None)[0] == "bcc-ensemble"
    (text,) = identification_notes(votes, bcc_ensemble(votes))
    assert "3 raters gave 25 votes for each of 4 answers" in text
    many = dense_votes(said, tuple("abcd"))
    assert identification_notes(many, bcc_ensemble(many)) == []
