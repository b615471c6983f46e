"""How many images a second the loop learns from, beside a bare loop of PyTorch.

The bare loop has the same model, objective and optimiser, and its batches lie ready in memory as
floats: nothing is drawn, moved, flipped, normalize, clipped, measured or kept. Ours and the bare
one take turns, the first now one and then the other, so that what else the machine does hits both.
Then decoding alone: how many images a second become squares, which must be more than what is
learned from.

    python benchmarks/training.py [--model resnet-8] [--device cpu] [--precision float32]
        [--images 2048] [--batch 64] [--rounds 40]
"""

import argparse
import time

import numpy as np
import torch
from measure import describe_machine, published, seconds
from torch.nn import functional

from reassess.files.images import open_images
from reassess.records import LabelSets
from reassess.training import (
    CheckpointConfig,
    ImageTransform,
    LabelledImages,
    Recipe,
    build_model,
    load_pixels,
    resolve_device,
    train,
)
from reassess.training.batches import normalize
from reassess.training.models import to_device


def images_of(n: int) -> tuple[LabelledImages, float]:
    """CIFAR-10's first images, and how many a second were decoded."""
    files = open_images(published().path("cifar10/train.parquet")).take(np.arange(n))
    start = time.perf_counter()
    pixels, _, _ = load_pixels(files, ImageTransform())
    speed = n / (time.perf_counter() - start)
    label = np.array(files.labels).astype(np.int64)
    sets = LabelSets("cifar10", files.image_ids, np.arange(n + 1), label, n_classes=10)
    return LabelledImages("cifar10", pixels, sets, None, ImageTransform()), speed


def bare_loop(model_name: str, recipe: Recipe, images: LabelledImages, device: torch.device):
    """A function that runs the bare loop once, with everything made ready before."""
    model = to_device(build_model(model_name, 10), device).train()
    optimizer = torch.optim.SGD(
        model.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    inputs = normalize(images.pixels.pixels.to(device))
    label = torch.from_numpy(images.first_label).to(device)
    rows = torch.split(torch.arange(len(images)), recipe.batch_size)
    batches = [(inputs[row], label[row]) for row in rows if len(row) == recipe.batch_size]
    half = recipe.precision == "bfloat16"

    def run() -> None:
        for _ in range(recipe.epochs):
            for batch, target in batches:
                with torch.autocast(device.type, torch.bfloat16, enabled=half):
                    logits = model(batch)
                loss = functional.cross_entropy(logits.float(), target)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def our_loop(model_name: str, recipe: Recipe, images: LabelledImages, device: torch.device):
    """A function that runs our loop once, on a model that is made ready before."""
    model = build_model(model_name, 10)

    def run() -> None:
        train(model, images, recipe, device=device, checkpoints=CheckpointConfig())
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="resnet-8")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    device = resolve_device(given.device)
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {given.device}"
    print(f"{describe_machine()}; {where}; {torch.get_num_threads()} threads of PyTorch")
    images, decoded = images_of(given.images)
    recipe = Recipe(epochs=given.epochs, batch_size=given.batch, precision=given.precision)
    bare = bare_loop(given.model, recipe, images, device)
    ours = our_loop(given.model, recipe, images, device)
    n_learned = given.epochs * (given.images // given.batch) * given.batch
    bare()
    ours()
    pairs = np.empty((given.rounds, 2))
    for number, pair in enumerate(pairs):
        for one in (0, 1) if number % 2 else (1, 0):
            pair[one] = seconds((bare, ours)[one])
    for name, took in zip(("bare", "ours"), pairs.T, strict=True):
        print(f"{name}: {n_learned / np.median(took):10,.0f} images/s (median of {given.rounds})")
    ratio = pairs[:, 0] / pairs[:, 1]
    low, high = np.quantile(ratio, (0.25, 0.75))
    print(f"ours / bare: {np.median(ratio):.3f} (the middle half from {low:.3f} to {high:.3f})")
    best = pairs.min(axis=0)
    print(f"ours / bare, each at its best: {best[0] / best[1]:.3f}")
    n_decoded = decoded / (n_learned / np.median(pairs[:, 1]))
    print(f"decoding: {decoded:,.0f} images/s, {n_decoded:.1f} times what is learned from")


if __name__ == "__main__":
    main()
