"""Archives of arrays as NumPy's (`.npz`), of which some arrays are larger than memory."""

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reassess.files.access import Array


@dataclass(frozen=True, slots=True)
class ArrayBlocks:
    """An array that is written in blocks of rows, as it may be larger than memory.

    Attributes:
        dtype: its type.
        shape: its shape.
        blocks: makes the blocks, in the order of the rows.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    blocks: Callable[[], Iterable[Array]]


def write_array(archive: zipfile.ZipFile, name: str, array: Array | ArrayBlocks) -> None:
    """Write an array into an archive, with the bytes of `numpy.savez` and `savez_compressed`."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        if not isinstance(array, ArrayBlocks):
            np.lib.format.write_array(member, array, allow_pickle=False)
            return
        about = {
            "descr": np.lib.format.dtype_to_descr(array.dtype),
            "fortran_order": False,
            "shape": array.shape,
        }
        np.lib.format.write_array_header_1_0(member, about)
        for block in array.blocks():
            member.write(np.asarray(block, array.dtype).tobytes())
