"""What an owner may do, each act written into the audit log in the same transaction."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Update, and_, delete, func, insert, select, update

from reassess.errors import AlignmentError, OptionError, preview
from reassess.rating import schema
from reassess.rating.access import check_not_self, check_owner_left
from reassess.rating.counts import lock_tasks, recount, refresh_tasks
from reassess.rating.database import in_lists, numbers_by_name
from reassess.rating.leases import release_all_of
from reassess.rating.people import rater as person
from reassess.rating.qualification import count_test
from reassess.rating.records import Settings
from reassess.rating.schema import questions, raters, slots, study, tasks
from reassess.rating.store import Store, check_actor, log, moment, study_row
from reassess.rating.surplus import TASKS_AT_ONCE, fill_places, fill_places_of
from reassess.registry import checks_choices

Use = Literal["rating", "practice", "retired"]


@dataclass(frozen=True, slots=True)
class Act:
    """A line of the audit log.

    Attributes:
        number: rising; to page by.
        at: when.
        actor: name of who did it; None for the command line.
        action: what was done.
        detail: to whom or what, and how.
    """

    number: int
    at: datetime
    actor: str | None
    action: str
    detail: dict[str, object]


_USES: dict[Use, int] = {
    "rating": schema.FOR_RATING,
    "practice": schema.FOR_PRACTICE,
    "retired": schema.RETIRED,
}


def pause(store: Store, rater: int, *, by: int | None = None, reason: str = "") -> int:
    """How many leases went back: whoever is paused stays signed in, but can do nothing.

    Raises:
        RaterError: the rater is unknown, or is whoever acts.
        OptionError: no owner would be left who may act.
        StoreError: the database cannot be written.
    """
    one = person(store, rater)
    check_not_self(one, by)
    with store.database.read() as connection:
        check_owner_left(connection, one)
    _change(store, rater, by, "pause", {"paused_at": store.now()}, reason)
    return store.database.write(lambda connection: release_all_of(store, connection, rater))


def resume(store: Store, rater: int, *, by: int | None = None) -> None:
    """Let a paused rater go on.

    Raises:
        RaterError: the rater is unknown.
        StoreError: the database cannot be written.
    """
    _change(store, rater, by, "resume", {"paused_at": None})


def waive_qualification(store: Store, rater: int, *, by: int | None = None) -> None:
    """Let a rater rate who has not qualified, or has not tried. What they answered counts now.

    Raises:
        RaterError: the rater is unknown.
        StoreError: the database cannot be written.
    """
    _change(store, rater, by, "waive qualification", {"stage": "rating"})
    store.database.write(lambda connection: count_test(store, connection, rater))


def exclude_votes(store: Store, rater: int, *, by: int | None = None, reason: str = "") -> int:
    """How many votes of a rater no longer count; their places return to the queue.

    Where somebody's surplus vote waits for the place, it takes it. The rater is paused. The votes
    stay in the store and can be exported, marked as not counted.
    Done in steps; when it is cut off, call it again.

    Raises:
        RaterError: the rater is unknown.
        StoreError: the database cannot be written.
    """
    pause(store, rater, by=by, reason=reason)
    _change(store, rater, by, "exclude votes", {"aside_at": store.now()}, reason)
    n_freed, low = 0, 0
    while True:
        first = _first_task(store, rater, low)
        if first is None:
            return n_freed
        low = first + TASKS_AT_ONCE
        n_freed += _free_votes(store, rater, first, low)
        refresh_tasks(store, first, low)
        fill_places_of(store, first, low)


def restore_votes(store: Store, rater: int, *, by: int | None = None) -> int:
    """How many excluded votes count again: those whose places are still free.

    The rater stays paused until resumed.

    Raises:
        RaterError: the rater is unknown.
        StoreError: the database cannot be written.
    """
    before = _n_counted(store, rater)
    _change(store, rater, by, "restore votes", {"aside_at": None})
    fill_places(store)
    return _n_counted(store, rater) - before


def _n_counted(store: Store, rater: int) -> int:
    with store.database.read() as connection:
        found = connection.execute(select(raters.c.n_counted).where(raters.c.id == rater))
        return int(found.scalar() or 0)


def change_settings(store: Store, settings: Settings, *, by: int | None = None) -> None:
    """Change how the study is rated from now on, and write it into the audit log.

    With more votes a question, questions that were complete open again, and votes beyond the former
    number count as far as they are asked for. Fewer are possible as
    long as no question has more. Leases that run keep their length.

    Args:
        store: the study.
        settings: all of them; take `settings_of` and `dataclasses.replace`.
        by: number of the owner.

    Raises:
        OptionError: a question has more votes than votes_per_question.
        StoreError: the database cannot be written.
    """
    before = store.database.write(lambda c: _apply_settings(store, c, settings, by))
    if settings.votes_per_question > before:
        fill_places(store)


def close(store: Store, *, by: int | None = None) -> None:
    """Close the study: nobody gets a new task; tasks that are out may still come back.

    Raises:
        StoreError: the database cannot be written.
    """
    _set_closed(store, store.now(), by, "close")


def reopen(store: Store, *, by: int | None = None) -> None:
    """Open a closed study again.

    Raises:
        StoreError: the database cannot be written.
    """
    _set_closed(store, None, by, "reopen")


@checks_choices
def set_use(store: Store, image_ids: Sequence[str], use: Use, *, by: int | None = None) -> int:
    """How many tasks of these images are now for rating, for practice only, or for nothing.

    Practice images need gold to give feedback; their votes are never counted.

    Raises:
        AlignmentError: an image is unknown.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> list[int]:
        changed = [
            task
            for part in image_numbers(connection, image_ids)
            for task in connection.execute(_use(part, _USES[use]).returning(tasks.c.id)).scalars()
        ]
        log(connection, store.now(), by, "set use", {"use": use, "images": list(image_ids[:100])})
        return changed

    changed = store.database.write(act)
    for low in sorted({task - task % TASKS_AT_ONCE for task in changed}):
        refresh_tasks(store, low, low + TASKS_AT_ONCE)
        fill_places_of(store, low, low + TASKS_AT_ONCE)
    return len(changed)


def practice_of_gold(store: Store) -> frozenset[str]:
    """Ids of the images that the study's gold made practice, as `mark_practice` noted.

    Raises:
        StoreError: the database cannot be read.
    """
    marked = schema.practice_images
    found = select(schema.images.c.name).join(marked, marked.c.image == schema.images.c.id)
    with store.database.read() as connection:
        return frozenset(connection.execute(found).scalars())


def mark_practice(store: Store, image_ids: Collection[str]) -> None:
    """Note in the store which images the study's gold made practice; no others are any more.

    Raises:
        AlignmentError: an image is unknown.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> None:
        numbers = image_numbers(connection, sorted(image_ids))
        connection.execute(delete(schema.practice_images))
        rows = [{"image": number} for part in numbers for number in part]
        if rows:
            connection.execute(insert(schema.practice_images), rows)

    store.database.write(act)


@checks_choices
def images_in_use(store: Store, image_ids: Collection[str], use: Use) -> frozenset[str]:
    """Those of the images whose tasks are there for this.

    Raises:
        StoreError: the database cannot be read.
    """
    images = schema.images
    with store.database.read() as connection:
        known = numbers_by_name(connection, images, sorted(image_ids))
        used: set[int] = set()
        for part in in_lists(list(known.values())):
            found = select(tasks.c.image).where(tasks.c.image.in_(part), tasks.c.use == _USES[use])
            used |= set(connection.execute(found).scalars())
    return frozenset(name for name, number in known.items() if number in used)


def audit_log(store: Store, *, before: int | None = None, limit: int = 100) -> tuple[Act, ...]:
    """The latest acts, newest first.

    Args:
        store: the study.
        before: only acts with a lower number.
        limit: how many at most.

    Raises:
        StoreError: the database cannot be read.
    """
    table = schema.audit_log
    found = (
        select(table, raters.c.name)
        .outerjoin(raters, raters.c.id == table.c.actor)
        .order_by(table.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        found = found.where(table.c.id < before)
    with store.database.read() as connection:
        return tuple(
            Act(row.id, moment(row.at), row.name, row.action, row.detail)
            for row in connection.execute(found)
        )


def image_numbers(connection: Connection, image_ids: Sequence[str]) -> list[list[int]]:
    """The numbers of images, in lists short enough for one query.

    Raises:
        AlignmentError: an image is unknown.
    """
    known = numbers_by_name(connection, schema.images, image_ids)
    missing = [image_id for image_id in image_ids if image_id not in known]
    if missing:
        raise AlignmentError(
            f"image {preview(missing)} is unknown; {len(missing):,} of {len(image_ids):,} are. Add "
            "questions about it first."
        )
    return in_lists(list(known.values()))


def _use(image: list[int], use: int) -> Update:
    return update(tasks).where(tasks.c.image.in_(image), tasks.c.use != use).values(use=use)


def _change(
    store: Store,
    rater: int,
    by: int | None,
    action: str,
    values: dict[str, object],
    reason: str = "",
) -> None:
    """Change a rater's row and log it."""
    name = person(store, rater).name

    def act(connection: Connection) -> None:
        check_actor(connection, by)  # before it could lift their own pause
        connection.execute(update(raters).where(raters.c.id == rater).values(values))
        log(connection, store.now(), by, action, {"rater": name, "reason": reason})

    store.database.write(act)


def _set_closed(store: Store, at: int | None, by: int | None, action: str) -> None:
    def act(connection: Connection) -> None:
        connection.execute(update(study).values(closed_at=at))
        log(connection, store.now(), by, action, {})

    store.database.write(act)


def _first_task(store: Store, rater: int, low: int) -> int | None:
    """The first task from ``low`` on in which a rater has a slot."""
    found = (
        select(func.min(questions.c.task))
        .select_from(slots.join(questions, questions.c.id == slots.c.question))
        .where(slots.c.rater == rater, questions.c.task >= low)
    )
    with store.database.read() as connection:
        return connection.execute(found).scalar()


def _free_votes(store: Store, rater: int, low: int, high: int) -> int:
    in_range = and_(questions.c.task >= low, questions.c.task < high)

    def act(connection: Connection) -> int:
        lock_tasks(connection, low, high)
        freed = connection.execute(
            delete(slots).where(
                slots.c.rater == rater,
                slots.c.version.is_not(None),
                slots.c.question.in_(select(questions.c.id).where(in_range)),
            )
        ).rowcount
        connection.execute(
            update(raters).where(raters.c.id == rater).values(n_counted=raters.c.n_counted - freed)
        )
        return freed

    return store.database.write(act)


def _apply_settings(
    store: Store, connection: Connection, settings: Settings, by: int | None
) -> int:
    """How many votes a question could get before."""
    before = study_row(connection).settings
    k = settings.votes_per_question
    highest = None
    if k < before.votes_per_question:
        highest = connection.execute(select(func.max(slots.c.slot))).scalar()
    if highest is not None and highest >= k:
        raise OptionError(
            f"votes_per_question is {k}, but must be at least {highest + 1}, as many as some "
            "question has: votes are never thrown away. Close the study, or hand in a "
            "stopping rule."
        )
    connection.execute(update(study).values(n_slots=k, settings=asdict(settings)))
    changed: dict[str, object] = {
        name: [asdict(before)[name], value]
        for name, value in asdict(settings).items()
        if asdict(before)[name] != value
    }
    log(connection, store.now(), by, "change settings", changed)
    if k != before.votes_per_question:
        lock_tasks(connection)
        recount(connection, k)
    return before.votes_per_question
