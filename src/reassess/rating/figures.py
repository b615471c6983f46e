"""What an owner looks at: progress, contested images, remarks. From counters, so quick.

The table of raters is in `reassess.rating.rater_figures`. For owners and experts only.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from reassess.errors import AlignmentError
from reassess.rating.counts import share_of, workload
from reassess.rating.coverage import n_unassignable
from reassess.rating.records import is_text
from reassess.rating.schema import (
    OPEN,
    RETIRED,
    activity,
    images,
    leases,
    questions,
    raters,
    submissions,
    tasks,
)
from reassess.rating.schema import UNSEEN as CANNOT_SEE
from reassess.rating.store import Store, moment, study_row
from reassess.registry import checks_choices


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """How far a study has come.

    Attributes:
        n_images: images with a question.
        n_questions: questions that are asked (neither for practice nor retired).
        n_done: of them those that need no more votes: they have k, or are settled.
        n_votes: counted votes.
        n_votes_wanted: counted votes if every question were given k, or the budget.
        n_votes_left: counted votes that may still be asked for, at most: nothing is asked of
            what is settled, nor beyond the budget.
        n_unassignable: questions that still need votes, and that no rater who is there can be
            asked: each has answered them, or could not see the image. Who is there has come in, is
            neither paused nor removed, did not fail to qualify, and has tasks left.
        n_answers: everything answered: with repetitions, gold and qualification.
        n_gold: gold questions.
        n_leases: tasks that are out now.
        votes_per_hour: counted votes a working hour, over the last 24 hours in which anybody
            worked; None before the first hour is over.
        expected_end: when all would be done if every hour were like these, around the clock;
            None where it cannot be told. With a stopping rule it is an upper bound.
        is_closed: whether the study takes no new work.
    """

    n_images: int
    n_questions: int
    n_done: int
    n_votes: int
    n_votes_wanted: int
    n_votes_left: int
    n_unassignable: int
    n_answers: int
    n_gold: int
    n_leases: int
    votes_per_hour: float | None
    expected_end: datetime | None
    is_closed: bool

    @property
    def share_done(self) -> float:
        """Votes given, of these and those that may still be asked for; in [0, 1]."""
        return share_of(self.n_votes, self.n_votes_left)


@dataclass(frozen=True, slots=True)
class QuestionCounts:
    """The counted votes of one question.

    Attributes:
        question: its number.
        label: its class.
        n_no: votes.
        n_maybe: votes.
        n_yes: votes.
        truth: what gold says; None where it is no gold.
        is_done: whether it needs no more votes.
    """

    question: int
    label: int
    n_no: int
    n_maybe: int
    n_yes: int
    truth: bool | None
    is_done: bool


@dataclass(frozen=True, slots=True)
class ImageCounts:
    """An image and the counted votes of its questions. For owners and experts only.

    Attributes:
        image_id: the image.
        n_contested: votes of its most contested task that are not with the most frequent
            answer of their question.
        questions: all questions about the image.
        image: its number in the store.
    """

    image_id: str
    n_contested: int
    questions: tuple[QuestionCounts, ...]
    image: int


@checks_choices
@dataclass(frozen=True, slots=True)
class Remark:
    """What a rater said beside their answers.

    Attributes:
        kind: ``something else`` is in the image, or they ``cannot see`` it.
        image_id: the image.
        rater: the rater's name.
        text: what they wrote; empty for ``cannot see``.
        at: when.
    """

    kind: Literal["something else", "cannot see"]
    image_id: str
    rater: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HourlyWork:
    """What was answered within an hour in which anybody worked.

    Attributes:
        at: when the hour began.
        n_answers: everything answered.
        n_counted: of it counted votes.
    """

    at: datetime
    n_answers: int
    n_counted: int


_RECENT = 24
_HOUR = 3_600_000


def study_progress(store: Store) -> StudyProgress:
    """How far the study has come.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        study = study_row(connection)
        k, budget = study.settings.votes_per_question, study.settings.budget
        work = workload(connection, study.settings)
        n_stuck = n_unassignable(connection)
        n_answers = connection.execute(select(func.sum(raters.c.n_answers))).scalar() or 0
        n_images = connection.execute(select(func.count()).select_from(images)).scalar_one()
        is_known = questions.c.truth.is_not(None)
        n_gold = connection.execute(select(func.count()).where(is_known)).scalar_one()
        n_leases = connection.execute(
            select(func.count()).where(leases.c.state == OPEN)
        ).scalar_one()
        pace = _pace(connection, store.now())
    all_votes = work.n_questions * k
    wanted = all_votes if budget is None else min(budget, all_votes)
    end = None if not pace else moment(store.now() + round(work.n_left / pace * _HOUR))
    return StudyProgress(
        n_images, work.n_questions, work.n_done, work.n_votes, wanted, work.n_left, n_stuck,
        int(n_answers), n_gold, n_leases, pace, end, study.is_closed,
    )  # fmt: skip


def contested_images(store: Store, limit: int = 50) -> tuple[ImageCounts, ...]:
    """The images whose votes differ most, most contested first.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        rows = connection.execute(
            select(tasks.c.image)
            .where(tasks.c.n_contested > 0, tasks.c.use != RETIRED)
            .order_by(tasks.c.n_contested.desc(), tasks.c.id)
            .limit(2 * limit)
        ).scalars()
        numbers = list(dict.fromkeys(rows))[:limit]
        return counts_of(connection, numbers)


def image_counts(store: Store, image: str | int) -> ImageCounts:
    """One image, by id or by its number in the store, with the counted votes of its questions.

    Raises:
        AlignmentError: the image is unknown.
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        named = select(images.c.id).where(
            images.c.id == image if isinstance(image, int) else images.c.name == image
        )
        may_be = 0 <= image < 2**31 if isinstance(image, int) else is_text(image)
        number = connection.execute(named).scalar() if may_be else None
        if number is None:
            raise AlignmentError(f"image {image!r} is unknown. Name one of the study.")
        return counts_of(connection, [number])[0]


def work_by_hour(store: Store, rater: int | None = None) -> tuple[HourlyWork, ...]:
    """What was answered in each hour with work, oldest first; by all or by one rater.

    Raises:
        StoreError: the database cannot be read.
    """
    summed = [func.sum(activity.c[name]) for name in ("n_answers", "n_counted")]
    found = select(activity.c.hour, *summed).group_by(activity.c.hour).order_by(activity.c.hour)
    if rater is not None:
        found = found.where(activity.c.rater == rater)
    with store.database.read() as connection:
        return tuple(
            HourlyWork(moment(hour * _HOUR), int(n_answers), int(n_counted))
            for hour, n_answers, n_counted in connection.execute(found)
        )


def some_images(store: Store, limit: int = 200) -> tuple[str, ...]:
    """Ids of at most so many images with questions, from all over the study.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        last = connection.execute(select(func.max(images.c.id))).scalar()
        if last is None:
            return ()
        numbers = range(0, last + 1, max(1, -(-(last + 1) // limit)))
        found = select(images.c.name).where(images.c.id.in_(numbers)).order_by(images.c.id)
        return tuple(connection.execute(found).scalars())


def remarks(store: Store, limit: int = 200) -> tuple[Remark, ...]:
    """The latest remarks, newest first.

    Raises:
        StoreError: the database cannot be read.
    """
    of_lease = leases.join(tasks, tasks.c.id == leases.c.task).join(images).join(raters)
    texts = (
        select(submissions.c.something_else, submissions.c.given_at, images.c.name,
               raters.c.name.label("rater"))
        .select_from(of_lease.join(submissions, submissions.c.lease == leases.c.id))
        .where(submissions.c.something_else.is_not(None))
        .order_by(submissions.c.given_at.desc())
        .limit(limit)
    )  # fmt: skip
    unseen = (
        select(leases.c.ended_at, images.c.name, raters.c.name.label("rater"))
        .select_from(of_lease)
        .where(leases.c.state == CANNOT_SEE)
        .order_by(leases.c.id.desc())
        .limit(limit)
    )
    with store.database.read() as connection:
        found = [
            Remark("something else", row.name, row.rater, row.something_else, moment(row.given_at))
            for row in connection.execute(texts)
        ]
        found += [
            Remark("cannot see", row.name, row.rater, "", moment(row.ended_at))
            for row in connection.execute(unseen)
        ]
    return tuple(sorted(found, key=lambda remark: remark.at, reverse=True)[:limit])


def _pace(connection: Connection, now: int) -> float | None:
    """Counted votes in an hour with work, over the last hours that had any; whole ones only."""
    hours = connection.execute(
        select(func.sum(activity.c.n_counted))
        .where(activity.c.hour < now // _HOUR)
        .group_by(activity.c.hour)
        .order_by(activity.c.hour.desc())
        .limit(_RECENT)
    ).scalars()
    counts = [int(n) for n in hours]
    return sum(counts) / len(counts) if counts else None


def counts_of(connection: Connection, numbers: list[int]) -> tuple[ImageCounts, ...]:
    """Images by number, with the counted votes of their questions."""
    k = study_row(connection).settings.votes_per_question
    found = (
        select(questions, images.c.name, tasks.c.n_contested)
        .select_from(
            questions.join(images, images.c.id == questions.c.image).join(
                tasks, tasks.c.id == questions.c.task
            )
        )
        .where(questions.c.image.in_(numbers))
        .order_by(questions.c.id)
    )
    names: dict[int, str] = {}
    contested: dict[int, int] = defaultdict(int)
    asked: dict[int, list[QuestionCounts]] = defaultdict(list)
    for row in connection.execute(found):
        names[row.image] = row.name
        contested[row.image] = max(contested[row.image], row.n_contested)
        is_done = row.is_settled or row.n_no + row.n_maybe + row.n_yes >= k
        asked[row.image].append(
            QuestionCounts(row.id, row.label, row.n_no, row.n_maybe, row.n_yes, row.truth, is_done)
        )
    return tuple(ImageCounts(names[n], contested[n], tuple(asked[n]), n) for n in numbers)
