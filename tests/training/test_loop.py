"""The loop: learns, resumes to the same bits, stops where numbers end."""

import math
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import DivergedError, FileError, OptionError
from reassess.files.tables import read_table
from reassess.training import (
    CheckpointConfig,
    LabelledImages,
    Recipe,
    build_model,
    predict_logits,
    train,
    train_model,
)
from reassess.training.batches import ShiftAndFlip, Targets, epoch_order, model_seeds, normalize
from reassess.training.checkpoints import read_weights
from reassess.training.draws import random_bits, stream_key
from reassess.training.models import to_device
from tests.training.small import FAST, labelled, small, squares

CPU = torch.device("cpu")
RECIPES = {
    "softmax": FAST,
    "everything": replace(
        FAST,
        objective="sigmoid",
        ema_decay=0.9,
        mixup=0.4,
        label_smoothing=0.1,
        precision="bfloat16",
    ),
}


class StoppedError(Exception):
    """The machine went down."""


def run(
    recipe: Recipe,
    checkpoints: CheckpointConfig | None = None,
    stop_at: int | None = None,
    images: LabelledImages | None = None,
):
    def stop(_: str, *, done: int | None = None, **__: object) -> None:
        if done == stop_at:
            raise StoppedError

    model = build_model("resnet-8", 4, seed=1)
    return train(
        model, images or small(), recipe, checkpoints=checkpoints, progress=stop
    ).state_dict()


def same(a, b) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a) and a.keys() == b.keys()


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_that_was_stopped_ends_with_the_same_bits(name, tmp_path):
    recipe, path = RECIPES[name], tmp_path / "c.safetensors"
    whole = run(recipe, CheckpointConfig(metrics=tmp_path / "whole.csv"))
    checkpoints = CheckpointConfig(path, every=3, metrics=tmp_path / "parts.csv")
    for stop_at in (5, 7):
        with pytest.raises(StoppedError):
            run(recipe, checkpoints, stop_at)
    assert read_weights(path)[1]["step"] == 6
    assert same(run(recipe, replace(checkpoints, resume=True)), whole)
    assert not same(run(replace(recipe, seed=1)), whole)
    tables = [read_table(tmp_path / f"{name}.csv") for name in ("whole", "parts")]
    assert len(tables[0].cells("step")) == 8
    for column in ("step", "loss", "accuracy", "learning_rate"):
        assert tables[0].cells(column) == tables[1].cells(column)


def test_a_checkpoint_of_another_run_is_refused_or_left_alone(tmp_path):
    checkpoints = CheckpointConfig(tmp_path / "c.safetensors")
    run(FAST, checkpoints)
    other = replace(FAST, learning_rate=0.3)
    with pytest.raises(FileError, match="of a run with other recipe"):
        run(other, replace(checkpoints, resume=True))
    assert same(run(other, checkpoints), run(other))
    pixels, label = squares(64)
    pixels[5, 0, 0, 0] ^= 1
    with pytest.raises(FileError, match="of a run with other images"):
        run(other, replace(checkpoints, resume=True), images=labelled(pixels, label))


def test_both_objectives_learn_and_several_labels_can_be_learned():
    test = small(100, seed=9)
    for objective in ("softmax", "sigmoid"):
        recipe = replace(FAST, epochs=7, objective=objective)
        model = train_model(small(128), recipe, "resnet-8")
        guess = predict_logits(model, test.pixels).argmax(axis=1)
        assert (guess == test.first_label).mean() > 0.8, objective


def test_the_running_mean_is_the_model_that_is_returned():
    recipe = replace(FAST, ema_decay=0.99)
    model = build_model("resnet-8", 4)
    mean = train(model, small(), recipe)
    assert mean is not model
    assert not torch.equal(mean.head.weight, model.head.weight)
    assert torch.equal(mean.stem[1].running_mean, model.stem[1].running_mean)


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_loss_that_is_no_number_stops_with_the_step_and_the_last_good_checkpoint(tmp_path):
    path = tmp_path / "c.safetensors"
    with pytest.raises(DivergedError, match=r"\[step [\d,]+ of 8\].*there is no checkpoint"):
        run(replace(FAST, learning_rate=1e35, max_grad_norm=0.0, warmup=0.0))
    good = CheckpointConfig(path, every=1)
    with pytest.raises(StoppedError):
        run(FAST, good, stop_at=3)
    last = path.read_bytes()
    pixels, label = squares(64)
    broken = build_model("resnet-8", 4)
    torch.nn.init.constant_(broken.head.weight, float("nan"))
    with pytest.raises(DivergedError, match=r"last good checkpoint, of step 3, is .*c.safetensors"):
        train(
            broken,
            labelled(pixels, label),
            replace(FAST, seed=5),
            checkpoints=CheckpointConfig(path),
        )
    assert path.read_bytes() == last


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    """A limit on the size of files stands for the disk: the same failing write."""
    path = tmp_path / "c.safetensors"
    with pytest.raises(StoppedError):
        run(FAST, CheckpointConfig(path, every=1), stop_at=2)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(FileError, match=r"MiB are needed. The last one that was written"):
            run(FAST, CheckpointConfig(path, every=1, resume=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert same(run(FAST, CheckpointConfig(path, resume=True)), run(FAST))


def test_tensorboard_gets_what_the_csv_gets(tmp_path):
    pytest.importorskip("tensorboard")
    run(FAST, CheckpointConfig(tensorboard=tmp_path / "events"))
    (events,) = (tmp_path / "events").iterdir()
    assert b"loss" in events.read_bytes()


def test_options_out_of_range_are_refused():
    for wrong in ({"epochs": 0}, {"learning_rate": float("nan")}, {"ema_decay": 1.0}, {"seed": -1}):
        with pytest.raises(OptionError, match="must be at least"):
            Recipe(**wrong)


def every_way(image: np.ndarray, shift: int, *, flip: bool) -> set[bytes]:
    """What may become of an image: cut out of it, with mirrored edges, at each place; turned."""
    wide, side = np.pad(image, ((shift, shift), (shift, shift), (0, 0)), "reflect"), len(image)
    places = range(2 * shift + 1)
    cuts = [wide[y : y + side, x : x + side] for y in places for x in places]
    return {cut.tobytes() for cut in cuts + [cut[:, ::-1] for cut in cuts if flip]}


@given(st.integers(2, 7), st.integers(0, 6), st.booleans(), st.integers(0, 1000))
def test_images_are_moved_and_flipped_and_nothing_else(side, shift, flip, seed):
    shift = min(shift, side - 1)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, side, side, 3)).astype(np.uint8)
    bits = random_bits(stream_key(seed), torch.tensor(0), 16)
    found = ShiftAndFlip(side, shift, flip, CPU)(torch.from_numpy(pixels), bits).numpy()
    for before, after in zip(pixels, found, strict=True):
        assert after.tobytes() in every_way(before, shift, flip=flip)


def test_every_way_to_move_and_to_flip_is_drawn_equally_often():
    """Of 18 ways each is expected 1,000 times, give or take 31; five of these are never seen."""
    image = np.random.default_rng(0).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    pixels = torch.from_numpy(np.broadcast_to(image, (18_000, 4, 4, 3)).copy())
    bits = random_bits(stream_key(0), torch.tensor(7), 36_001)
    found = ShiftAndFlip(4, 1, True, CPU)(pixels, bits).numpy()
    ways, counts = np.unique(found.reshape(len(found), -1), axis=0, return_counts=True)
    assert {way.tobytes() for way in ways} == every_way(image, 1, flip=True)
    assert np.abs(counts - 1000).max() < 155


def test_gradients_are_cut_as_pytorch_cuts_them():
    """A step of each, from the same weights, with and without cutting that is felt."""
    for clip in (0.05, 1e3):
        recipe = replace(
            FAST,
            epochs=1,
            batch_size=64,
            max_shift_px=0,
            flip=False,
            max_grad_norm=clip,
            warmup=0.0,
        )
        ours, theirs = (
            build_model("resnet-8", 4),
            to_device(build_model("resnet-8", 4), CPU).train(),
        )
        images = small()
        train(ours, images, recipe)
        decayed = [one for one in theirs.parameters() if one.ndim > 1]
        others = [one for one in theirs.parameters() if one.ndim <= 1]
        optimizer = torch.optim.SGD(
            [{"params": decayed, "weight_decay": 5e-4}, {"params": others}],
            lr=recipe.learning_rate * 64 / 128, momentum=0.9, nesterov=True,
        )  # fmt: skip
        logits = theirs(normalize(images.pixels.pixels))
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(images.first_label)).backward()
        norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        assert (norm > clip) == (clip < 1)
        optimizer.step()
        before, a, b = (
            torch.cat([weight.detach().flatten() for weight in one.parameters()])
            for one in (build_model("resnet-8", 4), ours, theirs)
        )
        assert float((a - b).norm() / (b - before).norm()) < 0.01


def test_the_learning_rate_rises_and_falls_as_stated(tmp_path):
    """By hand: 8 steps of 64 images, 2 up to 0.1, then half a cosine over 6."""
    recipe = replace(FAST, epochs=8, batch_size=64, warmup=0.25)
    run(recipe, CheckpointConfig(metrics=tmp_path / "m.csv"))
    rates = read_table(tmp_path / "m.csv").numbers(["learning_rate"])[:, 0]
    cosine = [(1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    np.testing.assert_allclose(rates, [0.05, 0.1, *(0.1 * one for one in cosine)], rtol=1e-5)


def test_every_pass_has_every_image_that_fills_a_batch_and_every_step_its_own_draws():
    for epoch in range(3):
        assert sorted(epoch_order(10, 0, epoch).tolist()) == list(range(10))
    orders = {tuple(epoch_order(10, seed, epoch).tolist()) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4
    seeds = [
        one
        for seed in (0, 1) for epoch in (0, 1) for process in (0, 1)
        for one in model_seeds(seed, epoch, 5, process)
    ]  # fmt: skip
    assert len(set(seeds)) == len(seeds) == 40


def test_inputs_and_targets_are_what_their_definitions_say():
    pixels = torch.from_numpy(squares(2)[0])
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 1.0)
    by_hand = (pixels.numpy() / 255 - np.array(mean)) / np.array(std)
    found = normalize(pixels, mean, std).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, by_hand, atol=1e-6)
    images = small(3)
    sets = images.labels.from_lists(
        "s", images.labels.image_ids, [[0, 2], [3], [1]], posterior=np.array([0.9, 0.8, 1, 0.7]),
        n_classes=4,
    )  # fmt: skip
    rows = torch.tensor([2, 0])
    hard = Targets.from_labels(sets, 4, CPU).rows(rows)
    assert hard.tolist() == [[0, 1, 0, 0], [1, 0, 1, 0]]
    soft = Targets.from_labels(sets, 4, CPU, soft=True).rows(rows)
    np.testing.assert_allclose(soft, [[0, 0.7, 0, 0], [0.9, 0, 0.8, 0]], rtol=1e-6)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        run(FAST, CheckpointConfig(metrics=Path(tmp_path / "file" / "m.csv")))
