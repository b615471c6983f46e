"""Votes as long tables, CSV or parquet, one row a vote.

Read are ``image, label, rater, answer`` and crowd-kit's ``task, worker, label``, where a task
``<image>:<class index>`` is a question about that pair, with ``given_at`` and ``seconds`` where
they are known. Written part by part, as votes come out of a store, in bounded memory.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Shaped

from reassess.errors import DataError, MissingExtraError
from reassess.files.access import write_atomically
from reassess.files.answers import read_answers
from reassess.files.class_columns import ids_of_indices, numbered_class_column
from reassess.files.columns import CLASS_ID, RATER
from reassess.files.counted import counted_rows
from reassess.files.declared_answers import DeclaredAnswers
from reassess.files.parquet import is_parquet
from reassess.files.tables import ColumnFile
from reassess.files.times import utc_times
from reassess.files.vote_questions import question_columns
from reassess.files.vote_rows import VoteRows, plain_ids
from reassess.records import ANSWERS, Classes, Questions, Votes, factorize

GIVEN_AT = ("given_at",)
SECONDS = ("seconds",)

Part = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
"""Some votes as columns: ``image``, ``label`` (class index), ``class_id`` where it is known,
``rater``, ``answer`` (its code), and where known ``given_at`` (UTC) and ``seconds``. Votes on one
question stand together and in one part. Questions that are no pairs have ``task`` in place of image
and label.
"""


def read_vote_table(
    table: ColumnFile, *, classes: Classes | None = None, answers: DeclaredAnswers | None = None
) -> Votes:
    """Votes from a long table; see `reassess.files.votes.ReadVotes`.

    Raises:
        FileError: the table lacks a column, or two could play one part.
        DataError: there is no vote, or a cell is not what it must be.
    """
    path = table.path
    columns = question_columns(table)
    class_ids: tuple[str, ...] | None
    raters, texts = table.texts(table.require(RATER)), table.texts(columns.answer)
    counts = counted_rows(table, texts, raters)
    if columns.task is not None:
        ids, question = plain_ids(table.texts(columns.task), "task", str(path))
        questions = Questions.from_ids(ids)
        named = table.find(CLASS_ID)
        if questions.pairs is not None and named is not None:
            label, where = questions.pairs.label[question], f"{path}: column {named!r}"
            class_ids = ids_of_indices(label, table.texts(named), where, table.place)
            questions = Questions(ids, replace(questions.pairs, class_ids=class_ids))
    else:
        label, class_ids = numbered_class_column(table, classes)
        questions, question = Questions.from_columns(
            image=table.texts(columns.image), label=label, class_ids=class_ids
        )
    read = read_answers(
        texts,
        answers,
        f"{path}: column {columns.answer!r}",
        about_pairs=questions.pairs is not None,
        must_be_ours=columns.task is None,
        rows=counts,
        place=table.place,
    )
    as_written, rater = factorize(raters)
    return VoteRows(
        str(path),
        questions,
        question,
        as_written.tolist(),
        rater,
        read.code,
        read.names,
        _times(table, counts),
        _durations(table, counts),
        counts,
        table.place,
    ).votes()


def _times(table: ColumnFile, counts: Bool[np.ndarray, "n"] | None) -> Any:
    """When each vote was given, NaT where the cell is empty; None without such a column."""
    column = table.find(GIVEN_AT)
    if column is None:
        return None
    where = f"{table.path}: column {column!r}"
    stored = table.times(column)
    if stored is not None:
        if counts is not None:
            stored = np.where(counts, stored, np.datetime64("NaT"))
        return utc_times(stored, where, table.place)
    return utc_times(_counted_cells(table, column, counts), where, table.place)


def _durations(
    table: ColumnFile, counts: Bool[np.ndarray, "n"] | None
) -> Float[np.ndarray, "V"] | None:
    """How long each vote took, NaN where the cell is empty; None without such a column."""
    column = table.find(SECONDS)
    if column is None:
        return None
    cells = _counted_cells(table, column, counts)
    try:
        seconds = np.array([float(cell) if cell not in {"", None} else np.nan for cell in cells])
        wrong = np.flatnonzero((seconds < 0) | np.isinf(seconds))
    except (TypeError, ValueError):
        wrong = np.array([row for row, cell in enumerate(cells) if not _is_number(cell)])
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{table.path}: column {column!r}: {table.place(row)} is {str(cells[row])[:40]!r}, but "
            "must be the seconds that a vote took, a number of 0 or more, or empty; "
            f"{len(wrong):,} of {len(cells):,} rows are none. Fix them, or call the column "
            "otherwise."
        )
    return seconds


def _counted_cells(
    table: ColumnFile, column: str, counts: Bool[np.ndarray, "n"] | None
) -> list[Any]:
    """The cells of a column, None in rows that do not count."""
    cells = table.cells(column)
    if counts is None:
        return cells
    return [cell if count else None for cell, count in zip(cells, counts.tolist(), strict=True)]


def _is_number(cell: Any) -> bool:
    try:
        return cell in {"", None} or float(cell) >= 0
    except (TypeError, ValueError):
        return False


def write_long(
    parts: Iterable[Part],
    path: Path,
    *,
    classes: Classes | None = None,  # noqa: ARG001 -- the parts name them
    answers: Sequence[str] = ANSWERS,
) -> int:
    """Write a row a vote with every column of the parts; see `reassess.files.votes.WriteVotes`.

    Raises:
        FileError: the file cannot be written.
        DataError: there is no vote.
        MissingExtraError: parquet is wanted and pyarrow is not installed.
    """
    names = np.array(answers)
    return _write_parts((dict(part) | {"answer": names[part["answer"]]} for part in parts), path)


def write_crowd_kit(
    parts: Iterable[Part],
    path: Path,
    *,
    classes: Classes | None = None,  # noqa: ARG001 -- the parts name them
    answers: Sequence[str] = ANSWERS,
) -> int:
    """Write crowd-kit's ``task, worker, label``; see `reassess.files.votes.WriteVotes`.

    Raises:
        FileError: the file cannot be written.
        DataError: there is no vote.
        MissingExtraError: parquet is wanted and pyarrow is not installed.
    """
    names = np.array(answers)
    return _write_parts((_crowd_kit_columns(part, names) for part in parts), path)


def _crowd_kit_columns(part: Part, names: Shaped[np.ndarray, "A"]) -> Part:
    """A part in crowd-kit's words; ids of the classes, where they are known, come behind."""
    found = {"task": task_ids(part), "worker": part["rater"], "label": names[part["answer"]]}
    return found | ({"class_id": part["class_id"]} if "class_id" in part else {})


def part_with_class_ids(part: Part, classes: Classes | None) -> Part:
    """A part with the id of each class beside its index, where the classes are known."""
    if classes is None or "label" not in part or "class_id" in part:
        return part
    class_id = np.array(classes.ids)[part["label"]]
    front = {"image": part["image"], "label": part["label"], "class_id": class_id}
    return front | {name: column for name, column in part.items() if name not in front}


def task_ids(part: Part) -> Shaped[np.ndarray, "v"]:
    """The canonical id of each question, ``<image id>:<class index>``, unless it has another."""
    if "task" in part:
        return part["task"]
    return np.strings.add(np.strings.add(part["image"], ":"), part["label"].astype(str))


def _write_parts(parts: Iterable[Part], path: Path) -> int:
    """How many rows were written, CSV or parquet by the extension, one part at a time."""
    n_rows = 0
    with (
        write_atomically(path) as beside,
        (_parquet if is_parquet(path) else _csv)(beside) as rows,
    ):
        for part in parts:
            rows.write(part)
            n_rows += len(next(iter(part.values())))
        if n_rows == 0:
            raise DataError(
                f"{path}: there are 0 votes to write, but there must be at least one. Ask raters "
                "first."
            )
    return n_rows


@runtime_checkable
class _Rows(Protocol):
    def write(self, part: Part) -> None:
        """Write the rows of a part, below a header if it is the first."""


class _CsvRows:
    def __init__(self, file: Any, delimiter: str) -> None:
        self._writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        self._has_header = False

    def write(self, part: Part) -> None:
        if not self._has_header:
            self._writer.writerow(part)
            self._has_header = True
        self._writer.writerows(zip(*(_cells(column) for column in part.values()), strict=True))


class _ParquetRows:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, part: Part) -> None:
        import pyarrow as pa
        import pyarrow.parquet

        table = pa.table(dict(part))
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(
                self._path, table.schema, compression="zstd"
            )
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def _csv(path: Path) -> Iterator[_Rows]:
    with path.open("w", newline="", encoding="utf-8") as file:
        yield _CsvRows(file, "\t" if path.suffix.lower() == ".tsv" else ",")


@contextmanager
def _parquet(path: Path) -> Iterator[_Rows]:
    try:
        import pyarrow.parquet  # noqa: F401 -- only whether it is there
    except ImportError as error:
        raise MissingExtraError("pyarrow", "study", "reading and writing parquet") from error
    rows = _ParquetRows(path)
    try:
        yield rows
    finally:
        rows.close()


def _cells(column: np.ndarray[Any, np.dtype[Any]]) -> list[Any]:
    """The cells of a column; empty where a time or a duration is unknown."""
    if column.dtype.kind == "M":
        texts = np.datetime_as_string(column, unit="ms", timezone="UTC")
        return ["" if text == "NaT" else text for text in texts.tolist()]
    if column.dtype.kind == "f":
        return ["" if cell != cell else cell for cell in column.tolist()]  # noqa: PLR0124 -- NaN
    return list(column.tolist())
