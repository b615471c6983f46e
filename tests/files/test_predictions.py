"""Every form of one model's predictions scores as a few lines of NumPy do."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import AlignmentError, DataError
from reassess.files import open_predictions, read_predictions
from reassess.files.tables import write_csv
from reassess.notes import collect_notes
from reassess.records import Benchmark, Classes, LabelSets
from reassess.scoring import original_accuracy, real_accuracy

K = 7
FOLDERS = ["cat", "images", "..", "a b", "été", "val", "c:d=e"]


@dataclass(frozen=True)
class Model:
    """A random model on a random benchmark; its scores hold in float16, and no two are equal."""

    benchmark: Benchmark
    sets: list[list[int]]
    scores: Any

    @property
    def ids(self) -> Any:
        return self.benchmark.image_ids

    @property
    def ranked(self) -> Any:
        return np.argsort(-self.scores, axis=1)

    @property
    def best(self) -> Any:
        return np.sort(self.scores, axis=1)[:, ::-1]

    def counts(self, k: int = 1) -> tuple[int, int, int]:
        """Right under the sets, judged, right under the original labels."""
        top = [set(row.tolist()) for row in self.ranked[:, :k]]
        right = sum(bool(t & set(s)) for t, s in zip(top, self.sets, strict=True))
        original = sum(o in t for t, o in zip(top, self.benchmark.original.tolist(), strict=True))
        return right, sum(map(bool, self.sets)), original


def random_model(seed: int = 0, n: int = 23) -> Model:
    """Images in folders with odd names, numbered against the order of the folders."""
    rng = np.random.default_rng(seed)
    original = rng.integers(K, size=n)
    original[0] = K - 1
    ids = [f"{FOLDERS[c]}/img_{7 * i % 101:04d}.jpg" for i, c in enumerate(original.tolist(), 1)]
    names = [f"name {FOLDERS[k]}" for k in range(K)]
    classes = Classes(tuple(FOLDERS), tuple(names), ("tom, puss", *[""] * (K - 1)), ("",) * K)
    scores = rng.permuted(np.tile(np.arange(1, K + 1) / 16, (n, 1)), axis=1)
    sets = [
        rng.choice(K, size, replace=False).tolist() for size in rng.choice([0, 1, 1, 2], size=n)
    ]
    sets[0] = [int(np.argmax(scores[0]))]
    return Model(Benchmark("b", np.array(ids), original, classes), sets, scores)


def check(
    model: Model, source: str | Path, top: int = 5, n_columns: int | None = None, **how: Any
) -> None:
    (read,) = read_predictions(source, model.benchmark, top=top, **how)
    labels = LabelSets.from_lists("real", model.ids, model.sets)
    n_columns = n_columns or read.ranked_classes.shape[1]
    assert read.ranked_classes.shape == (len(model.ids), n_columns)
    assert read.ranked_classes.tolist() == model.ranked[:, :n_columns].tolist()
    if read.scores is not None:
        assert read.scores.tolist() == model.best[:, :n_columns].tolist()
    for k in {1, min(3, n_columns)}:
        real, original = (
            real_accuracy(read, labels, k=k),
            original_accuracy(read, model.benchmark, k=k),
        )
        assert (real.n_correct, real.n_scored, original.n_correct) == model.counts(k)


def folder_order(model: Model) -> Any:
    """As torchvision's ImageFolder sorts: by class folder, then by file name."""
    return np.array(sorted(range(len(model.ids)), key=lambda i: model.ids[i].split("/")))


def number_order(model: Model) -> Any:
    return np.array(sorted(range(len(model.ids)), key=lambda i: int(model.ids[i][-8:-4])))


ORDERS: dict[str, Callable[[Model], Any]] = {
    "imagefolder": folder_order,
    "file-number": number_order,
}
INTEGERS = ("int8", "uint8", "int16", ">i4", "int64", "uint64")


@pytest.mark.parametrize("order", list(ORDERS))
@pytest.mark.parametrize("dtype", INTEGERS)
def test_ranked_classes(order: Any, dtype: str, tmp_path: Path) -> None:
    model = random_model()
    rows = ORDERS[order](model)
    np.save(tmp_path / "m.npy", model.ranked[rows].astype(dtype))
    check(model, tmp_path / "m.npy", order=order, n_columns=K)
    check(model, tmp_path / "m.npy", ids=model.ids[rows])
    np.savez(tmp_path / "m.npz", whatever=model.ranked[rows, :3].astype(dtype))
    check(model, tmp_path / "m.npz", order=order, n_columns=3)
    np.save(tmp_path / "top.npy", model.ranked[rows, 0].astype(dtype))
    check(model, tmp_path / "top.npy", order=order, n_columns=1)


@pytest.mark.parametrize("order", list(ORDERS))
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("top", [1, 3, K, 100])
def test_full_scores(order: Any, dtype: str, top: int, tmp_path: Path) -> None:
    model = random_model()
    rows = ORDERS[order](model)
    scores = model.scores[rows].astype(dtype)
    np.save(tmp_path / "m.npy", np.asfortranarray(scores))
    check(model, tmp_path / "m.npy", order=order, top=top, n_columns=min(top, K))
    for key in ("scores", "logits", "probabilities", "probs", "anything"):
        np.savez(tmp_path / "m.npz", **{key: scores})
        check(model, tmp_path / "m.npz", order=order, top=top)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n_columns", [1, 5, K])
def test_classes_and_scores_in_any_column_order(dtype: str, n_columns: int, tmp_path: Path) -> None:
    model = random_model()
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(model.ids))
    mixed = rng.permuted(np.tile(np.arange(n_columns), (len(rows), 1)), axis=1)
    classes = np.take_along_axis(model.ranked[:, :n_columns], mixed, 1)[rows]
    scores = np.take_along_axis(model.best[:, :n_columns], mixed, 1)[rows].astype(dtype)
    ids = model.ids[rows]
    for key in ("scores", "logits", "probs"):
        for some_ids in (ids, np.strings.encode(ids, "utf-8"), np.strings.add("/data/val/", ids)):
            np.savez(tmp_path / "m.npz", **{"classes": classes, key: scores, "ids": some_ids})
            check(model, tmp_path / "m.npz", n_columns=n_columns)
    pairs = [("a:b=c.npy", "d.npy"), ("x.npy", "y:z.npy"), ("x top5preds.npy", "x top5probs.npy")]
    for first, second in pairs:
        np.save(tmp_path / first, classes)
        np.save(tmp_path / second, scores)
        check(model, f"{tmp_path / first}:{tmp_path / second}", ids=ids, n_columns=n_columns)
    with collect_notes() as notes:
        check(model, tmp_path / "x top5preds.npy", ids=ids, n_columns=n_columns)
    assert "read with x top5probs.npy, which lies beside it" in notes.texts[0]
    if n_columns == 1:
        np.savez(tmp_path / "one.npz", classes=classes[:, 0], scores=scores[:, 0], ids=ids)
        check(model, tmp_path / "one.npz")


def test_one_array_an_image_and_one_a_model(tmp_path: Path) -> None:
    model = random_model()
    rows = np.random.default_rng(2).permutation(len(model.ids))
    np.savez(tmp_path / "m.npz", **{str(model.ids[i]): model.scores[i] for i in rows})
    check(model, tmp_path / "m.npz", n_columns=5)
    np.savez(tmp_path / "m.npz", **{str(model.ids[i]): model.ranked[i] for i in rows})
    check(model, tmp_path / "m.npz", n_columns=K)
    np.savez(
        tmp_path / "two.npz", a=model.ranked[rows], b=model.ranked[rows, :2], ids=model.ids[rows]
    )
    a, b = read_predictions(tmp_path / "two.npz", model.benchmark)
    assert (a.model, b.model) == ("a", "b")
    assert (
        a.ranked_classes[:, :2].tolist()
        == b.ranked_classes.tolist()
        == model.ranked[:, :2].tolist()
    )
    np.savez(tmp_path / "tops.npz", top=model.ranked[rows, 0], ids=model.ids[rows])
    check(model, tmp_path / "tops.npz", n_columns=1)


def test_columns_that_say_of_which_classes_they_are_must_be_of_these(tmp_path: Path) -> None:
    model = random_model()
    known, path = model.benchmark.classes, tmp_path / "m.npz"
    assert known is not None
    for ids, names in ((known.ids, known.names), (known.names, known.names), (range(K), range(K))):
        said = {"class_ids": np.array(ids), "class_names": np.array(names)}
        np.savez(path, logits=model.scores, ids=model.ids, **said)
        check(model, path)
    np.savez(path, logits=model.scores, ids=model.ids, class_ids=np.array(["dog", *known.ids[1:]]))
    with pytest.raises(DataError, match=r"class_ids\[0\] is 'dog', but"):
        read_predictions(path, model.benchmark)
    np.savez(path, logits=model.scores, ids=model.ids, class_ids=np.arange(1, K + 1))
    with pytest.raises(DataError, match="must hold every class index from 0 to 6 once"):
        read_predictions(path, model.benchmark)


@pytest.mark.parametrize("key", ["class_ids", "class_names", "classes_"])
@pytest.mark.parametrize("kind", ["ids", "names", "indices"])
def test_classes_in_the_order_that_an_archive_states(key: str, kind: str, tmp_path: Path) -> None:
    model = random_model()
    known, path = model.benchmark.classes, tmp_path / "m.npz"
    assert known is not None
    order = np.array([3, 0, 6, 1, 2, 5, 4])
    words = {"ids": np.array(known.ids), "names": np.array(known.names), "indices": np.arange(K)}
    stated = {key: words[kind][order]}
    place = np.argsort(order)
    full = model.scores[:, order]
    forms: list[tuple[int, dict[str, Any]]] = [
        (5, {"scores": full}),
        (K, {"classes": place[model.ranked]}),
        (2, {"classes": place[model.ranked[:, :2]], "scores": model.best[:, :2]}),
        (5, {"classes": place[model.ranked[:, 0]], "scores": full}),
        (5, {"classes": place[model.ranked], "scores": full}),
    ]
    for n_columns, arrays in forms:
        np.savez(path, ids=model.ids, **arrays, **stated)
        with collect_notes() as notes:
            check(model, path, n_columns=n_columns)
        assert any("put in order by the class" in text for text in notes.texts)


def test_what_may_be_the_labels_is_noted(tmp_path: Path) -> None:
    model, path = random_model(), tmp_path / "m.npz"
    for name in ("labels", "label", "y"):
        np.savez(path, ids=model.ids, **{name: model.ranked[:, 0]})
        with collect_notes() as notes:
            read_predictions(path, model.benchmark)
        assert f"{name!r} was read as the predicted classes. If it holds the true" in notes.texts[0]
    ids, truth = np.array([f"{n}.png" for n in range(100)]), np.arange(100) % 3
    pq.write_table(pa.table({"image": ids, "prediction": truth}), tmp_path / "m.parquet")
    with collect_notes() as notes:
        read_predictions(tmp_path / "m.parquet", Benchmark("b", ids, truth, None))
    assert "is the original label on all 100 images, as in a copy of the labels" in notes.texts[0]


@pytest.mark.parametrize("form", ["npz", "table"])
def test_true_labels_that_are_not_the_original_ones_are_noted(form: str, tmp_path: Path) -> None:
    """As Hugging Face's Trainer saves them: an archive of ``predictions`` and ``label_ids``."""
    rng = np.random.default_rng(5)
    ids, original = np.array([f"{n}.png" for n in range(60)]), np.arange(60) % 3
    logits = rng.normal(size=(60, 3)) + 3 * np.eye(3)[original]
    benchmark, rows = Benchmark("b", ids, original, None), rng.permutation(60)
    other = np.where(np.arange(60) == 4, 2, original)
    for truth, says in (
        (original, None),
        (other, "on 1 of 60 images, such as '4.png': class 2, but 1 there. The original labels"),
        ((original + 1) % 3, "on 60 of 60 images.*Check which image each row is about"),
        (np.full(60, -100), None),
    ):
        held = {"label_ids" if form == "npz" else "true_label": truth[rows]}
        if form == "npz":
            path = tmp_path / "m.npz"
            np.savez(path, predictions=logits[rows], ids=ids[rows], metrics=np.array({}), **held)
        elif (truth < 0).any():
            continue
        else:
            path = tmp_path / "m.csv"
            columns = {"image": ids[rows], "prediction": logits[rows].argmax(1), **held}
            write_csv(path, list(columns), {k: c.tolist() for k, c in columns.items()})
        for read in (read_predictions, open_predictions):
            with collect_notes() as notes:
                read(path, benchmark)
            found = [one for one in notes.texts if "differ from the original labels" in one]
            assert len(found) == (says is not None)
            assert says is None or re.search(says, found[0]), found


def timm_columns(model: Model, rows: Any, what: str, shape: str, k: int) -> dict[str, Any]:
    """The columns of timm's ``inference.py``, as parquet holds them."""
    classes = model.benchmark.classes
    assert classes is not None
    described = [
        f"{n}, {s}" if s else n for n, s in zip(classes.names, classes.synonyms, strict=True)
    ]
    best, ranked = model.best[rows, :k], model.ranked[rows, :k]
    kinds = {
        "index": ranked,
        "label": np.array(described)[ranked],
        "wnid": np.array(classes.ids)[ranked],
    }
    values = {("label" if what == "wnid" else what): kinds[what], "prob": best}
    columns: dict[str, Any] = {"filename": model.ids[rows].tolist()}
    for name, array in values.items():
        if shape == "lists":
            columns[name] = array.tolist() if k > 1 else array[:, 0].tolist()
        else:
            columns |= {f"{name}_{j}": array[:, j].tolist() for j in range(k)}
    return columns


@pytest.mark.parametrize("what", ["index", "label", "wnid"])
@pytest.mark.parametrize(("shape", "k"), [("lists", 1), ("lists", 5), ("columns", 5)])
def test_timm_tables(what: str, shape: str, k: int, tmp_path: Path) -> None:
    model = random_model()
    rows = np.random.default_rng(3).permutation(len(model.ids))
    columns = timm_columns(model, rows, what, shape, k)
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")
    check(model, tmp_path / "m.parquet", n_columns=k)
    texts = {
        "numpy": {n: [str(np.array(v)) for v in c] for n, c in columns.items()},
        "python": {n: [str(v) for v in c] for n, c in columns.items()},
    }
    for table in texts.values():
        write_csv(tmp_path / "m.csv", list(table), table)
        check(model, tmp_path / "m.csv", n_columns=k)
    raw = (tmp_path / "m.csv").read_bytes()
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n") + b"\r\n")
    check(model, tmp_path / "m.csv", n_columns=k)


@pytest.mark.parametrize("name", ["prob", "logit"])
def test_full_scores_in_tables(name: str, tmp_path: Path) -> None:
    model = random_model()
    rows = np.random.default_rng(4).permutation(len(model.ids))
    columns: dict[str, Any] = {"image": model.ids[rows].tolist()}
    columns |= {f"{name}_{k}": model.scores[rows, k].tolist() for k in range(K)}
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")
    write_csv(tmp_path / "m.csv", list(columns), columns)
    for file in ("m.parquet", "m.csv"):
        check(model, tmp_path / file, top=3, n_columns=3)


def test_numbers_in_text_do_not_become_ties(tmp_path: Path) -> None:
    benchmark = Benchmark("b", np.array(["a"]), np.array([1]))
    (tmp_path / "m.csv").write_text("filename,prob_0,prob_1\na,0.99999999,0.999999999\n")
    (tmp_path / "l.csv").write_text('filename,index,prob\na,"[0 1]","[0.99999999 0.999999999]"\n')
    for name in ("m.csv", "l.csv"):
        assert read_predictions(tmp_path / name, benchmark)[0].top.tolist() == [1]


@given(
    scores=st.lists(
        st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5]), min_size=4, max_size=4).filter(
            lambda row: len(set(row)) > 1  # else the row was never predicted
        ),
        min_size=1,
        max_size=5,
    ),
    top=st.integers(1, 20),
)
def test_of_equal_scores_the_earlier_column_wins(
    scores: list[list[float]], top: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ties")
    array = np.array(scores)
    n = len(array)
    benchmark = Benchmark("b", np.array([f"{i}.jpg" for i in range(n)]), np.arange(n) % 4)
    np.save(folder / "full.npy", array)
    (read,) = read_predictions(folder / "full.npy", benchmark, order="file-number", top=top)
    best = [sorted(range(4), key=lambda k, row=row: -row[k])[:top] for row in scores]
    assert read.ranked_classes.tolist() == best
    mixed = np.argsort(np.random.default_rng(n).random((n, 4)), axis=1)
    mixed = mixed[mixed != 2].reshape(n, 3)  # all four might be scores by class
    array = np.where(np.isneginf(array), -2, array)  # three such were never predicted
    np.savez(folder / "m.npz", classes=mixed, scores=np.take_along_axis(array, mixed, 1))
    (read,) = read_predictions(folder / "m.npz", benchmark, order="file-number")
    expected = [
        [c for _, c in sorted(zip(-row[columns], columns, strict=True), key=lambda pair: pair[0])]
        for row, columns in zip(array, mixed, strict=True)
    ]
    assert read.ranked_classes.tolist() == expected


@pytest.mark.parametrize("top", [1, 16, 17, 40])
@pytest.mark.parametrize("lowest", [0.0, -np.inf])
def test_the_best_of_many_classes(top: int, lowest: float, tmp_path: Path) -> None:
    scores = np.maximum(np.random.default_rng(0).random((6, 40)), 0.3)
    scores[scores == 0.3] = lowest
    np.save(tmp_path / "m.npy", scores)
    benchmark = Benchmark("b", np.array([f"{i}.jpg" for i in range(6)]), np.arange(6))
    (read,) = read_predictions(tmp_path / "m.npy", benchmark, order="file-number", top=top)
    assert (
        read.ranked_classes.tolist() == np.argsort(-scores, axis=1, kind="stable")[:, :top].tolist()
    )


def test_scales_are_declared(tmp_path: Path) -> None:
    model = random_model()
    where = {"order": "imagefolder"}
    rows = folder_order(model)
    np.savez(tmp_path / "p.npz", probabilities=model.scores[rows])
    np.savez(tmp_path / "l.npz", logits=model.scores[rows] * 99 - 9)
    np.savez(tmp_path / "s.npz", scores=model.scores[rows])
    scales = [
        read_predictions(tmp_path / f, model.benchmark, **where)[0].score_type  # type: ignore[arg-type]
        for f in ("p.npz", "l.npz", "s.npz")
    ]
    assert scales == ["probability", "logit", None]
    assert model.scores.sum(axis=1).max() > 1, "rows of sigmoids need not sum to 1"
    low = model.scores.copy()
    low[3, np.argmin(low[3])] = -0.01
    np.savez(tmp_path / "low.npz", probabilities=low)
    with pytest.raises(DataError, match=r"score\[3, \d\] is -0\.01.*lie in \[0, 1\]"):
        read_predictions(tmp_path / "low.npz", model.benchmark, order="imagefolder", top=1)
    with pytest.raises(DataError, match=r"lie in \[0, 1\]"):
        read_predictions(
            tmp_path / "l.npz", model.benchmark, order="imagefolder", scale="probability"
        )


@pytest.mark.parametrize("form", ["npy", "npz", "csv"])
def test_a_subset_is_a_subset_and_a_duplicate_is_refused(form: str, tmp_path: Path) -> None:
    model = random_model()
    part = np.random.default_rng(5).permutation(len(model.ids))[:9]

    def read(rows: Any) -> Any:
        path = tmp_path / f"m.{form}"
        ids = model.ids[rows]
        if form == "npy":
            np.save(path, model.ranked[rows])
            return read_predictions(path, model.benchmark, ids=ids)[0]
        if form == "npz":
            np.savez(path, classes=model.ranked[rows], ids=ids)
        else:
            columns = {"filename": ids.tolist(), "index": [str(c) for c in model.ranked[rows]]}
            write_csv(path, list(columns), columns)
        return read_predictions(path, model.benchmark)[0]

    found = read(part)
    assert found.image_ids.tolist() == model.ids[np.sort(part)].tolist()
    assert found.ranked_classes.tolist() == model.ranked[np.sort(part)].tolist()
    with pytest.raises(AlignmentError, match="must appear in one"):
        read(np.append(part, part[3]))
    with pytest.raises(AlignmentError, match="is missing; 14 of 23"):
        found.reindex(model.ids)


def test_a_description_of_two_classes_is_refused(tmp_path: Path) -> None:
    cranes = Classes(("n1", "n2"), ("crane", "crane"), ("", ""), ("a bird", "a machine"))
    benchmark = Benchmark("b", np.array(["a"]), np.array([0]), cranes)
    (tmp_path / "m.csv").write_text("filename,label\na,crane\n")
    with pytest.raises(DataError, match="row 2 is 'crane', but several classes are described so"):
        read_predictions(tmp_path / "m.csv", benchmark)


@pytest.mark.parametrize("shape", [(4,), (1, 4)])
def test_one_array_of_scores_an_image(tmp_path, shape):
    """Also with the axis of one that a model's batch of one leaves."""
    ids = np.array(["a.png", "b.png", "c.png"])
    scores = np.random.default_rng(0).random((3, 4)).astype(np.float32)
    path = tmp_path / "model.npz"
    np.savez(path, **{name: row.reshape(shape) for name, row in zip(ids, scores, strict=True)})
    benchmark = Benchmark("three", ids, np.array([0, 1, 2]), Classes.from_names(list("wxyz")))
    (read,) = read_predictions(path, benchmark)
    assert read.model == "model"
    assert read.top.tolist() == scores.argmax(axis=1).tolist()
