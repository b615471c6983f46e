"""What holds for every request: headers, the largest body, and no posts from other sites.

Plain ASGI, so that it stands in front of everything, static files and errors included. Who
is signed in is decided in `reassess.web.sessions`.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reassess.web.wording import CROSS_SITE, TOO_LARGE

LARGEST_BODY = 64 * 1024
"""Bytes; a task with the longest text and all answers takes a few thousand."""

_SAFE = ("GET", "HEAD", "OPTIONS")


def policy(frames: Sequence[str] = ()) -> str:
    """What a page may load and do, as the header `Content-Security-Policy` says it.

    Args:
        frames: the sites that may show the page in a frame, and to which its forms may go.
    """
    also = "".join(f" {one}" for one in frames)
    framing = also or " 'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self'; form-action 'self'{also}; base-uri 'none'; "
        f"frame-ancestors{framing}"
    )


_HEADERS = {
    "content-security-policy": policy(),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class RootPath:
    """Puts a site below a path of its host, as ``/pilot``, where a proxy serves several.

    The proxy may pass the whole path on or take the root path off: both are understood, as no
    address of the site begins with its root path. Redirections to an address of the site get it.

    Args:
        app: the site.
        root_path: where it begins, without a slash at the end.
    """

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 -- ASGI's
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_root(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                target = headers.get("location", "")
                if target.startswith("/") and not self._is_below(target):
                    headers["location"] = self.root_path + target
            await send(message)

        path = scope["path"]
        if path == self.root_path:
            path += "/"
        elif not self._is_below(path):
            path = self.root_path + path
        scope["path"], scope["root_path"] = path, self.root_path
        await self.app(scope, receive, send_with_root)

    def _is_below(self, address: str) -> bool:
        return address.startswith(f"{self.root_path}/")


class Guard:
    """Headers on every answer; cross-site posts and oversized bodies are refused.

    A browser says where a post comes from by ``Sec-Fetch-Site`` or ``Origin``; a program that
    says nothing still needs the CSRF token.

    Args:
        app: what is guarded.
        is_https: whether browsers are to stay with https.
    """

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self.app = app
        self.headers = dict(_HEADERS)
        if is_https:
            self.headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 -- ASGI's
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_framed = "content-security-policy" in headers
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if is_framed:  # says by its own policy who may frame it
                    del headers["x-frame-options"]
                headers.setdefault("cache-control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE and _is_cross_site(headers):
            refusal = JSONResponse({"detail": CROSS_SITE}, 403)
            await refusal(scope, receive, send_with_headers)
            return
        if _length(headers) > LARGEST_BODY:
            refusal = JSONResponse({"detail": TOO_LARGE}, 413, {"connection": "close"})
            await refusal(scope, receive, send_with_headers)
            return
        await self.app(scope, receive, send_with_headers)


def _is_cross_site(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("host")
    except ValueError:
        return True


def _length(headers: Headers) -> int:
    """What a body says of its length; bodies that do not say are counted as they come."""
    said = headers.get("content-length", "0")
    return int(said) if said.isascii() and said.isdigit() else 0
