"""Practice, then qualification on gold, then real work: when a rater moves on.

The votes of a qualification take no slots, because nobody knows yet what they are worth. Who
qualifies gets slots for them, as far as there are free ones. Feedback on practice is given by
`reassess.rating.submission`.
"""

from collections import defaultdict

from sqlalchemy import Connection, bindparam, select, update

from reassess.rating import task_choice
from reassess.rating.schema import (
    ANSWERED,
    OPEN,
    PRACTICE,
    QUALIFICATION,
    leases,
    questions,
    raters,
    votes,
)
from reassess.rating.state import load_task
from reassess.rating.store import Store, study_row

_GIVEN = (
    select(votes.c.question, votes.c.version, votes.c.answer, questions.c.task, questions.c.truth)
    .select_from(
        leases.join(questions, questions.c.task == leases.c.task).join(
            votes,
            (votes.c.question == questions.c.id)
            & (votes.c.rater == leases.c.rater)
            & (votes.c.lease == leases.c.id),
        )
    )
    .where(
        leases.c.rater == bindparam("rater"),
        leases.c.purpose == QUALIFICATION,
        leases.c.state == ANSWERED,
    )
    .order_by(votes.c.question, votes.c.version)
)
_RUNS = (
    select(leases.c.id)
    .where(
        leases.c.rater == bindparam("rater"),
        leases.c.state == OPEN,
        leases.c.purpose.in_([PRACTICE, QUALIFICATION]),
    )
    .limit(1)
)


def decide(store: Store, connection: Connection, rater: int) -> None:
    """Move a rater on whose practice or qualification is over; leave them where it is not."""
    stage = connection.execute(select(raters.c.stage).where(raters.c.id == rater)).scalar_one()
    settings = study_row(connection).settings
    if stage == "practice":
        if task_choice.is_practised(connection, rater, settings):
            _move(connection, rater, stage, "qualification")
        return
    if stage != "qualification" or connection.execute(_RUNS, {"rater": rater}).first():
        return
    latest = {row.question: row for row in connection.execute(_GIVEN, {"rater": rater})}
    judged = [row for row in latest.values() if row.truth is not None]
    right = sum(0.5 if row.answer == 1 else float((row.answer == 2) == row.truth) for row in judged)
    if judged and right < settings.qualification_accuracy * len(judged):
        _move(connection, rater, stage, "failed")
    elif _move(connection, rater, stage, "rating"):
        count_unslotted(
            store, connection, rater, [(row.task, row.question, row.version, row.answer)
                                       for row in latest.values()]
        )  # fmt: skip


def count_unslotted(
    store: Store, connection: Connection, rater: int, given: list[tuple[int, int, int, int]]
) -> int:
    """How many votes got a slot, of (task, question, version, answer) without one."""
    by_task: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for task, *vote in given:
        by_task[task].append((vote[0], vote[1], vote[2]))
    n_counted = 0
    for task in sorted(by_task):
        state = load_task(connection, task)
        for question, version, answer in by_task[task]:
            if state.questions[question].place_of(rater) is None and state.take(question, rater):
                state.count(question, rater, version, answer)
                n_counted += 1
        state.save(store, connection)
    connection.execute(
        update(raters).where(raters.c.id == rater).values(n_counted=raters.c.n_counted + n_counted)
    )
    return n_counted


def _move(connection: Connection, rater: int, stage: str, to: str) -> bool:
    moved = connection.execute(
        update(raters).where(raters.c.id == rater, raters.c.stage == stage).values(stage=to)
    )
    return moved.rowcount == 1
