"""Records from what people hold, and what they refuse at run time."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import AlignmentError, DataError
from reassess.records import Benchmark, Classes, LabelSets, Predictions
from reassess.scoring import real_accuracy

IDS = ["a.jpg", "b.jpg", "c.jpg"]
PROBABILITIES = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]], np.float32)
TOP = [1, 0, 2]


class Tensor:
    """What a tensor of torch offers, of a type that NumPy does not have."""

    dtype = "torch.bfloat16"

    def __init__(self, values: Any) -> None:
        self.values = values

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return self

    def float(self) -> Any:
        return np.asarray(self.values, np.float32)


HELD: dict[str, Any] = {
    "array": PROBABILITIES,
    "lists": PROBABILITIES.tolist(),
    "tensor": Tensor(PROBABILITIES),
    "frame": pd.DataFrame(PROBABILITIES),
    "column of lists": pd.Series(PROBABILITIES.tolist()),
    "Arrow column": pa.array(PROBABILITIES.tolist()),
    "half precision": PROBABILITIES.astype(np.float16),
}


@pytest.mark.parametrize("held", HELD)
def test_full_scores_in_any_container(held: str) -> None:
    for make in (Predictions.from_logits, Predictions.from_probabilities):
        read = make("net", IDS, HELD[held], top=2)
        assert read.top.tolist() == TOP
        assert read.ranked_classes.shape == (3, 2)
        assert read.n_classes == 3
    assert read.score_type == "probability"


def test_torch_itself_where_it_is_installed() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.tensor(PROBABILITIES, requires_grad=True)
    assert Predictions.from_logits("net", IDS, logits).top.tolist() == TOP
    best, classes = torch.topk(torch.tensor(PROBABILITIES), 2)
    read = Predictions.from_top_k("net", IDS, classes, best.bfloat16(), score_type="probability")
    assert read.top.tolist() == TOP


def test_the_best_of_a_few_classes_comes_first() -> None:
    classes = np.array([[0, 1], [0, 2], [1, 2]])
    scores = np.take_along_axis(PROBABILITIES, classes, axis=1)
    assert Predictions.from_top_k("net", IDS, classes, scores).top.tolist() == TOP
    assert Predictions.from_top_k("net", IDS, TOP).ranked_classes.tolist() == [[k] for k in TOP]


@pytest.mark.parametrize(
    "ids",
    [
        [7, 8, 9],
        np.array([7, 8, 9]),
        pd.Series([7, 8, 9]),
        np.array(["7", "8", "9"], dtype=object),
        np.array([b"7", b"8", b"9"]),
        [b"7", b"8", b"9"],
        pa.array(["7", "8", "9"]),
    ],
)
def test_ids_of_other_types_become_strings(ids: Any) -> None:
    read = Predictions("net", ids, np.array(TOP)[:, None])
    assert read.image_ids.tolist() == ["7", "8", "9"]
    sets = LabelSets.from_lists("real", ids, [[1], [0], [2]])
    assert real_accuracy(read, sets).value == 1


@pytest.mark.parametrize("ids", [[7.0, 8.0, 9.0], [None, "a", "b"], [["a"], ["b"], ["c"]], [True]])
def test_ids_that_are_none_are_refused(ids: Any) -> None:
    for make in (
        lambda: Predictions("net", ids, np.array(TOP)[: len(ids), None]),
        lambda: LabelSets.from_lists("real", ids, [[1]] * len(ids)),
    ):
        with pytest.raises(DataError, match="image ids have the shape"):
            make()


@pytest.mark.parametrize(
    ("classes", "scores", "message"),
    [
        (PROBABILITIES, None, "type float32, but must be integers.*from_probabilities"),
        (PROBABILITIES > 0.4, None, "type bool, but must be integers"),
        (np.eye(3, dtype=int), None, r"'a\.jpg'\) names the class 0 twice.*look one-hot"),
        (np.array([[3, 3], [0, 1], [1, 2]]), None, "names the class 3 twice, but a ranking names"),
        (np.array([[0], [-1], [1]]), None, r"class\[1, 0\] is -1"),
        (np.array([[0, 1], [0, 1], [1, 2]]), np.array([[1.0, 2], [2, 1], [2, 1]]), "must not rise"),
        (np.array([[0], [1], [1]]), np.array([[np.nan], [1], [1]]), "is nan, but must be a number"),
        (np.array([[0], [1], [1]]), np.array([[1], [1], [1]]), "must be floats"),
    ],
)
def test_predictions_check_kinds_ranges_and_repeats(
    classes: Any, scores: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Predictions("net", IDS, classes, scores)


def test_an_id_in_two_rows_is_refused() -> None:
    with pytest.raises(AlignmentError, match=r"'a\.jpg' appears more than once"):
        Predictions("net", ["a.jpg", "b.jpg", "a.jpg"], np.array(TOP)[:, None])


def test_probabilities_outside_by_rounding_are_clipped_and_others_refused() -> None:
    top = np.array([[1.0000054], [1.0], [0.5]], np.float32)
    read = Predictions("net", IDS, np.array(TOP)[:, None], top, "probability")
    assert read.scores is not None
    assert read.scores.max() == 1
    half = np.array([[1.001], [1.0], [0.5]], np.float16)
    assert Predictions("n", IDS, np.array(TOP)[:, None], half, "probability").scores.max() == 1  # type: ignore[union-attr]
    for wrong, hint in ((1.01, "rounding.*clip"), (97.5, "percent, divide them by 100")):
        with pytest.raises(DataError, match=rf"lie in \[0, 1\].*{hint}"):
            Predictions(
                "n", IDS, np.array(TOP)[:, None], np.array([[wrong], [1], [1]]), "probability"
            )


@pytest.mark.parametrize("value", [0.0, np.nan, -np.inf, 1 / 3])
def test_rows_that_were_never_predicted_are_refused(value: float) -> None:
    scores = PROBABILITIES.copy()
    scores[1] = value
    with pytest.raises(DataError, match=r"'b\.jpg' \(row 1\).* 1 of 3 rows seem never predicted"):
        Predictions.from_logits("net", IDS, scores)


def test_two_classes_may_be_equally_probable_on_a_few_images() -> None:
    scores = np.tile([0.2, 0.8], (100, 1))
    scores[3] = 0.5
    ids = np.arange(100)
    assert len(Predictions.from_probabilities("forest", ids, scores).image_ids) == 100
    scores[10:30] = 0.5
    with pytest.raises(DataError, match="21 of 100 rows seem never predicted"):
        Predictions.from_probabilities("forest", ids, scores)


@given(
    st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=8),
)
def test_a_matrix_of_labels_is_the_label_sets(sets: list[set[int]]) -> None:
    ids = [f"{i}.jpg" for i in range(len(sets))]
    wanted = LabelSets.from_lists("real", ids, [sorted(one) for one in sets], n_classes=6)
    cells = wanted.to_multihot()
    assert cells.shape == (len(sets), 6)
    for held in (cells, cells.astype(int).tolist(), cells.astype(float), pd.DataFrame(cells)):
        assert LabelSets.from_multihot("real", ids, held).lists() == wanted.lists()
    image = [i for i, one in zip(ids, sets, strict=True) for _ in one]
    label = [k for one in sets for k in sorted(one)]
    columns = LabelSets.from_columns("real", image, label, image_ids=ids)
    assert columns.lists() == wanted.lists()


def test_columns_of_names_and_of_images_without_a_label() -> None:
    classes = Classes.from_names(["cat", "dog"])
    frame = pd.DataFrame({"image": ["b", "a", "b", "c"], "label": ["dog", "cat", "cat", None]})
    sets = LabelSets.from_columns("pets", frame["image"], frame["label"], classes=classes)
    assert dict(zip(sets.image_ids.tolist(), sets.lists(), strict=True)) == {
        "b": [0, 1], "a": [0], "c": [],
    }  # fmt: skip
    assert LabelSets.from_columns("pets", ["a"], ["dog "], classes=classes).lists() == [[1]]
    with pytest.raises(DataError, match=r"label\[0\] is inf, but must be a class index"):
        LabelSets.from_columns("pets", ["a"], [float("inf")])
    with pytest.raises(DataError, match=r"label\[0\] is 'cow'.*id or name"):
        LabelSets.from_columns("pets", ["a"], ["cow"], classes=classes)
    with pytest.raises(AlignmentError, match="'z' is not among the image ids"):
        LabelSets.from_columns("pets", ["z"], [0], image_ids=["a"])


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[0, 1], [1, 0]], "look one-hot: use LabelSets.from_multihot"),
        ([[0, 0, 1], [1, 0, 0]], "0 twice.*one-hot, use LabelSets.from_multihot"),
        ([[0.7, 0.3], [0.1, 0.9]], "type float64, but must be one row of integers"),
        ([[True, False], [False, True]], "type bool, but must be one row of integers"),
        ([[0], [-1]], r"label\[1\] is -1"),
        ([["cat"], ["dog"]], "must be one row of integers"),
    ],
)
def test_lists_that_are_no_label_sets_are_refused(lists: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        LabelSets.from_lists("real", ["a", "b"], lists)


def test_sets_of_two_classes_that_are_no_one_hot_rows_are_read() -> None:
    for lists in ([[0, 1], [0, 1]], [[0, 1], [1]], [[1, 0]], [[0, 2], [1, 2]]):
        assert LabelSets.from_lists("real", IDS[: len(lists)], lists).lists() == [
            sorted(one) for one in lists
        ]


def test_label_sets_check_their_columns() -> None:
    good = LabelSets.from_lists("real", IDS, [[0], [1, 2], []])
    for change, message in (
        ({"indptr": np.array([0, 3, 1, 3])}, "row pointers do not span"),
        ({"posterior": np.array([0.5, 1.5, 0.1])}, r"posterior\[1\] is 1.5"),
    ):
        columns: Any = {"indptr": good.indptr, "indices": good.indices} | change
        with pytest.raises(DataError, match=message):
            LabelSets("real", good.image_ids, **columns)


def test_sets_that_are_all_empty_are_sets() -> None:
    sets = LabelSets.from_lists("none", IDS, [[], [], []])
    predictions = Predictions("net", IDS, np.array(TOP)[:, None])
    accuracy = real_accuracy(predictions, sets)
    assert (accuracy.value, accuracy.n_unlabelled) == (None, 3)
    assert sets.contains(np.arange(3), predictions.ranked_classes).sum() == 0
    assert sets.align_to(Benchmark("b", np.array(IDS[::-1]))).lists() == [[], [], []]
    assert LabelSets.from_multihot("none", IDS, np.zeros((3, 4))).lists() == [[], [], []]
    assert sets.to_multihot(4).sum() == 0
