"""Sites below a path of their host: by every address that a page names, and two side by side."""

import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from reassess import rating
from reassess.cli import main
from reassess.errors import OptionError
from reassess.rating import Store, add_questions, invite, open_store
from reassess.web import Site, create_app
from tests.rating.play import SEED

from .conftest import BASE, PLAIN, questions, served
from .served import free_port, is_heard, make_study

CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"
WEB = Path(rating.__file__).parents[1] / "web"
PAGES = ("/rate", "/sweep", "/sweep/0", "/instructions", "/paused", "/password", "/gold",
         "/gold/next", "/adjudicate", "/owner", "/owner/raters/1", "/owner/settings",
         "/owner/audit", "/owner/recruiting", "/done", "/join/x", "/nowhere")  # fmt: skip
ADDRESS = re.compile(r'(?:href|src|action|data-more|data-live|data-image)="([^"]*)"')


def test_templates_and_script_name_no_address_without_the_root_path() -> None:
    for path in sorted((WEB / "templates").iterdir()):
        assert re.findall(r'(?:href|src|action|data-\w+)="/[^"]*"', path.read_text()) == [], path
    for path in sorted((WEB / "static").glob("*.js")):
        assert re.findall(r'(?:fetch|load|assign|goTo)\([`"]/', path.read_text()) == [], path


@pytest.mark.parametrize("is_stripped", [False, True])
def test_every_address_of_a_page_lies_below_the_root_path(
    site: Site, with_gold: Store, is_stripped: bool
) -> None:
    app: ASGIApp = create_app(replace(site, root_path="/lab/pilot/"))
    app = without_root(app) if is_stripped else app
    with TestClient(app, base_url=BASE, follow_redirects=False) as http:

        def get(path: str) -> tuple[str, list[str]]:
            answer = http.get(f"/lab/pilot{path}")
            assert answer.status_code < 500
            found = [*ADDRESS.findall(answer.text), answer.headers.get("location", "")]
            return answer.text, [one for one in found if one]

        path = f"/invite/{invite(with_gold, 'boss', 'owner')}"
        csrf = re.search(r'name="csrf" content="(\w+)"', get(path)[0])
        assert csrf
        entered = http.post(f"/lab/pilot{path}", data={"csrf": csrf[1]})
        assert entered.headers["location"] == "/lab/pilot/"
        assert "; Path=/lab/pilot;" in entered.headers["set-cookie"]
        seen = [(path, address) for path in PAGES for address in get(path)[1]]
        assert len(seen) > 100
        assert [one for one in seen if not one[1].startswith(("/lab/pilot/", "#main"))] == []
        token = {"x-csrf-token": http.get("/lab/pilot/api/session").json()["csrf"]}
        task = http.post("/lab/pilot/api/screens/next", json={}, headers=token).json()
        for shown in (task["image"], *(one for q in task["questions"] for one in q["examples"])):
            assert shown.startswith("/lab/pilot/")
            assert http.get(shown).status_code == 200
        described = http.get("/lab/pilot/api/openapi.json").json()
        assert described["servers"] == [{"url": "/lab/pilot"}]
        assert "detail" in http.get("/lab/pilot/api/nowhere").json()  # a program gets no page


def without_root(app: ASGIApp) -> ASGIApp:
    """What a proxy does that takes the root path off."""

    async def handed_on(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = scope["path"].removeprefix("/lab/pilot")
        await app(scope, receive, send)

    return handed_on


def test_cookies_below_a_path_have_the_prefix_that_browsers_allow_there(site: Site) -> None:
    app = create_app(replace(site, root_path="/pilot", secure_cookies=True))
    said = TestClient(app, base_url="https://rating.test").get("/pilot/sign-in")
    assert said.headers["set-cookie"].startswith("__Secure-rating-")


@pytest.mark.parametrize("root_path", ["pilot", "/a b", "/..", "/a//b", "/rate", "/static/x", "/é"])
def test_a_root_path_that_cannot_be_is_refused(site: Site, root_path: str) -> None:
    with pytest.raises(OptionError, match="root_path is"):
        create_app(replace(site, root_path=root_path))


def test_a_refused_root_path_leaves_manifest_and_store_as_they_were(tmp_path: Path) -> None:
    study = make_study(tmp_path, 4)
    before = (study / "study.toml").read_text()
    said = CliRunner().invoke(main, ["serve", str(study), "--base-url", "http://h.test/rate"])
    assert said.exit_code == 2
    assert "must not begin with /rate" in said.output
    assert (study / "study.toml").read_text() == before
    assert not (study / "rating.db").exists()


@contextlib.contextmanager
def proxied(first: str, second: str, folder: Path) -> Iterator[str]:
    """Two sites behind nginx as the example configures it, without its certificate."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if nginx is None:
        pytest.skip("there is no nginx; Debian's nginx-light brings one")
    port = free_port()
    config = re.sub(r".*ssl_certificate.*\n", "", CONFIG.read_text())
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port}"),
        ("http://127.0.0.1:8001", first),
        ("http://127.0.0.1:8002", second),
    ):
        assert config.count(f"{old};") == 1
        config = config.replace(f"{old};", f"{new};")
    temporary = "".join(
        f"{one}_temp_path {folder}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi",
                                                       "scgi")
    )  # fmt: skip
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/errors;\nevents {{}}\n"
        f"http {{ access_log off; {temporary}\n{config} }}\n"
    )
    process = subprocess.Popen(
        [nginx, "-p", str(folder), "-e", f"{folder}/errors", "-c", str(folder / "nginx.conf")]
    )
    try:
        deadline = time.monotonic() + 20
        while not is_heard(port) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def another(site: Site, folder: Path) -> Iterator[Site]:
    with open_store(f"sqlite:///{folder}/birds.db", secret=SEED) as store:
        rating.change_settings(store, PLAIN)
        add_questions(store, questions())
        yield replace(site, store=store, name="Birds", root_path="/birds")


def test_two_studies_side_by_side_in_one_browser(
    site: Site, tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    pilot = replace(site, root_path="/pilot")
    with (
        another(site, tmp_path) as birds,
        served(create_app(pilot)) as first,
        served(create_app(birds)) as second,
        proxied(first, f"{second}/", tmp_path) as host,  # one root path passed on, one taken off
    ):
        page = open_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        for one in (pilot, birds):
            enter(page, host, one)
        for one, n in ((pilot, 2), (birds, 3), (pilot, 1)):
            work(page, host, one, n)
        assert {path.split("/")[1] for path in asked} == {"pilot", "birds"}
        assert rating.study_progress(pilot.store).n_answers > 0
        n_tasks = [
            rating.rater_progress(one.store, rating.raters_of(one.store)[0].number).n_screens
            for one in (pilot, birds)
        ]
        assert n_tasks == [3, 3]
        cookies = {(one["path"], one["name"]) for one in page.context.cookies()}
        assert cookies == {(one.root_path, f"rating-{one.mark}") for one in (pilot, birds)}
        waits_for_its_own_study(page, host)
        page.get_by_text("ann", exact=True).click()
        page.get_by_role("button", name="Sign out everywhere").click()
        page.wait_for_url(f"{host}/birds/sign-in")
        page.goto(f"{host}/pilot")
        expect(page.locator("main.rate")).to_be_visible()
        page.close()  # while the sites are still there, as it prefetches what comes next


def enter(page: Page, host: str, site: Site) -> None:
    page.goto(f"{host}{site.root_path}/invite/{invite(site.store, 'ann')}")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("link", name="Start", exact=True).click()
    expect(page.locator(".frame[data-state=shown]")).to_be_visible()


def work(page: Page, host: str, site: Site, n: int) -> None:
    """Answer so many tasks, of which the script prefetches those to come."""
    page.goto(f"{host}{site.root_path}/rate")
    expect(page.get_by_role("link", name=site.name)).to_be_visible()
    for _ in range(n):
        expect(page.locator(".frame[data-state=shown]")).to_be_visible()
        lease = page.locator("main").get_attribute("data-leases")
        for place in range(page.locator("fieldset.question").count()):
            page.keyboard.press(str(place + 1))
            page.keyboard.press("y")
        page.keyboard.press("Enter")
        expect(page.locator(f'main[data-leases="{lease}"]')).to_have_count(0)
    page.wait_for_load_state("networkidle")


def waits_for_its_own_study(page: Page, host: str) -> None:
    """Answers of one study that wait for a connection are no matter of the other's pages."""
    page.goto(f"{host}/pilot/rate")
    page.evaluate(
        "localStorage.setItem('rating.outbox/pilot/.' + document.body.dataset.store + '.99',"
        " JSON.stringify([{ lease: 1, body: { key: 'k' } }]))"
    )
    page.goto(f"{host}/birds/rate")
    expect(page.locator("main.rate")).to_be_visible()
    expect(page.locator("#connection")).to_be_hidden()
