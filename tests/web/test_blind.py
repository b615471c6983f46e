"""What a rater can fetch: his own tasks, and in them nothing that tells an answer."""

import io
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from reassess import rating
from reassess.rating import Store
from reassess.web import Site, create_app
from reassess.web.pictures import picture

from .conftest import BASE, EXAMPLES, FOLDERS, IMAGES, NAMES, Client, draw

Enter = Callable[..., Client]
TOLD = ("secret-original", "truth", "gold", '"purpose', "qualification", "contested", "n_yes",
        *(f"{folder}/" for folder in FOLDERS), *EXAMPLES)  # fmt: skip


@pytest.mark.usefixtures("with_gold")
def test_nothing_that_a_rater_gets_tells_an_answer(rater: Client) -> None:
    """Walk over every page, payload, header and cookie of a whole session."""
    seen: list[str] = []
    rater.http.event_hooks["response"].append(lambda got: got.read() and seen.append(record(got)))
    kinds = set()
    shapes = set()
    for n in range(18):
        page = rater.http.get("/rate")
        task = rater.task()
        if task["kind"] == "idle":
            break
        lease = task["lease"]
        shapes.add((tuple(task), tuple(task["questions"][0]), skeleton(page.text)))
        rater.http.get(task["image"] or f"/screens/{lease}/image")
        for question in task["questions"]:
            for example in question["examples"]:
                rater.http.get(example)
        receipt = rater.answer(task, value=2 if n % 2 else 0).json()
        kinds.add((task["is_practice"], receipt["truth"] is None))
        rater.http.get(f"/rate/{lease}")
        rater.http.get(f"/api/screens/{lease}/earlier")
        rater.http.get(f"/rate/{lease}/back")
    assert n > 10
    assert kinds == {(True, False), (False, True)}  # feedback on practice and nowhere else
    assert len(shapes) <= 2 * 2 * 2  # with image or without, practice or not, two or four
    for path in ("/instructions", "/paused", "/rate", "/api/standing", "/api/session", "/owner",
                 "/done", "/consent", "/owner/recruiting"):  # fmt: skip
        rater.http.get(path)
    assert len(seen) > 150
    practice = '"truth":{'
    for text in seen:
        cleaned = text.replace('"truth":null', "") if practice not in text else ""
        assert not [word for word in TOLD if word in cleaned], text[:600]


def record(response) -> str:
    """All of a response but the bytes of an image."""
    kind = response.headers.get("content-type", "")
    body = "" if kind.startswith("image/") else response.text
    return json.dumps(dict(response.headers), ensure_ascii=False) + body


def skeleton(page: str) -> str:
    """What a page is made of, apart from what must differ."""
    tags = re.findall(r"<(\w+)((?: [\w-]+(?==|[ >]))*)", re.sub(r'="[^"]*"', "=", page))
    return " ".join(sorted({tag for tag, _ in tags} - {"ul", "li", "img", "p"}))


def test_nobody_fetches_another_raters_screen(rater: Client, sign_in: Enter) -> None:
    other = sign_in("rater-2")
    task = other.task()
    while task["image"] is None:
        other.answer(task)
        task = other.task()
    lease = task["lease"]
    for path in (f"/rate/{lease}", f"/screens/{lease}/image", f"/rate/{lease}/back",
                 f"/api/screens/{lease}", f"/api/screens/{lease}/earlier"):  # fmt: skip
        assert other.http.get(path).status_code == 200, path
        assert rater.http.get(path).status_code == 404, path
    body = {"key": "k", "answers": [{"place": 0, "answer": 2}]}
    assert rater.api(f"/api/screens/{lease}/answers", body).status_code == 404
    assert rater.api(f"/api/screens/{lease}/return").status_code == 404
    assert rater.post(f"/rate/{lease}", key="k", cannot_see="1").status_code == 404
    assert rater.post("/pause", leases=str(lease)).status_code == 404
    assert other.http.get(f"/api/screens/{lease}").json()["is_answered"] is False


NO_FILES = (
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//etc/passwd",
    "images/secret-original-000.jpg", "n02%20cat/secret-original-001.jpg", "gr%C3%B6%C3%9Fe",
    "1/../../../etc/passwd", "\\..\\..", "%00", "1%00.jpg", "file:///etc/passwd",
    "'; DROP TABLE leases; --", "9" * 400, "-1",
)  # fmt: skip


def test_no_path_reaches_a_file(rater: Client) -> None:
    rater.task()
    for name in NO_FILES:
        for path in (f"/screens/{name}/image", f"/examples/0/{name}", f"/examples/{name}/0",
                     f"/static/{name}", f"/static/../{name}", f"/rate/{name}"):  # fmt: skip
            answer = rater.http.get(path)
            assert answer.status_code in (404, 405, 422), path
            assert "root:" not in answer.text
            assert not answer.headers["content-type"].startswith("image/")


def test_the_owner_names_only_images_of_the_study(sign_in: Enter, rater: Client) -> None:
    boss = sign_in("boss", "owner")
    for image_id in IMAGES[:4]:
        for size in ("small", "full"):
            got = boss.http.get("/adjudicate/picture", params={"id": image_id, "size": size})
            assert got.headers["content-type"] == "image/jpeg"
    for image_id in ("../study.db", "/etc/passwd", "", "\x00", EXAMPLES[0], IMAGES[-1]):
        got = boss.http.get("/adjudicate/picture", params={"id": image_id})
        assert got.status_code in (404, 422), image_id
    assert rater.http.get("/adjudicate/picture", params={"id": IMAGES[0]}).status_code == 403


def test_what_a_study_or_a_rater_says_is_text(rater: Client, sign_in: Enter) -> None:
    task = rater.task()
    evil = '<script>alert("x")</script><img src=x onerror=alert(1)>{{ 7 * 7 }}'
    answers = [{"place": 0, "answer": 1}]
    body = {"key": "k", "answers": answers, "something_else": evil}
    path = f"/api/screens/{task['lease']}/answers"
    assert rater.api(path, body).status_code == 200
    sign_in("<b>bold</b>")
    boss = sign_in("boss", "owner")
    pages = [boss.http.get("/owner").text, boss.http.get("/owner/audit").text]
    for _ in range(12):
        pages.append(rater.http.get("/rate").text)
        rater.answer(rater.task())
    for page in pages:
        assert page.count("<script") == 1
        for raw in ("<b>bold", "<b>dog", "<i>cur", "onerror=alert(1)>{{", "Cats & <dogs>"):
            assert raw not in page
    assert "{{ 7 * 7 }}" in pages[0]
    assert any("&lt;b&gt;dog" in page for page in pages), NAMES


def test_the_image_itself_is_no_example(rater: Client, store: Store) -> None:
    n = 0
    for _ in IMAGES:
        task = rater.task()
        itself = rating.leased_task(store, rater.number, task["lease"]).image_id == IMAGES[0]
        for question in task["questions"]:
            if question["name"] == NAMES[2]:
                assert len(question["examples"]) == (1 if itself else 2)
                n += itself
        rater.answer(task)
    assert n == 1


def bomb(side: int) -> bytes:
    """A PNG of some hundred bytes that says it has so many pixels each way."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)

    size = side.to_bytes(4) * 2
    head = chunk(b"IHDR", size + bytes([8, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def test_only_images_that_browsers_can_show_are_sent(tmp_path: Path) -> None:
    shown = {"a.jpg": "image/jpeg", "b.png": "image/png", "c.gif": "image/gif",
             "d.webp": "image/webp", "e.bmp": "image/png", "f.tiff": "image/png"}  # fmt: skip
    for name, kind in shown.items():
        draw(tmp_path / name, 1)
        found = picture(tmp_path / name)
        assert found is not None
        assert found[1] == kind
        assert Image.open(io.BytesIO(found[0])).size == (320, 240)
        assert picture(tmp_path / name) == found == picture(tmp_path / name, "screen")
    disguised = tmp_path / "page.jpg"
    draw(tmp_path / "real.png", 1)
    disguised.write_bytes((tmp_path / "real.png").read_bytes())
    assert picture(disguised) == (disguised.read_bytes(), "image/png")
    refused = (
        b"", b"<html><script>alert(1)</script>", b"<svg xmlns='x'/>", bomb(8_000), bomb(60_000),
        b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0", b"\xff\xd8\xff\xe0",
    )  # fmt: skip
    for content in refused:
        disguised.write_bytes(content)
        assert picture(disguised) is None
    assert picture(tmp_path) is None
    assert picture(tmp_path / "nowhere.jpg") is None
    assert picture(None) is None


def test_a_missing_image_is_a_placeholder_and_a_warning(site: Site) -> None:
    app = create_app(replace(site, image_path=lambda _: None, classes=None, exemplars={}))
    people = []
    for name, role in (("rater-1", "rater"), ("boss", "owner")):
        client = Client(TestClient(app, base_url=BASE))
        path = f"/invite/{rating.invite(site.store, name, role)}"
        client.http.post(path, data={"csrf": client.csrf(path)})
        people.append(client)
    rater, boss = people
    page = rater.http.get("/rate").text
    assert "There is no image file here" in page
    assert '<span class="name" dir="auto">class ' in page
    task = rater.task()
    assert task["image"] is None
    assert rater.http.get(f"/screens/{task['lease']}/image").status_code == 404
    assert "No image of this study has a file." in boss.http.get("/owner").text
