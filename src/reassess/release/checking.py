"""Every number of a release, computed again from the release alone.

The release is copied without its posterior and labels, these are made again from its votes, and
all that it states is compared with what follows. Nothing is written into the release.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from reassess.engines import ThreadEngine
from reassess.errors import FileError, ReassessError, preview
from reassess.files import read_labels, sha256_of
from reassess.files.access import exists, read_json
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
from reassess.files.tables import read_table
from reassess.notes import collect_notes
from reassess.pipeline import LABELS, POSTERIOR, run
from reassess.progress import Progress, null_progress
from reassess.records import LabelSets
from reassess.release.facts import FORMAT, facts_as_dict, release_facts
from reassess.release.writing import FACTS, SCORES, SUMS, released_files
from reassess.study import FILES, StudyArtefacts, StudyRecords, collect, open_study

_CLOSE = 1e-9
"""How far probabilities may be from those stated: other machines round sums otherwise."""


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """A part of a release, held against what follows from the others.

    Attributes:
        name: what it is.
        is_right: whether it is what follows.
        detail: what was compared; or the first difference, and what it may mean.
    """

    name: str
    is_right: bool
    detail: str


def check_release(
    folder: str | PathLike[str], *, progress: Progress = null_progress
) -> tuple[CheckedPart, ...]:
    """The parts of a release, each checked; all are looked at, whatever the first ones say.

    Args:
        folder: the release.
        progress: told of each step.

    Raises:
        FileError: it is no release.
    """
    folder = Path(folder)
    stated = _stated(folder)
    progress("checksums")
    parts = [_checksums(folder)]
    with TemporaryDirectory(prefix="reassess-check-") as beside:
        place = Path(beside) / "release"
        shutil.copytree(folder, place)
        for name in (FILES["posterior"], FILES["labels"]):
            (place / name).unlink(missing_ok=True)
        progress("posterior and labels")
        try:
            with ThreadEngine() as engine:
                run(StudyArtefacts(open_study(place)), (POSTERIOR, LABELS), engine=engine)
            made = collect(open_study(place))
            with collect_notes():  # what does not follow is a part that is not right
                released = collect(open_study(folder))
            progress("scores")
            facts = release_facts(made)
        except ReassessError as error:
            text = str(error).replace(str(place), str(folder))
            return (*parts, CheckedPart("its files", False, text))
    about = About(
        **{one.name: stated[one.name] for one in fields(About) if one.name != "authors"},
        authors=tuple(stated["authors"]),
    )
    return (*parts, *_compared(folder, made, released, about, facts))


def _stated(folder: Path) -> dict[str, Any]:
    """What ``release.json`` states.

    Raises:
        FileError: the folder is no release.
    """
    if not exists(folder / FACTS):
        raise FileError(
            f"{folder}: it has no {FACTS}, but a release must. Give a folder that `reassess "
            "release` wrote."
        )
    stated = read_json(folder / FACTS)
    names = {one.name for one in fields(About)} | {"format", "numbers"}
    if not isinstance(stated, dict) or not names <= stated.keys() or stated["format"] != FORMAT:
        raise FileError(
            f"{folder / FACTS}: it is not what `reassess release` writes ({FORMAT!r}). Use the "
            "version of reassess that wrote it."
        )
    wrong = [name for name in names if not _is_stated_so(name, stated[name])]
    if wrong:
        raise FileError(
            f"{folder / FACTS}: {wrong[0]!r} is {str(stated[wrong[0]])[:40]!r}, which `reassess "
            "release` does not write. Get the release again."
        )
    return stated


def _is_stated_so(name: str, value: Any) -> bool:
    """Whether a value of ``release.json`` is of the kind that is written there."""
    if name == "numbers":
        return isinstance(value, dict)
    if name == "authors":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, str) or (name in {"license", "description", "url"} and value is None)


def _checksums(folder: Path) -> CheckedPart:
    name = f"checksums ({SUMS})"
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return CheckedPart(name, False, f"they cannot be read: {error}")
    listed = {file: digest for digest, _, file in (line.partition("  ") for line in lines)}
    found = released_files(folder)
    missing = sorted(set(listed) - set(found))
    more = sorted(set(found) - set(listed))
    other = [one for one in found if one in listed and sha256_of(folder / one) != listed[one]]
    links = [one for one in found if (folder / one).is_symlink()]
    parts = ((missing, "missing"), (more, "not listed"), (other, "changed"), (links, "links"))
    for files, what in parts:
        if files:
            return CheckedPart(name, False, f"{len(files):,} files are {what}: {preview(files, 5)}")
    return CheckedPart(name, True, f"{len(found):,} files")


def _compared(
    folder: Path, made: StudyRecords, released: StudyRecords, about: About, facts: DatasetFacts
) -> list[CheckedPart]:
    columns = {
        name: list(read_table(folder / name).header)
        for name in (LABELS_TABLE, "votes.csv", "classes.csv")
        if (folder / name).is_file()
    }
    files = [one for one in released_files(folder) if one not in {CARD, CROISSANT, CITATION}]
    n_models = len(facts.models)
    return [
        _posterior(made, released),
        _labels("labels.json", made.labels, lambda: released.labels),
        _labels(
            LABELS_TABLE, made.labels,
            lambda: read_labels(folder / LABELS_TABLE, classes=made.benchmark.classes),
        ),
        _json(folder / SCORES, facts.scores, f"every accuracy of {n_models:,} models"),
        _json(folder / FACTS, facts_as_dict(about, facts), "every number"),
        _text(folder / CARD, lambda: card(about, facts, columns.get(LABELS_TABLE, []))),
        _text(
            folder / CROISSANT,
            lambda: croissant_text(folder, files, columns, about, facts),
        ),
        _text(folder / CITATION, lambda: citation(about)),
    ]  # fmt: skip


def _posterior(made: StudyRecords, released: StudyRecords) -> CheckedPart:
    new, old = made.posterior, released.posterior
    if new is None or old is None:
        return CheckedPart("posterior", False, "there is none")
    same = np.array_equal(new.questions.ids, old.questions.ids)
    if not same or not np.allclose(new.probability, old.probability, atol=_CLOSE, rtol=0):
        return CheckedPart("posterior", False, "the votes give other probabilities")
    n = len(new.questions)
    return CheckedPart("posterior", True, f"P(truth) of {n:,} questions from the votes")


def _labels(name: str, made: LabelSets, read: Callable[[], LabelSets]) -> CheckedPart:
    try:
        stated = read()
    except ReassessError as error:
        return CheckedPart(name, False, str(error))
    new = dict(zip(made.image_ids.tolist(), map(sorted, made.lists()), strict=True))
    old = dict(zip(stated.image_ids.tolist(), map(sorted, stated.lists()), strict=True))
    differ = [image for image in {**new, **old} if new.get(image) != old.get(image)]
    if differ:
        return CheckedPart(
            name, False,
            f"{len(differ):,} images have other labels than the votes give, such as "
            f"{differ[0]!r}: {old.get(differ[0])}, but the votes give {new.get(differ[0])}",
        )  # fmt: skip
    if made.operating_point != stated.operating_point:
        return CheckedPart(name, False, "the operating point is another than the votes give")
    return CheckedPart(name, True, f"labels of {len(new):,} images, and their operating point")


def _json(path: Path, made: object, what: str) -> CheckedPart:
    try:
        stated = read_json(path)
    except ReassessError as error:
        return CheckedPart(path.name, False, str(error))
    place = _first_difference(json.loads(json.dumps(made)), stated, "")
    if place is not None:
        return CheckedPart(path.name, False, f"it differs from what follows at {place}")
    return CheckedPart(path.name, True, what)


def _first_difference(made: object, stated: object, where: str) -> str | None:
    """Where two values of JSON differ first; floats may by rounding."""
    if isinstance(made, dict) and isinstance(stated, dict):
        for key in {**made, **stated}:
            if key not in made or key not in stated:
                return f"{where}/{key}"
            found = _first_difference(made[key], stated[key], f"{where}/{key}")
            if found is not None:
                return found
        return None
    if isinstance(made, list) and isinstance(stated, list) and len(made) == len(stated):
        pairs = zip(made, stated, strict=True)
        found_in = (_first_difference(a, b, f"{where}/{n}") for n, (a, b) in enumerate(pairs))
        return next((one for one in found_in if one is not None), None)
    numbers = isinstance(made, float) and isinstance(stated, float | int)
    if numbers and not isinstance(stated, bool):
        close = abs(made - stated) <= _CLOSE  # type: ignore[operator]
        return None if close else f"{where} ({stated!r}, but {made!r} follows)"
    return None if made == stated else f"{where} ({stated!r}, but {made!r} follows)"


def _text(path: Path, make: Callable[[], str]) -> CheckedPart:
    try:
        made, stated = make(), path.read_text(encoding="utf-8")
    except (ReassessError, OSError, UnicodeDecodeError) as error:
        return CheckedPart(path.name, False, str(error))
    if made == stated:
        return CheckedPart(path.name, True, "every line")
    pairs = enumerate(zip(made.splitlines(), stated.splitlines(), strict=False), start=1)
    line = next((n for n, (a, b) in pairs if a != b), None)
    where = "its length" if line is None else f"line {line}"
    return CheckedPart(path.name, False, f"it differs from what follows in {where}")
