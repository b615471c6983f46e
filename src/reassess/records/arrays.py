"""Arrays from what people hold: NumPy, lists, torch tensors, columns of pandas, polars or Arrow.

Nothing is imported for it: whatever converts itself to an array is asked to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt

from reassess.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]

_FIXED_WIDTH = 1 << 26
"""Bytes up to which texts are NumPy's usual array, whose cells are all as wide as the widest."""

_CELLS_AT_ONCE = 1 << 22
_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class TextBytes:
    """Texts as the bytes of all of them, one after the other, and where each ends.

    Attributes:
        content: their bytes in UTF-8.
        ends: text i is ``content[ends[i]:ends[i + 1]]``.
        is_ascii: whether no byte is above 127, which spares the decoding.
    """

    content: UInt[np.ndarray, "b"]
    ends: Shaped[np.ndarray, "ends"]
    is_ascii: bool = False

    @classmethod
    def of(cls, texts: Shaped[np.ndarray, "n"]) -> "TextBytes":
        """What `as_array` gives back."""
        length = np.strings.str_len(texts) if texts.dtype.kind == "T" else None
        parts, ends = [], np.zeros(len(texts) + 1, np.int64)
        for rows in cut_by_width(len(texts), length):
            cells = _as_bytes(texts[rows])
            n_bytes = np.strings.str_len(cells)
            letters = cells.view(np.uint8).reshape(len(cells), -1)
            parts.append(letters[np.arange(letters.shape[1]) < n_bytes[:, None]])
            ends[rows.start + 1 : rows.stop + 1] = n_bytes
        np.cumsum(ends, out=ends)
        return cls(np.concatenate(parts) if parts else np.zeros(0, np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def some(self, rows: Shaped[np.ndarray, "n"]) -> list[str]:
        """The texts of these rows."""
        ends = self.ends
        return [bytes(self.content[ends[i] : ends[i + 1]]).decode() for i in rows.tolist()]

    @property
    def is_large(self) -> bool:
        """Whether cells of one width would take so much memory that each has its own."""
        widest = int(np.diff(self.ends).max(initial=0))
        return 4 * max(widest, 1) * (len(self.ends) - 1) > _FIXED_WIDTH

    def as_array(self) -> Shaped[np.ndarray, "n"]:
        """The texts as an array; millions as cells of their own length."""
        n, length = len(self), np.diff(self.ends)
        widest = max(int(length.max(initial=0)), 1)
        array = np.empty(n, np.dtypes.StringDType() if self.is_large else f"U{widest}")
        for rows in cut_by_width(n, length):
            width = max(int(length[rows].max(initial=0)), 1)
            padded = np.zeros((rows.stop - rows.start, width), np.uint8)
            first, last = self.ends[rows.start], self.ends[rows.stop]
            padded[np.arange(width) < length[rows][:, None]] = self.content[first:last]
            cells = padded.view(f"S{width}").reshape(-1)
            array[rows] = cells if self.is_ascii else np.strings.decode(cells, "utf-8")
        return array


def cut_by_width(n: int, length: Shaped[np.ndarray, "n"] | None) -> Iterator[slice]:
    """Cuts of n rows, in their order, whose cells take bounded memory when all are of one width.

    Args:
        n: how many rows there are.
        length: the width of each; None where all are of one already.
    """
    for start in range(0, n, _ROWS_AT_ONCE):
        left = [(start, min(start + _ROWS_AT_ONCE, n))]
        while left:
            first, last = left.pop()
            widest = 1 if length is None else int(length[first:last].max())
            if last - first == 1 or (last - first) * widest <= _CELLS_AT_ONCE:
                yield slice(first, last)
            else:  # a long one among short ones
                middle = (first + last) // 2
                left += [(middle, last), (first, middle)]


def _as_bytes(texts: Shaped[np.ndarray, "n"]) -> Shaped[np.ndarray, "n"]:
    """Texts in UTF-8, in cells of one width."""
    width = max(1, int(np.strings.str_len(texts).max(initial=1)))
    try:
        return texts.astype(f"S{width}")
    except UnicodeEncodeError:
        return np.strings.encode(texts, "utf-8")


def as_array(value: Any, what: str) -> Array:
    """A value as a NumPy array, without a copy where it is one; lists in cells become rows.

    Args:
        value: an array, a list, a tensor on any device, or a column or frame of a table.
        what: what it is, for messages.

    Raises:
        DataError: its rows differ in length, or it is no array at all.
    """
    if hasattr(value, "detach"):  # a tensor of torch, which may need gradients or be elsewhere
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
    try:
        array = np.asarray(value)
        if array.dtype == object and array.ndim == 2 and _holds_numbers(value):
            array = value.to_numpy(dtype=np.float64)  # nullable numbers of pandas are objects
        if array.dtype == object and array.ndim == 1 and len(array) and _is_row(array[0]):
            array = np.stack([np.asarray(row) for row in array])
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{what} is {type(value).__name__}, but must be an array, with rows of one length "
            f"({error})."
        ) from error
    return array


def _holds_numbers(frame: Any) -> bool:
    """Whether every column of a frame of pandas is of numbers."""
    return all(getattr(one, "kind", "O") in "iuf" for one in getattr(frame, "dtypes", ["O"]))


def _is_row(cell: Any) -> bool:
    return isinstance(cell, np.ndarray | list | tuple)


def as_ids(value: Any, what: str) -> Shaped[np.ndarray, "n"]:
    """Image ids as strings: integers by their digits, bytes as UTF-8.

    Args:
        value: one id a row, in any form that `as_array` takes.
        what: what they are ids of, for messages.

    Raises:
        DataError: they are not one row of strings, integers or bytes.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.ndim == 1:
        return value
    array = as_array(value, f"{what}: image ids")
    if array.ndim == 1 and array.dtype.kind in "OT":
        array = _from_objects(array)
    if array.ndim == 1 and array.dtype.kind == "S":
        try:
            return np.strings.decode(array, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{what}: an image id is not UTF-8 text ({error}).") from error
    if array.ndim == 1 and (array.dtype.kind in "Uiu" or len(array) == 0):
        return array.astype(str)
    first = f", such as {array.flat[0]!r}" if array.size else ""
    raise DataError(
        f"{what}: image ids have the shape {array.shape} and type {array.dtype}{first}, but must "
        "be one row of strings. Give one id an image."
    )


def refuse_other_rows(image_ids: Any, values: Any, what: str) -> None:
    """Refuse a frame whose index names its rows in another order than the image ids.

    The rows of both are taken in the order in which they stand. Frames are the only rows that say
    otherwise: their index may hold the ids, or be that of the ids, in another order. The index
    that pandas numbers by default says nothing.

    Args:
        image_ids: one id a row, in any form that `as_ids` takes.
        values: what belongs to them, in any form that `as_array` takes.
        what: what the values are of, for messages.

    Raises:
        DataError: the index names another order.
    """
    stated, of_ids = _row_names(values), _row_names(image_ids, numbers=True)
    if stated is None or (of_ids is not None and np.array_equal(of_ids, stated)):
        return
    for name, order in (("the ids", as_ids(image_ids, what)), ("the index of the ids", of_ids)):
        if order is None or len(order) != len(stated) or np.array_equal(order, stated):
            continue
        if np.array_equal(np.sort(order), np.sort(stated)):
            row = int(np.argmax(order != stated))
            raise DataError(
                f"{what}: row {row} of the frame is {str(stated[row])!r} by its index, but must be "
                f"{str(order[row])!r} as in {name}. Bring them into one order (frame.loc[ids]), or "
                "leave the index out where rows belong together as they stand "
                "(frame.reset_index(drop=True))."
            )


def _row_names(value: Any, *, numbers: bool = False) -> Shaped[np.ndarray, "n"] | None:
    """What pandas' index calls the rows of a frame or column; None for numbers by default.

    Args:
        value: the frame or column; of anything else None is returned.
        numbers: whether the numbers that pandas gives by default count as names, too.
    """
    index = getattr(value, "index", None)
    if index is None or callable(index) or not hasattr(index, "to_list"):
        return None
    names = index.to_list()
    if not numbers and names == list(range(len(names))):
        return None
    return np.array([str(one) for one in names])


def _from_objects(array: Array) -> Array:
    """Python objects of one kind as an array of that kind; left as they are if they are mixed."""
    cells = array.tolist()
    if all(isinstance(cell, str | int) and not isinstance(cell, bool) for cell in cells):
        return np.array([str(cell) for cell in cells], dtype=str)
    if all(isinstance(cell, bytes) for cell in cells):
        return np.array(cells, dtype=bytes)
    if all(hasattr(cell, "as_posix") for cell in cells):
        return np.array([cell.as_posix() for cell in cells], dtype=str)
    return array
