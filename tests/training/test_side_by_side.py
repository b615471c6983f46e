"""Trainings side by side give what they give one after the other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reassess.errors import OptionError
from reassess.files.images import open_images
from reassess.training.images import StreamedImages
from reassess.training.side_by_side import Trainer, Training
from tests.training.small import FAST, small, write_folder

RECIPE = replace(FAST, epochs=1)
CPU = torch.device("cpu")
ROWS = np.arange(16)


def test_two_at_a_time_give_what_one_at_a_time_gives():
    """One predicts the test images, one what it holds out."""
    trainer = Trainer(small(24), small(12, seed=3).pixels, "resnet-8", CPU)
    trainings = [Training("a", RECIPE, ROWS), Training("b", RECIPE, ROWS, np.arange(16, 24))]
    shown: list[tuple[str, int | None, int | None]] = []

    def progress(what: str, *, done: int | None = None, total: int | None = None) -> None:
        shown.append((what, done, total))

    beside = dict(trainer.run(trainings, 2, progress))
    assert shown == [("2 at a time", 1, 2), ("2 at a time", 2, 2)]
    for place, alone in trainer.run(trainings, 1, progress):
        np.testing.assert_allclose(beside[place], alone, rtol=1e-4, atol=1e-4)
    assert [len(beside[place]) for place in (0, 1)] == [12, 8]


def test_images_that_are_not_in_memory_are_learned_one_training_at_a_time(tmp_path: Path):
    write_folder(tmp_path / "photos", 16)
    images = small(16)
    pixels = StreamedImages(
        open_images(tmp_path / "photos"), images.transform, images.pixels.digests(), 1
    )
    trainer = Trainer(replace(images, pixels=pixels), pixels, "resnet-8", CPU)
    with pytest.raises(OptionError, match="--jobs is 2, but must be 1"):
        next(trainer.run([Training("a", RECIPE, ROWS)] * 2, 2, lambda *_, **__: None))
