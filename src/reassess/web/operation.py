"""What whoever runs a site looks at: is it up, how much it does, and its requests.

`/health` says whether the database answers, and nothing else. `/metrics` needs a token, as exact
counts of votes would tell raters which of their answers are gold. The log of requests and the
counters know addresses by their pattern, ``/invite/{token}``: the addresses themselves hold the
tokens of invitations.
"""

import hmac
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reassess import rating
from reassess.errors import FileError
from reassess.web.access import ASite

router = APIRouter(include_in_schema=False)
requests_log = logging.getLogger("reassess.web.requests")
"""A line for each request; silent unless a handler is put to it."""

_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(slots=True)
class Requests:
    """Requests that this process has answered.

    Attributes:
        answered: how many by method, pattern of the address, and status.
        seconds: of all of them together.
        within: how many took at most so many seconds.
    """

    answered: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    seconds: float = 0.0
    within: Counter[float] = field(default_factory=Counter)

    def count(self, method: str, pattern: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.answered[method, pattern, status] += 1
        self.seconds += seconds
        self.within.update(bound for bound in _BOUNDS if seconds <= bound)


class RequestLog:
    """Counts and logs requests by the pattern of their address.

    Args:
        app: what answers them.
        requests: where they are counted.
    """

    def __init__(self, app: ASGIApp, *, requests: Requests) -> None:
        self.app = app
        self.requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 -- ASGI's
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_see)
        finally:
            seconds = time.perf_counter() - began
            pattern = getattr(scope.get("route"), "path", "(other)")
            self.requests.count(scope["method"], pattern, status, seconds)
            if requests_log.handlers:
                now = datetime.now(UTC).isoformat(timespec="milliseconds")
                requests_log.info(
                    "%s %s %s %d %.0f ms", now, scope["method"], pattern, status, 1000 * seconds
                )


def log_requests(path: str) -> None:
    """Append a line for each request of this process to a file.

    Raises:
        FileError: it cannot be written.
    """
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror}).") from error
    requests_log.addHandler(handler)
    requests_log.setLevel(logging.INFO)
    requests_log.propagate = False


@router.get("/health")
def health(site: ASite) -> Response:
    """200 where the database answers, else 503."""
    try:
        rating.settings_of(site.store)
    except rating.StoreError:
        return JSONResponse({"status": "the database does not answer"}, 503)
    return JSONResponse({"status": "ok"})


@router.get("/metrics")
def metrics(request: Request, site: ASite) -> Response:
    """The study and this process in Prometheus' text format, for whoever has the token.

    Raises:
        HTTPException: the site has no token, or it was not sent.
    """
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    token = site.metrics_token
    if token is None or not hmac.compare_digest(token.encode(), sent.encode(errors="replace")):
        raise HTTPException(404 if token is None else 401, "Metrics need the token of the site.")
    requests: Requests = request.app.state.requests
    lines = [*_of_study(rating.study_progress(site.store)), *_of_process(requests)]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _of_study(known: rating.StudyProgress) -> list[str]:
    values = {
        "reassess_questions": known.n_questions,
        "reassess_questions_done": known.n_done,
        "reassess_questions_unassignable": known.n_unassignable,
        "reassess_votes": known.n_votes,
        "reassess_votes_left": known.n_votes_left,
        "reassess_answers": known.n_answers,
        "reassess_leases_open": known.n_leases,
        "reassess_closed": int(known.is_closed),
    }
    return [
        line
        for name, value in values.items()
        for line in (f"# TYPE {name} gauge", f"{name} {value}")
    ]


def _of_process(requests: Requests) -> list[str]:
    total = sum(requests.answered.values())
    return [
        "# TYPE reassess_http_requests_total counter",
        *(
            f'reassess_http_requests_total{{method="{method}",path="{path}",status="{status}"}} {n}'
            for (method, path, status), n in sorted(requests.answered.items())
        ),
        "# TYPE reassess_http_request_seconds histogram",
        *(
            f'reassess_http_request_seconds_bucket{{le="{bound:g}"}} {requests.within[bound]}'
            for bound in _BOUNDS
        ),
        f'reassess_http_request_seconds_bucket{{le="+Inf"}} {total}',
        f"reassess_http_request_seconds_sum {requests.seconds:.6f}",
        f"reassess_http_request_seconds_count {total}",
    ]
