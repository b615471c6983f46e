"""What experts say: gold, authored by several of them. Never a vote.

Their answers lie in a table of their own, with those of `reassess.rating.adjudication`. A
question is gold once `experts_per_gold` experts have judged every question of its task; its
class is in the image where more than half of them said yes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, bindparam, exists, func, insert, select, text, update

from reassess.errors import DataError, preview
from reassess.rating.database import in_lists
from reassess.rating.ownership import image_numbers
from reassess.rating.people import check_role, person_named
from reassess.rating.questions import question_numbers
from reassess.rating.records import NoTask, Role
from reassess.rating.schema import (
    CHOSEN,
    IS_GOLD,
    NOT_GOLD,
    RETIRED,
    expert_votes,
    images,
    questions,
    raters,
    tasks,
)
from reassess.rating.store import Store, log, study_row
from reassess.records import Gold, Votes


@dataclass(frozen=True, slots=True)
class GoldTask:
    """One task for an expert to judge.

    Attributes:
        task: its number.
        image_id: the image.
        questions: numbers of its questions.
        labels: the class of each.
        answers: what this expert has said, 0 no, 1 maybe, 2 yes; None before.
    """

    task: int
    image_id: str
    questions: tuple[int, ...]
    labels: tuple[int, ...]
    answers: tuple[int | None, ...]


EXPERTS: tuple[Role, ...] = ("expert", "owner")
"""Who may judge gold and adjudicate."""

_TO_JUDGE = (
    select(tasks.c.id, images.c.name)
    .join(images, images.c.id == tasks.c.image)
    .where(
        text("tasks.gold > 0"),
        tasks.c.use != RETIRED,
        exists().where(
            questions.c.task == tasks.c.id,
            ~exists().where(
                expert_votes.c.question == questions.c.id,
                expert_votes.c.expert == bindparam("expert"),
                expert_votes.c.for_gold.is_(True),
            ),
        ),
    )
    .order_by(tasks.c.gold, tasks.c.shuffle)
)
_SAVE_TRUTH = (
    update(questions).where(questions.c.id == bindparam("q")).values(truth=bindparam("new_truth"))
)


def choose_gold(
    store: Store, chosen: int | Sequence[str], *, seed: int = 0, by: int | None = None
) -> int:
    """How many tasks experts are to judge now that were not chosen before.

    Args:
        store: the study.
        chosen: how many tasks to draw at random of those that are not retired, or the ids of
            images.
        seed: of the draw.
        by: number of the owner.

    Raises:
        AlignmentError: an image is unknown.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> int:
        if isinstance(chosen, int):
            free = select(tasks.c.id).where(tasks.c.gold == NOT_GOLD, tasks.c.use != RETIRED)
            found = connection.execute(free.order_by(tasks.c.id)).scalars().all()
            numbers = np.array(found, np.int64)
            rng = np.random.default_rng(seed)
            drawn = rng.choice(numbers, min(chosen, len(numbers)), replace=False)
            lists, column = in_lists(sorted(drawn.tolist())), tasks.c.id
        else:
            lists, column = image_numbers(connection, chosen), tasks.c.image
        n_new = sum(
            connection.execute(
                update(tasks).where(column.in_(part), tasks.c.gold == NOT_GOLD).values(gold=CHOSEN)
            ).rowcount
            for part in lists
        )
        log(connection, store.now(), by, "choose gold", {"tasks": n_new})
        decide_waiting(connection)  # what was chosen before, judged, and unchosen
        return n_new

    return store.database.write(act)


def next_gold_task(store: Store, expert: int) -> GoldTask | NoTask:
    """The next chosen task that this expert has not judged.

    Raises:
        RaterError: the person is unknown, or neither expert nor owner.
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        check_role(connection, expert, EXPERTS)
        task = connection.execute(_TO_JUDGE.limit(1), {"expert": expert}).first()
        if task is None:
            return NoTask("complete")
        return task_for(connection, expert, task.id, task.name)


def gold_waiting(store: Store, expert: int) -> tuple[tuple[int, str], ...]:
    """The chosen tasks that this expert has not judged, in their order, each with its image.

    Raises:
        RaterError: the person is unknown, or neither expert nor owner.
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        check_role(connection, expert, EXPERTS)
        found = connection.execute(_TO_JUDGE, {"expert": expert})
        return tuple((row.id, row.name) for row in found)


def task_for(connection: Connection, expert: int, task: int, image_id: str) -> GoldTask:
    """A task with what this expert has said about it, and nothing of what others said."""
    asked = connection.execute(
        select(questions.c.id, questions.c.label)
        .where(questions.c.task == task)
        .order_by(questions.c.id)
    ).all()
    said = _latest(connection, [row.id for row in asked], expert)
    return GoldTask(
        task,
        image_id,
        tuple(row.id for row in asked),
        tuple(row.label for row in asked),
        tuple(said.get((row.id, expert)) for row in asked),
    )


def judge(store: Store, expert: int, answers: Mapping[int, int]) -> None:
    """Store an expert's answers by question; later ones stand beside earlier ones and hold.

    Raises:
        RaterError: the person is unknown, or neither expert nor owner.
        DataError: a question is unknown or an answer none of 0, 1, 2.
        StoreError: the database cannot be written.
    """
    check_answers(answers)

    def act(connection: Connection) -> None:
        check_role(connection, expert, EXPERTS)
        say(connection, expert, answers, store.now(), for_gold=True)
        decide_truth(connection, list(answers))

    store.database.write(act)


def import_gold(store: Store, gold: Gold) -> int:
    """How many questions are gold now from a record of experts' answers.

    Every question that the record answers is gold, however many experts answered it. Experts
    who are new are made, without a way to sign in.

    Raises:
        DataError: a question is not in the store.
        RaterError: an expert has the name of a rater.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> int:
        now = store.now()
        number = question_numbers(connection, gold.questions)
        votes = gold.votes
        for row, name in enumerate(votes.rater_ids.tolist()):
            expert = person_named(connection, name, "expert", now)
            mine = np.flatnonzero(votes.rater == row)
            said = dict(
                zip(number[votes.question[mine]].tolist(), votes.answer[mine].tolist(), strict=True)
            )
            say(connection, expert, said, now, for_gold=True)
        decide_truth(connection, number.tolist(), at_least=1)
        return len(number)

    n_gold = store.database.write(act)
    store.database.analyze("tasks", "questions")
    return n_gold


def gold(store: Store, *, include_withdrawn: bool = False) -> Gold | None:
    """The experts' answers to the gold questions; None where there is no gold.

    Args:
        store: the study.
        include_withdrawn: also those about withdrawn images, which count for nothing.

    Raises:
        StoreError: the database cannot be read.
    """
    known = (
        select(questions.c.id, images.c.name, questions.c.label)
        .join(images, images.c.id == questions.c.image)
        .where(text("questions.truth IS NOT NULL"))
        .order_by(questions.c.id)
    )
    if not include_withdrawn:
        in_use = tasks.c.use != RETIRED
        known = known.join(tasks, tasks.c.id == questions.c.task).where(in_use)
    with store.database.read() as connection:
        rows = connection.execute(known).all()
        said = _latest(connection, [row.id for row in rows])
        names = {row[0]: row[1] for row in connection.execute(select(raters.c.id, raters.c.name))}
    if not rows:
        return None
    asked = {row.id: row for row in rows}
    about = [asked[question] for question, _ in said]
    return Gold(
        Votes.from_columns(
            image=[row.name for row in about],
            label=np.array([row.label for row in about], np.int64),
            rater=[names[expert] for _, expert in said],
            answer=np.array(list(said.values()), np.int64),
        )
    )


def say(
    connection: Connection,
    expert: int,
    answers: Mapping[int, int],
    now: int,
    *,
    for_gold: bool,
    note: str = "",
) -> None:
    """Append an expert's answers, each as the next version.

    Raises:
        DataError: a question is unknown.
    """
    versions = _versions(connection, list(answers), expert, for_gold=for_gold)
    unknown = [number for number in answers if number not in versions]
    if unknown:
        raise DataError(f"question {preview(unknown)} is unknown. Name one of the study.")
    rows = [
        {"question": number, "expert": expert, "for_gold": for_gold, "version": versions[number],
         "answer": answer, "note": note, "given_at": now}
        for number, answer in answers.items()
    ]  # fmt: skip
    if rows:
        connection.execute(insert(expert_votes), rows)


def _versions(
    connection: Connection, numbers: list[int], expert: int, *, for_gold: bool
) -> dict[int, int]:
    """The next version of this expert's answer to each question that exists."""
    said = (
        (expert_votes.c.question == questions.c.id)
        & (expert_votes.c.expert == expert)
        & (expert_votes.c.for_gold == for_gold)
    )
    found: dict[int, int] = {}
    for part in in_lists(numbers):
        rows = connection.execute(
            select(questions.c.id, func.count(expert_votes.c.version))
            .outerjoin(expert_votes, said)
            .where(questions.c.id.in_(part))
            .group_by(questions.c.id)
        )
        found.update({row[0]: row[1] for row in rows})
    return found


def _latest(
    connection: Connection, numbers: list[int], expert: int | None = None
) -> dict[tuple[int, int], int]:
    """The latest answer for gold by (question, expert)."""
    table, latest = expert_votes, {}
    for part in in_lists(numbers):
        found = (
            select(table.c.question, table.c.expert, table.c.answer)
            .where(table.c.question.in_(part), table.c.for_gold.is_(True))
            .order_by(table.c.question, table.c.expert, table.c.version)
        )
        if expert is not None:
            found = found.where(table.c.expert == expert)
        for row in connection.execute(found):
            latest[row.question, row.expert] = row.answer
    return latest


def decide_truth(connection: Connection, numbers: list[int], at_least: int | None = None) -> None:
    """Fix the truth of questions that enough experts have judged, and their tasks as gold."""
    needed = at_least or study_row(connection).settings.experts_per_gold
    if at_least is None:  # an image may have been unchosen while its page was open
        numbers = _chosen(connection, numbers)
    said: dict[int, list[int]] = defaultdict(list)
    for (question, _), answer in _latest(connection, numbers).items():
        said[question].append(answer)
    known = [
        {"q": question, "new_truth": 2 * answers.count(2) > len(answers)}
        for question, answers in said.items()
        if len(answers) >= needed
    ]
    if not known:
        return
    connection.execute(_SAVE_TRUTH, known)
    for part in in_lists([row["q"] for row in known]):
        task = select(questions.c.task).where(questions.c.id.in_(part))
        open_question = exists().where(questions.c.task == tasks.c.id, questions.c.truth.is_(None))
        whole = update(tasks).where(tasks.c.id.in_(task), tasks.c.gold != IS_GOLD)
        if at_least is None:
            whole = whole.where(~open_question)
        connection.execute(whole.values(gold=IS_GOLD))


def _chosen(connection: Connection, numbers: list[int]) -> list[int]:
    """Those of these questions whose tasks experts are to judge."""
    return [
        number
        for part in in_lists(numbers)
        for number in connection.execute(
            select(questions.c.id)
            .join(tasks, tasks.c.id == questions.c.task)
            .where(questions.c.id.in_(part), text("tasks.gold > 0"))
        ).scalars()
    ]


def decide_waiting(connection: Connection) -> None:
    """Fix the truth of what is chosen, and what enough experts have judged by now."""
    is_judged = exists().where(
        expert_votes.c.question == questions.c.id, expert_votes.c.for_gold.is_(True)
    )
    waiting = (
        select(questions.c.id)
        .join(tasks, tasks.c.id == questions.c.task)
        .where(text("questions.truth IS NULL"), text("tasks.gold > 0"), is_judged)
    )
    decide_truth(connection, list(connection.execute(waiting).scalars()))


def check_answers(answers: Mapping[int, int]) -> None:
    """Refuse what is no answer to a question.

    Raises:
        DataError: it is none of 0, 1, 2, or the question's number none.
    """
    for question, answer in answers.items():
        if answer not in (0, 1, 2) or not 0 <= question < 2**31:
            raise DataError(
                f"answer[{question}] is {answer}, but must be 0 (no), 1 (maybe) or 2 (yes)."
            )
