"""Short lists: what they say of full scores, and the paper's rule that reads them as such."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from reassess.errors import DataError
from reassess.files import access, open_predictions, read_predictions
from reassess.files.short_lists import N_CLASSES, shorten
from reassess.notes import collect_notes
from reassess.proposals import available_lists, propose
from reassess.proposals.model_votes import best_classes
from reassess.records import Predictions, ShortLists, short_lists
from tests.proposals.test_full_scores import full, logits, mask, read_study_benchmark

N, K = 300, 40


def write(path: Path, scores: np.ndarray, ids: np.ndarray, keep: int, **more: np.ndarray) -> Path:
    arrays = shorten(scores, keep) | {N_CLASSES: np.array(scores.shape[1]), "ids": ids} | more
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 35), st.floats(-500, 500))
def test_a_short_list_says_what_the_logits_do(seed, k, keep, offset):
    rng = np.random.default_rng(seed)
    scores = (rng.integers(-9, 9, (20, k)) * rng.choice([0.5, 1.3]) + offset).astype(np.float32)
    found = shorten(scores, keep)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :keep]
    np.testing.assert_array_equal(found["classes"], order)
    exact = logsumexp(scores.astype(np.float64), axis=1)
    np.testing.assert_allclose(found["log_sum_exp"], exact, rtol=1e-6, atol=1e-6)
    below = np.take_along_axis(scores, order, axis=1) - exact[:, None]
    np.testing.assert_allclose(found["log_softmax"], below, rtol=2**-11, atol=1e-4)


def near_an_end(models: list[np.ndarray], n_listed: int) -> np.ndarray:
    """The pairs that rounding may put on the other side of the end of a list."""
    near = np.zeros((N, K), bool)
    for scores in models:
        below = scores - logsumexp(scores, axis=1, keepdims=True)
        for values in (scores, below):
            end = np.sort(values.ravel())[::-1][n_listed - 1]
            near |= np.abs(values - end) < 1e-5 + 2**-10 * np.abs(below)
    return near


def test_the_rule_reads_short_lists_as_full_scores(tmp_path: Path):
    benchmark, rng = read_study_benchmark(N, K, 1), np.random.default_rng(3)
    models = [logits(rng, benchmark, K).astype(np.float32) - 40 for _ in range(2)]
    records = [full(f"m{n}", scores, benchmark) for n, scores in enumerate(models)]
    short = []
    for n, scores in enumerate(models):
        path = write(tmp_path / f"m{n}.npz", scores, benchmark.image_ids, 12)
        short += open_predictions(path, benchmark)
        assert available_lists(short[-1]) == ("logit", "probability")
    for n_listed in (N, 2 * N, 3 * N):
        with collect_notes() as notes:
            found = mask(propose(short, benchmark, pairs_per_model=n_listed), K)
        assert not notes.texts
        expected = mask(propose(records, benchmark, pairs_per_model=n_listed), K)
        near = near_an_end(models, n_listed)
        assert near.sum() < 0.1 * n_listed, near.sum()
        np.testing.assert_array_equal(found[~near], expected[~near])
    with collect_notes() as notes:
        propose(short, benchmark, pairs_per_model=20 * N)
    assert len(notes.texts) == 4
    assert "'m0': the list of the largest logits takes all 12 classes" in notes.texts[0]


def test_lists_in_blocks_say_what_lists_in_memory_do(tmp_path: Path, monkeypatch):
    """Mapped and read some rows at a time, also where rows of other images are passed over."""
    monkeypatch.setattr(access, "_LARGE", 1)
    monkeypatch.setattr(short_lists, "_BLOCK_CELLS", 12 * 7)
    benchmark, rng = read_study_benchmark(N, K, 1), np.random.default_rng(3)
    streamed, in_memory = [], []
    for n in range(3):
        scores = np.round(logits(rng, benchmark, K) - 10 * n, 1).astype(np.float32)
        rows = rng.permutation(N + 20)
        ids = np.append(benchmark.image_ids, [f"other{i}" for i in range(20)])[rows]
        rest = np.append(scores, scores[:20], axis=0)[rows]
        path = write(tmp_path / f"m{n}.npz", rest, ids, 12)
        (found,) = open_predictions(path, benchmark, other_images="skip")
        assert isinstance(found, ShortLists)
        assert isinstance(found.ranked_classes, np.memmap)
        streamed.append(found)
        in_memory += read_predictions(path, benchmark, top=12, other_images="skip")
        assert best_classes(found, 3).reindex(benchmark.image_ids).top.tolist() == (
            in_memory[-1].top.tolist()
        )
    for n_listed in (1, N, 5 * N, 12 * N, 10**6):
        with collect_notes() as notes:
            one = propose(streamed, benchmark, pairs_per_model=n_listed)
        with collect_notes() as other_notes:
            two = propose(in_memory, benchmark, pairs_per_model=n_listed)
        np.testing.assert_array_equal(one.pairs.keys(), two.pairs.keys())
        np.testing.assert_array_equal(one.proposed, two.proposed)
        assert notes.texts == other_notes.texts


def test_every_reader_takes_them_for_what_they_are(tmp_path: Path):
    benchmark = read_study_benchmark(N, K, 1)
    scores = logits(np.random.default_rng(3), benchmark, K).astype(np.float32)
    ids = benchmark.image_ids
    path = write(tmp_path / "m.npz", scores[::-1], ids[::-1], 7)
    (found,) = read_predictions(path, benchmark, top=5)
    expected = Predictions.from_logits("m", ids, scores, top=5)
    np.testing.assert_array_equal(found.ranked_classes, expected.ranked_classes)
    np.testing.assert_allclose(found.scores, expected.scores, atol=0.01)
    assert (found.score_type, found.n_classes) == ("logit", K)
    np.testing.assert_allclose(found.log_sum, logsumexp(scores, axis=1), rtol=1e-5)
    with pytest.raises(DataError, match="short lists, whose scores are logits"):
        read_predictions(path, benchmark, scale="probability")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"n_classes": None}, "'n_classes' is missing, but short lists must have"),
        ({"log_sum_exp": np.zeros(N - 1)}, "log_sum_exp .* must be integers"),
        ({"n_classes": np.array(3)}, r"name class 39, but must be in \[0, 3\)"),
        ({"log_softmax": np.zeros((N, 7))}, "sum to 1 at most; 300 of 300 rows"),
        ({"log_softmax": np.arange(7.0) - np.full((N, 1), 9)}, "must not rise"),
        ({"log_sum_exp": np.full(N, np.nan)}, "must be numbers"),
        ({"log_softmax": np.full((N, 7), -np.log(K))}, "seem never predicted"),
    ],
)
def test_what_is_no_short_list_is_refused(tmp_path: Path, more, message):
    benchmark = read_study_benchmark(N, K, 1)
    scores = logits(np.random.default_rng(3), benchmark, K)
    path = write(tmp_path / "m.npz", scores, benchmark.image_ids, 7, **more)
    with pytest.raises(DataError, match=message):
        open_predictions(path, benchmark)
