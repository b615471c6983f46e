"""The second way to work: one class, a grid of images, for fast class grids.

The same questions, slots, leases and answers as task by task; a class grid is many leases of
one question each, taken in one transaction. Shows no gold and no repetitions.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, exists, func, insert, select, text, update

from reassess.rating import task_choice
from reassess.rating.database import AnyRow
from reassess.rating.leases import (
    hold_again,
    prolong,
    ran_out_of,
    release,
    tasks_of,
)
from reassess.rating.limits import tasks_left, votes_left, who
from reassess.rating.records import NoTask, TaskLease, TaskQuestion
from reassess.rating.schema import (
    OPEN,
    RATING,
    RETURNED,
    UNSEEN,
    images,
    leases,
    questions,
    raters,
    slots,
    votes,
)
from reassess.rating.state import load_task
from reassess.rating.store import Store, StudyRow, moment, study_row

_AT_ONCE = 100
_GRIDS = 2
"""That a rater may hold at once, of one class: the one on their page and the next."""

_IS_OPEN = text("questions.is_open")
_OPEN = (
    select(questions.c.id, questions.c.task, images.c.name)
    .join(images, images.c.id == questions.c.image)
    .where(
        _IS_OPEN,
        questions.c.label == bindparam("label"),
        questions.c.id >= bindparam("low"),
        questions.c.id < bindparam("high"),
        ~exists().where(
            votes.c.question == questions.c.id, votes.c.rater == bindparam("rater")
        ),
        ~exists().where(slots.c.rater == bindparam("rater"), slots.c.question == questions.c.id),
        ~exists().where(
            leases.c.rater == bindparam("rater"), leases.c.task == questions.c.task,
            leases.c.state == UNSEEN,
        ),
    )
    .order_by(questions.c.id)
    .limit(bindparam("limit"))
)  # fmt: skip
_HELD = (
    select(leases.c.id, leases.c.task, leases.c.rater, leases.c.purpose, leases.c.questions)
    .where(
        leases.c.rater == bindparam("rater"), leases.c.state == OPEN, leases.c.is_sweep.is_(True),
    )
    .order_by(leases.c.id)
)  # fmt: skip
_LABELS = select(questions.c.id, questions.c.label).where(
    questions.c.id.in_(bindparam("questions", expanding=True))
)
_HIGHEST = select(func.max(questions.c.id)).where(_IS_OPEN, questions.c.label == bindparam("label"))


def next_class_grid(
    store: Store, rater: int, label: int, *, n_images: int = 24, beyond: Collection[int] = ()
) -> tuple[TaskLease, ...] | NoTask:
    """Tasks of one question each, all about one class, for the grid of images.

    The same questions, slots and leases as in `next_task`; submit each by itself. Tasks
    of the class that they hold already come back first.

    Args:
        store: the study.
        rater: the rater's number; they must have qualified.
        label: index of the class.
        n_images: how many at most; never more than 100.
        beyond: leases that they are to get others after, to prefetch.

    Raises:
        RaterError: the rater is unknown.
        StoreError: the database cannot be reached or written.
    """
    if not 0 <= label < 2**31:
        return NoTask("complete")
    n_images = max(1, min(n_images, _AT_ONCE))
    having = frozenset(beyond)
    return store.database.write(lambda c: _next_grid(store, c, rater, label, n_images, having))


def grid_classes(store: Store, limit: int = 100) -> tuple[tuple[int, int], ...]:
    """Classes with open questions and how many each has, most first, at most ``limit``.

    Raises:
        StoreError: the database cannot be read.
    """
    n_open = func.count().label("n_open")
    asked = (
        select(questions.c.label, n_open)
        .where(_IS_OPEN)
        .group_by(questions.c.label)
        .order_by(n_open.desc(), questions.c.label)
        .limit(limit)
    )
    with store.database.read() as connection:
        return tuple((label, n) for label, n in connection.execute(asked))


def _next_grid(
    store: Store,
    connection: Connection,
    rater: int,
    label: int,
    n_images: int,
    beyond: frozenset[int],
) -> tuple[TaskLease, ...] | NoTask:
    study = study_row(connection)
    person = who(connection, rater)
    if person.barred_at is not None:
        return NoTask("paused")
    if person.stage != "rating":
        return NoTask("not-qualified")
    _return_other_classes(store, connection, rater, label)
    _hold_again(store, connection, rater, label)
    mine = _held(connection, rater, label)
    held = [row.id for row in mine if row.id not in beyond][:n_images]
    if held:
        prolong(store, connection, rater, held)
        return tasks_of(connection, rater, held)
    if len(mine) >= _GRIDS * n_images:
        return NoTask("wait")
    room = _room(connection, study, person, n_images, is_holding=bool(mine))
    if isinstance(room, NoTask):
        return room
    seed = task_choice.draw(study.secret, rater, person.n_leases + 1)
    found = sorted(_found(connection, rater, label, seed, room), key=lambda row: row[1])
    grid = []
    for question, task, image_id in found:
        leased = _lease(store, connection, rater, (question, label), task, image_id)
        if leased is not None:
            grid.append(leased)
    return tuple(grid) or NoTask("complete")


def _room(
    connection: Connection, study: StudyRow, person: AnyRow, n_images: int, *, is_holding: bool
) -> int | NoTask:
    """How many images a rater may get at most, or why none."""
    if study.is_closed:
        return NoTask("closed")
    limits = (tasks_left(connection, person), votes_left(connection, study.settings))
    if limits[0] is not None and limits[0] <= 0:
        return NoTask("wait" if is_holding else "finished")
    return min([n_images, *(left for left in limits if left is not None)])


def _held(connection: Connection, rater: int, label: int) -> list[AnyRow]:
    """The rater's leases of grids that are about a class."""
    return _of_class(connection, connection.execute(_HELD, {"rater": rater}).all(), label)


def _of_class(
    connection: Connection, rows: Sequence[AnyRow], label: int, *, others: bool = False
) -> list[AnyRow]:
    """Leases of grids that are about a class, or about others."""
    asked = {"questions": [row.questions[0] for row in rows]}
    labels = {row.id: row.label for row in connection.execute(_LABELS, asked)}
    return [row for row in rows if (labels[row.questions[0]] == label) != others]


def _return_other_classes(store: Store, connection: Connection, rater: int, label: int) -> None:
    """Give back what the rater holds of other classes: nobody holds hundreds of questions."""
    rows = connection.execute(_HELD, {"rater": rater}).all()
    release(store, connection, _of_class(connection, rows, label, others=True), RETURNED)


def _hold_again(store: Store, connection: Connection, rater: int, label: int) -> None:
    """Have the rater hold again what ran out of this class, and still waits for an answer."""
    rows = [row for row in ran_out_of(connection, rater) if row.is_sweep]
    for row in _of_class(connection, rows, label):
        hold_again(store, connection, rater, row.id)


def _found(
    connection: Connection, rater: int, label: int, seed: task_choice.TaskSeed, n_images: int
) -> list[tuple[int, int, str]]:
    """Open questions of the class from a random one on, around the end."""
    highest = connection.execute(_HIGHEST, {"label": label}).scalar()
    if highest is None:
        return []
    start = seed.place % (highest + 1)
    rows: list[tuple[int, int, str]] = []
    for low, high in ((start, highest + 1), (0, start)):
        asked = {"label": label, "rater": rater, "low": low, "high": high}
        limit = n_images - len(rows)
        rows += [tuple(row) for row in connection.execute(_OPEN, asked | {"limit": limit})]
    return rows


def _lease(
    store: Store,
    connection: Connection,
    rater: int,
    asked: tuple[int, int],
    task: int,
    image_id: str,
) -> TaskLease | None:
    settings = study_row(connection).settings
    question, label = asked
    state = load_task(connection, task)
    if not state.is_open(state.questions[question]) or not state.take(question, rater):
        return None
    ordinal = connection.execute(
        update(raters)
        .where(raters.c.id == rater)
        .values(n_leases=raters.c.n_leases + 1)
        .returning(raters.c.n_leases)
    ).scalar_one()
    now = store.now()
    until = now + 1000 * settings.lease_seconds
    lease = connection.execute(
        insert(leases)
        .values(
            rater=rater, ordinal=ordinal, task=task, purpose=RATING, is_sweep=True,
            questions=[question], leased_at=now, expires_at=until,
        )
        .returning(leases.c.id)
    ).scalar_one()  # fmt: skip
    state.save(store, connection)
    return TaskLease(
        lease, image_id, (TaskQuestion(question, label, None),), moment(until), False, False,
        moment(now),
    )  # fmt: skip
