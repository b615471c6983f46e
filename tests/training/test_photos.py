"""Photos: random crops as torchvision draws them, whatever thread decodes; and fine-tuning."""

import io
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from reassess.errors import FileError, MissingExtraError, OptionError
from reassess.training import (
    ImageTransform,
    Recipe,
    build_model,
    open_labelled,
    predict_logits,
    read_model,
    train,
    train_model,
    write_model,
)
from reassess.training.models import find_head, let_torchvision_import
from reassess.training.recipe import CheckpointConfig
from tests.files.test_plain_jpegs import jpeg, photo
from tests.training.small import FAST, small

needs_torchvision = pytest.mark.skipif(
    find_spec("torchvision") is None or find_spec("timm") is None,
    reason="the extra zoo is not installed",
)
SIDE = 32
CROPS = replace(FAST, augmentation="crop", learning_rate=0.02, batch_size=8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos of two classes that colours tell apart: large, small, turned, a PNG."""
    rng = np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x0112] = 6
    for row in range(24):
        name = ("ant", "bee")[row % 2]
        pixels = rng.integers(0, 120, (60 + 7 * row, 150, 3))
        pixels[:, :, row % 2] += 120
        image = Image.fromarray(pixels.astype(np.uint8))
        path = tmp_path / "photos" / name / f"{row:02d}.{'png' if row == 5 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **({"exif": turned} if row == 7 else {}))
    return tmp_path / "photos"


@needs_torchvision
def test_crops_are_those_of_torchvision_and_leave_its_generator_alone():
    from reassess.training.photos import PhotoAugmentation

    let_torchvision_import()
    from torchvision.transforms import InterpolationMode, v2

    theirs = {
        "crop": [],
        "trivial": [v2.TrivialAugmentWide(interpolation=InterpolationMode.BILINEAR)],
        "rand": [v2.RandAugment(interpolation=InterpolationMode.BILINEAR)],
    }
    content = jpeg(photo(60, 50), quality=95)
    image = Image.fromarray(np.asarray(Image.open(io.BytesIO(content))))
    for kind, more in theirs.items():
        ours = PhotoAugmentation(SIDE, kind)
        transform = v2.Compose([
            v2.RandomResizedCrop(SIDE, interpolation=InterpolationMode.BICUBIC),
            v2.RandomHorizontalFlip(), *more,
        ])  # fmt: skip
        seen = set()
        for seed in range(8):
            found = np.zeros((SIDE, SIDE, 3), np.uint8)
            before = torch.get_rng_state()
            ours(content, seed, found)
            assert torch.equal(torch.get_rng_state(), before)
            torch.manual_seed(seed)
            assert np.array_equal(found, np.asarray(transform(image))), (kind, seed)
            seen.add(found.tobytes())
        assert len(seen) == 8


@needs_torchvision
def test_a_large_photo_is_decoded_smaller_and_looks_the_same():
    from reassess.training.photos import PhotoAugmentation

    smooth = photo(60, 50).resize((1200, 1000), Image.Resampling.BICUBIC)
    plain = jpeg(smooth, quality=95)
    exif = Image.Exif()
    exif[0x010E] = "decoded whole, by Pillow"
    augment = PhotoAugmentation(SIDE)
    for seed in range(8):
        fast, whole = np.zeros((2, SIDE, SIDE, 3), np.uint8)
        augment(plain, seed, fast)
        augment(jpeg(smooth, quality=95, exif=exif), seed, whole)
        assert np.abs(fast.astype(int) - whole).mean() < 4


@needs_torchvision
def test_photos_are_streamed_in_random_crops_whatever_the_threads(photos: Path, tmp_path: Path):
    images = open_labelled(photos, transform=ImageTransform(SIDE), stream=True)
    rows = [torch.tensor([3, 4, 5]), torch.tensor([7, 3])]
    batches = [(batch, batch + 100) for batch in rows]
    found = []
    for threads in (1, 7):
        images.pixels._threads = threads
        found.append(torch.cat(list(images.pixels.augmented(batches, "crop"))))
    assert torch.equal(*found)
    assert torch.equal(found[0][0], found[0][4])  # the same image from the same seed
    other = next(images.pixels.augmented([(rows[0], rows[0])], "crop"))
    assert not torch.equal(other, found[0][:3])

    def run(recipe: Recipe, **more) -> torch.Tensor:
        model = train(build_model("resnet-8", 2, seed=1), images, recipe, **more)
        return torch.cat([one.flatten().float() for one in model.state_dict().values()])

    class StoppedError(Exception):
        """The machine went down."""

    def stop(_: str, *, done: int | None = None, total: int | None = None) -> None:
        if done == total - 1:
            raise StoppedError

    whole = run(CROPS)
    checkpoints = CheckpointConfig(tmp_path / "c.safetensors", every=2)
    with pytest.raises(StoppedError):
        run(CROPS, checkpoints=checkpoints, progress=stop)
    assert torch.equal(run(CROPS, checkpoints=checkpoints), whole)
    with pytest.raises(OptionError, match="are squares already"):
        train(build_model("resnet-8", 4), small(16), CROPS)


def test_fine_tuning_begins_with_weights_of_a_file(tmp_path: Path):
    """A model that has learned four classes begins better than a new one, also on others."""
    path, notes = tmp_path / "first.safetensors", []
    images = small(96)
    first = train_model(images, replace(FAST, epochs=6), "resnet-8")
    write_model(first, path)
    frozen = replace(FAST, epochs=1, learning_rate=1e-9)
    same = train_model(images, frozen, "resnet-8", pretrained=path, on_note=notes.append)
    assert (predict_logits(same, images.pixels).argmax(1) == images.first_label).mean() > 0.9
    assert notes == [f"beginning with the weights of {path}, its head, too"]
    renamed = replace(images.classes, ids=("d", "c", "b", "a"))
    other = train_model(
        replace(images, classes=renamed), frozen, "resnet-8", pretrained=path, on_note=notes.append
    )
    assert notes[1].endswith("with a new head")
    stem = [one.state_dict()["stem.0.weight"] for one in (first.module, other.module)]
    torch.testing.assert_close(*stem, rtol=0, atol=1e-6)
    new = build_model("resnet-8", 4).state_dict()["head.weight"]
    torch.testing.assert_close(other.module.state_dict()["head.weight"], new, rtol=0, atol=1e-6)
    with pytest.raises(FileError, match="holds 'resnet-8', but must hold 'resnet-20'"):
        train_model(images, frozen, "resnet-20", pretrained=path)
    with pytest.raises(OptionError, match="none of timm's"):
        train_model(images, frozen, "resnet-8", pretrained="timm")


def test_a_checkpoint_of_other_weights_is_of_another_run(tmp_path: Path):
    images, notes = small(32), []
    paths = [tmp_path / f"{seed}.safetensors" for seed in (3, 4)]
    for seed, path in zip((3, 4), paths, strict=True):
        write_model(train_model(images, replace(FAST, epochs=1, seed=seed), "resnet-8"), path)
    checkpoints = CheckpointConfig(tmp_path / "c.safetensors")
    for path in (paths[0], paths[1]):
        train_model(images, FAST, "resnet-8", pretrained=path, checkpoints=checkpoints,
                    on_note=notes.append)  # fmt: skip
    assert "is of another run" in notes[-1]


def test_the_head_moves_as_many_times_as_asked_for():
    """One step from the same weights without decay: only the head's differs, by its rate."""
    images = small(16)
    recipe = replace(FAST, epochs=1, weight_decay=0.0, momentum=0.0, warmup=0.0, max_grad_norm=0.0)
    before = build_model("resnet-8", 4, seed=1).state_dict()
    moved = []
    for head_rate in (1.0, 5.0, 0.0):
        after = train(
            build_model("resnet-8", 4, seed=1), images, replace(recipe, head_rate=head_rate)
        )
        moved.append({k: (v - before[k]).float() for k, v in after.state_dict().items()})
    torch.testing.assert_close(moved[1]["head.weight"], 5 * moved[0]["head.weight"])
    torch.testing.assert_close(moved[1]["stem.0.weight"], moved[0]["stem.0.weight"])
    assert not moved[2]["head.weight"].any()


@needs_torchvision
def test_a_model_of_timm_s_is_fine_tuned_from_weights_in_a_file(photos: Path, tmp_path: Path):
    """As the hub hands them out: bare tensors, a head of 1,000 classes."""
    source = build_model("timm:test_resnet", 1000, seed=5)
    weights = {name: one.contiguous() for name, one in source.state_dict().items()}
    save_file(weights, tmp_path / "timm.safetensors")
    images = open_labelled(photos, transform=ImageTransform(SIDE), stream=True)
    recipe = replace(CROPS, learning_rate=1e-9, epochs=1, head_rate=10.0)
    model = train_model(
        images, recipe, "timm:test_resnet", pretrained=tmp_path / "timm.safetensors"
    )
    assert find_head(model.module).weight.shape[0] == 2
    for name, one in model.module.named_parameters():
        if name.startswith(("conv1", "stem", "layer1")):
            torch.testing.assert_close(one.detach(), weights[name], rtol=0, atol=1e-5)
    write_model(model, tmp_path / "m.safetensors")
    assert (read_model(tmp_path / "m.safetensors").mean) == model.mean
    weights.pop("conv1.weight" if "conv1.weight" in weights else next(iter(weights)))
    save_file(weights, tmp_path / "other.safetensors")
    with pytest.raises(FileError, match="missing or of another shape"):
        train_model(images, recipe, "timm:test_resnet", pretrained=tmp_path / "other.safetensors")


def test_a_missing_torchvision_is_named(monkeypatch: pytest.MonkeyPatch):
    from reassess.training.photos import PhotoAugmentation

    monkeypatch.setitem(sys.modules, "torchvision.transforms", None)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingExtraError, match=r"reassess\[zoo\]"):
        PhotoAugmentation(SIDE)
