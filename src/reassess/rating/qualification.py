"""Practice, then qualification on gold, then real work: when a rater moves on.

The votes of a qualification take no slots, because nobody knows yet what they are worth. Who
qualifies gets slots for them, as far as there are free ones. Feedback on practice is given by
`reassess.rating.submission`.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select, text, update

from reassess.rating import task_choice
from reassess.rating.database import AnyRow
from reassess.rating.records import Settings
from reassess.rating.schema import (
    ANSWERED,
    FOR_RATING,
    IS_GOLD,
    OPEN,
    PRACTICE,
    QUALIFICATION,
    leases,
    questions,
    raters,
    tasks,
    votes,
)
from reassess.rating.store import Store, study_row
from reassess.rating.surplus import SurplusVote, count_surplus

CONSTANT = 0.5
"""The balanced accuracy of whoever gives one answer to everything, whatever the gold."""

_ASKED = select(leases.c.questions).where(
    leases.c.rater == bindparam("rater"),
    leases.c.purpose == QUALIFICATION,
    leases.c.state == ANSWERED,
)
_GIVEN = (
    select(questions.c.id, questions.c.task, questions.c.truth, votes.c.version, votes.c.answer)
    .select_from(
        questions.outerjoin(
            votes,
            (votes.c.question == questions.c.id)
            & (votes.c.rater == bindparam("rater"))
            & (votes.c.round == 0),
        )
    )
    .where(questions.c.id.in_(bindparam("questions", expanding=True)))
    .order_by(questions.c.id, votes.c.version)
)
_TRUTHS = (
    select(questions.c.truth, func.count())
    .select_from(questions.join(tasks, tasks.c.id == questions.c.task))
    .where(text("questions.truth IS NOT NULL"), tasks.c.gold == IS_GOLD, tasks.c.use == FOR_RATING)
    .group_by(questions.c.truth)
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
    given = _given(connection, rater)
    if not _is_qualified(given, _gold_truths(connection), settings):
        _move(connection, rater, stage, "failed")
    elif _move(connection, rater, stage, "rating"):
        _count_test(store, connection, rater, given)


def count_test(store: Store, connection: Connection, rater: int) -> None:
    """Let what a rater answered in their qualification count, as far as there are free places."""
    _count_test(store, connection, rater, _given(connection, rater))


def _count_test(store: Store, connection: Connection, rater: int, given: Sequence[AnyRow]) -> None:
    voted = [
        SurplusVote(row.id, rater, row.version, row.answer, row.task)
        for row in given
        if row.answer is not None
    ]
    count_surplus(store, connection, voted)


def untested_truth(connection: Connection, rater: int) -> bool | None:
    """What gold says of some question, and of none that the rater has answered yet.

    Whoever was asked only about classes that are absent, or only about such as are present, has
    not been tested: one answer to everything would do. None where both were asked, or gold
    says the same of all.
    """
    tested = {row.truth for row in _given(connection, rater) if row.truth is not None}
    if len(tested) != 1:
        return None
    other = not next(iter(tested))
    return other if other in _gold_truths(connection) else None


def qualification_warning(store: Store) -> str | None:
    """Why somebody would qualify who gives one answer to everything; None where they would not.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        settings, truths = study_row(connection).settings, _gold_truths(connection)
    if settings.n_qualification == 0 or not truths:
        return None
    if settings.qualification_accuracy <= CONSTANT:
        return (
            "whoever gives one answer to everything qualifies: that alone is "
            f"{100 * CONSTANT:.0f} % balanced accuracy, and "
            f"{100 * settings.qualification_accuracy:g} % are asked for. Ask for more."
        )
    if len(truths) == 1:
        (truth,), (n,) = truths.keys(), truths.values()
        absent = "is in the image" if truth else "is not in the image"
        return (
            f"whoever gives one answer to everything qualifies: of all {n:,} gold questions the "
            f"class {absent}. Choose gold of the other kind too."
        )
    return None


def _given(connection: Connection, rater: int) -> list[AnyRow]:
    """The questions that a qualification asked, each with the rater's latest answer, if any."""
    asked = connection.execute(_ASKED, {"rater": rater}).scalars()
    numbers = sorted({number for part in asked for number in part})
    found = connection.execute(_GIVEN, {"rater": rater, "questions": numbers})
    return list({row.id: row for row in found}.values())


def _gold_truths(connection: Connection) -> dict[bool, int]:
    """Gold questions that raters may be tested with, by whether the class is in the image."""
    return {bool(truth): n for truth, n in connection.execute(_TRUTHS)}


def _is_qualified(given: Sequence[AnyRow], truths: dict[bool, int], settings: Settings) -> bool:
    """Whether the balanced accuracy suffices: the mean of the recalls of absent and present.

    Of all answers the share that is right would let pass who always says no, as most classes that
    are asked about are absent. A question left open is not right, and whoever saw nothing of what
    gold says, or one half of it alone, has shown nothing.
    """
    if not truths or settings.n_qualification == 0:
        return True
    recalls = []
    for truth in truths:
        of = [row for row in given if row.truth is not None and bool(row.truth) == truth]
        if not of:
            return False
        right = [0.5 if row.answer == 1 else float(row.answer == 2 * truth) for row in of]
        recalls.append(sum(right) / len(right))
    return sum(recalls) / len(recalls) >= settings.qualification_accuracy


def _move(connection: Connection, rater: int, stage: str, to: str) -> bool:
    moved = connection.execute(
        update(raters).where(raters.c.id == rater, raters.c.stage == stage).values(stage=to)
    )
    return moved.rowcount == 1
