"""The stages in order. READ THIS FIRST.

Records flow one way, and each stage is a pure function from records to records::

    predictions ──propose──▶ proposals ─build_questions─▶ questions
                                                             │
                                             ask (raters)    │    ask_experts
                                        ┌────────────────────┴──────────┐
                                        ▼                               ▼
                                      votes ──aggregate──▶ posterior   gold
                                                               │        │
                                               operating_point ◀────────┘
                                                               │
    scores ◀──score_models── labels ◀──reassessed_labels───────┘

Stages never import each other: they meet in `reassess.records` and are joined here. Who
answers the questions is an argument: people through a site, a file of votes, or, in the
demo, simulated raters. Reads and writes nothing (`reassess.files` does), finds nothing in
the result (`reassess.analysis`) and draws nothing (`reassess.report`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reassess.aggregation import calibrated, dawid_skene, majority
from reassess.errors import DataError, OptionError, preview
from reassess.labels import operating_point, reassessed_labels
from reassess.proposals import build_questions, propose
from reassess.records import (
    Benchmark,
    Gold,
    LabelSets,
    ModelScore,
    OperatingPoint,
    Posterior,
    Predictions,
    Proposals,
    Questions,
    Votes,
)
from reassess.scoring import score_models

Ask = Callable[[Questions], Votes]
"""Whoever answers the questions."""

AskExperts = Callable[[Questions], Gold]
"""Whoever fixes the truth of some of the questions."""

OnStage = Callable[[str, str], None]
"""Called with the name of a stage and what goes into it, when the stage begins."""

Method = Literal["majority", "dawid-skene", "calibrated"]

STAGES = ("proposals", "questions", "votes", "posterior", "operating point", "labels", "scores")
"""The stages, by what comes out of them."""


@dataclass(frozen=True, slots=True)
class Reassessment:
    """Every record of a reassessed benchmark, in the order in which they came about.

    Attributes:
        benchmark: the images and their original labels.
        predictions: one record a model.
        proposals: the pairs worth asking about, and who proposed them.
        questions: those of images that were rated.
        votes: the raters' answers.
        gold: the experts' answers to some of the questions; None where none were asked.
        posterior: P(the class is in the image) of each question.
        point: the threshold on the posterior, and how it was chosen.
        labels: the reassessed labels.
        scores: every accuracy of each model, in the order of ``predictions``.
    """

    benchmark: Benchmark
    predictions: tuple[Predictions, ...]
    proposals: Proposals
    questions: Questions
    votes: Votes
    gold: Gold | None
    posterior: Posterior
    point: OperatingPoint
    labels: LabelSets
    scores: tuple[ModelScore, ...]


def reassess_benchmark(
    predictions: Sequence[Predictions],
    benchmark: Benchmark,
    *,
    top: int,
    ask: Ask,
    ask_experts: AskExperts | None = None,
    method: Method = "dawid-skene",
    rule: str = "threshold",
    threshold: float | None = 0.5,
    target: float | None = None,
    on_stage: OnStage | None = None,
) -> Reassessment:
    """All stages from predictions to scores, one after the other.

    Args:
        predictions: one record a model, with scores, for every image of the benchmark.
        benchmark: the images and their original labels.
        top: how many pairs of each model with the largest scores may become proposals.
        ask: answers every question at least once.
        ask_experts: fixes the truth of some questions; needed to calibrate raters, and by
            rules that choose the threshold.
        method: how votes become a posterior; only ``calibrated`` looks at gold, so that with
            the others precision and recall on gold are those of unseen questions.
        rule: how the threshold is chosen.
        threshold: in [0, 1], for the rule ``threshold``.
        target: in [0, 1], for the rules that name one.
        on_stage: called when a stage begins, with its name in `STAGES` and what goes into it.

    Raises:
        DataError: there is nothing to ask, or a question got no vote.
        ReassessError: whatever a stage refuses.
    """
    begin = on_stage or _silent
    begin("proposals", f"{len(predictions)} models, {len(benchmark.image_ids):,} images")
    proposals = propose(predictions, benchmark, pairs_per_model=top)

    begin("questions", f"{len(proposals.pairs):,} proposals")
    questions = build_questions(proposals)
    _check_any(questions, benchmark)

    n_rated = int(proposals.rated.sum())
    begin("votes", f"{len(questions):,} questions about {n_rated:,} images to be rated")
    votes = ask(questions)
    _check_answered(questions, votes)
    gold = None if ask_experts is None else ask_experts(questions)

    begin("posterior", f"{len(votes):,} votes of {preview(votes.rater_ids, 1)}")
    posterior = aggregate(votes, gold, method)

    n_gold = 0 if gold is None else len(gold.questions)
    begin("operating point", f"{n_gold:,} gold questions")
    given = threshold if rule == "threshold" else None
    point = operating_point(posterior, rule=rule, threshold=given, target=target, gold=gold)

    begin("labels", f"posterior at least {point.threshold:.3f}")
    labels = reassessed_labels(posterior, benchmark, point)

    begin("scores", f"{len(labels.indices):,} labels")
    scores = tuple(score_models(predictions, labels, benchmark))
    # Positions, not names: the attributes stand in the order in which they came about.
    return Reassessment(
        benchmark, tuple(predictions), proposals, questions, votes, gold, posterior, point, labels,
        scores,
    )  # fmt: skip


def aggregate(votes: Votes, gold: Gold | None, method: Method) -> Posterior:
    """The posterior that a method, given by its name, makes of votes.

    Raises:
        OptionError: the method needs gold, and there is none.
    """
    if method == "majority":
        return majority(votes)
    if method == "dawid-skene":
        return dawid_skene(votes)
    if gold is None:
        raise OptionError(f"the method {method!r} needs gold (--gold FILE).")
    return calibrated(votes, gold)


def _silent(name: str, detail: str) -> None:
    """What is called between stages where nobody listens."""


def _check_any(questions: Questions, benchmark: Benchmark) -> None:
    if len(questions) == 0:
        raise DataError(
            f"{benchmark.name}: there are 0 questions, but there must be at least one; on every "
            "image every model's top prediction is the original label. Add other models."
        )


def _check_answered(questions: Questions, votes: Votes) -> None:
    """Refuse silence: an image without votes would keep its original label as if unrated."""
    silent = np.setdiff1d(questions.ids, votes.questions.ids)
    if len(silent):
        raise DataError(
            f"votes: question {preview(silent)} has 0 votes, but must have at least one; "
            f"{len(silent):,} of {len(questions):,} questions have none. Ask raters for them."
        )
