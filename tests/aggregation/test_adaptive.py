"""Stopping rules: against every possible completion, by hand, and on the published votes."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.aggregation import calibrated, majority, original_label_rater
from reassess.aggregation.adaptive import (
    AnswerWeights,
    Bounds,
    Lossless,
    OnePassFirst,
    QuestionFeatures,
    SeedFirst,
    learn,
    question_features,
    relearn,
    replay,
    replay_within,
)
from reassess.aggregation.adaptive.features import rates_of_alike
from reassess.aggregation.adaptive.learned import grow, steps
from reassess.aggregation.adaptive.trees import Trees
from reassess.errors import DataError, OptionError
from reassess.records import (
    ANSWERS,
    Benchmark,
    Pairs,
    Posterior,
    Questions,
    StoppingRule,
    Votes,
)

NAMES = np.array(["ann", "bob", "cy", "di"])


def evidence_of(confusion: np.ndarray, start: np.ndarray, threshold: float = 0.5) -> AnswerWeights:
    posterior = Posterior(
        Questions(np.array(["q"]), None),
        ("absent", "present"),
        np.log([[0.5, 0.5]]),
        "calibrated",
        ANSWERS,
        NAMES[: len(confusion)],
        confusion,
        np.array([0.5, 0.5]),
    )
    evidence = AnswerWeights.from_posterior(posterior, len(start), threshold=threshold)
    return AnswerWeights(evidence.rater_ids, evidence.weight, start, evidence.cut)


def asked_of(rule: StoppingRule, votes: list[list[tuple[str, int]]], k: int):
    """What a rule says of questions 0, 1, … with these votes, of k each."""
    rows = [(i, r, a) for i, one in enumerate(votes) for r, a in one]
    return rule.assess(
        np.arange(len(votes)),
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], str),
        np.array([row[2] for row in rows], np.int64),
        np.array([k - len(one) for one in votes], np.int64),
    )


def decisions(evidence: AnswerWeights, votes: list[tuple[str, int]], rest: list[str]) -> set[bool]:
    """What the votes would decide, over all answers of the rest."""
    weight = dict(zip(evidence.rater_ids.tolist(), evidence.weight, strict=False))
    mean = evidence.weight[-1]
    so_far = evidence.start[0] + sum(weight.get(r, mean)[a] for r, a in votes)
    gains = product(*(weight.get(r, mean) for r in rest))
    return {bool(so_far + sum(gain) >= evidence.cut) for gain in gains}


@given(
    st.integers(0, 2**32 - 1),
    st.permutations([*NAMES.tolist(), "newcomer", "another"]),
    st.lists(st.integers(0, 2), max_size=3),
)
def test_lossless_settles_exactly_what_no_completion_turns(seed, order, answers):
    """Brute force over every choice of the next raters and every answer of theirs."""
    rng = np.random.default_rng(seed)
    confusion = rng.dirichlet([0.7, 0.7, 0.7], size=(4, 2)) * 0.97 + 0.01
    evidence = evidence_of(confusion, rng.normal(0, 2, 1))
    who = order[:3]
    votes = list(zip(who, answers, strict=False))
    n_left = 3 - len(votes)
    free = [r for r in NAMES.tolist() if r not in who[: len(votes)]] + ["new 1", "new 2", "new 3"]
    outcomes = set().union(*(decisions(evidence, votes, [*r]) for r in permutations(free, n_left)))
    said = asked_of(Lossless(evidence), [votes], 3)
    assert said.settled.tolist() == [len(outcomes) == 1]
    theirs = evidence.with_assigned(np.array([who]))
    said = asked_of(Lossless(theirs), [votes], 3)
    outcomes = decisions(evidence, votes, who[len(votes) :])
    assert said.settled.tolist() == [len(outcomes) == 1]
    if said.settled[0]:
        assert outcomes == {bool(said.present[0])}


def test_running_log_odds_by_hand():
    """Ann's yes is worth ln 9; whoever is unknown has the mean matrix of ann and bob."""
    ann = [[0.8, 0.1, 0.1], [0.05, 0.05, 0.9]]
    bob = [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]]
    evidence = evidence_of(np.array([ann, bob]), np.array([0.5, -1.0, 0.0]))
    rows = evidence.rows(np.array(["ann", "zoe", "bob"]))
    assert rows.tolist() == [0, 2, 1]
    position, answer = np.array([0, 0, 2]), np.array([2, 0, 1])
    found = evidence.log_odds(np.array([0, 1, 2]), position, rows, answer)
    mean_no = np.log((0.05 + 0.3) / (0.8 + 0.4))
    np.testing.assert_allclose(found, [0.5 + np.log(9) + mean_no, -1.0, np.log(0.4 / 0.3)])


def test_bounds_stop_at_their_posterior_and_the_least_sure_comes_first():
    confusion = np.array([[[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]])
    evidence = evidence_of(confusion, np.zeros(4), threshold=0.8)
    votes = [[("ann", 0)], [("ann", 2)], [], [("ann", 1)]]
    said = asked_of(Bounds(evidence, 0.12, 0.9), votes, 2)
    assert said.settled.tolist() == [True, False, False, False]
    assert said.present.tolist() == [0, 1, 0, 0]
    np.testing.assert_allclose(said.urgency, [0, np.sqrt(2 / 9), 1, 1])
    said = asked_of(Bounds(evidence, 0.11, 0.88), votes, 2)
    assert said.settled.tolist() == [False, True, False, False]
    assert asked_of(Bounds(evidence, 0.12, 0.9), [[("ann", 1)]], 1).settled.tolist() == [True]
    with pytest.raises(OptionError, match="low < high"):
        Bounds(evidence, 0.9, 0.1)


def test_alike_questions_leave_the_question_itself_out():
    """Of four originals two hold; the first question's twin holds and counts for one half."""
    known = QuestionFeatures(
        np.zeros((4, 1)), np.array([True, True, True, True]), (np.array([0, 0, 1, 1]),)
    )
    rate, n_asked = rates_of_alike(
        known, np.array([0.0, 1.0, 1.0, 0.0]), np.array([1.0, 0.5, 1.0, 0.5])
    ).T
    assert n_asked.tolist() == [0.5, 1.0, 0.5, 1.0]
    prior = 1.5 / 3
    np.testing.assert_allclose(
        rate, [(0.5 + 2 * prior) / 2.5, 2 * prior / 3, 2 * prior / 2.5, (1 + 2 * prior) / 3]
    )


def small_study(seed: int, n_images: int = 250):
    """Four questions an image, five votes each, of eight raters who differ in skill."""
    rng = np.random.default_rng(seed)
    n_questions = 4 * n_images
    image = np.repeat(np.arange(n_images), 4)
    label = np.tile(np.arange(4), n_images)
    pairs = Pairs(np.array([f"{i:04d}.png" for i in range(n_images)]), image, label)
    original = rng.integers(0, 4, n_images)
    truth = (rng.random(n_questions) < 0.15) | (label == original[image])
    rater = np.argsort(rng.random((n_questions, 8)), axis=1)[:, :5].ravel()
    question = np.repeat(np.arange(n_questions), 5)
    wrong = rng.random(len(rater)) < np.linspace(0.02, 0.4, 8)[rater]
    answer = np.where(truth[question] ^ wrong, 2, 0)
    answer[rng.random(len(answer)) < 0.1] = 1
    names = np.array([f"r{i}" for i in range(8)])
    votes = Votes(Questions.from_pairs(pairs), names, ANSWERS, question, rater, answer)
    off = np.linspace(0.03, 0.37, 8)
    absent = np.stack([1 - off - 0.1, np.full(8, 0.1), off], axis=1)
    confusion = np.stack([absent, absent[:, ::-1]], axis=1)
    evidence = AnswerWeights(
        names, np.log(np.concatenate([confusion, confusion.mean(0, keepdims=True)]))[:, 1]
        - np.log(np.concatenate([confusion, confusion.mean(0, keepdims=True)]))[:, 0],
        np.full(n_questions, -1.0), np.log(4.0),
    )  # fmt: skip
    return votes, evidence, Benchmark("small", pairs.image_ids, original)


def test_no_vote_that_was_not_drawn_has_any_part_in_a_learned_replay():
    """Overwrite what was not drawn with noise: the replay draws and decides the same."""
    votes, evidence, benchmark = small_study(0)
    known = question_features(votes.questions, benchmark)

    def run(votes):
        rng = np.random.default_rng(5)
        parts = replay_within(
            votes, evidence, known, (0.4, 0.5), rng, seed_share=0.3, learn_at=(0.45,)
        )
        return list(parts)

    first = run(votes)
    order = np.lexsort((np.random.default_rng(5).random(len(votes)), votes.question))
    drawn = np.arange(len(votes)) % 5 < np.repeat(first[1].n_votes, 5)
    answer = votes.answer.copy()
    answer[order[~drawn]] = np.random.default_rng(6).integers(0, 3, (~drawn).sum())
    assert (answer != votes.answer).sum() > 1000
    changed = Votes(votes.questions, votes.rater_ids, ANSWERS, votes.question, votes.rater, answer)
    for one, other in zip(first, run(changed), strict=True):
        np.testing.assert_array_equal(one.n_votes, other.n_votes)
        np.testing.assert_array_equal(one.present, other.present)
    assert [one.share for one in first] == pytest.approx([0.4, 0.5], abs=1e-3)


def test_a_learned_rule_stops_earlier_the_more_it_may_err():
    votes, evidence, benchmark = small_study(1)
    known = question_features(votes.questions, benchmark)
    rater = votes.rater_ids[votes.rater]
    target = replay(votes, Lossless(evidence), np.random.default_rng(0))
    shares, wrong = [target.share], [0.0]
    for settle_at in (0.0, 0.02, 0.1):
        rule = learn(
            evidence, known, votes.question, rater, votes.answer,
            votes_per_question=5, rng=np.random.default_rng(0), settle_at=settle_at,
        )  # fmt: skip
        assert isinstance(rule, StoppingRule)
        found = replay(votes, rule, np.random.default_rng(0))
        shares.append(found.share)
        wrong.append(float((found.present != target.present).mean()))
    assert shares[0] == shares[1] > shares[2] > shares[3]
    assert wrong[:2] == [0, 0]
    assert wrong[2] <= 0.02
    assert wrong[3] <= 0.1


def test_trees_walked_by_us_forecast_what_scikit_learn_forecasts():
    rng = np.random.default_rng(3)
    table = np.stack([rng.normal(size=3000), rng.integers(0, 4, 3000), np.ones(3000)], axis=1)
    target = np.clip(rng.random(3000) + 0.3 * table[:, 0] + 0.2 * (table[:, 1] == 2), 0, 1).round(1)
    edges = [np.unique(column[::7]) for column in table.T]
    model = grow(table, target, edges)
    seen = np.concatenate([table, rng.normal(0, 5, size=(500, 3)), table[:50] + 1e-9])
    trees = Trees.grown(model, edges)
    expected = model.decision_function(steps(seen, edges))
    np.testing.assert_allclose(trees.log_odds(seen), expected, rtol=0, atol=1e-12)
    assert np.ptp(expected) > 1


def test_a_rule_is_learned_from_the_votes_alone_and_the_seed_comes_first():
    """The same votes give the same rule; what lies outside the seed cannot teach the first one."""
    votes, evidence, benchmark = small_study(4)
    known = question_features(votes.questions, benchmark)
    is_seed = np.repeat(np.random.default_rng(0).random(250) < 0.4, 4)
    few = is_seed[votes.question] | (np.arange(len(votes)) % 5 == 0)
    cast = votes.question[few], votes.rater_ids[votes.rater[few]], votes.answer[few]

    def forecasts(question, rater, answer):
        rule = relearn(
            evidence, known, question, rater, answer,
            is_seed=is_seed, votes_per_question=5, rng=np.random.default_rng(0),
        )  # fmt: skip
        return asked_of(rule, [[] for _ in range(len(is_seed))], 5).present

    first = forecasts(*cast)
    np.testing.assert_array_equal(forecasts(*cast), first)
    truth = replay(votes, Lossless(evidence), np.random.default_rng(0)).present
    likely = first[truth & ~is_seed].mean(), first[~truth & ~is_seed].mean()
    assert likely[0] > likely[1] + 0.3
    alike = np.where(is_seed[cast[0]], 2, cast[2])
    with pytest.raises(DataError, match="all decided alike"):
        forecasts(cast[0], cast[1], alike)


def test_seeds_come_first_and_nothing_is_asked_twice_before_all_is_asked_once():
    evidence = evidence_of(np.array([[[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]]), np.zeros(4), 0.8)
    bounds = Bounds(evidence, 0.12, 0.9)
    votes = [[("ann", 0)], [("ann", 2)], [], [("ann", 1)]]
    inner = asked_of(bounds, votes, 3)
    seeds = asked_of(SeedFirst(bounds, np.array([True, True, False, False])), votes, 3)
    assert seeds.settled.tolist() == inner.settled.tolist() == [True, False, False, False]
    assert seeds.urgency.tolist() == [0, 1, 0, 0]
    once = asked_of(OnePassFirst(bounds), votes, 3)
    assert once.settled.tolist() == inner.settled.tolist()
    assert np.argsort(once.urgency).tolist() == [0, 1, 3, 2]
    np.testing.assert_allclose(once.urgency[[0, 1, 3]] / 0.93, inner.urgency[[0, 1, 3]])
    sure = asked_of(OnePassFirst(Bounds(evidence, 0.6, 0.9)), [[], [("ann", 0)]], 3)
    assert sure.settled.tolist() == [False, True], "nothing is sure before it was asked"
    assert [one.tolist() for one in (seeds.present, once.present)] == [inner.present.tolist()] * 2


def test_what_cannot_be_learned_is_refused():
    votes, evidence, benchmark = small_study(2, n_images=20)
    known = question_features(votes.questions, benchmark)
    rater = votes.rater_ids[votes.rater]
    yes = np.full(len(votes), 2)
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="all decided alike"):
        learn(evidence, known, votes.question, rater, yes, votes_per_question=5, rng=rng)
    with pytest.raises(OptionError, match="settle_at"):
        learn(
            evidence, known, votes.question, rater, yes,
            votes_per_question=5, rng=rng, settle_at=0.5,
        )  # fmt: skip
    with pytest.raises(DataError, match="confusion matrix"):
        AnswerWeights.from_posterior(majority(votes), 5, threshold=0.5)
    with pytest.raises(OptionError, match="seed images"):
        next(replay_within(votes, evidence, known, (0.01,), rng, seed_share=0.5))


@pytest.fixture(scope="module")
def real(published):
    """Every fourth image of the published study: its votes, evidence and decisions."""
    benchmark, every = published.benchmark("imagenet"), published.votes("imagenet-votes")
    gold = published.gold("imagenet-gold")
    chosen = every.questions.pairs.image % 4 == 0
    pairs = every.questions.pairs
    image_ids, image = np.unique(pairs.image_ids[pairs.image[chosen]], return_inverse=True)
    questions = Questions.from_pairs(Pairs(image_ids, image, pairs.label[chosen]))
    row = np.cumsum(chosen) - 1
    cast = chosen[every.question]
    used, rater = np.unique(every.rater[cast], return_inverse=True)
    votes = Votes(
        questions, every.rater_ids[used], ANSWERS,
        row[every.question[cast]], rater, every.answer[cast],
    )  # fmt: skip
    original = original_label_rater(benchmark, questions, gold, last_class=397, min_expert_yes=2)
    posterior = calibrated(
        votes, gold, gold_votes=published.votes("imagenet-gold-votes"), virtual_raters=[original]
    )
    evidence = AnswerWeights.from_posterior(
        posterior, len(questions), threshold=0.8, virtual_raters=[original]
    )
    target = published.scores("imagenet-scores")[chosen] >= 0.8
    return votes, evidence, posterior, target, question_features(questions, benchmark)


def test_after_all_votes_the_log_odds_are_those_of_the_posterior(real):
    votes, evidence, posterior, target, _ = real
    row = evidence.rows(votes.rater_ids[votes.rater])
    found = evidence.log_odds(np.arange(len(target)), votes.question, row, votes.answer)
    log = posterior.log_probability
    np.testing.assert_allclose(found, log[:, 1] - log[:, 0], atol=1e-12)
    np.testing.assert_array_equal(found >= evidence.cut, target)


@pytest.mark.parametrize(("given_raters", "most"), [(True, 0.71), (False, 0.82)])
def test_lossless_keeps_every_published_decision(real, given_raters, most):
    votes, evidence, _, target, _ = real
    order = np.argsort(votes.question, kind="stable")
    raters = votes.rater_ids[votes.rater[order]].reshape(-1, 5)
    rule = Lossless(evidence.with_assigned(raters) if given_raters else evidence)
    found = replay(votes, rule, np.random.default_rng(0))
    np.testing.assert_array_equal(found.present, target)
    assert found.share <= most


def test_bounds_on_the_published_votes(real):
    votes, evidence, _, target, _ = real
    found = replay(votes, Bounds(evidence, 0.05, 0.95), np.random.default_rng(0))
    assert found.share == pytest.approx(0.458, abs=0.004)
    assert (found.present == target).mean() == pytest.approx(0.987, abs=0.002)


def test_learned_on_a_quarter_of_the_published_votes(real):
    """With less to learn from than the benchmark has; least sure first is what makes it pass."""
    votes, evidence, _, target, known = real
    rng = np.random.default_rng(0)
    (found,) = replay_within(
        votes, evidence, known, (0.45,), rng, seed_share=0.06, learn_at=(0.2, 0.35)
    )
    assert found.share == pytest.approx(0.45, abs=1e-4)
    assert (found.present == target).mean() >= 0.988
