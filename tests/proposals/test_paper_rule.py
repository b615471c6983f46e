"""The paper's rule: a case worked by hand, a second implementation, and laws."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import AlignmentError, DataError, OptionError
from reassess.proposals import (
    build_questions,
    missing_list_reason,
    paper_rule,
    propose,
    restrict_to_models,
)
from reassess.records import Benchmark, Predictions, Proposals

Study = tuple[list[Predictions], Benchmark]
SEEDS = st.integers(0, 2**32 - 1)


def model(name: str, ids: list[str], scores: list[list[float]]) -> Predictions:
    """A full ranking from scores by class; of equal scores the earlier class wins."""
    table = np.array(scores, dtype=float)
    classes = np.argsort(-table, axis=1, kind="stable")
    return Predictions(name, np.array(ids), classes, np.take_along_axis(table, classes, axis=1))


@pytest.fixture
def by_hand() -> Study:
    """Three images, three classes, three models; the second has its rows in another order."""
    benchmark = Benchmark("hand", np.array(["a", "b", "c"]), np.array([0, 1, 2]))
    return [
        model("m1", ["a", "b", "c"], [[0.9, 0.05, 0.05], [0.3, 0.6, 0.1], [0.1, 0.2, 0.7]]),
        model("m2", ["c", "a", "b"], [[0.05, 0.35, 0.6], [0.8, 0.15, 0.05], [0.5, 0.45, 0.05]]),
        model("m3", ["a", "b", "c"], [[5, 1, 4], [0, 3, 2], [1, 6, 2]]),
    ], benchmark


def named(proposals: Proposals) -> list[str]:
    return proposals.pairs.ids().tolist()


def test_by_hand(by_hand: Study) -> None:
    """The four largest: m1 a0 c2 b1 b0; m2 a0 c2 b0 b1; m3 c1 a0 a2 b1.

    Only m3 has a2, so it goes; c1 too, but it is m3's top prediction, so it comes back.
    Every model says 0 of image a, as its label does: a is not rated.
    """
    proposals = propose(*by_hand, pairs_per_model=4)
    assert named(proposals) == ["a:0", "b:0", "b:1", "c:1", "c:2"]
    assert proposals.models == ("m1", "m2", "m3")
    assert proposals.proposed.astype(int).tolist() == [
        [1, 1, 1],
        [1, 1, 0],
        [1, 1, 1],
        [0, 0, 1],
        [1, 1, 0],
    ]
    assert proposals.original.tolist() == [True, False, True, False, True]
    assert proposals.rated.tolist() == [False, True, True]


def test_questions_are_about_rated_images_only(by_hand: Study) -> None:
    questions = build_questions(propose(*by_hand, pairs_per_model=4))
    assert questions.ids.tolist() == ["b:0", "b:1", "c:1", "c:2"]
    assert questions.pairs is not None
    assert questions.pairs.image_ids.tolist() == ["b", "c"]
    assert questions.pairs.label.tolist() == [0, 1, 1, 2]


def test_ties_at_the_threshold_are_kept() -> None:
    """Both models score x1, y0 and y1 alike, below x0: the top 2 of each are all four."""
    scores = [[0.9, 0.4], [0.4, 0.4]]
    benchmark = Benchmark("ties", np.array(["x", "y"]), np.array([0, 0]))
    both = [model(name, ["x", "y"], scores) for name in ("m1", "m2")]
    assert named(propose(both, benchmark, pairs_per_model=1)) == ["x:0", "y:0"]
    assert named(propose(both, benchmark, pairs_per_model=2)) == ["x:0", "x:1", "y:0", "y:1"]


def test_a_model_without_scores_counts_with_its_top_predictions_only(by_hand: Study) -> None:
    """Without m3's list c1 and b1 are as before: its top prediction, and pooled by the others."""
    (first, second, third), benchmark = by_hand
    silent = replace(third, scores=None)
    proposals = propose([first, second, silent], benchmark, pairs_per_model=4)
    assert named(proposals) == ["a:0", "b:0", "b:1", "c:1", "c:2"]
    assert not proposals.proposed[:, 2].any()
    assert [missing_list_reason(one) for one in (first, silent)] == [
        "scores of unknown scale: one list instead of two (--scale says what they are)",
        "no scores: only its top predictions count",
    ]


def test_a_subset_of_models_pools_anew_and_keeps_every_top_prediction(by_hand: Study) -> None:
    """With all pairs on all lists any two models pool all; one alone pools none."""
    proposals = propose(*by_hand, pairs_per_model=9)
    assert len(restrict_to_models(proposals, ["m1", "m3"])) == 9
    alone = restrict_to_models(proposals, ["m3"])
    assert named(alone) == ["a:0", "b:0", "b:1", "c:1", "c:2"]
    assert alone.rated.tolist() == [False, True, True]
    with pytest.raises(OptionError, match="'m9' is none of the proposals' models"):
        restrict_to_models(proposals, ["m9"])


def test_a_top_beyond_what_there_is_takes_everything(by_hand: Study) -> None:
    every = propose(*by_hand, pairs_per_model=9)
    assert len(every.pairs) == 9
    assert every.proposed.all()
    assert named(propose(*by_hand, pairs_per_model=10**12)) == named(every)


def test_one_model_has_no_second_to_agree_with(by_hand: Study) -> None:
    predictions, benchmark = by_hand
    proposals = propose(predictions[1:2], benchmark, pairs_per_model=9)
    assert named(proposals) == ["a:0", "b:0", "b:1", "c:2"]
    assert proposals.rated.tolist() == [False, True, False]


def test_no_questions_where_all_agree_with_the_labels(by_hand: Study) -> None:
    predictions, benchmark = by_hand
    proposals = propose(predictions[:1], benchmark, pairs_per_model=9)
    assert not proposals.rated.any()
    assert len(build_questions(proposals)) == 0


def study_of(seed: int) -> Study:
    """Random models with many ties, their rows in random order.

    Made in the test, not in a strategy: beartype draws random items to check, which
    strategies must not.
    """
    rng = np.random.default_rng(seed)
    n_images, n_classes, n_models = (int(n) for n in rng.integers(1, [7, 6, 5]))
    ids = np.array([f"{i}.png" for i in range(n_images)])
    predictions = []
    for name in range(n_models):
        order = rng.permutation(n_images)
        scores = rng.integers(0, 8, (n_images, n_classes)) / 8
        predictions.append(model(f"m{name}", ids[order].tolist(), scores.tolist()))
    return predictions, Benchmark("random", ids, rng.integers(n_classes, size=n_images))


@given(study_seed=SEEDS, top=st.integers(1, 40), n_at_once=st.sampled_from([1, 3, 1 << 18]))
def test_against_a_second_implementation(study_seed: int, top: int, n_at_once: int) -> None:
    predictions, benchmark = study_of(study_seed)
    assert benchmark.original is not None
    pooled: Counter[str] = Counter()
    tops: dict[str, set[int]] = {image_id: set() for image_id in benchmark.image_ids.tolist()}
    for one in predictions:
        assert one.scores is not None
        scored = sorted(
            (-score, f"{image_id}:{label}")
            for image_id, labels, scores in zip(
                one.image_ids.tolist(),
                one.ranked_classes.tolist(),
                one.scores.tolist(),
                strict=True,
            )
            for label, score in zip(labels, scores, strict=True)
        )
        last = scored[min(top, len(scored)) - 1][0]
        pooled.update(pair for score, pair in scored if score <= last)
        for image_id, label in zip(one.image_ids.tolist(), one.top.tolist(), strict=True):
            tops[image_id].add(label)
    original = dict(zip(benchmark.image_ids.tolist(), benchmark.original.tolist(), strict=True))
    expected = {pair for pair, n_models in pooled.items() if n_models >= 2}
    expected |= {f"{image_id}:{label}" for image_id, label in original.items()}
    expected |= {f"{image_id}:{label}" for image_id, labels in tops.items() for label in labels}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_rule, "_IMAGES_AT_ONCE", n_at_once)
        proposals = propose(predictions, benchmark, pairs_per_model=top)
    assert set(named(proposals)) == expected
    assert len(proposals.pairs) == len(expected)
    assert proposals.rated.tolist() == [tops[i] != {label} for i, label in original.items()]
    n_lists = dict(zip(named(proposals), proposals.proposed.sum(axis=1).tolist(), strict=True))
    assert n_lists == {pair: pooled[pair] for pair in expected}


@given(study_seed=SEEDS, top=st.integers(1, 40), seed=SEEDS)
def test_order_of_models_and_rows_does_not_matter(study_seed: int, top: int, seed: int) -> None:
    predictions, benchmark = study_of(study_seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(predictions))
    mixed = []
    for one in (predictions[i] for i in order):
        rows = rng.permutation(len(one.image_ids))
        assert one.scores is not None
        columns = {"ranked_classes": one.ranked_classes[rows], "scores": one.scores[rows]}
        mixed.append(replace(one, image_ids=one.image_ids[rows], **columns))
    proposals, other = (
        propose(predictions, benchmark, pairs_per_model=top),
        propose(mixed, benchmark, pairs_per_model=top),
    )
    assert named(other) == named(proposals)
    assert other.proposed.tolist() == proposals.proposed[:, order].tolist()
    assert other.original.tolist() == proposals.original.tolist()
    assert other.rated.tolist() == proposals.rated.tolist()


@given(study_seed=SEEDS, top=st.integers(1, 40))
def test_adding_models_removes_no_proposal_and_no_label(study_seed: int, top: int) -> None:
    predictions, benchmark = study_of(study_seed)
    fewer = propose(predictions[:1], benchmark, pairs_per_model=top)
    more = propose(predictions, benchmark, pairs_per_model=top)
    assert set(named(fewer)) <= set(named(more))
    assert (~fewer.rated | more.rated).all()
    for proposals in (fewer, more):
        kept = proposals.pairs.label[proposals.original]
        assert kept.tolist() == benchmark.original.tolist()  # type: ignore[union-attr]


@given(study_seed=SEEDS, top=st.integers(1, 40), more=st.integers(0, 40))
def test_a_larger_top_never_drops_a_pair(study_seed: int, top: int, more: int) -> None:
    study = study_of(study_seed)
    smaller, larger = (
        propose(*study, pairs_per_model=top),
        propose(*study, pairs_per_model=top + more),
    )
    assert set(named(smaller)) <= set(named(larger))
    assert smaller.rated.tolist() == larger.rated.tolist()


@given(study_seed=SEEDS, top=st.integers(1, 40))
def test_the_scale_of_scores_does_not_matter(study_seed: int, top: int) -> None:
    predictions, benchmark = study_of(study_seed)
    stretched = [
        replace(one, scores=np.log1p(one.scores) * 50 - 7)  # type: ignore[operator]
        for one in predictions
    ]
    proposals = propose(predictions, benchmark, pairs_per_model=top)
    other = propose(stretched, benchmark, pairs_per_model=top)
    assert named(other) == named(proposals)
    assert other.proposed.tolist() == proposals.proposed.tolist()


def test_refuses(by_hand: Study) -> None:
    predictions, benchmark = by_hand
    first, second, _ = predictions
    with pytest.raises(OptionError, match="0 models"):
        propose([], benchmark, pairs_per_model=1)
    with pytest.raises(OptionError, match="pairs_per_model is 0"):
        propose(predictions, benchmark, pairs_per_model=0)
    with pytest.raises(DataError, match="original labels are unknown"):
        propose(predictions, Benchmark("b", benchmark.image_ids), pairs_per_model=1)
    with pytest.raises(DataError, match="model 'm1' appears more than once"):
        propose([first, second, first], benchmark, pairs_per_model=1)
    part = replace(
        first, image_ids=first.image_ids[1:], ranked_classes=first.ranked_classes[1:], scores=None
    )
    with pytest.raises(AlignmentError, match=r"image 'a' of hand is missing.*1 of 3 are missing"):
        propose([part], benchmark, pairs_per_model=1)
    stranger = replace(first, image_ids=np.array(["a", "b", "z"]))
    with pytest.raises(AlignmentError, match="must be an image of hand"):
        propose([stranger], benchmark, pairs_per_model=1)


def test_lists_are_three_pairs_an_image_long_by_default() -> None:
    """The paper's 150,000 of 50,000 images: on 4 of 10 classes not every pair is proposed."""
    rng = np.random.default_rng(0)
    ids = np.array(["a", "b", "c", "d"])
    benchmark = Benchmark("small", ids, np.zeros(4, np.int64))
    models = [model(f"m{i}", ids.tolist(), rng.random((4, 10)).tolist()) for i in range(2)]
    found = propose(models, benchmark)
    assert found.proposed.sum(axis=0).max() <= 12
    assert named(found) == named(propose(models, benchmark, pairs_per_model=12))
    assert named(found) != named(propose(models, benchmark, pairs_per_model=13))
