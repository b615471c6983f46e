"""Votes as the published dense archive: raters by questions by answers, of counts.

``tensor`` [raters, questions, answers], ``info`` [questions, 2] of image id and class index,
``ids`` of the raters; ours also has ``class_ids``, where they are known. The published tensor is
377 MB when unpacked, nearly all of it zeros, so it is read some questions of a rater at a time.
Votes come by rater and are held by question, or the other way round: in between they wait in a file
without a name, so that memory grows with neither.
"""

import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Int, Shaped, UInt

from reassess.errors import DataError, FileError
from reassess.files.access import (
    BROKEN,
    Array,
    as_strings,
    corrupt_file_error,
    read_npz,
    write_atomically,
)
from reassess.files.array_archives import ArrayBlocks, write_array
from reassess.files.declared_answers import DeclaredAnswers, ours_in_order
from reassess.files.dense_questions import CLASS_IDS, array_header, read_dense_pairs
from reassess.files.vote_tables import Part
from reassess.records import ANSWERS, Classes, Questions, Votes
from reassess.records.benchmark import plain_text

_CELL = np.dtype(np.int32)
_COUNT = np.dtype(np.uint16)
_MOST_VOTES = 1000
"""No rater answers one question more often: a larger count is something else."""

_CELLS_AT_ONCE = 1 << 21


def read_dense_votes(
    path: Path,
    *,
    classes: Classes | None = None,  # noqa: ARG001 -- the archive holds indices
    answers: DeclaredAnswers | None = None,
) -> Votes:
    """Votes from the published archive; see `reassess.files.votes.ReadVotes`.

    Raises:
        FileError: the file is missing or corrupt, or an array is of another form.
        DataError: there is no vote or rater, or arrays do not fit together.
    """
    names = ANSWERS if answers is None or isinstance(answers, Mapping) else tuple(answers)
    pairs = read_dense_pairs(path)
    ids = read_npz(path, ["ids"])["ids"]
    rater_ids = np.array([plain_text(one) for one in as_strings(ids, f"{path}: 'ids'")])
    if len(rater_ids) == 0:
        raise DataError(f"{path}: 'ids' names 0 raters, but there must be at least one.")
    shape = (len(rater_ids), len(pairs), len(names))
    places = ours_in_order(names, str(path))
    if places is not None:
        names = ANSWERS
    with tempfile.TemporaryFile() as scratch:
        votes = _VotesByRater(scratch, shape[1], len(rater_ids) * len(names))
        for rater, question, answer in _votes_in_tensor(path, shape):
            found = answer if places is None else np.array(places)[answer]
            votes.add(question, rater * len(names) + found)
        if not votes.lengths:
            raise DataError(f"{path}: 'tensor' holds 0 votes, but there must be at least one.")
        indptr, code = votes.by_question()
    return Votes.from_grouped(
        questions=Questions.from_pairs(pairs), rater_ids=rater_ids, answers=names,
        indptr=indptr, code=code,
    ).checked()  # fmt: skip


class _VotesByRater:
    """Votes in a file, put down by rater and taken up by question.

    Args:
        scratch: the file, empty.
        n_questions: how many questions there are.
        n_codes: one more than the largest code of a rater and an answer.

    Attributes:
        lengths: how many votes were put down each time.
    """

    def __init__(self, scratch: IO[bytes], n_questions: int, n_codes: int) -> None:
        self._scratch = scratch
        self._kind = np.min_scalar_type(n_codes - 1)
        self._n_votes = np.zeros(n_questions + 1, np.int32)  # after a 0
        self.lengths: list[int] = []

    def add(self, question: Int[np.ndarray, "n"], code: Int[np.ndarray, "n"]) -> None:
        """Put down votes, whose questions rise."""
        if not len(question):
            return
        asked, _, n = _runs(question)
        self._n_votes[1 + asked] += n
        self._scratch.write(question.astype(np.int32).tobytes())
        self._scratch.write(code.astype(self._kind).tobytes())
        self.lengths.append(len(question))

    def by_question(self) -> tuple[Int[np.ndarray, "ends"], UInt[np.ndarray, "V"]]:
        """Where the votes of each question begin and end, and their codes, by rater in each."""
        wide = sum(self.lengths) >= 1 << 31
        indptr = np.cumsum(self._n_votes, dtype=np.int64 if wide else np.int32)
        place, codes = indptr[:-1].copy(), np.empty(int(indptr[-1]), self._kind)
        self._scratch.seek(0)
        for length in self.lengths:
            question = np.frombuffer(self._scratch.read(4 * length), np.int32)
            code = np.frombuffer(self._scratch.read(self._kind.itemsize * length), self._kind)
            asked, rank, n = _runs(question)
            codes[place[question] + rank] = code
            place[asked] += n
        return indptr, codes


def _runs(
    rising: Int[np.ndarray, "n"],
) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "n"], Int[np.ndarray, "m"]]:
    """The distinct of rising numbers, each one's place among its equals, and how many these are."""
    first = np.flatnonzero(np.append(True, rising[1:] != rising[:-1]))
    n = np.diff(np.append(first, len(rising)))
    return rising[first], np.arange(len(rising)) - np.repeat(first, n), n


def _votes_in_tensor(
    path: Path, shape: tuple[int, int, int]
) -> Iterator[tuple[int, Int[np.ndarray, "n"], Int[np.ndarray, "n"]]]:
    """Rater, questions and answers of the votes in ``tensor``, some questions of a rater at once.

    Raises:
        FileError: the file is corrupt, or the array holds no counts.
        DataError: the array has another shape, or a cell is no count.
    """
    n_raters, n_questions, n_answers = shape
    try:
        with zipfile.ZipFile(path) as archive, archive.open("tensor.npy") as file:
            found, fortran, dtype = array_header(file)
            if dtype.kind not in "fiub" or fortran:
                raise FileError(
                    f"{path}: 'tensor' has the type {dtype}, but must hold counts in C order."
                )
            if found != shape:
                raise DataError(
                    f"{path}: 'tensor' has the shape {found}, but must be "
                    f"{shape}: raters as in 'ids', questions as in "
                    "'info', and one place for each answer."
                )
            step = max(1, _CELLS_AT_ONCE // n_answers)
            for rater in range(n_raters):
                for start in range(0, n_questions, step):
                    n = min(step, n_questions - start)
                    n_bytes = n * n_answers * dtype.itemsize
                    raw = file.read(n_bytes)
                    if len(raw) < n_bytes:
                        raise FileError(f"{path}: 'tensor' ends early; the file is unfinished.")
                    block = np.frombuffer(raw, dtype).reshape(n, n_answers)
                    yield rater, *_votes_of_rater(block, rater, start, path)
    except BROKEN as error:
        raise corrupt_file_error(path, error) from error


def _votes_of_rater(
    block: Any, rater: int, start: int, path: Path
) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Questions and answers of a rater's votes, from the counts of questions from ``start`` on."""
    cell = np.flatnonzero(block)
    count = block.reshape(-1)[cell]
    counts_votes = (count >= 0) & (count <= _MOST_VOTES) & (count == np.floor(count))
    if not counts_votes.all():
        wrong = int(np.argmin(counts_votes))
        question, answer = divmod(int(cell[wrong]), block.shape[1])
        raise DataError(
            f"{path}: tensor[{rater}, {start + question}, {answer}] is {count[wrong]!s}, but must "
            f"count votes: 0, 1, … at most {_MOST_VOTES:,}."
        )
    times = count.astype(np.int64)
    if (times > 1).any():
        cell = np.repeat(cell, times)
    question, answer = np.divmod(cell, block.shape[1])
    return start + question, answer


def write_dense_votes(
    parts: Iterable[Part],
    path: Path,
    *,
    classes: Classes | None = None,  # noqa: ARG001 -- the archive holds indices
    answers: Sequence[str] = ANSWERS,  # noqa: ARG001 -- it holds no names either
) -> int:
    """Write the published archive; see `reassess.files.votes.WriteVotes`.

    Raises:
        FileError: the file cannot be written.
        DataError: there is no vote.
    """
    with (
        write_atomically(path) as beside,
        tempfile.TemporaryFile(dir=beside.parent) as scratch,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        waiting = _Waiting(scratch)
        n_votes = sum(waiting.add(part) for part in parts)
        if n_votes == 0:
            raise DataError(
                f"{path}: there are 0 votes to write, but there must be at least one. Ask raters "
                "first."
            )
        ids = np.array(list(waiting.rater))
        write_array(archive, "tensor", waiting.tensor())
        write_array(archive, "info", waiting.info())
        write_array(archive, "ids", ids)
        if waiting.class_ids:
            last = max(waiting.class_ids)
            names = np.array([waiting.class_ids.get(one, "") for one in range(last + 1)])
            write_array(archive, CLASS_IDS, names)
    return n_votes


@dataclass(frozen=True, slots=True)
class _Block:
    """Where the counts of a part lie, rater by rater: cells, then counts; at the end its ``info``.

    Attributes:
        place: where it begins.
        ends: where the counts of each rater so far begin and end among them.
        n_questions: how many questions the part asks.
        name: the type of ``info``.
    """

    place: int
    ends: Int[np.ndarray, "ends"]
    n_questions: int
    name: np.dtype[Any]


class _Waiting:
    """Counts and names in a scratch file, put down by question and taken up by rater."""

    def __init__(self, scratch: IO[bytes]) -> None:
        self._scratch = scratch
        self._blocks: list[_Block] = []
        self._most = 0
        self.rater: dict[str, int] = {}
        self.class_ids: dict[int, str] = {}
        self.n_questions = 0

    def add(self, part: Part) -> int:
        """How many votes the part has; they are put down."""
        image, label = part["image"], part["label"]
        if len(image) == 0:
            return 0
        is_new = np.append(True, (image[1:] != image[:-1]) | (label[1:] != label[:-1]))
        question = np.cumsum(is_new) - 1
        if "class_id" in part:
            classes, first = np.unique(label, return_index=True)
            named = part["class_id"][first].tolist()
            self.class_ids |= dict(zip(classes.tolist(), named, strict=True))
        names, code = np.unique(part["rater"], return_inverse=True)
        numbers = [self.rater.setdefault(name, len(self.rater)) for name in names.tolist()]
        n_cells = (int(question[-1]) + 1) * len(ANSWERS)
        cell = question * len(ANSWERS) + part["answer"]
        filled, count = np.unique(np.array(numbers)[code] * n_cells + cell, return_counts=True)
        rater, cell = np.divmod(filled, n_cells)
        info = np.stack([_of_one_width(image[is_new]), label[is_new].astype(str)], axis=1)
        self._most = max(self._most, int(count.max()))
        ends = np.searchsorted(rater, np.arange(len(self.rater) + 1))
        self._blocks.append(_Block(self._scratch.tell(), ends, int(question[-1]) + 1, info.dtype))
        self._scratch.write(cell.astype(_CELL).tobytes())
        self._scratch.write(count.astype(_COUNT).tobytes())
        self._scratch.write(info.tobytes())
        self.n_questions += int(question[-1]) + 1
        return len(image)

    def _read(self, place: int, dtype: np.dtype[Any], n: int) -> Array:
        self._scratch.seek(place)
        return np.frombuffer(self._scratch.read(n * dtype.itemsize), dtype)

    def tensor(self) -> ArrayBlocks:
        """The counts [raters, questions, answers]."""
        shape = len(self.rater), self.n_questions, len(ANSWERS)
        return ArrayBlocks(np.min_scalar_type(self._most), shape, self._counts)

    def info(self) -> ArrayBlocks:
        """Image id and class index of the questions [questions, 2], in their order."""
        dtype = np.result_type(*{block.name for block in self._blocks})
        return ArrayBlocks(dtype, (self.n_questions, 2), self._names)

    def _counts(self) -> Iterator[Array]:
        """The counts, rater by rater, each in the order of the questions."""
        dtype = np.min_scalar_type(self._most)
        for rater in range(len(self.rater)):
            for block in self._blocks:
                counts = np.zeros(block.n_questions * len(ANSWERS), dtype)
                if rater + 1 < len(block.ends):  # else one who came later
                    start, end = block.ends[rater : rater + 2].tolist()
                    after = block.place + _CELL.itemsize * int(block.ends[-1])
                    cell = self._read(block.place + _CELL.itemsize * start, _CELL, end - start)
                    counts[cell] = self._read(after + _COUNT.itemsize * start, _COUNT, end - start)
                yield counts

    def _names(self) -> Iterator[Array]:
        for block in self._blocks:
            n_bytes = (_CELL.itemsize + _COUNT.itemsize) * int(block.ends[-1])
            yield self._read(block.place + n_bytes, block.name, 2 * block.n_questions)


def _of_one_width(texts: Shaped[np.ndarray, "n"]) -> Shaped[np.ndarray, "n"]:
    """Texts as the file holds them, in cells of the width of the longest."""
    if texts.dtype.kind == "U":
        return texts
    return texts.astype(f"U{max(1, int(np.strings.str_len(texts).max(initial=1)))}")
