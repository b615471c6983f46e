"""The rating page in a real browser: what keys may do, what was not seen, what is in sight."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from reassess import rating
from reassess.errors import DataError
from reassess.rating import Store, add_questions, invite, open_store
from reassess.records import Classes, Pairs, Questions
from reassess.web import Site, create_app
from reassess.web.wording import Wording
from tests.rating.play import SEED

from .conftest import PLAIN, served

N_ASKED = 7
IMAGE = re.compile(r"/screens/\d+/image")
IDS = [f"{i}.png" for i in range(8)]
ANSWERED = """[...document.querySelectorAll('fieldset[data-place]')]
    .map(one => one.querySelector('input:checked')?.value ?? null)"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/study.db", secret=SEED) as opened:
        rating.change_settings(opened, PLAIN)
        image, label = np.divmod(np.arange(len(IDS) * N_ASKED), N_ASKED)
        add_questions(opened, Questions.from_pairs(Pairs(np.array(IDS), image, label)))
        yield opened


@pytest.fixture
def site(store: Store, tmp_path: Path) -> Site:
    """Small deep images, and classes with long names and definitions."""
    for i, name in enumerate(IDS):
        values = np.linspace(100, 900 + i, 32 * 24).reshape(24, 32).astype(np.uint16)
        Image.fromarray(values).save(tmp_path / name)
    names = tuple(f"class of the long name {k}, also called {k}" for k in range(N_ASKED))
    definitions = tuple(
        f"a definition of class {k}, in a dozen words or so" for k in range(N_ASKED)
    )
    ids, synonyms = tuple("abcdefg"), ("",) * N_ASKED
    return Site(
        store=store,
        name="Pilot",
        classes=Classes(ids, names, synonyms, definitions),
        image_path=lambda image_id: tmp_path / image_id,
        exemplars={},
        rule=None,
        secret=b"a secret of at least 32 bytes ....",
    )


def enter(open_page: Callable[..., Page], address: str, store: Store, **looks: object) -> Page:
    """Somebody new, at their first task."""
    page = open_page(**looks)
    page.goto(f"{address}/invite/{invite(store, f'rater-{len(rating.raters_of(store))}')}")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("link", name="Start").wait_for()
    page.goto(f"{address}/rate")
    return page


def press(page: Page, key: str, code: str, **more: Any) -> None:
    """A key as another layout or a held one sends it."""
    page.evaluate(
        "init => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', init))",
        {"key": key, "code": code, "bubbles": True, "cancelable": True, **more},
    )


def seen(page: Page) -> Page:
    expect(page.locator(".frame[data-state=shown]").first).to_be_attached()
    return page


def test_a_key_answers_the_question_at_hand_once_and_can_be_undone(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = seen(enter(open_page, address, store))
    press(page, "y", "KeyY", repeat=True)
    assert page.evaluate(ANSWERED) == [None] * N_ASKED
    for key, code in (("н", "KeyY"), ("υ", "KeyY"), ("Dead", "KeyN"), ("M", "KeyM")):
        press(page, key, code)  # Cyrillic, Greek, a dead key, Caps Lock
    assert page.evaluate(ANSWERED) == ["2", "2", "0", "1", None, None, None]
    press(page, "a", "KeyN")  # Latin letters count as they say, wherever they lie
    press(page, ",", "KeyM")  # nor does the comma of AZERTY say the letter of another layout
    assert page.evaluate(ANSWERED)[4] is None
    press(page, '"', "Digit3")  # the third key of AZERTY
    press(page, "n", "KeyN")
    assert page.evaluate(ANSWERED)[:5] == ["2", "2", "0", "1", None]
    page.keyboard.press("Shift+N")
    expect(page.locator("#confirm")).to_contain_text("Answer 3 open questions with “No”?")
    page.get_by_role("button", name="Leave them open").click()
    assert page.evaluate(ANSWERED)[4] is None
    page.get_by_role("button", name="The rest is no").click()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Submit")).to_be_focused()
    answered = ["2", "2", "0", "1", "0", "0", "0"]
    assert page.evaluate(ANSWERED) == answered
    for _ in range(3):
        page.keyboard.press("n")  # too many: nothing is at hand
    assert page.evaluate(ANSWERED) == answered
    tally = page.get_by_role("list", name="Your answers")
    expect(tally).to_have_text("1 Yes2 Yes3 No4 Maybe5 No6 No7 No")
    page.keyboard.press("Control+z")
    assert page.evaluate(ANSWERED) == [*answered[:4], None, None, None]
    page.keyboard.press("Control+z")
    assert page.evaluate(ANSWERED)[3] is None

    page.get_by_label("Something else").fill("a walrus")
    page.reload()  # a draft is kept
    assert seen(page).evaluate(ANSWERED) == ["2", "2", "0", None, None, None, None]
    expect(page.get_by_label("Something else")).to_have_value("a walrus")
    lease = page.locator("main").get_attribute("data-leases")
    page.locator("main").focus()
    page.keyboard.press("x")
    expect(page.locator("#done")).to_contain_text("The image goes to others.")
    page.get_by_role("button", name="Undo").last.click()
    expect(page.locator(f'main[data-leases="{lease}"]')).to_be_visible()
    expect(page.locator("#done")).to_be_hidden()
    for _ in seen(page).evaluate(ANSWERED):
        page.keyboard.press("m")
    page.keyboard.press("Enter")
    expect(page.locator(f'main[data-leases="{lease}"]')).to_have_count(0)
    page.keyboard.press("Backspace")
    expect(page.locator(f'main[data-leases="{lease}"][data-answered]')).to_be_visible()
    page.keyboard.press("n")  # meant for the page before: nothing is at hand here either
    assert page.evaluate(ANSWERED) == ["1"] * N_ASKED


def test_cannot_see_pressed_twice_is_said_of_one_image(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = seen(enter(open_page, address, store))
    page.wait_for_load_state("networkidle")
    page.evaluate(
        """async () => {
            const press = () => document.querySelector('.asides [name=cannot_see]').click();
            const now = document.querySelector('main');
            press();
            while (now.isConnected) await new Promise(done => setTimeout(done, 1));
            press();
        }"""
    )
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    assert [one.kind for one in rating.remarks(store)] == ["cannot see"]
    page.wait_for_timeout(500)
    page.keyboard.press("x")
    expect(page.locator("#done")).to_be_visible()
    for _ in range(100):
        if len(rating.remarks(store)) == 2:
            break
        page.wait_for_timeout(50)
    assert len(rating.remarks(store)) == 2


def test_on_a_grid_caps_lock_answers_one_and_what_did_not_load_is_not_sent(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = seen(enter(open_page, address, store))
    page.keyboard.press("p")
    page.wait_for_url("**/paused")
    asked: list[str] = []

    def spoil_the_first(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(body="no image") if asked[0] == route.request.url else route.continue_()

    page.context.route(IMAGE, spoil_the_first)
    page.goto(f"{address}/sweep/3")
    expect(page.locator(".frame[data-state=shown]")).to_have_count(len(IDS) - 1)
    failed = page.locator(".frame[data-state=failed]")
    expect(failed.get_by_role("button")).to_be_visible()
    page.locator(".cell:has([data-state=shown]) input").first.focus()
    press(page, "Y", "KeyY", shiftKey=False)
    assert page.evaluate(ANSWERED).count("2") == 1
    page.get_by_label("Those that are open").select_option("0")
    page.keyboard.press("Enter")
    expect(page.locator(".tally")).to_contain_text(f"{len(IDS) - 2} No1 open")
    page.context.unroute(IMAGE)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("fieldset[data-lease]")).to_have_count(1)
    votes = rating.votes(store)
    assert (len(votes), int((votes.answer == 2).sum())) == (len(IDS) - 1, 1)


def test_what_did_not_load_cannot_be_answered_until_it_does(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.context.route(IMAGE, lambda route: route.fulfill(body="no image", status=200))
    page.goto(f"{address}/invite/{invite(store, 'rater')}")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("link", name="Start").wait_for()
    page.goto(f"{address}/rate")
    panel = page.locator(".stage .failed")
    expect(panel).to_be_visible()
    page.keyboard.press("y")
    assert page.evaluate(ANSWERED) == [None] * N_ASKED
    for yes in page.locator(".choice.yes").all():
        yes.click()
    page.get_by_role("button", name="Submit").click(force=True)
    page.keyboard.press("Enter")
    expect(page.locator("#done")).to_contain_text("did not load")
    assert rating.study_progress(store).n_votes == 0
    page.context.unroute(IMAGE)
    panel.get_by_role("button", name="Try again").click()
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".tally")).to_contain_text("1 –")
    while rating.study_progress(store).n_votes < N_ASKED:  # pytest's own limit ends it
        page.wait_for_timeout(20)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_seven_questions_are_in_sight_and_a_small_image_is_not_blown_up(
    address: str, store: Store, open_page: Callable[..., Page], scheme: str
) -> None:
    size = {"width": 1366, "height": 768}
    page = seen(enter(open_page, address, store, viewport=size, color_scheme=scheme))
    in_sight = page.evaluate(
        """[...document.querySelectorAll('fieldset.question')].filter(one => {
            const {top, bottom} = one.getBoundingClientRect();
            const send = document.querySelector('.send').getBoundingClientRect();
            return top >= 0 && bottom <= send.top;
        }).length"""
    )
    assert in_sight == N_ASKED
    expect(page.get_by_text("95 % sure this is in the image")).to_be_visible()
    expect(
        page.get_by_text("more shades than a screen shows: 100 is shown as black")
    ).to_be_visible()
    expect(page.get_by_text("a definition of class").first).to_be_attached()
    assert page.get_by_text("a definition of class").evaluate_all(
        "all => all.filter(one => getComputedStyle(one).visibility === 'visible').length"
    ) == 1  # fmt: skip
    about = page.evaluate(
        """() => {
            const words = document.querySelector('.question:focus-within .about .words');
            words.querySelector('.definition').textContent = 'a long definition '.repeat(20);
            const rows = [...document.querySelectorAll('fieldset.question')];
            return [words.scrollHeight, words.clientHeight,
                    words.getBoundingClientRect().top,
                    Math.max(...rows.map(one => one.getBoundingClientRect().bottom))];
        }"""
    )
    assert about[0] <= about[1]  # whole, and not over the questions
    assert about[2] >= about[3]
    shown = page.locator(".stage img")
    box = shown.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (8 * 32, 8 * 24)
    page.locator("#size").select_option("1")
    expect(shown).to_have_css("width", "32px")
    page.reload()
    expect(page.locator(".stage img")).to_have_css("width", "32px")


def test_a_phone_moves_on_and_keys_can_be_named(
    site: Site, store: Store, open_page: Callable[..., Page]
) -> None:
    named = replace(site, wording=Wording(yes_key="j", no_key="f", zoom_key="v"))
    with served(create_app(named)) as address:
        phone = {"viewport": {"width": 390, "height": 760}, "has_touch": True, "is_mobile": True}
        page = seen(enter(open_page, address, store, **phone))
        place = page.locator("#question-1").evaluate("one => one.getBoundingClientRect().top")
        page.locator("#question-0 .choice.no").tap()
        page.wait_for_function(
            "top => document.querySelector('#question-1').getBoundingClientRect().top < top - 60",
            arg=place,
        )
        page = seen(enter(open_page, address, store))
        for key in "jyfn":
            page.keyboard.press(key)
        assert page.evaluate(ANSWERED)[:3] == ["2", "0", None]
        page.keyboard.press("v")
        expect(page.locator("#full")).to_be_visible()


@pytest.mark.parametrize("keys", [{"yes_key": "jj"}, {"no_key": "m"}, {"yes_key": "x"},
                                  {"zoom_key": "3"}, {"pause_key": " "}])  # fmt: skip
def test_keys_that_could_mean_two_things_are_refused(keys: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"\[ask\]"):
        Wording(**keys)


def test_a_page_that_is_open_keeps_its_task_and_says_what_went_to_others(
    address: str, store: Store, open_page: Callable[..., Page]
) -> None:
    rating.change_settings(store, replace(PLAIN, votes_per_question=1, lease_seconds=6))
    page = seen(enter(open_page, address, store))
    lease = int(page.locator("main").get_attribute("data-leases") or 0)
    reader = next(one.number for one in rating.raters_of(store))

    def left() -> float:
        return rating.leased_task(store, reader, lease).until.timestamp()

    before = left()
    page.wait_for_timeout(3000)
    assert left() > before  # a sign of life
    page.context.set_offline(True)  # asleep
    page.wait_for_timeout(7000)
    assert rating.return_expired(store) == 3
    other = rating.accept_invitation(store, invite(store, "other")).number
    while isinstance(task := rating.next_task(store, other), rating.TaskLease):
        given = tuple(rating.Answer(q.question, 0) for q in task.questions)
        rating.submit(store, other, rating.Submission(task.lease, f"{task.lease}", given))
    page.context.set_offline(False)
    expect(page.locator("#done")).to_contain_text("went to others")
