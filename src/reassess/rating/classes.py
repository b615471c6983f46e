"""The ids of the classes whose numbers a store's questions hold.

A question holds the index of its class. What index is what class, the store knows by itself, so
that a study whose classes have other numbers is refused before a vote is read as one on another
class. Further classes come at the end.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from reassess.errors import DataError
from reassess.rating import schema
from reassess.rating.store import Store


def class_ids(store: Store) -> tuple[str, ...]:
    """Ids of the classes in the order of their indices; empty where no study said them yet.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        return _class_ids(connection)


def keep_classes(store: Store, ids: Sequence[str]) -> None:
    """Keep the ids of the classes, or hold them against those that are kept.

    Args:
        store: the study.
        ids: of all classes, in the order of their indices.

    Raises:
        DataError: a class that is kept has another number, or is not there.
        StoreError: the database cannot be read or written.
    """

    def _keep(connection: Connection) -> None:
        kept = _class_ids(connection)
        moved = [n for n, one in enumerate(kept) if n >= len(ids) or ids[n] != one]
        if moved:
            first = moved[0]
            now = repr(ids[first]) if first < len(ids) else "missing"
            raise DataError(
                f"the rating store: class {first} is {now}, but must be {kept[first]!r} as when "
                f"its questions were asked; {len(moved):,} of {len(kept):,} classes have other "
                "numbers. Put the former classes back; further ones come at the end (reassess "
                "locate STUDY --labels FILE --append-classes)."
            )
        new = [{"id": n, "name": ids[n]} for n in range(len(kept), len(ids))]
        if new:
            connection.execute(insert(schema.classes), new)

    if class_ids(store) != tuple(ids):
        store.database.write(_keep)


def _class_ids(connection: Connection) -> tuple[str, ...]:
    found = select(schema.classes.c.name).order_by(schema.classes.c.id)
    return tuple(connection.execute(found).scalars().all())
