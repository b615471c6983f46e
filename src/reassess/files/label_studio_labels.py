"""Label sets as Label Studio's JSON: tasks of a project in which images are classified.

Read are tasks with an annotation each, whose choices are the classes of the image; or tasks that
nobody annotated, whose ``data`` names a class beside the image, as they are imported. Of several
annotations that which is marked as ground truth counts; without one they must agree, as opinions
that differ are votes. Tasks with a yes, maybe or no on a class are votes, too
(`reassess.files.label_studio`), and predictions are those of models; neither are labels.

What is written has an annotation a task, with the labelling configuration beside, so that a project
shows the labels and people can change them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from reassess.errors import DataError, FileError, preview
from reassess.files.access import write_atomically
from reassess.files.annotations import FIELD, image_of
from reassess.files.columns import LABELS
from reassess.files.label_formats import LabelFile, classes_stated_in
from reassess.files.label_readers import stands_beside
from reassess.files.label_studio import LOCAL_FILES, configuration_file
from reassess.files.label_writers import distinct_names, names_in_file, stated_classes, write_meta
from reassess.files.tagged_images import TaggedImages
from reassess.notes import note
from reassess.records import ANSWERS, LabelSets

_CONTROL = "label"
_EXPORT = "Export from Label Studio as JSON, of a project that classifies images by one control"


def is_label_studio(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    """Whether what a JSON file holds is a list of Label Studio's tasks."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and isinstance(one.get("data"), dict) for one in value)
    )


@dataclass(slots=True)
class _Choices:
    """The classes of images, as far as they were read.

    ``image`` and ``word`` have one entry a class of an image; ``controls`` are the names of what
    was chosen with.
    """

    images: list[str] = field(default_factory=list)
    image: list[int] = field(default_factory=list)
    word: list[str] = field(default_factory=list)
    controls: set[str] = field(default_factory=set)
    n_open: int = 0
    n_others: int = 0

    def add(self, image_id: str, words: Sequence[str]) -> None:
        """Take an image with its classes."""
        self.image += [len(self.images)] * len(words)
        self.word += words
        self.images.append(image_id)


def read_label_studio_labels(source: LabelFile) -> LabelSets:
    """The classes of each image.

    Raises:
        FileError: the tasks hold votes or predictions and no labels, or choices of two controls.
        DataError: annotations of a task differ, an image appears twice, or a class is none.
    """
    tasks, path = source.value, source.path
    annotated = any(one.get("annotations") for one in tasks)
    found = _annotated(tasks, path) if annotated else _imported(tasks, path)
    stated = classes_stated_in(stands_beside(path), path)
    words = sorted(set(found.word)) if stated is None else distinct_names(stated)
    place = {word: n for n, word in enumerate(words)}
    tagged = TaggedImages(
        path,
        found.images,
        np.array(found.image, dtype=np.int64),
        np.array([place[word] for word in found.word], dtype=np.int64),
        words if stated is None else list(stated.ids),
        "choices",
        states_empty=True,
    )
    read = tagged.label_sets(source.name, stated or source.classes)
    return read if stated is None else read.numbered_by(source.classes)


def _annotated(tasks: Sequence[dict[str, Any]], path: Path) -> _Choices:
    """The choices of annotations.

    Raises:
        FileError: they are votes, or of two controls.
        DataError: two annotations of a task differ.
    """
    found = _Choices()
    opinions = [_opinions(task, f"{path}: task[{n}]", found) for n, task in enumerate(tasks)]
    _check_control(found, opinions, path)
    for n, sets in enumerate(opinions):
        if not sets:
            found.n_open += 1
            continue
        other = next((one for one in sets if set(one) != set(sets[0])), None)
        if other is not None:
            raise DataError(
                f"{path}: task[{n}] has {len(sets)} annotations that differ, {sets[0]} and "
                f"{other}, but must have one: opinions that differ are votes. Mark one as ground "
                "truth, or delete the others."
            )
        found.add(image_of(tasks[n]["data"], f"{path}: task[{n}]"), sets[0])
    _note_what_is_left_out(found, len(tasks), path)
    return found


def _check_control(
    found: _Choices, opinions: Sequence[Sequence[Sequence[str]]], path: Path
) -> None:
    """Refuse choices that are votes, or of two controls, or none.

    Raises:
        FileError: they are.
    """
    words = {word.lower() for sets in opinions for one in sets for word in one}
    if found.controls == {FIELD} and words <= {*ANSWERS}:
        raise FileError(
            f"{path}: it holds answers of no, maybe and yes, which are votes, but must hold "
            "labels. Aggregate them first: reassess aggregate"
        )
    if len(found.controls) > 1:
        raise FileError(
            f"{path}: choices were made with {preview(sorted(found.controls), 4)}, but must be "
            f"with one control, whose choices are the classes. {_EXPORT}."
        )
    if not found.controls:
        raise FileError(f"{path}: no annotation holds a choice, but one must. {_EXPORT}.")


def _note_what_is_left_out(found: _Choices, n_tasks: int, path: Path) -> None:
    if found.n_open:
        note(
            f"{path}: {found.n_open:,} of {n_tasks:,} tasks have no annotation; their images were "
            "left out, as nobody looked at them."
        )
    if found.n_others:
        note(
            f"{path}: {found.n_others:,} boxes, texts and other results that are no choices were "
            "left out."
        )


def _opinions(task: dict[str, Any], where: str, found: _Choices) -> list[list[str]]:
    """The choices of each annotation of a task that counts."""
    given = task.get("annotations") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise FileError(f"{where}: its annotations are no list of objects. {_EXPORT}.")
    counted = [one for one in given if not one.get("was_cancelled")]
    truths = [one for one in counted if one.get("ground_truth")]
    return [_choices(one, where, found) for one in truths or counted]


def _choices(annotation: dict[str, Any], where: str, found: _Choices) -> list[str]:
    chosen: list[str] = []
    for one in annotation.get("result") or []:
        if not isinstance(one, dict) or one.get("type") != "choices":
            found.n_others += 1
            continue
        value = one.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(choices, list) or not all(isinstance(c, str) and c for c in choices):
            raise DataError(
                f"{where}: its choices are {str(choices)[:60]}, but must be a list of classes. "
                f"{_EXPORT}."
            )
        found.controls.add(str(one.get("from_name")))
        chosen += choices
    return list(dict.fromkeys(chosen))


def _imported(tasks: Sequence[dict[str, Any]], path: Path) -> _Choices:
    """The classes that tasks without annotations name beside the image.

    Raises:
        FileError: they name none, or two of their fields could be it.
        DataError: a class is no text or number.
    """
    fields = LABELS.candidates(tuple(tasks[0]["data"]))
    if len(fields) != 1:
        what = f"{preview(fields)} could each be the label" if fields else "none names a class"
        some = sum(bool(one.get("predictions")) for one in tasks)
        held = f" {some:,} of them have predictions: give these as a model's." * bool(some)
        raise FileError(
            f"{path}: its {len(tasks):,} tasks have no annotation, and of the fields of their data "
            f"{what}, but one must.{held} {_EXPORT}, or name the field 'label'."
        )
    found, sets = _Choices(), dict[str, list[str]]()
    for n, task in enumerate(tasks):
        where = f"{path}: task[{n}]"
        value = task["data"].get(fields[0])
        held_here = value if isinstance(value, list) else [value]
        if not all(type(one) in {int, str} and one != "" for one in held_here):
            raise DataError(
                f"{where}: its {fields[0]!r} is {str(value)[:60]}, but must be a class or a list "
                "of classes."
            )
        sets.setdefault(image_of(task["data"], where), []).extend(map(str, held_here))
    for image_id, words in sets.items():
        found.add(image_id, words)
    note(f"{path}: nobody annotated its tasks; their {fields[0]!r} was read as labels.")
    return found


def write_label_studio_labels(labels: LabelSets, path: Path) -> None:
    """Write label sets as tasks, with the labelling configuration and the classes beside.

    Raises:
        FileError: a file cannot be written.
    """
    words = names_in_file(labels)
    pairs = zip(labels.image_ids.tolist(), labels.lists(), strict=True)
    tasks = [_task(n, image_id, [words[k] for k in held]) for n, (image_id, held) in
             enumerate(pairs, start=1)]  # fmt: skip
    text = json.dumps(tasks, ensure_ascii=False) + "\n"
    with write_atomically(path) as beside:
        beside.write_text(text, encoding="utf-8")
    choices = "".join(f"    <Choice value={quoteattr(word)}/>\n" for word in words)
    with write_atomically(configuration_file(path)) as beside:
        beside.write_text(
            '<View>\n  <Image name="image" value="$image"/>\n'
            f'  <Choices name="{_CONTROL}" toName="image" choice="multiple">\n{choices}'
            "  </Choices>\n</View>\n",
            encoding="utf-8",
        )
    write_meta(text, stated_classes(labels.classes), path)


def _task(number: int, image_id: str, words: Sequence[str]) -> Mapping[str, Any]:
    chosen = {
        "from_name": _CONTROL, "to_name": "image", "type": "choices", "value": {"choices": words}
    }  # fmt: skip
    return {
        "id": number,
        "data": {"image": LOCAL_FILES + quote(image_id), "image_id": image_id},
        "annotations": [
            {"id": number, "was_cancelled": False, "result": [chosen] if words else []}
        ],
    }
