"""A database and its study: another study's is refused, and a backup lets nobody in again."""

import re
import shlex
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reassess import rating
from reassess.errors import DataError, OptionError
from reassess.files.artefacts import write_tasks
from reassess.notes import collect_notes
from reassess.rating import Store
from reassess.records import Pairs, Questions, Tasks
from reassess.site import backups, name_database, open_rating, sync
from reassess.study import FILES, Study, new_study, open_study
from tests.conftest import Ran
from tests.rating.conftest import execute
from tests.rating.play import play, raters

from .test_database import study
from .test_identity import played

__all__ = ["played", "study"]

WORD = "correct horse battery"


def made(folder: Path, first: int, last: int) -> Study:
    """A study of images from a number to another, one question each, and no store."""
    ids = [f"{n}.jpg" for n in range(first, last)]
    labels = folder.with_name(f"{folder.name}.csv")
    labels.write_text("image,label\n" + "".join(f"{one},{n % 3}\n" for n, one in enumerate(ids)))
    new = new_study(folder, labels=labels)
    asked = Questions.from_pairs(Pairs(np.array(ids), np.arange(len(ids)), np.full(len(ids), 2)))
    write_tasks(Tasks(asked, np.arange(len(ids))), new.folder / FILES["tasks"], {})
    return new


def questions_in(store: Store) -> int:
    return rating.study_progress(store).n_questions


@pytest.mark.parametrize("was_served", [False, True])
def test_a_database_of_another_study_is_refused_whatever_images_they_share(
    played: tuple[Study, str], tmp_path: Path, cli: Callable[..., Ran], was_served: bool
) -> None:
    study, url = played
    other = made(tmp_path / "other", 0, 6)  # the very same images
    if was_served:
        open_rating(other, create=True).close()
    for create in (True, False):
        with pytest.raises(DataError, match="another study's"):
            open_rating(other, url, create=create)
    for command in ("votes export {} --database {}", "invite {} ann --database {}"):
        done = cli(*command.format(other.folder, url).split())
        assert (done.status, "--adopt" in done.err) == (2, True), done.err
    assert not (other.folder / "votes.csv").exists()
    with open_rating(study, url, create=True) as store:
        assert (questions_in(store), len(rating.raters_of(store))) == (12, 1)
    done = cli("check-store", str(other.folder), "--database", url, "--adopt")
    assert done.status == 0, done.err
    with open_rating(other, url, create=True) as store:
        sync(other, store)
    if was_served:
        with pytest.raises(DataError, match="another study's"):
            open_rating(study, url)


def test_a_store_without_a_study_goes_by_its_images(url: str, tmp_path: Path) -> None:
    """As one of an earlier version, which did not know the study that it belongs to."""
    ours, more, less = (made(tmp_path / name, 0, n) for name, n in (("s", 6), ("m", 7), ("l", 5)))
    with rating.open_store(url) as store:
        assert rating.study_id_of(store) is None
        asked = Pairs(np.array([f"{n}.jpg" for n in range(6)]), np.arange(6), np.full(6, 2))
        rating.add_questions(store, Questions.from_pairs(asked))
    with pytest.raises(DataError, match=r"holds image 5.jpg.*1 of 6"):
        open_rating(less, url, create=True)
    open_rating(more, url).close()  # reads, and claims nothing
    open_rating(ours, url, create=True).close()
    with pytest.raises(DataError, match="another study's"):
        open_rating(more, url, create=True)


def test_a_folder_that_was_copied_is_another_study_and_one_that_moved_is_not(
    played: tuple[Study, str], tmp_path: Path
) -> None:
    study, url = played
    name_database(study, url)
    copy = open_study(shutil.copytree(study.folder, tmp_path / "copy"))
    for create in (True, False):
        with pytest.raises(DataError, match="copied from"):
            open_rating(copy, create=create)
    with open_rating(copy, f"sqlite:///{copy.folder}/own.db", create=True) as store:
        sync(copy, store)
    with pytest.raises(DataError, match=r"another study's|copied from"):
        open_rating(copy)
    study.folder.rename(tmp_path / "moved")
    moved = open_study(tmp_path / "moved")
    with open_rating(moved, create=True) as store:
        assert rating.study_progress(store).n_votes == 6
    again = open_study(shutil.copytree(moved.folder, tmp_path / "again"))
    shutil.rmtree(moved.folder)
    open_rating(again, create=True).close()


def test_the_database_of_a_folder_goes_with_its_copy(study: Study, tmp_path: Path) -> None:
    with open_rating(study, create=True) as store:
        sync(study, store)
        raters(store, 1)
        ours = rating.study_id_of(store)
    shutil.copytree(study.folder, tmp_path / "copy")
    shutil.copytree(study.folder, tmp_path / "bare", ignore=shutil.ignore_patterns(".rating"))
    stranger = made(tmp_path / "stranger", 3, 12)
    shutil.copy(study.folder / "rating.db", stranger.folder)
    ids = {}
    for name in ("copy", "bare"):
        for _ in range(2):
            with collect_notes(), open_rating(open_study(tmp_path / name), create=True) as store:
                ids[name] = rating.study_id_of(store)
    assert ids["copy"] != ours == ids["bare"]
    with pytest.raises(DataError, match=r"holds image 0\.jpg"), collect_notes():
        open_rating(stranger, create=True)


@pytest.fixture
def second(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Another empty database of the same kind."""
    if url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/second.db"
    server: str = request.getfixturevalue("server")
    name = f"second_{uuid.uuid4().hex}"
    execute(server, f"CREATE DATABASE {name}")
    return server.format(database=name)


def test_a_backup_of_another_study_is_refused_before_anything_is_replaced(
    played: tuple[Study, str], second: str, tmp_path: Path, cli: Callable[..., Ran]
) -> None:
    study, url = played
    file = tmp_path / "theirs.backup"
    backups.backup(study, file, url)
    other, bare, less = (made(tmp_path / n, 0, k) for n, k in (("o", 6), ("b", 6), ("l", 3)))
    with open_rating(other, second, create=True) as store:
        sync(other, store)
        was = store.identity.store_id
    restore = ("restore", str(other.folder), str(file), "--replace", "--database", second)
    refused = cli(*restore)
    assert (refused.status, "another study's" in refused.err) == (2, True), refused.err
    with open_rating(other, second) as store:
        assert (store.identity.store_id, questions_in(store)) == (was, 6)
    with pytest.raises(DataError, match=r"3 of 6 are not in it|another study's"):
        backups.restore(less, file, f"sqlite:///{tmp_path}/l.db" if "sqlite" in url else second,
                        replace=True)  # fmt: skip
    remedy = re.search(r"all the same: reassess (.+)", refused.err)
    assert remedy is not None, refused.err
    taken = cli(*shlex.split(remedy[1]))
    assert "6 counted votes" in taken.out, taken.err
    with open_rating(other, second, create=True) as store:
        assert (store.identity.store_id != was, questions_in(store)) == (True, 12)
    if "sqlite" in url:  # a folder that was made anew takes a backup of its own images
        backups.restore(bare, file)
        open_rating(bare, create=True).close()
    with open_rating(study, url, create=True) as store:
        assert rating.study_progress(store).n_votes == 6


@pytest.mark.parametrize("is_lost", [False, True])
def test_whoever_left_after_a_backup_stays_out_when_it_is_put_back(
    played: tuple[Study, str], tmp_path: Path, cli: Callable[..., Ran], is_lost: bool
) -> None:
    study, url = played
    owners, names = ("ann", "carl"), ("rita", "bob", "dora", "zoe")
    with open_rating(study, url) as store:
        people = {
            name: rating.accept_invitation(store, rating.invite(store, name, role)).number
            for role, some in (("owner", owners), ("rater", names))
            for name in some
        }
        for number in people.values():
            rating.set_password(store, number, WORD)
        play(store, people["dora"], most=1)
        n_votes = rating.study_progress(store).n_votes
    file = tmp_path / "monday.backup"
    backups.backup(study, file, url)
    at = ("--database", url)
    for act in (("--remove", "rita"), ("--pause", "bob"), ("--role", "carl", "rater")):
        assert cli("access", str(study.folder), *act, *at).status == 0
    assert cli("erase", str(study.folder), "dora", "--votes", *at).status == 0
    if is_lost and url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).write_bytes(b"a disk died" * 1000)
    elif is_lost:
        with open_rating(study, url) as store:
            store.database.write(lambda c: c.exec_driver_sql("DROP SCHEMA public CASCADE"))
            store.database.write(lambda c: c.exec_driver_sql("CREATE SCHEMA public"))
    done = cli("restore", str(study.folder), str(file), "--replace", *at)
    assert done.status == 0, done.err
    assert "1 removed, 1 paused, 1 given the role that they had last, 1 erased" in done.err
    with open_rating(study, url) as store:
        for name in people:
            assert rating.sign_in(store, name, WORD) is None
        known = {one.name: one for one in rating.raters_of(store)}
        assert known["rita"].is_removed
        assert known["bob"].is_paused
        assert known["carl"].role == "rater"
        assert not known["zoe"].is_removed
        assert "dora" not in known
        assert rating.study_progress(store).n_votes == n_votes - 2
        assert rating.audit(store) == ()
        zoe = rating.accept_invitation(store, rating.invite(store, "zoe"))
        rating.set_password(store, zoe.number, WORD)
        assert rating.sign_in(store, "zoe", WORD) is not None
    if is_lost and url.startswith("sqlite"):
        (kept,) = tmp_path.glob("study.db.before-*")
        assert kept.read_bytes().startswith(b"a disk died")


def test_a_backup_never_takes_the_place_of_the_database_or_of_what_is_no_backup(
    study: Study, tmp_path: Path
) -> None:
    with open_rating(study, create=True) as store:
        sync(study, store)
        live = study.folder / "rating.db"
        (tmp_path / "soft").symlink_to(live)
        (tmp_path / "hard").hardlink_to(live)
        before = live.stat().st_ino
        manifest = (study.folder / "study.toml").read_text()
        for kept in (
            live, live.with_name("rating.db-wal"), tmp_path / "soft", tmp_path / "hard",
            study.folder / "study.toml",
        ):  # fmt: skip
            with pytest.raises(OptionError, match=r"is the database|is no backup"):
                backups.backup(study, kept, overwrite=True)
        for _ in range(2):
            backups.backup(study, tmp_path / "monday.backup", overwrite=True)
    assert live.stat().st_ino == before
    assert (study.folder / "study.toml").read_text() == manifest
