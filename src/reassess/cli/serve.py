"""``reassess serve``: the rating site of a study."""

import math
import os
import shlex
import signal
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import RegistryChoice, RegistryOption, option
from reassess.cli.outputs import OutputFile
from reassess.cli.rating_options import need
from reassess.errors import OptionError, ReassessError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reassess.aggregation.adaptive import StoppingMethod
    from reassess.registry import Registry
    from reassess.study import Study
    from reassess.web.serve import PreparedSite

_KEEP_ALIVE = 75
"""Seconds: longer than a task takes, and than a proxy keeps its own connections."""

_TRY = 10.0
"""Seconds in which images are tried before the site opens; the rest is tried afterwards."""

_START = 60
"""Seconds that a worker process may be silent, as it is while it starts on a busy machine."""

_NO_STOP = (
    "Note: every question gets all its votes: the study words its own question ([ask]), and rules "
    "that stop early know only whether a class is in the image."
)


def _stopping_rules() -> "Registry[StoppingMethod]":
    from reassess.aggregation.adaptive import STOPPING_RULES

    return STOPPING_RULES


@click.command(
    epilog="""\b
Examples:
  reassess serve my-study
  reassess serve my-study --host 0.0.0.0 --port 80 --votes-per-question 5
  reassess serve my-study --stop learned --budget 0.45
\b
Behind a proxy that speaks https, several processes on PostgreSQL:
  reassess serve my-study --https --processes 4 --database postgresql://me@localhost/my-study
"""
)
@click.argument("study")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all."
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on.",
)
@click.option(
    "--database",
    metavar="URL",
    help="sqlite:///FILE or postgresql://USER@HOST/NAME; written into study.toml without its "
    "password, for every command.  [default: as study.toml names it, else rating.db in STUDY]",
)
@option(
    "--no-early-stopping",
    old=("--fixed",),
    is_flag=True,
    help="Give every question all its votes.",
)
@click.option(
    "--stop",
    cls=RegistryOption,
    type=RegistryChoice(_stopping_rules),
    default="lossless",
    show_default=True,
    help="When to stop asking, once raters are known. {names}. A study that words its own "
    "question ([ask]) never stops early.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="SHARE",
    help="Share of all votes to ask for.  [default: 0.45 with --stop learned, else 1]",
)
@click.option(
    "--votes-per-question",
    type=click.IntRange(1, 100),
    metavar="K",
    help="Raters for each question.  [default: unchanged; [cost] in study.toml, or 5, where the "
    "store is new]",
)
@option(
    "--example-images",
    old=("--exemplars",),
    metavar="FILE",
    help="A table image,label of other images, below the study's image folder, to show as "
    "examples of classes.  [default: images of the study that are not rated]",
)
@click.option(
    "--https", is_flag=True, help="Send cookies over https only, which a proxy in front speaks."
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Public address of the site, its path included; written into study.toml, for `invite`. "
    "One with https implies --https.  [default: as study.toml names it]",
)
@click.option(
    "--root-path",
    metavar="PATH",
    help="Path below which a proxy serves the site, such as /pilot; written into study.toml.  "
    "[default: that of --base-url]",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Refuse to serve where an image has no file, or one that cannot be shown.",
)
@option(
    "--processes",
    old=("--workers",),
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Worker processes; more than one needs PostgreSQL.",
)
@click.option(
    "--access-log",
    type=OutputFile(),
    metavar="FILE",
    help="Append a line for each request to FILE: time, pattern of the address, status, duration; "
    "no tokens.  [default: no such log]",
)
def serve(
    study: str,
    host: str,
    port: int,
    processes: int,
    database: str | None,
    stop: str,
    no_early_stopping: bool,
    budget: float | None,
    votes_per_question: int | None,
    example_images: str | None,
    https: bool,
    base_url: str | None,
    root_path: str | None,
    access_log: str | None,
    strict: bool,
) -> None:
    """Open the rating site of STUDY, until it is stopped (Ctrl-C).

    Loads the study's questions and gold first; what is there already stays. Invite people with
    `reassess invite`. Without an image folder the site shows placeholders. A --database is
    written into study.toml, without its password, and every command takes it from there.

    Every image is decoded once, and those that cannot be shown are named: here, and on the
    owner's page. What takes longer than some seconds is tried while the site is open.
    """
    need("uvicorn", "the rating site")
    need("fastapi", "the rating site")
    need("sqlalchemy", "keeping votes")
    import uvicorn

    from reassess.site import database_url
    from reassess.study import open_study
    from reassess.study.addresses import check_base_url, check_root_path
    from reassess.web import create_app
    from reassess.web.prompt import PromptProtocol
    from reassess.web.serve import (
        MADE_BY,
        ServeConfig,
        environment_of,
        keep_for_good,
        serve_study,
    )

    _check_contradictions(no_early_stopping=no_early_stopping, budget=budget)
    if processes > 1 and database_url(open_study(study), database).startswith("sqlite"):
        raise OptionError(
            f"--processes is {processes}, but must be 1 with SQLite. Name a PostgreSQL database "
            "(--database postgresql://…), or leave --processes out."
        )
    _check_address(host, port)
    config = ServeConfig(
        folder=study,
        database=database,
        stop=None if no_early_stopping else stop,
        budget=budget,
        exemplars=example_images,
        https=https,
        access_log=access_log,
        base_url=None if base_url is None else check_base_url(base_url, name="--base-url"),
        root_path=None if root_path is None else check_root_path(root_path, name="--root-path"),
    )
    signal.signal(signal.SIGTERM, _end)
    prepared = serve_study(config, votes_per_question=votes_per_question)
    with prepared.site.store, _marked(prepared):
        if database is not None:
            _name_database(prepared.study, database)
        if base_url is not None or root_path is not None:
            _name_address(prepared)
        _tell(prepared)
        _tell_address(prepared, study, f"{_reached(host)}:{port}")
        is_tried = _try_images(prepared, strict=strict)
        if not no_early_stopping:
            _tell_stop(prepared, stop, budget)
        root = prepared.site.root_path
        click.echo(f"Serving at http://{_shown(host)}:{port}{root}/", err=True)
        prepared.begin()
        if not is_tried:
            prepared.check.run_in_background()
        # The log of requests would hold the tokens of invitations.
        common: dict[str, Any] = {
            "host": host, "port": port, "access_log": False, "log_level": "warning",
            "timeout_keep_alive": _KEEP_ALIVE, "http": PromptProtocol,
        }  # fmt: skip
        if processes == 1:
            app = create_app(prepared.site)
            keep_for_good()
            uvicorn.run(app, **common)
        else:
            os.environ |= environment_of(config)
            common["timeout_worker_healthcheck"] = _START
            uvicorn.run(MADE_BY, factory=True, workers=processes, **common)


def _end(number: int, frame: object) -> None:
    """End as Ctrl-C does, through everything that is to be closed.

    Raises:
        SystemExit: always; an end that was asked for is no failure.
    """
    del number, frame
    raise SystemExit(0)


@contextmanager
def _marked(prepared: "PreparedSite") -> "Iterator[None]":
    """Leave a mark of the opening and one of the end, so that an older copy is known by it."""
    from reassess.site.backups import served
    from reassess.site.store import mark_service

    with served(prepared.study):
        mark_service(prepared.study, prepared.site.store)
        try:
            yield
        finally:
            with suppress(ReassessError):  # a full disk: the mark of the opening stands
                mark_service(prepared.study, prepared.site.store)


def _check_contradictions(*, no_early_stopping: bool, budget: float | None) -> None:
    if no_early_stopping and budget is not None:
        raise OptionError("--no-early-stopping and --budget contradict each other. Leave one out.")
    typed = click.get_current_context().get_parameter_source("stop")
    if no_early_stopping and typed is click.core.ParameterSource.COMMANDLINE:
        raise OptionError("--no-early-stopping and --stop contradict each other. Leave one out.")


def _check_address(host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        raise OptionError(
            f"{host}:{port} cannot be listened on ({error}). Take another --port or --host."
        ) from error


def _name_database(study: "Study", database: str) -> None:
    """Write the database into the manifest, and say so where that changed it."""
    from reassess.site import name_database
    from reassess.study import without_password

    named = name_database(study, database)
    if named.database == study.database:
        return
    click.echo(
        f"Note: study.toml names the database from now on ({named.setting('site', 'database')}), "
        "and every command takes it from there.",
        err=True,
    )
    if without_password(database) != database:
        click.echo(
            "Note: its password is not written there. Give it to other commands in PGPASSWORD or "
            "~/.pgpass.",
            err=True,
        )


def _name_address(prepared: "PreparedSite") -> None:
    """Write the address into the manifest, and say so where that changed it."""
    from reassess.site import SiteAddress, name_address

    site, study = prepared.site, prepared.study
    if name_address(study, SiteAddress(site.base_url, site.root_path)).settings != study.settings:
        click.echo(
            f"Note: study.toml names {site.base_url or site.root_path} as the site's address from "
            "now on, and `reassess invite` takes it from there.",
            err=True,
        )


def _tell_address(prepared: "PreparedSite", study: str, host: str) -> None:
    """The whole line that invites somebody, with the address at which they reach the site."""
    from reassess.rating import raters_of
    from reassess.site import note_served

    site = prepared.site
    is_hidden = site.base_url is None and site.secure_cookies
    here = f"http://{host}{site.root_path}"
    note_served(prepared.study, site.store, None if is_hidden else here)
    if is_hidden:
        click.echo(
            "Note: the public address is not known. Give it as --base-url https://…, so that links "
            "lead to it.",
            err=True,
        )
        return
    address = site.base_url or here
    people = raters_of(site.store)
    has_owner = any(person.role == "owner" and not person.is_removed for person in people)
    start = "Invite people" if has_owner else "The site has no owner yet"
    who = "NAME" if has_owner else "NAME --role owner"
    line = f"reassess invite {shlex.quote(study)} {who} --base-url {address}"
    click.echo(f"{start}: {line}", err=True)


def _tell(prepared: "PreparedSite") -> None:
    """What the owner should know: what was loaded, and what raters will miss."""
    from reassess.rating import qualification_warning

    loaded, images = prepared.loaded, prepared.images
    click.echo(
        f"{len(loaded.asked.question):,} questions about {len(loaded.asked.image_ids):,} images, "
        f"{loaded.n_new:,} of them new; {loaded.n_gold:,} gold questions; {loaded.n_practice:,} "
        "images to practise on.",
        err=True,
    )
    shown = sum(map(images.has, loaded.asked.image_ids.tolist()))
    if shown == 0:
        click.echo(
            "Warning: no image is there to be shown: raters see a placeholder. Name the folder: "
            f"reassess locate {shlex.quote(str(prepared.study.folder))} --images DIR",
            err=True,
        )
    elif shown < len(loaded.asked.image_ids):
        click.echo(
            f"Warning: {len(loaded.asked.image_ids) - shown:,} of {len(loaded.asked.image_ids):,} "
            "images have no file: raters see a placeholder.",
            err=True,
        )
    for number, text in (
        (loaded.n_unasked_gold, "gold questions are about rated images but not asked: left out"),
        (loaded.n_not_proposed, "questions are not proposed any more: they are asked all the same"),
    ):
        if number:
            click.echo(f"Note: {number:,} {text}.", err=True)
    warning = qualification_warning(prepared.site.store)
    if warning is not None:
        click.echo(f"Warning: {warning}", err=True)


def _try_images(prepared: "PreparedSite", *, strict: bool) -> bool:
    """Whether every image was tried; the owner is told of those that cannot be shown.

    Raises:
        DataError: one cannot be, or has no file, and only whole studies are to be served.
    """
    check = prepared.check
    if strict:
        check.run()
        check.refuse_broken()
        return True
    is_tried = check.run(seconds=_TRY)
    found = check.findings()
    sentence = found.sentence()
    if sentence is not None:
        click.echo(f"Warning: {sentence}", err=True)
    elif not is_tried:
        click.echo(
            f"Note: {found.n_tried:,} of {found.n_images:,} images were tried and can be shown; "
            "the others are tried while the site is open. The owner's page names what cannot be.",
            err=True,
        )
    return is_tried


def _tell_stop(prepared: "PreparedSite", stop: str, budget: float | None) -> None:
    """Where asking cannot stop as was asked for."""
    from reassess.aggregation.adaptive import STOPPING_RULES, vote_budget
    from reassess.rating import settings_of
    from reassess.site.stopping import least_budget

    if prepared.site.rule is None:
        click.echo(_NO_STOP, err=True)
    elif STOPPING_RULES[stop].has_seed:
        k = settings_of(prepared.site.store).votes_per_question
        least = least_budget(prepared.loaded.asked, k)
        if vote_budget(stop, budget) < least:
            click.echo(
                "Warning: the study is too small for this budget: it will be spent before there is "
                "enough to learn from, and questions will be left without a vote. Give --budget "
                f"{math.ceil(100 * least) / 100:.2f} or more, or --stop lossless.",
                err=True,
            )


def _reached(host: str) -> str:
    """A host at which people reach what listens there."""
    return _shown(socket.gethostname() if host in ("0.0.0.0", "::") else host)  # noqa: S104 -- read


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
