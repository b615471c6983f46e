"""Cleaning: by hand, and against cleanlab on the same predictions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import DataError
from reassess.training.cleaning import clean, confident_thresholds

cleanlab = pytest.importorskip("cleanlab.filter", reason="cleanlab is not installed")

THEIRS = {"disagree": "predicted_neq_given", "confident": "confident_learning"}


def noisy(seed: int, n: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions that know the truth a little, and labels of which a third is wrong."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)])
    logits = rng.normal(0, 1, (n, n_classes)) + 2 * np.eye(n_classes)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(n) < 0.3
    wrong[:n_classes] = False  # cleanlab wants every class among the labels
    return probabilities, np.where(wrong, rng.integers(0, n_classes, n), truth)


@pytest.mark.parametrize("rule", ["disagree", "confident"])
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_what_is_removed_is_what_cleanlab_finds(rule, seed, n_classes):
    probabilities, label = noisy(seed, 60, n_classes)
    theirs = cleanlab.find_label_issues(
        label, probabilities, filter_by=THEIRS[rule], n_jobs=1, min_examples_per_class=0
    )
    assert (~clean(probabilities, label, rule).kept).tolist() == theirs.tolist()


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("rule", ["disagree", "confident"])
def test_it_is_on_published_out_of_fold_predictions_too(rule, published):
    probabilities = np.load(published.path("cifar10/cifar10_test_set_pyx.npy"))
    rng = np.random.default_rng(0)
    guess = probabilities.argmax(axis=1)
    label = np.where(rng.random(len(guess)) < 0.2, rng.integers(0, 10, len(guess)), guess)
    theirs = cleanlab.find_label_issues(
        label, probabilities, filter_by=THEIRS[rule], n_jobs=1, min_examples_per_class=0
    )
    assert (~clean(probabilities, label, rule).kept).tolist() == theirs.tolist()


def test_by_hand():
    """Class 0's threshold is 0.6 (mean of .9 and .3), class 1's 0.5 (mean of .4 and .6)."""
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.4, 0.6]])
    label = np.array([0, 0, 1, 1])
    assert confident_thresholds(probabilities, label).tolist() == pytest.approx([0.6, 0.5])
    found = clean(probabilities, label)
    assert found.kept.tolist() == [True, False, False, True]
    assert found.predicted.tolist() == [0, 1, 0, 1]
    assert found.p_label.tolist() == [0.9, 0.3, 0.4, 0.6]
    assert found.p_predicted.tolist() == [0.9, 0.7, 0.6, 0.6]
    found = clean(np.array([[0.55, 0.45], [0.9, 0.1], [0.2, 0.8]]), np.array([1, 0, 1]))
    assert found.kept.tolist() == [False, True, True]


def test_ties_keep_the_label_and_labels_are_checked():
    half = np.tile([0.4, 0.4, 0.2], (2, 1))
    assert clean(half, np.array([0, 1])).kept.all()
    with pytest.raises(DataError, match=r"label\[1\] is 3"):
        clean(half, np.array([0, 3]))
    with pytest.raises(DataError, match=r"score\[0, 1\] is nan"):
        clean(np.array([[0.5, np.nan]]), np.array([0]))
    with pytest.raises(DataError, match=r"every score of row 1 is 0\.0.* 1 of 2 rows seem never"):
        clean(np.array([[0.5, 0.4], [0, 0]]), np.array([0, 1]))
    assert clean(np.array([[1.0000054, 0]], np.float32), np.array([0])).p_label.tolist() == [1]
