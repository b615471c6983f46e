"""Models of a study against the original labels and against each other, by statsmodels too."""

from itertools import pairwise

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from reassess.analysis.standings import standings
from reassess.analysis.verdict import study_verdict
from reassess.analysis.verdict_json import study_as_dict
from reassess.records import Benchmark, LabelSets, Predictions
from reassess.report.verdict import study_sentences

N, K = 400, 5


@pytest.fixture(scope="module")
def case():
    """Labels, original labels that miss one in ten, and five models; images in other orders."""
    rng = np.random.default_rng(0)
    ids = np.array([f"i{n:03d}" for n in range(N)])
    truth = rng.integers(K, size=N)
    sets = [[k] if n % 20 else [] for n, k in enumerate(truth.tolist())]
    labels = LabelSets.from_lists("real", ids, sets)

    def wrong(share, order):
        spoilt = np.where(rng.random(N) < share, (truth + 1) % K, truth)
        return spoilt[order]

    mixed = rng.permutation(N)
    benchmark = Benchmark("b", ids[mixed], wrong(0.1, mixed))
    shares = {"m0": 0.02, "m1": 0.03, "m2": 0.11, "m3": 0.2, "m4": 0.22}
    predictions = []
    for name, share in shares.items():
        order = rng.permutation(N)
        predictions.append(Predictions(name, ids[order], wrong(share, order)[:, None]))
    return labels, benchmark, predictions


def right(case, classes_of):
    """Whether each labelled image is right, by image id, in plain Python."""
    labels, _, _ = case
    lists = zip(labels.image_ids.tolist(), labels.lists(), strict=True)
    return np.array([classes_of[i] in held for i, held in lists if held])


def by_id(ids, classes):
    return dict(zip(ids.tolist(), classes.tolist(), strict=True))


def exact(a, b):
    return mcnemar([[0, int((a & ~b).sum())], [int((~a & b).sum()), 0]], exact=True).pvalue


def test_against_statsmodels(case) -> None:
    labels, benchmark, predictions = case
    models, neighbours = standings(predictions[::-1], labels, benchmark)
    is_right = {
        p.model: right(case, by_id(p.image_ids, p.ranked_classes[:, 0])) for p in predictions
    }
    own = right(case, by_id(benchmark.image_ids, benchmark.original))
    order = sorted(is_right, key=lambda name: -is_right[name].mean())
    assert [one.model for one in models] == order
    p_values = [exact(is_right[name], own) for name in order]
    rejected, adjusted, *_ = multipletests(p_values, 0.05, "holm")
    for one, name, p, said in zip(models, order, adjusted, rejected, strict=True):
        assert one.above is not None
        assert one.above.value == pytest.approx(is_right[name].mean() - own.mean())
        assert (one.above.p_adjusted, one.above.decided) == (pytest.approx(p), said)
    pairs = list(pairwise(order))
    rejected, adjusted, *_ = multipletests(
        [exact(is_right[a], is_right[b]) for a, b in pairs], 0.05, "holm"
    )
    assert [(one.better, one.worse) for one in neighbours] == pairs
    assert [one.difference.p_adjusted for one in neighbours] == pytest.approx(list(adjusted))
    assert [one.difference.decided for one in neighbours] == list(rejected)
    assert 0 < sum(rejected) < len(pairs)


def test_the_verdict_tells_what_stands_and_what_cannot_be_said(case) -> None:
    labels, benchmark, predictions = case
    found = study_verdict(labels, benchmark, predictions, rng=np.random.default_rng(0))
    value = study_as_dict(found)
    own = right(case, by_id(benchmark.image_ids, benchmark.original))
    assert value["original_labels_real"] == pytest.approx(own.mean())
    assert value["n_above_original_labels"] == 2 == value["n_surely_above_original_labels"]
    assert value["ranks"] is None
    assert value["n_changed"] == N - int(own.sum())
    assert (value["breakpoint"], value["answer"], value["n_models"]) == (None, "open", 5)
    told = dict(study_sentences(found))
    assert told["verdict"].startswith("Open:")
    assert (
        "2 of 5 models (40.0%) are above, 2 of them by exact paired tests"
        in told["original labels"]
    )
    assert told["not said"].endswith("needs 8 models, and here are 5.")


def test_a_model_above_by_chance_is_above_but_not_surely(case) -> None:
    """One image more than the original labels: no exact test can tell that from luck."""
    labels, benchmark, predictions = case
    lists = dict(zip(labels.image_ids.tolist(), labels.lists(), strict=True))
    classes = benchmark.original.copy()
    ids = benchmark.image_ids.tolist()
    row = next(n for n, i in enumerate(ids) if lists[i] and classes[n] not in lists[i])
    classes[row] = lists[ids[row]][0]
    lucky = Predictions("lucky", benchmark.image_ids, classes[:, None])
    found = study_verdict(
        labels, benchmark, [*predictions[:1], lucky], rng=np.random.default_rng(0)
    )
    value = study_as_dict(found)
    assert value["n_above_original_labels"] == 2
    assert value["n_surely_above_original_labels"] == 1
    told = dict(study_sentences(found))["original labels"]
    assert "2 of 2 models (100.0%) are above, 1 of them by exact paired tests" in told


def test_without_original_labels_ranks_are_told_and_nothing_else(case) -> None:
    labels, benchmark, predictions = case
    bare = Benchmark("b", benchmark.image_ids)
    found = study_verdict(labels, bare, predictions, rng=np.random.default_rng(0))
    assert (found.original_labels, found.kinds, found.proxy) == (None, None, None)
    told = dict(study_sentences(found))
    assert "cannot be said" in told["verdict"]
    assert "4 pairs of neighbours" in told["ranks"]
    assert study_as_dict(found)["breakpoint"] is None
    two = study_verdict(labels, bare, predictions[:4:3], rng=np.random.default_rng(0))
    assert dict(study_sentences(two))["ranks"].startswith("Of 1 pair of neighbours in rank, 1 is")
    alone = study_verdict(labels, benchmark, predictions[:1], rng=np.random.default_rng(0))
    assert alone.neighbours == ()
    assert study_as_dict(alone)["n_models"] == 1
