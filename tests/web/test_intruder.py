"""What a stranger or a rater with a socket may send: nothing breaks, nothing is let through."""

import contextlib
import re
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from reassess.rating import Store, audit
from reassess.web.middleware import LARGEST_BODY

from .conftest import Client

Enter = Callable[..., Client]
FORM = "application/x-www-form-urlencoded"
NASTY = (
    "", " ", "\x00", "a\x00b", "x" * 300, "x" * 20_000, "%00", "%ff%fe", "\u202egpj.exe", "é\u0301",
    "🙂" * 50, "' OR '1'='1", "'; DROP TABLE votes; --", '" UNION SELECT * FROM raters --',
    "1); DELETE FROM votes; --", "{{7*7}}", "${7*7}", "<script>alert(1)</script>",
    "../../etc/passwd", "..\\..", "\r\nSet-Cookie: a=b", "9" * 30, "-1", "1e309", "NaN", "0x10",
    "١", "None", "true", "[]", "{}",
)  # fmt: skip

ADDRESSES = (
    "/rate?beyond={}", "/owner/audit?before={}", "/owner/image?id={}",
    "/join/{}?PROLIFIC_PID={}", "/owner/recruiting/consents/{}",
    "/owner/image?id=x&size={}", "/examples/{}/{}", "/api/screens/{}",
)  # fmt: skip


def raw(address: str, request: bytes) -> bytes:
    """The answer to some bytes; nothing where the site waits for more."""
    host, _, port = address.removeprefix("http://").partition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=2) as connection:
        connection.sendall(request)
        with contextlib.suppress(TimeoutError):
            while not is_whole(answer) and (part := connection.recv(65536)):
                answer += part
    return answer


def is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
    return bool(length) and (answer.startswith(b"HTTP/1.1 405") or len(body) >= int(length[1]))


BYTES = (
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    b"GET /sign-in HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET /sign-in HTTP/1.1\r\nHost: [broken\r\n\r\n",
    b"GET /sign-in HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /sign-in HTTP/1.1\r\nHost: a:99999999\r\n\r\n",
    b"GET //evil.test/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://evil.test/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /static/..%2f..%2f..%2f..%2fetc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /static/%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"rating=" + b"x" * 7_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: rating=\xff\xfe; ;;=;\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ;DROP\x01\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + b"1.2.3.4, " * 500 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: javascript\r\n\r\n",
    b"HEAD /rate HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    (b"OPTIONS /api/session HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.test\r\n"
     b"Access-Control-Request-Method: POST\r\n\r\n"),
    b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT evil.test:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    (b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    b"POST /sign-in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nshort",
    (b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data\r\n"
     b"Content-Length: 3\r\n\r\nabc"),
    (b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n"
     b"Content-Length: 3\r\n\r\nabc"),
    (b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: \xff/\xff; charset=\xff\r\n"
     b"Content-Length: 3\r\n\r\nabc"),
    (b"POST /api/screens/next HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
     b"Content-Length: 3\r\n\r\nabc"),
    (b"GET /rate HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     b"Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\n\r\n",
)  # fmt: skip


def test_whatever_bytes_come_the_site_stands(address: str) -> None:
    for request in BYTES:
        answer = raw(address, request)
        if answer:
            assert int(answer.split(b" ", 2)[1]) < 500, (request, answer[:300])
        said = answer.lower()
        assert b"traceback" not in said, request
        assert b"root:" not in said, request
        assert b"access-control-allow" not in said, request
        assert b"\r\nlocation: http" not in said, request
        assert b"\r\nlocation: //" not in said, request
        assert raw(address, b"GET /sign-in HTTP/1.1\r\nHost: a\r\n\r\n").startswith(
            b"HTTP/1.1 200"
        ), request


@pytest.mark.usefixtures("with_gold")
def test_every_field_of_every_form_takes_anything(
    rater: Client, sign_in: Enter, store: Store
) -> None:
    boss = sign_in("boss", "owner")
    expert = sign_in("expert", "expert")
    task = rater.task()
    forms = {  # each as whoever may send it; the owner's pages are closed to others by a test below
        rater: {
            "/sign-in": ("name", "password"),
            "/password": ("present", "password", "again"),
            "/pause": ("leases",),
            f"/rate/{task['lease']}": ("key", "milliseconds", "something_else", "answer-0"),
            "/join/{}": ("who", "study", "session"),
            "/language": ("language", "place"),
            "/consent": ("digest", "agreed"),
            "/sweep/{}": ("leases", "key", "rest"),
            "/invite/{}": (),
            "/rate/{}": ("key",),
        },
        expert: {
            "/gold/choose": ("n", "images"),
            "/gold/{}": ("answer-0", "seal"),
            "/adjudicate/{}": ("note", "seal"),
        },
        boss: {
            "/owner/invite": ("name", "role"),
            "/owner/recruiting": ("channel", "people", "tasks", "goal", "days", "code"),
            "/owner/recruiting/{}/close": (),
            "/owner/study/{}": (),
            "/owner/images/withdraw": ("images", "code", "reason"),
            "/owner/images/unchoose": ("images",),
            "/owner/images/{}": (),
            "/owner/links/{}/revoke": (),
            "/owner/raters/1/sessions/{}/end": (),
            "/owner/raters/1/role": ("role",),
            "/owner/raters/{}/pause": (),
        },
    }
    n_votes = len(list(store_votes(store)))
    sent = [(who, *form) for who, theirs in forms.items() for form in theirs.items()]
    for number, (person, path, fields) in enumerate(sent):
        csrf = person.csrf("/instructions")
        for nasty in NASTY[number % 2 :: 2]:  # each form half of them: a request takes 10 ms
            if path == "/password":  # a new one begins a new session
                csrf = person.csrf("/instructions")
            given = dict.fromkeys(fields, nasty)
            to = path.format(quote(nasty.replace("/", "%2F"), safe=""))
            answer = person.http.post(to, data={"csrf": csrf, **given}, follow_redirects=False)
            assert answer.status_code < 500, (to, given, answer.text[:300])
            assert "Traceback" not in answer.text
        assert path == "/password" or person.csrf("/instructions") == csrf  # it held for all
    for nasty in NASTY:
        for path in ADDRESSES:
            to = path.format(*[quote(nasty, safe="")] * 2)
            assert boss.http.get(to).status_code < 500, to
    assert audit(store) == ()
    assert len(list(store_votes(store))) >= n_votes


def store_votes(store: Store):  # type: ignore[no-untyped-def]
    from reassess.rating import vote_batches

    return vote_batches(store)


def test_the_wrong_kind_of_body_is_refused(rater: Client) -> None:
    token = rater.csrf("/instructions")
    task = rater.task()["lease"]
    parts = {"csrf": (None, token), "leases": (None, "1"), "file": ("a.txt", b"x" * 100)}
    many = urlencode([("csrf", token), *((f"f{n}", "x") for n in range(5_000))])
    for path in ("/pause", "/sign-in", f"/rate/{task}"):
        assert rater.http.post(path, files=parts).status_code in (400, 403)
        assert rater.http.post(path, json={"csrf": token}).status_code == 403
        assert rater.http.post(path, content=many, headers={"content-type": FORM}).status_code in (
            400, 413,
        )  # fmt: skip
        assert rater.http.post(path).status_code == 403
    for content in (b"", b"null", b"[]", b"{", b"\xff", b'{"beyond": [' + b"1," * 30_000 + b"1]}",
                    b"[" * 30_000, b'{"beyond": [1e400]}', b'{"beyond": "\\ud800"}'):  # fmt: skip
        headers = {"X-CSRF-Token": token, "content-type": "application/json"}
        answer = rater.http.post("/api/screens/next", content=content, headers=headers)
        assert answer.status_code in (400, 413, 422), (content[:40], answer.status_code)
        assert len(content) <= LARGEST_BODY


def test_other_methods_do_nothing(rater: Client) -> None:
    lease = rater.task()["lease"]
    paths = ("/", "/rate", f"/rate/{lease}", f"/screens/{lease}/image", "/pause", "/sign-out",
             "/sign-in", f"/api/screens/{lease}/answers", "/owner", "/static/site.js")  # fmt: skip
    for path in paths:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"):
            answer = rater.http.request(method, path)
            assert answer.status_code in (200, 403, 404, 405), (method, path)
            assert (answer.status_code == 200) <= (method == "HEAD")
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["content-security-policy"]
    for path in ("/pause", "/sign-out", f"/api/screens/{lease}/answers", "/owner/study/close"):
        assert rater.http.get(path).status_code in (404, 405)
    assert rater.http.get("/api/session").status_code == 200
    assert rater.http.get(f"/api/screens/{lease}").json()["is_answered"] is False


OWNERS = re.compile(r'@router\.(get|post)\("([^"]*)"')


@pytest.mark.parametrize("role", ["rater", "expert"])
def test_every_page_of_the_owner_is_closed_to_others(sign_in: Enter, role: str) -> None:
    """All routes that the owner's rooms declare, whatever they will be."""
    person = sign_in("somebody", role)
    web = Path(__file__).parents[2] / "src/reassess/web"
    routes = [
        (method, prefix + path)
        for prefix, room in (
            ("/owner", "dashboard"),
            ("/owner", "curation"),
            ("/owner/recruiting", "recruiting"),
        )
        for method, path in OWNERS.findall((web / f"{room}.py").read_text())
    ]
    assert len(routes) >= 10
    for method, path in routes:
        to = re.sub(r"{\w+}", "1", path).replace("/1/1", "/1/pause")
        to = to.replace("study/1", "study/close").replace("images/1", "images/withdraw")
        answer = person.http.get(to) if method == "get" else person.post(to)
        assert answer.status_code == 403, (method, to)
    for path in ("/api/owner/progress", "/api/owner/raters"):
        assert person.http.get(path).status_code == 403


def test_a_site_without_its_database_still_answers(rater: Client, store: Store) -> None:
    store.close()
    for path in Path(str(store.database.url.database)).parent.glob("study.db*"):
        path.write_bytes(b"no database" * 1000)
    for path in ("/", "/rate", "/sign-in", "/nowhere", "/rate/x", "/static/site.css", "/owner"):
        answer = rater.http.get(path)
        assert answer.status_code in (200, 404, 422, 503), path
        assert "Traceback" not in answer.text
