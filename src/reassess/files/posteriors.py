"""Posteriors, ``.npz`` (docs/file-formats.md): arrays of the questions, the raters, the model.

Small ones are compressed, with every array as it is. Of large ones as few bytes as can be are
written, uncompressed: log-odds in place of two log-probabilities, and for images whose questions
stand together how many they have.
"""

import zipfile
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt

from reassess.errors import FileError
from reassess.files.access import (
    Array,
    check_readable,
    prefix_errors_with,
    read_npz,
    write_atomically,
)
from reassess.files.array_archives import ArrayBlocks, write_array
from reassess.records import Classes, Pairs, Posterior, Questions
from reassess.records.arrays import TextBytes

POSTERIOR_FORMAT = "reassess posterior 1"

_LARGE = 100_000
"""Questions above which a posterior is not compressed, which would take longer than reading and
fitting their votes, and holds no array that another one gives."""

_AT_ONCE = 1_000_000
"""Questions that are worked on at once."""


def write_posterior(posterior: Posterior, path: str | PathLike[str]) -> None:
    """Write a posterior; the same posterior gives the same bytes.

    Raises:
        FileError: the file cannot be written.
    """
    columns: dict[str, Any] = {
        "format": np.array(POSTERIOR_FORMAT),
        "method": np.array(posterior.method),
        "states": np.array(posterior.states),
        "answers": np.array(posterior.answers),
        "rater_ids": posterior.rater_ids,
        "log_likelihood": np.array(posterior.log_likelihood, dtype=float),
        "objective": np.array(posterior.objective, dtype=float),
        "used_gold": np.array(posterior.used_gold),
    }
    is_large = len(posterior.questions) > _LARGE
    log_probability = posterior.log_probability
    if not is_large:
        columns |= {"log_probability": log_probability, "probability": posterior.probability}
    elif len(posterior.states) == 2:
        columns["log_odds"] = _log_odds(log_probability)
    else:
        columns["log_probability"] = log_probability
    if posterior.questions.pairs is not None:
        columns |= _pairs_as_arrays(posterior.questions.pairs, is_large=is_large)
    if not posterior.questions.is_canonical:
        columns |= _texts_as_arrays("question_id", posterior.questions.ids)
    for name in ("confusion", "prior", "converged", "votes_sha256", "gold_sha256", "gold_ids",
                 "confusion_prior", "held_out", "calibrated"):  # fmt: skip
        value = getattr(posterior, name)
        if value is not None:
            columns[name] = np.asarray(value)
    if posterior.context:
        columns["context"] = np.array(posterior.context, dtype=str)
    how = zipfile.ZIP_STORED if is_large else zipfile.ZIP_DEFLATED
    with write_atomically(path) as beside, zipfile.ZipFile(beside, "w", how) as archive:
        for name, column in columns.items():
            write_array(archive, name, column)


def _log_odds(log_probability: Float[np.ndarray, "Q two"]) -> ArrayBlocks:
    """Log-odds of the second of two states, computed as they are written."""

    def blocks() -> Iterator[Array]:
        for start in range(0, len(log_probability), _AT_ONCE):
            some = log_probability[start : start + _AT_ONCE]
            yield some[:, 1] - some[:, 0]

    return ArrayBlocks(log_probability.dtype, log_probability.shape[:1], blocks)


def read_posterior(path: str | PathLike[str], *, classes: Classes | None = None) -> Posterior:
    """Read a posterior that `write_posterior` wrote.

    Args:
        path: the file.
        classes: the classes, by whose numbers it is read; None leaves the file's.

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
    if str(arrays.get("format")) != POSTERIOR_FORMAT:
        raise FileError(
            f"{path}: it is not a posterior, or of another version. Give the file that `reassess "
            "aggregate` wrote."
        )
    try:
        with prefix_errors_with(path):
            return _posterior(arrays).numbered_by(classes)
    except KeyError as error:
        raise FileError(f"{path}: the array {error} is missing. Aggregate again.") from error
    except (IndexError, TypeError, ValueError) as error:
        raise FileError(
            f"{path}: its arrays do not fit together ({error}). Aggregate again."
        ) from error


def _pairs_as_arrays(pairs: Pairs, *, is_large: bool) -> dict[str, Array]:
    """The pairs as arrays of the file."""
    arrays: dict[str, Array] = {"image": pairs.image, "label": pairs.label}
    if is_large:
        n_questions = _questions_of_images(pairs.image, len(pairs.image_texts))
        if n_questions is not None:
            del arrays["image"]
            arrays["questions_of_image"] = n_questions
        arrays["label"] = pairs.label.astype(np.min_scalar_type(pairs.n_classes - 1))
    texts = pairs.image_texts
    if is_large or texts.is_large:
        arrays |= _bytes_as_arrays("image_id", texts)
    else:
        arrays["image_ids"] = pairs.image_ids
    if pairs.class_ids is not None:
        arrays["class_ids"] = np.array(pairs.class_ids, dtype=str)
    return arrays


def _texts_as_arrays(name: str, texts: Shaped[np.ndarray, "n"]) -> dict[str, Array]:
    """Texts as arrays of the file: of one width, or where that takes too much, as their bytes."""
    if texts.dtype.kind == "U":
        return {f"{name}s": texts}
    return _bytes_as_arrays(name, TextBytes.of(texts))


def _bytes_as_arrays(name: str, texts: TextBytes) -> dict[str, Array]:
    kind = np.min_scalar_type(len(texts.content))
    return {f"{name}_bytes": texts.content, f"{name}_ends": texts.ends.astype(kind)}


def _with_texts(arrays: dict[str, Array], name: str) -> dict[str, Array]:
    """The arrays of a file, with the texts that it holds as bytes."""
    if f"{name}_bytes" not in arrays:
        return arrays
    ends = arrays[f"{name}_ends"].astype(np.int64)
    return arrays | {f"{name}s": TextBytes(arrays[f"{name}_bytes"], ends).as_array()}


def _questions_of_images(
    image: Int[np.ndarray, "Q"], n_images: int
) -> UInt[np.ndarray, "N"] | None:
    """How many questions each image has; None where they do not stand together, by image."""
    starts = [np.zeros(1, np.int64)]
    for start in range(0, len(image) - 1, _AT_ONCE):
        some = image[start : start + _AT_ONCE + 1]
        starts.append(start + 1 + np.flatnonzero(some[1:] != some[:-1]))
    first = np.concatenate(starts)
    if not np.array_equal(image[first], np.arange(n_images, dtype=image.dtype)):
        return None
    n_questions = np.diff(first, append=len(image))
    return n_questions.astype(np.min_scalar_type(n_questions.max()))


def _log_probability(log_odds: Float[np.ndarray, "Q"]) -> Float[np.ndarray, "Q two"]:
    """Log-probabilities of two states, exact near 0 and 1."""
    found = np.empty((len(log_odds), 2))
    for start in range(0, len(log_odds), _AT_ONCE):
        some, of_state = log_odds[start : start + _AT_ONCE], found[start : start + _AT_ONCE]
        less = np.log1p(np.exp(-np.abs(some)))
        of_state[:, 0] = np.minimum(-some, 0.0) - less
        of_state[:, 1] = np.minimum(some, 0.0) - less
    return found


def _posterior(arrays: dict[str, Array]) -> Posterior:
    arrays = _with_texts(_with_texts(arrays, "image_id"), "question_id")
    if "image_ids" in arrays:
        stated = arrays.get("class_ids")
        class_ids = None if stated is None else tuple(stated.tolist())
        image = arrays.get("image")
        if image is None:
            numbers = np.arange(len(arrays["image_ids"]), dtype=np.int32)
            image = np.repeat(numbers, arrays["questions_of_image"])
        label = arrays["label"]
        label = label.astype(np.int32) if label.dtype.kind == "u" else label
        pairs = Pairs(arrays["image_ids"], image, label, class_ids)
        named = arrays.get("question_ids")
        questions = Questions.from_pairs(pairs) if named is None else Questions(named, pairs)
    else:
        questions = Questions(arrays["question_ids"], None)
    # Version 0.1.0 called the states truths, and its calibrated posteriors alone used gold.
    states = arrays["states"] if "states" in arrays else arrays["truths"]
    used_gold = arrays.get("used_gold", np.array("gold_sha256" in arrays))
    return Posterior(
        questions=questions,
        states=tuple(states.tolist()),
        log_probability=(
            _log_probability(arrays["log_odds"])
            if "log_odds" in arrays
            else arrays["log_probability"]
        ),
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
        gold_ids=arrays.get("gold_ids"),
        confusion_prior=str(arrays["confusion_prior"]) if "confusion_prior" in arrays else None,
        held_out=arrays.get("held_out"),
        context=tuple(arrays["context"].tolist()) if "context" in arrays else (),
        calibrated=arrays.get("calibrated"),
    )
