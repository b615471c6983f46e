"""Several label sets of one benchmark on one table: images and classes brought together by id.

Each reassessment is label sets of some of the images: one that is about few images says
nothing of the others, and nothing is filled in. Letters: N images of the table, S
reassessments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.errors import AlignmentError, DataError, OptionError, preview
from reassess.records import Benchmark, Classes, LabelSets, align, positions


@dataclass(frozen=True, slots=True)
class LabelTable:
    """Reassessments of one benchmark, image by image.

    Attributes:
        image_ids: every image that one of them is about, strings.
        sets: the label sets, each with a row for every image of the table.
        covered: which images each is about; in the other rows its set is empty, unsaid.
        original: class of the original label of each image; None where it is unknown.
        classes: the classes that all labels are indices of; None where only indices are known.
    """

    image_ids: Shaped[np.ndarray, "N"]
    sets: tuple[LabelSets, ...]
    covered: Bool[np.ndarray, "S N"]
    original: Int[np.ndarray, "N"] | None
    classes: Classes | None

    @property
    def names(self) -> tuple[str, ...]:
        """What the reassessments are called."""
        return tuple(one.name for one in self.sets)


def build_label_table(
    sets: Sequence[tuple[LabelSets, Classes | None]], benchmark: Benchmark | None = None
) -> LabelTable:
    """Reassessments on one table: images by id, classes by id where ids are known.

    Args:
        sets: the label sets, each with the classes that its labels are indices of; None where
            they are those of the benchmark, or only indices are known.
        benchmark: what they are about; None takes the images that they name.

    Raises:
        OptionError: there are none, or two have one name.
        AlignmentError: an image is not of the benchmark, or fits several.
        DataError: a class is none of the benchmark's.
    """
    names = [one.name for one, _ in sets]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if not sets:
        raise OptionError("there are 0 reassessments, but must be one at least. Name one.")
    if twice:
        raise OptionError(
            f"{len(names)} reassessments are called {preview(names, 9)}, but must have different "
            "names. Name them, as in first=a.json second=b.json."
        )
    known = benchmark.classes if benchmark is not None else None
    known = known or next((classes for _, classes in sets if classes is not None), None)
    ids = _all_images(sets) if benchmark is None else benchmark.image_ids
    named = "the first reassessments" if benchmark is None else benchmark.name
    rows = [align(one.image_ids, ids, source=one.name, target_name=named) for one, _ in sets]
    covered = np.zeros((len(sets), len(ids)), dtype=bool)
    for place, row in enumerate(rows):
        covered[place, row] = True
    used = covered.any(axis=0)
    place_of = np.cumsum(used) - 1
    spread = [
        _spread(_renamed(one, classes, known), place_of[row], ids[used])
        for (one, classes), row in zip(sets, rows, strict=True)
    ]
    original = None if benchmark is None else benchmark.original
    return LabelTable(
        image_ids=ids[used],
        sets=tuple(spread),
        covered=covered[:, used],
        original=None if original is None else original[used],
        classes=known,
    )


def select_images(one: LabelSets, image_ids: Shaped[np.ndarray, "m"]) -> LabelSets:
    """The same labels for those of its images that are named.

    Raises:
        AlignmentError: none of its images is, or an id fits several.
    """
    row = positions(image_ids, one.image_ids, source="--subset")
    if not (row >= 0).any():
        raise AlignmentError(
            f"{one.name}: none of the {len(image_ids):,} images that were named (such as "
            f"{str(image_ids[0])!r}) is among its {len(one):,}, but one must be. Check the ids."
        )
    return one.take(np.sort(row[row >= 0]))


def _all_images(sets: Sequence[tuple[LabelSets, Classes | None]]) -> Shaped[np.ndarray, "N"]:
    """Every image that one of the sets names, each once, however much of its path is written."""
    ids = sets[0][0].image_ids
    for one, _ in sets[1:]:
        new = positions(one.image_ids, ids, source=one.name) < 0
        ids = np.concatenate([ids, one.image_ids[new]])
    return ids


def _renamed(one: LabelSets, classes: Classes | None, known: Classes | None) -> LabelSets:
    """The same labels as indices of the known classes."""
    if classes is None or known is None or classes.ids == known.ids:
        return one
    place = np.array([known.index_of.get(class_id, -1) for class_id in classes.ids])
    unknown = np.unique(one.indices[place[one.indices] < 0])
    if len(unknown):
        raise DataError(
            f"{one.name}: class {classes.ids[int(unknown[0])]!r} is not among the classes of the "
            f"others (such as {known.ids[0]!r}), but must be; {len(unknown):,} classes are not. "
            "Give the classes the same ids."
        )
    return LabelSets(one.name, one.image_ids, one.indptr, place[one.indices])


def _spread(
    one: LabelSets, row: Int[np.ndarray, "n"], image_ids: Shaped[np.ndarray, "N"]
) -> LabelSets:
    """The same labels with a row for every image of the table, empty where there was none."""
    sizes = np.zeros(len(image_ids), np.int64)
    sizes[row] = one.sizes
    order = np.argsort(row[one.image], kind="stable")
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    return LabelSets(one.name, image_ids, indptr, one.indices[order]).refuse_empty()
