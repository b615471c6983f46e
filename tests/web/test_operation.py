"""Health, metrics and the log of requests."""

import asyncio
import logging
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient
from uvicorn.server import ServerState

from reassess.cli import main
from reassess.rating import Store, invite
from reassess.web import Site, create_app
from reassess.web.languages import ENGLISH
from reassess.web.operation import log_requests, requests_log
from reassess.web.pages import _environment
from reassess.web.prompt import PromptProtocol

from .conftest import BASE, Client

TOKEN = "a token of the metrics"  # noqa: S105 -- of a test


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A file into which requests are logged."""
    log_requests(str(tmp_path / "log"))
    yield tmp_path / "log"
    for handler in list(requests_log.handlers):
        requests_log.removeHandler(handler)
        handler.close()
    requests_log.setLevel(logging.NOTSET)


def test_health_is_the_databases_and_tells_nothing_else(app: FastAPI, store: Store) -> None:
    http = TestClient(app, base_url=BASE)
    found = http.get("/health")
    assert (found.status_code, found.json()) == (200, {"status": "ok"})
    assert "set-cookie" not in found.headers
    with closing(sqlite3.connect(str(store.database.url.database))) as connection:
        connection.execute("ALTER TABLE study RENAME TO gone")
    assert http.get("/health").status_code == 503


def test_metrics_are_for_whoever_has_the_token(site: Site, rater: Client) -> None:
    assert rater.http.get("/metrics").status_code == 404  # a site without a token has none
    http = TestClient(create_app(replace(site, metrics_token=TOKEN)), base_url=BASE)
    for wrong in ({}, {"Authorization": "Bearer guess"}, {"Authorization": TOKEN[:-1]}):
        assert http.get("/metrics", headers=wrong).status_code == 401
    rater.answer(rater.task())
    text = http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values["reassess_votes"]) > 0
    assert values['reassess_http_requests_total{method="GET",path="/metrics",status="401"}'] == "3"
    assert values["reassess_http_request_seconds_count"] == "3"


def test_the_log_of_requests_holds_no_token(app: FastAPI, store: Store, log: Path) -> None:
    client = Client(TestClient(app, base_url=BASE))
    token = invite(store, "rater-1")
    client.http.post(f"/invite/{token}", data={"csrf": client.csrf(f"/invite/{token}")})
    client.http.get("/nowhere?token=secret")
    text = log.read_text()
    assert token not in text
    assert "secret" not in text
    assert "POST /invite/{token} 303" in text
    assert "GET (other) 404" in text


DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_units_of_systemd_hold_and_name_what_the_command_line_knows(tmp_path: Path) -> None:
    units = sorted(DEPLOY.glob("reassess*@.*"))
    assert [one.suffix for one in units] == [".service", ".timer", ".service"]
    command = "/opt/reassess/bin/reassess"
    n_lines = 0
    for unit in units:
        text = unit.read_text()
        for line in text.splitlines():
            if not line.startswith("ExecStart"):
                continue
            words = re.sub(r"\$\$\(.*?\)", "12", line.partition(command)[2].rstrip("'"))
            words = words.replace("$OPTIONS", "").replace("/var/backups/reassess", str(tmp_path))
            typed = shlex.split(words)
            with click.Context(main) as context:
                verb = main.get_command(context, typed[0])
                assert verb is not None
                verb.make_context(typed[0], typed[1:])  # its arguments and options are known
            n_lines += 1
        name = unit.name.replace("@.", "@pets.")
        (tmp_path / name).write_text(text.replace(command, sys.executable))
    assert n_lines == 3
    options = re.findall(r"OPTIONS=(.*)", (DEPLOY / "reassess@.service").read_text())
    with click.Context(main) as context:
        verb = main.get_command(context, "serve")
        assert verb is not None
        given = shlex.split(options[0].replace("/srv/reassess", str(tmp_path)))
        verb.make_context("serve", ["pets", *given])
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed: the units' own words were not verified")
    files = [str(path) for path in sorted(tmp_path.glob("reassess*"))]
    done = subprocess.run([analyze, "verify", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_socket_that_processes_share_holds_no_answer_back() -> None:
    """The kernel would wait some 40 ms for the end of every answer."""
    config = uvicorn.Config(lambda *_: None, port=0, http=PromptProtocol, log_level="critical")
    config.load()

    async def connect() -> int:
        loop = asyncio.get_running_loop()
        with config.bind_socket() as shared, socket.socket() as client:
            shared.listen()
            client.connect(shared.getsockname())
            taken, _ = shared.accept()
            made = partial(PromptProtocol, config=config, server_state=ServerState(), app_state={})
            transport, _ = await loop.connect_accepted_socket(made, taken)
            with taken.dup() as same:
                found = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            transport.close()
            return found

    assert asyncio.run(connect()) == 1


def test_a_difference_has_its_sign_and_zero_has_none() -> None:
    """The drift of a rater on the owner's pages."""
    signed = _environment(ENGLISH).filters["signed"]
    shown = [signed(one) for one in (-0.02, 0.25, 0.0, -0.001, 0.004, None)]
    assert shown == ["−0.02", "+0.25", "0.00", "0.00", "0.00", "–"]
