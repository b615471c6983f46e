"""Averaged Bayesian classifier combinations: a plain version, their laws, a real set."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma, logsumexp

from reassess.aggregation import BCCEnsemble, bcc_ensemble, choose_method, majority
from reassess.aggregation.methods import vote_shares
from reassess.errors import OptionError
from reassess.files import read_votes
from reassess.notes import collect_notes
from reassess.pipeline import AggregateOptions, make_posterior
from reassess.records import Votes
from tests.aggregation.votes import dense_votes, pair_questions, random_votes


def plain_fit(votes: Votes, start: np.ndarray, pooled: bool, stop: float) -> np.ndarray:
    """One fit with loops over votes and dense tables. ``start[q, k, u]``."""
    n_truths, n_subtypes = start.shape[1:]
    q, n_raters = start.copy(), len(votes.rater_ids)
    triples = list(zip(votes.question, votes.rater, votes.answer, strict=True))
    for _ in range(500):
        counts = np.zeros((n_raters, n_truths, n_truths, n_subtypes))  # rater, answer, truth, u
        for i, j, l in triples:  # noqa: E741 -- the paper's letters
            counts[j, l] += q[i]
        if pooled:
            p = 1 + counts.sum(axis=(0, 3))
            prior = 2 * (p / p.sum(axis=0))[None, :, :, None]
        else:
            prior = (1 + 3 * np.eye(n_truths))[None, :, :, None]
        a = counts + prior
        table = digamma(a) - digamma(a.sum(axis=1, keepdims=True))
        n = 1 + q.sum(axis=0)
        m = 1 + (n - 1).sum(axis=1)
        log_prior = (digamma(m) - digamma(m.sum()))[:, None]
        log_prior = log_prior + digamma(n) - digamma(n.sum(axis=1, keepdims=True))
        log = np.tile(log_prior, (len(q), 1, 1))
        for i, j, l in triples:  # noqa: E741
            log[i] += table[j, l]
        new = np.exp(log - logsumexp(log, axis=(1, 2), keepdims=True))
        change, q = np.abs(new - q).max(), new
        if change <= stop:
            break
    return q


def plain_ensemble(votes: Votes) -> np.ndarray:
    shares = vote_shares(votes, len(votes.answers))
    plain = plain_fit(votes, shares[:, :, None], True, 1e-4)[:, :, 0]
    agreement = np.round(shares.max(axis=1), 9)
    rank = np.array([(agreement < x).sum() + ((agreement == x).sum() + 1) / 2 for x in agreement])
    centre = (np.arange(3) + 0.5) / 3
    band = np.exp(-18 * ((rank[:, None] - 0.5) / len(rank) - centre) ** 2) + 0.1
    band /= band.sum(axis=1, keepdims=True)
    start = 0.5 * (shares + plain)[:, :, None] * band[:, None, :]
    both = [plain_fit(votes, start, pooled, 1e-3).sum(axis=2) for pooled in (True, False)]
    return np.mean([shares, plain, *both], axis=0)


@pytest.mark.parametrize("n_answers", [2, 4])
def test_equals_the_plain_version(n_answers):
    votes = random_votes(np.random.default_rng(n_answers), 40, 6, n_answers, skill=0.6)
    fitted = bcc_ensemble(votes)
    assert fitted.converged
    assert fitted.states == votes.answers
    np.testing.assert_allclose(fitted.probability, plain_ensemble(votes), atol=1e-8)
    np.testing.assert_allclose(fitted.probability.sum(axis=1), 1)


@given(seed=st.integers(0, 2**32 - 1), n_answers=st.sampled_from([2, 4]))
@settings(max_examples=8)
def test_the_order_of_rows_tasks_raters_and_answers_does_not_matter(seed, n_answers):
    rng = np.random.default_rng(seed)
    votes = random_votes(rng, 50, 8, n_answers, skill=0.7)
    questions, raters = rng.permutation(50), rng.permutation(len(votes.rater_ids))
    answers, rows = rng.permutation(n_answers), rng.permutation(len(votes))
    renamed = Votes(
        pair_questions(50),
        votes.rater_ids[np.argsort(raters)],
        tuple(votes.answers[a] for a in np.argsort(answers)),
        questions[votes.question][rows],
        raters[votes.rater][rows],
        answers[votes.answer][rows],
    )
    first, second = bcc_ensemble(votes), bcc_ensemble(renamed)
    np.testing.assert_allclose(
        second.probability[questions][:, answers], first.probability, atol=1e-6
    )


def test_it_is_what_answers_that_are_truths_get_by_default():
    votes = dense_votes(np.array([[0, 0, 1, 0], [1, 1, 1, 0], [2, 2, 1, 2]]), ("ant", "bee", "cat"))
    assert choose_method(votes, None) == ("bcc-ensemble", "the answers are the truths")
    with collect_notes() as notes:
        made = make_posterior(votes=votes, options=AggregateOptions())
    (text,) = notes.texts
    assert "4 raters gave 1 votes for each of 3 answers" in text
    assert made.record.method == "bcc-ensemble"
    assert "by bcc-ensemble (the answers are the truths), converged" in made.summary
    assert made.record.probability.argmax(axis=1).tolist() == [0, 1, 2]
    with collect_notes() as notes:
        made = make_posterior(votes=votes, options=AggregateOptions(iterations=1))
    assert made.record.converged is False
    assert "NOT converged" in made.summary
    assert "NOT converged" in notes.texts[0]
    with pytest.raises(OptionError, match="tolerance goes with the method dawid-skene"):
        make_posterior(votes=votes, options=AggregateOptions(tolerance=1e-3))
    assert BCCEnsemble().fit(votes).labels_.tolist() == [0, 1, 2]


def test_many_votes_on_a_question_leave_no_chance_but_no_warning():
    answer = np.repeat(np.arange(4) % 2, 3_000).reshape(4, 3_000)
    fitted = bcc_ensemble(dense_votes(answer, ("ant", "bee")))
    assert fitted.probability[np.arange(4), [0, 1, 0, 1]].tolist() == [1.0] * 4
    assert fitted.log_probability.min() == -np.inf


def test_it_can_be_asked_for_where_maybe_counts_for_both_truths_by_half():
    votes = random_votes(np.random.default_rng(0), 200)
    assert choose_method(votes, None)[0] == "dawid-skene"
    fitted, other = bcc_ensemble(votes), majority(votes)
    assert fitted.states == ("absent", "present")
    clear = np.abs(other.present - 0.5) > 0.3
    assert ((fitted.present > 0.5) == (other.present > 0.5))[clear].all()
    mirrored = replace(votes, answer=2 - votes.answer)
    np.testing.assert_allclose(bcc_ensemble(mirrored).present, 1 - fitted.present, atol=1e-6)
    with pytest.raises(OptionError, match="max_iterations is 0"):
        bcc_ensemble(votes, max_iterations=0)


def test_a_set_of_the_benchmark_is_labelled_better_than_by_majority():
    """Music genres, ten answers: .787 of the tasks rightly, where the majority has .704."""
    folder = os.environ.get("REASSESS_DATA")
    if folder is None:
        pytest.skip("REASSESS_DATA names no folder with the truth-inference sets")
    votes, truth = _with_truth(Path(folder) / "truth-inference" / "MS.parquet")
    fitted = bcc_ensemble(votes)
    right = [_share_right(one.probability, truth) for one in (fitted, majority(votes))]
    assert right[0] == pytest.approx(0.787, abs=0.002)
    assert right[1] == pytest.approx(0.704, abs=0.002)


def _with_truth(path):
    import pyarrow.parquet as pq

    table = pq.read_table(path).to_pydict()
    votes = read_votes(path)
    truth_of = dict(zip(table["task"], table["gold"], strict=True))
    truth = [votes.answers.index(truth_of[one]) for one in votes.questions.ids.tolist()]
    return votes, np.array(truth)


def _share_right(probability, truth) -> float:
    best = np.isclose(probability, probability.max(axis=1, keepdims=True), rtol=0, atol=1e-12)
    return float((best[np.arange(len(truth)), truth] / best.sum(axis=1)).mean())
