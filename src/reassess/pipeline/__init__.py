"""The pipeline: what a study, the command line, the demo and Python all run. READ THIS FIRST.

Records flow one way; each stage makes one record from others::

    predictions ──proposals──▶ pairs worth asking about ──tasks──▶ questions
                                 │                       ▲             │
                                 └──audit──▶ random sample of the rest │
                                                         │             │
                                                   raters (votes)      │     experts
                                              ┌────────────────────────┴────────┐
                                              ▼          │                      ▼
                                            votes ──posterior──▶ P(truth)     gold
                                                         │          │           │
                                                         └───▶ labels ◀─────────┘
                                                                    │
                                         scores ◀── predictions ────┘

`STAGES` below is that picture, and it is what runs: `runner.run` takes the stages in order,
hashes the inputs of each once, before its work, and runs what is stale. Where the records lie is
an argument (`stage.Artefacts`): a study's folder, or memory (`reassess_benchmark`).

===========  ==========================================================================
`stage`      the contract: a stage as a value, and where records lie
`options`    what each command and section of a manifest takes: one validated type each
`proposals`  the first stages: pairs by a rule, questions on screens
`audits`     what is drawn at random of the rest, to be asked about as well
`context`    what models' predictions say of each question, beside the votes
`labels`     the last stages: the posterior, the labels, the scores
`runner`     what is stale, and running it
===========  ==========================================================================

Stages never import each other. Nothing here reads or writes files (`reassess.files` does),
finds anything in the result (`reassess.analysis`) or draws (`reassess.report`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from reassess.engines import Engine, ThreadEngine
from reassess.errors import DataError, OptionError, which_have
from reassess.pipeline.audits import make_audit
from reassess.pipeline.context import Contextual, add_context, learn_context
from reassess.pipeline.labels import (
    make_labels,
    make_posterior,
    make_scores,
    with_adjudications,
)
from reassess.pipeline.options import (
    AggregateOptions,
    CostOptions,
    LabelOptions,
    ProposeOptions,
)
from reassess.pipeline.proposals import make_proposals, make_tasks
from reassess.pipeline.runner import StageCheck, check_stages, run
from reassess.pipeline.stage import (
    Artefacts,
    GivenModels,
    InMemory,
    Made,
    Models,
    NoOptions,
    Scans,
    Stage,
    always,
)
from reassess.progress import Progress, null_progress
from reassess.proposals import RULES
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
    Tasks,
    Votes,
)
from reassess.registry import check_choice

PROPOSALS = Stage(
    name="proposals", section="propose", run=make_proposals, options=ProposeOptions,
    needs=("models", "benchmark"),
    uses={
        "gold": lambda options: options.recall is not None or RULES[options.rule].uses_posterior,
        "votes": lambda options: RULES[options.rule].uses_posterior,
    },
    decided_by=("rule", "pairs_per_model", "recall", "budget"),
)  # fmt: skip
AUDIT = Stage(
    name="audit", section="propose", run=make_audit, options=ProposeOptions,
    needs=("proposals", "benchmark"),
    sees=("audit", "tasks", "votes", "gold"),
    decided_by=("audit", "audit_seed"),
)  # fmt: skip
TASKS = Stage(
    name="tasks", section="propose", run=make_tasks, options=ProposeOptions,
    needs=("proposals", "benchmark", "audit"),
    uses={"hierarchy": always, "remarks": always},
    sees=("votes", "tasks"),
    decided_by=("per_task",),
)  # fmt: skip
VOTES = Stage(name="votes", section="votes", run=None, needs=("tasks",))
POSTERIOR = Stage(
    name="posterior", section="aggregate", run=make_posterior, options=AggregateOptions,
    needs=("votes",),
    uses={
        "gold": always,
        "benchmark": lambda options: options.original_rater or options.context,
        "models": lambda options: options.context,
    },
    decided_by=tuple(AggregateOptions.__dataclass_fields__),
)  # fmt: skip
LABELS = Stage(
    name="labels", section="label", run=make_labels, options=LabelOptions,
    needs=("posterior", "benchmark"),
    uses={
        "gold": always, "adjudications": always, "audit": always, "models": always, "name": always,
    },
    sees=("tasks", "withdrawn"),
    # `only_answered` says whether labels are made before all is answered, not what they are.
    decided_by=tuple(name for name in LabelOptions.__dataclass_fields__ if name != "only_answered"),
)  # fmt: skip
SCORES = Stage(
    name="scores", section="score", run=make_scores,
    needs=("labels", "models", "benchmark"),
)  # fmt: skip

STAGES = (PROPOSALS, AUDIT, TASKS, VOTES, POSTERIOR, LABELS, SCORES)
"""The pipeline."""

Ask = Callable[[Questions], Votes]
"""Whoever answers the questions."""

AskExperts = Callable[[Questions], Gold]
"""Whoever fixes the truth of some of the questions."""


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
    ask: Ask,
    ask_experts: AskExperts | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    progress: Progress = null_progress,
) -> Reassessment:
    """All stages from predictions to scores, in memory, one after the other.

    Args:
        predictions: one record a model, for every image of the benchmark.
        benchmark: the images and their original labels.
        ask: answers every question at least once.
        ask_experts: fixes the truth of some questions; None asks no experts.
        options: `ProposeOptions` under "propose", `AggregateOptions` under "aggregate",
            `LabelOptions` under "label"; what is left out has its defaults, which are those of a
            study and of the command line.
        workers: threads; None takes one a core.
        progress: told of each stage and its steps.

    Raises:
        OptionError: options are of no stage, or of another type than its.
        DataError: there is nothing to ask, or a question got no vote.
        ReassessError: whatever a stage refuses.
    """
    _check_options(options or {})
    memory = InMemory({"models": GivenModels(predictions), "benchmark": benchmark}, options or {})

    people = replace(VOTES, run=partial(_answered, memory, ask, ask_experts))
    with ThreadEngine(workers) as engine:
        run(
            memory,
            [people if stage is VOTES else stage for stage in STAGES],
            engine=engine,
            progress=progress,
        )
    records = memory.records
    return Reassessment(
        benchmark=benchmark,
        predictions=tuple(predictions),
        proposals=records["proposals"],
        questions=records["tasks"].questions,
        votes=records["votes"],
        gold=records.get("gold"),
        posterior=records["posterior"],
        point=records["labels"].operating_point,
        labels=records["labels"],
        scores=records["scores"],
    )


def _answered(
    memory: InMemory,
    ask: Ask,
    ask_experts: AskExperts | None,
    *,
    tasks: Tasks,
    options: NoOptions,
    engine: Engine,
    progress: Progress,
) -> Made[Votes]:
    """The stage that people make, as a function: raters answer, then experts fix some truths."""
    del options, engine, progress
    questions = tasks.questions
    if len(questions) == 0:
        raise DataError(
            "proposals: there are 0 questions, but there must be at least one; on every image "
            "every model's top prediction is the original label. Add other models."
        )
    votes = ask(questions)
    _check_answered(questions, votes)
    if ask_experts is not None:
        memory.records["gold"] = ask_experts(questions)
    return Made(votes, f"{len(votes):,} votes of {len(votes.rater_ids):,} raters")


def _check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that no stage would look at."""
    types = {stage.section: stage.options for stage in STAGES if stage.decided_by}
    for section, given in options.items():
        kind = types[check_choice(section, types, "a key of options")]
        if not isinstance(given, kind):
            raise OptionError(
                f"the options of {section!r} are {type(given).__name__}, but must be "
                f"{kind.__name__}. Build them: {kind.__name__}(...)"
            )


def _check_answered(questions: Questions, votes: Votes) -> None:
    """Refuse silence: an image without votes would keep its original label as if unrated."""
    missing = questions.rows_in(votes.questions, source="questions") < 0
    silent = questions.take(missing).ids
    if len(silent):
        raise DataError(
            f"votes: {which_have('question', silent)} 0 votes, but must have at least one; "
            f"{len(silent):,} of {len(questions):,} questions have none. Ask raters for them."
        )


__all__ = [
    "AUDIT",
    "LABELS",
    "POSTERIOR",
    "PROPOSALS",
    "SCORES",
    "STAGES",
    "TASKS",
    "VOTES",
    "AggregateOptions",
    "Artefacts",
    "Contextual",
    "CostOptions",
    "GivenModels",
    "InMemory",
    "LabelOptions",
    "Made",
    "Models",
    "NoOptions",
    "ProposeOptions",
    "Reassessment",
    "Scans",
    "Stage",
    "StageCheck",
    "add_context",
    "check_stages",
    "learn_context",
    "make_audit",
    "make_labels",
    "make_posterior",
    "make_proposals",
    "make_scores",
    "make_tasks",
    "reassess_benchmark",
    "run",
    "with_adjudications",
]
