"""Proposals and tasks as parquet, unrated images as CSV (docs/file-formats.md).

proposals.parquet   ``image``, ``label``, ``original``, ``top``, ``rated``, ``probability`` where
                    it was learned, and one column ``model:NAME`` a model: whether its list
                    holds the pair
tasks.parquet       ``image``, ``label``, ``task``: the questions, in the order of the tasks
unrated.csv         ``image``, ``label``, ``reason``

The metadata of a parquet file holds what it was made from, as JSON under ``reassess``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from reassess.errors import FileError
from reassess.files.access import prefix_errors_with, write_atomically
from reassess.files.tables import (
    parquet_metadata,
    read_table,
    write_parquet,
    write_table,
)
from reassess.records import Benchmark, Pairs, Proposals, Questions, Tasks, align, factorize

_MODEL = "model:"


def write_proposals(proposals: Proposals, path: str | Path, about: Mapping[str, Any]) -> None:
    """Write proposals; the same proposals and ``about`` give the same bytes.

    Raises:
        FileError: the file cannot be written.
    """
    pairs = proposals.pairs
    columns: dict[str, Any] = {
        "image": pairs.image_ids[pairs.image],
        "label": pairs.label,
        "original": proposals.original,
        "rated": proposals.rated[pairs.image],
    }
    if proposals.top is not None:
        columns["top"] = proposals.top
    if proposals.probability is not None:
        columns["probability"] = proposals.probability
    for model, proposed in zip(proposals.models, proposals.proposed.T, strict=True):
        columns[_MODEL + model] = np.ascontiguousarray(proposed)
    with write_atomically(path) as beside:
        write_parquet(beside, columns, {"reassess": json.dumps(dict(about), sort_keys=True)})


def read_proposals(path: str | Path, benchmark: Benchmark) -> Proposals:
    """Proposals that `write_proposals` wrote about the same images.

    Raises:
        FileError: the file is missing, corrupt or something else.
        DataError: its columns do not fit together.
        AlignmentError: an image is not in the benchmark.
    """
    table = read_table(Path(path))
    ids, image = factorize(table.texts(table.require(("image",))))
    row = align(ids, benchmark.image_ids, source=str(path), target_name=benchmark.name)
    columns = {name: np.array(table.cells(name)) for name in table.header if name != "image"}
    missing = {"label", "original", "rated"} - set(columns)
    if missing:
        raise FileError(f"{path}: the column {min(missing)!r} is missing. Propose again.")
    rated = np.zeros(len(benchmark.image_ids), dtype=bool)
    rated[row[image]] = columns["rated"]
    models = [name for name in columns if name.startswith(_MODEL)]
    n_pairs = len(image)
    with prefix_errors_with(Path(path)):
        return Proposals(
            pairs=Pairs(benchmark.image_ids, row[image], columns["label"]),
            models=tuple(name.removeprefix(_MODEL) for name in models),
            proposed=np.array([columns[name] for name in models], dtype=bool)
            .reshape(len(models), n_pairs)
            .T,
            original=columns["original"],
            rated=rated,
            top=columns.get("top"),
            probability=columns.get("probability"),
        )


def write_tasks(tasks: Tasks, path: str | Path, about: Mapping[str, Any]) -> None:
    """Write the questions in the order of their tasks.

    Raises:
        FileError: the file cannot be written.
    """
    pairs = tasks.pairs
    order = np.lexsort((pairs.label, tasks.task))
    columns = {
        "image": pairs.image_ids[pairs.image[order]],
        "label": pairs.label[order],
        "task": tasks.task[order],
    }
    with write_atomically(path) as beside:
        write_parquet(beside, columns, {"reassess": json.dumps(dict(about), sort_keys=True)})


def read_tasks(path: str | Path) -> Tasks:
    """Tasks that `write_tasks` wrote.

    Raises:
        FileError: the file is missing, corrupt or something else.
        DataError: its columns do not fit together.
    """
    table = read_table(Path(path))
    ids, image = factorize(table.texts(table.require(("image",))))
    label = np.array(table.cells(table.require(("label",))))
    task = np.array(table.cells(table.require(("task",))))
    with prefix_errors_with(Path(path)):
        return Tasks(Questions.from_pairs(Pairs(ids, image, label)), task)


def read_about(path: str | Path) -> dict[str, Any]:
    """What a file of proposals or tasks was made from; empty where it does not say.

    Raises:
        FileError: the file is corrupt.
    """
    try:
        found = json.loads(parquet_metadata(Path(path)).get("reassess", "{}"))
    except json.JSONDecodeError as error:
        raise FileError(f"{path}: its metadata is not JSON ({error}). Propose again.") from error
    return found if isinstance(found, dict) else {}


def write_unrated(
    image_ids: Shaped[np.ndarray, "n"], labels: list[str], reason: str, path: str | Path
) -> None:
    """List the images that keep their original label unrated, with the reason.

    Raises:
        FileError: the file cannot be written.
    """
    reasons = [reason] * len(labels)
    write_table(Path(path), {"image": image_ids, "label": labels, "reason": reasons})
