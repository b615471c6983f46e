"""Columns of large tables without a Python object a row: ids of images, and words that repeat.

What is read so is what `ColumnFile.texts` gives. A column in which anything is unusual - a cell
that is empty or has blanks around it, an id that is not ASCII, a word that could stand for an empty
cell - is left to it, so that there is one meaning of every table and one wording of every refusal.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from jaxtyping import Int, Shaped

from reassess.files.cells import EMPTY_WORDS
from reassess.files.tables import ColumnFile
from reassess.records import factorize
from reassess.records.benchmark import plain_text
from reassess.records.id_hashes import repeated_ids

SMALLEST = 50_000
"""Rows from which a table is read so: below, importing Arrow takes longer than reading."""

_LONGEST_EMPTY = max(map(len, EMPTY_WORDS))


@dataclass(frozen=True)
class WordCells(Sequence[str]):
    """The cells of a column by their distinct words.

    Attributes:
        words: in the order of their first appearance.
        code: which of them each cell is.
    """

    words: tuple[str, ...]
    code: Int[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.code)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return WordCells(self.words, self.code[row])
        return self.words[int(self.code[row])]


def distinct_words(cells: Sequence[str]) -> tuple[Shaped[np.ndarray, "w"], Int[np.ndarray, "n"]]:
    """The distinct words of cells as they first appear, and which of them each cell is."""
    if isinstance(cells, WordCells):
        return np.array(cells.words, dtype=str), cells.code
    return factorize(cells)


def image_id_cells(
    table: ColumnFile, name: str, known: Shaped[np.ndarray, "N"] | None = None
) -> Shaped[np.ndarray, "n"] | None:
    """A column of ids; None where it is to be read cell by cell.

    Args:
        table: the table.
        name: the column.
        known: ids that it may hold in this order; where it does, they themselves come back, so
            that ids of millions of images are in memory once.

    Raises:
        FileError: the file is corrupt.
    """
    batches = table.batches([name], SMALLEST)
    if batches is None:
        return None
    parts: list[Shaped[np.ndarray, "n"]] = []
    n_rows, is_known = 0, known is not None
    for (column,) in batches.arrays:
        part = _plain_bytes(column)
        if part is None:
            return None
        if known is not None and is_known:
            expected = known[n_rows : n_rows + len(part)]
            is_known = len(expected) == len(part) and bool((expected == part.astype(str)).all())
            if not is_known:
                before = known[:n_rows]  # equal to what was read, and so of single bytes
                width = max(1, int(np.strings.str_len(before).max(initial=1)))
                parts.append(before.astype(f"S{width}"))
        n_rows += len(part)
        if not is_known:
            parts.append(part)
    if known is not None and is_known:
        return known if n_rows == len(known) else known[:n_rows].copy()
    return _joined(parts)


def image_cells(
    table: ColumnFile, name: str
) -> tuple[Shaped[np.ndarray, "N"], Int[np.ndarray, "n"]]:
    """The distinct ids of a column as they first appear, and which of them each row holds.

    Raises:
        FileError: a cell is empty, or the file is corrupt.
    """
    batches = table.batches([name], SMALLEST)
    found = None if batches is None else _runs(column for (column,) in batches.arrays)
    if found is None or len(repeated_ids(found[0])):  # rows of an image do not stand together
        return factorize(table.texts(name))
    return found


def _runs(
    columns: Iterator[Any],
) -> tuple[Shaped[np.ndarray, "N"], Int[np.ndarray, "n"]] | None:
    parts, numbers, n_runs, last = [], [], 0, None
    for column in columns:
        cells = _plain_bytes(column)
        if cells is None:
            return None
        if not len(cells):
            continue
        begins = np.append(cells[0] != last, cells[1:] != cells[:-1])
        numbers.append((np.cumsum(begins) + n_runs - 1).astype(np.int32))
        n_runs += int(begins.sum())
        parts.append(cells[begins])
        last = cells[-1]
    if not parts:
        return None
    return _joined(parts), np.concatenate(numbers)


def _joined(parts: list[Shaped[np.ndarray, "n"]]) -> Shaped[np.ndarray, "N"]:
    """Bytes of several batches as texts; the list is emptied on the way."""
    width = max((part.itemsize for part in parts), default=1)
    ids = np.empty(sum(map(len, parts)), f"U{width}")
    start = 0
    while parts:
        part = parts.pop(0)
        ids[start : start + len(part)] = part
        start += len(part)
    return ids


def number_cells(table: ColumnFile, name: str) -> Shaped[np.ndarray, "n"]:
    """A column of numbers, or of yes and no, as an array.

    Raises:
        FileError: the file is corrupt.
    """
    batches = table.batches([name], SMALLEST)
    parts = [] if batches is None else [column for (column,) in batches.arrays]
    if not parts or any(not _is_plain_number(column) for column in parts):
        return np.array(table.cells(name))
    table.use(name.strip().lower(), name)
    return np.concatenate([column.to_numpy(zero_copy_only=False) for column in parts])


def _is_plain_number(column: Any) -> bool:
    from pyarrow import types

    kind = column.type
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return bool(is_number) and not column.null_count


def word_cells(table: ColumnFile, name: str, known: Collection[str] = ()) -> Sequence[str]:
    """A column of words that repeat, such as classes; as texts where it is read cell by cell.

    Args:
        table: the table.
        name: the column.
        known: words that mean themselves; see `ColumnFile.texts`.

    Raises:
        FileError: a cell is empty, or the file is corrupt.
    """
    batches = table.batches([name], SMALLEST)
    found = None if batches is None else _words(column for (column,) in batches.arrays)
    if found is None or any(
        (word in EMPTY_WORDS and word not in known) or plain_text(word) != word
        for word in found.words
    ):
        return table.texts(name, known=known)
    return found


def _words(columns: Iterator[Any]) -> WordCells | None:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    number: dict[str, int] = {}
    codes = []
    for column in columns:
        kind = column.type.value_type if types.is_dictionary(column.type) else column.type
        if column.null_count or not (
            types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind)
        ):
            return None
        texts = column.cast(pa.string()) if types.is_integer(kind) else column
        coded = texts if types.is_dictionary(texts.type) else pc.dictionary_encode(texts)
        words = coded.dictionary.to_pylist()
        local = coded.indices.to_numpy(zero_copy_only=False)
        used, first = np.unique(local, return_index=True)
        place = np.zeros(len(words), np.int32)
        for one in used[np.argsort(first)].tolist():
            if words[one] is None:
                return None
            place[one] = number.setdefault(words[one], len(number))
        codes.append(place[local])
    return WordCells(tuple(number), np.concatenate(codes) if codes else np.zeros(0, np.int32))


def _plain_bytes(column: Any) -> Shaped[np.ndarray, "n"] | None:
    """A column of ASCII texts as bytes of one width; None where one is unusual."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    is_large = types.is_large_string(column.type)
    if column.null_count or not (is_large or types.is_string(column.type)):
        return None
    column = pa.concat_arrays([column])
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64 if is_large else np.int32)
    ends = ends[column.offset : column.offset + len(column) + 1]
    content = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    content, length = content[int(ends[0]) : int(ends[-1])], np.diff(ends)
    if not length.all() or ((content < 32) | (content > 126)).any():
        return None
    padded = np.zeros((len(length), int(length.max(initial=1))), np.uint8)
    padded[np.arange(padded.shape[1]) < length[:, None]] = content
    cells = padded.view(f"S{padded.shape[1]}").reshape(-1)
    blank = ord(" ")
    if (padded[:, 0] == blank).any() or (content[ends[1:] - ends[0] - 1] == blank).any():
        return None
    short = cells[length <= _LONGEST_EMPTY]
    return None if EMPTY_WORDS & {one.decode() for one in short.tolist()} else cells
