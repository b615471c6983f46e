"""Two models on the same images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reassess.errors import AlignmentError
from reassess.records import LabelSets, Predictions
from reassess.scoring import compare, real_accuracy


def study(seed, n=200):
    rng = np.random.default_rng(seed)
    ids = np.array([f"{i}.png" for i in range(n)])
    truth = rng.integers(0, 4, n)
    labels = LabelSets.from_lists(
        "toy", ids, [[t] if rng.random() < 0.9 else [] for t in truth.tolist()]
    )
    models = []
    for name, skill in (("a", 0.8), ("b", 0.6)):
        top = np.where(rng.random(n) < skill, truth, rng.integers(0, 4, n))
        models.append(Predictions(name, ids, top[:, None]))
    return *models, labels


@given(seed=st.integers(0, 2**32 - 1))
def test_agrees_with_the_accuracies_and_scipy(seed):
    a, b, labels = study(seed)
    found = compare(a, b, labels)
    assert found.difference == pytest.approx(
        real_accuracy(a, labels).value - real_accuracy(b, labels).value
    )
    assert found.low <= found.difference <= found.high
    n_a, n_b = len(found.only_a), len(found.only_b)
    assert found.p_value == pytest.approx(stats.binomtest(n_a, n_a + n_b).pvalue)
    assert found.n_scored == int((labels.sizes > 0).sum())


@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_of_models_does_not_matter(seed):
    a, b, labels = study(seed)
    rows = np.random.default_rng(seed).permutation(200)
    shuffled = Predictions("b", b.image_ids[rows], b.ranked_classes[rows])
    one, two, back = compare(a, b, labels), compare(a, shuffled, labels), compare(b, a, labels)
    assert (one.low, one.high, one.only_a.tolist()) == (two.low, two.high, two.only_a.tolist())
    assert (back.low, back.high) == pytest.approx((-one.high, -one.low))
    assert back.only_a.tolist() == one.only_b.tolist()


def test_the_same_model_does_not_differ_from_itself():
    a, _, labels = study(0)
    found = compare(a, a, labels)
    assert (found.difference, found.p_value) == (0.0, 1.0)
    assert found.low < 0 < found.high


def test_models_must_have_seen_the_same_images():
    a, b, labels = study(1)
    with pytest.raises(AlignmentError, match="in one of them only"):
        compare(a, b.reindex(b.image_ids[:100]), labels)
