"""Learned proposals: a benchmark whose truth is known, an oracle for sums, laws, refusals."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.engines import ThreadEngine
from reassess.errors import AlignmentError, DataError, OptionError
from reassess.proposals.cooccurrence import FoldSums
from reassess.proposals.learned import LearnedProposals, learn_proposals
from reassess.proposals.learning_curve import learning_curve
from reassess.proposals.model_votes import NOT_LISTED, ModelVotes, collect_model_votes
from reassess.records import Benchmark, Pairs, Predictions, Proposals

N, K, M = 500, 12, 5
FOLDS = 3  # each fold is a boosted model, and takes a second
Study = tuple[list[Predictions], Benchmark, Pairs]


@cache
def study() -> Study:
    """Images of class c, a third of which show class c + 1 too, and five models of each.

    Nine of ten original labels are right. Two models have logits, two probabilities, one ranks
    alone; they see what is in the image with noise. The truth comes as sets of labels.
    """
    rng = np.random.default_rng(7)
    main = rng.integers(K, size=N)
    both = rng.random(N) < 1 / 3
    sets = np.zeros((N, K), dtype=bool)
    sets[np.arange(N), main] = True
    sets[both, (main[both] + 1) % K] = True
    wrong = rng.random(N) < 0.1
    original = np.where(wrong, (main + rng.integers(2, K, size=N)) % K, main)
    ids = np.array([f"{i:04d}.png" for i in rng.permutation(N)])
    predictions = []
    for m in range(M):
        logits = 2.0 * sets + rng.normal(0, 1.5 + 0.2 * m, (N, K))
        classes = np.argsort(-logits, axis=1)
        ranked = np.take_along_axis(logits, classes, axis=1)
        odds = np.exp(ranked)
        shares = odds / odds.sum(axis=1, keepdims=True)
        one = Predictions(f"m{m}", ids, classes)
        if m < 2:
            one = replace(one, scores=ranked, score_type="logit")
        elif m < 4:
            one = replace(one, scores=shares, score_type="probability")
        predictions.append(one)
    image, label = np.nonzero(sets)
    return predictions, Benchmark("made", ids, original), Pairs(ids, image, label)


@cache
def model_votes() -> ModelVotes:
    predictions, benchmark, _ = study()
    return collect_model_votes(predictions, benchmark, depth=4)


@cache
def learned() -> LearnedProposals:
    truth = study()[2]
    return learn_proposals(model_votes(), truth, np.ones(len(truth)), complete=True, folds=FOLDS)


def is_valid(pairs: Pairs) -> np.ndarray:
    return np.isin(pairs.ids(), study()[2].ids())


def recall(proposals: Proposals) -> float:
    return float(is_valid(proposals.pairs).sum() / len(study()[2]))


def area_under_roc(score: np.ndarray, truth: np.ndarray) -> float:
    """The share of (valid, invalid) couples in the right order, ties counted half."""
    yes, no = np.sort(score[truth]), score[~truth]
    below = np.searchsorted(np.sort(no), yes, side="left").sum()
    upto = np.searchsorted(np.sort(no), yes, side="right").sum()
    return float((below + upto) / 2 / (len(yes) * len(no)))


def test_evidence_by_hand() -> None:
    """Three classes are named in image a; b has the original label's row alone from m2."""
    benchmark = Benchmark("hand", np.array(["b", "a"]), np.array([0, 4]))
    ids = np.array(["a", "b"])
    m2 = Predictions("m2", ids, np.array([[1, 2, 3], [0, 1, 2]]))
    scores = np.array([[np.log(3.0), 0.0], [0.0, -np.inf]])
    m1 = Predictions("m1", ids, np.array([[2, 1], [0, 3]]), scores, "logit")
    found = collect_model_votes([m2, m1], benchmark, depth=2)
    assert found.models == ("m1", "m2")
    assert found.pairs.ids().tolist() == ["a:1", "a:2", "a:4", "b:0", "b:1", "b:3"]
    x = NOT_LISTED
    assert found.rank.tolist() == [[1, 0], [0, 1], [x, x], [0, 0], [x, 1], [1, x]]
    assert found.original.tolist() == [False, False, True, True, False, False]
    assert found.confidence[:, 0].tolist() == pytest.approx([0.25, 0.75, 0, 1, 0, 0])
    undeclared = replace(m1, score_type=None)
    assert not collect_model_votes([undeclared, m2], benchmark).confidence.any()


@given(st.integers(0, 2**32 - 1))
def test_sums_leave_out_two_folds(seed: int) -> None:
    """Against sums over the entries themselves."""
    rng = np.random.default_rng(seed)
    n, n_folds = int(rng.integers(1, 30)), int(rng.integers(2, 5))
    group, fold = rng.integers(4, size=n), rng.integers(-1, n_folds, size=n)
    weight, value = rng.random(n), rng.random(n)
    sums = FoldSums(group, fold, weight, value, n_folds)
    for held_out in (None, *range(n_folds)):
        counted = (fold >= 0) & (fold != (-2 if held_out is None else held_out))
        expected = [
            [
                one[counted & (group == g) & (fold != f)].sum()
                for g, f in zip(group, fold, strict=True)
            ]
            for one in (weight, value)
        ]
        assert sums.without(group, fold, held_out) == pytest.approx(np.array(expected))


def test_probabilities_hold_what_they_say() -> None:
    """In every bin the share of valid pairs lies within four standard errors."""
    result = learned()
    assert result.learner == "boosting"
    found = result.calibration
    bins = found.n_pairs > 30
    error = np.sqrt(found.mean_probability * (1 - found.mean_probability) / found.n_pairs)[bins]
    gap = np.abs(found.mean_probability - found.share_valid)[bins]
    assert bins.sum() >= 5
    assert (gap < 4 * error + 0.01).all()
    truth = is_valid(result.pairs)
    square = (result.probability - truth) ** 2
    assert found.brier == pytest.approx(square.mean())
    of_pair = result.fold[result.pairs.image]
    assert found.fold_brier == pytest.approx([square[of_pair == f].mean() for f in range(FOLDS)])
    assert found.brier < 0.6 * truth.mean() * (1 - truth.mean())


@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.95])
def test_recall_is_what_was_asked_for(wanted: float) -> None:
    proposals = learned().propose(recall=wanted)
    assert learned().expected_recall(proposals) == pytest.approx(wanted, abs=0.002)
    assert recall(proposals) == pytest.approx(wanted, abs=0.02)


def test_a_proposal_is_likely_or_original() -> None:
    """Of all sets that hold the original labels none as small has a larger expected recall."""
    result, benchmark = learned(), study()[1]
    proposals = result.propose(budget=2 * N)
    assert proposals.pairs.image_ids.tolist() == benchmark.image_ids.tolist()
    assert proposals.pairs.label[proposals.original].tolist() == benchmark.original.tolist()
    assert 2 * N - 5 <= len(proposals) <= 2 * N
    left = ~np.isin(result.pairs.ids(), proposals.pairs.ids())
    assert result.probability[left].max() <= proposals.probability[~proposals.original].min()
    doubted = ~proposals.original | (proposals.probability < 0.95)
    rated = np.isin(np.arange(N), proposals.pairs.image[doubted])
    assert proposals.rated.tolist() == rated.tolist()
    assert 0 < rated.sum() < N
    assert len(result.propose(budget=N)) == N
    assert len(result.propose(budget=10**9)) == len(result.pairs)


def test_order_of_models_and_images_and_workers_do_not_matter() -> None:
    """Not by a bit: the same pairs get the same probabilities."""
    predictions, benchmark, truth = study()
    rng = np.random.default_rng(1)
    mixed = []
    for one in predictions[::-1]:
        rows = rng.permutation(N)
        scores = None if one.scores is None else one.scores[rows]
        columns = {"image_ids": one.image_ids[rows], "ranked_classes": one.ranked_classes[rows]}
        mixed.append(replace(one, scores=scores, **columns))
    rows = rng.permutation(N)
    other = Benchmark("made", benchmark.image_ids[rows], benchmark.original[rows])
    drawn = rng.permutation(len(truth))
    known = Pairs(truth.image_ids, truth.image[drawn], truth.label[drawn])
    gathered = collect_model_votes(mixed, other, depth=4)
    with ThreadEngine(workers=1) as engine:
        options = {"complete": True, "folds": FOLDS, "engine": engine}
        result = learn_proposals(gathered, known, np.ones(len(known)), **options)  # type: ignore[arg-type]
    assert result.pairs.ids().tolist() == learned().pairs.ids().tolist()
    assert result.probability.tobytes() == learned().probability.tobytes()
    ours, theirs = learned().propose(recall=0.9), result.propose(recall=0.9)
    assert theirs.pairs.image_ids.tolist() == other.image_ids.tolist()
    assert set(theirs.pairs.ids()) == set(ours.pairs.ids())


def test_an_image_does_not_see_its_own_truth() -> None:
    """Other truth for half of one fold leaves the order of its probabilities as it was.

    Their level may move by a hair: the calibration of other folds' predictions saw that truth.
    """
    result, truth = learned(), study()[2]
    changed = np.flatnonzero(result.fold == 1)[::2]
    own = np.isin(truth.image_ids[truth.image], result.pairs.image_ids[changed])
    label = np.where(own, (truth.label + 5) % K, truth.label)
    other = Pairs(truth.image_ids, truth.image, label)
    lied = learn_proposals(model_votes(), other, np.ones(len(other)), complete=True, folds=FOLDS)
    assert lied.fold.tolist() == result.fold.tolist()
    found = []
    for one in (result, lied):
        rows = np.flatnonzero(one.fold[one.pairs.image] == 1)
        found.append((one.pairs.ids()[rows].tolist(), one.probability[rows]))
    assert found[0][0] == found[1][0]
    order = np.argsort(found[0][1])
    assert (np.diff(found[1][1][order]) >= -1e-12).all()
    others = result.fold[result.pairs.image] != 1
    assert not np.isin(result.probability[others], lied.probability).any()


@pytest.mark.parametrize("learner", ["boosting", "logistic"])
def test_random_truth_teaches_nothing(learner: str) -> None:
    rng = np.random.default_rng(3)
    pairs = model_votes().pairs
    truth = rng.random(len(pairs)) < 0.2
    result = learn_proposals(
        model_votes(), pairs, truth.astype(float), learner=learner, folds=FOLDS
    )  # type: ignore[arg-type]
    assert area_under_roc(result.probability, truth) == pytest.approx(0.5, abs=0.03)


def test_more_truth_gives_better_proposals() -> None:
    """Judged on the images that none of them knew: 40 images, 300 images."""
    truth, pairs = study()[2], model_votes().pairs
    unseen = np.arange(N) >= 300
    scores = []
    for n_known in (40, 300):
        kept = truth.image < n_known
        known = Pairs(truth.image_ids[:n_known], truth.image[kept], truth.label[kept])
        result = learn_proposals(
            model_votes(), known, np.ones(len(known)), complete=True, folds=FOLDS
        )
        ids = study()[1].image_ids
        rows = np.isin(result.pairs.image_ids[result.pairs.image], ids[unseen])
        valid = is_valid(result.pairs)[rows]
        scores.append(area_under_roc(result.probability[rows], valid))
        assert (result.fold >= 0).sum() == n_known
    assert len(pairs) >= rows.sum()
    assert 0.9 < scores[0] < scores[1]


def test_the_learning_curve_is_judged_by_images_that_it_did_not_learn_from() -> None:
    """Its last point is the rule itself; a point before it that of its images alone."""
    truth = study()[2]
    found, n_pairs = learned(), 3 * N
    curve = learning_curve(
        model_votes(), truth, np.ones(len(truth)), found,
        pairs_per_image=n_pairs / N, recall=0.9, complete=True, sizes=(1, 60, 120, 400),
    )  # fmt: skip
    few, more, last = curve.points
    assert [few.n_images, more.n_images, last.n_images] == [60, 120, round(N * 2 / 3)]
    assert last.recall == pytest.approx(recall(found.propose(budget=n_pairs)), abs=0.002)
    assert last.recall > few.recall > 0.5
    assert few.pairs_per_image > last.pairs_per_image
    asked = round(last.pairs_per_image * N)
    assert recall(found.propose(budget=asked + 3)) == pytest.approx(0.9, abs=0.005)
    out_of_reach = learning_curve(
        model_votes(), truth, np.ones(len(truth)), found,
        pairs_per_image=2.0, recall=1.0, complete=True, sizes=(),
    )  # fmt: skip
    assert [one.n_images for one in out_of_reach.points] == [last.n_images]
    if found.pool_recall < 1:
        assert out_of_reach.points[0].pairs_per_image is None


def test_gold_and_posteriors_count_by_their_probability() -> None:
    """Pairs said to be valid with 0.7 or 0.1 get these probabilities, whatever they are."""
    pairs = model_votes().pairs
    drawn = np.sort(np.random.default_rng(0).choice(len(pairs), 600, replace=False))
    known = Pairs(pairs.image_ids, pairs.image[drawn], pairs.label[drawn])
    share = np.where(model_votes().original[drawn], 0.7, 0.1)
    result = learn_proposals(model_votes(), known, share)
    assert result.learner == "logistic"
    assert result.pool_recall == 1
    original = model_votes().original
    assert result.probability[original].mean() == pytest.approx(0.7, abs=0.05)
    assert result.probability[~original].mean() == pytest.approx(0.1, abs=0.03)


def test_companions_reach_beyond_the_pool() -> None:
    """Models see the top class only; what stands beside it must come from other images."""
    predictions, benchmark, truth = study()
    gathered = collect_model_votes(predictions, benchmark, depth=1)
    result = learn_proposals(gathered, truth, np.ones(len(truth)), complete=True, folds=FOLDS)
    added = ~np.isin(result.pairs.ids(), gathered.pairs.ids())
    assert added.sum() > 100
    original = result.model_votes.original_label[result.pairs.image]
    beside = result.pairs.label == (original + 1) % K
    mean = [result.probability[added & one].mean() for one in (beside, ~beside)]
    assert mean[0] > 2 * mean[1]
    in_pool = is_valid(gathered.pairs).sum() / len(truth)
    assert result.pool_recall == pytest.approx(recall(result.propose(budget=10**9)))
    assert result.pool_recall > in_pool + 0.02


def test_refuses() -> None:
    predictions, benchmark, truth = study()
    ones = np.ones(len(truth))
    with pytest.raises(OptionError, match="0 models"):
        collect_model_votes([], benchmark)
    with pytest.raises(OptionError, match="depth is 0"):
        collect_model_votes(predictions, benchmark, depth=0)
    with pytest.raises(DataError, match="model 'm0' appears more than once"):
        collect_model_votes([predictions[0], predictions[0]], benchmark)
    with pytest.raises(DataError, match="original labels are unknown"):
        collect_model_votes(predictions, replace(benchmark, original=None))
    part = replace(
        predictions[4], image_ids=benchmark.image_ids[1:], ranked_classes=np.zeros((N - 1, 1), int)
    )
    with pytest.raises(AlignmentError, match="is missing"):
        collect_model_votes([part], benchmark)
    with pytest.raises(OptionError, match="number of folds is 2"):
        learn_proposals(model_votes(), truth, ones, folds=2)
    with pytest.raises(DataError, match=r"truth\[0\] is 2.0"):
        learn_proposals(model_votes(), truth, 2 * ones)
    with pytest.raises(DataError, match="must be one for each"):
        learn_proposals(model_votes(), truth, ones[1:])
    with pytest.raises(DataError, match="0 are invalid"):
        learn_proposals(model_votes(), truth, ones)
    with pytest.raises(DataError, match="0 are valid"):
        learn_proposals(model_votes(), truth, 0 * ones)
    few = Pairs(truth.image_ids, truth.image[:2], truth.label[:2])
    with pytest.raises(DataError, match=r"images have known pairs.*each of 5 folds"):
        learn_proposals(model_votes(), few, ones[:2])
    with pytest.raises(AlignmentError, match="must be"):
        learn_proposals(
            model_votes(), replace(truth, image_ids=np.char.add("x", truth.image_ids)), ones
        )
    with pytest.raises(OptionError, match="either a recall or a budget"):
        learned().propose()
    with pytest.raises(OptionError, match="either a recall or a budget"):
        learned().propose(recall=0.9, budget=2 * N)
    with pytest.raises(OptionError, match=r"recall is 1\.5"):
        learned().propose(recall=1.5)
    with pytest.raises(OptionError, match="the budget is 5"):
        learned().propose(budget=5)
