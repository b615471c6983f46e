"""How far the making of gold is, and going back in it to correct.

What experts say is stored by `reassess.rating.experts`. For experts and owners only; whoever
judges is told nothing of what others said, raters or experts.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, exists, func, select, text

from reassess.errors import AlignmentError
from reassess.rating import task_choice
from reassess.rating.experts import EXPERTS, GoldTask, decide_waiting, task_for
from reassess.rating.people import check_role
from reassess.rating.schema import CHOSEN, IS_GOLD, expert_votes, images, questions, raters, tasks
from reassess.rating.store import Store, study_row


@dataclass(frozen=True, slots=True)
class GoldProgress:
    """How far the making of gold is.

    Attributes:
        n_chosen: tasks that experts are to judge, or have judged.
        n_gold: of them those that are gold.
        n_questions: gold questions.
        n_present: of them those whose class is in the image.
        n_split: of them those about which experts do not all say the same.
        n_used_up: gold tasks that as many raters have answered as may (`Settings.gold_exposure`),
            so that they are no longer hidden among others; 0 without a limit.
        judged: tasks that each expert has judged, by name.
    """

    n_chosen: int
    n_gold: int
    n_questions: int
    n_present: int
    n_split: int
    n_used_up: int
    judged: dict[str, int]


_CHOSEN = (
    select(tasks.c.id, images.c.name)
    .join(images, images.c.id == tasks.c.image)
    .where(tasks.c.id == bindparam("task"), tasks.c.gold >= CHOSEN)
)
_MINE = (
    select(questions.c.task)
    .join(expert_votes, expert_votes.c.question == questions.c.id)
    .where(expert_votes.c.expert == bindparam("expert"), expert_votes.c.for_gold.is_(True))
    .group_by(questions.c.task)
    .order_by(func.min(expert_votes.c.given_at).desc(), questions.c.task.desc())
)


def gold_task(store: Store, expert: int, task: int) -> GoldTask:
    """A chosen task, with what this expert has said about it, to judge or to correct.

    Raises:
        AlignmentError: there is no such task, or it is not chosen.
        RaterError: the person is unknown, or neither expert nor owner.
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        check_role(connection, expert, EXPERTS)
        found = connection.execute(_CHOSEN, {"task": task}).first() if abs(task) < 2**31 else None
        if found is None:
            raise AlignmentError(f"task {task} is not chosen as gold. Choose it first.")
        return task_for(connection, expert, found.id, found.name)


def earlier_gold_task(store: Store, expert: int, task: int | None = None) -> GoldTask | None:
    """What this expert judged last before another task (or last of all), to correct it.

    Args:
        store: the study.
        expert: the expert's number.
        task: the task to go back from; None, or one that they have not judged, goes back from
            the end.

    Raises:
        RaterError: the person is unknown, or neither expert nor owner.
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        check_role(connection, expert, EXPERTS)
        mine = list(connection.execute(_MINE, {"expert": expert}).scalars())
        place = mine.index(task) + 1 if task in mine else 0
        if place >= len(mine):
            return None
        found = connection.execute(_CHOSEN, {"task": mine[place]}).one()
        return task_for(connection, expert, found.id, found.name)


def gold_progress(store: Store) -> GoldProgress:
    """How far the making of gold is: counts, never who said what.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        by_state: dict[int, int] = dict(
            connection.execute(
                select(tasks.c.gold, func.count()).where(text("gold > 0")).group_by(tasks.c.gold)
            ).all()
        )
        truths = connection.execute(
            select(questions.c.truth, func.count())
            .where(text("truth IS NOT NULL"))
            .group_by(questions.c.truth)
        ).all()
        judged = connection.execute(
            select(raters.c.name, func.count(questions.c.task.distinct()))
            .select_from(expert_votes.join(questions).join(raters))
            .where(expert_votes.c.for_gold.is_(True))
            .group_by(raters.c.name)
            .order_by(raters.c.name)
        ).all()
        n_split = _n_split(connection)
        n_used_up = task_choice.n_used_up(connection, study_row(connection).settings.gold_exposure)
    return GoldProgress(
        n_chosen=sum(by_state.values()),
        n_gold=by_state.get(IS_GOLD, 0),
        n_questions=sum(n for _, n in truths),
        n_present=sum(n for truth, n in truths if truth),
        n_split=n_split,
        n_used_up=n_used_up,
        judged=dict(judged),
    )


def decide_gold(store: Store) -> None:
    """Fix the truth of what enough experts have judged; after `experts_per_gold` changed.

    What is gold stays gold.

    Raises:
        StoreError: the database cannot be written.
    """
    store.database.write(decide_waiting)


def _n_split(connection: Connection) -> int:
    """Gold questions about which the latest words of the experts differ."""
    later = expert_votes.alias("later")
    is_last = ~exists().where(
        later.c.question == expert_votes.c.question, later.c.expert == expert_votes.c.expert,
        later.c.for_gold == expert_votes.c.for_gold, later.c.version > expert_votes.c.version,
    )  # fmt: skip
    split = (
        select(expert_votes.c.question)
        .join(questions, questions.c.id == expert_votes.c.question)
        .where(and_(expert_votes.c.for_gold.is_(True), text("truth IS NOT NULL"), is_last))
        .group_by(expert_votes.c.question)
        .having(func.min(expert_votes.c.answer) < func.max(expert_votes.c.answer))
        .subquery()
    )
    return connection.execute(select(func.count()).select_from(split)).scalar_one()
