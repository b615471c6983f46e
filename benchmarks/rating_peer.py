"""Label Studio Community under the load of `rating_load.py`.

As its users start it: ``label-studio start``, Django's own server, SQLite in its folder. Annotators
sign up by the organisation's link, each with a session of his own. A task is an image with five
questions (``Choices``); an annotation answers all five, as a screen of ours does. What is not the
same: its tasks come in its order and not at random, it has no leases but a lock, images are not
fetched, and *next* is its page's request for data, not a page.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from rating_browser import PATIENCE, Browser, Load
from rating_server import PER_SCREEN, free_port, wait_for

K = 5
PACED = (50, 3.0, 2_000)
"""Raters, seconds that they think, tasks: more than they finish."""
RUSHED = (200, 0.0, 100)
"""As few tasks as give every rater one: it is slow."""
ANSWERS = ("no", "maybe", "yes")
START_SECONDS = 900.0
_CSRF = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')
_PASSWORD = "long enough 1"  # noqa: S105 -- of a server that lives for minutes
_TOKEN = "5af0c0ffee5af0c0ffee5af0c0ffee5af0c0ffee"  # noqa: S105 -- as above


class Annotator:
    """A person of Label Studio.

    Args:
        port: of the server.
        number: his own.
        think: seconds that a task takes him, more or less.
    """

    def __init__(self, port: int, number: int, think: float) -> None:
        self.browser, self.number, self.think = Browser(port, number), number, think
        self.luck = random.Random(number)  # noqa: S311 -- no secret

    async def sign_up(self, link: str) -> None:
        """Join the organisation."""
        _, page = await self.browser.get(link)
        found = _CSRF.search(page)
        token = "" if found is None else found[1].decode()
        status, said = await self.browser.post(
            link, csrfmiddlewaretoken=token, email=f"{self.number}-{time.time_ns()}@example.org",
            password=_PASSWORD, how_find_us="x", elaborate="", allow_newsletters="",
        )  # fmt: skip
        assert status == 302, (status, said[:2000])

    async def work(self, load: Load, project: int, until: float) -> None:
        """Annotate until the time is over or nothing is left."""
        task = await self._next(load, project)
        n_empty = 0
        await asyncio.sleep(self.think * self.luck.random())
        while time.monotonic() < until and n_empty < 10:
            if task is None:
                n_empty += 1
                await asyncio.sleep(PATIENCE * (0.5 + self.luck.random()))
                task = await self._next(load, project)
                continue
            n_empty = 0
            if self.think:
                await asyncio.sleep(self.think * (0.5 + self.luck.random()))
            start = time.perf_counter()
            await self._annotate(load, task, project)
            task = await self._next(load, project)
            load.took.append(time.perf_counter() - start)

    async def _next(self, load: Load, project: int) -> int | None:
        status, said = await self.browser.get(f"/api/projects/{project}/next")
        load.n_failed += status not in (200, 404)
        return int(json.loads(said)["id"]) if status == 200 else None

    async def _annotate(self, load: Load, task: int, project: int) -> None:
        result = [
            {"from_name": f"q{place}", "to_name": "image", "type": "choices",
             "value": {"choices": [self.luck.choice(ANSWERS)]}}
            for place in range(PER_SCREEN)
        ]  # fmt: skip
        self.browser.headers["X-CSRFToken"] = self.browser.cookies.get("csrftoken", "")
        path = f"/api/tasks/{task}/annotations?project={project}"
        status, _ = await self.browser.post_json(path, {"result": result, "lead_time": 3})
        load.n_failed += status != 201


async def _set_up(owner: Browser, n_tasks: int) -> tuple[int, str]:
    """A project with tasks, and the link by which annotators join."""
    owner.headers["Authorization"] = f"Token {_TOKEN}"
    choices = "".join(f'<Choice value="{word}"/>' for word in ANSWERS)
    asked = "".join(
        f'<Header value="class {place}"/>'
        f'<Choices name="q{place}" toName="image">{choices}</Choices>'
        for place in range(PER_SCREEN)
    )
    config = f'<View><Image name="image" value="$image"/>{asked}</View>'
    body = {"title": "load", "label_config": config, "maximum_annotations": K}
    status, said = await owner.post_json("/api/projects/", body)
    assert status == 201, said
    project = int(json.loads(said)["id"])
    tasks = [{"data": {"image": f"https://images.example.org/{n}.jpg"}} for n in range(n_tasks)]
    for start in range(0, n_tasks, 250):
        status, said = await owner.post_json(
            f"/api/projects/{project}/import", tasks[start : start + 250]
        )
        assert status == 201, said
    _, said = await owner.get("/api/invite")
    return project, json.loads(said)["invite_url"]


async def _verdict(owner: Browser, project: int) -> str:
    """Annotations a task against the five that were asked for."""
    _, said = await owner.get(
        f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true"
    )
    n_of: Counter[int] = Counter()
    n_twice = 0
    tasks = json.loads(said)
    for task in tasks:
        people = [one["completed_by"] for one in task["annotations"]]
        n_of[len(people)] += 1
        n_twice += len(people) - len(set(people))
    over = sum(n for size, n in n_of.items() if size > K)
    under = sum(n for size, n in n_of.items() if size < K)
    spread = ", ".join(f"{size}: {n}" for size, n in sorted(n_of.items()))
    return (
        f"over-served {over} under-served {under} of {len(tasks):,}; by the same person twice "
        f"{n_twice}; tasks by number of annotations: {spread}"
    )


async def _play(
    port: int, n_raters: int, think: float, n_tasks: int, seconds: float
) -> tuple[Load, str]:
    owner = Browser(port, 0)
    project, link = await _set_up(owner, n_tasks)
    people = [Annotator(port, 1 + number, think) for number in range(n_raters)]
    for person in people:
        await person.sign_up(link)
    load, until = Load(), time.monotonic() + seconds
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(person.work(load, project, until) for person in people))
    load.wall, load.cpu = time.perf_counter() - wall, time.process_time() - cpu
    for person in people:
        await person.browser.close()
    said = "" if think else await _verdict(owner, project)
    await owner.close()
    return load, said


def label_studio(options: argparse.Namespace, folder: Path) -> list[tuple[str, Load, str]]:
    """What came of each load: how it is called, its times, and whether overlap was kept."""
    rows = []
    for what, (n_raters, think, n_tasks) in (("paced", PACED), ("rushed", RUSHED)):
        if options.load not in (what, "both"):
            continue
        n, tasks = options.raters or n_raters, options.questions or n_tasks
        port = free_port()
        process = _start(options.peer_environment, folder / what, port)
        try:
            wait_for(port, process, START_SECONDS)
            seconds = options.seconds if think else 600
            load, said = asyncio.run(_play(port, n, think, tasks, seconds))
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
        rows.append((f"{n} raters, {think:g} s, {tasks:,} tasks", load, said))
    return rows


def _start(environment: Path, data: Path, port: int) -> "subprocess.Popen[bytes]":
    """The server, with a new database in a folder of its own."""
    data.mkdir(parents=True)
    program = environment / "bin" / "label-studio"
    command = [str(program), "start", "--no-browser", "--port", str(port),
               "--internal-host", "127.0.0.1", "--username", "owner@example.org",
               "--password", _PASSWORD, "--user-token", _TOKEN]  # fmt: skip
    told = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LATEST_VERSION_CHECK": "false",
        "COLLECT_ANALYTICS": "false",
        "DEBUG": "false",
    }
    with (data / "log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 -- the program that the caller names
            command, env=os.environ | told, stdout=log, stderr=log, start_new_session=True
        )
