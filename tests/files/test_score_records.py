"""Scores as others exchange them: records that fit their schema, tables that are read again."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess import sources
from reassess.files.score_records import write_every_eval_ever, write_timm_results
from reassess.records import Benchmark, LabelSets, Predictions
from reassess.scoring import score_models

SCHEMA = Path(__file__).parent / "every_eval_ever" / "eval.schema.json"
"""Of version 0.3.0, as its package holds it (MIT, beside it)."""
IDS = np.array([f"{n}.jpg" for n in range(8)])


@pytest.fixture(scope="module")
def scores() -> Any:
    rng = np.random.default_rng(1)
    original = rng.integers(0, 6, 8)
    about = Benchmark("imagenet", IDS, original, None)
    labels = LabelSets.from_lists("ours", IDS, [[int(k)] for k in original[:7]] + [[]])
    ranked = [rng.permuted(np.tile(np.arange(6), (8, 1)), axis=1)[:, :5] for _ in range(3)]
    ranked[0][:, 0], ranked[0][:, 1:] = original, [
        [k for k in range(6) if k != one][:4] for one in original
    ]  # fmt: skip
    models = [
        Predictions.from_top_k(name, IDS, one)
        for name, one in zip(("org/a b", "org_a b", "c"), ranked, strict=True)
    ]
    return list(score_models(models, labels, about, ks=(5,)))


def test_records_fit_the_schema_of_every_eval_ever(scores: Any, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    at = datetime(2026, 11, 30, tzinfo=UTC)
    paths = write_every_eval_ever(
        scores, tmp_path, labels="ours", benchmark="pets", at=at, inputs={"labels": "ab" * 32}
    )
    assert [path.name for path in paths] == ["org_a_b.json", "org_a_b-2.json", "c.json"]
    schema = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    for path, score in zip(paths, scores, strict=True):
        record = json.loads(path.read_text())
        assert list(schema.iter_errors(record)) == []
        found = {
            one["metric_config"]["metric_id"]: one["score_details"]
            for one in record["evaluation_results"]
        }
        assert {"accuracy", "real_accuracy", "accuracy_top_5", "real_accuracy_top_5"} <= set(found)
        assert found["real_accuracy"]["score"] == score.real.value
        assert found["real_accuracy"]["details"]["n_unlabelled"] == "1"
        assert found["accuracy"]["uncertainty"]["num_samples"] == 8
        assert record["evaluation_id"] == f"pets/{score.model}/1795996800.0"
    record["evaluation_results"][0]["score_details"]["score"] = "high"
    assert list(schema.iter_errors(record))


def test_timms_tables_are_read_again(scores: Any, tmp_path: Path) -> None:
    paths = write_timm_results(scores, tmp_path, benchmark="imagenet")
    assert [path.name for path in paths] == ["results-imagenet.csv", "results-imagenet-real.csv"]
    read = sources.results([tmp_path])
    assert set(read.accuracy) == {"original", "real"}
    assert read.model[0] == "org/a b"  # the best stands first
    by_model = {one.model: one for one in scores}
    for n, model in enumerate(read.model.tolist()):
        assert read.accuracy["real"][n] == pytest.approx(by_model[model].real.value, abs=5e-6)
        assert read.accuracy["original"][n] == pytest.approx(
            by_model[model].original.value, abs=5e-6
        )
    head, *rows = paths[1].read_text().splitlines()
    assert head.startswith("model,img_size,top1,top1_err,top5,top5_err,param_count")
    assert rows[0].split(",")[2:4] == ["100.000", "0.000"]
    assert all(row.split(",")[4] for row in rows)
