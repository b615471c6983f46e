"""A real browser: a whole session by keyboard alone, and what assistive software meets.

Skipped where there is no Chromium; ``CHROMIUM`` names it where it is not Debian's.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from reassess import rating
from reassess.rating import Store, invite

from .conftest import IMAGES

KEYS = "nmy"


def lease_of(page: Page) -> int:
    return int(page.locator("main").get_attribute("data-lease") or 0)


def answer(page: Page, how: int) -> list[int]:
    """Answer a screen by keys, and go to the next; what was said."""
    lease = lease_of(page)
    n = page.locator("fieldset.question").count()
    said = [(how + place) % 3 for place in range(n)]
    for place, value in enumerate(said):
        page.keyboard.press(str(place + 1))
        page.keyboard.press(KEYS[value])
    page.keyboard.press("Enter")
    expect(page.locator(f'main[data-lease="{lease}"]')).to_have_count(0)
    return said


def stored(store: Store, lease: int) -> list[int | None]:
    person = rating.rater_named(store, "rater-1")
    assert person is not None
    return [q.answer for q in rating.screen_of(store, person.number, lease).questions]


@pytest.mark.usefixtures("with_gold")
def test_a_session_by_keyboard_alone(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{address}/invite/{invite(store, 'rater-1')}")
    expect(page.get_by_role("button", name="Begin")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Start practising")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main[data-practice]")).to_be_visible()
    answer(page, 0)
    expect(page.get_by_role("link", name="Go on")).to_be_focused()
    page.keyboard.press("Enter")

    said: dict[int, list[int]] = {}
    expect(page.locator("main[data-lease]:not([data-practice])")).to_be_visible()
    for n in range(6):
        lease = lease_of(page)
        said[lease] = answer(page, n)

    waiting = lease_of(page)
    page.keyboard.press("Backspace")
    expect(page.locator(f'main[data-lease="{lease}"][data-answered]')).to_be_visible()
    checked = page.locator("[type=radio]:checked").evaluate_all("all => all.map(one => one.value)")
    assert [int(value) for value in checked] == said[lease]
    said[lease] = [2, *said[lease][1:]] if said[lease][0] == 0 else [0, *said[lease][1:]]
    page.keyboard.press("1")
    page.keyboard.press(KEYS[said[lease][0]])
    page.keyboard.press("Enter")
    expect(page.locator(f'main[data-lease="{waiting}"]')).to_be_visible()

    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    n_offline = 0
    while lease_of(page):
        assert n_offline < 5
        lease = lease_of(page)
        said[lease] = answer(page, n_offline)
        n_offline += 1
    assert n_offline == 3  # the one on the screen and two ahead
    expect(page.locator("#connection")).to_contain_text("3 images' answers wait")
    expect(page.get_by_role("heading", name="The connection is lost")).to_be_visible()
    assert stored(store, lease)[0] is None
    page.context.set_offline(False)
    expect(page.locator("main[data-lease]")).to_be_visible(timeout=15_000)
    assert (
        page.evaluate("localStorage.getItem('rating.outbox.' + document.body.dataset.rater)")
        == "[]"
    )

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
    page.goto(f"{address}/rate")
    dialog = page.locator("#full")
    for close in ("z", "Escape"):
        page.keyboard.press("z")
        expect(dialog).to_be_visible()
        page.keyboard.press(close)
        expect(dialog).to_be_hidden()
    page.locator(".image img").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
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
    assert rating.progress(store).n_leases == 0


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
    expect(page.locator(f'main[data-lease="{lease}"]')).to_have_count(0)
    assert set(stored(store, lease)) == {1}
    assert page.locator("main").bounding_box()["width"] <= 360  # type: ignore[index]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    address: str,
    store: Store,
    open_page: Callable[..., Page],
    axe: Callable[[Page], list[tuple[str, str]]],
    scheme: str,
) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(f"{address}/invite/{invite(store, 'boss', 'owner')}")
    page.get_by_role("button", name="Begin").click()
    for path in ("/rate", "/instructions", "/paused", "/password", "/owner", "/owner/audit"):
        page.goto(address + path)
        if path == "/rate":
            page.keyboard.press("y")
        assert axe(page) == [], path
