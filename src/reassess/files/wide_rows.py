"""The cells of a wide table as votes, one row each: where each stands, and not one object a cell.

A vote is three numbers: its row of the wide table, its rater and its answer. What was asked is
looked up when it is read, through Arrow where the table is large.

Letters: V votes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

_ANSWERED = ("rater", "answer")


@dataclass(frozen=True)
class WideRows:
    """Votes as the rows of a table whose columns are what was asked, rater and answer.

    Attributes:
        path: the file.
        asked: the columns that say what was asked: by their names here, those of the wide table.
        raters: names of the raters.
        answers: the words of answers.
        row: of each vote the row of the wide table, from 0, rising.
        rater: its rater.
        answer: its answer.
        cells: reads a column of the wide table.
        arrays: reads some of them as Arrow's arrays, batch by batch; None where the cells were not
            read so, as then rows may be left out.
        numbers_in_file: the numbers of so many rows of the wide table, for messages.
    """

    path: Path
    asked: dict[str, str]
    raters: Sequence[str]
    answers: Sequence[str]
    row: Int[np.ndarray, "V"]
    rater: Int[np.ndarray, "V"]
    answer: Int[np.ndarray, "V"]
    cells: Callable[[str], list[Any]]
    arrays: Callable[[Sequence[str]], Iterator[list[Any]] | None] | None
    numbers_in_file: Callable[[int], Int[np.ndarray, "n"]]

    @property
    def header(self) -> tuple[str, ...]:
        """Its column names, in order."""
        return (*self.asked, *_ANSWERED)

    @property
    def first_row(self) -> int:
        """The number of the first row of the file."""
        return int(self.numbers_in_file(1)[0])

    @property
    def left_out(self) -> tuple[int, ...]:
        """No row is left out."""
        return ()

    @property
    def n_rows(self) -> int:
        """How many votes there are."""
        return len(self.row)

    def row_numbers(self, n_votes: int) -> Int[np.ndarray, "v"]:
        """The numbers of the first votes' rows in the file, for messages."""
        rows = self.row[:n_votes]
        numbers: Int[np.ndarray, "v"] = self.numbers_in_file(int(rows.max(initial=-1)) + 1)[rows]
        return numbers

    def column(self, name: str) -> list[Any]:
        """A column's cells."""
        if name in self.asked:
            cells = self.cells(self.asked[name])
            return [cells[row] for row in self.row.tolist()]
        words, code = self._answered(name)
        return [words[one] for one in code.tolist()]

    def _answered(self, name: str) -> tuple[Sequence[str], Int[np.ndarray, "V"]]:
        return (self.raters, self.rater) if name == "rater" else (self.answers, self.answer)

    def batches(self, names: Sequence[str]) -> Iterator[list[Any]] | None:
        """Some columns as Arrow's arrays, batch by batch; None where they are read as cells."""
        asked = [name for name in names if name in self.asked]
        arrays = None if self.arrays is None else self.arrays([self.asked[n] for n in asked])
        return None if arrays is None else self._joined(arrays, asked, names)

    def _joined(
        self, arrays: Iterator[list[Any]], asked: Sequence[str], names: Sequence[str]
    ) -> Iterator[list[Any]]:
        """What was asked in each batch of the wide table, beside its votes."""
        import pyarrow as pa

        words = {name: pa.array(self._answered(name)[0], pa.string()) for name in _ANSWERED}
        start = first = 0
        for batch in arrays:
            start += len(batch[0])
            last = int(np.searchsorted(self.row, start))
            local = pa.array(self.row[first:last] - (start - len(batch[0])), pa.int32())
            columns = {name: _taken(one, local) for name, one in zip(asked, batch, strict=True)}
            for name in _ANSWERED:
                code = pa.array(self._answered(name)[1][first:last], pa.int32())
                columns[name] = pa.DictionaryArray.from_arrays(code, words[name])
            yield [columns[name] for name in names]
            first = last

    def is_empty(self) -> bool:
        """Whether there is no vote."""
        return len(self.row) == 0

    def holds_images(self, name: str) -> bool:
        """Whether cells are structures or bytes, as encoded images are, and no texts."""
        return name in self.asked and isinstance(self.cells(self.asked[name])[0], dict | bytes)

    def block(self, name: str) -> None:
        """No cell is an array."""
        del name


def _taken(column: Any, rows: Any) -> Any:
    """Cells of a column of Arrow's by a dictionary, so that each is there once."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(column.type) or not _are_texts(column.type):
        return column.take(rows)
    return pa.DictionaryArray.from_arrays(rows, column)


def _are_texts(kind: Any) -> bool:
    from pyarrow import types

    is_text = types.is_string(kind) or types.is_large_string(kind)
    return bool(is_text or types.is_string_view(kind))
