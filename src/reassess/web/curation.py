"""Images withdrawn from a study, and gold that is gold no more, by forms on the owner's page."""

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reassess import rating
from reassess.errors import OptionError, ReassessError
from reassess.rating.records import LONGEST_TEXT
from reassess.site import curation
from reassess.site.curation import Curated
from reassess.web.access import ASite, Fields, Owner
from reassess.web.addresses import image_number
from reassess.web.dashboard import owner_page
from reassess.web.site import Site

router = APIRouter(prefix="/owner", include_in_schema=False)

ToImages = Literal["withdraw", "restore", "unchoose"]
_ACTS: dict[ToImages, Callable[..., Curated]] = {
    "withdraw": curation.withdraw,
    "restore": curation.restore,
    "unchoose": curation.unchoose,
}
_DONE: dict[ToImages, str] = {
    "withdraw": "withdrawn: nobody is asked about {them}, and nothing said about {them} counts",
    "restore": "put back: {they} asked about again, and votes count",
    "unchoose": "no gold any more, and asked about as all others",
}


@router.post("/images/{act}")
def to_images(
    request: Request, site: ASite, owner: Owner, act: ToImages, fields: Fields
) -> Response:
    """Withdraw images, put them back, or let them be gold no more."""
    try:
        named = _named(site, fields)
        reason = fields.get("reason", "").strip()[:LONGEST_TEXT]
        done = _ACTS[act](site.study, site.store, named, by=owner.number, reason=reason)
    except ReassessError as error:
        given = fields.get("images", "")
        return owner_page(request, site, status=422, problem=str(error), given=given)
    return owner_page(request, site, said=_said(act, len(named), done))


def _named(site: Site, fields: dict[str, str]) -> list[str]:
    """The images that a form names: one a line, or by the code that pages about votes call it.

    Raises:
        AlignmentError: the code is no image's.
        OptionError: none is named.
    """
    code = fields.get("code", "")
    if code:
        number = image_number(site, code) if _is_code(code) else -1
        return [rating.image_counts(site.store, number).image_id]
    named = [line.strip() for line in fields.get("images", "").splitlines() if line.strip()]
    if not named:
        raise OptionError("images is empty, but must name at least one. Write one a line.")
    return list(dict.fromkeys(named))


def _is_code(text: str) -> bool:
    return len(text) == 8 and set(text) <= set("0123456789abcdef")


def _said(act: ToImages, n: int, done: Curated) -> str:
    """What was done, and what is left to do."""
    words = {"them": "it" if n == 1 else "them", "they": "it is" if n == 1 else "they are"}
    parts = [f"{n:,} image{' is' if n == 1 else 's are'} {_DONE[act].format(**words)}."]
    if done.written:
        files = ", ".join(path.name for path in done.written)
        parts.append(f"Written again: {files}. Labels and report follow with `reassess run`.")
    parts += [f"{path.name} is as it was: {why}." for path, why in done.left]
    return " ".join(parts)
