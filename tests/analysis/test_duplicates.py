"""Images that are there twice: copies, resized, compressed or brightened, and no others."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageEnhance

from reassess.analysis.duplicates import duplicate_pairs
from reassess.cli import main
from reassess.errors import OptionError
from reassess.files.images import open_images
from reassess.files.thumbnails import read_thumbnails


def picture(seed: int, side: int = 96) -> Image.Image:
    """Patches of colour, smooth as photographs are; two of them have little in common."""
    rough = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(60):
        path = tmp_path / "val" / ("cat" if seed % 2 else "dog") / f"{seed:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(seed).save(path)
    Image.new("RGB", (64, 64), (200, 0, 0)).save(tmp_path / "val" / "cat" / "red.png")
    Image.new("RGB", (64, 64), (0, 0, 200)).save(tmp_path / "val" / "cat" / "blue.png")
    return tmp_path / "val"


def test_copies_are_found_and_nothing_else(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photos / "dog" / "same.png").write_bytes((photos / "cat" / "01.png").read_bytes())
    picture(2).resize((41, 50)).save(photos / "dog" / "small.png")
    picture(4).save(photos / "dog" / "lossy.jpg", quality=40)
    ImageEnhance.Brightness(picture(6)).enhance(0.7).save(photos / "cat" / "dark.png")
    picture(8).crop((2, 2, 94, 95)).save(photos / "dog" / "cut.png")
    found = CliRunner().invoke(main, ["duplicates", str(photos), "--json"], catch_exceptions=False)
    value = json.loads(found.stdout)
    pairs = {frozenset((p["image"], p["other"])): p for p in value["pairs"]}
    assert set(pairs) == {
        frozenset(two)
        for two in (("cat/01.png", "dog/same.png"), ("dog/02.png", "dog/small.png"),
                    ("dog/04.png", "dog/lossy.jpg"), ("cat/dark.png", "dog/06.png"),
                    ("dog/08.png", "dog/cut.png"))
    }  # fmt: skip
    assert value["n_identical"] == 1
    assert value["pairs"][0]["is_identical"] is True
    said = CliRunner().invoke(main, ["duplicates", str(photos)], catch_exceptions=False).output
    assert "5 pairs: 10 of 67 images" in said
    assert "2 pairs have two labels" in said
    # A pair of blocks and one block give the same.
    monkeypatch.setattr("reassess.analysis.duplicates._BLOCK", 7)
    small = read_thumbnails(open_images(photos))
    assert len(duplicate_pairs(small)) == 5
    with pytest.raises(OptionError, match=r"\(0, 1\]"):
        duplicate_pairs(small, similarity=0.0)


def test_test_images_that_were_trained_on_are_leaks(photos: Path) -> None:
    train = photos.parent / "train" / "any"
    train.mkdir(parents=True)
    for seed in (100, 101):
        picture(seed).save(train / f"{seed}.png")
    picture(5, side=64).save(train / "leak.png")
    Image.new("RGB", (64, 64), (200, 0, 0)).save(train / "red.png")
    table = photos.parent / "leaks.csv"
    command = ["duplicates", str(photos), "--against", str(train.parent), "-o", str(table)]
    ran = CliRunner().invoke(main, command, catch_exceptions=False)
    assert "2 of 62 images are in the other set too" in ran.output
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8"))))
    assert [(one["image"], one["other"]) for one in rows] == [
        ("cat/red.png", "any/red.png"), ("cat/05.png", "any/leak.png"),
    ]  # fmt: skip
    (photos / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    failed = CliRunner().invoke(main, command)
    assert failed.exit_code == 2
    assert "cat/broken.png cannot be decoded" in failed.output
