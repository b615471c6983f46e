"""The one decoder: shades, turns, profiles and transparency, and what is left of a file's tags."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from reassess.files.decoding import decode_image, value_range
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


def png16(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, its rows filtered by the pixel to the left."""
    height, width, n = values.shape
    raw = np.frombuffer(values.astype(">u2").tobytes(), np.uint8).reshape(height, -1)
    left = np.pad(raw, ((0, 0), (2 * n, 0)))[:, : raw.shape[1]]
    rows = b"".join(b"\1" + row.tobytes() for row in raw - left)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    colours = {2: 4, 3: 2, 4: 6}[n]
    header = struct.pack(">IIBBBBB", width, height, 16, colours, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def tiff16(values: np.ndarray, order: str, *, packed: bool = False) -> bytes:
    """A TIFF of 16 bits a channel in either order of bytes, packed by Deflate or not."""
    height, width, n = values.shape
    data, at = values.astype(f"{order}u2").tobytes(), 8 + 2 + 12 * 10 + 4
    data = zlib.compress(data) if packed else data
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, n, at), (259, 3, 1, 8 if packed else 1),
        (262, 3, 1, 2),
        (273, 4, 1, at + 2 * n), (277, 3, 1, n), (278, 4, 1, height), (279, 4, 1, len(data)),
        (284, 3, 1, 1),
    ]  # fmt: skip
    table = b"".join(
        struct.pack(f"{order}HHI", tag, kind, count)
        + struct.pack(f"{order}HH" if (kind, count) == (3, 1) else f"{order}I",
                      *((value, 0) if (kind, count) == (3, 1) else (value,)))
        for tag, kind, count, value in entries
    )  # fmt: skip
    start = b"II*\0" if order == "<" else b"MM\0*"
    head = start + struct.pack(f"{order}IH", 8, len(entries)) + table + struct.pack(f"{order}I", 0)
    return head + struct.pack(f"{order}{n}H", *[16] * n) + data


def ppm16(values: np.ndarray) -> bytes:
    height, width, _ = values.shape
    return f"P6\n{width} {height}\n65535\n".encode() + values.astype(">u2").tobytes()


@pytest.mark.parametrize(
    "encode",
    [
        png16,
        partial(tiff16, order="<"),
        partial(tiff16, order=">"),
        ppm16,
        partial(tiff16, order="<", packed=True),
        partial(tiff16, order=">", packed=True),
    ],
    ids=["PNG", "TIFF, Intel", "TIFF, Motorola", "PPM", "packed, Intel", "packed, Motorola"],
)
def test_colours_of_16_bits_keep_their_shades(tmp_path: Path, encode: Callable[..., bytes]):
    """Twelve bits of a camera in sixteen: their upper bytes alone would be sixteen shades."""
    rng = np.random.default_rng(0)
    values = rng.integers(100, 4001, (90, 80, 3)).astype(np.uint16)
    values[0, 0], values[0, 1] = 100, 4000
    content = encode(values)
    found = decode_image(content)
    assert found.value_range == value_range(content) == (100, 4000)
    assert not found.is_as_stored
    truth = np.rint(255 * (values.astype(float) - 100) / 3900)
    assert np.array_equal(np.asarray(found.pixels), truth)
    (tmp_path / "deep").write_bytes(content)
    assert np.array_equal(np.asarray(shown(tmp_path / "deep", "full")[0]), truth)
    with pytest.raises(ValueError, match=r".+"):
        decode_image(content[: len(content) // 2])


def test_transparency_of_16_bits_is_laid_on_white():
    values = np.linspace(500, 900, 80 * 90).astype(np.uint16).reshape(80, 90, 1)
    clear = np.full_like(values, 65535)
    clear[:40] = 0
    for bands in (1, 3):
        pixels = np.concatenate([values] * bands + [clear], axis=2)
        found = decode_image(png16(pixels))
        drawn = np.asarray(found.pixels.convert("L")).astype(int)
        assert (drawn[:40] == 255).all()
        assert np.abs(drawn[40:] - (255 * (values[40:, :, 0].astype(int) - 500) / 400)).max() <= 1


def test_a_profile_of_other_colours_changes_them_and_is_not_sent(tmp_path: Path):
    """sRGB with red and green changed places: what the file calls red is green."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    n = struct.unpack(">I", srgb[128:132])[0]
    entries = [srgb[132 + 12 * i : 144 + 12 * i] for i in range(n)]
    names = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    table = b"".join(names.get(one[:4], one[:4]) + one[4:] for one in entries)
    swapped = srgb[:132] + table + srgb[132 + 12 * n :]
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "RGBs".encode("utf-16-be"))
    red = Image.new("RGB", (90, 80), "red")
    deep = np.zeros((80, 90, 3), np.uint16)
    deep[:, :, 0] = 65535
    for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        path = tmp_path / kind
        path.write_bytes(encoded(red, kind, icc_profile=swapped))
        for size in ("small", "screen", "full"):
            image, sent = shown(path, size)
            r, g, _ = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
            assert r < 60, (kind, size)
            assert g > 200, (kind, size)
            assert b"ICC_PROFILE" not in sent
            assert b"iCCP" not in sent


WORDS = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,12.5N"/></rdf:RDF></x:xmpmeta>'
)


def test_other_places_where_files_keep_where_they_were_taken_are_left_out(tmp_path: Path):
    """XMP in each kind of file, IPTC in JPEG, words and comments in PNG and GIF."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 80, 3), np.uint8))
    words = PngImagePlugin.PngInfo()
    words.add_itxt("XML:com.adobe.xmp", WORDS)
    words.add_text("Comment", PLACE)
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", 40) + PLACE.encode() * 4
    jpeg = encoded(noise, "JPEG", xmp=WORDS.encode())
    files = {
        "jpeg": jpeg,
        "iptc": jpeg[:2] + b"\xff\xed" + struct.pack(">H", 2 + len(iptc)) + iptc + jpeg[2:],
        "png": encoded(noise, "PNG", pnginfo=words),
        "webp": encoded(noise, "WEBP", xmp=WORDS.encode(), lossless=True),
        "tiff": encoded(noise, "TIFF", tiffinfo={700: WORDS.encode(), 270: PLACE}),
        "gif": encoded(noise.convert("P"), "GIF", comment=PLACE.encode()),
    }
    for name, content in files.items():
        assert b"GPSLatitude" in content or PLACE.encode() in content, name
        (tmp_path / name).write_bytes(content)
        for size in ("small", "screen", "full"):
            _, sent = shown(tmp_path / name, size)
            assert b"GPSLatitude" not in sent, (name, size)
            assert PLACE.encode() not in sent, (name, size)


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
