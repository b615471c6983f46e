"""Which screen a rater gets next, and the leases that keep it his for a while.

A screen is looked for in a reading transaction, so that nobody waits for the search, and
taken in a short writing one; what another took meanwhile is looked for anew. Order and luck
are in `reassess.rating.order`, what becomes of answers in `reassess.rating.submission`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, bindparam, func, insert, select, update

from reassess.rating import order
from reassess.rating.database import AnyRow
from reassess.rating.errors import RaterError
from reassess.rating.leases import (
    is_any_expired,
    release_expired,
    round_of,
    screen_from,
    screen_row,
)
from reassess.rating.qualification import decide
from reassess.rating.records import (
    QUESTIONS_ON_A_SCREEN,
    Idle,
    Screen,
    ScreenQuestion,
    Settings,
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
"""Screens that a rater may hold at once; sweeping counts as one."""

_TRIES = 30


@dataclass(frozen=True, slots=True)
class _Plan:
    """A screen that was found and is to be taken, with so many questions at most."""

    found: order.Found
    purpose: int
    luck: order.Draw
    most: int = QUESTIONS_ON_A_SCREEN


_WHO = select(
    raters.c.id, raters.c.stage, raters.c.paused_at, raters.c.n_leases
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
    .returning(raters.c.n_leases)
)


def next_screen(store: Store, rater: int, *, beyond: Collection[int] = ()) -> Screen | Idle:
    """The screen that a rater should see next, leased to him, or why there is none.

    A screen that he holds already comes back first, so that reloading a page wastes nothing;
    its lease is prolonged. To prefetch, name the leases that he has in ``beyond``.

    Args:
        store: the study.
        rater: his number.
        beyond: leases that he is to get another one after.

    Raises:
        RaterError: he is unknown.
        StoreError: the database cannot be reached or written.
    """
    for attempt in range(_TRIES):
        with store.database.read() as connection:
            plan = _plan(store, connection, rater, frozenset(beyond), swept=attempt > 0)
        if isinstance(plan, Idle):
            return plan
        screen = store.database.write(partial(_carry_out, store, rater, plan), durable=False)
        if screen is not None:
            return screen
    return Idle("wait")


@dataclass(frozen=True, slots=True)
class _Prolong:
    """A screen that the rater holds already."""

    lease: int


@dataclass(frozen=True, slots=True)
class _Sweep:
    """Leases have run out and are to go back first."""


@dataclass(frozen=True, slots=True)
class _Decide:
    """Practice or qualification is over, and what comes next is to be decided."""


def _plan(
    store: Store, connection: Connection, rater: int, beyond: frozenset[int], *, swept: bool
) -> "_Plan | _Prolong | _Sweep | _Decide | Idle":
    study = study_row(connection)
    person = who(connection, rater)
    if person.paused_at is not None:
        return Idle("paused")
    held = connection.execute(_HELD, {"rater": rater}).all()
    now = store.now()
    for lease in held:
        if lease.id not in beyond and not lease.is_sweep and lease.expires_at > now:
            return _Prolong(lease.id)
    if study.is_closed:
        return Idle("closed")
    if sum(not lease.is_sweep for lease in held) >= MOST_OPEN:
        return Idle("wait")
    if not swept and is_any_expired(connection, now):
        return _Sweep()
    return _find(connection, study, rater, person.stage, person.n_leases + 1)


def _find(
    connection: Connection, study: StudyRow, rater: int, stage: str, ordinal: int
) -> _Plan | _Decide | Idle:
    """The task that the rater's stage and luck lead to."""
    settings, luck = study.settings, order.draw(study.secret, rater, ordinal)
    if stage == "failed":
        return Idle("not-qualified")
    if stage in ("practice", "qualification"):
        return _find_first(connection, settings, rater, stage, luck)
    left = votes_left(connection, settings)
    found = None
    if left is None or left > 0:
        found = order.open_task(connection, rater, luck, thrifty=left is not None)
    if found is None:
        is_taken = connection.execute(_IS_TAKEN).first() is not None
        return Idle("wait" if is_taken else "complete")
    most = QUESTIONS_ON_A_SCREEN if left is None else min(left, QUESTIONS_ON_A_SCREEN)
    purpose = order.purpose_of(luck, settings)
    if purpose == GOLD:
        gold = order.gold_task(connection, rater, luck)
        if gold is not None:
            return _Plan(gold, GOLD, luck, most=min(found.n_open, most))
    if purpose == REPEAT:
        last = ordinal - 1 - settings.repeat_gap
        earlier = order.earlier_task(connection, rater, last, luck)
        if earlier is not None:
            return _Plan(earlier, REPEAT, luck)
    return _Plan(found, RATING, luck, most=most)


def _find_first(
    connection: Connection, settings: Settings, rater: int, stage: str, luck: order.Draw
) -> _Plan | _Decide | Idle:
    """Practice, then qualification, as long as there are screens for them."""
    if stage == "practice":
        found = None
        if order.n_given(connection, rater, PRACTICE) < settings.n_practice:
            found = order.practice_task(connection, rater)
        return _Decide() if found is None else _Plan(found, PRACTICE, luck)
    found = None
    if order.n_given(connection, rater, QUALIFICATION) < settings.n_qualification:
        found = order.gold_task(connection, rater, luck)
    if found is not None:
        return _Plan(found, QUALIFICATION, luck)
    if connection.execute(_HELD, {"rater": rater}).first() is not None:
        return Idle("wait")
    return _Decide()


def _carry_out(
    store: Store,
    rater: int,
    plan: _Plan | _Prolong | _Sweep | _Decide,
    connection: Connection,
) -> Screen | None:
    """The screen, or None where there is to be another look."""
    if isinstance(plan, _Prolong):
        return _prolong(store, connection, rater, plan.lease)
    if isinstance(plan, _Sweep):
        release_expired(store, connection, store.now())
        return None
    if isinstance(plan, _Decide):
        decide(store, connection, rater)
        return None
    return _take(store, connection, rater, plan)


def _prolong(store: Store, connection: Connection, rater: int, lease: int) -> Screen | None:
    study = study_row(connection)
    until = store.now() + 1000 * study.settings.lease_seconds
    done = connection.execute(
        update(leases)
        .where(leases.c.id == lease, leases.c.rater == rater, leases.c.state == OPEN)
        .values(expires_at=until)
    )
    return screen_from(connection, screen_row(connection, rater, lease)) if done.rowcount else None


def _take(store: Store, connection: Connection, rater: int, plan: _Plan) -> Screen | None:
    """Lease a screen; None where its questions were taken meanwhile."""
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
    ordinal = connection.execute(_NEXT_ORDINAL, {"r": rater}).scalar()
    if ordinal is None:
        return None
    if plan.purpose in (RATING, GOLD):
        for number in asked:
            state.take(number, rater)
    now = store.now()
    until = now + 1000 * study.settings.lease_seconds
    shown = order.shuffled(asked, plan.luck.seed)
    lease = connection.execute(
        _LEASE,
        {
            "rater": rater, "ordinal": ordinal, "task": plan.found.task, "purpose": plan.purpose,
            "is_sweep": False, "questions": shown, "leased_at": now, "expires_at": until,
        },
    ).scalar_one()  # fmt: skip
    state.save(store, connection)
    return Screen(
        lease,
        plan.found.image_id,
        tuple(ScreenQuestion(n, state.questions[n].label, None) for n in shown),
        moment(until),
        plan.purpose == PRACTICE,
        False,
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
        if plan.found.is_urgent:
            still_open = [one for one in state.questions.values() if state.is_open(one)]
            highest = max((one.level for one in still_open), default=0)
            found = [question for question in found if order.is_urgent(question.level, highest)]
        found.sort(key=lambda question: -question.level)
        return [question.number for question in found[: plan.most]]
    if not any(question.truth is not None for question in found):
        return []
    return order.shuffled([question.number for question in found], plan.luck.seed)[: plan.most]


def who(connection: Connection, rater: int) -> AnyRow:
    """What the queue knows of a rater.

    Raises:
        RaterError: he is unknown.
    """
    row = connection.execute(_WHO, {"rater": rater}).first() if abs(rater) < 2**31 else None
    if row is None:
        raise RaterError(f"rater {rater} is unknown. Invite him first.")
    return row


def votes_left(connection: Connection, settings: Settings) -> int | None:
    """How many votes the budget still allows, those that are out on screens taken off.

    None where there is no budget.
    """
    if settings.budget is None:
        return None
    spent = sum(int(connection.execute(one).scalar_one()) for one in (_N_COUNTED, _N_OUT))
    return max(0, settings.budget - spent)
