"""Posteriors as one `.npz` of plain arrays (docs/file-formats.md)."""

from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import FileError
from reassess.files.access import (
    Array,
    check_readable,
    prefix_errors_with,
    read_npz,
    write_atomically,
)
from reassess.records import Pairs, Posterior, Questions

FORMAT = "reassess posterior 1"


def write_posterior(posterior: Posterior, path: str | Path) -> None:
    """Write a posterior; the same posterior gives the same bytes.

    Raises:
        FileError: the file cannot be written.
    """
    pairs = posterior.questions.pairs
    columns: dict[str, Any] = {
        "format": np.array(FORMAT),
        "method": np.array(posterior.method),
        "states": np.array(posterior.states),
        "answers": np.array(posterior.answers),
        "probability": posterior.probability,
        "log_probability": posterior.log_probability,
        "rater_ids": posterior.rater_ids,
        "log_likelihood": np.array(posterior.log_likelihood, dtype=float),
        "objective": np.array(posterior.objective, dtype=float),
        "used_gold": np.array(posterior.used_gold),
    }
    if pairs is not None:
        columns |= {"image_ids": pairs.image_ids, "image": pairs.image, "label": pairs.label}
    if pairs is None or not np.array_equal(pairs.ids(), posterior.questions.ids):
        columns["question_ids"] = posterior.questions.ids
    for name in ("confusion", "prior", "converged", "votes_sha256", "gold_sha256"):
        value = getattr(posterior, name)
        if value is not None:
            columns[name] = np.asarray(value)
    with write_atomically(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **columns)


def read_posterior(path: str | Path) -> Posterior:
    """Read a posterior that `write_posterior` wrote.

    Raises:
        FileError: the file is missing, corrupt or something else.
        DataError: its columns do not fit together.
    """
    path = Path(path)
    check_readable(path)
    if path.suffix.lower() != ".npz":
        raise FileError(
            f"{path}: it is not a posterior. Give the .npz that `reassess aggregate` wrote."
        )
    arrays = read_npz(path)
    if str(arrays.get("format")) != FORMAT:
        raise FileError(
            f"{path}: it is not a posterior, or of another version. Give the file that `reassess "
            "aggregate` wrote."
        )
    try:
        with prefix_errors_with(path):
            return _posterior(arrays)
    except KeyError as error:
        raise FileError(f"{path}: the array {error} is missing. Aggregate again.") from error
    except (IndexError, TypeError, ValueError) as error:
        raise FileError(
            f"{path}: its arrays do not fit together ({error}). Aggregate again."
        ) from error


def _posterior(arrays: dict[str, Array]) -> Posterior:
    if "image_ids" in arrays:
        pairs = Pairs(arrays["image_ids"], arrays["image"], arrays["label"])
        questions = Questions(arrays.get("question_ids", pairs.ids()), pairs)
    else:
        questions = Questions(arrays["question_ids"], None)
    # Version 0.1.0 called the states truths, and its calibrated posteriors alone used gold.
    states = arrays["states"] if "states" in arrays else arrays["truths"]
    used_gold = arrays.get("used_gold", np.array("gold_sha256" in arrays))
    return Posterior(
        questions=questions,
        states=tuple(states.tolist()),
        log_probability=arrays["log_probability"],
        method=str(arrays["method"]),
        answers=tuple(arrays["answers"].tolist()),
        rater_ids=arrays["rater_ids"],
        confusion=arrays.get("confusion"),
        prior=arrays.get("prior"),
        log_likelihood=tuple(arrays["log_likelihood"].tolist()),
        objective=tuple(arrays["objective"].tolist()),
        converged=bool(arrays["converged"]) if "converged" in arrays else None,
        used_gold=bool(used_gold),
        votes_sha256=str(arrays["votes_sha256"]) if "votes_sha256" in arrays else None,
        gold_sha256=str(arrays["gold_sha256"]) if "gold_sha256" in arrays else None,
    )
