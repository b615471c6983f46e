"""Images tried before raters meet them: broken ones named, resumed, tried again when replaced."""

import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from PIL import Image
from starlette.testclient import TestClient

from reassess import rating
from reassess.errors import DataError
from reassess.files.remote_images import RemoteImages
from reassess.study import open_study
from reassess.study.images import ImageFolder
from reassess.web import Site, create_app
from reassess.web.image_check import ImageCheck
from reassess.web.pictures import plain_of, stamp_of
from tests.conftest import Ran
from tests.study.small import make_study

from .conftest import BASE, Client


def test_a_check_goes_on_where_it_was_and_notices_what_was_replaced(tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(150)]
    for name in names[:-1]:
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    (tmp_path / "3.png").write_bytes(b"no image")
    whole = (tmp_path / "5.png").read_bytes()
    (tmp_path / "5.png").write_bytes(whole[: len(whole) // 2])

    def path_of(name: str) -> Path | None:
        return tmp_path / name if (tmp_path / name).is_file() else None

    def check() -> ImageCheck:
        return ImageCheck(names, path_of, tmp_path / "cache" / "images.jsonl")

    assert check().findings().n_tried == 1  # the one that is absent
    assert not check().run(seconds=0.0)
    half = check()
    assert 0 < half.findings().n_tried < 150
    n_before = half.findings().n_tried
    assert half.run()
    lines = (tmp_path / "cache" / "images.jsonl").read_text().splitlines()
    assert len(lines) == len({json.loads(line)[0] for line in lines}) == 149
    found = half.findings()
    assert n_before < found.n_tried == 150
    assert [name for name, _ in found.broken] == ["3.png", "5.png"]
    assert found.absent == ("149.png",)
    assert "2 of 150 images cannot be shown, such as 3.png" in str(found.sentence())
    with pytest.raises(DataError, match=r"'3.png', '5.png', '149.png' cannot be shown .*3 of 150"):
        half.refuse_broken()
    (tmp_path / "3.png").write_bytes(whole)
    (tmp_path / "5.png").write_bytes(whole)
    assert half.findings().broken == ()
    other = check()  # of another process
    assert (other.findings().broken, other.findings().sentence()) == ((), None)


def test_a_process_that_gives_way_tries_the_rest_and_those_that_serve_learn_of_it(
    tmp_path: Path,
) -> None:
    names = [f"{i}.png" for i in range(70)]
    for name in names:
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    (tmp_path / "3.png").write_bytes(b"no image")
    kept = tmp_path / "cache" / "images.jsonl"
    check = ImageCheck(names, lambda name: tmp_path / name, kept)
    check.run_in_background()
    (child,) = [one for one in multiprocessing.active_children() if one.name == "image check"]
    at = None
    while child.is_alive():
        with suppress(OSError):
            at = (
                os.sched_getscheduler(child.pid or 0),
                os.getpriority(os.PRIO_PROCESS, child.pid or 0),
            )
        child.join(0.05)
    assert at == (os.SCHED_IDLE, 19)
    found = check.findings()
    assert (found.n_tried, [name for name, _ in found.broken]) == (70, ["3.png"])
    whole = stamp_of(tmp_path / "5.png")
    assert whole is not None
    assert plain_of(whole) == ("PNG", 9)  # and is sent without being decoded here


def test_serve_refuses_broken_images_where_it_must(tmp_path: Path, cli: Callable[..., Ran]) -> None:
    study = make_study(tmp_path, top=300)
    broken = sorted((tmp_path / "photos").rglob("*.jpg"))
    for path in broken:
        path.write_bytes(b"no image")
    refused = cli("serve", str(study.folder), "--strict", "--port", "59981")
    assert refused.status == 2
    assert "cannot be shown" in refused.err
    assert "--strict" in refused.err


ODD = ("c/a b#1.png", "c/ü?.png", "c/plain.png")


@pytest.fixture
def elsewhere(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, list[str]]]:
    """Images below an address of a web server or of a store in memory; what was asked of it."""
    here = tmp_path / "elsewhere"
    for name in ODD:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), "red").save(here / name)
    (here / "c/broken.png").write_bytes(b"no image")
    (tmp_path / "secret.png").write_bytes((here / "c/plain.png").read_bytes())
    if request.param == "memory":
        store = fsspec.filesystem("memory")
        root = f"/{tmp_path.name}"
        for path in here.rglob("*.png"):
            store.pipe(f"{root}/{path.relative_to(here).as_posix()}", path.read_bytes())
        yield f"memory:/{root}", []
        store.rm(root, recursive=True)
        return
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *_: object) -> None:
            asked.append(self.path)

        def log_error(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(here)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("elsewhere", ["http", "memory"], indirect=True)
def test_images_elsewhere_are_fetched_once_and_checked_as_all_others(
    elsewhere: tuple[str, list[str]], tmp_path: Path, site: Site
) -> None:
    address, asked = elsewhere
    names = [*ODD, "c/broken.png", "c/gone.png", "../secret.png"]

    def folder() -> ImageFolder:
        return ImageFolder(RemoteImages(address + "/", tmp_path / "cache"), names)

    images = folder()
    assert all(images.at_hand(name) is None for name in names)
    is_listed = address.startswith("memory")
    assert [images.has(name) for name in names[-2:]] == [not is_listed] * 2
    check = ImageCheck(names, images, tmp_path / "images.jsonl", images)
    assert check.findings().n_tried == 0  # nothing is fetched to tell how far it is
    assert check.run()
    found = check.findings()
    assert (found.n_images, found.n_tried) == (6, 6)
    broken = dict(found.broken)
    assert set(broken) == {"c/broken.png", "c/gone.png", "../secret.png"}
    assert "no such file" in broken["c/gone.png"]
    with pytest.raises(DataError, match="3 of 6 cannot"):
        check.refuse_broken()
    for name in ODD:
        path = images(name)
        assert path is not None
        assert path.is_relative_to(tmp_path / "cache")
        assert path.suffix == ".png"
    n_before = len(asked)
    again = folder()  # of another process, or after a restart
    assert ImageCheck(names, again, tmp_path / "images.jsonl", again).findings().n_tried == 4
    assert all(again(name) is not None for name in ODD)
    assert len(asked) == n_before
    shown = replace(site, image_path=lambda _: again(ODD[0]))
    rater = Client(TestClient(create_app(shown), base_url=BASE))
    link = f"/invite/{rating.invite(site.store, 'ann')}"
    rater.http.post(link, data={"csrf": rater.csrf(link)})
    picture = rater.http.get(rater.task()["image"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")


def test_addresses_of_images_are_checked(tmp_path: Path, cli: Callable[..., Ran]) -> None:
    (tmp_path / "labels.csv").write_text("image,label\na.png,0\nb.png,1\n")
    new = ("new", str(tmp_path / "s"), "--labels", str(tmp_path / "labels.csv"), "--images")
    for address, says in (
        ("https://me:word@example.org/photos", "holds a name or a password"),
        ("https://example.org/photos?token=x", "Leave out"),
        ("file:///photos", "Give its path alone"),
        ("nosuch://bucket/photos", "no store of this kind"),
    ):
        refused = cli(*new, address)
        assert refused.status == 2, refused.out
        assert says in refused.err
        assert "word@" not in refused.err
        assert not (tmp_path / "s").exists()
    done = cli(*new, "https://example.org/photos/")
    assert done.status == 0, done.err
    assert "HTTP lists no files" in done.err
    assert open_study(tmp_path / "s").images == "https://example.org/photos"
