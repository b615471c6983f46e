"""A study is begun with frames and records as with files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reassess import Benchmark, Predictions, ScoreMatrix, add_models, new_study
from reassess.errors import DataError
from reassess.study import open_model, read_study_benchmark


def test_frames_and_records_begin_the_study_that_their_files_do(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ids = np.array([f"{n}.png" for n in range(20)])
    original = rng.integers(0, 3, 20)
    frame = pd.DataFrame({"image": ids, "label": np.array(["cat", "dog", "eel"])[original]})
    scores = rng.normal(size=(20, 3)).astype(np.float32)
    frame.to_csv(tmp_path / "labels.csv", index=False)
    np.savez(tmp_path / "net.npz", ids=ids, logits=scores)
    study = add_models(
        new_study(tmp_path / "a", labels=tmp_path / "labels.csv"), {"net 1/2": tmp_path / "net.npz"}
    )
    benchmark = read_study_benchmark(study)
    for place, given in (("b", frame), ("c", benchmark)):
        study = add_models(
            new_study(tmp_path / place, labels=given),
            [ScoreMatrix.from_logits("net 1/2", ids, scores)],
        )
        found = read_study_benchmark(study)
        assert found.image_ids.tolist() == ids.tolist()
        assert (found.original == benchmark.original).all()  # type: ignore[attr-defined]
        assert found.classes == benchmark.classes
        [entry] = study.models
        assert entry.name == "net 1/2"
        assert (open_model(study, entry, found).scores == scores).all()  # type: ignore[union-attr]
        assert study.relative(study.path(entry.predictions)) is not None
    study = add_models(study, {"another": Predictions.from_logits("x", ids, scores, top=2)})
    assert [one.name for one in study.models] == ["net 1/2", "another"]
    with pytest.raises(DataError, match="the original labels are unknown"):
        new_study(tmp_path / "d", labels=Benchmark("none", ids))
    assert not (tmp_path / "d").exists()
