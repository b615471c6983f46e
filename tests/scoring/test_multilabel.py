"""Metrics of predicted sets: by hand, against scikit-learn, and what cannot be said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    precision_score,
    recall_score,
)

from reassess.errors import DataError, OptionError
from reassess.records import LabelSets, Predictions
from reassess.scoring import SetRule, multilabel_metrics

IDS = np.array(["a", "b", "c", "d"])


def test_by_hand():
    labels = LabelSets.from_lists("toy", IDS, [[0, 2], [1], [], [2]], n_classes=3)
    ranked = np.array([[2, 0, 1], [0, 1, 2], [1, 0, 2], [2, 1, 0]])
    model = Predictions("net", IDS[::-1], ranked[::-1])
    two = multilabel_metrics(model, labels, k=2)
    assert (two.n_scored, two.n_unlabelled, two.n_exact) == (3, 1, 1)
    assert (two.precision, two.recall, two.f1) == (4 / 6, 1.0, 0.8)
    assert two.macro_precision == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert (two.subset_accuracy, two.mean_average_precision) == (1 / 3, None)
    one = multilabel_metrics(model, labels)
    assert (one.rule, one.precision, one.recall, one.n_exact) == ("top-1", 2 / 3, 0.5, 1)
    none = multilabel_metrics(model, LabelSets.from_lists("empty", IDS, [[], [], [], []]))
    assert (none.precision, none.macro_f1, none.subset_accuracy) == (None, None, None)
    assert str(none) == "net, top-1: no image to judge"


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), is_coarse=st.booleans())
def test_equals_scikit_learn(seed, is_coarse):
    """With many ties and without, for both rules, on images that have a label."""
    rng = np.random.default_rng(seed)
    n, n_classes = 30, 6
    truth = rng.random((n, n_classes)) < 0.3
    truth[0, 0] = True
    scores = rng.random((n, n_classes))
    scores = np.round(scores * 4) / 4 if is_coarse else scores
    ids = [f"{i}.png" for i in range(n)]
    labels = LabelSets.from_multihot("random", ids, truth)
    order = rng.permutation(n)
    ranked = np.argsort(-scores, axis=1, kind="stable")
    model = Predictions(
        "net", [ids[i] for i in order], ranked[order],
        np.take_along_axis(scores, ranked, axis=1)[order], "probability", n_classes,
    )  # fmt: skip
    kept = truth.any(axis=1)
    best = np.zeros_like(truth)
    np.put_along_axis(best, ranked[:, :2], True, axis=1)
    for rule, chosen in ((SetRule(k=2), best), (SetRule(threshold=0.5), scores >= 0.5)):
        found = multilabel_metrics(model, labels, k=rule.k, threshold=rule.threshold)
        of, said = truth[kept], chosen[kept]
        for name, metric in (("precision", precision_score), ("recall", recall_score),
                             ("f1", f1_score)):  # fmt: skip
            for average, mine in (("micro", name), ("macro", f"macro_{name}")):
                expected = metric(of, said, average=average, zero_division=np.nan)
                assert getattr(found, mine) == pytest.approx(expected)
        assert found.subset_accuracy == pytest.approx(accuracy_score(of, said))
        labelled = of.any(axis=0)
        expected = average_precision_score(of[:, labelled], scores[kept][:, labelled])
        assert found.mean_average_precision == pytest.approx(expected)


def test_what_cannot_be_said_is_refused():
    labels = LabelSets.from_lists("toy", IDS, [[0, 2], [1], [], [2]], n_classes=3)
    short = Predictions("net", IDS, np.array([[0, 1]] * 4), np.array([[0.9, 0.6]] * 4),
                        "probability", 3)  # fmt: skip
    with pytest.raises(DataError, match=r"all 2 classes .* 'a'.* score at least 0.5.*4 images"):
        multilabel_metrics(short, labels, threshold=0.5)
    assert multilabel_metrics(short, labels, threshold=0.7).n_predicted.tolist() == [3, 0, 0]
    with pytest.raises(DataError, match="without scores"):
        multilabel_metrics(Predictions("net", IDS, [[0]] * 4), labels, threshold=0.5)
    with pytest.raises(OptionError, match=r"\[1, 2\]"):
        multilabel_metrics(short, labels, k=3)
    with pytest.raises(OptionError, match="both"):
        multilabel_metrics(short, labels, k=1, threshold=0.5)
    for text in ("top2", "top-", "nan", "most"):
        with pytest.raises(OptionError, match="top-K"):
            SetRule.read(text)
    assert (SetRule.read("top-2"), SetRule.read("0.25")) == (SetRule(k=2), SetRule(None, 0.25))
