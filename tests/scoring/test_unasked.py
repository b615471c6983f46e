"""What nobody was asked about: counts, bounds, and when a comparison cannot tell."""

import itertools

import numpy as np
import pytest

from reassess.catalog import Catalog
from reassess.records import Benchmark, LabelSets, Pairs, Predictions
from reassess.report.comparisons import comparison_sentences
from reassess.scoring import compare, score_models
from reassess.scoring.unasked import unasked_models
from reassess.sources import evaluation_target

IDS = np.array(list("abcdef"))
RATED = np.array([True, True, True, True, True, False])


def labels() -> LabelSets:
    """Image e has no label; f was skipped. Classes 0 and 1 of the others were asked about."""
    asked = Pairs(IDS, np.repeat(np.arange(5), 2), np.tile([0, 1], 5))
    return LabelSets.from_lists(
        "ours", IDS, [[0], [0, 1], [1], [1], [], [0]], rated=RATED, n_classes=5, asked=asked
    )


def model(name: str, top: list[int]) -> Predictions:
    return Predictions(name, IDS, np.array(top)[:, None])


A, B = model("a", [0, 0, 2, 3, 4, 0]), model("b", [0, 1, 2, 1, 2, 1])


def accuracy(top: list[int], sets: list[set[int]]) -> float:
    scored = [(one, held) for one, held in zip(top, sets, strict=True) if held]
    return sum(one in held for one, held in scored) / len(scored)


def every_truth() -> list[list[set[int]]]:
    """The labels with every choice of the pairs that A or B names and nobody was asked about."""
    sets = [set(one) for one in labels().lists()]
    unknown = [(2, 2), (3, 3), (4, 4), (4, 2), (5, 1)]
    worlds = []
    for chosen in itertools.product([False, True], repeat=len(unknown)):
        world = [set(one) for one in sets]
        for (image, label), holds in zip(unknown, chosen, strict=True):
            world[image] |= {label} if holds else set()
        worlds.append(world)
    return worlds


def test_bounds_are_the_ends_over_every_truth_of_what_nobody_was_asked_about() -> None:
    tops = {one.model: one.top.tolist() for one in (A, B)}
    for name, (score,) in ((one.model, score_models([one], labels(), BARE)) for one in (A, B)):
        assert score.unasked is not None
        alone = [accuracy(tops[name], world) for world in every_truth()]
        assert score.unasked.high == pytest.approx(max(alone))
        assert score.unasked.low == score.real.value
    found = compare(A, B, labels())
    assert found.unasked is not None
    apart = [accuracy(tops["a"], world) - accuracy(tops["b"], world) for world in every_truth()]
    assert (found.unasked.low, found.unasked.high) == pytest.approx((min(apart), max(apart)))
    assert (found.unasked.n_a, found.unasked.n_b) == (3, 3)
    assert found.decision == "cannot tell"
    told = comparison_sentences(found)
    assert told[0].startswith(f"cannot tell which of a and b is better under {labels().name}: ")
    assert "not asked about 3 predictions of a and 3 of b" in told[2]


def test_many_models_at_once_have_the_bounds_of_each_pair() -> None:
    rng = np.random.default_rng(3)
    tops = rng.integers(5, size=(6, 4))
    models = [model(f"m{m}", top) for m, top in enumerate(tops.T.tolist())]
    scores = list(score_models(models, labels(), BARE))
    accuracy = np.array([one.real.value for one in scores])
    found = unasked_models(tops, labels(), accuracy, accuracy[:, None] - accuracy)
    assert found is not None
    assert found.n.tolist() == [one.unasked.n_unasked for one in scores if one.unasked]
    assert found.high.tolist() == pytest.approx([one.unasked.high for one in scores if one.unasked])
    for a, b in itertools.combinations(range(4), 2):
        pair = compare(models[a], models[b], labels()).unasked
        assert pair is not None
        ends = (found.difference_low[a, b], found.difference_high[a, b])
        assert ends == pytest.approx((pair.low, pair.high))
        assert found.is_open(a, b) == pair.is_open == found.is_open(b, a)


def test_labels_that_do_not_say_what_was_asked_leave_nothing_open() -> None:
    bare = LabelSets.from_lists("bare", IDS, labels().lists(), n_classes=5)
    assert compare(A, B, bare).unasked is None
    assert next(iter(score_models([A], bare, BARE))).unasked is None


BARE = Benchmark("b", IDS)


def test_what_was_asked_for_the_published_labels_follows_from_their_votes(
    published: Catalog,
) -> None:
    target = evaluation_target("imagenet-real")
    found, original = target.labels, target.benchmark.original
    assert found.asked is not None and found.rated is not None and original is not None  # noqa: PT018
    assert (len(found.asked), int(found.rated.sum())) == (184_962, 24_889)
    assert found.models is not None and len(found.models) == 19  # noqa: PT018
    skipped = np.flatnonzero(~found.rated)
    assert (found.sizes[skipped] == 1).all()
    assert (found.indices[found.indptr[skipped]] == original[skipped]).all()
    keys = found.image * 1000 + found.indices
    assert np.isin(keys[found.rated[found.image]], found.asked.keys(1000)).all()
    # Table 3's members have few unasked top predictions, others many: METHOD, section 1.
    archive = "imagenet-v2-repo"
    read = {one.model: one for one in published.predictions(archive, target.benchmark)}
    (vgg, bn) = (
        next(iter(score_models([read[name]], found, target.benchmark))).unasked
        for name in ("vgg16", "vgg16_bn")
    )
    assert vgg is not None and bn is not None  # noqa: PT018
    assert (vgg.n_unasked, bn.n_unasked) == (74 + 213, 368 + 1207)
