"""Where a study's database is: named once, found by every command, never made by mistake."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reassess import rating
from reassess.errors import OptionError
from reassess.files.artefacts import write_tasks
from reassess.notes import NoteWarning
from reassess.rating import StoreError
from reassess.records import Gold, Pairs, Questions, Tasks, Votes
from reassess.site import (
    export_experts,
    export_votes,
    has_store,
    name_database,
    open_rating,
    site_progress,
    sync,
)
from reassess.study import FILES, Study, new_study, open_study
from tests.conftest import Ran
from tests.rating.conftest import execute
from tests.rating.play import play, raters

IDS = [f"{n}.jpg" for n in range(6)]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Six images with two questions each, and no store."""
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n" + "".join(f"{one},{n % 3}\n" for n, one in enumerate(IDS)))
    made = new_study(tmp_path / "s", labels=labels)
    image = np.repeat(np.arange(6), 2)
    asked = Questions.from_pairs(Pairs(np.array(IDS), image, np.tile([0, 1], 6)))
    write_tasks(Tasks(asked, image), made.folder / FILES["tasks"], {})
    return made


def rate(study: Study) -> None:
    """One rater answers everything, one expert says what is gold."""
    with open_rating(study, create=True) as store:
        rating.change_settings(
            store, rating.Settings(n_practice=0, n_qualification=0, gold_rate=0.0, repeat_rate=0.0)
        )
        sync(study, store)
        play(store, raters(store, 1)[0])
        pairs = Pairs(np.array(IDS[:1]), np.array([0, 0]), np.array([0, 1]))
        said = Votes(
            Questions.from_pairs(pairs), np.array(["e"]), ("no", "maybe", "yes"), np.arange(2),
            np.zeros(2, np.int64), np.array([2, 0]),
        )  # fmt: skip
        rating.import_gold(store, Gold(said))


@pytest.mark.parametrize(
    "command",
    [
        "invite s ann", "votes export s", "votes export s --gold", "status s --database {url}",
        "invite s ann --database {url}",
    ],
)  # fmt: skip
def test_only_serving_and_importing_make_a_store(
    study: Study, cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(study.folder.parent)
    done = cli(*command.format(url="sqlite:///elsewhere.db").split())
    assert (done.status, done.out) == (2, "")
    assert "reassess serve" in done.err
    assert not list(study.folder.parent.rglob("*.db"))
    assert not has_store(study)


def test_a_named_database_is_found_by_every_command_and_goes_with_the_study(
    study: Study, cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (study.folder / "db").mkdir()
    monkeypatch.chdir(study.folder / "db")
    named = name_database(study, "sqlite:///votes.db")
    assert named.setting("site", "database") == "sqlite:///db/votes.db"
    rate(named)
    monkeypatch.chdir(tmp_path)
    assert cli("invite", "s", "bob", "--base-url", "http://localhost").status == 0
    assert "12 votes" in cli("votes", "export", "s").out
    assert json.loads(cli("status", "s", "--json").out)["site"]["n_votes"] == 12
    shutil.copytree("s", "elsewhere/t")
    shutil.copy("labels.csv", "elsewhere")
    shutil.rmtree("s")
    assert json.loads(cli("status", "elsewhere/t", "--json").out)["site"]["n_votes"] == 12
    Path("elsewhere/t/db/votes.db").unlink()
    done = cli("status", "elsewhere/t")
    assert done.status == 2
    assert "[site] database in study.toml" in done.err


def test_serving_writes_the_database_into_the_manifest_and_says_so(study: Study) -> None:
    url = f"sqlite:///{study.folder.parent / 'beside.db'}"
    with subprocess.Popen(
        [sys.executable, "-m", "reassess.cli", "serve", str(study.folder), "--port",
         str(_free_port()), "--database", url],
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("Serving at"):
                break
        process.terminate()
    assert any("study.toml names the database" in line for line in said), said
    served = open_study(study.folder)
    assert served.setting("site", "database") == "sqlite:///../beside.db"
    progress = site_progress(served)
    assert progress is not None
    assert progress.n_questions == 12


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def guarded(server: str) -> Iterator[str]:
    """URL of a PostgreSQL database whose user has a password, which is "s3cret"."""
    import psycopg

    with psycopg.connect(server.format(database="postgres"), autocommit=True) as connection:
        row = connection.execute("SHOW hba_file").fetchone()
        assert row is not None
        rules = Path(row[0])
        before = rules.read_text()
        connection.execute("CREATE ROLE keeper LOGIN PASSWORD 's3cret'")
        connection.execute("CREATE DATABASE guarded OWNER keeper")
        rules.write_text("local all keeper scram-sha-256\n" + before)
        connection.execute("SELECT pg_reload_conf()")
    yield server.format(database="guarded").replace("postgres:@", "keeper:s3cret@")
    rules.write_text(before)
    execute(server, "SELECT pg_reload_conf()")
    execute(server, "DROP DATABASE guarded WITH (FORCE)")
    execute(server, "DROP ROLE keeper")


def test_a_password_stays_out_of_the_study(
    study: Study, guarded: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_rating(study, guarded, create=True).close()
    named = name_database(study, guarded)
    assert "s3cret" not in (named.folder / "study.toml").read_text()
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    with pytest.raises(StoreError, match="PGPASSWORD") as refused:
        open_rating(named)
    assert "s3cret" not in str(refused.value)
    with monkeypatch.context() as told:
        told.setenv("PGPASSWORD", "s3cret")
        open_rating(named).close()
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:guarded:keeper:s3cret\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    open_rating(named).close()


def test_a_copied_study_exports_again_but_never_over_what_people_wrote(
    study: Study, tmp_path: Path
) -> None:
    rate(study)
    with open_rating(study) as store:
        export_votes(study, store)
        export_experts(study, store, "gold")
    for name in ("ours", "theirs"):
        shutil.copytree(study.folder, tmp_path / "far" / name)
    shutil.rmtree(study.folder)
    shutil.copy(tmp_path / "labels.csv", tmp_path / "far")
    ours, theirs = (open_study(tmp_path / "far" / name) for name in ("ours", "theirs"))
    with pytest.warns(NoteWarning, match="ours: the database was copied"):
        store = open_rating(ours)
    with store:
        assert export_votes(ours, store)[1] == 12
        assert export_experts(ours, store, "gold")[1] == 2
    gold = theirs.folder / "gold.csv"
    gold.write_text(gold.read_text().replace("no", "yes"))
    written = gold.read_text()
    with pytest.warns(NoteWarning, match="theirs: the database was copied"):
        store = open_rating(theirs)
    with store:
        assert export_votes(theirs, store)[1] == 12
        with pytest.raises(OptionError, match="no export from this database wrote"):
            export_experts(theirs, store, "gold")
    assert gold.read_text() == written
    record = json.loads((ours.folder / ".rating" / "exported.json").read_text())
    assert sorted(record) == ["gold.csv", "votes.csv"]


def test_exports_that_a_study_of_0_1_0_recorded_are_still_known(
    study: Study, tmp_path: Path
) -> None:
    rate(study)
    with open_rating(study) as store:
        export_votes(study, store)
    record = study.folder / ".rating" / "exported.json"
    hashes = json.loads(record.read_text())
    record.write_text(
        json.dumps(
            {str(study.folder.absolute() / name): one["sha256"] for name, one in hashes.items()}
        )
    )
    with closing(sqlite3.connect(study.folder / "rating.db")) as made, made:
        made.execute("UPDATE identities SET origin = 'migrated'")
    shutil.move(study.folder, tmp_path / "moved")
    moved = open_study(tmp_path / "moved")
    with open_rating(moved) as store:
        assert export_votes(moved, store)[1] == 12
