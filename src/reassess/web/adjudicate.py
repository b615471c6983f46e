"""Adjudication: contested images with their votes, and what an expert decides about them.

For experts and owners only, who may see votes. No vote is ever changed. Images have codes here:
their ids often name the class of a folder, which would tell the original label.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.web.access import ASite, Expert, Fields
from reassess.web.addresses import (
    check_seal,
    check_tag,
    contested_image,
    image_code,
    image_number,
    image_seal,
)
from reassess.web.pages import render
from reassess.web.payloads import answer_in
from reassess.web.pictures import Size, shades, sized
from reassess.web.site import Site
from reassess.web.views import (
    check_can_be_seen,
    class_out,
    class_words,
    file_to_show,
    gallery_entry,
)

router = APIRouter(prefix="/adjudicate", include_in_schema=False)

_IN_GALLERY = 24
_DECIDED = 50
Code = Annotated[str, Path(pattern="^[0-9a-f]{8}$")]


@router.get("")
def overview(request: Request, site: ASite, expert: Expert) -> Response:
    """Images that wait for a decision, most contested first, and what was decided."""
    waiting = rating.to_adjudicate(site.store, expert.number, _IN_GALLERY)
    decided = sorted(rating.adjudications(site.store), key=lambda one: one.at, reverse=True)
    return render(
        request,
        "adjudicate.html",
        waiting=[gallery_entry(site, counts) for counts in waiting],
        decided=[
            (one, class_words(site, one.label)[0], image_code(site, one.image))
            for one in decided[:_DECIDED]
        ],
        n_decided=len(decided),
    )


@router.get("/next")
def following(site: ASite, expert: Expert) -> Response:
    """To the most contested image that nobody has decided about."""
    found = rating.to_adjudicate(site.store, expert.number, 1)
    where = f"/adjudicate/{image_code(site, found[0].image)}" if found else "/adjudicate"
    return RedirectResponse(where, 303)


@router.get("/image")
def by_id(site: ASite, _: Expert, id: str) -> Response:  # noqa: A002 -- a query's name
    """To the page of an image, at an address of version 0.1.0."""
    counts = rating.image_counts(site.store, id)
    return RedirectResponse(f"/adjudicate/{image_code(site, counts.image)}", 303)


@router.post("/image")
def decide_by_id(site: ASite, expert: Expert, id: str, fields: Fields) -> Response:  # noqa: A002 -- as above
    """Store what an expert decides, at an address of version 0.1.0."""
    return _decide(site, expert, rating.image_counts(site.store, id), fields)


@router.get("/picture")
def picture_by_id(site: ASite, _: Expert, id: str, size: Size = "screen") -> Response:  # noqa: A002 -- as above
    """To an image of the study, at an address of version 0.1.0.

    Raises:
        HTTPException: there is no file.
    """
    address = contested_image(site, rating.image_counts(site.store, id))
    if address is None:
        raise HTTPException(404, "There is no image file.")
    return RedirectResponse(f"{address}?size={size}", 303)


@router.get("/{code}")
def one(request: Request, site: ASite, _: Expert, code: Code) -> Response:
    """An image with its votes, to decide about."""
    counts = rating.image_counts(site.store, image_number(site, code))
    said = rating.adjudications(site.store, image_id=counts.image_id)
    rows = [
        {
            "about": class_out(site, question.label, {counts.image_id}),
            "counts": question,
            "said": [one for one in said if one.question == question.question],
        }
        for question in counts.questions
    ]
    return render(
        request,
        "adjudicate_image.html",
        code=code,
        image=contested_image(site, counts),
        seal=image_seal(site, counts),
        shades=shades(site.image_path(counts.image_id)),
        rows=rows,
        labels=[class_words(site, k)[0] for k in site.shown_labels.get(counts.image_id, ())],
    )


@router.post("/{code}")
def decide(site: ASite, expert: Expert, code: Code, fields: Fields) -> Response:
    """Store what an expert decides; questions without an answer are left as they are."""
    return _decide(site, expert, rating.image_counts(site.store, image_number(site, code)), fields)


@router.get("/{code}/image/{tag}")
def picture(site: ASite, _: Expert, code: Code, tag: str, size: Size = "screen") -> Response:
    """An image of the study, at an address of this store and this content alone."""
    found = rating.image_counts(site.store, image_number(site, code))
    check_tag(contested_image(site, found), tag)
    return sized(file_to_show(site, found.image_id), size)


def _decide(
    site: Site, expert: rating.Rater, counts: rating.ImageCounts, fields: dict[str, str]
) -> Response:
    check_seal(image_seal(site, counts), fields.get("seal"))
    check_can_be_seen(site, counts.image_id)
    note = fields.get("note", "").strip()
    for question in counts.questions:
        said = answer_in(fields, f"answer-{question.question}")
        if said is not None:
            rating.adjudicate(site.store, expert.number, question.question, said, note)
    return RedirectResponse("/adjudicate/next", 303)
