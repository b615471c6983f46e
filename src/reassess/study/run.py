"""What a study does: propose, say how far it is, run what is stale.

Thin: the stages are `reassess.pipeline`'s, their records lie where `StudyArtefacts` says.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from reassess.engines import Engine, JobShare, ThreadEngine
from reassess.errors import OptionError, ReassessError
from reassess.notes import note
from reassess.pipeline import (
    AUDIT,
    LABELS,
    POSTERIOR,
    PROPOSALS,
    SCORES,
    STAGES,
    TASKS,
    CostOptions,
    InMemory,
    Made,
    ProposeOptions,
    Stage,
    StageCheck,
    check_stages,
    run,
)
from reassess.pipeline.labels import unanswered
from reassess.pipeline.proposals import TaskDetails
from reassess.progress import Progress, null_progress
from reassess.proposals import (
    RULES,
    SAVINGS,
    Cost,
    ProposalResult,
    rating_cost,
    scan,
    seconds_per_question,
    shards_to_scan,
)
from reassess.records import Audit, Benchmark, Proposals, Tasks
from reassess.study.artefacts import (
    FILES,
    StudyArtefacts,
    StudyModels,
    is_review,
    refuse_review,
    votes_file,
)
from reassess.study.inputs import Hashes
from reassess.study.manifest import Study
from reassess.study.withdrawn import read_withdrawn

STUDY_STAGES = tuple(stage for stage in STAGES if stage is not SCORES)
"""The stages whose records a study keeps; its models are scored by reports and commands."""


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How far a stage is.

    Attributes:
        stage: its name.
        file: its file, below the study's folder.
        state: ``done``; ``stale`` where an input changed since; ``missing`` where it was never
            run; ``waiting`` where an input of it is missing.
        changed: the inputs that changed, that are new or gone, or that are waited for.
    """

    stage: str
    file: str
    state: str
    changed: tuple[str, ...]


def stage_status(study: Study) -> list[StageStatus]:
    """How far every stage is, in their order.

    Raises:
        FileError: a file that the manifest names is missing.
        OptionError: an option of the manifest is out of range.
    """
    artefacts = StudyArtefacts(study)
    if is_review(study):
        state = "done" if artefacts.exists("tasks") else "missing"
        drawn = StageStatus("tasks", FILES["tasks"], state, ())
        votes = [one for _, one in check_stages(artefacts, STUDY_STAGES) if one.stage == "votes"]
        return [drawn, *(_with_file(study, one) for one in votes)]
    return [_with_file(study, one) for _, one in check_stages(artefacts, STUDY_STAGES)]


AS_NOTED = {"labels": "original labels"}
"""How a note about the reassessed labels calls what they follow from, where names are alike."""

_HASHED_TO_LOOK = 32_000_000
"""Bytes of a file that are hashed for no more than a note: no time that people notice."""


def note_older_labels(study: Study) -> None:
    """Note that a study's labels are not what its votes and settings give, where they are not."""
    changed = _changed_since_labels(study)
    if changed:
        note(
            f"{study.folder / FILES['labels']}: the labels are not those that the study gives now "
            f"(changed: {', '.join(changed)}). Decide them again: reassess run {study.folder}"
        )


def _changed_since_labels(study: Study) -> tuple[str, ...]:
    """What changed since a study's labels were made, of what they follow from, by name.

    Nothing is written. Nothing is named where a file is gone, or is large and has a hash that
    nobody took yet: then `stage_status` tells.
    """
    try:
        lies = StudyArtefacts(study, hashes=Hashes(study, largest=_HASHED_TO_LOOK))
        found = [one for _, one in check_stages(lies, (POSTERIOR, LABELS)) if one.state == "stale"]
    except ReassessError:
        return ()
    if not any(one.stage == "labels" for one in found):
        return ()
    names = dict.fromkeys(name for one in found for name in one.changed)
    return tuple(AS_NOTED.get(name, name) for name in names if name != POSTERIOR.name)


def open_questions(study: Study) -> tuple[int, int]:
    """How many questions have no vote, of how many that are asked; 0 where labels may do without.

    Raises:
        FileError: a file of the study is malformed.
    """
    artefacts = StudyArtefacts(study)
    tasks = artefacts.read("tasks", LABELS)
    posterior = artefacts.read("posterior", LABELS)
    if tasks is None or posterior is None or artefacts.options(LABELS).only_answered:
        return 0, 0
    found, n_asked = unanswered(tasks, posterior.questions, read_withdrawn(study))
    return len(found), n_asked


def _with_file(study: Study, status: StageCheck) -> StageStatus:
    file = FILES.get(status.stage)
    if file is None:
        votes = votes_file(study)
        file = "votes.csv" if votes is None else votes.name
    return StageStatus(status.stage, file, status.state, status.changed)


def run_study(
    study: Study, *, workers: int | None = None, progress: Progress = null_progress
) -> list[tuple[str, str]]:
    """The stages that were stale or missing and are done now, each with what was made.

    A stage that waits for people (votes) or for such a stage is left alone.

    Args:
        study: the study.
        workers: threads; None takes one a core.
        progress: told of each stage and its steps.

    Raises:
        OptionError: the study has no model yet, or is a review of mistakes.
        ReassessError: whatever a stage refuses.
    """
    _check_models(study)
    with ThreadEngine(workers) as engine:
        made = run(StudyArtefacts(study), STUDY_STAGES, engine=engine, progress=progress)
    return [(name, one.summary) for name, one in made]


def _check_models(study: Study) -> None:
    refuse_review(study)
    if not study.models:
        raise OptionError(
            f"{study.folder}: there are 0 models, but must be at least one. Add some: reassess add "
            f"{study.folder} NAME=FILE"
        )


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a study's rule proposes, the tasks that it makes, and what rating them costs.

    Attributes:
        benchmark: the images.
        options: how was proposed.
        result: the pairs, by image and class, and what the rule says of them.
        n_resumed: scans of full scores that were finished before.
        audit: the skipped images that are asked about all the same, drawn at random.
        tasks: the questions on their screens, answered ones included.
        changes: which questions are new, which are answered.
        costs: one a way of rating, for the questions that are open.
    """

    benchmark: Benchmark
    options: ProposeOptions
    result: ProposalResult
    n_resumed: int
    audit: Audit
    tasks: Tasks
    changes: TaskDetails
    costs: tuple[Cost, ...]


@dataclass(frozen=True, slots=True)
class ScannedShare:
    """What a job of an array did of a study's full scores.

    Attributes:
        n_shards: shards of all models.
        n_done: those of this job.
        n_resumed: those among them that were finished before.
    """

    n_shards: int
    n_done: int
    n_resumed: int


def scan_study(
    study: Study,
    share: JobShare,
    *,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> ScannedShare:
    """Scan one job's share of a study's full scores, for `propose_study` to join.

    Nothing but finished scans is written, so that jobs may run side by side.

    Args:
        study: the study, with the settings that it will propose with.
        share: which job of how many.
        workers: threads; None takes one a core.
        engine: where they are scanned; threads of this process by default.
        progress: shown how many shards are done.

    Raises:
        OptionError: the study has no model, is a review of mistakes, or its rule scans nothing.
        DataError: an input is not what it must be.
        FileError: a file is missing or malformed.
    """
    _check_models(study)
    lies = StudyArtefacts(study)
    options: ProposeOptions = lies.options(PROPOSALS)
    _check_scans(study, options, "--shard")
    models = StudyModels(lies)
    shards = shards_to_scan(
        models.opened(progress), lies.benchmark(), pairs_per_model=options.pairs_per_model
    )
    mine = share.of(shards)
    with ThreadEngine(workers) if engine is None else nullcontext(engine) as running:
        scans = models.scans(running)
        for done, _ in enumerate(scans.map(scan, mine), start=1):
            progress("scanning", done=done, total=len(mine))
    return ScannedShare(len(shards), len(mine), scans.n_resumed)


def propose_study(
    study: Study,
    *,
    write: bool = True,
    join: bool = False,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Proposed:
    """What the study's settings propose, and what it costs.

    Args:
        study: the study.
        write: whether proposals and tasks are written into the study; else nothing is but
            finished shards.
        join: refuse to scan full scores: `scan_study` must have scanned all of them.
        workers: threads; None takes one a core.
        engine: where full scores are scanned; threads of this process by default.
        progress: told of each step.

    Raises:
        OptionError: the study has no model or is a review of mistakes, options contradict each
            other, or its rule scans nothing that could be joined.
        DataError: an input is not what it must be.
        FileError: a file is missing or malformed, or a scan that is to be joined is missing.
    """
    _check_models(study)
    lies = StudyArtefacts(study, join_scans=join)
    if join:
        _check_something_to_join(lies, progress)
    unwritten = _Unwritten(lies)
    with ThreadEngine(workers) if engine is None else nullcontext(engine) as running:
        made = dict(
            run(
                unwritten,
                (PROPOSALS, AUDIT, TASKS),
                engine=running,
                progress=progress,
                everything=True,
            )
        )
    if write:
        progress("writing")
        unwritten.write_all()
    proposals: Made[Proposals] = made["proposals"]
    tasks: Made[Tasks] = made["tasks"]
    costs = rating_costs(study, tasks, proposals.details.result.expected_recall)
    return Proposed(
        lies.benchmark(), lies.options(PROPOSALS), proposals.details.result,
        proposals.details.n_resumed, made["audit"].record, tasks.record, tasks.details, costs,
    )  # fmt: skip


def _check_something_to_join(lies: StudyArtefacts, progress: Progress) -> None:
    """Refuse a rule that scans nothing; note models that have no full scores.

    Raises:
        OptionError: jobs have nothing to do under this rule.
    """
    options: ProposeOptions = lies.options(PROPOSALS)
    _check_scans(lies.study, options, "--join")
    models = StudyModels(lies).opened(progress)
    if not shards_to_scan(models, lies.benchmark(), pairs_per_model=options.pairs_per_model):
        note("--join joined nothing: no model has full scores, which alone are scanned by jobs.")


def _check_scans(study: Study, options: ProposeOptions, option: str) -> None:
    """Refuse a rule that scans no full scores, where an option shares their scans among jobs."""
    if RULES[options.rule].depth is not None:
        raise OptionError(
            f"{study.folder}: its rule is {options.rule!r}, which scans no full scores, so that "
            f"there is nothing for several jobs to do. Propose without {option}."
        )


class _Unwritten(InMemory):
    """A study's records, with what stages make kept in memory until all of it is there."""

    def __init__(self, artefacts: StudyArtefacts) -> None:
        super().__init__({}, {})
        self._study = artefacts
        self._made: list[tuple[Stage, dict[str, str]]] = []

    def exists(self, name: str) -> bool:
        return super().exists(name) or self._study.exists(name)

    def read(self, name: str, stage: Stage) -> Any:
        made = super().read(name, stage)
        return self._study.read(name, stage) if made is None else made

    def hashes(self, name: str, stage: Stage) -> dict[str, str]:
        return {} if name in self.records else self._study.hashes(name, stage)

    def options(self, stage: Stage) -> Any:
        return self._study.options(stage)

    def write(self, stage: Stage, record: Any, inputs: Mapping[str, str]) -> None:
        super().write(stage, record, inputs)
        self._made.append((stage, dict(inputs)))

    def write_all(self) -> None:
        """Write the records into the study, in the order in which they were made."""
        for stage, inputs in self._made:
            made_from = dict(inputs)
            for name in stage.inputs(self.options(stage)):
                if name in self.records:  # made here: its hash is known once it is written
                    made_from |= self._study.hashes(name, stage)
            self._study.write(stage, self.records[stage.name], made_from)


def rating_costs(study: Study, tasks: Made[Tasks], recall: float | None = None) -> tuple[Cost, ...]:
    """What each way of rating costs for the questions that are still to be answered.

    Seconds a question are those of the manifest, else what the study's votes tell, else an
    assumption, which the costs name.

    Args:
        study: the study.
        tasks: its tasks as made.
        recall: expected recall of the proposals, to stand beside the costs.

    Raises:
        OptionError: an amount of the manifest is out of range.
        FileError: the file of votes is malformed.
    """
    options = study.options(CostOptions)
    open_questions = ~tasks.details.answered
    seconds = options.seconds_per_question
    if seconds is None:
        seconds = _seconds_of_votes(StudyArtefacts(study))
    return tuple(
        rating_cost(
            int(open_questions.sum()),
            len(np.unique(tasks.record.task[open_questions])),
            rating=rating,
            votes_per_question=options.votes_per_question,
            seconds_per_question=seconds,
            wage_per_hour=options.wage_per_hour,
            recall=recall,
        )
        for rating in SAVINGS
    )


def _seconds_of_votes(artefacts: StudyArtefacts) -> float | None:
    """Seconds a question, measured where the study's votes say how long they took."""
    votes = artefacts.read("votes", TASKS)
    if votes is None or votes.seconds is None:
        return None
    return seconds_per_question(votes.seconds[np.isfinite(votes.seconds)])
