"""Full scores streamed from disk: the rule in a few lines of double precision as the oracle."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from reassess.engines import ThreadEngine
from reassess.errors import AlignmentError, DataError
from reassess.files import open_predictions
from reassess.notes import collect_notes
from reassess.proposals import kernels, propose, scans, top_lists
from reassess.records import Benchmark, Proposals, ScoreMatrix

SEEDS = st.integers(0, 2**32 - 1)


def read_study_benchmark(n: int, k: int, seed: int) -> Benchmark:
    rng = np.random.default_rng(seed)
    ids = np.array([f"img_{i:05d}.jpg" for i in range(n)])
    return Benchmark("made", ids, rng.integers(0, k, n))


def full(
    name: str, scores: np.ndarray, benchmark: Benchmark, scale: str | None = "logit"
) -> ScoreMatrix:
    return ScoreMatrix(name, benchmark.image_ids, np.arange(len(scores)), scores, scale)


def logits(rng: np.random.Generator, benchmark: Benchmark, k: int) -> np.ndarray:
    scores = rng.normal(0, 2, (len(benchmark.image_ids), k))
    scores[np.arange(len(scores)), benchmark.original] += rng.gamma(3, 2, len(scores))
    return scores


def largest(values: np.ndarray, top: int) -> np.ndarray:
    threshold = np.sort(values.ravel())[::-1][min(top, values.size) - 1]
    return values >= threshold - 1e-12


def expected(models: list[np.ndarray], benchmark: Benchmark, top: int, scale: str) -> np.ndarray:
    """The mask [N, K] of proposals, from whole matrices in double precision."""
    n_lists = np.zeros(models[0].shape, int)
    kept = np.zeros(models[0].shape, bool)
    rows = np.arange(len(kept))
    for scores in models:
        wide = scores.astype(np.float64)
        listed = largest(wide, top)
        if scale == "logit":
            shifted = wide - wide.max(axis=1, keepdims=True)
            log_sum = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            listed |= largest(shifted - log_sum, top)
        n_lists += listed
        kept[rows, wide.argmax(axis=1)] = True
    kept[rows, benchmark.original] = True
    return kept | (n_lists >= 2)


def mask(proposals: Proposals, k: int) -> np.ndarray:
    pairs = proposals.pairs
    found = np.zeros((len(pairs.image_ids), k), bool)
    found[pairs.image, pairs.label] = True
    return found


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("top", [1, 700, 6000, 10**9])
def test_the_streamed_rule_is_the_rule(dtype: type, top: int) -> None:
    benchmark = read_study_benchmark(2000, 30, 1)
    rng = np.random.default_rng(2)
    models = [logits(rng, benchmark, 30).astype(dtype) for _ in range(3)]
    found = propose(
        [full(f"m{i}", scores, benchmark) for i, scores in enumerate(models)],
        benchmark,
        pairs_per_model=top,
    )
    np.testing.assert_array_equal(mask(found, 30), expected(models, benchmark, top, "logit"))


@given(SEEDS, st.integers(1, 60), st.integers(2, 9), st.sampled_from([None, "probability"]))
def test_probabilities_alone_and_scores_of_unknown_scale_give_one_list(
    seed: int, n: int, k: int, scale: str | None
) -> None:
    benchmark = read_study_benchmark(n, k, seed)
    rng = np.random.default_rng(seed)
    models = [rng.integers(0, 8, (n, k)).astype(np.float32) / 8 for _ in range(3)]
    for scores in models:  # a row of one score throughout is refused as never predicted
        scores[:, 0] = np.where(scores[:, 0] == scores[:, -1], scores[:, -1] + 0.125, scores[:, 0])
    top = int(rng.integers(1, n * k + 5))
    found = propose(
        [full(f"m{i}", scores, benchmark, scale) for i, scores in enumerate(models)],
        benchmark,
        pairs_per_model=top,
    )
    np.testing.assert_array_equal(mask(found, k), expected(models, benchmark, top, "one"))


def test_shards_and_workers_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = read_study_benchmark(900, 12, 3)
    rng = np.random.default_rng(4)
    models = [
        full(f"m{i}", logits(rng, benchmark, 12).astype(np.float32), benchmark) for i in range(3)
    ]
    whole = propose(models, benchmark, pairs_per_model=1500)
    monkeypatch.setattr(scans, "_SHARD_CELLS", 12 * 70)
    for module in (scans, top_lists):
        monkeypatch.setattr(module, "BLOCK_CELLS", 12 * 11)
    monkeypatch.setattr(scans, "_SAMPLED_ROWS", 5)
    for workers in (1, 3):
        with ThreadEngine(workers) as engine:
            again = propose(models, benchmark, pairs_per_model=1500, engine=engine)
        for column in ("image", "label"):
            np.testing.assert_array_equal(
                getattr(again.pairs, column), getattr(whole.pairs, column)
            )
        np.testing.assert_array_equal(again.proposed, whole.proposed)


@pytest.mark.parametrize("far", [0.0, 40.0, -80.0, 3000.0, 2e6, np.inf])
def test_log_sums_hold_wherever_the_first_score_lies(far: float) -> None:
    """The sum is scaled by the first score of a row, which need not be near the largest."""
    rng = np.random.default_rng(1)
    block = (rng.normal(0, 3, (7, 600)) + np.array([[-3e6, -500, -30, 0, 30, 500, 3e6]]).T).astype(
        np.float32
    )
    block[:, 0] = block[:, 1] - np.float32(far)
    top, best, shift = np.empty(7, np.int64), np.empty(7, np.float32), np.empty(7)
    found = np.empty(7 * 600, np.int64)
    more = (np.array([np.inf, np.inf, 0.0]), True, top, best, shift, found)
    assert kernels.scan_singles(plain(block), *more) == (0, 0)
    wide = block.astype(np.float64)
    np.testing.assert_array_equal(top, wide.argmax(axis=1))
    np.testing.assert_allclose(shift, logsumexp(wide, axis=1), rtol=2e-15, atol=4e-6)


@given(SEEDS, st.sampled_from([1, 5, 63, 64, 65, 128, 257, 700, 1100]), st.booleans())
def test_the_compiled_scan_says_what_numpy_does(seed: int, k: int, is_logit: bool) -> None:
    """Ties, both zeros, minus infinity and NaN of either sign, in both precisions."""
    rng = np.random.default_rng(seed)
    halves = (rng.integers(-40, 40, (6, k)) * rng.choice([0.25, 3.0])).astype(np.float16)
    halves[0] = rng.choice(np.array([0.0, -0.0, -1.0], np.float16), k)
    halves[1, rng.random(k) < 0.5] = -np.inf
    halves[1, 0] = -7
    wide = halves.astype(np.float64)
    for wrong in (None, np.nan, -np.nan):
        if wrong is not None:
            halves[5, rng.integers(k)] = wrong
        for block in (halves, halves.astype(np.float32)):
            top, best, shift = np.empty(6, np.int64), np.empty(6, np.float32), np.empty(6)
            found = np.empty(6 * k, np.int64)
            more = (np.array([2.0, -3.0, 0.0]), is_logit, top, best, shift, found)
            if block.dtype == np.float16:
                n_found, n_wrong = kernels.scan_halves(plain(block.view(np.uint16)), *more)
            else:
                n_found, n_wrong = kernels.scan_singles(plain(block), *more)
            assert bool(n_wrong) == (wrong is not None)
            good = slice(0, 6 if wrong is None else 5)
            np.testing.assert_array_equal(top[good], wide[good].argmax(axis=1))
            np.testing.assert_array_equal(best[good], wide[good].max(axis=1))
            log_sum = logsumexp(wide, axis=1, keepdims=True)
            if is_logit:
                np.testing.assert_allclose(shift[good], log_sum[good, 0], rtol=0, atol=4e-6)
            large = (wide >= 2) | (is_logit & (wide - log_sum >= -3))
            near = is_logit & (np.abs(wide - log_sum + 3) < 3e-4)
            seen = np.zeros(6 * k, bool)
            seen[found[:n_found]] = True
            differs = (seen.reshape(6, k) != large)[good]
            assert not (differs & ~near[good]).any()
            assert (np.diff(found[:n_found]) > 0).all()


def plain(block: np.ndarray) -> np.ndarray:
    block = block.view()
    block.flags.writeable = False
    return block


def test_halves_are_widened_by_numpy_where_the_processor_does_not(monkeypatch) -> None:
    benchmark, rng = read_study_benchmark(400, 70, 1), np.random.default_rng(2)
    models = [logits(rng, benchmark, 70).astype(np.float16) for _ in range(2)]
    records = [full(f"m{i}", scores, benchmark) for i, scores in enumerate(models)]
    by_kernel = propose(records, benchmark, pairs_per_model=900)
    monkeypatch.setattr(kernels, "converts_halves", lambda: False)
    by_numpy = propose(records, benchmark, pairs_per_model=900)
    np.testing.assert_array_equal(mask(by_kernel, 70), mask(by_numpy, 70))
    np.testing.assert_array_equal(mask(by_kernel, 70), expected(models, benchmark, 900, "logit"))


def test_a_file_that_becomes_shorter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    np.save(path, np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32))
    (one,) = open_predictions(path, read_study_benchmark(400, 8, 1), order="file-number")
    os.truncate(path, 5000)
    with pytest.raises(DataError, match="the file of scores became shorter"):
        list(one.blocks(0, 400, 100))


def test_a_misleading_sample_of_rows_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampled rows, every tenth, score far higher than all others: the first guess is wrong."""
    monkeypatch.setattr(scans, "_SAMPLED_ROWS", 100)
    benchmark = read_study_benchmark(991, 20, 5)
    scores = logits(np.random.default_rng(6), benchmark, 20).astype(np.float32)
    scores[::10] *= 50
    models = [
        scores,
        scores + np.random.default_rng(7).normal(size=scores.shape).astype(np.float32),
    ]
    found = propose(
        [full(f"m{i}", s, benchmark) for i, s in enumerate(models)], benchmark, pairs_per_model=3000
    )
    np.testing.assert_array_equal(mask(found, 20), expected(models, benchmark, 3000, "logit"))


def test_rows_in_the_order_of_a_file_find_their_images(tmp_path: Path) -> None:
    benchmark = read_study_benchmark(50, 6, 7)
    rng = np.random.default_rng(8)
    order = rng.permutation(50)
    models = [logits(rng, benchmark, 6) for _ in range(2)]
    found = []
    for number, scores in enumerate(models):
        path = tmp_path / f"m{number}.npz"
        np.savez(path, logits=scores[order], ids=benchmark.image_ids[order])
        found += open_predictions(path, benchmark)
    np.save(tmp_path / "memory_mapped.npy", models[0])
    mapped = open_predictions(
        tmp_path / "memory_mapped.npy", benchmark, order="file-number", scale="logit"
    )
    expect = expected(models, benchmark, 60, "logit")
    for pair in (found, [*mapped, found[1]]):
        np.testing.assert_array_equal(mask(propose(pair, benchmark, pairs_per_model=60), 6), expect)


@pytest.mark.parametrize(
    ("value", "scale", "message"),
    [
        (np.nan, "logit", r"'bad': score\[77, 2\] is nan, but must be a number"),
        (np.inf, "logit", r"score\[77, 2\] is inf"),
        (1.5, "probability", r"score\[77, 2\] is 1.5, but must lie in \[0, 1\]"),
    ],
)
def test_refuses_what_is_no_score(value: float, scale: str, message: str) -> None:
    benchmark = read_study_benchmark(200, 4, 9)
    scores = np.random.default_rng(0).random((200, 4)).astype(np.float32)
    bad = scores.copy()
    bad[77, 2] = value
    models = [full("good", scores, benchmark, scale), full("bad", bad, benchmark, scale)]
    with pytest.raises(DataError, match=message):
        propose(models, benchmark, pairs_per_model=10)


def test_refuses_another_class_order_and_a_subset() -> None:
    benchmark = read_study_benchmark(400, 8, 10)
    scores = logits(np.random.default_rng(11), benchmark, 8)
    scores[np.arange(400), benchmark.original] += 3
    good = full("good", scores, benchmark)
    other = full("other", np.roll(scores, 3, axis=1), benchmark)
    with pytest.raises(DataError, match=r"'other': .*they stand in another order than those of"):
        propose([good, other], benchmark, pairs_per_model=10)
    part = ScoreMatrix("part", benchmark.image_ids, np.arange(399), scores[:399], "logit")
    with pytest.raises(AlignmentError, match=r"'part': image .*img_00399.* 1 of 400"):
        propose([good, part], benchmark, pairs_per_model=10)


@given(SEEDS, st.integers(2, 80), st.integers(2, 10))
def test_predictions_without_any_relation_to_the_labels_pass(seed: int, n: int, k: int) -> None:
    benchmark = read_study_benchmark(n, k, seed)
    scores = np.random.default_rng(seed + 1).random((n, k))
    with collect_notes():  # by chance another order may fit better, which is remarked on
        assert len(propose([full("chance", scores, benchmark)], benchmark, pairs_per_model=5)) >= n
