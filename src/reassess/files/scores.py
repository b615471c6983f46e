"""What models score, as JSON, as columns, and image by image.

Counts, fractions in [0, 1] and Wilson intervals; no percentages.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reassess.files.access import write_atomically
from reassess.files.tables import is_parquet, write_csv, write_parquet
from reassess.records import Accuracy, Comparison, ImageTable, ModelScore
from reassess.statistics import wilson_interval


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


def score_as_dict(score: ModelScore, confidence: float) -> dict[str, Any]:
    """One model's entry of the JSON output."""
    found: dict[str, Any] = {"model": score.model, "original": None}
    if score.original is not None:
        found["original"] = accuracy_as_dict(score.original, confidence)
    found["real"] = accuracy_as_dict(score.real, confidence)
    found["real"]["n_unlabelled"] = score.real.n_unlabelled
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
    return found


def scores_as_json(scores: Sequence[ModelScore], labels: str, confidence: float = 0.95) -> str:
    """The scores of models under labels, as a JSON text."""
    models = [score_as_dict(score, confidence) for score in scores]
    return json.dumps({"labels": labels, "level": confidence, "models": models}, indent=1) + "\n"


def write_scores(
    scores: Sequence[ModelScore], labels: str, path: str | Path, confidence: float = 0.95
) -> None:
    """Write scores to a file as JSON.

    Raises:
        FileError: the file cannot be written.
    """
    with write_atomically(path) as beside:
        beside.write_text(scores_as_json(scores, labels, confidence), encoding="utf-8")


def score_columns(
    scores: Sequence[ModelScore], confidence: float = 0.95
) -> dict[str, list[object]]:
    """Scores as columns: one row a model, None where nothing is known."""
    rows = []
    for score in scores:
        nested = score_as_dict(score, confidence)
        row: dict[str, object] = {"model": nested["model"]}
        for kind in ("original", "real", "multilabel"):
            row |= {f"{kind}_{key}": value for key, value in (nested.get(kind) or {}).items()}
        for k, both in nested["hit_at"].items():
            for kind, accuracy in both.items():
                row[f"{kind}_hit_at_{k}"] = None if accuracy is None else accuracy["value"]
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def write_image_table(table: ImageTable, path: str | Path) -> None:
    """Write one row an image: how many labels, and what each model says and whether it is right.

    ``right`` is empty where the image has no label. Parquet where the file is called so, else
    CSV.

    Raises:
        FileError: the file cannot be written.
    """
    path = Path(path)
    columns: dict[str, list[object]] = {
        "image": table.image_ids.tolist(),
        "n_labels": table.n_labels.tolist(),
    }
    judged = table.n_labels > 0
    for column, model in enumerate(table.models):
        columns[f"{model}:top"] = table.top[:, column].tolist()
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
        "difference": comparison.difference,
        "low": comparison.low,
        "high": comparison.high,
        "confidence": comparison.confidence,
        "p_value": comparison.p_value,
        "only_a": comparison.only_a.tolist(),
        "only_b": comparison.only_b.tolist(),
    }
