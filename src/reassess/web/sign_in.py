"""Invitations, signing in and out, passwords."""

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.errors import DataError
from reassess.web.access import Active, ASite, Fields, Person, SignedIn, consents_in, sessions_in
from reassess.web.devices import agent_in
from reassess.web.pages import LANGUAGE_COOKIE, render
from reassess.web.sessions import LIFETIME
from reassess.web.wording import (
    BAD_LINK,
    BAD_PASSWORD,
    NOT_PRESENT,
    NOT_THE_SAME,
    SHORT_PASSWORD,
    TOO_MANY,
)

router = APIRouter(include_in_schema=False)


@router.get("/")
def start(request: Request, site: ASite) -> Response:
    """To signing in, the owner's page, consent, instructions at first, else to answering."""
    session = sessions_in(request).of(request)
    if session is None or session.person is None:
        return RedirectResponse("/sign-in", 303)
    person = session.person
    if person.role == "owner":
        return RedirectResponse("/owner", 303)
    if not consents_in(request).has(site, person):
        return RedirectResponse("/consent", 303)
    is_new = rating.rater_progress(site.store, person.number).n_screens == 0
    return RedirectResponse("/instructions" if is_new else "/rate", 303)


@router.get("/invite/{token}")
def invited(request: Request, token: str) -> Response:
    """A page with one button: what only looks at links must not use them up."""
    return render(request, "invited.html", token=token, message=None)


@router.post("/invite/{token}")
def accept(request: Request, site: ASite, token: str, _: Fields) -> Response:
    """Sign in by a one-time link."""
    sessions = sessions_in(request)
    if not sessions.may_try(request):
        return render(request, "invited.html", status=429, token=token, message=TOO_MANY)
    try:
        person = rating.accept_invitation(site.store, token)
    except rating.InvitationError:
        sessions.count_failure(request)
        return render(request, "invited.html", status=403, token=token, message=BAD_LINK)
    response = RedirectResponse("/", 303)
    sessions.start(response, person, agent_in(request))
    return response


@router.get("/sign-in")
def signing_in(request: Request) -> Response:
    """Name and password, or the word that a link is needed."""
    return render(request, "sign_in.html", message=None, name="")


@router.post("/sign-in")
def sign_in(request: Request, site: ASite, fields: Fields) -> Response:
    """Sign in by name and password."""
    sessions, name = sessions_in(request), fields.get("name", "")
    if not sessions.may_try(request, name):
        return render(request, "sign_in.html", status=429, message=TOO_MANY, name=name)
    person = rating.sign_in(site.store, name, fields.get("password", ""))
    if person is None:
        sessions.count_failure(request, name)
        return render(request, "sign_in.html", status=403, message=BAD_PASSWORD, name=name)
    response = RedirectResponse("/", 303)
    sessions.start(response, person, agent_in(request))
    return response


@router.post("/sign-out")
def sign_out(request: Request, site: ASite, person: SignedIn, _: Fields) -> Response:
    """Sign out here and wherever else: every copy of the cookie is void."""
    rating.sign_out_everywhere(site.store, person.number)
    response = RedirectResponse("/sign-in", 303)
    sessions_in(request).start(response, None)
    return response


@router.get("/password")
def password(request: Request, _: Person) -> Response:
    """Choose a password."""
    return render(request, "password.html", message=None)


@router.post("/password")
def set_password(request: Request, site: ASite, person: Active, fields: Fields) -> Response:
    """Set the password, given the present one; who has an older cookie is signed out."""
    first, second = fields.get("password", ""), fields.get("again", "")
    if person.has_password:
        if not sessions_in(request).may_try(request, person.name):
            return render(request, "password.html", status=429, message=TOO_MANY)
        if rating.sign_in(site.store, person.name, fields.get("present", "")) is None:
            sessions_in(request).count_failure(request, person.name)
            return render(request, "password.html", status=403, message=NOT_PRESENT)
    if first != second:
        return render(request, "password.html", status=422, message=NOT_THE_SAME)
    try:
        changed = rating.set_password(site.store, person.number, first)
    except DataError:
        return render(request, "password.html", status=422, message=SHORT_PASSWORD)
    response = RedirectResponse("/", 303)
    sessions_in(request).start(response, changed, agent_in(request))
    return response


@router.post("/language")
def choose_language(site: ASite, fields: Fields) -> Response:
    """Show the site in another language from now on, beginning with the page that was open."""
    place = fields.get("place", "")
    is_ours = re.fullmatch(r"/[\w/-]*", place) is not None and not place.startswith("//")
    response = RedirectResponse(place if is_ours else "/", 303)
    code = fields.get("language", "")
    if code in {one.code for one in site.languages}:
        response.set_cookie(
            LANGUAGE_COOKIE, code, max_age=LIFETIME, path=site.root_path or "/", httponly=True,
            samesite="lax", secure=site.secure_cookies,
        )  # fmt: skip
    return response
