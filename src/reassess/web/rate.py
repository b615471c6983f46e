"""The rating page as pages: forms that work without a script, and the images on them."""

import secrets

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.web.access import Active, ASite, Fields, Person
from reassess.web.addresses import check_seal, check_tag, task_image, task_seal
from reassess.web.join import PROLIFIC_DONE
from reassess.web.pages import language_in, render
from reassess.web.payloads import answer_in, answers_in, number, numbers
from reassess.web.pictures import Size, shades, sized, thumbnail_response
from reassess.web.site import Site
from reassess.web.views import check_can_be_seen, examples_of, file_to_show, receipt_out, task_out
from reassess.web.wording import WHY

router = APIRouter(include_in_schema=False)

WITH_LONG_WORDS = 20
"""Tasks of a rater that explain the answers; from then on they stand there in a word each."""


@router.get("/instructions")
def instructions(request: Request, site: ASite, person: Person) -> Response:
    """What is asked, and how to answer."""
    standing = rating.rater_progress(site.store, person.number)
    settings = rating.settings_of(site.store)
    own = site.instructions.html(language_in(request).code) if site.instructions else ""
    return render(
        request, "instructions.html", standing=standing, settings=settings, own_instructions=own
    )


@router.get("/rate")
def rate(request: Request, site: ASite, person: Person, beyond: str = "") -> Response:
    """The next task, or why there is none. ``beyond``: tasks that the browser has."""
    having = numbers(beyond)
    found = rating.next_task(site.store, person.number, beyond=having)
    if isinstance(found, rating.NoTask):
        title, message = map(language_in(request).say, WHY[found.reason])
        nothing_left = found.reason in ("complete", "closed")
        completion = rating.completion(site.store, person.number, nothing_left=nothing_left)
        standing = rating.rater_progress(site.store, person.number)
        return render(
            request, "idle.html", title=title, message=message, why=found.reason,
            standing=standing, completion=completion, prolific=PROLIFIC_DONE,
        )  # fmt: skip
    return _task_page(request, site, person, found)


@router.get("/rate/last")
def last(site: ASite, person: Person) -> Response:
    """Back to what was answered last."""
    found = rating.earlier_task(site.store, person.number)
    return RedirectResponse("/rate" if found is None else f"/rate/{found.lease}", 303)


@router.get("/rate/{lease}")
def one(request: Request, site: ASite, person: Person, lease: int) -> Response:
    """A task that the rater holds or held, to correct it."""
    found = rating.leased_task(site.store, person.number, lease)
    return _task_page(request, site, person, found)


@router.get("/rate/{lease}/back")
def back(site: ASite, person: Person, lease: int) -> Response:
    """To the task that was answered before; to this one where it is the first."""
    found = rating.earlier_task(site.store, person.number, lease)
    return RedirectResponse(f"/rate/{lease if found is None else found.lease}", 303)


@router.post("/rate/{lease}")
def answer(request: Request, site: ASite, person: Active, lease: int, fields: Fields) -> Response:
    """Store the answers of a form; practice is followed by feedback."""
    task = rating.leased_task(site.store, person.number, lease)
    check_seal(task_seal(site, task), fields.get("seal"))
    cannot_see = "cannot_see" in fields
    given = [] if cannot_see else _answers(task, fields)
    if given:
        check_can_be_seen(site, task.image_id)
    submission = rating.Submission(
        lease, fields.get("key", ""), tuple(given), number(fields.get("milliseconds", "")),
        fields.get("something_else", ""), cannot_see,
    )  # fmt: skip
    receipt = rating.submit(site.store, person.number, submission)
    if receipt.truth is None:
        return RedirectResponse("/rate", 303)
    standing = rating.rater_progress(site.store, person.number)
    now = rating.leased_task(site.store, person.number, lease)
    result = receipt_out(task, receipt, standing)
    shown = task_out(site, now)
    grey = shades(site.image_path(now.image_id))
    return render(
        request, "feedback.html", task=shown, shades=grey, truth=result.truth, standing=standing
    )


@router.post("/pause")
def pause(site: ASite, person: Active, fields: Fields) -> Response:
    """Give back the tasks that the browser holds, and rest."""
    for lease in numbers(fields.get("leases", "")):
        rating.return_task(site.store, person.number, lease)
    return RedirectResponse("/paused", 303)


@router.get("/paused")
def paused(request: Request, site: ASite, person: Person) -> Response:
    """A rest."""
    standing = rating.rater_progress(site.store, person.number)
    return render(request, "paused.html", standing=standing)


@router.get("/screens/{lease}/image")
def image(site: ASite, person: Person, lease: int, of: str = "", size: Size = "screen") -> Response:
    """The image of a task that the rater holds or held; nobody names an image by its id.

    Browsers may keep it, as its address is ``of`` this store, this lease and this content alone.
    Without ``of``, as programs ask, it leads to that address; browsers keep no redirection.

    Raises:
        HTTPException: there is no file.
    """
    found = rating.leased_task(site.store, person.number, lease)
    address = task_image(site, found)
    if not of and address is None:
        raise HTTPException(404, "There is no image file.")
    if not of:
        return RedirectResponse(f"{address}&size={size}", 303)
    check_tag(address, of)
    return sized(file_to_show(site, found.image_id), size)


@router.get("/examples/{label}/{tag}")
def example(site: ASite, _: Person, label: int, tag: str) -> Response:
    """A small image of a class's examples.

    Raises:
        HTTPException: the class has no such example.
    """
    image_id = examples_of(site, label).get(tag)
    if image_id is None:
        raise HTTPException(404, "There is no such example.")
    return thumbnail_response(file_to_show(site, image_id))


def _task_page(
    request: Request, site: Site, person: rating.Rater, task: rating.TaskLease
) -> Response:
    standing = rating.rater_progress(site.store, person.number)
    shown = task_out(site, task)
    if shown.image is None:
        request.app.state.missing.note(task.image_id)
    key = secrets.token_urlsafe(16)
    return render(
        request,
        "rate.html",
        task=shown,
        shades=shades(site.image_path(task.image_id)),
        has_words=any(one.definition or one.synonyms or one.examples for one in shown.questions),
        standing=standing,
        n_with_long_words=WITH_LONG_WORDS,
        key=key,
    )


def _answers(task: rating.TaskLease, fields: dict[str, str]) -> list[rating.Answer]:
    """The answers of a form, with the time that each took."""
    rest = answer_in(fields, "rest")
    if rest is not None:
        names = [f"answer-{place}" for place in range(len(task.questions))]
        fields = {name: str(rest) for name in names} | fields
    said = answers_in(fields, len(task.questions))
    return [
        rating.Answer(question.question, value, number(fields.get(f"milliseconds-{place}", "")))
        for place, (question, value) in enumerate(zip(task.questions, said, strict=True))
    ]
