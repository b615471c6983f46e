"""The last stages of a study: its votes to a posterior, its posterior to labels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import DataError, OptionError
from reassess.files import (
    read_gold,
    read_posterior,
    read_votes,
    sha256_of,
    write_labels,
    write_posterior,
)
from reassess.labels import operating_point, reassessed_labels
from reassess.pipeline import aggregate
from reassess.records import Benchmark, Gold, Posterior, positions
from reassess.study.inputs import Hashes, benchmark_of
from reassess.study.manifest import Study
from reassess.study.stages import (
    FILES,
    adjudications_file,
    gold_file,
    inputs_of,
    record_stage,
    votes_file,
)

THRESHOLD = 0.8


def aggregate_study(study: Study) -> str:
    """Aggregate the study's votes, write the posterior, and say in a line what was made.

    Raises:
        OptionError: there are no votes, or the method needs gold.
        FileError: a file is missing, malformed or cannot be written.
        DataError: the votes are not what they must be.
    """
    path = votes_file(study)
    if path is None:
        raise OptionError(
            f"{study.folder}: there are no votes. Put them there as votes.csv, or name the file in "
            "study.toml ([votes] file)."
        )
    benchmark = benchmark_of(study)
    votes = replace(read_votes(path, classes=benchmark.classes), sha256=sha256_of(path))
    gold = _gold(study, "aggregate")
    method: Any = study.setting("aggregate", "method", "dawid-skene")
    posterior = aggregate(votes, gold, method)
    write_posterior(posterior, study.folder / FILES["posterior"])
    record_stage(study, "posterior", inputs_of(study, "posterior", Hashes(study)))
    return f"{len(votes):,} votes on {len(votes.questions):,} questions, by {posterior.method}"


def label_study(study: Study) -> str:
    """Decide the study's labels, write them, and say in a line what was made.

    The labels name the models whose predictions were asked about and the hash of the votes.
    Images with proposals that nobody has answered yet are not labelled as if they were.

    Raises:
        OptionError: a rule lacks what it needs.
        FileError: a file is missing, malformed or cannot be written.
        DataError: a question that must be answered is not.
    """
    benchmark = benchmark_of(study)
    posterior = read_posterior(study.folder / FILES["posterior"])
    _check_all_answered(study, posterior.questions.ids)
    rule: Any = study.setting("label", "rule", "threshold")
    threshold = study.setting("label", "threshold", THRESHOLD if rule == "threshold" else None)
    target = study.setting("label", "target")
    point = operating_point(
        posterior,
        rule=rule,
        threshold=None if threshold is None else float(threshold),
        target=None if target is None else float(target),
        gold=_gold(study, "label"),
    )
    posterior, n_decided = with_decisions(study, posterior, benchmark)
    labels = reassessed_labels(posterior, benchmark, point, name=study.name)
    labels = replace(labels, models=tuple(one.name for one in study.models))
    write_labels(labels, study.folder / FILES["labels"])
    record_stage(study, "labels", inputs_of(study, "labels", Hashes(study)))
    return (
        f"{len(labels.indices):,} labels on {int((labels.sizes > 0).sum()):,} of {len(labels):,} "
        f"images, posterior at least {point.threshold:g}"
        + (f"; {n_decided:,} questions decided by experts" if n_decided else "")
    )


def _gold(study: Study, section: str) -> Gold | None:
    path = gold_file(study, section)
    return None if path is None else read_gold(path, classes=benchmark_of(study).classes)


def with_decisions(
    study: Study, posterior: Posterior, benchmark: Benchmark
) -> tuple[Posterior, int]:
    """The posterior with 1 or 0 where experts decided, and for how many questions they did.

    More than half of the experts who decided must say yes, or no; else the votes decide. The
    operating point is chosen before, on what the votes say.

    Raises:
        FileError: the file of decisions is missing or malformed.
        DataError: a question that was decided has no votes.
    """
    path = adjudications_file(study)
    if path is None:
        return posterior, 0
    decided = read_gold(path, classes=benchmark.classes)
    row = positions(decided.questions.ids, posterior.questions.ids, source=str(path))
    unknown = np.flatnonzero(row < 0)
    if len(unknown):
        raise DataError(
            f"{path}: question {str(decided.questions.ids[unknown[0]])!r} has no votes, but must "
            f"have some to be adjudicated; {len(unknown):,} of {len(row):,} have none. Export "
            "adjudications and votes from the same site."
        )
    counts = decided.votes.counts()
    share = counts[:, [0, 2]] / counts.sum(axis=1, keepdims=True)
    is_certain = (share > 0.5).any(axis=1)
    log_probability = posterior.log_probability.copy()
    with np.errstate(divide="ignore"):
        log_probability[row[is_certain]] = np.log((share[is_certain] > 0.5).astype(float))
    return replace(posterior, log_probability=log_probability), int(is_certain.sum())


def _check_all_answered(study: Study, answered: Any) -> None:
    """Refuse labels while questions of the study have no vote: they would count as rated."""
    from reassess.files.proposals import read_tasks

    path: Path = study.folder / FILES["tasks"]
    if not path.is_file():
        return
    asked = read_tasks(path).questions.ids
    silent = np.flatnonzero(positions(asked, answered, source=str(path)) < 0)
    if len(silent):
        raise DataError(
            f"{path}: question {str(asked[silent[0]])!r} has 0 votes, but must have at least one "
            f"before labels can be released; {len(silent):,} of {len(asked):,} have none. Ask "
            "raters for them."
        )
