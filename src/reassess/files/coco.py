"""Label sets as COCO's JSON: an annotation says that a category is in an image.

``images`` {id, file_name}, ``categories`` {id, name} and ``annotations`` {image_id, category_id}.
What is written has no boxes, and for each annotation its posterior as ``score``; categories have
the class index as their number and the class's id as ``class_id``. What others write may have
boxes or outlines: an image then holds each category of which it has one.

Results of detectors, which are a list of objects with ``score``, are predictions of boxes and are
refused.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import FileError
from reassess.files.access import prefix_errors_with, write_atomically
from reassess.files.label_formats import LabelFile
from reassess.files.tagged_images import TaggedImages
from reassess.notes import note
from reassess.records import Classes, LabelSets

_PARTS = ("images", "annotations", "categories")


def is_coco(value: Any) -> bool:
    """Whether what a JSON file holds looks like COCO's object."""
    return isinstance(value, dict) and set(_PARTS) <= value.keys()


def read_coco(source: LabelFile) -> LabelSets:
    """The categories that each image has.

    Raises:
        FileError: a part of the file is not of COCO's form.
        DataError: an annotation names no image or category of the file, or a category is no class.
    """
    images, annotations, categories = (_objects(source, part) for part in _PARTS)
    image_of = {_key(source.path, "images", n, one, "id"): n for n, one in enumerate(images)}
    names = [_key(source.path, "images", n, one, "file_name") for n, one in enumerate(images)]
    order = sorted(
        range(len(categories)), key=lambda n: _order(_number(source.path, n, categories[n]))
    )
    categories = [categories[n] for n in order]
    class_of = {_number(source.path, n, one): n for n, one in enumerate(categories)}
    image, word = (
        np.array([_place(source.path, n, one, key, known) for n, one in enumerate(annotations)])
        for key, known in (("image_id", image_of), ("category_id", class_of))
    )
    _refuse_repeats(source.path, image_of, class_of, (images, categories))
    if any(one.get("bbox") or one.get("segmentation") for one in annotations):
        note(
            f"{source.path}: its annotations have boxes or outlines; an image was read to hold "
            "each category of which it has one."
        )
    words = [
        str(_key(source.path, "categories", n, one, "name")) for n, one in enumerate(categories)
    ]
    info = source.value.get("info")
    info = info if isinstance(info, dict) else {}  # ours says how many classes there are
    stated = _stated_classes(categories, words, source.path)
    tagged = TaggedImages(
        source.path, [str(name) for name in names], image.astype(np.int64), word.astype(np.int64),
        words if stated is None else list(stated.ids), "annotations", "n_classes" in info,
    )  # fmt: skip
    found = tagged.label_sets(source.name, stated or source.classes)
    if "n_classes" in info:
        found = _with_scores(found, annotations, image, word)
    else:
        _note_scores(source.path, annotations)
    if found.classes is None and type(info.get("n_classes")) is int:
        found = replace(found, n_classes=info["n_classes"])
    return found if stated is None else found.numbered_by(source.classes)


def write_coco(labels: LabelSets, path: Path) -> None:
    """Write label sets; those without classes have their indices for names.

    Raises:
        FileError: the file cannot be written.
    """
    classes, n_classes = labels.classes, labels.n_classes
    if classes is None:
        n_classes = n_classes or int(labels.indices.max(initial=-1)) + 1
        categories: list[dict[str, Any]] = [{"id": n, "name": str(n)} for n in range(n_classes)]
    else:
        categories = [
            {"id": n, "name": name, "class_id": class_id}
            for n, (name, class_id) in enumerate(zip(classes.names, classes.ids, strict=True))
        ]
    scores = [None] * len(labels.indices) if labels.posterior is None else labels.posterior.tolist()
    pairs = zip(labels.image.tolist(), labels.indices.tolist(), scores, strict=True)
    value = {
        "info": {"description": f"image-level labels {labels.name}", "n_classes": labels.n_classes},
        "images": [
            {"id": n, "file_name": image_id} for n, image_id in enumerate(labels.image_ids.tolist())
        ],
        "annotations": [
            {"id": n, "image_id": image, "category_id": label}
            | ({} if score is None else {"score": score})
            for n, (image, label, score) in enumerate(pairs)
        ],
        "categories": categories,
    }
    with write_atomically(path) as beside:
        beside.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


def _objects(source: LabelFile, part: str) -> list[dict[str, Any]]:
    value = source.value[part]
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise FileError(
            f"{source.path}: {part!r} is {str(value)[:40]}, but must be a list of objects, as "
            "COCO's JSON has it. Export it again."
        )
    return value


def _key(path: Path, part: str, n: int, one: dict[str, Any], key: str) -> Any:
    """A value of an object that must have it, as a text or a number."""
    value = one.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise FileError(
            f"{path}: {part}[{n}] has {key} {value!r}, but must have a text or a number there. "
            "Export it again as COCO's JSON."
        )
    return value


def _number(path: Path, n: int, one: dict[str, Any]) -> Any:
    return _key(path, "categories", n, one, "id")


def _order(value: Any) -> tuple[bool, Any]:
    """Numbers in their order, before texts in theirs."""
    return isinstance(value, str), value


def _place(path: Path, n: int, one: dict[str, Any], key: str, known: dict[Any, int]) -> int:
    value = one.get(key)
    if isinstance(value, list | dict) or value not in known:
        raise FileError(
            f"{path}: annotations[{n}] has {key} {value!r}, but must name one of the "
            f"{len(known):,} that the file lists. Export it again."
        )
    return known[value]


def _refuse_repeats(
    path: Path, image_of: dict[Any, int], class_of: dict[Any, int], parts: tuple[Any, Any]
) -> None:
    for what, found, listed in zip(
        ("images", "categories"), (image_of, class_of), parts, strict=True
    ):
        if len(found) < len(listed):
            raise FileError(
                f"{path}: two of its {what} have one id, but each must have its own; "
                f"{len(listed) - len(found):,} are repeats. Export it again."
            )


def _stated_classes(
    categories: list[dict[str, Any]], names: list[str], path: Path
) -> Classes | None:
    """The classes that a file of ours states."""
    ids = [one.get("class_id") for one in categories]
    if not ids or not all(isinstance(one, str) for one in ids):
        return None
    blank = ("",) * len(ids)
    with prefix_errors_with(path):
        return Classes(tuple(map(str, ids)), tuple(names), blank, blank)


def _note_scores(path: Path, annotations: list[dict[str, Any]]) -> None:
    """Tell that others' annotations have scores, as detectors write: each counts, however low."""
    scores = [one["score"] for one in annotations if type(one.get("score")) in {int, float}]
    if scores:
        note(
            f"{path}: {len(scores):,} of {len(annotations):,} annotations have a score, from "
            f"{min(scores):g} to {max(scores):g}, as predictions of detectors have; each was read "
            "as a label, however low. Leave out those that are too low."
        )


def _with_scores(
    found: LabelSets, annotations: list[dict[str, Any]], image: Any, word: Any
) -> LabelSets:
    """The label sets with the posterior that each annotation states, where all do, once a label."""
    scores = [one.get("score") for one in annotations]
    if len(scores) != len(found.indices) or not all(type(one) is float for one in scores):
        return found
    order = np.lexsort((word, image))
    return replace(found, posterior=np.array(scores)[order])
