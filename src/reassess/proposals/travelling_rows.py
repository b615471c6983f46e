"""Rows of full scores on their way to another process: of a file its path, of memory the rows.

A node that sees the file under the same path reads it there, so that scores larger than memory
need not pass through the process that asks. What the file was is checked, not assumed.
"""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reassess.errors import FileError
from reassess.records import ScoreMatrix


@dataclass(frozen=True, slots=True)
class FileRows:
    """Rows of an array in a file.

    Attributes:
        path: the file, as every node must see it.
        offset: where the first of the rows begins, in bytes.
        shape: rows and columns.
        dtype: of a score.
        n_bytes: the file's size.
        changed_ns: when it was changed last.
    """

    path: str
    offset: int
    shape: tuple[int, int]
    dtype: str
    n_bytes: int
    changed_ns: int

    def open(self) -> Float[np.ndarray, "n K"]:
        """The rows, mapped.

        Raises:
            FileError: this node does not see the file, or sees another.
        """
        try:
            found = Path(self.path).stat()
        except OSError:
            found = None
        if found is None or (found.st_size, found.st_mtime_ns) != (self.n_bytes, self.changed_ns):
            what = "is missing" if found is None else "is another file"
            raise FileError(
                f"{self.path}: on the node {platform.node()} it {what}, but every node must see "
                "the files of scores under the same path. Put the study on storage that they share."
            )
        return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)


@dataclass(frozen=True, slots=True)
class TravellingRows:
    """Some rows of a model's full scores, without the rest.

    Attributes:
        model: the model's name.
        image_ids: the images of the rows, in their order.
        scores: the rows, or where they lie.
        kept: of rows in a file those that are meant; None for all.
        score_type: what the scores are.
    """

    model: str
    image_ids: Any
    scores: Any
    kept: Int[np.ndarray, "n"] | None
    score_type: Any

    @classmethod
    def of(cls, source: ScoreMatrix, start: int, stop: int) -> "TravellingRows":
        """Rows ``start`` to ``stop`` of full scores."""
        ids = source.image_ids[source.image[start:stop]]
        kept = None if source.kept is None else source.kept[start:stop]
        first, last = (start, stop) if kept is None else (int(kept[0]), int(kept[-1]) + 1)
        rows = source.scores[first:last]
        scores: Any = _where(source.scores, first, last)
        if scores is None:
            scores = np.asarray(rows if kept is None else rows[kept - first])
            kept = None
        elif kept is not None:
            kept = kept - first
        return cls(source.model, ids, scores, kept, source.score_type)

    def open(self) -> ScoreMatrix:
        """The rows as full scores of their images alone.

        Raises:
            FileError: this node does not see the file.
        """
        scores = self.scores.open() if isinstance(self.scores, FileRows) else self.scores
        image = np.arange(len(self.image_ids))
        return ScoreMatrix(self.model, self.image_ids, image, scores, self.score_type, self.kept)


def _where(scores: Any, first: int, last: int) -> FileRows | None:
    """Where rows lie in the file that is mapped whole; None for scores in memory."""
    on_disk = isinstance(scores, np.memmap) and not isinstance(scores.base, np.ndarray)
    if not on_disk or not scores.flags.c_contiguous or scores.filename is None:
        return None
    found = Path(scores.filename).resolve().stat()
    n_columns = scores.shape[1]
    return FileRows(
        str(Path(scores.filename).resolve()),
        int(scores.offset) + first * n_columns * scores.dtype.itemsize,
        (last - first, n_columns), scores.dtype.str, found.st_size, found.st_mtime_ns,
    )  # fmt: skip
