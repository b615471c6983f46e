"""The schema's versions, and the way from each to the newest.

Alembic's scripts lie in ``versions`` and ship with the package; there is no ``env.py`` and no
``alembic.ini``, because a study migrates itself when it is opened. A database that is at the
newest version is recognised by one query, without loading alembic.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from reassess.rating.database import Database
from reassess.rating.records import StoreError

NEWEST = "0006"
"""The schema that this version of reassess writes."""

FOLDER = Path(__file__).parent

_LOCK = 0x72656173
"""Key of PostgreSQL's advisory lock that lets one process migrate at a time."""


def migrate(database: Database, *, folder: Path = FOLDER, newest: str = NEWEST) -> None:
    """Bring a database from whatever version it has, or from nothing, to the newest.

    Args:
        database: the database.
        folder: where the scripts are, in ``versions``.
        newest: the version to reach.

    Raises:
        StoreError: the database cannot be written, holds something else, or has a schema
            newer than this version of reassess.
    """
    where = database.url.render_as_string(hide_password=True)
    with database.read() as connection:
        if _version(connection) == newest:
            return
    database.rebuild(lambda connection: _upgrade(connection, where, folder, newest))


def check_holds_study(database: Database) -> None:
    """Refuse a database that no study was ever opened in, and make nothing.

    Raises:
        StoreError: there is no database, or nothing in it.
    """
    path = Path(str(database.url.database))
    if not database.is_sqlite or path.is_file():
        with database.read() as connection:
            if _version(connection) is not None:
                return
    where = database.url.render_as_string(hide_password=True)
    raise StoreError(
        f"{where}: there is no study in it, and so 0 votes. Check the URL (--database, or [site] "
        "database in study.toml), or open the rating site first (reassess serve)."
    )


def _version(connection: Connection) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        return None if not tables else ""
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def _upgrade(connection: Connection, where: str, folder: Path, newest: str) -> None:
    """Run within one transaction, so that a migration that fails leaves what was there."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    version = _version(connection)
    if version == newest:
        return
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    if version == "":
        raise StoreError(
            f"{where}: the database has tables that are not a study's, but must be empty or a "
            "study's. Name another database."
        )
    if version is not None and version not in known:
        raise StoreError(
            f"{where}: the schema has version {version}, but must be at most {newest}. It was "
            "written by a newer version of reassess: install that one."
        )
    with EnvironmentContext(config, scripts) as environment:
        environment.configure(
            connection=connection,
            fn=lambda revision, _: scripts._upgrade_revs(newest, revision),
        )
        environment.run_migrations()
