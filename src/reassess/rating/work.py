"""How much of a study's work is done, and how much is left at most: one walk over its tasks."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, func, select

from reassess.rating.records import Settings
from reassess.rating.schema import FOR_RATING, tasks


@dataclass(frozen=True, slots=True)
class Work:
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


def work_of(connection: Connection, settings: Settings) -> Work:
    """What is done and what is left, as a transaction sees it."""
    row = connection.execute(_WORK, {"k": settings.votes_per_question}).one()
    n_questions, n_done, n_votes, n_left = (int(n) for n in row)
    if settings.budget is not None:
        n_left = min(n_left, max(0, settings.budget - n_votes))
    return Work(n_questions, n_done, n_votes, n_left)


def share_of(n_votes: int, n_left: int) -> float:
    """Votes given, of these and those that may still be asked for; 0 where there are none."""
    return n_votes / (n_votes + n_left) if n_votes else 0.0
