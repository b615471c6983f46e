"""The proposal rules by name: what each needs, does and is called in a paper.

A rule makes proposals from records: what models predict, the benchmark, and for rules that
learn or select, gold and the posterior of questions that were voted on. A new rule is a function
from `ProposalInputs` to a `ProposalResult` and one `RULES.register`.

Reads no file, aggregates no votes and makes no tasks (`reassess.proposals.tasks` does). Letters:
N images, M models, Q known pairs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Shaped

from reassess.engines import Engine
from reassess.errors import DataError, OptionError
from reassess.progress import Progress, null_progress
from reassess.proposals.learned import LearnedProposals, learn_proposals
from reassess.proposals.learning_curve import LearningCurve, learning_curve
from reassess.proposals.missing_labels import MissingLabelRange, missing_label_range
from reassess.proposals.model_selection import ModelChoice, choose_models
from reassess.proposals.model_votes import (
    DEPTH,
    NOT_LISTED,
    best_classes,
    collect_model_votes,
)
from reassess.proposals.paper_rule import (
    image_per_row,
    missing_list_reason,
    propose,
    restrict_to_models,
)
from reassess.proposals.tasks import PER_TASK
from reassess.records import (
    Benchmark,
    Gold,
    Pairs,
    Posterior,
    Predictions,
    Proposals,
    Questions,
    ScoreMatrix,
    ShortLists,
    check_order,
)
from reassess.registry import Registry

LEARNED_RECALL = 0.97
"""Share of what the models list that the learned rule shall find where nothing else is asked. On
the published study it takes 3.68 pairs an image there and holds 0.971 of the valid labels; the
paper's rule holds 0.957 in 7.16 pairs an image (``docs/proposals.md``)."""


@dataclass(frozen=True, slots=True)
class ProposeOptions:
    """Which pairs are asked about, in which tasks.

    Attributes:
        rule: a name of `RULES`.
        pairs_per_model: length of each list of a model; None for three an image.
        recall: the wanted recall, in (0, 1]; None for what the rule does without one.
        budget: the most proposals; None for no limit.
        per_task: the most questions of a task.
        audit: how many of the skipped images are asked about all the same, drawn at random; None
            for the default (`reassess.proposals.audits`) when questions are first made, 0 for none.
        audit_seed: of that draw.

    Raises:
        OptionError: a value is out of range, or means nothing to the rule.
    """

    rule: str = "paper"
    pairs_per_model: int | None = None
    recall: float | None = None
    budget: int | None = None
    per_task: int = PER_TASK
    audit: int | None = None
    audit_seed: int = 0

    def __post_init__(self) -> None:
        RULES.checked(self.rule, "rule")
        for name, number in (("audit", self.audit), ("audit_seed", self.audit_seed)):
            if number is not None and number < 0:
                raise OptionError(f"{name} is {number}, but must be 0 or more.")
        for name in ("pairs_per_model", "budget", "per_task"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{name} is {value}, but must be 1 or more.")
        if self.recall is not None and not 0 < self.recall <= 1:
            raise OptionError(f"recall is {self.recall}, but must lie in (0, 1].")
        for name in ("pairs_per_model", "recall", "budget"):
            if getattr(self, name) is not None and name not in RULES[self.rule].options:
                takers = [rule.name for rule in RULES.values() if name in rule.options]
                raise OptionError(
                    f"{name} means nothing to the rule {self.rule!r}, but goes with "
                    f"{' or '.join(takers)}. Leave it out."
                )
        if self.budget is not None and self.recall is not None:
            raise OptionError(
                "budget and recall are both given, but exclude each other. Leave one out."
            )


@dataclass(frozen=True, slots=True)
class ProposalInputs:
    """What a proposal rule may look at.

    Attributes:
        models: one record a model, for every image of the benchmark; as deep as the
            rule's ``depth``.
        benchmark: the images and their original labels.
        options: how to propose.
        gold: questions whose truth experts fixed; None where there are none.
        posterior: P(the class is in the image) of the questions that were voted on; None where
            nothing was, or the rule does not use it.
        engine: where the work runs; None for the threads of this process.
        progress: shown each step.
    """

    models: Sequence[Predictions | ScoreMatrix | ShortLists]
    benchmark: Benchmark
    options: ProposeOptions
    gold: Gold | None = None
    posterior: Posterior | None = None
    engine: Engine | None = None
    progress: Progress = null_progress


@dataclass(frozen=True, slots=True)
class ProposalResult:
    """What a rule proposes, and what it can estimate about that.

    Attributes:
        proposals: the pairs, by image and class.
        expected_recall: share of the valid labels that the models list which is proposed: on
            gold, or as learned; None where nothing tells.
        choice: how the models were chosen; None where all are used.
        learned: the learned probabilities; None where nothing was learned.
        learning: what was learned would find and cost after fewer images; None likewise.
        missing: the valid labels that no model lists, between what estimators say; None where
            nothing tells.
        missing_lists: what the form of a model's predictions loses, by the model's name.
    """

    proposals: Proposals
    expected_recall: float | None = None
    choice: ModelChoice | None = None
    learned: LearnedProposals | None = None
    learning: LearningCurve | None = None
    missing: MissingLabelRange | None = None
    missing_lists: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProposalRule:
    """A rule that chooses the pairs to ask about.

    Attributes:
        name: what people type.
        run: makes the proposals.
        summary: for the help: a noun phrase.
        sentence: for the methods paragraph of a paper, after "... models proposed N pairs of image
            and class: ".
        unrated_reason: why an image that the rule leaves unrated needs no question.
        depth: how many ranked classes of each model it looks at; None for all scores that a
            model's file holds.
        options: names of the `ProposeOptions` that mean something to it; others are refused
            where they are given.
        uses_posterior: whether it learns from questions that were voted on.
    """

    name: str
    run: Callable[[ProposalInputs], ProposalResult]
    summary: str
    sentence: str
    unrated_reason: str
    depth: int | None = None
    options: frozenset[str] = frozenset()
    uses_posterior: bool = False


RULES: Registry[ProposalRule] = Registry("proposal rule")


def apply_rule(inputs: ProposalInputs) -> ProposalResult:
    """What the rule that the options name proposes.

    Raises:
        OptionError: the rule lacks what it needs, or an option is out of its range.
        DataError: a record is not what the rule needs, or there is too little to learn from.
        AlignmentError: a model did not predict exactly the benchmark's images, or gold or votes
            are about others.
    """
    return RULES[inputs.options.rule].run(inputs)


def _run_paper_rule(inputs: ProposalInputs) -> ProposalResult:
    proposals = propose(
        inputs.models,
        inputs.benchmark,
        pairs_per_model=inputs.options.pairs_per_model,
        engine=inputs.engine,
        progress=inputs.progress,
    )
    reasons = {one.model: missing_list_reason(one) for one in inputs.models}
    lost = {model: reason for model, reason in reasons.items() if reason is not None}
    recall = inputs.options.recall
    if recall is None:
        return ProposalResult(proposals, missing_lists=lost)
    choice = choose_models_on_gold(proposals, inputs.gold, recall, progress=inputs.progress)
    return ProposalResult(
        restrict_to_models(proposals, choice.chosen.models),
        expected_recall=choice.chosen.recall,
        choice=choice,
        missing_lists=lost,
    )


def choose_models_on_gold(
    proposals: Proposals, gold: Gold | None, recall: float, *, progress: Progress = null_progress
) -> ModelChoice:
    """The subset of the proposals' models that gold questions speak for.

    Raises:
        OptionError: there is no gold, or no subset reaches the recall.
        DataError: gold names no pairs, or none is positive.
        AlignmentError: gold is about other images.
    """
    if gold is None:
        raise OptionError(
            "a recall with the paper's rule needs gold questions to be measured on (--gold FILE)."
        )
    pairs = proposals.pairs
    place = _aligned_pairs(gold.questions, pairs.image_ids, "gold").positions_in(pairs)
    known = place >= 0
    listed = np.zeros((len(place), len(proposals.models)), dtype=bool)
    listed[known] = proposals.proposed[place[known]]
    always = np.zeros(len(place), dtype=bool)
    top = proposals.original if proposals.top is None else proposals.original | proposals.top
    always[known] = top[place[known]]
    return choose_models(
        listed,
        gold.truth(),
        models=proposals.models,
        recall=recall,
        always=always,
        progress=progress,
    )


def _run_learned_rule(inputs: ProposalInputs) -> ProposalResult:
    if inputs.gold is None and inputs.posterior is None:
        raise OptionError(
            "the rule learned needs something to learn from: gold questions (--gold FILE) or "
            "votes. Begin with the rule paper."
        )
    ranked = [best_classes(one, DEPTH) for one in inputs.models]
    for one in ranked:
        image = image_per_row(one, inputs.benchmark)
        check_order(one.top, image, inputs.benchmark, f"predictions {one.model!r}")
    aligned = [one.reindex(inputs.benchmark.image_ids) for one in ranked]
    agreed = np.all([one.top == inputs.benchmark.original for one in aligned], axis=0)
    known, valid, complete = _known_truth(inputs, agreed)
    inputs.progress("counting the models' votes")
    model_votes = collect_model_votes(ranked, inputs.benchmark, depth=DEPTH)
    learned = learn_proposals(
        model_votes,
        known,
        valid,
        complete=complete,
        engine=inputs.engine,
        progress=inputs.progress,
    )
    recall, budget = inputs.options.recall, inputs.options.budget
    if budget is None and recall is None:
        recall = LEARNED_RECALL * learned.pool_recall
    proposals = learned.propose(recall=recall, budget=budget)
    expected = learned.expected_recall(proposals)
    curve = learning_curve(
        model_votes,
        known,
        valid,
        learned,
        pairs_per_image=len(proposals) / len(proposals.rated),
        recall=expected if recall is None else recall,
        complete=complete,
        engine=inputs.engine,
        progress=inputs.progress,
    )
    return ProposalResult(
        proposals,
        expected_recall=expected,
        learned=learned,
        learning=curve,
        missing=_missing_labels(learned),
    )


def _known_truth(
    inputs: ProposalInputs, agreed: Bool[np.ndarray, "N"]
) -> tuple[Pairs, Float[np.ndarray, "Q"], bool]:
    """The pairs that something is known about, P(valid) of each, and whether that is all.

    Gold alone leaves the other pairs of its images unknown. Votes do not, just as the labels that
    are released from them: what was not asked about an image with votes is no label of it, and
    an image without votes on which every model agrees with the original label has that label
    alone. Where gold and votes both know, gold wins.
    """
    benchmark, gold, posterior = inputs.benchmark, inputs.gold, inputs.posterior
    on_gold = None
    if gold is not None:
        on_gold = _aligned_pairs(gold.questions, benchmark.image_ids, "gold")
        if posterior is None:
            return on_gold, gold.share_of_yes(), False
    assert posterior is not None  # noqa: S101 -- the caller has one of them
    asked = _aligned_pairs(posterior.questions, benchmark.image_ids, "votes")
    valid = posterior.present.copy()
    if gold is not None and on_gold is not None:
        place = on_gold.positions_in(asked)
        valid[place[place >= 0]] = gold.share_of_yes()[place >= 0]
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: the original labels are unknown (--original-labels FILE)."
        )
    kept = np.setdiff1d(np.flatnonzero(agreed), asked.image)
    judged, row = np.unique(np.concatenate([asked.image, kept]), return_inverse=True)
    label = np.concatenate([asked.label, benchmark.original[kept]])
    pairs = Pairs(benchmark.image_ids[judged], row, label)
    return pairs, np.concatenate([valid, np.ones(len(kept))]), True


def _missing_labels(learned: LearnedProposals) -> MissingLabelRange | None:
    """The valid labels that no model lists; None for a single model, or if none lists any."""
    try:
        return missing_label_range(learned.model_votes.rank != NOT_LISTED, learned.probability)
    except (DataError, OptionError):
        return None


def _aligned_pairs(questions: Questions, image_ids: Shaped[np.ndarray, "N"], source: str) -> Pairs:
    pairs = questions.require_pairs(source)
    return pairs.aligned_to(image_ids, source=source, target_name="the benchmark")


RULES.register(
    ProposalRule(
        "paper",
        _run_paper_rule,
        summary="pairs with large scores of two models or more",
        sentence=(
            "those among the largest logits or probabilities of at least two models, every model's "
            "top prediction, and the original labels (Beyer et al., 2020)"
        ),
        unrated_reason="every model's top prediction is the original label",
        options=frozenset({"pairs_per_model", "recall"}),
    )
)
RULES.register(
    ProposalRule(
        "learned",
        _run_learned_rule,
        summary="pairs that are likely to be valid, as learned from votes or gold",
        sentence=(
            "those to which a classifier, trained on earlier answers and cross-fitted by image, "
            "gave the highest probability of being valid, and the original labels"
        ),
        unrated_reason="the original label alone is proposed, and as good as certain",
        depth=DEPTH,
        options=frozenset({"recall", "budget"}),
        uses_posterior=True,
    )
)
