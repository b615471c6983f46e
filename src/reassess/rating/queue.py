"""Which task a rater gets next, and the leases that keep it theirs for a while.

A task is looked for in a reading transaction, so that nobody waits for the search, and
taken in a short writing one; what another took meanwhile is looked for again. Order and seed
are in `reassess.rating.task_choice`, what becomes of answers in `reassess.rating.submission`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, bindparam, insert, select, update

from reassess.rating import task_choice
from reassess.rating.database import AnyRow
from reassess.rating.leases import (
    RAN_OUT,
    RUN_OUT,
    hold_again,
    release_expired,
    round_of,
    tasks_of,
)
from reassess.rating.limits import known, tasks_left, tasks_left_of, votes_left, who
from reassess.rating.qualification import decide, untested_truth
from reassess.rating.records import (
    QUESTIONS_PER_TASK,
    NoTask,
    Settings,
    TaskLease,
    TaskQuestion,
)
from reassess.rating.round_trip import send, send_last
from reassess.rating.schema import (
    ANSWERED,
    BARRED_AT,
    GOLD,
    OPEN,
    PRACTICE,
    QUALIFICATION,
    RATING,
    REPEAT,
    leases,
    raters,
    study,
    votes,
)
from reassess.rating.state import QuestionState, TaskState, locked_task, task_state
from reassess.rating.store import Store, StudyRow, moment, study_from, study_row

MOST_OPEN = 8
"""Tasks that a rater may hold at once; class grids counts as one."""

_TRIES = 30
_PLAIN_FROM = 3
"""From this try on no gold and no repetition: nothing of the one that was found may be left."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A task that was found and is to be taken, with so many questions at most."""

    found: task_choice.TaskChoice
    purpose: int
    seed: task_choice.TaskSeed
    most: int = QUESTIONS_PER_TASK


_HELD = (
    select(leases.c.id, leases.c.is_sweep, leases.c.expires_at)
    .where(leases.c.rater == bindparam("rater"), leases.c.state == OPEN)
    .order_by(leases.c.id)
)
_SHOWN = select(leases.c.questions).where(
    leases.c.rater == bindparam("rater"),
    leases.c.task == bindparam("task"),
    leases.c.state == ANSWERED,
    leases.c.is_sweep.is_(False),
)
_IS_TAKEN = select(leases.c.id).where(leases.c.state == OPEN).limit(1)
_OWN_VOTES = (
    select(votes.c.question)
    .where(
        votes.c.question.in_(bindparam("questions", expanding=True)),
        votes.c.rater == bindparam("rater"),
        votes.c.round == bindparam("round"),
    )
    .distinct()
)
_STUDY_AND_RATER = select(
    study.c.settings, study.c.secret, study.c.closed_at, raters.c.id, raters.c.stage,
    BARRED_AT, raters.c.n_leases, raters.c.n_screens, raters.c.most_tasks,
).select_from(study.join(raters, raters.c.id == bindparam("rater")))  # fmt: skip
_LOCK_RATER = _STUDY_AND_RATER.with_for_update(key_share=True, of=raters)
_NEW = (
    "rater", "ordinal", "task", "purpose", "is_sweep", "questions", "leased_at", "expires_at",
)  # fmt: skip
_LEASE = (
    insert(leases).values({name: bindparam(f"b_{name}") for name in _NEW}).returning(leases.c.id)
)
_SET_ORDINAL = (
    update(raters).where(raters.c.id == bindparam("r")).values(n_leases=bindparam("ordinal"))
)


def next_task(store: Store, rater: int, *, beyond: Collection[int] = ()) -> TaskLease | NoTask:
    """The task that a rater should see next, leased to them, or why there is none.

    A task that they hold already comes back first, so that reloading a page wastes nothing;
    its lease is prolonged. So does one whose lease ran out, where it still waits for an answer. To
    prefetch, name the leases that they have in ``beyond``.

    Args:
        store: the study.
        rater: the rater's number.
        beyond: leases that they are to get another one after.

    Raises:
        RaterError: the rater is unknown.
        StoreError: the database cannot be reached or written.
    """
    having = frozenset(beyond)
    for attempt in range(_TRIES):
        plan: _AnyPlan | None = None
        if store.database.is_sqlite or attempt % 2:
            with store.database.read() as connection:
                plan = _plan(store, connection, rater, having, attempt)
            if isinstance(plan, NoTask):
                return plan
        act = partial(_carry_out, store, rater, plan, having, attempt)
        leased = store.database.write(act, durable=False)
        if leased is not None:
            return leased
    return NoTask("wait")


@dataclass(frozen=True, slots=True)
class _Prolong:
    """A task that the rater holds already."""

    lease: int


@dataclass(frozen=True, slots=True)
class _HoldAgain:
    """A task whose lease ran out, the last of those."""

    lease: int


@dataclass(frozen=True, slots=True)
class _ReleaseExpired:
    """Leases have run out and are to go back first."""


@dataclass(frozen=True, slots=True)
class _Decide:
    """Practice or qualification is over, and what comes next is to be decided."""


_AnyPlan = _Plan | _Prolong | _HoldAgain | _ReleaseExpired | _Decide | NoTask


def _plan(
    store: Store, connection: Connection, rater: int, beyond: frozenset[int], attempt: int
) -> _AnyPlan:
    if abs(rater) >= 2**31:
        who(connection, rater)
    found, held, ran_out, run_out = send(
        connection,
        (_STUDY_AND_RATER, {"rater": rater}),
        (_HELD, {"rater": rater}),
        (RAN_OUT, {"rater": rater}),
        (RUN_OUT, {"now": store.now(), "limit": 0 if attempt else 1}),
    )
    person = known(found, rater)
    study = study_from(person)
    if person.barred_at is not None:
        return NoTask("paused")
    mine = _held_by(person, held, ran_out, beyond, is_closed=study.is_closed)
    if mine is not None:
        return mine
    if run_out:
        return _ReleaseExpired()
    seed = task_choice.draw(study.secret, rater, person.n_leases + 1)
    if attempt >= _PLAIN_FROM:
        seed = replace(seed, purpose=1.0)
    return _find(connection, study, rater, person.stage, seed)


def _held_by(
    person: AnyRow,
    leased: Sequence[AnyRow],
    expired: Sequence[AnyRow],
    beyond: frozenset[int],
    *,
    is_closed: bool,
) -> _Prolong | _HoldAgain | NoTask | None:
    """What a rater holds, or held until it ran out; why they get nothing new, where that is so."""
    held = [row for row in leased if not row.is_sweep]
    for lease in held:
        if lease.id not in beyond:  # it may have run out just now
            return _Prolong(lease.id)
    if is_closed:
        return NoTask("closed")
    left = tasks_left_of(person, len(leased))
    if left is not None and left <= 0:
        return NoTask("wait" if held else "finished")
    if len(held) >= MOST_OPEN:
        return NoTask("wait")
    ran_out = {row.id for row in expired if not row.is_sweep} - beyond
    if ran_out and person.stage != "failed":
        return _HoldAgain(max(ran_out))
    return None


def _find(
    connection: Connection, study: StudyRow, rater: int, stage: str, seed: task_choice.TaskSeed
) -> _Plan | _Decide | NoTask:
    """The task that the rater's stage and seed lead to."""
    settings = study.settings
    if stage == "failed":
        return NoTask("not-qualified")
    if stage in ("practice", "qualification"):
        return _find_first(connection, settings, rater, stage, seed)
    left = votes_left(connection, settings)
    found = None
    if left is None or left > 0:
        found = task_choice.pick_open(connection, rater, seed, priority_only=left is not None)
    if found is None:
        is_taken = connection.execute(_IS_TAKEN).first() is not None
        return NoTask("wait" if is_taken else "complete")
    most = QUESTIONS_PER_TASK if left is None else min(left, QUESTIONS_PER_TASK)
    purpose = task_choice.purpose_of(seed, settings)
    if purpose == GOLD:
        gold = task_choice.pick_gold(connection, rater, seed, exposure=settings.gold_exposure)
        if gold is not None:
            return _Plan(gold, GOLD, seed, most=min(found.n_open, most))
    if purpose == REPEAT:
        last = seed.ordinal - 1 - settings.repeat_gap
        earlier = task_choice.pick_earlier(connection, rater, last, seed)
        if earlier is not None:
            return _Plan(earlier, REPEAT, seed)
    return _Plan(found, RATING, seed, most=most)


def _find_first(
    connection: Connection, settings: Settings, rater: int, stage: str, seed: task_choice.TaskSeed
) -> _Plan | _Decide | NoTask:
    """Practice, then qualification, as long as there are tasks for them."""
    if stage == "practice":
        found = None
        if task_choice.n_given(connection, rater, PRACTICE) < settings.n_practice:
            found = task_choice.pick_practice(connection, rater)
        return _Decide() if found is None else _Plan(found, PRACTICE, seed)
    found = None
    if task_choice.n_given(connection, rater, QUALIFICATION) < settings.n_qualification:
        found = _pick_test(connection, settings, rater, seed)
    elif settings.n_qualification and not connection.execute(_HELD, {"rater": rater}).first():
        truth = untested_truth(connection, rater)
        if truth is not None:
            found = _pick_test(connection, settings, rater, seed, truth)
    if found is not None:
        return _Plan(found, QUALIFICATION, seed)
    if connection.execute(_HELD, {"rater": rater}).first() is not None:
        return NoTask("wait")
    return _Decide()


def _pick_test(
    connection: Connection,
    settings: Settings,
    rater: int,
    seed: task_choice.TaskSeed,
    truth: bool | None = None,
) -> task_choice.TaskChoice | None:
    """Gold to test a newcomer with: what few have seen if there is such, as a test must be."""
    exposure = settings.gold_exposure
    found = task_choice.pick_gold(connection, rater, seed, exposure=exposure, truth=truth)
    if found is None and exposure:
        found = task_choice.pick_gold(connection, rater, seed, truth=truth)
    return found


def _carry_out(
    store: Store,
    rater: int,
    plan: _AnyPlan | None,
    beyond: frozenset[int],
    attempt: int,
    connection: Connection,
) -> TaskLease | None:
    """The task, or None where there is to be another look.

    Without a plan it is made here: PostgreSQL locks nothing by looking, and a transaction less is
    begun. That there is nothing is left to a look at one moment of the database.
    """
    if plan is None:
        plan = _plan(store, connection, rater, beyond, attempt)
    if isinstance(plan, _Prolong):
        return _prolong(store, connection, rater, plan.lease)
    if isinstance(plan, _HoldAgain):
        if not hold_again(store, connection, rater, plan.lease):
            return None
        return tasks_of(connection, rater, [plan.lease])[0]
    if isinstance(plan, _ReleaseExpired):
        release_expired(store, connection, store.now())
    if isinstance(plan, _Decide):
        decide(store, connection, rater)
    return _take(store, connection, rater, plan) if isinstance(plan, _Plan) else None


def _prolong(store: Store, connection: Connection, rater: int, lease: int) -> TaskLease | None:
    study = study_row(connection)
    until = store.now() + 1000 * study.settings.lease_seconds
    done = connection.execute(
        update(leases)
        .where(leases.c.id == lease, leases.c.rater == rater, leases.c.state == OPEN)
        .values(expires_at=until)
    )
    return tasks_of(connection, rater, [lease])[0] if done.rowcount else None


def _take(store: Store, connection: Connection, rater: int, plan: _Plan) -> TaskLease | None:
    """Lease a task; None where its questions were taken meanwhile."""
    found = send(
        connection,
        *locked_task(connection, plan.found.task, rater, round_of(plan.purpose)),
        (_LOCK_RATER, {"rater": rater}),
    )
    person, state = known(found[-1], rater), task_state(found[-2])
    study = study_from(person)
    asked = _asked(connection, state, rater, plan)
    if study.is_closed or person.barred_at is not None or not asked:
        return None
    left = tasks_left(connection, person)  # no other transaction leases to them until this ends
    if left is not None and left <= 0:
        return None
    if plan.purpose in (RATING, GOLD):
        for number in asked:
            state.take(number, rater)
    now, ordinal = store.now(), person.n_leases + 1
    until = now + 1000 * study.settings.lease_seconds
    shown = task_choice.shuffled(asked, plan.seed.shuffle)
    values = (rater, ordinal, plan.found.task, plan.purpose, False, shown, now, until)
    leased = send_last(
        connection,
        (_SET_ORDINAL, {"r": rater, "ordinal": ordinal}),
        *state.changes(store, connection),
        (_LEASE, {f"b_{name}": value for name, value in zip(_NEW, values, strict=True)}),
    )
    return TaskLease(
        leased[0].id,
        plan.found.image_id,
        tuple(TaskQuestion(n, state.questions[n].label, None) for n in shown),
        moment(until),
        plan.purpose == PRACTICE,
        False,
        moment(now),
    )


def _asked(connection: Connection, state: TaskState, rater: int, plan: _Plan) -> list[int]:
    """The questions that are still to be shown, now that the task is locked."""
    found = [question for question in state.questions.values() if not question.is_answered]
    if plan.purpose == REPEAT:
        numbers = [q.number for q in found if q.number in (plan.found.questions or ())]
        values = {"questions": numbers, "rater": rater, "round": 0}
        known = set(connection.execute(_OWN_VOTES, values).scalars())
        return [number for number in numbers if number in known]
    found = [question for question in found if question.place_of(rater) is None]
    if plan.purpose == RATING:
        shown = _shown(connection, state.task, rater) if plan.found.again else set()
        found = [one for one in found if state.is_open(one) and one.number not in shown]
        if plan.found.near_top_priority:
            still_open = [one for one in state.questions.values() if state.is_open(one)]
            highest = max((one.level for one in still_open), default=0)
            found = [
                question
                for question in found
                if task_choice.near_top_priority(question.level, highest)
            ]
        found.sort(key=lambda question: -question.level)
        return [question.number for question in found[: plan.most]]
    return _gold_asked(state, found, plan)


def _shown(connection: Connection, task: int, rater: int) -> set[int]:
    """The questions of a task that a rater has had on their screen."""
    had = connection.execute(_SHOWN, {"rater": rater, "task": task}).scalars()
    return {number for numbers in had for number in numbers}


def _gold_asked(state: TaskState, found: list[QuestionState], plan: _Plan) -> list[int]:
    """As many questions of a gold task as may be shown, one of them gold.

    Those that need votes come first, and of these those with the fewest: what is left out now
    comes to the rater once nothing else does.
    """
    gold = {question.number for question in found if question.truth is not None}
    if not gold:
        return []
    numbers = task_choice.shuffled([question.number for question in found], plan.seed.shuffle)
    of = state.questions
    numbers.sort(key=lambda number: (not state.is_open(of[number]), len(of[number].slots)))
    asked = numbers[: plan.most]
    if gold.isdisjoint(asked):
        asked[-1] = next(number for number in numbers if number in gold)
    return asked
