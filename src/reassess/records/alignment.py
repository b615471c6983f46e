"""Bring two lists of image ids together: which of the one names which of the other.

Two ids name the same image when they are equal or when one is the end of the other at a ``/`` (a
bare file name, or a path with more folders in front), as long as that leaves one image only. What
matches none so is compared once more without blanks around it, in Unicode's form NFC, with ``/``
for a backslash and without a leading ``./``, as these never tell two images apart; a note says so.
Case and extensions do: ids that differ by them are unknown, and the message says by what.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import AlignmentError, preview
from reassess.notes import note
from reassess.records.arrays import TextBytes
from reassess.records.benchmark import plain_text
from reassess.records.id_hashes import LARGE, rows_of_equals
from reassess.records.near_ids import near_ids, plain_id


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
    rows = rows_of_equals(ids, target) if len(target) >= LARGE else None
    if rows is None:
        row_of = {image_id: row for row, image_id in enumerate(target.tolist())}
        names = ids.tolist()
        rows = np.fromiter((row_of.get(name, -1) for name in names), np.int64, len(names))
    left = np.flatnonzero(rows < 0)
    if len(left) and len(target) >= LARGE:
        near = near_ids(TextBytes.of(ids[left]), TextBytes.of(target))
        left, among = left[near.asked], near.target
    else:
        among = np.arange(len(target))
    if len(left):
        place = rows_of_unlike(
            ids[left].tolist(), target[among].tolist(), n_ids=len(ids), source=source
        )
        rows[left] = np.where(place >= 0, among[place], -1)
    refuse_twice(rows, lambda row: str(target[row]), source=source)
    return rows


def refuse_twice(rows: Int[np.ndarray, "n"], id_of: Callable[[int], str], *, source: str) -> None:
    """Refuse rows, -1 left aside, of which two are one.

    Args:
        rows: what ids name.
        id_of: the id of a row.
        source: what carries the ids, for messages.

    Raises:
        AlignmentError: two ids name the same.
    """
    found = rows[rows >= 0]
    if not (found[1:] > found[:-1]).all() and len(np.unique(found)) != len(found):
        row, count = np.unique(found, return_counts=True)
        twice = row[count > 1]
        where = np.flatnonzero(rows == twice[0])
        extent = "1 id appears" if len(twice) == 1 else f"{len(twice):,} ids appear"
        raise AlignmentError(
            f"{source}: image id {id_of(int(twice[0]))!r} appears in rows "
            f"{', '.join(str(i) for i in where[:3].tolist())}, but must appear in one; "
            f"{extent} more than once. Leave one row for each image."
        )


def rows_of_unlike(
    names: list[str], target: list[str], *, n_ids: int, source: str
) -> Int[np.ndarray, "n"]:
    """The place in a list of each id that equals none of it: by its ending, or spelt otherwise.

    Args:
        names: the ids.
        target: the list.
        n_ids: how many ids there were, those that equal one included, for messages.
        source: what carries the ids, for messages.

    Raises:
        AlignmentError: an id fits several of the list.
    """
    row_of = {image_id: row for row, image_id in enumerate(target)}
    rows = np.array(_rows_by_ending(names, row_of, source=source), np.int64)
    return _rows_of_other_spelling(names, rows, target, n_ids=n_ids, source=source)


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


def _rows_of_other_spelling(
    names: list[str], rows: Int[np.ndarray, "n"], existing: list[str], *, n_ids: int, source: str
) -> Int[np.ndarray, "n"]:
    """Rows with those of ids that are written otherwise, but name an image for certain."""
    unmatched = np.flatnonzero(rows < 0).tolist()
    if not unmatched:
        return rows
    wanted = [plain_id(names[i]) for i in unmatched]
    plain = [plain_id(one) for one in existing]
    if plain == existing and all(one == names[i] for i, one in zip(unmatched, wanted, strict=True)):
        return rows
    by_plain: dict[str, int] = {}
    for row, one in enumerate(plain):
        by_plain[one] = -1 if one in by_plain else row
    by_plain = {one: row for one, row in by_plain.items() if row >= 0}
    found = np.array([by_plain.get(one, -1) for one in wanted])
    left = np.flatnonzero(found < 0).tolist()
    found[left] = _rows_by_ending([wanted[i] for i in left], by_plain, source=source)
    known = np.flatnonzero(found >= 0).tolist()
    if known:
        first = unmatched[known[0]]
        note(
            f"{source}: {len(known):,} of {n_ids:,} ids are written otherwise, such as "
            f"{_shown(names[first])} for {_shown(existing[found[known[0]]])} (blanks, Unicode "
            "form, backslash or ./); they were read as the same."
        )
    rows = rows.copy()
    rows[unmatched] = found
    return rows


def _shown(name: str) -> str:
    """An id for a message; in code points where it would look like another."""
    return repr(name) if name == plain_text(name) else ascii(name)


def align(
    ids: Shaped[np.ndarray, "n"],
    target: Shaped[np.ndarray, "N"],
    *,
    source: str,
    target_name: str = "the benchmark",
    otherwise: str = "Use the path below the image folder, or the bare file name.",
) -> Int[np.ndarray, "n"]:
    """The row of ``target`` that each id names; every id must be there.

    Args:
        ids: strings.
        target: the ids that exist, strings.
        source: what the ids come from, for messages.
        target_name: what has the others, for messages.
        otherwise: what to do where unknown ids do not differ by how they are written.

    Raises:
        AlignmentError: an id is unknown, fits several images, or appears twice.
    """
    rows = positions(ids, target, source=source)
    unknown = np.flatnonzero(rows < 0)
    if len(unknown):
        raise AlignmentError(
            f"{source}: image id[{unknown[0]}] is {str(ids[unknown[0]])!r}, but must be an image "
            f"of {target_name} (such as {str(target[0])!r}); {len(unknown):,} of {len(ids):,} ids "
            f"are unknown there. "
            + how_ids_differ(
                ids[unknown],
                target,
                otherwise=otherwise,
            )
        )
    return rows


def how_ids_differ(
    unknown: Shaped[np.ndarray, "n"], target: Shaped[np.ndarray, "N"], *, otherwise: str
) -> str:
    """By what ids that name no image differ from ids that do, and what to do, for a message.

    Args:
        unknown: ids that `positions` found nowhere, strings.
        target: the ids that exist, strings.
        otherwise: what to say where they differ by nothing that is known.
    """
    wanted, existing = [list(map(plain_id, ids.tolist())) for ids in (unknown, target)]
    best = 0, otherwise
    for form, what in _FORMS:
        there: dict[str, str] = {}
        for one in existing:
            for key in (form(one.rpartition("/")[2]), form(one)):
                there[key] = one
        pairs = [
            (name, there[key])
            for name in wanted
            for key in [next((k for k in _keys(form, name) if k in there), "")]
            if key and not _is_in_other_folder(form, name, there[key])
        ]
        if len(pairs) > best[0]:
            (name, other), *_ = pairs
            text = f"{len(pairs):,} would fit but for {what}, such as {name!r} for {other!r}"
            best = len(pairs), f"{text}: write both the same way."
    by_folder = _by_folder(wanted, existing)
    return by_folder[1] if by_folder is not None and by_folder[0] > best[0] else best[1]


def _is_in_other_folder(form: Callable[[str], str], name: str, other: str) -> bool:
    """Whether two ids have the same file name, so that their folders tell them apart."""
    same_file = name.rpartition("/")[2] == other.rpartition("/")[2]
    return same_file and form(name) != form(other)


def _by_folder(wanted: list[str], existing: list[str]) -> tuple[int, str] | None:
    """How many ids would fit but for their folder, and what to do; None where none would."""
    there = {one.rpartition("/")[2]: one for one in existing}
    pairs = [(one, there[key]) for one in wanted if (key := one.rpartition("/")[2]) in there]
    if not pairs:
        return None
    (name, other), *_ = pairs
    return len(pairs), (
        f"{len(pairs):,} would fit but for the folder, such as {name!r} for {other!r}: write the "
        "same folders, or the bare file name if it is unique."
    )


def _keys(form: Callable[[str], str], name: str) -> Sequence[str]:
    return form(name), form(name.rpartition("/")[2])


def _stem(name: str) -> str:
    """An id without the extension of its file."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + (file.rpartition(".")[0] or file)


def _number(name: str) -> str:
    """A text without zeros before its numbers; a number alone without a fraction of zeros, too."""
    whole, _, part = name.partition(".")
    if whole.isdecimal() and not part.strip("0"):
        name = whole
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)


_FORMS: tuple[tuple[Callable[[str], str], str], ...] = (
    (str.casefold, "upper and lower case"),
    (_stem, "the extension"),
    (lambda name: _stem(name).casefold(), "case and the extension"),
    (_number, "the form of the number"),
)
"""Ways in which ids of the same images differ, the more likely first."""
