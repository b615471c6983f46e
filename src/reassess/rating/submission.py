"""Answers in: each stored once, durable when `submit` returns, never more than k counted.

Everything happens in one transaction under the task's lock: the submission, its votes, the
slots that they take, what the stopping rule makes of them, and the counters.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from reassess.errors import DataError
from reassess.rating.database import AnyRow
from reassess.rating.leases import LEASE, round_of, theirs
from reassess.rating.records import (
    LONGEST_KEY,
    LONGEST_TEXT,
    Answer,
    LeaseError,
    RaterError,
    Receipt,
    Status,
    Submission,
    is_text,
)
from reassess.rating.round_trip import Step, insert_rows, send, send_last
from reassess.rating.schema import (
    ANSWERED,
    GOLD,
    OPEN,
    PRACTICE,
    QUALIFICATION,
    RATING,
    UNSEEN,
    activity,
    leases,
    questions,
    raters,
    submissions,
    votes,
)
from reassess.rating.state import TaskState, locked_task_of, task_state
from reassess.rating.store import Store
from reassess.rating.surplus import fill_freed

FAST = 500
"""Milliseconds: whoever answers faster can hardly have looked."""

LONGEST = 3_600_000
_HOUR = 3_600_000

_SENT = select(submissions.c.number, submissions.c.key).where(
    submissions.c.lease == bindparam("lease")
)
_asked = (
    select(questions.c.id)
    .join(leases, leases.c.task == questions.c.task)
    .where(leases.c.id == bindparam("lease"))
)
_OWN = (
    select(
        votes.c.question, votes.c.round, votes.c.version, votes.c.answer, votes.c.lease,
        votes.c.submission, votes.c.n_compared, votes.c.n_agreed,
    )
    .where(votes.c.question.in_(_asked), votes.c.rater == bindparam("rater"))
    .order_by(votes.c.question, votes.c.version)
)  # fmt: skip
_END = (
    update(leases)
    .where(leases.c.id == bindparam("b_lease"))
    .values(
        state=bindparam("new_state"), ended_at=func.coalesce(leases.c.ended_at, bindparam("b_now"))
    )
)
_TALLIED = (
    "n_screens", "n_answers", "n_counted", "n_timed", "n_fast", "milliseconds", "n_compared",
    "n_agreed",
)  # fmt: skip
_SUMMED = ("n_screens", "n_answers", "n_counted", "milliseconds")
_INSERT = insert_rows(
    submissions, "lease", "number", "key", "given_at", "milliseconds", "something_else"
)
_INSERT_VOTES = insert_rows(
    votes, "question", "rater", "round", "version", "replaces", "answer", "purpose", "given_at",
    "milliseconds", "lease", "submission", "n_compared", "n_agreed",
)  # fmt: skip
_TALLY = (
    update(raters)
    .where(raters.c.id == bindparam("r"))
    .values({name: raters.c[name] + bindparam(f"d_{name}") for name in _TALLIED})
)


def _upsert(of_dialect: Any) -> Any:
    """Add to the hour's row of a rater, or make it."""
    names = ("rater", "hour", *_SUMMED)
    added = of_dialect.insert(activity).values({name: bindparam(f"b_{name}") for name in names})
    return added.on_conflict_do_update(
        index_elements=["rater", "hour"],
        set_={name: activity.c[name] + added.excluded[name] for name in _SUMMED},
    )


_UPSERT = {"sqlite": _upsert(sqlite), "postgresql": _upsert(postgresql)}


@dataclass(slots=True)
class _Own:
    """The latest version of this rater's answer to a question."""

    version: int
    answer: int
    n_compared: int
    n_agreed: int


@dataclass(slots=True)
class _Work:
    """A submission on its way into the database."""

    submission: Submission
    rater: int
    row: AnyRow
    state: TaskState
    number: int
    now: int
    own: dict[int, _Own]
    votes: list[dict[str, int | None]] = field(default_factory=list)
    status: dict[int, Status] = field(default_factory=dict)
    tally: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TALLIED, 0))


def submit(store: Store, rater: int, submission: Submission) -> Receipt:
    """What became of the answers to a task, once they are durable.

    The same key again gives the same receipt and stores nothing. A new key in a task that
    was answered corrects it. After the lease ran out an answer is counted where a slot is
    still free. Tasks leased before the study was closed are accepted.

    Args:
        store: the study.
        rater: the rater's number.
        submission: the answers.

    Raises:
        LeaseError: the task is unknown or another rater's, or an answer is to a question
            that is not on it.
        RaterError: the rater is unknown or paused.
        DataError: an answer is none of 0, 1, 2, a text or key is too long, or a question
            stands there twice.
        StoreError: the database cannot be written; nothing was stored: send it again.
    """
    _check(submission)
    return store.database.write(lambda connection: _submit(store, connection, rater, submission))


def _submit(store: Store, connection: Connection, rater: int, submission: Submission) -> Receipt:
    if abs(submission.lease) >= 2**63:
        theirs([], rater, submission.lease)
    found = send(
        connection,
        *locked_task_of(connection, submission.lease),
        (LEASE, {"lease": submission.lease}),
        (_SENT, {"lease": submission.lease}),
        (_OWN, {"lease": submission.lease, "rater": rater}),
    )
    loaded, held, sent, voted = found[-4:]
    row = theirs(held, rater, submission.lease)
    _check_fits(submission, row)
    state = task_state(loaded)
    own = [vote for vote in voted if vote.round == round_of(row.purpose)]
    for earlier in sent:
        if earlier.key == submission.key:
            return _receipt_again(store, row, state, submission, own, earlier.number)
    if row.barred_at is not None:
        raise RaterError(
            "you are paused or removed, and your tasks went back. Ask the study's owner."
        )
    work = _Work(submission, rater, row, state, len(sent), store.now(), _latest(own))
    for answer in submission.answers:
        _answer(work, answer)
    _return_the_rest(connection, work)
    send_last(connection, *_steps(store, connection, work))
    feedback = _feedback(row, state, work.status)
    return Receipt(row.id, work.status, False, feedback, store.identity.store_id)


def _steps(store: Store, connection: Connection, work: _Work) -> list[Step]:
    """Statements that write a submission down."""
    return [
        (_INSERT, [_submission_row(work)]),
        (_INSERT_VOTES, work.votes),
        *work.state.changes(store, connection),
        *_end(work),
        *_count(connection, work),
    ]


def _answer(work: _Work, given: Answer) -> None:
    """Store one answer or correct one.

    One that came too late for a place is stored all the same, and not counted, as gold beyond k
    votes is: were it refused, raters could tell gold by it.
    """
    before = work.own.get(given.question)
    if before is not None and before.answer == given.answer:
        work.status[given.question] = "unchanged"
        return
    slotted = False
    if work.row.purpose in (RATING, GOLD):
        held = work.state.questions[given.question].place_of(work.rater) is not None
        slotted = held if before is not None else work.state.take(given.question, work.rater)
    elif before is not None and work.row.purpose == QUALIFICATION:
        slotted = work.state.questions[given.question].place_of(work.rater) is not None
    n_compared, n_agreed = _agreement(work, given)
    version = 0 if before is None else before.version + 1
    work.votes.append(
        {
            "question": given.question,
            "rater": work.rater,
            "round": round_of(work.row.purpose),
            "version": version,
            "replaces": None if before is None else before.version,
            "answer": given.answer,
            "purpose": work.row.purpose,
            "given_at": work.now,
            "milliseconds": _sane(given.milliseconds),
            "lease": work.row.id,
            "submission": work.number,
            "n_compared": n_compared,
            "n_agreed": n_agreed,
        }
    )
    if slotted:
        work.state.count(given.question, work.rater, version, given.answer)
    work.status[given.question] = "stored" if before is None else "corrected"
    _tally(work, given, before, (n_compared, n_agreed), slotted=slotted)


def _agreement(work: _Work, given: Answer) -> tuple[int, int]:
    """With how many counted votes of others an answer can be compared, and agrees."""
    if work.row.purpose not in (RATING, GOLD, QUALIFICATION):
        return 0, 0
    others = [
        slot.answer
        for slot in work.state.questions[given.question].slots.values()
        if slot.answer is not None and slot.rater != work.rater
    ]
    return len(others), others.count(given.answer)


def _tally(
    work: _Work, given: Answer, before: _Own | None, agreement: tuple[int, int], *, slotted: bool
) -> None:
    work.tally["n_compared"] += agreement[0] - (0 if before is None else before.n_compared)
    work.tally["n_agreed"] += agreement[1] - (0 if before is None else before.n_agreed)
    if before is not None or work.row.purpose == PRACTICE:
        return
    work.tally["n_answers"] += 1
    work.tally["n_counted"] += slotted
    took = _sane(given.milliseconds)
    if took is None and work.submission.milliseconds is not None:
        took = (_sane(work.submission.milliseconds) or 0) // len(work.submission.answers)
    if took is not None:
        work.tally["n_timed"] += 1
        work.tally["n_fast"] += took < FAST
        work.tally["milliseconds"] += took


def _return_the_rest(connection: Connection, work: _Work) -> None:
    """Give leased slots back that got no answer."""
    if work.row.purpose not in (RATING, GOLD):
        return
    answered = {answer.question for answer in work.submission.answers}
    rest = [number for number in work.row.questions if number not in answered]
    freed = [number for number in rest if work.state.free(number, work.rater)]
    if freed:
        fill_freed(connection, work.state, freed)


def _end(work: _Work) -> list[Step]:
    """Close the lease; what was once answered stays so."""
    state = work.row.state
    if work.submission.cannot_see and state != ANSWERED:
        state = UNSEEN
    elif work.status or state == OPEN:
        state = ANSWERED
    if state == ANSWERED and work.row.state != ANSWERED:
        work.tally["n_screens"] += 1
    if state == work.row.state:
        return []
    return [(_END, {"b_lease": work.row.id, "new_state": state, "b_now": work.now})]


def _count(connection: Connection, work: _Work) -> list[Step]:
    """Add to what the rater has done, in all and in this hour."""
    if not any(work.tally.values()):
        return []
    tally = {f"d_{name}": n for name, n in work.tally.items()}
    steps: list[Step] = [(_TALLY, {"r": work.rater} | tally)]
    if work.tally["n_screens"] or work.tally["n_answers"]:
        row = {"b_rater": work.rater, "b_hour": work.now // _HOUR}
        row |= {f"b_{name}": work.tally[name] for name in _SUMMED}
        steps.append((_UPSERT[connection.dialect.name], row))
    return steps


def _receipt_again(
    store: Store,
    row: AnyRow,
    state: TaskState,
    submission: Submission,
    own: Sequence[AnyRow],
    number: int,
) -> Receipt:
    """The receipt of a submission that is there already, made from what it stored."""
    stored = {
        vote.question: vote.version
        for vote in own
        if vote.lease == row.id and vote.submission == number
    }
    status: dict[int, Status] = {}
    for answer in submission.answers:
        version = stored.get(answer.question)
        if version is not None:
            status[answer.question] = "stored" if version == 0 else "corrected"
        else:
            status[answer.question] = "unchanged"
    feedback = _feedback(row, state, status)
    return Receipt(row.id, status, True, feedback, store.identity.store_id)


def _feedback(row: AnyRow, state: TaskState, status: dict[int, Status]) -> dict[int, bool] | None:
    if row.purpose != PRACTICE:
        return None
    truths = {number: state.questions[number].truth for number in status}
    return {number: truth for number, truth in truths.items() if truth is not None}


def _latest(own: Sequence[AnyRow]) -> dict[int, _Own]:
    return {v.question: _Own(v.version, v.answer, v.n_compared, v.n_agreed) for v in own}


def _submission_row(work: _Work) -> dict[str, object]:
    return {
        "lease": work.row.id,
        "number": work.number,
        "key": work.submission.key,
        "given_at": work.now,
        "milliseconds": _sane(work.submission.milliseconds),
        "something_else": work.submission.something_else.strip() or None,
    }


def _sane(milliseconds: int | None) -> int | None:
    """A duration from a client, which may say anything; at most an hour."""
    return None if milliseconds is None else max(0, min(milliseconds, LONGEST))


def _check(submission: Submission) -> None:
    if not 1 <= len(submission.key) <= LONGEST_KEY:
        raise DataError(
            f"submission: the key has {len(submission.key):,} characters, but must have 1 to "
            f"{LONGEST_KEY}."
        )
    if len(submission.something_else) > LONGEST_TEXT:
        raise DataError(
            f"submission: the text has {len(submission.something_else):,} characters, but must "
            f"have at most {LONGEST_TEXT:,}. Shorten it."
        )
    if not is_text(submission.something_else + submission.key):
        raise DataError("submission: a text holds something that is not a character, but must not.")
    if submission.cannot_see and submission.answers:
        raise DataError("submission: there are answers about an image that cannot be seen.")
    numbers = [answer.question for answer in submission.answers]
    if len(set(numbers)) < len(numbers):
        raise DataError("submission: a question is answered twice, but must be answered once.")
    for answer in submission.answers:
        if answer.answer not in (0, 1, 2):
            raise DataError(
                f"submission: answer[{answer.question}] is {answer.answer}, but must be 0 (no), "
                "1 (maybe) or 2 (yes)."
            )


def _check_fits(submission: Submission, row: AnyRow) -> None:
    for answer in submission.answers:
        if answer.question not in row.questions:
            raise LeaseError(
                f"question {answer.question} is not in task {row.id}. Answer what it asks."
            )
