"""Take the pictures in docs/images/rating-*.webp: the rating site in a real browser.

    python scripts/screenshots.py [NAME ...]

Needs scikit-image and scikit-learn, for their photographs, and Chromium: ``CHROMIUM`` names it
where it is not Debian's. The study, its raters and their votes are made up in a temporary folder.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import uvicorn
from photographs import (
    CLASSES,
    PHOTOGRAPHS,
    Photograph,
    classes,
    likely_answers,
    questions,
    write_images,
)
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from reassess import rating
from reassess.web import Site, create_app

PICTURES = Path(__file__).parents[1] / "docs" / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LARGEST = 100_000
EXEMPLIFIED = ("pagoda", "tower", "cat", "coffee cup", "dahlia")
SWEPT = "tower"
"""The class of the grid: it is in one photograph, in doubt in two, and in no other."""
HOURS = 40
LEAST_ASKED = 5
"""Questions on the page of which a picture is taken."""


def make_site(folder: Path) -> Site:
    """A study of the photographs, some of them rated by made-up raters."""
    made = write_images(folder)
    asked, likely = questions(made), likely_answers(made)
    names = [image_id for image_id, _ in made]
    settings = rating.Settings(n_practice=0, n_qualification=0, gold_rate=0, repeat_rate=0)
    clock = Clock(time.time() - HOURS * 3600)
    store = rating.open_store(f"sqlite:///{folder}/study.db", settings=settings, clock=clock)
    rating.add_questions(store, asked)
    table = rating.question_table(store)
    known = {
        int(number): likely[names.index(image), label]
        for number, image, label in zip(
            table.question, table.image_ids[table.image], table.label, strict=True
        )
    }
    make_gold(store, known, names[:3])
    play(store, known, clock)
    clock.now = time.time()
    return Site(
        store=store,
        name="Photographs, second look",
        classes=classes(),
        image_path=lambda image_id: folder / image_id,
        exemplars={
            CLASSES.index(name): tuple(
                image_id for image_id, one in made[len(PHOTOGRAPHS) :] if name in one.shown
            )
            for name in EXEMPLIFIED
        },
        rule=None,
        secret=os.urandom(32),
    )


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


def make_gold(store: rating.Store, known: dict[int, float], image_ids: list[str]) -> None:
    """Three experts judge some images, not all of them every one; more is chosen."""
    rating.choose_gold(store, image_ids)
    rating.choose_gold(store, 6)
    for i, name in enumerate(("ada", "ben", "cleo")):
        expert = member(store, name, "expert")
        for _ in range(6 - i):
            screen = rating.next_gold_task(store, expert)
            if isinstance(screen, rating.NoTask):
                break
            rating.judge(
                store, expert, {q: 2 if known[q] > 0.4 + 0.2 * i else 0 for q in screen.questions}
            )


def play(store: rating.Store, known: dict[int, float], clock: Clock) -> None:
    """Four raters answer, three of them with care, over some hours of two days."""
    rng = np.random.default_rng(7)
    people = [
        (member(store, f"rater-{i + 1}"), pace) for i, pace in enumerate((2300, 3100, 1900, 310))
    ]
    for n in range(26):
        for i, (number, pace) in enumerate(people):
            screen = rating.next_task(store, number)
            if isinstance(screen, rating.NoTask) or n > 26 - 3 * i:
                continue
            answers = tuple(
                rating.Answer(q.question, answer(known[q.question], pace, rng), pace)
                for q in screen.questions
            )
            remark = "a lantern" if n == 3 else ""
            key = f"made-up-{number}-{n}"
            rating.submit(
                store, number, rating.Submission(screen.lease, key, answers, 9000, remark)
            )
            clock.now += 420
        clock.now += 1800 * (n % 4) + 300 * rng.integers(6)


def answer(likely: float, pace: int, rng: np.random.Generator) -> int:
    """A rater's answer; whoever takes a third of a second answers anything."""
    if pace < 1000:
        return int(rng.integers(3))
    right = int(rng.choice(3, p=(0.3, 0.4, 0.3))) if likely == 0.5 else int(2 * likely)
    return right if rng.random() < 0.92 else int(rng.integers(3))


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
    page.set_default_timeout(120_000)  # the machine may be busy
    page.goto(f"{address}/invite/{token}")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(lambda url: "/invite/" not in url)
    return page


def is_wanted(name: str) -> bool:
    """Whether a picture is to be taken: without a NAME, every one is."""
    return not sys.argv[1:] or name in sys.argv[1:]


def take(page: Page, name: str) -> None:
    """Write a picture, and say how large it is."""
    path = PICTURES / f"rating-{name}.webp"
    page.wait_for_load_state("networkidle")
    Image.open(BytesIO(page.screenshot())).convert("RGB").save(path, quality=80, method=6)
    n_bytes = path.stat().st_size
    print(f"{path.name}: {n_bytes:,} bytes")
    if n_bytes > LARGEST:
        raise SystemExit(f"{path.name} is larger than {LARGEST:,} bytes.")


def rate(page: Page) -> None:
    """Answer all questions but the last as they are right; on a phone only the first, by touch."""
    asked = page.locator(".question .name").all_inner_texts()
    (shown,) = {one.shown for one in PHOTOGRAPHS.values() if set(asked) <= everything(one)}
    if page.viewport_size and page.viewport_size["width"] < 500:
        page.locator(".choice.yes").first.tap()
        return
    for name in asked[:-1]:
        page.keyboard.press("y" if name in shown else "n")


def everything(photograph: Photograph) -> set[str]:
    """What is asked about it."""
    return {*photograph.shown, *photograph.doubtful, *photograph.absent}


def sweep(page: Page, address: str) -> None:
    """Answer some images of a grid."""
    page.goto(f"{address}/rate")
    page.goto(f"{address}/sweep")
    page.get_by_role("link", name=SWEPT).click()
    page.wait_for_load_state("networkidle")
    for key in "ynmyynn":
        page.keyboard.press(key)


def main() -> None:
    """Take all pictures."""
    desktop = {"viewport": {"width": 1180, "height": 780}}
    phone = {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 1.5,
        "has_touch": True,
    }
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = make_site(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with served(site) as address:
            if is_wanted("owner"):
                page = enter(browser, site, address, "owner", "owner", **desktop)
                page.goto(f"{address}/owner")
                page.set_viewport_size({"width": 1180, "height": 1400})
                take(page, "owner")
            for name, looks in (
                ("desktop", desktop),
                ("dark", desktop | {"color_scheme": "dark"}),
                ("phone", phone),
            ):
                if not is_wanted(name):
                    continue
                for n in range(40):  # each rater has an order of their own
                    page = enter(browser, site, address, f"rater-{name}-{n}", **looks)
                    page.goto(f"{address}/rate")
                    if page.locator(".question").count() >= LEAST_ASKED:
                        break
                    page.context.close()
                rate(page)
                take(page, name)
            if is_wanted("sweep"):
                page = enter(browser, site, address, "rater-sweep", **desktop)
                sweep(page, address)
                take(page, "sweep")
            page = enter(browser, site, address, "cleo", "expert", **desktop)
            if is_wanted("gold"):
                page.goto(f"{address}/gold")
                take(page, "gold")
            if is_wanted("adjudication"):
                page.goto(f"{address}/adjudicate/next")
                rate(page)
                take(page, "adjudication")
        browser.close()
        site.store.close()


if __name__ == "__main__":
    main()
