"""Rows of arrays that may be larger than memory, some at a time.

Of an array in a file no more than a block is mapped at a time, so that no mapped pages are left
behind. Letters: b rows of a block.
"""

import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]


def row_blocks(array: Any, bounds: Iterable[tuple[int, int]], model: str) -> Iterator[Array]:
    """The rows within each of some bounds, as the array stores them; not to be written to.

    Args:
        array: in memory, or mapped whole from a file.
        bounds: the first row of each block, and the row after its last.
        model: whose rows they are, for messages.

    Raises:
        DataError: the file became shorter.
    """
    file = _file(array)
    if file is None:
        for first, last in bounds:
            yield array[first:last]
        return
    with file:
        for first, last in bounds:
            yield _mapped(array, file, first, last, model)


def some_rows(array: Any, row: Int[np.ndarray, "b"], model: str) -> Array:
    """Some rows, read without mapping what lies between.

    Raises:
        DataError: the file became shorter.
    """
    file = _file(array)
    if file is None:
        return np.asarray(array[row])
    found = np.empty((len(row), *array.shape[1:]), array.dtype)
    with file:
        for place, one in enumerate(row.tolist()):
            file.seek(_offset(array, one))
            _fill(file, found[place].data.cast("B"), model)
    return found


def is_mapped(array: Any) -> bool:
    """Whether an array is a file's, mapped whole and as it is."""
    on_disk = isinstance(array, np.memmap) and not isinstance(array.base, np.ndarray)
    return on_disk and array.flags.c_contiguous and array.filename is not None


def _file(array: Any) -> Any:
    """The file behind a mapped array, opened; None for arrays in memory."""
    return Path(array.filename).open("rb", buffering=0) if is_mapped(array) else None


def _mapped(array: Any, file: Any, first: int, last: int, model: str) -> Array:
    """Some rows of a file, mapped into memory until the array goes."""
    begin, end = _offset(array, first), _offset(array, last)
    if os.fstat(file.fileno()).st_size < end:
        raise _shorter(model)
    page = begin - begin % mmap.ALLOCATIONGRANULARITY
    window = mmap.mmap(file.fileno(), end - page, access=mmap.ACCESS_READ, offset=page)
    return np.ndarray((last - first, *array.shape[1:]), array.dtype, window, begin - page)


def _offset(array: Any, row: int) -> int:
    return int(array.offset + row * array.strides[0])


def _fill(file: Any, view: memoryview, model: str) -> None:
    """Read until a buffer is full; a raw file may give less at once."""
    n_read = 0
    while n_read < len(view):
        n = file.readinto(view[n_read:])
        if not n:
            raise _shorter(model)
        n_read += n


def _shorter(model: str) -> DataError:
    return DataError(
        f"predictions {model!r}: the file of scores became shorter while it was read. Write it "
        "again."
    )
