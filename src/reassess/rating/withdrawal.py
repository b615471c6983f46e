"""Images that are taken out of a study, and gold that is gold no more; both can be undone.

Nothing is deleted: votes, experts' answers and decisions stay in the store. A withdrawn image is
asked of nobody, its file is sent to nobody, and what was said about it counts for nothing: neither
in exported votes, nor as gold or as an expert's decision. Each act stands in the audit log.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, case, exists, select, update

from reassess.rating.counts import refresh_tasks
from reassess.rating.leases import release
from reassess.rating.ownership import image_numbers
from reassess.rating.records import is_text
from reassess.rating.schema import (
    FOR_PRACTICE,
    FOR_RATING,
    NOT_GOLD,
    OPEN,
    RETIRED,
    RETURNED,
    images,
    leases,
    practice_images,
    questions,
    tasks,
)
from reassess.rating.store import Store, check_actor, log
from reassess.rating.surplus import TASKS_AT_ONCE, fill_places_of

_LOGGED = 100


def withdraw_images(
    store: Store, image_ids: Sequence[str], *, by: int | None = None, reason: str = ""
) -> int:
    """How many tasks of these images are asked no more; those that are out go back.

    Args:
        store: the study.
        image_ids: images of the store.
        by: number of the owner; None from the command line.
        reason: for the audit log.

    Raises:
        AlignmentError: an image is unknown.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> list[int]:
        check_actor(connection, by)
        changed: list[int] = []
        for part in image_numbers(connection, image_ids):
            of_part = select(tasks.c.id).where(tasks.c.image.in_(part))
            out = select(
                leases.c.id, leases.c.task, leases.c.rater, leases.c.purpose, leases.c.questions
            ).where(leases.c.state == OPEN, leases.c.task.in_(of_part))  # fmt: skip
            release(store, connection, connection.execute(out).all(), RETURNED)
            withdrawn = (
                update(tasks)
                .where(tasks.c.image.in_(part), tasks.c.use != RETIRED)
                .values(use=RETIRED)
            )
            changed += connection.execute(withdrawn.returning(tasks.c.id)).scalars()
        _log(store, connection, by, "withdraw images", image_ids, reason)
        return changed

    return _refreshed(store, store.database.write(act))


def restore_images(
    store: Store, image_ids: Sequence[str], *, by: int | None = None, reason: str = ""
) -> int:
    """How many tasks of withdrawn images are there again: to rate, or to practise on as before.

    Args:
        store: the study.
        image_ids: images of the store.
        by: number of the owner; None from the command line.
        reason: for the audit log.

    Raises:
        AlignmentError: an image is unknown.
        StoreError: the database cannot be written.
    """
    practises = exists().where(practice_images.c.image == tasks.c.image)

    def act(connection: Connection) -> list[int]:
        check_actor(connection, by)
        changed = [
            task
            for part in image_numbers(connection, image_ids)
            for task in connection.execute(
                update(tasks)
                .where(tasks.c.image.in_(part), tasks.c.use == RETIRED)
                .values(use=case((practises, FOR_PRACTICE), else_=FOR_RATING))
                .returning(tasks.c.id)
            ).scalars()
        ]
        _log(store, connection, by, "restore images", image_ids, reason)
        return changed

    return _refreshed(store, store.database.write(act))


_IS_WITHDRAWN = (
    select(tasks.c.id)
    .join(images, images.c.id == tasks.c.image)
    .where(images.c.name == bindparam("image_id"), tasks.c.use == RETIRED)
    .limit(1)
)


def withdrawn_images(store: Store) -> tuple[str, ...]:
    """The ids of the images that are withdrawn, sorted.

    Raises:
        StoreError: the database cannot be read.
    """
    found = (
        select(images.c.name)
        .join(tasks, tasks.c.image == images.c.id)
        .where(tasks.c.use == RETIRED)
        .distinct()
    )
    with store.database.read() as connection:
        return tuple(sorted(connection.execute(found).scalars()))


def is_withdrawn(store: Store, image_id: str) -> bool:
    """Whether an image is withdrawn, and so is to be shown to nobody.

    Raises:
        StoreError: the database cannot be read.
    """
    if not is_text(image_id):
        return False
    return bool(store.database.fetch((_IS_WITHDRAWN, {"image_id": image_id}))[0])


def unchoose_gold(
    store: Store, image_ids: Sequence[str], *, by: int | None = None, reason: str = ""
) -> int:
    """How many tasks of these images are neither gold any more nor chosen to become gold.

    Their questions measure no rater from now on, and are asked as all others. What experts said
    stays; it holds again once the image is chosen again.

    Args:
        store: the study.
        image_ids: images of the store.
        by: number of the owner; None from the command line.
        reason: for the audit log.

    Raises:
        AlignmentError: an image is unknown.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> int:
        check_actor(connection, by)
        n_unchosen = 0
        for part in image_numbers(connection, image_ids):
            n_unchosen += connection.execute(
                update(tasks)
                .where(tasks.c.image.in_(part), tasks.c.gold != NOT_GOLD)
                .values(gold=NOT_GOLD)
            ).rowcount
            connection.execute(
                update(questions)
                .where(questions.c.image.in_(part), questions.c.truth.is_not(None))
                .values(truth=None)
            )
        _log(store, connection, by, "unchoose gold", image_ids, reason)
        return n_unchosen

    return store.database.write(act)


def _refreshed(store: Store, changed: list[int]) -> int:
    for low in sorted({task - task % TASKS_AT_ONCE for task in changed}):
        refresh_tasks(store, low, low + TASKS_AT_ONCE)
        fill_places_of(store, low, low + TASKS_AT_ONCE)
    return len(changed)


def _log(
    store: Store, connection: Connection, by: int | None, action: str,
    image_ids: Sequence[str], reason: str,
) -> None:  # fmt: skip
    detail: dict[str, object] = {"images": list(image_ids[:_LOGGED]), "reason": reason}
    if len(image_ids) > _LOGGED:
        detail["of"] = len(image_ids)
    log(connection, store.now(), by, action, detail)
