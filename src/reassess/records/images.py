"""Image ids: how two lists of them are brought together, and the two usual row orders.

An image's id is its path below the image folder, with ``/``. Two ids name the same image
when they are equal or when one is the end of the other at a ``/`` (a bare file name, or a
path with more folders in front), as long as that leaves one image only. Ids are opaque
otherwise: no part of a path is resolved, stripped or normalised.
"""

import re
from collections import defaultdict
from itertools import pairwise

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import AlignmentError, preview

_NUMBER = re.compile(r"\d+")


def positions(
    ids: Shaped[np.ndarray, "n"], target: Shaped[np.ndarray, "N"], *, source: str
) -> Int[np.ndarray, "n"]:
    """The row of ``target`` that each id names, -1 where none does.

    Args:
        ids: ids to look up, strings.
        target: the ids that exist, strings.
        source: what carries ``ids``, for messages.

    Raises:
        AlignmentError: an id fits several images, or two ids name the same image.
    """
    if ids is target or (len(ids) == len(target) and bool(np.all(ids == target))):
        return np.arange(len(target))
    row_of = {image_id: row for row, image_id in enumerate(target.tolist())}
    names = ids.tolist()
    rows = np.fromiter((row_of.get(name, -1) for name in names), np.int64, len(names))
    unmatched = np.flatnonzero(rows < 0)
    if len(unmatched):
        rows[unmatched] = _rows_by_ending([names[i] for i in unmatched], row_of, source=source)
    found = rows[rows >= 0]
    if len(np.unique(found)) != len(found):
        row, count = np.unique(found, return_counts=True)
        twice = row[count > 1]
        where = np.flatnonzero(rows == twice[0])
        raise AlignmentError(
            f"{source}: image id {str(target[twice[0]])!r} appears in rows "
            f"{', '.join(str(i) for i in where[:3].tolist())}, but must appear in one; "
            f"{len(twice):,} ids appear more than once. Leave one row for each image."
        )
    return rows


def _rows_by_ending(names: list[str], row_of: dict[str, int], *, source: str) -> list[int]:
    """Rows for ids that match no id exactly: by a shared file name and a shared ending."""
    same_name = defaultdict(list)
    for image_id in row_of:
        same_name[image_id.rpartition("/")[2]].append(image_id)
    rows = []
    for name in names:
        fits = [
            other
            for other in same_name.get(name.rpartition("/")[2], ())
            if other.endswith("/" + name) or name.endswith("/" + other)
        ]
        if len(fits) > 1:
            raise AlignmentError(
                f"{source}: image id {name!r} fits {len(fits)} images ({preview(fits)}), but must "
                "fit one. Write the path below the image folder instead of the bare name."
            )
        rows.append(row_of[fits[0]] if fits else -1)
    return rows


def align(
    ids: Shaped[np.ndarray, "n"],
    target: Shaped[np.ndarray, "N"],
    *,
    source: str,
    target_name: str = "the benchmark",
) -> Int[np.ndarray, "n"]:
    """The row of ``target`` that each id names; every id must be there.

    Raises:
        AlignmentError: an id is unknown, fits several images, or appears twice.
    """
    rows = positions(ids, target, source=source)
    unknown = np.flatnonzero(rows < 0)
    if len(unknown):
        raise AlignmentError(
            f"{source}: image id[{unknown[0]}] is {str(ids[unknown[0]])!r}, but must be an image "
            f"of {target_name} (such as {str(target[0])!r}); {len(unknown):,} of {len(ids):,} ids "
            "are unknown there. Use the path below the image folder, or the bare file name."
        )
    return rows


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
