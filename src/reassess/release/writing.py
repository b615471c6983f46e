"""A study into a folder: all that its numbers rest on, under pseudonyms, checksums last.

The posterior and the labels of a release are made from its own files, and must be those of the
study. It is written beside its place and renamed, so that nobody finds half of one.
"""

import json
import shutil
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np

from reassess.engines import ThreadEngine
from reassess.errors import DataError, FileError, OptionError
from reassess.files import read_gold, sha256_of, write_atomically, write_votes
from reassess.files.dataset_documents import (
    CARD,
    CITATION,
    CROISSANT,
    LABELS_TABLE,
    About,
    DatasetFacts,
    card,
    citation,
    croissant_text,
)
from reassess.files.dataset_folder import write_labels_table
from reassess.files.places import check_new_folder, new_folder
from reassess.files.tables import read_table
from reassess.pipeline import AUDIT, LABELS, POSTERIOR, PROPOSALS, TASKS, run
from reassess.pipeline.runner import check_stages
from reassess.progress import Progress, null_progress
from reassess.release.facts import facts_as_dict, release_facts
from reassess.release.pseudonyms import pseudonymous, pseudonymous_gold, release_key
from reassess.study import (
    Study,
    StudyArtefacts,
    StudyRecords,
    add_models,
    change_settings,
    collect,
    gold_file,
    new_study,
    open_study,
    stage_status,
)
from reassess.study.artefacts import adjudications_file
from reassess.study.inputs import CACHE
from reassess.study.withdrawn import read_withdrawn, write_withdrawn

FACTS, SCORES, SUMS = "release.json", "scores.json", "SHA256SUMS"
_NOT_RELEASED = ("copies.json", ".gitignore")
_CLOSE = 1e-6
"""How far a probability may be from the study's: other names are other sums of floats."""


def write_release(
    study: Study, folder: str | PathLike[str], about: About, *, progress: Progress = null_progress
) -> DatasetFacts:
    """Release a study into a new folder; returns the facts that it states.

    Args:
        study: the study; its labels must be made from what it holds now.
        folder: where to, which must not exist or be empty.
        about: what people state about it.
        progress: told of each step.

    Raises:
        OptionError: labels are missing or stale, or the study has no votes.
        FileError: the folder exists or is inside the study, or a file cannot be read or written.
        DataError: the labels do not follow from the votes.
    """
    folder = Path(folder)
    check_new_folder(folder)
    _check_outside(study, folder)
    _check_done(study)
    progress("reading the study")
    records = collect(study)
    if records.votes is None or records.posterior is None:
        raise OptionError(
            f"{study.folder}: it has no votes to release, but must have those that its labels rest "
            "on. Put them there, or write the labels alone: reassess label --format"
        )
    with new_folder(folder) as place:
        _write_study(records, place, progress)
        progress("computing its numbers again")
        _run(open_study(place))
        _check_same(records, collect(open_study(place)))
        return write_documents(place, about)


def _check_outside(study: Study, folder: Path) -> None:
    """Refuse a release that the study would hold, and the next release and bundle with it.

    Raises:
        FileError: it lies in the study's folder.
    """
    if folder.resolve().is_relative_to(study.folder.resolve()):
        raise FileError(
            f"{folder}: it is inside the study {study.folder}, but must be outside: what is in a "
            f"study's folder is moved and shared with it. Name another, such as "
            f"{study.folder.resolve().name}-1.0 beside it."
        )


def _check_done(study: Study) -> None:
    """Refuse a study whose labels do not rest on what it holds now.

    Raises:
        OptionError: they do not.
    """
    for one in stage_status(study):
        if one.stage in {"posterior", "labels"} and one.state != "done":
            why = ", ".join(one.changed)
            state = {
                "waiting": f"cannot be made without {why}",
                "stale": f"is older than what it is made from (changed: {why})",
                "missing": "was never made",
            }[one.state]
            raise OptionError(
                f"{study.folder}: {one.file} {state}, but a release must rest on what the study "
                f"holds now. See what is left to do: reassess status {study.folder}"
            )


def _write_study(records: StudyRecords, place: Path, progress: Progress) -> None:
    """The release as a study, without what stages make."""
    study, benchmark = records.study, records.benchmark
    hierarchy = None if study.hierarchy is None else study.path(study.hierarchy)
    made = new_study(place, labels=benchmark, hierarchy=hierarchy, name=study.name)
    progress("writing the models")
    if records.predictions:
        made = add_models(made, {one.model: one for one in records.predictions})
    progress("writing votes under pseudonyms")
    key = release_key(study.folder)
    _write_votes(records, place, key)
    made = _write_gold(records, made, key)
    for section in ("propose", "aggregate", "label", "ask"):
        kept = {
            name: value
            for name, value in study.settings.get(section, {}).items()
            if name not in {"gold", "adjudications", "remarks", "answers", "labels"}
        }
        made = change_settings(made, section, kept)
    write_withdrawn(made, read_withdrawn(study))
    _copy_questions(study, made)


def _write_votes(records: StudyRecords, place: Path, key: bytes) -> None:
    assert records.votes is not None  # noqa: S101 -- checked by write_release; this tells mypy
    votes = pseudonymous(records.votes, key, "rater")
    write_votes(votes, place / "votes.csv", "long", classes=records.benchmark.classes)


def _write_gold(records: StudyRecords, made: Study, key: bytes) -> Study:
    """Gold and adjudications under pseudonyms, named in the manifest; the study afterwards."""
    study, classes = records.study, records.benchmark.classes
    files = {
        ("aggregate", "gold"): gold_file(study, "aggregate"),
        ("label", "gold"): gold_file(study, "label"),
        ("label", "adjudications"): adjudications_file(study),
    }
    names: dict[Path, str] = {}
    for (section, role), path in files.items():
        if path is None:
            continue
        if path not in names:
            names[path] = f"{role}.csv" if f"{role}.csv" not in names.values() else f"{role}-2.csv"
            gold = pseudonymous_gold(read_gold(path, classes=classes, answers=study.answers), key)
            write_votes(gold.votes, made.folder / names[path], "long", classes=classes)
        made = change_settings(made, section, {role: names[path]})
    return made


def _copy_questions(study: Study, made: Study) -> None:
    """What was proposed and asked, with the hashes that say that it is not stale."""
    old, new = StudyArtefacts(study), StudyArtefacts(made)
    for stage, status in check_stages(new, (PROPOSALS, AUDIT, TASKS)):
        if old.exists(stage.name) and status.inputs:
            new.write(stage, old.read(stage.name, stage), status.inputs)


def _run(study: Study) -> None:
    with ThreadEngine() as engine:
        run(StudyArtefacts(study), (POSTERIOR, LABELS), engine=engine)


def _check_same(records: StudyRecords, released: StudyRecords) -> None:
    """Refuse labels that do not follow from the votes.

    Raises:
        DataError: a set or a probability is another.
    """
    if records.posterior is not None and released.posterior is not None:
        old = dict(zip(records.posterior.questions.ids.tolist(), records.posterior.probability,
                       strict=True))  # fmt: skip
        for question, value in zip(
            released.posterior.questions.ids.tolist(), released.posterior.probability, strict=True
        ):
            if question not in old or not np.allclose(old[question], value, atol=_CLOSE, rtol=0):
                raise DataError(
                    f"{records.study.folder}: the posterior of question {question!r} is not what "
                    "its votes give, but must be. Run the study again: reassess run "
                    f"{records.study.folder}"
                )
    if [set(one) for one in records.labels.lists()] != [set(o) for o in released.labels.lists()]:
        raise DataError(
            f"{records.study.folder}: its labels are not what its votes give, but must be. Run it "
            f"again: reassess run {records.study.folder}"
        )


def write_documents(place: Path, about: About) -> DatasetFacts:
    """Everything of a release that is computed from its records; checksums last.

    Args:
        place: the folder with the study of the release, its posterior and labels made.
        about: what people state.

    Raises:
        FileError: a file cannot be read or written.
        DataError: a record does not say what it must.
    """
    for name in _NOT_RELEASED:
        (place / name).unlink(missing_ok=True)
    shutil.rmtree(place / CACHE, ignore_errors=True)
    records = collect(open_study(place))
    facts = release_facts(records)
    (place / LABELS_TABLE).parent.mkdir(exist_ok=True)
    write_labels_table(
        records.labels,
        place / LABELS_TABLE,
        classes=records.benchmark.classes,
        original=records.benchmark.original,
    )
    _write_json(facts.scores, place / SCORES)
    _write_json(facts_as_dict(about, facts), place / FACTS)
    files = [name for name in released_files(place) if name not in {CARD, CROISSANT, CITATION}]
    columns = {
        name: list(read_table(place / name).header)
        for name in (LABELS_TABLE, "votes.csv", "classes.csv")
        if (place / name).is_file()
    }
    texts = {
        CARD: card(about, facts, columns[LABELS_TABLE]),
        CITATION: citation(about),
        CROISSANT: croissant_text(place, files, columns, about, facts),
    }
    for name, text in texts.items():
        with write_atomically(place / name) as beside:
            beside.write_text(text, encoding="utf-8")
    checksums = sums(place, released_files(place))
    with write_atomically(place / SUMS) as beside:
        beside.write_text(checksums, encoding="utf-8")
    return facts


def _write_json(value: object, path: Path) -> None:
    with write_atomically(path) as beside:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        beside.write_text(text + "\n", encoding="utf-8")


def released_files(place: Path) -> list[str]:
    """All files of a release but its checksums, as paths below it, sorted.

    Hashes that commands remember in it, as in any study, are none of its files.
    """
    found = (one.relative_to(place) for one in place.rglob("*") if one.is_file())
    return sorted(one.as_posix() for one in found if one.name != SUMS and one.parts[0] != CACHE)


def sums(place: Path, files: Iterable[str]) -> str:
    """Checksums as ``sha256sum -c`` reads them."""
    return "".join(f"{sha256_of(place / name)}  {name}\n" for name in files)


def about_release(
    study: Study, *, version: str, date: str, reassess: str, title: str | None = None,
    license_name: str | None = None, authors: Iterable[str] = (), description: str | None = None,
    url: str | None = None,
) -> About:  # fmt: skip
    """What people state about a release of a study.

    Raises:
        OptionError: the version is blank.
    """
    if not version.strip():
        raise OptionError("--version is blank, but must name the release, such as 1.0.0.")
    return About(
        title or study.name, version, date, reassess, license_name, tuple(authors), description, url
    )
