"""Photos a second that become random crops for training, beside timm's loader on the same files.

Photos of 500 × 375 pixels, made here, in class folders; random resized crops of 224 pixels and
flips, batches of uint8 on the CPU. timm's `create_loader` is set up as its training script does
(random resized crops, flips, workers in processes, no prefetcher without a GPU), each with as many
workers as there are cores. In turns; the median of the rounds, by the clock, after a first pass of
each.

    python benchmarks/photos.py [--photos 512] [--rounds 3] [--width 500]
"""

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from decoding import made_photos
from measure import describe_machine, describe_moment

from reassess.files.images import open_images
from reassess.training import ImageTransform, load_pixels
from reassess.training.images import StreamedImages
from reassess.training.models import import_timm

SIDE, BATCH = 224, 64


def write_photos(folder: Path, n: int, width: int) -> None:
    files = made_photos(n, width)
    for row in range(n):
        path = folder / str(row % 8) / f"{row}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(files.read(row))


def ours(folder: Path, workers: int):
    """A function that passes once over all crops."""
    pixels, _, _ = load_pixels(
        open_images(folder), ImageTransform(SIDE), max_bytes_in_memory=0, max_threads=workers
    )
    assert isinstance(pixels, StreamedImages)

    def run() -> int:
        rows = torch.randperm(len(pixels)).split(BATCH)
        return sum(len(one) for one in pixels.augmented(((r, r) for r in rows), "crop"))

    return run


def timm_loader(folder: Path, workers: int):
    """The same by timm's loader, whose workers are kept from pass to pass."""
    import_timm()
    from timm.data import create_dataset, create_loader

    loader = create_loader(
        create_dataset("", folder), input_size=(3, SIDE, SIDE), batch_size=BATCH, is_training=True,
        use_prefetcher=False, num_workers=workers, interpolation="bicubic", color_jitter=None,
        persistent_workers=True, no_aug=False, hflip=0.5,
    )  # fmt: skip

    def run() -> int:
        return sum(len(images) for images, _ in loader)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=500)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    workers = os.cpu_count() or 1
    torch.set_num_threads(1)
    print(f"{describe_machine()}; {describe_moment()}; {workers} workers each")
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder), given.photos, given.width)
        ways = {"timm": timm_loader(Path(folder), workers), "ours": ours(Path(folder), workers)}
        took: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(given.rounds + 1):
            for name, way in ways.items():
                start = time.perf_counter()
                n = way()
                if number:
                    took[name].append((time.perf_counter() - start) / n)
        for name, each in took.items():
            print(f"{name}: {1 / np.median(each):8,.0f} photos/s (median of {given.rounds})")
        ratio = np.array(took["timm"]) / np.array(took["ours"])
        print(f"ours / timm: {np.median(ratio):.2f} (from {ratio.min():.2f} to {ratio.max():.2f})")


if __name__ == "__main__":
    main()
