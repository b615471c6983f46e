"""A site as its owner starts it, `reassess serve` in processes of its own, and raters over HTTP.

Importing all that a site needs takes longer than anything else of a start. A process that has
imported it is therefore forked for each start; `is_typed` starts one as a shell does instead.
"""

import contextlib
import http.client
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from sqlalchemy import select

from reassess.files.artefacts import write_tasks
from reassess.rating import Settings, Store, invite, open_store
from reassess.rating.schema import leases, votes
from reassess.records import Pairs, Questions, Tasks
from reassess.site.store import database_url
from reassess.study import FILES, new_study, open_study

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["reassess.cli.serve", "reassess.web.serve", "uvicorn.main", "h11",
     "alembic.command", "reassess.rating.migrations", "psycopg", "sqlalchemy.dialects.postgresql"]
)  # fmt: skip

LOST = (OSError, http.client.HTTPException)
"""What a client sees of a server that dies."""

PLAIN = Settings(
    votes_per_question=3, gold_rate=0.0, repeat_rate=0.0, n_practice=0, n_qualification=0
)


def make_study(folder: Path, n_images: int, n_labels: int = 2) -> Path:
    """A study with tasks; all its images are one tiny file."""
    ids = [f"folder/{i:04}.jpg" for i in range(n_images)]
    labels = folder / "labels.csv"
    labels.write_text("image,label\n" + "".join(f"{one},{i % 4}\n" for i, one in enumerate(ids)))
    pictures = folder / "pictures"
    (pictures / "folder").mkdir(parents=True)
    first = pictures / ids[0]
    Image.new("RGB", (8, 8), (200, 30, 60)).save(first)
    for one in ids[1:]:
        (pictures / one).hardlink_to(first)
    study = new_study(folder / "study", labels=labels, images=pictures)
    image = np.repeat(np.arange(n_images), n_labels)
    label = np.tile(np.arange(n_labels), n_images)
    asked = Questions.from_pairs(Pairs(np.array(ids), image, label))
    write_tasks(Tasks(asked, image), study.folder / FILES["tasks"], {})
    return study.folder


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def is_heard(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def serve_forked(arguments: list[str], log: Path) -> None:
    """`reassess serve` in this process, as the leader of its group."""
    from reassess.cli import main

    os.setsid()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    main(arguments, prog_name="reassess")


class Server:
    """`reassess serve` of a study, which can be killed and started again at the same port."""

    def __init__(
        self, study: Path, url: str | None = None, *options: str, is_typed: bool = False
    ) -> None:
        self.study = study
        self.url = database_url(open_study(study), url)
        self.port = free_port()
        self.log = study.parent.parent / f"log-{self.port}"
        self.is_typed = is_typed
        self.arguments = ["serve", str(study), "--no-early-stopping", "--port", str(self.port),
                          "--database", self.url, *options]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None
        self.forked: multiprocessing.process.BaseProcess | None = None
        self.visitors: list[Visitor] = []

    @property
    def pid(self) -> int:
        """Number of the process that was started last."""
        started = self.process or self.forked
        assert started is not None
        assert started.pid is not None
        return started.pid

    def start(self) -> None:
        if self.is_typed:
            command = [sys.executable, "-m", "reassess.cli", *self.arguments]
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(command, stderr=log, start_new_session=True)
        else:
            self.forked = FORKS.Process(target=serve_forked, args=(self.arguments, self.log))
            self.forked.start()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._status() is None:
            if is_heard(self.port):
                return
            time.sleep(0.02)
        raise TimeoutError(f"nobody listens at {self.port}; status {self._status()}")

    def _status(self) -> int | None:
        return self.process.poll() if self.process else self.forked.exitcode  # type: ignore[union-attr]

    def kill(self) -> None:
        """Every process of it at once, as a power cut would."""
        if self.process is None and self.forked is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(30)
        elif self.forked is not None:
            self.forked.kill()
            self.forked.join(30)

    def workers(self) -> list[int]:
        """Numbers of the processes that answer, where there are several."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [
            int(child)
            for child in children
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]

    def visitor(self, address: str = "127.0.0.1", port: int | None = None) -> "Visitor":
        """Somebody at an address of this machine; with a port, through what listens there."""
        self.visitors.append(Visitor(port or self.port, address))
        return self.visitors[-1]

    def close(self) -> None:
        self.kill()
        for visitor in self.visitors:
            visitor.connection.close()

    def enter(self, name: str) -> "Visitor":
        """Somebody who has come in by invitation."""
        with open_store(self.url) as store:
            path = f"/invite/{invite(store, name)}"
        person = self.visitor()
        status, _ = person.form(path, csrf=person.token(path))
        assert status == 303
        return person


class Visitor:
    """One connection, which is opened again where it was lost, and its cookies."""

    def __init__(self, port: int, address: str) -> None:
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=60, source_address=(address, 0)
        )
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self.headers: dict[str, str] = {}

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """The status and content of an answer."""
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except LOST:
            self.connection.close()
            raise
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, said = value.partition(";")[0].partition("=")
                self.cookies[cookie] = said
        return answer.status, content

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        return self.send("GET", path, **headers)

    def token(self, path: str) -> str:
        found = re.search(rb'name="csrf" content="(\w+)"', self.get(path)[1])
        assert found
        return found[1].decode()

    def form(self, path: str, **fields: str) -> tuple[int, bytes]:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, urlencode(fields).encode(), **kind)

    def api(self, path: str, body: object) -> tuple[int, Any]:
        """The status and content of an answer of the JSON endpoints."""
        if not self.csrf:
            self.csrf = json.loads(self.get("/api/session")[1])["csrf"]
        headers = {"Content-Type": "application/json", "X-CSRF-Token": self.csrf}
        status, content = self.send("POST", path, json.dumps(body).encode(), **headers)
        return status, json.loads(content)


@dataclass
class Sent:
    """Answers to a task, by place, and what the server acknowledged of them."""

    lease: int
    answers: list[int]
    status: dict[str, str] | None = None


@dataclass
class Rating:
    """A thread that rates, and sends again what a dying server did not acknowledge."""

    person: Visitor
    number: int
    stop: threading.Event
    sent: list[Sent] = field(default_factory=list)
    refusals: list[tuple[int, Any]] = field(default_factory=list)
    is_done: bool = False

    @property
    def n_acknowledged(self) -> int:
        return sum(one.status is not None for one in self.sent)

    def run(self) -> None:
        while not self.stop.is_set() and not self.is_done:
            try:
                self._once()
            except LOST:
                time.sleep(0.05)

    def _once(self) -> None:
        if self.sent and self.sent[-1].status is None:
            self._submit(self.sent[-1])
        status, task = self.person.api("/api/screens/next", {})
        if status != 200:
            self.refusals.append((status, task))
        elif task["kind"] == "screen":
            n = len(task["questions"])
            lease = task["lease"]
            self.sent.append(Sent(lease, [(self.number + lease + i) % 3 for i in range(n)]))
            self._submit(self.sent[-1])
        elif task["why"] == "wait":
            time.sleep(0.05)
        else:
            self.is_done = True

    def _submit(self, one: Sent) -> None:
        answers = [{"place": place, "answer": a} for place, a in enumerate(one.answers)]
        body = {"key": f"key-{one.lease}", "answers": answers}
        status, receipt = self.person.api(f"/api/screens/{one.lease}/answers", body)
        if status == 200:
            one.status = receipt["status"]
        else:
            self.refusals.append((status, receipt))


def start_raters(server: Server, n: int) -> tuple[list[Rating], threading.Event]:
    """So many raters at work, until the event is set."""
    stop = threading.Event()
    raters = [Rating(server.enter(f"rater-{i}"), i, stop) for i in range(n)]
    for rater in raters:
        threading.Thread(target=rater.run, daemon=True).start()
    return raters, stop


def assert_kept(store: Store, raters: list[Rating]) -> None:
    """Every acknowledged answer is in the votes, once, with the value that was sent."""
    with store.database.read() as connection:
        asked = dict(connection.execute(select(leases.c.id, leases.c.questions)).all())
        rows = connection.execute(select(votes.c.lease, votes.c.question, votes.c.answer)).all()
    kept = [(row.lease, row.question, row.answer) for row in rows]
    said = [
        (one.lease, asked[one.lease][int(place)], one.answers[int(place)])
        for rater in raters
        for one in rater.sent
        for place, status in (one.status or {}).items()
        if status == "stored"
    ]
    assert len(set(said)) == len(said) > 0
    assert len(set(kept)) == len(kept)
    assert set(said) <= set(kept)
