"""Skipped images that an audit drew from, under labels with a probability."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta

from reassess.aggregation import dawid_skene
from reassess.analysis.audited_labels import AuditedImages, likelihood_ratio
from reassess.analysis.sensitivity import sensitivity
from reassess.analysis.uncertainty import UncertainScores, uncertain_scores
from reassess.labels import operating_point, reassessed_labels
from reassess.proposals.audits import draw_skipped, skipped_pairs
from reassess.records import Benchmark, Gold, LabelSets, Pairs, Predictions, Questions
from reassess.scoring import audited_accuracy, real_accuracy
from reassess.simulate import simulate_gold, simulate_votes, simulated_raters
from tests.analysis.simulated import NOISY

N, N_SKIPPED, N_DRAWN = 1_000, 500, 200
SKILL = np.array([0.9, 0.8, 0.8])
WRONG = 0.2


@dataclass(frozen=True)
class World:
    """Half of the images are skipped, as all models say their original label.

    Of these a fifth shows the next class instead. Of each image that is asked about, two classes.
    """

    predictions: tuple[Predictions, ...]
    benchmark: Benchmark
    truth: np.ndarray
    holds: np.ndarray
    asked: np.ndarray
    gold: Gold

    @classmethod
    def make(cls) -> "World":
        """The world, always the same."""
        rng = np.random.default_rng(4)
        ids = np.array([f"{n:04d}" for n in range(N)])
        asked = np.argsort(rng.random((N, 30)), axis=1)[:, :2]
        right = rng.random((N, len(SKILL))) < SKILL
        right[:N_SKIPPED] = True
        first_holds = np.ones(N, dtype=bool)
        first_holds[:N_SKIPPED] = rng.random(N_SKIPPED) >= WRONG
        top = np.where(right, asked[:, :1], asked[:, 1:])
        holds = np.stack([first_holds, ~first_holds], axis=1)
        rows = np.arange(N_SKIPPED, N)
        questions = Questions.from_pairs(Pairs(ids[rows], np.repeat(rows - N_SKIPPED, 2),
                                               asked[rows].ravel()))  # fmt: skip
        gold = simulate_gold(questions, holds[rows].ravel(), n_images=150, rng=rng)
        return cls(
            tuple(Predictions(f"m{m}", ids, top[:, [m]]) for m in range(len(SKILL))),
            Benchmark("b", ids, asked[:, 0]),
            (right & first_holds[:, None]).mean(axis=0),
            holds,
            asked,
            gold,
        )

    def scores(
        self, n_drawn: int, seed: int = 0, *, wrong: bool = True
    ) -> tuple[UncertainScores, LabelSets]:
        """What models score where so many of the skipped images were audited."""
        holds = self.holds.copy()
        if not wrong:
            holds[:N_SKIPPED] = [True, False]
        rng = np.random.default_rng(seed)
        ids = self.benchmark.image_ids
        rated = np.arange(N) >= N_SKIPPED
        audit = draw_skipped(skipped_pairs(ids, self.asked[:, 0], rated), n_drawn, seed)
        shown = rated.copy()
        if audit is not None:
            shown[audit.pairs.image[audit.drawn]] = True
        rows = np.flatnonzero(shown)
        pairs = Pairs(ids[rows], np.repeat(np.arange(len(rows)), 2), self.asked[rows].ravel())
        votes = simulate_votes(
            Questions.from_pairs(pairs), holds[rows].ravel(),
            simulated_raters(20, rng, mean=NOISY), rng=rng,
        )  # fmt: skip
        posterior = dawid_skene(votes)
        point = operating_point(posterior, threshold=0.8)
        labels = reassessed_labels(posterior, self.benchmark, point, audit=audit)
        found = uncertain_scores(
            self.predictions, labels, votes=votes, posterior=posterior, gold=self.gold,
            n_resamples=40, rng=rng,
        )  # fmt: skip
        assert sensitivity(self.predictions, labels, posterior) is not None
        return found, labels


WORLD = World.make()


def test_an_audit_puts_skipped_images_right_and_says_how_surely() -> None:
    without, _ = WORLD.scores(0)
    few, _ = WORLD.scores(40)
    many, labels = WORLD.scores(N_DRAWN)
    assert labels.audit is not None
    assert (without.both.low > WORLD.truth).all(), "skipped labels count as certain"
    for found in (few, many):
        assert (found.both.low <= WORLD.truth).all()
        assert (WORLD.truth <= found.both.high).all()
    assert abs(many.both.accuracy - WORLD.truth).max() < 0.03
    for m, one in enumerate(WORLD.predictions):  # what ranks prints "from images" is score's
        by_audit, counted = audited_accuracy(one, labels), real_accuracy(one, labels)
        assert many.images.accuracy[m] == by_audit.value < counted.value - 0.05
        assert (many.images.low[m], many.images.high[m]) == by_audit.interval(0.95)
    width = [(one.both.high - one.both.low).mean() for one in (without, few, many)]
    assert width[0] < width[2] < width[1]
    # Skipped images are right or wrong for all models alike: differences do not feel them.
    apart = [one.calibrated_difference(0, 1) for one in (without, many)]
    assert apart[0][2] - apart[0][1] == pytest.approx(apart[1][2] - apart[1][1], rel=0.25)


def drawn(n: int) -> AuditedImages:
    return AuditedImages(
        np.repeat([0, -1], [n, 2]), np.repeat([3, -1], [n, 2]), np.arange(n), np.arange(n),
        np.array([n]), np.empty(0, np.int64), np.empty(0),
    )  # fmt: skip


@pytest.mark.parametrize(("n", "n_wrong", "value"), [(12, 0, 1.0), (40, 5, 36 / 41), (1, 1, 0.5)])
def test_where_votes_leave_no_doubt_the_interval_is_jeffreys(
    n: int, n_wrong: int, value: float
) -> None:
    ratio = np.where(np.arange(n) < n_wrong, 1e-9, 1e9)
    found = drawn(n).share(ratio, 0.9)
    assert found.value == pytest.approx([value], abs=5e-3)
    expected = beta(n - n_wrong + 0.5, n_wrong + 0.5)
    assert found.low == pytest.approx(expected.ppf([0.05]), abs=0.01)
    assert found.high == pytest.approx(expected.ppf([0.95]), abs=0.01)
    about = expected.var() + (expected.mean() - found.value) ** 2
    assert found.variance == pytest.approx(about, rel=0.05)


def test_where_votes_say_nothing_labels_stand_and_the_interval_says_so() -> None:
    found = drawn(7).share(np.ones(7), 0.95)
    assert found.value == [1.0]
    assert found.low < 0.01
    assert found.high == [1.0]
    assert drawn(7).of_image(np.array([0.25]), 1.0).tolist() == [0.25] * 7 + [1.0, 1.0]


def test_something_that_holds_wherever_another_does_is_no_less() -> None:
    some, kept = (drawn(20).share(np.full(20, ratio), 0.95) for ratio in (0.2, 5.0))
    assert some.value < kept.value
    both = some.at_least(kept)
    assert (both.value, both.low, both.high) == (kept.value, kept.low, kept.high)


def test_votes_that_say_little_do_not_draw_labels_that_all_hold_down() -> None:
    """The mean of the posterior falls short by 0.061 here."""
    rng = np.random.default_rng(5)
    shortfall = []
    for _ in range(200):
        found = drawn(36).share(np.exp(rng.normal(1.125, 1.5, 36)), 0.95)
        assert found.low <= found.value <= found.high
        shortfall.append(1 - found.value[0])
    assert np.median(shortfall) == 0
    assert np.mean(shortfall) < 0.03


def test_the_interval_reaches_further_down_than_up_where_no_label_was_found_wrong() -> None:
    """Every model is right on every skipped image: more images can only show that it is not."""
    found, _ = WORLD.scores(40, wrong=False)
    without, _ = WORLD.scores(0, wrong=False)
    below, above = (
        one.both.accuracy - one.both.low - (one.both.high - one.both.accuracy)
        for one in (found, without)
    )
    assert (below > 0.01).all()
    assert above == pytest.approx(np.zeros(3), abs=1e-9)


def test_the_likelihood_is_found_back_from_images_where_things_hold_less_often() -> None:
    """Evidence is normal around 2 or −2 with a spread of 2: it is its own log-likelihood ratio."""
    rng = np.random.default_rng(1)
    truth = rng.random(40_000) < 0.3
    seen = rng.normal(np.where(truth, 2.0, -2.0), 2.0)
    known = expit(seen + np.log(0.3 / 0.7))
    ratio = likelihood_ratio(np.array([0.0, 1.0]) + 5.0, seen + 5.0, known)
    assert np.log(ratio) == pytest.approx([0.0, 1.0], abs=0.1)


def test_votes_on_audited_images_alone_leave_the_labels_uncertainty_out_and_say_so() -> None:
    """Where every model agrees with every original label, only an audit asks anything."""
    ids = WORLD.benchmark.image_ids
    audit = draw_skipped(skipped_pairs(ids, WORLD.asked[:, 0], np.zeros(N, bool)), 30, 0)
    assert audit is not None
    rows = np.unique(audit.pairs.image[audit.drawn])
    questions = Questions.from_pairs(Pairs(ids[rows], np.arange(30), WORLD.asked[rows, 0]))
    rng = np.random.default_rng(2)
    votes = simulate_votes(
        questions, rng.random(30) < 0.9, simulated_raters(5, rng, mean=NOISY), rng=rng
    )
    posterior = dawid_skene(votes)
    point = operating_point(posterior, threshold=0.5)
    labels = reassessed_labels(posterior, WORLD.benchmark, point, audit=audit)
    unanimous = Predictions("all", ids, WORLD.asked[:, :1])
    other = Predictions("other", ids, WORLD.asked[:, :1])
    found = uncertain_scores(
        [unanimous, other], labels, votes=votes, posterior=posterior, n_resamples=40, rng=rng
    )
    assert found.both is None
    assert found.audited is not None
    assert "the images of the audit alone" in str(found.no_label_uncertainty)
