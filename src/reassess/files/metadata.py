"""Encoded images without what a camera or a program wrote beside the pixels.

Place, time, names, thumbnails and profiles are cut out of a file; its pixels stay, byte for byte.
Whether they may be handed on as they are stored is for `reassess.files.decoding` to say.
"""

import re

_JPEG_KEPT = frozenset(
    (0xE0, 0xEE, *range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF)
)  # fmt: skip
"""JFIF's and Adobe's headers, which say how to read the colours, and what pixels need."""

_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))
_WEBP_DROPPED = frozenset((b"EXIF", b"XMP ", b"ICCP"))
_WEBP_FLAGS = 0b0010_1100
"""Of VP8X: profile, EXIF and XMP."""


def without_metadata(content: bytes, kind: str) -> bytes | None:
    """The same pixels alone; None where the file is of another kind, or not put together as such.

    Args:
        content: a file that was decoded whole.
        kind: as `DecodedImage.kind`.
    """
    cut = {"JPEG": _jpeg, "MPO": _jpeg, "PNG": _png, "WEBP": _webp, "GIF": _gif}.get(kind)
    if cut is None:
        return None
    try:
        return cut(content)
    except (IndexError, ValueError):
        return None


def _jpeg(content: bytes) -> bytes:
    """Segments that are kept, and scans as they are, up to the first end of an image."""
    kept = [b"\xff\xd8"]
    at = 2
    while True:
        while content[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        if content[at] != 0xFF:
            raise ValueError("there is no marker")
        marker = content[at + 1]
        if marker == 0xD9:
            return b"".join((*kept, b"\xff\xd9"))
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == 0xDA:
            found = _AFTER_SCAN.search(content, end)
            end = len(content) if found is None else found.end() - 2
        if marker in _JPEG_KEPT:
            kept.append(content[at:end])
        at = end
        if at >= len(content):  # whole, but for its end
            return b"".join((*kept, b"\xff\xd9"))


def _png(content: bytes) -> bytes:
    kept = [_PNG_HEAD]
    at = len(_PNG_HEAD)
    while at < len(content):
        kind = content[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(content[at : at + 4])
        if kind in _PNG_KEPT:
            kept.append(content[at:end])
        at = end
        if kind == b"IEND":
            break
    return b"".join(kept)


def _webp(content: bytes) -> bytes:
    kept = []
    at, last = 12, 8 + int.from_bytes(content[4:8], "little")
    while at < min(last, len(content)):
        kind = content[at : at + 4]
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        chunk = bytearray(content[at:end])
        if kind == b"VP8X":
            chunk[8] &= ~_WEBP_FLAGS & 0xFF
        if kind not in _WEBP_DROPPED:
            kept.append(bytes(chunk))
        at = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _gif(content: bytes) -> bytes:
    """The header, the first picture and what draws it; comments and later pictures are cut."""
    at = 13 + _colours(content[10])
    kept = [content[:at]]
    while True:
        start, kind = at, content[at]
        if kind == 0x21:
            is_kept, at = content[at + 1] == 0xF9, _after_blocks(content, at + 2)
        elif kind == 0x2C:
            is_kept, at = True, _after_blocks(content, at + 11 + _colours(content[at + 9]))
        else:
            raise ValueError("there is no picture")
        if is_kept:
            kept.append(content[start:at])
        if kind == 0x2C:
            return b"".join((*kept, b"\x3b"))


def _colours(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(content: bytes, at: int) -> int:
    while content[at]:
        at += content[at] + 1
    return at + 1
