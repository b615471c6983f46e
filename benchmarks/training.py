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
from measure import describe_machine, describe_moment, published, seconds
from torch.nn import functional

from reassess.files.images import open_images
from reassess.records import LabelSets
from reassess.training import (
    CheckpointConfig,
    ImageTransform,
    LabelledImages,
    Recipe,
    StepConfig,
    build_model,
    load_pixels,
    resolve_device,
    train,
)
from reassess.training.batches import normalize
from reassess.training.decoded import DecodedImages
from reassess.training.models import to_device


def images_of(n: int) -> tuple[LabelledImages, float]:
    """CIFAR-10's first images, and how many a second were decoded."""
    files = open_images(published().path("cifar10/train.parquet")).take(np.arange(n))
    start = time.perf_counter()
    pixels, _, _ = load_pixels(files, ImageTransform(), kept=DecodedImages(None))
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


def our_loop(
    model_name: str, recipe: Recipe, images: LabelledImages, device: torch.device, step: StepConfig
):
    """A function that runs our loop once, on a model that is made ready before."""
    model = build_model(model_name, 10)

    def run() -> None:
        train(
            model, images, recipe, device=device, checkpoints=CheckpointConfig(), step=step
        )  # fmt: skip
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def ways_of(given: argparse.Namespace, device: torch.device) -> dict[str, StepConfig]:
    """How our step runs: by default as a user's does; on a GPU also operation by operation."""
    ways = {"ours": StepConfig()}
    if device.type == "cuda":
        ways["ours, no graph"] = StepConfig(graph=False)
    if given.compile:
        ways["ours, compiled"] = StepConfig(compiled=True)
    return ways


def compare(
    given: argparse.Namespace, batch: int, images: LabelledImages, device: torch.device
) -> float:
    """Time the bare loop and ours in turns; print images a second and ratios, return ours."""
    recipe = Recipe(epochs=given.epochs, batch_size=batch, precision=given.precision)
    loops = {"bare": bare_loop(given.model, recipe, images, device)}
    for name, step in ways_of(given, device).items():
        loops[name] = our_loop(given.model, recipe, images, device, step)
    n_learned = given.epochs * (len(images) // batch) * batch
    for loop in loops.values():
        loop()
    took = np.empty((given.rounds, len(loops)))
    for number, row in enumerate(took):
        for place in range(len(loops)) if number % 2 else reversed(range(len(loops))):
            row[place] = seconds(list(loops.values())[place])
    print(f"{given.model}, batches of {batch}, {given.precision}")
    for name, each in zip(loops, took.T, strict=True):
        print(f"  {name + ':':16} {n_learned / np.median(each):10,.0f} images/s", end="")
        if name == "bare":
            print(f" (median of {given.rounds})")
            continue
        ratio = took[:, 0] / each
        low, high = np.quantile(ratio, (0.25, 0.75))
        print(f"; / bare {np.median(ratio):.3f} (the middle half from {low:.3f} to {high:.3f})")
    best = took.min(axis=0)
    print(f"  ours / bare, each at its best: {best[0] / best[1]:.3f}", flush=True)
    return n_learned / float(np.median(took[:, 1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="resnet-8")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--batch", type=int, nargs="+", default=[64])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--compile", action="store_true", help="also compiled by torch.compile")
    given = parser.parse_args()
    device = resolve_device(given.device)
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {given.device}"
    print(f"{describe_machine()}; {describe_moment()}")
    print(f"{where}; {torch.get_num_threads()} threads of PyTorch")
    images, decoded = images_of(given.images)
    for batch in given.batch:
        learned = compare(given, batch, images, device)
    print(f"decoding: {decoded:,.0f} images/s, {decoded / learned:.1f} times what is learned from")


if __name__ == "__main__":
    main()
