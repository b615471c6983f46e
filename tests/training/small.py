"""Small images that can be learned in seconds: a colour and a place for each of four classes."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from reassess.records import Classes, LabelSets
from reassess.training import ImageTransform, LabelledImages, Recipe
from reassess.training.images import InMemoryImages

NAMES = ["ant", "bee", "cod", "doe"]
SIDE = 16
FAST = Recipe(epochs=2, batch_size=16, max_shift_px=1)


def squares(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [n, S, S, 3] and the class of each image, in turn."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % len(NAMES)
    pixels = rng.integers(0, 90, (n, SIDE, SIDE, 3))
    for row, k in enumerate(label.tolist()):
        pixels[row, 4:12, 4:12, k % 3] += 60 + 80 * (k // 3)
    return pixels.astype(np.uint8), label


def labelled(
    pixels: np.ndarray, label: np.ndarray, ids: list[str] | None = None, n_classes: int = 4
) -> LabelledImages:
    """Images in memory with one label each."""
    names = np.array(ids or [f"{row}.png" for row in range(len(label))])
    sets = LabelSets("small", names, np.arange(len(label) + 1), label, n_classes=n_classes)
    classes = Classes.from_names([f"c{k}" for k in range(n_classes)])
    return LabelledImages(
        "small", InMemoryImages(torch.from_numpy(pixels)), sets, classes, ImageTransform(SIDE)
    )


def small(n: int = 64, seed: int = 0) -> LabelledImages:
    """Learnable images in memory."""
    return labelled(*squares(n, seed))


def encoded(pixels: np.ndarray) -> list[bytes]:
    """Each image as PNG."""
    found = []
    for one in pixels:
        file = io.BytesIO()
        Image.fromarray(one).save(file, "PNG")
        found.append(file.getvalue())
    return found


def write_folder(folder: Path, n: int = 48, seed: int = 0) -> list[str]:
    """Images in class folders; their ids."""
    pixels, label = squares(n, seed)
    ids = [f"{NAMES[k]}/{row:03d}.png" for row, k in enumerate(label.tolist())]
    for image_id, content in zip(ids, encoded(pixels), strict=True):
        path = folder / image_id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return ids


def write_parquet(path: Path, n: int = 48, seed: int = 0) -> None:
    """The same as a table of bytes, ids and names of classes."""
    pixels, label = squares(n, seed)
    names = [NAMES[k] for k in label.tolist()]
    ids = [f"{name}/{row:03d}.png" for row, name in enumerate(names)]
    pq.write_table(pa.table({"id": ids, "jpeg": encoded(pixels), "label": names}), path)


def write_shards(folder: Path, n: int = 48, seed: int = 0) -> None:
    """The same as two WebDataset shards."""
    pixels, label = squares(n, seed)
    folder.mkdir()
    content = encoded(pixels)
    for shard in range(2):
        with tarfile.open(folder / f"{shard}.tar", "w") as tar:
            for row in range(shard * n // 2, (shard + 1) * n // 2):
                name = NAMES[label[row]]
                for kind, data in (("png", content[row]), ("cls", name.encode())):
                    member = tarfile.TarInfo(f"{name}/{row:03d}.{kind}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
