"""Which models to take lists from, against every subset counted one by one."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.catalog import Catalog
from reassess.errors import DataError, OptionError
from reassess.proposals.model_selection import ModelChoice, Subset, choose_models
from reassess.records import align

SEEDS = st.integers(0, 2**32 - 1)


def case_of(seed: int):
    """Random lists of up to six models on gold questions, of which one at least is positive."""
    rng = np.random.default_rng(seed)
    n_questions, n_models = (int(n) for n in rng.integers(1, [16, 7]))
    listed = rng.random((n_questions, n_models)) < rng.uniform(0.1, 0.9, n_models)
    positive = rng.random(n_questions) < 0.5
    positive[rng.integers(n_questions)] = True
    always = rng.random(n_questions) < 0.2
    return listed, positive, always, [f"m{i}" for i in range(n_models)]


def counted(case, members) -> tuple[int, int]:
    """Found and proposed, question by question."""
    listed, positive, always, _ = case
    proposed = [
        bool(given) or sum(bool(row[i]) for i in members) >= 2
        for row, given in zip(listed, always, strict=True)
    ]
    return sum(p and bool(t) for p, t in zip(proposed, positive, strict=True)), sum(proposed)


def every_subset(case):
    """(found, proposed, members), smaller subsets and earlier models first."""
    models = range(len(case[3]))
    for size in range(len(case[3]) + 1):
        for members in combinations(models, size):
            yield *counted(case, members), members


def chosen_of(case, recall: float, **options) -> ModelChoice:
    listed, positive, always, names = case
    return choose_models(listed, positive, models=names, recall=recall, always=always, **options)


def reachable(case) -> float:
    found, _ = counted(case, range(len(case[3])))
    return found / int(case[1].sum())


def plain(one: Subset) -> tuple[int, int, tuple[int, ...]]:
    return one.n_found, one.n_proposals, tuple(int(name[1:]) for name in one.models)


def test_by_hand() -> None:
    """a and b together find 2 of 4 with 2 proposals, a and c 2 with 3, all three 3 with 5."""
    listed = np.array(
        [[1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 0, 1], [0, 1, 1], [0, 0, 1]], dtype=bool
    )
    positive = np.array([1, 1, 1, 0, 0, 1], dtype=bool)
    half = choose_models(listed, positive, models=["a", "b", "c"], recall=0.5)
    assert half.chosen == Subset(("a", "b"), n_found=2, n_positive=4, n_proposals=2)
    assert (half.chosen.recall, half.chosen.precision) == (0.5, 1.0)
    more = choose_models(listed, positive, models=["a", "b", "c"], recall=0.51)
    assert more.chosen == Subset(("a", "b", "c"), n_found=3, n_positive=4, n_proposals=5)
    assert more.curve == half.curve == (half.chosen, more.chosen)
    # The last question has one list only; where it is always proposed, all is reached.
    always = np.array([0, 0, 0, 0, 0, 1], dtype=bool)
    whole = choose_models(listed, positive, models=["a", "b", "c"], recall=1.0, always=always)
    assert whole.chosen == Subset(("a", "b", "c"), n_found=4, n_positive=4, n_proposals=6)
    assert whole.curve[0] == Subset((), n_found=1, n_positive=4, n_proposals=1)


@given(seed=SEEDS, share=st.floats(0.05, 1))
def test_against_every_subset(seed: int, share: float) -> None:
    case = case_of(seed)
    if reachable(case) == 0:
        return
    wanted = round(share * reachable(case), 3) or 0.001
    if Fraction(str(wanted)) > Fraction(reachable(case)):
        wanted -= 0.001
    every = list(every_subset(case))
    n_positive = int(case[1].sum())
    good = [one for one in every if Fraction(one[0], n_positive) >= Fraction(str(wanted)) > 0]
    if not good:
        return
    expected = min(good, key=lambda o: (-Fraction(o[0], o[1]), o[1], len(o[2]), o[2]))
    choice = chosen_of(case, wanted)
    assert plain(choice.chosen) == expected
    front = [
        one
        for one in every
        if one[0] > 0 and not any(o[0] >= one[0] and o[1] < one[1] for o in every)
        and not any(o[0] > one[0] and o[1] <= one[1] for o in every)
    ]  # fmt: skip
    firsts: dict[tuple[int, int], tuple[int, int, tuple[int, ...]]] = {}
    for one in front:
        firsts.setdefault(one[:2], one)
    assert [plain(one) for one in choice.curve] == sorted(firsts.values())


@given(seed=SEEDS)
def test_a_greedy_search_counts_right_and_is_no_better_than_all_subsets(seed: int) -> None:
    case = case_of(seed)
    wanted = reachable(case) * 0.8
    if wanted == 0:
        return
    greedy, whole = chosen_of(case, wanted, search="greedy"), chosen_of(case, wanted)
    for one in (greedy.chosen, *greedy.curve):
        found, proposed, members = plain(one)
        assert (found, proposed) == counted(case, members)
    assert greedy.chosen.recall >= wanted
    assert greedy.chosen.precision <= whole.chosen.precision
    assert greedy.curve[-1].n_found == whole.curve[-1].n_found
    assert (greedy.exhaustive, whole.exhaustive) == (False, True)


@given(seed=SEEDS)
def test_order_of_questions_does_not_matter(seed: int) -> None:
    listed, positive, always, names = case_of(seed)
    if reachable((listed, positive, always, names)) == 0:
        return
    order = np.random.default_rng(seed).permutation(len(positive))
    mixed = listed[order], positive[order], always[order], names
    for search in ("exhaustive", "greedy"):
        one = chosen_of((listed, positive, always, names), 0.001, search=search)
        assert chosen_of(mixed, 0.001, search=search) == one


def test_a_recall_is_the_decimal_fraction_that_it_prints() -> None:
    """7 of 100 is a recall of 0.07, although the float times 100 is above 7."""
    assert 0.07 * 100 > 7
    listed = np.zeros((101, 2), dtype=bool)
    listed[:7] = True
    positive = np.arange(101) < 100
    choice = choose_models(listed, positive, models=["a", "b"], recall=0.07)
    assert choice.chosen == Subset(("a", "b"), n_found=7, n_positive=100, n_proposals=7)


def published_lists(published: Catalog):
    """The 150,000 largest probabilities of 20 torchvision models, and the tops of all 21."""
    benchmark, gold = published.benchmark("imagenet"), published.gold("imagenet-gold")
    models = published.predictions("imagenet-torchvision", benchmark)
    pairs = gold.questions.pairs
    assert pairs is not None
    row = align(pairs.image_ids, benchmark.image_ids, source="gold", target_name="imagenet")
    image = row[pairs.image]
    always = benchmark.original[image] == pairs.label  # type: ignore[index]
    columns = []
    for one in models:
        assert one.scores is not None
        is_pair = one.ranked_classes[image] == pairs.label[:, None]
        columns.append((is_pair & (one.scores[image] >= _last(one.scores))).any(axis=1))
        always |= is_pair[:, 0]
    names = [one.model.partition("_pytorch")[0] for one in models[:20]]
    return np.stack(columns[:20], axis=1), gold.truth(), always, names


def _last(scores: np.ndarray) -> float:
    return float(np.sort(scores, axis=None)[-150_000])


def test_on_published_gold_three_models_do_as_well_as_twenty(published: Catalog) -> None:
    case = published_lists(published)
    lines: list[str] = []
    whole = chosen_of(case, 0.85, progress=lambda what, **_: lines.append(what))
    assert whole.chosen == Subset(("resnet101", "resnet50", "vgg16_bn"), 211, 248, 611)
    assert chosen_of(case, 0.85, search="greedy").chosen == whole.chosen
    assert "1,048,576 subsets of 20 models counted" in lines
    with pytest.raises(OptionError, match=r"is 0\.9, but must be at most 0\.8952.*222 of 248"):
        chosen_of(case, 0.9)


def test_more_than_twenty_models_are_searched_greedily() -> None:
    """Of thirty models two list what is right; all the others list what is wrong."""
    listed = np.ones((40, 30), dtype=bool)
    listed[20:, [7, 21]] = False
    listed[:20] = ~listed[20:]
    positive = np.arange(40) < 20
    names = [f"m{i}" for i in range(30)]
    choice = choose_models(listed, positive, models=names, recall=1.0)
    assert choice.chosen == Subset(("m7", "m21"), n_found=20, n_positive=20, n_proposals=20)
    assert not choice.exhaustive
    with pytest.raises(OptionError, match="there are 30 models, but must be at most 20"):
        choose_models(listed, positive, models=names, recall=1.0, search="exhaustive")


def test_refuses() -> None:
    listed, positive = np.ones((3, 2), dtype=bool), np.array([True, False, True])
    with pytest.raises(DataError, match=r"shape is \(3, 2\), but must be \[3, 1\]"):
        choose_models(listed, positive, models=["a"], recall=0.5)
    with pytest.raises(DataError, match="model 'a' appears more than once"):
        choose_models(listed, positive, models=["a", "a"], recall=0.5)
    with pytest.raises(DataError, match="there are 0 models"):
        choose_models(listed[:, :0], positive, models=[], recall=0.5)
    with pytest.raises(DataError, match="0 of 3 questions are positive"):
        choose_models(listed, ~positive & positive, models=["a", "b"], recall=0.5)
    for recall in (0.0, 1.1):
        with pytest.raises(OptionError, match=f"wanted recall is {recall}"):
            choose_models(listed, positive, models=["a", "b"], recall=recall)
