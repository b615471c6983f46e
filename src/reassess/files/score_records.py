"""Scores of models as others exchange them: records of Every Eval Ever, and timm's tables.

Every Eval Ever (schema 0.3.0)  one JSON file a model, with each accuracy, its interval and how many
                                images it rests on
timm                            ``results-<benchmark>.csv`` and ``results-<benchmark>-real.csv``:
                                ``model, img_size, top1, top1_err, top5, top5_err, param_count,
                                crop_pct, interpolation``, in percent, best first

Nothing is made up: what the scores do not say (the developer, the size of the images, the number of
parameters) is stated as unknown, or left empty.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

from reassess.files.access import write_atomically
from reassess.files.artefacts import score_as_dict
from reassess.files.tables import write_csv
from reassess.records import ModelScore

EVERY_EVAL_EVER = "0.3.0"
"""The version of the schema of the records."""

_METRICS = {
    "original": ("accuracy", "Accuracy", "images whose top prediction is the original label"),
    "real": ("real_accuracy", "ReaL accuracy", "images whose top prediction is a reassessed label"),
    "multilabel": ("multilabel_accuracy", "Multi-label accuracy", "the same, mean over classes"),
}
"""Of each accuracy the id of the metric, its name, and what it is."""

_TIMM = (
    "model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct",
    "interpolation",
)  # fmt: skip


def write_every_eval_ever(
    scores: Sequence[ModelScore],
    folder: str | PathLike[str],
    *,
    labels: str,
    benchmark: str,
    at: datetime,
    confidence: float = 0.95,
    organization: str = "unknown",
    inputs: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write one record a model; returns the files, in the order of the models.

    Args:
        scores: the scores.
        folder: where the files lie, each called after its model.
        labels: what the reassessed labels are called.
        benchmark: what the benchmark is called.
        at: when the scores were computed.
        confidence: of the intervals.
        organization: who ran the evaluation.
        inputs: SHA-256 of each file that the scores rest on, by its name.

    Raises:
        FileError: a file cannot be written.
    """
    written = []
    for score, stem in zip(scores, _stems([one.model for one in scores]), strict=True):
        record = _record(score, labels, benchmark, at, confidence, organization, inputs or {})
        path = Path(folder) / f"{stem}.json"
        with write_atomically(path) as beside:
            text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
            beside.write_text(text + "\n", encoding="utf-8")
        written.append(path)
    return written


def _record(
    score: ModelScore,
    labels: str,
    benchmark: str,
    at: datetime,
    confidence: float,
    organization: str,
    inputs: Mapping[str, str],
) -> dict[str, Any]:
    seconds = str(at.timestamp())
    found = score_as_dict(score, confidence)
    accuracies: list[tuple[str, int | None, Any]] = [
        (kind, None, found.get(kind)) for kind in _METRICS
    ]
    for k, both in found["hit_at"].items():
        accuracies += [(kind, int(k), both[kind]) for kind in ("original", "real") if kind in both]
    results = [
        _result(kind, k, accuracy, labels, benchmark, confidence)
        for kind, k, accuracy in accuracies
        if accuracy is not None and accuracy["value"] is not None
    ]
    return {
        "schema_version": EVERY_EVAL_EVER,
        "evaluation_id": f"{benchmark}/{score.model}/{seconds}",
        "evaluation_timestamp": seconds,
        "retrieved_timestamp": seconds,
        "source_metadata": {
            "source_name": "reassess score",
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": "other",
            "additional_details": {f"sha256 of {name}": value for name, value in inputs.items()},
        },
        "eval_library": {"name": "reassess", "version": version("reassess")},
        "model_info": {
            "name": score.model,
            "id": score.model,
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
        },
        "evaluation_results": results,
    }


def _result(
    kind: str, k: int | None, accuracy: Mapping[str, Any], labels: str, benchmark: str,
    confidence: float,
) -> dict[str, Any]:  # fmt: skip
    metric, name, about = _METRICS[kind]
    if k is not None:
        metric, name = f"{metric}_top_{k}", f"{name} at {k}"
    by = benchmark if kind == "original" else labels
    uncertainty: dict[str, Any] = {"num_samples": accuracy["n_scored"]}
    if accuracy.get("low") is not None:
        uncertainty["confidence_interval"] = {
            "lower": accuracy["low"], "upper": accuracy["high"], "confidence_level": confidence,
            "method": "prediction-powered" if "counted" in accuracy else "Wilson",
        }  # fmt: skip
    details = {key: str(accuracy[key]) for key in ("n_correct", "n_scored", "n_unlabelled")
               if accuracy.get(key) is not None}  # fmt: skip
    return {
        "evaluation_result_id": f"{by}/{metric}",
        "evaluation_name": by,
        "source_data": {
            "dataset_name": benchmark,
            "source_type": "other",
            "additional_details": {"labels": labels},
        },
        "metric_config": {
            "metric_id": metric, "metric_name": name, "metric_kind": "accuracy",
            "metric_unit": "proportion", "evaluation_description": about,
            "metric_parameters": {"k": k or 1}, "lower_is_better": False,
            "score_type": "continuous", "min_score": 0, "max_score": 1,
        },
        "score_details": {
            "score": accuracy["value"], "details": details, "uncertainty": uncertainty,
        },
    }  # fmt: skip


def write_timm_results(
    scores: Sequence[ModelScore], folder: str | PathLike[str], *, benchmark: str
) -> list[Path]:
    """Write timm's columns, one table an accuracy; returns the files.

    ``top5`` is there where top-5 accuracies were computed. The size of the images is not known.

    Args:
        scores: the scores.
        folder: where the tables lie.
        benchmark: what the benchmark is called, in the names of the files.

    Raises:
        FileError: a file cannot be written.
    """
    written = []
    for kind, ending in (("original", ""), ("real", "-real")):
        every = [_timm_row(score_as_dict(score, 0.95), kind) for score in scores]
        rows = [row for row in every if row is not None]
        rows.sort(key=lambda row: -float(row["top1"]))
        if not rows:
            continue
        path = Path(folder) / f"results-{_file_stem(benchmark)}{ending}.csv"
        with write_atomically(path) as beside:
            write_csv(beside, _TIMM, {name: [row[name] for row in rows] for name in _TIMM})
        written.append(path)
    return written


def _timm_row(found: dict[str, Any], kind: str) -> dict[str, str] | None:
    accuracy = found.get(kind)
    if accuracy is None or accuracy["value"] is None:
        return None
    row = dict.fromkeys(_TIMM, "") | {"model": found["model"]} | _percent("top1", accuracy["value"])
    five = (found["hit_at"].get("5") or found["hit_at"].get(5) or {}).get(kind)
    return row if five is None or five["value"] is None else row | _percent("top5", five["value"])


def _percent(name: str, value: float) -> dict[str, str]:
    """A fraction in percent with three decimals, and what is missing to 100."""
    percent = f"{100 * value:.3f}"
    return {name: percent, f"{name}_err": f"{100 - float(percent):.3f}"}


def _stems(models: Sequence[str]) -> list[str]:
    """Names of files for models; models of one name are numbered."""
    stems: list[str] = []
    for model in map(_file_stem, models):
        n = 1
        while (stem := model if n == 1 else f"{model}-{n}").lower() in {s.lower() for s in stems}:
            n += 1
        stems.append(stem)
    return stems


def _file_stem(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", name).strip("._") or "model"
