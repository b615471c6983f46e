"""A study with images, its site, and people who are signed in to it without a network."""

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image, ImageDraw
from starlette.testclient import TestClient

from reassess import rating
from reassess.rating import Settings, Store, add_questions, import_gold, invite, open_store
from reassess.records import ANSWERS, Classes, Gold, Pairs, Questions, Votes
from reassess.web import Site, create_app
from tests.rating.conftest import sqlite_template  # noqa: F401 -- a fixture
from tests.rating.play import SEED

NAMES = ["cat", "<b>dog</b>", 'eel"><script>alert(1)</script>', "fox & hound"]
FOLDERS = ["images", "n02 cat", "größe", "..weird"]
IMAGES = [f"{FOLDERS[i % 4]}/secret-original-{i:03}.jpg" for i in range(24)]
EXAMPLES = [f"examples/{i}.png" for i in range(8)]
PLAIN = Settings(
    votes_per_question=3, gold_rate=0.0, repeat_rate=0.0, n_practice=0, n_qualification=0
)
BASE = "http://rating.test"


def questions() -> Questions:
    """Two or four of four classes about each image."""
    pairs = [(i, k) for i in range(len(IMAGES)) for k in range(4) if i % 2 == 0 or k < 2]
    image, label = np.array(pairs).T
    return Questions.from_pairs(Pairs(np.array(IMAGES), image, label))


def gold(asked: Questions) -> Gold:
    """One expert, who says yes to class 0 and no to all others."""
    assert asked.pairs is not None
    n = len(asked)
    right = np.where(asked.pairs.label == 0, 2, 0)
    expert = np.array(["expert-of-gold"])
    zeros = np.zeros(n, int)
    return Gold(Votes(asked, expert, ANSWERS, np.arange(n), zeros, right))


def draw(path: Path, seed: int, size: tuple[int, int] = (320, 240)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, (40 * seed % 256, 90, 160))
    ImageDraw.Draw(image).ellipse((60, 40, 200, 180), fill=(240, 37 * seed % 256, 60))
    image.save(path)


@dataclass(eq=False)
class Client:
    """A person with a browser: a test client and what a page needs to post."""

    http: TestClient
    number: int = 0
    known: tuple[str, str] = ("", "")

    @property
    def token(self) -> str:
        """The token of this session, which is asked for once."""
        if self.known[0] != str(self.http.cookies):
            token = self.csrf("/instructions")
            self.known = (str(self.http.cookies), token)
        return self.known[1]

    def csrf(self, path: str = "/rate") -> str:
        found = re.search(r'name="csrf" content="(\w+)"', self.http.get(path).text)
        assert found
        return found[1]

    def post(self, path: str, **fields: str):
        data = {"csrf": self.token, **fields}
        return self.http.post(path, data=data, follow_redirects=False)

    def api(self, path: str, body: object = None, **options: object):
        return self.http.post(path, json=body, headers={"X-CSRF-Token": self.token}, **options)

    def task(self, *beyond: int) -> dict:  # type: ignore[type-arg]
        return self.api("/api/screens/next", {"beyond": list(beyond)}).json()

    def answer(self, task: dict, value: int = 0, key: str = "k"):  # type: ignore[type-arg]
        """Answer a task; nobody can answer about an image that has no file."""
        answers = [{"place": i, "answer": value} for i in range(len(task["questions"]))]
        seen = {"answers": answers} if task["image"] else {"cannot_see": True}
        return self.api(
            f"/api/screens/{task['lease']}/answers",
            {"key": f"{key}-{task['lease']}", **seen},
        )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, those of examples among them; one is missing."""
    root = tmp_path_factory.mktemp("pictures")
    for i, name in enumerate([*IMAGES[:-1], *EXAMPLES]):
        draw(root / name, i)
    return root


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path) -> str:  # noqa: F811 -- the fixture
    """Of the database; `tests.rating.conftest` has one of both kinds instead."""
    shutil.copyfile(sqlite_template, tmp_path / "study.db")
    return f"sqlite:///{tmp_path}/study.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url, secret=SEED) as opened:
        rating.change_settings(opened, PLAIN)
        add_questions(opened, questions())
        yield opened


@pytest.fixture
def site(store: Store, folder: Path) -> Site:
    def path_of(image_id: str) -> Path | None:
        path = folder / image_id
        return path if path.is_file() else None

    return Site(
        store=store,
        name="Cats & <dogs>",
        classes=Classes(
            ("a", "b", "c", "d"),
            tuple(NAMES),
            ("puss", "hound; <i>cur</i>", "", ""),
            ("a feline", "a canine", "a fish", ""),
        ),
        image_path=path_of,
        exemplars={0: tuple(EXAMPLES[:5]), 1: tuple(EXAMPLES[5:]), 2: (IMAGES[0], EXAMPLES[0])},
        rule=None,
        secret=b"a secret of at least 32 bytes ....",
    )


@pytest.fixture
def app(site: Site) -> FastAPI:
    return create_app(site)


@pytest.fixture
def sign_in(app: FastAPI, store: Store) -> Iterator[Callable[..., Client]]:
    """Let somebody in by invitation."""
    opened: list[TestClient] = []

    def enter(name: str, role: rating.Role = "rater") -> Client:
        http = TestClient(app, base_url=BASE, raise_server_exceptions=False)
        opened.append(http)
        client = Client(http)
        token = invite(store, name, role)
        path = f"/invite/{token}"
        answer = http.post(path, data={"csrf": client.csrf(path)}, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        found = rating.rater_named(store, name)
        assert found is not None
        return replace(client, number=found.number)

    yield enter
    for http in opened:
        http.close()


@pytest.fixture
def rater(sign_in: Callable[..., Client]) -> Client:
    return sign_in("rater-1")


@pytest.fixture
def with_gold(store: Store) -> Store:
    """The study with gold on half of its images, and practice and qualification before it."""
    asked = questions()
    assert asked.pairs is not None
    half = asked.pairs.image % 4 == 0
    pairs = Pairs(np.array(IMAGES), asked.pairs.image[half], asked.pairs.label[half])
    import_gold(store, gold(Questions.from_pairs(pairs)))
    rating.set_use(store, [IMAGES[0]], "practice")
    rating.change_settings(
        store,
        replace(PLAIN, gold_rate=0.5, repeat_rate=0.2, repeat_gap=1, n_practice=1),
    )
    return store


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """An application on a port of this machine, for a real browser."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    with served(app) as where:
        yield where
