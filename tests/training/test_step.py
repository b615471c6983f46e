"""The step: by counter on any device, the same as a graph runs it and operation by operation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from reassess.errors import OptionError
from reassess.progress import null_progress
from reassess.training import LabelledImages, Recipe, StepConfig, build_model, train
from reassess.training.batches import Targets, epoch_order
from reassess.training.draws import random_bits, stream_key
from reassess.training.recipe import CheckpointConfig
from reassess.training.step import ResidentStep, Schedule, TrainStep
from tests.training.small import FAST, small

CPU = torch.device("cpu")
EVERYTHING = replace(
    FAST, objective="sigmoid", ema_decay=0.9, mixup=0.4, label_smoothing=0.1, head_rate=4.0
)


def splitmix(key: int, step: int, n: int) -> np.ndarray:
    """SplitMix64 by NumPy's unsigned numbers, as its authors write it."""
    golden = np.uint64(0x9E3779B97F4A7C15)

    def mixed(z: np.ndarray) -> np.ndarray:
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    base = mixed(np.array([step], np.uint64) * golden + np.uint64(key))
    place = np.arange(1, n + 1, dtype=np.uint64)
    return (mixed(base + place * golden) & np.uint64(2**63 - 1)).astype(np.int64)


def test_draws_are_those_of_the_published_generator_at_any_step():
    for key, step in ((stream_key(0, 2), 0), (stream_key(7, 2, 1), 123_456), (1, 2**40)):
        found = random_bits(key, torch.tensor(step), 500)
        assert found.tolist() == splitmix(key, step, 500).tolist()
    many = torch.cat([random_bits(5, torch.tensor(step), 1000) for step in range(100)])
    counts = np.bincount((many % 10).numpy(), minlength=10)
    assert len(set(many.tolist())) == len(many)
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 27.9  # chi-squared, 9 degrees: p = 0.001
    assert abs(float(np.corrcoef(many[:-1], many[1:])[0, 1])) < 0.01


def weights_of(recipe: Recipe, graph: bool | None, images: LabelledImages) -> torch.Tensor:
    model = build_model("resnet-8", 4, seed=1)
    found = train(model, images, recipe, step=StepConfig(graph=graph))
    return torch.cat([one.flatten().float() for one in found.state_dict().values()])


@pytest.mark.parametrize("recipe", [FAST, EVERYTHING], ids=["plain", "everything"])
def test_a_step_that_chooses_its_images_learns_what_one_that_is_handed_them_learns(
    recipe: Recipe,
):
    """What a GPU captures runs here without being captured; 70 images leave out 6 a pass."""
    images = small(70)
    handed, chosen = (weights_of(recipe, graph, images) for graph in (False, True))
    torch.testing.assert_close(chosen, handed, rtol=1e-5, atol=1e-6)
    other = weights_of(replace(recipe, seed=1), True, images)
    assert not torch.allclose(other, handed, rtol=1e-2)


def test_all_that_changes_lies_in_tensors_that_stay_where_they_are():
    """What a graph needs: the same operations again are the next step, and nothing moves."""
    images = small(64)
    model = build_model("resnet-8", 4, seed=1).to(memory_format=torch.channels_last).train()
    schedule = Schedule(EVERYTHING, 16, 8)
    step = TrainStep(model, model, Targets.from_labels(images.labels, 4, CPU), schedule, 16)
    resident = ResidentStep(step, images.pixels.pixels, 4, 16)
    resident.begin_epoch(epoch_order(64, 0, 0))

    def lasting() -> list[int]:
        kept = [step.done, step.losses, *step.weights, *model.buffers()]
        kept += [one["momentum_buffer"] for one in step.optimizer.state.values()]
        kept += [group["lr"] for group in step.optimizer.param_groups]
        assert step.ema_model is not None
        return [one.data_ptr() for one in [*kept, *step.ema_model.parameters()]]

    before, rates = lasting(), []
    for number in range(4):
        assert int(step.done) == number
        resident()
        rates.append([float(group["lr"]) for group in step.optimizer.param_groups])
    assert lasting() == before
    expected = [schedule.learning_rate(number) for number in range(4)]
    np.testing.assert_allclose([one[0] for one in rates], expected, rtol=1e-6)
    np.testing.assert_allclose([one[-1] for one in rates], 4 * np.array(expected), rtol=1e-6)
    losses, right = step.read_losses(0, 4)
    assert len(set(losses)) == 4
    assert all(0 <= one <= 1 for one in right)


def test_a_resumed_run_may_change_how_its_steps_run(tmp_path):
    images = small(64)
    whole = weights_of(EVERYTHING, True, images)

    class StoppedError(Exception):
        """The machine went down."""

    def stop(what: str, *, done: int | None = None, total: int | None = None) -> None:
        null_progress(what, done=done, total=total)
        if done == 6:
            raise StoppedError

    checkpoints = CheckpointConfig(tmp_path / "c.safetensors", every=5)
    with pytest.raises(StoppedError):
        train(build_model("resnet-8", 4, seed=1), images, EVERYTHING, checkpoints=checkpoints,
              progress=stop, step=StepConfig(graph=True))  # fmt: skip
    found = train(build_model("resnet-8", 4, seed=1), images, EVERYTHING, checkpoints=checkpoints,
                  step=StepConfig(graph=False))  # fmt: skip
    resumed = torch.cat([one.flatten().float() for one in found.state_dict().values()])
    torch.testing.assert_close(resumed, whole, rtol=1e-5, atol=1e-6)


def test_a_graph_is_refused_where_there_cannot_be_one(tmp_path):
    from reassess.training import open_labelled
    from reassess.training.images import StreamedImages
    from tests.training.small import write_folder

    write_folder(tmp_path / "photos", 16)
    images = open_labelled(tmp_path / "photos")
    files = images.pixels
    from reassess.files.images import open_images

    opened = open_images(tmp_path / "photos")
    streamed = StreamedImages(opened, images.transform, files.digests(), 1)
    with pytest.raises(OptionError, match="must then have all images in memory"):
        weights_of(FAST, True, replace(images, pixels=streamed))
