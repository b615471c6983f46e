"""Votes and gold.

Dense archive   the published ``.npz``: ``tensor`` [raters, questions, answers] of counts,
                ``info`` [questions, 2] of file name and class index, ``ids`` of the raters
Long table      CSV or parquet, one row a vote: ``task, worker, label`` (crowd-kit's words;
                a task ``<image>:<class index>`` is a question about that pair), or
                ``image, label, rater, answer``; with ``given_at`` where times are known
Gold            the same two, with ``expert`` for ``rater``

The dense tensor is read rater by rater: the published one is 377 MB when unpacked.
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.errors import DataError, FileError, preview
from reassess.files.arrays import (
    BROKEN,
    as_strings,
    check_readable,
    corrupt_file_error,
    prefix_errors_with,
    read_npz,
)
from reassess.files.atomic import sha256_of, write_atomically
from reassess.files.benchmarks import CLASS, IMAGE, class_indices
from reassess.files.tables import (
    Table,
    factorize,
    is_parquet,
    read_table,
    utc_times,
    write_csv,
    write_parquet,
)
from reassess.records import ANSWERS, Classes, Gold, Pairs, Questions, Votes, pair_keys

TASK = ("task", "question", "item", "task_id", "question_id", "item_id")
RATER = ("worker", "rater", "annotator", "expert", "worker_id", "rater_id", "annotator_id")
ANSWER = ("answer", "vote", "response")
GIVEN_AT = ("given_at",)

_PAIR = re.compile(r"(.*):(\d+)", re.DOTALL)
_MOST_VOTES = 1000
"""No rater answers one question more often: a larger count is something else."""


def read_votes(
    path: str | Path, *, classes: Classes | None = None, answers: Sequence[str] | None = None
) -> Votes:
    """Votes from the published dense archive or from a long table.

    Args:
        path: ``.npz``, ``.csv``, ``.tsv`` or ``.parquet``.
        classes: needed where a long table names classes by id or name.
        answers: names of the answers in order, for tables that hold codes 0, 1, …

    Raises:
        FileError: the file is missing, corrupt, a pickle or lacks a column.
        DataError: there is no vote, a rater or question has none, or a value is no answer.
    """
    path = Path(path)
    check_readable(path)
    with prefix_errors_with(path):
        if path.suffix.lower() == ".npz":
            return _read_dense(path, tuple(answers) if answers else ANSWERS)
        return _read_long(path, classes, answers)


def read_gold(path: str | Path, *, classes: Classes | None = None) -> Gold:
    """Gold from a dense archive or from a table ``image,label,expert,answer``.

    Raises:
        FileError: the file is missing, corrupt, a pickle or lacks a column.
        DataError: there is no answer, or one is neither no, maybe nor yes.
    """
    votes = read_votes(path, classes=classes, answers=ANSWERS)
    with prefix_errors_with(Path(path)):
        return Gold(votes)


def write_votes(votes: Votes, path: str | Path) -> None:
    """Write votes as a long table, CSV or parquet by the extension.

    Pairs are written as ``image, label, rater, answer``, other questions as
    ``task, worker, label``. Reading the file gives the same votes.

    Raises:
        FileError: the file cannot be written.
    """
    path = Path(path)
    pairs = votes.questions.pairs
    columns: dict[str, Any]
    raters = votes.rater_ids[votes.rater]
    answers = np.array(votes.answers)[votes.answer]
    if pairs is None:
        columns = {"task": votes.questions.ids[votes.question], "worker": raters, "label": answers}
    else:
        columns = {
            "image": pairs.image_ids[pairs.image[votes.question]],
            "label": pairs.label[votes.question],
            "rater": raters,
            "answer": answers,
        }
    if votes.given_at is not None:
        columns["given_at"] = votes.given_at
    with write_atomically(path) as beside:
        if is_parquet(path):
            write_parquet(beside, columns, {})
        else:
            if votes.given_at is not None:
                texts = np.datetime_as_string(votes.given_at)
                columns["given_at"] = np.where(np.isnat(votes.given_at), "", texts)
            lists = {name: column.tolist() for name, column in columns.items()}
            write_csv(beside, list(columns), lists)


def _read_dense(path: Path, answers: tuple[str, ...]) -> Votes:
    arrays = read_npz(path, ["info", "ids"])
    info = arrays["info"]
    if info.ndim != 2 or info.shape[1] != 2 or info.dtype.kind not in "US":
        raise FileError(
            f"{path}: 'info' has the shape {info.shape} and type {info.dtype}, but must be "
            "[questions, 2] strings: file name and class index."
        )
    image_ids, image = factorize(as_strings(info[:, 0], str(path)).tolist())
    texts = as_strings(info[:, 1], str(path)).tolist()
    label = class_indices(texts, None, f"{path}: 'info'", first_row=0)
    rater_ids = as_strings(arrays["ids"], f"{path}: 'ids'")
    if len(rater_ids) == 0:
        raise DataError(f"{path}: 'ids' names 0 raters, but there must be at least one.")
    question, rater, answer = _read_tensor(path, len(rater_ids), len(info), len(answers))
    return _votes(
        path, Questions.from_pairs(Pairs(image_ids, image, label)), rater_ids, answers,
        question, rater, answer,
    )  # fmt: skip


def _read_tensor(
    path: Path, n_raters: int, n_questions: int, n_answers: int
) -> tuple[Int[np.ndarray, "V"], Int[np.ndarray, "V"], Int[np.ndarray, "V"]]:
    """The votes in ``tensor``, one rater's block in memory at a time."""
    found: list[tuple[Any, Any, Any]] = []
    try:
        with zipfile.ZipFile(path) as archive, archive.open("tensor.npy") as file:
            shape, fortran, dtype = _header(file)
            if dtype.kind not in "fiub" or fortran:
                raise FileError(
                    f"{path}: 'tensor' has the type {dtype}, but must hold counts in C order."
                )
            if shape != (n_raters, n_questions, n_answers):
                raise DataError(
                    f"{path}: 'tensor' has the shape {shape}, but must be "
                    f"{(n_raters, n_questions, n_answers)}: raters as in 'ids', questions as in "
                    "'info', and one place for each answer."
                )
            n_bytes = n_questions * n_answers * dtype.itemsize
            for rater in range(n_raters):
                raw = file.read(n_bytes)
                if len(raw) < n_bytes:
                    raise FileError(f"{path}: 'tensor' ends early; the file is unfinished.")
                block = np.frombuffer(raw, dtype).reshape(n_questions, n_answers)
                found.append(_votes_of_rater(block, rater, path))
    except BROKEN as error:
        raise corrupt_file_error(path, error) from error
    if sum(len(votes[0]) for votes in found) == 0:
        raise DataError(f"{path}: 'tensor' holds 0 votes, but there must be at least one.")
    question, rater_of, answer = (np.concatenate(column) for column in zip(*found, strict=True))
    return question, rater_of, answer


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of the array whose bytes follow."""
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _votes_of_rater(block: Any, rater: int, path: Path) -> tuple[Any, Any, Any]:
    cell = np.flatnonzero(block)
    count = block.reshape(-1)[cell]
    counts_votes = (count >= 0) & (count <= _MOST_VOTES) & (count == np.floor(count))
    if not counts_votes.all():
        wrong = int(np.argmin(counts_votes))
        question, answer = divmod(int(cell[wrong]), block.shape[1])
        raise DataError(
            f"{path}: tensor[{rater}, {question}, {answer}] is {count[wrong]!s}, but must count "
            f"votes: 0, 1, … at most {_MOST_VOTES:,}."
        )
    times = count.astype(np.int64)
    if (times > 1).any():
        cell = np.repeat(cell, times)
    question, answer = np.divmod(cell, block.shape[1])
    return question, np.full(len(cell), rater), answer


def _read_long(path: Path, classes: Classes | None, answers: Sequence[str] | None) -> Votes:
    table = read_table(path)
    rater_ids, rater = factorize(table.texts(table.require(RATER)))
    task = table.find(TASK)
    if task is not None:
        answer_column = table.find(ANSWER) or table.require(CLASS)
        question_ids, question = factorize(table.texts(task))
        questions = Questions(
            question_ids, _pairs_in(question_ids.tolist(), f"{path}: class of question")
        )
    else:
        answer_column = table.require(ANSWER)
        questions, question = _pair_columns(table, path, classes)
    texts, code = factorize(table.texts(answer_column))
    _, first = np.unique(code, return_index=True)
    where = f"{path}: column {answer_column!r}"
    names, order = _answers(texts.tolist(), answers, first.tolist(), where)
    given_at = _times(table)
    return _votes(path, questions, rater_ids, names, question, rater, order[code], given_at)


def _times(table: Table) -> Any:
    """When each vote was given, NaT where the cell is empty; None without such a column."""
    column = table.find(GIVEN_AT)
    if column is None:
        return None
    try:
        return utc_times(table.cells(column))
    except ValueError as error:
        raise DataError(
            f"{table.path}: a time in column {column!r} cannot be read ({error}), but must be such "
            "as 2026-01-31T12:00:00Z. Mend it, or call the column otherwise."
        ) from error


def _pair_columns(
    table: Table, path: Path, classes: Classes | None
) -> tuple[Questions, Int[np.ndarray, "V"]]:
    image_ids, image = factorize(table.texts(table.require(IMAGE)))
    column = table.require(CLASS)
    label = class_indices(table.texts(column), classes, f"{path}: column {column!r}")
    key = pair_keys(image, label, 1 + int(label.max()))
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    by_appearance = np.argsort(first, kind="stable")
    rank = np.empty_like(by_appearance)
    rank[by_appearance] = np.arange(len(by_appearance))
    rows = first[by_appearance]
    pairs = Pairs(image_ids, image[rows], label[rows])
    return Questions.from_pairs(pairs), rank[inverse]


def _pairs_in(question_ids: list[str], where: str) -> Pairs | None:
    """The pairs that ids of the form ``<image>:<class index>`` name; None for other ids."""
    found = [_PAIR.fullmatch(question_id) for question_id in question_ids]
    matches = [match for match in found if match is not None]
    if len(matches) < len(found):
        return None
    image_ids, image = factorize([match[1] for match in matches])
    label = class_indices([match[2] for match in matches], None, where, first_row=0)
    return Pairs(image_ids, image, label)


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


def _votes(
    path: Path,
    questions: Questions,
    rater_ids: Any,
    answers: tuple[str, ...],
    question: Any,
    rater: Any,
    answer: Any,
    given_at: Any = None,
) -> Votes:
    """A record in the order of the questions, with the hash of its file."""
    by_question = np.argsort(question, kind="stable")
    return Votes(
        questions=questions,
        rater_ids=rater_ids,
        answers=answers,
        question=question[by_question].astype(np.int32),
        rater=rater[by_question].astype(np.int32),
        answer=answer[by_question].astype(np.int8 if len(answers) < 128 else np.int32),
        sha256=sha256_of(path),
        given_at=None if given_at is None else given_at[by_question],
    )
