"""What is stale in a study, done again in the order of the stages."""

from reassess.errors import OptionError
from reassess.study.labelling import aggregate_study, label_study
from reassess.study.learning import OnStep
from reassess.study.manifest import Study
from reassess.study.proposing import propose_study, write_proposed
from reassess.study.stages import StageName, StageStatus, refuse_review, stage_status


def run_study(
    study: Study, *, workers: int | None = None, on_step: OnStep | None = None
) -> list[tuple[StageName, str]]:
    """The stages that were stale or missing and are done now, each with a line about it.

    A stage that waits for people (votes) or for such a stage is left alone.

    Raises:
        OptionError: the study has no model yet, or is a review of mistakes.
        ReassessError: whatever a stage refuses.
    """
    refuse_review(study)
    if not study.models:
        raise OptionError(
            f"{study.folder}: there are 0 models, but must be at least one. Add some: reassess add "
            f"{study.folder} NAME=FILE"
        )
    done: list[tuple[StageName, str]] = []
    if _needs_work(study, "proposals") or _needs_work(study, "tasks"):
        proposed = propose_study(study, workers=workers, on_step=on_step)
        write_proposed(study, proposed)
        line = f"{len(proposed.proposals):,} proposals, {proposed.tasks.n_tasks:,} tasks"
        done.append(("proposals", line))
    for stage, work in (("posterior", aggregate_study), ("labels", label_study)):
        if _needs_work(study, stage):  # type: ignore[arg-type]
            if on_step is not None:
                on_step(stage)
            done.append((stage, work(study)))  # type: ignore[arg-type]
    return done


def _needs_work(study: Study, stage: StageName) -> bool:
    return _state(study, stage).state in {"stale", "missing"}


def _state(study: Study, stage: StageName) -> StageStatus:
    return next(one for one in stage_status(study) if one.stage == stage)
