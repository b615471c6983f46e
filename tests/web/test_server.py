"""The whole site, `reassess serve` over HTTP: killed, on a full disk, in processes, proxied."""

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reassess.errors import OptionError
from reassess.rating import (
    TaskLease,
    audit,
    next_task,
    open_store,
    raters_of,
    return_expired,
    study_progress,
    votes,
)
from reassess.rating import change_settings as change
from reassess.site.backups import backup, restore
from reassess.study import open_study
from reassess.web.wording import NOT_STORED
from tests.rating.conftest import (
    execute,
    path_of_postgresql,
    server,  # noqa: F401 -- a fixture
)
from tests.rating.play import SEED

from .served import (
    PLAIN,
    Rating,
    Server,
    Visitor,
    assert_kept,
    free_port,
    is_heard,
    make_study,
    start_raters,
)

BACKUP_EACH = 6
"""Rounds from one backup to the next."""

KILL_ROUNDS = 12
"""On each of the two databases; a round takes one to two seconds."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """URL of an empty database; None is SQLite in the study's folder."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def postgresql(request: pytest.FixtureRequest) -> str:
    running: str = request.getfixturevalue("server")
    name = f"site_{uuid.uuid4().hex}"
    execute(running, f"CREATE DATABASE {name}")
    return running.format(database=name)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a site; whatever is left of it at the end is killed."""
    started: list[Server] = []

    def start(
        *options: str,
        url: str | None = None,
        n_images: int = 400,
        folder: Path = tmp_path,
        is_typed: bool = False,
    ) -> Server:
        made = Server(make_study(folder, n_images), url, *options, is_typed=is_typed)
        with open_store(made.url, settings=PLAIN, secret=SEED) as store:
            change(store, PLAIN)
        started.append(made)
        made.start()
        return made

    yield start
    for one in started:
        one.close()


def until(holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.mark.timeout(600)
def test_a_server_killed_at_random_loses_nothing_acknowledged(
    serve: Callable[..., Server],
    url: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if url is not None:
        monkeypatch.setenv("PATH", path_of_postgresql())
    site = serve(url=url)
    luck = random.Random(0)  # noqa: S311 -- no secret
    study, kept = open_study(site.study), tmp_path / "kept.backup"
    raters, stop = start_raters(site, 6)
    for n in range(KILL_ROUNDS):
        before = sum(rater.n_acknowledged for rater in raters)
        until(lambda b=before: sum(rater.n_acknowledged for rater in raters) >= b + 6)
        if n % BACKUP_EACH == 1:
            n_before = n_stored(raters)
            backup(study, kept, site.url, overwrite=True)
        time.sleep(luck.random() / 4)
        site.kill()
        with open_store(site.url) as store:
            assert audit(store) == ()
            if n < KILL_ROUNDS - 1:
                site.start()
    stop.set()
    assert [refused for rater in raters for refused in rater.refusals] == []
    with open_store(site.url) as store:  # whatever was out when the site died, one more is now
        assert isinstance(next_task(store, raters_of(store)[0].number), TaskLease)
    with open_store(site.url, clock=lambda: time.time() + 3600) as store:
        assert_kept(store, raters)
        assert votes(store).counts().sum(axis=1).max() <= 3
        assert study_progress(store).n_leases > 0
        return_expired(store)
        assert study_progress(store).n_leases == 0
        assert audit(store) == ()
    n_votes = restore(study, kept, site.url, replace=True).n_votes
    assert n_before <= n_votes < n_stored(raters)
    with open_store(site.url) as store:
        assert audit(store) == ()
    site.start()
    assert [rater.person.get("/api/session")[0] for rater in raters] == [401] * 6


def n_stored(raters: list[Rating]) -> int:
    """Answers that were acknowledged as new."""
    sent = [one for rater in raters for one in list(rater.sent) if one.status is not None]
    return sum(status == "stored" for one in sent for status in (one.status or {}).values())


def test_a_server_that_is_asked_to_end_leaves_every_vote_in_the_database_alone(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    site = serve(n_images=60, is_typed=True)
    raters, stop = start_raters(site, 3)
    until(lambda: sum(rater.n_acknowledged for rater in raters) >= 12)
    stop.set()
    assert site.process is not None
    with pytest.raises(OptionError, match="being served"):
        restore(open_study(site.study), site.log, site.url, replace=True)
    site.process.terminate()
    assert site.process.wait(30) == 0
    copy = tmp_path / "copy.db"
    shutil.copy(site.study / "rating.db", copy)
    with open_store(f"sqlite:///{copy}") as store:
        assert_kept(store, raters)
        assert audit(store) == ()


def test_several_processes_serve_one_study_and_one_of_them_may_die(
    serve: Callable[..., Server], postgresql: str
) -> None:
    site = serve("--processes", "2", url=postgresql, n_images=40, is_typed=True)
    until(lambda: len(site.workers()) == 2)
    raters, stop = start_raters(site, 8)
    until(lambda: sum(rater.n_acknowledged for rater in raters) >= 10)
    os.kill(site.workers()[0], signal.SIGKILL)
    until(lambda: all(rater.is_done for rater in raters), 240)
    stop.set()
    assert [refused for rater in raters for refused in rater.refusals] == []
    with open_store(site.url) as store:
        assert_kept(store, raters)
        assert votes(store).counts().sum(axis=1).tolist() == [3] * 80
        assert audit(store) == ()
    until(lambda: len(site.workers()) == 2)
    workers = site.workers()
    assert site.process is not None
    site.process.kill()
    site.process.wait(30)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 30)


class Disk:
    """A place for a study that can be filled, and emptied again."""

    def __init__(self, folder: Path, *, is_mounted: bool) -> None:
        self.folder, self.is_mounted = folder, is_mounted
        self.ballast = folder / "ballast"

    def fill(self, site: Server) -> None:
        """Leave no room."""
        if not self.is_mounted:
            size = (site.study / "rating.db-wal").stat().st_size
            self._limit(site, size + 4096)
            return
        with contextlib.suppress(OSError), self.ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    def free(self, site: Server) -> None:
        if self.is_mounted:
            self.ballast.unlink()
        else:
            self._limit(site, resource.RLIM_INFINITY)

    def _limit(self, site: Server, size: int) -> None:
        resource.prlimit(site.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture(params=["tmpfs", "limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A file system of 16 MB where one may be mounted, and a limit on the size of files."""
    if request.param == "limit":
        yield Disk(tmp_path, is_mounted=False)
        return
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    yield Disk(folder, is_mounted=True)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_and_answers_are_taken_when_there_is_room(
    serve: Callable[..., Server], disk: Disk
) -> None:
    site = serve(n_images=60, folder=disk.folder)
    raters, stop = start_raters(site, 2)
    until(lambda: sum(rater.n_acknowledged for rater in raters) >= 4)
    disk.fill(site)
    until(lambda: any(rater.refusals for rater in raters))
    other = site.visitor()
    other.cookies = dict(raters[0].person.cookies)
    for path in ("/rate", "/sign-in", "/static/site.js", "/nowhere"):
        status, content = other.get(path)
        assert status in (200, 404, 503), (path, content)
        assert b"Traceback" not in content
    disk.free(site)
    until(lambda: all(rater.is_done for rater in raters))
    stop.set()
    refusals = [refused for rater in raters for refused in rater.refusals]
    assert {status for status, _ in refusals} == {503}
    assert {said["detail"] for _, said in refusals} == {NOT_STORED}
    site.kill()
    assert "the database cannot grow" in site.log.read_text()
    assert "Make room on its disk" in site.log.read_text()
    with open_store(site.url) as store:
        assert_kept(store, raters)
        assert votes(store).counts().sum(axis=1).tolist() == [2] * 120
        assert audit(store) == ()


def test_the_proxy_of_the_documentation_tells_who_comes(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    site = serve(n_images=4)
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("there is no nginx; Debian's nginx-light brings one")
    with proxied(site, nginx, tmp_path) as port:
        guesser, other = site.visitor("127.0.0.2", port), site.visitor("127.0.0.3", port)
        assert guess(guesser) == [403] * 10 + [429]
        assert guess(guesser, "198.51.100.7")[-1] == 429  # what a client says of itself is nothing
        assert guess(other)[0] == 403
        status, _ = other.send("POST", "/sign-in", b"x" * 70_000)
        assert status == 413
        token = other.token("/sign-in")
        origin = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        sent = other.send("POST", "/sign-in", f"csrf={token}&name=x".encode(), **kind, **origin)
        assert sent[0] == 403
        assert b"do not fit together" in sent[1]  # not refused as from another site


def test_addresses_are_not_taken_from_whoever_is_no_proxy(serve: Callable[..., Server]) -> None:
    site = serve(n_images=4)
    guesser = site.visitor("127.0.0.2")
    assert guess(guesser) == [403] * 10 + [429]
    assert guess(guesser, "198.51.100.7")[-1] == 429


def guess(visitor: Visitor, forwarded: str | None = None) -> list[int]:
    """The answers to eleven passwords."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    body = f"csrf={visitor.token('/sign-in')}&name=boss&password=a+guess".encode()
    return [visitor.send("POST", "/sign-in", body, **headers)[0] for _ in range(11)]


@contextlib.contextmanager
def proxied(site: Server, nginx: str, folder: Path) -> Iterator[int]:
    """The site behind nginx with the location that the documentation gives; nginx's port."""
    page = Path(__file__).parents[2] / "docs" / "rating-site.md"
    found = re.search(r"```nginx\n(.*?)```", page.read_text(), re.DOTALL)
    assert found
    port = free_port()
    location = found[1].replace("http://127.0.0.1:8000", f"http://127.0.0.1:{site.port}")
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/errors;\n"
        f"events {{}}\nhttp {{ access_log off; client_body_temp_path {folder}/body;\n"
        f"proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;"
        f" scgi_temp_path {folder}/s;\nserver {{ listen 127.0.0.1:{port};\n{location}}} }}\n"
    )
    process = subprocess.Popen(
        [nginx, "-p", str(folder), "-e", f"{folder}/errors", "-c", str(folder / "nginx.conf")]
    )
    try:
        until(lambda: is_heard(port))
        yield port
    finally:
        process.terminate()
        process.wait(20)
