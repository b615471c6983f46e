"""What a file is by its first bytes, where its name says something else.

For messages only: a file that is no table, or no JSON, is called what it is, with what to do.
"""

import zipfile
from pathlib import Path
from typing import Any

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PAR1", "a parquet file", "Name it .parquet"),
    (b"\x93NUMPY", "a NumPy array", "Name it .npy"),
    (b"\x80", "a pickle, which would run whatever it contains", "Save it as CSV or parquet"),
    (b"\x1f\x8b", "compressed by gzip", "Unpack it (gunzip)"),
    (b"BZh", "compressed by bzip2", "Unpack it (bunzip2)"),
    (b"\xfd7zXZ", "compressed by xz", "Unpack it (unxz)"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "Unpack it (unzstd)"),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it"),
    (b"Rar!", "a RAR archive", "Unpack it"),
    (b"\x89PNG", "a PNG image", "Name the table instead"),
    (b"\xff\xd8\xff", "a JPEG image", "Name the table instead"),
    (b"GIF8", "a GIF image", "Name the table instead"),
    (b"%PDF", "a PDF", "Export the table as CSV"),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV"),
    (b"\x89HDF", "an HDF5 file", "Export the table as CSV or parquet"),
    (b"ARROW1", "an Arrow (Feather) file", "Write it as parquet"),
    (
        b"\xd0\xcf\x11\xe0",
        "an Excel workbook of the old form (.xls)",
        "Save it as .xlsx or as CSV UTF-8",
    ),
    (
        b"version https://git-lfs.github.com/spec",
        "a pointer of Git LFS, not the file itself",
        "Fetch the file (git lfs pull)",
    ),
)
_WEB_PAGE = (b"<!doctype html", b"<html")
_XML = (b"<?xml",)


def starts_like(head: bytes) -> tuple[str, str] | None:
    """What a file that begins so is and what to do about it; None for what may be a text."""
    for signature, what, remedy in _SIGNATURES:
        if head.startswith(signature):
            return what, remedy
    if head[257:262] == b"ustar":
        return "a tar archive", "Unpack it"
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower()
    if begin.startswith(_WEB_PAGE):
        return "a web page (HTML)", "Download the file itself"
    if begin.startswith(_XML):
        return "XML", "Export the table as CSV"
    return None


def is_workbook(path: Path) -> bool:
    """Whether the file is an Excel workbook, by what a zip archive holds."""
    return any(name.startswith("xl/") for name in _names_in_zip(path))


def describe(path: Path) -> str | None:
    """A sentence for a message: what the file is and what to do; None for what may be a text."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        names = _names_in_zip(path)
        if any(name.startswith("xl/") for name in names):
            what, remedy = "an Excel workbook", "Name it .xlsx, or save it as CSV UTF-8"
        elif names and all(name.endswith(".npy") for name in names):
            what, remedy = "an archive of NumPy arrays", "Name it .npz"
        elif any(name == "content.xml" for name in names):
            what, remedy = "an OpenDocument file", "Save it as .xlsx or as CSV UTF-8"
        else:
            what, remedy = "a zip archive", "Unpack it"
    else:
        found = starts_like(head)
        if found is None:
            return None
        what, remedy = found
    return f"it is {what}. {remedy}."


_JSON: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"annotations", "categories"}), "COCO's JSON (images, annotations, categories)"),
    (
        frozenset({"images", "annotations"}),
        "COCO's JSON without its categories, which name the classes",
    ),
    (frozenset({"shapes", "imagePath"}), "LabelMe's JSON (shapes on one image)"),
    (frozenset({"_via_img_metadata"}), "a project of VGG Image Annotator"),
)
"""Objects of other tools: keys that tell them, and what they are."""


def describe_json(value: Any) -> str | None:
    """What a JSON value of another tool is and what to do; None for others."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        if {"image_id", "category_id"} <= value[0].keys():
            return f"it is a list of COCO's annotations or results. {_AS_TABLE}"
        return None
    keys = value.keys() if isinstance(value, dict) else frozenset[str]()
    what = next((what for told_by, what in _JSON if told_by <= keys), None)
    return None if what is None else f"it is {what}. {_AS_TABLE}"


_AS_TABLE = "Write a table of it: one row an image and class, with the image's file name as its id"


def _names_in_zip(path: Path) -> list[str]:
    """The names of what a zip archive holds; none where it is broken or something else."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return []
