"""Mistakes that people judge: what is drawn, by hand, and how often the truth is covered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.analysis.mistakes import MISTAKE_KINDS, find_mistakes
from reassess.analysis.reviews import OPEN, REVIEW_LABELS, draw_review, review_labels, review_result
from reassess.errors import DataError, OptionError
from reassess.records import ANSWERS, Hierarchy, LabelSets, Pairs, Predictions, Questions, Votes
from reassess.statistics.sampling import Sample, stratified_difference, stratified_share
from tests.analysis.test_mistakes import CLASSES, EDGES

CLEAR, UNDECIDABLE, NOT = range(3)


def world(n: int, seed: int = 0, share_hard: float = 0.3):
    """Two models on n images of eight classes; what people would say of any prediction."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 8, n)
    hard = rng.random(n) < share_hard
    alike = (truth ^ 1) % 8
    far = (truth + rng.integers(2, 8, n)) % 8
    tops = [
        np.where(
            rng.random(n) < np.where(hard, 0.5, 0.08), np.where(rng.random(n) < 0.6, alike, far),
            truth,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = np.where(rng.random((n, 8)) < 0.25, UNDECIDABLE, CLEAR)
    said[hard[:, None] & (rng.random((n, 8)) < 0.5)] = NOT
    ids = np.array([f"{i:05d}" for i in range(n)])
    labels = LabelSets.from_lists("real", ids, [[int(k)] for k in truth], n_classes=8)
    models = tuple(
        Predictions(name, ids, top[:, None]) for name, top in zip("ab", tops, strict=True)
    )
    found = find_mistakes(labels, models, hierarchy=Hierarchy.from_edges(EDGES, CLASSES))
    return labels, models, found, said


def said_of(review, said):
    image = review.pairs.image_ids[review.pairs.image].astype(int)
    return said[image, review.pairs.label]


def test_a_review_of_everything_counts_exactly():
    labels, models, found, said = world(300)
    review = draw_review(found, labels, models, study="s", n_sample=10_000, seed=0)
    verdict = said_of(review, said)
    result = review_result(review, verdict, np.ones(len(verdict), bool))
    true = said[found.image, found.predicted]
    for m, one in enumerate(result.models):
        mine = true[found.model == m]
        assert one.counts is not None
        for code, name in enumerate(REVIEW_LABELS):
            estimate = one.counts[name]
            n = int((mine == code).sum())
            assert [estimate.value, estimate.low, estimate.high] == pytest.approx([n] * 3)
        n_right, n_missed = 300 - len(mine), int((mine == NOT).sum())
        assert one.false_negatives is not None
        assert one.false_negatives.value == pytest.approx(n_missed / (n_missed + n_right))
    pairs = {(i, k): said[i, k] for i, k in zip(found.image, found.predicted, strict=True)}
    assert len(review) == len(pairs)
    assert result.n_by_label == {
        name: list(pairs.values()).count(code) for code, name in enumerate(REVIEW_LABELS)
    }
    clear = [int((true[found.model == m] == CLEAR).sum()) for m in (0, 1)]
    (difference,) = result.differences
    assert difference.difference is not None
    assert difference.difference.value == pytest.approx(clear[0] - clear[1])
    right = {(i, int(p)) for one in models for i, p in enumerate(one.top) if p in labels.lists()[i]}
    assert review.n_right == len(right)
    for kind in result.kinds:
        of_kind = {
            (i, k)
            for i, k, c in zip(found.image, found.predicted, found.kind, strict=True)
            if MISTAKE_KINDS[c] == kind.kind
        }
        assert kind.n_mistakes == kind.n_decided == len(of_kind)
        assert kind.shares is not None
        n_not = sum(said[i, k] == NOT for i, k in of_kind)
        assert kind.shares["not a mistake"].value == pytest.approx(n_not / len(of_kind))


def test_intervals_of_samples_cover_what_a_review_of_everything_says():
    """60 draws of 120 from one population of mistakes; nine in ten of all intervals hold."""
    labels, models, found, said = world(2000)
    true = said[found.image, found.predicted]
    held = []
    for seed in range(60):
        review = draw_review(found, labels, models, study="s", n_sample=120, seed=seed)
        verdict = said_of(review, said)
        result = review_result(review, verdict, np.ones(120, bool))
        for m, one in enumerate(result.models):
            assert one.counts is not None
            for code, name in enumerate(REVIEW_LABELS):
                n = int((true[found.model == m] == code).sum())
                held.append(one.counts[name].low <= n <= one.counts[name].high)
        difference = result.differences[0].difference
        assert difference is not None
        assert 0 <= difference.p_value <= 1
    assert 0.92 < np.mean(held) < 0.995


@given(st.integers(2, 200), st.integers(0, 5), st.integers(20, 80))
def test_every_stratum_is_drawn_from_and_never_beyond(n_sample, seed, n):
    labels, models, found, _ = world(n, seed, share_hard=0.9)
    review = draw_review(found, labels, models, study="s", n_sample=n_sample, seed=seed)
    drawn = np.bincount(review.stratum, minlength=len(review.strata))
    n_all = int(review.n_population.sum())
    assert len(review) == min(n_sample, n_all)
    assert (drawn <= review.n_population).all()
    assert (drawn >= np.minimum(review.n_population, 2)).all()
    assert (
        n_all == review.n_of_kind.sum() == len(set(zip(found.image, found.predicted, strict=True)))
    )
    again = draw_review(found, labels, models, study="s", n_sample=n_sample, seed=seed)
    assert (again.pairs.ids() == review.pairs.ids()).all()


def votes_on(asked, rows):
    question, rater, answer = map(np.array, zip(*rows, strict=True))
    used, question = np.unique(question, return_inverse=True)
    pairs = Pairs(
        np.array([i for i, _ in asked])[used], np.arange(len(used)),
        np.array([k for _, k in asked])[used],
    )  # fmt: skip
    return Votes(
        Questions.from_pairs(pairs), np.unique(rater), ANSWERS, question,
        np.unique(rater, return_inverse=True)[1], answer,
    )  # fmt: skip


def test_verdicts_are_agreed_decided_or_open():
    labels, models, found, _ = world(40, share_hard=0.9)
    review = draw_review(found, labels, models, study="s", n_sample=6, seed=0)
    pairs = review.pairs
    asked = list(zip(pairs.image_ids[pairs.image].tolist(), pairs.label.tolist(), strict=True))
    rows = [
        (0, "x", 0), (0, "y", 0),  # both: a clear mistake
        (1, "x", 2), (1, "y", 2),  # both: none
        (2, "x", 0), (2, "y", 2),  # they disagree
        (3, "x", 0), (3, "y", 1),  # they disagree, an expert decides
        (4, "x", 0),  # one vote only
        (5, "x", 1), (5, "y", 1), (5, "z", 0),  # two of three
    ]  # fmt: skip
    verdict, voted = review_labels(review, votes_on(asked, rows), {asked[3]: 1})
    assert verdict.tolist() == [CLEAR, NOT, OPEN, UNDECIDABLE, OPEN, UNDECIDABLE]
    assert voted.tolist() == [True, True, True, True, False, True]
    result = review_result(review, verdict, voted)
    assert (result.n_open, result.n_disagreed) == (2, 1)
    none, voted = review_labels(review, None, {})
    assert set(none.tolist()) == {OPEN}
    assert review_result(review, none, voted).mistakes is None
    with pytest.raises(DataError, match="was not drawn"):
        review_labels(review, votes_on([("elsewhere", 0)], [(0, "x", 0)]), {})


def test_of_a_stratum_without_verdicts_nothing_is_supposed():
    """By hand: 400 of 600 are reviewed, 300 of them clear; of the other stratum none."""
    sample = Sample(np.zeros(400, np.int64), np.array([400, 200]))
    everything, clear = np.ones(400, np.bool_), np.arange(400) < 300
    found = stratified_share(clear, everything, 600, sample)
    assert found is not None
    assert found.value == 3 / 4
    assert 0.4 < found.low <= 300 / 600
    assert 500 / 600 <= found.high < 0.9
    assert sample.n_unseen == 200
    assert stratified_difference(clear, ~clear, sample, 10) is None


@settings(max_examples=20)
@given(st.integers(0, 200), st.integers(0, 40))
def test_open_mistakes_widen_intervals_by_all_that_an_expert_may_say(seed, n_open):
    """Whatever the expert says of what raters disagree on lies inside the interval from before."""
    rng = np.random.default_rng(seed)
    labels, models, found, said = world(150, seed % 5, share_hard=0.6)
    review = draw_review(found, labels, models, study="s", n_sample=40, seed=seed)
    verdict, voted = said_of(review, said), np.ones(len(review), bool)
    unsure = verdict.copy()
    unsure[rng.permutation(len(review))[:n_open]] = OPEN
    before = review_result(review, unsure, voted)
    if before.mistakes is None:
        return
    for guess in range(3):
        after = review_result(review, np.where(unsure == OPEN, guess, unsure), voted)
        for name in REVIEW_LABELS:
            one, wide = after.mistakes[name], before.mistakes[name]
            assert 0 <= wide.low <= wide.value <= wide.high <= 1
            assert wide.low - 1e-9 <= one.value <= wide.high + 1e-9
        (one,), (wide,) = after.differences, before.differences
        if wide.difference is not None:
            assert wide.difference.low - 1e-9 <= one.difference.value <= wide.difference.high + 1e-9


def test_reviews_hold_what_people_would_say_where_hard_mistakes_stay_open():
    """Raters disagree on most of what is no mistake: left out, it seemed rarer than it is."""
    labels, models, found, said = world(1500)
    truth = (said[found.image, found.predicted] == NOT)[found.model == 0].sum()
    held, before = [], []
    for seed in range(40):
        review = draw_review(found, labels, models, study="s", n_sample=200, seed=seed)
        verdict = said_of(review, said)
        disagreed = (verdict == NOT) & (np.random.default_rng(seed).random(200) < 0.6)
        for voted, kept in ((np.ones(200, bool), held), (~disagreed, before)):
            one = review_result(review, np.where(disagreed, OPEN, verdict), voted).models[0]
            estimate = one.counts["not a mistake"]
            kept.append(estimate.low <= truth <= estimate.high)
    assert np.mean(held) > 0.9
    assert np.mean(before) < 0.5


def test_there_must_be_mistakes_and_at_least_two_drawn():
    labels, models, found, _ = world(40, share_hard=0.9)
    with pytest.raises(OptionError, match="at least 2"):
        draw_review(found, labels, models, study="s", n_sample=1, seed=0)
    right = Predictions("m", labels.image_ids, labels.indices[:, None])
    none = find_mistakes(labels, [right])
    with pytest.raises(DataError, match="0 mistakes"):
        draw_review(none, labels, (right,), study="s", n_sample=10, seed=0)
