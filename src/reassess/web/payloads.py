"""What the JSON endpoints take and give. Nothing here tells of originals, gold or others' votes.

A question is named by its place on the screen, 0 first: its number in the store would tell
when it was added, and so perhaps why.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from reassess.rating.records import LONGEST_KEY, LONGEST_TEXT, QUESTIONS_ON_A_SCREEN, Status, Why

LARGEST_NUMBER = 2**53 - 1
"""Of a lease: what JSON can carry everywhere."""

Lease = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
Milliseconds = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Model(BaseModel):
    """Strict: nothing but what is described."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Beyond(Model):
    """Which screens a client has already, to get another one."""

    beyond: list[Lease] = Field(default=[], max_length=50)


class QuestionOut(Model):
    """One question on a screen, as its rater sees it."""

    name: str
    synonyms: str
    definition: str
    examples: list[str]
    answer: Literal[0, 1, 2] | None


class ScreenOut(Model):
    """One image and the questions about it."""

    kind: Literal["screen"] = "screen"
    lease: Lease
    image: str | None
    questions: list[QuestionOut]
    seconds_left: int
    is_practice: bool
    is_answered: bool
    labels: list[str]
    """Of the image, in a study that is about labels; else none are told."""


class IdleOut(Model):
    """There is no screen, and why."""

    kind: Literal["idle"] = "idle"
    why: Why
    message: str


class AnswerIn(Model):
    """One answer: 0 no, 1 maybe, 2 yes."""

    place: int = Field(ge=0, lt=QUESTIONS_ON_A_SCREEN)
    answer: Literal[0, 1, 2]
    milliseconds: Milliseconds | None = None


class SubmissionIn(Model):
    """What is sent back for a screen; the same key again is stored once."""

    key: str = Field(min_length=1, max_length=LONGEST_KEY)
    answers: list[AnswerIn] = Field(default=[], max_length=QUESTIONS_ON_A_SCREEN)
    milliseconds: Milliseconds | None = None
    something_else: str = Field(default="", max_length=LONGEST_TEXT)
    cannot_see: bool = False


class StandingOut(Model):
    """What a rater may know about his work."""

    n_screens: int
    n_answers: int
    seconds: float
    share_done: float
    n_practice_left: int


class ReceiptOut(Model):
    """What became of a submission; ``status`` and ``truth`` by place, ``truth`` for practice."""

    lease: int
    status: dict[int, Status]
    again: bool
    truth: dict[int, bool] | None
    standing: StandingOut


class SessionOut(Model):
    """Who is signed in, and the token that posts need in the header ``X-CSRF-Token``."""

    name: str
    role: Literal["rater", "expert", "owner"]
    csrf: str


class ProgressOut(Model):
    """How far the study has come; for owners."""

    n_images: int
    n_questions: int
    n_done: int
    n_votes: int
    n_votes_wanted: int
    n_votes_left: int
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
    last_seen: str | None


class Problem(Model):
    """Why a request was refused."""

    detail: str
