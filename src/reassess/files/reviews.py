"""Reviews of mistakes as one JSON file (docs/mistakes.md): what was drawn, and from what."""

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import DataError, FileError
from reassess.files.access import prefix_errors_with, read_json, write_atomically
from reassess.records import MistakeReview, Pairs

FORMAT = "reassess mistake review 1"


def write_review(review: MistakeReview, path: str | PathLike[str]) -> None:
    """Write a review; the same review gives the same bytes.

    Raises:
        FileError: the file cannot be written.
    """
    pairs = review.pairs
    columns = zip(
        pairs.image_ids[pairs.image].tolist(), pairs.label.tolist(), review.stratum.tolist(),
        review.kind.tolist(), review.made_by, strict=True,
    )  # fmt: skip
    found = {
        "format": FORMAT,
        "study": review.study,
        "seed": review.seed,
        "n_right": review.n_right,
        **({} if pairs.class_ids is None else {"class_ids": list(pairs.class_ids)}),
        "models": [
            {"name": name, "n_scored": scored, "n_mistakes": mistakes}
            for name, scored, mistakes in zip(
                review.models, review.n_scored.tolist(), review.n_mistakes.tolist(), strict=True
            )
        ],
        "kinds": [
            {"name": name, "n_mistakes": n}
            for name, n in zip(review.kinds, review.n_of_kind.tolist(), strict=True)
        ],
        "strata": [
            {"name": name, "n_mistakes": n}
            for name, n in zip(review.strata, review.n_population.tolist(), strict=True)
        ],
        "mistakes": [
            {
                "image": image, "predicted": label, "stratum": stratum, "kind": kind,
                "models": np.flatnonzero(made_by).tolist(),
            }
            for image, label, stratum, kind, made_by in columns
        ],
    }  # fmt: skip
    with write_atomically(path) as beside:
        beside.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_review(path: str | PathLike[str]) -> MistakeReview:
    """Read a review that `write_review` wrote.

    Raises:
        FileError: the file is missing, corrupt or something else.
        DataError: its columns do not fit together.
    """
    path = Path(path)
    found = read_json(path)
    try:
        if found["format"] != FORMAT:
            raise FileError(
                f"{path}: format is {found['format']!r}, but must be {FORMAT!r}. Use the version "
                "of reassess that wrote it."
            )
        with prefix_errors_with(path):
            return _review(found)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise FileError(
            f"{path}: it is not a review of mistakes ({error}). Make one: reassess mistakes STUDY "
            "--review"
        ) from error


def _review(found: dict[str, Any]) -> MistakeReview:
    models, mistakes = found["models"], found["mistakes"]
    if not mistakes:
        raise DataError("review: there are 0 mistakes, but must be at least one.")
    image_ids, image = np.unique([one["image"] for one in mistakes], return_inverse=True)
    made_by = np.zeros((len(mistakes), len(models)), np.bool_)
    for row, one in enumerate(mistakes):
        made_by[row, one["models"]] = True

    def column(rows: list[dict[str, Any]], name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array([int(one[name]) for one in rows], np.int64)

    def names(rows: list[dict[str, Any]]) -> tuple[str, ...]:
        return tuple(str(one["name"]) for one in rows)

    stated = found.get("class_ids")
    class_ids = None if stated is None else tuple(str(one) for one in stated)
    return MistakeReview(
        study=str(found["study"]), models=names(models),
        n_scored=column(models, "n_scored"), n_mistakes=column(models, "n_mistakes"),
        n_right=int(found["n_right"]),
        kinds=names(found["kinds"]), n_of_kind=column(found["kinds"], "n_mistakes"),
        strata=names(found["strata"]), n_population=column(found["strata"], "n_mistakes"),
        pairs=Pairs(image_ids, image, column(mistakes, "predicted"), class_ids),
        stratum=column(mistakes, "stratum"), kind=column(mistakes, "kind"), made_by=made_by,
        seed=int(found["seed"]),
    )  # fmt: skip
