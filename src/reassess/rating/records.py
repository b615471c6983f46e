"""What goes into the store and comes out of it: settings, tasks, answers, receipts, people.

Times are UTC, as milliseconds since 1970 where a column, as `datetime` where a person reads
it. The figures that an owner looks at are in `reassess.rating.figures`. Nothing here may be
sent to a rater but `TaskLease`, `NoTask`, `Receipt` and `RaterProgress`: they hold no original
label, no model's opinion, no other rater's vote, and do not reveal which question is gold.

::

    ReassessError
    └── RatingError
        ├── StoreError         the database is absent, full, busy, too new or not one of ours
        ├── LeaseError         a lease or question that this rater does not hold
        ├── RaterError         a rater who is unknown, paused or lacks the role
        └── InvitationError    an invitation that is unknown, used or out of date
            └── EnrolmentError an address by which somebody may not enrol, and why

The site turns `LeaseError` and `RaterError` into 403 or 404 and `StoreError` into 503. A closed
study is no exception but a `NoTask`; an answer that meets no free slot is a status in its
`Receipt`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reassess.errors import OptionError, ReassessError
from reassess.registry import checks_choices


class RatingError(ReassessError):
    """The root of what the rating store raises on purpose."""


class StoreError(RatingError):
    """Raised where the database is absent, full, busy, too new or not one of ours.

    Nothing of the transaction that raised it was stored.
    """


class LeaseError(RatingError):
    """Raised where a rater names a lease or a question that they do not hold."""


class RaterError(RatingError):
    """Raised where a rater is unknown, paused or has not the role that the act needs."""


class InvitationError(RatingError):
    """Raised where an invitation is unknown, used or out of date."""


Role = Literal["rater", "expert", "owner"]
Channel = Literal["prolific", "mturk", "classroom"]
WhyNotEnrolled = Literal["unknown", "over", "full", "taken", "not-allowed", "no-id"]
Stage = Literal["practice", "qualification", "rating", "failed"]
Reason = Literal["complete", "finished", "wait", "closed", "paused", "not-qualified"]
Status = Literal["stored", "corrected", "unchanged"]


class EnrolmentError(InvitationError):
    """Raised where somebody may not enrol by an address.

    Args:
        reason: ``unknown``: there is no such address; ``over``: it was closed or ran out;
            ``full``: as many have enrolled as may; ``taken``: somebody has this name already;
            ``not-allowed``: they were paused or removed, or are no rater; ``no-id``: the platform
            did not send who they are.
        message: the same in a sentence.
    """

    @checks_choices
    def __init__(self, reason: WhyNotEnrolled, message: str) -> None:
        super().__init__(message)
        self.reason: WhyNotEnrolled = reason


Origin = Literal["made", "migrated", "copied", "rolled back", "restored"]

ORIGINS: tuple[Origin, ...] = ("made", "migrated", "copied", "rolled back", "restored")
ROLES: tuple[Role, ...] = ("rater", "expert", "owner")
CHANNELS: tuple[Channel, ...] = ("prolific", "mturk", "classroom")
STAGES: tuple[Stage, ...] = ("practice", "qualification", "rating", "failed")
LONGEST_NAME = 200
LONGEST_KEY = 100
LONGEST_TEXT = 1_000
QUESTIONS_PER_TASK = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """How a study is rated. Change it with `change_settings`.

    Attributes:
        votes_per_question: k, how many distinct raters answer a question at most; without a
            stopping rule also at least.
        lease_seconds: how long a task stays with a rater who says nothing.
        gold_rate: share of tasks that show gold, at random places.
        repeat_rate: share of tasks that show an earlier task of the same rater again.
        repeat_gap: tasks that lie at least between a task and its repetition.
        n_practice: practice tasks, with feedback, before anything else.
        n_qualification: gold tasks, without feedback, before the first real one.
        qualification_accuracy: balanced accuracy on them that qualifies: the mean of two shares of
            right answers, where the class is in the image and where it is not; a maybe counts half.
        experts_per_gold: how many experts judge a question before it is gold.
        gold_exposure: raters who may have answered a gold task for it still to be hidden among the
            tasks of others, as what many have seen gets around; 0 sets no limit. Its questions get
            their votes all the same, and where all gold is used up, newcomers are tested with it.
        goal: tasks that each rater is asked to answer, which their pages show; 0 shows none.
        budget: counted votes after which nothing more is asked; None sets no limit. Under a
            budget a task leaves out what is clearly less urgent than the rest of its task.

    Raises:
        OptionError: a number is out of range.
    """

    votes_per_question: int = 5
    lease_seconds: int = 900
    gold_rate: float = 0.05
    repeat_rate: float = 0.02
    repeat_gap: int = 20
    n_practice: int = 3
    n_qualification: int = 5
    qualification_accuracy: float = 0.7
    experts_per_gold: int = 3
    gold_exposure: int = 0
    goal: int = 0
    budget: int | None = None

    def __post_init__(self) -> None:
        ranges = (
            ("votes_per_question", self.votes_per_question, 1, 100),
            ("lease_seconds", self.lease_seconds, 1, 30 * 86_400),
            ("gold_rate", self.gold_rate, 0, 0.5),
            ("repeat_rate", self.repeat_rate, 0, 0.5),
            ("repeat_gap", self.repeat_gap, 1, 1_000_000),
            ("n_practice", self.n_practice, 0, 1_000),
            ("n_qualification", self.n_qualification, 0, 1_000),
            ("qualification_accuracy", self.qualification_accuracy, 0, 1),
            ("experts_per_gold", self.experts_per_gold, 1, 100),
            ("gold_exposure", self.gold_exposure, 0, 1_000_000),
            ("goal", self.goal, 0, 1_000_000),
            ("budget", 0 if self.budget is None else self.budget, 0, 2**62),
        )
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise OptionError(
                    f"settings: {name} is {value}, but must lie between {low} and {high}."
                )


@checks_choices
@dataclass(frozen=True, slots=True)
class Identity:
    """Which database a store is.

    Attributes:
        number: rising; a store that was copied or restored has had several.
        store_id: random, and no other live store has it.
        since: when it got it.
        first_lease: leases from this number on, and the votes on them, were given under it.
        origin: ``made`` with the store; ``migrated`` from version 0.1.0, which knew no ids;
            ``copied``, ``rolled back`` or ``restored``: why the store got another one.
    """

    number: int
    store_id: str
    since: datetime
    first_lease: int
    origin: Origin


@checks_choices
@dataclass(frozen=True, slots=True)
class Rater:
    """A person – or a program – who answers, judges or owns the study.

    Attributes:
        number: the number in the store; what the site signs into its cookie.
        name: the rater's id in exported votes.
        role: what they may do.
        stage: how far a rater has come.
        is_paused: whether they get no work for now.
        has_password: whether they can sign in without an invitation.
        epoch: random, and another one after whatever ends their sessions (an invitation that
            they accept, another role, removal); a cookie with an earlier one is void.
        is_removed: whether they may not sign in any more; their votes stay.
        channel: by what they enrolled themselves; None where they were invited.
    """

    number: int
    name: str
    role: Role
    stage: Stage
    is_paused: bool
    has_password: bool
    epoch: str
    is_removed: bool = False
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class TaskQuestion:
    """One question in a task.

    Attributes:
        question: its number in the store.
        label: index of the class that is asked about.
        answer: what this rater has answered so far, 0 no, 1 maybe, 2 yes; None before.
    """

    question: int
    label: int
    answer: int | None


@dataclass(frozen=True, slots=True)
class TaskLease:
    """One image and the questions about it that a rater has leased.

    Attributes:
        lease: number to send back with the answers.
        image_id: the image.
        questions: at most eight, in the order to show.
        until: when the lease runs out.
        is_practice: whether answers are followed by feedback.
        is_answered: whether answers were stored for it already, so that new ones correct them.
        leased_at: when it was leased. With the store's id it tells this lease from one of the
            same number in another database, or in this one before it was restored.
    """

    lease: int
    image_id: str
    questions: tuple[TaskQuestion, ...]
    until: datetime
    is_practice: bool
    is_answered: bool
    leased_at: datetime


@checks_choices
@dataclass(frozen=True, slots=True)
class NoTask:
    """There is no task for this rater now.

    Attributes:
        reason: ``complete``: nothing is left that they could answer; ``finished``: they have
            answered as many tasks as one person may; ``wait``: what is left is leased to others,
            or they hold too many tasks; ``closed``, ``paused``, ``not-qualified``: as they say.
    """

    reason: Reason


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one question.

    Attributes:
        question: its number in the store.
        answer: 0 no, 1 maybe, 2 yes.
        milliseconds: how long it took; None where unknown.
    """

    question: int
    answer: int
    milliseconds: int | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What a rater sends back for a task.

    Attributes:
        lease: the number of the page.
        key: made by the client, new for each submission of a task and the same when it is
            sent again after a lost connection: it is then stored once.
        answers: to any of the page's questions; what is left out goes back to the queue.
            A question answered before is corrected.
        milliseconds: how long the task took; None where unknown.
        something_else: free text, what else is in the image; empty where nothing was said.
        cannot_see: the image did not show; there must be no answers then.
    """

    lease: int
    key: str
    answers: tuple[Answer, ...] = ()
    milliseconds: int | None = None
    something_else: str = ""
    cannot_see: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a submission. Whoever holds it may rely on it: it is durable.

    Attributes:
        lease: the number of the page.
        status: by question: ``stored``; ``corrected``: it replaces an earlier answer;
            ``unchanged``: the earlier answer was the same. Whether an answer is counted, which
            one is not that came after others have given all votes, raters are not told.
        again: whether the same key had been stored before.
        truth: for practice tasks whether the class is in the image, by question; None
            for all others.
        store_id: of the store that holds the answers.
    """

    lease: int
    status: dict[int, Status]
    again: bool
    truth: dict[int, bool] | None
    store_id: str


@dataclass(frozen=True, slots=True)
class RaterProgress:
    """What a rater may know about their own work.

    Attributes:
        n_screens: tasks answered, practice included.
        n_answers: answers given, practice left out.
        seconds: time spent, as the client measured it.
        share_done: votes that all have given, of these and those that may still be asked for, in
            [0, 1]; what is settled is asked no more. In steps of 5 %, and looked up again only
            after every tenth task of theirs: would it move with one answer, it would tell which
            one is not counted, as surplus gold is not.
        n_practice_left: practice tasks that they have not answered yet.
        goal: tasks that they are asked to answer; 0 where there is no such number.
    """

    n_screens: int
    n_answers: int
    seconds: float
    share_done: float
    n_practice_left: int
    goal: int = 0


def is_text(value: str) -> bool:
    """Whether every database can hold a text: no character 0, and nothing but characters."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
