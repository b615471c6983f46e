"""A task of the store as its rater sees it: words for classes, addresses for images."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from starlette.exceptions import HTTPException

from reassess import rating
from reassess.web.addresses import contested_image, example_tag, image_code, task_image, task_seal
from reassess.web.payloads import QuestionOut, ReceiptOut, StandingOut, TaskOut
from reassess.web.pictures import picture
from reassess.web.site import Site
from reassess.web.wording import NOTHING_TO_SEE

EXAMPLES = 4
"""Shown a class. Hand in one more, and the image itself can be left out unnoticed."""


_ROWS = 4


def task_out(site: Site, task: rating.TaskLease) -> TaskOut:
    """What a rater may know of a task: no id of its image, no number of a question."""
    left = (task.until - datetime.fromtimestamp(site.store.clock(), UTC)).total_seconds()
    return TaskOut(
        lease=task.lease,
        seal=task_seal(site, task),
        image=task_image(site, task),
        questions=[
            class_out(site, question.label, {task.image_id}, question.answer)
            for question in task.questions
        ],
        seconds_left=max(0, int(left)),
        is_practice=task.is_practice,
        is_answered=task.is_answered,
        labels=[class_words(site, k)[0] for k in site.shown_labels.get(task.image_id, ())],
    )


def file_to_show(site: Site, image_id: str) -> Path | None:
    """The file of an image; None where it has none.

    Raises:
        HTTPException: the image is withdrawn, and so shown to nobody.
    """
    if rating.is_withdrawn(site.store, image_id):
        raise HTTPException(410, "This image was withdrawn from the study.")
    return site.image_path(image_id)


def check_can_be_seen(site: Site, image_id: str) -> None:
    """Nothing, where an image has a file that can be shown, and so can be answered about.

    Raises:
        HTTPException: nobody can have seen it.
    """
    if not can_be_seen(site, image_id):
        raise HTTPException(422, NOTHING_TO_SEE)


def can_be_seen(site: Site, image_id: str) -> bool:
    """Whether an image has a file that can be shown; a look at what is known, if it was tried."""
    path = site.image_path(image_id) if site.may_have(image_id) else None
    if site.image_check is not None:
        return site.image_check.problem(image_id, path) is None
    return picture(path, "screen") is not None  # which was just sent, and so is at hand


def class_words(site: Site, label: int) -> tuple[str, str, str]:
    """Name, synonyms and definition of a class; its index where there are none."""
    if site.classes is None or not 0 <= label < len(site.classes):
        return f"class {label}", "", ""
    synonyms = site.classes.synonyms[label].replace(";", ",")
    return site.classes.names[label], synonyms, site.classes.definitions[label]


def examples_of(site: Site, label: int) -> dict[str, str]:
    """Image id by tag, of a class's examples."""
    tags = ((example_tag(site, image_id), image_id) for image_id in site.exemplars.get(label, ()))
    return {tag: image_id for tag, image_id in tags if tag is not None}


def receipt_out(
    task: rating.TaskLease, receipt: rating.Receipt, standing: rating.RaterProgress
) -> ReceiptOut:
    """What a rater may know of their submission, by places instead of numbers."""
    place = {question.question: i for i, question in enumerate(task.questions)}
    truth = receipt.truth
    return ReceiptOut(
        lease=receipt.lease,
        status={place[number]: status for number, status in receipt.status.items()},
        again=receipt.again,
        store=receipt.store_id,
        truth=None if truth is None else {place[number]: is_in for number, is_in in truth.items()},
        standing=standing_out(standing),
    )


def standing_out(standing: rating.RaterProgress) -> StandingOut:
    """What a rater may know about their work."""
    return StandingOut(
        n_screens=standing.n_screens,
        n_answers=standing.n_answers,
        seconds=standing.seconds,
        share_done=standing.share_done,
        n_practice_left=standing.n_practice_left,
        goal=standing.goal,
    )


def class_out(
    site: Site, label: int, beside: Collection[str], answer: int | None = None
) -> QuestionOut:
    """A class as its rater sees it; none of its examples is one of the images beside it."""
    name, synonyms, definition = class_words(site, label)
    tags = [tag for tag, image_id in examples_of(site, label).items() if image_id not in beside]
    return QuestionOut(
        name=name,
        synonyms=synonyms,
        definition=definition,
        examples=[f"{site.root_path}/examples/{label}/{tag}" for tag in tags[:EXAMPLES]],
        answer=_answer(answer),
    )


def _answer(value: int | None) -> Literal[0, 1, 2] | None:
    if value is None:
        return None
    return 0 if value == 0 else 1 if value == 1 else 2


def gallery_entry(site: Site, counts: rating.ImageCounts) -> dict[str, object]:
    """An image with the votes of its most contested questions; for owners and experts."""
    by_split = sorted(counts.questions, key=lambda q: max(_votes(q)) - sum(_votes(q)))
    rows = [(class_words(site, q.label)[0], *_votes(q)) for q in by_split[:_ROWS]]
    code = image_code(site, counts.image)
    return {
        "code": code,
        "address": f"{site.root_path}/adjudicate/{code}",
        "image": contested_image(site, counts),
        "rows": rows,
        "n_more": len(by_split) - len(rows),
    }


def _votes(question: rating.QuestionCounts) -> tuple[int, int, int]:
    return question.n_yes, question.n_maybe, question.n_no
