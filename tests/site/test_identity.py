"""One database after another: copies, renames, what was put back, backups while people rate."""

import json
import re
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from reassess import rating
from reassess.errors import DataError, OptionError
from reassess.notes import collect_notes
from reassess.rating import InvitationError, Store, StoreError
from reassess.site import backups, note_served, open_rating, sync
from reassess.site.store import mark_service
from reassess.site.transfer import export_votes
from reassess.study import Study, open_study
from tests.conftest import Ran
from tests.rating.conftest import path_of_postgresql
from tests.rating.play import play, questions, raters

from .test_database import rate, study

__all__ = ["study"]


def open_quietly(study: Study, url: str | None = None) -> tuple[Store, list[str]]:
    with collect_notes() as notes:
        store = open_rating(study, url)
    return store, notes.texts


def test_a_copy_gets_an_id_of_its_own_and_the_original_keeps_its(study: Study) -> None:
    rate(study)
    with open_rating(study) as store:
        link, was = rating.invite(store, "ann"), store.identity.store_id
        who, epoch = store.identity.number, rating.raters_of(store)[0].epoch
        address = rating.open_address(store, "classroom", people=3)
    copy = Path(shutil.copytree(study.folder, study.folder.with_name("copy")))
    store, notes = open_quietly(open_study(copy))
    with store:
        assert store.identity.store_id != was
        assert (store.identity.number, store.identity.origin) == (who + 1, "copied")
        assert "copied" in notes[0]
        assert rating.open_invitations(store) == ()
        with pytest.raises(InvitationError):
            rating.accept_invitation(store, link)
        with pytest.raises(rating.EnrolmentError):
            rating.enrol(store, address, "pupil")
        assert rating.raters_of(store)[0].epoch != epoch
        assert rating.store_history(store)[0].store_id == was
        assert rating.audit(store) == ()
    for _ in range(2):  # neither changes again
        for folder, name in ((copy, store.identity.store_id), (study.folder, was)):
            again, notes = open_quietly(open_study(folder))
            with again:
                assert (again.identity.store_id, notes) == (name, [])
    with open_rating(study) as store:
        assert rating.accept_invitation(store, link).name == "ann"
        assert rating.enrol(store, address, "pupil").name == "pupil"


def test_another_studys_store_is_refused(study: Study, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/pilot.db"
    with open_rating(study, url, create=True) as store:
        rating.add_questions(store, questions(2, 2))
        with pytest.raises(DataError, match="none of them is in it"):
            sync(study, store)
        assert len(rating.question_table(store).image_ids) == 2


def test_what_is_renamed_or_linked_is_the_same_and_what_replaces_it_is_not(study: Study) -> None:
    rate(study)
    with open_rating(study) as store:
        was = store.identity.store_id
    moved = open_study(shutil.move(study.folder, study.folder.with_name("moved")))
    study.folder.symlink_to(moved.folder)
    for one in (moved, study):
        store, notes = open_quietly(one)
        with store:
            assert (store.identity.store_id, notes) == (was, [])
    path = moved.folder / "rating.db"
    shutil.copy(path, path.with_name("kept.db"))
    path.with_name("kept.db").replace(path)
    store, _ = open_quietly(moved)
    with store:
        assert store.identity.store_id != was


def test_what_is_put_back_into_the_same_file_is_known_by_its_last_service(study: Study) -> None:
    rate(study)
    path = study.folder / "rating.db"
    with open_rating(study) as store:
        mark_service(study, store)
        was = store.identity.store_id
        for name in ("ann", "rita"):
            one = rating.accept_invitation(store, rating.invite(store, name))
            rating.set_password(store, one.number, "correct horse")
    before = path.read_bytes()
    with open_rating(study) as store:
        assert store.identity.store_id == was
        rating.remove(store, one.number)
        mark_service(study, store)
    path.write_bytes(before)  # the inode stays
    store, notes = open_quietly(study)
    with store:
        assert (store.identity.store_id != was, store.identity.origin) == (True, "rolled back")
        assert "1 removed" in notes[0]
        assert "earlier state" in notes[1]
        assert rating.sign_in(store, "ann", "correct horse") is None
        assert rating.rater(store, one.number).is_removed
    with open_rating(study) as store:
        assert not store.is_renewed


def test_an_export_belongs_to_the_store_that_wrote_it(study: Study) -> None:
    rate(study)
    with open_rating(study) as store:
        export_votes(study, store)
        export_votes(study, store)
    backups.backup(study, study.folder / "b")
    backups.restore(study, study.folder / "b", replace=True)
    with open_rating(study) as store:
        with pytest.raises(OptionError, match="no export from this database"):
            export_votes(study, store)
        export_votes(study, store, overwrite=True)
        export_votes(study, store)


def test_a_copy_that_was_made_before_an_export_did_not_write_it(study: Study) -> None:
    rate(study)
    path = study.folder / "rating.db"
    with open_rating(study) as store:
        export_votes(study, store)
    kept = Path(shutil.copy(path, study.folder.with_name("kept.db")))
    with open_rating(study) as store:
        export_votes(study, store)
    shutil.copy(path, path.with_name("later.db"))
    kept.replace(path)  # its votes may be fewer than those in votes.csv
    store, _ = open_quietly(study)
    with store, pytest.raises(OptionError, match="no export from this database"):
        export_votes(study, store)
    path.with_name("later.db").replace(path)
    store, _ = open_quietly(study)
    with store:
        assert export_votes(study, store)[1] == 12


@pytest.fixture
def played(study: Study, url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Study, str]:
    """The study in a database of each kind, its first rater half-way."""
    if url.startswith("postgresql"):
        monkeypatch.setenv("PATH", path_of_postgresql())
    with open_rating(study, url, create=True) as store:
        plain = rating.Settings(
            n_practice=0, n_qualification=0, gold_rate=0.0, repeat_rate=0.0, votes_per_question=3
        )
        rating.change_settings(store, plain)
        sync(study, store)
        play(store, raters(store, 1)[0], most=3)
    return study, url


def test_a_backup_comes_back_under_another_id(played: tuple[Study, str], tmp_path: Path) -> None:
    study, url = played
    file = tmp_path / "monday.backup"
    with open_rating(study, url) as store:
        was, person = store.identity.store_id, rating.raters_of(store)[0]
        held = rating.next_task(store, person.number)
        assert isinstance(held, rating.TaskLease)
        made = backups.backup(study, file, url)
        assert made.n_votes in (6, None)
        link = rating.invite(store, "late")
        play(store, person.number)
        assert rating.study_progress(store).n_votes == 12
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    labels = study.folder / "labels.csv"
    for refused, said in (
        (lambda: backups.backup(study, file, url), "exists"),
        (lambda: backups.restore(study, file, url), "already"),
        (
            lambda: backups.restore(study, labels, url, replace=True),
            "cannot be copied|failed",
        ),
    ):
        with pytest.raises((OptionError, StoreError), match=re.compile(said)):
            refused()
    with (
        backups.served(study),
        backups.served(study),
        pytest.raises(OptionError, match="being served"),
    ):
        backups.restore(study, file, url, replace=True)
    with open_rating(study, url) as store:
        assert (rating.study_progress(store).n_votes, store.identity.store_id) == (12, was)
    done = backups.restore(study, file, url, replace=True)
    with open_rating(study, url) as store:
        assert done.n_votes == rating.study_progress(store).n_votes == 6
        assert store.identity.store_id == done.store_id != was
        assert not store.is_renewed
        again = rating.rater(store, person.number)
        assert again.epoch != person.epoch
        with pytest.raises(InvitationError):
            rating.accept_invitation(store, link)
        assert rating.audit(store) == ()
        late = rating.leased_task(store, person.number, held.lease)
        play(store, person.number)
        assert late.image_id == held.image_id  # it was given out before the backup
        given = [one.first_lease for one in rating.store_history(store)]
        assert given[0] == 0 < held.lease < given[-1]
        assert rating.study_progress(store).n_votes == 12
    if done.kept is not None:
        with open_rating(study, f"sqlite:///{done.kept}") as store:
            assert rating.study_progress(store).n_votes == 12


def test_a_backup_taken_while_raters_answer_holds_whole_answers(
    played: tuple[Study, str], tmp_path: Path
) -> None:
    study, url = played
    with open_rating(study, url) as store:
        people = raters(store, 2, start=1)
        at_work = [threading.Thread(target=play, args=(store, one)) for one in people]
        for one in at_work:
            one.start()
        for n in range(3):
            acknowledged = rating.study_progress(store).n_votes
            backups.backup(study, tmp_path / f"{n}", url)
            assert acknowledged <= rating.study_progress(store).n_votes
            if url.startswith("sqlite"):
                with rating.open_store(f"sqlite:///{tmp_path}/{n}") as copy:
                    assert rating.study_progress(copy).n_votes >= acknowledged
                    assert rating.audit(copy) == ()
        for one in at_work:
            one.join()


def test_the_commands_about_a_store(
    study: Study, cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rate(study)
    monkeypatch.chdir(tmp_path)
    assert "Everything holds" in cli("check-store", "s").out
    assert cli("backup", "s", "b").out.strip() == "12 votes: b"
    assert cli("backup", "s", "b").status == 2
    assert "12 counted votes are back" in cli("restore", "s", "b", "--replace").out
    Path("dump").write_bytes(b"PGDMP" + bytes(100))
    done = cli("restore", "s", "dump", "--replace")
    assert done.status == 2
    assert "dump: it is a backup of PostgreSQL, but must be one of SQLite" in done.err
    assert "renew id" in cli("log", "s").out
    cli("invite", "s", "ann", "--role", "owner", "--base-url", "http://localhost")
    assert "--people is missing" in cli("recruit", "s", "--from", "mturk").err
    assert "--from is missing" in cli("recruit", "s", "--people", "3").err
    recruit = ("recruit", "s", "--from", "mturk", "--people", "3", "-o", "p.csv", "--json")
    assert "--base-url" in cli(*recruit).err  # nobody knows yet where the site is
    with open_rating(study) as store:
        note_served(study, store, "http://lab:8123")
    opened = json.loads(cli(*recruit).out)
    assert Path("p.csv").stat().st_mode & 0o077 == 0  # it says who people are elsewhere
    assert opened["link"].startswith("http://lab:8123/join/")
    assert (tmp_path / "p.csv").read_text().startswith("rater,from,platform_id,")
    handle = opened["addresses"][0]["address"]
    assert "closed" in cli("recruit", "s", "--close", handle).out
    assert "not open" in cli("recruit", "s", "--close", handle).err
    listed = cli("access", "s").out
    assert "ann" in listed
    assert "Open links" in listed
    for refused in (("--remove", "ann"), ("--pause", "ann"), ("--role", "ann", "rater")):
        assert "only owner" in cli("access", "s", *refused).err
    assert "Did you mean" in cli("access", "s", "--pause", "rater0").err
    assert "paused" in cli("access", "s", "--pause", "rater-0").out
    with open_rating(study) as store:
        ann = rating.accept_invitation(store, rating.invite(store, "ann", "owner"))
        for nonce, device in (("a", "Firefox on Linux"), ("b", "Safari on iPhone")):
            rating.begin_session(store, ann, nonce, device)
        lost = next(one for one in rating.open_sessions(store) if "iPhone" in one.device)
    told = cli("access", "s", "--end-session", lost.handle, "--json").out
    assert [one["device"] for one in json.loads(told)["sessions"]] == ["Firefox on Linux"]
    assert "is not open" in cli("access", "s", "--end-session", lost.handle).err
    dsn = "postgresql://me:word@127.0.0.1:1/x"
    line = cli("backup", "s", "c", "--print", "--database", dsn).out
    assert line.strip() == (
        "pg_dump --format=custom --no-owner --file=c postgresql://me@127.0.0.1:1/x"
    )
    (kept,) = study.folder.glob("rating.db.before-*")
    assert str(kept.absolute()) in backups.backups(study)
    for part in ("rating.db", ".rating"):
        assert not (study.folder / part).stat().st_mode & 0o077


@pytest.mark.parametrize("with_votes", [False, True])
def test_a_person_is_erased(
    played: tuple[Study, str], cli: Callable[..., Ran], with_votes: bool
) -> None:
    study, url = played
    name = "Jane Q. Doe"
    with open_rating(study, url) as store:
        boss = rating.accept_invitation(store, rating.invite(store, "boss", "owner"))
        jane = rating.accept_invitation(store, rating.invite(store, name, by=boss.number))
        task = rating.next_task(store, jane.number)
        assert isinstance(task, rating.TaskLease)
        text = "my cat Mitzi"
        given = tuple(rating.Answer(q.question, 2) for q in task.questions)
        rating.submit(store, jane.number, rating.Submission(task.lease, "k", given,
                                                            something_else=text))  # fmt: skip
        rating.pause(store, jane.number, by=boss.number, reason=f"{name} is ill")
        export_votes(study, store)
        before = rating.study_progress(store).n_votes
        with backups.served(study):
            refused = cli("erase", str(study.folder), name, "--database", url)
            assert "being served" in refused.err
    backups.backup(study, study.folder.parent / "kept", url)
    options = ["--votes"] if with_votes else []
    done = cli("erase", str(study.folder), name, "--database", url, *options)
    assert (done.status, "kept" in done.err) == (0, True), done.err
    with open_rating(study, url) as store:
        assert rating.rater_named(store, name) is None
        assert rating.study_progress(store).n_votes == before - (2 if with_votes else 0)
        assert rating.remarks(store) == ()
        acts = rating.audit_log(store)
        assert acts[0].action == "erase"
        assert name not in str(acts)
        assert rating.audit(store) == ()
        with pytest.raises((StoreError, IntegrityError), match="append-only"):
            store.database.write(lambda c: c.exec_driver_sql("DELETE FROM votes"))
    exported = (study.folder / "votes.csv").read_text()
    assert name not in exported
    assert len(exported.splitlines()) == 1 + before - (2 if with_votes else 0)
    if url.startswith("sqlite"):
        held = Path(url.removeprefix("sqlite:///")).read_bytes()
        assert name.encode() not in held
        assert text.encode() not in held
