"""Votes and experts' answers out of a study's store into files.

What goes out are the counted votes, at most k a question: those that are aggregated. All that
was ever answered can be written beside them, marked. `reassess.site.imports` takes votes back in;
exporting and importing is the identity.
Experts' gold and their decisions about contested questions are long tables
``image,label,expert,answer``, read as gold is.

A file of the study that no export wrote may hold what stands nowhere else, so it is never
overwritten unasked. Which files were written here, and from which store, stands in
`.rating/exported.json`, by path below the study's folder, so that it holds for a moved study too.
What another store exported is nothing of this one's: its votes may be nowhere else. A copy of a
store also knows the exports of its original up to the copy: each leaves a mark in the store, which
a copy made earlier lacks.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from reassess.errors import DataError, OptionError
from reassess.files import sha256_of, vote_format, write_atomically
from reassess.files.tables import write_table
from reassess.files.vote_tables import Part, part_with_class_ids
from reassess.rating import (
    PURPOSES,
    Store,
    VoteBatch,
    adjudications,
    gold,
    has_mark,
    keep_classes,
    leave_mark,
    store_history,
    vote_batches,
)
from reassess.records import ANSWERS, Classes
from reassess.registry import checks_choices
from reassess.site.kept import KEPT, kept_folder
from reassess.site.remarks import remark_columns
from reassess.study import Study, read_study_benchmark, votes_file
from reassess.study.artefacts import adjudications_file, gold_file

ExpertTable = Literal["gold", "adjudications"]
USUAL = "votes.csv"
_RECORD = "exported.json"


class _Export(NamedTuple):
    """What is remembered of an exported file."""

    sha256: str = ""
    store: str = ""
    mark: str = ""
    """Left in the store once the file was written: a store with it holds all that the file does."""


def export_votes(
    study: Study,
    store: Store,
    path: Path | None = None,
    *,
    form: str | None = None,
    include_uncounted: bool = False,
    overwrite: bool = False,
) -> tuple[Path, int]:
    """The file that was written, and how many votes are in it.

    Args:
        study: the study.
        store: its store.
        path: the file; None for `votes.csv` in the study, which its later stages read.
        form: name of one of `VOTE_FORMATS`; None goes by the extension.
        include_uncounted: write what is not counted as well (corrected answers, repetitions, gold
            beyond k votes, practice, excluded votes), with columns that say so.
        overwrite: write over a file of votes in the study's folder that came from elsewhere.

    Raises:
        OptionError: extension and format do not fit, or the file came from elsewhere.
        DataError: there is no vote.
        FileError: the file cannot be written.
        StoreError: the database cannot be read.
    """
    where = study.folder / USUAL if path is None else path
    into = vote_format(where, form)
    if include_uncounted and ("further" not in into.holds or path is None):
        raise OptionError(
            "--include-uncounted needs the format long and a FILE of its own: what is not counted "
            "must not be aggregated. Name a file."
        )
    if not overwrite:
        _check_votes_are_ours(study, store, where)
    classes = _checked_classes(study, store)
    parts = (
        part_with_class_ids(part, classes)
        for part in _parts(store, include_uncounted=include_uncounted)
    )
    n_votes = into.write(parts, where, classes=classes, answers=ANSWERS)
    record_export(study, store, where)
    return where, n_votes


@checks_choices
def expert_file(study: Study, table: ExpertTable) -> Path | None:
    """The file of gold or adjudications that the study's stages read; None where it names none."""
    return gold_file(study, "aggregate") if table == "gold" else adjudications_file(study)


@checks_choices
def export_experts(
    study: Study,
    store: Store,
    table: ExpertTable,
    path: Path | None = None,
    *,
    overwrite: bool = False,
) -> tuple[Path, int]:
    """The file that was written, and how many answers of experts are in it.

    Of gold these are each expert's latest answers to the questions that enough experts judged,
    of adjudications each expert's latest decision about a question.

    Args:
        study: the study.
        store: its store.
        table: gold or adjudications.
        path: a table (.csv); None for `gold.csv` or `adjudications.csv` in the study.
        overwrite: write over a file in the study's folder that came from elsewhere.

    Raises:
        OptionError: the extension is not .csv, or the file came from elsewhere.
        DataError: there is nothing to write.
        FileError: the file cannot be written.
        StoreError: the database cannot be read.
    """
    columns = _gold(store) if table == "gold" else _decisions(store)
    classes = _checked_classes(study, store)
    if classes is not None and "label" in columns:
        class_id = [classes.ids[int(label)] for label in columns["label"]]
        front = {"image": columns["image"], "label": columns["label"], "class_id": class_id}
        columns = front | columns
    hint = "Let experts answer on the site first."
    where = _write_beside(study, store, table, columns, path, hint, overwrite=overwrite)
    if table == "gold":
        where.chmod(0o600)  # raters must not read what they are tested by
    return where, len(columns["image"])


def export_remarks(
    study: Study, store: Store, path: Path | None = None, *, overwrite: bool = False
) -> tuple[Path, int]:
    """The file that was written of what raters wrote or could not see, and how many rows it has.

    Args:
        study: the study.
        store: its store.
        path: a table (.csv); None for `remarks.csv` in the study.
        overwrite: write over a file in the study's folder that came from elsewhere.

    Raises:
        OptionError: the extension is not .csv, or the file came from elsewhere.
        DataError: nobody has written anything.
        FileError: the file cannot be written.
        StoreError: the database cannot be read.
    """
    columns = remark_columns(store, read_study_benchmark(study).classes)
    hint = "No rater has written anything yet."
    where = _write_beside(study, store, "remarks", columns, path, hint, overwrite=overwrite)
    return where, len(columns["image"])


def _write_beside(
    study: Study,
    store: Store,
    table: str,
    columns: dict[str, list[str]],
    path: Path | None,
    hint: str,
    *,
    overwrite: bool,
) -> Path:
    """The file of a table that was written beside the votes."""
    where = study.folder / f"{table}.csv" if path is None else path
    if where.suffix.lower() != ".csv":
        raise OptionError(f"{where}: its extension must be .csv. Rename the file.")
    if not overwrite and study.relative(where) is not None and _is_foreign(study, store, where):
        raise OptionError(
            f"{where}: no export from this database wrote what is in it, and it would be lost. The "
            "site takes over a gold file that study.toml names; then export with --overwrite, or "
            "name another file."
        )
    if not columns["image"]:
        raise DataError(
            f"{where}: there are 0 rows of {table} to write, but there must be at least one. {hint}"
        )
    write_table(where, columns)
    record_export(study, store, where)
    return where


def is_export(study: Study, store: Store, path: Path) -> bool:
    """Whether a file of the study is, to the byte, what an export from this store wrote there."""
    key = study.relative(path)
    if key is None or not path.is_file():
        return False
    written = _exported(study).get(key, _Export())
    return _is_of(store, written) and written.sha256 == sha256_of(path)


def _is_of(store: Store, written: _Export) -> bool:
    """Whether an export is one of this store, or of what it was copied from and before."""
    if written.store == "":  # version 0.1.0 noted no store, and made this one
        return store.identity.origin == "migrated"
    if written.store == store.identity.store_id:
        return True
    originals = set()
    ids = store_history(store)
    for original, copy in zip(ids[-2::-1], ids[:0:-1], strict=True):  # newest first
        if copy.origin != "copied":
            break
        originals.add(original.store_id)
    return written.store in originals and has_mark(store, written.mark)


def record_export(study: Study, store: Store, path: Path) -> None:
    """Note that an export from this store wrote a file of the study."""
    key = study.relative(path)
    if key is None or not path.is_file():  # a pipe is read by someone else
        return
    export = _Export(sha256_of(path), store.identity.store_id, leave_mark(store))
    written = _exported(study) | {key: export}
    record = {name: one._asdict() for name, one in written.items()}
    with write_atomically(kept_folder(study) / _RECORD) as beside:
        beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _exported(study: Study) -> dict[str, _Export]:
    """The files that an export wrote, by path below the study's folder.

    Version 0.1.0 noted no store, and at first absolute paths: those below where the study was then
    hold here too, as the hash decides whether a file is still what was written.
    """
    try:
        found = json.loads((study.folder / KEPT / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        (study.relative(name) or Path(name).name) if Path(name).is_absolute() else name: _noted(one)
        for name, one in found.items()
    }


def _noted(value: object) -> _Export:
    if isinstance(value, dict):
        return _Export(*(str(value.get(name, "")) for name in _Export._fields))
    return _Export(str(value))


def _checked_classes(study: Study, store: Store) -> Classes | None:
    """The study's classes, which must have the numbers of those that the store asked about.

    Raises:
        DataError: they have others.
    """
    classes = read_study_benchmark(study).classes
    if classes is not None:
        keep_classes(store, classes.ids)
    return classes


def _is_foreign(study: Study, store: Store, path: Path) -> bool:
    """Whether there is a file that no export of this store wrote: it may be nowhere else."""
    return path.is_file() and not is_export(study, store, path)


def _check_votes_are_ours(study: Study, store: Store, path: Path) -> None:
    """Refuse to write over votes of the study that no export wrote."""
    used = votes_file(study)
    usual = {(study.folder / USUAL).absolute(), None if used is None else used.absolute()}
    if path.absolute() in usual and _is_foreign(study, store, path):
        raise OptionError(
            f"{path}: no export from this database wrote the votes in it, and they would be lost. "
            f"Import them first (reassess votes import {study.folder} {path}), then export with "
            "--overwrite; or name another file."
        )


def _parts(store: Store, *, include_uncounted: bool = False) -> Iterator[Part]:
    for batch in vote_batches(store, counted_only=not include_uncounted):
        yield _part(batch, include_uncounted=include_uncounted)


def _part(batch: VoteBatch, *, include_uncounted: bool) -> Part:
    part: dict[str, np.ndarray[Any, np.dtype[Any]]] = {
        "image": batch.image_id,
        "label": batch.label,
        "rater": batch.rater,
        "answer": batch.answer,
        "given_at": batch.given_at,
        "seconds": batch.seconds,
    }
    if include_uncounted:
        part |= {
            "counted": batch.counted,
            "purpose": np.array(PURPOSES)[batch.purpose],
            "round": batch.round,
            "version": batch.version,
        }
    return part


def _gold(store: Store) -> dict[str, list[str]]:
    known = gold(store)
    if known is None:
        return {"image": []}
    votes, pairs = known.votes, known.questions.require_pairs("gold")
    question = votes.question
    return {
        "image": pairs.image_ids[pairs.image[question]].tolist(),
        "label": pairs.label[question].tolist(),
        "expert": votes.rater_ids[votes.rater].tolist(),
        "answer": np.array(ANSWERS)[votes.answer].tolist(),
    }


def _decisions(store: Store) -> dict[str, list[str]]:
    found = adjudications(store)
    return {
        "image": [one.image_id for one in found],
        "label": [str(one.label) for one in found],
        "expert": [one.expert for one in found],
        "answer": [ANSWERS[one.answer] for one in found],
        "given_at": [one.at.strftime("%Y-%m-%dT%H:%M:%S") for one in found],
        "note": [one.note for one in found],
    }
