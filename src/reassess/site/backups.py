"""Backups of a study's store, and putting one back.

Of SQLite by its own backup, of PostgreSQL by `pg_dump` and `pg_restore`. A store that was put back
has another id: what it gave out since the backup was taken, sessions, links and tasks, must not
be taken for what it gives out now. Votes keep the id that they were given under.
"""

import fcntl
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reassess.errors import FileError, OptionError
from reassess.files import write_atomically
from reassess.files.access import sync_file
from reassess.rating import Store, StoreError, renew_identity, study_progress
from reassess.rating.backup import copy_sqlite, forget_place
from reassess.rating.database import Database
from reassess.site.store import database_url, has_store, kept_folder, open_rating
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
        OptionError: the file is there already.
        FileError: it cannot be written.
        StoreError: the database is absent or cannot be read, or PostgreSQL's tool failed or is
            not installed.
    """
    if path.exists() and not overwrite:
        raise OptionError(f"{path}: it exists. Name another file, or add --overwrite.")
    with closing(Database(database_url(study, url))) as database:
        n_votes = None
        with write_atomically(path) as beside:
            beside.chmod(0o600)
            if database.is_sqlite:
                n_votes = copy_sqlite(_existing(study, database), beside)
            else:
                _run(dump_command(study, beside, url), database.url.password)
    path.chmod(0o600)
    _note(study, path)
    return Backup(path, n_votes)


def restore(study: Study, path: Path, url: str | None = None, *, replace: bool = False) -> Restored:
    """Put a backup in the place of the study's store, under another id.

    Sessions, open links and addresses to enrol by are void afterwards; people sign in by new ones.

    Args:
        study: the study.
        path: what `backup` wrote, or a SQLite store that was copied while nothing had it open.
        url: of the database; None for the study's own.
        replace: whether a store that is there may be replaced. Of SQLite it is kept beside.

    Raises:
        OptionError: a store is there and ``replace`` is false, or the study is being served.
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
        kept = None
        if database.is_sqlite:
            kept = _restore_sqlite(path, Path(str(database.url.database)), replace=replace)
            if kept is not None:
                _note(study, kept)  # it holds people, as a backup does
        else:
            if has_store(study, url) and not replace and _holds_study(study, url):
                raise OptionError(_THERE.format(where=without_password(database_url(study, url))))
            _run(restore_command(study, path, url), database.url.password)
            forget_place(database)
    with open_rating(study, url) as store:
        found = store if store.is_renewed else renew_identity(store, "restored")
        return Restored(study_progress(found).n_votes, found.identity.store_id, kept)


_THERE = (
    "{where}: there is a store already, and another one would take its place. Take a backup of it "
    "first, then add --replace."
)


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


def _existing(study: Study, database: Database) -> Path:
    path = Path(str(database.url.database))
    if not path.is_file():
        raise StoreError(
            f"{path}: there is no store yet, and so nothing to back up. Open the site first: "
            f"reassess serve {study.folder}"
        )
    return path


def _restore_sqlite(path: Path, target: Path, *, replace: bool) -> Path | None:
    """Where the database that was there lies now; the backup lies in its place."""
    if target.exists() and not replace:
        raise OptionError(_THERE.format(where=target))
    beside = target.with_name(f".{target.name}.restoring")
    beside.unlink(missing_ok=True)
    try:
        beside.touch(mode=0o600)
        copy_sqlite(path, beside)
        sync_file(beside)
        kept = None
        if target.exists():
            when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            kept = target.with_name(f"{target.name}.before-{when}")
            with kept.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
            copy_sqlite(target, kept)
        for name in (f"{target.name}-wal", f"{target.name}-shm"):
            target.with_name(name).unlink(missing_ok=True)
        beside.replace(target)
    except OSError as error:
        raise FileError(f"{target}: cannot be written ({error.strerror}).") from error
    finally:
        beside.unlink(missing_ok=True)
    return kept


def _holds_study(study: Study, url: str | None) -> bool:
    try:
        with open_rating(study, url) as store:
            return _is_used(store)
    except StoreError:
        return False


def _is_used(store: Store) -> bool:
    return study_progress(store).n_questions > 0


def _run(command: list[str], password: str | None) -> None:
    """Run a tool of PostgreSQL's.

    Raises:
        StoreError: it is not installed, or failed.
    """
    if shutil.which(command[0]) is None:
        raise StoreError(
            f"{command[0]} is not installed, but backups of PostgreSQL need it. Install "
            f"PostgreSQL's client tools, or run this line where they are: {shlex.join(command)}"
        )
    given = os.environ if password is None else os.environ | {"PGPASSWORD": password}
    done = subprocess.run(  # noqa: S603 -- our own words, and no shell
        command, capture_output=True, text=True, check=False, env=given
    )
    if done.returncode != 0:
        raise StoreError(f"{shlex.join(command)}: it failed: {done.stderr.strip()[-1000:]}")


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
