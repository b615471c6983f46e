"""The one decoder: shades, turns, profiles and transparency, and what is left of a file's tags."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from reassess.files.decoding import decode_image
from reassess.study.images import small_copies
from reassess.training.images import ImageTransform, decode
from reassess.web.pictures import SCREEN_SIDE, Size, picture

PLACE = "48.2082 N"
UPRIGHT = np.array([[255, 0], [90, 30]], np.uint8).repeat(40, 0).repeat(60, 1)
"""Four grey fields, 80 × 120: every turn of it is told from every other."""

STORED = {
    1: UPRIGHT, 2: UPRIGHT[:, ::-1], 3: UPRIGHT[::-1, ::-1], 4: UPRIGHT[::-1], 5: UPRIGHT.T,
    6: np.rot90(UPRIGHT), 7: np.rot90(UPRIGHT.T, 2), 8: np.rot90(UPRIGHT, -1),
}  # fmt: skip
"""How a file holds it, for each orientation that EXIF knows."""


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_place(turn: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = turn
    exif[0x010E] = PLACE
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def shown(path: Path, size: Size) -> tuple[Image.Image, bytes]:
    found = picture(path, size)
    assert found is not None
    return Image.open(io.BytesIO(found[0])), found[0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_everybody_sees_an_image_upright_and_nobody_where_it_was_taken(
    tmp_path: Path, kind: str, turn: int
):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    content = encoded(
        Image.fromarray(np.ascontiguousarray(STORED[turn])).convert("RGB"),
        kind, exif=with_place(turn), **options,
    )  # fmt: skip
    path = tmp_path / f"photo.{kind.lower()}"
    path.write_bytes(content)
    assert PLACE.encode() in content
    truth = UPRIGHT.astype(int)
    for size in ("small", "screen", "full"):
        image, sent = shown(path, size)
        drawn = np.asarray(image.convert("L")).astype(int)
        assert drawn.shape == truth.shape
        assert np.abs(drawn - truth)[::10, 5::10].max() < 8
        assert PLACE.encode() not in sent
        assert not image.getexif()
    trained = decode(content, ImageTransform(80))[:, :, 0].astype(int)
    assert np.abs(trained - truth[:, 20:100])[::10, 5::10].max() < 8
    assert len(small_copies(tmp_path, [path.name])) == 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("values", [
    np.linspace(100, 4000, 400).astype(np.uint16), np.linspace(-2, 3, 400).astype(np.float32),
    np.linspace(-70_000, 90_000, 400).astype(np.int32),
], ids=["12 bits", "floats", "32 bits"])  # fmt: skip
def test_grey_of_more_than_8_bits_is_scaled_by_its_range(
    tmp_path: Path, kind: str, values: np.ndarray
):
    if kind == "PNG" and values.dtype != np.uint16:
        pytest.skip("PNG holds 16 bits at most")
    content = encoded(Image.fromarray(np.tile(values, (300, 1))), kind)
    found = decode_image(content)
    assert found.value_range == (pytest.approx(values.min()), pytest.approx(values.max()))
    assert len(np.unique(np.asarray(found.pixels))) == 256
    path = tmp_path / "deep"
    path.write_bytes(content)
    for size in ("screen", "full"):
        assert np.array_equal(np.asarray(shown(path, size)[0]), np.asarray(found.pixels))
    assert len(np.unique(np.asarray(shown(path, "small")[0]))) > 200


def test_what_is_no_number_is_black_and_one_value_has_no_range():
    holes = np.array([[np.nan, 1.0, 2.0, np.inf]], np.float32)
    found = decode_image(encoded(Image.fromarray(holes), "TIFF"))
    assert np.asarray(found.pixels).tolist() == [[0, 0, 255, 255]]
    nothing = np.full((2, 2), np.nan, np.float32)
    assert not np.asarray(decode_image(encoded(Image.fromarray(nothing), "TIFF")).pixels).any()


def test_colours_come_by_profile_and_from_four_inks(tmp_path: Path):
    """A profile that swaps nothing but the curve changes pixels; CMYK becomes RGB."""
    grey = Image.new("RGB", (100, 80), (100, 100, 100))
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    red = Image.new("CMYK", (100, 80), (0, 255, 255, 0))
    for name, content in (
        ("cmyk.jpg", encoded(red, "JPEG", quality=95)),
        ("cmyk.tif", encoded(red, "TIFF")),
    ):
        (tmp_path / name).write_bytes(content)
        image, _ = shown(tmp_path / name, "screen")
        assert image.mode == "RGB"
        r, g, b = image.getpixel((50, 40))  # type: ignore[misc]
        assert r > 180
        assert g < 80
        assert b < 80
    path = tmp_path / "profiled.jpg"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path.write_bytes(encoded(grey, "JPEG", icc_profile=srgb, quality=95))
    image, sent = shown(path, "full")
    assert "icc_profile" not in image.info
    assert image.getpixel((50, 40)) == (100, 100, 100)
    broken = encoded(grey, "PNG", icc_profile=linear.tobytes()[:200])
    assert decode_image(broken).pixels.getpixel((0, 0)) == (100, 100, 100)
    assert len(sent) < path.stat().st_size


def test_transparency_is_laid_on_white_and_an_animation_shows_its_first_picture(tmp_path: Path):
    clear = Image.new("RGBA", (90, 80), (255, 0, 0, 0))
    assert decode_image(encoded(clear, "PNG")).pixels.getpixel((0, 0)) == (255, 255, 255)
    first, second = Image.new("RGB", (90, 80), "red"), Image.new("RGB", (90, 80), "blue")
    for kind in ("GIF", "WEBP"):
        path = tmp_path / f"moving.{kind.lower()}"
        options = {"lossless": True} if kind == "WEBP" else {}
        path.write_bytes(encoded(first, kind, save_all=True, append_images=[second], **options))
        image, _ = shown(path, "screen")
        assert getattr(image, "n_frames", 1) == 1
        r, g, b = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
        assert r > 250
        assert max(g, b) < 5


def test_a_large_photo_is_sent_as_a_copy_and_whole_on_zoom(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (300, 500, 3), np.uint8)
    photo = Image.fromarray(noise).resize((4000, 2400))
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(photo, "JPEG", exif=with_place(), comment=PLACE.encode()))
    assert shown(path, "screen")[0].size == (SCREEN_SIDE, 960)
    whole, sent = shown(path, "full")
    assert np.array_equal(np.asarray(whole), np.asarray(Image.open(path)))  # not encoded again
    assert PLACE.encode() not in sent


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF"])
def test_a_file_that_was_cut_off_is_no_image(tmp_path: Path, kind: str):
    noise = np.random.default_rng(0).integers(0, 255, (90, 80, 3), np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    with pytest.raises(ValueError, match=r".+"):
        decode_image(content[: len(content) // 2])
    path = tmp_path / "cut"
    path.write_bytes(content[: len(content) // 2])
    assert picture(path, "screen") is None


def test_a_file_that_is_replaced_is_shown_as_it_is_now(tmp_path: Path):
    path = tmp_path / "image.png"
    for colour in ((255, 0, 0), (0, 255, 0)):
        path.write_bytes(encoded(Image.new("RGB", (30, 20), colour), "PNG"))
        found = picture(path, "small")
        assert found is not None
        assert Image.open(io.BytesIO(found[0])).getpixel((3, 3)) == colour
        path.unlink()
