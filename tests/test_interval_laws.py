"""Whatever has an interval lies inside it, and both inside what the quantity can be.

`ESTIMATES` walks what the package estimates, on small random studies: a function gives rows of low
end, value and high end, beside the least and the most that there can be. New estimates with an
interval belong into it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.aggregation import dawid_skene
from reassess.analysis.agreement import vote_agreement
from reassess.analysis.comparisons import compare_with_votes
from reassess.analysis.experts import experts_beside_crowd
from reassess.analysis.findings import preference
from reassess.analysis.raters import rater_drifts
from reassess.analysis.standings import original_labels_score
from reassess.analysis.uncertainty import uncertain_scores
from reassess.errors import DataError, OptionError
from reassess.files.artefacts import score_as_dict
from reassess.labels import calibrate, operating_point, reassessed_labels
from reassess.proposals import missing_label_range
from reassess.proposals.audits import draw_skipped, skipped_pairs
from reassess.rating.rater_figures import share_of_images, share_of_tasks
from reassess.records import (
    Accuracy,
    Benchmark,
    Gold,
    LabelSets,
    Pairs,
    Posterior,
    Predictions,
    Questions,
    Votes,
)
from reassess.scoring import Bootstrap, compare, score_models
from reassess.simulate import simulate_gold, simulate_votes, simulated_raters
from reassess.statistics import (
    clustered_interval,
    paired_difference_interval,
    wilson_bounds,
    wilson_interval,
)
from reassess.statistics.sampling import Sample, stratified_difference, stratified_share

Row = tuple[float | None, float | None, float | None]
Estimate = Callable[[np.random.Generator], Iterator[Row]]

SHARE, DIFFERENCE, COUNT = (0.0, 1.0), (-1.0, 1.0), (0.0, np.inf)


@dataclass(frozen=True)
class Study:
    """Votes of a few raters on a few images, some of which are skipped and audited."""

    benchmark: Benchmark
    models: tuple[Predictions, ...]
    votes: Votes
    gold: Gold
    posterior: Posterior
    labels: LabelSets


def study(rng: np.random.Generator) -> Study:
    """One of four studies, which the estimates share."""
    return make_study(int(rng.integers(4)))


@cache
def make_study(seed: int) -> Study:
    """Small and often extreme: models that are always right, raters who are, few images."""
    rng = np.random.default_rng(seed)
    n, skill = int(rng.integers(12, 60)), rng.choice([0.5, 0.9, 1.0])
    ids = np.array([f"{i:03d}" for i in range(n)])
    asked = np.argsort(rng.random((n, 6)), axis=1)[:, :2]
    rated = rng.random(n) < rng.choice([0.5, 1.0])
    rated[:10] = True
    holds = np.stack([rng.random(n) < 0.8, rng.random(n) < 0.2], axis=1)
    holds[0], holds[1] = True, False
    audit = draw_skipped(skipped_pairs(ids, asked[:, 0], rated), int(rng.integers(0, 9)), 0)
    shown = rated.copy()
    if audit is not None:
        shown[audit.pairs.image[audit.drawn]] = True
    rows = np.flatnonzero(shown)
    questions = Questions.from_pairs(
        Pairs(ids[rows], np.repeat(np.arange(len(rows)), 2), asked[rows].ravel())
    )
    truth = holds[rows].ravel()
    mean = ((0.9, 0.05, 0.05), (0.3, 0.1, 0.6)) if rng.random() < 0.7 else (
        (0.998, 0.001, 0.001), (0.001, 0.001, 0.998))  # fmt: skip
    votes = simulate_votes(
        questions, truth, simulated_raters(6, rng, mean=mean), votes_per_question=3, rng=rng
    )
    gold = simulate_gold(questions, truth, n_images=len(rows), rng=rng)
    posterior = dawid_skene(votes)
    point = operating_point(posterior, threshold=0.5)
    benchmark = Benchmark("b", ids, asked[:, 0])
    labels = reassessed_labels(posterior, benchmark, point, audit=audit)
    tops = [np.where((rng.random(n) < skill) | ~rated, asked[:, 0], asked[:, 1]) for _ in range(3)]
    models = tuple(Predictions(f"m{m}", ids, top[:, None]) for m, top in enumerate(tops))
    return Study(benchmark, models, votes, gold, posterior, labels)


def wilson(rng: np.random.Generator) -> Iterator[Row]:
    n = int(rng.integers(1, 40))
    k = int(rng.integers(0, n + 1))
    low, high = wilson_interval(k, n)
    yield low, k / n, high
    shares = rng.random(5)
    lows, highs = wilson_bounds(shares * 7.5, np.full(5, 7.5))
    yield from zip(lows.tolist(), shares.tolist(), highs.tolist(), strict=True)


def clustered(rng: np.random.Generator) -> Iterator[Row]:
    n = int(rng.integers(1, 40))
    holds, cluster = rng.random(n) < rng.random(), rng.integers(0, 1 + n // 2, n)
    low, high = clustered_interval(holds, cluster)
    yield low, float(holds.mean()), high
    for one in (
        share_of_images(holds, cluster),
        share_of_tasks(int(holds.sum()), n, int(rng.integers(0, n + 1))),
    ):
        yield one.low, one.value, one.high


def paired(rng: np.random.Generator) -> Iterator[Row]:
    counts = rng.integers(0, 6, 4).tolist()
    if sum(counts):
        low, high = paired_difference_interval(*counts)
        yield low, (counts[1] - counts[2]) / sum(counts), high


def sampled(rng: np.random.Generator) -> Iterator[Row]:
    n_population = rng.integers(3, 12, 2)
    stratum = np.repeat([0, 1], [min(3, n_population[0]), min(2, n_population[1])])
    holds = rng.random(len(stratum)) < rng.random()
    sample = Sample(stratum, n_population)
    group = np.ones(len(stratum), dtype=bool)
    share = stratified_share(holds, group, int(n_population.sum()), sample)
    if share is not None:
        yield share.low, share.value, share.high


def sampled_differences(rng: np.random.Generator) -> Iterator[Row]:
    stratum = np.repeat([0, 1], 4)
    a, b = rng.random((2, 8)) < 0.5
    found = stratified_difference(a, b, Sample(stratum, np.array([9, 4])), 20)
    if found is not None:
        yield found.low, found.value, found.high


def scores(rng: np.random.Generator) -> Iterator[Row]:
    one = study(rng)
    bootstrap = Bootstrap(40, 0)
    for score in score_models(one.models, one.labels, one.benchmark, bootstrap=bootstrap):
        found = score_as_dict(score, 0.95)
        for kind in ("original", "real"):
            if found[kind]["value"] is not None:
                yield found[kind]["low"], found[kind]["value"], found[kind]["high"]
        if score.real_bootstrap is not None and score.real.value is not None:
            yield score.real_bootstrap[0], score.real.value, score.real_bootstrap[1]
        if score.unasked is not None:
            yield score.unasked.low, score.unasked.low, score.unasked.high


def calibrated_scores(rng: np.random.Generator) -> Iterator[Row]:
    one = study(rng)
    for gold in (one.gold, None):
        found = uncertain_scores(
            one.models, one.labels, votes=one.votes, posterior=one.posterior, gold=gold,
            n_resamples=40, rng=rng,
        )  # fmt: skip
        for kind in (found.images, found.both):
            assert kind is not None
            yield from zip(
                kind.low.tolist(), kind.accuracy.tolist(), kind.high.tolist(), strict=True
            )
            assert (kind.best <= kind.rank).all()
            assert (kind.rank <= kind.worst).all()


def differences(rng: np.random.Generator) -> Iterator[Row]:
    one = study(rng)
    for a, b in ((0, 1), (1, 2), (2, 2)):
        found = compare(one.models[a], one.models[b], one.labels)
        yield found.low, found.difference, found.high
        if found.audited is not None:
            yield found.audited.low, found.audited.value, found.audited.high
    found = compare_with_votes(
        one.models[0], one.models[1], one.labels, votes=one.votes, posterior=one.posterior,
        gold=one.gold, n_resamples=40, rng=rng,
    )  # fmt: skip
    assert found.calibrated is not None
    yield found.calibrated.low, found.calibrated.value, found.calibrated.high


def operating_points(rng: np.random.Generator) -> Iterator[Row]:
    one = study(rng)
    for rule in (
        {"threshold": 0.3},
        {"rule": "f1"},
        {"rule": "recall-at-precision", "target": 0.5},
    ):
        try:
            point = operating_point(one.posterior, gold=one.gold, **rule)
        except OptionError:  # no threshold reaches the target
            continue
        yield point.precision_low, point.precision, point.precision_high
        yield point.recall_low, point.recall, point.recall_high
        for value in (point.cross_fitted_precision, point.cross_fitted_recall):
            yield value, value, value
    calibrated, _ = calibrate(one.posterior, one.gold)
    if calibrated.calibrated is not None:
        yield from ((p, p, p) for p in calibrated.calibrated.tolist())


def beside_experts(rng: np.random.Generator) -> Iterator[Row]:
    one = study(rng)
    found = experts_beside_crowd(one.gold, one.posterior, n_resamples=40, rng=rng)
    if found is not None and found.expert_interval and found.crowd_interval:
        yield found.expert_interval[0], found.expert_f1, found.expert_interval[1]
        yield found.crowd_interval[0], found.crowd_f1, found.crowd_interval[1]


def coefficients(rng: np.random.Generator) -> Iterator[Row]:
    found = vote_agreement(study(rng).votes, n_resamples=40, rng=rng)
    for one in (found.nominal, found.ordinal, found.fleiss):
        if one is not None and one.low is not None:
            yield one.low, one.value, one.high


def drifts(rng: np.random.Generator) -> Iterator[Row]:
    one = study(rng)
    at = np.datetime64("2026-01-01T00:00:00") + np.arange(len(one.votes)).astype("m8[s]")
    timed = Votes(
        one.votes.questions, one.votes.rater_ids, one.votes.answers, one.votes.question,
        one.votes.rater, one.votes.answer, given_at=at,
    )  # fmt: skip
    found = rater_drifts(timed, one.posterior)
    known = ~np.isnan(found.change)
    yield from zip(
        found.low[known].tolist(), found.change[known].tolist(), found.high[known].tolist(),
        strict=True,
    )  # fmt: skip


def original_labels(rng: np.random.Generator) -> Iterator[Row]:
    n = int(rng.integers(1, 30))
    found = original_labels_score(
        Accuracy(int(rng.integers(0, n + 1)), n), rng.random(3), ["a", "b", "c"]
    )
    yield found.interval[0], found.value, found.interval[1]
    one = study(rng)
    liked = preference(one.models[0], one.labels, one.benchmark)
    if liked.value is not None:
        yield liked.interval[0], liked.value, liked.interval[1]


def missing(rng: np.random.Generator) -> Iterator[Row]:
    try:
        found = missing_label_range(rng.random((40, int(rng.integers(2, 7)))) < rng.random())
    except DataError:  # nothing is listed
        return
    for one in found.estimates:
        yield one.interval[0], one.n_missing, one.interval[1]
        yield found.low, one.n_missing, found.high


ESTIMATES: dict[str, tuple[Estimate, tuple[float, float], int]] = {
    "Wilson": (wilson, SHARE, 50),
    "clustered, and rater tables": (clustered, SHARE, 50),
    "paired difference": (paired, DIFFERENCE, 50),
    "stratified share": (sampled, SHARE, 50),
    "stratified difference": (sampled_differences, (-20.0, 20.0), 30),
    "score": (scores, SHARE, 4),
    "ranks": (calibrated_scores, SHARE, 3),
    "compare": (differences, DIFFERENCE, 2),
    "operating point, calibration": (operating_points, SHARE, 4),
    "experts": (beside_experts, SHARE, 3),
    "agreement": (coefficients, DIFFERENCE, 3),
    "drift": (drifts, DIFFERENCE, 3),
    "original labels, preference": (original_labels, SHARE, 5),
    "missing labels": (missing, COUNT, 30),
}
"""What is estimated, what it can be, and how many random studies to try."""


@pytest.mark.parametrize("name", ESTIMATES)
def test_an_estimate_lies_in_its_interval_and_both_in_what_can_be(name: str) -> None:
    estimate, (least, most), n_examples = ESTIMATES[name]

    @settings(max_examples=n_examples, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1))
    def law(seed: int) -> None:
        for low, value, high in estimate(np.random.default_rng(seed)):
            if value is None:
                continue
            assert low is not None
            assert high is not None
            assert least <= low <= value <= high <= most, (low, value, high)

    law()
