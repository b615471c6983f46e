"""Votes of a study's store to a file, and a file's votes into the store.

What goes out are the counted votes, at most k a question: those that are aggregated. All that
was ever answered can be written beside them, marked. Exporting and importing is the identity.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from reassess.errors import DataError, OptionError
from reassess.files import read_votes, sha256_of, write_atomically
from reassess.files.dense_votes import write_dense_votes
from reassess.files.label_studio import read_label_studio, write_label_studio
from reassess.files.vote_tables import Part, crowd_kit, long, write_parts
from reassess.rating import (
    PURPOSES,
    Store,
    VoteBatch,
    import_votes,
    question_table,
    vote_batches,
)
from reassess.records import Pairs, Questions, align
from reassess.study.inputs import benchmark_of
from reassess.study.manifest import Study
from reassess.study.site import KEPT
from reassess.study.stages import votes_file

VoteFormat = Literal["long", "real-npz", "label-studio", "crowd-kit"]
USUAL = "votes.csv"
_RECORD = "exported.json"
_ENDINGS: dict[VoteFormat, tuple[str, ...]] = {
    "long": (".csv", ".tsv", ".parquet", ".pq"),
    "real-npz": (".npz",),
    "label-studio": (".json",),
    "crowd-kit": (".csv", ".tsv", ".parquet", ".pq"),
}


def format_of(path: Path, form: VoteFormat | None) -> VoteFormat:
    """The format, as given or by the extension.

    Raises:
        OptionError: the extension is another format's.
    """
    ending = path.suffix.lower()
    known = [one for one in _ENDINGS if ending in _ENDINGS[one]]
    if form is None and known:
        return known[0]
    if form is None or ending not in _ENDINGS[form]:
        wanted = _ENDINGS[form] if form else (*_ENDINGS["long"], ".npz", ".json")
        raise OptionError(
            f"{path}: its extension is {ending!r}, but must be one of {', '.join(wanted)}. Name "
            "the file so."
        )
    return form


def export_votes(
    study: Study,
    store: Store,
    path: Path | None = None,
    *,
    form: VoteFormat | None = None,
    everything: bool = False,
    overwrite: bool = False,
) -> tuple[Path, int]:
    """The file that was written, and how many votes are in it.

    Args:
        study: the study.
        store: its store.
        path: the file; None for `votes.csv` in the study, which its later stages read.
        form: the format; None goes by the extension.
        everything: write what is not counted as well (corrected answers, repetitions, gold
            beyond k votes, practice, votes set aside), with columns that say so.
        overwrite: write over a file of votes in the study's folder that came from elsewhere.

    Raises:
        OptionError: extension and format do not fit, or the file came from elsewhere.
        DataError: there is no vote.
        FileError: the file cannot be written.
        StoreError: the database cannot be read.
    """
    where = study.folder / USUAL if path is None else path
    form = format_of(where, form)
    if everything and (form != "long" or path is None):
        raise OptionError(
            "--include-uncounted needs the format long and a FILE of its own: what is not counted "
            "must not be aggregated. Name a file."
        )
    if not overwrite:
        _check_ours(study, where)
    if form == "real-npz":
        n_votes = write_dense_votes(_parts(store), where)
    elif form == "label-studio":
        classes = benchmark_of(study).classes
        n_votes = write_label_studio(_parts(store), where, classes=classes)
    elif form == "crowd-kit":
        n_votes = write_parts((crowd_kit(part) for part in _parts(store)), where)
    else:
        parts = _parts(store, everything=everything)
        n_votes = write_parts((long(part) for part in parts), where)
    remember(study, where)
    return where, n_votes


def import_votes_file(
    study: Study, store: Store, path: Path, *, form: VoteFormat | None = None
) -> tuple[int, int]:
    """How many votes of a file were new to the store, and how many the file holds.

    The store must have the study's questions (`fill_store`).

    Raises:
        OptionError: extension and format do not fit.
        FileError: the file is missing or malformed.
        DataError: votes are not what they must be, or questions are not the study's.
        AlignmentError: an image is not the study's.
        RaterError: a rater has the name of an expert or owner.
        StoreError: the database cannot be written.
    """
    form = format_of(path, form)
    classes = benchmark_of(study).classes
    read = read_label_studio if form == "label-studio" else read_votes
    found = read(path, classes=classes)
    pairs = found.questions.pairs
    if pairs is None:
        raise DataError(
            f"{path}: the questions name no image and class, but must. Write columns image,label, "
            "or tasks as <image>:<class index>."
        )
    asked = question_table(store).image_ids
    row = align(pairs.image_ids, asked, source=str(path), target_name="the study's questions")
    named = Questions.from_pairs(Pairs(asked[row], pairs.image, pairs.label))
    return import_votes(store, replace(found, questions=named)), len(found)


def _parts(store: Store, *, everything: bool = False) -> Iterator[Part]:
    for batch in vote_batches(store, counted_only=not everything):
        yield _part(batch, everything=everything)


def _part(batch: VoteBatch, *, everything: bool) -> Part:
    part: dict[str, np.ndarray[Any, np.dtype[Any]]] = {
        "image": batch.image_id,
        "label": batch.label,
        "rater": batch.rater,
        "answer": batch.answer,
        "given_at": batch.given_at,
        "seconds": batch.seconds,
    }
    if everything:
        part |= {
            "counted": batch.counted,
            "purpose": np.array(PURPOSES)[batch.purpose],
            "round": batch.round,
            "version": batch.version,
        }
    return part


def _check_ours(study: Study, path: Path) -> None:
    """Refuse to write over votes of the study that no export wrote: they may be nowhere else."""
    used = votes_file(study)
    usual = {(study.folder / USUAL).absolute(), None if used is None else used.absolute()}
    if path.absolute() not in usual or not path.is_file():
        return
    if exported(study).get(str(path.absolute())) != sha256_of(path):
        raise OptionError(
            f"{path}: the votes in it were not written by an export, and would be lost. Import "
            f"them first (reassess votes import {study.folder} {path}), then export with "
            "--overwrite; or name another file."
        )


def exported(study: Study) -> dict[str, str]:
    """SHA-256 of the files of the study that an export wrote, by path."""
    try:
        found = json.loads((study.folder / KEPT / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(study: Study, path: Path) -> None:
    """Note that an export wrote a file of the study."""
    if not path.absolute().is_relative_to(study.folder.absolute()):
        return
    record = exported(study) | {str(path.absolute()): sha256_of(path)}
    with write_atomically(study.folder / KEPT / _RECORD) as beside:
        beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
