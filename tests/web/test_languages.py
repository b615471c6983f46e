"""The rater's side in other languages: every text is in every catalogue, and in the right place."""

import gettext
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from reassess import rating
from reassess.errors import FileError, OptionError
from reassess.rating import Store, invite
from reassess.web import Site, create_app
from reassess.web.catalogues import WEB, collect, missing, update
from reassess.web.languages import FOLDER, Language, choose_language, languages_of, offered_codes
from reassess.web.markdown import StudyText
from reassess.web.wording import Wording

from .conftest import BASE, NAMES, Client, served

CATALOGUES = sorted(FOLDER.glob("*.po"))
IN_SCRIPT = re.compile(r'"((?:[^"\\]|\\.)*)"')
MARKED = re.compile(r'(?:\b_|ngettext)\(\s*"((?:[^"\\]|\\.)*)"')
CONTENT = {
    "Cats & <dogs>", *NAMES, "puss", "hound, <i>cur</i>", "a feline", "a canine", "a fish", "ann",
    "Enter", "Backspace", "Shift", "Ctrl", "Prolific", "CODE", "English", "write to us", "+",
}  # fmt: skip
"""What stands on pages and is no text of the site's."""


def is_content(text: str) -> bool:
    return text in CONTENT or re.fullmatch(r"prolific-\w+", text) is not None


class Bracketed(gettext.NullTranslations):
    """A language whose every text stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, n: int) -> str:
        return f"⟦{one if n == 1 else many}⟧"


class Texts(HTMLParser):
    """What a page shows and reads out: its text as one, and its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.whole = ""
        self.parts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        named = dict(attrs)
        self.whole += "\n"
        self.parts += [
            str(named[name]) for name in ("alt", "title", "placeholder", "aria-label")
            if named.get(name)
        ]  # fmt: skip

    def handle_data(self, data: str) -> None:
        self.whole += data

    def untranslated(self) -> list[str]:
        """Words that stand outside of all brackets, and are no content of the study."""
        outside = [
            line
            for part in (self.whole, *self.parts)
            for line in re.sub(r"⟦[^⟦⟧]*(?:⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧", "\n", part).splitlines()
        ]
        found = [re.sub(r"⟦.*|.*⟧", "", line).strip(" ·:/,“”") for line in outside]
        return [one for one in found if re.search(r"[A-Za-z]{2}", one) and not is_content(one)]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_every_text(path: Path) -> None:
    assert missing(path, collect()) == []


def test_texts_of_the_script_are_collected_and_none_is_left_bare() -> None:
    known = {one for message in collect() for one in _ids(message.id)}
    assert len(known) > 200
    for path in sorted((WEB / "static").glob("*.js")):
        code = re.sub(r"^\s*//.*|\s//.*$", "", path.read_text(), flags=re.M)
        marked = [text.replace('\\"', '"') for text in MARKED.findall(code)]
        assert [text for text in marked if text not in known] == [], path
        sentences = [text for text in IN_SCRIPT.findall(code) if re.match(r"[A-Z].* ", text)]
        assert [text for text in sentences if text not in known] == [], path


def _ids(ids: object) -> tuple[str, ...]:
    return (ids,) if isinstance(ids, str) else tuple(ids)  # type: ignore[arg-type]


@pytest.fixture
def bracketed(site: Site, with_gold: Store) -> Iterator[TestClient]:
    """The site in a language whose every text stands in brackets."""
    assert site.store is with_gold
    site = replace(
        site,
        languages=(Language("ar", Bracketed()), Language("en")),
        contact="write to us",
        consent=StudyText("CODE"),
        instructions=StudyText("CODE"),
    )
    with TestClient(create_app(site), base_url=BASE) as http:
        yield http


def test_every_text_of_every_page_is_translated(bracketed: TestClient, store: Store) -> None:
    http, client = bracketed, Client(bracketed)
    pages: dict[str, str] = {}

    def see(name: str, answer) -> str:  # type: ignore[no-untyped-def]
        pages[name] = answer.text
        return str(answer.text)

    kinds = {
        "prolific": {"completion_code": "CODE"}, "mturk": {}, "classroom": {},
    }  # fmt: skip
    tokens = {
        kind: rating.open_address(store, kind, people=1, most_tasks=3, **more)  # type: ignore[arg-type]
        for kind, more in kinds.items()
    }
    mturk = f"/join/{tokens['mturk']}?workerId=W"
    for path in ("/sign-in", "/invite/x", "/join/x", "/nowhere", f"/join/{tokens['prolific']}",
                 f"/join/{tokens['classroom']}", mturk,
                 f"{mturk}&assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE",
                 f"{mturk}&assignmentId=A&turkSubmitTo=https://www.mturk.com"):  # fmt: skip
        see(path, http.get(path))
    csrf = client.csrf("/sign-in")
    see("failed", http.post("/sign-in", data={"csrf": csrf, "name": "ann", "password": "x"}))
    see("old link", http.post("/invite/x", data={"csrf": csrf}))
    see("no token", http.post("/sign-in"))
    path = f"/join/{tokens['prolific']}"
    http.post(path, data={"csrf": csrf, "who": "A" * 24})
    consent = see("/consent", http.get("/consent"))
    digest = re.search(r'name="digest" value="(\w+)"', consent)
    assert digest
    csrf = client.csrf("/consent")
    see("not ticked", http.post("/consent", data={"csrf": csrf}))
    http.post("/consent", data={"csrf": csrf, "digest": digest[1], "agreed": "yes"})
    for path in (
        "/consent",
        "/instructions",
        "/done",
        "/paused",
        "/password",
        "/sweep",
        "/sweep/0",
        "/rate",
        "/owner",
    ):
        see(path, http.get(path))
    lease = re.search(r'data-leases="(\d+)"', pages["/rate"])
    assert lease
    seal = re.search(r'name="seal" value="(\w+)"', pages["/rate"])
    assert seal
    given = {"csrf": csrf, "seal": seal[1], "answer-0": "1", "answer-1": "0", "key": "k"}
    see("feedback", http.post(f"/rate/{lease[1]}", data=given))
    see("again", http.get(f"/rate/{lease[1]}"))
    see("password", http.post("/password", data={"csrf": csrf, "password": "x", "again": "y"}))
    person = rating.raters_of(store)[0].number
    rating.waive_qualification(store, person)
    for path in ("/rate", "/sweep", "/sweep/0"):
        see(f"{path} later", http.get(path))
    rating.pause(store, person)
    see("paused", http.get("/rate"))
    see("act", http.post("/pause", data={"csrf": csrf}))
    rating.resume(store, person)
    while (task := client.task())["kind"] == "screen":
        client.answer(task)
    assert task["message"].startswith("⟦")
    assert "CODE" in see("finished", http.get("/rate"))
    see("done", http.get("/done"))
    left = {name: Texts(page).untranslated() for name, page in pages.items()}
    assert {name: words for name, words in left.items() if words} == {}
    assert all('<html lang="ar" dir="rtl">' in page for page in pages.values())


def test_readers_get_the_language_that_they_ask_for_or_chose(site: Site, store: Store) -> None:
    app = create_app(replace(
        site, languages=languages_of(offered_codes()),
        instructions=StudyText("Look.", {"de": "Sieh hin."}),
    ))  # fmt: skip
    with TestClient(
        app, base_url=BASE, headers={"accept-language": "fr, de-AT;q=0.8, en;q=0.5"}
    ) as http:
        client = Client(http)
        path = f"/invite/{invite(store, 'ann')}"
        http.post(path, data={"csrf": client.csrf(path)})
        page = http.get("/rate").text
        assert '<html lang="de" dir="ltr">' in page
        for words in (
            'data-key="j"',
            '<b dir="auto">Vielleicht</b>',
            "im Bild vor?",
        ):
            assert words in page
        assert "Sieh hin." in http.get("/instructions").text
        task = http.get("/api/screens/999")
        assert "nicht Ihre" in task.json()["detail"]
        chosen = http.post(
            "/language", data={"csrf": client.csrf(), "language": "en", "place": "/instructions"},
            follow_redirects=False,
        )  # fmt: skip
        assert chosen.headers["location"] == "/instructions"
        assert '<html lang="en"' in http.get("/rate").text
        for place in ("//evil.test", "https://evil.test", "/\\evil.test"):
            data = {"csrf": client.csrf(), "language": "xx", "place": place}
            answer = http.post("/language", data=data, follow_redirects=False)
            assert answer.headers["location"] == "/"
        assert '<html lang="en"' in http.get("/rate").text
        rating.change_role(store, 1, "owner")
        path = f"/invite/{invite(store, 'ann', 'owner')}"
        http.cookies.delete("rating-language")
        http.post(path, data={"csrf": client.csrf(path)})
        assert '<html lang="en" dir="ltr">' in http.get("/owner").text  # in English as its texts


@pytest.mark.parametrize(("accepted", "code"), [
    (None, "en"), ("", "en"), ("de", "de"), ("DE-de,en", "de"), ("fr", "en"), ("*", "en"),
    ("en;q=0.1, de;q=0.9", "de"), ("de;q=x", "en"), (",;;q=," * 500, "en"), ("\x00ü", "en"),
])  # fmt: skip
def test_browsers_ask_for_languages_in_many_ways(accepted: str | None, code: str) -> None:
    offered = languages_of(("en", "de"))
    assert choose_language(offered, None, accepted).code == code
    assert choose_language(offered, "en", accepted).code == "en"
    assert choose_language(offered[1:], "en", accepted).code == "de"


def test_a_studys_own_catalogue_has_plurals_of_its_language_and_goes_first(tmp_path: Path) -> None:
    assert update(tmp_path / "ru.po", collect()) == len(collect())
    path = tmp_path / "ru.po"
    form = '"{n} answer undone."\nmsgid_plural "{n} answers undone."\n'
    before = path.read_text()
    assert form in before
    start = before.index(form) + len(form)
    path.write_text(before[:start] + before[start:].replace(
        'msgstr[0] ""\nmsgstr[1] ""\nmsgstr[2] ""',
        'msgstr[0] "{n} ответ"\nmsgstr[1] "{n} ответа"\nmsgstr[2] "{n} ответов"', 1,
    ))  # fmt: skip
    assert update(path, collect()) == len(collect()) - 1  # what is translated stays
    (russian,) = languages_of(("ru",), tmp_path)
    assert russian.script_texts["{n} answer undone."] == {
        "one": "{n} ответ", "few": "{n} ответа", "many": "{n} ответов", "other": "{n} ответов",
    }  # fmt: skip
    assert russian.say("Pause") == "Pause"  # in English, where it is not translated
    (tmp_path / "de.po").write_text(
        'msgid ""\nmsgstr "Language: de\\n"\n\nmsgid "Pause"\nmsgstr "Rast"\n'
    )
    assert languages_of(("de",), tmp_path)[0].say("Pause") == "Rast"
    assert offered_codes(tmp_path) == ("en", "de", "ru")
    (tmp_path / "fr.po").write_bytes(b'msgid "a\nmsgstr \xff')
    with pytest.raises(FileError, match="no gettext catalogue"):
        languages_of(("fr",), tmp_path)
    for codes in ((), ("de", "de"), ("xx",), ("it",), ("../de",), ("",)):
        with pytest.raises(OptionError, match="language is"):
            languages_of(codes, tmp_path)


def test_keys_are_of_the_words_that_are_shown_where_they_can_be() -> None:
    (german,) = languages_of(("de",))
    assert [key for _, key, _, _ in Wording().translated(german).answers] == ["j", "v", "n"]
    said = {Wording().yes: "是，在图像中", Wording().maybe: "也许", Wording().no: "否"}
    chinese = Language("zh")
    object.__setattr__(
        chinese, "texts", type("", (), {"gettext": lambda _, text: said.get(text, text)})()
    )
    assert [row[1:3] for row in Wording().translated(chinese).answers] == [
        ("y", "是"),
        ("m", "也许"),
        ("n", "否"),
    ]
    own = Wording(yes="Clear mistake", maybe="Undecidable", no="Not a mistake")
    assert own.translated(german).answers == own.answers


def test_a_classroom_from_the_door_to_its_goal_from_right_to_left(
    site: Site, store: Store, open_page: Callable[..., Page],
    axe: Callable[[Page], list[tuple[str, str]]],
) -> None:  # fmt: skip
    languages = (Language("ar", Bracketed()), Language("de"))
    token = rating.open_address(store, "classroom", people=2, goal=1)
    site = replace(site, languages=languages, consent=StudyText("# Data\n\nWe keep answers."))
    with served(create_app(site)) as address:
        page = open_page(viewport={"width": 1366, "height": 768}, color_scheme="dark")
        page.goto(f"{address}/join/{token}")
        assert axe(page) == []
        page.get_by_role("textbox").fill("ann")
        page.keyboard.press("Enter")
        page.wait_for_url("**/consent")
        assert axe(page) == []
        page.get_by_role("checkbox").check()
        page.locator("main button").click()
        page.wait_for_url("**/instructions")
        page.goto(f"{address}/rate")
        expect(page.locator(".frame[data-state=shown]")).to_be_visible()
        for width in (360, 1366):
            page.set_viewport_size({"width": width, "height": 768})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        stage, questions = (page.locator(one).bounding_box() for one in (".stage", "#screen"))
        assert stage
        assert questions
        assert stage["x"] > questions["x"]
        expect(page.locator("#finish")).to_be_hidden()
        for place in range(page.locator("fieldset.question").count()):
            page.keyboard.press(str(place + 1))
            page.keyboard.press("y")
        page.keyboard.press("Enter")
        page.locator("#finish").click()
        expect(page.locator("h1")).to_have_text("⟦You have done your part⟧")
        assert axe(page) == []
