"""Who may ask for what: the dependencies that handlers name in their arguments."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from reassess import rating
from reassess.web.errors import ConsentFirstError, SignInFirstError
from reassess.web.sessions import Session, Sessions
from reassess.web.site import Site
from reassess.web.wording import NO_TOKEN, NOT_FOR_RATERS, NOT_FOR_YOU, PAUSED

_MOST_FIELDS = 100


def sessions_in(request: Request) -> Sessions:
    """The sessions of the site that serves a request."""
    sessions: Sessions = request.app.state.sessions
    return sessions


async def site_in(request: Request) -> Site:
    """The site that serves a request; ``async``, because a thread for so little costs more."""
    return sessions_in(request).site


@dataclass(slots=True)
class Consents:
    """Who has agreed to what the study asks everybody to, as far as this process knows."""

    known: set[int] = field(default_factory=set)

    def has(self, site: Site, person: rating.Rater) -> bool:
        """Whether somebody may go on; the store is asked until they have agreed. Owners need not.

        Raises:
            StoreError: the database cannot be read.
        """
        if not site.consent or person.role == "owner" or person.number in self.known:
            return True
        if any(rating.has_consented(site.store, person.number, text) for text in site.consent):
            self.known.add(person.number)
            return True
        return False


def consents_in(request: Request) -> Consents:
    """What this process knows of who has agreed."""
    consents: Consents = request.app.state.consents
    return consents


def signed_in(request: Request) -> rating.Rater:
    """Who is signed in, whether they have agreed or not.

    Raises:
        SignInFirstError: nobody is.
    """
    session = sessions_in(request).of(request)
    if session is None or session.person is None:
        raise SignInFirstError
    return session.person


def session_in(request: Request) -> Session:
    """The session of somebody who is signed in, and has agreed to what the study asks.

    Raises:
        SignInFirstError: nobody is.
        ConsentFirstError: they have not agreed yet.
    """
    session = sessions_in(request).of(request)
    if session is None or session.person is None:
        raise SignInFirstError
    if not consents_in(request).has(sessions_in(request).site, session.person):
        raise ConsentFirstError
    return session


async def person_in(session: Annotated[Session, Depends(session_in)]) -> rating.Rater:
    """Who is signed in.

    Raises:
        SignInFirstError: nobody is.
    """
    if session.person is None:
        raise SignInFirstError
    return session.person


async def active_in(person: Annotated[rating.Rater, Depends(person_in)]) -> rating.Rater:
    """Who is signed in and not paused: who may do something.

    Raises:
        HTTPException: they are paused.
    """
    if person.is_paused:
        raise HTTPException(403, PAUSED)
    return person


async def owner_in(person: Annotated[rating.Rater, Depends(active_in)]) -> rating.Rater:
    """The owner who is signed in.

    Raises:
        HTTPException: somebody else is, or they are paused.
    """
    if person.role != "owner":
        raise HTTPException(403, NOT_FOR_YOU)
    return person


def expert_in(person: Annotated[rating.Rater, Depends(active_in)]) -> rating.Rater:
    """The expert or owner who is signed in.

    Raises:
        HTTPException: somebody else is, or they are paused.
    """
    if person.role == "rater":
        raise HTTPException(403, NOT_FOR_RATERS)
    return person


async def fields_in(request: Request) -> dict[str, str]:
    """The texts of a form whose CSRF token goes with the session of whoever sends it.

    Raises:
        HTTPException: it does not.
    """
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    sessions = sessions_in(request)
    session = await _session_of(request)
    if session is None or not sessions.is_token(session, fields.get("csrf", "")):
        raise HTTPException(403, NO_TOKEN)
    return fields


async def _session_of(request: Request) -> Session | None:
    """Read beside the event loop: the database may make it wait."""
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(sessions_in(request).of, request)


async def token_in(
    request: Request,
    session: Annotated[Session, Depends(session_in)],
    x_csrf_token: Annotated[str, Header(description="`csrf` of `/api/session`.")] = "",
) -> None:
    """Nothing, where the header holds the session's CSRF token.

    Raises:
        HTTPException: it does not.
    """
    if not sessions_in(request).is_token(session, x_csrf_token):
        raise HTTPException(403, NO_TOKEN)


ASite = Annotated[Site, Depends(site_in)]
ASession = Annotated[Session, Depends(session_in)]
SignedIn = Annotated[rating.Rater, Depends(signed_in)]
Person = Annotated[rating.Rater, Depends(person_in)]
Active = Annotated[rating.Rater, Depends(active_in)]
Owner = Annotated[rating.Rater, Depends(owner_in)]
Expert = Annotated[rating.Rater, Depends(expert_in)]
Fields = Annotated[dict[str, str], Depends(fields_in)]
