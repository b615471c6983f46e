"""Votes as Label Studio's JSON: one task a question, one annotation a vote.

A task's ``data`` holds ``image`` (where Label Studio finds the file: its local storage, below
the folder of images), ``image_id``, ``label`` (the class index) and ``class`` (its name); an
annotation holds one choice named ``answer``, who made it and, where known, when. The labelling
configuration that shows such tasks is `CONFIGURATION`. A vote's rater is ``completed_by``: Label
Studio exports the number of a user, or an object with an e-mail address, and both are read as they
are.

Annotations that were cancelled, drafts and predictions are no votes. Written task by task, in
bounded memory; read as a whole.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
from jaxtyping import Shaped

from reassess.errors import DataError, FileError
from reassess.files.access import check_readable, prefix_errors_with, sha256_of, write_atomically
from reassess.files.class_words import class_indices
from reassess.files.tables import utc_times
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

_LOCAL = "/data/local-files/?d="
_FIELD = "answer"


def write_label_studio(
    parts: Iterable[Part],
    path: str | Path,
    *,
    classes: Classes | None = None,
    answers: Sequence[str] = ANSWERS,  # noqa: ARG001 -- the labelling interface has these three
) -> int:
    """How many votes were written, as a JSON list of tasks.

    Args:
        parts: votes; those of one question stand together and in one part.
        path: the file.
        classes: names of the classes; None writes their indices.
        answers: no, maybe and yes.

    Raises:
        FileError: the file cannot be written.
        DataError: there is no vote.
    """
    n_votes = 0
    with write_atomically(path) as beside, beside.open("w", encoding="utf-8") as file:
        for part in parts:
            for task in _tasks(part, classes):
                file.write(",\n" if n_votes else "[\n")
                json.dump(task, file, ensure_ascii=False)
                n_votes += len(task["annotations"])
        if n_votes == 0:
            raise DataError(
                f"{path}: there are 0 votes to write, but there must be at least one. Ask raters "
                "first."
            )
        file.write("\n]\n")
    return n_votes


def read_label_studio(
    path: str | Path, *, classes: Classes | None = None, answers: Sequence[str] | None = None
) -> Votes:
    """Votes from a JSON list of tasks, as Label Studio exports it.

    Args:
        path: the file.
        classes: needed where ``label`` is a class's id or name and not its index.
        answers: no, maybe and yes, or None.

    Raises:
        FileError: the file is missing or no JSON list of tasks.
        DataError: an annotation holds no answer, or there is no vote.
    """
    path = Path(path)
    check_readable(path)
    if answers is not None and tuple(answers) != ANSWERS:
        raise DataError(
            f"{path}: the answers are declared as {', '.join(answers)}, but those of Label Studio "
            f"must be {', '.join(ANSWERS)}. Leave --answers out."
        )
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FileError(f"{path}: it is not JSON in UTF-8 ({error}). Export it again.") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise FileError(
            f"{path}: it holds no list of tasks, but must. Export from Label Studio as JSON."
        )
    rows = [row for number, task in enumerate(tasks) for row in _votes_of(task, number, path)]
    if not rows:
        raise DataError(f"{path}: there are 0 votes, but there must be at least one.")
    image, label, rater, answer, at, took = (list(column) for column in zip(*rows, strict=True))
    with prefix_errors_with(path):
        return Votes.from_columns(
            image=image,
            label=class_indices(label, classes, f"{path}: label of vote", first_row=0),
            rater=rater,
            answer=np.array(answer, np.int64),
            given_at=_times(at),
            seconds=np.array(took),
            sha256=sha256_of(path),
        )


def _tasks(part: Part, classes: Classes | None) -> Iterator[dict[str, Any]]:
    """The tasks of a part, in its order; the votes on a question become its annotations."""
    image, label = part["image"].tolist(), part["label"].tolist()
    changes = (part["image"][1:] != part["image"][:-1]) | (part["label"][1:] != part["label"][:-1])
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()]
    annotations = _annotations(part)
    for start, end in zip(starts, [*starts[1:], len(image)], strict=True):
        name = str(label[start]) if classes is None else classes.names[label[start]]
        yield {
            "data": {
                "image": _LOCAL + quote(image[start]),
                "image_id": image[start],
                "label": label[start],
                "class": name,
            },
            "annotations": annotations[start:end],
        }


def _annotations(part: Part) -> list[dict[str, Any]]:
    n_votes = len(part["image"])
    when: list[str | None] = [None] * n_votes
    if "given_at" in part:
        texts = np.datetime_as_string(part["given_at"], unit="ms", timezone="UTC").tolist()
        when = [None if text == "NaT" else text for text in texts]
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
                {"from_name": _FIELD, "to_name": "image", "type": "choices", "value": chosen}
            ],
        }
        if at is not None:
            one["created_at"] = at
        if seconds == seconds:  # noqa: PLR0124 -- NaN where it is unknown
            one["lead_time"] = seconds
        found.append(one)
    return found


def _votes_of(
    task: dict[str, Any], number: int, path: Path
) -> Iterator[tuple[str, str, str, int, object, float]]:
    """Image, class, rater, answer, time and duration of each vote on a task."""
    where = f"{path}: task[{number}]"
    given = task.get("annotations", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise FileError(
            f"{where}: its annotations are not a list, but must be one. Export it again."
        )
    votes = [one for one in given if not one.get("was_cancelled")]
    if not votes:
        return
    data = task.get("data")
    if not isinstance(data, dict) or "label" not in data:
        raise DataError(
            f"{where}: its data has no 'label', but must name the class that was asked about. "
            "Make the project of tasks that `reassess votes export` wrote."
        )
    image = _image_of(data, where)
    for place, one in enumerate(votes):
        at = f"{where}: annotation[{place}]"
        when, took = one.get("created_at"), _seconds_of(one, at)
        yield image, str(data["label"]), _rater_of(one, at), _answer_of(one, at), when, took


def _image_of(data: dict[str, Any], where: str) -> str:
    """The image's id; without one, the path of the file in Label Studio's local storage."""
    named = data.get("image_id", data.get("image"))
    if not isinstance(named, str) or not named:
        raise DataError(f"{where}: its data has no 'image_id' or 'image', but must name the image.")
    if "image_id" not in data:
        below = parse_qs(urlsplit(named).query).get("d")
        return below[0] if below else named
    return named


def _rater_of(annotation: dict[str, Any], where: str) -> str:
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        who = who.get("email") or who.get("username") or who.get("id")
    if isinstance(who, bool) or not isinstance(who, str | int) or who == "":
        raise DataError(f"{where}: completed_by is {who!r}, but must say whose vote it is.")
    return str(who)


def _answer_of(annotation: dict[str, Any], where: str) -> int:
    results = annotation.get("result")
    values = [
        one.get("value")
        for one in (results if isinstance(results, list) else [])
        if isinstance(one, dict) and one.get("from_name") == _FIELD
    ]
    choices = [value.get("choices") for value in values if isinstance(value, dict)]
    chosen = [one for some in choices if isinstance(some, list) for one in some]
    if len(chosen) != 1 or str(chosen[0]).strip().lower() not in ANSWERS:
        raise DataError(
            f"{where}: the choice {_FIELD!r} is {chosen}, but must be one of "
            f"{', '.join(ANSWERS)}. Leave the annotation out, or name the choice so."
        )
    return ANSWERS.index(str(chosen[0]).strip().lower())


def _seconds_of(annotation: dict[str, Any], where: str) -> float:
    took = annotation.get("lead_time")
    if took is None:
        return float("nan")
    if isinstance(took, bool) or not isinstance(took, int | float):
        raise DataError(f"{where}: lead_time is {took!r}, but must be seconds. Leave it out.")
    return float(took)


def _times(at: list[object]) -> Shaped[np.ndarray, "V"]:
    try:
        return utc_times(at)
    except ValueError as error:
        raise DataError(
            f"created_at of an annotation cannot be read ({error}), but must be such as "
            "2026-01-31T12:00:00Z. Fix it, or leave it out."
        ) from error
