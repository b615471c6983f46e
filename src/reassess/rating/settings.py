"""How a study is rated: its settings, and what changing them does to its questions."""

from dataclasses import asdict

from sqlalchemy import Connection, func, select, update

from reassess.errors import OptionError
from reassess.rating.counting import lock_tasks, recount
from reassess.rating.records import Settings
from reassess.rating.schema import slots, study
from reassess.rating.store import Store, log, study_row


def settings_of(store: Store) -> Settings:
    """The study's settings.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        return study_row(connection).settings


def change_settings(store: Store, settings: Settings, *, by: int | None = None) -> None:
    """Change how the study is rated from now on, and write it into the audit log.

    With more votes a question, questions that were complete open again. Fewer are possible as
    long as no question has more. Leases that run keep their length.

    Args:
        store: the study.
        settings: all of them; take `settings_of` and `dataclasses.replace`.
        by: number of the owner.

    Raises:
        OptionError: a question has more votes than votes_per_question.
        StoreError: the database cannot be written.
    """
    store.database.write(lambda connection: _change(store, connection, settings, by))


def _change(store: Store, connection: Connection, settings: Settings, by: int | None) -> None:
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
