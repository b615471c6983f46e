"""What a study has come to, in records: what its reports and verdicts are made from.

Reads what is there; makes nothing (`reassess.study.run` does) and finds nothing
(`reassess.analysis` does).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from reassess.errors import OptionError, preview
from reassess.files import read_gold, read_labels, read_posterior, read_votes
from reassess.files.artefacts import read_proposals
from reassess.files.parquet import n_rows_of
from reassess.pipeline import with_adjudications
from reassess.records import (
    Benchmark,
    Gold,
    Hierarchy,
    LabelSets,
    Posterior,
    Predictions,
    Proposals,
    Votes,
)
from reassess.study.artefacts import (
    FILES,
    adjudications_file,
    findings_gold_file,
    refuse_review,
    votes_file,
)
from reassess.study.inputs import rank_models, read_study_benchmark, read_study_hierarchy
from reassess.study.label_copy import read_label_copy
from reassess.study.manifest import ModelEntry, Study
from reassess.study.run import note_older_labels

DEPTH = 5
"""Best classes of an image that are read of each model."""


@dataclass(frozen=True, slots=True)
class StudyRecords:
    """The records of a study whose labels are decided.

    Attributes:
        study: the study.
        benchmark: its images, original labels and classes.
        labels: its reassessed labels.
        predictions: its models, as many classes deep as was asked for or their files are.
        hierarchy: which class is a kind of which; None where the study has no edges.
        votes: every vote; None where the study has labels but no file of votes.
        posterior: P(the class is in the image) of each question; None likewise.
        decided: the same with 1 or 0 where experts decided: what the labels follow from.
        gold: questions whose truth experts fixed; None where no gold is named.
    """

    study: Study
    benchmark: Benchmark
    labels: LabelSets
    predictions: tuple[Predictions, ...]
    hierarchy: Hierarchy | None
    votes: Votes | None
    posterior: Posterior | None
    decided: Posterior | None
    gold: Gold | None

    @property
    def proposals(self) -> Proposals | None:
        """What was proposed, and by which models, read each time; None where there is no file."""
        path = self.study.folder / FILES["proposals"]
        return read_proposals(path, self.benchmark) if path.is_file() else None

    @property
    def n_proposals(self) -> int | None:
        """How many pairs were proposed; None where there is no file."""
        path = self.study.folder / FILES["proposals"]
        return n_rows_of(path) if path.is_file() else None


def collect(
    study: Study, *, models: Sequence[str] | None = None, depth: int = DEPTH
) -> StudyRecords:
    """The records of a study.

    Args:
        study: the study.
        models: the names of the models to read; None reads all.
        depth: best classes of an image that are read of each.

    Raises:
        OptionError: there are no labels yet, or a model is not one of the study's.
        FileError: a file is missing, corrupt or malformed.
        DataError: a file holds what it must not.
        AlignmentError: predictions do not fit the images.
    """
    entries = select_models(study, models)
    labels, benchmark = read_study_labels(study)
    path, gold = votes_file(study), findings_gold_file(study)
    votes = None
    if path is not None:
        votes = read_votes(path, classes=benchmark.classes, answers=study.answers)
    path = study.folder / FILES["posterior"]
    posterior = read_posterior(path, classes=benchmark.classes) if path.is_file() else None
    posterior = _with_shared_questions(posterior, votes)
    decided, adjudications = posterior, adjudications_file(study)
    if posterior is not None and adjudications is not None:
        experts = read_gold(adjudications, classes=benchmark.classes, answers=study.answers)
        decided, _ = with_adjudications(posterior, experts)
    return StudyRecords(
        study=study,
        benchmark=benchmark,
        labels=labels,
        predictions=rank_models(study, entries, benchmark, depth=depth),
        hierarchy=read_study_hierarchy(study, benchmark),
        votes=votes,
        posterior=posterior,
        decided=decided,
        gold=None
        if gold is None
        else read_gold(gold, classes=benchmark.classes, answers=study.answers),
    )


def _with_shared_questions(posterior: Posterior | None, votes: Votes | None) -> Posterior | None:
    """The posterior with the very questions of its votes, so that they are in memory once."""
    if posterior is None or votes is None:
        return posterior
    own, others = posterior.questions.pairs, votes.questions.pairs
    if own is None or others is None or own.class_ids != others.class_ids:
        return posterior
    row = own.rows_by_equal_images(others)
    if row is None or not np.array_equal(row, np.arange(len(others))):
        return posterior
    same = posterior.questions.is_canonical and votes.questions.is_canonical
    return replace(posterior, questions=votes.questions) if same else posterior


def read_study_labels(study: Study) -> tuple[LabelSets, Benchmark]:
    """The reassessed labels of a study, on the images that they are about.

    Raises:
        OptionError: there are no labels yet, or the study is a review, which gets none.
        FileError: a file is missing, corrupt or malformed.
        DataError: a file holds what it must not.
        AlignmentError: a label set is about no image of the study.
    """
    path = study.folder / FILES["labels"]
    refuse_review(study)
    if not path.is_file():
        raise OptionError(
            f"{study.folder}: there are no labels yet, but they must be decided first. See what is "
            f"missing: reassess status {study.folder}"
        )
    benchmark = read_study_benchmark(study)
    note_older_labels(study)
    copied = read_label_copy(study, path, benchmark)
    if copied is not None:
        return copied, benchmark
    return read_labels(path, classes=benchmark.classes).align_to(benchmark), benchmark


def select_models(study: Study, models: Sequence[str] | None) -> list[ModelEntry]:
    """The models of these names, in this order; all of the study where None are named.

    Raises:
        OptionError: one is not of the study.
    """
    if models is None:
        return list(study.models)
    known = {one.name: one for one in study.models}
    for name in models:
        if name not in known:
            raise OptionError(
                f"model {name!r} is not in the study, but must be one of "
                f"{preview(list(known), 20)}. Add it: reassess add {study.folder} {name}=FILE"
            )
    return [known[name] for name in models]
