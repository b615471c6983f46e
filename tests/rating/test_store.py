"""The database: migrations, what it refuses by itself, errors in sentences, and its clock."""

import hashlib
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, inspect, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from reassess.errors import OptionError
from reassess.rating import (
    Answer,
    Settings,
    StoreError,
    Submission,
    add_questions,
    audit,
    connections,
    next_task,
    open_store,
    settings_of,
    submit,
)
from reassess.rating.database import Database
from reassess.rating.migrations import FOLDER, NEWEST, migrate
from reassess.rating.schema import metadata, questions, slots, votes

from . import kept
from .conftest import execute
from .play import play, raters
from .play import questions as some_questions

FIRST_SCHEMA = "52aa9512f795902f4ca3d246169a38bb624ff62ef0307f5e2db61062469a71bf"


def test_the_schema_of_0_1_0_is_frozen():
    script = FOLDER / "versions" / "schema_0001.py"
    assert hashlib.sha256(script.read_bytes()).hexdigest() == FIRST_SCHEMA


def tables(database: Database) -> dict[str, object]:
    """Every table as the database itself describes it: columns, constraints and indexes."""

    def bare(sql: object) -> str:
        return re.sub(r"[\s()]", "", str(sql))

    def only_where(index: Any) -> list[str]:
        options = index.get("dialect_options", {})
        return [bare(value) for name, value in options.items() if name.endswith("where")]

    with database.read() as connection:
        found = inspect(connection)
        described: dict[str, object] = {}
        for table in sorted(set(found.get_table_names()) - {"alembic_version"}):
            described[table] = {
                "columns": sorted(
                    (c["name"], str(c["type"]), c["nullable"], bare(c["default"]))
                    for c in found.get_columns(table)
                ),
                "key": found.get_pk_constraint(table),
                "foreign": sorted(map(str, found.get_foreign_keys(table))),
                "unique": sorted(map(str, found.get_unique_constraints(table))),
                "checks": sorted(
                    (c["name"], bare(c["sqltext"])) for c in found.get_check_constraints(table)
                ),
                "indexes": sorted(
                    (i["name"], i["unique"], str(i["column_names"]), only_where(i))
                    for i in found.get_indexes(table)
                ),
            }  # fmt: skip
            if database.is_sqlite:
                made = connection.execute(
                    text("SELECT sql FROM sqlite_master WHERE name = :table"), {"table": table}
                ).scalar_one()
                described[table] |= {"has_rowid": "WITHOUT ROWID" not in made}
    return described


def test_migrations_and_schema_make_the_same_tables(empty_url, request, tmp_path):
    with open_store(empty_url, settings=Settings(votes_per_question=3)) as store:
        assert settings_of(store) == Settings(votes_per_question=3)
        migrated = tables(store.database)
    with open_store(empty_url, settings=Settings(votes_per_question=4)) as store:
        assert settings_of(store).votes_per_question == 3
    other = f"sqlite:///{tmp_path}/other.db"
    if not empty_url.startswith("sqlite"):
        server = request.getfixturevalue("server")
        execute(server, "CREATE DATABASE from_metadata")
        other = server.format(database="from_metadata")
    with closing(Database(other)) as database:
        database.write(metadata.create_all)
        declared = tables(database)
    assert set(declared) == set(metadata.tables)
    assert migrated == declared


@pytest.mark.parametrize("path", sorted(kept.FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_a_store_of_every_earlier_version_is_opened_and_goes_on(path, tmp_path):
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript(path.read_text(encoding="utf-8"))
    with (
        open_store(f"sqlite:///{tmp_path}/new.db", settings=kept.SETTINGS) as new,
        open_store(f"sqlite:///{tmp_path}/old.db") as old,
    ):
        assert tables(old.database) == tables(new.database)
        kept.fill(new)
        assert kept.told(old) == kept.told(new)
        assert audit(old) == ()
        add_questions(old, some_questions(1, 2, start=10))
        played = {task.image_id for task in play(old, raters(old, 1, start=9)[0])}
        assert played - {"folder/00000.jpg"} == {"folder/00010.jpg"}  # the first is gold, by chance
        assert audit(old) == ()


TO_NOWHERE = {"question": 10**6, "slot": 0, "n_slots": 3, "rater": 1}
LATER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "later", "{newest}"


def upgrade():
    with op.batch_alter_table("questions") as table:
        table.add_column(sa.Column("weight", sa.Integer(), nullable=False, server_default="1"))
        table.create_check_constraint("weight", "weight > 0")
    assert not {fails}
"""


@pytest.mark.parametrize("fails", [False, True])
def test_a_later_version_changes_a_table_that_others_point_to_or_nothing(url, tmp_path, fails):
    versions = tmp_path / "versions"
    versions.mkdir()
    for script in (FOLDER / "versions").glob("schema_*.py"):
        shutil.copy(script, versions)
    (versions / "schema_later.py").write_text(LATER.format(fails=fails, newest=NEWEST))
    with open_store(url, settings=kept.SETTINGS) as store:
        kept.fill(store)
        before = kept.told(store)
        with pytest.raises(AssertionError) if fails else nullcontext():
            migrate(store.database, folder=tmp_path, newest="later")
        assert kept.told(store) == before
        assert audit(store) == ()
        with store.database.read() as connection:
            columns = {column["name"] for column in inspect(connection).get_columns("questions")}
        assert ("weight" in columns) is not fails
        with pytest.raises(IntegrityError):
            store.database.write(lambda c: c.execute(insert(slots).values(TO_NOWHERE)))


def test_what_only_reads_makes_no_study(empty_url):
    for _ in range(2):
        with pytest.raises(StoreError, match="no study in it"):
            open_store(empty_url, must_exist=True)
    open_store(empty_url).close()
    open_store(empty_url, must_exist=True).close()


def test_a_newer_schema_and_a_foreign_database_are_refused(url, empty_url):
    open_store(url).close()
    database = Database(url)
    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(StoreError, match="newer version"):
        open_store(url)
    database.close()
    if empty_url != url:
        other = Database(empty_url)
        other.write(lambda c: c.execute(text("CREATE TABLE theirs (id INTEGER)")))
        with pytest.raises(StoreError, match="not a study's"):
            open_store(empty_url)
        other.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://somewhere/x", "must be sqlite"),
        ("nonsense", "must be sqlite"),
        ("sqlite://", "must be sqlite"),
        ("sqlite:///study.db?timeout=5", "SQLite's takes no options"),
        ("sqlite:////no/such/folder/study.db", "folder of the database is missing"),
        ("postgresql://nobody@127.0.0.1:1/x", "cannot be reached"),
    ],
)
def test_a_wrong_url_is_explained(url, says):
    with pytest.raises(StoreError, match=says):
        open_store(url)


@pytest.mark.parametrize("folder", ["100%20done", "%d0", "what?", "a=b&c#d"])
def test_the_path_of_a_database_is_taken_as_it_is(folder, tmp_path):
    (tmp_path / folder).mkdir()
    open_store(f"sqlite:///{tmp_path}/{folder}/study.db").close()
    assert (tmp_path / folder / "study.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [folder]


def test_a_file_that_is_no_database_is_explained(tmp_path):
    (tmp_path / "study.db").write_bytes(b"certainly no database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{tmp_path}/study.db")


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_connections_that_the_server_ended_are_opened_anew(store, url, monkeypatch):
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    end += "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    add_questions(store, some_questions(2, 2))
    person = raters(store, 1)[0]
    task = next_task(store, person)
    sent = Submission(task.lease, "one", tuple(Answer(q.question, 2) for q in task.questions))
    execute(url, end)
    with pytest.raises(StoreError, match="cannot be reached"):
        submit(store, person, sent)  # the connection answered a moment ago, and is not asked
    assert set(submit(store, person, sent).status.values()) == {"stored"}
    execute(url, end)
    monkeypatch.setattr(connections, "_STALE_SECONDS", 0.0)
    assert submit(store, person, sent).again
    assert audit(store) == ()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_answers_and_the_next_task_take_six_round_trips(store, tmp_path):
    from psycopg.pq import PGconn

    add_questions(store, some_questions(50, 2))
    person = raters(store, 1)[0]
    play(store, person, most=3)  # each statement is prepared once
    task = next_task(store, person)
    sent = Submission(task.lease, "one", tuple(Answer(q.question, 2) for q in task.questions))
    with store.database.engine.connect() as connection:
        raw: PGconn = connection.connection.driver_connection.pgconn

    def n_trips(act, *arguments) -> int:
        with (tmp_path / "trace").open("w+") as file:
            raw.trace(file.fileno())
            act(store, person, *arguments)
            raw.untrace()
            file.seek(0)
            kinds = [line.split()[4] for line in file]
        return kinds.count("Sync") + kinds.count("Query")

    assert n_trips(submit, sent) == 2
    assert n_trips(next_task) <= 5  # four, or one more to look from the start of the ring


def test_settings_out_of_range_are_refused():
    with pytest.raises(OptionError, match="votes_per_question is 0"):
        Settings(votes_per_question=0)


def test_the_database_itself_refuses_what_must_not_be(store):
    add_questions(store, some_questions(1, 2))
    one, two = raters(store, 2)
    play(store, one)
    vote = {"round": 0, "version": 0, "answer": 1, "purpose": 0}
    slot = {"n_slots": 5, "round": 0}
    refused = {
        "a sixth place": insert(slots).values(question=1, slot=5, rater=two, **slot),
        "more places than k": insert(slots).values(
            question=1, slot=5, rater=two, n_slots=6, round=0
        ),
        "a taken place": insert(slots).values(question=1, slot=0, rater=two, **slot),
        "two places for one": insert(slots).values(question=1, slot=3, rater=one, **slot),
        "a vote that nobody gave": insert(slots).values(
            question=1, slot=3, rater=two, version=0, **slot
        ),
        "an unknown question": insert(votes).values(question=9, rater=two, **vote),
        "an unknown rater": insert(votes).values(question=1, rater=99, **vote),
        "a second first vote": insert(votes).values(question=1, rater=one, **vote),
        "an answer that is none": insert(votes).values(
            question=1, rater=two, **(vote | {"answer": 3})
        ),
        "a correction of nothing": insert(votes).values(
            question=1, rater=two, **(vote | {"version": 1, "replaces": 0})
        ),
        "changing a vote": update(votes).values(answer=2),
        "deleting votes": votes.delete(),
        "counting more than there is": update(questions).values(n_yes=9),
    }
    taken = []
    for what, statement in refused.items():
        with suppress(DBAPIError, StoreError):
            store.database.write(lambda c, s=statement: c.execute(s))
            taken.append(what)
    assert taken == []
    assert audit(store) == ()


_FILL = """
import resource, sys
from reassess.rating import *
from reassess.rating.records import *
from tests.rating.play import questions, raters, play
store = open_store(sys.argv[1])
person = raters(store, 1)[0]
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
done = 0
try:
    while True:
        done += len(play(store, person, most=1)[0].questions)
        print(done, flush=True)
except StoreError as error:
    print("refused:", error, flush=True)
"""


def test_a_full_disk_gives_a_clear_error_and_harms_nothing(tmp_path):
    url, file = f"sqlite:///{tmp_path}/study.db", tmp_path / "study.db"
    settings = Settings(gold_rate=0.0, repeat_rate=0.0, n_practice=0, n_qualification=0)
    with open_store(url, settings=settings) as store:
        add_questions(store, some_questions(400, 8))
    limit = file.stat().st_size + 4096
    run = subprocess.run(
        [sys.executable, "-c", _FILL, url, str(limit)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    *acknowledged, said = run.stdout.splitlines()
    assert "cannot grow" in said
    assert "Make room" in said
    with open_store(url) as store:
        assert audit(store) == ()
        given = store.database.write(
            lambda c: c.execute(text("SELECT count(*) FROM votes")).scalar_one()
        )
        assert given >= int(acknowledged[-1]) > 0
        assert play(store, raters(store, 1, start=1)[0], most=1)
