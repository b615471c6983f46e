"""Votes as long tables, CSV or parquet, one row a vote.

Read are ``image, label, rater, answer`` and crowd-kit's ``task, worker, label``, where a task
``<image>:<class index>`` is a question about that pair, with ``given_at`` and ``seconds`` where
they are known. Written part by part, as votes come out of a store, in bounded memory.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import DataError, MissingExtraError, preview
from reassess.files.access import write_atomically
from reassess.files.class_words import class_column
from reassess.files.columns import ANSWER, IMAGE, LABEL, RATER, TASK
from reassess.files.tables import ColumnFile, is_parquet, read_table, utc_times
from reassess.records import ANSWERS, Classes, Votes, factorize

GIVEN_AT = ("given_at",)
SECONDS = ("seconds",)

Part = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
"""Some votes as columns: ``image``, ``label`` (class index), ``rater``, ``answer`` (its code),
and where known ``given_at`` (UTC) and ``seconds``. Votes on one question stand together and in
one part. Questions that are no pairs have ``task`` in place of image and label.
"""


def read_vote_table(
    path: Path, *, classes: Classes | None = None, answers: Sequence[str] | None = None
) -> Votes:
    """Votes from a long table; see `reassess.files.votes.ReadVotes`.

    Raises:
        FileError: the file is missing, no table, or lacks a column.
        DataError: there is no vote, or a cell is not what it must be.
    """
    table = read_table(path)
    rater = table.texts(table.require(RATER))
    task = table.find(TASK)
    image = label = None
    if task is not None:
        answer_column = table.find(ANSWER) or table.require(LABEL)
    else:
        answer_column = table.require(ANSWER)
        image = table.texts(table.require(IMAGE))
        label = class_column(table, classes)
    texts, code = factorize(table.texts(answer_column))
    _, first = np.unique(code, return_index=True)
    where = f"{path}: column {answer_column!r}"
    names, order = _answers(texts.tolist(), answers, first.tolist(), where)
    return Votes.from_columns(
        rater=rater,
        answer=order[code],
        task=None if task is None else table.texts(task),
        image=image,
        label=label,
        answers=names,
        given_at=_times(table),
        seconds=_durations(table),
    )


def _times(table: ColumnFile) -> Any:
    """When each vote was given, NaT where the cell is empty; None without such a column."""
    column = table.find(GIVEN_AT)
    if column is None:
        return None
    try:
        return utc_times(table.cells(column))
    except ValueError as error:
        raise DataError(
            f"{table.path}: a time in column {column!r} cannot be read ({error}), but must be such "
            "as 2026-01-31T12:00:00Z. Fix it, or call the column otherwise."
        ) from error


def _durations(table: ColumnFile) -> Float[np.ndarray, "V"] | None:
    """How long each vote took, NaN where the cell is empty; None without such a column."""
    column = table.find(SECONDS)
    if column is None:
        return None
    cells = table.cells(column)
    try:
        seconds = np.array([float(cell) if cell not in {"", None} else np.nan for cell in cells])
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{table.path}: a cell in column {column!r} is not a number ({error}), but must be the "
            "seconds that a vote took. Fix it, or call the column otherwise."
        ) from error
    return seconds


def _answers(
    texts: list[str], declared: Sequence[str] | None, first: list[int], where: str
) -> tuple[tuple[str, ...], Int[np.ndarray, "A"]]:
    """Names of the answers in order, and the code of each text, which ``first`` stands in a row."""
    lower = [text.strip().lower() for text in texts]
    if declared is None and set(lower) <= set(ANSWERS):
        return ANSWERS, np.array([ANSWERS.index(text) for text in lower])
    integers = all(re.fullmatch(r"\d+", text) for text in lower)
    if declared is not None:
        codes = [int(text) if integers else -1 for text in lower]
        named = {name.lower(): code for code, name in enumerate(declared)}
        codes = [named.get(t, c) for t, c in zip(lower, codes, strict=True)]
        wrong = [i for i, code in enumerate(codes) if not 0 <= code < len(declared)]
        if wrong:
            raise DataError(
                f"{where}: row {first[wrong[0]] + 2} is {texts[wrong[0]]!r}, but an answer must be "
                f"one of {', '.join(declared)}; no answers: {preview(texts[i] for i in wrong)}."
            )
        return tuple(declared), np.array(codes)
    ordered = sorted(texts, key=(lambda t: (int(t), t)) if integers else None)
    if len(ordered) < 2:
        raise DataError(
            f"{where}: every answer is {texts[0]!r}; with one answer nothing can be learned. Name "
            "all answers that could have been given (--answers no,maybe,yes)."
        )
    return tuple(ordered), np.array([ordered.index(text) for text in texts])


def write_long(
    parts: Iterable[Part],
    path: Path,
    *,
    classes: Classes | None = None,  # noqa: ARG001 -- a table holds indices
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
    classes: Classes | None = None,  # noqa: ARG001 -- a table holds indices
    answers: Sequence[str] = ANSWERS,
) -> int:
    """Write crowd-kit's ``task, worker, label``; see `reassess.files.votes.WriteVotes`.

    Raises:
        FileError: the file cannot be written.
        DataError: there is no vote.
        MissingExtraError: parquet is wanted and pyarrow is not installed.
    """
    names = np.array(answers)
    return _write_parts(
        (
            {"task": _tasks(part), "worker": part["rater"], "label": names[part["answer"]]}
            for part in parts
        ),
        path,
    )


def _tasks(part: Part) -> Shaped[np.ndarray, "v"]:
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
