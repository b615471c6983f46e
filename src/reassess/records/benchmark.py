"""What a benchmark shipped: its classes, its images and their original labels.

An image's id is its path below the image folder, with ``/``. When two ids name the same image is
for `reassess.records.alignment`; the two usual orders of rows are here.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import AlignmentError, DataError, preview
from reassess.notes import note
from reassess.records.arrays import as_array, as_ids
from reassess.records.id_hashes import repeated_ids
from reassess.registry import checks_choices

_NUMBER = re.compile(r"\d+")


def file_number_order(image_ids: Shaped[np.ndarray, "N"]) -> Int[np.ndarray, "N"]:
    """Rows of ``image_ids`` in ascending order of the number in the file name.

    The number is the last group of digits before the extension:
    ``ILSVRC2012_val_00000293.JPEG`` has 293.

    Raises:
        AlignmentError: a file name has no number, or two have the same.
    """
    numbers: list[int] = []
    for image_id in image_ids.tolist():
        name = image_id.rpartition("/")[2]
        found = _NUMBER.findall(name.rpartition(".")[0] or name)
        if not found:
            raise AlignmentError(
                f"image id {image_id!r} has no number in its file name, so 'file-number' states "
                "no order. Give the ids of the rows instead (--ids FILE)."
            )
        numbers.append(int(found[-1]))
    order = np.array(sorted(range(len(numbers)), key=numbers.__getitem__), dtype=np.int64)
    same = [i for i, j in pairwise(order.tolist()) if numbers[i] == numbers[j]]
    if same:
        first, second = image_ids[[i for i in order if numbers[i] == numbers[same[0]]][:2]]
        raise AlignmentError(
            f"image ids {str(first)!r} and {str(second)!r} have the same file number, so "
            f"'file-number' states no order; {len(same):,} numbers appear more than once. "
            "Give the ids of the rows instead (--ids FILE)."
        )
    return order


def imagefolder_order(
    image_ids: Shaped[np.ndarray, "N"], class_folders: Shaped[np.ndarray, "N"] | None = None
) -> Int[np.ndarray, "N"]:
    """Rows of ``image_ids`` in the order of torchvision's ``ImageFolder``.

    That is: by class folder, then by folder below it, then by file name, each compared as a
    string. The class folder is the first folder that the ids do not all share; where the
    ids name no folders it is the id of the image's class.

    Args:
        image_ids: ids, strings.
        class_folders: the id of each image's class, for ids that name no folders.

    Raises:
        AlignmentError: the ids name no folders and no class folders were given.
    """
    parts = [image_id.split("/") for image_id in image_ids.tolist()]
    n_shared = 0
    shallowest = min(len(part) for part in parts)
    while n_shared < shallowest - 1 and len({part[n_shared] for part in parts}) == 1:
        n_shared += 1
    if n_shared < shallowest - 1:
        keys = [(part[n_shared], "/".join(part[:-1]), part[-1]) for part in parts]
    elif class_folders is not None:
        folders = class_folders.tolist()
        keys = [(folder, "", part[-1]) for folder, part in zip(folders, parts, strict=True)]
    else:
        raise AlignmentError(
            f"image ids such as {str(image_ids[0])!r} name no class folders, so 'imagefolder' "
            "states no order. Give the original labels with a classes file (--original-labels, "
            "--classes), or the ids of the rows (--ids FILE)."
        )
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


MOST_CLASSES = 2**24
"""No benchmark has as many classes: an index from here on is something else, such as an id."""


LabelsAre = Literal["id", "index"]
"""How integers that name classes are read: as class ids, or as indices."""


_INVISIBLE = "\ufeff\u200b\u2060"
"""Marks without a width, which stay where a text is copied from a page or a file is joined."""


def plain_text(text: str) -> str:
    """A word as words are compared: without blanks around it, in Unicode's form NFC."""
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text).strip().strip(_INVISIBLE).strip()


def alike_text(text: str) -> str:
    """A word without what the eye may miss: case, further blanks, widths, invisible marks.

    Words that are alike so may be two things; whoever reads both says so.
    """
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
        plain = "".join(one for one in plain if unicodedata.category(one) != "Cf")
    return " ".join(plain.split())


def how_words_differ(one: str, other: str) -> str:
    """By what two words differ that `alike_text` takes for one, for a message."""
    by_case = one.casefold() == other.casefold()
    return "case" if by_case else "blanks, letters' widths or invisible marks"


@checks_choices
@dataclass(frozen=True)
class Classes:
    """The K classes of a benchmark, in the order of their indices.

    Ids and names are kept without blanks around them and in Unicode's form NFC.

    Attributes:
        ids: one id a class, distinct; for ImageNet the WordNet id.
        names: one name a class, not necessarily distinct (ImageNet has two cranes).
        synonyms: further names, as one string a class with ``;`` or ``,`` between them; empty where
            there are none.
        definitions: one definition a class; empty where there is none.
        labels_are: how files of labels about these classes write integers; None where nobody
            says it, and a file that can be read both ways is refused.

    Raises:
        DataError: columns differ in length, ids repeat, or there is no class.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    synonyms: tuple[str, ...]
    definitions: tuple[str, ...]
    labels_are: LabelsAre | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.ids:
            raise DataError("classes: there are 0 classes, but there must be at least one.")
        if len({len(self.ids), len(self.names), len(self.synonyms), len(self.definitions)}) > 1:
            raise DataError("classes: ids, names, synonyms and definitions differ in length.")
        given = self.ids
        for column in ("ids", "names"):
            plain = tuple(plain_text(text) for text in getattr(self, column))
            object.__setattr__(self, column, plain)
        if len(set(self.ids)) < len(self.ids):
            count = Counter(self.ids)
            twice = dict.fromkeys(
                text for text, one in zip(given, self.ids, strict=True) if count[one] > 1
            )
            but = "" if len(set(given)) < len(given) else " but for blanks and Unicode forms"
            raise DataError(
                f"classes: id {preview(twice)} appears more than once{but}, but must be unique. "
                "Rename one of them."
            )

    @classmethod
    @checks_choices
    def from_names(cls, names: list[str], labels_are: LabelsAre | None = None) -> "Classes":
        """Classes whose ids are their names, with nothing else known."""
        blank = ("",) * len(names)
        return cls(tuple(names), tuple(names), blank, blank, labels_are)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def index_of(self) -> dict[str, int]:
        """Class index by id, and by name where a name is unique and no id."""
        found: dict[str, int] = {}
        for index, name in enumerate(self.names):
            found[name] = -1 if name in found else index
        found = {name: index for name, index in found.items() if index >= 0}
        return found | {class_id: index for index, class_id in enumerate(self.ids)}

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """Words that name two classes: names of several, and names that are another's id."""
        index_of, count = self.index_of, Counter(self.names)
        return frozenset(
            name
            for index, name in enumerate(self.names)
            if index_of.get(name) != index or (count[name] > 1 and name not in self.ids)
        )


def class_positions(
    stated: Sequence[str] | Classes,
    known: Classes,
    used: Int[np.ndarray, "n"],
    *,
    source: str,
) -> Int[np.ndarray, "k"] | None:
    """Where each class that a record numbers stands among known classes, found by its id.

    Args:
        stated: the classes in the record's order, or their ids; an empty id is a class that it
            does not name. Ids go before names.
        known: the classes, by whose numbers it is to be read.
        used: the class indices that occur in it.
        source: what carries the record, for messages.

    Returns:
        An index, or -1, a class of the record; None where all that occur keep their numbers.

    Raises:
        DataError: a class that occurs is not among the known ones.
    """
    ids = list(stated.ids) if isinstance(stated, Classes) else [plain_text(one) for one in stated]
    names = list(stated.names) if isinstance(stated, Classes) else ids
    if len(ids) <= len(known) and all(
        one in {"", own} for one, own in zip(ids, known.ids, strict=False)
    ):
        return None
    if names == list(known.names):
        return None
    index_of = known.index_of
    place = np.array(
        [index_of.get(one, index_of.get(name, -1)) for one, name in zip(ids, names, strict=True)],
        dtype=np.int64,
    )
    occurring = np.unique(used)
    inside = occurring[occurring < len(ids)]
    named = inside[np.array([bool(ids[one]) for one in inside.tolist()], dtype=bool)]
    unknown = named[place[named] < 0]
    if len(unknown) or len(named) < len(occurring):
        absent = [ids[one] for one in unknown.tolist()] or ["a class without an id"]
        raise DataError(
            f"{source}: it is about class {preview(absent)}, but must be about the "
            f"{len(known):,} classes {preview(known.ids, 2)}; {len(absent):,} of "
            f"{len(occurring):,} classes are none of them. Give the classes that it was made with "
            "(--classes FILE)."
        )
    return None if bool((place[named] == named).all()) else place


def note_other_order(source: str) -> None:
    """Note that classes were matched by their ids."""
    note(
        f"{source}: it numbers the classes in another order than they have here; they were matched "
        "by their ids."
    )


@dataclass(frozen=True)
class Benchmark:
    """The images of a benchmark and what it shipped about them.

    Attributes:
        name: how messages and reports call it.
        image_ids: N distinct ids, strings.
        original: index of each image's original label; None where no labels are known.
        classes: the classes; None where only indices are known.
        hierarchy: is-a edges as (child, parent) pairs of class or concept ids.

    Raises:
        DataError: no image, an id twice, columns of unequal length, or a label outside
            [0, K).
    """

    name: str
    image_ids: Shaped[np.ndarray, "N"]
    original: Int[np.ndarray, "N"] | None = None
    classes: Classes | None = None
    hierarchy: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_ids", as_ids(self.image_ids, self.name))
        if self.original is not None:
            original = as_array(self.original, f"{self.name}: the original labels")
            object.__setattr__(self, "original", original)
            if original.dtype.kind not in "iu" or original.ndim != 1:
                raise DataError(
                    f"{self.name}: original labels have the shape {original.shape} and type "
                    f"{original.dtype}, but must be one row of class indices. Look names up first: "
                    "classes.index_of."
                )
        if len(self.image_ids) == 0:
            raise DataError(f"{self.name}: there are 0 images, but there must be at least one.")
        repeated = repeated_ids(self.image_ids)
        if len(repeated):
            raise DataError(
                f"{self.name}: image id {preview(repeated)} appears more than once, but "
                "must be unique. Leave one row for each image."
            )
        if self.original is None:
            return
        if len(self.original) != len(self.image_ids):
            raise DataError(
                f"{self.name}: there are {len(self.original):,} original labels, but must be one "
                f"for each of {len(self.image_ids):,} images."
            )
        check_classes(self.original, self.n_classes, f"{self.name}: original label")

    @property
    def n_classes(self) -> int | None:
        """K where the classes are known; None where only indices were seen."""
        return None if self.classes is None else len(self.classes)

    @property
    def class_folders(self) -> Shaped[np.ndarray, "N"] | None:
        """Id of each image's original class; None where labels or classes are unknown."""
        if self.original is None or self.classes is None:
            return None
        folders: Shaped[np.ndarray, "N"] = np.array(self.classes.ids)[self.original]
        return folders

    @cached_property
    def by_file_number(self) -> Int[np.ndarray, "N"]:
        """The image of each row of a file in the order of the file numbers.

        Raises:
            AlignmentError: an id has no number, or two have the same.
        """
        return file_number_order(self.image_ids)

    @cached_property
    def by_imagefolder(self) -> Int[np.ndarray, "N"]:
        """The image of each row of a file in the order of torchvision's ``ImageFolder``.

        Raises:
            AlignmentError: neither the ids nor the labels tell the class folders.
        """
        return imagefolder_order(self.image_ids, self.class_folders)


def check_classes(label: Int[np.ndarray, "..."], n_classes: int | None, what: str) -> None:
    """Refuse class indices outside [0, K); `MOST_CLASSES` stands for an unknown K.

    Raises:
        DataError: naming the first index outside and how many there are.
    """
    if label.size == 0:
        return
    limit = MOST_CLASSES if n_classes is None else n_classes
    outside = (label < 0) | (label >= limit)
    if not outside.any():
        return
    where = tuple(int(i) for i in np.argwhere(outside)[0])
    raise DataError(
        f"{what}{list(where)} is {int(label[where])}, but must be in [0, {limit:,}); "
        f"{int(outside.sum()):,} of {label.size:,} are outside. Check the class order, or give the "
        "classes (--classes FILE)."
    )
