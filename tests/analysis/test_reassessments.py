"""Several reassessments of one benchmark: by hand, by plain Python, and as published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.analysis.label_table import build_label_table
from reassess.analysis.reassessments import (
    all_identical,
    expert_agreements,
    model_under_sets,
    pair_agreements,
    set_summaries,
)
from reassess.errors import AlignmentError, DataError, OptionError
from reassess.files.expert_mistakes import ExpertMistakes
from reassess.records import Benchmark, Classes, LabelSets, Predictions
from reassess.report.label_tables import images_table


def sets_of(name, by_image):
    return LabelSets.from_lists(name, np.array(list(by_image)), list(by_image.values()))


def pairs_of(table):
    return pair_agreements(table, n_resamples=50, rng=np.random.default_rng(0))


A = {"x/a.jpg": [0], "x/b.jpg": [0, 1], "x/c.jpg": [], "x/d.jpg": [2]}
B = {"d.jpg": [2], "b.jpg": [1], "c.jpg": []}
BENCHMARK = Benchmark("b", np.array(list(A)), np.array([0, 1, 0, 1]))


def test_by_hand() -> None:
    """Other order, bare file names, an image that only one is about."""
    table = build_label_table([(sets_of("one", A), None), (sets_of("two", B), None)], BENCHMARK)
    one, two = set_summaries(table)
    assert (one.n_images, one.n_empty, one.n_labels) == (4, 1, 4)
    assert (two.n_images, two.n_empty, two.n_labels) == (3, 1, 2)
    assert one.original_holds is not None
    assert (one.original_holds.n_correct, one.original_holds.n_scored) == (2, 3)
    (pair,) = pairs_of(table)
    assert (pair.n_shared, pair.n_identical, pair.n_empty_both, pair.n_disjoint) == (3, 2, 1, 0)
    assert pair.jaccard == pytest.approx((0.5 + 1) / 2)
    assert pair.original == (1, 0, 0, 2)
    assert pair.alpha.value == pytest.approx(1)
    assert all_identical(table) == (3, 2)
    columns = images_table(table).exported
    assert columns["one"] == ["0", "0 1", "none", "2"]
    assert columns["two"] == ["", "1", "none", "2"]
    assert columns["identical"] == ["", "no", "yes", "yes"]


def test_a_model_under_each() -> None:
    table = build_label_table([(sets_of("one", A), None), (sets_of("two", B), None)], BENCHMARK)
    ids = np.array(["x/d.jpg", "x/c.jpg", "x/b.jpg", "x/a.jpg"])
    found = model_under_sets(Predictions("m", ids, np.array([[2], [0], [0], [1]])), table)
    counts = [(a.n_correct, a.n_scored, a.n_unlabelled) for a in found.own]
    assert counts == [(2, 3, 1), (1, 2, 1)]
    assert [(a.n_correct, a.n_scored) for a in found.shared] == [(2, 2), (1, 2)]


def test_experts_verdicts_under_each() -> None:
    """Wrong, they say: one set calls it right, one has no label, one is about something else."""
    table = build_label_table([(sets_of("one", A), None), (sets_of("two", B), None)], BENCHMARK)
    ids, label = np.array(["b.jpg", "c.jpg", "a.jpg", "z.jpg"]), np.array([0, 1, 2, 0])
    verdicts = ExpertMistakes("m", ids, label, np.zeros(4, np.int64), np.array([2, 2, 0, 2]))
    one, two = expert_agreements(table, [verdicts])
    assert (one.n_covered, one.n_called_right, one.n_empty, one.n_called_wrong) == (3, 1, 1, 1)
    assert (one.n_major, one.n_major_called_right) == (2, 1)
    assert (two.n_covered, two.n_called_right, two.n_empty, two.n_called_wrong) == (2, 0, 1, 1)


def test_classes_are_matched_by_id() -> None:
    first = Classes.from_names(["cat", "dog", "eel"])
    other = Classes.from_names(["eel", "cat", "dog"])
    renamed = {image: [(k + 1) % 3 for k in held] for image, held in A.items()}
    table = build_label_table([(sets_of("one", A), first), (sets_of("two", renamed), other)])
    assert all_identical(table) == (4, 4)
    assert images_table(table).data["two"] == ["cat", "cat dog", "none", "eel"]
    (pair,) = pairs_of(table)
    assert (pair.original, pair.alpha.value) == (None, None)
    assert "original labels are not known" in str(pair.alpha.reason)
    strange = Classes.from_names(["fox", "cat", "dog"])
    with pytest.raises(DataError, match="two: class 'fox' is not among"):
        build_label_table([(sets_of("one", A), first), (sets_of("two", A), strange)])


def test_agreement_beyond_chance_may_be_undefined() -> None:
    held = {image: [int(k)] for image, k in zip(A, [0, 1, 0, 1], strict=True)}
    table = build_label_table(
        [(sets_of("one", held), None), (sets_of("two", held), None)], BENCHMARK
    )
    (pair,) = pairs_of(table)
    assert pair.alpha.value is None
    assert pair.alpha.reason
    apart = build_label_table([(sets_of("one", {"x/a.jpg": [0]}), None), (sets_of("two", B), None)])
    (pair,) = pairs_of(apart)
    assert (pair.n_shared, pair.jaccard, pair.alpha.value) == (0, None, None)


@given(st.integers(0, 2**32 - 1))
def test_against_plain_sets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = [f"{n}.jpg" for n in range(12)]
    drawn = []
    for _ in range(3):
        part = rng.permutation(12)[: int(rng.integers(1, 13))]
        drawn.append({ids[n]: rng.permutation(4)[: rng.integers(0, 3)].tolist() for n in part})
        drawn[-1][ids[part[0]]] = [0]
    table = build_label_table([(sets_of(str(i), one), None) for i, one in enumerate(drawn)])
    for pair in pairs_of(table):
        a, b = drawn[int(pair.a)], drawn[int(pair.b)]
        both = [(set(a[i]), set(b[i])) for i in a if i in b]
        assert pair.n_shared == len(both)
        assert pair.n_identical == sum(x == y for x, y in both)
        assert pair.n_disjoint == sum(bool(x and y) and not x & y for x, y in both)
        shares = [len(x & y) / len(x | y) for x, y in both if x | y]
        assert pair.jaccard == (pytest.approx(np.mean(shares)) if shares else None)
    every = [i for i in ids if all(i in one for one in drawn)]
    same = [i for i in every if len({frozenset(one[i]) for one in drawn}) == 1]
    assert all_identical(table) == (len(every), len(same))


def test_the_published_reassessments(published) -> None:
    """ReaL calls 85 of ViT-3B's 378 remaining mistakes correct and has no label for 64."""
    sets = [(published.labels(name), None) for name in ("imagenet-real", "imagenet-mturk")]
    table = build_label_table(sets, published.benchmark("imagenet"))
    (pair,) = pairs_of(table)
    assert (pair.n_shared, pair.n_empty_b) == (4842, 293)
    assert pair.original is not None
    assert sum(pair.original) == 4842
    found = {(one.model, one.name): one for one in expert_agreements(
        table, published.expert_mistakes())}  # fmt: skip
    real = found["vit3b", "imagenet-real"]
    assert (real.n_judged, real.n_covered, real.n_called_right, real.n_empty) == (
        378,
        378,
        85,
        64,
    )


def test_refuses() -> None:
    with pytest.raises(OptionError, match="2 reassessments are called 'one'"):
        build_label_table([(sets_of("one", A), None), (sets_of("one", B), None)])
    with pytest.raises(AlignmentError, match="two: image id"):
        build_label_table([(sets_of("two", {"other.jpg": [0]}), None)], BENCHMARK)
