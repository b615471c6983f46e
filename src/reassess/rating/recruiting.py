"""Addresses by which people enrol themselves: from Prolific, from MTurk, or as a classroom.

An address holds a secret, of which only the hash is stored; it takes so many people, until it is
closed or runs out. `reassess.rating.enrolment` has whoever comes by one, and
`reassess.rating.people` the invitations that an owner sends one by one.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from reassess.errors import OptionError
from reassess.rating.database import AnyRow
from reassess.rating.records import Channel, EnrolmentError, WhyNotEnrolled
from reassess.rating.schema import join_addresses
from reassess.rating.store import Store, log, moment
from reassess.registry import checks_choices

HANDLE_LENGTH = 12
MOST_PEOPLE = 100_000
LONGEST_CODE = 100
_MOST_TASKS = 1_000_000

_PROLIFIC = "&".join(
    f"{name}={{{{%{name}%}}}}" for name in ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")
)
_WHY: dict[WhyNotEnrolled, str] = {
    "unknown": "the address is unknown. Copy it whole, or ask the study's owner for it.",
    "over": "the address was closed or is out of date. Ask the study's owner for another one.",
    "full": "as many people have enrolled by this address as may.",
    "taken": "somebody has this name already. Choose another one.",
    "not-allowed": "this person was paused or removed, or is no rater. Ask the study's owner.",
    "no-id": "the platform did not send who enrols. Open the address from the platform.",
}


@checks_choices
@dataclass(frozen=True, slots=True)
class JoinAddress:
    """An address by which people enrol themselves.

    Attributes:
        handle: what names it; the address cannot be made from it.
        channel: where its people come from.
        created_at: when it was opened.
        expires_at: when it runs out.
        is_open: whether it is neither closed nor out of date; it may be full.
        n_people: how many have enrolled by it.
        most_people: how many may.
        goal: tasks that each is asked to answer, which their pages show; None leaves it to the
            study's settings.
        most_tasks: tasks that each may answer, practice included; None sets no limit.
    """

    handle: str
    channel: Channel
    created_at: datetime
    expires_at: datetime
    is_open: bool
    n_people: int
    most_people: int
    goal: int | None
    most_tasks: int | None


@checks_choices
def open_address(
    store: Store, channel: Channel, *, people: int, goal: int | None = None,
    most_tasks: int | None = None, completion_code: str = "", seconds: int = 14 * 86_400,
    by: int | None = None,
) -> str:  # fmt: skip
    """The secret of a new address by which people may enrol; it is not stored.

    Args:
        store: the study.
        channel: where they come from.
        people: how many may enrol.
        goal: tasks that each is asked to answer; None takes ``most_tasks``.
        most_tasks: tasks that each may answer, practice included; None sets no limit.
        completion_code: what Prolific gave as the study's code. MTurk's people each get another
            one, which is made for them.
        seconds: how long the address can be used.
        by: number of the owner who opens it; None from the command line.

    Raises:
        OptionError: a number is out of range, or Prolific's code is missing or no code.
        RaterError: whoever opens it may not act.
        StoreError: the database cannot be written.
    """
    for name, value, most in (
        ("people", people, MOST_PEOPLE), ("goal", goal, _MOST_TASKS),
        ("tasks", most_tasks, _MOST_TASKS), ("seconds", seconds, 366 * 86_400),
    ):  # fmt: skip
        if value is not None and not 1 <= value <= most:
            raise OptionError(f"{name} is {value:,}, but must lie between 1 and {most:,}.")
    if goal is not None and most_tasks is not None and goal > most_tasks:
        raise OptionError(
            f"goal is {goal:,}, but must be at most the {most_tasks:,} tasks of a person."
        )
    goal = most_tasks if goal is None else goal
    _check_code(channel, completion_code)
    token = secrets.token_urlsafe(32)

    def act(connection: Connection) -> str:
        now = store.now()
        connection.execute(
            insert(join_addresses).values(
                token_hash=_hash(token), channel=channel, created_at=now,
                expires_at=now + 1000 * seconds, most_people=people, goal=goal,
                most_tasks=most_tasks, completion_code=completion_code,
            )
        )  # fmt: skip
        detail = {"address": _hash(token)[:HANDLE_LENGTH], "channel": channel, "people": people}
        log(connection, now, by, "open address", detail)
        return token

    return store.database.write(act)


@checks_choices
def join_link(base: str, channel: Channel, token: str) -> str:
    """The address to give to a platform or a class.

    Args:
        base: the address at which people reach the site, without a slash at its end.
        channel: where they come from; Prolific puts in who comes, MTurk adds it by itself.
        token: the address's secret, as `open_address` gives it.
    """
    link = f"{base}/join/{token}"
    return f"{link}?{_PROLIFIC}" if channel == "prolific" else link


def join_addresses_of(store: Store) -> tuple[JoinAddress, ...]:
    """Every address, the newest first.

    Raises:
        StoreError: the database cannot be read.
    """
    found = select(join_addresses).order_by(join_addresses.c.id.desc())
    with store.database.read() as connection:
        return tuple(_record(row, store.now()) for row in connection.execute(found))


def address_of(store: Store, token: str) -> JoinAddress:
    """The address with a secret, as long as it is open.

    Raises:
        EnrolmentError: there is none, or it was closed or ran out.
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        return _record(open_row(connection, token, store.now()), store.now())


def close_address(store: Store, handle: str, *, by: int | None = None) -> None:
    """Let nobody come by an address any more; whoever is signed in stays so.

    Raises:
        OptionError: no address that was not closed has this handle.
        StoreError: the database cannot be written.
    """
    is_handle = len(handle) == HANDLE_LENGTH and re.fullmatch("[0-9a-f]+", handle) is not None

    def act(connection: Connection) -> bool:
        if not is_handle:
            return False
        done = connection.execute(
            update(join_addresses)
            .where(
                join_addresses.c.token_hash.startswith(handle),
                join_addresses.c.closed_at.is_(None),
            )
            .values(closed_at=store.now())
        )
        if done.rowcount:
            log(connection, store.now(), by, "close address", {"address": handle})
        return bool(done.rowcount)

    if not store.database.write(act):
        raise OptionError(
            f"address {handle!r} is not open: it was closed, or there is none. List the open ones."
        )


def _check_code(channel: Channel, code: str) -> None:
    if channel == "prolific" and not code:
        raise OptionError(
            "completion_code is missing, but must be the code of the study on Prolific. Copy it "
            "from there (Completion codes)."
        )
    if channel != "prolific" and code:
        raise OptionError(
            f"completion_code is {code!r}, but must be left out for {channel}: each person gets "
            "one of their own, or none."
        )
    if code and re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST_CODE}}}", code) is None:
        raise OptionError(
            f"completion_code is {code!r}, but must have 1 to {LONGEST_CODE} letters, digits, - "
            "and _. Copy the code alone, not the address."
        )


def open_row(connection: Connection, token: str, now: int) -> AnyRow:
    """The address with a secret, within a transaction.

    Raises:
        EnrolmentError: there is none, or it was closed or ran out.
    """
    wanted = select(join_addresses).where(join_addresses.c.token_hash == _hash(token))
    row = connection.execute(wanted).first()
    if row is None:
        raise refused("unknown")
    if row.closed_at is not None or row.expires_at <= now:
        raise refused("over")
    return row


def _record(row: AnyRow, now: int) -> JoinAddress:
    return JoinAddress(
        row.token_hash[:HANDLE_LENGTH], row.channel, moment(row.created_at),
        moment(row.expires_at), row.closed_at is None and row.expires_at > now, row.n_people,
        row.most_people, row.goal, row.most_tasks,
    )  # fmt: skip


@checks_choices
def refused(reason: WhyNotEnrolled) -> EnrolmentError:
    """The error that says why somebody may not enrol."""
    return EnrolmentError(reason, _WHY[reason])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
