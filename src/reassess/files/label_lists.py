"""Lists of labels without a header: ``PATH LABEL``, one image a line, as Caffe's ``val.txt``.

Such a list is told by its first line: the name of an image file, blanks or a tab, and one word.
"""

from pathlib import Path

from reassess.errors import FileError
from reassess.files.json_tables import JsonTable
from reassess.files.text_tables import read_lines
from reassess.notes import note

_ENDINGS = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def is_label_list(path: Path) -> bool:
    """Whether a text is a list of images and labels without a header.

    Raises:
        FileError: it cannot be read.
    """
    if path.suffix.lower() != ".txt":
        return False
    lines = read_lines(path)
    return bool(lines) and _parts(lines[0]) is not None


def read_label_list(path: Path) -> JsonTable:
    """The two columns of such a list.

    Raises:
        FileError: a line is no image and label.
    """
    lines = read_lines(path)
    parts = [_parts(line) for line in lines]
    wrong = [row for row, one in enumerate(parts, start=1) if one is None]
    if wrong:
        raise FileError(
            f"{path}: line {wrong[0]} is {lines[wrong[0] - 1][:60]!r}, but must be the name of an "
            f"image file, a blank and a label, as the first is; {len(wrong):,} of {len(lines):,} "
            "lines are not."
        )
    found = [one for one in parts if one is not None]
    note(f"{path}: read as a list without a header: an image and its label a line.")
    columns = {"image": [one[0] for one in found], "label": [one[1] for one in found]}
    return JsonTable(path, columns)


def _parts(line: str) -> tuple[str, str] | None:
    """The image and the label of a line; None where it does not hold them."""
    words = line.rsplit(None, 1)
    if len(words) != 2 or not words[0].lower().endswith(_ENDINGS):
        return None
    return words[0], words[1]
