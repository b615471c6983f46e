"""Dawid and Skene's model: by hand, against a plain version, and by its laws."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from reassess.aggregation import DawidSkene, dawid_skene, majority
from reassess.aggregation.methods import vote_shares
from reassess.engines import ThreadEngine
from reassess.errors import DataError, OptionError
from reassess.files import read_posterior, write_posterior, write_votes
from reassess.records import Gold, Questions, Votes
from tests.aggregation.votes import dense_votes, pair_questions, plain_em, random_votes

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("n_states", [2, 3, 4])
@pytest.mark.parametrize("pseudocount", [0.0, 1.0])
def test_equals_the_plain_version(n_states, pseudocount):
    votes = random_votes(np.random.default_rng(n_states), skill=0.7)
    fitted = dawid_skene(
        votes, n_states=n_states, confusion_prior="uniform", pseudocount=pseudocount,
        max_iterations=8, tolerance=-1.0,
    )  # fmt: skip
    expected, log_likelihood = plain_em(votes, vote_shares(votes, n_states), pseudocount, 8)
    np.testing.assert_allclose(fitted.probability, expected, atol=1e-9)
    np.testing.assert_allclose(fitted.log_likelihood, log_likelihood, rtol=1e-9)


@given(
    seed=seeds,
    n_answers=st.integers(2, 5),
    n_states=st.integers(2, 4),
    pseudocount=st.sampled_from([0.0, 0.5]),
)
def test_no_iteration_lowers_the_likelihood(seed, n_answers, n_states, pseudocount):
    """Without pseudocount the likelihood itself, with pseudocount the objective."""
    votes = random_votes(np.random.default_rng(seed), 30, 5, n_answers, skill=0.6)
    fitted = dawid_skene(
        votes, n_states=n_states, confusion_prior="uniform", pseudocount=pseudocount,
        max_iterations=25,
    )  # fmt: skip
    rises = np.diff(fitted.objective)
    assert (rises >= -1e-8 * abs(fitted.objective[-1])).all()
    if pseudocount == 0.0:
        assert fitted.objective == pytest.approx(fitted.log_likelihood)


@settings(max_examples=8)
@given(seed=seeds)
def test_renaming_permutes_the_result(seed):
    rng = np.random.default_rng(seed)
    votes = random_votes(rng, 25, 6)
    questions, raters = rng.permutation(25), rng.permutation(len(votes.rater_ids))
    shuffled = rng.permutation(len(votes))
    renamed = Votes(
        questions=pair_questions(25),
        rater_ids=votes.rater_ids[np.argsort(raters)],
        answers=votes.answers,
        question=questions[votes.question][shuffled],
        rater=raters[votes.rater][shuffled],
        answer=votes.answer[shuffled],
    )
    first, second = dawid_skene(votes), dawid_skene(renamed)
    np.testing.assert_allclose(second.probability[questions], first.probability, atol=1e-7)
    np.testing.assert_allclose(second.confusion[raters], first.confusion, atol=1e-7)


def test_many_votes_on_a_question_do_not_underflow():
    """A product of 5,000 probabilities is zero in floats; their sum of logarithms is not."""
    rng = np.random.default_rng(0)
    truth = np.array([0, 2, 0, 2])
    answer = np.where(rng.random((4, 5_000)) < 0.7, truth[:, None], 1)
    fitted = dawid_skene(dense_votes(answer))
    assert np.isfinite(fitted.log_likelihood).all()
    assert (fitted.present > 0.5).tolist() == [False, True, False, True]
    assert np.unique(fitted.log_probability[:, 1] - fitted.log_probability[:, 0]).size == 4
    expected, _ = plain_em(dense_votes(answer), vote_shares(dense_votes(answer), 2), 1.0, 3)
    few = dawid_skene(
        dense_votes(answer), confusion_prior="uniform", max_iterations=3, tolerance=-1.0
    )
    np.testing.assert_allclose(few.probability, expected, atol=1e-9)


def test_it_does_not_stop_before_it_has_converged(published):
    """On the published votes crowd-kit's bound falls and stops it after two iterations."""
    votes = published.votes("imagenet-votes")
    fitted = dawid_skene(votes, n_states=3, confusion_prior="uniform")
    assert fitted.converged
    assert len(fitted.objective) > 20
    assert (np.diff(fitted.objective) > -1e-6).all()
    longer = dawid_skene(
        votes, n_states=3, confusion_prior="uniform", max_iterations=2_000, tolerance=1e-12
    )
    assert longer.objective[-1] - fitted.objective[-1] < 0.01


def test_the_prior_is_counted_once_a_question():
    """With uninformative raters the posterior is the prior, however many votes there are."""
    rng = np.random.default_rng(1)
    answer = rng.integers(0, 3, (400, 60))
    votes = dense_votes(answer)
    _, log_likelihood = plain_em(votes, vote_shares(votes, 2), 1.0, 1)
    fitted = dawid_skene(votes, confusion_prior="uniform", max_iterations=1, tolerance=-1.0)
    assert fitted.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)


def test_workers_do_not_change_a_byte(published):
    votes = published.votes("imagenet-votes")
    results = []
    for workers in (1, 3):
        with ThreadEngine(workers) as engine:
            results.append(dawid_skene(votes, max_iterations=3, engine=engine))
    assert results[0].log_probability.tobytes() == results[1].log_probability.tobytes()
    assert results[0].objective == results[1].objective


def test_learns_two_truths_from_three_answers():
    """A rectangular confusion matrix: maybe is an answer of its own, not half a yes."""
    rng = np.random.default_rng(3)
    present = rng.random(4_000) < 0.3
    confusion = np.array([[0.9, 0.06, 0.04], [0.2, 0.3, 0.5]])
    draws = rng.random((4_000, 5))
    edges = np.cumsum(confusion, axis=1)[present.astype(int)]
    answer = (draws[:, :, None] > edges[:, None, :]).sum(axis=2)
    fitted = dawid_skene(dense_votes(answer))
    np.testing.assert_allclose(fitted.confusion.mean(axis=0), confusion, atol=0.02)
    assert fitted.prior[1] == pytest.approx(0.3, abs=0.02)
    assert ((fitted.present > 0.5) == present).mean() > 0.95


def gold_for(questions: Questions, rows, answers) -> Gold:
    pairs = questions.pairs
    chosen = type(pairs)(pairs.image_ids[rows], np.arange(len(rows)), pairs.label[rows])
    return Gold(
        Votes(
            Questions.from_pairs(chosen),
            np.array(["expert"]),
            ("no", "maybe", "yes"),
            np.arange(len(rows)),
            np.zeros(len(rows), dtype=int),
            np.array(answers),
        )
    )


def test_known_truths_are_held_or_only_started_from():
    votes = random_votes(np.random.default_rng(5), 40)
    contrary = np.flatnonzero(majority(votes).present > 0.8)[:3]
    gold = gold_for(votes.questions, contrary, [0, 0, 0])
    clamped = dawid_skene(votes, gold=gold, confusion_prior="uniform")
    assert clamped.present[contrary].tolist() == [0.0, 0.0, 0.0]
    assert (np.diff(clamped.objective) >= -1e-8).all()
    one_yes = gold_for(votes.questions, contrary, [2, 2, 2])
    assert dawid_skene(votes, gold=one_yes).present[contrary].tolist() == [1.0, 1.0, 1.0]
    assert dawid_skene(votes, gold=one_yes, min_expert_yes=2).present[contrary].tolist() == [
        0.0,
        0.0,
        0.0,
    ]
    started = dawid_skene(votes, gold=gold, gold_mode="initialise")
    assert (started.present[contrary] > 0).all()


def test_estimator_tells_what_it_learned():
    votes = random_votes(np.random.default_rng(8))
    model = DawidSkene(max_iterations=30).fit(votes)
    assert model.states_ == ("absent", "present")
    assert model.probability_.shape == (60, 2)
    assert model.confusion_.sum(axis=2) == pytest.approx(1)
    assert model.labels_.tolist() == model.probability_.argmax(axis=1).tolist()
    assert model.n_iter_ == len(model.log_likelihood_) - 1 <= 30


def test_estimator_can_be_cloned_by_scikit_learn():
    fitted = DawidSkene(confusion_prior="uniform", pseudocount=0.5).fit(
        random_votes(np.random.default_rng(8))
    )
    again = clone(fitted).set_params(max_iterations=2)
    assert not hasattr(again, "posterior_")
    assert again.get_params() == fitted.get_params() | {"max_iterations": 2}
    with pytest.raises(OptionError, match="'smoothness' is unknown"):
        again.set_params(smoothness=1.0)


def test_refuses_what_makes_no_sense():
    votes = random_votes(np.random.default_rng(9))
    with pytest.raises(OptionError, match="pseudocount is -1"):
        dawid_skene(votes, confusion_prior="uniform", pseudocount=-1.0)
    with pytest.raises(OptionError, match="goes with the uniform prior only"):
        dawid_skene(votes, pseudocount=1.0)
    with pytest.raises(OptionError, match="states is 1"):
        dawid_skene(votes, n_states=1)
    with pytest.raises(OptionError, match="absent or present"):
        dawid_skene(votes, n_states=3, gold=gold_for(votes.questions, [0], [2]))
    elsewhere = pair_questions(70)
    with pytest.raises(DataError, match="none of its 1 questions"):
        dawid_skene(votes, gold=gold_for(elsewhere, [69], [2]))


def test_a_fit_is_brought_up_to_date(tmp_path, cli):
    """From an earlier fit few iterations lead where the fit from the start leads."""
    votes = random_votes(np.random.default_rng(0), n_questions=3_000, n_raters=12, share=0.5)
    old = votes.rater < 11
    earlier = dawid_skene(votes.take(old | (votes.question < 2_900)), tolerance=1e-12)
    refitted = dawid_skene(votes, tolerance=1e-12)
    updated = dawid_skene(votes, earlier=earlier, tolerance=1e-12)
    assert len(updated.log_likelihood) < len(refitted.log_likelihood)
    assert np.abs(updated.probability - refitted.probability).max() < 1e-4
    newcomer = dawid_skene(votes, earlier=dawid_skene(votes.take(old)), tolerance=1e-12)
    assert np.abs(newcomer.probability - refitted.probability).max() < 1e-4
    with pytest.raises(OptionError, match=r"by majority, but must be by dawid-skene"):
        dawid_skene(votes, earlier=majority(votes))
    with pytest.raises(OptionError, match=r"has the states absent, present .* but must have no"):
        dawid_skene(votes, earlier=earlier, n_states=3)
    strangers = replace(earlier, rater_ids=np.char.add("x", earlier.rater_ids))
    with pytest.raises(DataError, match=r"its raters are others .* a part of these votes"):
        dawid_skene(votes, earlier=strangers)
    elsewhere = replace(earlier, questions=Questions.from_ids(
        np.char.add("x", earlier.questions.ids)))  # fmt: skip
    with pytest.raises(DataError, match=r"its questions are others"):
        dawid_skene(votes, earlier=elsewhere)
    write_votes(votes, tmp_path / "votes.csv")
    write_posterior(earlier, tmp_path / "old.npz")
    given = ["aggregate", str(tmp_path / "votes.csv"), "--update", str(tmp_path / "old.npz")]
    given += ["-o", str(tmp_path / "new.npz")]
    assert "differ by at most" in cli(*given, "--refit").err
    written = read_posterior(tmp_path / "new.npz").log_probability
    np.testing.assert_allclose(written, dawid_skene(votes).log_probability, atol=1e-9)
    refused = cli(*given, "--method", "majority")
    assert refused.status == 2
    assert "which does not iterate from one" in refused.err
