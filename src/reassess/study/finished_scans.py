"""Scans of a study's full scores that outlive a crash, and that several jobs share out.

A finished shard of a scan is kept in a file, which appears last and by rename, under a name that
is the hash of all that decides its content: the file of scores, the rows, the order of the
images, the length of the lists. What was finished before is not done again. The file is never
trusted for anything else, and the folder of scans can be deleted at any time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from reassess.engines import Engine
from reassess.errors import FileError
from reassess.files import write_atomically
from reassess.files.access import read_npz
from reassess.proposals import ListedPairs, Scan, ScanShard
from reassess.study.inputs import digest, digest_of_array

_VERSION = 3
_MADE_FROM = "made_from"
_COLUMNS = ("image", "label", "score")


class ResumingScans:
    """An engine for scans that keeps each finished one in a folder.

    Args:
        engine: where shards that are not there yet are scanned.
        folder: where finished ones are kept.
        sources: the hash of each model's files, by the model's name.
        join: refuse to scan what is not there yet.
    """

    def __init__(
        self, engine: Engine, folder: Path, sources: Mapping[str, str], *, join: bool = False
    ) -> None:
        self._engine = engine
        self._join = join
        self._folder = folder
        self._sources = sources
        self._orders: dict[str, str] = {}
        self.used: set[Path] = set()
        self.n_resumed = 0

    def map(self, function: Callable[[Any], Any], shards: Iterable[Any]) -> Iterator[Any]:
        """Yield each shard's scan in their order, from its file where there is one.

        Raises:
            FileError: a scan is not there, and all must be.
        """
        places = [(shard, self._place(shard)) for shard in shards]
        if self._join:
            self._refuse_missing(places)

        return self._scans(function, places)

    def _scans(
        self, function: Callable[[Any], Any], places: Sequence[tuple[ScanShard, Path]]
    ) -> Iterator[Any]:
        """Files are read and written by this process: no other needs the study's folder."""
        there = {path for _, path in places if path.is_file()}
        scans = self._engine.map(function, (one for one, path in places if path not in there))
        for shard, path in places:
            found = _read(path) if path in there else None
            if found is not None:
                self.n_resumed += 1
            else:  # not there, or of another shard
                found = next(self._engine.map(function, [shard]) if path in there else scans)
                _write(found, path)
            yield found

    def place(self, shards: Iterable[Any]) -> AbstractContextManager[Iterable[Any]]:
        """The shards, kept where they are scanned."""
        return self._engine.place(shards)

    def _refuse_missing(self, places: Sequence[tuple[ScanShard, Path]]) -> None:
        missing = [shard for shard, path in places if _read(path) is None]
        if missing:
            first = missing[0]
            raise FileError(
                f"{self._folder}: the scan of model {first.source.model!r}, rows {first.start:,} "
                f"to {first.stop - 1:,}, is missing or unfinished, but all must be done to be "
                f"joined; {len(missing):,} of {len(places):,} are missing. Run the jobs that make "
                "them (--shard I/N), with the same files and --pairs-per-model, or the command "
                "without --join."
            )

    def _place(self, shard: ScanShard) -> Path:
        model = shard.source.model
        if model not in self._orders:
            kept = shard.source.kept
            of_rows = () if kept is None else (digest_of_array(kept),)
            of_images = digest_of_array(shard.source.image)
            self._orders[model] = digest(of_images, *of_rows) if of_rows else of_images
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
    arrays: dict[str, Any] = {_MADE_FROM: np.array(path.stem), "top": scan.top}
    for kind, pairs in scan.lists.items():
        arrays |= {f"{kind}.{column}": getattr(pairs, column) for column in _COLUMNS}
    with write_atomically(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _read(path: Path) -> Scan | None:
    """The scan in a file; None where there is none, or that of another shard."""
    if not path.is_file():
        return None
    try:
        arrays = read_npz(path)
        if str(arrays.pop(_MADE_FROM)) != path.stem:
            return None
        kinds = dict.fromkeys(name.partition(".")[0] for name in arrays if "." in name)
        lists: Any = {
            kind: ListedPairs(*(arrays[f"{kind}.{column}"] for column in _COLUMNS))
            for kind in kinds
        }
        return Scan(arrays["top"], lists)
    except (FileError, KeyError):
        return None
