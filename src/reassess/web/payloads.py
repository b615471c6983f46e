"""What forms and JSON endpoints take and give: nothing of originals, gold or others' votes.

A question is named by its place on the page, 0 first: its number in the store would tell
when it was added, and so perhaps why.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from reassess.rating.records import LONGEST_KEY, LONGEST_TEXT, QUESTIONS_PER_TASK, Reason, Status

MOST_NUMBERS = 50
"""Numbers that a form's field lists, at most; whatever else a form says is passed over."""

LARGEST_NUMBER = 2**53 - 1
"""Of a lease: what JSON can carry everywhere."""

Lease = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
Milliseconds = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Model(BaseModel):
    """Strict: nothing but what is described."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Beyond(Model):
    """Which tasks a client has already, to get another one."""

    beyond: list[Lease] = Field(default=[], max_length=50)


class Kept(Model):
    """Tasks that a page shows, or that a client holds."""

    leases: list[Lease] = Field(max_length=MOST_NUMBERS * 2)


class HeldOut(Model):
    """Those of the tasks that the rater holds from now on."""

    held: list[int]


class QuestionOut(Model):
    """One question in a task, as its rater sees it."""

    name: str
    synonyms: str
    definition: str
    examples: list[str]
    answer: Literal[0, 1, 2] | None


class TaskOut(Model):
    """One image and the questions about it."""

    kind: Literal["screen"] = "screen"
    lease: Lease
    seal: str
    """Of this very lease; sent back with the answers, it keeps them from any other database."""
    image: str | None
    questions: list[QuestionOut]
    seconds_left: int
    is_practice: bool
    is_answered: bool
    labels: list[str]
    """Of the image, in a study that is about labels; else none are told."""


class IdleOut(Model):
    """There is no task, and why."""

    kind: Literal["idle"] = "idle"
    why: Reason
    message: str


class AnswerIn(Model):
    """One answer: 0 no, 1 maybe, 2 yes."""

    place: int = Field(ge=0, lt=QUESTIONS_PER_TASK)
    answer: Literal[0, 1, 2]
    milliseconds: Milliseconds | None = None


class SubmissionIn(Model):
    """What is sent back for a task; the same key again is stored once."""

    key: str = Field(min_length=1, max_length=LONGEST_KEY)
    answers: list[AnswerIn] = Field(default=[], max_length=QUESTIONS_PER_TASK)
    milliseconds: Milliseconds | None = None
    something_else: str = Field(default="", max_length=LONGEST_TEXT)
    cannot_see: bool = False
    seal: str = Field(default="", max_length=100)
    """The task's; where it is given and is another lease's, nothing is stored (409)."""


class StandingOut(Model):
    """What a rater may know about their work."""

    n_screens: int
    n_answers: int
    seconds: float
    share_done: float
    n_practice_left: int
    goal: int


class ReceiptOut(Model):
    """What became of a submission; ``status`` and ``truth`` by place, ``truth`` for practice."""

    lease: int
    status: dict[int, Status]
    again: bool
    truth: dict[int, bool] | None
    store: str
    """Id of the store that holds the answers."""
    standing: StandingOut


class SessionOut(Model):
    """Who is signed in, and the token that posts need in the header ``X-CSRF-Token``."""

    name: str
    role: Literal["rater", "expert", "owner"]
    csrf: str
    store: str
    """What pages and cookies call the store; another one where another study is here now."""


class ProgressOut(Model):
    """How far the study has come; for owners."""

    n_images: int
    n_questions: int
    n_done: int
    n_votes: int
    n_votes_wanted: int
    n_votes_left: int
    n_unassignable: int
    """Questions that still need votes, and that no rater who is there can be asked."""
    share_done: float
    n_answers: int
    n_gold: int
    n_leases: int
    votes_per_hour: float | None
    expected_end: str | None
    is_closed: bool


class ShareOut(Model):
    """A proportion with its 95 % interval."""

    n: int
    of: int
    low: float
    high: float


class RaterOut(Model):
    """One line of the rater table; for owners."""

    number: int
    name: str
    role: str
    stage: str
    is_paused: bool
    is_aside: bool
    n_screens: int
    n_answers: int
    answers_per_hour: float | None
    seconds_per_answer: float | None
    precision: ShareOut
    recall: ShareOut
    gold_accuracy: ShareOut
    agreement: ShareOut
    self_agreement: ShareOut
    drift: float | None
    is_suspicious: bool
    fails_gold: bool
    last_seen: str | None


class Problem(Model):
    """Why a request was refused."""

    detail: str


def number(text: str) -> int | None:
    """A number that is not negative; None where the text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def numbers(text: str) -> tuple[int, ...]:
    """Numbers between commas, as many as a browser can hold; whatever else is passed over."""
    found = (number(part) for part in text.split(",")[:MOST_NUMBERS])
    return tuple(one for one in found if one is not None)


def answer_in(fields: dict[str, str], name: str) -> int | None:
    """The answer 0, 1 or 2 that a field holds; None where it holds none."""
    said = fields.get(name, "")
    return int(said) if said in ("0", "1", "2") else None


def answers_in(fields: dict[str, str], n_questions: int) -> list[int]:
    """The answers of ``answer-0``, ``answer-1``, …, one for each question.

    Raises:
        HTTPException: a question is unanswered, or an answer is none.
    """
    given = [answer_in(fields, f"answer-{place}") for place in range(n_questions)]
    for place, said in enumerate(given):
        if said is None:
            raise HTTPException(422, f"Question {place + 1} is not answered. Go back to answer it.")
    return [said for said in given if said is not None]
