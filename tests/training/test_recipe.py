"""Objectives and recipes by name, and what version 0.1.0 left that can still be resumed."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reassess.errors import FileError, OptionError
from reassess.training import (
    CLEANING_RULES,
    OBJECTIVES,
    CheckpointConfig,
    CleaningRule,
    Objective,
    Recipe,
    RecipeGrid,
    build_model,
    clean,
    objective_loss,
    out_of_fold,
    predict_logits,
    predicted_probabilities,
    read_model,
    run_recipes,
    train,
    train_model,
    write_model,
)
from reassess.training.checkpoints import read_weights, write_weights
from tests.conftest import Ran
from tests.training.small import FAST, SIDE, small, write_folder

Cli = Callable[..., Ran]


@pytest.fixture
def toy() -> Iterator[Objective]:
    """Squared distance of the softmax to the targets, registered for one test."""

    def brier(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return ((logits.softmax(dim=-1) - targets) ** 2).sum(dim=-1).mean()

    yield OBJECTIVES.register(
        Objective("brier", brier, lambda one: one.softmax(dim=-1), "squared error", one_class=True)
    )
    OBJECTIVES.unregister("brier")


def test_an_objective_outside_the_registry_is_refused_everywhere(tmp_path: Path):
    logits = torch.zeros(2, 3)
    for refused in (
        lambda: objective_loss("bce", logits, logits),
        lambda: predicted_probabilities(logits.numpy(), "bce"),
        lambda: Recipe(objective="bce"),
        lambda: build_model("resnet-8", 4, objective="bce"),
        lambda: replace(train_model(small(16), replace(FAST, epochs=1), "resnet-8"), objective="b"),
    ):
        with pytest.raises(OptionError, match="must be one of 'softmax', 'sigmoid'"):
            refused()
    with pytest.raises(OptionError, match=r"is 'sigmiod'.*Did you mean 'sigmoid'"):
        Recipe(objective="sigmiod")
    with pytest.raises(OptionError, match=r"precision is 'float16'.*'bfloat16'"):
        Recipe(precision="float16")  # type: ignore[arg-type]
    write_model(train_model(small(16), replace(FAST, epochs=1), "resnet-8"), tmp_path / "m.st")
    tensors, about = read_weights(tmp_path / "m.st")
    about.pop("format")
    write_weights(tensors, about | {"objective": "bce"}, tmp_path / "m.st")
    with pytest.raises(FileError, match="objective is 'bce', but must be one of softmax, sigmoid"):
        read_model(tmp_path / "m.st")


def test_a_cleaning_rule_outside_the_registry_is_refused():
    probabilities = np.full((2, 2), 0.5)
    with pytest.raises(OptionError, match=r"rule is 'confidant'.*Did you mean 'confident'"):
        clean(probabilities, np.array([0, 1]), "confidant")


def test_words_outside_their_registries_are_refused_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "photos", 8)
    for command, message in (
        ("train photos --objective sigmiod -o m.safetensors", "'sigmiod' is not one of"),
        ("train photos --recipe bce -o m.safetensors", "'bce' is not one of"),
        ("train photos --precision half -o m.safetensors", "'half' is not one of"),
        ("predict photos --model m --precision half -o p.npz", "'half' is not one of"),
        ("clean oof.npz --labels l.csv --rule confidnt -o k.txt", "Did you mean 'confident'"),
        ("recipes photos --rule disagre -o t.md", "Did you mean 'disagree'"),
    ):
        ran = cli(*command.split())
        assert ran.status == 2, command
        assert message in ran.err, ran


@pytest.mark.usefixtures("toy")
def test_an_objective_is_one_registration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "photos", 48)
    assert "brier" in cli("train", "--help").out
    ran = cli("train", "photos", "--side", SIDE, "--batch-size", 16, "--device", "cpu",
              "--objective", "brier", "--epochs", 4, "-o", "m.safetensors")  # fmt: skip
    assert ran.status == 0, ran
    model = read_model("m.safetensors")
    assert model.objective == "brier"
    found = predicted_probabilities(predict_logits(model, small().pixels), model.objective)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_a_cleaning_rule_is_one_registration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
):
    """A rule that suspects all of class 0."""
    monkeypatch.chdir(tmp_path)
    np.savez("oof.npz", probabilities=np.eye(4) * 0.8 + 0.05, ids=list("abcd"))
    Path("labels.csv").write_text("image,label\na,1\nb,1\nc,2\nd,3\n")
    CLEANING_RULES.register(
        CleaningRule("none", lambda p, k: (np.zeros(len(k), bool), p.argmax(axis=1)), "nothing")
    )
    try:
        assert cli("clean", "oof.npz", "--labels", "labels.csv", "--rule", "none",
                   "-o", "keep.txt").status == 0  # fmt: skip
    finally:
        CLEANING_RULES.unregister("none")
    assert Path("keep.txt").read_text() == "a\nb\nc\nd\n"


OLD_OPTIONS = (
    "--recipe sigmoid --shift 2 --soft --ema 0.5 --clip 1 --smoothing 0.1 --clean keep.txt --fresh"
)


def test_options_of_0_1_0_still_work_and_are_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
):
    monkeypatch.chdir(tmp_path)
    ids = write_folder(tmp_path / "photos", 16)
    Path("keep.txt").write_text("\n".join(ids[:12]))
    ran = cli("train", "photos", "--side", SIDE, "--device", "cpu", "--epochs", 1,
              *OLD_OPTIONS.split(), "-o", "m.safetensors")  # fmt: skip
    assert ran.status == 0, ran
    assert "12 images" in ran.err
    assert read_model("m.safetensors").objective == "sigmoid"
    words = cli("train", "--help").out.split()
    assert not {word for word in OLD_OPTIONS.split() if word.startswith("--")} & set(words)


def test_what_0_1_0_left_unfinished_is_recognised(tmp_path: Path):
    """Hashes and names as version 0.1.0 wrote them, for these images and this recipe."""
    images, recipe = small(12), replace(FAST, epochs=1)
    assert images.digest() == "5b24769f22aa0b21de59ddc76642e90d6c26e5880e0766d85499e29e63b31d1c"
    out_of_fold(images, recipe, "resnet-8", n_folds=2, folder=tmp_path / "folds")
    assert sorted(one.name for one in (tmp_path / "folds").iterdir()) == [
        "fold-0-ddd3ed6b56c8e381.npz", "fold-1-33006835192f93f5.npz",
    ]  # fmt: skip
    grid = RecipeGrid(FAST, "resnet-8", {"short": 1, "long": 1}, [0])
    run_recipes(images, np.arange(8), images, grid, folder=tmp_path / "runs")
    assert {one.name for one in (tmp_path / "runs").iterdir()} >= {
        "baseline-short-0-a2dc16877e9949c4.npz", "both-long-0-4aa190cb10a6da11.npz",
        "clean-short-0-913e233c15c328ca.npz", "sigmoid-long-0-c0cea12c83944c2c.npz",
    }  # fmt: skip


def test_a_checkpoint_of_0_1_0_is_resumed(tmp_path: Path):
    """Its recipe had the fields smoothing, clip, ema, shift and soft."""
    path = tmp_path / "c.safetensors"
    recipe = replace(FAST, epochs=1)
    train(build_model("resnet-8", 4), small(12), recipe, checkpoints=CheckpointConfig(path))
    stored = read_weights(path)[1]["recipe"]
    assert json.loads(json.dumps(stored)) == {
        "batch_size": 16, "clip": 2.0, "ema": 0.0, "epochs": 1, "flip": True,
        "learning_rate": 0.2, "mixup": 0.0, "momentum": 0.9, "objective": "softmax",
        "precision": "float32", "seed": 0, "shift": 1, "smoothing": 0.0, "soft": False,
        "warmup": 0.15, "weight_decay": 0.0005,
    }  # fmt: skip
    notes: list[str] = []
    train(
        build_model("resnet-8", 4), small(12), recipe,
        checkpoints=CheckpointConfig(path, resume=True), on_note=notes.append,
    )  # fmt: skip
    assert notes == [f"going on from {path}, after step 1 of 1"]
