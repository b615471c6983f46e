"""What the rating site needs of a study: its store, the pictures raters may see, a secret.

Fills nothing into the store (`reassess.study.filling`), does not say when to stop asking
(`reassess.study.stopping`), and builds no pages (`reassess.web`).
"""

import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from reassess.errors import FileError, OptionError
from reassess.rating import (
    Progress,
    Settings,
    Store,
    change_settings,
    open_store,
    progress,
    settings_of,
)
from reassess.records import Benchmark, StoppingRule, positions
from reassess.study.manifest import Study

DATABASE = "rating.db"
KEPT = ".rating"
"""The hidden folder of what must outlive a server: unlike `CACHE` it must not be deleted."""

N_EXEMPLARS = 8
_SECRET_BYTES = 32


def database_url(study: Study, given: str | None = None) -> str:
    """The URL of the study's database: as given, else SQLite in the study's folder."""
    return given or f"sqlite:///{(study.folder.absolute() / DATABASE).as_posix()}"


def open_rating(
    study: Study,
    url: str | None = None,
    *,
    votes_per_question: int | None = None,
    rule: StoppingRule | None = None,
    must_exist: bool = False,
) -> Store:
    """The store of a study, made where it is new.

    Args:
        study: the study.
        url: of the database; None for SQLite in the study's folder.
        votes_per_question: k; None leaves it as it is, and is 5 for a new store, or what the
            manifest says in [cost].
        rule: when to stop asking; None gives every question all its votes.
        must_exist: refuse to make it.

    Raises:
        StoreError: the database is absent, unreadable or something else.
        OptionError: k is out of range, or less than some question has.
    """
    k = votes_per_question or study.setting("cost", "votes_per_question", 5)
    store = open_store(
        database_url(study, url),
        settings=Settings(votes_per_question=k),
        rule=rule,
        must_exist=must_exist,
    )
    try:
        settings = settings_of(store)
        if votes_per_question is not None and settings.votes_per_question != votes_per_question:
            change_settings(store, replace(settings, votes_per_question=votes_per_question))
    except BaseException:
        store.close()
        raise
    return store


def site_progress(study: Study, url: str | None = None) -> Progress | None:
    """How far people are on the study's site; None where it was never opened.

    Args:
        study: the study.
        url: of the database; None for SQLite in the study's folder.

    Raises:
        StoreError: the database cannot be read, or one that is named holds no study.
    """
    if url is None and not (study.folder / DATABASE).is_file():
        return None
    with open_rating(study, url, must_exist=True) as store:
        return progress(store)


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
    n_votes = progress(store).n_questions * settings.votes_per_question
    budget = None if share == 1 else round(share * n_votes)
    if settings.budget != budget:
        change_settings(store, replace(settings, budget=budget))


class ImageFolder:
    """Image id → file below one folder, and never a file outside it.

    Args:
        folder: the folder; None where the study has no images.
        image_ids: the ids that may be asked for; all others have no file.

    Raises:
        AlignmentError: an id fits several files, or two ids name one file.
    """

    def __init__(self, folder: Path | None, image_ids: Iterable[str]) -> None:
        self._folder = None if folder is None or not folder.is_dir() else folder.resolve()
        self._name = {image_id: image_id for image_id in image_ids}
        self.n_found = 0
        if self._folder is not None and self._name:
            files = _files_below(self._folder)
            self.n_found = self._look_up(files, str(folder))

    def __len__(self) -> int:
        return len(self._name)

    def __call__(self, image_id: str) -> Path | None:
        """The file of an image; None where there is none, or it lies outside the folder."""
        name = self._name.get(image_id)
        if self._folder is None or name is None:
            return None
        try:
            path = (self._folder / name).resolve()
            inside = path.is_relative_to(self._folder) and path.is_file()
        except (OSError, ValueError, RuntimeError):  # links in a circle, a name that is no path
            return None
        return path if inside else None

    def _look_up(self, files: list[str], folder: str) -> int:
        """How many ids have a file; ids that are the end of a file's path, or longer, find it."""
        there = set(files)
        absent = [image_id for image_id in self._name if image_id not in there]
        if not absent or not files:
            return len(self._name) - len(absent)
        row = positions(np.array(absent), np.array(files), source=folder)
        found = {one: files[i] for one, i in zip(absent, row.tolist(), strict=True) if i >= 0}
        self._name |= found
        return len(self._name) - len(absent) + len(found)


def exemplars_of(
    source: Benchmark, asked: Collection[str], images: ImageFolder, *, n_images: int = N_EXEMPLARS
) -> dict[int, tuple[str, ...]]:
    """Images to show as examples of each class: by original label, never one that is rated.

    An image that is rated is nobody's example, since its example would tell its original label.
    Which images of a class are shown is drawn once and for all.

    Args:
        source: images and their original labels; the study's or others in the same folder.
        asked: ids of the images that raters are asked about.
        images: where the files are; what has no file is left out.
        n_images: how many a class at most.
    """
    if source.original is None:
        return {}
    found: dict[int, list[str]] = {}
    order = np.random.default_rng(0).permutation(len(source.image_ids))
    names = source.image_ids[order].tolist()
    for name, label in zip(names, source.original[order].tolist(), strict=True):
        chosen = found.setdefault(label, [])
        if len(chosen) < n_images and name not in asked and images(name) is not None:
            chosen.append(name)
    return {label: tuple(chosen) for label, chosen in sorted(found.items()) if chosen}


def cookie_secret(study: Study) -> bytes:
    """What signs the site's cookies: made once, readable by its owner only.

    Raises:
        FileError: it cannot be made or read, or is too short to be one.
    """
    path = study.folder / KEPT / "cookie-secret"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
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
            "it; everybody signs in anew then."
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


def _files_below(folder: Path) -> list[str]:
    """Every file below a folder, as a path with ``/``; folders that are links are not entered."""
    found: list[str] = []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        below = Path(parent).relative_to(folder).as_posix()
        start = "" if below == "." else f"{below}/"
        found += [start + name for name in sorted(files)]
    return found
