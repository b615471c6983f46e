"""Open questions that nobody who is there can be asked: what a queue that gives nothing leaves.

With as many raters as votes a question needs, each has to answer everything: whoever leaves, cannot
see an image or practised on it leaves a question behind. Owners are told how many there are.
"""

from sqlalchemy import Connection, and_, bindparam, exists, func, or_, select

from reassess.rating.schema import (
    BARRED_AT,
    UNSEEN,
    activity,
    enrolments,
    invitations,
    leases,
    questions,
    raters,
    slots,
    votes,
)
from reassess.rating.task_choice import was_shown

_HAS_COME = or_(
    raters.c.n_leases > 0,
    exists().where(invitations.c.rater == raters.c.id, invitations.c.used_at.is_not(None)),
    exists().where(enrolments.c.rater == raters.c.id),
)
_IS_THERE = and_(
    raters.c.role == "rater",
    raters.c.stage != "failed",
    BARRED_AT.element.is_(None),
    or_(raters.c.most_tasks.is_(None), raters.c.n_screens < raters.c.most_tasks),
    _HAS_COME,
)
_HERE = (
    select(func.coalesce(func.sum(activity.c.n_answers), 0))
    .where(activity.c.rater == raters.c.id)
    .scalar_subquery()
)
# Only leases lead from a rater to what they were asked, so whoever has votes from elsewhere is no
# one to begin with.
_LEAST = (
    select(raters.c.id, raters.c.n_leases)
    .where(_IS_THERE, raters.c.n_answers == _HERE)
    .order_by(raters.c.n_leases, raters.c.id)
    .limit(1)
)
_HAS_BEGUN = select(raters.c.id).where(raters.c.role == "rater", _HAS_COME).limit(1)
_MAY_ANSWER = exists().where(
    _IS_THERE,
    ~exists().where(votes.c.question == questions.c.id, votes.c.rater == raters.c.id),
    ~exists().where(slots.c.rater == raters.c.id, slots.c.question == questions.c.id),
    ~exists().where(
        leases.c.rater == raters.c.id, leases.c.task == questions.c.task,
        leases.c.state == UNSEEN, leases.c.is_sweep.is_(False),
    ),
    ~was_shown(raters.c.id),
)  # fmt: skip
_STUCK = select(func.count()).select_from(questions).where(questions.c.is_open, ~_MAY_ANSWER)
_STUCK_OF = _STUCK.where(
    questions.c.task.in_(select(leases.c.task).where(leases.c.rater == bindparam("least")))
)


def n_unassignable(connection: Connection) -> int:
    """How many open questions no rater who is there can be asked; 0 before anybody came.

    Looked for among the tasks of the rater who was asked least, as of everything else that one can
    be asked: so a study with newcomers costs nothing.
    """
    least = connection.execute(_LEAST).first()
    if least is None:
        has_begun = connection.execute(_HAS_BEGUN).first() is not None
        return int(connection.execute(_STUCK).scalar_one()) if has_begun else 0
    if least.n_leases == 0:
        return 0
    return int(connection.execute(_STUCK_OF, {"least": least.id}).scalar_one())
