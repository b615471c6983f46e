"""Errors as answers: a page for people, ``{"detail": …}`` for programs, never a traceback."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from reassess.errors import ReassessError
from reassess.rating import InvitationError, LeaseError, RaterError, StoreError
from reassess.web.pages import language_in, render
from reassess.web.wording import (
    CONSENT_FIRST,
    DID_NOT_WORK,
    NOT_NOW,
    NOT_STORED,
    NOT_YOURS,
    REFUSED,
    SIGN_IN,
)

_log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[ReassessError], int], ...] = (
    (LeaseError, 404),
    (RaterError, 403),
    (InvitationError, 403),
    (StoreError, 503),
    (ReassessError, 422),
)


class SignInFirstError(Exception):
    """Raised where nobody is signed in."""


class ConsentFirstError(Exception):
    """Raised where somebody has not agreed yet to what the study asks everybody to."""


def add_handlers(app: FastAPI) -> None:
    """Turn what handlers raise into answers."""

    def http(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = error.detail if isinstance(error, HTTPException) else ""
        return refuse(request, status, detail)

    def ours(request: Request, error: Exception) -> Response:
        status = next(s for kind, s in _STATUS if isinstance(error, kind))
        if isinstance(error, StoreError):  # whose words tell where the database is
            _log.error("%s %s: %s", request.method, request.url.path, error)
            return refuse(request, status, NOT_STORED)
        if isinstance(error, LeaseError):
            return refuse(request, status, NOT_YOURS)
        if isinstance(error, RaterError) and "/owner" not in request.url.path:
            return refuse(request, status, NOT_NOW)
        return refuse(request, status, _sentence(str(error)))

    def unsigned(request: Request, _: Exception) -> Response:
        if is_program(request):
            return refuse(request, 401, SIGN_IN)
        return RedirectResponse("/sign-in", 303)

    def not_agreed(request: Request, _: Exception) -> Response:
        if is_program(request):
            return refuse(request, 403, CONSENT_FIRST)
        return RedirectResponse("/consent", 303)

    def invalid(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        where = ", ".join(".".join(str(part) for part in one["loc"]) for one in found[:3])
        what = "; ".join(str(one["msg"]) for one in found[:3])
        return refuse(request, 422, f"{where}: {what}")

    handlers: dict[type[Exception], Callable[[Request, Exception], Response]] = {
        HTTPException: http,
        ReassessError: ours,
        SignInFirstError: unsigned,
        ConsentFirstError: not_agreed,
        RequestValidationError: invalid,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def refuse(request: Request, status: int, detail: str) -> Response:
    """A refusal in the form and, as far as it is translated, the language that the client reads."""
    language = language_in(request)
    detail = language.say(detail)
    headers = {"retry-after": "5"} if status in (429, 503) else {}
    if is_program(request):
        return JSONResponse({"detail": detail}, status, headers)
    if detail == HTTPStatus(status).phrase:  # which the title says already
        detail = ""
    title = language.say(REFUSED.get(status, DID_NOT_WORK))
    page = render(request, "problem.html", status=status, title=title, message=detail)
    page.headers.update(headers)
    return page


def is_program(request: Request) -> bool:
    """Whether the answer is read by a program."""
    root: str = request.scope.get("root_path", "")
    return request.url.path.startswith(f"{root}/api/")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
