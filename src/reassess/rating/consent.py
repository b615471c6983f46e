"""What raters agreed to before their first task: which text, who, and when.

A text is known by its SHA-256, so that one that was changed is asked again; each text that anybody
agreed to is kept whole. What it says, and when it is shown, is the study's and the site's business.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from reassess.rating.people import check_role
from reassess.rating.records import ROLES
from reassess.rating.schema import consent_texts, consents, raters
from reassess.rating.store import Store, moment


@dataclass(frozen=True, slots=True)
class Consent:
    """That somebody agreed to a text.

    Attributes:
        rater: the person's number.
        name: their name.
        digest: SHA-256 of the text, as `consent_digest` gives it.
        given_at: when they agreed first.
    """

    rater: int
    name: str
    digest: str
    given_at: datetime


def consent_digest(text: str) -> str:
    """What a text is known by: SHA-256 of its UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def give_consent(store: Store, rater: int, text: str) -> None:
    """Store that a person agrees to a text, which is kept with it; once is enough.

    Args:
        store: the study.
        rater: the person's number.
        text: all of what they were shown.

    Raises:
        RaterError: the person is unknown, paused or removed.
        StoreError: the database cannot be written.
    """
    digest = consent_digest(text)

    def act(connection: Connection) -> None:
        check_role(connection, rater, ROLES)
        now = store.now()
        _add(connection, consent_texts, {"digest": digest, "text": text, "since": now})
        _add(connection, consents, {"rater": rater, "digest": digest, "given_at": now})

    store.database.write(act)


def has_consented(store: Store, rater: int, text: str) -> bool:
    """Whether a person agreed to this very text.

    Raises:
        StoreError: the database cannot be read.
    """
    wanted = select(consents.c.rater).where(
        consents.c.rater == rater, consents.c.digest == consent_digest(text)
    )
    with store.database.read() as connection:
        return connection.execute(wanted).first() is not None


def given_consents(store: Store, rater: int | None = None) -> tuple[Consent, ...]:
    """Who agreed to which text and when, the earliest first; a person may have agreed to several.

    Args:
        store: the study.
        rater: a person's number; None takes everybody's.

    Raises:
        StoreError: the database cannot be read.
    """
    found = (
        select(consents, raters.c.name)
        .join(raters, raters.c.id == consents.c.rater)
        .order_by(consents.c.given_at, consents.c.rater)
    )
    if rater is not None:
        found = found.where(consents.c.rater == rater)
    with store.database.read() as connection:
        return tuple(
            Consent(row.rater, row.name, row.digest, moment(row.given_at))
            for row in connection.execute(found)
        )


def agreed_text(store: Store, digest: str) -> str | None:
    """A text that somebody agreed to; None where nobody did.

    Raises:
        StoreError: the database cannot be read.
    """
    wanted = select(consent_texts.c.text).where(consent_texts.c.digest == digest)
    with store.database.read() as connection:
        text: str | None = connection.execute(wanted).scalar()
    return text


def _add(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Add a row where none has its key yet, whoever else may be adding it."""
    is_postgresql = connection.dialect.name == "postgresql"
    added = postgresql.insert(table) if is_postgresql else sqlite.insert(table)
    connection.execute(added.values(row).on_conflict_do_nothing())
