"""A fit that outlives a crash: its state in a file, good for the same votes and options only.

The state is small: expected counts, and how the objective went. What follows from it is what
would have followed without a crash, to the last byte. Does not fit: `reassess.aggregation.em` does.
"""

import hashlib
import time
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from reassess.errors import FileError
from reassess.files import write_atomically
from reassess.files.access import read_npz

SECONDS = 5.0
"""Between two writes; a fit that takes less leaves no file, and costs nothing more."""

_MADE_FROM = "made_from"


@dataclass
class FitState:
    """How far a fit is, after a whole number of iterations.

    Attributes:
        counts: expected answers of each rater for each truth.
        mass: expected number of questions of each truth.
        log_likelihoods: before each iteration.
        objectives: likewise.
        strength: how strong the pooled prior was; None where there is none.
    """

    counts: Float[np.ndarray, "R T A"]
    mass: Float[np.ndarray, "T"]
    log_likelihoods: list[float] = field(default_factory=list)
    objectives: list[float] = field(default_factory=list)
    strength: Float[np.ndarray, "T"] | None = None


class FitFile:
    """Where the state of one fit is kept while it runs.

    Args:
        path: the file, ``.npz``.
        seconds: between two writes.
    """

    def __init__(self, path: str | PathLike[str], seconds: float = SECONDS) -> None:
        self._path = Path(path)
        self._seconds = seconds
        self._last = time.monotonic()
        self._made_from: str | None = None

    def read(self, *decided_by: Any) -> FitState | None:
        """The state of an unfinished fit; None where there is none, or that of another.

        Args:
            decided_by: all that decides the fit: arrays, numbers and words.
        """
        self._decided_by, self._made_from = decided_by, None
        if not self._path.is_file():
            return None
        try:
            arrays = read_npz(self._path)
            if str(arrays[_MADE_FROM]) != self._hash():
                return None
            return FitState(
                arrays["counts"], arrays["mass"],
                arrays["log_likelihoods"].tolist(), arrays["objectives"].tolist(),
                arrays["strength"] if len(arrays["strength"]) else None,
            )  # fmt: skip
        except (FileError, KeyError):
            return None

    def write(self, state: FitState) -> None:
        """Keep the state, if the last write was long enough ago.

        Raises:
            FileError: the file cannot be written.
        """
        if time.monotonic() - self._last < self._seconds:
            return
        with write_atomically(self._path) as beside, beside.open("wb") as file:
            np.savez(
                file, allow_pickle=False, counts=state.counts, mass=state.mass,
                log_likelihoods=np.array(state.log_likelihoods),
                objectives=np.array(state.objectives),
                strength=np.empty(0) if state.strength is None else state.strength,
                made_from=np.array(self._hash()),
            )  # fmt: skip
        self._last = time.monotonic()

    def remove(self) -> None:
        """Remove the file, when what was made of the fit has been written."""
        self._path.unlink(missing_ok=True)

    def _hash(self) -> str:
        """Of all that decides the fit; only made where there is a file, or will be."""
        if self._made_from is None:
            found = hashlib.blake2b(digest_size=16)
            for one in self._decided_by:
                if isinstance(one, np.ndarray):
                    found.update(f"{one.dtype} {one.shape}".encode())
                    found.update(np.ascontiguousarray(one).data)
                else:
                    found.update(repr(one).encode())
            self._made_from = found.hexdigest()
        return self._made_from
