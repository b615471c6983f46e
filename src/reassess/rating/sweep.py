"""The second way to work: one class, a grid of images, for fast sweeping.

The same questions, slots, leases and answers as screen by screen; a sweep is many leases of
one question each, taken in one transaction. Shows no gold and no repetitions.
"""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, exists, func, insert, select, text, update

from reassess.rating import order
from reassess.rating.leases import screen_from, screen_row
from reassess.rating.queue import votes_left, who
from reassess.rating.records import Idle, Screen, ScreenQuestion
from reassess.rating.schema import (
    OPEN,
    RATING,
    UNSEEN,
    images,
    leases,
    questions,
    raters,
    slots,
    votes,
)
from reassess.rating.state import load_task
from reassess.rating.store import Store, moment, study_row

_AT_ONCE = 100
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
    select(leases.c.id, leases.c.questions)
    .where(
        leases.c.rater == bindparam("rater"), leases.c.state == OPEN, leases.c.is_sweep.is_(True),
        leases.c.expires_at > bindparam("now"),
    )
    .order_by(leases.c.id)
)  # fmt: skip
_HIGHEST = select(func.max(questions.c.id)).where(_IS_OPEN, questions.c.label == bindparam("label"))


def next_sweep(
    store: Store, rater: int, label: int, *, n_images: int = 24, beyond: Collection[int] = ()
) -> tuple[Screen, ...] | Idle:
    """Screens of one question each, all about one class, for the grid of images.

    The same questions, slots and leases as in `next_screen`; submit each by itself. Screens
    of the class that he holds already come back first.

    Args:
        store: the study.
        rater: his number; he must have qualified.
        label: index of the class.
        n_images: how many at most; never more than 100.
        beyond: leases that he is to get others after, to prefetch.

    Raises:
        RaterError: he is unknown.
        StoreError: the database cannot be reached or written.
    """
    if not 0 <= label < 2**31:
        return Idle("complete")
    n_images = max(1, min(n_images, _AT_ONCE))
    having = frozenset(beyond)
    return store.database.write(lambda c: _sweep(store, c, rater, label, n_images, having))


def sweep_labels(store: Store, limit: int = 100) -> tuple[tuple[int, int], ...]:
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


def _sweep(
    store: Store,
    connection: Connection,
    rater: int,
    label: int,
    n_images: int,
    beyond: frozenset[int],
) -> tuple[Screen, ...] | Idle:
    study = study_row(connection)
    person = who(connection, rater)
    if person.paused_at is not None:
        return Idle("paused")
    if person.stage != "rating":
        return Idle("not-qualified")
    held = _held(store, connection, rater, label, beyond)[:n_images]
    if held:
        return held
    if study.is_closed:
        return Idle("closed")
    left = votes_left(connection, study.settings)
    n_images = n_images if left is None else min(left, n_images)
    luck = order.draw(study.secret, rater, person.n_leases + 1)
    found = sorted(_found(connection, rater, label, luck, n_images), key=lambda row: row[1])
    screens = []
    for question, task, image_id in found:
        screen = _lease(store, connection, rater, (question, label), task, image_id)
        if screen is not None:
            screens.append(screen)
    return tuple(screens) or Idle("complete")


def _held(
    store: Store, connection: Connection, rater: int, label: int, beyond: frozenset[int]
) -> tuple[Screen, ...]:
    rows = connection.execute(_HELD, {"rater": rater, "now": store.now()}).all()
    screens = [
        screen_from(connection, screen_row(connection, rater, row.id))
        for row in rows
        if row.id not in beyond
    ]
    return tuple(screen for screen in screens if screen.questions[0].label == label)


def _found(
    connection: Connection, rater: int, label: int, luck: order.Draw, n_images: int
) -> list[tuple[int, int, str]]:
    """Open questions of the class from a random one on, around the end."""
    highest = connection.execute(_HIGHEST, {"label": label}).scalar()
    if highest is None:
        return []
    start = luck.place % (highest + 1)
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
) -> Screen | None:
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
    return Screen(
        lease, image_id, (ScreenQuestion(question, label, None),), moment(until), False, False
    )
