"""What is wrongly given to a drop-in metric is refused; `tests/peers` has the loops around them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from reassess import LabelSets  # noqa: E402
from reassess.errors import AlignmentError, DataError  # noqa: E402
from reassess.metrics.targets import batch_labels, ranked_classes  # noqa: E402
from reassess.metrics.timm_labels import RealLabels  # noqa: E402
from reassess.metrics.trainer import real_metrics  # noqa: E402
from reassess.notes import collect_notes  # noqa: E402

IDS = [f"v/{n}.jpg" for n in range(12)]
TRUTH = np.arange(12) % 4
LISTS = [[int(one)] if n % 5 else [] for n, one in enumerate(TRUTH)]
LABELS = LabelSets.from_lists("x", IDS, LISTS, n_classes=4)
SCORES = np.random.default_rng(0).normal(size=(12, 4)) + np.eye(4)[TRUTH]
SHARE = np.mean([SCORES[n].argmax() in row for n, row in enumerate(LISTS) if row])


def by_timm(scores: Any, names: Any = IDS) -> float:
    counted = RealLabels(names, LABELS, topk=(1,))
    for start in range(0, len(scores), 5):
        counted.add_result(scores[start : start + 5])
    return float(counted.get_accuracy(1)) / 100


def by_trainer(scores: Any, targets: Any = None, ids: Any = IDS) -> float:
    made = real_metrics(
        None if targets is not None else LABELS, None if targets is not None else ids
    )
    return made(SimpleNamespace(predictions=scores, label_ids=targets))["real_accuracy"]


@pytest.mark.parametrize("score", [by_timm, by_trainer])
def test_scores_of_other_classes_are_refused(score: Any) -> None:
    """One more for the background, which timm's older models have, moves every class by one."""
    assert score(SCORES) == pytest.approx(SHARE)
    background = np.column_stack([np.zeros(12), SCORES])
    for wrong, says in (
        (background, "score 5 classes, but must score the 4 that x numbers"),
        (SCORES[:, :3], "score 3 classes"),
        (np.round(SCORES * 100).astype(int), "Give scores as floats"),
        (np.eye(4, dtype=int)[TRUTH], r"is \[1, 0, 0, 0\], but integers must be classes"),
        (TRUTH + 1, r"hold the class 4, but must be of the 4 classes"),
        (np.where(SCORES > 1, np.inf, SCORES), "NaN or infinite"),
    ):
        with pytest.raises(DataError, match=says):
            score(wrong)
    with pytest.raises(AlignmentError, match=r"'v/0\.jpg' appears in rows 0, 1"):
        score(SCORES, **{"names" if score is by_timm else "ids": [IDS[0], *IDS[:-1]]})


def test_targets_that_are_no_classes_are_refused() -> None:
    hidden = np.where(np.arange(12) % 5 == 0, -100, TRUTH)
    assert by_trainer(SCORES, hidden) == pytest.approx(SHARE)
    assert by_trainer(SCORES, np.maximum(hidden, -1)) == pytest.approx(SHARE)
    for wrong, says in (
        (TRUTH - 7, "hold the class -7"),
        (TRUTH + 1, r"hold the class 4, but classes must be in \[0, 4\)"),
        ([row or [-1] for row in LISTS], r"say so \(pad=-1\)"),
    ):
        with pytest.raises(DataError, match=says):
            by_trainer(SCORES, wrong)
    made = real_metrics()
    with pytest.raises(DataError, match="has no label_ids"):
        made(SimpleNamespace(predictions=SCORES, label_ids=None))


def test_columns_and_frames_are_taken_and_an_empty_batch() -> None:
    frame = pd.DataFrame(SCORES)
    frame.index = pd.Index(IDS)
    ranked, n_classes = ranked_classes(frame, 1)
    assert (ranked[:, 0].numpy() == SCORES.argmax(1)).all()
    image, label = batch_labels(pd.Series(TRUTH), 12, lookup=None, n_classes=n_classes, pad=None)
    assert image.tolist() == list(range(12))
    assert label.tolist() == TRUTH.tolist()
    assert [len(one) for one in batch_labels([], 0, lookup=None, n_classes=4, pad=None)] == [0, 0]


def test_an_unfinished_loop_is_noted() -> None:
    with collect_notes() as notes:
        by_timm(SCORES[:5])
    assert "of the first 5 of 12 images" in notes.texts[0]
