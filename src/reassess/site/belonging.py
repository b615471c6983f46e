"""A database and the study that it belongs to: votes of one study never come into another.

A study's folder has an id, made with its first database, and the database has the same. A
database of another id is refused, however many images the two share. A folder that was copied is
another study: it gets an id of its own and keeps the copies of databases that lie in it, but not
a database elsewhere, which is the original's. A folder that was moved is the same.

Databases of earlier versions have no id, and a folder that was made anew, as by unpacking a
`bundle` or from git, has none either. Then the images decide: a database that has one that the
study has not is another study's.
"""

import json
import secrets
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from reassess.errors import DataError
from reassess.files import write_atomically
from reassess.rating import Store, give_to_study, question_table, study_id_of
from reassess.site.kept import KEPT, kept_folder
from reassess.study import Study, read_study_benchmark, without_password

_FILE = "study.json"
_OWN = "Name this study's own (--database, or [site] database in study.toml)."


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a study's folder says of itself.

    Attributes:
        study_id: its id; empty where it has none yet.
        copied_from: id of the study whose folder it was copied from; empty where it was not.
        folder: where it was when it said so.
    """

    study_id: str
    copied_from: str
    folder: str


def check_belongs(study: Study, store: Store, *, create: bool) -> None:
    """Nothing, where a database is the study's; one that is new becomes the study's.

    Args:
        study: the study.
        store: the store in the database.
        create: whether the study and its database may be written: by what loads questions.

    Raises:
        DataError: it is another study's.
        FileError: the study's folder cannot be written.
        StoreError: the database cannot be read or written.
    """
    mark, theirs = _mark_of(study), study_id_of(store)
    is_inside = _lies_inside(study, store)
    if theirs is None:
        if not is_inside or not (study.folder / KEPT).is_dir():
            _check_images(study, store)
    elif theirs != mark.study_id:
        is_copy = theirs == mark.copied_from
        if not is_inside or (mark.study_id and not is_copy):
            raise DataError(_refusal(study, store, is_copy=is_copy))
        if not is_copy:
            _check_images(study, store)
    if create:
        _settle(study, store, mark, theirs)


def take_store(study: Study, store: Store) -> None:
    """Let a database be the study's, whichever it belonged to before.

    Raises:
        FileError: the study's folder cannot be written.
        StoreError: the database cannot be written.
    """
    _settle(study, store, _mark_of(study), study_id_of(store))


def check_backup(
    study: Study,
    path: Path,
    theirs: str | None,
    image_ids: Callable[[], list[str]],
    adopting: str,
) -> None:
    """Nothing, where a backup may take the place of the study's database.

    Args:
        study: the study.
        path: the backup.
        theirs: id of the study that it belongs to; None where it has none.
        image_ids: finds the images in it.
        adopting: the command that takes it all the same, for the error.

    Raises:
        DataError: it is another study's.
    """
    mark = _mark_of(study)
    if theirs is not None and theirs in (mark.study_id, mark.copied_from):
        return
    if theirs is not None and mark.study_id:
        raise DataError(
            f"{path}: the backup is another study's, but must be of {study.folder}; its votes "
            f"would be mixed with this study's. Where it is this one's all the same: {adopting}"
        )
    held = image_ids()
    unknown = _unknown(study, held)
    if unknown:
        raise DataError(
            f"{path}: the backup holds image {unknown[0]}, but must hold images of {study.folder} "
            f"alone; {len(unknown):,} of {len(held):,} are not in it. It is another study's; "
            f"where it is this one's all the same: {adopting}"
        )


def _settle(study: Study, store: Store, mark: _Mark, theirs: str | None) -> None:
    """Give folder and database one id: the folder's, else the database's, else a new one."""
    wanted = mark.study_id or (secrets.token_hex(16) if mark.copied_from else theirs)
    wanted = wanted or secrets.token_hex(16)
    here = str(study.folder.resolve())
    said = _Mark(wanted, mark.copied_from, here)
    if said != mark:
        with write_atomically(kept_folder(study) / _FILE) as beside:
            beside.write_text(json.dumps(asdict(said), indent=1) + "\n", encoding="utf-8")
    if theirs != wanted:
        give_to_study(store, wanted)


def _mark_of(study: Study) -> _Mark:
    """What the folder says; of a copy, whose original is there still, that it is one."""
    said = _read(study.folder)
    was = Path(said.folder) if said.folder else study.folder
    if was.resolve() != study.folder.resolve() and _read(was).study_id == said.study_id != "":
        return _Mark("", said.study_id, "")
    return said


def _read(folder: Path) -> _Mark:
    try:
        found = json.loads((folder / KEPT / _FILE).read_text(encoding="utf-8"))
        return _Mark(*(str(found[name]) for name in ("study_id", "copied_from", "folder")))
    except (OSError, ValueError, TypeError, KeyError):
        return _Mark("", "", "")


def _lies_inside(study: Study, store: Store) -> bool:
    """Whether the database is a file below the study's folder."""
    if not store.database.is_sqlite:
        return False
    return Path(str(store.database.url.database)).resolve().is_relative_to(study.folder.resolve())


def _check_images(study: Study, store: Store) -> None:
    """Refuse a database that has an image that the study has not.

    Raises:
        DataError: it has.
    """
    held: list[str] = question_table(store).image_ids.tolist()
    unknown = _unknown(study, held)
    if unknown:
        raise DataError(
            f"{study.folder}: the database {_where(store)} holds image {unknown[0]}, but must hold "
            f"images of the study alone; {len(unknown):,} of {len(held):,} are not in it. It is "
            f"another study's. {_OWN} Where it is this one's all the same: "
            f"{_adoption(study, store)}"
        )


def _unknown(study: Study, held: list[str]) -> list[str]:
    """Those of these images that the study has not."""
    if not held:
        return []
    ids = np.array(held)
    unknown: list[str] = ids[~np.isin(ids, read_study_benchmark(study).image_ids)].tolist()
    return unknown


def _refusal(study: Study, store: Store, *, is_copy: bool) -> str:
    whose = "the study's that this folder was copied from" if is_copy else "another study's"
    return (
        f"{study.folder}: the database {_where(store)} is {whose}, but must be this study's; votes "
        f"of the two would be mixed. {_OWN} Where it is this one's all the same, as after its "
        f"folder was made anew: {_adoption(study, store)}"
    )


def _adoption(study: Study, store: Store) -> str:
    folder = shlex.quote(str(study.folder))
    return f"reassess check-store {folder} --database {_where(store)} --adopt"


def _where(store: Store) -> str:
    """The database as a command line takes it, without its password."""
    url = store.database.url
    shown = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
    return shlex.quote(without_password(shown))
