"""The second way to work: one class and a grid of images, as pages with plain forms.

The same questions, leases and answers as task by task; what is left open on a grid comes
back with the next one.
"""

import math
import secrets
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reassess import rating
from reassess.web.access import Active, ASite, Fields, Person
from reassess.web.addresses import check_seal, task_image, task_seal
from reassess.web.languages import marked
from reassess.web.pages import language_in, render
from reassess.web.payloads import answer_in, number, numbers
from reassess.web.pictures import shades
from reassess.web.site import Site
from reassess.web.views import can_be_seen, check_can_be_seen, class_out, class_words, task_out
from reassess.web.wording import CLASS_DONE, FIRST_ONE_BY_ONE, WHY

router = APIRouter(prefix="/sweep", include_in_schema=False)

IMAGES = 24
"""On a grid: two grids must fit into `reassess.web.payloads.MOST_NUMBERS`."""

_CLASSES = 300
_SIZES = {
    1: marked("a few open"),
    10: marked("10 or more open"),
    30: marked("30 or more open"),
    100: marked("100 or more open"),
    300: marked("300 or more open"),
    1000: marked("1,000 or more open"),
}
_LOOK_AGAIN = 600


@dataclass(slots=True)
class ClassSizes:
    """Roughly how many open questions each class has, looked up once in ten minutes.

    Exact counts of now would tell a rater which of their answers are counted, and so which
    questions are surplus gold; so would the order of classes by them.
    """

    looked_at: float = -math.inf
    found: tuple[tuple[int, int], ...] = ()

    def look(self, site: Site) -> tuple[tuple[int, int], ...]:
        """Class and step of `_SIZES`, the largest first."""
        now = site.store.clock()
        if not 0 <= now - self.looked_at < _LOOK_AGAIN:
            counted = rating.grid_classes(site.store, _CLASSES)
            steps = [(label, max(step for step in _SIZES if step <= n)) for label, n in counted]
            self.found = tuple(sorted(steps, key=lambda one: (-one[1], one[0])))
            self.looked_at = now
        return self.found


@router.get("")
def classes(request: Request, site: ASite, person: Person) -> Response:
    """The classes that have open questions, those with most of them first."""
    sizes: ClassSizes = request.app.state.class_sizes
    found = [(label, class_words(site, label), _SIZES[size]) for label, size in sizes.look(site)]
    standing = rating.rater_progress(site.store, person.number)
    may = person.stage == "rating" and not person.is_paused
    return render(request, "grid_classes.html", classes=found, standing=standing, may=may)


@router.get("/{label}")
def grid(
    request: Request, site: ASite, person: Person, label: int, beyond: str = "", before: str = ""
) -> Response:
    """A grid of images. ``beyond``: tasks that the browser has; ``before``: the last grid's."""
    found = rating.next_class_grid(
        site.store, person.number, label, n_images=IMAGES, beyond=numbers(beyond)
    )
    if isinstance(found, rating.NoTask):
        return _idle(request, site, person, label, found)
    return _page(request, site, person, label, found, before=numbers(before))


@router.get("/{label}/again")
def again(request: Request, site: ASite, person: Person, label: int, leases: str = "") -> Response:
    """Images of an earlier grid, to correct what was answered."""
    tasks = [rating.leased_task(site.store, person.number, one) for one in numbers(leases)]
    of_class = tuple(one for one in tasks if one.questions[0].label == label)
    if not of_class:
        return RedirectResponse(f"/sweep/{label}", 303)
    return _page(request, site, person, label, of_class, is_correction=True)


@router.post("/{label}")
def answer(site: ASite, person: Active, label: int, fields: Fields) -> Response:
    """Store what was answered; the rest, where the form says how, likewise."""
    rest, done = answer_in(fields, "rest"), []
    for lease in numbers(fields.get("leases", "")):
        said = answer_in(fields, f"answer-{lease}")
        cannot_see = fields.get(f"answer-{lease}") == "x"
        if said is None and rest is None and not cannot_see:
            continue
        task = rating.leased_task(site.store, person.number, lease)
        if said is not None:
            check_can_be_seen(site, task.image_id)
        elif not cannot_see:
            if not can_be_seen(site, task.image_id):
                continue  # the rest is what shows
            said = rest
        check_seal(task_seal(site, task), fields.get(f"seal-{lease}"))
        took = number(fields.get(f"milliseconds-{lease}", ""))
        asked = task.questions[0].question
        given = () if said is None else (rating.Answer(asked, said, took),)
        key = f"{fields.get('key', '')}-{lease}"
        submission = rating.Submission(lease, key, given, took, cannot_see=cannot_see)
        rating.submit(site.store, person.number, submission)
        done.append(lease)
    before = ",".join(map(str, done))
    return RedirectResponse(f"/sweep/{label}?before={before}", 303)


def _page(
    request: Request,
    site: Site,
    person: rating.Rater,
    label: int,
    tasks: tuple[rating.TaskLease, ...],
    *,
    before: tuple[int, ...] = (),
    is_correction: bool = False,
) -> Response:
    shown = [
        {
            "lease": task.lease,
            "answer": task.questions[0].answer,
            "seal": task_seal(site, task),
            "image": task_image(site, task),
        }
        for task in tasks
    ]
    for task, one in zip(tasks, shown, strict=True):
        if one["image"] is None:
            request.app.state.missing.note(task.image_id)
    is_deep = any(shades(site.image_path(task.image_id)) for task in tasks)
    return render(
        request,
        "grid.html",
        label=label,
        about=class_out(site, label, {task.image_id for task in tasks}),
        tasks=shown,
        is_deep=is_deep,
        seconds_left=min(task_out(site, task).seconds_left for task in tasks),
        leases=",".join(str(task.lease) for task in tasks),
        before=",".join(map(str, before)),
        is_correction=is_correction,
        standing=rating.rater_progress(site.store, person.number),
        key=secrets.token_urlsafe(16),
    )


def _idle(
    request: Request, site: Site, person: rating.Rater, label: int, found: rating.NoTask
) -> Response:
    is_early = found.reason == "not-qualified" and person.stage != "failed"
    title, message = WHY[found.reason]
    if is_early:
        title, message = FIRST_ONE_BY_ONE
    elif found.reason == "complete":
        title, message = CLASS_DONE
    standing = rating.rater_progress(site.store, person.number)
    language = language_in(request)
    return render(
        request,
        "grid_idle.html",
        title=language.say(title),
        message=language.say(message),
        label=label,
        name=class_words(site, label)[0],
        is_early=is_early,
        standing=standing,
    )
