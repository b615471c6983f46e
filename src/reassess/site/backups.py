"""Backups of a study's store, and putting one back.

Of SQLite by its own backup, of PostgreSQL by `pg_dump` and `pg_restore`. A store that was put back
has another id: what it gave out since the backup was taken, sessions, links and tasks, must not
be taken for what it gives out now. Votes keep the id that they were given under. Who was removed,
paused, erased or given another role since the backup is so again.
"""

import fcntl
import json
import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from reassess.errors import FileError, OptionError
from reassess.files import write_atomically
from reassess.files.access import sync_file
from reassess.rating import Departure, StoreError, departures, renew_identity, study_progress
from reassess.rating.backup import copy_sqlite, forget_place
from reassess.rating.database import Database
from reassess.site.belonging import check_backup
from reassess.site.departures import reapply_departures
from reassess.site.dumps import column_of_dump, run_tool
from reassess.site.kept import kept_folder
from reassess.site.store import database_url, open_rating
from reassess.study import Study, without_password

_LIST = "backups.json"
_LOCK = "serving.lock"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was taken.

    Attributes:
        path: the file.
        n_votes: votes in it, corrected and uncounted ones among them; None where PostgreSQL's
            own tool wrote it.
    """

    path: Path
    n_votes: int | None


@dataclass(frozen=True, slots=True)
class Restored:
    """A store that was put back.

    Attributes:
        n_votes: counted votes that it holds.
        store_id: its new id.
        kept: where the database that was there before lies now; None where there was none, or
            where it is PostgreSQL's.
    """

    n_votes: int
    store_id: str
    kept: Path | None


def backup(study: Study, path: Path, url: str | None = None, *, overwrite: bool = False) -> Backup:
    """Write the study's store into one file, while people may rate.

    Args:
        study: the study.
        path: the file; its owner alone can read it, as it holds gold and hashes of passwords.
        url: of the database; None for the study's own.
        overwrite: replace a file that is there.

    Raises:
        OptionError: the file is there already; or is the database, or no backup.
        FileError: it cannot be written.
        StoreError: the database is absent or cannot be read, or PostgreSQL's tool failed or is
            not installed.
    """
    if path.exists() and not overwrite:
        raise OptionError(f"{path}: it exists. Name another file, or add --overwrite.")
    with closing(Database(database_url(study, url))) as database:
        _check_replaceable(path, database)
        n_votes = None
        with write_atomically(path) as beside:
            beside.chmod(0o600)
            if database.is_sqlite:
                n_votes = copy_sqlite(_existing(study, database), beside)
            else:
                run_tool(dump_command(study, beside, url), database.url.password)
    path.chmod(0o600)
    _note(study, path)
    return Backup(path, n_votes)


def restore(
    study: Study, path: Path, url: str | None = None, *, replace: bool = False, adopt: bool = False
) -> Restored:
    """Put a backup in the place of the study's store, under another id.

    Sessions, passwords, open links and addresses to enrol by are void afterwards; people sign in
    by new links. What was done to people since the backup is done again, as far as the store that
    is replaced or the study's folder knows it: who was removed, paused or erased stays so.

    Args:
        study: the study.
        path: what `backup` wrote, or a SQLite store that was copied while nothing had it open.
        url: of the database; None for the study's own.
        replace: whether a store that is there may be replaced. Of SQLite it is kept beside.
        adopt: take a backup, or a place, that another study's votes were in.

    Raises:
        OptionError: a store is there and ``replace`` is false, or the study is being served.
        DataError: the backup, or the store that is there, is another study's.
        FileError: the file is missing or cannot be read.
        StoreError: the file is no store, the database cannot be written, or PostgreSQL's tool
            failed or is not installed.
    """
    if not path.is_file():
        raise FileError(f"{path}: there is no such file. Check the path.")
    served_now = "it is being served, and its votes would go nowhere. Stop `reassess serve` first."
    with (
        not_served(study, served_now),
        closing(Database(database_url(study, url))) as database,
    ):
        _check_kind(path, without_password(database_url(study, url)), database)
        kept = None
        if database.is_sqlite:
            target = Path(str(database.url.database))
            if target.exists() and not replace:
                raise OptionError(_THERE.format(where=target))
            left, _ = _before(study, url, adopt=adopt)
            adopting = _adopting(study, path, url, replace=replace)
            kept = _restore_sqlite(path, target, None if adopt else study, adopting)
            if kept is not None:
                _note(study, kept)  # it holds people, as a backup does
        else:
            left, is_used = _before(study, url, adopt=adopt)
            if is_used and not replace:
                raise OptionError(_THERE.format(where=without_password(database_url(study, url))))
            if not adopt:
                _check_dump(study, path, _adopting(study, path, url, replace=replace))
            run_tool(restore_command(study, path, url), database.url.password)
            forget_place(database)
    with open_rating(study, url, adopt=True) as store:
        found = store if store.is_renewed else renew_identity(store, "restored")
        reapply_departures(study, found, left)
        return Restored(study_progress(found).n_votes, found.identity.store_id, kept)


_THERE = (
    "{where}: there is a store already, and another one would take its place. Take a backup of it "
    "first, then add --replace."
)


def _check_kind(path: Path, where: str, database: Database) -> None:
    """Refuse the backup of another kind of database.

    Raises:
        StoreError: it is one.
    """
    own, other = (b"SQLite format 3\0", "SQLite"), (b"PGDMP", "PostgreSQL")
    if not database.is_sqlite:
        own, other = other, own
    with path.open("rb") as file:
        if file.read(16).startswith(other[0]):
            raise StoreError(
                f"{path}: it is a backup of {other[1]}, but must be one of {own[1]} to be put into "
                f"{where}. Name a database of {other[1]} (--database)."
            )


def _adopting(study: Study, path: Path, url: str | None, *, replace: bool) -> str:
    """The same command with what takes a backup of another study."""
    words = ["reassess", "restore", str(study.folder), str(path)]
    words += ["--replace"] * replace + ["--adopt"]
    words += [] if url is None else ["--database", without_password(url)]
    return shlex.join(words)


def dump_command(study: Study, path: Path, url: str | None = None) -> list[str]:
    """The line that takes a backup of a PostgreSQL store; its password comes from PGPASSWORD."""
    return ["pg_dump", "--format=custom", "--no-owner", f"--file={path}",
            _libpq(database_url(study, url))]  # fmt: skip


def restore_command(study: Study, path: Path, url: str | None = None) -> list[str]:
    """The line that puts a backup back into a PostgreSQL database, all of it or nothing."""
    where = _libpq(database_url(study, url))
    return ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction",
            f"--dbname={where}", str(path)]  # fmt: skip


def _libpq(url: str) -> str:
    """A URL as PostgreSQL's own tools read it, which know no driver, without its password."""
    scheme, mark, rest = without_password(url).partition("://")
    return scheme.partition("+")[0] + mark + rest


@contextmanager
def served(study: Study) -> Iterator[None]:
    """Hold that the study is being served, so that nothing puts another store in its place.

    Raises:
        OptionError: a backup is being put back.
    """
    with _lock(study, fcntl.LOCK_SH, "a backup is being put back into it. Wait until it is."):
        yield


@contextmanager
def not_served(study: Study, said: str) -> Iterator[None]:
    """Hold that the study is not being served.

    Args:
        study: the study.
        said: why it must not be, for the error.

    Raises:
        OptionError: it is.
    """
    with _lock(study, fcntl.LOCK_EX, said):
        yield


@contextmanager
def _lock(study: Study, kind: int, said: str) -> Iterator[None]:
    """A lock of the study's folder, which ends with the process at the latest."""
    handle = os.open(kept_folder(study) / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except OSError as error:
            raise OptionError(f"{study.folder}: {said}") from error
        yield
    finally:
        os.close(handle)


def _check_replaceable(path: Path, database: Database) -> None:
    """Refuse a file that a backup must not take the place of: the database, or what is no backup.

    Raises:
        OptionError: it is one.
    """
    if database.is_sqlite:
        live = Path(str(database.url.database))
        beside = [live.with_name(live.name + end) for end in ("", "-wal", "-shm", "-journal")]
        if path.absolute() in [one.absolute() for one in beside] or (
            path.exists() and live.exists() and path.samefile(live)
        ):
            raise OptionError(
                f"{path}: it is the database that is to be backed up. Name another file."
            )
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if not file.read(16).startswith((b"SQLite format 3\0", b"PGDMP")):
                raise OptionError(f"{path}: it is no backup, and is kept. Name another file.")


def _existing(study: Study, database: Database) -> Path:
    path = Path(str(database.url.database))
    if not path.is_file():
        raise StoreError(
            f"{path}: there is no store yet, and so nothing to back up. Open the site first: "
            f"reassess serve {study.folder}"
        )
    return path


def _restore_sqlite(path: Path, target: Path, study: Study | None, adopting: str) -> Path | None:
    """Where the database that was there lies now; the backup lies in its place.

    Args:
        path: the backup.
        target: the database.
        study: whose the backup must be; None takes any.
        adopting: as `check_backup` takes it.
    """
    beside = target.with_name(f".{target.name}.restoring")
    beside.unlink(missing_ok=True)
    try:
        beside.touch(mode=0o600)
        copy_sqlite(path, beside)
        if study is not None:
            with closing(sqlite3.connect(beside)) as copy:
                theirs = _values(copy, "study", "study_id")
                check_backup(
                    study,
                    path,
                    theirs[0] if theirs else None,
                    partial(_values, copy, "images", "name"),
                    adopting,
                )
        sync_file(beside)
        kept = None
        if target.exists():
            when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            kept = target.with_name(f"{target.name}.before-{when}")
            _keep(target, kept)
        for name in (f"{target.name}-wal", f"{target.name}-shm"):
            target.with_name(name).unlink(missing_ok=True)
        beside.replace(target)
    except OSError as error:
        raise FileError(f"{target}: cannot be written ({error.strerror}).") from error
    finally:
        beside.unlink(missing_ok=True)
    return kept


def _keep(target: Path, kept: Path) -> None:
    """Copy a database that is to be replaced; one that is damaged byte by byte, with its log."""
    with kept.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
    try:
        copy_sqlite(target, kept)
    except StoreError:
        shutil.copyfile(target, kept)
        log = target.with_name(f"{target.name}-wal")
        if log.exists():
            shutil.copy(log, kept.with_name(f"{kept.name}-wal"))


def _values(copy: sqlite3.Connection, table: str, column: str) -> list[str]:
    """The values of a column; none where an earlier version had no such column."""
    names = {row[1] for row in copy.execute(f"PRAGMA table_info({table})")}
    if column not in names:
        return []
    rows = copy.execute(f"SELECT {column} FROM {table}")  # noqa: S608 -- our own names
    return [str(value) for (value,) in rows if value is not None]


def _check_dump(study: Study, path: Path, adopting: str) -> None:
    """Refuse a dump of another study's database.

    Raises:
        DataError: it is one.
        StoreError: the file is no dump.
    """
    theirs = [one for one in column_of_dump(path, "study", "study_id") if one is not None]

    def images() -> list[str]:
        return [str(name) for name in column_of_dump(path, "images", "name")]

    check_backup(study, path, theirs[0] if theirs else None, images, adopting)


def _before(study: Study, url: str | None, *, adopt: bool) -> tuple[tuple[Departure, ...], bool]:
    """Who had left the store that is there, and whether it holds questions; nobody of none.

    Raises:
        DataError: it is another study's.
    """
    try:
        with open_rating(study, url, adopt=adopt) as store:
            return departures(store), study_progress(store).n_questions > 0
    except StoreError:  # absent or damaged: what the study's folder noted is used
        return (), False


def _note(study: Study, path: Path) -> None:
    """Remember where backups lie, for whoever must erase somebody from them."""
    record = kept_folder(study) / _LIST
    with write_atomically(record) as beside:
        found = list(dict.fromkeys([*backups(study), str(path.absolute())]))
        beside.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def backups(study: Study) -> list[str]:
    """Where the study's backups were written, whether they are there still or not."""
    try:
        found = json.loads((kept_folder(study) / _LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(one) for one in found] if isinstance(found, list) else []
