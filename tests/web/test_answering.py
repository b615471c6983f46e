"""Answers by plain forms and as JSON, stored once; practice, corrections, pauses, the owner."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from reassess import rating
from reassess.rating import Store
from reassess.web import Site, create_app

from .conftest import BASE, IMAGES, Client

Enter = Callable[..., Client]


def form_of(page: str) -> dict[str, str]:
    """What a browser sends of the rating form: hidden fields and checked answers."""
    form = page[page.index('<form id="screen"') : page.index("</form>", page.index('id="screen"'))]
    fields = dict(re.findall(r'type="hidden" name="([\w-]+)" value="([^"]*)"', form))
    checked = re.findall(r'type="radio" name="([\w-]+)" value="(\d)" required checked', form)
    return fields | dict(checked)


def action_of(page: str) -> str:
    found = re.search(r'id="screen" method="post" action="([^"]+)"', page)
    assert found
    return found[1]


def places(page: str) -> list[str]:
    return [f"answer-{n}" for n in re.findall(r'data-place="(\d)"', page)]


def answers_in(store: Store, name: str) -> list[int]:
    """The counted answers of a rater."""
    given: list[int] = []
    for batch in rating.vote_batches(store, counted_only=True):
        given += batch.answer[batch.rater == name].tolist()
    return given


def test_a_session_by_plain_forms(rater: Client, store: Store) -> None:
    page = rater.http.get("/rate").text
    names = places(page)
    unfinished = rater.http.post(action_of(page), data=form_of(page) | {names[0]: "2"})
    assert unfinished.status_code == 422
    assert "Question 2 is not answered" in unfinished.text
    sent = form_of(page) | dict.fromkeys(names, "2") | {"something_else": "a <hat>"}
    following = rater.http.post(action_of(page), data=sent)
    assert following.url.path == "/rate"
    assert action_of(following.text) != action_of(page)
    assert rater.http.post(action_of(page), data=sent).status_code == 200  # sent twice, stored once
    assert answers_in(store, "rater-1") == [2] * len(names)
    assert rating.remarks(store)[0].text == "a <hat>"

    back = rater.http.get(f"{action_of(following.text)}/back").text
    assert action_of(back) == action_of(page)
    assert [form_of(back)[name] for name in names] == ["2"] * len(names)
    corrected = form_of(back) | {names[0]: "0"}
    rater.http.post(action_of(back), data=corrected)
    assert sorted(answers_in(store, "rater-1")) == sorted([0] + [2] * (len(names) - 1))
    now = rater.http.get("/rate").text
    assert action_of(now) == action_of(following.text)


def test_the_image_that_cannot_be_seen_and_the_pause(rater: Client, store: Store) -> None:
    page = rater.http.get("/rate").text
    rater.http.post(action_of(page), data=form_of(page) | {"cannot_see": "1"})
    assert answers_in(store, "rater-1") == []
    assert rating.remarks(store)[0].kind == "cannot see"
    first, second = rater.task(), None
    second = rater.task(first["lease"])
    assert second["lease"] != first["lease"]
    assert rating.study_progress(store).n_leases == 2
    assert rater.post("/pause", leases=f"{first['lease']},{second['lease']},x,").status_code == 303
    assert rating.study_progress(store).n_leases == 0
    assert "A pause" in rater.http.get("/paused").text


def test_nothing_is_answered_about_an_image_that_has_no_file_or_a_broken_one(
    site: Site, store: Store, folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    places_of = {IMAGES[0]: None, IMAGES[2]: broken}
    there = replace(site, image_path=lambda one: places_of.get(one, folder / one))
    with TestClient(create_app(there), base_url=BASE) as http:
        rater = Client(http)
        path = f"/invite/{rating.invite(store, 'ann')}"
        http.post(path, data={"csrf": rater.csrf(path)})
        (person,) = rating.raters_of(store)
        n_refused = 0
        while (task := rater.task())["kind"] == "screen":
            lease = task["lease"]
            if rating.leased_task(store, person.number, lease).image_id not in places_of:
                rater.answer(task)
                continue
            n_refused += 1
            given = [{"place": 0, "answer": 0}]
            said = rater.api(f"/api/screens/{lease}/answers", {"key": "k", "answers": given})
            assert said.status_code == 422
            assert "cannot be shown" in said.json()["detail"]
            page = http.get(f"/rate/{lease}").text
            sent = form_of(page) | dict.fromkeys(places(page), "2")
            assert http.post(f"/rate/{lease}", data=sent).status_code == 422
            assert http.post(f"/rate/{lease}", data=sent | {"cannot_see": "1"}).status_code == 200
        assert n_refused == 2
        path = f"/invite/{rating.invite(store, 'ben')}"
        http.post(path, data={"csrf": rater.csrf(path)})
        rating.waive_qualification(store, rating.raters_of(store)[1].number)
        grid = http.get("/sweep/0").text
        leases = re.findall(r'data-lease="(\d+)"', grid)
        hidden = {"csrf": rater.csrf(), "key": "g", "leases": ",".join(leases)}
        every = hidden | {f"answer-{lease}": "2" for lease in leases}
        assert http.post("/sweep/0", data=every).status_code == 422
        http.post("/sweep/0", data=hidden | {"rest": "0"})
        left = re.findall(r'data-lease="(\d+)"', http.get("/sweep/0").text)
        shown = {rating.leased_task(store, 2, int(lease)).image_id for lease in left}
        assert shown == {*places_of, IMAGES[-1]}  # what does not show stays open


def test_the_same_key_is_stored_once_and_a_new_one_corrects(rater: Client, store: Store) -> None:
    task = rater.task()
    n = len(task["questions"])
    first, again = rater.answer(task, 2).json(), rater.answer(task, 2).json()
    assert (first["again"], again["again"]) == (False, True)
    assert first["status"] == again["status"] == {str(i): "stored" for i in range(n)}
    corrected = rater.answer(task, 1, key="other").json()
    assert set(corrected["status"].values()) == {"corrected"}
    assert answers_in(store, "rater-1") == [1] * n
    beyond = [{"place": 7, "answer": 1}]
    wrong = rater.api(f"/api/screens/{task['lease']}/answers", {"key": "k", "answers": beyond})
    assert wrong.status_code == 422


@pytest.mark.usefixtures("with_gold")
def test_practice_is_followed_by_feedback(rater: Client) -> None:
    assert "1 image to practise" in rater.http.get("/instructions").text
    page = rater.http.get("/rate").text
    assert "Practice" in page
    told = rater.http.post(action_of(page), data=form_of(page) | dict.fromkeys(places(page), "2"))
    assert told.text.count("The experts agree") == 1
    assert 'You said <b>yes</b>. <b class="right">✓ The experts agree.' in told.text
    assert told.text.count("The experts say <b>no</b>") == 3
    page = rater.http.get("/rate").text
    assert "Practice" not in page
    real = rater.http.post(action_of(page), data=form_of(page) | dict.fromkeys(places(page), "2"))
    assert "experts" not in real.text


def test_every_reason_for_no_screen_has_a_page(store: Store, rater: Client, sign_in: Enter) -> None:
    boss = sign_in("boss", "owner")
    rater.task()
    assert boss.post(f"/owner/raters/{rater.number}/pause").status_code == 303
    assert "You are paused" in rater.http.get("/rate").text
    assert rating.study_progress(store).n_leases == 0
    assert rater.api("/api/screens/next", {}).json()["why"] == "paused"
    boss.post(f"/owner/raters/{rater.number}/resume")
    assert 'data-leases="' in rater.http.get("/rate").text
    lease = rater.task()["lease"]
    boss.post("/owner/study/close")
    rater.post("/pause", leases=str(lease))
    assert "The study is closed" in rater.http.get("/rate").text
    assert ">closed<" in boss.http.get("/owner").text
    boss.post("/owner/study/reopen")
    while (task := rater.task())["kind"] == "screen":
        rater.answer(task)
    page = rater.http.get("/rate").text
    assert "Nothing is left to answer" in page
    assert "/rate/last" in page
    acts = [act.action for act in rating.audit_log(store)]
    assert acts[:4] == ["reopen", "close", "resume", "pause"]
    assert all(act.actor == "boss" for act in rating.audit_log(store)[:4])


def test_the_owner_sees_and_invites_and_nobody_else_does(rater: Client, sign_in: Enter) -> None:
    boss = sign_in("boss", "owner")
    for client in (rater, sign_in("rater-2")):
        for _ in range(3):
            client.answer(client.task(), value=client.number % 3)
    page = boss.post("/owner/invite", name="rater-3", role="rater")
    link = re.search(r"<code>http://rating.test(/invite/[\w-]+)</code>", page.text)
    assert link
    assert rater.http.get(link[1]).status_code == 200
    assert boss.post("/owner/invite", name="", role="rater").status_code == 422
    assert boss.post("/owner/invite", name="boss", role="rater").status_code == 422
    page = boss.http.get("/owner")
    assert "rater-2" in page.text
    table = {line["name"]: line for line in boss.http.get("/api/owner/raters").json()}
    assert table["rater-1"]["n_screens"] == 3
    assert boss.http.get("/api/owner/progress").json()["n_votes"] > 0
    for path in ("/owner", "/owner/audit", "/api/owner/progress", "/api/owner/raters"):
        assert rater.http.get(path).status_code == 403
    for path in ("/owner/study/close", "/owner/invite", f"/owner/raters/{boss.number}/pause"):
        assert rater.post(path, name="me", role="owner").status_code == 403
    assert boss.http.get("/").url.path == "/owner"
    left = boss.http.get("/api/owner/progress").json()["n_unassignable"]
    assert left > 0  # both have answered everything, and a third is missing
    assert f"no rater who is there can be asked: {left:,}. " in page.text
    assert boss.post("/owner/raters/999/pause").status_code == 403
    assert boss.post("/owner/raters/1/explode").status_code == 422
