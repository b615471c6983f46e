"""A real browser: a whole session by keyboard alone, and what assistive software meets.

Skipped where there is no Chromium (`tests.browser`).
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from reassess import rating
from reassess.rating import Store, invite

from .conftest import IMAGES

KEYS = "nmy"
PATHS = ("/rate", "/sweep", "/sweep/2", "/instructions", "/paused", "/password", "/gold",
         "/gold/next", "/adjudicate", "/adjudicate/next", "/owner", "/owner/raters/1",
         "/owner/settings", "/owner/audit", "/owner/recruiting", "/consent")  # fmt: skip


def disagree(store: Store) -> None:
    """Two raters who say the opposite about some images."""
    for name, value in (("one", 2), ("two", 0)):
        person = rating.accept_invitation(store, invite(store, name))
        for n in range(20):
            task = rating.next_task(store, person.number)
            if isinstance(task, rating.NoTask):
                break
            given = tuple(rating.Answer(q.question, value, 900) for q in task.questions)
            rating.submit(store, person.number, rating.Submission(task.lease, f"{n}", given))


def lease_of(page: Page) -> int:
    return int(page.locator("main").get_attribute("data-leases") or 0)


def answer(page: Page, how: int) -> list[int | None]:
    """Answer a task by keys, and go to the next; what was said. No image, no answers."""
    lease = lease_of(page)
    n = page.locator("fieldset.question").count()
    if page.locator(".stage > .none").count():
        page.keyboard.press("Enter")
        expect(page.locator("main button[type=submit]")).to_be_disabled()
        page.keyboard.press("x")
        expect(page.locator(f'main[data-leases="{lease}"]')).to_have_count(0)
        return [None] * n
    expect(page.locator(".frame[data-state=shown]")).to_be_visible()
    said = [(how + place) % 3 for place in range(n)]
    for place, value in enumerate(said):
        page.keyboard.press(str(place + 1))
        page.keyboard.press(KEYS[value])
    page.keyboard.press("Enter")
    expect(page.locator(f'main[data-leases="{lease}"]')).to_have_count(0)
    return said


def stored(store: Store, lease: int) -> list[int | None]:
    person = rating.rater_named(store, "rater-1")
    assert person is not None
    return [q.answer for q in rating.leased_task(store, person.number, lease).questions]


@pytest.mark.usefixtures("with_gold")
def test_a_session_by_keyboard_alone(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{address}/invite/{invite(store, 'rater-1')}")
    expect(page.get_by_role("button", name="Begin")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Start practising")).to_be_focused()
    assert page.evaluate("scrollY") == 0  # to be read from its top
    page.keyboard.press("Enter")
    expect(page.locator("main[data-practice]")).to_be_visible()
    answer(page, 0)
    expect(page.get_by_role("link", name="Go on")).to_be_focused()
    page.keyboard.press("Enter")

    said: dict[int, list[int | None]] = {}
    expect(page.locator("main[data-leases]:not([data-practice])")).to_be_visible()
    for n in range(6):
        lease = lease_of(page)
        said[lease] = answer(page, n)

    waiting = lease_of(page)
    page.keyboard.press("Backspace")
    expect(page.locator(f'main[data-leases="{lease}"][data-answered]')).to_be_visible()
    checked = page.locator("[type=radio]:checked").evaluate_all("all => all.map(one => one.value)")
    assert [int(value) for value in checked] == said[lease]
    said[lease] = [2, *said[lease][1:]] if said[lease][0] == 0 else [0, *said[lease][1:]]
    page.keyboard.press("1")
    page.keyboard.press(KEYS[said[lease][0]])
    page.keyboard.press("Enter")
    expect(page.locator(f'main[data-leases="{waiting}"]')).to_be_visible()

    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    n_offline = 0
    while lease_of(page):
        assert n_offline < 5
        lease = lease_of(page)
        said[lease] = answer(page, n_offline)
        n_offline += 1
    assert n_offline == 3  # the one on the page and two ahead
    expect(page.locator("#connection")).to_contain_text("3 images' answers wait")
    expect(page.get_by_role("heading", name="The connection is lost")).to_be_visible()
    assert stored(store, lease)[0] is None
    page.context.set_offline(False)
    expect(page.locator("main[data-leases]")).to_be_visible(timeout=15_000)
    waiting = "Object.keys(localStorage).filter(key => localStorage[key].startsWith('[{'))"
    assert page.evaluate(waiting) == []

    for n in range(80):
        if page.locator("main[data-idle]").count():
            break
        lease = lease_of(page)
        said[lease] = answer(page, n)
    expect(page.get_by_role("heading", name="Nothing is left to answer")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert len(said) > 20
    assert {lease: stored(store, lease) for lease in said} == said
    assert rating.audit(store) == ()


def test_the_image_in_full_size_and_keys_that_are_turned_off(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    rating.set_use(store, [IMAGES[-1]], "retired")  # it has no file
    page = open_page()
    page.goto(f"{address}/invite/{invite(store, 'rater-1')}")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("link", name="Start").wait_for()
    page.goto(f"{address}/rate", wait_until="networkidle")
    dialog, pan = page.locator("#full"), page.locator("#full .pan")
    for close in ("z", "Escape"):
        page.keyboard.press("z")
        expect(dialog).to_be_visible()
        page.keyboard.press(close)
        expect(dialog).to_be_hidden()
    page.set_viewport_size({"width": 1200, "height": 300})
    page.locator(".image img").click()
    expect(dialog).to_be_visible()
    top = 0
    for _ in range(100):  # until it lies in the middle
        top = pan.evaluate("pan => pan.scrollTop")
        if top > 100:
            break
        page.wait_for_timeout(50)
    assert top > 100
    page.keyboard.press("ArrowDown")
    assert pan.evaluate("pan => pan.scrollTop") > top
    page.mouse.move(600, 150)
    page.mouse.down()
    page.mouse.move(600, 250, steps=5)
    page.mouse.up()
    assert pan.evaluate("pan => pan.scrollTop") < top
    expect(dialog).to_be_visible()  # dragging is no click
    page.mouse.click(600, 150)
    expect(dialog).to_be_hidden()
    page.set_viewport_size({"width": 1200, "height": 800})
    page.keyboard.press("?")
    page.get_by_label("Letter and number keys work").uncheck()
    page.locator("input[type=radio]").first.focus()
    page.keyboard.press("y")
    page.keyboard.press("z")
    expect(dialog).to_be_hidden()
    assert page.locator("input:checked[type=radio]").count() == 0
    page.keyboard.press("ArrowRight")
    assert page.locator("input:checked[type=radio]").count() == 1
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url("**/paused")
    assert rating.study_progress(store).n_leases == 0


def test_pages_work_without_scripts_and_on_a_phone(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = open_page(
        java_script_enabled=False, viewport={"width": 360, "height": 740}, has_touch=True
    )
    page.goto(f"{address}/invite/{invite(store, 'rater-1')}")
    page.get_by_role("button", name="Begin").tap()
    page.get_by_role("link", name="Start").tap()
    lease = lease_of(page)
    for question in page.locator("fieldset.question").all():
        question.get_by_text("Maybe").tap()
    page.get_by_role("button", name="Submit").tap()
    expect(page.locator(f'main[data-leases="{lease}"]')).to_have_count(0)
    assert set(stored(store, lease)) == {1}
    assert page.locator("main").bounding_box()["width"] <= 360  # type: ignore[index]


def test_a_grid_by_keyboard_alone_with_a_lost_connection(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{address}/invite/{invite(store, 'rater-1')}")
    expect(page.get_by_role("button", name="Begin")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Start")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("main[data-leases]").wait_for()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("p")
    page.wait_for_url("**/paused")
    page.goto(f"{address}/sweep/2", wait_until="networkidle")
    cells = page.locator("fieldset[data-lease]")
    expect(cells).to_have_count(12)
    leases = cells.evaluate_all("all => all.map(one => one.dataset.lease)")
    for key in "ynm":
        page.keyboard.press(key)
    expect(cells.nth(3).locator("input").first).to_be_focused()
    page.keyboard.press("z")
    expect(page.locator("#full img")).to_have_attribute("src", re.compile(f"/{leases[3]}/image"))
    page.keyboard.press("z")
    page.keyboard.press("Backspace")
    page.keyboard.press("y")  # the third after all
    page.keyboard.press("Shift+N")
    expect(page.locator("#confirm")).to_contain_text("Answer 9 open images with “No”?")
    page.keyboard.press("Enter")
    expect(page.locator(".tally")).to_contain_text("0 open")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.locator("#connection")).to_contain_text("wait")
    person = rating.rater_named(store, "rater-1")
    assert person is not None
    assert rating.study_progress(store).n_votes == 0
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="This class is done")).to_be_visible(timeout=20_000)
    said = [rating.leased_task(store, person.number, int(n)).questions[0].answer for n in leases]
    assert said == [2, 0, 2] + [0] * 9
    assert rating.study_progress(store).n_votes == 12
    assert rating.audit(store) == ()


def test_the_owners_page_updates_itself(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{address}/invite/{invite(store, 'boss', 'owner')}")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/owner")
    votes = page.locator("#live-progress dd").nth(1)
    expect(votes).to_have_text(re.compile("^0of"))
    page.evaluate("document.body.dataset.same = 'page'")
    person = rating.accept_invitation(store, invite(store, "rater-1"))
    task = rating.next_task(store, person.number)
    assert isinstance(task, rating.TaskLease)
    given = tuple(rating.Answer(q.question, 2) for q in task.questions)
    rating.submit(store, person.number, rating.Submission(task.lease, "k", given))
    expect(votes).to_have_text(re.compile(f"^{len(given)}of"), timeout=15_000)
    expect(page.locator("#live-raters")).to_contain_text("rater-1")
    expect(page.locator(".chart svg")).to_have_attribute(
        "aria-label", re.compile(f"{len(given)} in all")
    )
    assert page.evaluate("document.body.dataset.same") == "page"


def test_mturk_frames_the_page_that_leads_to_a_tab_and_takes_the_code(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    """At MTurk's own address, as far as the browser knows; any other site shows an empty frame."""
    token = rating.open_address(store, "mturk", people=5, goal=1)
    sandbox, sent = "https://workersandbox.mturk.com", []
    query = f"assignmentId=A1&hitId=H&workerId=W1&turkSubmitTo={sandbox}"
    framing = f'<iframe src="{address}/join/{token}?{query}" width="900" height="700"></iframe>'
    page = open_page(viewport={"width": 1000, "height": 800})

    def as_mturk(route) -> None:  # type: ignore[no-untyped-def]
        if route.request.method == "POST":
            sent.append((route.request.url, route.request.post_data))
        route.fulfill(body=framing, content_type="text/html")

    page.context.route(f"{sandbox}/**", as_mturk)
    page.context.route("https://requester.mturk.com/**", as_mturk)
    page.goto("https://requester.mturk.com/preview")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Open the study in a new tab")).to_be_visible()
    page.goto(f"{sandbox}/task")
    with page.context.expect_page() as opened:
        frame.get_by_role("link", name="Open the study in a new tab").click()
    tab = opened.value
    tab.get_by_role("button", name="Begin").click()
    tab.get_by_role("link", name="Start").click()
    answer(tab, 0)
    tab.locator("#finish").click()
    code = tab.locator("#code").inner_text()
    assert len(code) == 12
    frame.get_by_label("Completion code").fill(code)
    frame.get_by_role("button", name="Hand in").click()
    page.wait_for_function("() => true")
    for _ in range(200):
        if sent:
            break
        page.wait_for_timeout(50)
    assert sent == [(f"{sandbox}/mturk/externalSubmit", f"assignmentId=A1&completion_code={code}")]


def test_no_other_site_frames_a_page(address: str, store: Store, browser: Any) -> None:
    token = rating.open_address(store, "mturk", people=5, goal=1)
    context = browser.new_context()
    page = context.new_page()
    framed = {"evil.test": f"/join/{token}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE",
              "www.mturk.com": "/sign-in"}  # fmt: skip
    for host, path in framed.items():
        framing = f'<iframe src="{address}{path}"></iframe>'
        context.route(
            f"https://{host}/**",
            lambda route: route.fulfill(body=framing, content_type="text/html"),  # noqa: B023
        )
        page.goto(f"https://{host}/")
        for _ in range(100):  # the page is loaded before the frame has failed
            if page.frames[1].url:
                break
            page.wait_for_timeout(50)
        assert page.frames[1].url.startswith("chrome-error:"), host
    context.close()


def test_axe_finds_nothing(
    address: str,
    store: Store,
    open_page: Callable[..., Page],
    axe: Callable[..., list[tuple[str, str]]],
) -> None:
    """On every page; the dark scheme changes colours, so only those are looked at again."""
    page = open_page(color_scheme="light")
    disagree(store)
    rating.choose_gold(store, [IMAGES[0]])
    rating.withdraw_images(store, [IMAGES[5]])
    token = rating.open_address(store, "mturk", people=5, goal=1)
    mturk = f"/join/{token}?assignmentId=A&workerId=W&turkSubmitTo=https://www.mturk.com"
    code = rating.open_address(store, "prolific", people=5, goal=1, completion_code="C")
    came = "PROLIFIC_PID=5f2b0c6d9e1a4b00017c3d2e"

    def look(path: str) -> None:
        page.goto(address + path)
        if path in ("/rate", "/sweep/2"):
            page.keyboard.press("y")
        assert axe(page) == [], path
        page.emulate_media(color_scheme="dark")
        assert axe(page, ["color-contrast"]) == [], f"{path} in the dark"
        page.emulate_media(color_scheme="light")

    for path in ("/sign-in", f"/join/{code}?{came}", mturk):
        look(path)
    page.goto(f"{address}/invite/{invite(store, 'boss', 'owner')}")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/owner")
    for path in PATHS:
        look(path)
