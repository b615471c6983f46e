"""Votes as the published dense archive: raters by questions by answers, of counts.

``tensor`` [raters, questions, answers], ``info`` [questions, 2] of image id and class index,
``ids`` of the raters. Votes come by question and the archive goes by rater: counts wait in a
file without a name beside the archive, so that memory grows with neither. Compressed, since nearly
all of it is zeros; `reassess.files.votes` reads it back, rater by rater too.
"""

import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from reassess.errors import DataError
from reassess.files.atomic import write_atomically
from reassess.files.vote_tables import Part
from reassess.records import ANSWERS

_COUNT = np.dtype(np.uint16)


def write_dense_votes(parts: Iterable[Part], path: str | Path) -> int:
    """How many votes were written, as the published archive.

    Args:
        parts: votes; those of one question stand together and in one part.
        path: the file.

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
