"""Experts' verdicts on the mistakes of one model that remain after review, as published.

A JSON object {file name: {"top_prediction": class, "failure category": ..., "failure
severity": ...}}, one entry an image. The files spell one category in two ways; here it has
one name. A verdict is about one prediction: that it is wrong, and how badly. What else is in
the image, and which label would be right, it does not say. Letters: n mistakes.

Source: Vasudevan et al. (2022), "When does dough become a bagel? Analyzing the remaining
mistakes on ImageNet", NeurIPS; github.com/google-research/imagenet-mistakes.
"""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.errors import DataError, FileError, preview
from reassess.files.access import read_json

CATEGORIES = (
    "fine-grained",
    "fine-grained, out of vocabulary",
    "spurious correlation",
    "non-prototypical",
    "fine-grained, several labels",
)
"""Why the model is wrong; `ExpertMistakes.category` indexes them."""

SEVERITIES = ("borderline", "minor", "major")
"""How bad the mistake is, mildest first; `ExpertMistakes.severity` indexes them."""

_SPELLINGS = {
    "fine-grained error": 0,
    "fine-grained error with oov": 1,
    "fine-grained with oov": 1,
    "spurious correlation": 2,
    "non-prototypical": 3,
    "fine-grained with multilabel options": 4,
}
_PREDICTION, _CATEGORY, _SEVERITY = "top_prediction", "failure category", "failure severity"


@dataclass(frozen=True, slots=True)
class ExpertMistakes:
    """Predictions of one model that experts found wrong.

    Attributes:
        model: its name.
        image_ids: the n images, strings.
        label: the class that the model predicts on each, wrongly.
        category: why, as an index into `CATEGORIES`.
        severity: how bad, as an index into `SEVERITIES`.
    """

    model: str
    image_ids: Shaped[np.ndarray, "n"]
    label: Int[np.ndarray, "n"]
    category: Int[np.ndarray, "n"]
    severity: Int[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.image_ids)

    def of_category(self, category: str) -> Bool[np.ndarray, "n"]:
        """Which mistakes are of this one of `CATEGORIES`."""
        found: Bool[np.ndarray, "n"] = self.category == CATEGORIES.index(category)
        return found

    def of_severity(self, severity: str) -> Bool[np.ndarray, "n"]:
        """Which mistakes are of this one of `SEVERITIES`."""
        found: Bool[np.ndarray, "n"] = self.severity == SEVERITIES.index(severity)
        return found


def read_expert_mistakes(
    path: str | PathLike[str], *, model: str | None = None, n_classes: int | None = None
) -> ExpertMistakes:
    """Experts' verdicts on the remaining mistakes of a model.

    Args:
        path: the file.
        model: what the model is called; the file's stem without ``_mistakes`` by default.
        n_classes: how many classes there are, where that is known.

    Raises:
        FileError: the file is missing, no JSON, or an entry is not of the form above.
        DataError: an image appears twice.
    """
    path = Path(path)
    value = read_json(path)
    if not isinstance(value, dict) or not value:
        raise FileError(
            f"{path}: it holds {'nothing' if value == {} else type(value).__name__}, but must hold "
            f'an object {{file name: {{"{_PREDICTION}": class, "{_CATEGORY}": ..., '
            f'"{_SEVERITY}": ...}}}}.'
        )
    entries = [_entry(path, image_id, entry, n_classes) for image_id, entry in value.items()]
    label, category, severity = np.array(entries, dtype=np.int64).T
    name = model or path.stem.removesuffix("_mistakes")
    return ExpertMistakes(name, np.array(list(value), dtype=str), label, category, severity)


def is_expert_mistakes(path: str | PathLike[str]) -> bool:
    """Whether a file holds such verdicts; a file that cannot be read does not.

    A reader that says what is wrong with the file comes after.
    """
    try:
        value = read_json(Path(path)) if Path(path).suffix.lower() == ".json" else None
    except DataError:
        return False
    first = next(iter(value.values()), None) if isinstance(value, dict) else None
    return isinstance(first, dict) and _PREDICTION in first


def _entry(path: Path, image_id: str, entry: Any, n_classes: int | None) -> tuple[int, int, int]:
    """The predicted class, the category and the severity of one mistake."""
    where = f"{path}: image {image_id!r}"
    if not isinstance(entry, dict) or not {_PREDICTION, _CATEGORY, _SEVERITY} <= entry.keys():
        raise FileError(
            f"{where} is {str(entry)[:60]}, but must have {_PREDICTION!r}, {_CATEGORY!r} and "
            f"{_SEVERITY!r}."
        )
    label = entry[_PREDICTION]
    if type(label) is not int or label < 0 or (n_classes is not None and label >= n_classes):
        end = "" if n_classes is None else f" below {n_classes:,}"
        raise FileError(f"{where}: {_PREDICTION} is {label!r}, but must be a class index{end}.")
    category = _SPELLINGS.get(str(entry[_CATEGORY]).strip().lower())
    if category is None:
        raise FileError(
            f"{where}: {_CATEGORY} is {entry[_CATEGORY]!r}, but must be one of "
            f"{preview(_SPELLINGS, 9)}, in any case."
        )
    severity = str(entry[_SEVERITY]).strip().lower()
    if severity not in SEVERITIES:
        raise FileError(
            f"{where}: {_SEVERITY} is {entry[_SEVERITY]!r}, but must be one of "
            f"{preview(SEVERITIES)}, in any case."
        )
    return label, category, SEVERITIES.index(severity)
