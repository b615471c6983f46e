"""A study's rating store: where its database is, opening it, and what is read from it.

Its vote limit and its cookie secret are set here; so are the records that a report and a review
of mistakes are made from. Loads nothing into the store (`reassess.site.sync`), does not say when
to stop asking (`reassess.site.stopping`), and builds no pages (`reassess.web`).
"""

import json
import os
import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.analysis.raters import RaterRepeats
from reassess.analysis.reviews import review_labels
from reassess.errors import FileError, OptionError
from reassess.files import read_votes, write_atomically
from reassess.notes import note
from reassess.rating import (
    Settings,
    Store,
    StudyProgress,
    adjudications,
    change_settings,
    has_mark,
    leave_mark,
    open_store,
    rater_table,
    raters_of,
    renew_identity,
    settings_of,
    study_progress,
    votes,
)
from reassess.records import MistakeReview, StoppingRule, Votes
from reassess.site.belonging import check_belongs, take_store
from reassess.site.departures import note_departures, reapply_departures
from reassess.site.kept import KEPT, kept_folder
from reassess.study import Study, database_as_named, read_study_benchmark, votes_file
from reassess.study import change_settings as change_manifest

DATABASE = "rating.db"

_SECRET_BYTES = 32
_SERVICES = "services.json"
_MOST_SERVICES = 50


def database_url(study: Study, given: str | None = None) -> str:
    """The URL of the study's database: as given, as its manifest says, else SQLite beside it."""
    usual = f"sqlite:///{(study.folder.absolute() / DATABASE).as_posix()}"
    return given or study.database or usual


def name_database(study: Study, url: str) -> Study:
    """The study, whose manifest names the database from now on, without its password.

    A password stays where libpq finds it: in PGPASSWORD, or in ~/.pgpass.

    Args:
        study: the study.
        url: of its database, which holds its store.

    Raises:
        FileError: the manifest cannot be written.
        MissingExtraError: tomlkit is missing.
    """
    return change_manifest(study, "site", {"database": database_as_named(url, study.folder)})


def open_rating(
    study: Study,
    url: str | None = None,
    *,
    votes_per_question: int | None = None,
    rule: StoppingRule | None = None,
    create: bool = False,
    adopt: bool = False,
) -> Store:
    """The store of a study, brought to the newest schema.

    Args:
        study: the study.
        url: of the database; None for the study's own (`database_url`).
        votes_per_question: k; None leaves it as it is, and is 5 for a new store, or what the
            manifest says in [cost].
        rule: when to stop asking; None gives every question all its votes.
        create: make it where it is new, which is for whoever loads questions into it. Else a
            database that holds no study is refused, and a mistyped URL leaves nothing behind.
        adopt: let the database be this study's from now on, whichever it belonged to.

    Raises:
        StoreError: the database is absent, unreadable or something else.
        DataError: it belongs to another study.
        OptionError: k is out of range, or less than some question has.
    """
    k = votes_per_question or study.setting("cost", "votes_per_question", 5)
    store = open_store(
        database_url(study, url),
        settings=Settings(votes_per_question=k),
        rule=rule,
        must_exist=not create,
    )
    try:
        if adopt:
            take_store(study, store)
        else:
            check_belongs(study, store, create=create)
        store = _checked_against_folder(study, store)
        if store.is_renewed:
            reapply_departures(study, store)
        is_told = store.identity.origin != "restored" and store.is_renewed
        if is_told and raters_of(store):  # else there is nobody whose session ended
            note(
                f"{study.folder}: the database was {_HOW[store.identity.origin]}. It has an id of "
                "its own now: sessions, passwords, open links and addresses to enrol by are void "
                "here. Invite people again."
            )
        settings = settings_of(store)
        if votes_per_question is not None and settings.votes_per_question != votes_per_question:
            change_settings(store, replace(settings, votes_per_question=votes_per_question))
    except BaseException:
        store.close()
        raise
    return store


_HOW: dict[str, str] = {
    "copied": "copied or replaced",
    "rolled back": "put back to an earlier state",
}


def mark_service(study: Study, store: Store) -> None:
    """Note in the store and in the study that the site was opened, or closed, and who has left.

    A store that lacks the mark that its study remembers is older than it was: its leases and
    links may have been given out once already.

    Raises:
        FileError: the study's folder cannot be written.
        StoreError: the database cannot be written.
    """
    seen = _services(study) | {store.identity.store_id: leave_mark(store)}
    path = kept_folder(study) / _SERVICES
    with write_atomically(path) as beside:
        kept = dict(list(seen.items())[-_MOST_SERVICES:])
        beside.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    note_departures(study, store)


def _services(study: Study) -> dict[str, str]:
    """The last mark of each store that the study was served from."""
    try:
        found = json.loads((study.folder / KEPT / _SERVICES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _checked_against_folder(study: Study, store: Store) -> Store:
    """The store; under another id where it is older than what the study was served from."""
    mark = _services(study).get(store.identity.store_id)
    if mark is None or has_mark(store, mark):
        return store
    return renew_identity(store, "rolled back")


def has_store(study: Study, url: str | None = None) -> bool:
    """Whether the study's site was ever opened, or a database is named that must hold it."""
    return (url or study.database) is not None or (study.folder / DATABASE).is_file()


def site_progress(study: Study, url: str | None = None) -> StudyProgress | None:
    """How far people are on the study's site; None where it was never opened.

    Args:
        study: the study.
        url: of the database; None for the study's own.

    Raises:
        StoreError: the database cannot be read, or one that is named holds no study.
    """
    if not has_store(study, url):
        return None
    with open_rating(study, url) as store:
        return study_progress(store)


def limit_votes(store: Store, share: float) -> None:
    """Let the store ask no more than a share of the votes that all its questions could get.

    To be called again when questions were added, whose votes count too.

    Args:
        store: a study's, filled.
        share: in (0, 1]; 1 sets no limit.

    Raises:
        OptionError: the share is out of range.
        StoreError: the database cannot be read or written.
    """
    if not 0 < share <= 1:
        raise OptionError(f"the budget is {share}, but must be a share of all votes in (0, 1].")
    settings = settings_of(store)
    n_votes = study_progress(store).n_questions * settings.votes_per_question
    budget = None if share == 1 else round(share * n_votes)
    if settings.budget != budget:
        change_settings(store, replace(settings, budget=budget))


def cookie_secret(study: Study) -> bytes:
    """What signs the site's cookies: made once, readable by its owner only.

    Raises:
        FileError: it cannot be made or read, or is too short to be one.
    """
    return kept_secret(study, "cookie-secret")


def kept_secret(study: Study, name: str) -> bytes:
    """A secret of the study, by the name of its file: made once, readable by its owner only.

    Raises:
        FileError: it cannot be made or read, or is too short to be one.
    """
    path = study.folder / KEPT / name
    try:
        kept_folder(study)
        if not path.exists():
            _make_secret(path)
        secret = path.read_bytes()
    except OSError as error:
        raise FileError(
            f"{path}: cannot be made or read ({error.strerror}). Run as who owns the study."
        ) from error
    if len(secret) < _SECRET_BYTES:
        raise FileError(
            f"{path}: it has {len(secret)} bytes, but must have at least {_SECRET_BYTES}. Delete "
            "it; another one is made then, and everybody signs in again."
        )
    return secret


def _make_secret(path: Path) -> None:
    """Write beside and link, so that two servers that start at once agree on one secret."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(beside)
    except FileExistsError:
        pass
    finally:
        beside.unlink(missing_ok=True)


def rater_repeats(
    study: Study, rater_ids: Shaped[np.ndarray, "R"], database: str | None = None
) -> RaterRepeats | None:
    """How far raters agree with themselves; None where the site asked nobody anything twice.

    Args:
        study: the study.
        rater_ids: the R raters of its votes.
        database: URL of the store; None for the study's own.

    Raises:
        StoreError: the database cannot be read.
    """
    if not has_store(study, database):
        return None
    with open_rating(study, database) as store:
        known = {one.name: one.self_agreement for one in rater_table(store)}
    counts = [
        (known[name].of, known[name].n) if name in known else (0, 0) for name in rater_ids.tolist()
    ]
    n, n_same = np.array(counts, np.int64).reshape(-1, 2).T
    return RaterRepeats(rater_ids, n, n_same) if n.any() else None


def read_verdicts(
    study: Study, review: MistakeReview, database: str | None = None
) -> tuple[Int[np.ndarray, "Q"], Bool[np.ndarray, "Q"]]:
    """The verdict on each mistake drawn, and whether it has its votes.

    From the study's store, with what experts decided there; without a store from the study's
    file of votes.

    Args:
        study: the review.
        review: what was drawn.
        database: URL of the store; None for the study's own.

    Raises:
        OptionError: there is neither a store nor a file of votes.
        FileError: the file of votes is malformed.
        DataError: a vote is about something that was not drawn.
        StoreError: the database cannot be read.
    """
    if has_store(study, database):
        return review_labels(review, *_votes_and_decisions(study, database))
    path = votes_file(study)
    if path is None:
        raise OptionError(
            f"{study.folder}: there are no votes on the review yet. Let people rate it (reassess "
            f"serve {study.folder}), or import votes: reassess votes import {study.folder} FILE"
        )
    classes = read_study_benchmark(study).classes
    return review_labels(review, read_votes(path, classes=classes, answers=study.answers), {})


def _votes_and_decisions(
    study: Study, database: str | None
) -> tuple[Votes | None, dict[tuple[str, int], int]]:
    """The votes of a store, None where there are none, and what experts decided last."""
    with open_rating(study, database) as store:
        decided = sorted(adjudications(store), key=lambda one: one.at)
        given = votes(store) if study_progress(store).n_votes else None
    return given, {(one.image_id, one.label): one.answer for one in decided}
