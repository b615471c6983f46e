"""A study in one archive, so that people can go on with it on another machine.

Files that the manifest names outside the study's folder come into it; the manifest in the archive
names them there. The database comes as a copy of one moment, also while people rate. What can be
made again, and what belongs to one machine, stays behind: the cache, the secret of cookies, git.
"""

import shlex
import shutil
import tarfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from reassess.errors import FileError, OptionError, preview
from reassess.files import write_atomically
from reassess.files.remote_images import RemoteImages
from reassess.notes import note
from reassess.progress import Progress, null_progress
from reassess.rating.backup import copy_sqlite
from reassess.rating.database import Database
from reassess.site.kept import KEPT
from reassess.site.store import DATABASE, database_url, has_store
from reassess.study import (
    Study,
    change_settings,
    images_folder,
    kept_in_study,
    locate,
    named_files,
    open_study,
)
from reassess.study.inputs import CACHE, NamedFile, missing_files, source_of

_STAYS = {CACHE, KEPT, ".git"}
_EXPORTED = "exported.json"
"""Of the folder `KEPT` what says which files an export wrote: that holds of any copy."""

_ENDINGS: dict[str, Literal["w", "w:gz"]] = {".gz": "w:gz", ".tgz": "w:gz", ".tar": "w"}


def bundle_study(
    study: Study,
    path: Path,
    *,
    images: bool = False,
    overwrite: bool = False,
    progress: Progress = null_progress,
) -> Path:
    """The archive that was written: one folder, named as the study's.

    It holds gold, votes with names and hashes of passwords, so that its owner alone can read it.

    Args:
        study: the study; its site may be open.
        path: the archive, .tar or .tar.gz.
        images: whether images outside the study's folder come along.
        overwrite: replace a file that is there.
        progress: told of each step.

    Raises:
        OptionError: the archive is there already, or has another ending.
        FileError: a file that the manifest names is missing, or nothing can be written.
        StoreError: the database is damaged.
    """
    if path.suffix not in _ENDINGS:
        raise OptionError(f"{path}: its ending must be .tar or .tar.gz. Rename it.")
    if path.exists() and not overwrite:
        raise OptionError(f"{path}: it exists. Name another file, or add --overwrite.")
    for one in missing_files(study):
        if images or one.keys[-1] != "images":
            raise FileError(
                f"{study.place(*one.keys)} names {one}, but it is not there. {one.remedy}"
            )
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.absolute().parent, prefix=".bundle-") as beside:
        folder = Path(beside) / study.folder.resolve().name
        progress("copying the folder")
        left = {path.absolute(), Path(beside), *_database_files(study)}
        odd: list[Path] = []
        shutil.copytree(
            study.folder, folder, ignore=lambda at, names: _ignored(at, names, left, odd)
        )
        if odd:
            note(
                f"{study.folder}: {preview(map(str, odd), 4)} stay behind, as they are broken or "
                "circular links, or no plain files."
            )
        exported = study.folder / KEPT / _EXPORTED
        if exported.is_file():
            (folder / KEPT).mkdir(mode=0o700)
            shutil.copyfile(exported, folder / KEPT / _EXPORTED)
        progress("copying what lies outside")
        moved = _brought_in(study, open_study(folder), images=images)
        if has_store(study):
            progress("copying the votes")
            _copy_store(study, moved)
        progress(f"writing {path.name}")
        with write_atomically(path) as target:
            with tarfile.open(target, _ENDINGS[path.suffix]) as archive:
                archive.add(folder, arcname=folder.name)
            target.chmod(0o600)
    return path


def _ignored(at: str, names: list[str], left: set[Path], odd: list[Path]) -> set[str]:
    """The names in a folder that stay behind; ``odd`` gets those that cannot be copied."""
    here = Path(at).absolute()
    stay = {name for name in names if name in _STAYS or here / name in left}
    odd_here = {name for name in set(names) - stay if not _can_be_copied(here / name)}
    odd += [Path(at) / name for name in sorted(odd_here)]
    return stay | odd_here


def _can_be_copied(path: Path) -> bool:
    """Whether it is a file, or a folder that does not hold itself; a link may lead to either."""
    if path.is_file():
        return True
    is_circular = path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())
    return path.is_dir() and not is_circular


def _database_files(study: Study) -> set[Path]:
    """The study's SQLite database and what stands beside it while it is open."""
    url = database_url(study)
    if not url.startswith("sqlite"):
        return set()
    with closing(Database(url)) as database:
        file = Path(str(database.url.database)).absolute()
    return {file, *(file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal"))}


def _brought_in(study: Study, moved: Study, *, images: bool) -> Study:
    """The copy, whose manifest names files of its own for those that lie outside the study."""
    outside = [one for one in named_files(study) if study.relative(one.path) is None]
    models = {one.entry.name: one.entry for one in outside if one.entry is not None}
    sources = {name: source_of(study, entry)[0] for name, entry in models.items()}
    tables = {
        str(one.keys[1]): one.path
        for one in outside
        if one.keys[0] == "benchmark" and one.keys[1] != "images"
    }
    if sources or tables:
        moved = locate(
            moved, labels=tables.get("labels"), classes=tables.get("classes"),
            hierarchy=tables.get("hierarchy"), predictions=sources, copy=True,
        )  # fmt: skip
    for one in outside:
        if one.entry is None and one.keys[0] != "benchmark":
            moved = _setting_brought_in(moved, one)
    return _images_brought_in(study, moved) if images else moved


def _setting_brought_in(moved: Study, file: NamedFile) -> Study:
    section, key = (str(part) for part in file.keys)
    if file.path.is_dir():
        shutil.copytree(file.path, moved.folder / key)
        return change_settings(moved, section, {key: key})
    return change_settings(moved, section, {key: kept_in_study(moved, file.path, key)})


def _images_brought_in(study: Study, moved: Study) -> Study:
    found = images_folder(study)
    if isinstance(found, RemoteImages):
        note(
            f"{study.folder}: its images are at {found} and are not in the archive. They are "
            "fetched from there wherever the study is unpacked."
        )
    if found is None or isinstance(found, RemoteImages) or study.relative(found) is not None:
        return moved
    place = moved.folder / "images"
    if place.exists():
        raise FileError(
            f"{study.folder / 'images'}: it is there, but the images of {found} would take its "
            "place. Rename it, or bundle without --images."
        )
    shutil.copytree(found, place)
    return locate(moved, images=place)


def _copy_store(study: Study, moved: Study) -> None:
    """Put a copy of the database where the copy of the study looks for it."""
    with closing(Database(database_url(study))) as database:
        if not database.is_sqlite:
            quoted = shlex.quote(str(study.folder))
            note(
                f"{study.folder}: its votes are in PostgreSQL and are not in the archive. Take "
                f"them along: reassess backup {quoted} FILE, and reassess restore."
            )
            return
        source = Path(str(database.url.database))
        copy_sqlite(source, moved.folder / DATABASE, keeps_place=True)
    (moved.folder / DATABASE).chmod(0o600)
    if study.database is not None:
        change_settings(moved, "site", {"database": None})
