"""Predictions in another order are refused, chance is remarked on, and good models are passed."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.errors import AlignmentError, DataError
from reassess.files import read_predictions
from reassess.notes import collect_notes
from reassess.records import Benchmark, Classes, LabelSets, Predictions, check_order
from reassess.scoring import compare, score_models

WORDS = ("yak", "Ant", "cow", "bee", "elk", "dog", "fox", "Owl", "hen", "jay", "ibis", "gnu")


def benchmark(n: int = 600, k: int = 12, seed: int = 0, *, named: bool = True) -> Benchmark:
    """Classes in no sorted order; images numbered against the order of their folders."""
    rng = np.random.default_rng(seed)
    original = np.concatenate([np.arange(k), rng.integers(0, k, max(n - k, 0))])[:n]
    number = rng.permutation(n)
    ids = [f"{c:03d}/{i:05d}.jpg" for c, i in zip(original.tolist(), number.tolist(), strict=True)]
    classes = None
    if named:
        blank = ("",) * k
        classes = Classes(tuple(f"n{i:02d}" for i in range(k)), WORDS[:k], blank, blank)
    return Benchmark("pets", np.array(ids), original, classes)


def good(about: Benchmark, accuracy: float = 0.8, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    original, n = about.original, len(about.image_ids)
    return np.where(rng.random(n) < accuracy, original, rng.integers(0, original.max() + 1, n))


def check(top: np.ndarray, about: Benchmark) -> list[str]:
    with collect_notes() as notes:
        check_order(top, np.arange(len(top)), about, "predictions 'net'")
    return notes.texts


def by_name() -> np.ndarray:
    return np.argsort(np.argsort(WORDS))


CLASS_ORDERS = {
    "sorted by name)": by_name(),
    "sorted by name in lower case": np.argsort(np.argsort([one.lower() for one in WORDS])),
    "sorted as texts": np.argsort(sorted(range(12), key=str)),
    "one higher": np.roll(np.arange(12), 1),
    "one lower": np.roll(np.arange(12), -1),
    "in reverse": np.arange(12)[::-1],
    "0 to ": np.random.default_rng(9).permutation(12),
}


@pytest.mark.parametrize("described", CLASS_ORDERS)
def test_classes_in_another_order_are_refused_and_the_order_is_named(described: str) -> None:
    about = benchmark()
    top = CLASS_ORDERS[described][good(about)]
    with pytest.raises(DataError, match=r"net': the top prediction .* but would be on ") as caught:
        check(top, about)
    assert described in str(caught.value)
    assert "they stand in another order than those of pets" in str(caught.value)


def test_rows_in_another_order_are_refused_and_the_option_is_named() -> None:
    about = benchmark()
    top = good(about)
    orders = {
        "--order file-number": about.by_file_number,
        "--order imagefolder": about.by_imagefolder,
    }
    for right, wrong in (list(orders), list(orders)[::-1]):
        read = np.empty_like(top)
        read[orders[wrong]] = top[orders[right]]
        with pytest.raises(AlignmentError, match="another order than they were read in") as caught:
            check(read, about)
        assert right in str(caught.value)
    backwards = np.empty_like(top)
    backwards[about.by_file_number] = top[about.by_file_number[::-1]]
    with pytest.raises(AlignmentError, match="file numbers, backwards"):
        check(backwards, about)


def test_rows_and_classes_in_another_order_are_refused_together() -> None:
    about = benchmark()
    top = np.random.default_rng(4).permutation(12)[good(about)]
    read = np.empty_like(top)
    read[about.by_file_number] = top[about.by_imagefolder]
    with pytest.raises(DataError, match=r"an image folder.*; and if its classes were renamed"):
        check(read, about)


def test_a_class_left_out_in_the_middle_is_noted() -> None:
    about = benchmark()
    top = good(about, 0.9)
    (text,) = check(np.where(top > 5, top - 1, top), about)
    assert "its classes were renamed" in text


@pytest.mark.parametrize(("n", "k"), [(60, 2), (200, 10), (2000, 20), (500, 400)])
@pytest.mark.parametrize("seed", range(3))
def test_a_model_at_chance_is_always_remarked_on(n: int, k: int, seed: int) -> None:
    about = benchmark(n, k, seed, named=False)
    (text,) = check(np.random.default_rng(seed + 50).permutation(good(about)), about)
    assert "often than by chance" in text
    constant = np.full(n, about.original[0])
    assert "by chance" in "".join(check(constant, about)) or n < 100


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 80),
    k=st.integers(2, 30),
    accuracy=st.sampled_from([0.75, 0.9, 1.0]),
)
def test_a_good_model_is_passed_without_a_word(seed: int, n: int, k: int, accuracy: float) -> None:
    about = benchmark(n, k, seed, named=False)
    assert check(good(about, accuracy, seed + 1), about) == []


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 300), k=st.integers(1, 40))
def test_predictions_at_random_are_never_refused(seed: int, n: int, k: int) -> None:
    about = benchmark(n, k, seed, named=False)
    check(np.random.default_rng(seed + 1).integers(0, k, n), about)


def test_what_another_model_got_wrong_is_no_reason_to_refuse() -> None:
    """Of two classes, every prediction is the other one: right for a part, as it was chosen so."""
    about = benchmark(400, 2, named=False)
    top = good(about)
    wrong = np.flatnonzero(top != about.original)
    with collect_notes() as notes:
        check_order(top[wrong], wrong, about, "predictions 'net'")
    assert "but would be on" in notes.texts[0]


def test_images_of_one_class_tell_nothing() -> None:
    about = Benchmark("one", np.array([f"{i}.jpg" for i in range(50)]), np.full(50, 3))
    assert check(np.full(50, 7), about) == []


def test_scores_and_comparisons_in_python_are_checked_by_originals_or_labels() -> None:
    about = benchmark()
    names = by_name()
    right = Predictions("right", about.image_ids, good(about)[:, None])
    other = Predictions("other", about.image_ids, names[good(about, seed=2)][:, None])
    labels = LabelSets.from_lists("real", about.image_ids, [[int(c)] for c in about.original])
    bare = Benchmark("bare", about.image_ids)
    for known in (about, bare):
        assert len(list(score_models([right], labels, known))) == 1
        with pytest.raises(DataError, match=r"'other': .*its classes were renamed"):
            list(score_models([right, other], labels, known))
    with pytest.raises(DataError, match=r"'other': .* is among the labels .*were renamed"):
        compare(right, other, labels)
    compared = compare(right, right, labels, benchmark=about)
    assert compared.original_a is not None
    assert compared.original_a.value == compared.accuracy_a.value


def test_the_command_line_refuses_in_every_command(cli, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    about = benchmark(named=False)
    rows = about.by_imagefolder
    for name, seed in (("old", 1), ("new", 2)):
        np.save(f"{name}.npy", good(about, seed=seed)[rows])
    table = zip(about.image_ids.tolist(), about.original.tolist(), strict=True)
    Path("labels.csv").write_text("image,label\n" + "".join(f"{a},{b}\n" for a, b in table))
    sets = {a: [b] for a, b in zip(about.image_ids.tolist(), about.original.tolist(), strict=True)}
    Path("real.json").write_text(json.dumps(sets))
    assert cli("new", "s", "--labels", "labels.csv").status == 0
    labels = ("--labels", "real.json")
    for original in ((), ("--original-labels", "labels.csv")):
        for command in (("score", "new.npy"), ("compare", "new.npy", "old.npy"),
                        ("ranks", "new.npy", "old.npy")):  # fmt: skip
            ran = cli(*command, *labels, *original, "--order", "file-number")
            assert ran.status == 2, ran
            assert "--order imagefolder" in ran.err
    assert "--order imagefolder" in cli("add", "s", "new.npy", "--order", "file-number").err
    ran = cli("compare", "new.npy", "old.npy", *labels, "--order", "imagefolder",
              "--original-labels", "labels.csv")  # fmt: skip
    assert ran.out.count("under the original labels") == 2


@pytest.mark.skipif(not os.environ.get("REASSESS_DATA"), reason="REASSESS_DATA is not set")
def test_published_models_are_passed_and_permuted_ones_refused() -> None:
    from reassess.catalog import Catalog

    catalog = Catalog.default()
    imagenet = catalog.benchmark("imagenet")
    models = catalog.predictions("imagenet-v2-repo", imagenet)
    assert min(np.mean(one.top == imagenet.original) for one in models) < 0.3
    for one in models[::6]:
        assert check(one.top, imagenet) == []
    permuted = np.random.default_rng(0).permutation(1000)[models[0].top]
    with pytest.raises(DataError, match="its classes were renamed"):
        check(permuted, imagenet)
    assert (
        "by chance"
        in check(models[0].top[np.random.default_rng(1).permutation(50000)], imagenet)[0]
    )


def test_reading_checks_the_order_that_was_stated(tmp_path: Path) -> None:
    about = benchmark(named=False)
    np.save(tmp_path / "m.npy", good(about)[about.by_imagefolder])
    with pytest.raises(AlignmentError, match=r"m\.npy: predictions 'm': .*--order imagefolder"):
        read_predictions(tmp_path / "m.npy", about, order="file-number")
    assert len(read_predictions(tmp_path / "m.npy", about, order="imagefolder")) == 1


def test_images_that_were_chosen_as_a_model_gets_them_wrong_are_not_another_order() -> None:
    """It confuses classes by habit: 0 right, and some 40% if each class were its usual rival."""
    about = benchmark()
    rng = np.random.default_rng(3)
    rival = np.array([1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10])[about.original]
    other = (about.original + rng.integers(2, 12, len(rival))) % 12
    habit = rng.random(len(rival)) < 0.4
    top = np.where(habit, rival, np.where(other == about.original, rival, other))
    assert not (top == about.original).any()
    (told,) = check(top, about)
    assert "would be on" in told or "by chance" in told
    with pytest.raises(DataError, match="renamed"):
        check(rival, about)
