"""Scores and ranks with what is uncertain about them, where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from reassess.aggregation import METHODS, Method, WeightedRefit, dawid_skene, reweighting
from reassess.aggregation.reweighting import Weights
from reassess.analysis import replicates, soft_labels
from reassess.analysis.replicates import Resampling, Rescorer
from reassess.analysis.sensitivity import sensitivity
from reassess.analysis.soft_labels import SoftLabels
from reassess.analysis.standings import standings
from reassess.analysis.uncertainty import UncertainScores, count_decisions, uncertain_scores
from reassess.engines import ThreadEngine
from reassess.errors import AlignmentError, DataError, OptionError
from reassess.labels import operating_point, reassessed_labels
from reassess.notes import collect_notes
from reassess.records import Benchmark, LabelSets, Pairs, Predictions, Votes
from reassess.report.rank_sentences import rank_lines
from reassess.scoring import compare, real_accuracy
from reassess.simulate import simulate_votes, simulated_raters
from reassess.statistics import intervals, wilson_interval
from tests.analysis.simulated import CLEAR, NOISY, Simulated, simulated


@pytest.fixture(scope="module")
def noisy() -> Simulated:
    return simulated(1_000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def found(noisy: Simulated) -> UncertainScores:
    return scores_of(noisy, n_resamples=60)


def scores_of(study: Simulated, seed: int = 0, **options) -> UncertainScores:
    return uncertain_scores(
        study.predictions,
        study.labels,
        votes=study.votes,
        posterior=study.posterior,
        gold=study.gold,
        rng=np.random.default_rng(seed),
        **options,
    )


def test_of_images_the_numbers_are_those_of_score_and_compare(noisy, found):
    for m, one in enumerate(noisy.predictions):
        accuracy = real_accuracy(one, noisy.labels)
        assert found.images.accuracy[m] == accuracy.value
        ends = wilson_interval(accuracy.n_correct, accuracy.n_scored)
        assert (found.images.low[m], found.images.high[m]) == pytest.approx(ends)
    comparison = compare(noisy.predictions[1], noisy.predictions[2], noisy.labels)
    assert found.difference(1, 2) == pytest.approx(
        (comparison.difference, comparison.low, comparison.high)
    )
    assert found.p_value[1, 2] == found.p_value[2, 1] == pytest.approx(comparison.p_value)
    assert found.n_only[1, 2] == len(comparison.only_a)
    assert found.images.rank.tolist() == [1, 2, 3, 4]


def test_calibrated_accuracies_hold_the_truth(noisy, found):
    """The threshold leaves every fourth image without a label; gold knows of one in ten."""
    assert noisy.labels.sizes.astype(bool).mean() < 0.75  # of images; nine in ten have a label
    error = np.sqrt(np.diag(found.uncertainty.covariance))
    assert (np.abs(found.both.accuracy - noisy.truth) < 2.5 * error).all()
    apart = found.both.accuracy[0] - found.both.accuracy[3]
    assert apart == pytest.approx(noisy.truth[0] - noisy.truth[3], abs=0.04)
    assert found.both.rank.tolist() == [1, 2, 3, 4]


def test_where_labels_are_certain_both_kinds_of_interval_agree():
    clear = simulated(600, np.random.default_rng(1), rater=CLEAR, n_gold=150)
    found = scores_of(clear, n_resamples=60)
    assert found.images.accuracy == pytest.approx(clear.truth, abs=1e-3)
    assert found.both.accuracy == pytest.approx(clear.truth, abs=0.02)
    width = found.both.high - found.both.low
    assert (width > 0.9 * (found.images.high - found.images.low)).all()
    assert np.sqrt(found.uncertainty.of_labels.diagonal()).max() < 1e-3
    assert [one.decision for one in found.adjacent()] == ["decided"] * 3
    assert max(one.p_swap for one in found.adjacent()) < 1e-6


def test_over_confident_posteriors_are_drawn_back(noisy):
    """Every vote appears twice: posteriors claim more, gold says so, and the scores stay."""
    votes = noisy.votes
    names = np.concatenate([votes.rater_ids, np.char.add(votes.rater_ids, "-again")])
    doubled = Votes(
        votes.questions,
        names,
        votes.answers,
        np.tile(votes.question, 2),
        np.concatenate([votes.rater, votes.rater + len(votes.rater_ids)]),
        np.tile(votes.answer, 2),
    )
    loud = replace(noisy, votes=doubled, posterior=dawid_skene(doubled))
    honest, boastful = (scores_of(one, n_resamples=40) for one in (noisy, loud))
    slopes = [one.uncertainty.coefficients[1] for one in (honest, boastful)]
    assert slopes[1] < 0.75 * slopes[0]
    assert boastful.both.accuracy == pytest.approx(honest.both.accuracy, abs=0.02)


def test_the_order_of_models_and_the_threads_change_nothing(noisy, found):
    turned = replace(noisy, predictions=noisy.predictions[::-1])
    with ThreadEngine(1) as alone, ThreadEngine(3) as many:
        one = scores_of(turned, n_resamples=40, engine=alone)
        three = scores_of(turned, n_resamples=40, engine=many)
    assert one.both.low.tobytes() == three.both.low.tobytes()
    assert one.images.best.tobytes() == three.images.best.tobytes()
    assert one.both.accuracy[::-1] == pytest.approx(found.both.accuracy, abs=1e-5)
    assert one.p_holm[::-1, ::-1] == pytest.approx(found.p_holm)


def test_what_is_held_at_once_changes_nothing_but_the_last_digits(noisy, monkeypatch):
    """Blocks of questions and of images to the byte; fewer resamples at once by rounding alone."""
    refit = WeightedRefit.build(noisy.votes, noisy.posterior)
    rng = np.random.default_rng(0)
    n_questions, n_bytes = refit.coded.n_questions, (len(noisy.votes) + 7) // 8
    weights = [
        one
        for n in (1, 3)
        for one in (
            Weights(n, question=rng.integers(0, 3, (n, n_questions)).astype(float)),
            Weights(n, half_sample=rng.integers(256, size=(n, n_bytes), dtype=np.uint8)),
        )
    ]
    whole, found = [refit.again(one) for one in weights], scores_of(noisy, n_resamples=40)
    monkeypatch.setattr(reweighting, "_QUESTIONS_AT_ONCE", 100)
    monkeypatch.setattr(intervals, "_ROWS_AT_ONCE", 64)
    for one, expected in zip(weights, whole, strict=True):
        assert refit.again(one).tobytes() == expected.tobytes()
    in_blocks = scores_of(noisy, n_resamples=40)
    assert in_blocks.uncertainty.covariance.tobytes() == found.uncertainty.covariance.tobytes()
    assert in_blocks.images.best.tobytes() == found.images.best.tobytes()
    monkeypatch.setattr(replicates, "_MOST_CELLS", 3 * n_questions)
    monkeypatch.setattr(soft_labels, "_ROWS_AT_ONCE", 100)
    fewer = scores_of(noisy, n_resamples=40)
    assert fewer.both.low == pytest.approx(found.both.low, abs=1e-6)
    assert fewer.both.accuracy == pytest.approx(found.both.accuracy, abs=1e-6)


def test_two_equal_models_are_never_told_apart(noisy):
    twin = replace(noisy.predictions[0], model="twin")
    study = replace(noisy, predictions=(noisy.predictions[0], twin, noisy.predictions[3]))
    found = scores_of(study, n_resamples=60)
    first = found.adjacent()[0]
    assert {first.better, first.worse} == {"m0", "twin"}
    assert (first.difference, first.p_value, first.decision) == (0.0, 1.0, "images")
    assert (first.calibrated, first.p_swap) == pytest.approx((0.0, 0.0))
    assert found.both.best.tolist() == [1, 1, 3]
    assert found.both.worst.tolist() == [2, 2, 3]


def test_neighbours_are_open_where_only_what_nobody_was_asked_about_decides():
    """The newcomer names class 2 on 40 of 100 images, about which raters were not asked."""
    ids = np.array([f"i{n:03}" for n in range(400)])
    asked = Pairs(ids, np.repeat(np.arange(400), 2), np.tile([0, 1], 400))
    sets = LabelSets.from_lists("pool's", ids, [[0]] * 400, n_classes=3, asked=asked)
    member = Predictions("member", ids, (np.arange(400)[:, None] % 10 >= 9).astype(int))
    newcomer = Predictions("new", ids, 2 * (np.arange(400)[:, None] % 10 >= 6).astype(int))
    poor = Predictions("poor", ids, (np.arange(400)[:, None] % 10 >= 2).astype(int))
    models = (newcomer, poor, member)
    found = uncertain_scores(models, sets, n_resamples=40, rng=np.random.default_rng(0))
    first, second = found.adjacent()
    assert (first.better, first.worse, first.decision) == ("member", "new", "unasked")
    assert (first.unasked_low, first.unasked_high) == pytest.approx((-0.1, 0.3))
    assert (second.worse, second.decision) == ("poor", "decided")
    assert count_decisions(found.adjacent())["unasked"] == 1
    assert compare(member, newcomer, sets).decision == "cannot tell"
    told = " ".join(rank_lines(found, None))
    assert "1 undecided because of predictions that raters did not see" in told
    assert "160 of new, which lies between 60.00% and 100.00%" in told
    _, pairs = standings(models, sets, Benchmark("b", ids))
    assert [one.difference.decided for one in pairs] == [False, True]


def test_close_models_would_swap_under_other_raters(noisy):
    """Models that differ on a few uncertain images: other raters decide between them."""
    classes = noisy.predictions[1].ranked_classes.copy()
    classes[:10] = noisy.predictions[2].ranked_classes[:10]
    close = replace(noisy.predictions[1], model="close", ranked_classes=classes)
    found = scores_of(replace(noisy, predictions=(noisy.predictions[1], close)), n_resamples=60)
    assert 0.01 < found.p_swap(0, 1) <= 0.5
    assert found.p_swap(0, 1) == found.p_swap(1, 0)


def test_swap_probabilities_are_the_variance_among_raters_who_rate_the_same_images_again():
    """Half samples of raters changed how many votes a question has: four times too large."""
    rng = np.random.default_rng(8)
    study, apart, votes, labels = simulated(600, rng), [], [], []
    for _ in range(12):
        confusion = simulated_raters(20, rng, mean=NOISY, concentration=200.0)
        again = simulate_votes(study.votes.questions, study.holds, confusion, rng=rng)
        soft = SoftLabels.of(study.predictions, study.labels, again.questions)
        refit = WeightedRefit.build(again, dawid_skene(again), gold=study.gold)
        scoring = Rescorer.of(soft, refit, again.questions, study.gold)
        accuracy = soft.accuracies(scoring.evidence(Resampling()))[0]
        apart.append(accuracy[:, None] - accuracy)
        for kept, covariance in zip((votes, labels), scoring.label_noise(), strict=True):
            kept.append(spread(covariance))
    upper = np.triu_indices(4, 1)
    seen = np.var(apart, axis=0, ddof=1)[upper].mean()
    assert 0.6 < np.mean(votes, axis=0)[upper].mean() / seen < 1.7
    wrong = ((np.array(apart) - (study.truth[:, None] - study.truth)) ** 2).mean(axis=0)
    assert 0.5 < np.mean(labels, axis=0)[upper].mean() / wrong[upper].mean() < 2


def spread(covariance):
    """Variance of the difference of each two models."""
    of_each = np.diag(covariance)
    return of_each[:, None] + of_each - 2 * covariance


def test_errors_that_raters_share_may_reverse_an_order_that_other_raters_would_not_swap():
    """Gold says that a fifth of what raters see is wrong; they would see the same again."""
    rng = np.random.default_rng(9)
    study = simulated(800, rng)
    seen = study.holds ^ (rng.random(len(study.holds)) < 0.2)
    raters = simulated_raters(20, rng, mean=CLEAR, concentration=200.0)
    votes = simulate_votes(study.votes.questions, seen, raters, rng=rng)
    found = scores_of(replace(study, votes=votes, posterior=dawid_skene(votes)), n_resamples=40)
    of_votes, of_labels = (
        spread(kind)[0, 1] for kind in (found.uncertainty.of_votes, found.uncertainty.of_labels)
    )
    assert of_votes < 0.1 * of_labels
    for one in found.adjacent():
        assert one.p_swap <= one.p_reversed


def test_pairs_that_images_decide_are_left_open_by_labels_that_vary_more(noisy):
    found = scores_of(noisy, n_resamples=40)
    by_images = [one.low > 0 for one in found.adjacent()]
    assert any(by_images)
    uncertainty = found.uncertainty
    vague = replace(uncertainty, covariance=1e6 * uncertainty.covariance)
    told = replace(found, uncertainty=vague).adjacent()
    assert [one.decision for one in told] == ["labels" if sure else "images" for sure in by_images]
    assert count_decisions(told) == {
        "decided": 0, "images": by_images.count(False), "labels": by_images.count(True),
        "unasked": 0,
    }  # fmt: skip
    certain = replace(found, both=None, uncertainty=None).adjacent()
    assert [one.decision == "decided" for one in certain] == by_images


def test_without_votes_only_images_are_uncertain(noisy):
    found = uncertain_scores(
        noisy.predictions, noisy.labels, n_resamples=50, rng=np.random.default_rng(0)
    )
    assert found.both is None
    assert found.adjacent()[0].p_swap is None
    with pytest.raises(DataError, match="no votes were given"):
        found.calibrated_difference(0, 1)
    with pytest.raises(DataError, match="given together"):
        uncertain_scores(
            noisy.predictions, noisy.labels, votes=noisy.votes, rng=np.random.default_rng(0)
        )


def test_a_method_without_refit_leaves_the_labels_uncertainty_out_and_says_why(noisy):
    """Not taken for another method, as an unknown one once was for calibrated."""
    METHODS.register(Method("toy", lambda _: noisy.posterior, "a toy", "aggregated by a toy"))
    try:
        found = scores_of(replace(noisy, posterior=replace(noisy.posterior, method="toy")))
    finally:
        METHODS.unregister("toy")
    elsewhere = scores_of(replace(noisy, posterior=replace(noisy.posterior, method="glad")))
    for one, reason in ((found, "'toy' declares no refit"), (elsewhere, "'glad', which is none")):
        assert (one.both, one.uncertainty) == (None, None)
        assert reason in str(one.no_label_uncertainty)
        assert str(one.no_label_uncertainty) in rank_lines(one, None)[-1]
    certain = uncertain_scores(noisy.predictions, noisy.labels, rng=np.random.default_rng(0))
    assert found.images.worst.tolist() == certain.images.worst.tolist()
    assert scores_of(noisy, n_resamples=40).no_label_uncertainty is None


def test_without_gold_posteriors_are_taken_as_they_are(noisy):
    found = scores_of(replace(noisy, gold=None), n_resamples=40)
    assert found.uncertainty.coefficients is None
    assert found.uncertainty.n_gold == 0


def test_what_does_not_fit_is_refused(noisy):
    with pytest.raises(OptionError, match="resamples is 1"):
        scores_of(noisy, n_resamples=1)
    with pytest.raises(OptionError, match="confidence is 2"):
        scores_of(noisy, n_resamples=40, confidence=2.0)
    experts = replace(noisy.gold.votes, answer=np.zeros(len(noisy.gold.votes), dtype=int))
    with pytest.raises(DataError, match="some must hold and some must not"):
        scores_of(replace(noisy, gold=replace(noisy.gold, votes=experts)), n_resamples=40)
    fewer = noisy.predictions[0].reindex(noisy.predictions[0].image_ids[:100])
    with pytest.raises(AlignmentError, match="missing"):
        scores_of(replace(noisy, predictions=(noisy.predictions[1], fewer)), n_resamples=40)
    strange = [replace(one, image_ids=np.char.add("x", one.image_ids)) for one in noisy.predictions]
    ids = np.char.add("x", noisy.labels.image_ids)
    labels = replace(noisy.labels, image_ids=ids, asked=None)
    with pytest.raises(DataError, match="none of their images"):
        scores_of(replace(noisy, predictions=strange, labels=labels), n_resamples=40)


def test_votes_on_which_the_labels_do_not_rest_are_noted_or_refused(noisy: Simulated) -> None:
    known = replace(noisy, votes=noisy.votes.with_hash("a" * 64))
    known = replace(known, posterior=replace(noisy.posterior, votes_sha256="a" * 64))
    for of_labels, n_notes in (("a" * 64, 0), ("b" * 64, 1), (None, 0)):
        with collect_notes() as notes:
            scores_of(
                replace(known, labels=replace(noisy.labels, votes_sha256=of_labels)), n_resamples=40
            )
        assert [text for text in notes.texts if "decided on other votes" in text] == notes.texts
        assert len(notes.texts) == n_notes
    fewer = known.votes.take(known.votes.question != 7)
    other = replace(known, labels=replace(noisy.labels, votes_sha256="b" * 64), votes=fewer)
    with pytest.raises(DataError, match=r"rests on it; 1 of its 3,000 questions have none"):
        scores_of(other, n_resamples=40)


def test_scores_at_other_thresholds_are_those_of_labels_decided_there(noisy):
    found = sensitivity(noisy.predictions, noisy.labels, noisy.posterior, (0.3, 0.8, 0.99))
    for t, threshold in enumerate(found.thresholds):
        point = operating_point(noisy.posterior, threshold=threshold)
        labels = reassessed_labels(noisy.posterior, noisy.benchmark, point)
        expected = [real_accuracy(one, labels) for one in noisy.predictions]
        assert found.accuracy[t] == pytest.approx([one.value for one in expected])
        assert found.n_unlabelled[t] == expected[0].n_unlabelled
        assert found.n_labels[t] == len(labels.indices)
    with pytest.raises(OptionError, match="threshold is 0"):
        sensitivity(noisy.predictions, noisy.labels, noisy.posterior, (0.0,))


def test_usual_thresholds_hold_the_labels_own_and_leave_out_those_that_keep_nothing(noisy):
    point = operating_point(noisy.posterior, threshold=0.42)
    labels = reassessed_labels(noisy.posterior, noisy.benchmark, point)
    found = sensitivity(noisy.predictions, labels, noisy.posterior)
    assert found.thresholds == (0.42, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
    expected = [real_accuracy(one, labels).value for one in noisy.predictions]
    assert found.accuracy[0] == pytest.approx(expected)

    def unsure(most):
        present = 0.1 + (most - 0.1) * noisy.posterior.present
        both = np.log(np.column_stack([1 - present, present]))
        return replace(noisy.posterior, log_probability=both)

    assert sensitivity(noisy.predictions, labels, unsure(0.65)).thresholds == (0.42, 0.5, 0.6)
    with pytest.raises(OptionError, match=r"at the threshold 0\.8 no image keeps a label"):
        sensitivity(noisy.predictions, labels, unsure(0.65), (0.8,))
    assert sensitivity(noisy.predictions, labels, unsure(0.3)) is None
