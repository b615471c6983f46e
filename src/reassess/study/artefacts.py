"""A study's folder as the place where a pipeline's records lie.

=============  ================================  =======================================
record         file                              made from
=============  ================================  =======================================
proposals      `proposals.parquet`,              original labels, classes, models, the
               `unrated.csv`                     options of ``propose`` (and gold, votes)
audit          `audit.json`                      proposals, ``audit`` and ``audit_seed``
tasks          `tasks.parquet`                   proposals, audit, is-a edges, ``per_task``
votes          as [votes] names, `votes.csv`     people: nothing makes them again
posterior      `posterior.npz`                   votes, gold, the options of ``aggregate``
labels         `labels.json`                     posterior, original labels, the options of
                                                 ``label``, adjudications, audit, the models
=============  ================================  =======================================

A review of mistakes (`reassess.study.reviewing`) has tasks and votes only, and `review.json`.

`withdrawn.txt` lists the images that were taken out of the study: labels look at it.

Beside the files, `stages.json` holds the hashes of what each was made from. What a stage does is
`reassess.pipeline`'s.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from reassess.engines import Engine
from reassess.errors import AlignmentError, DataError, OptionError
from reassess.files import (
    read_gold,
    read_labels,
    read_posterior,
    read_votes,
    write_atomically,
    write_labels,
    write_posterior,
)
from reassess.files.artefacts import (
    read_proposals,
    read_tasks,
    write_proposals,
    write_tasks,
    write_unrated,
)
from reassess.files.audits import read_audit, write_audit
from reassess.files.places import is_same_place
from reassess.files.remarks import read_remarks
from reassess.pipeline import AUDIT, PROPOSALS, Scans, Stage
from reassess.progress import Progress
from reassess.proposals import RULES
from reassess.records import (
    Benchmark,
    LabelSets,
    Predictions,
    Proposals,
    ScoreMatrix,
    ShortLists,
)
from reassess.study.finished_scans import ResumingScans
from reassess.study.inputs import (
    CACHE,
    Hashes,
    digest,
    named_files,
    open_model,
    rank_models,
    read_study_benchmark,
    read_study_hierarchy,
)
from reassess.study.label_copy import write_label_copy
from reassess.study.manifest import Study
from reassess.study.withdrawn import WITHDRAWN, read_withdrawn

FILES = {
    "proposals": "proposals.parquet",
    "audit": "audit.json",
    "tasks": "tasks.parquet",
    "posterior": "posterior.npz",
    "labels": "labels.json",
}
"""The files that stages write, by record."""

REVIEW = "review.json"
"""What a review of mistakes has and no other study: which mistakes were drawn, and from what."""

UNRATED = "unrated.csv"
VOTES = ("votes.parquet", "votes.csv", "votes.npz")
_RECORD = "stages.json"
_WRITTEN = "written"
"""Under which it has the hashes of what stages wrote."""
_REPLACEABLE = ("posterior", "labels")
"""Records that `aggregate` and `label` may write into a study, too, by options of their own."""
BOOKKEEPING = (UNRATED, WITHDRAWN, _RECORD, REVIEW, "copies.json")
"""What else a study writes into its folder."""


def votes_file(study: Study) -> Path | None:
    """The file of votes: as the manifest names it, else the first of `VOTES` that is there."""
    named = study.setting("votes", "file")
    if named is not None:
        return study.path(named)
    return next((path for name in VOTES if (path := study.folder / name).is_file()), None)


def gold_file(study: Study, section: str) -> Path | None:
    """The file of gold that a section names, else the one that ``propose`` names."""
    named = study.setting(section, "gold") or study.setting("propose", "gold")
    return None if named is None else study.path(named)


def findings_gold_file(study: Study) -> Path | None:
    """The gold that findings are held against: that of ``aggregate``, else that of ``label``."""
    return gold_file(study, "aggregate") or gold_file(study, "label")


def all_gold_files(study: Study) -> list[Path]:
    """The files of gold that the sections of the manifest name, each once."""
    found = (gold_file(study, section) for section in ("aggregate", "label"))
    return list(dict.fromkeys(path for path in found if path is not None))


def adjudications_file(study: Study) -> Path | None:
    """The file of experts' decisions that the manifest names; None where it names none."""
    named = study.setting("label", "adjudications")
    return None if named is None else study.path(named)


def remarks_file(study: Study) -> Path | None:
    """The file of what raters wrote that the manifest names; None where it names none."""
    named = study.setting("propose", "remarks")
    return None if named is None else study.path(named)


def is_review(study: Study) -> bool:
    """Whether the study is a review of another study's mistakes: its questions are drawn once."""
    return (study.folder / REVIEW).is_file()


def refuse_review(study: Study) -> None:
    """Refuse to make a review's questions or labels: questions are drawn once, labels never.

    Raises:
        OptionError: the study is a review.
    """
    if is_review(study):
        raise OptionError(
            f"{study.folder}: it is a review of mistakes, whose questions were drawn once and that "
            f"has no later stages. See its result: reassess mistakes {study.folder} --result"
        )


def refuse_outputs_as_inputs(study: Study) -> None:
    """Refuse a manifest that names as an input what a stage writes: it would be written over.

    Raises:
        DataError: it does; the message says which line.
    """
    written = {study.folder / name: record for record, name in FILES.items()}
    written |= {study.folder / name: "bookkeeping" for name in (UNRATED, _RECORD)}
    for one in named_files(study):
        for path, record in written.items():
            if one.keys[0] != "ask" and is_same_place(one.path, path):
                raise DataError(
                    f"{study.place(*one.keys)} names {one}, but must name another file: the stages "
                    f"write their {record} there. Rename the file and this line."
                )


class StudyArtefacts:
    """The records of a study, each in its file; an `reassess.pipeline.Artefacts`.

    Args:
        study: the study.
        join_scans: refuse to scan full scores: every scan must have been finished by others.
        hashes: of its files; None takes and remembers all that are asked for.

    Raises:
        DataError: its manifest names as an input what a stage writes.
    """

    def __init__(
        self, study: Study, *, join_scans: bool = False, hashes: Hashes | None = None
    ) -> None:
        refuse_outputs_as_inputs(study)
        self.study = study
        self.join_scans = join_scans
        self._hashes = Hashes(study) if hashes is None else hashes
        self._benchmark: Benchmark | None = None
        self._benchmark_hashes: dict[str, str] | None = None

    def exists(self, name: str) -> bool:
        """Whether there is a record of this name."""
        if name == "models":
            return bool(self.study.models)
        if name in {"benchmark", "name"}:
            return True
        if name == "hierarchy":
            return self.study.hierarchy is not None
        return any(path is not None and path.is_file() for path in self._paths(name))

    def _paths(self, name: str, section: str = "label") -> Sequence[Path | None]:
        if name == "votes":
            return [votes_file(self.study)]
        if name == "gold":
            return [gold_file(self.study, section)]
        if name == "adjudications":
            return [adjudications_file(self.study)]
        if name == "remarks":
            return [remarks_file(self.study)]
        if name == "withdrawn":
            return [self.study.folder / WITHDRAWN]
        return [self.study.folder / FILES[name]]

    def benchmark(self) -> Benchmark:
        """The benchmark, read once.

        Raises:
            FileError: a file is missing or malformed.
            DataError: an image is there twice or a label is no class.
        """
        if self._benchmark is None:
            self._hashes_of_benchmark()
            self._benchmark = read_study_benchmark(self.study)
        return self._benchmark

    def _hashes_of_benchmark(self) -> dict[str, str]:
        """Hashes of its files, taken once and before it is read.

        As it is read once, a file that changes afterwards must not lend its new hash to what is
        made of the old content.
        """
        if self._benchmark_hashes is None:
            files = {"labels": self.study.labels, "classes": self.study.classes}
            self._benchmark_hashes = {
                role: self._hashes.of_file(self.study.path(file))
                for role, file in files.items()
                if file is not None
            }
            if self.study.labels_are is not None:
                self._benchmark_hashes["labels_are"] = digest(self.study.labels_are)
        return self._benchmark_hashes

    def read(self, name: str, stage: Stage) -> Any:
        """The record of this name; None where it does not exist.

        Raises:
            FileError: a file is missing, corrupt or malformed.
            DataError: a file holds what it must not.
        """
        if name == "name":
            return self.study.name
        if name == "benchmark":
            return self.benchmark()
        if name == "models":
            return StudyModels(self)
        if name == "hierarchy":
            return read_study_hierarchy(self.study, self.benchmark())
        (path,) = self._paths(name, stage.section)
        if stage is AUDIT and name == "gold":  # to be left out of a draw, whoever names it
            path = next((one for one in all_gold_files(self.study) if one.is_file()), None)
        if path is None or (name in FILES and not path.is_file()):
            return None
        try:
            return self._readers()[name](path)
        except AlignmentError as error:
            raise AlignmentError(f"{error} {self._how_to_take_images_out()}") from error

    def _how_to_take_images_out(self) -> str:
        return (
            "If images were taken out of the study's labels, put them back and withdraw them: "
            f"reassess images {self.study.folder} --withdraw IMAGE"
        )

    def _readers(self) -> dict[str, Callable[[Path], Any]]:
        benchmark = self.benchmark()
        answers = self.study.answers
        gold = partial(read_gold, classes=benchmark.classes, answers=answers)
        return {
            "votes": partial(read_votes, classes=benchmark.classes, answers=answers),
            "gold": gold,
            "adjudications": gold,
            "remarks": partial(read_remarks, classes=benchmark.classes),
            "withdrawn": lambda _: read_withdrawn(self.study),
            "proposals": partial(read_proposals, benchmark=benchmark),
            "audit": lambda path: read_audit(path, benchmark.image_ids, classes=benchmark.classes),
            "tasks": partial(read_tasks, classes=benchmark.classes),
            "posterior": partial(read_posterior, classes=benchmark.classes),
            "labels": partial(read_labels, classes=benchmark.classes),
        }

    def write(self, stage: Stage, record: Any, inputs: Mapping[str, str]) -> None:
        """Write what a stage made, then the hashes of what it was made from.

        Raises:
            FileError: a file cannot be written.
        """
        path = self.study.folder / FILES[stage.name]
        notes = {"inputs": dict(inputs)}
        writers: dict[str, Callable[[], None]] = {
            "proposals": lambda: self._write_proposals(record, path, notes),
            "audit": lambda: write_audit(record, path),
            "tasks": lambda: write_tasks(record, path, notes),
            "posterior": lambda: write_posterior(record, path),
            "labels": lambda: self._write_labels(record, path),
        }
        writers[stage.name]()
        made_from = self._record() | {stage.name: dict(inputs)}
        if stage.name in _REPLACEABLE:
            written = {stage.name: self._hashes.of_file(path)}
            made_from[_WRITTEN] = made_from.get(_WRITTEN, {}) | written
        with write_atomically(self.study.folder / _RECORD) as beside:
            beside.write_text(json.dumps(made_from, indent=1) + "\n", encoding="utf-8")

    def _write_labels(self, labels: LabelSets, path: Path) -> None:
        """The labels, and of many images a copy that is read with less memory."""
        write_labels(labels, path)
        write_label_copy(self.study, path, labels, self.benchmark())

    def _write_proposals(self, proposals: Proposals, path: Path, notes: Mapping[str, Any]) -> None:
        """The proposals, and the list of the images that are not rated."""
        benchmark, unrated = self.benchmark(), ~proposals.rated
        write_proposals(proposals, path, notes)
        assert benchmark.original is not None  # noqa: S101 -- a study's benchmark has labels
        labels = benchmark.original[unrated].tolist()
        names = None if benchmark.classes is None else benchmark.classes.ids
        reason = RULES[self.options(PROPOSALS).rule].unrated_reason
        write_unrated(
            benchmark.image_ids[unrated],
            [str(label) if names is None else names[label] for label in labels],
            reason,
            self.study.folder / UNRATED,
        )

    def hashes(self, name: str, stage: Stage) -> dict[str, str]:
        """Hashes of the files that a record consists of; empty where it does not exist.

        Raises:
            FileError: a file that the manifest names is missing.
        """
        study = self.study
        if name == "name":
            return {"name": digest(study.name)}
        if name == "models":
            return {f"model {one.name}": self._hashes.of_model(one) for one in study.models}
        if name == "benchmark":
            return dict(self._hashes_of_benchmark())
        if name == "hierarchy":
            file = study.hierarchy
            return {} if file is None else {name: self._hashes.of_file(study.path(file))}
        (path,) = self._paths(name, stage.section)
        if path is None or (name in FILES and not path.is_file()):
            return {}
        found = {name: self._hashes.of_file(path)}
        if name in {"votes", "gold", "adjudications", "remarks"}:
            of_benchmark = self._hashes_of_benchmark()
            found |= {one: of_benchmark[one] for one in ("classes", "labels_are")
                      if one in of_benchmark}  # fmt: skip
        if name in {"votes", "gold", "adjudications"} and study.answers is not None:
            found["answers"] = digest(study.answers)
        return found

    def recorded(self, stage: Stage) -> dict[str, str] | None:
        """The hashes of what a stage's file was made from; None where it was not made."""
        return self._record().get(stage.name)

    def is_replaced(self, stage: Stage) -> bool:
        """Whether something else was written in the place of what a stage made.

        Raises:
            FileError: the file cannot be read.
        """
        written = self._record().get(_WRITTEN, {}).get(stage.name)
        path = self.study.folder / FILES.get(stage.name, stage.name)
        return written is not None and path.is_file() and self._hashes.of_file(path) != written

    def _record(self) -> dict[str, dict[str, str]]:
        try:
            found = json.loads((self.study.folder / _RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
            return {}
        return found

    def options(self, stage: Stage) -> Any:
        """The options of a stage, as the manifest sets them.

        Raises:
            OptionError: a value is out of range.
        """
        return self.study.options(stage.options)


class StudyModels:
    """The models of a study, read when a stage asks for them; an `reassess.pipeline.Models`.

    Args:
        artefacts: of the study.
    """

    def __init__(self, artefacts: StudyArtefacts) -> None:
        self._artefacts = artefacts

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in the order in which they were added."""
        return tuple(one.name for one in self._artefacts.study.models)

    def opened(self, progress: Progress) -> list[Predictions | ScoreMatrix | ShortLists]:
        """Every model's predictions, full scores left on disk.

        Raises:
            FileError: a file is missing, corrupt or of no known form.
            DataError: a shape, class or score is not what it must be.
            AlignmentError: rows do not fit the images.
        """
        study, benchmark = self._artefacts.study, self._artefacts.benchmark()
        found = []
        for done, entry in enumerate(study.models):
            progress(f"opening {entry.name}", done=done, total=len(study.models))
            found.append(open_model(study, entry, benchmark))
        return found

    def ranked(self, depth: int, progress: Progress) -> tuple[Predictions, ...]:
        """Every model's ``depth`` best classes of each image.

        Raises:
            FileError: a file is missing, corrupt or of no known form.
            DataError: a shape, class or score is not what it must be.
            AlignmentError: rows do not fit the images.
        """
        study, benchmark = self._artefacts.study, self._artefacts.benchmark()
        progress("reading the models")
        return rank_models(study, study.models, benchmark, depth=depth)

    def scans(self, engine: Engine) -> Scans:
        """An engine that keeps finished scans in the study's cache."""
        study, hashes = self._artefacts.study, Hashes(self._artefacts.study)
        sources = {one.name: hashes.of_model(one) for one in study.models}
        return ResumingScans(
            engine, study.folder / CACHE / "scans", sources, join=self._artefacts.join_scans
        )
