"""How many images a second become squares, beside Pillow, one thread and what stood here before.

CIFAR-10's JPEGs (about 900 bytes each) by `load_pixels`, with at most 1, 2 and 16 threads, read and
hashed and decoded into one array; beside it the way of version 0.1.0, one future and one
`warnings.catch_warnings` an image, and Pillow bare: opened, loaded, nothing looked at. Then photos
of 500 px, made here, which must be resized. At last the second run, which finds what was decoded.

Each is taken in turns, and the best of the rounds stands; images a second by the clock, and a
second of processor time, which other work on the machine disturbs less.

    python benchmarks/decoding.py [--images 10000] [--photos 200] [--rounds 5]
"""

import argparse
import io
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from measure import describe_machine, describe_moment, published
from PIL import Image

from reassess.files.decoding import decode_image
from reassess.files.images import ImageFiles, open_images
from reassess.training import ImageTransform, load_pixels
from reassess.training.decoded import DecodedImages

NOWHERE = DecodedImages(None)
BICUBIC = 3


def made_photos(n: int, width: int = 500) -> ImageFiles:
    """Photos of 4:3 with the details of a photo: of 500 × 375 pixels, about 60 KB each."""
    rng, height = np.random.default_rng(0), width * 3 // 4
    content = []
    for _ in range(n):
        coarse = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
        image = Image.fromarray(coarse).resize((width, height), BICUBIC)
        noisy = np.asarray(image).astype(int) + rng.integers(-12, 13, (height, width, 3))
        out = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
        content.append(out.getvalue())
    return ImageFiles("photos", np.array([f"{i}.jpg" for i in range(n)]), None, content.__getitem__)


def former(files: ImageFiles, transform: ImageTransform, threads: int) -> np.ndarray:
    """As version 0.1.0 did it."""
    side = transform.side
    pixels = np.empty((len(files), side, side, 3), np.uint8)

    def one(row: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = decode_image(files.read(row), shorter=side).pixels.convert("RGB")
        if min(image.size) != side:
            scale = side / min(image.size)
            image = image.resize((round(image.width * scale), round(image.height * scale)), BICUBIC)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        pixels[row] = np.asarray(image.crop((left, top, left + side, top + side)))

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(one, range(len(files))):
            pass
    return pixels


def bare_pillow(files: ImageFiles) -> None:
    for row in range(len(files)):
        Image.open(io.BytesIO(files.read(row))).load()


def measured(ways: dict[str, Callable[[], object]], n: int, rounds: int) -> dict[str, float]:
    """Print images a second of each way; by the processor's clock they are returned."""
    clock = {name: [np.inf, np.inf] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            took = time.perf_counter() - wall, time.process_time() - cpu
            clock[name] = [min(*pair) for pair in zip(clock[name], took, strict=True)]
    for name, (wall, cpu) in clock.items():
        print(f"  {name:34} {n / wall:10,.0f} images/s {n / cpu:10,.0f} a second of a core")
    return {name: n / wall for name, (wall, _) in clock.items()}


def ours(files: ImageFiles, transform: ImageTransform, threads: int) -> Callable[[], object]:
    return lambda: load_pixels(files, transform, max_threads=threads, kept=NOWHERE)


def compare(name: str, files: ImageFiles, transform: ImageTransform, rounds: int) -> None:
    """The ways side by side, and their ratios."""
    print(f"{name}: {len(files):,} images, {transform.side} px")
    found = load_pixels(files, transform, kept=NOWHERE)[0]
    same = np.array_equal(found.pixels.numpy(), former(files, transform, 1))
    ways: dict[str, Callable[[], object]] = {
        "0.1.0, 1 thread": lambda: former(files, transform, 1),
        "0.1.0, 16 threads": lambda: former(files, transform, 16),
        "bare Pillow, 1 thread": lambda: bare_pillow(files),
        **{f"ours, at most {t} threads": ours(files, transform, t) for t in (1, 2, 16)},
    }
    speed = measured(ways, len(files), rounds)
    one, two, many = (speed[f"ours, at most {t} threads"] for t in (1, 2, 16))
    print(f"  the same pixels: {same}")
    print(f"  16 threads / 0.1.0 with one: {many / speed['0.1.0, 1 thread']:.2f}")
    print(f"  two threads / one: {two / one:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"{describe_machine()}; {describe_moment()}")
    small = open_images(published().path("cifar10/test.parquet")).take(np.arange(given.images))
    compare("CIFAR-10", small, ImageTransform(), given.rounds)
    compare("photos", made_photos(given.photos), ImageTransform(224), given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        kept = DecodedImages(Path(folder), least_bytes=1)

        def run() -> object:
            return load_pixels(small, ImageTransform(), kept=kept)

        run()
        print("CIFAR-10, the second run")
        measured({"found, by the hash of all files": run}, len(small), given.rounds)


if __name__ == "__main__":
    main()
