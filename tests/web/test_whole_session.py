"""A study from its questions to its scores, one of its raters a person at a keyboard.

Signs in, reads, practises, qualifies, rates, corrects, loses the connection, pauses; the other
raters are simulated. Then the commands that an owner types: export, run, score.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from reassess import rating
from reassess.rating import Store
from reassess.study import Study, change_settings, open_study
from reassess.web import create_app
from reassess.web.serve import PreparedSite, ServeConfig, serve_study
from tests.conftest import Ran
from tests.study.small import PRACTICE, is_true, make_study, write_gold

from .conftest import served

N_TASKS, N_OTHERS = 22, 2


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("whole")
    study = make_study(folder, top=300)
    for path in (folder / "photos").rglob("*.jpg"):
        Image.new("RGB", (60, 40), (40, 90, 160)).save(path)
    asked = sorted({row["image"] for row in rows_of(folder)})
    write_gold(study, [PRACTICE, *asked[::6]])
    change_settings(study, "aggregate", {"gold": "gold.csv"})
    return open_study(study.folder)


def rows_of(folder: Path) -> list[dict[str, str]]:
    """The questions of the study, as rows."""
    from reassess.files.artefacts import read_tasks

    pairs = read_tasks(folder / "s" / "tasks.parquet").pairs
    return [{"image": name} for name in pairs.image_ids.tolist()]


@pytest.fixture
def running(study: Study) -> Iterator[PreparedSite]:
    made = serve_study(ServeConfig(str(study.folder), stop=None), votes_per_question=N_OTHERS + 1)
    with made.site.store:
        yield made


def right(store: Store, rater: int, lease: int) -> list[int]:
    """The true answers of a task, in its order."""
    task = rating.leased_task(store, rater, lease)
    return [2 if is_true(task.image_id, q.label) else 0 for q in task.questions]


def answer(page: Page, store: Store, rater: int, *, wrong: bool = False) -> int:
    """Answer the task by keys, truly or in its first question not; its lease."""
    lease = int(page.locator("main").get_attribute("data-leases") or 0)
    expect(page.locator(".frame[data-state=shown]")).to_be_visible()
    said = right(store, rater, lease)
    said = [2 - said[0], *said[1:]] if wrong else said
    for place, value in enumerate(said):
        page.keyboard.press(str(place + 1))
        page.keyboard.press("nmy"[value])
    page.keyboard.press("Enter")
    expect(page.locator(f'main[data-leases="{lease}"]')).to_have_count(0)
    return lease


def until(page: Page, holds: Callable[[], bool], what: str) -> None:
    """Let the page go on until something holds; at once where it does already."""
    for _ in range(3_000):
        if holds():
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"still not so: {what}")


def fetched_images(page: Page) -> set[int]:
    """The leases whose image has come, as they come: prefetching is not seen on the page."""
    leases: set[int] = set()

    def note(url: str) -> None:
        if found := re.search(r"/screens/(\d+)/image", url):
            leases.add(int(found[1]))

    page.on("requestfinished", lambda request: note(request.url))
    return leases


def has_two_ahead(fetched: set[int], shown: int) -> bool:
    return sum(lease > shown for lease in fetched) >= 2


def simulate(store: Store) -> None:
    """The other raters answer everything, truly; the gold that comes up twice as well."""
    for name in [f"simulated-{n}" for n in range(N_OTHERS)]:
        number = rating.accept_invitation(store, rating.invite(store, name)).number
        while isinstance(task := rating.next_task(store, number), rating.TaskLease):
            said = right(store, number, task.lease)
            given = tuple(
                rating.Answer(q.question, value, 1500)
                for q, value in zip(task.questions, said, strict=True)
            )
            submission = rating.Submission(task.lease, f"of-{task.lease}", given)
            rating.submit(store, number, submission)


def test_from_a_link_to_scores_by_keyboard(
    running: PreparedSite, study: Study, open_page: Callable[..., Page], cli: Callable[..., Ran]
) -> None:
    store = running.site.store
    token = rating.invite(store, "person")
    person = rating.rater_named(store, "person")
    assert person is not None
    with served(create_app(running.site)) as address:
        page = open_page()
        fetched = fetched_images(page)
        page.goto(f"{address}/invite/{token}")
        expect(page.get_by_role("button", name="Begin")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Start practising")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main[data-practice]")).to_be_visible()
        answer(page, store, person.number)
        expect(page.get_by_text("The experts agree").first).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.locator("main[data-leases]:not([data-practice])")).to_be_visible()
        leases = []
        for n in range(N_TASKS):
            if n == 12:
                shown = int(page.locator("main").get_attribute("data-leases") or 0)
                until(page, partial(has_two_ahead, fetched, shown), "two more tasks are here")
                page.context.set_offline(True)
            lease = answer(page, store, person.number, wrong=n == 9)
            leases.append(lease)
            if n == 9:
                page.keyboard.press("Backspace")
                expect(page.locator(f'main[data-leases="{lease}"][data-answered]')).to_be_visible()
                answer(page, store, person.number)
            if n == 14:
                expect(page.locator("#connection")).to_contain_text("3 images' answers wait")
                page.context.set_offline(False)
                expect(page.locator("main[data-leases]")).to_be_visible(timeout=20_000)
                expect(page.locator("#connection")).to_be_hidden(timeout=20_000)
        page.keyboard.press("p")
        page.wait_for_url("**/paused")
        until(page, lambda: not rating.study_progress(store).n_leases, "nothing is out any more")
    assert len(set(leases)) == N_TASKS
    said = {}
    for lease in leases:
        task = rating.leased_task(store, person.number, lease)
        assert [q.answer for q in task.questions] == right(store, person.number, lease)
        said |= {(task.image_id, q.label): q.answer for q in task.questions}
    simulate(store)
    assert rating.audit(store) == ()
    check_scores(study, said, cli)


def check_scores(
    study: Study, said: dict[tuple[str, int], int | None], cli: Callable[..., Ran]
) -> None:
    """What the owner's commands make of the votes."""
    where = str(study.folder)
    for command in (("votes", "export", where), ("run", where)):
        done = cli(*command)
        assert done.status == 0, done.err
    with (study.folder / "votes.csv").open() as file:
        votes = list(csv.DictReader(file))
    mine = {(v["image"], int(v["label"])): v["answer"] for v in votes if v["rater"] == "person"}
    assert len(mine) > N_TASKS
    assert all(("no", "maybe", "yes")[said[pair] or 0] == word for pair, word in mine.items())
    assert len({(v["image"], v["label"], v["rater"]) for v in votes}) == len(votes)
    labels = json.loads((study.folder / "labels.json").read_text())["labels"]
    for vote in votes:
        image_id, label = vote["image"], int(vote["label"])
        assert (label in labels[image_id]) == is_true(image_id, label)
    folder = study.folder.parent
    scored = cli("score", str(folder / "m0.npz"), "--labels", str(study.folder / "labels.json"),
                 "--original-labels", str(folder / "labels.csv"),
                 "--classes", str(folder / "classes.csv"),
                 "--json")  # fmt: skip
    assert scored.status == 0, scored.err
    (model,) = json.loads(scored.out)["models"]
    assert model["real"]["n_scored"] > 300
    assert model["real"]["value"] > model["original"]["value"]
