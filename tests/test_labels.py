"""From posteriors to labels: the curve, the operating point, the sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from reassess.errors import DataError, OptionError
from reassess.labels import operating_point, precision_recall, reassessed_labels
from reassess.records import Benchmark, Gold, OperatingPoint, Pairs, Posterior, Questions, Votes


def posterior_of(present, image=None, label=None):
    present = np.asarray(present, dtype=float)
    image = np.arange(len(present)) if image is None else np.asarray(image)
    label = np.zeros(len(present), dtype=int) if label is None else np.asarray(label)
    ids = np.array([f"{i}.png" for i in range(image.max() + 1)])
    with np.errstate(divide="ignore"):
        log_probability = np.log(np.stack([1 - present, present], axis=1))
    return Posterior(
        Questions.from_pairs(Pairs(ids, image, label)),
        ("absent", "present"),
        log_probability,
        "by hand",
        ("no", "maybe", "yes"),
        np.array(["r"]),
        votes_sha256="0" * 64,
    )


def gold_of(posterior, truth):
    n = len(truth)
    votes = Votes(
        posterior.questions,
        np.array(["expert"]),
        ("no", "maybe", "yes"),
        np.arange(n),
        np.zeros(n, dtype=int),
        np.where(truth, 2, 0),
    )
    return Gold(votes)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_curve_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    present = rng.choice([0.1, 0.2, 0.5, 0.7, 0.9], 40)
    truth = rng.random(40) < present
    truth[0] = True
    posterior = posterior_of(present)
    curve = precision_recall(posterior, gold_of(posterior, truth))
    precision, recall, threshold = precision_recall_curve(truth, posterior.present)
    np.testing.assert_allclose(curve.threshold, threshold)
    np.testing.assert_allclose(curve.precision, precision[:-1])
    np.testing.assert_allclose(curve.recall, recall[:-1])


@given(seed=st.integers(0, 2**32 - 1), target=st.floats(0.05, 0.95))
def test_rules_reach_their_target_and_nothing_beats_them(seed, target):
    rng = np.random.default_rng(seed)
    present = rng.random(60).round(2)
    truth = rng.random(60) < present
    truth[np.argmax(present)] = True
    posterior = posterior_of(present)
    gold = gold_of(posterior, truth)
    curve = precision_recall(posterior, gold)
    if curve.precision.max() >= target:
        point = operating_point(posterior, rule="recall-at-precision", target=target, gold=gold)
        assert point.precision >= target
        assert point.recall == curve.recall[curve.precision >= target].max()
    point = operating_point(posterior, rule="precision-at-recall", target=target, gold=gold)
    assert point.recall >= target
    assert point.precision == curve.precision[curve.recall >= target].max()
    best = operating_point(posterior, rule="f1", gold=gold)
    f1 = 2 * curve.precision * curve.recall / np.maximum(curve.precision + curve.recall, 1e-12)
    ours = 2 * best.precision * best.recall / (best.precision + best.recall)
    assert ours == pytest.approx(f1.max())
    again = operating_point(posterior, threshold=point.threshold, gold=gold)
    assert (again.precision, again.recall) == (point.precision, point.recall)


def test_labels_by_hand():
    """At 0.8, inclusive: image 0 keeps two labels, 1 none, 2 was not rated."""
    posterior = posterior_of([0.8, 0.95, 0.79, 0.1], image=[0, 0, 1, 1], label=[4, 1, 0, 3])
    benchmark = Benchmark("toy", np.array(["0.png", "2.png", "1.png"]), np.array([4, 2, 0]))
    labels = reassessed_labels(posterior, benchmark, OperatingPoint("threshold", 0.8))
    assert labels.lists() == [[1, 4], [2], []]
    assert labels.rated.tolist() == [True, False, True]
    np.testing.assert_allclose(labels.posterior, [0.95, 0.8, 1.0])
    assert labels.votes_sha256 == "0" * 64


def test_a_threshold_that_keeps_nothing_is_refused():
    posterior = posterior_of([0.3, 0.2])
    benchmark = Benchmark("toy", np.array(["0.png", "1.png"]), np.array([0, 0]))
    with pytest.raises(DataError, match="all 2 label sets are empty"):
        reassessed_labels(posterior, benchmark, OperatingPoint("threshold", 0.8))


def test_rules_say_what_they_need():
    posterior = posterior_of([0.3, 0.9])
    gold = gold_of(posterior, np.array([True, False]))
    with pytest.raises(OptionError, match="needs gold"):
        operating_point(posterior, rule="f1")
    with pytest.raises(OptionError, match="needs a target"):
        operating_point(posterior, rule="recall-at-precision", gold=gold)
    with pytest.raises(OptionError, match=r"the highest reached on gold is 0\.500"):
        operating_point(posterior, rule="recall-at-precision", target=0.9, gold=gold)
    with pytest.raises(OptionError, match="takes no target"):
        operating_point(posterior, rule="f1", target=0.9, gold=gold)
    with pytest.raises(OptionError, match="chooses the threshold"):
        operating_point(posterior, rule="f1", threshold=0.9, gold=gold)
    with pytest.raises(OptionError, match="threshold is 4"):
        operating_point(posterior, threshold=4.0)
