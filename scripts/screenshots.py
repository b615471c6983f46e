"""Take the pictures in docs/images/rating-*.png: the rating site in a real browser.

Needs scikit-learn, for its two photographs, and Chromium: ``CHROMIUM`` names it where it is
not Debian's. The study, its raters and their votes are made up in a temporary folder.
"""

import csv
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

from reassess import rating
from reassess.records import Classes, Pairs, Questions
from reassess.web import Site, create_app

PICTURES = Path(__file__).parents[1] / "docs" / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LARGEST = 300_000
ASKED = {
    "china": ("palace", "monastery", "stupa", "triumphal arch", "park bench"),
    "flower": ("daisy", "bee", "vase", "velvet"),
}
EXEMPLIFIED = ("palace", "monastery", "stupa", "daisy")
N_VARIANTS = 12
N_RATED = 6
HOURS = 40


def crops(folder: Path) -> dict[str, tuple[str, ...]]:
    """Ids of cut-out pieces of each photograph, whole ones first, all made in the folder."""
    made: dict[str, tuple[str, ...]] = {}
    for name in ASKED:
        photograph = Image.open(str(files("sklearn") / "datasets" / "images" / f"{name}.jpg"))
        ids = []
        for i in range(N_VARIANTS):
            left, top = 17 * i, 10 * i
            piece = photograph.crop((left, top, 640 - (12 * i), 427 - 7 * i))
            shown = ImageOps.mirror(piece) if i % 2 else piece
            shown.save(folder / f"{name}-{i}.jpg", quality=88)
            ids.append(f"{name}-{i}.jpg")
        made[name] = tuple(ids)
    return made


def make_site(folder: Path) -> Site:
    """A study of twelve images, some of them rated by made-up raters."""
    classes = imagenet()
    made = crops(folder)
    images, pairs, exemplars = [], [], {}
    for name, asked in ASKED.items():
        labels = [classes.names.index(label) for label in asked]
        for image_id in made[name]:
            pairs += [(len(images), label) for label in labels]
            images.append(image_id)
        for label in labels:
            if classes.names[label] in EXEMPLIFIED:
                exemplars[label] = made[name][1:]
    image, label = np.array(pairs).T
    settings = rating.Settings(n_practice=0, n_qualification=0, gold_rate=0, repeat_rate=0)
    clock = Clock(time.time() - HOURS * 3600)
    store = rating.open_store(f"sqlite:///{folder}/study.db", settings=settings, clock=clock)
    rating.add_questions(store, Questions.from_pairs(Pairs(np.array(images), image, label)))
    make_gold(store, [made["china"][0], made["flower"][0], made["flower"][1]])
    play(store, clock)
    clock.now = time.time()
    return Site(
        store=store,
        name="ImageNet, second look",
        classes=classes,
        image_path=lambda image_id: folder / image_id,
        exemplars=exemplars,
        rule=None,
        secret=os.urandom(32),
    )


def imagenet() -> Classes:
    """The classes that come with the package."""
    with (files("reassess") / "data" / "imagenet" / "classes.csv").open(encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    columns = [
        tuple(row[name] for row in rows) for name in ("id", "name", "synonyms", "definition")
    ]
    return Classes(*columns)


@dataclass
class Clock:
    """What time it is in the made-up study."""

    now: float

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now


def member(store: rating.Store, name: str, role: rating.Role = "rater") -> int:
    """Somebody who has signed in."""
    return rating.accept_invitation(store, rating.invite(store, name, role)).number


def make_gold(store: rating.Store, image_ids: list[str]) -> None:
    """Three experts judge two images and a half; more is chosen."""
    rating.choose_gold(store, image_ids)
    rating.choose_gold(store, 6)
    for i, name in enumerate(("ada", "ben", "cleo")):
        expert = member(store, name, "expert")
        for _ in range(6 - i):
            screen = rating.next_gold_task(store, expert)
            if isinstance(screen, rating.NoTask):
                break
            said = {q: 2 if place < 1 + i % 2 else 0 for place, q in enumerate(screen.questions)}
            rating.judge(store, expert, said)


def play(store: rating.Store, clock: Clock) -> None:
    """Four raters answer, not all alike, over some hours of two days."""
    luck = np.random.default_rng(7)
    people = [
        (member(store, f"rater-{i + 1}"), pace) for i, pace in enumerate((2300, 3100, 1900, 310))
    ]
    for n in range(14):
        for i, (number, pace) in enumerate(people):
            screen = rating.next_task(store, number)
            if isinstance(screen, rating.NoTask) or n > 14 - 2 * i:
                continue
            answers = tuple(
                rating.Answer(q.question, int(luck.choice(3, p=(0.5, 0.15, 0.35))), pace)
                for q in screen.questions
            )
            said = "a lantern" if n == 3 else ""
            key = f"made-up-{number}-{n}"
            rating.submit(store, number, rating.Submission(screen.lease, key, answers, 9000, said))
            clock.now += 420
        clock.now += 3600 * (n % 4) + 600 * luck.integers(6)


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The site's address."""
    config = uvicorn.Config(create_app(site), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def enter(
    browser: Browser,
    site: Site,
    address: str,
    name: str,
    role: rating.Role = "rater",
    **looks: object,
) -> Page:
    """A browser in which somebody has signed in."""
    token = rating.invite(site.store, name, role)
    page = browser.new_context(**looks).new_page()
    page.goto(f"{address}/invite/{token}")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(lambda url: "/invite/" not in url)
    return page


def take(page: Page, name: str) -> None:
    """Write a picture, and say how large it is."""
    path = PICTURES / f"rating-{name}.png"
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)
    small = Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
    small.save(path, optimize=True)
    n_bytes = path.stat().st_size
    print(f"{path.name}: {n_bytes:,} bytes")
    if n_bytes > LARGEST:
        raise SystemExit(f"{path.name} is larger than {LARGEST:,} bytes.")


def rate(page: Page, address: str) -> None:
    """Open a screen and answer questions of it, on a phone only what is in sight."""
    page.goto(f"{address}/rate")
    if page.viewport_size and page.viewport_size["width"] < 500:
        page.locator(".choice.yes").first.tap()
        return
    for key in ("y", "m"):
        page.keyboard.press(key)


def sweep(page: Page, address: str) -> None:
    """Answer some images of a grid."""
    page.goto(f"{address}/rate")
    page.goto(f"{address}/sweep")
    page.get_by_role("link", name="daisy").click()
    page.wait_for_load_state("networkidle")
    for key in "yynyymy":
        page.keyboard.press(key)


def main() -> None:
    """Take all pictures."""
    desktop = {"viewport": {"width": 1360, "height": 850}}
    phone = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = make_site(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with served(site) as address:
            for name, looks in (
                ("desktop", desktop),
                ("dark", desktop | {"color_scheme": "dark"}),
                ("phone", phone),
            ):
                page = enter(browser, site, address, f"rater-{name}", **looks)
                rate(page, address)
                take(page, name)
            page = enter(browser, site, address, "rater-sweep", **desktop)
            sweep(page, address)
            take(page, "sweep")
            page = enter(browser, site, address, "cleo", "expert", **desktop)
            page.goto(f"{address}/gold")
            take(page, "gold")
            page.goto(f"{address}/adjudicate/next")
            page.keyboard.press("2")
            page.keyboard.press("n")
            take(page, "adjudication")
            page = enter(browser, site, address, "owner", "owner", **desktop)
            page.goto(f"{address}/owner")
            page.set_viewport_size({"width": 1360, "height": 1560})
            take(page, "owner")
        browser.close()
        site.store.close()


if __name__ == "__main__":
    main()
