"""Posteriors as gold has them, beside the raw ones; estimates inside their intervals."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from reassess.aggregation import calibrated, dawid_skene
from reassess.analysis.uncertainty import uncertain_scores
from reassess.files import read_labels, read_posterior, write_labels, write_posterior
from reassess.labels import calibrate, operating_point, reassessed_labels
from reassess.pipeline import AggregateOptions, make_posterior
from reassess.records import Benchmark
from reassess.statistics.calibration import (
    expected_calibration_error,
    isotonic_curve,
    platt_curve,
)
from tests.analysis.simulated import simulated
from tests.test_labels import gold_images, gold_of, posterior_of


def test_platt_finds_the_slope_of_over_confident_odds():
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 4, 20_000)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-0.5 - 0.35 * odds))
    asked = np.linspace(-8, 8, 9)
    expected = 1 / (1 + np.exp(-0.5 - 0.35 * asked))
    np.testing.assert_allclose(platt_curve(odds, truth)(asked), expected, atol=0.02)
    contrary = platt_curve(odds, ~truth)(asked)
    np.testing.assert_allclose(contrary, (~truth).mean(), atol=0.01)  # never falling


def test_isotonic_steps_are_scikit_learns():
    rng = np.random.default_rng(1)
    odds = rng.normal(0, 2, 300).round(1)
    truth = rng.random(300) < 1 / (1 + np.exp(-odds))
    peer = IsotonicRegression(y_min=1 / 302, y_max=301 / 302, out_of_bounds="clip")
    asked = np.linspace(-7, 7, 41)
    np.testing.assert_allclose(
        isotonic_curve(odds, truth)(asked), peer.fit(odds, truth).predict(asked), atol=1e-9
    )


def test_the_calibration_error_by_hand():
    """Two bins: .05 said of two of which one holds, .95 said of two that hold."""
    said = np.array([0.05, 0.05, 0.95, 0.95])
    truth = np.array([True, False, True, True])
    assert expected_calibration_error(said, truth) == pytest.approx((2 * 0.45 + 2 * 0.05) / 4)
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0


@given(seed=st.integers(0, 2**32 - 1))
def test_calibrated_posteriors_are_probabilities_and_keep_the_order(seed):
    rng = np.random.default_rng(seed)
    posterior, truth = gold_images(rng, int(rng.integers(2, 60)))
    found, how = calibrate(posterior, gold_of(posterior, truth))
    if how is None:
        assert found is posterior
        return
    assert found.calibrated.min() >= 0
    assert found.calibrated.max() <= 1
    order = np.argsort(posterior.present)
    assert (np.diff(found.calibrated[order]) >= -1e-12).all()
    np.testing.assert_array_equal(found.log_probability, posterior.log_probability)


def test_calibration_holds_on_questions_that_are_not_gold():
    errors = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        posterior, truth = gold_images(rng, 600)
        asked = posterior.questions.pairs.image < 200
        gold = gold_of(posterior, truth)
        gold = type(gold)(gold.votes.take(asked[gold.votes.question]))
        found, how = calibrate(posterior, gold)
        assert how.n_gold == asked.sum()
        errors.append((
            expected_calibration_error(posterior.present[~asked], truth[~asked]),
            expected_calibration_error(found.calibrated[~asked], truth[~asked]),
            how.calibrated_error,
        ))  # fmt: skip
    raw, after, foretold = np.mean(errors, axis=0)
    assert after < 0.5 * raw
    assert foretold == pytest.approx(after, abs=0.02)


def test_the_published_gold_halves_the_error(published):
    """Expected calibration error .062 raw, .019 cross-fitted; log-loss .314 and .215."""
    gold, votes = published.gold("imagenet-gold"), published.votes("imagenet-votes")
    posterior = calibrated(votes, gold, gold_votes=published.votes("imagenet-gold-votes"))
    _, how = calibrate(posterior, gold)
    assert how.curve == "platt"
    assert how.error > 0.05
    assert how.calibrated_error < 0.025
    assert how.calibrated_log_loss == pytest.approx(0.217, abs=0.005)


def test_both_are_released(tmp_path):
    """In the posterior's archive, and with each label; what was not rated is certain."""
    posterior, truth = gold_images(np.random.default_rng(3), 80)
    found, _ = calibrate(posterior, gold_of(posterior, truth))
    write_posterior(found, tmp_path / "p.npz")
    read = read_posterior(tmp_path / "p.npz")
    np.testing.assert_array_equal(read.calibrated, found.calibrated)
    ids = np.append(found.questions.pairs.image_ids, "unrated.png")
    benchmark = Benchmark("toy", ids, np.zeros(len(ids), int))
    labels = reassessed_labels(read, benchmark, operating_point(read))
    kept = found.present >= 0.8
    assert sorted(labels.calibrated[:-1]) == pytest.approx(sorted(found.calibrated[kept]))
    assert labels.calibrated[-1] == 1
    for name in ("l.json", "l.parquet"):
        write_labels(labels, tmp_path / name)
        again = read_labels(tmp_path / name)
        assert again.calibrated == pytest.approx(labels.calibrated)
        assert again.posterior == pytest.approx(labels.posterior)
    assert "calibrated" in json.loads((tmp_path / "l.json").read_text())
    few = posterior_of([0.2, 0.9, 0.7])
    assert calibrate(few, gold_of(few, np.array([False, True, True])))[1] is None


def test_the_summary_says_how_and_what_it_gains():
    study = simulated(300, np.random.default_rng(0), n_gold=100)
    made = make_posterior(
        votes=study.votes, gold=study.gold, options=AggregateOptions(method="dawid-skene")
    )
    how = made.details.calibration
    assert f"on {how.n_gold:,} gold questions" in made.summary
    assert f"cross-fitted {how.calibrated_error:.3f}" in made.summary
    alone = make_posterior(votes=study.votes, options=AggregateOptions())
    assert alone.details.calibration is None
    assert alone.record.calibrated is None
    np.testing.assert_array_equal(
        made.record.log_probability, dawid_skene(study.votes).log_probability
    )


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_calibrated_accuracies_lie_in_their_intervals_and_in_0_and_1(seed, monkeypatch):
    """Strong models, poor raters: the correction for attenuation gives 1.005 to 1.04 here."""
    rater = ((0.75, 0.1, 0.15), (0.4, 0.2, 0.4))
    monkeypatch.setattr("tests.analysis.simulated.SKILL", (0.999, 0.995, 0.99, 0.5))
    study = simulated(60, np.random.default_rng(seed), rater=rater, n_gold=30)
    found = uncertain_scores(
        study.predictions, study.labels, votes=study.votes, posterior=study.posterior,
        gold=study.gold, n_resamples=40, rng=np.random.default_rng(seed),
    )  # fmt: skip
    for ranked in (found.images, found.both):
        assert (ranked.low >= 0).all()
        assert (ranked.low <= ranked.accuracy).all()
        assert (ranked.accuracy <= ranked.high).all()
        assert (ranked.high <= 1).all()
        assert (ranked.best <= ranked.rank).all()
        assert (ranked.rank <= ranked.worst).all()
