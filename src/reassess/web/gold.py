"""Gold, authored by experts: what they judge is chosen, each judges it blind to the others.

Addresses name tasks and never images: folders of images are often called by their class.
"""

import secrets
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.errors import ReassessError
from reassess.rating.experts import GoldTask
from reassess.web.access import ASite, Expert, Fields
from reassess.web.addresses import check_seal, check_tag, gold_image, gold_seal
from reassess.web.pages import render
from reassess.web.payloads import answers_in, number
from reassess.web.pictures import Size, shades, sized
from reassess.web.site import Site
from reassess.web.views import check_can_be_seen, class_out, file_to_show

router = APIRouter(prefix="/gold", include_in_schema=False)

_MOST = 10_000
Task = Annotated[int, Path(ge=0, lt=2**31)]
After = Annotated[int | None, Query(ge=0, lt=2**31)]


@router.get("")
def overview(request: Request, site: ASite, expert: Expert) -> Response:
    """How far gold is, and choosing more of it."""
    return _overview(request, site, expert)


@router.post("/choose")
def choose(request: Request, site: ASite, expert: Expert, fields: Fields) -> Response:
    """Choose tasks as gold: so many at random, or those of some images."""
    named = [line.strip() for line in fields.get("images", "").splitlines() if line.strip()]
    n_drawn = min(_MOST, number(fields.get("n", "")) or 0)
    try:
        n_new = rating.choose_gold(
            site.store, named or n_drawn, seed=secrets.randbits(32), by=expert.number
        )
    except ReassessError as error:
        return _overview(request, site, expert, status=422, problem=str(error))
    said = f"{n_new:,} more image{'' if n_new == 1 else 's'} to judge."
    return _overview(request, site, expert, said=said)


@router.get("/next")
def following(site: ASite, expert: Expert, after: After = None) -> Response:
    """To what this expert has not judged yet; what has no image file holds nobody up.

    After a task that was skipped come those behind it, and the skipped ones again at the end.
    """
    waiting = rating.gold_waiting(site.store, expert.number)
    numbers = [task for task, _ in waiting]
    start = numbers.index(after) + 1 if after in numbers else 0
    for task, image_id in (*waiting[start:], *waiting[:start]):
        if site.may_have(image_id):
            return RedirectResponse(f"/gold/{task}", 303)
    return RedirectResponse("/gold", 303)


@router.get("/last")
def last(site: ASite, expert: Expert) -> Response:
    """Back to what this expert judged last."""
    found = rating.earlier_gold_task(site.store, expert.number)
    return RedirectResponse("/gold" if found is None else f"/gold/{found.task}", 303)


@router.get("/{task}")
def one(request: Request, site: ASite, expert: Expert, task: Task) -> Response:
    """A task to judge, or to correct."""
    return _page(request, site, rating.gold_task(site.store, expert.number, task))


@router.get("/{task}/back")
def back(site: ASite, expert: Expert, task: Task) -> Response:
    """To the task that was judged before; to this one where it is the first."""
    found = rating.earlier_gold_task(site.store, expert.number, task)
    return RedirectResponse(f"/gold/{task if found is None else found.task}", 303)


@router.post("/{task}")
def judge(site: ASite, expert: Expert, task: Task, fields: Fields) -> Response:
    """Store what an expert says; what they said before stands beside it and holds no longer.

    Raises:
        HTTPException: there is no image that they could have seen.
    """
    chosen = rating.gold_task(site.store, expert.number, task)
    check_seal(gold_seal(site, chosen), fields.get("seal"))
    file_to_show(site, chosen.image_id)
    check_can_be_seen(site, chosen.image_id)
    said = answers_in(fields, len(chosen.questions))
    rating.judge(site.store, expert.number, dict(zip(chosen.questions, said, strict=True)))
    return RedirectResponse("/gold/next", 303)


@router.get("/{task}/image/{tag}")
def image(site: ASite, expert: Expert, task: Task, tag: str, size: Size = "screen") -> Response:
    """The image of a chosen task, at an address of this store and this content alone."""
    chosen = rating.gold_task(site.store, expert.number, task)
    check_tag(gold_image(site, chosen), tag)
    return sized(file_to_show(site, chosen.image_id), size)


@router.get("/{task}/image")
def image_of_now(site: ASite, expert: Expert, task: Task, size: Size = "screen") -> Response:
    """To the address of the image.

    Raises:
        HTTPException: there is no file.
    """
    address = gold_image(site, rating.gold_task(site.store, expert.number, task))
    if address is None:
        raise HTTPException(404, "There is no image file.")
    return RedirectResponse(f"{address}?size={size}", 303)


def _page(request: Request, site: Site, chosen: GoldTask) -> Response:
    asked = zip(chosen.labels, chosen.answers, strict=True)
    return render(
        request,
        "gold_task.html",
        task=chosen.task,
        image=gold_image(site, chosen),
        seal=gold_seal(site, chosen),
        shades=shades(site.image_path(chosen.image_id)),
        questions=[class_out(site, label, {chosen.image_id}, said) for label, said in asked],
        is_correction=None not in chosen.answers,
    )


def _overview(
    request: Request, site: Site, expert: rating.Rater, *, status: int = 200, **said: str
) -> Response:
    progress = rating.gold_progress(site.store)
    n_mine = progress.judged.get(expert.name, 0)
    waiting = [image_id for _, image_id in rating.gold_waiting(site.store, expert.number)]
    n_without = sum(not site.may_have(image_id) for image_id in waiting)
    return render(
        request,
        "gold.html",
        status=status,
        progress=progress,
        settings=rating.settings_of(site.store),
        n_mine=n_mine,
        n_left=len(waiting) - n_without,
        n_without=n_without,
        problem=said.get("problem"),
        said=said.get("said"),
    )
