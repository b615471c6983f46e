"""Who may be given a task, and how many more: a person's limit, and the study's budget."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select

from reassess.rating.database import AnyRow
from reassess.rating.records import RaterError, Settings
from reassess.rating.round_trip import send
from reassess.rating.schema import BARRED_AT, GOLD, OPEN, RATING, leases, raters

_WHO = select(
    raters.c.id, raters.c.stage, BARRED_AT, raters.c.n_leases, raters.c.n_screens,
    raters.c.most_tasks,
).where(raters.c.id == bindparam("rater"))  # fmt: skip
_N_HELD = select(func.count()).where(leases.c.rater == bindparam("rater"), leases.c.state == OPEN)
_N_COUNTED = select(func.coalesce(func.sum(raters.c.n_counted), 0))
_N_OUT = select(func.coalesce(func.sum(func.json_array_length(leases.c.questions)), 0)).where(
    leases.c.state == OPEN, leases.c.purpose.in_([RATING, GOLD])
)


def who(connection: Connection, rater: int) -> AnyRow:
    """What the queue knows of a rater.

    Raises:
        RaterError: the rater is unknown.
    """
    found = send(connection, (_WHO, {"rater": rater}))[0] if abs(rater) < 2**31 else []
    return known(found, rater)


def known(rows: Sequence[AnyRow], rater: int) -> AnyRow:
    """The one row that was found of a rater.

    Raises:
        RaterError: there is none.
    """
    if not rows:
        raise RaterError(f"rater {rater} is unknown. Invite them first.")
    return rows[0]


def tasks_left(connection: Connection, person: AnyRow) -> int | None:
    """How many more tasks a person may be leased; None where they have no limit.

    Args:
        connection: within a transaction.
        person: their id, ``n_screens`` and ``most_tasks``.
    """
    if person.most_tasks is None:
        return None
    return tasks_left_of(person, send(connection, (_N_HELD, {"rater": person.id}))[0][0][0])


def tasks_left_of(person: AnyRow, n_held: int) -> int | None:
    """The same of a person who holds so many."""
    if person.most_tasks is None:
        return None
    return int(person.most_tasks - person.n_screens - n_held)


def votes_left(connection: Connection, settings: Settings) -> int | None:
    """How many votes the budget still allows, those that are out on tasks taken off.

    None where there is no budget.
    """
    if settings.budget is None:
        return None
    spent = sum(int(connection.execute(one).scalar_one()) for one in (_N_COUNTED, _N_OUT))
    return max(0, settings.budget - spent)
