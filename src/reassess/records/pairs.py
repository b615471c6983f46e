"""Distinct (image, class) pairs, and how those of one record are found in another.

Two records meet by image id and class index. `Pairs.positions_in` finds pairs of one record
among those of another whose images come in another order; `Pairs.aligned_to` takes them over
into a list of images for good. `pair_keys` and `find_keys` are the same for bare columns;
`factorize` numbers ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.errors import DataError
from reassess.records.alignment import align, positions
from reassess.records.arrays import TextBytes
from reassess.records.benchmark import Classes, class_positions, note_other_order
from reassess.records.id_hashes import LARGE, rows_of_equals


def factorize(values: Sequence[str]) -> tuple[Shaped[np.ndarray, "n"], Int[np.ndarray, "V"]]:
    """Distinct strings in the order of their first appearance, and each value's index."""
    codes: dict[str, int] = {}
    index = np.fromiter((codes.setdefault(v, len(codes)) for v in values), np.int64, len(values))
    return np.array(list(codes), dtype=str), index


def pair_keys(
    image: Int[np.ndarray, "*#n"], label: Int[np.ndarray, "*#n"], n_classes: int
) -> Int[np.ndarray, "*n"]:
    """One number a pair, rising by image and then by class: image · ``n_classes`` + class.

    Args:
        image: row of the image of each pair.
        label: class of each pair, below ``n_classes``, or two pairs would share a number.
        n_classes: K, the same for all keys that are compared.
    """
    keys: Int[np.ndarray, "*n"] = image.astype(np.int64) * n_classes + label
    return keys


def find_keys(wanted: Int[np.ndarray, "*n"], keys: Int[np.ndarray, "m"]) -> Int[np.ndarray, "*n"]:
    """Where each wanted key stands among distinct keys in any order; -1 where it does not."""
    if len(keys) == 0:
        return np.full(wanted.shape, -1)
    order = None if (keys[1:] > keys[:-1]).all() else np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    place = place if order is None else order[place]
    found: Int[np.ndarray, "*n"] = np.where(keys[place] == wanted, place, -1)
    return found


@dataclass(frozen=True)
class Pairs:
    """Distinct (image, class) pairs.

    Of millions of images from a large file the bytes of the ids are held; they become an array
    when they are first asked for.

    Attributes:
        image_ids: the images that occur, distinct strings.
        image: for each pair the row of its image in ``image_ids``.
        label: for each pair the index of its class.
        class_ids: ids of the classes in the order of the indices, as far as the record says;
            empty texts for classes that it does not name, None where it names none.

    Raises:
        DataError: columns differ in length, an index is out of range, or a pair repeats.
    """

    image_ids: Shaped[np.ndarray, "N"]
    image: Int[np.ndarray, "Q"]
    label: Int[np.ndarray, "Q"]
    class_ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.checked()

    def checked(self) -> "Pairs":
        """These pairs, where they are distinct and in range.

        Raises:
            DataError: columns differ in length, an index is out of range, or a pair repeats.
        """
        if len(self.image) != len(self.label):
            raise DataError("pairs: images and classes differ in length.")
        if len(self.image) == 0:
            return self
        if self.image.min() < 0 or self.image.max() >= self.n_images:
            raise DataError("pairs: an image index lies outside the list of images.")
        if self.label.min() < 0:
            row = int(np.argmin(self.label))
            raise DataError(
                f"pairs: class[{row}] is {int(self.label[row])}, but must be 0 or more."
            )
        keys = self.keys()
        if (keys[1:] > keys[:-1]).all():
            return self
        keys.sort()
        if (keys[1:] == keys[:-1]).any():
            unique, first, count = np.unique(self.keys(), return_index=True, return_counts=True)
            row = int(first[count > 1][0])
            raise DataError(
                f"pairs: image {str(self.image_ids[self.image[row]])!r} with class "
                f"{int(self.label[row])} appears in more than one row, but must appear in one; "
                f"{len(self) - len(unique):,} rows are repeats. Leave one row for each pair."
            )
        return self

    def __getattr__(self, name: str) -> Any:
        held = self.__dict__.get("_image_texts")
        if name != "image_ids" or held is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        ids = held.as_array()
        object.__setattr__(self, "image_ids", ids)
        return ids

    @classmethod
    def of_distinct(
        cls,
        image_ids: Shaped[np.ndarray, "N"] | TextBytes,
        image: Int[np.ndarray, "Q"],
        label: Int[np.ndarray, "Q"],
        class_ids: tuple[str, ...] | None = None,
    ) -> "Pairs":
        """Pairs that are known to be distinct and in range, which are not checked again."""
        made = object.__new__(cls)
        ids = "_image_texts" if isinstance(image_ids, TextBytes) else "image_ids"
        for name, value in (
            (ids, image_ids), ("image", image), ("label", label), ("class_ids", class_ids)
        ):  # fmt: skip
            object.__setattr__(made, name, value)
        return made

    @property
    def image_texts(self) -> TextBytes:
        """The images' ids as bytes, as they are held where they are many."""
        held: TextBytes | None = self.__dict__.get("_image_texts")
        return TextBytes.of(self.image_ids) if held is None else held

    @classmethod
    def empty(cls, image_ids: Shaped[np.ndarray, "N"]) -> "Pairs":
        """No pair of these images."""
        return cls(image_ids, np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def concatenate(cls, parts: Sequence["Pairs"]) -> "Pairs":
        """The pairs of all parts, one part after the other; the parts share their images.

        Raises:
            DataError: the parts list different images, or a pair is in two of them.
        """
        ids = parts[0].image_ids
        if any(part.image_ids is not ids and not _equal(part.image_ids, ids) for part in parts):
            raise DataError(
                "pairs: the parts list different images, but must list the same. Align them to one "
                "list first."
            )
        image = np.concatenate([part.image for part in parts])
        label = np.concatenate([part.label for part in parts])
        stated = (part.class_ids for part in parts if part.class_ids is not None)
        return cls(ids, image, label, next(stated, None))

    def __len__(self) -> int:
        return len(self.image)

    @property
    def n_images(self) -> int:
        """How many images are listed."""
        held: TextBytes | None = self.__dict__.get("_image_texts")
        return len(self.image_ids) if held is None else len(held.ends) - 1

    @property
    def n_classes(self) -> int:
        """One more than the largest class index that occurs; 1 where there is no pair."""
        return 1 + int(self.label.max(initial=0))

    def ids(self) -> Shaped[np.ndarray, "Q"]:
        """The canonical id of each pair, ``<image id>:<class index>``."""
        texts = np.strings.add(self.image_ids[self.image], ":")
        return np.strings.add(texts, self.label.astype(str))

    def ids_of(self, rows: Int[np.ndarray, "n"]) -> list[str]:
        """The canonical ids of some pairs."""
        held: TextBytes | None = self.__dict__.get("_image_texts")
        image = self.image[rows]
        images = self.image_ids[image].tolist() if held is None else held.some(image)
        labels = self.label[rows].tolist()
        return [f"{one}:{label}" for one, label in zip(images, labels, strict=True)]

    def keys(self, n_classes: int | None = None) -> Int[np.ndarray, "Q"]:
        """One number a pair, rising by image and then by class; see `pair_keys`.

        Args:
            n_classes: K, where keys of several records are compared; `n_classes` by default.

        Raises:
            DataError: a class is not below ``n_classes``.
        """
        if n_classes is None:
            n_classes = self.n_classes
        elif self.n_classes > n_classes:
            raise DataError(
                f"pairs: class {self.n_classes - 1} occurs, but must be below {n_classes:,}. Give "
                "the number of all classes."
            )
        return pair_keys(self.image, self.label, n_classes)

    def positions_in(self, other: "Pairs", *, source: str = "pairs") -> Int[np.ndarray, "Q"]:
        """Where each pair stands in another record; -1 where it does not.

        Images are the same where their ids are; an id that the other record does not hold may
        still be the end of one of its others, or the other way round (`positions`).

        Args:
            other: pairs about any images, in any order.
            source: what these pairs are, for messages.

        Raises:
            AlignmentError: an id fits several images, or two ids name the same image.
            DataError: the records number their classes differently.
        """
        refuse_other_numbers(self, other, source=source)
        image = _rows_of_images(self.image_ids, other.image_ids, source)[self.image]
        n_classes = max(self.n_classes, other.n_classes)
        found = find_keys(pair_keys(image, self.label, n_classes), other.keys(n_classes))
        return np.where(image >= 0, found, -1)

    def rows_by_equal_images(self, other: "Pairs") -> Int[np.ndarray, "Q"] | None:
        """Where each pair stands in another record whose classes have the same numbers, -1 if not.

        Images are the same where their ids are equal. None where some have no equal there and
        others there are left, which they may name in another way. Of millions of pairs no text is
        made.
        """
        image_row = self._rows_of_equal_images(other)
        if image_row is None:
            return None
        n_classes, image = max(self.n_classes, other.n_classes), image_row[self.image]
        wanted, keys = pair_keys(image, self.label, n_classes), other.keys(n_classes)
        if len(wanted) == len(keys) and bool((wanted == keys).all()):
            return np.arange(len(keys))
        return np.where(image >= 0, find_keys(wanted, keys), -1)

    def _rows_of_equal_images(self, other: "Pairs") -> Int[np.ndarray, "N"] | None:
        """The row of each image in another record, -1 where it is not there; None as above."""
        own, others = (one.__dict__.get("_image_texts") for one in (self, other))
        if own is not None and others is not None:
            same = np.array_equal(own.ends, others.ends)
            if own is others or (same and np.array_equal(own.content, others.content)):
                return np.arange(len(own.ends) - 1)
        ids, target = self.image_ids, other.image_ids
        if ids is target or _equal(ids, target):
            return np.arange(len(target))
        rows = rows_of_equals(ids, target) if len(target) else None
        if rows is None:
            return None
        n_found = int((rows >= 0).sum())
        return None if n_found < len(rows) and n_found < len(target) else rows

    def is_in(self, other: "Pairs", *, source: str = "pairs") -> Bool[np.ndarray, "Q"]:
        """Whether each pair stands in another record; see `positions_in`.

        Raises:
            AlignmentError: an id fits several images, or two ids name the same image.
        """
        found: Bool[np.ndarray, "Q"] = self.positions_in(other, source=source) >= 0
        return found

    def take(self, rows: Int[np.ndarray, "n"] | Bool[np.ndarray, "Q"]) -> "Pairs":
        """The pairs of these rows, or where the mask is true; the list of images stays."""
        return self._with(image=self.image[rows], label=self.label[rows]).checked()

    def numbered_by(self, classes: Classes | None, *, source: str) -> "Pairs":
        """The same pairs with the numbers that the classes have here, found by their ids.

        Pairs that name no classes are taken as numbered so.

        Args:
            classes: the classes; None leaves the pairs as they are.
            source: what carries the pairs, for messages.

        Raises:
            DataError: a class that occurs is not among the classes.
        """
        if classes is None or self.class_ids is classes.ids:
            return self
        if self.class_ids is None:
            return self._with(class_ids=classes.ids)
        place = class_positions(self.class_ids, classes, self.label, source=source)
        if place is None:
            return self._with(class_ids=classes.ids)
        note_other_order(source)
        return self._with(label=place[self.label], class_ids=classes.ids)

    def _with(self, **changes: Any) -> "Pairs":
        """The same pairs with other values of attributes that need no check."""
        made = object.__new__(type(self))
        for name, value in (self.__dict__ | changes).items():
            object.__setattr__(made, name, value)
        return made

    def aligned_to(
        self,
        image_ids: Shaped[np.ndarray, "n"],
        *,
        source: str,
        target_name: str = "the benchmark",
    ) -> "Pairs":
        """The same pairs, their images as rows of another list, under its ids.

        Args:
            image_ids: all images that there are.
            source: what these pairs are, for messages.
            target_name: what the list is, for messages.

        Raises:
            AlignmentError: an image is unknown, fits several, or appears twice.
        """
        row = align(self.image_ids, image_ids, source=source, target_name=target_name)
        return Pairs(image_ids, row[self.image], self.label, self.class_ids)


def refuse_other_numbers(one: Pairs, other: Pairs, *, source: str) -> None:
    """Refuse two records in which one class index stands for two classes.

    Raises:
        DataError: naming the first such index and both classes.
    """
    if one.class_ids is None or other.class_ids is None or one.class_ids == other.class_ids:
        return
    both = zip(one.class_ids, other.class_ids, strict=False)
    differ = [index for index, (a, b) in enumerate(both) if a and b and a != b]
    if differ:
        first = differ[0]
        raise DataError(
            f"{source}: class {first} is {one.class_ids[first]!r}, but must be "
            f"{other.class_ids[first]!r} as in what it goes with; {len(differ):,} classes have "
            "other numbers there. Give the classes, by whose ids both are read (--classes FILE)."
        )


def _equal(one: Shaped[np.ndarray, "n"], other: Shaped[np.ndarray, "m"]) -> bool:
    return len(one) == len(other) and bool(np.all(one == other))


def _rows_of_images(
    ids: Shaped[np.ndarray, "n"], target: Shaped[np.ndarray, "m"], source: str
) -> Int[np.ndarray, "n"]:
    """The row of each image in another list; an equal id goes before one that ends alike.

    `positions` looks up in a list of all images. Here either list may be a part, so that an id
    with an equal in the other list must not compete with one that is merely its end.
    """
    if ids is target or _equal(ids, target):
        return np.arange(len(target))
    found = rows_of_equals(ids, target) if len(target) >= LARGE else None
    if found is None:
        row_of = {image_id: row for row, image_id in enumerate(target.tolist())}
        names = ids.tolist()
        found = np.fromiter((row_of.get(name, -1) for name in names), np.int64, len(names))
    rows = found
    left = np.flatnonzero(rows < 0)
    free = np.setdiff1d(np.arange(len(target)), rows)
    if len(left) and len(free):
        place = positions(ids[left], target[free], source=source)
        rows[left] = np.where(place >= 0, free[place], -1)
    return rows
