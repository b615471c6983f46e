"""Addresses by which people enrol themselves, and what they hand in when they are done.

A platform adds to the address who comes; nobody is enrolled by looking at it, only by the button.
MTurk shows an external question in a frame of its own page, where browsers keep no cookies of
this site: that page opens the study in a tab of its own, and takes the code that is shown there.
"""

import secrets
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.errors import DataError
from reassess.rating.enrolment import NO_ASSIGNMENT, is_platform_id
from reassess.web.access import ASite, Fields, Person, sessions_in
from reassess.web.devices import agent_in
from reassess.web.middleware import policy
from reassess.web.pages import render
from reassess.web.wording import BAD_NAME, NO_ENTRY, TOO_MANY

router = APIRouter(include_in_schema=False)

MTURK = ("https://www.mturk.com", "https://worker.mturk.com", "https://workersandbox.mturk.com")
"""Who gets the form of the page for MTurk."""

_FRAMES = (*MTURK, "https://requester.mturk.com", "https://requestersandbox.mturk.com")
"""Who may show that page in a frame: workers' pages, and the preview of whoever asks."""

PROLIFIC_DONE = "https://app.prolific.com/submissions/complete?cc="

_SENT: dict[rating.Channel, tuple[str, str, str]] = {
    "prolific": ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID"),
    "mturk": ("workerId", "hitId", "assignmentId"),
    "classroom": ("", "", ""),
}
"""What each platform adds to the address: who comes, for which study, and in which session."""


@router.get("/join/{token}")
def joining(request: Request, site: ASite, token: str) -> Response:
    """A page with one button; a classroom's asks for a name."""
    try:
        address = rating.address_of(site.store, token)
    except rating.EnrolmentError as error:
        return _page(request, token, None, problem=NO_ENTRY[error.reason], status=403)
    sent = _sent(address.channel, dict(request.query_params))
    submit_to = request.query_params.get("turkSubmitTo", "").rstrip("/")
    if address.channel == "mturk" and (submit_to or _is_preview(request)):
        return _framed(request, token, sent, submit_to)
    if address.channel != "classroom" and not is_platform_id(sent["who"]):
        return _page(request, token, None, problem=NO_ENTRY["no-id"], status=403)
    if address.channel == "classroom":
        sent["session"] = secrets.token_urlsafe(16)
    return _page(request, token, address.channel, sent=sent)


@router.post("/join/{token}")
def join(request: Request, site: ASite, token: str, fields: Fields) -> Response:
    """Enrol whoever came, or know them again, and sign them in."""
    sessions = sessions_in(request)
    sent = {name: fields.get(name, "") for name in ("who", "study", "session")}
    if not sessions.may_try(request):
        return _page(request, token, None, problem=TOO_MANY, status=429)
    try:
        channel = rating.address_of(site.store, token).channel
        person = rating.enrol(
            site.store, token, sent["who"].strip() if channel == "classroom" else sent["who"],
            platform_study=sent["study"], platform_session=sent["session"],
        )  # fmt: skip
    except rating.EnrolmentError as error:
        sessions.count_failure(request)
        again: rating.Channel | None = "classroom" if error.reason == "taken" else None
        return _page(request, token, again, sent=sent, problem=NO_ENTRY[error.reason], status=403)
    except DataError:
        return _page(request, token, "classroom", sent=sent, problem=BAD_NAME, status=422)
    response = RedirectResponse("/", 303)
    sessions.start(response, person, agent_in(request))
    return response


@router.get("/done")
def done(request: Request, site: ASite, person: Person) -> Response:
    """How far somebody is with what they enrolled for, and what to hand in."""
    known = rating.completion(site.store, person.number)
    if known is None:
        return RedirectResponse("/rate", 303)
    standing = rating.rater_progress(site.store, person.number)
    return render(request, "done.html", standing=standing, completion=known, prolific=PROLIFIC_DONE)


def _sent(channel: rating.Channel, query: dict[str, str]) -> dict[str, str]:
    """What a platform says of who comes, by our names for it."""
    who, study, session = _SENT[channel]
    return {
        "who": query.get(who, ""), "study": query.get(study, ""), "session": query.get(session, ""),
    }  # fmt: skip


def _is_preview(request: Request) -> bool:
    """Whether MTurk shows the page to somebody who has not accepted it."""
    return request.query_params.get("assignmentId") == NO_ASSIGNMENT


def _page(
    request: Request, token: str, channel: rating.Channel | None, *,
    sent: dict[str, str] | None = None, problem: str | None = None, status: int = 200,
) -> Response:  # fmt: skip
    """The page that asks; without a channel it says why nobody can come in."""
    return render(
        request, "join.html", status=status, token=token, channel=channel, sent=sent or {},
        problem=problem,
    )  # fmt: skip


def _framed(request: Request, token: str, sent: dict[str, str], submit_to: str) -> Response:
    """The page within MTurk's own: before accepting, or with the way to the study and back."""
    is_open = is_platform_id(sent["who"]) and submit_to in MTURK
    names = dict(zip(("who", "study", "session"), _SENT["mturk"], strict=True))
    query = urlencode({names[name]: value for name, value in sent.items()})
    response = render(
        request, "join_mturk.html", token=token, is_open=is_open, query=query,
        assignment=sent["session"], submit_to=submit_to,
    )  # fmt: skip
    response.headers["content-security-policy"] = policy(frames=_FRAMES)
    return response
