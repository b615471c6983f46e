"""The report of a study and its verdict: its records, its pictures, the files they came from.

Joins `reassess.study.study_records` and `reassess.report.build`; finds nothing itself.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from reassess.aggregation import AggregateOptions
from reassess.analysis.raters import RaterRepeats
from reassess.analysis.verdict import ClusterBy, StudyVerdict, study_verdict
from reassess.errors import ReassessError
from reassess.progress import Progress, null_progress
from reassess.proposals import ProposeOptions
from reassess.records import ModelScore
from reassess.registry import checks_choices
from reassess.report import Input, LabelProvenance, Report
from reassess.report.build import (
    PARTS,
    RESAMPLES,
    ReportInputs,
    assemble_report,
    uncertainty_of,
)
from reassess.scoring import score_models
from reassess.study.artefacts import FILES, adjudications_file, findings_gold_file, votes_file
from reassess.study.images import small_copies
from reassess.study.inputs import Hashes, images_folder, model_files
from reassess.study.manifest import Study
from reassess.study.run import AS_NOTED, stage_status
from reassess.study.study_records import StudyRecords

STEPS = ("scores", *PARTS, "hashes")
"""What `build_report` does, in order."""

Repeats = Callable[[Shaped[np.ndarray, "R"]], RaterRepeats | None]
"""Ids of raters to how often each gave the same answer twice; None where nobody was asked twice."""


def build_report(
    collected: StudyRecords,
    *,
    command: str,
    repeats: Repeats | None = None,
    progress: Progress = null_progress,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Report:
    """The report of a study whose labels are decided.

    Args:
        collected: its records.
        command: what was typed, for the provenance.
        repeats: how often raters, by their ids, gave the same answer twice; for votes that do
            not say it themselves.
        progress: called when one of `STEPS` begins, and after resamples.
        n_resamples: resamples of images, of raters and of votes, each.
        seed: of all bootstraps.

    Raises:
        DataError: the records do not fit each other.
        AlignmentError: images do not match.
        FileError: an input cannot be read again to be hashed.
    """
    study, labels, benchmark = collected.study, collected.labels, collected.benchmark
    progress("scores")
    scores = tuple(score_models(collected.predictions, labels, benchmark, subset=True))
    inputs = report_inputs(collected, scores)
    images = images_folder(study, must_exist=False)
    copies = None if images is None else partial(small_copies, images)
    title = f"{benchmark.name}: are we done with it?"
    report = assemble_report(
        inputs,
        title,
        small_copies=copies,
        progress=progress,
        n_resamples=n_resamples,
        seed=seed,
    )
    progress("hashes")
    raters = report.raters_found
    if raters is not None and raters.repeats is None and repeats is not None:
        raters = replace(raters, repeats=repeats(raters.effects.rater_ids))
    return replace(
        report,
        raters_found=raters,
        command=command,
        show_command=shlex.join(["reassess", "show", str(study.folder)]),
        provenance=(
            ("reassess", version("reassess")),
            ("made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ),
        stale=_changed_since(study),
        inputs=tuple(_inputs(collected)),
        label_provenance=_label_provenance(collected),
    )


def _changed_since(study: Study) -> tuple[str, ...]:
    """What changed since the study's labels were decided; empty where nothing did."""
    try:
        found = {one.stage: one for one in stage_status(study)}
    except ReassessError:  # a file that is missing: labels stand without it
        return ()
    made = (found.get("posterior"), found.get("labels"))
    changed = [one for one in made if one is not None and one.state == "stale"]
    names = dict.fromkeys(what for one in changed for what in one.changed)
    return tuple(AS_NOTED.get(name, name) for name in names)


def report_inputs(collected: StudyRecords, scores: Sequence[ModelScore] = ()) -> ReportInputs:
    """The records of a study as a report takes them."""
    options = collected.study.options(AggregateOptions)
    return ReportInputs(
        collected.labels,
        collected.benchmark,
        collected.predictions,
        scores,
        hierarchy=collected.hierarchy,
        votes=collected.votes,
        posterior=collected.posterior,
        decided=collected.decided,
        gold=collected.gold,
        min_expert_yes=options.min_expert_yes,
        pseudocount=options.pseudocount,
    )


@checks_choices
def build_verdict(
    collected: StudyRecords,
    *,
    cluster_by: ClusterBy = "none",
    bins: Sequence[float] | None = None,
    top_share: float = 0.1,
    n_resamples: int = RESAMPLES,
    progress: Progress = null_progress,
    seed: int = 0,
) -> StudyVerdict:
    """The verdict on a study, with what its votes say of how sure its labels are.

    Args:
        collected: its records.
        cluster_by: as in `study_verdict`.
        bins: likewise.
        top_share: likewise.
        n_resamples: of every interval; draws of images, of raters and of votes, each.
        progress: called with the number of resamples done.
        seed: of all bootstraps.

    Raises:
        DataError: the records do not fit each other.
        AlignmentError: images do not match.
        OptionError: as in `study_verdict`.
    """
    uncertainty = uncertainty_of(
        report_inputs(collected),
        n_resamples=n_resamples,
        rng=np.random.default_rng(seed),
        progress=progress,
    )
    return study_verdict(
        collected.labels,
        collected.benchmark,
        collected.predictions,
        uncertainty=uncertainty,
        cluster_by=cluster_by,
        bins=bins,
        top_share=top_share,
        n_resamples=n_resamples,
        rng=np.random.default_rng(seed),
    )


def _label_provenance(collected: StudyRecords) -> LabelProvenance:
    votes, posterior, n_proposals = collected.votes, collected.posterior, collected.n_proposals
    return LabelProvenance(
        n_models=len(collected.study.models),
        n_proposals=n_proposals,
        rule=None if n_proposals is None else collected.study.options(ProposeOptions).rule,
        n_votes=None if votes is None else len(votes),
        n_raters=None if votes is None else len(votes.rater_ids),
        n_questions=None if votes is None else len(votes.questions),
        method=None if posterior is None else posterior.method,
        confusion_prior=None if posterior is None else posterior.confusion_prior,
        converged=None if posterior is None else posterior.converged,
        n_context=0 if posterior is None else len(posterior.context),
    )


def _inputs(collected: StudyRecords) -> Iterator[Input]:
    """Every file that the study's numbers rest on, with its hash."""
    study = collected.study
    hashes = Hashes(study)

    def named(role: str, path: Path) -> Input:
        return Input(role, path.name, hashes.of_file(path))

    yield named("original labels", study.path(study.labels))
    for role, file in (("classes", study.classes), ("hierarchy", study.hierarchy)):
        if file is not None:
            yield named(role, study.path(file))
    answers = {
        "votes": votes_file(study),
        "gold": findings_gold_file(study),
        "adjudications": adjudications_file(study),
    }
    for role, path in answers.items():
        if path is not None:
            yield named(role, path)
    for stage, file in FILES.items():
        path = study.folder / file
        if stage in {"proposals", "audit", "posterior", "labels"} and path.is_file():
            yield named(stage, path)
    for one in study.models:
        yield from (named(f"model {one.name}", path) for path in model_files(study, one))
