"""Label sets as CVAT exports them, "CVAT for images 1.1": XML with ``tag`` elements in ``image``.

A tag is a class of the whole image. Boxes, polygons and other shapes are left out, with a note;
tracks of videos are refused. Documents that declare entities are refused before they are expanded.
"""

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np

from reassess.errors import FileError
from reassess.files.label_formats import LabelFile
from reassess.files.signatures import describe
from reassess.files.tagged_images import TaggedImages
from reassess.notes import note
from reassess.records import LabelSets

_SHAPES = frozenset(
    {"box", "polygon", "polyline", "points", "cuboid", "mask", "ellipse", "skeleton"}
)
_EXPORT = "Export the task from CVAT as 'CVAT for images 1.1' and give its annotations.xml"


@dataclass(slots=True)
class _Document:
    """What was read of the XML so far: images, their tags, and the labels of the task."""

    path: Path
    place: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    tags: list[tuple[int, str]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    n_shapes: int = 0

    def start(self, element: str, attributes: dict[str, str]) -> None:
        """Take the begin of an element.

        Raises:
            FileError: the document is none of CVAT's for images.
        """
        if not self.place and element != "annotations":
            raise FileError(
                f"{self.path}: its XML begins with <{element}>, but must with <annotations>. "
                f"{_EXPORT}."
            )
        self.place.append(element)
        if element == "track":
            raise FileError(
                f"{self.path}: it holds <track>, as a video's annotations do, but must hold "
                f"<image>. {_EXPORT}."
            )
        if self.place == ["annotations", "image"]:
            self.images.append(self._attribute(element, attributes, "name"))
        elif self.place == ["annotations", "image", "tag"]:
            self.tags.append((len(self.images) - 1, self._attribute(element, attributes, "label")))
        elif self.place[:2] == ["annotations", "image"] and element in _SHAPES:
            self.n_shapes += 1
        elif self._is_label():
            self.labels.append("")

    def text(self, text: str) -> None:
        """Take a text between elements."""
        if self._is_label():
            self.labels[-1] += text

    def end(self, element: str) -> None:
        """Take the end of an element."""
        del element
        self.place.pop()

    def _is_label(self) -> bool:
        """Whether it is at the name of one of the task's labels."""
        return self.place[1:2] == ["meta"] and self.place[-3:] == ["labels", "label", "name"]

    def _attribute(self, element: str, attributes: dict[str, str], name: str) -> str:
        value = attributes.get(name, "").strip()
        if not value:
            what = f"<{element}> [{len(self.images)}]"
            raise FileError(f"{self.path}: {what} has no {name}, but must have one. {_EXPORT}.")
        return value


def read_cvat(source: LabelFile) -> LabelSets:
    """The tags of each image.

    Raises:
        FileError: the file is no such XML, declares entities, or no image has a tag.
        DataError: a tag is no class, or an image appears twice.
    """
    found = _parsed(source.path)
    if not found.tags:
        shapes = f" beside {found.n_shapes:,} boxes and other shapes" * bool(found.n_shapes)
        raise FileError(
            f"{source.path}: its {len(found.images):,} images have 0 tags{shapes}, but must have "
            "some: a tag is a class of the whole image. Add tags in CVAT, and export again."
        )
    if found.n_shapes:
        note(
            f"{source.path}: the {len(found.tags):,} tags were read; {found.n_shapes:,} boxes and "
            "other shapes were left out."
        )
    words = list(dict.fromkeys(label.strip() for label in found.labels))
    words += sorted({word for _, word in found.tags} - set(words))
    place = {word: n for n, word in enumerate(words)}
    return TaggedImages(
        source.path,
        found.images,
        np.array([image for image, _ in found.tags], dtype=np.int64),
        np.array([place[word] for _, word in found.tags], dtype=np.int64),
        words,
        "tags",
    ).label_sets(source.name, source.classes)


def _parsed(path: Path) -> _Document:
    document = _Document(path)

    def refuse(*declared: object) -> None:
        """Refuse a declaration.

        Raises:
            FileError: always.
        """
        del declared
        raise FileError(
            f"{path}: its XML declares a document type or entities, which can expand without end, "
            f"but must not. {_EXPORT}."
        )

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = document.start
    parser.CharacterDataHandler = document.text
    parser.EndElementHandler = document.end
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        foreign = describe(path)
        if foreign is not None and "XML" not in foreign:
            raise FileError(f"{path}: it must be XML, but {foreign}") from error
        raise FileError(f"{path}: the XML is unfinished or broken ({error}). {_EXPORT}.") from error
    return document
