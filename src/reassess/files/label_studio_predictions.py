"""What models predicted, as Label Studio's tasks hold it: ``predictions`` of choices, by model.

A prediction says one class; several of one model on a task are ranked by their scores, which are
otherwise left out, as the tasks do not say what they are. Annotations are not looked at.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reassess.errors import DataError, FileError
from reassess.files.access import read_json
from reassess.files.annotations import image_of
from reassess.files.json_tables import JsonTable
from reassess.files.label_studio_labels import is_label_studio
from reassess.notes import note

_PEEKED = 1 << 16
"""So many bytes hold the first task of an export."""


def label_studio_models(path: Path) -> dict[str, JsonTable] | None:
    """A table of predictions a model; None where the file holds no tasks.

    Raises:
        FileError: the tasks hold no prediction.
        DataError: a prediction names no class or several, or a model's have no order.
    """
    with path.open("rb") as file:
        head = file.read(_PEEKED)
    if b'"data"' not in head:
        return None
    tasks = read_json(path)
    if not is_label_studio(tasks):
        return None
    found: dict[str, dict[str, list[tuple[str, Any]]]] = {}
    for n, task in enumerate(tasks):
        where = f"{path}: task[{n}]"
        for one in task.get("predictions") or []:
            if not isinstance(one, dict):
                raise FileError(f"{where}: its predictions are no objects. Export as JSON.")
            by_image = found.setdefault(str(one.get("model_version") or path.stem), {})
            ranked = by_image.setdefault(image_of(task["data"], where), [])
            ranked.append((_class(one, where), one.get("score")))
    if not found:
        raise FileError(
            f"{path}: its {len(tasks):,} tasks of Label Studio hold 0 predictions, but must hold "
            "some: annotations are people's. Export with predictions, or give it as labels."
        )
    return {model: _table(path, model, by_image) for model, by_image in found.items()}


def _class(prediction: dict[str, Any], where: str) -> str:
    """The class of a prediction.

    Raises:
        DataError: it is not one choice.
    """
    chosen = [
        choice
        for one in prediction.get("result") or []
        if isinstance(one, dict) and one.get("type") == "choices"
        for choice in (one.get("value") or {}).get("choices") or []
    ]
    if len(chosen) != 1 or not isinstance(chosen[0], str):
        raise DataError(
            f"{where}: a prediction is {str(chosen)[:60]}, but must be one class, as several have "
            "no order. Write one prediction a class, with its score."
        )
    return chosen[0]


def _table(path: Path, model: str, by_image: dict[str, list[tuple[str, Any]]]) -> JsonTable:
    """The predictions of a model, best first.

    Raises:
        DataError: two of one task have no order.
    """
    depths = [len(ranked) for ranked in by_image.values()]
    if min(depths) < max(depths):
        note(f"{path}: {model!r} has {min(depths)} predictions on some images; so many were read.")
    rows = [
        _ranked(ranked, f"{path}: {model!r} on {image!r}")[: min(depths)]
        for image, ranked in by_image.items()
    ]
    return JsonTable(path, {"filename": list(by_image), "prediction": rows})


def _ranked(predictions: Sequence[tuple[str, Any]], where: str) -> list[str]:
    scores = [score for _, score in predictions]
    if len(scores) == 1:
        return [predictions[0][0]]
    if not all(type(one) in {int, float} for one in scores) or len(set(scores)) < len(scores):
        raise DataError(
            f"{where} has {len(scores)} predictions with the scores {str(scores)[:60]}, but must "
            "have a number for each, no two alike, to rank them. Leave the best."
        )
    return [word for word, _ in sorted(predictions, key=lambda one: -one[1])]
