"""Votes as the published dense archive: raters by questions by answers, of counts.

``tensor`` [raters, questions, answers], ``info`` [questions, 2] of image id and class index,
``ids`` of the raters. Written rater by rater and compressed, since nearly all of it is zeros;
`reassess.files.votes` reads it back, rater by rater too.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import DataError
from reassess.files.atomic import write_atomically
from reassess.records import Votes


def write_dense_votes(votes: Votes, path: str | Path) -> None:
    """Write votes about (image, class) pairs as the published archive.

    Raises:
        DataError: the questions are about no pairs.
        FileError: the file cannot be written.
    """
    pairs = votes.questions.pairs
    if pairs is None:
        raise DataError(
            f"{path}: the questions name no image and class, but the archive holds both. Write a "
            "table instead."
        )
    info = np.stack([pairs.image_ids[pairs.image], pairs.label.astype(str)], axis=1)
    with (
        write_atomically(path) as beside,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        _write_tensor(votes, archive)
        for name, array in (("info", info), ("ids", votes.rater_ids)):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def _write_tensor(votes: Votes, archive: zipfile.ZipFile) -> None:
    n_cells = len(votes.questions) * len(votes.answers)
    cell = votes.question.astype(np.int64) * len(votes.answers) + votes.answer
    order = np.lexsort((cell, votes.rater))
    ends = np.searchsorted(votes.rater[order], np.arange(len(votes.rater_ids) + 1))
    both = np.stack([votes.rater[order], cell[order]], axis=1)
    most = int(np.unique(both, axis=0, return_counts=True)[1].max())
    dtype = np.min_scalar_type(most)
    header: dict[str, Any] = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (len(votes.rater_ids), len(votes.questions), len(votes.answers)),
    }
    with archive.open("tensor.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            counts = np.bincount(cell[order[start:end]], minlength=n_cells)
            file.write(counts.astype(dtype).tobytes())
