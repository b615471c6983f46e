"""The table of raters: how much, how fast, how well. For owners only.

Answers about one image are right or wrong together, so that intervals count images as clusters:
exactly for gold and for repeated questions, of which there are few. Of the other answers tallies
are kept; there the answers of a task count as one, which is cautious.

Gold answers are those of any task but practice, in their latest version. Agreement is kept
while answers come in: each is compared with the counted votes that were there already.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import numpy as np
from jaxtyping import Bool, Int
from sqlalchemy import Connection, and_, func, select, text

from reassess.rating.database import AnyRow, in_lists
from reassess.rating.records import Role, Stage
from reassess.rating.schema import PRACTICE, activity, leases, questions, raters, votes
from reassess.rating.store import Store, moment, study_row
from reassess.registry import checks_choices
from reassess.statistics import clustered_interval, wilson_bounds


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its interval; ``value`` is None where nothing was counted.

    Attributes:
        n: how many count.
        of: of how many.
        low: lower end of the 95 % interval, images as clusters.
        high: upper end.
    """

    n: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The proportion in [0, 1]; None where nothing was counted."""
        return self.n / self.of if self.of else None


@checks_choices
@dataclass(frozen=True, slots=True)
class RaterFigures:
    """One line of the rater table.

    Attributes:
        number: of the rater.
        name: the rater's id in votes.
        role: what they may do.
        stage: how far they have come.
        is_paused: whether they get no work.
        is_excluded: whether their votes are excluded.
        n_screens: tasks answered.
        n_answers: answers given, practice left out.
        answers_per_hour: over the time that they worked; None before there is any.
        seconds_per_answer: mean; None before there is any.
        share_fast: share of answers in less than half a second.
        precision: of their yes on gold, how many are right.
        recall: of the classes that gold says are there, how many they answered yes to.
        gold_accuracy: of their yes and no on gold, how many are right.
        agreement: of the votes that others had given when they answered, how many were the same.
        self_agreement: of the questions shown to them again, how many they answered the same.
        drift: accuracy on gold in the later half of their answers less the earlier half; None
            below 20 answers to gold.
        is_suspicious: they take less than a third of the median time, or answer a fifth of
            the questions in less than half a second.
        fails_gold: by their answers to gold their balanced accuracy lies below the one that
            qualifies (`Settings.qualification_accuracy`), with 97.5 % confidence: they guess, give
            one answer to everything, or have misunderstood the question.
        last_seen: when they answered last; None before.
    """

    number: int
    name: str
    role: Role
    stage: Stage
    is_paused: bool
    is_excluded: bool
    n_screens: int
    n_answers: int
    answers_per_hour: float | None
    seconds_per_answer: float | None
    share_fast: Share
    precision: Share
    recall: Share
    gold_accuracy: Share
    agreement: Share
    self_agreement: Share
    drift: float | None
    is_suspicious: bool
    fails_gold: bool
    last_seen: datetime | None


def share_of_images(holds: Bool[np.ndarray, "n"], image: Int[np.ndarray, "n"]) -> Share:
    """A proportion with its 95 % interval, images drawn again."""
    return Share(int(holds.sum()), len(holds), *clustered_interval(holds, image))


def share_of_tasks(n: int, of: int, n_tasks: int) -> Share:
    """A proportion with its 95 % interval, as if all answers of a task were alike."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    n_effective = float(min(of, max(n_tasks, 1)))
    low, high = wilson_bounds(np.array([n / of * n_effective]), np.array([n_effective]))
    return Share(n, of, min(float(low[0]), n / of), max(float(high[0]), n / of))  # rounding


_TOO_FAST = 0.2
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class _OnGold:
    """A rater's answers to gold, oldest first."""

    answer: Int[np.ndarray, "n"]
    truth: Int[np.ndarray, "n"]
    image: Int[np.ndarray, "n"]


@dataclass(frozen=True, slots=True)
class _Repeated:
    """Whether a rater answered the questions shown to them again as before."""

    same: Bool[np.ndarray, "n"]
    image: Int[np.ndarray, "n"]


_NO_GOLD = _OnGold(*(np.zeros(0, np.int64) for _ in range(3)))
_NONE_REPEATED = _Repeated(np.zeros(0, bool), np.zeros(0, np.int64))


def rater_table(store: Store) -> tuple[RaterFigures, ...]:
    """One line for each person who rates or has rated, by number.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        people = connection.execute(
            select(raters)
            .where((raters.c.role == "rater") | (raters.c.n_answers > 0))
            .order_by(raters.c.id)
        ).all()
        on_gold = _on_gold(connection)
        repeated = _repeated(connection)
        worked: dict[int, int] = {row[0]: row[1] for row in connection.execute(
                select(activity.c.rater, func.count()).group_by(activity.c.rater)
            )}  # fmt: skip
        last = _last_seen(connection)
        qualifies = study_row(connection).settings.qualification_accuracy
    paces = [row.milliseconds / row.n_timed for row in people if row.n_timed >= _FEWEST]
    usual = median(paces) if paces else None
    return tuple(
        _figures(
            row, on_gold.get(row.id, _NO_GOLD), repeated.get(row.id, _NONE_REPEATED),
            worked.get(row.id, 0), last.get(row.id), usual, qualifies,
        )
        for row in people
    )  # fmt: skip


def _figures(
    row: AnyRow,
    on_gold: _OnGold,
    repeated: _Repeated,
    n_hours: int,
    last: int | None,
    usual: float | None,
    qualifies: float,
) -> RaterFigures:
    pace = row.milliseconds / row.n_timed if row.n_timed else None
    yes, there = on_gold.answer == 2, on_gold.truth == 1
    decided = on_gold.answer != 1
    image = on_gold.image
    n_tasks = row.n_screens - len(np.unique(repeated.image))  # what is repeated is not compared
    is_slow_enough = pace is None or usual is None or row.n_timed < _FEWEST or pace * 3 >= usual
    many_fast = row.n_timed >= _FEWEST and row.n_fast >= _TOO_FAST * row.n_timed
    return RaterFigures(
        number=row.id,
        name=row.name,
        role=row.role,
        stage=row.stage,
        is_paused=row.paused_at is not None,
        is_excluded=row.aside_at is not None,
        n_screens=row.n_screens,
        n_answers=row.n_answers,
        answers_per_hour=row.n_answers / n_hours if n_hours else None,
        seconds_per_answer=None if pace is None else pace / 1000,
        share_fast=share_of_tasks(row.n_fast, row.n_timed, n_tasks),
        precision=share_of_images(there[yes], image[yes]),
        recall=share_of_images(yes[there], image[there]),
        gold_accuracy=share_of_images((yes == there)[decided], image[decided]),
        agreement=share_of_tasks(row.n_agreed, row.n_compared, n_tasks),
        self_agreement=share_of_images(repeated.same, repeated.image),
        drift=_drift(on_gold),
        is_suspicious=many_fast or not is_slow_enough,
        fails_gold=_surely_below(on_gold, qualifies),
        last_seen=None if last is None else moment(last),
    )


def _surely_below(on_gold: _OnGold, qualifies: float) -> bool:
    """Whether the interval of their balanced accuracy ends below the one that qualifies.

    The mean of what is right of the present and of the absent classes; a maybe is neither right nor
    wrong. Its upper end combines those of the two shares.

    Source: G. Zou and A. Donner (2008), Statistics in Medicine 27:1693-1702 (limits of a sum from
        those of its parts).
    """
    decided = on_gold.answer != 1
    value = above = 0.0
    for truth in (0, 1):
        of = decided & (on_gold.truth == truth)
        if not of.any():
            return False
        right = on_gold.answer[of] == 2 * truth
        _, high = clustered_interval(right, on_gold.image[of])
        value += float(right.mean()) / 2
        above += (high - float(right.mean())) ** 2 / 4
    return value + math.sqrt(above) < qualifies


def _drift(on_gold: _OnGold) -> float | None:
    """Accuracy in the later half less that in the earlier half; a maybe is half right."""
    n = len(on_gold.answer)
    if n < _FEWEST:
        return None
    right = np.where(on_gold.answer == 1, 0.5, (on_gold.answer == 2) == (on_gold.truth == 1))
    return float(right[n // 2 :].mean() - right[: n // 2].mean())


def _on_gold(connection: Connection) -> dict[int, _OnGold]:
    """Every rater's answers to gold, in their latest version, oldest first."""
    known = connection.execute(select(questions.c.id).where(text("truth IS NOT NULL"))).scalars()
    columns = (
        votes.c.rater, votes.c.answer, questions.c.truth, votes.c.question, votes.c.version,
        votes.c.given_at, questions.c.image,
    )  # fmt: skip
    given = select(*columns).join(questions, questions.c.id == votes.c.question)
    given = given.where(votes.c.round == 0, votes.c.purpose != PRACTICE)
    # By lists of ids, because SQLite would walk over all votes to find the few on gold.
    found = [
        tuple(-1 if value is None else value for value in row)
        for part in in_lists(list(known))
        for row in connection.execute(given.where(votes.c.question.in_(part)))
    ]
    rows = np.array(found, np.int64)
    if len(rows) == 0:
        return {}
    rater, answer, truth, question, version, at, image = rows.T
    order = np.lexsort((version, question, rater))
    last = np.append(np.diff(rater[order]) | np.diff(question[order]), 1) != 0
    order = order[last]
    order = order[np.lexsort((at[order], rater[order]))]
    people, start = np.unique(rater[order], return_index=True)
    parts = np.split(order, start[1:])
    return {
        int(person): _OnGold(answer[part], truth[part], image[part])
        for person, part in zip(people, parts, strict=True)
    }


def _repeated(connection: Connection) -> dict[int, _Repeated]:
    """Whether each rater answered the questions that were shown to them again as before."""
    again, first = votes.alias("again"), votes.alias("first")
    before = (
        select(first.c.answer)
        .where(
            first.c.question == again.c.question,
            first.c.rater == again.c.rater,
            first.c.round == 0,
        )
        .order_by(first.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = (
        select(
            again.c.rater,
            again.c.question,
            again.c.answer,
            before.label("before"),
            questions.c.image,
        )
        .join(questions, questions.c.id == again.c.question)
        .where(text("again.round > 0"))
        .order_by(again.c.version)
    )
    latest = {
        (row.rater, row.question): (row.answer == row.before, row.image)
        for row in connection.execute(found)
    }
    answers: dict[int, list[tuple[bool, int]]] = defaultdict(list)
    for (rater, _), one in latest.items():
        answers[rater].append(one)
    return {
        rater: _Repeated(np.array([same for same, _ in own]), np.array([image for _, image in own]))
        for rater, own in answers.items()
    }


def _last_seen(connection: Connection) -> dict[int, int]:
    """When each rater last worked, to the hour's end of their last tasks."""
    ends = select(leases.c.rater, func.max(leases.c.ordinal).label("last")).group_by(leases.c.rater)
    newest = ends.subquery()
    found = select(leases.c.rater, func.coalesce(leases.c.ended_at, leases.c.leased_at)).join(
        newest, and_(newest.c.rater == leases.c.rater, newest.c.last == leases.c.ordinal)
    )
    return {row[0]: row[1] for row in connection.execute(found)}
