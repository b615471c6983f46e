"""Two studies one after the other at one address, and forms and images of the one at the other."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from reassess import rating
from reassess.rating import Store, invite, open_store
from reassess.web import Site, create_app

from .conftest import BASE, IMAGES, PLAIN, SEED, Client, draw, questions, served


@pytest.fixture
def other(site: Site, tmp_path: Path) -> Iterator[Site]:
    """The same images, ids, secret and names in another database; the files are other ones."""
    folder = tmp_path / "others"
    for n, name in enumerate(IMAGES):
        draw(folder / name, n, size=(400, 100))
    with open_store(f"sqlite:///{tmp_path}/other.db", secret=SEED) as store:
        rating.change_settings(store, PLAIN)
        rating.add_questions(store, questions())
        yield replace(site, store=store, image_path=lambda name: folder / name)


def enter(site: Site, name: str, role: rating.Role = "rater") -> Client:
    """Somebody who has come in by a link, with a cookie jar of their own."""
    client = Client(TestClient(create_app(site), base_url=BASE, raise_server_exceptions=False))
    path = f"/invite/{invite(site.store, name, role)}"
    client.http.post(path, data={"csrf": client.csrf(path)})
    return client


def n_votes(store: Store) -> int:
    return rating.study_progress(store).n_answers


def test_forms_and_images_of_another_database_are_refused(site: Site, other: Site) -> None:
    with ExitStack() as closing:
        ann, bob = enter(site, "ann"), enter(other, "bob")
        for one in (ann, bob):
            closing.enter_context(one.http)
        mine, theirs = ann.task(), bob.task()
        while mine["image"] is None:
            ann.answer(mine)
            mine = ann.task()
        before = n_votes(site.store), n_votes(other.store)
        assert mine["seal"] != theirs["seal"]
        assert mine["image"].split("/")[:3] == ["", "screens", str(mine["lease"])]
        lease = theirs["lease"]
        tag = mine["image"].rsplit("/", 1)[1]
        assert bob.http.get(f"/screens/{lease}/image/{tag}").status_code == 404
        assert bob.http.get(theirs["image"]).headers["cache-control"].endswith("immutable")
        plain = bob.http.get(f"/screens/{lease}/image", follow_redirects=False)
        assert plain.headers["cache-control"] == "no-store"
        assert plain.headers["location"].startswith(theirs["image"])
        answers = [{"place": 0, "answer": 2}]
        body = {"key": "k", "answers": answers, "seal": mine["seal"]}
        refused = bob.api(f"/api/screens/{lease}/answers", body)
        assert refused.status_code == 409
        assert "another study" in refused.json()["detail"]
        form = {f"answer-{n}": "1" for n in range(len(theirs["questions"]))}
        form |= {"key": "k", "seal": mine["seal"]}
        page = bob.post(f"/rate/{lease}", **form)
        assert (page.status_code, "nothing of it was stored" in page.text) == (409, True)
        grid = {"key": "k", "leases": str(lease), f"answer-{lease}": "2",
                f"seal-{lease}": mine["seal"]}  # fmt: skip
        assert bob.post("/sweep/0", **grid).status_code == 409
        assert (n_votes(site.store), n_votes(other.store)) == before
        receipt = bob.api(f"/api/screens/{lease}/answers", body | {"seal": theirs["seal"]}).json()
        assert receipt["store"] == other.store.identity.store_id
        for cookie in ann.http.cookies.jar:
            bob.http.cookies.set(cookie.name, cookie.value or "", domain="rating.test")
        assert bob.http.get("/api/session").json()["name"] == "bob"


def test_experts_and_examples_too(site: Site, other: Site) -> None:
    with ExitStack() as closing:
        ann, bob = enter(site, "ann", "owner"), enter(other, "bob", "owner")
        for one in (ann, bob):
            closing.enter_context(one.http)
        found = []
        for client, store in ((ann, site.store), (bob, other.store)):
            rating.choose_gold(store, [IMAGES[1]])
            gold = client.http.get("/gold/next")
            examples = [e for q in client.task()["questions"] for e in q["examples"]]
            found.append((gold.url.path, sealed(gold.text), set(examples)))
        assert found[0][0] == found[1][0]
        assert not found[0][2] & found[1][2]
        fields = {f"answer-{n}": "2" for n in range(4)}
        assert bob.post(found[1][0], **fields, seal=found[0][1]).status_code == 409
        assert rating.gold_progress(other.store).judged == {}
        assert bob.post(found[1][0], **fields, seal=found[1][1]).status_code == 303


def sealed(page: str) -> str:
    found = re.search(r'name="seal" value="(\w+)"', page)
    assert found
    return found[1]


def test_a_lease_of_the_same_number_after_a_restore_is_another_one(
    site: Site, store: Store
) -> None:
    """As where a database is put back byte by byte, and nothing else tells."""
    ann = enter(site, "ann")
    with ann.http:
        task = rating.next_task(store, 1)
        assert isinstance(task, rating.TaskLease)
        from reassess.web.addresses import task_seal

        later = replace(task, leased_at=task.leased_at.replace(year=2031))
        assert task_seal(site, later) != task_seal(site, task)


@pytest.fixture
def switched(site: Site, other: Site) -> Iterator[tuple[str, Callable[[Site], None]]]:
    """An address, and what puts another site there."""
    apps = {id(one): create_app(one) for one in (site, other)}
    now = [apps[id(site)]]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await now[0](scope, receive, send)

    with served(app) as address:  # type: ignore[arg-type]
        yield address, lambda one: now.__setitem__(0, apps[id(one)])


def width(page: Page) -> int:
    expect(page.locator(".frame[data-state=shown]")).to_be_visible()
    found: int = page.evaluate("document.querySelector('.stage img').naturalWidth")
    return found


def begin(page: Page, address: str, site: Site, name: str) -> None:
    page.goto(f"{address}/invite/{invite(site.store, name)}")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/instructions")
    page.goto(f"{address}/rate")


def test_one_browser_walks_through_two_databases(
    browser: Any, switched: tuple[str, Callable[[Site], None]], site: Site, other: Site
) -> None:
    address, put = switched
    rating.set_use(site.store, [IMAGES[-1]], "retired")  # it has no file
    context = browser.new_context()
    context.set_default_timeout(20_000)
    old, new = context.new_page(), context.new_page()
    begin(old, address, site, "ann")
    assert width(old) == 320
    for question in old.locator("fieldset.question").all():
        question.locator("input").first.check(force=True)
    put(other)
    begin(new, address, other, "bob")
    assert width(new) == 400
    old.get_by_role("button", name="Submit").click()
    expect(old.locator("#connection")).to_contain_text("of another study wait in this browser")
    assert (n_votes(site.store), n_votes(other.store)) == (0, 0)
    put(site)  # ann is still signed in here, and nothing that she answered is lost
    old.goto(f"{address}/rate")
    expect(old.locator("#n-screens")).to_have_text("1", timeout=20_000)
    first = n_votes(site.store)
    assert first > 0
    old.goto(f"{address}/rate")
    assert width(old) == 320
    context.set_offline(True)
    for question in old.locator("fieldset.question").all():
        question.locator("input").first.check(force=True)
    old.get_by_role("button", name="Submit").click()
    expect(old.locator("#connection")).to_contain_text("wait")
    put(other)  # before the page closes, as a closing page is no longer kept offline
    old.close()
    context.set_offline(False)
    new.goto(f"{address}/rate")
    assert width(new) == 400
    expect(new.locator("#connection")).to_contain_text("of another study wait")
    assert (n_votes(site.store), n_votes(other.store)) == (first, 0)
    put(site)
    new.goto(f"{address}/rate")
    expect(new.locator("body")).to_have_attribute("data-rater", "1")
    expect(new.locator("#n-screens")).to_have_text("2", timeout=20_000)
    assert n_votes(site.store) > first
    assert n_votes(other.store) == 0
    context.close()
