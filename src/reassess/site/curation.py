"""Images withdrawn from a study, and gold that is gold no more, in its store and in its files.

What `reassess.rating` changes in the store reaches labels by the files that an export wrote and
the study's stages read: they are written again here, and never a file that came from elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reassess.errors import DataError, OptionError, preview
from reassess.files import read_gold
from reassess.rating import (
    Store,
    question_table,
    restore_images,
    unchoose_gold,
    withdraw_images,
    withdrawn_images,
)
from reassess.records import align
from reassess.site.transfer import USUAL, export_experts, export_votes, is_export
from reassess.study import Study, read_study_benchmark, votes_file
from reassess.study.artefacts import adjudications_file, gold_file
from reassess.study.withdrawn import read_withdrawn, write_withdrawn


@dataclass(frozen=True, slots=True)
class Curated:
    """What was changed.

    Attributes:
        n_tasks: tasks in the store.
        written: the study's files that were written again.
        left: its files that hold what does not count any more, each with why.
    """

    n_tasks: int
    written: tuple[Path, ...]
    left: tuple[tuple[Path, str], ...]


def withdraw(
    study: Study | None,
    store: Store,
    image_ids: Sequence[str],
    *,
    by: int | None = None,
    reason: str = "",
) -> Curated:
    """Take images out of a study: nobody is asked about them, and their votes do not count.

    Args:
        study: the study; None leaves files as they are.
        store: its store.
        image_ids: ids, or unique basenames.
        by: number of the owner; None from the command line.
        reason: for the audit log.

    Raises:
        AlignmentError: an image is not in the store, or its name is not unique.
        FileError: a file cannot be written.
        StoreError: the database cannot be read or written.
    """
    named = named_in_store(store, image_ids)
    return _changed(study, store, lambda: withdraw_images(store, named, by=by, reason=reason))


def restore(
    study: Study | None,
    store: Store,
    image_ids: Sequence[str],
    *,
    by: int | None = None,
    reason: str = "",
) -> Curated:
    """Undo `withdraw`: the images are asked about again, and their votes count.

    Args:
        study: the study; None leaves files as they are.
        store: its store.
        image_ids: ids, or unique basenames.
        by: number of the owner; None from the command line.
        reason: for the audit log.

    Raises:
        AlignmentError: an image is not in the store, or its name is not unique.
        FileError: a file cannot be written.
        StoreError: the database cannot be read or written.
    """
    named = named_in_store(store, image_ids)
    return _changed(study, store, lambda: restore_images(store, named, by=by, reason=reason))


def unchoose(
    study: Study | None,
    store: Store,
    image_ids: Sequence[str],
    *,
    by: int | None = None,
    reason: str = "",
) -> Curated:
    """Let images be gold no more.

    Args:
        study: the study; None leaves files as they are.
        store: its store.
        image_ids: ids, or unique basenames.
        by: number of the owner; None from the command line.
        reason: for the audit log.

    Raises:
        OptionError: a gold file that no export wrote names one: the next `serve` would make it
            gold again.
        AlignmentError: an image is not in the store, or its name is not unique.
        FileError: a file cannot be written.
        StoreError: the database cannot be read or written.
    """
    named = named_in_store(store, image_ids)
    if study is not None:
        _check_not_in_file(study, store, named)
    return _changed(study, store, lambda: unchoose_gold(store, named, by=by, reason=reason))


def named_in_store(store: Store, image_ids: Sequence[str]) -> list[str]:
    """Images as the store names them, by id or unique basename.

    Raises:
        AlignmentError: an image is not in the store, or its name is not unique.
        StoreError: the database cannot be read.
    """
    known = question_table(store).image_ids
    row = align(np.array(image_ids, np.str_), known, source="IMAGE", target_name="the rating store")
    names: list[str] = known[row].tolist()
    return names


def _check_not_in_file(study: Study, store: Store, names: Sequence[str]) -> None:
    path = gold_file(study, "aggregate")
    if path is None or is_export(study, store, path):
        return
    benchmark = read_study_benchmark(study)
    gold = read_gold(path, classes=benchmark.classes, answers=study.answers)
    pairs = gold.questions.require_pairs(str(path))
    row = align(pairs.image_ids, benchmark.image_ids, source=str(path), target_name="the study")
    in_file = set(benchmark.image_ids[row].tolist())
    found = [name for name in names if name in in_file]
    if found:
        raise OptionError(
            f"{path} names {preview(found)} as gold, and no export from this database wrote it; "
            f"{len(found):,} of {len(names):,} images are in it. Take their rows out of the file "
            "first: else the next `reassess serve` makes them gold again."
        )


def _changed(study: Study | None, store: Store, change: Callable[[], int]) -> Curated:
    """Change the store, and write the exports again that stages of the study read."""
    if study is None:
        return Curated(change(), (), ())
    exports = {
        path.absolute(): table
        for path, table in (
            (study.folder / USUAL, "votes"),
            (votes_file(study), "votes"),
            (gold_file(study, "aggregate"), "gold"),
            (gold_file(study, "label"), "gold"),
            (adjudications_file(study), "adjudications"),
        )
        if path is not None and path.is_file()
    }
    ours = {path: table for path, table in exports.items() if is_export(study, store, path)}
    n_tasks = change()
    here = set(question_table(store).image_ids.tolist())
    elsewhere = set(read_withdrawn(study)) - here
    write_withdrawn(study, elsewhere.union(withdrawn_images(store)))
    written, left = (
        [],
        [(path, "no export from this database wrote it") for path in exports if path not in ours],
    )
    for path, table in ours.items():
        try:
            if table == "votes":
                export_votes(study, store, path)
            else:
                export_experts(study, store, table, path)  # type: ignore[arg-type]
            written.append(path)
        except DataError:
            left.append((path, "nothing that counts is left to write"))
    return Curated(n_tasks, tuple(written), tuple(left))
