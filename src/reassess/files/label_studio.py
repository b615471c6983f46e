"""Votes as Label Studio's JSON: one task a question, one annotation a vote.

A task's ``data`` holds ``image`` (where Label Studio finds the file: its local storage, below
the folder of images), ``image_id``, ``label`` (the class index) and ``class`` (its name); an
annotation holds one choice named ``answer``, who made it and, where known, when. The labelling
configuration that shows such tasks is `CONFIGURATION`. A vote's rater is ``completed_by``: Label
Studio exports the number of a user, or an object with an e-mail address, and both are read as they
are.

Written task by task, in bounded memory; read as a whole. What its exports mean is for
`reassess.files.annotations`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from reassess.errors import DataError, FileError
from reassess.files.access import check_readable, prefix_errors_with, sha256_of, write_atomically
from reassess.files.annotations import FIELD, annotations_in, as_votes, flat_annotation
from reassess.files.declared_answers import DeclaredAnswers
from reassess.files.signatures import describe_json
from reassess.files.tables import ColumnFile
from reassess.files.vote_tables import Part
from reassess.records import ANSWERS, Classes, Votes

CONFIGURATION = """<View>
  <Image name="image" value="$image"/>
  <Header value="$class"/>
  <Choices name="answer" toName="image" choice="single" required="true">
    <Choice value="yes"/>
    <Choice value="maybe"/>
    <Choice value="no"/>
  </Choices>
</View>
"""
"""What a project in Label Studio needs as its labelling interface."""

LOCAL_FILES = "/data/local-files/?d="
"""Where Label Studio finds a file of its local storage; the path follows."""

EXPORTED_COLUMNS = ("annotation_id", "annotator", "label")
"""Columns that Label Studio's tables of our tasks have, and no other table of votes has."""

_COLUMNS = ("image", "image_id", "label", "class_id", FIELD, "annotator", "annotation_id",
            "was_cancelled", "created_at", "lead_time")  # fmt: skip


def write_label_studio(
    parts: Iterable[Part],
    path: str | PathLike[str],
    *,
    classes: Classes | None = None,
    answers: Sequence[str] = ANSWERS,  # noqa: ARG001 -- the labelling interface has these three
) -> int:
    """How many votes were written, as a JSON list of tasks, with `CONFIGURATION` beside.

    Tasks and annotations are numbered, as Label Studio's own converter needs it.

    Args:
        parts: votes; those of one question stand together and in one part.
        path: the file.
        classes: names of the classes; None writes their indices.
        answers: no, maybe and yes.

    Raises:
        FileError: the file cannot be written.
        DataError: there is no vote.
    """
    n_votes = n_tasks = 0
    with write_atomically(path) as beside, beside.open("w", encoding="utf-8") as file:
        for part in parts:
            for task in _tasks(part, classes):
                file.write(",\n" if n_votes else "[\n")
                n_tasks += 1
                for number, one in enumerate(task["annotations"], start=n_votes + 1):
                    one["id"] = number
                json.dump({"id": n_tasks} | task, file, ensure_ascii=False)
                n_votes += len(task["annotations"])
        if n_votes == 0:
            raise DataError(
                f"{path}: there are 0 votes to write, but there must be at least one. Ask raters "
                "first."
            )
        file.write("\n]\n")
    with write_atomically(configuration_file(Path(path))) as beside:
        beside.write_text(CONFIGURATION, encoding="utf-8")
    return n_votes


def configuration_file(path: Path) -> Path:
    """The file beside exported tasks that holds the labelling interface of their project."""
    return path.with_name(f"{path.stem}.config.xml")


def read_label_studio(
    path: str | PathLike[str],
    *,
    classes: Classes | None = None,
    answers: DeclaredAnswers | None = None,
) -> Votes:
    """Votes from what Label Studio exports as JSON or as JSON_MIN.

    Args:
        path: the file.
        classes: needed where ``label`` is a class's id or name and not its index.
        answers: what the choices mean, as `reassess.files.read_votes` takes it; None for no, maybe
            and yes.

    Raises:
        FileError: the file is missing, no JSON list of tasks, or an export of another form.
        DataError: an annotation holds no answer, or there is no vote.
    """
    path = Path(path)
    check_readable(path)
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FileError(f"{path}: it is not JSON in UTF-8 ({error}). Export it again.") from error
    foreign = describe_json(tasks)
    if foreign is not None:
        raise FileError(f"{path}: {foreign} (image,label,rater,answer).")
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise FileError(
            f"{path}: it holds no list of tasks, but must. Export from Label Studio as JSON."
        )
    with prefix_errors_with(path):
        votes = as_votes(annotations_in(tasks, str(path)), str(path), classes, answers)
    return replace(votes, sha256=sha256_of(path))


def read_exported_table(
    table: ColumnFile, *, classes: Classes | None = None, answers: DeclaredAnswers | None = None
) -> Votes:
    """Votes from what Label Studio exports as CSV or TSV: see `is_exported_table`.

    Raises:
        DataError: a row holds no answer, or there is no vote.
    """
    path = str(table.path)
    names = [name for name in _COLUMNS if name in table.header]
    columns = [table.cells(name) for name in names]
    found = [
        one
        for row, cells in enumerate(zip(*columns, strict=True))
        for one in flat_annotation(
            {name: cell for name, cell in zip(names, cells, strict=True) if cell not in {"", None}},
            table.place(row),
            path,
        )
    ]
    if not found:
        raise DataError(
            f"{path}: there are 0 votes, but there must be at least one. Export it from Label "
            "Studio after people have annotated."
        )
    return as_votes(found, path, classes, answers)


def is_exported_table(table: ColumnFile) -> bool:
    """Whether a table has the columns that Label Studio gives to each annotation."""
    return set(EXPORTED_COLUMNS) <= set(table.header)


def _tasks(part: Part, classes: Classes | None) -> Iterator[dict[str, Any]]:
    """The tasks of a part, in its order; the votes on a question become its annotations."""
    image, label = part["image"].tolist(), part["label"].tolist()
    changes = (part["image"][1:] != part["image"][:-1]) | (part["label"][1:] != part["label"][:-1])
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()]
    annotations = _annotations(part)
    for start, end in zip(starts, [*starts[1:], len(image)], strict=True):
        name = str(label[start]) if classes is None else classes.names[label[start]]
        data = {
            "image": LOCAL_FILES + quote(image[start]),
            "image_id": image[start],
            "label": label[start],
            "class": name,
        }
        if "class_id" in part:
            data["class_id"] = str(part["class_id"][start])
        yield {
            "data": data,
            "annotations": annotations[start:end],
        }


def _annotations(part: Part) -> list[dict[str, Any]]:
    n_votes = len(part["image"])
    when: list[str | None] = [None] * n_votes  # all of a task or none: its converter sorts them
    if "given_at" in part:
        texts = np.datetime_as_string(part["given_at"], unit="ms", timezone="UTC").tolist()
        when = ["" if text == "NaT" else text for text in texts]
    took = part["seconds"].tolist() if "seconds" in part else [float("nan")] * n_votes
    found = []
    for rater, answer, at, seconds in zip(
        part["rater"].tolist(), part["answer"].tolist(), when, took, strict=True
    ):
        chosen = {"choices": [ANSWERS[answer]]}
        one: dict[str, Any] = {
            "completed_by": {"email": rater},
            "was_cancelled": False,
            "result": [
                {"from_name": FIELD, "to_name": "image", "type": "choices", "value": chosen}
            ],
        }
        if at is not None:
            one["created_at"] = at
        if seconds == seconds:  # noqa: PLR0124 -- NaN where it is unknown
            one["lead_time"] = seconds
        found.append(one)
    return found
