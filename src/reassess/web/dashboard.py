"""The owner's page: how far, who, what is contested, and what they may do about it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.errors import FileError, OptionError, ReassessError
from reassess.rating.records import LONGEST_TEXT, ROLES
from reassess.site.departures import note_departures
from reassess.web.access import ASite, Fields, Owner
from reassess.web.charts import HEIGHT, WIDTH, answers_over_time
from reassess.web.pages import render
from reassess.web.payloads import LARGEST_NUMBER
from reassess.web.site import Site
from reassess.web.views import gallery_entry
from reassess.web.wording import SETTINGS

router = APIRouter(prefix="/owner", include_in_schema=False)

_CONTESTED = 12
_REMARKS = 20
_ACTS = 30
_WITHDRAWN = 500
_ON_A_PAGE = 100
_MOST_MISSING = 1000
_LOOKED_UP = 200

ToRater = Literal[
    "pause", "resume", "admit", "set-aside", "take-back", "remove", "end-sessions"
]  # fmt: skip
ToStudy = Literal["close", "reopen"]
_WITH_REASON: dict[str, Callable[..., object]] = {
    "pause": rating.pause,
    "set-aside": rating.exclude_votes,
    "remove": rating.remove,
    "end-sessions": rating.end_sessions,
}
_WITHOUT: dict[str, Callable[..., object]] = {
    "resume": rating.resume,
    "admit": rating.waive_qualification,
    "take-back": rating.restore_votes,
}
_TO_STUDY: dict[str, Callable[..., None]] = {"close": rating.close, "reopen": rating.reopen}
"""What each address does; addresses keep the words of 0.1.0."""

Before = Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)]


@dataclass(frozen=True, slots=True)
class Missing:
    """Images that raters were to see and that had no file, since this process started."""

    image_ids: set[str] = field(default_factory=set)

    def note(self, image_id: str) -> None:
        """Remember one; the first thousand."""
        if len(self.image_ids) < _MOST_MISSING:
            self.image_ids.add(image_id)


@router.get("")
def overview(request: Request, site: ASite, _: Owner) -> Response:
    """The owner's page."""
    return owner_page(request, site)


@router.post("/invite")
def invite(request: Request, site: ASite, owner: Owner, fields: Fields) -> Response:
    """Make a one-time link; it is shown once."""
    name, said = fields.get("name", "").strip(), fields.get("role", "rater")
    role: rating.Role = next((role for role in ROLES if role == said), "rater")
    try:
        token = rating.invite(site.store, name, role, by=owner.number)
    except ReassessError as error:
        return owner_page(request, site, status=422, problem=str(error))
    link = f"{base_url(request, site)}/invite/{token}"
    return owner_page(request, site, link=link, invited=name)


def base_url(request: Request, site: Site) -> str:
    """The address at which people reach the site."""
    if site.base_url is not None:
        return site.base_url
    base = request.base_url
    if site.secure_cookies:
        base = base.replace(scheme="https")
    return str(base).rstrip("/")


@router.get("/raters/{number}")
def one_rater(request: Request, site: ASite, _: Owner, number: int) -> Response:
    """Everything about one rater, and what can be done about them."""
    person = rating.rater(site.store, number)
    figures = [one for one in rating.rater_table(site.store) if one.number == number]
    return render(
        request,
        "rater.html",
        rater=person,
        figures=figures[0] if figures else None,
        chart=answers_over_time(rating.work_by_hour(site.store, number)),
        roles=ROLES,
        devices=rating.open_sessions(site.store, number),
        consents=rating.given_consents(site.store, number),
        size=(WIDTH, HEIGHT),
    )


@router.post("/raters/{number}/sessions/{handle}/end")
def end_session(site: ASite, owner: Owner, number: int, handle: str, _: Fields) -> Response:
    """Sign a person out on one of their devices."""
    rating.end_session(site.store, handle, by=owner.number)
    return RedirectResponse(f"/owner/raters/{number}#devices", 303)


@router.post("/raters/{number}/role")
def change_role(site: ASite, owner: Owner, number: int, fields: Fields) -> Response:
    """Give a person another role, which ends their sessions.

    Raises:
        OptionError: there is no such role.
    """
    said = fields.get("role", "")
    role: rating.Role | None = next((role for role in ROLES if role == said), None)
    if role is None:
        raise OptionError(f"role is {said[:20]!r}, but must be one of {', '.join(ROLES)}.")
    rating.change_role(site.store, number, role, by=owner.number)
    _note_departures(site)
    return RedirectResponse(f"/owner/raters/{number}", 303)


@router.post("/links/{handle}/revoke")
def revoke(site: ASite, owner: Owner, handle: str, _: Fields) -> Response:
    """Let an open link sign nobody in any more."""
    rating.revoke_invitation(site.store, handle, by=owner.number)
    return RedirectResponse("/owner#links", 303)


@router.post("/raters/{number}/{act}")
def to_rater(site: ASite, owner: Owner, number: int, act: ToRater, fields: Fields) -> Response:
    """Pause a rater, whose open tasks return to the queue; let one go on, or in.

    Excluding their votes gives the questions to others; restoring them undoes that.
    """
    reason = fields.get("reason", "").strip()[:LONGEST_TEXT]
    if act in _WITH_REASON:
        _WITH_REASON[act](site.store, number, by=owner.number, reason=reason)
    else:
        _WITHOUT[act](site.store, number, by=owner.number)
    _note_departures(site)
    from_page = fields.get("from") == "rater"
    return RedirectResponse(f"/owner/raters/{number}" if from_page else "/owner#raters", 303)


def _note_departures(site: Site) -> None:
    """Note beside the database who has left, so that a backup lets nobody in again."""
    if site.study is not None:
        with suppress(FileError):  # a full disk: it is noted when the site is closed
            note_departures(site.study, site.store)


@router.post("/study/{act}")
def to_study(site: ASite, owner: Owner, act: ToStudy, _: Fields) -> Response:
    """Close or reopen the study."""
    _TO_STUDY[act](site.store, by=owner.number)
    return RedirectResponse("/owner", 303)


@router.get("/audit")
def audit(request: Request, site: ASite, _: Owner, before: Before = None) -> Response:
    """The audit log, a page at a time."""
    acts = rating.audit_log(site.store, before=before, limit=_ON_A_PAGE + 1)
    has_more = len(acts) > _ON_A_PAGE
    return render(request, "audit.html", acts=acts[:_ON_A_PAGE], has_more=has_more)


@router.get("/settings")
def settings(request: Request, site: ASite, _: Owner) -> Response:
    """How the study is rated, to be changed."""
    return _settings_page(request, site)


@router.post("/settings")
def change_settings(request: Request, site: ASite, owner: Owner, fields: Fields) -> Response:
    """Change how the study is rated from now on."""
    try:
        wanted = _settings_in(rating.settings_of(site.store), fields)
        rating.change_settings(site.store, wanted, by=owner.number)
        rating.decide_gold(site.store)
    except ReassessError as error:
        return _settings_page(request, site, status=422, problem=str(error))
    return _settings_page(request, site, said="Saved. It holds from now on.")


def owner_page(request: Request, site: Site, *, status: int = 200, **said: str) -> Response:
    """The owner's page.

    Args:
        request: what asks for it.
        site: the site.
        status: of the answer.
        said: what it says at its top: a ``problem``, what was done (``said``), a ``link`` and who
            is ``invited``; and what was ``given`` in its form about images.
    """
    contested = rating.contested_images(site.store, _CONTESTED)
    progress = rating.study_progress(site.store)
    return render(
        request,
        "owner.html",
        status=status,
        progress=progress,
        settings=rating.settings_of(site.store),
        chart=answers_over_time(rating.work_by_hour(site.store)),
        size=(WIDTH, HEIGHT),
        raters=rating.rater_table(site.store),
        open_links=rating.open_invitations(site.store),
        contested=[gallery_entry(site, counts) for counts in contested],
        remarks=rating.remarks(site.store, _REMARKS),
        acts=rating.audit_log(site.store, limit=_ACTS),
        missing=_missing(request, site),
        image_check=None if site.image_check is None else site.image_check.findings(),
        warning=rating.qualification_warning(site.store),
        has_classes=site.classes is not None,
        link=said.get("link"),
        invited=said.get("invited"),
        problem=said.get("problem"),
        said=said.get("said"),
        given=said.get("given", ""),
        withdrawn=rating.withdrawn_images(site.store)[:_WITHDRAWN],
    )


def _missing(request: Request, site: Site) -> str | None:
    """What the owner is told of images without a file: of some looked up now, and of those met."""
    looked = rating.some_images(site.store, _LOOKED_UP)
    absent = [image_id for image_id in looked if not site.may_have(image_id)]
    if looked and len(absent) == len(looked):
        return "No image of this study has a file."
    if absent:
        return f"{len(absent)} of {len(looked)} images looked up have no file, such as {absent[0]}."
    met: Missing = request.app.state.missing
    gone = sorted(one for one in tuple(met.image_ids) if not site.may_have(one))
    if not gone:
        return None
    return f"{len(gone):,} of the images that raters met have no file, such as {gone[0]}."


def _settings_page(request: Request, site: Site, *, status: int = 200, **said: str) -> Response:
    return render(
        request,
        "settings.html",
        status=status,
        settings=rating.settings_of(site.store),
        options=SETTINGS,
        warning=rating.qualification_warning(site.store),
        problem=said.get("problem"),
        said=said.get("said"),
    )


def _settings_in(before: rating.Settings, fields: dict[str, str]) -> rating.Settings:
    """The settings that a form holds; what it leaves out stays as it is.

    Raises:
        OptionError: a field holds no number, or one out of range.
    """
    changed: dict[str, Any] = {}
    for name, (words, _, in_percent) in SETTINGS.items():
        said = fields.get(name, "").strip()
        try:
            if said and in_percent:
                changed[name] = float(said) / 100
            elif said:
                changed[name] = int(said)
        except (ValueError, OverflowError) as error:
            raise OptionError(f"{words!r} is {said[:20]!r}, but must be a number.") from error
    return replace(before, **changed)
