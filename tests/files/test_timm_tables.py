"""Tables as timm's ``inference.py`` writes them, through the newest pandas, and as others do."""

import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reassess.errors import DataError, FileError
from reassess.files import read_predictions
from reassess.notes import collect_notes
from reassess.records import Benchmark, Classes, Predictions
from reassess.scoring import real_accuracy

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


def save_results(table: pd.DataFrame, path: Path, form: str) -> Path:
    """As the script's function of this name does, with the names of its ``--results-format``."""
    name = {"json": ".json", "json-record": ".json", "json-split": ".json", "parquet": ".parquet"}
    path = path.with_suffix(name.get(form, ".csv"))
    if form == "parquet":
        table.set_index("filename").to_parquet(path)
    elif form == "json":
        table.set_index("filename").to_json(path, indent=4, orient="index")
    elif form == "json-lines":
        table.to_json(path.with_suffix(".json"), lines=True, orient="records")
        return path.with_suffix(".json")
    elif form == "json-split":
        table.to_json(path, indent=4, orient="split", index=False)
    else:  # the script does not know the name json-record, and writes CSV into a .json file
        with np.printoptions(threshold=sys.maxsize):
            table.to_csv(path, index=False)
    return path


FORMS = ("csv", "json", "json-record", "json-lines", "json-split", "parquet")
LABELS = ("none", "name", "description", "detailed")


def script_table(
    model: Predictions, classes: Classes, topk: int, label: str, *, index: bool
) -> pd.DataFrame:
    """A model's predictions as the script would have put them into its table."""
    lemmas = [f"{a}, {s.replace('; ', ', ')}" if s else a
              for a, s in zip(classes.names, classes.synonyms, strict=True)]  # fmt: skip
    definitions = [text.partition("; ")[0] for text in classes.definitions]
    words = {
        "name": classes.ids,
        "description": lemmas,
        "detailed": [f"{a}: {d}" for a, d in zip(lemmas, definitions, strict=True)],
    }
    ranked = model.ranked_classes[:, :topk]
    parts = {"index": ranked} if index else {}
    if label != "none":
        parts["label"] = np.array(words[label], dtype=object)[ranked]
    parts["prob"] = model.scores[:, :topk].astype(np.float32)
    columns = {k: list(v[:, 0] if topk == 1 else v) for k, v in parts.items()}
    names = [one.rpartition("/")[2] for one in model.image_ids.tolist()]
    return pd.DataFrame({"filename": names, **columns})


def test_the_published_model_in_every_form_of_the_script(published, tmp_path) -> None:
    """81.98% ReaL of all images in one form; of some, the same in every form, or what to add."""
    imagenet, labels = published.benchmark("imagenet"), published.labels("imagenet-real")
    folder = published.folder / "imagenet/predictions/torchvision"
    files = [folder / f"resnet50_pytorch_imagenet_top5{one}.npy" for one in ("preds", "probs")]
    (model,) = read_predictions(":".join(map(str, files)), imagenet, order="imagefolder")
    path = save_results(
        script_table(model, imagenet.classes, 1, "name", index=True), tmp_path / "all", "csv"
    )
    (read,) = read_predictions(path, imagenet)
    assert round(100 * real_accuracy(read, labels).value, 2) == 81.98

    some = np.flatnonzero(np.isin(imagenet.original, [134, 517, *range(20)]))[::4]
    about = Benchmark("some", imagenet.image_ids[some], imagenet.original[some], imagenet.classes)
    part = model.reindex(about.image_ids)
    for topk, label, index in product((1, 5), LABELS, (True, False)):
        table = script_table(part, imagenet.classes, topk, label, index=index)
        for form in FORMS:
            path = save_results(table, tmp_path / f"{topk}-{label}-{index}-{form}", form)
            if label == "none" and not index:
                with pytest.raises(FileError, match="--include-index"):
                    read_predictions(path, about)
            elif label == "description" and not index:
                with pytest.raises(
                    DataError, match=r"'crane', but several .* --label-type name or"
                ):
                    read_predictions(path, about)
            else:
                (read,) = read_predictions(path, about)
                assert read.ranked_classes.tolist() == part.ranked_classes[:, :topk].tolist(), path


def test_detailed_labels_tell_the_cranes_apart(tmp_path: Path) -> None:
    """Definitions may be shorter than those of the classes: examples are left out of them."""
    classes = Classes(("n1", "n2", "n3"), ("crane", "crane", "tench"), ("", "", "Tinca tinca"),
                      ("a bird; \"a crane flew\"", "a machine", "a fish"))  # fmt: skip
    benchmark = Benchmark("b", np.array(["a", "b", "c"]), np.array([0, 1, 2]), classes)
    path = tmp_path / "m.csv"
    path.write_text(
        'filename,label\na,crane: a bird\nb,crane: a machine\nc,"tench, Tinca tinca: x"\n'
    )
    assert read_predictions(path, benchmark)[0].top.tolist() == [0, 1, 2]
    path.write_text("filename,label\na,crane\nb,crane: a machine\nc,n3\n")
    with pytest.raises(DataError, match=r"'crane', but several .* 1 of 3 .*--include-index"):
        read_predictions(path, benchmark)


TRUTH, PREDICTED = [0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 2, 1]
THREE = Benchmark("three", np.array([f"{i}.png" for i in range(6)]), np.array(TRUTH))


def read_columns(tmp_path: Path, **columns: list[object]) -> list[int]:
    path = tmp_path / "m.csv"
    pd.DataFrame({"filename": [f"{i}.png" for i in range(6)], **columns}).to_csv(path, index=False)
    with collect_notes():
        return read_predictions(path, THREE)[0].top.tolist()


@pytest.mark.parametrize("truth", ["label", "Label", "class", "y_true", "target", "ground truth"])
@pytest.mark.parametrize("prediction", ["prediction", "PredictedLabel", "pred", "y_pred"])
@pytest.mark.parametrize("first", [True, False])
def test_the_prediction_is_read_and_never_the_truth(
    tmp_path: Path, truth: str, prediction: str, first: bool
) -> None:
    columns = {truth: TRUTH, prediction: PREDICTED}
    if not first:
        columns = dict(reversed(columns.items()))
    assert read_columns(tmp_path, **columns) == PREDICTED


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"truth": TRUTH, "label": PREDICTED}, "'label' may be the prediction, or name the truth"),
        ({"label": TRUTH, "class": PREDICTED}, "'label' and 'class' could both be the prediction"),
        ({"pred": TRUTH, "prediction": PREDICTED}, "could both be the prediction, but differ"),
        ({"y_true": TRUTH}, "'y_true' is the truth by its name"),
        ({"index": list(range(6)), "label": TRUTH}, "'index' counts the rows"),
        ({"index": PREDICTED, "label": TRUTH}, "another class"),
    ],
)
def test_columns_that_could_be_either_are_refused(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    if message == "another class":
        words = np.array(["ant", "bee", "cow"])
        columns = {"index": PREDICTED, "label": words[TRUTH].tolist()}
        known = Classes.from_names(words.tolist())
        about = Benchmark("three", THREE.image_ids, THREE.original, known)
        pd.DataFrame({"filename": THREE.image_ids, **columns}).to_csv(tmp_path / "n.csv")
        with pytest.raises(DataError, match=message):
            read_predictions(tmp_path / "n.csv", about)
        return
    with pytest.raises(DataError, match=message):
        read_columns(tmp_path, **columns)


def test_the_truth_beside_a_score_of_every_class_is_left_out(tmp_path: Path) -> None:
    scores = np.eye(3)[PREDICTED] * 0.8 + 0.1
    columns = {f"prob_{k}": scores[:, k].tolist() for k in range(3)}
    assert read_columns(tmp_path, label=TRUTH, **columns) == PREDICTED
    assert read_columns(tmp_path, prediction=PREDICTED, label=TRUTH) == PREDICTED


def test_records_of_json_in_other_forms(tmp_path: Path) -> None:
    names = THREE.image_ids.tolist()
    records = [{"image": a, "prediction": b} for a, b in zip(names, PREDICTED, strict=True)]
    columns = {"image": names, "prediction": PREDICTED}
    for value in (records, columns, pd.DataFrame(columns).to_dict()):
        (tmp_path / "m.json").write_text(json.dumps(value))
        assert read_predictions(tmp_path / "m.json", THREE)[0].top.tolist() == PREDICTED
    for value in ({"0.png": 3}, {"0.png": [1, 2]}, [1, 2], {}, [{"image": "a"}, {"x": 1}]):
        (tmp_path / "m.json").write_text(json.dumps(value))
        with pytest.raises(DataError, match=r"m\.json"):
            read_predictions(tmp_path / "m.json", THREE)


def test_a_column_of_any_name_that_may_be_another_prediction_is_refused(tmp_path: Path) -> None:
    """Beside ``label``, which may be the truth; other columns of numbers mean nothing."""
    truth = np.arange(60) * 7 % 4
    model = np.where(np.arange(60) % 10, truth, (truth + 1) % 4)
    names = np.array([f"{i}.png" for i in range(60)])
    benchmark = Benchmark("b", names, truth)
    table = pd.DataFrame({"filename": names, "label": truth, "fold": np.arange(60) % 4})
    path = tmp_path / "m.csv"
    table.assign(row=range(60), width=224).to_csv(path, index=False)
    assert read_predictions(path, benchmark)[0].top.tolist() == truth.tolist()
    table.assign(resnet=model).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"'label' and 'resnet' hold the same in 90% of the rows"):
        read_predictions(path, benchmark)
