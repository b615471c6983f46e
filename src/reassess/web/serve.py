"""A study folder as a site, and the site as a server's worker processes build it.

What is in the folder is `reassess.study`'s business, pages are `create_app`'s: here one is
handed to the other. Needs nothing of a server but that it can call `app_of_environment`.
"""

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

from reassess.errors import OptionError
from reassess.files import read_benchmark, read_labels
from reassess.rating import Store, refresh
from reassess.records import Benchmark, StoppingRule
from reassess.site.stopping import (
    LiveRule,
    Stop,
    budget_of,
    check_stop,
    fit_elsewhere,
    keep_fitting,
)
from reassess.site.store import (
    cookie_secret,
    database_url,
    limit_votes,
    open_rating,
)
from reassess.site.sync import SyncResult, sync
from reassess.study import Study, open_study
from reassess.study.images import ImageFolder, example_images
from reassess.web.app import create_app
from reassess.web.site import Site
from reassess.web.wording import Wording

VARIABLE = "REASSESS_SERVING"
"""The environment variable that tells a worker process what to serve, as JSON."""

_ASK = "ask"
"""The section of a study that words its own question and answers."""


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """How a study is served.

    Attributes:
        folder: the study.
        database: URL of the database; None for SQLite in the study's folder.
        stop: which stopping rule; None asks every question all its votes, and so does a study
            that words its own question.
        budget: share of all votes after which nothing more is asked, in (0, 1]; None leaves it to
            the rule.
        exemplars: a table ``image,label`` of other images to show as examples of classes, below
            the study's image folder; None shows images of the study that are not rated.
        https: whether browsers reach the site over https only.
    """

    folder: str
    database: str | None = None
    stop: Stop | None = "lossless"
    budget: float | None = None
    exemplars: str | None = None
    https: bool = False


@dataclass(frozen=True, slots=True)
class PreparedSite:
    """A site, and what its owner should know before it opens.

    Attributes:
        site: the site.
        study: the study.
        filled: what its store holds.
        images: where its images are.
        begin: starts what keeps the stopping rule up to date.
    """

    site: Site
    study: Study
    filled: SyncResult
    images: ImageFolder
    begin: Callable[[], None]


def serve_study(
    serving: ServeConfig, *, votes_per_question: int | None = None, refreshes: bool = True
) -> PreparedSite:
    """The site of a study, its store opened and filled.

    Args:
        serving: how.
        votes_per_question: k; None leaves it as it is.
        refreshes: whether this process assesses every question anew when the rule changes; one
            of a site suffices.

    Raises:
        ReassessError: whatever the study, its files or its database refuse.
    """
    study = open_study(serving.folder)
    if _ASK in study.settings:  # rules read yes as "in the image"
        serving = replace(serving, stop=None)
    if serving.stop is not None:
        check_stop(study, serving.stop)
    store = open_rating(study, serving.database, votes_per_question=votes_per_question)
    try:
        filled = sync(study, store)
        limit_votes(store, budget_of(serving.stop, serving.budget))
        images, exemplars = _pictures(study, serving, filled)
        rule, begin = _rule(study, store, serving, refreshes=refreshes)
        wording, shown_labels = _asking(study, filled)
        site = Site(
            store=store if rule is None else replace(store, rule=rule),
            name=study.name,
            classes=filled.benchmark.classes,
            image_path=images,
            exemplars=exemplars,
            rule=rule,
            secret=cookie_secret(study),
            secure_cookies=serving.https,
            wording=wording,
            shown_labels=shown_labels,
        )
    except BaseException:
        store.close()
        raise
    return PreparedSite(site, study, filled, images, begin)


def environment_of(serving: ServeConfig) -> dict[str, str]:
    """What a worker process must find in its environment."""
    return {VARIABLE: json.dumps(asdict(serving))}


def app_of_environment() -> FastAPI:
    """The application of a worker process; the process that started it filled the store.

    Raises:
        OptionError: the environment does not say what to serve.
    """
    told = os.environ.get(VARIABLE)
    if told is None:
        raise OptionError(
            f"{VARIABLE} is not set, but must say what to serve: reassess serve STUDY"
        )
    served = serve_study(ServeConfig(**json.loads(told)), refreshes=False)
    served.begin()
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    return create_app(served.site)


def _end_with(parent: BaseProcess) -> None:
    """Stop once the process that started this one is gone, so that nobody keeps its port."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _pictures(
    study: Study, serving: ServeConfig, filled: SyncResult
) -> tuple[ImageFolder, dict[int, tuple[str, ...]]]:
    source = filled.benchmark
    if serving.exemplars is not None:
        classes = None if study.classes is None else study.path(study.classes)
        source = read_benchmark(serving.exemplars, classes=classes)
    folder = None if study.images is None else study.path(study.images)
    asked = frozenset(filled.asked.image_ids.tolist())
    images = ImageFolder(folder, _ids(filled.benchmark))
    if source is filled.benchmark:
        return images, example_images(source, asked, images)
    more = example_images(source, asked, ImageFolder(folder, _ids(source)))
    shown = {name for names in more.values() for name in names}
    return ImageFolder(folder, {*_ids(filled.benchmark), *shown}), more


def _asking(study: Study, filled: SyncResult) -> tuple[Wording, dict[str, tuple[int, ...]]]:
    """How the study calls its question and answers, and the labels that it shows."""
    options = dict(study.settings.get(_ASK, {}))
    named = options.pop("labels", None)
    shown: dict[str, tuple[int, ...]] = {}
    if named is not None:
        classes = filled.benchmark.classes
        labels = read_labels(study.path(named), classes=classes).align_to(filled.benchmark)
        shown = dict(zip(labels.image_ids.tolist(), map(tuple, labels.lists()), strict=True))
    return Wording(**options), shown


def _ids(benchmark: Benchmark) -> list[str]:
    names: list[str] = benchmark.image_ids.tolist()
    return names


def _rule(
    study: Study, store: Store, serving: ServeConfig, *, refreshes: bool
) -> tuple[StoppingRule | None, Callable[[], None]]:
    """The rule, and what starts keeping it up; a site without one forgets what was settled."""
    stop = serving.stop
    if stop is None:
        return None, (lambda: _forget(store, refreshes=refreshes))
    live = LiveRule()
    url, folder = database_url(study, serving.database), Path(serving.folder)

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
