"""Adjudication: contested images with their votes, and what an expert decides about them.

For experts and owners only, who may see votes. No vote is ever changed.
"""

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.web.access import ASite, Expert, Fields
from reassess.web.pages import render
from reassess.web.payloads import answer_in
from reassess.web.pictures import Size, sized
from reassess.web.views import class_out, class_words, gallery_entry

router = APIRouter(prefix="/adjudicate", include_in_schema=False)

_IN_GALLERY = 24
_DECIDED = 50


@router.get("")
def overview(request: Request, site: ASite, expert: Expert) -> Response:
    """Images that wait for a decision, most contested first, and what was decided."""
    waiting = rating.to_adjudicate(site.store, expert.number, _IN_GALLERY)
    decided = sorted(rating.adjudications(site.store), key=lambda one: one.at, reverse=True)
    return render(
        request,
        "adjudicate.html",
        waiting=[gallery_entry(site, counts) for counts in waiting],
        decided=[(one, class_words(site, one.label)[0]) for one in decided[:_DECIDED]],
        n_decided=len(decided),
    )


@router.get("/next")
def following(site: ASite, expert: Expert) -> Response:
    """To the most contested image that nobody has decided about."""
    found = rating.to_adjudicate(site.store, expert.number, 1)
    return RedirectResponse(address(found[0].image_id) if found else "/adjudicate", 303)


@router.get("/image")
def one(request: Request, site: ASite, _: Expert, id: str) -> Response:  # noqa: A002 -- a query's name
    """An image with its votes, to decide about."""
    counts = rating.image_counts(site.store, id)
    said = rating.adjudications(site.store, image_id=counts.image_id)
    rows = [
        {
            "about": class_out(site, question.label, {counts.image_id}),
            "counts": question,
            "said": [one for one in said if one.question == question.question],
        }
        for question in counts.questions
    ]
    has_image = site.image_path(counts.image_id) is not None
    return render(
        request,
        "adjudicate_image.html",
        image_id=counts.image_id,
        image=f"/adjudicate/picture?id={quote(counts.image_id, safe='')}" if has_image else None,
        rows=rows,
        labels=[class_words(site, k)[0] for k in site.shown_labels.get(counts.image_id, ())],
    )


@router.post("/image")
def decide(site: ASite, expert: Expert, id: str, fields: Fields) -> Response:  # noqa: A002 -- as above
    """Store what an expert decides; questions without an answer are left as they are."""
    counts = rating.image_counts(site.store, id)
    note = fields.get("note", "").strip()
    for question in counts.questions:
        said = answer_in(fields, f"answer-{question.question}")
        if said is not None:
            rating.adjudicate(site.store, expert.number, question.question, said, note)
    return RedirectResponse("/adjudicate/next", 303)


@router.get("/picture")
def picture(site: ASite, _: Expert, id: str, size: Size = "screen") -> Response:  # noqa: A002 -- as above
    """An image of the study by id."""
    found = rating.image_counts(site.store, id)
    return sized(site.image_path(found.image_id), size)


def address(image_id: str) -> str:
    """The page on which an image is decided about."""
    return f"/adjudicate/image?id={quote(image_id, safe='')}"
