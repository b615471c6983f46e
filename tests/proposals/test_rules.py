"""Proposal rules by name: what each makes of records, and what none accepts."""

from dataclasses import replace

import numpy as np
import pytest

from reassess.errors import DataError, OptionError
from reassess.proposals import (
    RULES,
    ProposalInputs,
    ProposalResult,
    ProposalRule,
    ProposeOptions,
    apply_rule,
    estimate_missing_labels,
    propose,
    restrict_to_models,
)
from reassess.proposals.cost import rating_cost
from reassess.proposals.model_selection import choose_models
from reassess.records import (
    ANSWERS,
    Benchmark,
    Gold,
    Pairs,
    Posterior,
    Predictions,
    Questions,
    ScoreMatrix,
    Votes,
)

N, K, M = 120, 6, 4


def records() -> tuple[list[ScoreMatrix], Benchmark, np.ndarray]:
    """Logits of models that see the original label and, more faintly, the class after it."""
    rng = np.random.default_rng(5)
    label = rng.integers(K, size=N)
    ids = np.array([f"{i:03d}.png" for i in range(N)])
    valid = np.zeros((N, K), dtype=bool)
    valid[np.arange(N), label] = True
    valid[np.arange(0, N, 2), (label[::2] + 1) % K] = True
    models = [
        ScoreMatrix(f"m{m}", ids, np.arange(N), 3.0 * valid + rng.normal(size=(N, K)), "logit")
        for m in range(M)
    ]
    return models, Benchmark("made", ids, label), valid


def gold_of(benchmark: Benchmark, valid: np.ndarray) -> Gold:
    """Two experts who know the truth of every pair of the first sixty images."""
    image, label = np.divmod(np.arange(60 * K), K)
    questions = Questions.from_pairs(Pairs(benchmark.image_ids, image, label))
    n = len(questions)
    answer = np.tile(np.where(valid[image, label], 2, 0), 2)
    expert = np.repeat([0, 1], n)
    experts = np.array(["e1", "e2"])
    return Gold(Votes(questions, experts, ANSWERS, np.tile(np.arange(n), 2), expert, answer))


def ranked(one: ScoreMatrix, depth: int) -> Predictions:
    order = np.argsort(-one.scores, axis=1)[:, :depth]
    scores = np.take_along_axis(one.scores, order, axis=1)
    return Predictions(one.model, one.image_ids, order, scores, "logit", n_classes=K)


def test_the_paper_rule_is_propose_and_its_choice_of_models() -> None:
    models, benchmark, valid = records()
    every = apply_rule(ProposalInputs(models, benchmark, ProposeOptions()))
    assert every.proposals.pairs.ids().tolist() == propose(models, benchmark).pairs.ids().tolist()
    assert (every.expected_recall, every.choice, every.missing_lists) == (None, None, {})
    options = ProposeOptions(recall=0.9, pairs_per_model=250)
    gold = gold_of(benchmark, valid)
    found = apply_rule(ProposalInputs(models, benchmark, options, gold=gold))
    assert found.choice is not None
    assert found.expected_recall == found.choice.chosen.recall >= 0.9
    pooled = propose(models, benchmark, pairs_per_model=250)
    chosen = restrict_to_models(pooled, found.choice.chosen.models)
    assert found.proposals.pairs.ids().tolist() == chosen.pairs.ids().tolist()
    with pytest.raises(OptionError, match="needs gold"):
        apply_rule(ProposalInputs(models, benchmark, options))


def test_the_learned_rule_learns_from_gold_or_votes() -> None:
    """Full scores and the classes ranked from them beforehand come to the same."""
    models, benchmark, valid = records()
    gold = gold_of(benchmark, valid)
    inputs = ProposalInputs(models, benchmark, ProposeOptions("learned", recall=0.8), gold=gold)
    found = apply_rule(inputs)
    assert found.learned is not None
    assert found.learned.learner == "logistic"
    assert found.expected_recall is not None
    assert found.expected_recall >= 0.8
    assert found.missing is not None
    depth = RULES["learned"].depth
    assert depth is not None
    same = apply_rule(replace(inputs, models=[ranked(one, depth) for one in models]))
    assert found.proposals.probability is not None
    assert same.proposals.probability is not None
    assert same.proposals.probability.tolist() == found.proposals.probability.tolist()

    image, label = np.nonzero(np.ones((N, K), dtype=bool))
    questions = Questions.from_pairs(Pairs(benchmark.image_ids, image, label))
    present = np.where(valid.ravel(), 0.98, 0.02)
    voted = Posterior(
        questions, ("absent", "present"), np.log(np.stack([1 - present, present], axis=1)),
        "majority", ANSWERS, np.array(["r"]),
    )  # fmt: skip
    budget = ProposeOptions("learned", budget=200)
    by_votes = apply_rule(ProposalInputs(models, benchmark, budget, posterior=voted))
    assert len(by_votes.proposals.pairs) <= 200
    assert valid[by_votes.proposals.pairs.image, by_votes.proposals.pairs.label].mean() > 0.85
    with pytest.raises(OptionError, match="something to learn from"):
        apply_rule(ProposalInputs(models, benchmark, ProposeOptions("learned")))


def test_gold_outweighs_votes() -> None:
    """Votes that are wrong about every gold question are put right by it."""
    models, benchmark, valid = records()
    gold = gold_of(benchmark, valid)
    pairs = gold.questions.pairs
    assert pairs is not None
    wrong = np.where(valid[pairs.image, pairs.label], 0.02, 0.98)
    voted = Posterior(
        gold.questions, ("absent", "present"), np.log(np.stack([1 - wrong, wrong], axis=1)),
        "majority", ANSWERS, np.array(["r"]),
    )  # fmt: skip
    options = ProposeOptions("learned", budget=200)
    found = apply_rule(ProposalInputs(models, benchmark, options, gold=gold, posterior=voted))
    assert valid[found.proposals.pairs.image, found.proposals.pairs.label].mean() > 0.85


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "lerned"}, r"rule is 'lerned', but must be one of 'paper', 'learned'.*'learned'"),
        ({"pairs_per_model": 0}, "pairs_per_model is 0"),
        ({"recall": 1.5}, "recall is 1.5"),
        ({"budget": 9}, "budget means nothing to the rule 'paper', but goes with learned"),
        ({"rule": "learned", "pairs_per_model": 9}, "goes with paper"),
        ({"rule": "learned", "budget": 9, "recall": 0.5}, "Leave one out"),
        ({"per_task": 0}, "per_task is 0"),
    ],
)
def test_refuses_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ProposeOptions(**options)  # type: ignore[arg-type]


def test_refuses_words_outside_their_choices() -> None:
    listed = np.ones((4, 4), dtype=bool)
    right = np.ones(4, dtype=bool)
    with pytest.raises(OptionError, match=r"search is 'greedily'.*'greedy'"):
        choose_models(listed, right, models=list("abcd"), recall=1.0, search="greedily")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"method is 'power_law'.*Did you mean 'power-law'"):
        estimate_missing_labels(listed, method="power_law")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"rating is 'adaptiv'.*'adaptive'"):
        rating_cost(4, 2, rating="adaptiv")  # type: ignore[arg-type]


def test_a_rule_is_one_registration() -> None:
    models, benchmark, _ = records()

    def run(inputs: ProposalInputs) -> ProposalResult:
        return ProposalResult(propose(inputs.models, inputs.benchmark, pairs_per_model=1))

    RULES.register(ProposalRule("toy", run, "the largest pair", "the largest", "nothing is"))
    try:
        found = apply_rule(ProposalInputs(models, benchmark, ProposeOptions("toy")))
        assert len(found.proposals.pairs) >= N
        with pytest.raises(OptionError, match="means nothing to the rule 'toy'"):
            ProposeOptions("toy", recall=0.5)
    finally:
        RULES.unregister("toy")


def test_the_original_labels_must_be_known() -> None:
    models, benchmark, valid = records()
    bare = Benchmark(benchmark.name, benchmark.image_ids)
    for options in (ProposeOptions(), ProposeOptions("learned")):
        with pytest.raises(DataError, match="original labels are unknown"):
            apply_rule(ProposalInputs(models, bare, options, gold=gold_of(benchmark, valid)))
