"""Label sets as CVAT exports them, "CVAT for images 1.1": XML with ``tag`` elements in ``image``.

A tag is a class of the whole image. What is written can be uploaded to a task of the same images
and labels ("Upload annotations"); CVAT finds an image by its name. What is read may have boxes,
polygons and other shapes, which are left out, with a note; tracks of videos are refused. Documents
that declare entities are refused before they are expanded.

Ours also have the ids of the classes, as JSON in an element ``reassess`` of ``meta``, which CVAT
passes over.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from reassess.errors import DataError, FileError, preview
from reassess.files.access import write_atomically
from reassess.files.label_formats import LabelFile, classes_stated_in
from reassess.files.label_writers import names_in_file, stated_classes
from reassess.files.signatures import describe
from reassess.files.tagged_images import TaggedImages
from reassess.notes import note
from reassess.records import Classes, LabelSets

_SHAPES = frozenset(
    {"box", "polygon", "polyline", "points", "cuboid", "mask", "ellipse", "skeleton"}
)
_STATED = ["annotations", "meta", "reassess"]
_NOT_IN_XML = re.compile(r"[\x00-\x1f\ufffe\uffff\ud800-\udfff]")
_EXPORT = "Export the task from CVAT as 'CVAT for images 1.1' and give its annotations.xml"


@dataclass(slots=True)
class _Document:
    """What was read of the XML so far: images, their tags, and the labels of the task.

    ``stated`` is what ours says of the classes, as JSON.
    """

    path: Path
    place: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    tags: list[tuple[int, str]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    stated: str = ""
    n_shapes: int = 0
    attributes: set[str] = field(default_factory=set)

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
        elif self.place == ["annotations", "image", "tag", "attribute"]:
            self.attributes.add(attributes.get("name", ""))
        elif self._is_label():
            self.labels.append("")

    def text(self, text: str) -> None:
        """Take a text between elements."""
        if self._is_label():
            self.labels[-1] += text
        elif self.place == _STATED:
            self.stated += text

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
    if found.attributes:
        note(
            f"{source.path}: the attributes {preview(sorted(found.attributes), 4)} of tags were "
            "left out; a tag counts whatever they say."
        )
    words = list(dict.fromkeys(label.strip() for label in found.labels))
    words += sorted({word for _, word in found.tags} - set(words))
    place = {word: n for n, word in enumerate(words)}
    stated = _classes_stated(found, len(words))
    tagged = TaggedImages(
        source.path,
        found.images,
        np.array([image for image, _ in found.tags], dtype=np.int64),
        np.array([place[word] for _, word in found.tags], dtype=np.int64),
        words if stated is None else list(stated.ids),
        "tags",
        states_empty=bool(found.stated),
    )
    read = tagged.label_sets(source.name, stated or source.classes)
    return read if stated is None else read.numbered_by(source.classes)


def _classes_stated(found: _Document, n_words: int) -> Classes | None:
    """The classes as ours states them, one for each label of the task; None in CVAT's own.

    Raises:
        FileError: they are not those of the task's labels.
    """
    if not found.stated.strip():
        return None
    try:
        about = json.loads(found.stated)
    except ValueError:
        about = None
    stated = classes_stated_in(about, found.path) if isinstance(about, dict) else None
    if about is None or (stated is not None and len(stated.ids) != n_words):
        raise FileError(
            f"{found.path}: <reassess> in its <meta> must list its {n_words:,} labels as classes, "
            "but does not. Write the file again, or remove that element."
        )
    return stated


def write_cvat(labels: LabelSets, path: Path) -> None:
    """Write label sets; classes go by their names, or by their ids where two have one name.

    Sizes of images, which the labels do not know, are left out.

    Raises:
        DataError: an image id or a class has a character that XML cannot hold.
        FileError: the file cannot be written.
    """
    words, ids = names_in_file(labels), [str(one) for one in labels.image_ids]
    barred = [one for one in (*words, *ids) if _NOT_IN_XML.search(one)]
    if barred:
        raise DataError(
            f"{labels.name}: {preview(barred)} has a control character, but must have none, as XML "
            "cannot hold one. Choose another format, or rename it."
        )
    name = escape(_NOT_IN_XML.sub("", labels.name))
    listed = "".join(
        f"<label><name>{escape(word)}</name><type>tag</type></label>" for word in words
    )
    tags = [f'<tag label={quoteattr(word)} source="manual"/>' for word in words]
    with write_atomically(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta>'
            f"<task><name>{name}</name><labels>{listed}</labels></task>"
            f"<reassess>{escape(json.dumps(stated_classes(labels.classes)))}</reassess></meta>\n"
        )
        for number, (image_id, held) in enumerate(zip(ids, labels.lists(), strict=True)):
            inside = "".join(tags[label] for label in held)
            file.write(f'<image id="{number}" name={quoteattr(image_id)}>{inside}</image>\n')
        file.write("</annotations>\n")


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
