"""Accuracies as an audit has them: over many draws from a population whose truth is known."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from reassess.proposals.audits import (
    draw_skipped,
    draw_unasked,
    skipped_pairs,
    still_unasked,
    unasked_pairs,
)
from reassess.records import Audit, Benchmark, LabelSets, Pairs, Predictions
from reassess.scoring import audited_accuracy, audited_difference, compare, score_models
from reassess.statistics.sampling import (
    Foretold,
    Sample,
    audited_interval,
    departure_reach,
    prediction_powered_ratio,
)

N, K = 2000, 9
IDS = np.array([f"{n:04d}" for n in range(N)])


@dataclass(frozen=True)
class World:
    """A pool of two models that skips every image on which both name the original label.

    Of the skipped images 8 % are mislabelled: half of these show nothing, half another class,
    which the newcomer often knows. Of its other unasked predictions a quarter holds.
    """

    original: np.ndarray
    truth: LabelSets
    pool: tuple[Predictions, Predictions]
    newcomer: Predictions
    rated: np.ndarray

    @classmethod
    def make(cls) -> "World":
        """The world, always the same."""
        rng = np.random.default_rng(5)
        original = rng.integers(0, 3, N)
        skip = rng.random(N) < 0.6
        tops = np.where(skip | (rng.random((2, N)) < 0.6), original, rng.integers(3, 6, (2, N)))
        rated = (tops != original).any(axis=0)
        holds = rng.random(N) < np.where(rated, 0.8, 0.92)
        other = ~holds & (rng.random(N) < 0.5)
        sees = rng.random(N) < 0.15
        new = np.where(sees, np.where(other, 6, 7), original)
        extra = sees & ~other & (rng.random(N) < 0.25)
        lists = [
            [k for k, held in ((o, a), (6, b), (7, c), (t, d)) if held]
            for o, a, b, c, t, d in zip(
                original, holds, other, extra, tops[0],
                rated & (tops[0] != original) & (rng.random(N) < 0.3), strict=True,
            )
        ]  # fmt: skip
        models = [Predictions(name, IDS, top[:, None]) for name, top in zip("abn", [*tops, new],
                                                                          strict=True)]  # fmt: skip
        truth = LabelSets.from_lists("truth", IDS, lists, n_classes=K)
        return cls(original, truth, (models[0], models[1]), models[2], rated)

    def audit(self, seed: int, n_skipped: int = 150, n_unasked: int = 120) -> Audit:
        """One draw."""
        skipped = skipped_pairs(IDS, self.original, self.rated)
        first = draw_skipped(skipped, n_skipped, seed)
        known = Pairs.concatenate([self.proposals(self.rated), skipped])
        unasked = unasked_pairs(IDS, self.newcomer.top, known)
        found = draw_unasked("n", unasked, skipped, n_unasked, seed, first)
        assert found is not None
        return found

    def proposals(self, rated: np.ndarray) -> Pairs:
        """What the pool proposes of rated images."""
        tops = np.stack([self.original, *(one.top for one in self.pool)])
        keys = np.unique((np.arange(N) * K + tops)[:, rated])
        return Pairs(IDS, keys // K, keys % K)

    def labels(self, audit: Audit | None) -> LabelSets:
        """What is known once what was drawn is answered."""
        rated, new = self.rated.copy(), Pairs.empty(IDS)
        if audit is not None:
            rated[audit.pairs.image[audit.drawn & ~audit.of_kind("unasked")]] = True
            new = audit.pairs.take(audit.drawn & ~audit.of_kind("skipped"))
        asked = Pairs.concatenate([self.proposals(rated), new])
        kept = asked.take(asked.is_in(Pairs(IDS, self.truth.image, self.truth.indices)))
        lists = [[one] for one in self.original.tolist()]
        for image in np.flatnonzero(rated).tolist():
            lists[image] = []
        for image, label in zip(kept.image.tolist(), kept.label.tolist(), strict=True):
            lists[image].append(label)
        return LabelSets.from_lists(
            "ours", IDS, lists, n_classes=K, rated=rated, asked=asked, audit=audit
        )


WORLD = World.make()


def truth_of(one: Predictions) -> float:
    """Its accuracy where everything that is asked about in any draw is known."""
    whole = WORLD.audit(0, N, N)
    labels = replace(WORLD.labels(whole), audit=None)
    score = next(iter(score_models([one], labels, Benchmark("b", IDS))))
    assert score.real.value is not None
    return score.real.value


def test_audited_accuracies_are_right_on_average_and_vary_as_stated() -> None:
    models = (*WORLD.pool, WORLD.newcomer)
    truth = np.array([truth_of(one) for one in models])
    found, widths, inside = [], [], []
    for seed in range(60):
        labels = WORLD.labels(WORLD.audit(seed))
        scores = [audited_accuracy(one, labels) for one in models]
        values = np.array([one.value for one in scores if one is not None])
        # The images are the same in each draw: what varies is the audit's own sample.
        reach = np.array([departure_reach(one.departures) for one in scores if one is not None])
        found.append(values)
        widths.append(reach.sum(axis=1))
        inside.append((values - reach[:, 0] <= truth) & (truth <= values + reach[:, 1]))
    spread = np.std(found, axis=0)
    counted = next(iter(score_models([WORLD.newcomer], WORLD.labels(None), Benchmark("b", IDS))))
    assert abs(np.mean(found, axis=0) - truth).max() < 0.005
    assert abs(counted.real.value - truth[2]) > 0.02  # what the audit puts right
    assert (np.mean(inside, axis=0) > 0.9).all()
    # Where a departure or two are to be expected among those drawn, none does not mean none.
    assert (np.mean(widths, axis=0) < np.array([2.2, 2.2, 1.6]) * 2 * 1.96 * spread).all()


def test_an_audit_in_which_nothing_departs_leaves_room_below_and_none_above() -> None:
    """Wilson's upper end for 0 of 150 is 2.5 %, and models that are right cannot gain."""
    n, of, drawn = np.ones(150), np.array([1000]), np.zeros(150, np.int64)
    right = Foretold(n, n, np.array([1000.0]), 500.0)
    sample = Sample(drawn, of)
    found = prediction_powered_ratio(right, right, sample, np.array([1000.0]), np.array([0.0]))
    assert found is not None
    below, above = departure_reach(found.departures)
    assert above == 0
    assert below == pytest.approx(3.8415 / 153.8415 * np.sqrt(0.85) * 1000 / 1500, rel=1e-3)
    low, high = audited_interval(1.0, 1500.0, found.departures)
    assert 1 - 0.019 < low < 1 - below + 0.001
    assert high == 1


def test_an_audit_of_everything_is_a_count() -> None:
    labels = WORLD.labels(WORLD.audit(0, N, N))
    a, b = WORLD.newcomer, WORLD.pool[0]
    counted, one = compare(a, b, replace(labels, audit=None)), audited_difference(a, b, labels)
    assert one is not None
    assert (one.value, one.low, one.high) == pytest.approx(
        (counted.difference, counted.low, counted.high), abs=1e-3
    )
    found = audited_accuracy(a, labels)
    assert found is not None
    assert found.value == pytest.approx(counted.accuracy_a.value)
    assert departure_reach(found.departures) == (0, 0)


def test_a_newcomer_is_judged_by_the_audit_and_not_by_its_rivals_pool() -> None:
    a, b = WORLD.newcomer, WORLD.pool[0]
    before = compare(a, b, WORLD.labels(None))
    assert before.decision == "cannot tell"
    assert before.p_value < 0.05
    everything = replace(WORLD.labels(WORLD.audit(0, N, N)), audit=None)
    truth = compare(a, b, everything)
    decisions = [compare(a, b, WORLD.labels(WORLD.audit(seed))).decision for seed in range(10)]
    wrong = {"a": "b", "b": "a"}[before.decision] if before.decision in {"a", "b"} else None
    assert wrong is None
    assert truth.decision in {*decisions, "undecided"}
    opposite = {"a": "b", "b": "a"}.get(truth.decision)
    assert opposite not in decisions
    unasked = compare(a, b, WORLD.labels(WORLD.audit(1))).unasked
    assert unasked is not None
    assert (unasked.n_a, unasked.n_b) == (0, 0)


def test_a_second_draw_goes_on_and_what_is_asked_about_anyway_leaves() -> None:
    skipped = skipped_pairs(IDS, WORLD.original, WORLD.rated)
    first = draw_skipped(skipped, 40, 1)
    assert first is not None
    again = draw_skipped(skipped, 40, 2, first)
    assert again is not None
    assert np.array_equal(again.drawn, first.drawn)
    more = draw_skipped(skipped, 70, 2, first)
    assert more is not None
    assert (more.strata[0].seeds, more.n_drawn.tolist()) == ((1, 2), [70])
    assert more.drawn[first.drawn].all()
    fewer = skipped.take(np.arange(len(skipped)) % 2 == 0)
    left = still_unasked(more, skipped.take(np.arange(len(skipped)) % 2 == 1))
    assert left.n_population.tolist() == [len(fewer)]
    grown = draw_skipped(skipped, int(left.n_drawn[0]) + 10, 4, left)
    assert grown is not None  # what left and came back had no chance meanwhile
    assert [one.kind for one in grown.strata] == ["skipped", "skipped"]
    assert grown.n_population.sum() == len(skipped)
