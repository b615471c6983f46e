"""The owner's page about people who enrol themselves: addresses, and who came by them."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.errors import OptionError, ReassessError
from reassess.rating.records import CHANNELS
from reassess.web.access import ASite, Fields, Owner
from reassess.web.dashboard import base_url
from reassess.web.markdown import markdown_page
from reassess.web.pages import render
from reassess.web.site import Site

router = APIRouter(prefix="/owner/recruiting", include_in_schema=False)

_DAY = 86_400


@router.get("")
def overview(request: Request, site: ASite, _: Owner) -> Response:
    """Addresses, and who came by them."""
    return _page(request, site)


@router.post("")
def open_address(request: Request, site: ASite, owner: Owner, fields: Fields) -> Response:
    """Open an address; it is shown once."""
    channel = None
    try:
        channel = _channel(fields.get("channel", ""))
        token = rating.open_address(
            site.store, channel, people=_number("people", fields) or 0,
            goal=_number("goal", fields), most_tasks=_number("tasks", fields),
            completion_code=fields.get("code", "").strip(),
            seconds=(_number("days", fields) or 0) * _DAY, by=owner.number,
        )  # fmt: skip
    except ReassessError as error:
        return _page(request, site, status=422, problem=str(error), given=fields)
    link = rating.join_link(base_url(request, site), channel, token)
    return _page(request, site, link=link, channel=channel)


def _channel(word: str) -> rating.Channel:
    """The channel of this name."""
    for channel in CHANNELS:
        if channel == word:
            return channel
    raise OptionError(f"channel is {word[:20]!r}, but must be one of {', '.join(CHANNELS)}.")


@router.post("/{handle}/close")
def close_address(site: ASite, owner: Owner, handle: str, _: Fields) -> Response:
    """Let nobody come by an address any more."""
    rating.close_address(site.store, handle, by=owner.number)
    return RedirectResponse("/owner/recruiting", 303)


@router.get("/consents/{digest}")
def agreed(request: Request, site: ASite, _: Owner, digest: str) -> Response:
    """A text that somebody agreed to, as it was then.

    Raises:
        HTTPException: nobody agreed to a text with this digest.
    """
    text = rating.agreed_text(site.store, digest)
    if text is None:
        raise HTTPException(404, "Nobody agreed to such a text.")
    n_people = sum(one.digest == digest for one in rating.given_consents(site.store))
    return render(
        request, "agreed.html", digest=digest, text=markdown_page(text), n_people=n_people
    )


def _page(
    request: Request, site: Site, *, status: int = 200, given: dict[str, str] | None = None,
    **said: str,
) -> Response:  # fmt: skip
    return render(
        request,
        "recruiting.html",
        status=status,
        addresses=rating.join_addresses_of(site.store),
        enrolments=rating.enrolments_of(site.store),
        given=given or {},
        link=said.get("link"),
        channel=said.get("channel"),
        problem=said.get("problem"),
    )


def _number(name: str, fields: dict[str, str]) -> int | None:
    """The number in a field; None where it is empty.

    Raises:
        OptionError: it holds something else.
    """
    said = fields.get(name, "").strip()
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise OptionError(f"{name} is {said[:20]!r}, but must be a whole number.")
    return int(said)
