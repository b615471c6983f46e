"""Who gets in, and who does not: links, cookies, tokens, origins, attempts."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from string import ascii_letters, digits

import pytest
from fastapi import FastAPI
from itsdangerous import URLSafeTimedSerializer
from starlette.testclient import TestClient

from reassess import rating
from reassess.errors import OptionError
from reassess.rating import Store, invite
from reassess.web import Site, create_app
from reassess.web.middleware import LARGEST_BODY

from .conftest import BASE, Client

Enter = Callable[..., Client]
PAGES = ("/rate", "/rate/1", "/instructions", "/paused", "/password", "/owner", "/owner/audit",
         "/screens/1/image", "/examples/0/0", "/adjudicate/picture?id=x")  # fmt: skip


def test_nobody_sees_anything_before_signing_in(app: FastAPI) -> None:
    http = TestClient(app, base_url=BASE)
    for path in PAGES:
        answer = http.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path
    for path in ("session", "standing", "screens/1", "owner/progress", "owner/raters"):
        assert http.get(f"/api/{path}").status_code == 401
    assert http.get("/").url.path == "/sign-in"


def test_looking_at_a_link_does_not_use_it_up_and_taking_it_does(
    app: FastAPI, store: Store
) -> None:
    path = f"/invite/{invite(store, 'rater-1')}"
    first, second = (Client(TestClient(app, base_url=BASE)) for _ in range(2))
    for _ in range(3):
        assert first.http.get(path).status_code == 200
    taken = first.http.post(path, data={"csrf": first.csrf(path)})
    assert taken.url.path == "/instructions"
    again = second.http.post(path, data={"csrf": second.csrf(path)})
    assert again.status_code == 403
    assert second.http.get("/rate").url.path == "/sign-in"
    assert first.http.get("/rate").status_code == 200


def test_cookies_are_http_only_same_site_and_secure_behind_https(site: Site) -> None:
    for is_https in (False, True):
        app = create_app(replace(site, secure_cookies=is_https))
        answer = TestClient(app, base_url="https://rating.test").get("/sign-in")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert ("secure" in cookie) == ("strict-transport-security" in answer.headers) == is_https


def test_a_short_secret_is_refused(site: Site) -> None:
    with pytest.raises(OptionError, match="at least 16"):
        replace(site, secret=b"short")


def test_a_forged_or_replayed_cookie_opens_nothing(
    app: FastAPI, rater: Client, sign_in: Enter
) -> None:
    boss = sign_in("boss", "owner")
    name = cookie_of(rater)
    real = rater.http.cookies[name]
    said, stamp, signature = real.split(".")
    forger = URLSafeTimedSerializer(b"a guess of the secret, as long as it", salt="session")
    forged = [
        forger.dumps({"nonce": "x", "rater": boss.number, "epoch": 0}),
        f"{boss.http.cookies[name].split('.')[0]}.{stamp}.{signature}",
        f"{said}.{stamp}.{'A' * len(signature)}",
        *(real[:-1] + last for last in ascii_letters + digits + "-_" if last != real[-1]),
        "", ".", "a.b.c", "%00", "e30.e30.e30", "x" * 4000,
    ]  # fmt: skip
    for cookie in forged:
        http = TestClient(app, base_url=BASE, cookies={name: cookie})
        assert http.get("/api/session").status_code == 401, cookie
    assert rater.post("/sign-out").status_code == 303
    replayed = TestClient(app, base_url=BASE, cookies={name: real})
    assert replayed.get("/api/session").status_code == 401
    assert boss.http.get("/owner").status_code == 200


def test_one_device_of_a_person_is_signed_out_and_their_others_are_not(
    app: FastAPI, store: Store, rater: Client, sign_in: Enter
) -> None:
    boss = sign_in("boss", "owner")
    password = "a long " + "password"
    rater.post("/password", password=password, again=password)
    phone = TestClient(app, base_url=BASE, headers={"user-agent": PHONE})
    token = re.search(r'name="csrf" content="(\w+)"', phone.get("/sign-in").text)
    assert token is not None
    name = rating.rater(store, rater.number).name
    entered = {"csrf": token[1], "name": name, "password": password}
    assert phone.post("/sign-in", data=entered, follow_redirects=False).status_code == 303
    assert phone.get("/api/session").status_code == 200
    page = boss.http.get(f"/owner/raters/{rater.number}").text
    assert page.count("/sessions/") == 2  # the one before the password ended with it
    assert "Safari on iPhone" in page
    lost = next(one for one in rating.open_sessions(store, rater.number) if "iPhone" in one.device)
    assert lost.handle not in phone.cookies[cookie_of(rater)]
    end = f"/owner/raters/{rater.number}/sessions/{lost.handle}/end"
    assert rater.post(end).status_code == 403
    assert boss.post(end).status_code == 303
    assert phone.get("/api/session").status_code == 401
    assert rater.http.get("/api/session").status_code == 200
    act = rating.audit_log(store)[0]
    assert (act.actor, act.action, act.detail["rater"]) == ("boss", "end session", name)
    assert boss.post(end).status_code == 422  # it is over
    assert [one.number for one in rating.open_sessions(store)] == [rater.number, boss.number]


PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


def test_another_sites_cookie_is_void(site: Site, rater: Client) -> None:
    other = create_app(replace(site, secret=b"the secret of some other site ..."))
    cookie = rater.http.cookies[cookie_of(rater)]
    http = TestClient(other, base_url=BASE, cookies={other.state.sessions.cookie: cookie})
    assert http.get("/api/session").status_code == 401


def test_posts_from_other_sites_are_refused(rater: Client) -> None:
    task = rater.task()
    token = rater.http.get("/api/session").json()["csrf"]
    path, body = f"/api/screens/{task['lease']}/answers", {"key": "k", "cannot_see": True}
    for headers in (
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://rating.test.evil.test"},
        {"origin": "http://[broken"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        answer = rater.http.post(path, json=body, headers={"X-CSRF-Token": token, **headers})
        assert answer.status_code == 403, headers
    for headers in ({"origin": BASE}, {"sec-fetch-site": "same-origin", "origin": BASE}):
        answer = rater.http.post(path, json=body, headers={"X-CSRF-Token": token, **headers})
        assert answer.status_code == 200, headers


def test_posts_without_the_sessions_own_token_are_refused(rater: Client, sign_in: Enter) -> None:
    other = sign_in("rater-2")
    task = rater.task()
    for token in ("", "0" * 64, other.csrf(), "é"):
        assert rater.post("/pause", csrf=token).status_code == 403
        assert rater.post("/sign-out", csrf=token).status_code == 403
        assert rater.post(f"/rate/{task['lease']}", csrf=token).status_code == 403
    path = f"/api/screens/{task['lease']}/answers"
    assert rater.http.post(path, json={"key": "k"}).status_code == 403
    wrong = {"X-CSRF-Token": other.http.get("/api/session").json()["csrf"]}
    assert rater.http.post(path, json={"key": "k"}, headers=wrong).status_code == 403
    assert rater.http.post("/api/screens/next", json={}, headers=wrong).status_code == 403
    assert rating.leased_task(rater_store(rater), rater.number, task["lease"]).is_answered is False


def rater_store(client: Client) -> Store:
    app = client.http.app
    assert isinstance(app, FastAPI)
    store: Store = app.state.sessions.site.store
    return store


def cookie_of(client: Client) -> str:
    app = client.http.app
    assert isinstance(app, FastAPI)
    name: str = app.state.sessions.cookie
    return name


def twice(first: str, second: str | None = None) -> dict[str, str]:
    return {"password": first, "again": first if second is None else second}


def test_a_password_signs_in_and_signs_out_elsewhere(app: FastAPI, rater: Client) -> None:
    old = rater.http.cookies[cookie_of(rater)]
    short = rater.post("/password", **twice("short"))
    assert short.status_code == 422
    assert rater.post("/password", **twice("long enough 1", "other one 22")).status_code == 422
    done = rater.post("/password", **twice("long enough 1"))
    assert done.status_code == 303
    assert rater.http.get("/api/session").status_code == 200
    stale = TestClient(app, base_url=BASE, cookies={cookie_of(rater): old})
    assert stale.get("/api/session").status_code == 401
    fresh = Client(TestClient(app, base_url=BASE))
    for name, password in (("rater-1", "long enough 2"), ("nobody", "x"), ("' OR 1=1 --", "x")):
        given = {"csrf": fresh.csrf("/sign-in"), "name": name, "password": password}
        assert fresh.http.post("/sign-in", data=given).status_code == 403
    given = {"csrf": fresh.csrf("/sign-in"), "name": "rater-1", "password": "long enough 1"}
    assert fresh.http.post("/sign-in", data=given, follow_redirects=False).status_code == 303
    assert fresh.http.get("/api/session").json()["name"] == "rater-1"


def test_a_password_is_changed_by_who_knows_it_or_has_a_new_link(
    rater: Client, sign_in: Enter
) -> None:
    assert "Present password" not in rater.http.get("/password").text
    assert rater.post("/password", **twice("long enough 1")).status_code == 303
    assert "Present password" in rater.http.get("/password").text
    other = twice("another one 2")
    for wrong in ({}, {"present": ""}, {"present": "another one 2"}):
        refused = rater.post("/password", **other, **wrong)
        assert refused.status_code == 403
        assert "not your present password" in refused.text
    assert rater.post("/password", **other, present="long enough 1").status_code == 303
    codes = [rater.post("/password", **other, present="a guess").status_code for _ in range(8)]
    assert codes[-1] == 429
    again = sign_in("rater-1")
    assert "Present password" not in again.http.get("/password").text
    given = {"csrf": again.csrf("/sign-in"), "name": "rater-1", "password": "another one 2"}
    assert again.http.post("/sign-in", data=given).status_code in (403, 429)
    assert again.post("/password", **twice("a third one 3")).status_code == 303


def test_attempts_are_limited(app: FastAPI) -> None:
    guesser = Client(TestClient(app, base_url=BASE))
    given = {"csrf": guesser.csrf("/sign-in"), "name": "owner", "password": "a guess"}
    codes = [guesser.http.post("/sign-in", data=given).status_code for _ in range(12)]
    assert codes == [403] * 10 + [429] * 2
    token = guesser.csrf("/sign-in")
    links = [
        guesser.http.post(f"/invite/guess-{n}", data={"csrf": token}).status_code for n in range(60)
    ]
    assert links[0] == 403
    assert links[-1] == 429
    assert (
        guesser.http.post("/invite/x", data={"csrf": token}).headers["cache-control"] == "no-store"
    )


def test_oversized_bodies_are_refused(rater: Client) -> None:
    task = rater.task()
    path = f"/api/screens/{task['lease']}/answers"
    big = b"x" * (LARGEST_BODY + 1)
    chunked = (b"x" * 1024 for _ in range(LARGEST_BODY // 1024 + 2))
    token = rater.http.get("/api/session").json()["csrf"]
    for content in (big, chunked):
        refused = rater.http.post(path, content=content, headers={"X-CSRF-Token": token})
        assert refused.status_code == 413
        assert set(refused.json()) == {"detail"}
        assert "content-security-policy" in refused.headers
    assert rater.post("/pause", leases="1," * LARGEST_BODY).status_code == 413
    long = rater.api(path, {"key": "k", "something_else": "x" * 1001})
    assert long.status_code == 422


def test_every_answer_carries_the_headers(rater: Client) -> None:
    task = rater.task()
    paths = ["/rate", "/sign-in", "/nowhere", "/rate/999", "/api/session", "/api/screens/999"]
    for path in (*paths, f"/screens/{task['lease']}/image", "/static/site.js"):
        headers = rater.http.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"], path
    page = rater.http.get("/rate").text
    assert " style=" not in page
    assert " onclick=" not in page
    assert page.count("<script") == 1


def test_a_store_that_fails_is_said_and_nothing_escapes(rater: Client, store: Store) -> None:
    task = rater.task()
    path = str(store.database.url.database)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE raters RENAME TO gone")
    for page in ("/", "/rate", f"/rate/{task['lease']}", "/api/session", "/api/screens/1"):
        answer = rater.http.get(page)
        assert answer.status_code == 503, page
        assert answer.headers["retry-after"]
        assert "Traceback" not in answer.text
