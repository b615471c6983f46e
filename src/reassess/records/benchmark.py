"""What a benchmark shipped: its classes, its images and their original labels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import DataError, preview
from reassess.records.images import file_number_order, imagefolder_order

MOST_CLASSES = 2**24
"""No benchmark has as many classes: an index from here on is something else, such as an id."""


@dataclass(frozen=True)
class Classes:
    """The K classes of a benchmark, in the order of their indices.

    Attributes:
        ids: one id a class, distinct; for ImageNet the WordNet id.
        names: one name a class, not necessarily distinct (ImageNet has two cranes).
        synonyms: further names, as one string a class with ``;`` or ``,`` between them; empty where
            there are none.
        definitions: one definition a class; empty where there is none.

    Raises:
        DataError: columns differ in length, ids repeat, or there is no class.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    synonyms: tuple[str, ...]
    definitions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.ids:
            raise DataError("classes: there are 0 classes, but there must be at least one.")
        if len({len(self.ids), len(self.names), len(self.synonyms), len(self.definitions)}) > 1:
            raise DataError("classes: ids, names, synonyms and definitions differ in length.")
        if len(set(self.ids)) < len(self.ids):
            twice = sorted({i for i in self.ids if self.ids.count(i) > 1})
            raise DataError(
                f"classes: id {preview(twice)} appears more than once, but must be unique. "
                "Rename one of them."
            )

    @classmethod
    def from_names(cls, names: list[str]) -> "Classes":
        """Classes whose ids are their names, with nothing else known."""
        blank = ("",) * len(names)
        return cls(tuple(names), tuple(names), blank, blank)

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
        if len(self.image_ids) == 0:
            raise DataError(f"{self.name}: there are 0 images, but there must be at least one.")
        values, counts = np.unique(self.image_ids, return_counts=True)
        if len(values) < len(self.image_ids):
            raise DataError(
                f"{self.name}: image id {preview(values[counts > 1])} appears more than once, but "
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
