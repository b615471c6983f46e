"""What raters and experts agree to before anything else: the study's own text, and their word."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.web.access import ASite, Fields, SignedIn, consents_in
from reassess.web.pages import language_in, render
from reassess.web.site import Site

router = APIRouter(include_in_schema=False)


@router.get("/consent")
def consent(request: Request, site: ASite, person: SignedIn) -> Response:
    """The text, and the button that agrees; or when somebody agreed to it."""
    if not site.consent:
        return RedirectResponse("/", 303)
    return _page(request, site, person)


@router.post("/consent")
def agree(request: Request, site: ASite, person: SignedIn, fields: Fields) -> Response:
    """Keep that somebody agrees to the text that they were shown, and let them go on.

    A text that was changed since is shown first.
    """
    digest = fields.get("digest", "")
    shown = [text for text in site.consent if rating.consent_digest(text) == digest]
    if not site.consent:
        return RedirectResponse("/", 303)
    if not shown or fields.get("agreed") != "yes":
        return _page(request, site, person, status=422)
    rating.give_consent(site.store, person.number, shown[0])
    consents_in(request).known.add(person.number)
    return RedirectResponse("/", 303)


def _page(request: Request, site: Site, person: rating.Rater, *, status: int = 200) -> Response:
    language = language_in(request)
    digests = {rating.consent_digest(text) for text in site.consent}
    given = [
        one.given_at
        for one in rating.given_consents(site.store, person.number)
        if one.digest in digests
    ]
    return render(
        request,
        "consent.html",
        status=status,
        text=site.consent.html(language.code),
        digest=rating.consent_digest(site.consent.markdown(language.code)),
        given_at=language.day(given[0]) if given else None,
        is_missing=status == 422,
    )
