"""An audit of a study: more of what its rule leaves out is drawn and becomes questions.

The draw stands in the study's `audit.json`, with its seed and its inclusion probabilities; the
questions stand among the others in `tasks.parquet`, and nothing tells raters which they are.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from reassess.engines import ThreadEngine
from reassess.errors import OptionError
from reassess.pipeline import AUDIT, TASKS, check_stages, run
from reassess.pipeline.audits import AuditSource, draw_newcomer
from reassess.progress import Progress, null_progress
from reassess.proposals.audits import N_UNASKED, n_skipped_drawn, no_audit
from reassess.records import Audit, Predictions
from reassess.study.artefacts import FILES, StudyArtefacts, refuse_review
from reassess.study.edits import change_settings
from reassess.study.manifest import Study


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit has drawn, and the questions that it made.

    Attributes:
        audit: all that was drawn so far, and from what.
        n_skipped: images that the rule skips, drawn ones included.
        n_new: questions that were not asked before.
    """

    audit: Audit
    n_skipped: int
    n_new: int


def audit_study(
    study: Study,
    *,
    n_skipped: int = 0,
    newcomer: Predictions | None = None,
    n_unasked: int = N_UNASKED,
    seed: int = 0,
    progress: Progress = null_progress,
) -> Audited:
    """What is audited once so much is drawn in all; its questions are in the study's tasks.

    The same arguments draw nothing further, and what was drawn stays drawn.

    Args:
        study: a study with tasks.
        n_skipped: how many of the skipped images to have drawn in all.
        newcomer: a model whose unasked top predictions are drawn from; None for none.
        n_unasked: how many of these to have drawn in all.
        seed: of the draws.
        progress: told of each step.

    Raises:
        OptionError: the study has no tasks yet or is a review of mistakes, or a number is negative.
        DataError: an input is not what it must be.
        AlignmentError: the newcomer did not predict every image.
        FileError: a file is missing or malformed.
    """
    refuse_review(study)
    if n_skipped < 0 or n_unasked < 0:
        raise OptionError("the numbers to draw must be 0 or more.")
    lies = StudyArtefacts(study)
    if not lies.exists("proposals") or not lies.exists("tasks"):
        raise OptionError(
            f"{study.folder}: there are no tasks ({FILES['tasks']} is missing), but an audit draws "
            f"from what they leave out. Make them: reassess propose {study.folder}"
        )
    before = lies.read("audit", AUDIT)
    if n_skipped > (0 if before is None else n_skipped_drawn(before)):
        # The number is the study's, so that proposing again does not forget it.
        study = change_settings(study, "propose", {"audit": n_skipped, "audit_seed": seed})
        lies = StudyArtefacts(study)
        with ThreadEngine(1) as engine:
            run(lies, (AUDIT,), engine=engine, progress=progress, everything=True)
    if newcomer is not None:
        audit = draw_newcomer(_source(lies), newcomer, n_unasked=n_unasked, seed=seed)
        status = next(one for stage, one in check_stages(lies, (AUDIT,)) if stage is AUDIT)
        lies.write(AUDIT, audit, status.inputs)
    n_new = 0
    if newcomer is not None or n_skipped:  # also where a draw was interrupted before its tasks
        with ThreadEngine(1) as engine:
            made = dict(run(lies, (TASKS,), engine=engine, progress=progress))
        if "tasks" in made:
            n_new = int(made["tasks"].details.new.sum())
    found = lies.read("audit", AUDIT)
    if found is None:
        found = no_audit(lies.benchmark().image_ids)
    return Audited(found, len(_source(lies).skipped), n_new)


def release_judged(study: Study, image_ids: Collection[str]) -> None:
    """Take images out of a study's audit and its tasks that experts have judged since the draw.

    Those with votes in the study stay, and others are drawn in the place of those that go.

    Args:
        study: with an audit or without one.
        image_ids: of images with gold that no rater has been asked about yet.

    Raises:
        FileError: a file is missing or malformed.
    """
    lies = StudyArtefacts(study)
    if not image_ids or not lies.exists("proposals") or lies.read("audit", AUDIT) is None:
        return
    source = _source(lies)
    audit = source.audit
    if audit is None:
        return
    goes = audit.drawn & audit.is_whole & source.is_judged[audit.pairs.image]
    drawn = audit.pairs.image_ids[audit.pairs.image[goes]]
    if np.isin(drawn, sorted(image_ids)).any():
        with ThreadEngine(1) as engine:
            run(lies, (AUDIT, TASKS), engine=engine, everything=True)


def _source(lies: StudyArtefacts) -> AuditSource:
    names = ("gold", "votes", "audit")
    return AuditSource.of(
        lies.read("proposals", AUDIT), lies.benchmark(),
        **{name: lies.read(name, AUDIT) for name in names},
    )  # fmt: skip
