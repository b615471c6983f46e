"""The rating page as JSON, for the page's script and for programs; described by OpenAPI."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.exceptions import HTTPException
from starlette.requests import Request

from reassess import rating
from reassess.web.access import Active, ASession, ASite, Owner, Person, sessions_in, token_in
from reassess.web.addresses import check_seal, task_seal
from reassess.web.pages import language_in
from reassess.web.payloads import (
    LARGEST_NUMBER,
    Beyond,
    HeldOut,
    IdleOut,
    Kept,
    Problem,
    ProgressOut,
    RaterOut,
    ReceiptOut,
    SessionOut,
    ShareOut,
    StandingOut,
    SubmissionIn,
    TaskOut,
)
from reassess.web.views import check_can_be_seen, receipt_out, standing_out, task_out
from reassess.web.wording import WHY

_REFUSALS: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "The body cannot be read."},
    401: {"model": Problem, "description": "Nobody is signed in."},
    403: {"model": Problem, "description": "No CSRF token, no consent, paused, or the wrong role."},
    404: {"model": Problem, "description": "No such task, or another rater's."},
    409: {"model": Problem, "description": "The seal is another lease's: nothing was stored."},
    413: {"model": Problem, "description": "The body is too large."},
    422: {"model": Problem, "description": "What was sent is not as described."},
    503: {"model": Problem, "description": "The database is busy: nothing stored, send it again."},
}
router = APIRouter(prefix="/api", responses=_REFUSALS)
Lease = Annotated[int, Path(ge=1, le=LARGEST_NUMBER, description="Number of a task lease.")]
WithToken = [Depends(token_in)]


@router.get("/session")
def session(request: Request, session: ASession, person: Person) -> SessionOut:
    """Who is signed in, and the token for posts."""
    sessions = sessions_in(request)
    token, store = sessions.token(session), sessions.site.mark
    return SessionOut(name=person.name, role=person.role, csrf=token, store=store)


@router.get("/standing")
def rater_progress(site: ASite, person: Person) -> StandingOut:
    """How much the rater has done, and the study with them."""
    return standing_out(rating.rater_progress(site.store, person.number))


@router.post("/screens/next", dependencies=WithToken)
def next_task(request: Request, site: ASite, person: Person, having: Beyond) -> TaskOut | IdleOut:
    """The next task, leased to the rater, or why there is none."""
    found = rating.next_task(site.store, person.number, beyond=tuple(having.beyond))
    if isinstance(found, rating.NoTask):
        message = language_in(request).say(WHY[found.reason][1])
        return IdleOut(why=found.reason, message=message)
    return task_out(site, found)


@router.post("/screens/keep", dependencies=WithToken)
def keep(site: ASite, person: Active, given: Kept) -> HeldOut:
    """Keep tasks as long as their page is open; one that ran out is held again where it can be."""
    return HeldOut(held=list(rating.keep_tasks(site.store, person.number, given.leases)))


@router.get("/screens/{lease}")
def task(site: ASite, person: Person, lease: Lease) -> TaskOut:
    """A task that the rater holds or held, with their answers."""
    return task_out(site, rating.leased_task(site.store, person.number, lease))


@router.get("/screens/{lease}/earlier")
def earlier(site: ASite, person: Person, lease: Lease) -> TaskOut | None:
    """The task that the rater answered before another; null before the first."""
    found = rating.earlier_task(site.store, person.number, lease)
    return None if found is None else task_out(site, found)


@router.post("/screens/{lease}/answers", dependencies=WithToken)
def answers(site: ASite, person: Active, lease: Lease, given: SubmissionIn) -> ReceiptOut:
    """Store answers. They are durable once the receipt is there.

    Raises:
        HTTPException: an answer names a place that the task does not have, the seal is another
            lease's, or the image cannot be shown.
    """
    asked = rating.leased_task(site.store, person.number, lease)
    check_seal(task_seal(site, asked), given.seal)
    if any(answer.place >= len(asked.questions) for answer in given.answers):
        raise HTTPException(422, f"The task has {len(asked.questions)} questions only.")
    if given.answers:
        check_can_be_seen(site, asked.image_id)
    submission = rating.Submission(
        lease,
        given.key,
        tuple(
            rating.Answer(asked.questions[a.place].question, a.answer, a.milliseconds)
            for a in given.answers
        ),
        given.milliseconds,
        given.something_else,
        given.cannot_see,
    )
    receipt = rating.submit(site.store, person.number, submission)
    return receipt_out(asked, receipt, rating.rater_progress(site.store, person.number))


@router.post("/screens/{lease}/return", dependencies=WithToken, status_code=204)
def give_back(site: ASite, person: Active, lease: Lease) -> None:
    """Give a task back unanswered."""
    rating.return_task(site.store, person.number, lease)


@router.get("/owner/progress")
def progress(site: ASite, _: Owner) -> ProgressOut:
    """How far the study has come."""
    known = rating.study_progress(site.store)
    found = asdict(known)
    end = found.pop("expected_end")
    return ProgressOut(
        **found,
        share_done=known.share_done,
        expected_end=None if end is None else end.isoformat(),
    )


@router.get("/owner/raters")
def rater_table(site: ASite, _: Owner) -> list[RaterOut]:
    """Every rater's figures."""
    return [_rater_out(figures) for figures in rating.rater_table(site.store)]


def _rater_out(figures: rating.RaterFigures) -> RaterOut:
    return RaterOut(
        number=figures.number,
        name=figures.name,
        role=figures.role,
        stage=figures.stage,
        is_paused=figures.is_paused,
        is_aside=figures.is_excluded,
        n_screens=figures.n_screens,
        n_answers=figures.n_answers,
        answers_per_hour=figures.answers_per_hour,
        seconds_per_answer=figures.seconds_per_answer,
        precision=_share_out(figures.precision),
        recall=_share_out(figures.recall),
        gold_accuracy=_share_out(figures.gold_accuracy),
        agreement=_share_out(figures.agreement),
        self_agreement=_share_out(figures.self_agreement),
        drift=figures.drift,
        is_suspicious=figures.is_suspicious,
        fails_gold=figures.fails_gold,
        last_seen=None if figures.last_seen is None else figures.last_seen.isoformat(),
    )


def _share_out(share: rating.Share) -> ShareOut:
    return ShareOut(n=share.n, of=share.of, low=share.low, high=share.high)
