"""What the demo leaves when its stages are done: the report, and a study to be served."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from reassess.files import sha256_of
from reassess.pipeline import ProposeOptions, Reassessment
from reassess.report import Input, LabelProvenance, write_figures, write_report
from reassess.report.build import ReportInputs, assemble_report
from reassess.study import (
    add_models,
    change_settings,
    kept_in_study,
    new_study,
    propose_study,
)
from reassess.study.copies import PREDICTIONS
from reassess.study.images import small_copies
from reassess.study.manifest import FILE_NAME

STUDY = "study"
"""The folder of the study that can be served, below that of the demo."""

_DRAWS = 300
"""Of images, raters and votes; fewer than usual, so that the demo is quick."""


def write_report_of(records: Reassessment, known: Sequence[str], seed: int, folder: Path) -> Path:
    """The page of the demo, written with its figures.

    Args:
        records: every record of the study.
        known: what it found held against the truth, in sentences; stands among the provenance.
        seed: of the bootstraps.
        folder: where the files of all stages are.
    """
    inputs = ReportInputs(
        records.labels,
        records.benchmark,
        records.predictions,
        records.scores,
        votes=records.votes,
        posterior=records.posterior,
        gold=records.gold,
        gold_votes=records.votes,
    )
    report = assemble_report(
        inputs,
        "Handwritten digits, with planted mistakes and simulated raters",
        simulated=True,
        small_copies=partial(small_copies, folder / "images"),
        n_resamples=_DRAWS,
        seed=seed,
    )
    files = {
        "original labels": "labels.csv",
        "questions": "questions.csv",
        "votes": "votes.csv",
        "gold": "gold.csv",
        "posterior": "posterior.npz",
        "labels": "labels.json",
        **{f"model {one.model}": f"predictions/{one.model}.npz" for one in records.predictions},
    }
    report = replace(
        report,
        command=f"reassess demo --seed {seed}",
        provenance=(
            *(("known truth", sentence) for sentence in known),
            ("reassess", version("reassess")),
        ),
        inputs=[Input(role, file, sha256_of(folder / file)) for role, file in files.items()],
        label_provenance=LabelProvenance(
            n_models=len(records.predictions),
            n_proposals=len(records.proposals.pairs),
            rule=ProposeOptions().rule,
            n_votes=len(records.votes),
            n_raters=len(records.votes.rater_ids),
            n_questions=len(records.questions),
            method=records.posterior.method,
            confusion_prior=records.posterior.confusion_prior,
            converged=records.posterior.converged,
        ),
    )
    page = folder / "report.html"
    write_report(report, page)
    write_figures(report, folder / "figures")
    return page


def write_study_of(records: Reassessment, folder: Path, *, pairs_per_model: int) -> Path:
    """The same benchmark, models and questions as a study, without votes, with hidden gold.

    Args:
        records: of the demo.
        folder: where its files are.
        pairs_per_model: pairs that each model proposes.
    """
    where = folder / STUDY
    (where / FILE_NAME).unlink(missing_ok=True)
    shutil.rmtree(where / PREDICTIONS, ignore_errors=True)  # of an earlier demo
    study = new_study(
        where,
        labels=folder / "labels.csv",
        classes=folder / "classes.csv",
        images=folder / "images",
        name="digits",
    )
    models = {one.model: folder / "predictions" / f"{one.model}.npz" for one in records.predictions}
    study = add_models(study, models)
    study = change_settings(study, "propose", {"pairs_per_model": pairs_per_model})
    propose_study(study)  # before it has gold, so that the demo's own audit is drawn again
    gold = kept_in_study(study, folder / "gold.csv", "gold")
    change_settings(study, "aggregate", {"gold": gold})
    return where
