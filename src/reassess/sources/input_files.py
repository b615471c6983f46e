"""The files that a word of a command line may name: what must not be written over.

Opens no file but a study's manifest, and never fails: a path that is not there, or a study whose
manifest is broken, is refused by whoever reads it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reassess.catalog import ENTRIES, Catalog, is_published
from reassess.errors import ReassessError
from reassess.files.access import exists
from reassess.files.images import SUFFIXES
from reassess.files.label_writers import meta_file
from reassess.files.places import is_same_place
from reassess.files.prediction_forms import prediction_files
from reassess.sources.meaning import is_study, split_source

if TYPE_CHECKING:
    from reassess.study import Study

_SQLITE = "sqlite:///"
_IN_FOLDERS = SUFFIXES | {".tar", ".parquet", ".pq", ".cls"}
"""What is read of a folder of images."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file, or a folder of images, that is there and may be read.

    Attributes:
        path: where it is.
        study: the folder of the study that it belongs to; None for others.
        record: what it holds for the study, as "votes" or "labels"; None for what only the study
            itself may write.
    """

    path: Path
    study: Path | None = None
    record: str | None = None

    def is_at(self, path: Path) -> bool:
        """Whether what is written to a path would take its place, or that of a file in it."""
        if is_same_place(path, self.path):
            return True
        if self.study is not None or not self.path.is_dir() or not path.is_file():
            return False
        inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.path))
        is_read = path.suffix.lower() in _IN_FOLDERS or path.name == "labels.csv"
        return inside and is_read

    def is_inside(self, folder: Path) -> bool:
        """Whether it is a folder, or lies in it."""
        return Path(os.path.realpath(self.path)).is_relative_to(os.path.realpath(folder))


def input_files(given: str) -> Iterator[InputFile]:
    """The files that a word may mean, read along or in a study, as far as they are there.

    Args:
        given: a path, ``NAME=FILE#MODEL``, ``A.npy:B.npy``, a study, a published name or the URL
            of an SQLite database.
    """
    if given.startswith(_SQLITE):
        yield from _database(Path(given.removeprefix(_SQLITE)))
        return
    for place in dict.fromkeys((given, split_source(given)[1])):
        for path in prediction_files(place):
            if not exists(path):
                continue
            yield InputFile(path)
            if path.is_file() and exists(meta_file(path)):
                yield InputFile(meta_file(path))
        if is_study(place):
            yield from _files_of_study(Path(place))
        elif is_published(place) and not exists(Path(place)):
            yield from _published_files()


def _published_files() -> Iterator[InputFile]:
    """All of the catalogue: labels bring their benchmark along."""
    folder = Catalog.default().folder
    for one in ENTRIES:
        yield from (InputFile(folder / path) for path in one.paths if exists(folder / path))


def _database(path: Path) -> Iterator[InputFile]:
    for suffix in ("", "-wal", "-shm"):
        beside = Path(f"{path}{suffix}")
        if exists(beside):
            yield InputFile(beside)


def _files_of_study(folder: Path) -> Iterator[InputFile]:
    from reassess.study import open_study
    from reassess.study.inputs import named_files
    from reassess.study.manifest import FILE_NAME

    yield InputFile(folder / FILE_NAME, folder)
    try:
        study = open_study(folder)
    except ReassessError:
        return
    for one in named_files(study):
        if one.path.is_dir():
            yield InputFile(one.path)
        elif exists(one.path):
            yield InputFile(one.path, folder, _record(one.keys))
    for path, record in _own_files(study):
        if exists(path):
            yield InputFile(path, folder, record)
    yield from _database(study.folder / "rating.db")
    if (study.database or "").startswith(_SQLITE):
        yield from _database(Path(str(study.database).removeprefix(_SQLITE)))


def _record(keys: tuple[str | int, ...]) -> str | None:
    """What a file that the manifest names holds, where a command may write it."""
    if keys == ("votes", "file"):
        return "votes"
    return str(keys[-1]) if keys[-1] in {"gold", "adjudications"} else None


def _own_files(study: "Study") -> Iterator[tuple[Path, str | None]]:
    """What stages and the site write, and what it holds."""
    from reassess.study import FILES, votes_file
    from reassess.study.artefacts import BOOKKEEPING

    for record, name in FILES.items():
        yield study.folder / name, record
    votes = votes_file(study)
    if votes is not None:
        yield votes, "votes"
    for record in ("gold", "adjudications"):
        yield study.folder / f"{record}.csv", record
    for name in BOOKKEEPING:
        yield study.folder / name, None
