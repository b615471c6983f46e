"""A study folder as a site, and the site as a server's worker processes build it.

What is in the folder is `reassess.study`'s business, pages are `create_app`'s: here one is
handed to the other. Needs nothing of a server but that it can call `app_of_environment`.
"""

import gc
import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

from fastapi import FastAPI

from reassess.aggregation.adaptive import STOPPING_RULES, vote_budget
from reassess.errors import FileError, OptionError
from reassess.files import read_benchmark, read_labels
from reassess.files.access import check_readable
from reassess.rating import Store, refresh
from reassess.records import Benchmark, StoppingRule
from reassess.site.addresses import site_address
from reassess.site.stopping import (
    LiveRule,
    check_stop,
    fit_elsewhere,
    keep_fitting,
)
from reassess.site.store import (
    cookie_secret,
    database_url,
    kept_secret,
    limit_votes,
    open_rating,
)
from reassess.site.sync import SyncResult, sync
from reassess.study import Study, images_folder, open_study
from reassess.study.images import ImageFolder, example_images
from reassess.study.inputs import CACHE
from reassess.study.manifest import KEYS
from reassess.web.app import check_not_own, create_app
from reassess.web.image_check import FILE, ImageCheck
from reassess.web.languages import Language, languages_of, offered_codes
from reassess.web.markdown import StudyText
from reassess.web.operation import log_requests
from reassess.web.site import Site
from reassess.web.wording import Wording

MADE_BY = "reassess.web.serve:app_of_environment"
"""What a worker process calls to make the application."""

VARIABLE = "REASSESS_SERVING"
"""The environment variable that tells a worker process what to serve, as JSON."""

_ASK = "ask"
"""The section of a study that words its own question and answers."""


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """How a study is served.

    Attributes:
        folder: the study.
        database: URL of the database; None for the study's own.
        stop: name of one of `STOPPING_RULES`; None asks every question all its votes, and so
            does a study that words its own question.
        budget: share of all votes after which nothing more is asked, in (0, 1]; None leaves it to
            the rule.
        exemplars: a table ``image,label`` of other images to show as examples of classes, below
            the study's image folder; None shows images of the study that are not rated.
        https: whether browsers reach the site over https only, as a public address may say too.
        access_log: a file to which each process appends its requests; None keeps no such log.
        base_url: the address at which people reach the site; None is what the study says.
        root_path: the path below which a proxy serves it; None is that of the address.
    """

    folder: str
    database: str | None = None
    stop: str | None = "lossless"
    budget: float | None = None
    exemplars: str | None = None
    https: bool = False
    access_log: str | None = None
    base_url: str | None = None
    root_path: str | None = None

    def __post_init__(self) -> None:
        if self.stop is not None:
            STOPPING_RULES.checked(self.stop, "stop")


@dataclass(frozen=True, slots=True)
class PreparedSite:
    """A site, and what its owner should know before it opens.

    Attributes:
        site: the site.
        study: the study.
        loaded: what its store holds.
        images: where its images are.
        check: tries whether its images can be shown; has tried none yet.
        begin: starts what keeps the stopping rule up to date.
    """

    site: Site
    study: Study
    loaded: SyncResult
    images: ImageFolder
    check: ImageCheck
    begin: Callable[[], None]


def serve_study(
    config: ServeConfig, *, votes_per_question: int | None = None, refreshes: bool = True
) -> PreparedSite:
    """The site of a study, its store opened and loaded.

    Args:
        config: how.
        votes_per_question: k; None leaves it as it is.
        refreshes: whether this process assesses every question again when the rule changes; one
            of a site suffices.

    Raises:
        ReassessError: whatever the study, its files or its database refuse.
    """
    study = open_study(config.folder)
    if config.access_log is not None:
        log_requests(config.access_log)
    if study.settings.get(_ASK, {}).keys() - set(KEYS):  # rules read yes as "in the image"
        config = replace(config, stop=None)
    if config.stop is not None:
        check_stop(study, config.stop)
    address = site_address(study, config.base_url, config.root_path)
    check_not_own(address.root_path)
    images_folder(study)  # refuses a missing one before a store is made, and so do these:
    languages = _languages(study)
    instructions, consent = (
        _own_text(study, key, languages) for key in ("instructions", "consent")
    )
    store = open_rating(study, config.database, votes_per_question=votes_per_question, create=True)
    try:
        loaded = sync(study, store)
        limit_votes(store, vote_budget(config.stop, config.budget))
        images, exemplars = _pictures(study, config, loaded)
        rule, begin = _rule(study, store, config, refreshes=refreshes)
        wording, shown_labels = _asking(study, loaded)
        shown = [name for names in exemplars.values() for name in names]
        names = tuple(dict.fromkeys([*loaded.asked.image_ids.tolist(), *shown]))
        check = ImageCheck(names, images, study.folder / CACHE / FILE, images)
        site = Site(
            store=store if rule is None else replace(store, rule=rule),
            name=study.name,
            classes=loaded.benchmark.classes,
            image_path=images,
            exemplars=exemplars,
            rule=rule,
            secret=cookie_secret(study),
            metrics_token=kept_secret(study, "metrics-token").hex(),
            secure_cookies=config.https or address.is_https,
            root_path=address.root_path,
            base_url=address.base_url,
            wording=wording,
            shown_labels=shown_labels,
            instructions=instructions,
            consent=consent,
            languages=languages,
            contact=study.setting("site", "contact", ""),
            image_check=check,
            study=study,
        )
    except BaseException:
        store.close()
        raise
    return PreparedSite(site, study, loaded, images, check, begin)


def environment_of(config: ServeConfig) -> dict[str, str]:
    """What a worker process must find in its environment."""
    return {VARIABLE: json.dumps(asdict(config))}


def app_of_environment() -> FastAPI:
    """The application of a worker process; the process that started it loaded the store.

    Raises:
        OptionError: the environment does not say what to serve.
    """
    given = os.environ.get(VARIABLE)
    if given is None:
        raise OptionError(
            f"{VARIABLE} is not set, but must say what to serve: reassess serve STUDY"
        )
    prepared = serve_study(ServeConfig(**json.loads(given)), refreshes=False)
    prepared.begin()
    prepared.check.follow()
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    app = create_app(prepared.site)
    keep_for_good()
    return app


def keep_for_good() -> None:
    """Take what a start has loaded out of the collection of garbage.

    A full collection walks over all of it and lets every request wait meanwhile, for nothing: it
    stays until the process ends.
    """
    gc.collect()
    gc.freeze()


def _end_with(parent: BaseProcess) -> None:
    """Stop once the process that started this one is gone, so that nobody keeps its port."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _pictures(
    study: Study, config: ServeConfig, loaded: SyncResult
) -> tuple[ImageFolder, dict[int, tuple[str, ...]]]:
    source = loaded.benchmark
    if config.exemplars is not None:
        classes = None if study.classes is None else study.path(study.classes)
        source = read_benchmark(config.exemplars, classes=classes)
    folder = images_folder(study)
    asked = frozenset(loaded.asked.image_ids.tolist())
    images = ImageFolder(folder, _ids(loaded.benchmark))
    if source is loaded.benchmark:
        return images, example_images(source, asked, images)
    more = example_images(source, asked, ImageFolder(folder, _ids(source)))
    shown = {name for names in more.values() for name in names}
    return ImageFolder(folder, {*_ids(loaded.benchmark), *shown}), more


def _asking(study: Study, loaded: SyncResult) -> tuple[Wording, dict[str, tuple[int, ...]]]:
    """How the study calls its question and answers, and the labels that it shows."""
    options = dict(study.settings.get(_ASK, {}))
    named = options.pop("labels", None)
    shown: dict[str, tuple[int, ...]] = {}
    if named is not None:
        classes = loaded.benchmark.classes
        labels = read_labels(study.path(named), classes=classes).align_to(loaded.benchmark)
        shown = dict(zip(labels.image_ids.tolist(), map(tuple, labels.lists()), strict=True))
    return Wording(**options), shown


def _languages(study: Study) -> tuple[Language, ...]:
    """The languages of the rater's side: those that the manifest names, else all there are."""
    named = study.setting("site", "catalogues")
    folder = None if named is None else study.path(named)
    wanted = study.setting("site", "language")
    codes = offered_codes(folder) if wanted is None else wanted
    return languages_of((codes,) if isinstance(codes, str) else codes, folder)


def _own_text(study: Study, key: str, languages: tuple[Language, ...]) -> StudyText:
    """A Markdown file of the study's own, and its translations beside it; empty without one.

    Beside ``consent.md`` is ``consent.de.md``.
    """
    named = study.setting("site", key)
    if named is None:
        return StudyText()
    path = study.path(named)
    beside = {one.code: path.with_suffix(f".{one.code}{path.suffix}") for one in languages}
    usual = _text_in(path)
    if not usual.strip():
        raise FileError(f"{path}: it is empty. Write the text, or take {key} out of study.toml.")
    return StudyText(
        usual, {code: _text_in(other) for code, other in beside.items() if other.is_file()}
    )


def _text_in(path: Path) -> str:
    check_readable(path)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: it is not text in UTF-8. Save it as such.") from error


def _ids(benchmark: Benchmark) -> list[str]:
    names: list[str] = benchmark.image_ids.tolist()
    return names


def _rule(
    study: Study, store: Store, config: ServeConfig, *, refreshes: bool
) -> tuple[StoppingRule | None, Callable[[], None]]:
    """The rule, and what starts keeping it up; a site without one forgets what was settled."""
    stop = config.stop
    if stop is None:
        return None, (lambda: _forget(store, refreshes=refreshes))
    live = LiveRule()
    url, folder = database_url(study, config.database), Path(config.folder)

    def begin() -> None:
        threading.Thread(
            target=keep_fitting,
            args=(live, replace(store, rule=live), lambda: fit_elsewhere(folder, url, stop)),
            kwargs={"until": threading.Event(), "refreshes": refreshes},
            name="stopping rule",
            daemon=True,
        ).start()

    return live, begin


def _forget(store: Store, *, refreshes: bool) -> None:
    if refreshes:
        refresh(store)
