"""Scans of full scores that are kept: what was finished before a crash is not done again.

A finished shard's file appears last and by rename, under a name that is the hash of all that
decides its content: the file of scores, the rows, the order of the images, the length of the
lists. The file is never trusted for anything else, and the folder can be deleted at any time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reassess.engines import Engine
from reassess.errors import FileError
from reassess.files import write_atomically
from reassess.files.access import read_npz
from reassess.proposals import ListedPairs, Scan, ScanShard
from reassess.study.inputs import digest, digest_of_array

_VERSION = 1
_COLUMNS = ("image", "label", "score")


class ResumingScans:
    """An engine for scans that keeps each finished one in a folder.

    Args:
        engine: where shards that are not there yet are scanned.
        folder: where finished ones are kept.
        sources: the hash of each model's files, by the model's name.
    """

    def __init__(self, engine: Engine, folder: Path, sources: Mapping[str, str]) -> None:
        self._engine = engine
        self._folder = folder
        self._sources = sources
        self._orders: dict[str, str] = {}
        self.used: set[Path] = set()
        self.n_resumed = 0

    def map(self, function: Callable[[Any], Any], shards: Iterable[Any]) -> Iterator[Any]:
        """Yield each shard's scan in their order, from its file where there is one."""
        places = [(shard, self._place(shard)) for shard in shards]

        def of(place: tuple[ScanShard, Path]) -> Any:
            shard, path = place
            found = _read(path) if path.is_file() else None
            if found is not None:
                self.n_resumed += 1
                return found
            found = function(shard)
            _write(found, path)
            return found

        return self._engine.map(of, places)

    def _place(self, shard: ScanShard) -> Path:
        model = shard.source.model
        if model not in self._orders:
            self._orders[model] = digest_of_array(shard.source.image)
        name = digest(
            _VERSION, self._sources[model], self._orders[model], shard.start, shard.stop,
            shard.n_listed, shard.source.score_type,
        )  # fmt: skip
        path = self._folder / f"{name}.npz"
        self.used.add(path)
        return path

    def finish(self) -> None:
        """Remove the scans that no present model needs."""
        for path in self._folder.glob("*.npz"):
            if path not in self.used:
                path.unlink(missing_ok=True)


def _write(scan: Scan, path: Path) -> None:
    arrays: dict[str, Any] = {"top": scan.top}
    for kind, pairs in scan.lists.items():
        arrays |= {f"{kind}.{column}": getattr(pairs, column) for column in _COLUMNS}
    with write_atomically(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _read(path: Path) -> Scan | None:
    """The scan in a file; None for a file that is none, which is then written again."""
    try:
        arrays = read_npz(path)
        kinds = dict.fromkeys(name.partition(".")[0] for name in arrays if "." in name)
        lists: Any = {
            kind: ListedPairs(*(arrays[f"{kind}.{column}"] for column in _COLUMNS))
            for kind in kinds
        }
        return Scan(arrays["top"], lists)
    except (FileError, KeyError):
        return None
