"""Counters made again: after a rule changed, after votes were excluded, and to check them.

While answers come in, `reassess.rating.state` keeps the counters; here they are made from
the slots in sets, some thousand tasks in a transaction, so that raters need not wait.
"""

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    Update,
    and_,
    bindparam,
    case,
    func,
    not_,
    or_,
    select,
    true,
    update,
)

from reassess.rating.records import Settings
from reassess.rating.schema import FOR_RATING, questions, slots, tasks, votes
from reassess.rating.state import QuestionState, Slot, assess
from reassess.rating.store import Store, study_row
from reassess.rating.surplus import TASKS_AT_ONCE, fill_places_of
from reassess.records import NoStopping

_NO_END = 2**31 - 1

_SETTLE = (
    update(questions)
    .where(questions.c.id == bindparam("q"))
    .values(is_settled=bindparam("settled"), level=bindparam("new_level"))
)


def refresh(store: Store) -> int:
    """How many questions are settled, after the rule assessed every question again.

    Call it after the rule was changed; `add_questions` and `submit` do it for the questions
    that they touch.

    Raises:
        StoreError: the database cannot be written.
    """
    with store.database.read() as connection:
        last = connection.execute(select(func.max(tasks.c.id))).scalar()
    n_settled = 0
    for low in range(0, 0 if last is None else last + 1, TASKS_AT_ONCE):
        fill_places_of(store, low, low + TASKS_AT_ONCE)
        n_settled += refresh_tasks(store, low, low + TASKS_AT_ONCE)
    return n_settled


def refresh_tasks(store: Store, low: int, high: int) -> int:
    """How many questions of the tasks in [low, high) are settled, assessed and counted again."""

    def act(connection: Connection) -> int:
        lock_tasks(connection, low, high)
        k = study_row(connection).settings.votes_per_question
        in_range = and_(questions.c.task >= low, questions.c.task < high)
        if isinstance(store.rule, NoStopping):
            connection.execute(
                update(questions)
                .where(in_range, or_(questions.c.is_settled, questions.c.level > 0))
                .values(is_settled=False, level=0)
            )
        else:
            _settle(store, connection, in_range, k)
        recount(connection, k, low, high)
        return connection.execute(
            select(func.count()).where(in_range, questions.c.is_settled)
        ).scalar_one()

    return store.database.write(act)


def lock_tasks(connection: Connection, low: int = 0, high: int = _NO_END) -> None:
    """Lock the tasks in [low, high) against every other transaction."""
    if connection.dialect.name == "postgresql":
        held = select(tasks.c.id).where(tasks.c.id >= low, tasks.c.id < high)
        connection.execute(held.order_by(tasks.c.id).with_for_update()).all()


def recount(connection: Connection, k: int, low: int = 0, high: int = _NO_END) -> None:
    """Make the counters of questions and tasks in [low, high) again from their slots."""
    _recount_questions(connection, low, high)
    connection.execute(_reopen(k, low, high))
    counted = task_counts(k, and_(questions.c.task >= low, questions.c.task < high))
    connection.execute(
        update(tasks)
        .where(tasks.c.id == counted.c.task)
        .values(
            n_open=counted.c.n_open, n_done=counted.c.n_done, n_votes=counted.c.n_votes,
            n_contested=counted.c.n_contested, level=counted.c.level,
        )
    )  # fmt: skip


def slot_counts(where: ColumnElement[bool]) -> Subquery:
    """Slots and counted answers of each question that has a slot."""
    said = [func.sum(case((votes.c.answer == code, 1), else_=0)) for code in range(3)]
    return (
        select(
            slots.c.question, func.count().label("n_taken"), said[0].label("n_no"),
            said[1].label("n_maybe"), said[2].label("n_yes"),
        )
        .select_from(
            slots.join(questions, questions.c.id == slots.c.question).outerjoin(
                votes,
                and_(
                    votes.c.question == slots.c.question, votes.c.rater == slots.c.rater,
                    votes.c.round == slots.c.round, votes.c.version == slots.c.version,
                ),
            )
        )
        .where(where)
        .group_by(slots.c.question)
        .subquery()
    )  # fmt: skip


def task_counts(k: int, where: ColumnElement[bool] | None = None) -> Subquery:
    """The counters of each task, from its questions."""
    n_votes = questions.c.n_no + questions.c.n_maybe + questions.c.n_yes
    is_done = or_(questions.c.is_settled, n_votes >= k)
    most = case(
        (and_(questions.c.n_no >= questions.c.n_maybe, questions.c.n_no >= questions.c.n_yes),
         questions.c.n_no),
        (questions.c.n_maybe >= questions.c.n_yes, questions.c.n_maybe),
        else_=questions.c.n_yes,
    )  # fmt: skip
    return (
        select(
            questions.c.task,
            func.sum(case((questions.c.is_open, 1), else_=0)).label("n_open"),
            func.sum(case((is_done, 1), else_=0)).label("n_done"),
            func.sum(n_votes).label("n_votes"),
            func.sum(n_votes - most).label("n_contested"),
            func.max(case((questions.c.is_open, questions.c.level), else_=0)).label("level"),
        )
        .where(true() if where is None else where)
        .group_by(questions.c.task)
        .subquery()
    )


def _recount_questions(connection: Connection, low: int, high: int) -> None:
    in_range = and_(questions.c.task >= low, questions.c.task < high)
    counted = slot_counts(in_range)
    names = ("n_taken", "n_no", "n_maybe", "n_yes")
    connection.execute(
        update(questions).where(in_range, questions.c.n_taken > 0).values(dict.fromkeys(names, 0))
    )
    connection.execute(
        update(questions)
        .where(questions.c.id == counted.c.question)
        .values({name: counted.c[name] for name in names})
    )


def _reopen(k: int, low: int, high: int) -> Update:
    use = select(tasks.c.use).where(tasks.c.id == questions.c.task).scalar_subquery()
    is_open = and_(use == FOR_RATING, not_(questions.c.is_settled), questions.c.n_taken < k)
    return (
        update(questions)
        .where(questions.c.task >= low, questions.c.task < high)
        .values(is_open=case((is_open, True), else_=False))
    )


def _settle(store: Store, connection: Connection, where: ColumnElement[bool], k: int) -> None:
    """Ask the rule about many questions at once, and write down where it changed its mind."""
    found = {
        row.id: QuestionState(row.id, 0, None, row.is_settled, row.level)
        for row in connection.execute(
            select(questions.c.id, questions.c.is_settled, questions.c.level)
            .where(where)
            .order_by(questions.c.id)
        )
    }
    counted = (
        select(slots.c.question, slots.c.slot, slots.c.rater, slots.c.version, votes.c.answer)
        .select_from(
            questions.join(slots, slots.c.question == questions.c.id).join(
                votes,
                and_(
                    votes.c.question == slots.c.question, votes.c.rater == slots.c.rater,
                    votes.c.round == slots.c.round, votes.c.version == slots.c.version,
                ),
            )
        )
        .where(where)
    )  # fmt: skip
    for question, place, rater, version, answer in connection.execute(counted):
        found[question].slots[place] = Slot(rater, version, answer)
    if not found:
        return
    settled, level = assess(store, connection, found.values(), k)
    changed = [
        {"q": state.number, "settled": is_settled, "new_level": step}
        for state, is_settled, step in zip(found.values(), settled, level, strict=True)
        if (is_settled, step) != (state.is_settled, state.level)
    ]
    if changed:
        connection.execute(_SETTLE, changed)


@dataclass(frozen=True, slots=True)
class Workload:
    """The questions that raters are asked, and their counted votes.

    Attributes:
        n_questions: questions.
        n_done: of them those that are settled or have k votes.
        n_votes: counted votes.
        n_left: counted votes that may still be asked for, at most.
    """

    n_questions: int
    n_done: int
    n_votes: int
    n_left: int


# What is not done may get k votes less those it has. Tasks count the votes of all their questions:
# those that are done took at most k each, so that the rest has at least what is beyond.
_K = bindparam("k", type_=tasks.c.n_votes.type)
_BEYOND = tasks.c.n_votes - _K * tasks.c.n_done
_LEFT = _K * (tasks.c.n_questions - tasks.c.n_done) - case((_BEYOND > 0, _BEYOND), else_=0)
_WORK = select(
    func.coalesce(func.sum(tasks.c.n_questions), 0),
    func.coalesce(func.sum(tasks.c.n_done), 0),
    func.coalesce(func.sum(tasks.c.n_votes), 0),
    func.coalesce(func.sum(_LEFT), 0),
).where(tasks.c.use == FOR_RATING)


def workload(connection: Connection, settings: Settings) -> Workload:
    """What is done and what is left, as a transaction sees it."""
    row = connection.execute(_WORK, {"k": settings.votes_per_question}).one()
    n_questions, n_done, n_votes, n_left = (int(n) for n in row)
    if settings.budget is not None:
        n_left = min(n_left, max(0, settings.budget - n_votes))
    return Workload(n_questions, n_done, n_votes, n_left)


def share_of(n_votes: int, n_left: int) -> float:
    """Votes given, of these and those that may still be asked for; 0 where there are none."""
    return n_votes / (n_votes + n_left) if n_votes else 0.0
