"""Raters for `rating_load.py`: a browser's requests without a browser, hundreds in one thread.

HTTP/1.1 over one connection a rater, each from a loopback address of its own, as sign-ins are
limited by address. Knows of a page only what its script knows: the lease, the key, the number of
questions and the address of the image.
"""

import asyncio
import json
import random
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

PATIENCE = 0.5
"""Seconds before a rater for whom nothing is free looks again."""

_LEASE = re.compile(rb'data-leases="(\d+)"')
_KEY = re.compile(rb'name="key" value="([\w-]+)"')
_IMAGE = re.compile(rb'data-image="([^"]+)"')
_CSRF = re.compile(rb'name="csrf" content="(\w+)"')
_IDLE = re.compile(rb'data-idle="([\w-]+)"')


@dataclass
class Load:
    """What a load came to.

    Attributes:
        took: seconds from sending answers to having the next page, of each screen.
        n_failed: requests that were answered by an error of the server's, or not at all.
        wall: seconds in all, signing in apart.
        cpu: seconds of a core that this process took meanwhile.
    """

    took: list[float] = field(default_factory=list)
    n_failed: int = 0
    wall: float = 0.0
    cpu: float = 0.0


class Browser:
    """One connection to a server on this machine, with cookies.

    Args:
        port: of the server.
        number: decides the loopback address that the connection comes from.
    """

    def __init__(self, port: int, number: int) -> None:
        self.port = port
        self.address = f"127.0.{1 + number // 250}.{1 + number % 250}"
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        """Connect."""
        self._streams = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(self.address, 0), limit=2**20
        )

    async def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and content of a page."""
        return await self._send(f"GET {path}", b"", "")

    async def post(self, path: str, **fields: str) -> tuple[int, bytes]:
        """The same for a form."""
        kind = "application/x-www-form-urlencoded"
        return await self._send(f"POST {path}", urlencode(fields).encode(), kind)

    async def post_json(self, path: str, body: object) -> tuple[int, bytes]:
        """The same for JSON."""
        return await self._send(f"POST {path}", json.dumps(body).encode(), "application/json")

    async def _send(self, what: str, body: bytes, kind: str) -> tuple[int, bytes]:
        """Once more where the server has closed an idle connection meanwhile, as browsers do."""
        message = self._message(what, body, kind)
        try:
            return await self._once(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.close()
            return await self._once(message)

    def _message(self, what: str, body: bytes, kind: str) -> bytes:
        lines = [f"{what} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{n}={v}" for n, v in self.cookies.items()))
        if kind:
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def _once(self, message: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            await self.open()
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        status, length, closes = self._read_head(head.decode("latin-1"))
        content = b"" if status == 204 else await _content(reader, length)
        if closes:
            await self.close()
        return status, content

    def _read_head(self, head: str) -> tuple[int, int | None, bool]:
        first, *lines = head.split("\r\n")
        length, closes = None, False
        for line in lines:
            name, _, value = line.partition(": ")
            match name.lower():
                case "content-length":
                    length = int(value)
                case "set-cookie":
                    cookie, _, said = value.partition(";")[0].partition("=")
                    self.cookies[cookie] = said
                case "connection":
                    closes = value.lower() == "close"
        return int(first.split(" ")[1]), length, closes


async def _content(reader: asyncio.StreamReader, length: int | None) -> bytes:
    if length is not None:
        return await reader.readexactly(length)
    content = b""
    while size := int(await reader.readline(), 16):  # chunked
        content += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return content


class Rater:
    """One rater of our site.

    Args:
        port: of the site.
        link: path of his invitation.
        number: his own.
        think: seconds that a screen takes him, more or less.
    """

    def __init__(self, port: int, link: str, number: int, think: float) -> None:
        self.browser, self.link, self.think = Browser(port, number), link, think
        self.luck = random.Random(number)  # noqa: S311 -- no secret
        self.number = number

    async def sign_in(self) -> None:
        """Come in by the link."""
        _, page = await self.browser.get(self.link)
        status, _ = await self.browser.post(self.link, csrf=_found(_CSRF, page))
        assert status == 303, status

    async def work(self, load: Load, until: float) -> None:
        """Rate until the time is over or nothing is left."""
        page = await self._fetch(load, "/rate")
        await asyncio.sleep(self.think * self.luck.random())
        while time.monotonic() < until:
            if _LEASE.search(page) is None:
                why = _IDLE.search(page)
                if why is not None and why[1] != b"wait":
                    return
                await asyncio.sleep(PATIENCE * (0.5 + self.luck.random()))
                page = await self._fetch(load, "/rate")
                continue
            if self.think:
                await asyncio.sleep(self.think * (0.5 + self.luck.random()))
            start = time.perf_counter()
            await self._answer(load, page)
            page = await self._fetch(load, "/rate")
            load.took.append(time.perf_counter() - start)
            image = _IMAGE.search(page)
            if image is not None:
                await self._fetch(load, image[1].decode())

    async def _answer(self, load: Load, page: bytes) -> None:
        lease = _found(_LEASE, page)
        answers = [
            {"place": place, "answer": self.luck.randrange(3), "milliseconds": 900}
            for place in range(page.count(b"<fieldset"))
        ]
        body = {"key": _found(_KEY, page), "answers": answers, "milliseconds": 3000,
                "something_else": "", "cannot_see": False}  # fmt: skip
        self.browser.headers["X-CSRF-Token"] = _found(_CSRF, page)
        status, _ = await self.browser.post_json(f"/api/screens/{lease}/answers", body)
        load.n_failed += status != 200

    async def _fetch(self, load: Load, path: str) -> bytes:
        status, page = await self.browser.get(path)
        load.n_failed += status != 200
        return page


async def drive(raters: list[Rater], until: float) -> Load:
    """All raters at once, each signed in before the clock starts."""
    for rater in raters:
        await rater.sign_in()
    load = Load()
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(rater.work(load, until) for rater in raters))
    load.wall, load.cpu = time.perf_counter() - wall, time.process_time() - cpu
    for rater in raters:
        await rater.browser.close()
    return load


def _found(pattern: "re.Pattern[bytes]", page: bytes) -> str:
    found = pattern.search(page)
    assert found is not None, page[:500]
    return found[1].decode()
