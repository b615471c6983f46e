"""What people hand over by mistake: refused by what it is, or read as it was meant."""

import numpy as np
import pandas as pd
import pytest

from reassess import LabelSets, Predictions, read_votes, real_accuracy
from reassess.errors import DataError
from reassess.notes import collect_notes

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


def test_a_named_index_is_a_column() -> None:
    frame = pd.DataFrame({"image": IDS, "prediction": TRUTH}).set_index("image")
    with collect_notes():
        assert real_accuracy(frame, pd.DataFrame({"image": IDS, "label": TRUTH})).value == 1
    votes = pd.DataFrame({"image": IDS, "label": TRUTH, "rater": "a", "answer": "yes"})
    with collect_notes():
        assert len(read_votes(votes.set_index(["image", "label"]))) == len(IDS)


def test_lists_may_hold_tensors() -> None:
    torch = pytest.importorskip("torch")
    sets = LabelSets.from_lists("l", IDS[:2], [torch.tensor([3, 1]), torch.tensor([])])
    assert sets.lists() == [[1, 3], []]
