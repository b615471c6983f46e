"""``reassess access``: who may come in to the rating site of a study, and how that ends."""

from typing import TYPE_CHECKING

import click

from reassess.cli.options import LiteralChoice
from reassess.cli.output import console, print_json
from reassess.cli.rating_options import database_option, need, opened
from reassess.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reassess.rating import Rater, Role, Store


def _role() -> object:
    need("sqlalchemy", "keeping votes")
    from reassess.rating import Role

    return Role


@click.command(
    epilog="""\b
Examples:
  reassess access my-study
  reassess access my-study --pause bob
  reassess access my-study --remove bob --reason "left the lab"
  reassess access my-study --role ann expert
  reassess access my-study --revoke 3f2a91bc04de
  reassess access my-study --end-session 9c41d07be2f3 --reason "a lost phone"
"""
)
@click.argument("study")
@click.option("--pause", metavar="NAME", help="Let NAME do nothing until resumed; still signed in.")
@click.option("--resume", metavar="NAME", help="Let NAME go on.")
@click.option("--end-sessions", metavar="NAME", help="Sign NAME out on every device.")
@click.option(
    "--end-session", metavar="SESSION", help="Sign out one device, by its handle in the list."
)
@click.option("--remove", metavar="NAME", help="End sessions, password and links; votes stay.")
@click.option(
    "--role",
    "new_role",
    type=(str, LiteralChoice(_role)),
    metavar="NAME ROLE",
    help="Give NAME another role, and sign them out.",
)
@click.option("--revoke", metavar="LINK", help="Revoke an open link, by its handle in the list.")
@click.option("--reason", default="", help="Reason, for the audit log.")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print people and open links as JSON.")
def access(
    study: str,
    pause: str | None,
    resume: str | None,
    end_sessions: str | None,
    end_session: str | None,
    remove: str | None,
    new_role: "tuple[str, Role] | None",
    revoke: str | None,
    reason: str,
    database: str | None,
    as_json: bool,
) -> None:
    """List the people of STUDY, their links and devices, after whatever the options end.

    What is done here stands in the audit log, as done from the command line. The last owner who
    may act cannot be paused, removed or given another role: invite another one first.
    """
    with opened(study, database) as (opened_study, store):
        from reassess import rating
        from reassess.site.departures import note_departures

        acts: list[tuple[str | None, Callable[[Rater], object]]] = [
            (pause, lambda one: rating.pause(store, one.number, reason=reason)),
            (resume, lambda one: rating.resume(store, one.number)),
            (end_sessions, lambda one: rating.end_sessions(store, one.number, reason=reason)),
            (remove, lambda one: rating.remove(store, one.number, reason=reason)),
        ]
        if new_role is not None:
            name, role = new_role
            acts.append((name, lambda one: rating.change_role(store, one.number, role)))
        for name, act in ((name, act) for name, act in acts if name is not None):
            act(_person(store, name))
        if revoke is not None:
            rating.revoke_invitation(store, revoke)
        if end_session is not None:
            rating.end_session(store, end_session, reason=reason)
        if any((pause, resume, remove, new_role)):
            note_departures(opened_study, store)
        people, links = rating.raters_of(store), rating.open_invitations(store)
        sessions = rating.open_sessions(store)
    if as_json:
        print_json({
            "people": [{"name": one.name, "role": one.role, "state": _state(one)}
                       for one in people],
            "links": [{"link": one.handle, "name": one.rater, "role": one.role,
                       "expires_at": one.expires_at.isoformat()} for one in links],
            "sessions": [{"session": one.handle, "name": one.rater, "device": one.device,
                          "started_at": one.started_at.isoformat()} for one in sessions],
        })  # fmt: skip
        return
    _print(people, [(one.handle, one.rater, one.role, f"{one.expires_at:%Y-%m-%d %H:%M}")
                    for one in links],
           [(one.handle, one.rater, one.device or "unknown", f"{one.started_at:%Y-%m-%d %H:%M}")
            for one in sessions])  # fmt: skip


def _person(store: "Store", name: str) -> "Rater":
    from reassess.rating import rater_named, raters_of
    from reassess.registry import near_names

    found = rater_named(store, name)
    if found is None:
        near = near_names(name, [one.name for one in raters_of(store)])
        raise OptionError(
            f"{name!r} is not one of the study's people."
            + (f" Did you mean {near}?" if near else " List them: reassess access STUDY")
        )
    return found


def _state(one: "Rater") -> str:
    if one.is_removed:
        return "removed"
    if one.is_paused:
        return "paused"
    return one.stage if one.role == "rater" else "active"


def _print(
    people: "tuple[Rater, ...]",
    links: list[tuple[str, str, str, str]],
    sessions: list[tuple[str, str, str, str]],
) -> None:
    from reassess.report.table import Column, Table, to_rich

    known = [(one.name, one.role, _state(one)) for one in people]
    for title, headings, rows in (
        (f"{len(people):,} people", ("name", "role", "state"), known),
        ("Open links", ("link", "for", "role", "until (UTC)"), links),
        ("Devices signed in", ("session", "of", "device", "since (UTC)"), sessions),
    ):
        if rows or rows is known:
            cells = zip(*rows, strict=True) if rows else [()] * len(headings)
            columns = [Column(one, one) for one in headings]
            pairs = zip(columns, cells, strict=True)
            console().print(to_rich(Table.from_columns("people", title, pairs)))
