"""Decoding many images: the same by any number of threads, and found again by the next run."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reassess.files.decoding import decode_image, ignore_pillow_warnings
from reassess.files.images import open_images
from reassess.notes import collect_notes
from reassess.training import ImageTransform, load_pixels
from reassess.training.decoded import DecodedImages
from reassess.training.images import decode, decoding_threads
from tests.files.test_plain_jpegs import jpeg, photo
from tests.training.small import write_folder

TRANSFORM = ImageTransform(24, 0.9)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos of many kinds: plain, turned, with a profile, of four inks, PNG, too small."""
    folder = tmp_path / "photos"
    folder.mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6
    png = io.BytesIO()
    photo(50, 40).save(png, "PNG")
    kinds = [
        jpeg(photo(24, 24)), jpeg(photo(27, 27)), jpeg(photo(300, 200)), jpeg(photo(20, 10)),
        jpeg(photo(60, 40), exif=turned), jpeg(photo(40, 60).convert("CMYK")), png.getvalue(),
        jpeg(photo(90, 70, "L")),
    ]  # fmt: skip
    for number, content in enumerate(kinds * 5):
        (folder / f"{number:02d}.jpg").write_bytes(content)
    return folder


def test_threads_and_memory_change_no_pixel(photos: Path):
    files = open_images(photos)
    each = np.stack([decode(files.read(row), TRANSFORM) for row in range(len(files))])
    rows = [torch.arange(3), torch.arange(3, 40), torch.tensor([7])]
    for threads in (1, 16):
        held, _, _ = load_pixels(files, TRANSFORM, max_threads=threads)
        assert np.array_equal(held.pixels.numpy(), each)
        streamed, _, _ = load_pixels(files, TRANSFORM, max_threads=threads, max_bytes_in_memory=0)
        for batch, found in zip(rows, streamed.batches(rows), strict=True):
            assert np.array_equal(found.numpy(), each[batch.numpy()])


def test_small_files_are_decoded_by_few_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert [decoding_threads(size) for size in (0.0, 900.0, 5e3, 1e5)] == [1, 1, 3, 16]


def test_the_next_run_finds_what_was_decoded_and_only_that(photos: Path, tmp_path: Path):
    kept = DecodedImages(tmp_path / "kept", least_bytes=1)
    first, _, _ = load_pixels(open_images(photos), TRANSFORM, kept=kept)
    (file,) = (tmp_path / "kept").iterdir()
    os.utime(file, (1, 1))
    again, _, _ = load_pixels(open_images(photos), TRANSFORM, kept=kept)
    assert file.stat().st_mtime > 1  # it was used
    assert torch.equal(first.pixels, again.pixels)
    again.pixels[0] = 0  # stays in this process
    assert torch.equal(load_pixels(open_images(photos), TRANSFORM, kept=kept)[0].pixels,
                       first.pixels)  # fmt: skip

    load_pixels(open_images(photos), ImageTransform(24), kept=kept)
    assert len(list((tmp_path / "kept").iterdir())) == 2
    one, two = photos / "00.jpg", photos / "01.jpg"
    swapped = one.read_bytes(), two.read_bytes()
    two.write_bytes(swapped[0])
    one.write_bytes(swapped[1])
    other, _, _ = load_pixels(open_images(photos), TRANSFORM, kept=kept)
    assert torch.equal(other.pixels[:2], first.pixels[[1, 0]])

    file.write_bytes(file.read_bytes()[:200])  # a disk that was full
    one.write_bytes(swapped[0])
    two.write_bytes(swapped[1])
    assert torch.equal(load_pixels(open_images(photos), TRANSFORM, kept=kept)[0].pixels,
                       first.pixels)  # fmt: skip


def test_a_set_with_broken_images_is_decoded_anew(tmp_path: Path):
    ids = write_folder(tmp_path / "photos", 12)
    (tmp_path / "photos" / ids[3]).write_bytes(b"no image")
    kept = DecodedImages(tmp_path / "kept", least_bytes=1)
    for _ in range(2):
        found, rows, note = load_pixels(
            open_images(tmp_path / "photos"), TRANSFORM, kept=kept, skip_unreadable=True
        )
        assert len(found) == len(rows) == 11
        assert note is not None
    assert not (tmp_path / "kept").exists()


def test_the_files_used_longest_ago_go_and_what_cannot_be_kept_is_noted(tmp_path: Path):
    pixels = np.zeros((4, 10, 10, 3), np.uint8)
    kept = DecodedImages(tmp_path / "kept", least_bytes=1, most_bytes=3_000)
    for number in range(3):
        kept.keep(f"{number}", pixels)
        os.utime(tmp_path / "kept" / f"{number}.npy", (number, number))
    assert sorted(one.name for one in (tmp_path / "kept").iterdir()) == ["1.npy", "2.npy"]
    assert not kept.is_worth_keeping((100, 10, 10, 3))
    assert not DecodedImages(None).is_worth_keeping(pixels.shape)
    (tmp_path / "file").write_bytes(b"")
    with collect_notes() as notes:
        DecodedImages(tmp_path / "file" / "kept", least_bytes=1).keep("0", pixels)
    assert "are not kept for the next run" in notes.texts[0]


def test_warnings_of_pillow_are_ignored_while_images_are_decoded_and_no_filter_is_left():
    """EXIF data that are cut off, which Pillow warns of."""
    cut = jpeg(photo(30, 30), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x0e")
    before = list(warnings.filters)
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        Image.open(io.BytesIO(cut))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decode_image(cut)
        with ignore_pillow_warnings():
            with warnings.catch_warnings():  # whoever puts other filters back meanwhile
                warnings.resetwarnings()
                warnings.simplefilter("error")
                decode_image(cut)
            decode_image(cut)
    assert list(warnings.filters) == before
