"""Which task a rater gets next, and the leases that keep it theirs for a while.

A task is looked for in a reading transaction, so that nobody waits for the search, and
taken in a short writing one; what another took meanwhile is looked for again. Order and seed
are in `reassess.rating.task_choice`, what becomes of answers in `reassess.rating.submission`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, bindparam, func, insert, select, update

from reassess.rating import task_choice
from reassess.rating.database import AnyRow
from reassess.rating.leases import (
    hold_again,
    is_any_expired,
    lease_row,
    ran_out_of,
    release_expired,
    round_of,
    task_from,
)
from reassess.rating.qualification import decide, untested_truth
from reassess.rating.records import (
    QUESTIONS_PER_TASK,
    NoTask,
    RaterError,
    Settings,
    TaskLease,
    TaskQuestion,
)
from reassess.rating.schema import (
    GOLD,
    OPEN,
    PRACTICE,
    QUALIFICATION,
    RATING,
    REPEAT,
    leases,
    raters,
    votes,
)
from reassess.rating.state import TaskState, load_task
from reassess.rating.store import Store, StudyRow, moment, study_row

MOST_OPEN = 8
"""Tasks that a rater may hold at once; class grids counts as one."""

_TRIES = 30


@dataclass(frozen=True, slots=True)
class _Plan:
    """A task that was found and is to be taken, with so many questions at most."""

    found: task_choice.TaskChoice
    purpose: int
    seed: task_choice.TaskSeed
    most: int = QUESTIONS_PER_TASK


_WHO = select(
    raters.c.id, raters.c.stage, raters.c.paused_at, raters.c.n_leases, raters.c.n_screens,
    raters.c.most_tasks,
).where(raters.c.id == bindparam("rater"))  # fmt: skip
_HELD = (
    select(leases.c.id, leases.c.is_sweep, leases.c.expires_at)
    .where(leases.c.rater == bindparam("rater"), leases.c.state == OPEN)
    .order_by(leases.c.id)
)
_IS_TAKEN = select(leases.c.id).where(leases.c.state == OPEN).limit(1)
_N_COUNTED = select(func.coalesce(func.sum(raters.c.n_counted), 0))
_N_OUT = select(func.coalesce(func.sum(func.json_array_length(leases.c.questions)), 0)).where(
    leases.c.state == OPEN, leases.c.purpose.in_([RATING, GOLD])
)
_OWN_VOTES = (
    select(votes.c.question)
    .where(
        votes.c.question.in_(bindparam("questions", expanding=True)),
        votes.c.rater == bindparam("rater"),
        votes.c.round == bindparam("round"),
    )
    .distinct()
)
_LEASE = insert(leases).returning(leases.c.id)
_NEXT_ORDINAL = (
    update(raters)
    .where(raters.c.id == bindparam("r"), raters.c.paused_at.is_(None))
    .values(n_leases=raters.c.n_leases + 1)
    .returning(raters.c.n_leases, raters.c.id, raters.c.n_screens, raters.c.most_tasks)
)
_N_HELD = select(func.count()).where(leases.c.rater == bindparam("rater"), leases.c.state == OPEN)


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
    for attempt in range(_TRIES):
        with store.database.read() as connection:
            plan = _plan(store, connection, rater, frozenset(beyond), released=attempt > 0)
        if isinstance(plan, NoTask):
            return plan
        leased = store.database.write(partial(_carry_out, store, rater, plan), durable=False)
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


def _plan(
    store: Store, connection: Connection, rater: int, beyond: frozenset[int], *, released: bool
) -> "_Plan | _Prolong | _HoldAgain | _ReleaseExpired | _Decide | NoTask":
    study = study_row(connection)
    person = who(connection, rater)
    if person.paused_at is not None:
        return NoTask("paused")
    mine = _held_by(connection, person, beyond, is_closed=study.is_closed)
    if mine is not None:
        return mine
    if not released and is_any_expired(connection, store.now()):
        return _ReleaseExpired()
    return _find(connection, study, rater, person.stage, person.n_leases + 1)


def _held_by(
    connection: Connection, person: AnyRow, beyond: frozenset[int], *, is_closed: bool
) -> _Prolong | _HoldAgain | NoTask | None:
    """What a rater holds, or held until it ran out; why they get nothing new, where that is so."""
    held = [row for row in connection.execute(_HELD, {"rater": person.id}) if not row.is_sweep]
    for lease in held:
        if lease.id not in beyond:  # it may have run out just now
            return _Prolong(lease.id)
    if is_closed:
        return NoTask("closed")
    left = tasks_left(connection, person)
    if left is not None and left <= 0:
        return NoTask("wait" if held else "finished")
    if len(held) >= MOST_OPEN:
        return NoTask("wait")
    rows = ran_out_of(connection, person.id)
    ran_out = {row.id for row in rows if not row.is_sweep} - beyond
    if ran_out and person.stage != "failed":
        return _HoldAgain(max(ran_out))
    return None


def _find(
    connection: Connection, study: StudyRow, rater: int, stage: str, ordinal: int
) -> _Plan | _Decide | NoTask:
    """The task that the rater's stage and seed lead to."""
    settings, seed = study.settings, task_choice.draw(study.secret, rater, ordinal)
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
        gold = task_choice.pick_gold(connection, rater, seed)
        if gold is not None:
            return _Plan(gold, GOLD, seed, most=min(found.n_open, most))
    if purpose == REPEAT:
        last = ordinal - 1 - settings.repeat_gap
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
        found = task_choice.pick_gold(connection, rater, seed)
    elif settings.n_qualification and not connection.execute(_HELD, {"rater": rater}).first():
        truth = untested_truth(connection, rater)
        if truth is not None:
            found = task_choice.pick_gold(connection, rater, seed, truth=truth)
    if found is not None:
        return _Plan(found, QUALIFICATION, seed)
    if connection.execute(_HELD, {"rater": rater}).first() is not None:
        return NoTask("wait")
    return _Decide()


def _carry_out(
    store: Store,
    rater: int,
    plan: _Plan | _Prolong | _HoldAgain | _ReleaseExpired | _Decide,
    connection: Connection,
) -> TaskLease | None:
    """The task, or None where there is to be another look."""
    if isinstance(plan, _Prolong):
        return _prolong(store, connection, rater, plan.lease)
    if isinstance(plan, _HoldAgain):
        if not hold_again(store, connection, rater, plan.lease):
            return None
        return task_from(connection, lease_row(connection, rater, plan.lease))
    if isinstance(plan, _ReleaseExpired):
        release_expired(store, connection, store.now())
        return None
    if isinstance(plan, _Decide):
        decide(store, connection, rater)
        return None
    return _take(store, connection, rater, plan)


def _prolong(store: Store, connection: Connection, rater: int, lease: int) -> TaskLease | None:
    study = study_row(connection)
    until = store.now() + 1000 * study.settings.lease_seconds
    done = connection.execute(
        update(leases)
        .where(leases.c.id == lease, leases.c.rater == rater, leases.c.state == OPEN)
        .values(expires_at=until)
    )
    return task_from(connection, lease_row(connection, rater, lease)) if done.rowcount else None


def _take(store: Store, connection: Connection, rater: int, plan: _Plan) -> TaskLease | None:
    """Lease a task; None where its questions were taken meanwhile."""
    study = study_row(connection)
    if study.is_closed:
        return None
    state = load_task(
        connection,
        plan.found.task,
        rater=rater,
        round_=round_of(plan.purpose),
    )
    asked = _asked(connection, state, rater, plan)
    if not asked:
        return None
    counted = connection.execute(_NEXT_ORDINAL, {"r": rater}).first()
    if counted is None:
        return None
    left = tasks_left(connection, counted)  # no other transaction leases to them until this ends
    if left is not None and left <= 0:
        return None
    ordinal = counted.n_leases
    if plan.purpose in (RATING, GOLD):
        for number in asked:
            state.take(number, rater)
    now = store.now()
    until = now + 1000 * study.settings.lease_seconds
    shown = task_choice.shuffled(asked, plan.seed.shuffle)
    lease = connection.execute(
        _LEASE,
        {
            "rater": rater, "ordinal": ordinal, "task": plan.found.task, "purpose": plan.purpose,
            "is_sweep": False, "questions": shown, "leased_at": now, "expires_at": until,
        },
    ).scalar_one()  # fmt: skip
    state.save(store, connection)
    return TaskLease(
        lease,
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
        found = [question for question in found if state.is_open(question)]
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
    if not any(question.truth is not None for question in found):
        return []
    return task_choice.shuffled([question.number for question in found], plan.seed.shuffle)[
        : plan.most
    ]


def who(connection: Connection, rater: int) -> AnyRow:
    """What the queue knows of a rater.

    Raises:
        RaterError: the rater is unknown.
    """
    row = connection.execute(_WHO, {"rater": rater}).first() if abs(rater) < 2**31 else None
    if row is None:
        raise RaterError(f"rater {rater} is unknown. Invite them first.")
    return row


def tasks_left(connection: Connection, person: AnyRow) -> int | None:
    """How many more tasks a person may be leased; None where they have no limit.

    Args:
        connection: within a transaction.
        person: their id, ``n_screens`` and ``most_tasks``.
    """
    if person.most_tasks is None:
        return None
    held = connection.execute(_N_HELD, {"rater": person.id}).scalar_one()
    return int(person.most_tasks - person.n_screens - held)


def votes_left(connection: Connection, settings: Settings) -> int | None:
    """How many votes the budget still allows, those that are out on tasks taken off.

    None where there is no budget.
    """
    if settings.budget is None:
        return None
    spent = sum(int(connection.execute(one).scalar_one()) for one in (_N_COUNTED, _N_OUT))
    return max(0, settings.budget - spent)
