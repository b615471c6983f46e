"""What the columns of a table can be: parts, and the names under which files carry them.

A part is what a column means to a reader: the image, the class that a label names, the rater.
Names are compared without case and surrounding blanks; a blank, a hyphen and a change from a
small to a capital letter count as ``_``, so that ``File Name`` and ``FileName`` are ``file_name``.
Whether two columns that could play one part agree is for `reassess.files.tables`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """What a column can be read as.

    Attributes:
        name: what it is called in messages, after "the".
        aliases: names of columns that play it, lower case; which one does, where several hold the
            same cells, goes by their order.
        fallbacks: names that are too general to compete: they play it where no alias is there.
        is_path: whether cells name the same where one is the end of the other at a ``/``.
    """

    name: str
    aliases: tuple[str, ...]
    fallbacks: tuple[str, ...] = ()
    is_path: bool = False

    def candidates(self, header: Sequence[str]) -> list[str]:
        """The columns that could play it, in the order of its names."""
        forms = [(column, _forms(column)) for column in header]
        for names in (self.aliases, self.fallbacks):
            found = [column for name in names for column, known in forms if name in known]
            if found:
                return list(dict.fromkeys(found))
        return []


def _forms(column: str) -> set[str]:
    """The names that a column's name stands for."""
    plain = column.strip()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    return {plain.lower(), *(re.sub(r"[\s\-]+", "_", form).lower() for form in (plain, parted))}


IMAGE = Part(
    "image",
    (
        "image", "filename", "file", "image_id", "file_name", "path", "image_path", "image_name",
        "file_path", "filepath",
    ),
    ("id",),
    is_path=True,
)  # fmt: skip
IMAGE_BESIDE_BYTES = Part(
    "image id", tuple(name for name in IMAGE.aliases if name != "image"), ("id", "index", "key"),
    is_path=True,
)  # fmt: skip
"""Where a table has ids beside images: its column ``image`` holds their bytes."""

IMAGE_BYTES = Part(
    "images' bytes",
    ("image", "jpeg", "jpg", "png", "bytes", "image_bytes", "img", "picture", "content"),
)
LABEL = Part("label", ("label", "class", "category", "target"))
LABELS = Part("labels", ("label", "labels", "class", "proposed_labels", "correct_multi_labels"))
PROBLEMATIC = Part("mark of images that are no good", ("is_problematic", "problematic"))
"""Where experts found that an image should not be scored."""

CLASS_ID = Part("class id", ("class_id", "wnid"))
CLASS_INDEX = Part("class index", ("class_index", "label_index"))
CLASS_NAME = Part("class name", ("class_name", "name"))

TASK = Part("task", ("task", "question", "item", "task_id", "question_id", "item_id"))
RATER = Part(
    "rater", ("worker", "rater", "annotator", "expert", "worker_id", "rater_id", "annotator_id")
)
ANSWER = Part("answer", ("answer", "vote", "response"))
