"""What stages write beside votes and labels (docs/file-formats.md): proposals to scores.

proposals.parquet   ``image``, ``label``, ``original``, ``top``, ``rated``, ``probability`` where
                    it was learned, and one column ``model:NAME`` a model: whether its list
                    holds the pair
tasks.parquet       ``image``, ``label``, ``task``: the questions, in the order of the tasks
unrated.csv         ``image``, ``label``, ``reason``
scores              as JSON, as columns, and image by image: counts, fractions in [0, 1] and
                    Wilson intervals; no percentages

The metadata of a parquet file holds what it was made from, as JSON under ``reassess``.
"""

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence
from itertools import repeat
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import FileError
from reassess.files.access import (
    prefix_errors_with,
    write_atomically,
)
from reassess.files.large_columns import image_cells, number_cells
from reassess.files.parquet import Taken, is_parquet, parquet_metadata, write_parquet
from reassess.files.places import check_extension
from reassess.files.tables import read_table, write_csv
from reassess.records import (
    Accuracy,
    AuditedAccuracy,
    Benchmark,
    Classes,
    Comparison,
    ImageTable,
    LabelSets,
    ModelScore,
    Pairs,
    Proposals,
    Questions,
    Tasks,
    align,
)
from reassess.statistics import wilson_interval

_MODEL = "model:"
_ROWS_AT_ONCE = 1 << 16


def write_proposals(
    proposals: Proposals, path: str | PathLike[str], about: Mapping[str, Any]
) -> None:
    """Write proposals; the same proposals and ``about`` give the same bytes.

    Raises:
        FileError: the file cannot be written.
    """
    pairs = proposals.pairs
    columns: dict[str, Any] = {
        "image": Taken(pairs.image_ids, pairs.image),
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
        write_parquet(beside, columns, _metadata(about, pairs))


def _metadata(about: Mapping[str, Any], pairs: Pairs) -> dict[str, str]:
    """What a file was made from, and the ids of its classes in the order of their indices."""
    stated = {} if pairs.class_ids is None else {"class_ids": list(pairs.class_ids)}
    return {"reassess": json.dumps(dict(about) | stated, sort_keys=True)}


def _class_ids(path: Path) -> tuple[str, ...] | None:
    """The class ids that a file of proposals or tasks states; None for files without."""
    found = read_about(path).get("class_ids")
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return None
    return tuple(found)


def read_proposals(path: str | PathLike[str], benchmark: Benchmark) -> Proposals:
    """Proposals that `write_proposals` wrote about the same images.

    Raises:
        FileError: the file is missing, corrupt or something else.
        DataError: its columns do not fit together.
        AlignmentError: an image is not in the benchmark.
    """
    table = read_table(Path(path))
    ids, image = image_cells(table, table.require(("image",)))
    row = align(ids, benchmark.image_ids, source=str(path), target_name=benchmark.name)
    columns = {name: number_cells(table, name) for name in table.header if name != "image"}
    missing = {"label", "original", "rated"} - set(columns)
    if missing:
        raise FileError(f"{path}: the column {min(missing)!r} is missing. Propose again.")
    rated = np.zeros(len(benchmark.image_ids), dtype=bool)
    rated[row[image]] = columns["rated"]
    models = [name for name in columns if name.startswith(_MODEL)]
    n_pairs = len(image)
    with prefix_errors_with(Path(path)):
        return Proposals(
            pairs=Pairs(
                benchmark.image_ids, row[image], columns["label"], _class_ids(Path(path))
            ).numbered_by(benchmark.classes, source="proposals"),
            models=tuple(name.removeprefix(_MODEL) for name in models),
            proposed=np.array([columns[name] for name in models], dtype=bool)
            .reshape(len(models), n_pairs)
            .T,
            original=columns["original"],
            rated=rated,
            top=columns.get("top"),
            probability=columns.get("probability"),
        )


def write_tasks(tasks: Tasks, path: str | PathLike[str], about: Mapping[str, Any]) -> None:
    """Write the questions in the order of their tasks.

    Raises:
        FileError: the file cannot be written.
    """
    pairs = tasks.pairs
    order = np.lexsort((pairs.label, tasks.task))
    columns = {
        "image": Taken(pairs.image_ids, pairs.image[order]),
        "label": pairs.label[order],
        "task": tasks.task[order],
    }
    with write_atomically(path) as beside:
        write_parquet(beside, columns, _metadata(about, pairs))


def read_tasks(path: str | PathLike[str], *, classes: Classes | None = None) -> Tasks:
    """Tasks that `write_tasks` wrote.

    Args:
        path: the file.
        classes: the classes, by whose numbers the tasks are read; None leaves the file's.

    Raises:
        FileError: the file is missing, corrupt or something else.
        DataError: its columns do not fit together.
    """
    # Where all models agree with every original label nothing is asked, until an audit is drawn.
    table = read_table(Path(path), may_be_empty=True)
    ids, image = image_cells(table, table.require(("image",)))
    label = number_cells(table, table.require(("label",))).astype(np.int64)
    task = number_cells(table, table.require(("task",))).astype(np.int64)
    with prefix_errors_with(Path(path)):
        pairs = Pairs(ids, image, label, _class_ids(Path(path)))
        pairs = pairs.numbered_by(classes, source="tasks")
        return Tasks(Questions.from_pairs(pairs), task)


def read_about(path: str | PathLike[str]) -> dict[str, Any]:
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
    image_ids: Shaped[np.ndarray, "n"],
    labels: Sequence[str],
    reason: str,
    path: str | PathLike[str],
) -> None:
    """List the images that keep their original label unrated, with the reason.

    Raises:
        FileError: the file cannot be written.
    """
    with write_atomically(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image", "label", "reason"))
        for start in range(0, len(image_ids), _ROWS_AT_ONCE):
            some = image_ids[start : start + _ROWS_AT_ONCE].tolist()
            of_some = labels[start : start + _ROWS_AT_ONCE]
            writer.writerows(zip(some, of_some, repeat(reason), strict=False))


def accuracy_as_dict(accuracy: Accuracy, confidence: float) -> dict[str, Any]:
    """Counts, value and Wilson interval."""
    low, high = wilson_interval(accuracy.n_correct, accuracy.n_scored, confidence)
    return {
        "n_correct": accuracy.n_correct,
        "n_scored": accuracy.n_scored,
        "value": accuracy.value,
        "low": low,
        "high": high,
    }


def _audited(found: AuditedAccuracy, counted: Accuracy, confidence: float) -> dict[str, Any]:
    """Value and interval from an audit, beside the value as counted."""
    low, high = found.interval(confidence)
    return {
        "value": found.value,
        "low": low,
        "high": high,
        "counted": counted.value,
        "n_audited_skipped": found.n_skipped,
        "n_audited_unasked": found.n_unasked,
    }


def score_as_dict(score: ModelScore, confidence: float) -> dict[str, Any]:
    """One model's entry of the JSON output."""
    found: dict[str, Any] = {"model": score.model, "original": None}
    if score.original is not None:
        found["original"] = accuracy_as_dict(score.original, confidence)
    found["real"] = accuracy_as_dict(score.real, confidence)
    found["real"]["n_unlabelled"] = score.real.n_unlabelled
    if score.audited is not None:
        found["real"] |= _audited(score.audited, score.real, confidence)
    if score.unasked is not None:
        one = score.unasked
        found["real"] |= {
            "n_unasked": one.n_unasked,
            "n_unchecked": one.n_unchecked,
            "unasked_low": one.low,
            "unasked_high": one.high,
        }
    for kind in ("original", "real"):
        ends = getattr(score, f"{kind}_bootstrap")
        if ends is not None:
            found[kind] |= {"bootstrap_low": ends[0], "bootstrap_high": ends[1]}
    found["hit_at"] = {
        str(k): {
            "original": accuracy_as_dict(score.original_at[k], confidence)
            if k in score.original_at
            else None,
            "real": accuracy_as_dict(real, confidence),
        }
        for k, real in sorted(score.real_at.items())
    }
    if score.multilabel is not None:
        found["multilabel"] = {
            "value": score.multilabel.value,
            "n_classes": len(score.multilabel.by_class),
            "n_correct": int(score.multilabel.n_correct.sum()),
            "n_scored": int(score.multilabel.n_scored.sum()),
            "n_unlabelled": score.multilabel.n_unlabelled,
        }
    if score.sets is not None:
        found["sets"] = score.sets.as_dict()
    return found


def scores_as_dict(
    scores: Sequence[ModelScore], labels: str, confidence: float = 0.95
) -> dict[str, Any]:
    """The scores of models under labels, ready for JSON."""
    models = [score_as_dict(score, confidence) for score in scores]
    return {"labels": labels, "level": confidence, "models": models}


def write_scores(
    scores: Sequence[ModelScore], labels: str, path: str | PathLike[str], confidence: float = 0.95
) -> None:
    """Write scores to a file as JSON.

    Raises:
        FileError: the file cannot be written.
    """
    write_json(scores_as_dict(scores, labels, confidence), path)


def write_json(value: Mapping[str, Any], path: str | PathLike[str]) -> None:
    """Write a value to a file as indented JSON.

    Raises:
        FileError: the file cannot be written.
    """
    with write_atomically(path) as beside:
        beside.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def score_columns(
    scores: Sequence[ModelScore], confidence: float = 0.95
) -> dict[str, list[object]]:
    """Scores as columns: one row a model, None where nothing is known."""
    rows = []
    for score in scores:
        nested = score_as_dict(score, confidence)
        row: dict[str, object] = {"model": nested["model"]}
        for kind in ("original", "real", "multilabel", "sets"):
            row |= {f"{kind}_{key}": value for key, value in (nested.get(kind) or {}).items()}
        for k, both in nested["hit_at"].items():
            for kind, accuracy in both.items():
                row[f"{kind}_hit_at_{k}"] = None if accuracy is None else accuracy["value"]
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


IMAGE_TABLE_ENDINGS = (".csv", ".parquet", ".pq")


def write_image_table(
    table: ImageTable,
    path: str | PathLike[str],
    classes: Classes | None = None,
    *,
    labels: LabelSets | None = None,
    original: Int[np.ndarray, "n"] | None = None,
) -> None:
    """Write one row an image: its labels, and what each model says and whether it is right.

    ``right`` is empty where the image has no label. Parquet where the file is called so, else
    CSV.

    Args:
        table: the results.
        path: the file.
        classes: those that ``top`` indexes, to write their ids; None writes the indices.
        labels: the label sets of the images, written with ``;`` between; None leaves them out.
        original: the original label of each image; None leaves it out.

    Raises:
        OptionError: the extension is another form's.
        FileError: the file cannot be written.
    """
    path = Path(path)
    check_extension(path, IMAGE_TABLE_ENDINGS)
    ids = None if classes is None else classes.ids
    columns: dict[str, list[object]] = {
        "image": table.image_ids.tolist(),
        "n_labels": table.n_labels.tolist(),
    }
    if labels is not None:
        columns["labels"] = [
            ";".join(str(one) if ids is None else ids[one] for one in held)
            for held in labels.lists()
        ]
    if original is not None:
        columns["original"] = [one if ids is None else ids[one] for one in original.tolist()]
    judged = table.n_labels > 0
    for column, model in enumerate(table.models):
        top = table.top[:, column].tolist()
        columns[f"{model}:top"] = top if classes is None else [classes.ids[one] for one in top]
        results = zip(table.right[:, column].tolist(), judged.tolist(), strict=True)
        columns[f"{model}:right"] = [int(right) if known else None for right, known in results]
    with write_atomically(path) as beside:
        if is_parquet(path):
            write_parquet(beside, columns, {})
        else:
            write_csv(beside, list(columns), columns)


def comparison_as_dict(comparison: Comparison) -> dict[str, Any]:
    """A comparison of two models for JSON; the flips are listed by image id."""
    return {
        "a": comparison.model_a,
        "b": comparison.model_b,
        "labels": comparison.labels,
        "n_scored": comparison.n_scored,
        "n_both": comparison.n_both,
        "n_only_a": len(comparison.only_a),
        "n_only_b": len(comparison.only_b),
        "n_neither": comparison.n_neither,
        "real_a": comparison.accuracy_a.value,
        "real_b": comparison.accuracy_b.value,
        "original_a": comparison.original_a and comparison.original_a.value,
        "original_b": comparison.original_b and comparison.original_b.value,
        "difference": comparison.difference,
        "low": comparison.low,
        "high": comparison.high,
        "confidence": comparison.confidence,
        "p_value": comparison.p_value,
        "decision": comparison.decision,
        "unasked": comparison.unasked and dataclasses.asdict(comparison.unasked),
        "audited": comparison.audited and dataclasses.asdict(comparison.audited),
        "calibrated": comparison.calibrated and dataclasses.asdict(comparison.calibrated),
        "anytime": comparison.anytime and dataclasses.asdict(comparison.anytime),
        "only_a": comparison.only_a.tolist(),
        "only_b": comparison.only_b.tolist(),
    }
