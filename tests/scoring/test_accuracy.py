"""Accuracies: by hand, against plain Python and scikit-learn, and by their laws."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score

from reassess.errors import AlignmentError, DataError, OptionError
from reassess.notes import collect_notes
from reassess.records import Accuracy, Benchmark, Classes, LabelSets, Predictions
from reassess.scoring import (
    Bootstrap,
    accuracy_by_class,
    compare,
    image_table,
    multilabel_accuracy,
    original_accuracy,
    real_accuracies,
    real_accuracy,
    score_models,
)
from reassess.statistics import wilson_interval

seeds = st.integers(0, 2**32 - 1)
IDS = np.array(["a", "b", "c", "d"])
CLASSES = Classes.from_names(list("abcd"))


def by_hand():
    """Four images, three classes; image c has no label."""
    labels = LabelSets.from_lists("toy", IDS, [[0, 2], [1], [], [2]])
    classes = np.array([[2, 0, 1], [0, 1, 2], [1, 0, 2], [0, 1, 2]])
    benchmark = Benchmark("toy", IDS, np.array([0, 1, 1, 1]))
    return Predictions("net", IDS, classes), labels, benchmark


def test_counts_by_hand():
    predictions, labels, benchmark = by_hand()
    real = real_accuracy(predictions, labels)
    assert (real.n_correct, real.n_scored, real.n_unlabelled) == (1, 3, 1)
    assert real_accuracy(predictions, labels, k=2).n_correct == 2
    assert real_accuracy(predictions, labels, k=3).value == 1.0
    original = original_accuracy(predictions, benchmark)
    assert (original.n_correct, original.n_scored, original.n_unlabelled) == (1, 4, 0)


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_two_frames_are_scored_in_one_line(backend):
    predictions, labels, _ = by_hand()
    library = pytest.importorskip(backend)
    frame = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "table"}[backend]
    names = {"image": IDS.tolist(), "prediction": ["cat", "ant", "bee", "ant"]}
    of = {"image": ["a", "a", "b", "d"], "label": ["ant", "cat", "bee", "cat"]}
    made = [getattr(library, frame)(one) for one in (names, of)]
    with collect_notes():
        left = real_accuracy(made[0], LabelSets.from_lists(
            "toy", IDS, [[0, 2], [1], [], [2]], classes=Classes.from_names(["ant", "bee", "cat"])
        ))  # fmt: skip
        found = real_accuracy(getattr(library, frame)(
            {key: [one for one, i in zip(value, IDS.tolist(), strict=True) if i != "c"]
             for key, value in names.items()}
        ), made[1])  # fmt: skip
    of["label"][1] = "1"
    with collect_notes(), pytest.raises(DataError, match=r"is '?1.*all integers or all names"):
        real_accuracy(made[0], getattr(library, frame)(of))
    assert left == real_accuracy(predictions, labels)
    assert (found.n_correct, found.n_scored) == (1, 3)
    with pytest.raises(DataError, match="predictions is a LabelSets"):
        real_accuracy(labels, predictions)
    with pytest.raises(DataError, match="labels is a list"):
        real_accuracy(predictions, [[0]])


def test_multilabel_accuracy_by_hand():
    """Class 0: image a is right. Class 1: of b and d none, with d unclear one is right."""
    predictions, labels, benchmark = by_hand()
    mean = multilabel_accuracy(predictions, labels, benchmark)
    assert (mean.n_correct.tolist(), mean.n_scored.tolist()) == ([1, 0], [1, 2])
    assert (mean.value, mean.n_unlabelled) == (0.5, 1)
    unclear = LabelSets.from_lists("unclear", IDS[3:], [[0]])
    assert multilabel_accuracy(predictions, labels, benchmark, unclear=unclear).value == 0.75
    only_unclear = LabelSets.from_lists("unclear", IDS[2:3], [[1]])
    judged = multilabel_accuracy(predictions, labels, benchmark, unclear=only_unclear)
    assert (judged.n_correct.tolist(), judged.n_scored.tolist()) == ([1, 1], [1, 3])
    assert judged.n_unlabelled == 0


def random_study(rng, n=40, n_classes=6):
    ids = np.array([f"{i}.png" for i in range(n)])
    lists = [
        sorted(rng.choice(n_classes, size=rng.integers(0, 4), replace=False).tolist())
        for _ in range(n)
    ]
    lists[0] = [0]
    original = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)])
    classes = np.argsort(rng.random((n, n_classes)), axis=1)
    return (
        Predictions("net", ids, classes),
        LabelSets.from_lists("random", ids, lists),
        Benchmark("random", ids, original),
        lists,
    )


@given(seed=seeds, k=st.integers(1, 5))
def test_equals_plain_python_and_scikit_learn(seed, k):
    predictions, labels, benchmark, lists = random_study(np.random.default_rng(seed))
    real = real_accuracy(predictions, labels, k=k)
    judged = [
        (set(top[:k]), set(s))
        for top, s in zip(predictions.ranked_classes.tolist(), lists, strict=True)
        if s
    ]
    assert (real.n_correct, real.n_scored) == (sum(bool(a & b) for a, b in judged), len(judged))
    scores = np.empty(predictions.ranked_classes.shape)
    np.put_along_axis(
        scores, predictions.ranked_classes, -np.arange(6.0)[None].repeat(40, 0), axis=1
    )
    expected = top_k_accuracy_score(benchmark.original, scores, k=k, labels=range(6))
    assert original_accuracy(predictions, benchmark, k=k).value == pytest.approx(expected)
    single = LabelSets.from_lists("o", labels.image_ids, [[c] for c in benchmark.original.tolist()])
    balanced = balanced_accuracy_score(benchmark.original, predictions.top)
    assert multilabel_accuracy(predictions, single, benchmark).value == pytest.approx(balanced)


@given(seed=seeds)
def test_laws(seed):
    """Adding labels never lowers ReaL accuracy; order of rows and names of classes are free."""
    rng = np.random.default_rng(seed)
    predictions, labels, _, lists = random_study(rng)
    before = real_accuracy(predictions, labels)
    more = [sorted({*s, int(rng.integers(6))}) if s else s for s in lists]
    added = LabelSets.from_lists("more", labels.image_ids, more)
    assert real_accuracy(predictions, added).n_correct >= before.n_correct
    rows, renamed = rng.permutation(40), rng.permutation(6)
    shuffled = Predictions(
        "net", predictions.image_ids[rows], renamed[predictions.ranked_classes[rows]]
    )
    relabelled = LabelSets.from_lists(
        "renamed", labels.image_ids, [[int(renamed[c]) for c in s] for s in lists]
    )
    assert real_accuracy(shuffled, relabelled) == before


def test_images_must_match_unless_a_subset_is_asked_for():
    predictions, labels, _ = by_hand()
    three = predictions.reindex(IDS[:3])
    with pytest.raises(AlignmentError, match=r"image 'd' of toy is missing; 1 of 4"):
        real_accuracy(three, labels)
    assert real_accuracy(three, labels, subset=True).n_scored == 2
    with pytest.raises(AlignmentError, match="'d' has no entry"):
        real_accuracy(predictions, labels.take(np.array([0, 1, 2])))


def test_a_subset_without_any_label_has_no_accuracy():
    predictions, labels, _ = by_hand()
    nothing = real_accuracy(predictions.reindex(IDS[2:3]), labels.take(np.array([2])))
    assert (nothing.value, nothing.n_scored, nothing.n_unlabelled) == (None, 0, 1)


def test_classes_and_k_must_match():
    predictions, labels, _ = by_hand()
    with pytest.raises(OptionError, match=r"k is 4, but must be in \[1, 3\]"):
        real_accuracy(predictions, labels, k=4)
    few = Predictions("few", IDS, predictions.ranked_classes[:, :1] % 2, n_classes=2)
    with pytest.raises(DataError, match="knows 2 classes"):
        real_accuracy(few, labels)


def test_scores_of_models_and_images_say_the_same():
    predictions, labels, benchmark = by_hand()
    (score,) = score_models([predictions], labels, benchmark, ks=[2])
    table = image_table([predictions], labels)
    assert score.real.n_correct == int(table.right.sum()) == 1
    assert score.real_at[2].n_correct == 2
    assert table.n_labels.tolist() == [2, 1, 0, 1]


def test_bootstrap_intervals_hold_the_accuracy_and_can_be_repeated():
    predictions, labels, benchmark, _ = random_study(np.random.default_rng(4))
    drawn = [
        next(score_models([predictions], labels, benchmark, bootstrap=Bootstrap(500, seed)))
        for seed in (1, 1)
    ]
    low, high = drawn[0].real_bootstrap
    assert low <= drawn[0].real.value <= high
    assert drawn[0].real_bootstrap == drawn[1].real_bootstrap
    for n_resamples, confidence, least in ((0, 0.95, 40), (1, 0.95, 40), (39, 0.95, 40),
                                           (199, 0.99, 200)):  # fmt: skip
        with pytest.raises(OptionError, match=f"is {n_resamples}, but must be {least} or more"):
            Bootstrap(n_resamples, 1, confidence)
        assert Bootstrap(least, 1, confidence).n_resamples == least


def test_published_anchors(published):
    """The paper's own models, from the ImageNetV2 repository's predictions."""
    benchmark, labels = published.benchmark("imagenet"), published.labels("imagenet-real")
    models = {p.model: p for p in published.predictions("imagenet-v2-repo", benchmark)}
    anchors = {
        "alexnet": (56.52, 63.06),
        "vgg16": (71.59, 79.04),
        "resnet50": (76.13, 82.96),
        "resnet152": (78.31, 84.82),
        "nasnet_large_tf": (82.71, 87.53),
    }
    for name, expected in anchors.items():
        (score,) = score_models([models[name]], labels, benchmark)
        ours = (round(100 * score.original.value, 2), round(100 * score.real.value, 2))
        assert ours == expected
    originals = Predictions("originals", benchmark.image_ids, benchmark.original[:, None])
    accuracy = real_accuracy(originals, labels)
    assert (accuracy.n_correct, accuracy.n_scored) == (42_164, 46_837)


@given(seeds)
def test_the_classes_add_up(seed):
    rng = np.random.default_rng(seed)
    ids, k = [f"{i}" for i in range(30)], 4
    labels = LabelSets.from_multihot("toy", ids, rng.random((30, k)) < 0.3)
    benchmark = Benchmark("toy", np.array(ids), rng.integers(0, k, 30), CLASSES)
    one = Predictions("net", ids, rng.integers(0, k, (30, 1)))
    found, whole = accuracy_by_class(one, labels, benchmark), real_accuracy(one, labels)
    assert (found.n_correct.sum(), found.n_scored.sum()) == (whole.n_correct, whole.n_scored)
    cells = labels.to_multihot()
    for c, name in enumerate("abcd"):
        mine = (benchmark.original == c) & cells.any(axis=1)
        assert found[name].n_correct == cells[mine, one.top[mine]].sum()
        by_label = accuracy_by_class(one, labels)[c]
        rows = cells[:, c]
        assert (by_label.n_correct, by_label.n_scored) == (
            cells[rows, one.top[rows]].sum(), rows.sum(),
        )  # fmt: skip
    assert found.to_frame("polars")["n_scored"].sum() == whole.n_scored
    with pytest.raises(OptionError, match="the class is 'e', but must be one of 4"):
        found["e"]


def test_an_accuracy_shows_its_value_and_its_interval() -> None:
    accuracy = Accuracy(3, 4, 1)
    assert accuracy.interval() == wilson_interval(3, 4)
    assert accuracy.interval(0.5) == wilson_interval(3, 4, 0.5)
    assert float(accuracy) == 0.75
    assert str(accuracy) == "0.7500 [0.3006, 0.9544] (3 of 4 correct, 1 without a label)"
    assert repr(accuracy) == "Accuracy(value=0.75, n_correct=3, n_scored=4, n_unlabelled=1)"
    assert "<td>0.7500</td>" in accuracy._repr_html_()
    nothing = Accuracy(0, 0, 2)
    assert (nothing.interval(), str(nothing)) == (None, "no image to judge, 2 without a label")
    assert np.isnan(float(nothing))


def test_records_that_change_places_are_refused_with_their_order():
    predictions, labels, benchmark = by_hand()
    for wrong, says in (
        (lambda: real_accuracy(labels, predictions), "predictions is a LabelSets, but must be"),
        (lambda: real_accuracies(predictions, benchmark, (1,)), "labels is a Benchmark"),
        (lambda: original_accuracy(benchmark, predictions), "(predictions: Predictions, benchmark"),
        (lambda: multilabel_accuracy(predictions, benchmark, labels), "benchmark is a LabelSets"),
        (lambda: compare(predictions, labels, predictions), "b is a LabelSets"),
        (lambda: compare(predictions, predictions, None), "labels is None, but must be a Label"),
    ):
        with pytest.raises(DataError, match=re.escape(says)):
            wrong()
    assert compare(predictions, predictions, labels, benchmark=None).difference == 0
    assert image_table([predictions], labels).right.tolist() == [[True], [False], [False], [False]]
