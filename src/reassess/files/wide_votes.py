"""Wide tables of votes: one row a question, one column a rater, empty cells where they gave none.

What comes back is a table with one vote a row (`reassess.files.wide_rows`), which the readers of
long tables read. Tables that have a column for the rater are never taken for wide.

Letters: V votes, R raters.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError, FileError, preview
from reassess.files.cells import stands_for_empty
from reassess.files.columns import ANSWER, CLASS_ID, CLASS_INDEX, IMAGE, LABEL, RATER, TASK
from reassess.files.tables import ColumnFile
from reassess.files.wide_rows import WideRows
from reassess.notes import columns_read, note
from reassess.records import ANSWERS

SMALLEST = 50_000
"""Cells from which a table is read through Arrow."""

_NO_RATERS = frozenset({
    "seconds", "given_at", "counted", "gold", "truth", "true_label", "ground_truth", "split",
    "fold", "n", "n_votes", "count", "total", "majority", "mean", "mode", "agreement", "score",
    "original_label", "index", "note", "notes", "comment", "name", "class_name", "width", "height",
    "size", "url", "prediction", "pred", "probability", "confidence", "time", "date", "tie",
})  # fmt: skip
"""Names of columns that hold no rater's votes."""

_NO_RATERS_WORD = frozenset({
    "gold", "truth", "true", "correct", "majority", "consensus", "agreed", "agreement", "final",
    "aggregate", "aggregated", "adjudicated", "adjudication", "resolved", "decision", "verdict",
    "mean", "median", "posterior", "prediction", "predicted", "original", "reference", "expected",
})  # fmt: skip
"""Words in names of such columns."""

_MOST_NAMED = 12
"""So many raters are named."""

_NUMBER = re.compile(r"[+-]?\d+([.,]\d*)?", re.ASCII)


@dataclass(slots=True)
class _Cells:
    """The cells of the columns of raters.

    Attributes:
        n_raters: R.
        n_rows: how many rows the wide table has.
        words: distinct answers, by the text of each.
        of_rater: of each rater the answers that occur.
        row: the row of each vote, part by part.
        rater: its rater.
        answer: its answer.
    """

    n_raters: int
    n_rows: int = 0
    words: dict[str, int] = field(default_factory=dict)
    of_rater: list[set[int]] = field(default_factory=list)
    row: list[Int[np.ndarray, "v"]] = field(default_factory=list)
    rater: list[Int[np.ndarray, "v"]] = field(default_factory=list)
    answer: list[Int[np.ndarray, "v"]] = field(default_factory=list)

    def add(self, columns: Iterable[tuple[Sequence[Any], Int[np.ndarray, "n"]]]) -> None:
        """Take further rows: of each rater distinct cells, and which of them each row holds."""
        rows, raters, answers, n_rows = [], [], [], 0
        self.of_rater = self.of_rater or [set() for _ in range(self.n_raters)]
        for rater, (cells, code) in enumerate(columns):
            texts = map(answer_text, cells)
            of_cell = np.array([self.words.setdefault(t, len(self.words)) if t else -1
                                for t in texts] or [-1], np.int32)  # fmt: skip
            answer = of_cell[code]
            row = np.flatnonzero(answer >= 0).astype(np.int32)
            self.of_rater[rater].update(np.unique(answer[row]).tolist())
            rows.append(row)
            raters.append(np.full(len(row), rater, np.int32))
            answers.append(answer[row])
            n_rows = len(code)
        order = np.argsort(np.concatenate(rows), kind="stable")
        self.row.append(np.concatenate(rows)[order] + np.int32(self.n_rows))
        self.rater.append(np.concatenate(raters)[order])
        self.answer.append(np.concatenate(answers)[order])
        self.n_rows += n_rows

    def words_by_rater(self) -> list[set[str]]:
        """The answers of each rater."""
        texts = list(self.words)
        return [{texts[one] for one in own} for own in self.of_rater]


def is_wide(table: ColumnFile) -> bool:
    """Whether columns can only be raters: nothing names a rater or an answer, but a question."""
    if table.candidates(RATER) or table.candidates(ANSWER):
        return False
    asked = _question_columns(table)
    return bool(asked) and len([name for name in table.header if name]) >= len(asked) + 2


def _question_columns(table: ColumnFile) -> list[str]:
    """The columns that say what was asked: the task, or the image and its class."""
    tasks = table.candidates(TASK)
    images = [] if tasks else table.candidates(IMAGE)
    classes = [one for part in (LABEL, CLASS_ID, CLASS_INDEX) for one in table.candidates(part)]
    return [*tasks[:1], *images[:1], *(classes if images else [])]


def read_wide(table: ColumnFile) -> ColumnFile:
    """The votes of a wide table, one a row.

    Raises:
        FileError: a column may be no rater.
        DataError: there is no vote.
    """
    asked = _question_columns(table)
    raters = [name for name in table.header if name and name not in asked]
    large = _through_arrow(table, asked, raters)
    cells = large or _one_by_one(table, raters)
    words = dict(zip(raters, cells.words_by_rater(), strict=True))
    _check_raters(table, words)
    n_cells, n_votes = len(raters) * cells.n_rows, sum(map(len, cells.row))
    if not n_votes:
        raise DataError(
            f"{table.path}: all {n_cells:,} cells of its {len(raters):,} columns of raters are "
            "empty, but there must be at least one vote."
        )
    silent = [name for name, own in words.items() if not own]
    note(
        f"{table.path}: read as a table of one row a question and one column a rater: "
        f"{len(raters):,} raters ({preview(raters, _MOST_NAMED)}), {n_cells - n_votes:,} of "
        f"{n_cells:,} cells are empty and no votes"
        + (f"; {preview(silent)} gave none" if silent else "")
        + ". Rename or drop columns that are no raters."
    )
    columns_read(str(table.path), {"rater": raters, "question": asked}, table.header)
    names = {"task": asked[0]} if len(asked) == 1 else {name: name for name in asked}
    rows = WideRows(
        table.path, names, raters, list(cells.words), np.concatenate(cells.row),
        np.concatenate(cells.rater), np.concatenate(cells.answer), table.cells_unread,
        partial(_arrays, table) if large else None, table.row_numbers,
    )  # fmt: skip
    return ColumnFile(table.path, rows.header, rows)


def _arrays(table: ColumnFile, names: Sequence[str]) -> Any:
    batches = table.batches(names, 0)
    return None if batches is None else batches.arrays


def _one_by_one(table: ColumnFile, raters: Sequence[str]) -> _Cells:
    """The cells of a small table."""
    found = _Cells(len(raters))

    def coded(name: str) -> tuple[Sequence[Any], Int[np.ndarray, "n"]]:
        texts = [answer_text(cell) for cell in table.cells_unread(name)]
        place = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        return list(place), np.array([place[text] for text in texts], np.int32)

    found.add(map(coded, raters))
    return found


def _through_arrow(table: ColumnFile, asked: Sequence[str], raters: Sequence[str]) -> _Cells | None:
    """The cells of a large table; None where they are to be read one by one."""
    batches = table.batches([*raters, *asked], -(-SMALLEST // len(raters)))
    if batches is None:
        return None
    import pyarrow as pa

    found = _Cells(len(raters))
    try:
        for batch in batches.arrays:
            found.add(map(_coded, batch[: len(raters)]))
            silent = np.ones(len(batch[0]), np.bool_)
            silent[found.row[-1] - (found.n_rows - len(batch[0]))] = False
            beside = batch[len(raters) :]
            if silent.any() and any(_has_blanks(one.filter(pa.array(silent))) for one in beside):
                return None  # a row without any content, which the other reader leaves out
    except (FileError, pa.ArrowException):
        return None
    return found if found.n_rows else None


def _coded(column: Any) -> tuple[Sequence[Any], Int[np.ndarray, "n"]]:
    """Distinct cells of a column of Arrow's, and which of them each row holds."""
    from pyarrow import types

    coded = column if types.is_dictionary(column.type) else column.dictionary_encode()
    cells = coded.dictionary.to_pylist()
    code = coded.indices.fill_null(len(cells)).to_numpy(zero_copy_only=False)
    return [*cells, None], code.astype(np.int32, copy=False)


def _has_blanks(column: Any) -> bool:
    """Whether a column of Arrow's holds empty cells."""
    import pyarrow.compute as pc
    from pyarrow import types

    texts = column
    if types.is_dictionary(column.type):
        texts = column.dictionary.take(column.indices.unique())
    if column.null_count or texts.null_count:
        return True
    is_text = types.is_string(texts.type) or types.is_large_string(texts.type)
    return bool(is_text and pc.any(pc.equal(texts, "")).as_py())


def _check_raters(table: ColumnFile, words: dict[str, set[str]]) -> None:
    """Refuse columns that may be no raters: by their name, or by words that no other one has.

    Raises:
        FileError: there is one.
    """
    lower = {name: {one.lower() for one in own} for name, own in words.items()}
    n_columns: dict[str, int] = {}
    for own in lower.values():
        for word in own:
            n_columns[word] = n_columns.get(word, 0) + 1
    for name, own in lower.items():
        plain = re.sub(r"[\s_-]+", "_", name.strip().lower())
        by_name = plain in _NO_RATERS or bool(_NO_RATERS_WORD & set(plain.split("_")))
        if not by_name and (any(n_columns[one] > 1 for one in own) or own <= {*ANSWERS}):
            continue
        why = (
            "may hold something else by its name"
            if by_name
            else f"has no cell in common with the others, such as {sorted(own)[0]!r}"
        )
        raise FileError(
            f"{table.path}: it has no column of raters and none of answers, so that its columns "
            f"could be the raters ({preview(lower, 4)}), but {name!r} {why}. Drop the column if "
            "the others are raters; else name the columns image,label,rater,answer."
        )


def answer_text(cell: Any) -> str:
    """A cell as a text; empty where it is, and without the fraction that gaps give to integers."""
    if cell is None or cell != cell:  # noqa: PLR0124 -- NaN
        return ""
    text = str(cell).strip()
    if stands_for_empty(text):
        return ""
    whole, point, fraction = text.partition(".")
    is_whole = bool(point) and bool(_NUMBER.fullmatch(text)) and not fraction.strip("0")
    return whole if is_whole else text
