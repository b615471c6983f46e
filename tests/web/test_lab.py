"""What a lab needs at the door: consent, people who enrol themselves, and what they hand in."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from reassess import rating
from reassess.errors import DataError, FileError, OptionError
from reassess.rating import Store
from reassess.web import Site, create_app
from reassess.web.markdown import StudyText
from reassess.web.serve import PreparedSite, ServeConfig, serve_study

from .conftest import BASE, Client
from .served import make_study

Enter = Callable[..., Client]
PID = "5f2b0c6d9e1a4b00017c3d2e"
CONSENT = "# Data\n\nWe keep your answers. <script>alert(1)</script>"


@pytest.fixture
def visitors(app: FastAPI):
    """New browsers, each with an empty jar of cookies."""
    opened: list[TestClient] = []

    def open_one() -> Client:
        opened.append(TestClient(app, base_url=BASE, raise_server_exceptions=False))
        return Client(opened[-1])

    yield open_one
    for one in opened:
        one.close()


def come(client: Client, path: str, **given: str):
    """Open a page for joining, and press its button with all that its form holds."""
    page = client.http.get(path)
    assert page.status_code == 200, page.text
    held = dict(re.findall(r'name="(who|study|session)" value="([^"]*)"', page.text))
    action = re.search(r'action="(/join/[^"]+)"', page.text)
    assert action
    data = {"csrf": client.csrf("/sign-in"), **held, **given}
    return client.http.post(action[1], data=data, follow_redirects=False)


def test_somebody_from_prolific_works_to_their_code_and_no_further(
    store: Store, visitors: Callable[[], Client]
) -> None:
    token = rating.open_address(store, "prolific", people=1, most_tasks=2, completion_code="C0DE")
    path = f"/join/{token}?PROLIFIC_PID={PID}&STUDY_ID=study&SESSION_ID=one"
    ann = visitors()
    assert ann.http.get("/done", follow_redirects=False).headers["location"] == "/sign-in"
    assert rating.enrolments_of(store) == ()
    ann.http.get(path)
    assert rating.enrolments_of(store) == ()  # looking enrols nobody
    assert come(ann, path).headers["location"] == "/"
    (known,) = rating.enrolments_of(store)
    sent = (known.platform_id, known.platform_study, known.platform_session)
    assert sent == (PID, "study", "one")
    assert "2 images are left for you" in ann.http.get("/done").text
    for n in range(2):
        assert "C0DE" not in ann.http.get("/done").text
        assert ann.answer(ann.task(), key=f"k{n}").status_code == 200
    assert ann.task()["why"] == "finished"
    for page in ("/rate", "/done"):
        said = ann.http.get(page).text
        assert "submissions/complete?cc=C0DE" in said
        assert "You have done your part" in said
    again = visitors()
    assert come(again, path).status_code == 303  # the same person, in another browser
    assert "C0DE" in again.http.get("/rate").text
    late = visitors()
    answer = come(late, path.replace(PID, PID[::-1]))
    assert answer.status_code == 403
    assert "As many people" in answer.text
    for nobody in (
        "",
        "?PROLIFIC_PID=",
        "?PROLIFIC_PID={{%25PID%25}}",
        f"?workerId={PID}",
    ):
        page = late.http.get(f"/join/{token}{nobody}")
        assert page.status_code == 403
        assert "did not say who you are" in page.text
    assert late.http.get(f"/join/x{token}").status_code == 403


def test_mturk_frames_one_page_that_leads_to_a_tab_and_takes_the_code(
    store: Store, visitors: Callable[[], Client]
) -> None:
    token = rating.open_address(store, "mturk", people=5, goal=1)
    ann = visitors()
    preview = ann.http.get(f"/join/{token}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H")
    assert "Accept the task" in preview.text
    assert "<form" not in preview.text
    sandbox = "https://workersandbox.mturk.com"
    query = f"assignmentId=A1&hitId=H&workerId=W1&turkSubmitTo={sandbox}"
    framed = ann.http.get(f"/join/{token}?{query}")
    for page in (preview, framed):
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors https://www.mturk.com" in policy
        assert sandbox in policy
        assert "x-frame-options" not in page.headers
    assert f'action="{sandbox}/mturk/externalSubmit"' in framed.text
    assert 'name="assignmentId" value="A1"' in framed.text
    elsewhere = ann.http.get(f"/join/{token}?{query.replace(sandbox, 'https://evil.test')}")
    assert "evil.test" not in elsewhere.text
    tab = re.search(r'href="(/join/[^"]+)" target="_blank"', framed.text)
    assert tab
    plain = tab[1].replace("&amp;", "&")
    for page in (ann.http.get(plain), ann.http.get("/sign-in")):
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-frame-options"] == "DENY"
    assert come(ann, plain).status_code == 303
    (known,) = rating.enrolments_of(store)
    assert (known.platform_id, known.platform_study, known.platform_session) == ("W1", "H", "A1")
    assert 'href="/done" hidden' in ann.http.get("/rate").text
    ann.answer(ann.task())
    assert re.search(r'href="/done">', ann.http.get("/rate").text)
    said = ann.http.get("/done").text
    (known,) = rating.enrolments_of(store)
    assert len(known.completion_code) == 12
    assert f"<code>{known.completion_code}</code>" in said
    assert ann.task()["kind"] == "screen"  # a goal is no limit


def test_a_classroom_comes_in_from_one_address_at_once(
    store: Store, visitors: Callable[[], Client]
) -> None:
    token = rating.open_address(store, "classroom", people=90, goal=3)
    room = visitors()
    csrf, cookies = room.csrf("/sign-in"), dict(room.http.cookies)
    for n in range(61):
        room.http.cookies.clear()
        room.http.cookies.update(cookies)
        data = {"csrf": csrf, "who": f"pupil {n}"}
        answer = room.http.post(f"/join/{token}", data=data, follow_redirects=False)
        assert answer.status_code == 303, n
    assert len(rating.raters_of(store)) == 61
    other = visitors()
    for name, status, words in (
        ("Pupil 3", 403, "has this name already"), (" ", 422, "Choose a name"),
        ("a\nb", 422, "Choose a name"),
    ):  # fmt: skip
        answer = come(other, f"/join/{token}", who=name)
        assert answer.status_code == status
        assert words in answer.text
    assert come(other, f"/join/{token}", who="last").status_code == 303
    assert "/ 3" in other.http.get("/rate").text
    assert "3 images are left" in other.http.get("/done").text


@pytest.fixture
def asking(site: Site) -> FastAPI:
    """The site with a consent in two languages."""
    return create_app(replace(site, consent=StudyText(CONSENT, {"de": "Wir behalten Antworten."})))


def test_nobody_rates_before_they_agreed_and_what_they_read_is_kept(
    asking: FastAPI, store: Store
) -> None:
    with TestClient(asking, base_url=BASE, raise_server_exceptions=False) as http:
        client = Client(http)
        path = f"/invite/{rating.invite(store, 'ann')}"
        http.post(path, data={"csrf": client.csrf(path)}, follow_redirects=False)
        assert http.get("/", follow_redirects=False).headers["location"] == "/consent"
        for page in ("/rate", "/sweep", "/sweep/0", "/instructions", "/paused", "/done"):
            answer = http.get(page, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, "/consent"), page
        token = {"X-CSRF-Token": client.csrf("/consent")}
        for page in ("/api/session", "/api/standing", "/api/screens/1"):
            assert http.get(page).status_code == 403, page
        assert http.post("/api/screens/next", json={}, headers=token).status_code == 403
        page = http.get("/consent").text
        assert "<h2>Data</h2>" in page
        assert "<script>alert" not in page
        digest = re.search(r'name="digest" value="(\w+)"', page)
        assert digest
        csrf = {"csrf": token["X-CSRF-Token"]}
        for given in ({}, {"agreed": "yes"}, {"digest": digest[1]},
                      {"agreed": "yes", "digest": "0" * 64}):  # fmt: skip
            assert http.post("/consent", data=csrf | given).status_code == 422
        assert rating.given_consents(store) == ()
        http.post("/consent", data=csrf | {"agreed": "yes", "digest": digest[1]})
        (given,) = rating.given_consents(store)
        assert (given.name, rating.agreed_text(store, given.digest)) == ("ann", CONSENT)
        assert http.get("/rate").status_code == 200
        assert "You agreed to this on" in http.get("/consent").text
    again = create_app(replace(asking.state.sessions.site, consent=StudyText("Another text.")))
    with TestClient(again, base_url=BASE, cookies=http.cookies) as other:
        assert other.get("/rate", follow_redirects=False).headers["location"] == "/consent"


def test_owners_agree_to_nothing(asking: FastAPI, store: Store) -> None:
    with TestClient(asking, base_url=BASE) as http:
        path = f"/invite/{rating.invite(store, 'boss', 'owner')}"
        http.post(path, data={"csrf": Client(http).csrf(path)})
        assert http.get("/owner").status_code == 200


def test_an_owner_opens_lists_and_closes_addresses_and_reads_what_was_agreed_to(
    store: Store, sign_in: Enter, visitors: Callable[[], Client]
) -> None:
    boss = sign_in("boss", "owner")
    wrong = boss.post("/owner/recruiting", channel="prolific", people="5", days="1", code="")
    assert wrong.status_code == 422
    assert "Completion_code is missing" in wrong.text
    for changed in ({"channel": "x"}, {"people": ""}, {"people": "-1"}, {"days": "1e9"}):
        given = {"channel": "mturk", "people": "5", "days": "1"} | changed
        assert boss.post("/owner/recruiting", **given).status_code == 422
    assert rating.join_addresses_of(store) == ()
    page = boss.post("/owner/recruiting", channel="prolific", people="5", days="1", code="C0DE")
    link = re.search(r"<code>(http[^<]+)</code>", page.text)
    assert link
    path = link[1].replace("&amp;", "&").removeprefix(BASE)
    ids = "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
    assert path.endswith(ids)
    path = path.replace("{{%PROLIFIC_PID%}}", PID)
    assert come(visitors(), path.replace("{{%", "").replace("%}}", "")).status_code == 303
    (person,) = rating.enrolments_of(store)
    rating.give_consent(store, person.rater, CONSENT)
    said = boss.http.get("/owner/recruiting").text
    assert PID in said
    assert "1 of 5" in said
    agreed = re.search(
        r'href="(/owner/recruiting/consents/\w+)"',
        boss.http.get(f"/owner/raters/{person.rater}").text,
    )
    assert agreed
    assert "We keep your answers" in boss.http.get(agreed[1]).text
    (address,) = rating.join_addresses_of(store)
    boss.post(f"/owner/recruiting/{address.handle}/close")
    assert "can come in by this address any more" in visitors().http.get(path).text


def test_a_manifest_names_texts_and_languages_and_is_refused_before_a_store_is_made(
    tmp_path: Path,
) -> None:
    folder = make_study(tmp_path, 4)
    manifest = (folder / "study.toml").read_text()

    def prepared(section: str) -> PreparedSite:
        (folder / "study.toml").write_text(f"{manifest}\n[site]\n{section}\n")
        return serve_study(ServeConfig(folder=str(folder), stop=None))

    (folder / "empty.md").write_text(" ")
    for section, kind, message in (
        ('language = "xx"', OptionError, "language is 'xx', but must be one of en, de"),
        ("language = 5", DataError, "language is 5"),
        ("language = []", OptionError, "one language or more"),
        ('consent = "empty.md"', FileError, "it is empty"),
        ('consent = "none.md"', FileError, "none.md"),
    ):
        with pytest.raises(kind, match=message):
            prepared(section)
    assert not (folder / "rating.db").exists()
    (folder / "c.md").write_text("We keep answers.")
    (folder / "c.de.md").write_text("Wir behalten Antworten.")
    site = prepared('consent = "c.md"\nlanguage = ["de", "en"]').site
    site.store.close()
    assert [one.code for one in site.languages] == ["de", "en"]
    assert site.consent.html("de") == "<p>Wir behalten Antworten.</p>\n"
    assert site.consent.html("en") == "<p>We keep answers.</p>\n"
