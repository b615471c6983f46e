"""The owner's page: how far, who, what is contested, and what he may do about it."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.errors import ReassessError
from reassess.rating.records import ROLES
from reassess.web.access import ASite, Fields, Owner
from reassess.web.pages import render
from reassess.web.payloads import LARGEST_NUMBER
from reassess.web.pictures import picture_response, thumbnail_response
from reassess.web.showing import class_words
from reassess.web.site import Site

router = APIRouter(prefix="/owner", include_in_schema=False)

_CONTESTED = 12
_REMARKS = 20
_ACTS = 30
_MOST_MISSING = 1000

ToRater = Literal["pause", "resume", "admit"]
ToStudy = Literal["close", "reopen"]
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
    return _page(request, site)


@router.post("/invite")
def invite(request: Request, site: ASite, owner: Owner, fields: Fields) -> Response:
    """Make a one-time link; it is shown once."""
    name, said = fields.get("name", "").strip(), fields.get("role", "rater")
    role: rating.Role = next((role for role in ROLES if role == said), "rater")
    try:
        token = rating.invite(site.store, name, role, by=owner.number)
    except ReassessError as error:
        return _page(request, site, status=422, problem=str(error))
    base = request.base_url
    if site.secure_cookies:
        base = base.replace(scheme="https")
    link = f"{str(base).rstrip('/')}/invite/{token}"
    return _page(request, site, link=link, invited=name)


@router.post("/raters/{number}/{act}")
def to_rater(site: ASite, owner: Owner, number: int, act: ToRater, _: Fields) -> Response:
    """Pause a rater, whose open screens return to the queue; let one go on, or in."""
    if act == "pause":
        rating.pause(site.store, number, by=owner.number)
    elif act == "resume":
        rating.resume(site.store, number, by=owner.number)
    else:
        rating.admit(site.store, number, by=owner.number)
    return RedirectResponse("/owner#raters", 303)


@router.post("/study/{act}")
def to_study(site: ASite, owner: Owner, act: ToStudy, _: Fields) -> Response:
    """Close or reopen the study."""
    (rating.close if act == "close" else rating.reopen)(site.store, by=owner.number)
    return RedirectResponse("/owner", 303)


@router.get("/audit")
def audit(request: Request, site: ASite, _: Owner, before: Before = None) -> Response:
    """The audit log, a page at a time."""
    acts = rating.audit_log(site.store, before=before, limit=100)
    return render(request, "audit.html", acts=acts)


@router.get("/image")
def image(site: ASite, _: Owner, id: str, size: str = "small") -> Response:  # noqa: A002 -- a query's name
    """An image of the study by id, for its owner."""
    found = rating.image_counts(site.store, id)
    path = site.image_path(found.image_id)
    return picture_response(path) if size == "full" else thumbnail_response(path)


def _page(request: Request, site: Site, *, status: int = 200, **said: str) -> Response:
    missing: Missing = request.app.state.missing
    contested = rating.contested_images(site.store, _CONTESTED)
    for counts in contested:
        if site.image_path(counts.image_id) is None:
            missing.note(counts.image_id)
    progress = rating.progress(site.store)
    return render(
        request,
        "owner.html",
        status=status,
        progress=progress,
        has_rule=site.rule is not None,
        share_done=_share_done(site, progress),
        settings=rating.settings_of(site.store),
        raters=rating.rater_table(site.store),
        contested=[_gallery_entry(site, counts) for counts in contested],
        remarks=rating.remarks(site.store, _REMARKS),
        acts=rating.audit_log(site.store, limit=_ACTS),
        missing=sorted(missing.image_ids),
        has_classes=site.classes is not None,
        link=said.get("link"),
        invited=said.get("invited"),
        problem=said.get("problem"),
    )


def _share_done(site: Site, progress: rating.Progress) -> float:
    """Of the votes where all are asked for; with a stopping rule of the questions."""
    if site.rule is None:
        return progress.n_votes / max(1, progress.n_votes_wanted)
    return progress.n_done / max(1, progress.n_questions)


def _gallery_entry(site: Site, counts: rating.ImageCounts) -> dict[str, object]:
    """An image with its most contested questions."""
    by_split = sorted(counts.questions, key=lambda q: max(_counts(q)) - sum(_counts(q)))
    rows = [(class_words(site, q.label)[0], q.n_yes, q.n_maybe, q.n_no) for q in by_split[:4]]
    has_image = site.image_path(counts.image_id) is not None
    return {"image_id": counts.image_id, "has_image": has_image, "rows": rows}


def _counts(question: rating.QuestionCounts) -> tuple[int, int, int]:
    return question.n_yes, question.n_maybe, question.n_no
