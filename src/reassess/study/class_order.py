"""The order of a study's classes: written down when it begins, and kept.

Questions, votes and predictions hold class indices. A study whose classes are named therefore has
a `classes.csv` of its own, from its first day; without one the classes would be the sorted names
of the labels, and one more name would move all that sort behind it. Further classes come at the
end. Where questions were made the file of tasks states the ids of the classes, and labels or
classes that give them other numbers are refused.
"""

import json
from os import PathLike
from pathlib import Path

from reassess.errors import DataError, preview
from reassess.files import sha256_of
from reassess.files.artefacts import read_about
from reassess.files.class_columns import unknown_words
from reassess.files.tables import read_table, write_table
from reassess.records import Classes
from reassess.study.manifest import Study

_TASKS = "tasks.parquet"
_RECORD = "stages.json"


def write_classes(classes: Classes, path: Path) -> None:
    """Write classes in their order: ``index,id,name``, and what else is known of them.

    Raises:
        FileError: the file cannot be written.
    """
    columns: dict[str, object] = {
        "index": range(len(classes)),
        "id": classes.ids,
        "name": classes.names,
    }
    further = {"synonyms": classes.synonyms, "definition": classes.definitions}
    write_table(path, columns | {name: column for name, column in further.items() if any(column)})


def with_new_classes(classes: Classes, labels: str | PathLike[str]) -> Classes:
    """The classes, and behind them those that a table of labels names and that are new.

    Raises:
        FileError: the table is missing or malformed.
    """
    new = tuple(unknown_words(read_table(Path(labels)), classes))
    blank = ("",) * len(new)
    return Classes(
        classes.ids + new,
        classes.names + new,
        classes.synonyms + blank,
        classes.definitions + blank,
        classes.labels_are,
    )


def refuse_renumbered(study: Study, classes: Classes | None) -> None:
    """Refuse classes that have other numbers than when the study's questions were made.

    Args:
        study: the study.
        classes: as its files give them now; None where only indices are known.

    Raises:
        DataError: a class of the questions has another number now, or, where an earlier version
            wrote the questions and named no classes, the labels changed since.
    """
    path = study.folder / _TASKS
    if classes is None or not path.is_file():
        return
    stated = read_about(path).get("class_ids")
    place = f"{study.folder / (study.classes or study.labels)}"
    if not isinstance(stated, list):
        _refuse_changed_names(study, place)
        return
    now = list(classes.ids)
    both = enumerate(zip(stated, [*now, *[""] * len(stated)], strict=False))
    moved = [index for index, (before, after) in both if before and before != after]
    if moved:
        first = moved[0]
        new = sorted(set(now) - set(stated))
        raise DataError(
            f"{place}: class {first} is {(now[first] if first < len(now) else 'missing')!r}, but "
            f"must be {stated[first]!r} as in the questions of the study ({path.name}); "
            f"{len(moved):,} of {len(stated):,} classes have other numbers"
            + (f"; new are {preview(new)}" if new else "")
            + ". Keep the order of the classes, and append new ones at its end: put the former "
            f"labels back, then reassess locate {study.folder} --labels FILE --append-classes"
        )


def _refuse_changed_names(study: Study, place: str) -> None:
    """Refuse labels that changed since questions were made that name no classes.

    Raises:
        DataError: they did; which numbers the classes had then cannot be told.
    """
    if study.classes is not None:
        return
    try:
        record = json.loads((study.folder / _RECORD).read_text(encoding="utf-8"))
        before = record["proposals"]["labels"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if before != sha256_of(study.path(study.labels)):
        raise DataError(
            f"{place}: it changed since the study's questions were made, and names the classes, "
            "whose numbers may be others now. Put the former labels back, then add to them: "
            f"reassess locate {study.folder} --labels FILE --append-classes"
        )
