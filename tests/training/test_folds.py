"""Folds: stratified, duplicates together, nothing leaks, resumed fold by fold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.engines import JobShare
from reassess.errors import DataError, FileError, OptionError
from reassess.training import FoldsJob, Recipe, out_of_fold, predict_logits, train_model
from reassess.training.folds import duplicate_groups, stratified_group_folds
from tests.training.small import FAST, SIDE, labelled, small


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(12, 80))
def test_folds_are_even_in_every_class(seed, n_folds, n):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 4, n)
    fold = stratified_group_folds(label, np.arange(n), n_folds, rng)
    for of in (np.ones(n, bool), *(label == k for k in range(4))):
        counts = np.bincount(fold[of], minlength=n_folds)
        assert counts.max() - counts.min() <= 1


@given(st.integers(0, 1000))
def test_images_that_are_one_fall_into_one_fold(seed):
    rng = np.random.default_rng(seed)
    group = np.unique(rng.integers(0, 12, 30), return_inverse=True)[1]
    fold = stratified_group_folds(rng.integers(0, 3, 30), group, 3, rng)
    assert all(len(set(fold[group == g].tolist())) == 1 for g in set(group.tolist()))


def test_ids_and_content_show_which_images_are_one():
    """The first and the last have nothing in common, but each something with the second."""
    ids = np.array(["a/x.png", "b/x.jpg", "c/y.png", "c/z.png", "d/other.png"])
    digests = np.array([b"1", b"2", b"3", b"4", b"2"])
    assert duplicate_groups(ids, digests, 5).tolist() == [0, 0, 1, 2, 0]
    ids = np.array(["cat/1/photo.jpg", "cat/2/photo.jpg", "cat/1/photo.png", "cat/3/photo.jpg"])
    digests = np.array([b"1", b"2", b"3", b"4"])
    assert duplicate_groups(ids, digests, 3).tolist() == [0, 1, 0, 2]


def test_only_an_extension_of_images_is_cut_off_an_id():
    ids = np.array(["train.00", "train.01", "train.02", "a.JPG", "b/a.png"])
    digests = np.array([b"1", b"2", b"3", b"4", b"5"])
    assert duplicate_groups(ids, digests, 5).tolist() == [0, 1, 2, 3, 3]


def test_what_a_model_memorised_is_of_no_use_out_of_fold():
    """Noise with labels drawn at random, and a copy of every image under another name.

    A model learns them by heart; of what it did not see it knows nothing, as a copy is never
    on the other side.
    """
    rng = np.random.default_rng(0)
    n = 80
    pixels = rng.integers(0, 256, (n, SIDE, SIDE, 3)).astype(np.uint8)
    label = rng.integers(0, 4, n)
    images = labelled(
        np.concatenate([pixels, pixels]),
        np.concatenate([label, label]),
        [f"{kind}{row}.png" for kind in "ab" for row in range(n)],
    )
    recipe = Recipe(epochs=15, batch_size=16, max_shift_px=0, flip=False, learning_rate=0.4)
    by_heart = predict_logits(train_model(images, recipe, "resnet-8"), images.pixels)
    assert (by_heart.argmax(axis=1) == images.first_label).mean() > 0.95
    found = out_of_fold(images, recipe, "resnet-8", n_folds=2)
    assert (found.fold[:n] == found.fold[n:]).all()
    right = (found.probabilities.argmax(axis=1) == images.first_label)[:n].sum()
    assert right < 36  # of 80, P(more by chance) < 1e-4


def test_finished_folds_are_not_computed_again_and_others_are(tmp_path):
    images, heard = small(), []

    def run(recipe=FAST, stop_after=None, pictures=images):
        heard.clear()

        def on_note(text):
            heard.append("was done before" in text)
            if len(heard) == stop_after:
                raise KeyboardInterrupt

        return out_of_fold(
            pictures, recipe, "resnet-8", n_folds=3, folder=tmp_path, on_note=on_note
        )

    whole = out_of_fold(images, FAST, "resnet-8", n_folds=3)
    with pytest.raises(KeyboardInterrupt):
        run(stop_after=2)
    next(iter(tmp_path.glob("fold-0-*"))).write_bytes(b"half a file")
    again = run()
    assert heard == [True, False, False]
    assert again.probabilities.tobytes() == whole.probabilities.tobytes()
    np.testing.assert_allclose(again.probabilities.sum(axis=1), 1, rtol=1e-5)
    job = FoldsJob(images, FAST, "resnet-8", 3, tmp_path)
    assert job.join().probabilities.tobytes() == whole.probabilities.tobytes()
    first, second, _ = (job.path(number) for number in range(3))
    first.replace(second)
    with pytest.raises(FileError, match=r"fold 1 of 3 is missing, .* 2 are missing"):
        job.join()
    assert [job.run(JobShare(number, 4)) for number in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert job.join().probabilities.tobytes() == whole.probabilities.tobytes()
    run(Recipe(epochs=1, batch_size=16))
    assert heard == [False] * 3
    run(pictures=small(seed=1))
    assert heard == [False] * 3


def test_a_class_that_a_fold_does_not_learn_is_named():
    images = small(12)
    label = images.labels.indices.copy()
    label[label == 3] = 2
    label[0] = 3
    notes: list[str] = []
    out_of_fold(
        labelled(images.pixels.pixels.numpy(), label), FAST, "resnet-8", n_folds=3,
        on_warning=notes.append,
    )  # fmt: skip
    assert len(notes) == 1
    assert "holds all images of class 'c3'" in notes[0]


def test_bad_numbers_of_folds_are_refused():
    with pytest.raises(OptionError, match="--folds is 1"):
        out_of_fold(small(), FAST, "resnet-8", n_folds=1)
    with pytest.raises(DataError, match="8 different images"):
        out_of_fold(small(8), FAST, "resnet-8", n_folds=9)
