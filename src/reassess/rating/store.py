"""A study's store: opened, brought to the newest schema, and its settings.

Everything that happens to a study is a function in this package that takes a `Store` first.
A store may be shared by threads, and one database by many processes, each with its own
store: open it after forking.
"""

import math
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType

from sqlalchemy import Connection, insert, select, update

from reassess.rating import identity as identities
from reassess.rating.database import AnyRow, Database
from reassess.rating.migrations import check_holds_study, migrate
from reassess.rating.records import Identity, Origin, RaterError, Settings
from reassess.rating.round_trip import send
from reassess.rating.schema import audit_log, raters, study
from reassess.records import NoStopping, StoppingRule
from reassess.registry import checks_choices

STUDY = select(study.c.settings, study.c.secret, study.c.closed_at)
"""What `study_from` makes a study of."""


Clock = Callable[[], float]
"""Seconds since 1970, as `time.time` gives them."""


@dataclass(frozen=True, slots=True)
class Store:
    """One study in one database.

    Attributes:
        database: where it is.
        identity: which database it is.
        is_renewed: whether this opening gave it another id: it is a copy, or was restored.
        rule: when to stop asking; `NoStopping` gives every question all its votes.
        clock: what time it is; an argument so that tests can let it pass.
        names: names of raters by number, as far as they were needed; they never change.
        share_done: when the study's progress was counted last for raters, and the share.
    """

    database: Database
    identity: Identity
    is_renewed: bool = False
    rule: StoppingRule = field(default_factory=NoStopping)
    clock: Clock = time.time
    names: dict[int, str] = field(default_factory=dict)
    share_done: list[float] = field(default_factory=lambda: [-math.inf, 0.0])

    def now(self) -> int:
        """Milliseconds since 1970."""
        return int(self.clock() * 1000)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class StudyRow:
    """The study as the queue sees it in one transaction.

    Attributes:
        settings: how it is rated.
        secret: what shuffles the order of each rater.
        is_closed: whether it takes no new work.
    """

    settings: Settings
    secret: str
    is_closed: bool


def open_store(
    url: str,
    *,
    settings: Settings | None = None,
    rule: StoppingRule | None = None,
    clock: Clock = time.time,
    secret: str | None = None,
    must_exist: bool = False,
) -> Store:
    """The store of a study; the database is made, or brought to the newest schema, first.

    Args:
        url: ``sqlite:///<path>`` or ``postgresql://<user>@<host>/<database>``; a server's
            database must exist, and be empty or a study's.
        settings: of a new study; those of one that exists stay (`change_settings`).
        rule: when to stop asking a question; None gives each all its votes. It is not kept
            in the database: whoever opens the store hands it in. Call `refresh` after
            changing it.
        clock: seconds since 1970.
        secret: of a new study; it shuffles the order of each rater. None draws one; give one
            only where a run is to be repeated exactly, as nobody may foresee where gold stands.
        must_exist: refuse a database that holds no study yet rather than begin one there.

    Raises:
        StoreError: the database is absent, unreadable, newer than this version, or holds
            something else.
    """
    database = Database(url)
    now = int(clock() * 1000)
    try:
        if must_exist:
            check_holds_study(database)
        migrate(database)
        claimed = database.write(
            lambda c: _claim_study(c, database, settings or Settings(), secret, now)
        )
    except BaseException:
        database.close()
        raise
    return Store(database, claimed.identity, claimed.is_renewed, rule or NoStopping(), clock)


@checks_choices
def renew_identity(store: Store, origin: Origin) -> Store:
    """The store under another id; open invitations and every session ended with the old one.

    Raises:
        StoreError: the database cannot be written.
    """
    identity = store.database.write(
        lambda c: identities.renew(c, store.database, origin, store.now())
    )
    return replace(store, identity=identity, is_renewed=True)


def store_history(store: Store) -> tuple[Identity, ...]:
    """Every id that the store has had, the present one last.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        return identities.history_in(connection)


def study_id_of(store: Store) -> str | None:
    """The id of the study that the store belongs to; None until one has said so.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        found = connection.execute(select(study.c.study_id)).scalar()
        return None if found is None else str(found)


def give_to_study(store: Store, study_id: str) -> None:
    """Let the store belong to a study, whichever it belonged to before.

    Raises:
        StoreError: the database cannot be written.
    """
    store.database.write(lambda c: c.execute(update(study).values(study_id=study_id)))


def leave_mark(store: Store) -> str:
    """A random mark, kept in the store: the site was opened or closed, or votes were exported.

    Raises:
        StoreError: the database cannot be written.
    """
    return store.database.write(lambda c: identities.leave_mark(c, store.now()))


def has_mark(store: Store, mark: str) -> bool:
    """Whether the store holds such a mark: if not, it is older than what left the mark.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        return identities.has_mark(connection, mark)


def study_row(connection: Connection) -> StudyRow:
    """The study's settings, secret and state, as this transaction sees them."""
    return study_from(send(connection, (STUDY, {}))[0][0])


def study_from(row: AnyRow) -> StudyRow:
    """The study of a row with its settings, secret and ``closed_at``."""
    return StudyRow(Settings(**row.settings), row.secret, row.closed_at is not None)


def log(
    connection: Connection, now: int, actor: int | None, action: str, detail: dict[str, object]
) -> None:
    """Write a line of the audit log within a transaction; all acts of a person come by here.

    Raises:
        RaterError: whoever acts is paused or removed.
    """
    check_actor(connection, actor)
    connection.execute(insert(audit_log).values(at=now, actor=actor, action=action, detail=detail))


def check_actor(connection: Connection, actor: int | None) -> None:
    """Refuse an act of somebody who is paused or removed; None acts from the command line.

    Raises:
        RaterError: they are.
    """
    if actor is None:
        return
    found = select(raters.c.name, raters.c.paused_at, raters.c.removed_at)
    row = connection.execute(found.where(raters.c.id == actor)).first()
    if row is not None:
        is_paused, is_removed = row.paused_at is not None, row.removed_at is not None
        check_may_act(row.name, is_paused=is_paused, is_removed=is_removed)


def check_may_act(name: str, *, is_paused: bool, is_removed: bool) -> None:
    """Refuse whatever somebody does who is paused or removed.

    Raises:
        RaterError: they are.
    """
    if is_paused or is_removed:
        state = "removed" if is_removed else "paused"
        raise RaterError(f"{name!r} is {state}, and nothing was changed. Ask the study's owner.")


def names_of(store: Store, connection: Connection, numbers: Iterable[int]) -> list[str]:
    """Names of raters by number, remembered from one call to the next."""
    wanted = list(numbers)
    if not all(number in store.names for number in wanted):
        for number, name in connection.execute(select(raters.c.id, raters.c.name)):
            store.names[number] = name
    return [store.names[number] for number in wanted]


def moment(milliseconds: int) -> datetime:
    """A time as people and templates read it, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _claim_study(
    connection: Connection, database: Database, settings: Settings, secret: str | None, now: int
) -> identities.Claim:
    """Which database it is; a new one gets its study first."""
    if connection.execute(select(study.c.id)).first() is None:
        connection.execute(
            insert(study).values(
                id=1,
                n_slots=settings.votes_per_question,
                settings=asdict(settings),
                secret=secret or secrets.token_hex(16),
                created_at=now,
            )
        )
        identities.begin_identity(connection, database, now)
    return identities.claim(connection, database, now)


def settings_of(store: Store) -> Settings:
    """The study's settings.

    Raises:
        StoreError: the database cannot be read.
    """
    return study_from(store.database.fetch((STUDY, {}))[0][0]).settings
