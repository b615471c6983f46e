"""Reassessed labels in a data set of anybody's: found by id, kept by id, in the label's place."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.errors import AlignmentError, DataError
from reassess.metrics import RealLabels, real_metrics
from reassess.notes import collect_notes
from reassess.records import LabelSets
from reassess.scoring import correct
from reassess.training import ReassessedDataset, target_matrix

IDS = ["a/1.png", "a/2.png", "b/3.png", "b/4.png"]
LABELS = LabelSets.from_lists(
    "real", IDS, [[0, 2], [1], [], [2]], n_classes=3, posterior=np.array([0.9, 0.6, 0.8, 1.0])
)
SAMPLES = [(torch.full((1,), float(n)), 7) for n in range(4)]


def images_of(dataset: Any) -> list[float]:
    return [float(dataset[n][0]) for n in range(len(dataset))]


def test_samples_have_the_target_in_the_labels_place() -> None:
    with collect_notes() as notes:
        found = ReassessedDataset(SAMPLES, LABELS, image_ids=IDS)
        shuffled = ReassessedDataset(SAMPLES[::-1], LABELS, image_ids=IDS[::-1])
        bare = ReassessedDataset(SAMPLES, LABELS, image_ids=["1.png", "2.png", "3.png", "4.png"])
    assert notes.texts == ["1 of 4 images of the data set have no label and are left out."]
    assert images_of(found) == [0.0, 1.0, 3.0] == images_of(shuffled)[::-1] == images_of(bare)
    assert found.image_ids.tolist() == [IDS[0], IDS[1], IDS[3]]
    assert found[0][1].tolist() == [1.0, 0.0, 1.0] == shuffled[2][1].tolist()
    records = [{"pixel_values": image, "labels": label} for image, label in SAMPLES]
    with collect_notes():
        kept = ReassessedDataset(records, LABELS, image_ids=IDS, keep_list=[IDS[3], IDS[2]])
        soft = ReassessedDataset(SAMPLES, LABELS, image_ids=IDS, targets="soft")
        shared = ReassessedDataset(SAMPLES, LABELS, image_ids=IDS, targets="shared")
    assert len(kept) == 1
    assert kept[0]["labels"].tolist() == [0.0, 0.0, 1.0]
    assert soft[0][1].tolist() == pytest.approx([0.9, 0.0, 0.6])
    assert shared[0][1].tolist() == [0.5, 0.0, 0.5]
    assert target_matrix(LABELS).sum() == 4


def test_what_does_not_fit_is_refused() -> None:
    part = LABELS.take(np.array([0, 1]))
    for arguments, error, message in (
        ({"image_ids": IDS[:3]}, AlignmentError, "3 image ids, but must be one for each of the 4"),
        ({}, DataError, "a list, which does not tell its file names"),
        ({"image_ids": ["a/1.png", "a/2.png", "b/3.png", "x"]}, AlignmentError, "'b/4.png' is not"),
        ({"image_ids": IDS, "keep_list": ["y"]}, AlignmentError, "the keep list: image 'y'"),
        ({"image_ids": IDS, "keep_list": [IDS[2]]}, DataError, "0 images left of 4"),
    ):
        with pytest.raises(error, match=message), collect_notes():
            ReassessedDataset(SAMPLES, LABELS, **arguments)  # type: ignore[arg-type]
    unknown = LabelSets.from_lists("u", ["a"], [[3]])
    with pytest.raises(DataError, match="the number of classes is unknown"):
        ReassessedDataset(SAMPLES[:1], unknown, image_ids=["a"])
    with collect_notes():
        assert len(ReassessedDataset(SAMPLES, part, image_ids=IDS)) == 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_drop_in_metrics_count_what_scoring_counts(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    ids = [f"{n}/{n}.png" for n in range(12)]
    labels = LabelSets.from_multihot("toy", ids, rng.random((12, 5)) < 0.3)
    rows = rng.permutation(12)[:8]  # a part of the images, in another order
    scores = rng.normal(size=(8, 5))
    part = labels.take(rows)
    ranked = np.argsort(-scores, axis=1)[:, :k]
    n_correct, n_scored = int(correct(ranked, part).sum()), int((part.sizes > 0).sum())
    if n_scored == 0:
        return
    of_timm = RealLabels([ids[row].rpartition("/")[2] for row in rows], labels, topk=(k,))
    for start in range(0, 8, 3):
        of_timm.add_result(torch.from_numpy(scores[start : start + 3]))
    assert of_timm.get_accuracy(k) == pytest.approx(100 * n_correct / n_scored)
    with pytest.raises(AlignmentError, match="9 rows of predictions, but must be 8"):
        of_timm.add_result(torch.zeros(1, 5) + torch.arange(5))

    class Evaluation:
        predictions = scores
        label_ids = part.to_multihot()

    for compute in (real_metrics(labels, part.image_ids, top_k=(k,)), real_metrics(top_k=(k,))):
        value, n = compute(Evaluation()).values()
        assert (value, n) == (pytest.approx(n_correct / n_scored), n_scored)
