"""Finished shards of long work, each in a file: what resumes it, and what joins it.

A shard's file appears last and by rename. It holds its arrays and what they were made from; a
shard that was made from anything else counts as not done, and is refused by name where shards
are only joined. Whether a job of an array, a thread or a cluster made it does not show.

What a shard is stands in `reassess.engines.shards`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reassess.errors import FileError
from reassess.files.access import Array, read_npz, write_atomically

MadeFrom = Mapping[str, str | int | None]
"""What decides a shard's content: a short value, such as a hash, for each thing by its name."""

_MADE_FROM = "made_from"


@dataclass(frozen=True, slots=True)
class FinishedShards:
    """The shards of one piece of work, in a folder.

    Attributes:
        folder: where their files are.
        n_shards: how many there are when all are done.
    """

    folder: Path
    n_shards: int

    def path(self, number: int) -> Path:
        """The file of a shard, numbered from 0; its name counts from 1, as messages do."""
        width = len(str(self.n_shards))
        return self.folder / f"shard-{number + 1:0{width}}-of-{self.n_shards}.npz"

    def read(self, number: int, made_from: MadeFrom) -> dict[str, Array] | None:
        """The arrays of a finished shard; None where it is not done, or made from other things."""
        arrays, reason = self._look(number, made_from)
        return None if reason else arrays

    def require(self, number: int, made_from: MadeFrom) -> dict[str, Array]:
        """The arrays of a shard that must be done.

        Raises:
            FileError: it is missing, unfinished, or made from other things; with its name.
        """
        arrays, reason = self._look(number, made_from)
        if reason:
            raise FileError(reason)
        return arrays

    def write(self, number: int, made_from: MadeFrom, arrays: Mapping[str, Array]) -> None:
        """Keep a finished shard; its file appears whole or not at all.

        Raises:
            FileError: the file cannot be written.
        """
        about = np.array(json.dumps(dict(made_from), sort_keys=True))
        with write_atomically(self.path(number)) as beside, beside.open("wb") as file:
            np.savez(file, allow_pickle=False, **{_MADE_FROM: about}, **arrays)

    def _look(self, number: int, made_from: MadeFrom) -> tuple[dict[str, Array], str]:
        """The arrays of a shard, and why they cannot be used; an empty reason where they can."""
        path = self.path(number)
        if not path.is_file():
            missing = [one for one in range(self.n_shards) if not self.path(one).is_file()]
            return {}, (
                f"{path}: shard {number + 1} of {self.n_shards} is missing, but all must be "
                f"done to be joined; {len(missing):,} are missing. Run the jobs that make them "
                "(--shard I/N), or the command without --join."
            )
        again = "Run the job that makes it again, or delete the file."
        try:
            arrays = read_npz(path)
            found = json.loads(str(arrays.pop(_MADE_FROM)))
        except (FileError, KeyError, ValueError) as error:
            return {}, f"{path}: it is no finished shard ({error}). {again}"
        names = sorted({*found, *made_from})
        other = [name for name in names if found.get(name) != made_from.get(name)]
        if other:
            return {}, (
                f"{path}: shard {number + 1} of {self.n_shards} was made from other "
                f"{' and '.join(other)}, but must be made from those of this command. {again}"
            )
        return arrays, ""
