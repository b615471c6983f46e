"""What Label Studio exports, as votes: JSON, JSON_MIN, and tables (CSV, TSV).

JSON      tasks with ``data`` and ``annotations``
JSON_MIN  one flat object an annotation: the task's data, the choice under the name of its control,
          ``annotator``, ``annotation_id``; CSV and TSV have the same as columns

Exports of versions before 1.0 hold ``completions`` and do not say whose they are. Annotations that
were cancelled, drafts and predictions are no votes. A user may be a number in one task and an
object with number and e-mail address in the next; it is one rater.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError, FileError
from reassess.files.answers import read_answers
from reassess.files.class_columns import ids_of_indices
from reassess.files.class_words import class_indices
from reassess.files.declared_answers import DeclaredAnswers
from reassess.files.times import utc_times
from reassess.files.vote_rows import VoteRows
from reassess.records import Classes, Questions, Votes, factorize
from reassess.records.benchmark import plain_text

FIELD = "answer"
"""Name of the control whose choice is the answer."""

_UPLOADED = re.compile(r"^(?:https?://[^/]+)?/data/upload/(?:\d+/)?(?:[0-9a-f]{8}-)?")
_JSON = "Export from Label Studio as JSON"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One vote.

    Attributes:
        place: where it stands, for messages.
        image: id of the image.
        label: the class that was asked about, as it is written.
        rater: whose it is.
        choice: the answer, as it is written.
        at: when it was given, as it is written; None where that is unknown.
        seconds: how long it took; NaN where that is unknown.
        class_id: id of the class; empty where the export does not say it.
    """

    place: str
    image: str
    label: str
    rater: Any
    choice: str
    at: Any
    seconds: float
    class_id: str = ""


def annotations_in(tasks: Sequence[dict[str, Any]], path: str) -> list[Annotation]:
    """The votes of an export in JSON or JSON_MIN.

    Args:
        tasks: what the file lists.
        path: the file, for messages.

    Raises:
        FileError: the export is of another form.
        DataError: an annotation does not say what it must, or there is none.
    """
    old = next((n for n, task in enumerate(tasks) if "completions" in task), None)
    if old is not None:
        raise FileError(
            f"{path}: task[{old}] has 'completions', as exports of Label Studio before version 1.0 "
            f"have, which do not say whose they are, but must have 'annotations'. {_JSON} from "
            "version 1.0 or later."
        )
    found = [one for n, task in enumerate(tasks) for one in _of_task(task, f"task[{n}]", path)]
    if not found:
        n_predictions = sum(bool(task.get("predictions")) for task in tasks)
        some = f"; {n_predictions:,} tasks have predictions, which are no votes" * bool(
            n_predictions
        )
        raise DataError(
            f"{path}: there are 0 votes in {len(tasks):,} tasks, but there must be at least "
            f"one{some}. {_JSON} after people have annotated."
        )
    return found


def as_votes(
    found: Sequence[Annotation], path: str, classes: Classes | None, answers: DeclaredAnswers | None
) -> Votes:
    """Annotations as a record, each vote once.

    Raises:
        DataError: a class, an answer or a time is none, or a rater gives two answers to one
            question.
    """

    def place(row: int) -> str:
        return found[row].place

    labels, class_ids = _classes_of(found, path, classes)
    questions, question = Questions.from_columns(
        image=[one.image for one in found], label=labels, class_ids=class_ids
    )
    read = read_answers(
        [one.choice for one in found],
        answers,
        f"{path}: the choice {FIELD!r}",
        about_pairs=True,
        must_be_ours=True,
        place=place,
    )
    raters, rater = factorize(_names([one.rater for one in found]))
    return VoteRows(
        path,
        questions,
        question,
        raters.tolist(),
        rater,
        read.code,
        read.names,
        utc_times([one.at for one in found], f"{path}: created_at", place),
        np.array([one.seconds for one in found]),
        None,
        place,
    ).votes()


def _classes_of(
    found: Sequence[Annotation], path: str, classes: Classes | None
) -> tuple[Int[np.ndarray, "n"], tuple[str, ...] | None]:
    """The class index of each vote, and the ids of the classes; ids go before indices.

    Raises:
        DataError: a class is none.
    """
    ids = [one.class_id for one in found]
    if classes is not None and all(ids):
        where = f"{path}: class_id of vote"
        return class_indices(ids, classes, where, labels_are="id", first_row=0), classes.ids
    where = f"{path}: label of vote"
    labels = class_indices([one.label for one in found], classes, where, first_row=0)
    named = ids_of_indices(labels, ids, path, lambda row: found[row].place) if all(ids) else None
    return labels, named


def _names(raters: Sequence[Any]) -> list[str]:
    """The rater of each annotation; a user's number is their e-mail address where it is known."""
    known = {
        str(who["id"]): who["email"]
        for who in raters
        if isinstance(who, dict) and who.get("id") is not None and who.get("email")
    }
    names = (
        who.get("email") or who.get("username") or who.get("id") if isinstance(who, dict) else who
        for who in raters
    )
    return [str(known.get(str(name), name)) for name in names]


def _of_task(task: dict[str, Any], where: str, path: str) -> Iterator[Annotation]:
    """The votes on a task of JSON, or the one of JSON_MIN."""
    at = f"{path}: {where}"
    if "annotations" not in task and "data" not in task:
        if "annotator" in task or "annotation_id" in task:
            yield from flat_annotation(task, where, path)
            return
        if task.get("image") is None and task.get("image_id") is None:
            raise FileError(
                f"{at} has neither 'annotations', as JSON has, nor 'annotator', as JSON_MIN has, "
                f"but must have one. {_JSON}."
            )
        return
    given = task.get("annotations", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise FileError(f"{at}: its annotations are not a list of objects, but must be. {_JSON}.")
    votes = [(n, one) for n, one in enumerate(given) if not one.get("was_cancelled")]
    if not votes:
        return
    data = task.get("data")
    if not isinstance(data, dict):
        data = {}
    image, label = image_of(data, at), _label_of(data, at)
    for number, one in votes:
        place = f"{where}: annotation[{number}]"
        yield Annotation(
            place, image, label, _rater_of(one.get("completed_by"), "completed_by", path, place),
            _choice_of(_results(one), path, place), one.get("created_at"),
            _seconds_of(one.get("lead_time"), path, place), str(data.get("class_id") or ""),
        )  # fmt: skip


def flat_annotation(task: dict[str, Any], where: str, path: str) -> Iterator[Annotation]:
    """The vote in a flat object or row; none where nobody has annotated, or it was cancelled."""
    at, who = f"{path}: {where}", task.get("annotator")
    if (who is None or who == "") and task.get("annotation_id") in {None, ""}:
        return
    if task.get("was_cancelled") in {True, "true", "True"}:
        return
    yield Annotation(
        where, image_of(task, at), _label_of(task, at), _rater_of(who, "annotator", path, where),
        _choice_of([task.get(FIELD)], path, where), task.get("created_at"),
        _seconds_of(task.get("lead_time"), path, where), str(task.get("class_id") or ""),
    )  # fmt: skip


def _label_of(data: dict[str, Any], at: str) -> str:
    label = data.get("label")
    if isinstance(label, bool) or not isinstance(label, str | int) or label == "":
        raise DataError(
            f"{at}: its data has no 'label', but must name the class that was asked about. Make "
            "the project of tasks that `reassess votes export` wrote."
        )
    return str(label)


def image_of(data: dict[str, Any], at: str) -> str:
    """The image's id; without one, the path of the file in Label Studio's local storage.

    A file that was uploaded has the name with which it came: Label Studio puts eight digits before.

    Args:
        data: of a task.
        at: the file and the task, for messages.

    Raises:
        DataError: there is none.
    """
    named = data.get("image_id", data.get("image"))
    if not isinstance(named, str) or not named:
        if "label" not in data:
            _label_of(data, at)
        raise DataError(f"{at}: its data has no 'image_id' or 'image', but must name the image.")
    if "image_id" not in data:
        below = parse_qs(urlsplit(named).query).get("d")
        named = below[0] if below else _UPLOADED.sub("", named)
    return plain_text(named)


def _rater_of(who: Any, key: str, path: str, place: str) -> Any:
    name = who
    if isinstance(who, dict):
        name = who.get("email") or who.get("username") or who.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise DataError(f"{path}: {place}: {key} is {who!r}, but must say whose vote it is.")
    return who


def _results(annotation: dict[str, Any]) -> list[Any]:
    results = annotation.get("result")
    return [
        one.get("value")
        for one in (results if isinstance(results, list) else [])
        if isinstance(one, dict) and one.get("from_name") == FIELD
    ]


def _choice_of(values: Sequence[Any], path: str, place: str) -> str:
    """The one choice in values such as ``yes`` or ``{"choices": ["yes"]}``."""
    some = [value.get("choices") if isinstance(value, dict) else value for value in values]
    chosen = [
        str(choice) for one in some for choice in (one if isinstance(one, list) else [one])
        if choice is not None and choice != ""
    ]  # fmt: skip
    if len(chosen) != 1:
        raise DataError(
            f"{path}: {place}: the choice {FIELD!r} is {chosen}, but must be one of no, maybe, "
            "yes. Leave the annotation out, or name the control so."
        )
    return chosen[0]


def _seconds_of(took: Any, path: str, place: str) -> float:
    if took is None or took == "":
        return float("nan")
    try:
        seconds = float("-inf") if isinstance(took, bool) else float(took)
    except (TypeError, ValueError):
        seconds = float("-inf")
    if not 0 <= seconds < float("inf"):
        raise DataError(
            f"{path}: {place}: lead_time is {took!r}, but must be seconds. Leave it out."
        )
    return seconds
