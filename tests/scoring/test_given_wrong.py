"""What people hand over by mistake: refused by what it is, or read as it was meant."""

import numpy as np
import pandas as pd
import pytest

from reassess import (
    DawidSkene,
    LabelSets,
    Predictions,
    accuracy_by_class,
    compare,
    operating_point,
    propose,
    read_votes,
    real_accuracy,
)
from reassess.errors import AlignmentError, DataError, MatrixError, OptionError
from reassess.notes import collect_notes
from reassess.records import Benchmark, Classes, ScoreMatrix
from reassess.scoring import score_models

IDS = [f"{n}.jpg" for n in range(120)]
TRUTH = np.arange(120) % 5
LABELS = LabelSets.from_lists("l", IDS, [[int(k)] for k in TRUTH])


def test_swapped_arguments_are_named() -> None:
    model = Predictions.from_logits("m", IDS, np.eye(5)[TRUTH])
    with pytest.raises(DataError, match=r"real_accuracy: predictions is a LabelSets, but must be"):
        real_accuracy(LABELS, model)  # type: ignore[arg-type]


@pytest.mark.parametrize("shift", [1, 2])
def test_classes_that_count_otherwise_are_refused(shift: int) -> None:
    frame = pd.DataFrame({"image": IDS, "prediction": (TRUTH + shift) % 5})
    labels = pd.DataFrame({"image": IDS, "label": TRUTH})
    with collect_notes():
        assert real_accuracy(frame.assign(prediction=TRUTH), labels).value == 1
        with pytest.raises(DataError, match="class"):
            real_accuracy(frame, labels)


def test_labels_that_number_the_classes_otherwise_than_the_benchmark_are_refused() -> None:
    """Original accuracy would be right and ReaL accuracy 0, or the other way round."""
    names = np.array(list("abcde"))[TRUTH]
    model = Predictions.from_logits("m", IDS, np.eye(5)[TRUTH])
    other = Predictions.from_logits("n", IDS, np.eye(5)[TRUTH])
    benchmark = Benchmark("b", np.array(IDS), TRUTH, Classes.from_names(list("abcde")))
    labels = LabelSets.from_columns("l", IDS, names, classes=Classes.from_names(list("edcba")))
    with pytest.raises(DataError, match="must stand in the order of b"):
        list(score_models([model], labels, benchmark))
    with pytest.raises(DataError, match="must stand in the order of b"):
        compare(model, other, labels, benchmark=benchmark)
    with pytest.raises(DataError, match="must stand in the order of b"):
        accuracy_by_class(model, labels, benchmark)
    with collect_notes():
        (score,) = score_models([model], labels.numbered_by(benchmark.classes), benchmark)
    assert score.real_value == score.original.value == 1


def test_a_named_index_is_a_column() -> None:
    frame = pd.DataFrame({"image": IDS, "prediction": TRUTH}).set_index("image")
    with collect_notes():
        assert real_accuracy(frame, pd.DataFrame({"image": IDS, "label": TRUTH})).value == 1
    votes = pd.DataFrame({"image": IDS, "label": TRUTH, "rater": "a", "answer": "yes"})
    with collect_notes():
        assert len(read_votes(votes.set_index(["image", "label"]))) == len(IDS)


def test_a_frame_whose_index_names_other_rows_is_refused() -> None:
    """Rows would be paired as they stand, and every number be one of chance."""
    order = np.random.default_rng(0).permutation(len(IDS))
    logits = pd.DataFrame(np.eye(5)[TRUTH], index=IDS)
    column = pd.Series(IDS, index=[f"row {n}" for n in range(len(IDS))])
    for ids, values in (
        (IDS, logits.iloc[order]),
        (column, logits.set_axis(column.index).iloc[order]),
        (pd.Series(IDS), logits.reset_index(drop=True).iloc[order]),
    ):
        for make in (Predictions.from_logits, ScoreMatrix.from_logits, LabelSets.from_multihot):
            with pytest.raises(DataError, match=r"row \d of the frame is .* by its index"):
                make("m", ids, values)
    assert real_accuracy(Predictions.from_logits("m", IDS, logits), LABELS).value == 1
    shuffled = np.array(IDS)[order]
    model = Predictions.from_logits("m", shuffled, logits.iloc[order].reset_index(drop=True))
    assert real_accuracy(model, LABELS).value == 1


def test_a_frames_columns_are_found_by_the_names_of_the_classes() -> None:
    """Of scikit-learn's ``classes_`` they are sorted, and were taken for the classes in order."""
    classes = Classes.from_names(["eel", "cat", "10", "dog", "fox"])
    order = [2, 1, 3, 0, 4]
    frame = pd.DataFrame(np.eye(5)[TRUTH][:, order], columns=[classes.ids[one] for one in order])
    labels = LabelSets.from_multihot("m", IDS, frame, classes=classes)
    assert labels.lists() == [[one] for one in TRUTH]
    for make in (Predictions.from_logits, Predictions.from_probabilities):
        assert make("m", IDS, frame, classes=classes).top.tolist() == list(TRUTH)
        with collect_notes() as notes:
            make("m", IDS, frame)
        assert "'10', 'cat', 'dog' and 2 more were taken as the classes 0 to 4" in notes.texts[0]
        with pytest.raises(DataError, match="column 0 of the frame is '2' by its name"):
            make("m", IDS, frame.set_axis(order, axis=1))
        with pytest.raises(DataError, match="columns 'gnu' are not the 5 classes"):
            make("m", IDS, frame.rename(columns={"fox": "gnu"}), classes=classes)
    full = ScoreMatrix.from_logits("m", IDS, frame, classes=classes)
    assert full.scores.argmax(axis=1).tolist() == list(TRUTH)


def test_full_scores_in_another_order_than_the_benchmark_are_matched_by_their_ids() -> None:
    """They were paired row by row, whatever their ids."""
    order = np.random.default_rng(1).permutation(len(IDS))
    logits = np.random.default_rng(2).normal(size=(len(IDS), 5)) + 3 * np.eye(5)[TRUTH]
    benchmark = Benchmark("b", np.array(IDS), TRUTH)
    made = [
        propose(
            [ScoreMatrix.from_logits(name, np.array(IDS)[rows], logits[rows]) for name in "ab"],
            benchmark,
        )
        for rows in (np.arange(len(IDS)), order)
    ]
    assert made[0].pairs.ids().tolist() == made[1].pairs.ids().tolist()
    strange = ScoreMatrix.from_logits("c", [f"x{one}" for one in IDS], logits)
    with pytest.raises(AlignmentError, match="must be an image of b"):
        propose([strange], benchmark)


def test_gold_that_comes_as_a_frame_is_gold() -> None:
    """As ``y`` it was passed over without a word, as other targets are."""
    rng = np.random.default_rng(0)
    holds = rng.random(40) < 0.5
    votes = pd.DataFrame(
        [
            {"image": f"{n}.jpg", "label": 0, "rater": f"r{r}",
             "answer": "yes" if holds[n] == (rng.random() < 0.8) else "no"}
            for n in range(40)
            for r in range(5)
        ]
    )  # fmt: skip
    gold = pd.DataFrame(
        {"image": [f"{n}.jpg" for n in range(20)], "label": 0, "expert": "e",
         "answer": np.where(holds[:20], "yes", "no")}
    )  # fmt: skip
    assert DawidSkene().fit(votes, gold).posterior_.used_gold
    assert not DawidSkene().fit(votes, np.zeros(40)).posterior_.used_gold
    with pytest.raises(OptionError, match="tolerance is nan, but must be a finite"):
        DawidSkene(tolerance=float("nan")).fit(votes)
    with pytest.raises(MatrixError, match="DataFrameGroupBy, but must be a matrix"):
        DawidSkene().fit(votes.groupby("image"))
    with pytest.raises(DataError, match="operating_point: posterior is a DataFrame"):
        operating_point(votes)


def test_a_matrix_of_votes_may_be_a_frame_without_names() -> None:
    """Its columns are numbered, which none of a table of votes are."""
    matrix = (np.random.default_rng(0).random((40, 5)) < 0.8).astype(int)
    fitted = [DawidSkene().fit(one).predict(one) for one in (matrix, pd.DataFrame(matrix))]
    assert fitted[0].tolist() == fitted[1].tolist()


def test_nullable_numbers_of_pandas_are_numbers() -> None:
    logits = pd.DataFrame(np.eye(5)[TRUTH]).astype("Float64")
    assert real_accuracy(Predictions.from_logits("m", IDS, logits), LABELS).value == 1
    with pytest.raises(DataError):
        Predictions.from_logits("m", IDS, logits.mask(logits > 0.5))


def test_lists_may_hold_tensors() -> None:
    torch = pytest.importorskip("torch")
    sets = LabelSets.from_lists("l", IDS[:2], [torch.tensor([3, 1]), torch.tensor([])])
    assert sets.lists() == [[1, 3], []]
