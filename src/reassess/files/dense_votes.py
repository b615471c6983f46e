"""Votes as the published dense archive: raters by questions by answers, of counts.

``tensor`` [raters, questions, answers], ``info`` [questions, 2] of image id and class index,
``ids`` of the raters; ours also has ``class_ids``, where they are known. The published tensor is
377 MB when unpacked, nearly all of it zeros, so it is read rater by rater. Votes come by question
and the archive goes by rater: counts wait in a file without a name beside the archive, so that
memory grows with neither.
"""

import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import DataError, FileError
from reassess.files.access import BROKEN, as_strings, corrupt_file_error, read_npz, write_atomically
from reassess.files.class_words import class_indices
from reassess.files.declared_answers import DeclaredAnswers, ours_in_order
from reassess.files.vote_tables import Part
from reassess.records import ANSWERS, Classes, Pairs, Questions, Votes, factorize
from reassess.records.benchmark import plain_text

_COUNT = np.dtype(np.uint16)
_CLASS_IDS = "class_ids"
_MOST_VOTES = 1000
"""No rater answers one question more often: a larger count is something else."""


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
    question, rater, answer = _read_tensor(path, len(rater_ids), len(pairs), len(names))
    order = np.argsort(question, kind="stable")
    places = ours_in_order(names, str(path))
    if places is not None:
        names, answer = ANSWERS, np.array(places)[answer]
    return Votes(
        questions=Questions.from_pairs(pairs),
        rater_ids=rater_ids,
        answers=names,
        question=question[order].astype(np.int32),
        rater=rater[order].astype(np.int32),
        answer=answer[order].astype(np.int8 if len(names) < 128 else np.int32),
    )


def read_dense_pairs(path: Path) -> Pairs:
    """What the questions of the published archive are about; their votes are not read.

    Raises:
        FileError: the file is missing or corrupt, or ``info`` is of another form.
        DataError: a class is no index, or a pair repeats.
    """
    arrays = read_npz(path, ["info", *_class_ids_in(path)])
    info = arrays["info"]
    if info.ndim != 2 or info.shape[1] != 2 or info.dtype.kind not in "US":
        raise FileError(
            f"{path}: 'info' has the shape {info.shape} and type {info.dtype}, but must be "
            "[questions, 2] strings: file name and class index."
        )
    image_ids, image = _plain(factorize(as_strings(info[:, 0], str(path)).tolist()))
    texts = as_strings(info[:, 1], str(path)).tolist()
    label = class_indices(texts, None, f"{path}: 'info'", labels_are="index", first_row=0)
    stated = arrays.get(_CLASS_IDS)
    class_ids = None if stated is None else tuple(as_strings(stated, str(path)).tolist())
    return Pairs(image_ids, image, label, class_ids)


def _plain(
    coded: tuple[Shaped[np.ndarray, "n"], Int[np.ndarray, "V"]],
) -> tuple[Shaped[np.ndarray, "m"], Int[np.ndarray, "V"]]:
    """Distinct ids without blanks around them and in NFC, and the new code of each value."""
    ids, place = factorize([plain_text(one) for one in coded[0].tolist()])
    return ids, place[coded[1]]


def _class_ids_in(path: Path) -> list[str]:
    """The array of class ids, if the archive has it: the published one has not."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [_CLASS_IDS] if f"{_CLASS_IDS}.npy" in archive.namelist() else []
    except BROKEN:
        return []  # whoever reads on says so


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
        _write_array(archive, "tensor", waiting.tensor_shape, waiting.tensor())
        _write_array(archive, "info", (waiting.n_questions, 2), waiting.info())
        _write_array(archive, "ids", ids.shape, iter([ids]))
        if waiting.class_ids:
            last = max(waiting.class_ids)
            names = np.array([waiting.class_ids.get(one, "") for one in range(last + 1)])
            _write_array(archive, _CLASS_IDS, names.shape, iter([names]))
    return n_votes


@dataclass(frozen=True, slots=True)
class _Block:
    """Where the counts [raters so far, questions, answers] of a part lie, then its ``info``."""

    place: int
    n_raters: int
    n_questions: int
    name: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """Bytes of one rater's counts."""
        return self.n_questions * len(ANSWERS) * _COUNT.itemsize


class _Waiting:
    """Counts and names in a scratch file, put down by question and taken up by rater."""

    def __init__(self, scratch: IO[bytes]) -> None:
        self._scratch = scratch
        self._blocks: list[_Block] = []
        self._most = 0
        self.rater: dict[str, int] = {}
        self.class_ids: dict[int, str] = {}
        self.n_questions = 0

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """[raters, questions, answers]."""
        return (len(self.rater), self.n_questions, len(ANSWERS))

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
        shape = (len(self.rater), int(question[-1]) + 1, len(ANSWERS))
        cell = np.ravel_multi_index((np.array(numbers)[code], question, part["answer"]), shape)
        counts = np.bincount(cell, minlength=int(np.prod(shape)))
        info = np.stack([image[is_new], label[is_new].astype(str)], axis=1)
        self._most = max(self._most, int(counts.max()))
        self._blocks.append(_Block(self._scratch.tell(), shape[0], shape[1], info.dtype))
        self._scratch.write(counts.astype(_COUNT).tobytes())
        self._scratch.write(info.tobytes())
        self.n_questions += shape[1]
        return len(image)

    def tensor(self) -> Iterator[np.ndarray[Any, np.dtype[Any]]]:
        """The counts, rater by rater, each in the order of the questions."""
        dtype = np.min_scalar_type(self._most)
        for rater in range(len(self.rater)):
            for block in self._blocks:
                if rater >= block.n_raters:  # a rater who came later
                    yield np.zeros(block.n_questions * len(ANSWERS), dtype)
                    continue
                self._scratch.seek(block.place + rater * block.n_bytes)
                yield np.frombuffer(self._scratch.read(block.n_bytes), _COUNT).astype(dtype)

    def info(self) -> Iterator[np.ndarray[Any, np.dtype[Any]]]:
        """Image id and class index of the questions, in their order."""
        dtype = np.result_type(*{block.name for block in self._blocks})
        for block in self._blocks:
            self._scratch.seek(block.place + block.n_raters * block.n_bytes)
            raw = self._scratch.read(block.n_questions * 2 * block.name.itemsize)
            yield np.frombuffer(raw, block.name).astype(dtype)


def _write_array(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    pieces: Iterator[np.ndarray[Any, np.dtype[Any]]],
) -> None:
    """Write an array that comes in pieces, at least one, in the order of its rows."""
    first = next(pieces)
    header: dict[str, Any] = {
        "descr": np.lib.format.dtype_to_descr(first.dtype),
        "fortran_order": False,
        "shape": shape,
    }
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(first.tobytes())
        for piece in pieces:
            file.write(piece.tobytes())
