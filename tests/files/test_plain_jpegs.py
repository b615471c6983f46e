"""JPEGs without Pillow: the same pixels as the one decoder, and everything else left to it."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from reassess.files.decoding import decode_image
from reassess.files.images import open_images
from reassess.files.plain_jpegs import decode_into, decode_plain_jpeg, plain_jpeg_size

pytest.importorskip("simplejpeg")

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/'
    b'22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def photo(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Noise over slopes: every kind of frequency."""
    rng = np.random.default_rng(width * height)
    rows, columns = np.mgrid[:height, :width]
    slopes = np.stack([rows * 3, columns * 5, rows + columns], axis=2) % 256
    noise = rng.integers(0, 60, slopes.shape)
    return Image.fromarray(((slopes + noise) % 256).astype(np.uint8)).convert(mode)


def jpeg(image: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def by_pillow(content: bytes, shorter: int | None) -> np.ndarray:
    return np.asarray(decode_image(content, shorter=shorter).pixels.convert("RGB"))


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (7, 130), (501, 375), (448, 449)])
@pytest.mark.parametrize(
    "options",
    [
        {"subsampling": 0},
        {"subsampling": 1},
        {"subsampling": 2, "quality": 30},
        {"progressive": True, "quality": 95},
        {"restart_marker_rows": 1},
        {"keep_rgb": True},
        {"comment": b"\xff\xda Exif\0\0 in a comment"},
    ],
    ids="-".join,
)
def test_the_pixels_are_those_of_the_one_decoder(size: tuple[int, int], options: dict[str, Any]):
    for mode in ("RGB", "L"):
        if mode == "L" and {"subsampling", "keep_rgb"} & set(options):
            continue
        content = jpeg(photo(*size, mode), **options)
        for shorter in (None, 8, 32, 187, 224):
            found = decode_plain_jpeg(content, shorter=shorter)
            expected = by_pillow(content, shorter)
            assert found is not None or options.keys() & {"keep_rgb"}, (mode, shorter)
            if found is not None:
                assert np.array_equal(found, expected), (mode, shorter)
        assert plain_jpeg_size(content) in (size, None)


def test_what_is_not_plain_is_left_to_the_one_decoder():
    turned = Image.Exif()
    turned[0x0112] = 6
    small = photo(32, 32)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain, png = jpeg(small), io.BytesIO()
    small.save(png, "PNG")
    out = np.zeros((32, 32, 3), np.uint8)
    for name, content in {
        "turned by EXIF": jpeg(small, exif=turned),
        "turned by XMP": jpeg(small, xmp=XMP),
        "a profile": jpeg(small, icc_profile=profile),
        "four inks": jpeg(small.convert("CMYK")),
        "a PNG": png.getvalue(),
        "cut off": plain[: len(plain) // 2],
        "without its end": plain[:-2],
        "nothing": b"",
        "text": b"\xff\xd8 no image",
    }.items():
        assert decode_plain_jpeg(content) is None, name
        assert plain_jpeg_size(content) is None or "off" in name or "end" in name, name
        assert not decode_into(content, out), name
    assert decode_into(plain, out)
    assert np.array_equal(out, by_pillow(plain, None))
    for other in ((31, 32), (33, 32), (16, 16), (64, 16)):
        assert not decode_into(jpeg(photo(*other)), out), other


def test_published_images_have_the_same_pixels(published):
    files = open_images(published.path("cifar10/test.parquet"))
    out = np.zeros((32, 32, 3), np.uint8)
    for row in range(0, len(files), 40):
        assert decode_into(files.read(row), out)
        assert np.array_equal(out, by_pillow(files.read(row), None))
