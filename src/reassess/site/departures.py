"""Who has left a study, noted beside its database: so that no older copy lets them in again.

Noted whenever the site opens or closes, and when somebody is removed, paused, erased or given
another role. It holds numbers, times and roles, and no name. Of each database by its first id,
which its backups and copies share.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from reassess.files import write_atomically
from reassess.notes import note
from reassess.rating import Departure, Reapplied, Store, departures, reapply, store_history
from reassess.site.kept import KEPT, kept_folder
from reassess.study import Study

_FILE = "departures.json"
_MOST_STORES = 50


def note_departures(study: Study, store: Store) -> None:
    """Note who has left the study now.

    Raises:
        FileError: the study's folder cannot be written.
        StoreError: the database cannot be read.
    """
    known = _noted(study)
    first = store_history(store)[0].store_id
    left = [asdict(one) for one in departures(store)]
    if known.pop(first, []) == left:
        return
    known[first] = left
    with write_atomically(kept_folder(study) / _FILE) as beside:
        kept = dict(list(known.items())[-_MOST_STORES:])
        beside.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def noted_departures(study: Study, store: Store) -> tuple[Departure, ...]:
    """Who had left, as far as was noted of this database and of its copies.

    Raises:
        StoreError: the database cannot be read.
    """
    found = _noted(study).get(store_history(store)[0].store_id, [])
    return tuple(
        Departure(one["number"], one["created_at"], one["role"], one["is_removed"],
                  one["is_paused"], one["erased"])
        for one in found
    )  # fmt: skip


def reapply_departures(
    study: Study, store: Store, left: Sequence[Departure] | None = None
) -> Reapplied:
    """Let what ended for people end in an older copy of the study's database, too, and say so.

    Args:
        study: the study.
        store: the copy.
        left: who had left the database that it replaces; None are those that were noted.

    Raises:
        StoreError: the database cannot be written.
    """
    done = reapply(store, noted_departures(study, store) if left is None else left)
    if done:
        parts = [
            f"{n:,} {what}"
            for n, what in (
                (done.n_removed, "removed"), (done.n_paused, "paused"),
                (done.n_roles, "given the role that they had last"), (done.n_erased, "erased"),
            )
            if n
        ]  # fmt: skip
        note(
            f"{study.folder}: the database is older than what was done to its people since, and so "
            f"it was done again: {', '.join(parts)}."
        )
    return done


def _noted(study: Study) -> dict[str, list[dict[str, Any]]]:
    try:
        found = json.loads((study.folder / KEPT / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
