"""Tables as timm's ``inference.py`` writes them, through the newest pandas."""

import numpy as np
import pandas as pd
import pytest

from reassess.files import read_predictions
from reassess.records import Benchmark, Classes

IDS = np.array([f"cat/{i}.png" for i in range(6)])
CLASSES = Classes(
    ids=("n1", "n2", "n3", "n4"),
    names=("tench", "crane", "crane", "drake"),
    synonyms=("Tinca tinca", "", "a bird; large", ""),
    definitions=("", "", "", ""),
)
BENCHMARK = Benchmark("timm", IDS, np.array([0, 1, 2, 3, 0, 1]), CLASSES)
INDEX = np.argsort(np.random.default_rng(0).random((6, 4)), axis=1)[:, :3]
PROB = np.sort(np.random.default_rng(1).random((6, 3)).astype(np.float32), axis=1)[:, ::-1]


def frame(*, separate: bool, topk: int, index: bool, label: str | None) -> pd.DataFrame:
    """The script's ``data_dict``, with its squeezing of single columns."""
    columns = {"filename": [name.rpartition("/")[2] for name in IDS]}
    parts = {"index": INDEX[:, :topk] if index else None, "prob": PROB[:, :topk]}
    if label is not None:
        names = {"name": CLASSES.ids, "description": ("tench, Tinca tinca", "crane",
                 "crane, a bird, large", "drake")}[label]  # fmt: skip
        parts["label"] = np.array(names, dtype=object)[INDEX[:, :topk]]
    for name, part in parts.items():
        if part is None:
            continue
        if separate and topk > 1:
            columns |= {f"{name}_{i}": part[:, i] for i in range(topk)}
        else:
            columns[name] = list(part.squeeze(-1) if topk == 1 else part)
    return pd.DataFrame(columns).set_index("filename")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("topk", [1, 3])
@pytest.mark.parametrize(("index", "label"), [(True, None), (True, "description"), (False, "name")])
def test_every_shape_of_the_scripts_output(tmp_path, suffix, separate, topk, index, label):
    table = frame(separate=separate, topk=topk, index=index, label=label).sample(
        frac=1, random_state=0
    )
    path = tmp_path / f"model.{suffix}"
    if suffix == "csv":
        table.to_csv(path)
    else:
        table.reset_index().to_parquet(path)
    (read,) = read_predictions(path, BENCHMARK)
    assert read.ranked_classes.tolist() == INDEX[:, :topk].tolist()
    assert read.score_type == "probability"
    np.testing.assert_allclose(read.scores, PROB[:, :topk], rtol=1e-6)


@pytest.mark.parametrize("separate", [False, True])
def test_full_scores(tmp_path, separate):
    """``--topk 0`` writes every class's probability."""
    scores = np.random.default_rng(3).random((6, 4)).astype(np.float32)
    columns = {"filename": IDS}
    if separate:
        columns |= {f"prob_{i}": scores[:, i] for i in range(4)}
    else:
        columns["prob"] = list(scores)
    pd.DataFrame(columns).set_index("filename").to_csv(tmp_path / "full.csv")
    (read,) = read_predictions(tmp_path / "full.csv", BENCHMARK)
    assert read.ranked_classes[:, 0].tolist() == scores.argmax(axis=1).tolist()
