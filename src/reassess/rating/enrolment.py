"""People who enrol themselves by an address, how far they are, and what they hand in.

Whoever comes by a platform is known by the id that the platform gives them: the same id is the
same person, whose name in the votes tells nothing of it. A classroom's people choose their names.
`reassess.rating.recruiting` has the addresses.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, or_, select, update

from reassess.rating.database import AnyRow
from reassess.rating.people import check_name, person_named
from reassess.rating.people import rater as person
from reassess.rating.records import Channel, Rater
from reassess.rating.recruiting import open_row, refused
from reassess.rating.schema import enrolments, join_addresses, raters
from reassess.rating.schema import study as study_table
from reassess.rating.store import Store, moment, study_row
from reassess.registry import checks_choices

_PLATFORM_ID = re.compile(r"[A-Za-z0-9_.:-]{1,255}")
NO_ASSIGNMENT = "ASSIGNMENT_ID_NOT_AVAILABLE"
"""What MTurk sends instead of an assignment to whoever only looks."""


@checks_choices
@dataclass(frozen=True, slots=True)
class Enrolment:
    """That somebody came by an address.

    Attributes:
        rater: the person's number.
        name: their name in votes.
        channel: where they came from.
        platform_id: their id there; None for a classroom, and once they were erased.
        platform_study: the platform's id of its study or HIT; None where it sent none.
        platform_session: its id of the session or assignment; None where it sent none.
        joined_at: when they came first.
        completed_at: when they had done what they were asked; None before.
        completion_code: the code that they were given then; empty before, and where there is none.
    """

    rater: int
    name: str
    channel: Channel
    platform_id: str | None
    platform_study: str | None
    platform_session: str | None
    joined_at: datetime
    completed_at: datetime | None
    completion_code: str


@checks_choices
@dataclass(frozen=True, slots=True)
class Completion:
    """How far somebody who enrolled is with what they were asked.

    Attributes:
        channel: where they came from.
        is_complete: whether they have done it.
        n_left: tasks that they are still to answer; None where no number was set.
        code: what to hand in at the platform; empty before, and where there is none.
    """

    channel: Channel
    is_complete: bool
    n_left: int | None
    code: str


def enrol(
    store: Store, token: str, who: str, *, platform_study: str = "", platform_session: str = ""
) -> Rater:
    """Whom an address signs in: a new person, or the one whom the platform calls so.

    Args:
        store: the study.
        token: the address's secret.
        who: the id that the platform gives; in a classroom the name that somebody chooses.
        platform_study: the platform's id of its study or HIT.
        platform_session: its id of the session or assignment; in a classroom a random text of the
            form, so that one that is sent twice makes one person.

    Raises:
        EnrolmentError: they may not enrol; ``reason`` says why.
        DataError: a chosen name is empty, too long or holds control characters.
        StoreError: the database cannot be written.
    """

    def act(connection: Connection) -> int:
        # One at a time, so that an id that comes twice at once is one person, and none is beyond
        # the most that may come.
        connection.execute(select(study_table.c.id).with_for_update(key_share=True))
        address = open_row(connection, token, store.now())
        if address.channel == "classroom":
            return _of_classroom(store, connection, address, who, platform_session)
        sent = (platform_study, platform_session)
        return _of_platform(store, connection, address, who, sent)

    return person(store, store.database.write(act))


def completion(store: Store, rater: int, *, nothing_left: bool = False) -> Completion | None:
    """How far a person is with what they enrolled for; None where they were invited.

    Whoever has reached their goal (else the study's) or their last task is complete, and so are
    those who have answered some where nothing is left to answer. It is written down the first time.

    Args:
        store: the study.
        rater: the person's number.
        nothing_left: whether the study has no more tasks for them.

    Raises:
        RaterError: the rater is unknown.
        StoreError: the database cannot be read or written.
    """
    one = person(store, rater)
    if one.channel is None:
        return None
    with store.database.read() as connection:
        row = connection.execute(_latest_of(rater)).first()
        of_study = study_row(connection).settings.goal or None
    if row is None:  # erased, with their votes
        return None
    targets = (row.goal, row.most_tasks, of_study)
    target = next((one for one in targets if one is not None), None)
    n_left = None if target is None else max(0, target - row.n_screens)
    is_complete = n_left == 0 or (nothing_left and row.n_screens > row.from_task)
    code = row.completion_code
    if is_complete and row.completed_at is None:
        code = row.code_of_address if one.channel == "prolific" else ""
        code = secrets.token_hex(6).upper() if one.channel == "mturk" else code
        code = store.database.write(lambda c: _complete(c, row, code, store.now()))
    is_complete = is_complete or row.completed_at is not None
    return Completion(one.channel, is_complete, n_left, code)


def enrolments_of(store: Store) -> tuple[Enrolment, ...]:
    """Who came by which address, the earliest first; a person may have come by several.

    Raises:
        StoreError: the database cannot be read.
    """
    found = (
        select(enrolments, raters.c.name, join_addresses.c.channel)
        .join(raters, raters.c.id == enrolments.c.rater)
        .join(join_addresses, join_addresses.c.id == enrolments.c.address)
        .order_by(enrolments.c.joined_at, enrolments.c.rater)
    )
    with store.database.read() as connection:
        return tuple(
            Enrolment(
                row.rater, row.name, row.channel, row.platform_id, row.platform_study,
                row.platform_session, moment(row.joined_at),
                None if row.completed_at is None else moment(row.completed_at),
                row.completion_code,
            )
            for row in connection.execute(found)
        )  # fmt: skip


def is_platform_id(text: str) -> bool:
    """Whether a text can be what a platform calls somebody, and not a placeholder of it."""
    return _PLATFORM_ID.fullmatch(text) is not None and text != NO_ASSIGNMENT


def _of_platform(
    store: Store, connection: Connection, address: AnyRow, who: str, sent: tuple[str, str]
) -> int:
    """The number of whoever the platform calls so."""
    if not is_platform_id(who):
        raise refused("no-id")
    person_hash = _person_hash(connection, address.channel, who)
    found = connection.execute(
        select(enrolments.c.address, raters)
        .join(raters, raters.c.id == enrolments.c.rater)
        .where(enrolments.c.person_hash == person_hash)
    ).all()
    if found:
        one = found[0]
        if one.role != "rater" or one.paused_at is not None or one.removed_at is not None:
            raise refused("not-allowed")
        if any(row.address == address.id for row in found):
            return int(one.id)
    number = int(found[0].id) if found else None
    study, session = (text if is_platform_id(text) else None for text in sent)
    return _add(
        store, connection, address, person_hash, number,
        platform_id=who, platform_study=study, platform_session=session,
    )  # fmt: skip


def _person_hash(connection: Connection, channel: Channel, who: str) -> str:
    """What somebody is known by, of which nobody without the study's secret can make their id."""
    secret = study_row(connection).secret.encode()
    message = f"{channel}:{who}".encode(errors="replace")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def _of_classroom(
    store: Store, connection: Connection, address: AnyRow, name: str, form: str
) -> int:
    """The number of a new person of this name, or of the one whom this very form has made."""
    check_name(name)
    person_hash = _person_hash(connection, address.channel, form or secrets.token_hex(16))
    made = connection.execute(
        select(raters.c.id, raters.c.name, raters.c.paused_at, raters.c.removed_at)
        .join(enrolments, enrolments.c.rater == raters.c.id)
        .where(enrolments.c.address == address.id, enrolments.c.person_hash == person_hash)
    ).first()
    if made is not None and made.name == name:
        if made.paused_at is not None or made.removed_at is not None:
            raise refused("not-allowed")
        return int(made.id)
    if made is not None:  # the form was changed and sent again: somebody else
        person_hash = secrets.token_hex(32)
    lower = func.lower(raters.c.name) == name.lower()
    if connection.execute(select(raters.c.id).where(or_(lower, raters.c.name == name))).first():
        raise refused("taken")
    return _add(store, connection, address, person_hash, None, name=name)


def _add(
    store: Store, connection: Connection, address: AnyRow, person_hash: str, number: int | None,
    *, name: str | None = None, **ids: str | None,
) -> int:  # fmt: skip
    """The number of a person, who is made where new, enrolled by an address that has room."""
    taken = connection.execute(
        update(join_addresses)
        .where(
            join_addresses.c.id == address.id,
            join_addresses.c.n_people < join_addresses.c.most_people,
        )
        .values(n_people=join_addresses.c.n_people + 1)
    )
    if not taken.rowcount:
        raise refused("full")
    now = store.now()
    if number is None:
        name = name or f"{address.channel}-{secrets.token_hex(5)}"
        number = person_named(connection, name, "rater", now)
    n_done = connection.execute(
        select(raters.c.n_screens).where(raters.c.id == number)
    ).scalar_one()
    connection.execute(
        update(raters)
        .where(raters.c.id == number)
        .values(
            channel=address.channel,
            goal=None if address.goal is None else n_done + address.goal,
            most_tasks=None if address.most_tasks is None else n_done + address.most_tasks,
        )
    )
    connection.execute(
        insert(enrolments).values(
            address=address.id, person_hash=person_hash, rater=number, joined_at=now,
            from_task=n_done, **ids,
        )
    )  # fmt: skip
    return number


def _complete(connection: Connection, row: AnyRow, code: str, now: int) -> str:
    """The code that somebody was given; another process may have been first."""
    here = (enrolments.c.address == row.address, enrolments.c.person_hash == row.person_hash)
    connection.execute(
        update(enrolments)
        .where(*here, enrolments.c.completed_at.is_(None))
        .values(completed_at=now, completion_code=code)
    )
    kept: str = connection.execute(select(enrolments.c.completion_code).where(*here)).scalar_one()
    return kept


def _latest_of(rater: int) -> Select[Any]:
    return (
        select(
            enrolments, raters.c.n_screens, raters.c.goal, raters.c.most_tasks,
            join_addresses.c.completion_code.label("code_of_address"),
        )
        .join(raters, raters.c.id == enrolments.c.rater)
        .join(join_addresses, join_addresses.c.id == enrolments.c.address)
        .where(enrolments.c.rater == rater)
        .order_by(enrolments.c.joined_at.desc(), enrolments.c.address.desc())
        .limit(1)
    )  # fmt: skip
