"""Full scores streamed from disk: the rule in a few lines of double precision as the oracle."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.engines import ThreadEngine
from reassess.errors import AlignmentError, DataError
from reassess.files import open_predictions
from reassess.notes import collect_notes
from reassess.proposals import propose, top_lists
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
    monkeypatch.setattr(top_lists, "_SHARD_CELLS", 12 * 70)
    monkeypatch.setattr(top_lists, "_BLOCK_CELLS", 12 * 11)
    monkeypatch.setattr(top_lists, "_SAMPLED_ROWS", 5)
    for workers in (1, 3):
        with ThreadEngine(workers) as engine:
            again = propose(models, benchmark, pairs_per_model=1500, engine=engine)
        for column in ("image", "label"):
            np.testing.assert_array_equal(
                getattr(again.pairs, column), getattr(whole.pairs, column)
            )
        np.testing.assert_array_equal(again.proposed, whole.proposed)


def test_a_misleading_sample_of_rows_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampled rows, every tenth, score far higher than all others: the first guess is wrong."""
    monkeypatch.setattr(top_lists, "_SAMPLED_ROWS", 100)
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
